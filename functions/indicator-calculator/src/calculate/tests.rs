//! Batches against a store and a stream in memory, and what their failures do.

use std::sync::Mutex;

use serde_json::{Value, json};
use tapeline_telemetry::chain;

use super::*;
use crate::fault::Fault;
use crate::publish::{MemoryStream, OutputRecord};
use crate::state::{
    Condition, Item, ItemKey, MemoryStore, Part, SaveError, StateStore, StoreCall, StoreError, Write,
};
use crate::testing::{self, event, record, trade};

/// A deployment: any number of environments on one store and one stream.
#[derive(Default)]
struct Deployment {
    store: MemoryStore,
    stream: MemoryStream,
}

type Environment = Calculator<MemoryStore, MemoryStream>;

impl Deployment {
    fn environment(&self) -> Environment {
        Calculator::new(testing::config(&[]), self.store.clone(), self.stream.clone())
    }

    /// Lanes with a watermark.
    fn lanes(&self) -> Vec<String> {
        let hot = self.store.items().into_iter().filter(|item| item.key.part == Part::Hot);
        hot.map(|item| item.key.lane).collect()
    }

    /// Symbol and minute of each row.
    fn rows(&self) -> Vec<String> {
        let row = |record: OutputRecord| {
            let row: Value = serde_json::from_slice(&record.data).unwrap();
            format!("{} {}", row["symbol"].as_str().unwrap(), &row["open_time"].as_str().unwrap()[14..16])
        };
        self.stream.records().into_iter().map(row).collect()
    }
}

/// Trades by symbol, id and second after noon.
async fn run<S: StateStore>(
    environment: &mut Calculator<S, MemoryStream>,
    trades: &[(&str, u64, u64)],
) -> (Value, Report) {
    let records: Vec<_> =
        trades.iter().map(|(symbol, id, second)| record(symbol, trade(symbol, *id, *second))).collect();
    let Calculated { answer, report } = environment.calculate(&event(&records)).await.unwrap();
    (serde_json::from_slice(&answer).unwrap(), report)
}

fn named(number: &str) -> Value {
    json!({ "batchItemFailures": [{ "itemIdentifier": number }] })
}

fn done() -> Value {
    json!({ "batchItemFailures": [] })
}

/// A minute of three symbols, and a trade behind it.
const MINUTE: [(&str, u64, u64); 6] =
    [("A", 1, 1), ("B", 1, 1), ("C", 1, 1), ("A", 2, 61), ("B", 2, 61), ("C", 2, 61)];

fn is_of(lane: &'static str) -> impl FnMut(StoreCall<'_>) -> Option<Fault> + Send {
    move |call| match call {
        StoreCall::Save(write) if write.item.key.lane == lane => Some(Fault::Before),
        _ => None,
    }
}

#[tokio::test]
async fn a_cache_that_another_environment_made_stale_is_read_again() {
    let deployment = Deployment::default();
    let [mut first, mut second] = [deployment.environment(), deployment.environment()];
    run(&mut first, &[("A", 1, 1), ("A", 2, 61)]).await;
    // One item while it is warm, all of the lane's when it is cold or stale: there is no bar of five minutes yet.
    assert_eq!(run(&mut first, &[("A", 3, 62)]).await.1.items_read, 1);
    assert_eq!(run(&mut second, &[("A", 4, 121)]).await.1.items_read, 2);
    assert_eq!(run(&mut first, &[("A", 5, 181)]).await.1.items_read, 2);
    assert_eq!(run(&mut second, &[("A", 6, 241)]).await.1.items_read, 2);
    assert_eq!(deployment.rows(), ["A 00", "A 01", "A 02", "A 03"]);
    let seen =
        deployment.stream.records().into_iter().map(|record| {
            serde_json::from_slice::<Value>(&record.data).unwrap()["bars_seen"].as_u64().unwrap()
        });
    assert_eq!(seen.collect::<Vec<_>>(), [1, 2, 3, 4]);
}

/// A store in which somebody else writes once, between a read and what comes of it.
struct Raced {
    store: MemoryStore,
    rival: Mutex<Option<Write>>,
}

impl StateStore for Raced {
    async fn load(&self, keys: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        let items = self.store.load(keys).await;
        let rival = self.rival.lock().unwrap().take();
        if let Some(write) = rival {
            self.store.save(&write).await.unwrap();
        }
        items
    }

    async fn save(&self, write: &Write) -> Result<(), SaveError> {
        self.store.save(write).await
    }
}

/// A store that takes its time for some lanes.
struct Slow(MemoryStore);

impl StateStore for Slow {
    async fn load(&self, keys: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        if keys.iter().any(|key| key.lane == "spot|S0") {
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
        self.0.load(keys).await
    }

    async fn save(&self, write: &Write) -> Result<(), SaveError> {
        self.0.save(write).await
    }
}

#[tokio::test(start_paused = true)]
async fn rows_are_in_the_order_of_their_symbols_however_long_the_store_takes() {
    let deployment = Deployment::default();
    let slow = Slow(deployment.store.clone());
    let mut environment = Calculator::new(testing::config(&[]), slow, deployment.stream.clone());
    let symbols: Vec<_> = (0..3 * LANES_PER_GROUP).map(|at| format!("S{at}")).collect();
    let minutes = [(1, 1), (2, 61)].into_iter();
    let trades = minutes.flat_map(|(id, at)| symbols.iter().map(move |symbol| (symbol.as_str(), id, at)));
    assert_eq!(run(&mut environment, &trades.collect::<Vec<_>>()).await.0, done());
    let expected: Vec<_> = symbols.iter().map(|symbol| format!("{symbol} 00")).collect();
    assert_eq!(deployment.rows(), expected);
}

#[tokio::test]
async fn a_lost_condition_fails_its_symbol_alone_and_the_next_try_succeeds() {
    let deployment = Deployment::default();
    run(&mut deployment.environment(), &[("A", 1, 1), ("B", 1, 1), ("C", 1, 1)]).await;
    let of_b = deployment.store.items().into_iter().find(|item| item.key.lane == "spot|B").unwrap();
    let rival = Write { item: Item { order: 2, ..of_b }, condition: Condition::Unchanged(1) };
    let raced = Raced { store: deployment.store.clone(), rival: Mutex::new(Some(rival)) };
    let mut environment = Calculator::new(testing::config(&[]), raced, deployment.stream.clone());
    let (answer, report) = run(&mut environment, &[("A", 2, 2), ("B", 2, 2), ("C", 2, 2)]).await;
    assert_eq!((answer, report.lanes_failed, report.state_conflicts), (named("2"), 1, 1));
    assert_eq!(report.last_failure.as_deref(), Some("the item must be as it was loaded"));
    let (answer, report) = run(&mut environment, &[("B", 2, 2), ("C", 2, 2)]).await;
    assert_eq!((answer, report.state_conflicts, report.tally.folded), (done(), 0, 1));
    let orders: Vec<_> = deployment.store.items().into_iter().map(|item| item.order).collect();
    assert_eq!(orders, [2, 3, 2]);
}

#[tokio::test]
async fn a_symbol_whose_rows_are_not_published_is_not_remembered() {
    let deployment = Deployment::default();
    deployment.stream.inject(|record| (record.partition_key == "spot|B").then_some(Fault::Before));
    let mut environment = deployment.environment();
    let (answer, report) = run(&mut environment, &MINUTE).await;
    assert_eq!((answer, report.lanes_failed), (named("2"), 1));
    assert_eq!(
        (deployment.rows(), deployment.lanes()),
        (vec!["A 00".into(), "C 00".into()], vec!["spot|A".into(), "spot|C".into()])
    );
    deployment.stream.heal();
    assert_eq!(run(&mut environment, &MINUTE[1..]).await.0, done());
    assert_eq!(deployment.rows(), ["A 00", "C 00", "B 00"]);
}

#[tokio::test]
async fn a_symbol_whose_items_are_not_written_is_published_again() {
    let deployment = Deployment::default();
    let mut environment = deployment.environment();
    deployment.store.inject(is_of("spot|C"));
    let (answer, report) = run(&mut environment, &MINUTE).await;
    assert_eq!((answer, report.lanes_failed, report.state_conflicts), (named("3"), 1, 0));
    // What was not done is not counted as done.
    assert_eq!((report.tally.folded, report.bars_closed), (4, vec![(tapeline_market::Interval::Minute1, 2)]));
    deployment.store.heal();
    assert_eq!(run(&mut environment, &MINUTE[2..]).await.0, done());
    assert_eq!(deployment.rows(), ["A 00", "B 00", "C 00", "C 00"]);
    let records = deployment.stream.records();
    assert_eq!(records[2], records[3]);
}

#[tokio::test]
async fn without_what_is_stored_nothing_is_done() {
    let deployment = Deployment::default();
    deployment.store.inject(|call| matches!(call, StoreCall::Load(_)).then_some(Fault::Before));
    let (answer, report) = run(&mut deployment.environment(), &MINUTE).await;
    assert_eq!((answer, report.lanes_failed), (named("1"), 3));
    let failure = "the state store must answer: expected an answer, this failure is injected";
    assert_eq!(report.last_failure.as_deref(), Some(failure));
    assert_eq!((deployment.rows(), deployment.lanes()), (Vec::<String>::new(), Vec::<String>::new()));
}

#[tokio::test]
async fn a_batch_without_a_frame_that_counts_asks_for_nothing() {
    let deployment = Deployment::default();
    deployment.store.inject(|_| Some(Fault::Before));
    let mut environment = deployment.environment();
    for records in [vec![], vec![record("a", "{")], vec![record("a", r#"{"result":null,"id":1}"#)]] {
        let calculated = environment.calculate(&event(&records)).await.unwrap();
        assert_eq!(calculated.answer, br#"{"batchItemFailures":[]}"#);
    }
}

#[tokio::test]
async fn a_failure_that_cannot_be_named_fails_the_invocation() {
    let deployment = Deployment::default();
    deployment.store.inject(is_of("spot|A"));
    let nameless = String::from_utf8(event(&[record("A", trade("A", 1, 1))])).unwrap();
    let nameless = nameless.replace("\"sequenceNumber\":\"1\",", "");
    let error = deployment.environment().calculate(nameless.as_bytes()).await.unwrap_err();
    assert_eq!(error.error_type(), "Tapeline.NoSequenceNumber");
    assert_eq!(
        error.to_string(),
        "expected a sequence number in record 0 to retry from: \
         the state store must answer: expected an answer, this failure is injected"
    );
}

#[tokio::test]
async fn what_is_no_event_fails_the_invocation() {
    let error = Deployment::default().environment().calculate(b"{}").await.unwrap_err();
    assert_eq!(error.error_type(), "Tapeline.InvalidEvent");
    assert_eq!(
        chain(&error),
        "expected the event of a Kinesis stream: expected a Kinesis event with `Records`"
    );
}

#[tokio::test]
async fn no_more_symbols_are_kept_than_the_cache_holds() {
    let deployment = Deployment::default();
    let mut environment = deployment.environment();
    let symbols: Vec<_> = (0..=CACHE_LANES_MAX).map(|at| format!("S{at}")).collect();
    let trades: Vec<_> = symbols.iter().map(|symbol| (symbol.as_str(), 1, 1)).collect();
    assert_eq!(run(&mut environment, &trades).await.0, done());
    assert_eq!(environment.cache.len(), CACHE_LANES_MAX);
    run(&mut environment, &[("Z", 1, 1)]).await;
    assert_eq!(environment.cache.keys().collect::<Vec<_>>(), ["spot|Z"]);
}
