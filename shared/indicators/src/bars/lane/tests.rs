//! The closing rules, case by case, and the laws of the fold.
//!
//! Bars are compared as text, `1m 09:30 10 12 9 11 v6 n3 trade gap missing=1`: interval, open time, the four prices, volume,
//! number of trades, what closed it, and its marks. Every expected line was written by hand from the trades above it.

mod closing;
mod fills;
mod folding;
mod gaps;
mod klines;
mod laws;
mod order;
mod sessions;
mod state;

use std::fmt::Write as _;

use tapeline_market::{Interval, Market, Side};

use super::*;

/// 2026-11-21T00:00:00Z.
const DAY_US: i64 = 1_795_219_200_000_000;
const SECOND_US: i64 = 1_000_000;

fn settings(market: Market, source: Source, intervals: &str) -> BarSettings {
    let intervals: Vec<Interval> = intervals.split(' ').map(|interval| interval.parse().unwrap()).collect();
    BarSettings::new(market, source, &intervals).unwrap()
}

/// Bars of single trades of the spot market.
fn spot(intervals: &str) -> BarSettings {
    settings(Market::Spot, Source::Trade, intervals)
}

fn decimal(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A time of 2026-11-21: `09:30`, `09:30:05` or `09:30:05.250000`.
fn at(text: &str) -> Timestamp {
    let (time, micros) = text.split_once('.').unwrap_or((text, "0"));
    let seconds = time.split(':').zip([3600, 60, 1]).map(|(part, unit)| part.parse::<i64>().unwrap() * unit);
    Timestamp::from_micros(DAY_US + seconds.sum::<i64>() * SECOND_US + micros.parse::<i64>().unwrap())
        .unwrap()
}

/// One execution; the taker bought.
fn execution(id: u64, time: Timestamp, price: Decimal, quantity: Decimal) -> Trade {
    Trade {
        first_id: id,
        last_id: id,
        last_trade_id: id,
        count: 1,
        price,
        quantity,
        quote_quantity: price.checked_mul(quantity),
        time,
        taker_side: Side::Buy,
    }
}

fn trade(id: u64, time: &str, price: &str, quantity: &str) -> Observation {
    Observation::Trade(execution(id, at(time), decimal(price), decimal(quantity)))
}

fn clock(time: &str) -> Observation {
    Observation::Clock(at(time))
}

/// An exchange's bar at one price, from its interval and open time (`1m 09:30`); it says no event time.
fn exchange_bar(bar: &str, trade_count: u64, price: &str) -> ExchangeBar {
    let (interval, open_time) = bar.split_once(' ').unwrap();
    let interval: Interval = interval.parse().unwrap();
    let (open_time, price) = (at(open_time), decimal(price));
    let close_us = open_time.micros() + interval.length_us().unwrap() - 1;
    let bar = Bar {
        interval,
        open_time,
        close_time: Timestamp::from_micros(close_us).unwrap(),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Decimal::new(trade_count.into(), 0).unwrap(),
        quote_volume: None,
        taker_buy_volume: Decimal::ZERO,
        trade_count,
    };
    ExchangeBar { bar, is_closed: true, last_trade_id: None, event_time: None }
}

/// A closed kline (`1m 09:30`) and the id of its last trade.
fn kline(bar: &str, last_trade_id: Option<u64>) -> Observation {
    Observation::Kline(ExchangeBar { last_trade_id, ..exchange_bar(bar, 1, "1") })
}

/// A lane and what came of its frames.
struct Run {
    settings: BarSettings,
    lane: Lane,
    folded: Folded,
}

impl Run {
    fn of(settings: &BarSettings, observations: &[Observation]) -> Self {
        let mut run =
            Self { settings: settings.clone(), lane: Lane::new(settings), folded: Folded::default() };
        run.go_on(observations);
        run
    }

    fn go_on(&mut self, observations: &[Observation]) {
        for observation in observations {
            self.lane.observe(&self.settings, observation, &mut self.folded);
        }
    }

    fn closed(&self) -> Vec<String> {
        self.folded.closed.iter().map(line).collect()
    }

    /// The open bars, as if a trade closed them.
    fn open(&self) -> Vec<String> {
        let open = self.lane.slots.iter().filter_map(|slot| slot.open);
        open.map(|open| line(&open.closed(ClosedBy::Trade)).replace(" trade", "")).collect()
    }
}

/// What is closed by these frames.
fn check(settings: &BarSettings, observations: &[Observation], closed: &[&str]) {
    assert_eq!(Run::of(settings, observations).closed(), closed);
}

/// What is open after these frames.
fn check_open(settings: &BarSettings, observations: &[Observation], open: &[&str]) {
    assert_eq!(Run::of(settings, observations).open(), open);
}

fn line(closed: &ClosedBar) -> String {
    let bar = &closed.bar;
    let time = bar.open_time.to_string();
    let time = time["2026-11-21T".len()..].trim_end_matches(".000000Z");
    let time = time.strip_suffix(":00").unwrap_or(time);
    let [open, high, low, close] = [bar.open, bar.high, bar.low, bar.close];
    let mut line = format!("{} {time} {open} {high} {low} {close} v{}", bar.interval, bar.volume);
    write!(line, " n{} {}", bar.trade_count, closed.closed_by.as_str()).unwrap();
    for (is_set, mark) in [(closed.gap, " gap"), (closed.partial, " partial"), (closed.filled, " filled")] {
        line.push_str(if is_set { mark } else { "" });
    }
    if closed.missing > 0 {
        write!(line, " missing={}", closed.missing).unwrap();
    }
    line
}
