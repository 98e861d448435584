//! What is changed in template.yaml changes the run, without a change of any code.

use crate::aws::number;
use crate::deployed::{bars, trade};
use crate::run::Workshop;

#[test]
fn another_prefix_puts_the_archive_elsewhere() {
    let edit = [("Prefix: market/kind=", "Prefix: elsewhere/kind=")];
    let up = Workshop::new().edited(&edit).up();
    up.aws.put_records("tapeline-frames", &[trade(1, 1)]);
    let ended = up.end();
    let keys = ended.keys();
    assert!(keys.iter().any(|key| key.contains("/elsewhere/kind=trade/")), "{keys:?}");
    assert!(!keys.iter().any(|key| key.contains("/market/")), "{keys:?}");
}

#[test]
fn a_shorter_buffer_delivers_within_seconds() {
    let edits = [
        ("BufferIntervalInSeconds, ParameterValue: '60'", "BufferIntervalInSeconds, ParameterValue: '0'"),
        (
            "BufferingHints: { SizeInMBs: 128, IntervalInSeconds: 300 }",
            "BufferingHints: { SizeInMBs: 128, IntervalInSeconds: 1 }",
        ),
    ];
    let up = Workshop::new().edited(&edits).up();
    up.aws.put_records("tapeline-frames", &[trade(1, 1)]);
    let status = up.aws.status_with("/delivery_streams/tapeline-archive/objects", 1);
    assert_eq!(number(&status, "/delivery_streams/tapeline-archive/buffered_bytes"), 0);
    let object = up.object("tapeline-archivebucket/market/kind=trade/date=2023-01-01/");
    assert!(object.starts_with(b"PAR1") && object.ends_with(b"PAR1"));
}

#[test]
fn a_smaller_batch_is_invoked_more_often() {
    let up = Workshop::new().edited(&[("BatchSize: 10000", "BatchSize: 10")]).up();
    let trades: Vec<_> = (1..=50).map(|id| trade(id, 1)).collect();
    up.aws.put_records("tapeline-frames", &trades);
    let status = up.aws.status_with("/mappings/IndicatorCalculatorFrames/invocations", 5);
    assert_eq!(number(&status, "/mappings/IndicatorCalculatorFrames/records"), 50);
}

#[test]
fn another_variable_reaches_the_function() {
    let up = Workshop::new().edited(&[("INTERVALS: !Ref Intervals", "INTERVALS: 1s")]).up();
    up.aws.put_records("tapeline-frames", &[trade(1, 1), trade(2, 2)]);
    assert_eq!(bars(&up.aws)[0]["interval"], "1s");
}

#[test]
fn a_parameter_reaches_the_function() {
    let up = Workshop::new().option("--parameter", "Intervals=1s").up();
    up.aws.put_records("tapeline-frames", &[trade(1, 1), trade(2, 2)]);
    assert_eq!(bars(&up.aws)[0]["interval"], "1s");
}
