//! The calculator: trades decoded and folded, and whole batches with state and rows in memory.

use std::hint::black_box;

use rustix::time::{ClockId, clock_gettime};
use tapeline_bench::batches::{BUSY_MS, INTERVALS, QUIET_MS, SYMBOLS, Session, TRADES, check_batch_cuts};
use tapeline_bench::fold::{self, Lanes};

use crate::report::{Report, Samples};

const ROUNDS: usize = 20;

/// Measures, and prints as it goes. Times are those on the processor.
pub(crate) fn measure(report: &mut Report) {
    check_batch_cuts();
    let lines = fold::lines();
    let folds = samples(|| {
        let (empty, start) = (Lanes::default(), cpu_ns());
        assert_eq!(black_box(empty.fold(black_box(&lines))), TRADES);
        cpu_ns() - start
    });
    let mut session = Session::default();
    session.warm_up();
    let (busy, busy_bars) = batches(&mut session, BUSY_MS);
    let (quiet, quiet_bars) = batches(&mut session, QUIET_MS);
    report.section(
        &format!("calculator, {TRADES} trades of {SYMBOLS} symbols at {INTERVALS}"),
        "CPU us per trade",
    );
    report.row("decode and fold", &folds.per(TRADES as f64 * 1e3));
    report.row("a batch, event to answer, 5,000 trades a second", &busy.per(TRADES as f64 * 1e3));
    report.row("a batch, event to answer, a trade a minute", &quiet.per(TRADES as f64 * 1e3));
    report.fact("trades a second decoded and folded", TRADES as f64 * 1e9 / folds.median());
    report.fact("trades a second in batches", TRADES as f64 * 1e9 / busy.median());
    let bars = quiet_bars - busy_bars;
    report.fact("us per closed bar with its row and state", (quiet.median() - busy.median()) / bars / 1e3);
}

fn samples(mut round: impl FnMut() -> u64) -> Samples {
    Samples::of((0..ROUNDS).map(|_| round() as f64).collect())
}

/// The nanoseconds of each round, and the bars closed in one on average.
fn batches(session: &mut Session, pause_ms: u64) -> (Samples, f64) {
    let mut bars = 0;
    let samples = samples(|| {
        let event = session.event(pause_ms);
        let start = cpu_ns();
        let report = session.invoke(black_box(&event));
        let elapsed = cpu_ns() - start;
        assert_eq!(report.tally.folded, TRADES);
        bars += report.bars_closed.iter().map(|(_, count)| count).sum::<u64>();
        elapsed
    });
    (samples, bars as f64 / ROUNDS as f64)
}

/// Nanoseconds that this thread has been on a processor.
fn cpu_ns() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).expect("a time since the thread began")
}
