//! Bytes to what a lane or a series was, and on from there.
//!
//! The first byte says whose state it is and how it is damaged: the rest either stands behind the header of a sound
//! state, so that the fuzzer need not find out a hash, or it overwrites bytes of one. Whatever is read is saved and read
//! again as the same, is refused when it is cut off, and goes on within its bounds.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tapeline_indicators::{
    BarSettings, ClosedBar, ClosedBy, ExchangeBar, Fill, Folded, Lane, Observation, Plan, Series, Source,
    StateError,
};
use tapeline_market::{Bar, Decimal, Interval, Market, Side, Timestamp, Trade};

/// 2026-11-21T09:00:00Z.
const START_US: i64 = 1_795_251_600_000_000;
const MINUTE_US: i64 = 60_000_000;
/// Empty buckets that one frame may fill in each interval, and the bar before them.
const BARS_PER_FRAME_MAX: usize = 1441;
/// So many bars a sound series has seen: more than most indicators wait for.
const BARS_SEEN: i64 = 60;
/// Bytes before what is the state's own: version, market and source of a lane; version and hash of a series.
const LANE_HEADER: usize = 3;
const SERIES_HEADER: usize = 9;

fuzz_target!(|bytes: &[u8]| {
    let Some((&choice, damage)) = bytes.split_first() else { return };
    let damage = if choice & 2 == 0 { Damage::Overwrite(damage) } else { Damage::Replace(damage) };
    if choice & 1 == 0 {
        check_lane(&settings(choice >> 2), damage);
    } else {
        check_series(damage);
    }
});

/// What becomes of a sound state.
#[derive(Clone, Copy)]
enum Damage<'b> {
    /// Every three bytes are a place and what stands there now.
    Overwrite(&'b [u8]),
    /// What stands behind the header now.
    Replace(&'b [u8]),
}

impl Damage<'_> {
    fn done_to(self, mut state: Vec<u8>, header: usize) -> Vec<u8> {
        match self {
            Self::Overwrite(edits) => {
                for edit in edits.as_chunks::<3>().0 {
                    let place = usize::from(u16::from_le_bytes([edit[0], edit[1]])) % state.len();
                    state[place] = edit[2];
                }
            }
            Self::Replace(body) => {
                state.truncate(header);
                state.extend_from_slice(body);
            }
        }
        state
    }
}

fn settings(choice: u8) -> BarSettings {
    let choice = usize::from(choice);
    let intervals =
        [Interval::Second1, Interval::Minute1, Interval::Minute3, Interval::Minute5, Interval::Day1];
    let market = Market::ALL[choice % 3];
    let mut settings =
        BarSettings::new(market, Source::ALL[choice / 3 % 3], &intervals).expect("five intervals");
    settings.fill = if choice < 32 { Fill::None } else { Fill::Flat };
    settings
}

fn check_lane(settings: &BarSettings, damage: Damage<'_>) {
    let mut lane = Lane::new(settings);
    fold(&mut lane, settings, START_US);
    let sound = lane.save(settings).expect("it saw frames");
    let Ok(mut lane) = Lane::restore(&damage.done_to(sound, LANE_HEADER), settings) else { return };
    check_lane_state(&lane, settings);
    fold(&mut lane, settings, START_US + 7 * MINUTE_US);
    check_lane_state(&lane, settings);
}

fn check_lane_state(lane: &Lane, settings: &BarSettings) {
    let Some(state) = lane.save(settings) else { return };
    assert_eq!(Lane::restore(&state, settings).as_ref(), Ok(lane), "another lane was read");
    for cut in cuts(&state) {
        check_refused(cut, Lane::restore(cut, settings).err());
    }
}

/// Some of the beginnings of a state, none of them all of it.
fn cuts(state: &[u8]) -> impl Iterator<Item = &[u8]> {
    (0..8).map(|eighths| &state[..state.len() * eighths / 8])
}

fn check_refused(cut: &[u8], error: Option<StateError>) {
    let is_refused = matches!(error, Some(StateError::Damaged { at }) if at <= cut.len());
    assert!(is_refused, "the end is missing: {error:?}");
}

/// Folds trades and klines of five minutes, with a gap, an older time, a kline that waits, and a clock.
fn fold(lane: &mut Lane, settings: &BarSettings, start_us: i64) {
    let minute = u64::try_from((start_us - START_US) / MINUTE_US).expect("not before the start");
    let frames = [
        trade(100 + minute, start_us + 1),
        kline(start_us, Some(101 + minute), false),
        trade(101 + minute, start_us + MINUTE_US - 1),
        kline(start_us, Some(101 + minute), true),
        trade(103 + minute, start_us + 3 * MINUTE_US),
        trade(104 + minute, start_us + MINUTE_US),
        Observation::Clock(time(start_us + 5 * MINUTE_US)),
        kline(start_us + 5 * MINUTE_US, None, false),
        kline(start_us + 5 * MINUTE_US, Some(110 + minute), true),
    ];
    for frame in &frames {
        let mut folded = Folded::default();
        lane.observe(settings, frame, &mut folded);
        assert!(folded.closed.len() <= settings.intervals().len() * BARS_PER_FRAME_MAX, "bars without end");
    }
}

fn time(micros: i64) -> Timestamp {
    Timestamp::from_micros(micros).expect("within the calendar")
}

fn decimal(mantissa: i64, scale: u8) -> Decimal {
    Decimal::new(mantissa.into(), scale).expect("few digits")
}

fn trade(id: u64, micros: i64) -> Observation {
    Observation::Trade(Trade {
        first_id: id,
        last_id: id,
        last_trade_id: id,
        count: 1,
        price: decimal(6_500_050, 2),
        quantity: decimal(125, 5),
        quote_quantity: Some(decimal(812_506_250, 7)),
        time: time(micros),
        taker_side: Side::Buy,
    })
}

fn kline(open_us: i64, last_trade_id: Option<u64>, is_closed: bool) -> Observation {
    let bar = Bar { trade_count: last_trade_id.map_or(0, |_| 2), ..bar(open_us, 0) };
    let event_time = Some(time(open_us + MINUTE_US));
    Observation::Kline(ExchangeBar { bar, is_closed, last_trade_id, event_time })
}

/// A bar of a minute around 65,000 that is a little different each time.
fn bar(open_us: i64, turn: i64) -> Bar {
    let close = 6_500_000 + turn * 7919 % 1000;
    Bar {
        interval: Interval::Minute1,
        open_time: time(open_us),
        close_time: time(open_us + MINUTE_US - 1),
        open: decimal(close, 2),
        high: decimal(close + turn % 70, 2),
        low: decimal(close - turn % 50, 2),
        close: decimal(close, 2),
        volume: decimal(1_000_000 + turn * 31, 5),
        quote_volume: Some(decimal(650_000 + turn, 0)),
        taker_buy_volume: decimal(500_000 + turn, 5),
        trade_count: 10,
    }
}

fn closed(turn: i64) -> ClosedBar {
    let bar = bar(START_US + turn * MINUTE_US, turn);
    ClosedBar { bar, missing: 0, gap: false, partial: false, filled: false, closed_by: ClosedBy::Trade }
}

/// The standard preset, and the state of a series of it.
static SOUND: LazyLock<(Plan, Vec<u8>)> = LazyLock::new(|| {
    let plan: Plan = "standard".parse().expect("a preset");
    let mut series = Series::new(&plan);
    for turn in 0..BARS_SEEN {
        series.advance(&closed(turn), &plan, &mut Vec::new());
    }
    let state = series.save();
    (plan, state)
});

fn check_series(damage: Damage<'_>) {
    let (plan, sound) = &*SOUND;
    let state = damage.done_to(sound.clone(), SERIES_HEADER);
    let Ok(mut series) = Series::restore(&state, plan) else { return };
    check_series_state(&mut series, plan);
    let mut values = Vec::new();
    for turn in BARS_SEEN..BARS_SEEN + 3 {
        let is_taken = series.advance(&closed(turn), plan, &mut values).is_some();
        assert_eq!(values.len(), if is_taken { plan.columns().len() } else { 0 });
        assert!(values.iter().flatten().all(|value| value.is_finite()), "not a number");
    }
    check_series_state(&mut series, plan);
}

fn check_series_state(series: &mut Series, plan: &Plan) {
    let state = series.save();
    let mut again = Series::restore(&state, plan).expect("it was saved");
    assert!(again.save() == state, "another series was read");
    for cut in cuts(&state) {
        check_refused(cut, Series::restore(cut, plan).err());
    }
}
