//! Streams of the real store, changed through its API while they are read.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ferrokinesis::actions::{Operation, dispatch};
use ferrokinesis::store::StoreOptions;
use ferrokinesis::types::StreamStatus;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tokio::task::JoinHandle;

use super::*;
use crate::stream::hash_key;

/// Longer than any of this takes: what is awaited comes, or the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store without delays of its own.
fn store() -> Store {
    Store::new(StoreOptions {
        create_stream_ms: 0,
        delete_stream_ms: 0,
        update_stream_ms: 0,
        shard_limit: 64,
        ..StoreOptions::default()
    })
}

async fn call(store: &Store, operation: Operation, request: Value) -> Value {
    let answer = dispatch(store, operation, request).await;
    answer.map_err(|error| format!("{:?}", error.body)).unwrap().unwrap_or_default()
}

/// Waits until the stream is ready for the next change.
async fn is_active(store: &Store) {
    let active = async {
        while store.get_stream("frames").await.unwrap().stream_status != StreamStatus::Active {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(PATIENCE, active).await.unwrap();
}

async fn create(store: &Store, shards: u32) {
    call(store, Operation::CreateStream, json!({"StreamName": "frames", "ShardCount": shards})).await;
    is_active(store).await;
}

async fn put(store: &Store, key: &str, data: &str) {
    let request = json!({"StreamName": "frames", "PartitionKey": key, "Data": STANDARD.encode(data)});
    call(store, Operation::PutRecord, request).await;
}

/// Splits a shard where its hash keys are half.
async fn split(store: &Store, shard: usize) {
    let stream = store.get_stream("frames").await.unwrap();
    let range = &stream.shards[shard].hash_key_range;
    let half = range.start_u128() + (range.end_u128() - range.start_u128()) / 2 + 1;
    let request = json!({"StreamName": "frames", "ShardToSplit": stream.shards[shard].shard_id,
        "NewStartingHashKey": half.to_string()});
    call(store, Operation::SplitShard, request).await;
    is_active(store).await;
}

async fn merge(store: &Store, one: usize, other: usize) {
    let id = |shard: usize| format!("shardId-{shard:012}");
    let request = json!({"StreamName": "frames", "ShardToMerge": id(one), "AdjacentShardToMerge": id(other)});
    call(store, Operation::MergeShards, request).await;
    is_active(store).await;
}

/// Keeps what it is given, in its order. A shard that is held is not done with until it is let go.
#[derive(Clone, Default)]
struct Keeper {
    records: Arc<Mutex<Vec<StreamRecord>>>,
    done: Arc<Mutex<Vec<String>>>,
    held: Option<watch::Receiver<bool>>,
}

impl ShardConsumer for Keeper {
    async fn consume(&self, shard_id: String, mut records: mpsc::Receiver<StreamRecord>) {
        while let Some(record) = records.recv().await {
            assert_eq!(record.shard_id, shard_id);
            self.records.lock().unwrap().push(record);
        }
        if let Some(mut held) = self.held.clone() {
            let _ = held.wait_for(|is_free| *is_free).await;
        }
        self.done.lock().unwrap().push(shard_id);
    }
}

impl Keeper {
    fn texts(&self) -> Vec<String> {
        let records = self.records.lock().unwrap();
        records.iter().map(|record| String::from_utf8(record.data.clone()).unwrap()).collect()
    }

    async fn has(&self, count: usize) {
        let has = async {
            while self.records.lock().unwrap().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let patient = tokio::time::timeout(PATIENCE, has).await;
        assert!(patient.is_ok(), "{count} expected, were {:?}", self.texts());
    }

    async fn has_done(&self, shards: &[&str]) {
        let has = async {
            while *self.done.lock().unwrap() != shards {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let patient = tokio::time::timeout(PATIENCE, has).await;
        assert!(patient.is_ok(), "{shards:?} expected, were {:?}", self.done.lock().unwrap());
    }
}

/// A stream that is read by a keeper.
struct Read {
    keeper: Keeper,
    stop: watch::Sender<bool>,
    end: JoinHandle<End>,
}

impl Read {
    fn begin(store: &Store, position: Position) -> Self {
        Self::by(Keeper::default(), store, position)
    }

    fn by(keeper: Keeper, store: &Store, position: Position) -> Self {
        let source = Source {
            store: store.clone(),
            stream: "frames".to_owned(),
            position,
            poll_interval: Duration::from_millis(5),
            finish_max: PATIENCE,
        };
        let (stop, shutdown) = watch::channel(false);
        let end = tokio::spawn(read(source, keeper.clone(), shutdown));
        Self { keeper, stop, end }
    }

    async fn ended(self) -> End {
        tokio::time::timeout(PATIENCE, self.end).await.unwrap().unwrap()
    }

    async fn stop(self) -> End {
        self.stop.send_replace(true);
        self.ended().await
    }
}

#[tokio::test]
async fn trim_horizon_begins_with_the_oldest_record() {
    let store = store();
    create(&store, 1).await;
    put(&store, "key", "1").await;
    let read = Read::begin(&store, Position::TrimHorizon);
    read.keeper.has(1).await;
    put(&store, "key", "2").await;
    let keeper = read.keeper.clone();
    assert_eq!(read.stop().await, End::Finished);
    assert_eq!(keeper.texts(), ["1", "2"]);
    assert_eq!(*keeper.done.lock().unwrap(), ["shardId-000000000000"]);
}

#[tokio::test]
async fn latest_begins_behind_the_newest_record() {
    let store = store();
    create(&store, 2).await;
    for key in ["a", "b", "c", "d"] {
        put(&store, key, "before").await;
    }
    split(&store, 0).await;
    let read = Read::begin(&store, Position::Latest);
    // The reader has found its place once both shards are known to it.
    tokio::time::sleep(Duration::from_millis(100)).await;
    for key in ["a", "b", "c", "d"] {
        put(&store, key, "behind").await;
    }
    read.keeper.has(4).await;
    let keeper = read.keeper.clone();
    assert_eq!(read.stop().await, End::Finished);
    assert_eq!(keeper.texts(), ["behind"; 4]);
}

#[tokio::test]
async fn a_time_begins_with_the_first_record_that_arrived_then() {
    let store = store();
    create(&store, 1).await;
    put(&store, "key", "1").await;
    let second = SignedDuration::from_secs(1);
    for (from, expected) in [(Timestamp::now() - second, 1), (Timestamp::now() + second + second, 0)] {
        let read = Read::begin(&store, Position::AtTimestamp(from));
        let keeper = read.keeper.clone();
        assert_eq!(read.stop().await, End::Finished);
        assert_eq!(keeper.texts().len(), expected, "{from}");
    }
}

#[tokio::test]
async fn records_are_those_of_the_store() {
    let store = store();
    create(&store, 4).await;
    let before = Timestamp::now() - SignedDuration::from_secs(1);
    let request =
        json!({"StreamName": "frames", "PartitionKey": "spot|BTCUSDT", "Data": STANDARD.encode([0, 255])});
    let answer = call(&store, Operation::PutRecord, request).await;
    let read = Read::begin(&store, Position::TrimHorizon);
    read.keeper.has(1).await;
    let record = read.keeper.records.lock().unwrap().remove(0);
    assert_eq!(record.sequence_number, answer["SequenceNumber"]);
    assert_eq!(record.shard_id, answer["ShardId"]);
    assert_eq!((record.partition_key.as_str(), record.data.as_slice()), ("spot|BTCUSDT", &[0, 255][..]));
    assert!(record.arrival >= before && record.arrival <= Timestamp::now());
}

#[tokio::test]
async fn children_begin_when_their_parent_is_done_with() {
    let store = store();
    create(&store, 1).await;
    put(&store, "key", "1").await;
    let (free, held) = watch::channel(false);
    let keeper = Keeper { held: Some(held), ..Keeper::default() };
    let read = Read::by(keeper, &store, Position::TrimHorizon);
    read.keeper.has(1).await;
    split(&store, 0).await;
    put(&store, "key", "2").await;
    // Its consumer has not finished the parent: the child has to wait, for longer than it takes to find it.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    assert_eq!(read.keeper.texts(), ["1"]);
    free.send_replace(true);
    read.keeper.has(2).await;
    assert_eq!(*read.keeper.done.lock().unwrap(), ["shardId-000000000000"]);
}

#[tokio::test]
async fn a_merged_shard_begins_when_both_parents_are_done_with() {
    let store = store();
    create(&store, 2).await;
    let read = Read::begin(&store, Position::TrimHorizon);
    for (number, key) in ["a", "b", "c", "d"].into_iter().enumerate() {
        put(&store, key, &number.to_string()).await;
    }
    merge(&store, 0, 1).await;
    put(&store, "a", "behind").await;
    read.keeper.has(5).await;
    assert_eq!(read.keeper.texts()[4], "behind");
    let mut done = read.keeper.done.lock().unwrap().clone();
    done.sort();
    assert_eq!(done, ["shardId-000000000000", "shardId-000000000001"]);
    let last = read.keeper.records.lock().unwrap()[4].shard_id.clone();
    assert_eq!(last, "shardId-000000000002");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_keep_their_order_through_every_resharding() {
    let store = store();
    create(&store, 2).await;
    let read = Read::begin(&store, Position::TrimHorizon);
    let writer = store.clone();
    let writing = tokio::spawn(async move {
        for number in 0..300 {
            for key in ["a", "b", "c", "d", "e"] {
                put(&writer, key, &format!("{key}:{number}")).await;
            }
            if number % 30 == 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    });
    split(&store, 0).await;
    split(&store, 1).await;
    merge(&store, 2, 3).await;
    call(
        &store,
        Operation::UpdateShardCount,
        json!({"StreamName": "frames", "TargetShardCount": 4, "ScalingType": "UNIFORM_SCALING"}),
    )
    .await;
    is_active(&store).await;
    writing.await.unwrap();
    let keeper = read.keeper.clone();
    assert_eq!(read.stop().await, End::Finished);
    let texts = keeper.texts();
    assert_eq!(texts.len(), 1_500);
    for key in ["a", "b", "c", "d", "e"] {
        let of_key: Vec<_> = texts.iter().filter(|text| text.starts_with(key)).cloned().collect();
        assert_eq!(of_key, (0..300).map(|number| format!("{key}:{number}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn new_shards_are_found_within_a_second() {
    let store = store();
    create(&store, 1).await;
    let read = Read::begin(&store, Position::Latest);
    tokio::time::sleep(Duration::from_millis(50)).await;
    split(&store, 0).await;
    put(&store, "key", "1").await;
    let found = tokio::time::timeout(Duration::from_millis(1_500), read.keeper.has(1)).await;
    assert!(found.is_ok());
}

#[tokio::test]
async fn a_stream_that_is_made_later_is_read_from_its_beginning() {
    let store = store();
    let read = Read::begin(&store, Position::Latest);
    tokio::time::sleep(Duration::from_millis(20)).await;
    create(&store, 1).await;
    put(&store, "key", "1").await;
    read.keeper.has(1).await;
}

#[tokio::test]
async fn a_stream_that_is_deleted_ends_its_reading() {
    let store = store();
    create(&store, 1).await;
    put(&store, "key", "1").await;
    let read = Read::begin(&store, Position::TrimHorizon);
    read.keeper.has(1).await;
    call(&store, Operation::DeleteStream, json!({"StreamName": "frames"})).await;
    let keeper = read.keeper.clone();
    assert_eq!(read.ended().await, End::Deleted);
    keeper.has_done(&["shardId-000000000000"]).await;
}

#[tokio::test]
async fn a_stream_that_never_was_is_waited_for_until_the_end() {
    let read = Read::begin(&store(), Position::TrimHorizon);
    assert_eq!(read.stop().await, End::Finished);
}

#[tokio::test]
async fn a_consumer_that_is_not_done_in_time_is_abandoned() {
    let store = store();
    create(&store, 1).await;
    put(&store, "key", "1").await;
    let (_free, held) = watch::channel(false);
    let source = Source {
        store,
        stream: "frames".to_owned(),
        position: Position::TrimHorizon,
        poll_interval: Duration::from_millis(5),
        finish_max: Duration::from_millis(200),
    };
    // Told to stop before it begins: what is there is read all the same.
    let (_stop, shutdown) = watch::channel(true);
    let keeper = Keeper { held: Some(held), ..Keeper::default() };
    let reading = tokio::spawn(read(source, keeper.clone(), shutdown));
    assert_eq!(tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap(), End::Abandoned);
    assert_eq!((keeper.texts().len(), keeper.done.lock().unwrap().len()), (1, 0));
}

/// What puts a record, in two steps: whoever is between them was given a number and is not visible yet.
async fn put_late(store: &Store, early: &str, late: &str, between: impl Future<Output = ()>) {
    let hash_key = hash_key("key");
    let place = store.allocate_sequence("frames", &hash_key).await.unwrap();
    put(store, "key", early).await;
    between.await;
    let record = ferrokinesis::types::StoredRecord {
        partition_key: "key".to_owned(),
        data: STANDARD.encode(late),
        approximate_arrival_timestamp: f64::from(u32::try_from(place.now / 1000).unwrap()),
    };
    store.put_record("frames", &place.stream_key, &record).await.unwrap();
}

#[tokio::test]
async fn a_record_that_becomes_visible_late_is_read_in_its_place() {
    let store = store();
    create(&store, 1).await;
    let read = Read::begin(&store, Position::TrimHorizon);
    put(&store, "key", "1").await;
    read.keeper.has(1).await;
    put_late(&store, "3", "2", tokio::time::sleep(Duration::from_millis(100))).await;
    read.keeper.has(3).await;
    assert_eq!(read.keeper.texts(), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_record_that_never_becomes_visible_is_given_up() {
    let store = store();
    create(&store, 1).await;
    let read = Read::begin(&store, Position::TrimHorizon);
    store.allocate_sequence("frames", &hash_key("key")).await.unwrap();
    put(&store, "key", "2").await;
    read.keeper.has(1).await;
    store.allocate_sequence("frames", &hash_key("key")).await.unwrap();
    assert_eq!(read.stop().await, End::Finished);
}

#[tokio::test]
async fn several_read_the_same_stream() {
    let store = store();
    create(&store, 2).await;
    let reads = [(); 3].map(|()| Read::begin(&store, Position::TrimHorizon));
    for number in 0..20 {
        put(&store, &format!("key {number}"), &number.to_string()).await;
    }
    let mut texts = BTreeMap::new();
    for read in reads {
        let keeper = read.keeper.clone();
        assert_eq!(read.stop().await, End::Finished);
        let mut found = keeper.texts();
        found.sort();
        *texts.entry(found).or_insert(0) += 1;
    }
    assert_eq!(texts.len(), 1);
    assert_eq!(texts.into_iter().next().map(|(found, reads)| (found.len(), reads)), Some((20, 3)));
}
