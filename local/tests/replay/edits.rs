//! What is changed in template.yaml changes the run, without a change of any code.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::run::Workshop;

/// A session of one minute through the template with some of its texts replaced: objects by their path, and the summary.
fn edited(replaced: &[(&str, &str)]) -> (BTreeSet<String>, Value) {
    let workshop = Workshop::new().template(replaced);
    workshop.sample("session");
    let outcome = workshop.replay(&["session"]);
    let summary = outcome.succeeded();
    (outcome.objects().into_keys().collect(), summary)
}

fn mapping(summary: &Value) -> &Value {
    summary["mappings"].as_object().unwrap().values().next().unwrap()
}

#[test]
fn another_prefix_puts_the_archive_elsewhere() {
    let (objects, _) = edited(&[("Prefix: market/kind=", "Prefix: elsewhere/kind=")]);
    assert!(objects.iter().any(|key| key.contains("/elsewhere/kind=trade/")), "{objects:?}");
    assert!(!objects.iter().any(|key| key.contains("/market/")), "{objects:?}");
}

#[test]
fn a_shorter_buffer_writes_more_objects() {
    // Otherwise the function is given the whole minute at once.
    let often =
        ("BufferIntervalInSeconds, ParameterValue: '60'", "BufferIntervalInSeconds, ParameterValue: '1'");
    let hint = "IntervalInSeconds: !Ref ArchiveBufferSeconds";
    let usual = edited(&[often]).0;
    let shorter = edited(&[often, (hint, "IntervalInSeconds: 10")]).0;
    let trades =
        |objects: &BTreeSet<String>| objects.iter().filter(|key| key.contains("/kind=trade/")).count();
    assert_eq!(trades(&usual), 1);
    // A minute of ten seconds each; trades come in most of them.
    assert!((3..=6).contains(&trades(&shorter)), "{shorter:?}");
}

#[test]
fn a_smaller_batch_is_invoked_more_often() {
    let (_, usual) = edited(&[]);
    let (_, smaller) = edited(&[("BatchSize: 10000", "BatchSize: 10")]);
    let [records, invocations] =
        ["records", "invocations"].map(|count| mapping(&smaller)[count].as_u64().unwrap());
    assert_eq!(mapping(&usual)["records"], records);
    assert!(invocations >= records.div_ceil(10), "{invocations} of {records}");
    assert!(mapping(&usual)["invocations"].as_u64().unwrap() < invocations);
}

#[test]
fn another_variable_reaches_the_function() {
    let (_, summary) = edited(&[("INTERVALS: !Ref Intervals", "INTERVALS: 1s")]);
    let closed = mapping(&summary)["bars_closed"].as_object().unwrap();
    assert_eq!(closed.keys().collect::<Vec<_>>(), ["1s"]);
}
