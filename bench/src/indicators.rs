//! The indicators: a closed bar with the standard preset, beside TA-Lib's streaming and batch calls for the same functions.

use std::hint::black_box;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;
use tapeline_bench::bars::{BARS, advance, bars};
use tapeline_indicators::{ClosedBar, Plan, Series};

use crate::Places;
use crate::report::{Report, Samples};
use crate::ta_lib::Columns;

const ROUNDS: usize = 30;
/// Saves and restores in a round.
const STATES: usize = 500;

/// Measures, and prints as it goes.
pub(crate) fn measure(places: &Places, report: &mut Report) {
    let (plan, bars) = (Plan::default(), bars());
    let columns = Columns::of(&bars);
    let (mut ours, mut streamed, mut values) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        ours.push(ns_per(BARS, || drop(black_box(advance(black_box(&bars), &plan)))));
        let round = columns.stream();
        values = round.values;
        streamed.push(round.ns_per_bar);
    }
    let (ours, streamed) = (Samples::of(ours), Samples::of(streamed));
    report.section("indicators", "ns per closed bar");
    report.row(&format!("tapeline, preset standard, {} values", plan.columns().len()), &ours);
    let minimal: Plan = "minimal".parse().expect("a preset");
    let round = || ns_per(BARS, || drop(black_box(advance(black_box(&bars), &minimal))));
    let minimal_row = format!("tapeline, preset minimal, {} values", minimal.columns().len());
    report.row(&minimal_row, &Samples::of((0..ROUNDS).map(|_| round()).collect()));
    save_and_restore(&bars, &plan, report);
    report.section("indicators, standard preset", "ns per value");
    report.row(&format!("tapeline, {} values", plan.columns().len()), &ours.per(plan.columns().len() as f64));
    report.row(&format!("ta-lib crate, streaming, {values} values"), &streamed.per(values as f64));
    let (batch_values, batch) = batch(places, &columns);
    report.row(&format!("TA-Lib in C from Python, batch, {batch_values} values"), &batch);
}

fn save_and_restore(bars: &[ClosedBar], plan: &Plan, report: &mut Report) {
    let mut series = advance(bars, plan);
    let state = series.save();
    let save = rounds(|| {
        for _ in 0..STATES {
            black_box(series.save());
        }
    });
    let restore = rounds(|| {
        for _ in 0..STATES {
            drop(black_box(Series::restore(black_box(&state), plan).expect("a whole state")));
        }
    });
    report.row(&format!("preset standard, saving {} bytes of state", state.len()), &save);
    report.row("preset standard, restoring them", &restore);
}

fn rounds(mut work: impl FnMut()) -> Samples {
    Samples::of((0..ROUNDS).map(|_| ns_per(STATES, &mut work)).collect())
}

fn ns_per(count: usize, work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64() * 1e9 / count as f64
}

/// TA-Lib's C library over whole columns, from Python: how many values a bar has, and nanoseconds per value.
fn batch(places: &Places, columns: &Columns) -> (u64, Samples) {
    let path = places.scratch.join("bars.json");
    std::fs::write(&path, columns.json().to_string()).expect("a file");
    let python = Command::new(places.venv_binaries.join("python"))
        .arg("bench/peers/ta-lib/batch.py")
        .args([&path.to_string_lossy(), ROUNDS.to_string().as_str()])
        .output()
        .expect("Python runs");
    assert!(python.status.success(), "{}", String::from_utf8_lossy(&python.stderr));
    let told: Value = serde_json::from_slice(&python.stdout).expect("JSON");
    let values = told["values"].as_u64().expect("a count");
    let rounds = told["ns_per_value"].as_array().expect("rounds").iter();
    (values, Samples::of(rounds.map(|round| round.as_f64().expect("nanoseconds")).collect()))
}
