//! What a new user gets wrong: each ends in one line that says what to do, before anything is written.

use std::fs;
use std::net::TcpListener;

use crate::binaries::TEMPLATE;
use crate::deliveries::SEARCH;
use crate::run::{Up, Workshop};

/// The line of the deployed template that has a text, from 1.
fn line_of(text: &str) -> usize {
    let template = fs::read_to_string(TEMPLATE).unwrap();
    template.lines().position(|line| line.contains(text)).unwrap() + 1
}

/// Asserts that the deployed template is refused with this text in it replaced, by one line that names its line in the file
/// and says this.
fn refuses(from: &str, to: &str, says: &[&str]) {
    let workshop = Workshop::new().edited(&[(from, to)]);
    let line = workshop.refused();
    let place = format!("template.yaml:{}: ", line_of(from));
    assert!(line.starts_with("error: ") && line.contains(&place), "{line}");
    for text in says {
        assert!(line.contains(text), "{line} does not say {text}");
    }
    assert!(!workshop.path("data").exists());
}

#[test]
fn a_function_that_is_not_built_is_told_with_how_to_build_it() {
    let workshop = Workshop::new();
    let functions = workshop.path("functions");
    fs::create_dir(&functions).unwrap();
    let workshop = workshop.option("--functions", functions.to_str().unwrap());
    let line = workshop.refused();
    assert!(line.starts_with("error: ") && line.contains("functions must hold the binary "), "{line}");
    assert!(line.contains("build it with `cargo build --release -p "), "{line}");
    assert!(!workshop.path("data").exists());
}

#[test]
fn a_port_that_is_taken_is_told_with_what_to_do() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = holder.local_addr().unwrap().port().to_string();
    let workshop = Workshop::new().option("--port", &port);
    let line = workshop.refused();
    assert!(line.starts_with(&format!("error: port {port} of this machine must be free: ")), "{line}");
    assert!(line.contains("choose another with --port"), "{line}");
    assert!(!workshop.path("data").exists());
}

#[test]
fn a_misspelt_property_is_told_with_its_line_and_what_was_meant() {
    refuses("BatchSize: 10000", "BatchSise: 10000", &["BatchSise", "did you mean BatchSize?"]);
}

#[test]
fn a_misspelt_function_is_told_with_its_line_and_what_was_meant() {
    refuses("MARKET: !Ref Market", "MARKET: !Reff Market", &["Reff", "did you mean Ref?"]);
}

#[test]
fn a_reference_to_nothing_is_told_with_its_line_and_what_was_meant() {
    refuses(
        "BAR_SOURCE: !Ref BarSource",
        "BAR_SOURCE: !Ref BarSorce",
        &["BarSorce", "did you mean BarSource?"],
    );
}

#[test]
fn a_value_out_of_range_is_told_with_its_line_and_the_range() {
    refuses("BatchSize: 10000", "BatchSize: 10001", &["BatchSize", "from 1 to 10000", "10001"]);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let workshop = Workshop::new();
    // Whoever runs the tests may write anywhere: so the folder is a file.
    fs::write(workshop.path("data"), "").unwrap();
    let line = workshop.refused();
    assert!(line.starts_with("error: cannot use the folder data: "), "{line}");
}

#[test]
fn a_folder_is_of_one_run_until_that_is_killed() {
    // Without functions: those would outlive the kill.
    let stream = "Resources:\n  Frames: { Type: 'AWS::Kinesis::Stream', Properties: { ShardCount: 1 } }\n";
    let Up { mut process, workshop, .. } = Workshop::new().template(stream).up();
    let expected = "error: expected a data folder that no other `tapeline up` uses, was data: ";
    let line = workshop.refused();
    assert!(line.starts_with(expected) && line.contains("choose another with --data"), "{line}");
    process.kill();
    workshop.up().end();
}

#[test]
fn a_parameter_that_the_template_does_not_have_is_told_with_those_it_has() {
    let line = Workshop::new().option("--parameter", "Intervalls=1m").refused();
    assert!(line.starts_with("error: parameter Intervalls must be "), "{line}");
    assert!(line.contains("Intervals"), "{line}");
}

#[test]
fn a_template_that_is_not_there_is_named() {
    let line = Workshop::new().option("--template", "missing.yaml").refused();
    assert!(line.starts_with("error: cannot read the template missing.yaml: "), "{line}");
}

#[test]
fn a_domain_of_open_search_is_told_with_what_takes_its_place() {
    let workshop = Workshop::new().template(SEARCH);
    let line = workshop.refused();
    assert!(
        line.starts_with("error: the delivery stream search must have an OpenSearch on this machine"),
        "{line}"
    );
    assert!(line.contains("with --open-search, such as http://"), "{line}");
    assert!(!workshop.path("data").exists());
}
