//! Runs one kind of work so many times, for callgrind to count the instructions of.
//!
//! usage: tapeline-instructions transform|fold|advance ROUNDS
//!
//! Everything that a round needs is made beforehand for as many rounds as there can be. So the difference between two
//! runs is the work of their rounds and nothing else. Run by `make check-instructions`.

#![expect(clippy::expect_used, reason = "a bench stops where something is not as it set it up")]

use std::hint::black_box;

use record_transformer::{Config, Transformer};
use tapeline_bench::batches::{BUSY_MS, Session, TRADES};
use tapeline_bench::{bars, event};
use tapeline_indicators::Plan;

/// The most rounds that anybody asks for.
const ROUNDS_MAX: usize = 4;
/// As many as make one round's own costs small.
const RECORDS: u64 = 1000;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [work, rounds] = arguments.as_slice() else { panic_with_usage() };
    let rounds =
        rounds.parse().ok().filter(|&rounds| rounds <= ROUNDS_MAX).unwrap_or_else(|| panic_with_usage());
    // What one round is divided by, for the caller.
    let units = match work.as_str() {
        "transform" => transform(rounds),
        "fold" => fold(rounds),
        "advance" => advance(rounds),
        _ => panic_with_usage(),
    };
    println!("{units}");
}

fn panic_with_usage() -> ! {
    eprintln!("expected: tapeline-instructions transform|fold|advance ROUNDS (at most {ROUNDS_MAX})");
    std::process::exit(2)
}

/// Gives the records of a round.
fn transform(rounds: usize) -> u64 {
    let event = event::event(RECORDS);
    let mut transformer = Transformer::new(Config::from_variables(|_| None).expect("the defaults"));
    for _ in 0..rounds {
        black_box(transformer.transform(black_box(&event)).expect("an answer"));
    }
    RECORDS
}

/// Gives the trades of a round.
fn fold(rounds: usize) -> u64 {
    let mut session = Session::default();
    let events: Vec<_> = (0..ROUNDS_MAX).map(|_| session.event(BUSY_MS)).collect();
    for event in events.iter().take(rounds) {
        let report = black_box(session.invoke(black_box(event)));
        assert_eq!(report.tally.folded, TRADES);
    }
    TRADES
}

/// Gives the bars of a round.
fn advance(rounds: usize) -> u64 {
    let (plan, bars) = (Plan::default(), bars::bars());
    for _ in 0..rounds {
        black_box(bars::advance(black_box(&bars), &plan));
    }
    bars.len() as u64
}
