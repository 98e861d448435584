//! A mapping on a clock of the test: it stands still while anything works, and then jumps to what is due next.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use jiff::SignedDuration;
use serde_json::Value;
use tokio::time::Instant;

use super::super::testing::{Closure, Reply, at, done, error, fails_at, settings, texts};
use super::*;
use crate::lambda::InvocationError;
use crate::mapping::Messages;
use crate::stream::Shards;

thread_local! {
    static BEGUN: Instant = Instant::now();
}

/// The time of the runtime's clock, as long as the test runs on one thread.
fn now() -> Timestamp {
    let since = BEGUN.with(Instant::elapsed);
    at(0) + SignedDuration::try_from(since).unwrap()
}

fn seconds() -> u64 {
    BEGUN.with(Instant::elapsed).as_secs()
}

/// A mapping with one shard that is fed.
struct World {
    function: Closure,
    mapping: LiveMapping<Closure>,
    shards: Shards,
    sender: mpsc::Sender<StreamRecord>,
    consumed: tokio::task::JoinHandle<()>,
}

impl World {
    fn new(
        change: impl FnOnce(&mut Settings),
        answer: impl FnMut(&[String]) -> Reply + Send + 'static,
    ) -> Self {
        Self::keeping(None, change, answer)
    }

    fn keeping(
        on_failure: Option<OnFailure>,
        change: impl FnOnce(&mut Settings),
        answer: impl FnMut(&[String]) -> Reply + Send + 'static,
    ) -> Self {
        now();
        let mut settings = settings();
        change(&mut settings);
        let function = Closure::new(answer);
        let mapping = LiveMapping::on_clock(settings, function.clone(), on_failure, now);
        let (sender, receiver) = mpsc::channel(64);
        let reading = mapping.clone();
        let consumed =
            tokio::spawn(async move { reading.consume("shardId-000000000000".to_owned(), receiver).await });
        Self { function, mapping, shards: Shards::new(1), sender, consumed }
    }

    async fn put(&mut self, key: &str, data: &str) {
        let record = self.shards.record(key.to_owned(), data.as_bytes().to_vec(), now());
        self.sender.send(record).await.unwrap();
    }

    /// Ends the shard and waits until everything is done with. Gives the function and the counts.
    async fn finish(self) -> (Closure, Counts) {
        drop(self.sender);
        self.consumed.await.unwrap();
        (self.function, self.mapping.counts().counts)
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_waits_for_its_window() {
    let mut world = World::new(|_| (), done);
    world.put("key", "1").await;
    tokio::time::sleep(Duration::from_secs(9)).await;
    world.put("key", "2").await;
    assert_eq!(world.mapping.counts().iterator_age_ms, 9_000);
    tokio::time::sleep(Duration::from_millis(1_001)).await;
    assert_eq!(world.function.events(), ["1 2"]);
    assert_eq!(world.mapping.counts().iterator_age_ms, 0);
}

#[tokio::test(start_paused = true)]
async fn without_a_window_a_batch_has_what_is_there() {
    let mut world = World::new(|settings| settings.window = SignedDuration::ZERO, done);
    for data in ["1", "2", "3"] {
        world.put("key", data).await;
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    world.put("key", "4").await;
    assert_eq!(world.finish().await.0.events(), ["1 2 3", "4"]);
}

#[tokio::test(start_paused = true)]
async fn tries_wait_longer_and_longer() {
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    let seen = Arc::clone(&times);
    let mut world = World::new(
        |settings| (settings.retries, settings.batch_records) = (Some(8), 1),
        move |_| {
            seen.lock().unwrap().push(seconds());
            Err(error())
        },
    );
    world.put("key", "1").await;
    let (_, counts) = world.finish().await;
    assert_eq!((counts.invocations, counts.retries, counts.discarded), (9, 8, 1));
    assert_eq!(*times.lock().unwrap(), [0, 1, 3, 7, 15, 31, 63, 123, 183]);
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_fails_does_not_hold_up_the_others() {
    let mut world = World::new(
        |settings| (settings.lanes, settings.batch_records, settings.retries) = (10, 1, None),
        fails_at("bad"),
    );
    world.put("spot|BTCUSDT", "bad").await;
    for number in 0..50 {
        // Of 50 keys some are in the lane of the bad record: they wait behind it.
        world.put(&format!("key {number}"), &number.to_string()).await;
    }
    tokio::time::sleep(Duration::from_secs(30)).await;
    let counts = world.mapping.counts();
    let answered = world.function.events().len() as u64;
    assert!((40..50).contains(&answered), "{answered}");
    // The bad record and those behind it.
    assert_eq!((counts.held, counts.counts.discarded), (51 - answered, 0));
    assert_eq!(counts.iterator_age_ms, 30_000);
}

#[tokio::test(start_paused = true)]
async fn the_order_of_a_key_outlives_failures() {
    let mut tries = 0;
    let mut world = World::new(
        |settings| (settings.lanes, settings.batch_records, settings.retries) = (10, 3, None),
        move |texts| {
            tries += 1;
            if tries % 3 == 1 { Err(error()) } else { done(texts) }
        },
    );
    for number in 0..60 {
        world.put(&format!("key {}", number % 6), &format!("{}:{}", number % 6, number / 6)).await;
    }
    let (function, counts) = world.finish().await;
    assert!(counts.retries > 0);
    let texts: Vec<_> = function.calls().events.iter().flat_map(texts).collect();
    assert_eq!(texts.len(), 60);
    for key in 0..6 {
        let of_key: Vec<_> = texts.iter().filter(|text| text.starts_with(&format!("{key}:"))).collect();
        assert_eq!(
            of_key,
            (0..10).map(|number| format!("{key}:{number}")).collect::<Vec<_>>().iter().collect::<Vec<_>>()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_full_lane_holds_up_its_shard() {
    let mut world =
        World::new(|settings| (settings.batch_records, settings.retries) = (1, None), |_| Err(error()));
    // One in hand, 8 MiB in front of the lane (each of 1,399 KiB in the event), one on its way and 64 behind it.
    let data = "x".repeat(1024 * 1024);
    let full = async {
        for _ in 0..100 {
            world.put("key", &data).await;
        }
    };
    assert!(tokio::time::timeout(Duration::from_mins(10), full).await.is_err());
    let held = world.mapping.counts().held;
    assert_eq!(held, 1 + 5 + 1);
}

#[tokio::test(start_paused = true)]
async fn throttled_batches_come_again_and_are_not_counted_as_tries() {
    let mut asked = 0;
    let mut world = World::new(
        |settings| (settings.retries, settings.batch_records) = (Some(0), 1),
        move |texts| {
            asked += 1;
            if asked <= 3 { Err(InvocationError::Throttled { limit: 1 }) } else { done(texts) }
        },
    );
    world.put("key", "1").await;
    let (function, counts) = world.finish().await;
    assert_eq!(function.events(), ["1"]);
    assert_eq!((counts.invocations, counts.throttles, counts.discarded, seconds()), (1, 3, 0, 7));
}

#[tokio::test(start_paused = true)]
async fn tries_without_end_end_with_the_age_of_the_record() {
    let change = |settings: &mut Settings| {
        (settings.retries, settings.batch_records) = (None, 1);
        settings.record_age_max = Some(SignedDuration::from_hours(24));
    };
    let mut world = World::new(change, fails_at("1"));
    world.put("key", "1").await;
    world.put("key", "2").await;
    let (function, counts) = world.finish().await;
    // A day of tries, most of them a minute apart. What waited behind is as old, but a moment: it is gone as well.
    assert!((1_400..1_450).contains(&counts.invocations), "{}", counts.invocations);
    assert_eq!((counts.discarded, counts.without_end, function.events().len()), (2, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_kept_is_told_and_the_lane_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("queue"), "").unwrap();
    let queue = OnFailure::Queue(Messages::new(folder.path().join("queue")));
    let change = |settings: &mut Settings| (settings.retries, settings.batch_records) = (Some(0), 1);
    let mut world = World::keeping(Some(queue), change, fails_at("1"));
    world.put("key", "1").await;
    world.put("key", "2").await;
    let (function, counts) = world.finish().await;
    assert_eq!(function.events(), ["2"]);
    assert_eq!((counts.discarded, counts.error_objects), (1, 0));
    assert!(counts.last_failure.unwrap().contains("cannot keep what it gives up"));
}

/// A function that never answers, and notes that it was abandoned.
#[derive(Clone, Default)]
struct Hanging {
    begun: Arc<AtomicUsize>,
    is_abandoned: Arc<AtomicBool>,
}

impl Invoke for Hanging {
    async fn invoke(&self, _: Bytes) -> Result<Bytes, InvocationError> {
        struct Guard(Arc<AtomicBool>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _guard = Guard(Arc::clone(&self.is_abandoned));
        self.begun.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<()>().await;
        Ok(Value::Null.to_string().into())
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_in_hand_is_abandoned_with_the_shard() {
    now();
    let function = Hanging::default();
    let settings = Settings { batch_records: 1, ..settings() };
    let mapping = LiveMapping::on_clock(settings, function.clone(), None, now);
    let (sender, receiver) = mpsc::channel(1);
    let record = Shards::new(1).record("key".to_owned(), b"1".to_vec(), now());
    sender.send(record).await.unwrap();
    let consumed = mapping.consume("shardId-000000000000".to_owned(), receiver);
    assert!(tokio::time::timeout(Duration::from_secs(1), consumed).await.is_err());
    // The lane's own task ends at its next step.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert_eq!(function.begun.load(Ordering::Relaxed), 1);
    assert!(function.is_abandoned.load(Ordering::Relaxed));
    assert_eq!(mapping.counts().held, 1);
}
