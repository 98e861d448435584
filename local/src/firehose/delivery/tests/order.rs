//! Several batches at the function at once: what is written does not depend on how long each takes.

use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use tokio::sync::Semaphore;

use super::*;
use crate::firehose::invocation::OUTSTANDING_MAX;

/// A function that answers only when it is let, and tells how many invocations were outstanding at once.
#[derive(Clone)]
struct Gate {
    admitted: Arc<Semaphore>,
    outstanding: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl Gate {
    fn new() -> Self {
        Self { admitted: Arc::new(Semaphore::new(0)), outstanding: Arc::default(), most: Arc::default() }
    }
}

impl Invoke for Gate {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        let outstanding = self.outstanding.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(outstanding, Ordering::SeqCst);
        self.admitted.acquire().await.unwrap().forget();
        self.outstanding.fetch_sub(1, Ordering::SeqCst);
        Ok(all("Ok")(&[serde_json::from_slice(&event).unwrap()])?.to_string().into())
    }
}

/// A function that takes as many turns of the runtime as the first byte of its first record says.
#[derive(Clone)]
struct Slow;

impl Invoke for Slow {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        let event: Value = serde_json::from_slice(&event).unwrap();
        for _ in 0..data_of(&event["records"][0])[0] {
            tokio::task::yield_now().await;
        }
        Ok(by_kind()(&[event])?.to_string().into())
    }
}

/// Batches of one record each.
fn one_by_one(settings: Settings) -> Settings {
    Settings {
        processing: with_lambda(LambdaSettings { buffer: buffer(1, 60), ..lambda() }).processing,
        ..settings
    }
}

#[tokio::test]
async fn at_most_five_invocations_are_outstanding() {
    let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::new());
    let mut delivery = Delivery::new(one_by_one(settings()), gate.clone(), folder.path(), at(0)).unwrap();
    for number in 0..5 {
        delivery.put(record(number, 0, b"x")).await.unwrap();
    }
    assert_eq!(delivery.counts().records.ok, 0);
    assert_eq!(delivery.buffered_bytes(), OUTSTANDING_MAX);
    // The sixth waits until one is answered.
    gate.admitted.add_permits(1);
    delivery.put(record(5, 0, b"x")).await.unwrap();
    assert_eq!(delivery.counts().records.ok, 1);
    gate.admitted.add_permits(5);
    delivery.finish().await.unwrap();
    assert_eq!((delivery.counts().records.ok, gate.most.load(Ordering::SeqCst)), (6, 5));
}

#[tokio::test]
async fn what_was_answered_is_delivered_without_waiting_for_more() {
    let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::new());
    let mut delivery = Delivery::new(one_by_one(settings()), gate.clone(), folder.path(), at(0)).unwrap();
    for number in 0..2 {
        delivery.put(record(number, 0, b"x")).await.unwrap();
    }
    delivery.settle().await.unwrap();
    assert_eq!(delivery.counts().records.ok, 0);
    gate.admitted.add_permits(1);
    delivery.answered().await;
    delivery.settle().await.unwrap();
    assert_eq!(delivery.counts().records.ok, 1);
}

#[tokio::test]
async fn an_object_that_is_due_waits_for_what_was_handed_over_before() {
    let (folder, gate) = (tempfile::tempdir().unwrap(), Gate::new());
    let mut delivery = Delivery::new(one_by_one(settings()), gate.clone(), folder.path(), at(0)).unwrap();
    delivery.put(record(1, 0, b"a")).await.unwrap();
    gate.admitted.add_permits(1);
    delivery.answered().await;
    delivery.settle().await.unwrap();
    delivery.advance(at(299_000)).await.unwrap();
    delivery.put(record(2, 299, b"b")).await.unwrap();
    assert_eq!(delivery.next_due(), Some(at(300_000)));
    gate.admitted.add_permits(1);
    delivery.advance(at(300_000)).await.unwrap();
    let objects = objects_below(&folder.path().join(BUCKET));
    assert_eq!(objects.into_values().collect::<Vec<_>>(), [b"ab"]);
}

/// Plays records that arrive so many seconds behind one another. When `waits`, each is answered before the next.
async fn played(records: &[(u8, i64)], waits: bool) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let s3 = S3Settings { buffer: buffer(6, 7), ..partitioned_s3() };
    let mut delivery = Delivery::new(one_by_one(to_s3(s3)), Slow, folder.path(), at(0)).unwrap();
    let (mut number, mut seconds) = (0, 0);
    for (kind, wait) in records {
        (number, seconds) = (number + 1, seconds + wait);
        delivery.advance(at(seconds * 1000)).await.unwrap();
        delivery.put(record(number, seconds, &[b'a' + kind])).await.unwrap();
        if waits {
            delivery.apply_all().await.unwrap();
        }
    }
    delivery.finish().await.unwrap();
    objects_below(&folder.path().join(BUCKET))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_does_not_depend_on_when_answers_come(
        records in proptest::collection::vec((0_u8..3, 0_i64..4), 0..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let at_once = runtime.block_on(played(&records, false));
        prop_assert_eq!(at_once, runtime.block_on(played(&records, true)));
    }
}
