//! What the indicators' tests share: series of bars, their oracles, and TA-Lib.

use proptest::prelude::*;
use ta_lib::{Core, OutRange, RetCode};
use tapeline_market::{Bar, Decimal, Interval, Timestamp};

use crate::bars::{ClosedBar, ClosedBy};
use crate::registry::{DEFINITIONS, Definition};
use crate::{Plan, Series};

/// One bar as an oracle reads it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct TestBar {
    pub(crate) open_time_us: i64,
    pub(crate) high: f64,
    pub(crate) low: f64,
    pub(crate) close: f64,
    /// High + low + close in whole ticks.
    pub(crate) typical_ticks: i128,
    pub(crate) volume: f64,
    pub(crate) quote_volume: f64,
    pub(crate) taker_buy_volume: f64,
}

/// The same bars by column, as TA-Lib reads them.
#[derive(Debug, Clone)]
pub(crate) struct Columns {
    pub(crate) high: Vec<f64>,
    pub(crate) low: Vec<f64>,
    pub(crate) close: Vec<f64>,
    pub(crate) volume: Vec<f64>,
    /// Index of the last bar.
    pub(crate) last: usize,
}

/// The values of each output at each bar, from the numbers and all bars, computed in the plainest way.
pub(crate) type Oracle = fn(&[f64], &[TestBar]) -> Vec<Vec<Option<f64>>>;
/// The same from TA-Lib.
pub(crate) type TaLib = fn(&Core, &[f64], &Columns) -> Vec<Vec<Option<f64>>>;

/// One output of a TA-Lib call, moved to the bars it belongs to.
pub(crate) fn one(
    columns: &Columns,
    call: impl FnOnce(&mut [f64]) -> Result<OutRange, RetCode>,
) -> Vec<Vec<Option<f64>>> {
    several(columns, |[out]: &mut [Vec<f64>; 1]| call(out))
}

/// Several outputs of a TA-Lib call, moved to the bars they belong to.
pub(crate) fn several<const N: usize>(
    columns: &Columns,
    call: impl FnOnce(&mut [Vec<f64>; N]) -> Result<OutRange, RetCode>,
) -> Vec<Vec<Option<f64>>> {
    let bars = columns.last + 1;
    let mut outs: [Vec<f64>; N] = std::array::from_fn(|_| vec![0.0; bars]);
    let range = call(&mut outs).unwrap();
    let place = |out: &Vec<f64>| {
        let value =
            |bar: usize| bar.checked_sub(range.beg_idx).filter(|at| *at < range.count).map(|at| out[at]);
        (0..bars).map(value).collect()
    };
    outs.iter().map(place).collect()
}

/// Outputs of a TA-Lib function of a window, asked for each bar alone.
///
/// TA-Lib adds to running sums and takes away from them, so that after an outlier the digits that it pushed out are
/// missing. Asked for one bar, it sums that bar's window and nothing else.
pub(crate) fn each_bar<const N: usize>(
    columns: &Columns,
    call: impl Fn(usize, &mut [Vec<f64>; N]) -> Result<OutRange, RetCode>,
) -> Vec<Vec<Option<f64>>> {
    by_bar(columns.last + 1, |bar| {
        let mut outs: [Vec<f64>; N] = std::array::from_fn(|_| vec![0.0]);
        (call(bar, &mut outs).unwrap().count == 1).then(|| outs.map(|out| out[0]))
    })
}

/// Columns of what `values` gives at each bar.
pub(crate) fn by_bar<const N: usize>(
    bars: usize,
    values: impl Fn(usize) -> Option<[f64; N]>,
) -> Vec<Vec<Option<f64>>> {
    let rows: Vec<_> = (0..bars).map(values).collect();
    (0..N).map(|output| rows.iter().map(|row| row.map(|row| row[output])).collect()).collect()
}

/// The `count` bars up to the one at `newest`.
pub(crate) fn last_bars(bars: &[TestBar], newest: usize, count: usize) -> Option<&[TestBar]> {
    bars.get((newest + 1).checked_sub(count)?..=newest)
}

/// The highest high and the lowest low.
pub(crate) fn extremes(bars: &[TestBar]) -> (f64, f64) {
    let highest = bars.iter().map(|bar| bar.high).max_by(f64::total_cmp).unwrap();
    let lowest = bars.iter().map(|bar| bar.low).min_by(f64::total_cmp).unwrap();
    (highest, lowest)
}

/// From each close to the next; nothing at the first bar.
pub(crate) fn changes(bars: &[TestBar]) -> Vec<Option<f64>> {
    let change = |t: usize| Some(bars[t].close - bars[t.checked_sub(1)?].close);
    (0..bars.len()).map(change).collect()
}

/// The recursive average of what is known, each one from the whole history: the mean of the first n, and from there
/// on `(1 - k) * average + k * value`.
pub(crate) fn averages(values: &[Option<f64>], n: usize, k: f64) -> Vec<Option<f64>> {
    let unknown = values.iter().take_while(|value| value.is_none()).count();
    let known: Vec<_> = values[unknown..].iter().map(|value| value.unwrap()).collect();
    let average = |t: usize| {
        let behind_seed = (t + 1).checked_sub(unknown + n)?;
        let seed = known[..n].iter().sum::<f64>() / n as f64;
        Some(known[n..n + behind_seed].iter().fold(seed, |average, value| (1.0 - k) * average + k * value))
    };
    (0..values.len()).map(average).collect()
}

/// Bars from integers: prices in ticks of `10^-price_scale`, volumes in ticks of `10^-volume_scale`.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) name: &'static str,
    pub(crate) bars: Vec<ClosedBar>,
}

pub(crate) fn decimal(ticks: i128, scale: u8) -> Decimal {
    Decimal::new(ticks, scale).unwrap()
}

/// A bar of the `at`-th minute of 2026.
pub(crate) fn minute(
    at: usize,
    prices: [Decimal; 4],
    volume: Decimal,
    taker_buy_volume: Decimal,
) -> ClosedBar {
    const YEAR_2026_US: i64 = 1_767_225_600_000_000;
    let [open, high, low, close] = prices;
    let open_us = YEAR_2026_US + i64::try_from(at).unwrap() * 60_000_000;
    let bar = Bar {
        interval: Interval::Minute1,
        open_time: Timestamp::from_micros(open_us).unwrap(),
        close_time: Timestamp::from_micros(open_us + 59_999_999).unwrap(),
        open,
        high,
        low,
        close,
        volume,
        quote_volume: close.checked_mul(volume),
        taker_buy_volume,
        trade_count: 1,
    };
    let bar = bar.checked().unwrap();
    ClosedBar { bar, missing: 0, gap: false, partial: false, filled: false, closed_by: ClosedBy::Trade }
}

/// Where a walk begins, how far it goes in a bar, and after how many bars it stands still for a while; in ticks.
#[derive(Debug, Clone, Copy)]
struct Walk {
    start: i128,
    step: i128,
    flat_every: usize,
}

/// A walk of closes with highs and lows around it; every number comes from a small linear congruential generator
/// (Knuth, "MMIX"), so sessions never change.
fn walk(name: &'static str, bars: usize, Walk { start, step, flat_every }: Walk) -> Session {
    let (price_scale, volume_scale) = if start > 1_000_000 { (2, 5) } else { (8, 0) };
    let mut dice = start.unsigned_abs() as u64;
    let mut roll = |below: i128| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i128::from(dice >> 33) % below.max(1)
    };
    let mut close = start;
    let bars = (0..bars).map(|at| {
        let open = close;
        let is_flat = flat_every > 0 && at % flat_every < flat_every / 3;
        if !is_flat {
            close = (close + roll(2 * step + 1) - step).max(step);
        }
        let (up, down) = if is_flat { (0, 0) } else { (roll(step), roll(step)) };
        let prices = [open, open.max(close) + up, (open.min(close) - down).max(1), close];
        let volume = if is_flat && roll(2) == 0 { 0 } else { 1 + roll(500_000_000) };
        let [open, high, low, close] = prices.map(|ticks| decimal(ticks, price_scale));
        minute(
            at,
            [open, high, low, close],
            decimal(volume, volume_scale),
            decimal(volume * roll(101) / 100, volume_scale),
        )
    });
    Session { name, bars: bars.collect() }
}

/// The four sets that every indicator is held to.
pub(crate) fn sessions() -> Vec<Session> {
    let mut outlier =
        walk("one outlier volume", 1500, Walk { start: 250_000_000, step: 40_000, flat_every: 0 });
    outlier.bars[700].bar.volume = decimal(1_000_000_000_000, 0);
    outlier.bars[700].bar.taker_buy_volume = decimal(400_000_000_000, 0);
    let made = [
        walk("a 65,000-price coin", 2000, Walk { start: 6_500_000, step: 4000, flat_every: 0 }),
        walk("a 1e-5 coin with flat bars", 2000, Walk { start: 1000, step: 6, flat_every: 30 }),
        outlier,
    ];
    made.into_iter().chain(real()).collect()
}

/// Bars of a real market: one day of XRPETH on the spot market, as the exchange published them. The file is not part of
/// the project; the set is left out where it does not lie beside the checkout.
#[allow(clippy::disallowed_methods, reason = "tests may read files")]
fn real() -> Option<Session> {
    let path =
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data/xrpeth-spot-1m-klines-2019-10-11.csv");
    let text = std::fs::read_to_string(path).ok()?;
    let bars = text.lines().skip(1).enumerate().map(|(at, line)| {
        let numbers: Vec<_> = line.split(',').skip(1).map(|word| word.parse::<Decimal>().unwrap()).collect();
        minute(at, [numbers[0], numbers[1], numbers[2], numbers[3]], numbers[4], decimal(0, 0))
    });
    Some(Session { name: "real bars", bars: bars.collect() })
}

impl Session {
    pub(crate) fn test_bars(&self) -> Vec<TestBar> {
        self.bars.iter().map(|closed| test_bar(&closed.bar)).collect()
    }

    pub(crate) fn columns(&self) -> Columns {
        let column =
            |of: fn(&Bar) -> Decimal| self.bars.iter().map(|closed| of(&closed.bar).to_f64()).collect();
        Columns {
            high: column(|bar| bar.high),
            low: column(|bar| bar.low),
            close: column(|bar| bar.close),
            volume: column(|bar| bar.volume),
            last: self.bars.len() - 1,
        }
    }
}

fn test_bar(bar: &Bar) -> TestBar {
    let ticks = |price: Decimal| price.mantissa_at(18).unwrap();
    TestBar {
        open_time_us: bar.open_time.micros(),
        high: bar.high.to_f64(),
        low: bar.low.to_f64(),
        close: bar.close.to_f64(),
        typical_ticks: ticks(bar.high) + ticks(bar.low) + ticks(bar.close),
        volume: bar.volume.to_f64(),
        quote_volume: bar.quote_volume.unwrap().to_f64(),
        taker_buy_volume: bar.taker_buy_volume.to_f64(),
    }
}

/// What a series of this plan gives, by output and bar; saved and restored before every `restart_every`-th bar.
pub(crate) fn values(plan: &str, bars: &[ClosedBar], restart_every: usize) -> Vec<Vec<Option<f64>>> {
    let plan: Plan = plan.parse().unwrap();
    let mut series = Series::new(&plan);
    let (mut row, mut columns) = (Vec::new(), vec![Vec::new(); plan.columns().len()]);
    for (at, bar) in bars.iter().enumerate() {
        if restart_every > 0 && at % restart_every == 0 {
            let state = series.save();
            series = Series::restore(&state, &plan).unwrap();
            assert_eq!(series.save(), state, "restored and saved again at bar {at}");
        }
        series.advance(bar, &plan, &mut row).unwrap();
        columns.iter_mut().zip(&row).for_each(|(column, value)| column.push(*value));
    }
    columns
}

/// The text of an indicator with these numbers.
pub(crate) fn text(definition: &Definition, parameters: &[f64]) -> String {
    let numbers: Vec<_> = parameters.iter().map(ToString::to_string).collect();
    format!("{}({})", definition.name, numbers.join(","))
}

/// Asserts that values have the same first index and agree within `1e-9 * max(|a|, |b|, scale)`, where `scale` is the
/// median magnitude of what the output should be: a value that happens to lie near zero is held to the digits that its
/// neighbours are held to.
pub(crate) fn assert_agree(what: &str, ours: &[Vec<Option<f64>>], theirs: &[Vec<Option<f64>>]) {
    assert_eq!(ours.len(), theirs.len(), "{what}: outputs");
    for (output, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        let scale = median_magnitude(theirs);
        for (bar, (a, b)) in ours.iter().zip(theirs).enumerate() {
            let agree = match (a, b) {
                (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(scale),
                _ => a.is_none() && b.is_none(),
            };
            assert!(agree, "{what}, output {output}, bar {bar}: ours {a:?}, theirs {b:?}");
        }
    }
}

fn median_magnitude(values: &[Option<f64>]) -> f64 {
    let mut magnitudes: Vec<_> = values.iter().flatten().map(|value| value.abs()).collect();
    magnitudes.sort_by(f64::total_cmp);
    magnitudes.get(magnitudes.len() / 2).copied().unwrap_or_default()
}

/// Holds an indicator to an example: see [`closes`].
pub(crate) fn check(plan: &str, prices: &[f64], expected: &[&[Option<f64>]]) {
    check_bars(plan, &closes(prices), expected);
}

/// Bars whose open, high and low are their close and whose volume is 1.
pub(crate) fn closes(prices: &[f64]) -> Vec<ClosedBar> {
    let bar = |(at, price): (usize, &f64)| {
        let price: Decimal = price.to_string().parse().unwrap();
        minute(at, [price; 4], decimal(1, 0), decimal(0, 0))
    };
    prices.iter().enumerate().map(bar).collect()
}

/// Holds an indicator to an example of whole bars.
pub(crate) fn check_bars(plan: &str, bars: &[ClosedBar], expected: &[&[Option<f64>]]) {
    let expected: Vec<Vec<_>> = expected.iter().map(|column| column.to_vec()).collect();
    assert_agree(plan, &values(plan, bars, 0), &expected);
}

/// A bar of an example: the minute, high, low, close, volume.
pub(crate) fn example_bar(at: usize, [high, low, close, volume]: [f64; 4]) -> ClosedBar {
    let [high, low, close, volume] =
        [high, low, close, volume].map(|number| number.to_string().parse::<Decimal>().unwrap());
    minute(at, [close, high, low, close], volume, decimal(0, 0))
}

/// A bar of an example about takers: the minute, the volume, and how much of it takers bought.
pub(crate) fn taker_bar(at: usize, volume: i128, taker_buy_volume: i128) -> ClosedBar {
    minute(at, [decimal(1, 0); 4], decimal(volume, 0), decimal(taker_buy_volume, 0))
}

fn defaults(definition: &Definition) -> Vec<f64> {
    definition.parameters.iter().map(|parameter| parameter.default).collect()
}

/// Holds an indicator with its defaults to TA-Lib.
pub(crate) fn check_ta_lib(name: &str, session: &Session, ta_lib: TaLib) {
    let definition = DEFINITIONS.iter().find(|definition| definition.name == name).unwrap();
    let parameters = defaults(definition);
    let text = text(definition, &parameters);
    let theirs = ta_lib(&Core::new(), &parameters, &session.columns());
    let what = format!("{text} on {}", session.name);
    assert_agree(&what, &values(&text, &session.bars, 0), &theirs);
}

#[test]
fn every_indicator_agrees_with_ta_lib() {
    for session in sessions() {
        for definition in DEFINITIONS {
            if let Some(ta_lib) = definition.ta_lib {
                check_ta_lib(definition.name, &session, ta_lib);
            }
        }
    }
}

#[test]
fn every_indicator_agrees_with_its_formula() {
    for session in sessions() {
        let bars = session.test_bars();
        for definition in DEFINITIONS {
            let parameters = defaults(definition);
            let text = text(definition, &parameters);
            let expected = (definition.oracle)(&parameters, &bars);
            let what = format!("{text} on {}", session.name);
            assert_agree(&what, &values(&text, &session.bars, 0), &expected);
        }
    }
}

#[test]
fn saving_and_restoring_at_every_bar_changes_no_bit() {
    for session in sessions() {
        for definition in DEFINITIONS {
            let text = text(definition, &defaults(definition));
            let bits = |values: Vec<Vec<Option<f64>>>| {
                values.concat().into_iter().map(|value| value.map(f64::to_bits)).collect::<Vec<_>>()
            };
            let bars = &session.bars[..400];
            assert_eq!(
                bits(values(&text, bars, 0)),
                bits(values(&text, bars, 1)),
                "{text} on {}",
                session.name
            );
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Any numbers within their ranges, so that no window is read past the ring's depth and no formula only holds for
    /// its defaults.
    #[test]
    fn any_numbers_agree_with_the_formula_and_ta_lib(at in 0..DEFINITIONS.len(), dice in prop::collection::vec(0.0..1.0_f64, 4)) {
        let definition = &DEFINITIONS[at];
        let number = |(parameter, dice): (&crate::Parameter, &f64)| {
            let number = parameter.min + dice * ((parameter.default * 2.0).min(parameter.max) - parameter.min).max(0.0);
            if parameter.is_whole { number.round() } else { (number * 1000.0).round() / 1000.0 }
        };
        let parameters: Vec<_> = definition.parameters.iter().zip(&dice).map(number).collect();
        let text = text(definition, &parameters);
        let Ok(_) = text.parse::<Plan>() else { return Ok(()) };
        let mut session = walk("a walk", 300, Walk { start: 6_500_000, step: 4000, flat_every: 0 });
        session.bars.truncate(250);
        let expected = (definition.oracle)(&parameters, &session.test_bars());
        let ours = values(&text, &session.bars, 7);
        assert_agree(&text, &ours, &expected);
        if let Some(ta_lib) = definition.ta_lib {
            assert_agree(&text, &ours, &ta_lib(&Core::new(), &parameters, &session.columns()));
        }
    }
}
