//! Closed bars, and the series that takes them.

use tapeline_indicators::{ClosedBar, ClosedBy, Plan, Series};
use tapeline_market::{Bar, Decimal, Interval, Timestamp};

/// Enough that the ring is full for most of them.
pub const BARS: usize = 5000;

/// A walk around 65,000.00, one bar a minute, the same one every time.
pub fn bars() -> Vec<ClosedBar> {
    let (mut dice, mut close) = (1_u64, 6_500_000_i64);
    let mut roll = |below: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        i64::try_from((dice >> 33) % below).expect("a small number")
    };
    (0..BARS)
        .map(|at| {
            let open = close;
            close += roll(8001) - 4000;
            let (high, low) = (open.max(close) + roll(4000), open.min(close) - roll(4000));
            let volume = 1 + roll(500_000_000);
            minute(at, [open, high, low, close], [volume, volume / 1000 * roll(1000)])
        })
        .collect()
}

/// A bar from cents and volumes of eight digits.
fn minute(at: usize, prices: [i64; 4], volumes: [i64; 2]) -> ClosedBar {
    let decimal = |ticks: i64, scale| Decimal::new(ticks.into(), scale).expect("few digits");
    let [open, high, low, close] = prices.map(|cents| decimal(cents, 2));
    let [volume, taker_buy_volume] = volumes.map(|ticks| decimal(ticks, 8));
    let open_us = 1_767_225_600_000_000 + i64::try_from(at).expect("few bars") * 60_000_000;
    let time = |micros| Timestamp::from_micros(micros).expect("the year 2026");
    let bar = Bar {
        interval: Interval::Minute1,
        open_time: time(open_us),
        close_time: time(open_us + 59_999_999),
        open,
        high,
        low,
        close,
        volume,
        quote_volume: close.checked_mul(volume),
        taker_buy_volume,
        trade_count: 1,
    };
    ClosedBar { bar, missing: 0, gap: false, partial: false, filled: false, closed_by: ClosedBy::Trade }
}

/// A new series that has taken all bars.
pub fn advance(bars: &[ClosedBar], plan: &Plan) -> Series {
    let (mut series, mut row) = (Series::new(plan), Vec::new());
    for bar in bars {
        series.advance(bar, plan, &mut row).expect("a later bar");
        std::hint::black_box(&row);
    }
    series
}
