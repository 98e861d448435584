//! The feed's metrics, every minute: what was counted since the last time, and levels as they are.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tapeline_codec::binance::Kind;
use tapeline_market::{Market, Timestamp};
use tapeline_telemetry::metrics::{embedded, write};
use tokio::sync::oneshot;

use super::Counts;
use crate::clock;

/// How often metrics are written; CloudWatch keeps them by the minute.
const EVERY: Duration = Duration::from_mins(1);

/// One metric: name, unit, value.
type Metric = (&'static str, &'static str, Value);

/// What was counted when metrics were written last.
#[derive(Debug)]
pub struct Metrics {
    market: Market,
    stream: String,
    before: Snapshot,
}

/// Counts at a moment. Rates are told as counts: CloudWatch divides.
#[derive(Debug, Clone, Default)]
struct Snapshot {
    counts: Vec<(&'static str, &'static str, u64)>,
    kinds: Vec<(&'static str, u64)>,
    calls: u64,
    call_us: u64,
}

impl Snapshot {
    fn of(counts: &Counts) -> Self {
        let kinds = Kind::ALL.iter().map(|kind| (kind.as_str(), counts.frames(Some(*kind)).now()));
        let kinds = kinds.chain([("none", counts.frames(None).now())]).collect();
        let counted = vec![
            ("FramesReceived", "Count", counts.frames_received.now()),
            ("FramesEqual", "Count", counts.frames_equal.now()),
            ("FramesTooLarge", "Count", counts.frames_too_large.now()),
            ("FramesUnrecorded", "Count", counts.frames_unrecorded.now()),
            ("FramesPut", "Count", counts.frames_put.now()),
            ("RecordsPut", "Count", counts.records_put.now()),
            ("RecordsRetried", "Count", counts.records_retried.now()),
            ("BytesPut", "Bytes", counts.bytes_put.now()),
            ("BytesBilled", "Bytes", counts.bytes_billed.now()),
            ("CallsFailed", "Count", counts.calls_failed.now()),
            ("Reconnects", "Count", counts.reconnects.now()),
            ("GapsFilled", "Count", counts.gaps_filled.now()),
            ("FramesFilled", "Count", counts.frames_filled.now()),
            ("GapsUnfilled", "Count", counts.gaps_unfilled.now()),
            ("IdsUnfilled", "Count", counts.ids_unfilled.now()),
            ("SpoolFull", "Count", counts.spool_full.now()),
        ];
        Self { counts: counted, kinds, calls: counts.calls.now(), call_us: counts.call_us.now() }
    }
}

impl Metrics {
    /// Metrics of a feed: its market, and the stream it writes to.
    pub fn new(market: Market, stream: String) -> Self {
        Self { market, stream, before: Snapshot::default() }
    }

    /// The documents of the time since the last ones: one for all, one for each kind of frame that came.
    fn documents(&mut self, counts: &Counts, now: Timestamp) -> Vec<Value> {
        let snapshot = Snapshot::of(counts);
        let before = std::mem::replace(&mut self.before, snapshot.clone());
        let since =
            |name: &str| before.counts.iter().find(|count| count.0 == name).map_or(0, |count| count.2);
        let grown = snapshot.counts.iter().map(|(name, unit, now)| (*name, *unit, json!(now - since(name))));
        let mut metrics: Vec<Metric> = grown.collect();
        metrics.extend([
            ("Connections", "Count", json!(counts.connections.now())),
            ("FramesHeldBack", "Count", json!(counts.frames_held_back.now())),
            ("RecordsWaiting", "Count", json!(counts.records_waiting.now())),
            ("SpoolBytes", "Bytes", json!(counts.spool_bytes.now())),
            ("Lag", "Microseconds", json!(counts.lag_us.now())),
        ]);
        let calls = snapshot.calls - before.calls;
        if let Some(mean) = (snapshot.call_us - before.call_us).checked_div(calls) {
            metrics.push(("PutLatency", "Microseconds", json!(mean)));
        }
        let feed = [("Market", self.market.as_str()), ("Stream", self.stream.as_str())];
        let now_ms = u64::try_from(now.millis()).unwrap_or(0);
        let mut documents = vec![embedded(now_ms, &feed, &metrics)];
        for (kind, frames) in &snapshot.kinds {
            let since = before.kinds.iter().find(|(name, _)| name == kind).map_or(0, |(_, frames)| *frames);
            if *frames > since {
                let dimensions = [feed.as_slice(), &[("Kind", kind)]].concat();
                documents.push(embedded(now_ms, &dimensions, &[("Frames", "Count", json!(frames - since))]));
            }
        }
        documents
    }

    /// Writes metrics every minute, and a last time when the sender of `is_over` is gone.
    pub async fn run(mut self, counts: Arc<Counts>, mut is_over: oneshot::Receiver<()>) {
        while tokio::time::timeout(EVERY, &mut is_over).await.is_err() {
            write(&self.documents(&counts, clock::now()));
        }
        write(&self.documents(&counts, clock::now()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_since_the_last_time_and_levels_as_they_are() {
        let (counts, mut metrics) = (Counts::default(), Metrics::new(Market::Spot, "frames".to_owned()));
        counts.frames(Some(Kind::Trade)).add(5);
        counts.spool_bytes.set(70);
        counts.calls.add(2);
        counts.call_us.add(300);
        let first = metrics.documents(&counts, Timestamp::EPOCH);
        counts.frames(Some(Kind::Trade)).add(2);
        counts.gaps_unfilled.one();
        let second = metrics.documents(&counts, Timestamp::EPOCH);
        assert_eq!((&first[1]["Frames"], &first[1]["Kind"]), (&json!(5), &json!("trade")));
        assert_eq!((&second[1]["Frames"], &second[0]["GapsUnfilled"]), (&json!(2), &json!(1)));
        assert_eq!((&second[0]["SpoolBytes"], &first[0]["PutLatency"]), (&json!(70), &json!(150)));
        assert_eq!(second[0].get("PutLatency"), None);
        assert_eq!(second.len(), 2);
    }
}
