//! Bars of one interval into bars of a longer one, exactly.
//!
//! A bucket is closed when its last bar is there. Where the files begin or end in the middle of a bucket, that bucket is
//! left out: a bar of a part of its time would say something that did not happen. Bars that are missing between others
//! are a gap: what is there of their bucket is a bar with a gap, as the calculator makes one where trades are missing.

use tapeline_indicators::{BarSettings, ClosedBar, ClosedBy, Fill, Source};
use tapeline_market::{Bar, Decimal, Interval, Timestamp};

use super::archive::Layout;

/// The most intervals without a line that are taken to be without a trade, where that is what no line means: a day of
/// minutes, as the calculator fills at most. A longer silence is an outage.
const QUIET_MAX: i64 = 1440;

/// Makes the bars of one interval.
#[derive(Debug)]
pub(super) struct RollUp {
    interval: Interval,
    length_us: i64,
    source_us: i64,
    /// Whether a bucket without a trade is a bar.
    keeps_empty: bool,
    last: Option<Bar>,
    /// The beginning of the first bucket that is there as a whole; `None` before the first bar.
    whole_from: Option<Timestamp>,
    closed_until: Option<Timestamp>,
    bucket: Option<Bucket>,
    /// What was missing in buckets that gave no bar.
    carried: u64,
}

/// A bucket that is being filled.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    bar: Bar,
    is_traded: bool,
    missing: u64,
}

impl RollUp {
    /// Makes bars of `interval` out of those of `source`, which is not longer and divides it.
    pub(super) fn new(settings: &BarSettings, source: Interval, interval: Interval) -> Self {
        Self {
            interval,
            length_us: length_us(interval),
            source_us: length_us(source),
            // As the calculator does: where it makes bars of trades, it fills only when told to.
            keeps_empty: settings.fill == Fill::Flat || settings.source() == Source::Kline,
            last: None,
            whole_from: None,
            closed_until: None,
            bucket: None,
            carried: 0,
        }
    }

    /// The end of the last bucket that was closed.
    pub(super) const fn closed_until(&self) -> Option<Timestamp> {
        self.closed_until
    }

    /// Takes the next bar, which begins where the last one ended or later, and appends what is closed by it: at most a
    /// bucket that lacks its end and one more, and those of the quiet time before.
    pub(super) fn push(&mut self, bar: &Bar, layout: Layout, closed: &mut Vec<ClosedBar>) {
        match self.last {
            None => self.whole_from = Some(self.first_whole(bar.open_time)),
            Some(last) if layout == Layout::Short => self.pass_quiet_time(&last, bar.open_time, closed),
            Some(_) => {}
        }
        self.take(bar, closed);
    }

    /// The beginning of the first bucket that does not begin before `time`.
    fn first_whole(&self, time: Timestamp) -> Timestamp {
        let begun = self.floor(time);
        if begun == time { time } else { later(begun, self.length_us) }
    }

    fn pass_quiet_time(&mut self, last: &Bar, until: Timestamp, closed: &mut Vec<ClosedBar>) {
        let mut next = later(last.open_time, self.source_us);
        if (until.micros() - next.micros()) / self.source_us > QUIET_MAX {
            return;
        }
        while next < until {
            self.take(&quiet(last, next, self.source_us), closed);
            next = later(next, self.source_us);
        }
    }

    fn take(&mut self, bar: &Bar, closed: &mut Vec<ClosedBar>) {
        let next = self.last.replace(*bar).map(|last| later(last.open_time, self.source_us));
        let whole_from = self.whole_from.unwrap_or(bar.open_time);
        if bar.open_time < whole_from {
            return;
        }
        let expected = next.map_or(whole_from, |next| next.max(whole_from));
        let begins = self.floor(bar.open_time);
        let mut from = expected;
        if let Some(bucket) = self.bucket.take_if(|bucket| bucket.bar.open_time < begins) {
            // The rest of it is missing.
            from = later(bucket.bar.open_time, self.length_us);
            let rest = self.count(expected, from);
            self.close(&Bucket { missing: bucket.missing + rest, ..bucket }, closed);
        }
        let missing = self.count(from, bar.open_time);
        let carried = &mut self.carried;
        let (interval, end) = (self.interval, later(begins, self.length_us));
        let bucket = self.bucket.get_or_insert_with(|| Bucket {
            bar: empty(interval, begins, end, bar),
            is_traded: false,
            missing: std::mem::take(carried),
        });
        bucket.missing += missing;
        bucket.fold(bar);
        if later(bar.open_time, self.source_us) >= end
            && let Some(bucket) = self.bucket.take()
        {
            self.close(&bucket, closed);
        }
    }

    fn close(&mut self, bucket: &Bucket, closed: &mut Vec<ClosedBar>) {
        let Bucket { bar, is_traded, missing } = *bucket;
        self.closed_until = Some(later(bar.open_time, self.length_us));
        if !is_traded && !self.keeps_empty {
            self.carried += missing;
            return;
        }
        closed.push(ClosedBar {
            bar,
            missing,
            gap: missing > 0,
            partial: false,
            filled: !is_traded,
            closed_by: ClosedBy::Kline,
        });
    }

    fn floor(&self, time: Timestamp) -> Timestamp {
        // Not before the epoch, as `time` is not: the fallback is never taken.
        Timestamp::from_micros(time.micros() - time.micros() % self.length_us).unwrap_or(time)
    }

    /// How many bars of the source lie between two beginnings.
    fn count(&self, from: Timestamp, to: Timestamp) -> u64 {
        u64::try_from((to.micros() - from.micros()) / self.source_us).unwrap_or(0)
    }
}

impl Bucket {
    fn fold(&mut self, more: &Bar) {
        let bar = &mut self.bar;
        if is_empty(more) {
            // The price of an interval without a trade is the one before, and no trade of this bucket.
            return;
        }
        if !self.is_traded {
            let Bar { interval, open_time, close_time, .. } = *bar;
            (*bar, self.is_traded) = (Bar { interval, open_time, close_time, ..*more }, true);
            return;
        }
        bar.high = bar.high.max(more.high);
        bar.low = bar.low.min(more.low);
        bar.close = more.close;
        bar.volume = sum(bar.volume, more.volume);
        bar.taker_buy_volume = sum(bar.taker_buy_volume, more.taker_buy_volume);
        bar.quote_volume = bar.quote_volume.zip(more.quote_volume).map(|(total, more)| sum(total, more));
        bar.trade_count = bar.trade_count.saturating_add(more.trade_count);
    }
}

/// Whether nothing was traded. The short layout does not count trades.
fn is_empty(bar: &Bar) -> bool {
    bar.trade_count == 0 && bar.volume.mantissa() == 0
}

/// A bucket before anything was traded in it: at the price before.
fn empty(interval: Interval, open_time: Timestamp, end: Timestamp, first: &Bar) -> Bar {
    let close_time = Timestamp::from_micros(end.micros() - 1).unwrap_or(open_time);
    let price = first.open;
    Bar {
        interval,
        open_time,
        close_time,
        open: price,
        high: price,
        low: price,
        close: price,
        volume: Decimal::ZERO,
        quote_volume: first.quote_volume.map(|_| Decimal::ZERO),
        taker_buy_volume: Decimal::ZERO,
        trade_count: 0,
    }
}

/// The bar of an interval without a trade.
fn quiet(last: &Bar, open_time: Timestamp, length_us: i64) -> Bar {
    let at_close = Bar { open: last.close, ..*last };
    empty(last.interval, open_time, later(open_time, length_us), &at_close)
}

/// The sum; past 38 digits, more than the supply of any coin has, it stays what it was.
fn sum(total: Decimal, more: Decimal) -> Decimal {
    total.checked_add(more).unwrap_or(total)
}

/// Past the year 9999 there is no bucket to open any more.
fn later(time: Timestamp, micros: i64) -> Timestamp {
    Timestamp::from_micros(time.micros().saturating_add(micros)).unwrap_or(time)
}

/// Intervals of bars are at most a day long: see `BarSettings`.
fn length_us(interval: Interval) -> i64 {
    interval.length_us().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use tapeline_market::Market;

    use super::*;

    /// 2019-10-11T00:00:00Z.
    const DAY_US: i64 = 1_570_752_000_000_000;
    const MINUTE_US: i64 = 60_000_000;

    fn time(minute: i64) -> Timestamp {
        Timestamp::from_micros(DAY_US + minute * MINUTE_US).unwrap()
    }

    fn decimal(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    /// A minute that opens at 10 and closes at `close`; without trades where `volume` is 0.
    fn minute(at: i64, close: &str, volume: &str) -> Bar {
        let (open, close, volume) = (decimal("10"), decimal(close), decimal(volume));
        Bar {
            interval: Interval::Minute1,
            open_time: time(at),
            close_time: Timestamp::from_micros(time(at + 1).micros() - 1).unwrap(),
            open,
            high: open.max(close),
            low: open.min(close),
            close,
            volume,
            quote_volume: Some(volume),
            taker_buy_volume: volume,
            trade_count: volume.mantissa().unsigned_abs().try_into().unwrap(),
        }
    }

    fn rolled(bars: &[Bar], fill: Fill, layout: Layout) -> (Vec<ClosedBar>, RollUp) {
        let mut settings = BarSettings::new(Market::Spot, Source::Trade, &[Interval::Minute5]).unwrap();
        settings.fill = fill;
        let mut roll_up = RollUp::new(&settings, Interval::Minute1, Interval::Minute5);
        let mut closed = Vec::new();
        for bar in bars {
            roll_up.push(bar, layout, &mut closed);
        }
        (closed, roll_up)
    }

    /// Rolls minutes up to five of them; expects the minute at which each bar opens, and what is missing.
    fn check(minutes: &[i64], layout: Layout, expected: &[(i64, u64)]) {
        let bars: Vec<_> = minutes.iter().map(|&at| minute(at, "11", "1")).collect();
        let (closed, _) = rolled(&bars, Fill::None, layout);
        let found: Vec<_> = closed.iter().map(|closed| (closed.bar.open_time, closed.missing)).collect();
        assert_eq!(found, expected.iter().map(|&(at, missing)| (time(at), missing)).collect::<Vec<_>>());
        assert!(closed.iter().all(|closed| closed.gap == (closed.missing > 0) && !closed.partial));
    }

    #[test]
    fn five_minutes_are_one_bar() {
        let minutes = [("11", "1"), ("9.5", "0.25"), ("12.25", "2"), ("10", "0"), ("10.75", "1.5")];
        let bars: Vec<_> =
            minutes.iter().zip(0..).map(|(&(close, volume), at)| minute(at, close, volume)).collect();
        let (closed, roll_up) = rolled(&bars, Fill::None, Layout::Archive);
        let bar = closed[0].bar;
        assert_eq!((closed.len(), bar.interval), (1, Interval::Minute5));
        assert_eq!((bar.open_time, bar.close_time.micros()), (time(0), time(5).micros() - 1));
        assert_eq!(
            [bar.open, bar.high, bar.low, bar.close].map(|price| price.to_string()),
            ["10", "12.25", "9.5", "10.75"]
        );
        assert_eq!((bar.volume, bar.taker_buy_volume), (decimal("4.75"), decimal("4.75")));
        assert_eq!(bar.quote_volume, Some(decimal("4.75")));
        assert_eq!(roll_up.closed_until(), Some(time(5)));
    }

    #[test]
    fn buckets_that_are_not_there_as_a_whole_are_left_out() {
        check(&[2, 3, 4, 5, 6, 7, 8, 9, 10, 11], Layout::Archive, &[(5, 0)]);
        check(&[3, 4, 5], Layout::Archive, &[]);
    }

    #[test]
    fn a_hole_is_a_gap() {
        check(&[0, 1, 3, 4], Layout::Archive, &[(0, 1)]);
        // Minutes 3 and 4 of the first bucket, and the first of the one after the next.
        check(&[0, 1, 2, 11, 12, 13, 14], Layout::Archive, &[(0, 2), (10, 6)]);
        check(&[0, 1, 2, 3, 4, 10, 11, 12, 13, 14], Layout::Archive, &[(0, 0), (10, 5)]);
    }

    #[test]
    fn a_hole_before_the_first_whole_bucket_is_none() {
        check(&[1, 3, 5, 6, 7, 8, 9], Layout::Archive, &[(5, 0)]);
        check(&[1, 6, 7, 8, 9], Layout::Archive, &[(5, 1)]);
    }

    #[test]
    fn minutes_that_the_short_layout_lacks_are_quiet() {
        check(&[0, 1, 3, 9, 10, 14], Layout::Short, &[(0, 0), (5, 0), (10, 0)]);
        // More than a day of them is an outage.
        check(&[0, 1, 2, 3, 4, 1445, 1449], Layout::Short, &[(0, 0), (1445, 0)]);
        check(&[0, 1, 2, 3, 4, 1450, 1454], Layout::Short, &[(0, 0), (1450, 1445)]);
    }

    #[test]
    fn prices_of_minutes_without_a_trade_are_no_prices() {
        let mut bars: Vec<_> = (0..5).map(|at| minute(at, "11", "1")).collect();
        bars[0] = Bar { open: decimal("99"), high: decimal("99"), ..minute(0, "99", "0") };
        let (closed, _) = rolled(&bars, Fill::None, Layout::Archive);
        assert_eq!((closed[0].bar.open, closed[0].bar.high), (decimal("10"), decimal("11")));
    }

    #[test]
    fn five_minutes_without_a_trade_are_a_bar_only_where_that_is_asked_for() {
        let bars: Vec<_> = (0..10).map(|at| minute(at, "10", if at < 5 { "1" } else { "0" })).collect();
        let (closed, roll_up) = rolled(&bars, Fill::None, Layout::Archive);
        assert_eq!((closed.len(), roll_up.closed_until()), (1, Some(time(10))));
        let (closed, _) = rolled(&bars, Fill::Flat, Layout::Archive);
        assert_eq!(closed.len(), 2);
        assert_eq!((closed[1].filled, closed[1].bar.volume), (true, Decimal::ZERO));
        assert_eq!(closed[1].bar.close, decimal("10"));
    }

    #[test]
    fn a_gap_of_a_bucket_without_a_trade_is_the_next_ones() {
        let bars: Vec<_> = [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14]
            .map(|at| minute(at, "10", if (5..10).contains(&at) { "0" } else { "1" }))
            .into();
        let (closed, _) = rolled(&bars, Fill::None, Layout::Archive);
        let found: Vec<_> = closed.iter().map(|closed| (closed.bar.open_time, closed.missing)).collect();
        assert_eq!(found, [(time(0), 0), (time(10), 1)]);
    }
}
