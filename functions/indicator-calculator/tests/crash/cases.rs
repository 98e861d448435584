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
    assert_eq!(found.rows, expected.rows);
    assert_eq!(states(disturbed.items().await), states(calm.items().await));
}

/// The states alone: how often an item was written depends on how the batches were cut.
fn states(items: Items) -> BTreeMap<(String, String), Vec<u8>> {
    items.into_iter().map(|(key, stored)| (key, stored.state)).collect()
}

/// Two batches of a shard, each with several bars of each of its symbols.
fn batches(session: &Session) -> (&[Record], &[Record]) {
    let (first, rest) = session.shards[0].split_at(100);
    (first, &rest[..100])
}

async fn done(function: &mut Function, batch: &[Record]) {
    function.hand_out(event(batch), |_| Fate::Answered);
    let nothing = br#"{"batchItemFailures":[]}"#.to_vec();
    assert_eq!(function.end(None).await, End::Answered(nothing));
}

#[tokio::test]
async fn an_old_invocation_cannot_overwrite_newer_state() {
    let (session, services) = (Session::new(), Arc::new(Services::start().await));
    let (first, second) = batches(&session);
    let [mut old, mut new] = [Function::start(&services).await, Function::start(&services).await];
    let held = second_symbol(first);
    let lane = format!("spot|{}", held.symbol);
    let (open, gate) = watch::channel(false);
    old.hand_out(event(first), move |call| match call.step() {
        Step::Hot if call.lane() == Some(&lane) => Fate::Held(gate.clone()),
        _ => Fate::Answered,
    });
    old.held().await;
    done(&mut new, first).await;
    done(&mut new, second).await;
    let (items, published) = (services.items().await, services.published().await);

    open.send(true).unwrap();
    let from_there = json!({ "batchItemFailures": [{ "itemIdentifier": held.sequence_number }] });
    assert_eq!(old.end(None).await, End::Answered(from_there.to_string().into_bytes()));
    assert_eq!(services.items().await, items);

    // What comes again was done by the other.
    done(&mut old, first).await;
    assert_eq!(services.items().await, items);
    assert_eq!(services.published().await.rows, published.rows);
    assert_eq!(metric(&old.log(), "StateConflicts"), [1, 0]);
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
