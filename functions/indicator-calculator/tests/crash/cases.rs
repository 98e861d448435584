//! What must hold whatever happens to the function.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::function::{End, Fate, Function};
use crate::mapping::Run;
use crate::services::{Items, Services, Step};
use crate::session::{Record, Session, event};

const KILLS: usize = 200;

#[tokio::test]
async fn two_hundred_kills_leave_no_trace() {
    let session = Session::new();
    let (calm, disturbed) = (Arc::new(Services::start().await), Arc::new(Services::start().await));
    Run { processes: 1, kills: 0, seed: 1 }.play(&session, &calm).await;
    let account = Run { processes: 2, kills: KILLS, seed: 2 }.play(&session, &disturbed).await;
    let (expected, found) = (calm.published().await, disturbed.published().await);
    println!("{account:?}, {} rows and {} duplicates of them", found.rows.len(), found.duplicates);

    assert_eq!(account.killed(), KILLS);
    for last_step in [None, Some(Step::Load), Some(Step::Publish), Some(Step::Series), Some(Step::Hot)] {
        assert!(account.kills.contains_key(&last_step), "no kill after {last_step:?}: {account:?}");
    }
    assert!(account.failures > 0 && found.duplicates > 0, "{account:?}");
    assert_eq!((expected.rows.len(), expected.duplicates), (session.bars_closed(), 0));
    assert_eq!(first_difference(&found.rows, &expected.rows), None);
    let (found, expected) = (states(disturbed.items().await), states(calm.items().await));
    assert_eq!(first_difference(&found, &expected), None);
}

/// A key under which something else is found than expected, what is found, and what is expected.
fn first_difference<'m, K: Ord, V: PartialEq>(
    found: &'m BTreeMap<K, V>,
    expected: &'m BTreeMap<K, V>,
) -> Option<(&'m K, Option<&'m V>, Option<&'m V>)> {
    let keys = found.keys().chain(expected.keys());
    keys.map(|key| (key, found.get(key), expected.get(key))).find(|(_, found, expected)| found != expected)
}

/// The states alone: how often an item was written depends on how the batches were cut.
fn states(items: Items) -> BTreeMap<(String, String), Vec<u8>> {
    items.into_iter().map(|(key, stored)| (key, stored.state)).collect()
}

async fn done(function: &mut Function, batch: &[Record]) {
    function.hand_out(event(batch), |_| Fate::Answered);
    let nothing = r#"{"batchItemFailures":[]}"#.to_owned();
    assert_eq!(function.end(None).await, End::Answered(nothing));
}

/// A process that halts before it writes what it will remember of one symbol.
struct Slow {
    function: Function,
    /// The symbol's first record.
    record: Record,
    open: watch::Sender<bool>,
}

impl Slow {
    async fn start(services: &Arc<Services>, batch: &[Record]) -> Self {
        let mut function = Function::start(services).await;
        let record = second_symbol(batch).clone();
        let lane = format!("spot|{}", record.symbol);
        let (open, gate) = watch::channel(false);
        function.hand_out(event(batch), move |call| match call.step() {
            Step::Hot if call.lane() == Some(&lane) => Fate::Held(gate.clone()),
            _ => Fate::Answered,
        });
        function.held().await;
        Self { function, record, open }
    }

    /// Lets the write go on. The symbol comes again, nothing else.
    async fn fail(&mut self) {
        self.open.send(true).unwrap();
        let from_there = json!({ "batchItemFailures": [{ "itemIdentifier": self.record.sequence_number }] });
        assert_eq!(self.function.end(None).await, End::Answered(from_there.to_string()));
    }
}

/// While a slow process has a batch, another takes the same records and more, in these batches.
async fn check_old_invocation(batch: &[Record], newer_batches: &[&[Record]]) {
    let services = Arc::new(Services::start().await);
    let mut old = Slow::start(&services, batch).await;
    overtake(&services, newer_batches).await;
    let newer = kept(&services).await;
    old.fail().await;
    assert_eq!(kept(&services).await, newer);

    // What comes again was done by the other.
    done(&mut old.function, batch).await;
    assert_eq!(kept(&services).await, newer);
    assert_eq!(metric(&old.function.log(), "StateConflicts"), [1, 0]);
}

async fn overtake(services: &Arc<Services>, batches: &[&[Record]]) {
    let mut function = Function::start(services).await;
    for batch in batches {
        done(&mut function, batch).await;
    }
}

/// All items and rows.
async fn kept(services: &Services) -> (Items, BTreeMap<String, String>) {
    (services.items().await, services.published().await.rows)
}

#[tokio::test]
async fn an_old_invocation_cannot_overwrite_newer_state() {
    let session = Session::new();
    // Some minutes each: bars of every symbol.
    let (first, second) = session.shards[0][..200].split_at(100);
    check_old_invocation(first, &[first, second]).await;
}

#[tokio::test]
async fn an_old_invocation_cannot_overwrite_newer_state_of_its_version() {
    let session = Session::new();
    check_old_invocation(&session.shards[0][..100], &[&session.shards[0][..200]]).await;
}

/// The first record of the symbol that comes second.
fn second_symbol(batch: &[Record]) -> &Record {
    batch.iter().find(|record| record.symbol != batch[0].symbol).unwrap()
}

/// A metric of each invocation, as it is logged for CloudWatch.
fn metric(log: &[Value], name: &str) -> Vec<u64> {
    let documents = log.iter().filter(|document| document.get("_aws").is_some());
    documents.filter_map(|document| document.get(name)?.as_u64()).collect()
}
