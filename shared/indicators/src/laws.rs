//! What holds for every series, whatever the bars.

use proptest::prelude::*;

use crate::bars::ClosedBar;
use crate::registry::DEFINITIONS;
use crate::testing::{decimal, minute, sessions, values};
use crate::wire::StateError;
use crate::{Plan, Series};

/// A bar as a step from the one before, in ticks.
#[derive(Debug, Clone, Copy)]
struct Step {
    close: i128,
    up: i128,
    down: i128,
    volume: i128,
    taker_buy_percent: i128,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // One bar in four does not move at all, one in eight has no volume.
    let still = prop::bool::weighted(0.25);
    let step = (-300..=300_i128, 0..200_i128, 0..200_i128, -1_000_000..7_000_000_i128, 0..=100_i128);
    let step = (still, step).prop_map(|(is_still, (close, up, down, volume, taker_buy_percent))| {
        let [close, up, down] = [close, up, down].map(|ticks| if is_still { 0 } else { ticks });
        Step { close, up, down, volume: volume.max(0), taker_buy_percent }
    });
    prop::collection::vec(step, 60..260)
}

/// Bars from steps, every price multiplied.
fn bars(steps: &[Step], factor: i128) -> Vec<ClosedBar> {
    let mut close = 20_000;
    let bar = |(at, step): (usize, &Step)| {
        let open = close;
        close = (close + step.close).max(300);
        let prices = [open, open.max(close) + step.up, open.min(close) - step.down, close];
        let taker_buy_volume = decimal(step.volume * step.taker_buy_percent, 5);
        let prices = prices.map(|ticks| decimal(ticks * factor, 2));
        minute(at, prices, decimal(step.volume, 3), taker_buy_volume)
    };
    steps.iter().enumerate().map(bar).collect()
}

/// A series of the standard preset that took these bars.
fn series(bars: &[ClosedBar]) -> Series {
    let plan = Plan::default();
    let (mut series, mut row) = (Series::new(&plan), Vec::new());
    for bar in bars {
        series.advance(bar, &plan, &mut row).unwrap();
    }
    series
}

/// Every output of every indicator with its defaults: what it begins with, and its values.
fn every_output(bars: &[ClosedBar]) -> impl Iterator<Item = (&'static str, Vec<Option<f64>>)> {
    DEFINITIONS
        .iter()
        .flat_map(move |definition| definition.outputs.iter().copied().zip(values(definition.name, bars, 0)))
}

/// Outputs that cannot leave a range.
const RANGES: &[(&str, f64, f64)] = &[
    ("rsi", 0.0, 100.0),
    ("adx", 0.0, 100.0),
    ("plus_di", 0.0, 100.0),
    ("minus_di", 0.0, 100.0),
    ("stoch_k", 0.0, 100.0),
    ("stoch_d", 0.0, 100.0),
    ("stochrsi_k", 0.0, 100.0),
    ("stochrsi_d", 0.0, 100.0),
    ("willr", -100.0, 0.0),
    ("mfi", 0.0, 100.0),
    ("cmf", -1.0, 1.0),
    ("supertrend_direction", -1.0, 1.0),
    ("aroon_up", 0.0, 100.0),
    ("aroon_down", 0.0, 100.0),
    ("ultosc", 0.0, 100.0),
    ("taker_buy_ratio", 0.0, 1.0),
];

/// Outputs that are prices, or differences of prices.
const PRICES: &[&str] = &[
    "sma",
    "ema",
    "macd",
    "macd_signal",
    "macd_histogram",
    "bb_upper",
    "bb_middle",
    "bb_lower",
    "atr",
    "vwap",
    "vwma",
    "hma",
    "sar",
    "supertrend",
    "donchian_upper",
    "donchian_middle",
    "donchian_lower",
    "keltner_upper",
    "keltner_middle",
    "keltner_lower",
    "ichimoku_conversion",
    "ichimoku_base",
    "ichimoku_span_a",
    "ichimoku_span_b",
    "ao",
    "mom",
    "stddev",
    "wma",
    "dema",
    "tema",
    "kama",
    "linearreg",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn values_stay_in_their_ranges(steps in steps()) {
        for (output, values) in every_output(&bars(&steps, 1)) {
            let Some((_, low, high)) = RANGES.iter().find(|(name, ..)| *name == output) else { continue };
            for value in values.into_iter().flatten() {
                // An average of hundreds may round to the next double above.
                let slack = 1e-12 * (high - low);
                prop_assert!((low - slack..=high + slack).contains(&value), "{} was {}", output, value);
            }
        }
    }

    #[test]
    fn an_rsi_never_leaves_0_to_100(steps in steps(), period in 2..30) {
        for value in values(&format!("rsi({period})"), &bars(&steps, 1), 0).concat().into_iter().flatten() {
            prop_assert!((0.0..=100.0).contains(&value), "was {}", value);
        }
    }

    #[test]
    fn an_sma_lies_between_the_least_and_the_largest_of_its_window(steps in steps(), period in 1..40_usize) {
        let bars = bars(&steps, 1);
        let closes: Vec<_> = bars.iter().map(|closed| closed.bar.close.to_f64()).collect();
        let averages = values(&format!("sma({period})"), &bars, 0).concat();
        for (average, window) in averages[period - 1..].iter().zip(closes.windows(period)) {
            let least = window.iter().copied().fold(f64::INFINITY, f64::min);
            let largest = window.iter().copied().fold(0.0, f64::max);
            // A sum of n equal prices may round, and so may its n-th part.
            let slack = 1e-15 * period as f64 * largest;
            prop_assert!((least - slack..=largest + slack).contains(&average.unwrap()));
        }
    }

    /// To the bit: doubling only moves the exponent, so that a difference shows a constant that has a unit.
    #[test]
    fn scaling_prices_by_a_power_of_two_scales_what_is_a_price_and_nothing_else(steps in steps(), power in 1..12) {
        let factor = 1_i128 << power;
        let scaled: Vec<_> = every_output(&bars(&steps, factor)).collect();
        for ((output, values), (_, scaled)) in every_output(&bars(&steps, 1)).zip(scaled) {
            let factor = if PRICES.contains(&output) { factor as f64 } else { 1.0 };
            let expected: Vec<_> = values.iter().map(|value| value.map(|value| value * factor)).collect();
            prop_assert_eq!(expected, scaled, "{}", output);
        }
    }

    #[test]
    fn a_bar_at_or_before_the_last_changes_nothing(steps in steps(), at in any::<prop::sample::Index>()) {
        let (plan, bars, mut row) = (Plan::default(), bars(&steps, 1), Vec::new());
        let mut series = series(&bars);
        let state = series.save();
        for bar in &bars[at.index(bars.len())..] {
            prop_assert_eq!(series.advance(bar, &plan, &mut row), None);
            prop_assert_eq!(&row, &Vec::new());
        }
        prop_assert_eq!(series.save(), state);
    }

    /// Damage is answered, by an error or by a series that takes bars: a sum of the bytes is not kept, since the item that
    /// holds them is written whole or not at all.
    #[test]
    fn a_damaged_state_is_answered(
        steps in steps(), damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let bars = bars(&steps, 1);
        let mut state = series(&bars[..50]).save();
        for (at, byte) in damage {
            // Behind the version and the hash of the configuration.
            let at = 9 + at.index(state.len() - 9);
            state[at] = byte;
        }
        take(&state, &bars);
    }

    #[test]
    fn any_bytes_are_answered(steps in steps(), bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let mut state = Series::new(&Plan::default()).save();
        state.truncate(9);
        state.extend(bytes);
        take(&state, &bars(&steps, 1));
    }
}

/// Goes on from a state, if there is any going on.
fn take(state: &[u8], bars: &[ClosedBar]) {
    let (plan, mut row) = (Plan::default(), Vec::new());
    let Ok(mut series) = Series::restore(state, &plan) else { return };
    for bar in bars {
        series.advance(bar, &plan, &mut row);
    }
    series.save();
}

#[test]
fn a_state_that_was_cut_off_is_damaged() {
    let state = series(&sessions()[0].bars[..220]).save();
    for end in 0..state.len() {
        let error = Series::restore(&state[..end], &Plan::default()).unwrap_err();
        assert!(matches!(error, StateError::Damaged { .. }), "cut at {end}: {error}");
    }
    let longer = [&state[..], &[0]].concat();
    let error = Series::restore(&longer, &Plan::default()).unwrap_err();
    assert_eq!(error, StateError::Damaged { at: state.len() });
}

#[test]
fn a_state_of_another_configuration_is_refused() {
    let mut state = series(&sessions()[0].bars[..3]).save();
    let other: Plan = "sma(20)".parse().unwrap();
    assert_eq!(Series::restore(&state, &other).unwrap_err(), StateError::Configuration);
    state[0] = 2;
    let error = Series::restore(&state, &Plan::default()).unwrap_err();
    assert_eq!(error, StateError::Version { expected: 1, found: 2 });
}

/// Four bars, byte by byte. Whoever changes these bytes must change the version: a state that was saved under them is
/// restored by them.
#[test]
fn the_bytes_of_a_series_are_these() {
    // (open, high, low, close) in cents, volume in tenths.
    let steps = [
        ([1000, 1100, 1000, 1050], 10),
        ([1050, 1100, 1050, 1100], 25),
        ([1100, 1250, 1100, 1225], 5),
        ([1225, 1300, 1200, 1225], 40),
    ];
    let plan: Plan = "sma(2) ema(3) obv".parse().unwrap();
    let (mut series, mut row) = (Series::new(&plan), Vec::new());
    for (at, (prices, volume)) in steps.into_iter().enumerate() {
        let prices = prices.map(|cents| decimal(cents, 2));
        series.advance(&minute(at, prices, decimal(volume, 1), decimal(0, 0)), &plan, &mut row).unwrap();
    }
    assert_eq!(row, [Some(12.25), Some(11.75), Some(4.0)]);
    let expected: &[&[u8]] = &[
        // Version.
        &[1],
        // FNV-1a of "sma(2) ema(3) obv continue".
        &[0xa6, 0x26, 0xe8, 0x69, 0xc4, 0xaf, 0x45, 0xc4],
        // There is a last bar; it opened 1,767,225,780 s after the epoch.
        &[1, 0xb4, 0xf3, 0xd6, 0xca, 0x06],
        // Bars seen, and since the last gap.
        &[4, 4],
        // ema: values taken (4.0), the average (11.75).
        &[0, 0, 0, 0, 0, 0, 0x10, 0x40],
        &[0, 0, 0, 0, 0, 0x80, 0x27, 0x40],
        // obv: 4.0.
        &[0, 0, 0, 0, 0, 0, 0x10, 0x40],
        // Digits behind the point of prices and volumes; how many closes, highs and lows, and volumes follow.
        &[2, 1, 2, 2, 2],
        // Closes: 1225, then 0 more. (Signed: twice the number, less one and positive if it is negative.)
        &[0x92, 0x13, 0],
        // High above the close and low below it: 25 and 125, 75 and 25.
        &[50, 0xfa, 0x01, 0x96, 0x01, 50],
        // Volumes: 5, 40.
        &[10, 80],
    ];
    assert_eq!(series.save(), expected.concat());
}

/// A series is one item of the table: 3 KiB are three write units.
#[test]
fn a_series_of_the_standard_preset_fits_three_kibibytes() {
    for session in sessions() {
        let (plan, mut row, mut largest) = (Plan::default(), Vec::new(), 0);
        let mut series = Series::new(&plan);
        for bar in &session.bars {
            series.advance(bar, &plan, &mut row).unwrap();
            largest = largest.max(series.save().len());
        }
        println!("{}: {largest} bytes", session.name);
        assert!(largest <= 3072, "{} takes {largest} bytes", session.name);
    }
}
