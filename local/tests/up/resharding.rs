//! Streams whose shards are split and merged while records are put and read.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use crate::aws::{Aws, number};
use crate::mappings::{each_once_and_in_order, numbered};
use crate::process::until;
use crate::stand_in::{done, stand_in};

/// The middle of all hash keys, 2^127.
const MIDDLE: &str = "170141183460469231731687303715884105728";
/// Keys of the records.
const KEYS: usize = 8;
/// Records of each key that are put at least before the stream is changed, and after.
const ROUNDS: usize = 5;

/// Changes the shards of a stream, once it can be.
fn reshard(aws: &Aws, operation: &str, change: serde_json::Value) {
    let mut request = change;
    request["StreamName"] = json!("frames");
    aws.kinesis(operation, &request);
    let is_active = || {
        let summary = aws.kinesis("DescribeStreamSummary", &json!({"StreamName": "frames"}));
        (summary["StreamDescriptionSummary"]["StreamStatus"] == "ACTIVE").then_some(())
    };
    until("an active stream", is_active);
}

#[test]
fn every_record_comes_once_and_in_the_order_of_its_key_while_shards_are_split_and_merged() {
    let (workshop, worker) = stand_in(&[], |_, _| done());
    let up = workshop.up();
    let (url, is_over, put) = (up.aws.url(), AtomicBool::new(false), AtomicUsize::new(0));
    let more = || {
        let before = put.load(Ordering::Relaxed);
        until("records", || (put.load(Ordering::Relaxed) >= before + ROUNDS).then_some(()));
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let aws = Aws::at(url);
            while !is_over.load(Ordering::Relaxed) {
                let round = put.load(Ordering::Relaxed);
                aws.put_records("frames", &numbered(KEYS, round, 1));
                put.store(round + 1, Ordering::Relaxed);
            }
        });
        more();
        let split = json!({"ShardToSplit": "shardId-000000000000", "NewStartingHashKey": MIDDLE});
        reshard(&up.aws, "SplitShard", split);
        more();
        let merge =
            json!({"ShardToMerge": "shardId-000000000001", "AdjacentShardToMerge": "shardId-000000000002"});
        reshard(&up.aws, "MergeShards", merge);
        more();
        is_over.store(true, Ordering::Relaxed);
    });
    let rounds = put.load(Ordering::Relaxed);
    each_once_and_in_order(worker.records(rounds * KEYS), rounds);
    let status = up.aws.status();
    assert_eq!(number(&status, "/streams/frames/open_shards"), 1);
    assert_eq!(number(&status, "/streams/frames/records"), (rounds * KEYS) as u64);
    assert_eq!(number(&status, "/mappings/WorkerFrames/records"), (rounds * KEYS) as u64);
}
