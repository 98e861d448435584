//! `make bench`: the transformer beside its peers and beside the floor, the calculator, and the indicators beside TA-Lib,
//! in one run on the same events.
//!
//! usage: tapeline-bench VENV    with the peers' Python and Node.js in VENV/bin; built binaries beside this one.
//!
//! Rounds of everything that is compared take turns, so that whatever else the machine does falls on all of it. What is
//! printed is also written to `target/bench/bench.json`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::cast_precision_loss,
    reason = "a bench stops where something is not as it set it up, and counts far below 2^52"
)]

mod calculator;
mod compare;
mod floor;
mod indicators;
mod peers;
mod process;
mod report;
mod runtime_api;
mod ta_lib;
mod transformer;

use std::path::{Path, PathBuf};

use report::Report;

/// Where binaries, the virtual environment and scratch files are.
struct Places {
    /// The folder of this binary, and of the others that are built with it.
    binaries: PathBuf,
    /// The folder of `python` and `node`.
    venv_binaries: PathBuf,
    /// Where files are written.
    scratch: PathBuf,
}

fn main() {
    let venv = std::env::args().nth(1).expect("the virtual environment of the peers");
    let binaries = std::env::current_exe().expect("a path");
    let places = Places {
        binaries: binaries.parent().expect("a folder").to_owned(),
        venv_binaries: std::path::absolute(Path::new(&venv).join("bin")).expect("a path"),
        scratch: PathBuf::from("target/bench"),
    };
    std::fs::create_dir_all(&places.scratch).expect("a folder to write to");
    let mut report = Report::default();
    transformer::measure(&places, &mut report);
    calculator::measure(&mut report);
    indicators::measure(&places, &mut report);
    process::measure(&places, &mut report);
    report.write(&places.scratch.join("bench.json"));
}
