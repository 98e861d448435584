//! `tapeline tail` beside a run.

use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::binaries::TAPELINE;
use crate::deliveries::TEMPLATE;
use crate::lines::start;
use crate::process::until;
use crate::run::{Up, Workshop, edited, refused};

/// How long a record that was put is waited for before another one is put: the command may not have been there.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// The template of the delivery streams, with a data stream.
fn run() -> Up {
    let stream = "Resources:\n  Frames: { Type: 'AWS::Kinesis::Stream', Properties: { Name: frames, ShardCount: 1 } }\n";
    Workshop::new().template(&edited(TEMPLATE, &[("Resources:\n", stream)])).up()
}

fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(TAPELINE);
    command.args(["tail", "--endpoint-url", url]).args(arguments);
    command
}

/// The first line that the command prints of records that `put` puts.
fn first_line(up: &Up, arguments: &[&str], put: impl Fn(&Up)) -> String {
    let (_tail, lines) = start(&mut command(up.aws.url(), arguments));
    until("a line", || {
        put(up);
        lines.out.recv_timeout(LOOK_AGAIN).ok()
    })
}

#[test]
fn a_record_of_a_data_stream_is_a_line() {
    let put = |up: &Up| up.aws.put_records("frames", &[("spot|BTCUSDT", "{\"e\":\"trade\"}\n{}")]);
    let line = first_line(&run(), &["frames"], put);
    let (time, rest) = line.split_once(' ').unwrap();
    assert_eq!(time.len(), "09:30:00.123".len(), "{line}");
    assert_eq!(rest, "shardId-000000000000 spot|BTCUSDT {\"e\":\"trade\"}\\n{}");
}

#[test]
fn a_record_of_a_data_stream_is_a_document_where_documents_are_wanted() {
    let put = |up: &Up| up.aws.put_records("frames", &[("key", "{\"e\":\"trade\"}")]);
    let line = first_line(&run(), &["frames", "--json"], put);
    let record: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(record["data"], "{\"e\":\"trade\"}");
    assert_eq!(
        (&record["partition_key"], &record["shard_id"]),
        (&"key".into(), &"shardId-000000000000".into())
    );
}

#[test]
fn what_a_delivery_stream_delivers_is_a_line_for_each_record() {
    let line = first_line(&run(), &["compressed"], |up| up.aws.deliver("compressed", "a record"));
    assert!(line.ends_with(" a record"), "{line}");
}

#[test]
fn it_ends_with_the_run() {
    let up = run();
    let (mut tail, lines) = start(&mut command(up.aws.url(), &["frames"]));
    until("a line", || {
        up.aws.put_records("frames", &[("key", "data")]);
        lines.out.recv_timeout(LOOK_AGAIN).ok()
    });
    up.end();
    tail.wait();
}

#[test]
fn an_unknown_name_is_refused_with_those_there_are() {
    let up = run();
    let line = refused(&mut command(up.aws.url(), &["framse"]));
    assert!(line.starts_with("error: "), "{line}");
    for name in ["frames", "compressed", "endpoint", "\"framse\""] {
        assert!(line.contains(name), "{line} does not say {name}");
    }
}

#[test]
fn without_a_run_it_says_what_to_do() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = refused(&mut command(&format!("http://{free}"), &["frames"]));
    assert!(line.starts_with(&format!("error: cannot reach `tapeline up` at http://{free}: ")), "{line}");
    assert!(line.contains("start it"), "{line}");
}
