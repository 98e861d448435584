//! The flow between made-up frames and a stream in memory that fails in every way; disk and clock are the runtime's.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use proptest::prelude::*;
use tapeline_codec::binance::Kind;
use tapeline_market::{Market, Timestamp};
use tempfile::TempDir;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinHandle;

use super::*;
use crate::frame::{Ids, Route};
use crate::sink::packing::{Limits, Packing};
use crate::sink::{Entry, EntryError, PutError, SequenceNumber};

/// What happens to the entries of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// Every entry whose bit is set is refused.
    Entries(u8),
    /// The call does not arrive.
    Call,
    /// It does, but its answer does not.
    Answer,
}

/// A stream in memory; clones share it.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<Inner>>);

#[derive(Debug, Default)]
struct Inner {
    taken: Vec<Entry>,
    /// Faults of the next calls; then `always`.
    faults: VecDeque<Fault>,
    always: Option<Fault>,
}

impl Memory {
    fn failing(always: Fault) -> Self {
        let memory = Self::default();
        memory.inner(|inner| inner.always = Some(always));
        memory
    }

    fn heal(&self) {
        self.inner(|inner| inner.always = None);
    }

    fn inner<T>(&self, change: impl FnOnce(&mut Inner) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The ids of a symbol's trades, in the order of the stream.
    fn ids(&self, symbol: &str) -> Vec<u64> {
        let key = format!("spot|{symbol}");
        let of_key = |entry: &Entry| (*entry.partition_key == *key).then(|| entry.data.clone());
        let records: Vec<_> = self.inner(|inner| inner.taken.iter().filter_map(of_key).collect());
        let lines = records.iter().flat_map(|data| str::from_utf8(data).unwrap().lines());
        lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect()
    }
}

impl Stream for Memory {
    async fn put(&self, entries: Vec<Entry>) -> Result<Vec<Result<SequenceNumber, EntryError>>, PutError> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        self.inner(|inner| {
            let fault = inner.faults.pop_front().or(inner.always).unwrap_or(Fault::None);
            let lost = || PutError("connection reset".into());
            let bits = if let Fault::Entries(bits) = fault { bits } else { 0 };
            if fault == Fault::Call {
                return Err(lost());
            }
            let results = (0..).zip(entries).map(|(at, entry)| {
                if bits >> (at % 8) & 1 == 1 {
                    let code = "InternalFailure".to_owned();
                    return Err(EntryError { code, message: "once more".to_owned() });
                }
                inner.taken.push(entry);
                Ok(SequenceNumber(inner.taken.len().to_string()))
            });
            let results = results.collect();
            if fault == Fault::Answer { Err(lost()) } else { Ok(results) }
        })
    }
}

fn trade(symbol: &str, id: u64, bytes: usize) -> Frame {
    Frame {
        text: format!("{id} {}", "x".repeat(bytes)).into(),
        route: Route { market: Market::Spot, symbol: Some(symbol.into()), kind: Some(Kind::Trade) },
        ids: Some(Ids { first: id, last: id }),
        event_time: None,
        received: Timestamp::EPOCH,
    }
}

/// One run of the sink in a folder.
struct Run {
    frames: Option<Sender<Frame>>,
    counts: Arc<Counts>,
    task: JoinHandle<Result<(), FlowError>>,
}

impl Run {
    fn start(folder: &Path, stream: &Memory, spool_bytes_max: u64, deadline: Duration) -> Self {
        let checkpoint = Checkpoint::in_folder(folder);
        let limits = Limits { record_bytes_max: 10_000, linger: Duration::from_millis(20) };
        let counts = Arc::new(Counts::default());
        let flow = Flow::new(Parts {
            stream: stream.clone(),
            packer: Packer::new(Packing::Lines, limits),
            spool: Spool::open(&folder.join("spool"), spool_bytes_max).unwrap(),
            marks: checkpoint.load().unwrap(),
            checkpoint,
            recorder: None,
            counts: Arc::clone(&counts),
        });
        let (frames, receiver) = channel(16);
        let task = tokio::spawn(flow.run(receiver, std::future::pending(), deadline));
        Self { frames: Some(frames), counts, task }
    }

    async fn take(&self, frame: Frame) {
        self.frames.as_ref().unwrap().send(frame).await.unwrap();
    }

    async fn end(mut self) {
        self.frames = None;
        self.task.await.unwrap().unwrap();
    }

    /// As a kill does: nothing is put, flushed or written any more.
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

const ROOM: u64 = 1 << 30;
const PATIENT: Duration = Duration::from_hours(1);
const LARGE: usize = 500_000;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn mark_of(folder: &Path, symbol: &str) -> Option<u64> {
    let marks = Checkpoint::in_folder(folder).load().unwrap();
    let of_symbol = marks.iter().find(|mark| mark.route.symbol.as_deref() == Some(symbol));
    of_symbol.map(|mark| mark.last_id)
}

#[tokio::test(start_paused = true)]
async fn every_frame_is_put_once_in_order_and_the_checkpoint_tells_the_last() {
    let (folder, stream) = (folder(), Memory::default());
    let run = Run::start(folder.path(), &stream, ROOM, PATIENT);
    for id in 1..=500 {
        run.take(trade("A", id, 10)).await;
        run.take(trade("B", id * 2, 10)).await;
    }
    run.end().await;
    assert_eq!(stream.ids("A"), (1..=500).collect::<Vec<_>>());
    assert_eq!(stream.ids("B"), (1..=500).map(|id| id * 2).collect::<Vec<_>>());
    assert_eq!((mark_of(folder.path(), "A"), mark_of(folder.path(), "B")), (Some(500), Some(1000)));
}

#[tokio::test(start_paused = true)]
async fn a_kill_right_behind_the_first_frame_leaves_a_mark_before_it() {
    let (folder, stream) = (folder(), Memory::default());
    let run = Run::start(folder.path(), &stream, ROOM, PATIENT);
    run.take(trade("A", 7, 10)).await;
    while stream.ids("A").is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    run.kill().await;
    assert_eq!(mark_of(folder.path(), "A"), Some(6));
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_comes_back_gets_everything_in_order_by_way_of_the_disk() {
    let (folder, stream) = (folder(), Memory::failing(Fault::Call));
    let run = Run::start(folder.path(), &stream, ROOM, PATIENT);
    for id in 1..=100 {
        run.take(trade("A", id, LARGE)).await;
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert!(run.counts.spool_bytes.now() > 40_000_000);
    stream.heal();
    run.end().await;
    assert_eq!(stream.ids("A"), (1..=100).collect::<Vec<_>>());
    assert_eq!(std::fs::read_dir(folder.path().join("spool")).unwrap().count(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_the_stream_does_not_take_by_the_deadline_the_next_start_puts() {
    let (folder, stream) = (folder(), Memory::failing(Fault::Call));
    let run = Run::start(folder.path(), &stream, ROOM, Duration::ZERO);
    for id in 1..=10 {
        run.take(trade("A", id, 10)).await;
    }
    run.end().await;
    assert_eq!(mark_of(folder.path(), "A"), Some(10));
    stream.heal();
    let run = Run::start(folder.path(), &stream, ROOM, PATIENT);
    run.take(trade("A", 11, 10)).await;
    run.end().await;
    assert_eq!(stream.ids("A"), (1..=11).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_full_spool_lets_frames_wait_where_they_come_from() {
    let (folder, stream) = (folder(), Memory::failing(Fault::Call));
    let run = Run::start(folder.path(), &stream, 20_000_000, PATIENT);
    let frames = run.frames.clone().unwrap();
    let sent = tokio::spawn(async move {
        for id in 1..=1_000 {
            frames.send(trade("A", id, LARGE)).await.unwrap();
        }
    });
    while run.counts.spool_full.now() == 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!sent.is_finished());
    stream.heal();
    sent.await.unwrap();
    run.end().await;
    assert_eq!(stream.ids("A"), (1..=1_000).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_frame_that_no_record_holds_is_left_out_and_counted() {
    let (folder, stream) = (folder(), Memory::default());
    let run = Run::start(folder.path(), &stream, ROOM, PATIENT);
    let mut huge = trade("A", 2, 10);
    huge.text = Bytes::from(vec![b'x'; 1_000_001]);
    let counts = Arc::clone(&run.counts);
    for frame in [trade("A", 1, 10), huge, trade("A", 3, 10)] {
        run.take(frame).await;
    }
    run.end().await;
    assert_eq!((stream.ids("A"), counts.frames_too_large.now()), (vec![1, 3], 1));
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        3 => Just(Fault::None),
        2 => any::<u8>().prop_map(Fault::Entries),
        1 => Just(Fault::Call),
        1 => Just(Fault::Answer),
    ]
}

/// The ids of an at-least-once stream as they came first.
fn first_seen(ids: &[u64]) -> Vec<u64> {
    let mut seen = std::collections::HashSet::new();
    ids.iter().copied().filter(|id| seen.insert(*id)).collect()
}

/// Runs with a clock that goes on whenever nothing else does.
fn on_a_moved_clock<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build();
    runtime.unwrap().block_on(run)
}

/// Frames up to an id, and then a kill; each run goes on behind the checkpoint, as the exchange does.
async fn killed_again_and_again(kills: &[(u64, u64, bool)], faults: VecDeque<Fault>, bytes: usize) -> Memory {
    let (folder, stream) = (folder(), Memory::default());
    stream.inner(|inner| inner.faults = faults);
    for (frames, millis, is_down) in kills {
        stream.inner(|inner| inner.always = is_down.then_some(Fault::Call));
        let run = Run::start(folder.path(), &stream, ROOM, PATIENT);
        for symbol in ["A", "B"] {
            let last = mark_of(folder.path(), symbol).unwrap_or(0);
            for id in last + 1..=last + frames {
                run.take(trade(symbol, id, bytes)).await;
            }
        }
        tokio::time::sleep(Duration::from_millis(*millis)).await;
        run.kill().await;
    }
    stream.heal();
    let run = Run::start(folder.path(), &stream, ROOM, PATIENT);
    for symbol in ["A", "B"] {
        let last = mark_of(folder.path(), symbol).unwrap_or(0);
        for id in last + 1..=last + 5 {
            run.take(trade(symbol, id, bytes)).await;
        }
    }
    run.end().await;
    stream
}

/// A run in one piece, whose calls fail or lose some of their entries, but whose answers all arrive.
async fn refused_again_and_again(frames: u64, faults: VecDeque<Fault>, bytes: usize) -> Memory {
    let (folder, stream) = (folder(), Memory::default());
    stream.inner(|inner| inner.faults = faults);
    let run = Run::start(folder.path(), &stream, ROOM, PATIENT);
    for id in 1..=frames {
        run.take(trade("A", id, bytes)).await;
        run.take(trade("B", id, bytes)).await;
    }
    run.end().await;
    stream
}

fn assert_whole(stream: &Memory) {
    for symbol in ["A", "B"] {
        let ids = first_seen(&stream.ids(symbol));
        let expected: Vec<_> = (1..=ids.len() as u64).collect();
        assert_eq!(ids, expected, "of {symbol}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn kills_and_faults_lose_nothing_and_keep_the_order(
        kills in prop::collection::vec((0..60_u64, 0..3_000_u64, any::<bool>()), 1..5),
        faults in prop::collection::vec(faults(), 0..30),
        bytes in prop::sample::select(vec![10, 3_000, 400_000]),
    ) {
        assert_whole(&on_a_moved_clock(killed_again_and_again(&kills, faults.into(), bytes)));
    }

    #[test]
    fn without_kills_and_lost_answers_nothing_comes_twice(
        frames in 1..120_u64,
        faults in prop::collection::vec(faults(), 0..40),
        bytes in prop::sample::select(vec![10, 3_000, 400_000]),
    ) {
        let faults = faults.into_iter().filter(|fault| *fault != Fault::Answer).collect();
        let stream = on_a_moved_clock(refused_again_and_again(frames, faults, bytes));
        for symbol in ["A", "B"] {
            prop_assert_eq!(stream.ids(symbol), (1..=frames).collect::<Vec<_>>());
        }
    }
}
