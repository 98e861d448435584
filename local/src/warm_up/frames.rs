//! Recorded frames through the calculator, whose rows nobody sees.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indicatif::ProgressBar;
use indicator_calculator::publish::{OutputRecord, PublishError, Publisher};
use indicator_calculator::state::MemoryStore;
use indicator_calculator::{Calculated, Calculator, Config};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tapeline_market::{Interval, Timestamp};
use thiserror::Error;

use super::WarmUpError;
use super::progress;
use crate::replay::Recordings;

/// Frames of one batch, and bytes of them after which it is full: as a batch of the stream has.
const BATCH_FRAMES_MAX: usize = 1000;
const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Gives every frame of the recordings to the calculator, which continues from what `store` has. Hands back how many
/// frames it passed over because something is wrong with them.
///
/// # Errors
/// When a recording cannot be read on, or the calculator fails.
pub(super) async fn play(
    files: &[PathBuf],
    config: &Config,
    store: &MemoryStore,
    (series, progress): (&mut progress::Series, &ProgressBar),
) -> Result<u64, WarmUpError> {
    let rows = Rows::new(config, std::mem::take(series));
    let mut calculator = Calculator::new(config.clone(), store.clone(), rows.clone());
    let mut recordings = Recordings::new(files, progress);
    let (mut frame, mut batch, mut refused) = (Vec::new(), Batch::default(), 0);
    while recordings.next_frame(&mut frame)? {
        batch.push(&frame);
        if batch.is_full() {
            refused += calculate(&mut calculator, &batch.take()).await?;
        }
    }
    refused += calculate(&mut calculator, &batch.take()).await?;
    *series = std::mem::take(&mut *rows.lock());
    Ok(refused)
}

async fn calculate(calculator: &mut Calculator<MemoryStore, Rows>, event: &[u8]) -> Result<u64, WarmUpError> {
    let Calculated { report, .. } = calculator.calculate(event).await?;
    if report.lanes_failed > 0 {
        return Err(WarmUpError::Lane { cause: report.last_failure.unwrap_or_default() });
    }
    Ok(report.refusals.iter().map(|refusal| refusal.count).sum())
}

/// The records of an event.
#[derive(Default)]
pub(super) struct Batch {
    records: Vec<Value>,
    bytes: usize,
}

impl Batch {
    /// The key under which frames will come is not known here: without one, none is remembered.
    pub(super) fn push(&mut self, frame: &[u8]) {
        let (number, data) = (self.records.len().to_string(), STANDARD.encode(frame));
        self.records.push(json!({"kinesis": {"sequenceNumber": number, "data": data}}));
        self.bytes += frame.len();
    }

    const fn is_full(&self) -> bool {
        self.records.len() >= BATCH_FRAMES_MAX || self.bytes >= BATCH_BYTES_MAX
    }

    pub(super) fn take(&mut self) -> Vec<u8> {
        let records = std::mem::take(self).records;
        json!({ "Records": records }).to_string().into_bytes()
    }
}

/// Takes rows and remembers how far their series have come.
#[derive(Debug, Clone)]
struct Rows {
    columns: Arc<[String]>,
    series: Arc<Mutex<progress::Series>>,
}

/// What is read of a row.
#[derive(Debug, Deserialize)]
struct Row {
    /// `market|symbol|interval|open time in microseconds`.
    id: String,
    bars_seen: u64,
    #[serde(flatten)]
    others: Map<String, Value>,
}

impl Rows {
    fn new(config: &Config, series: progress::Series) -> Self {
        Self { columns: config.plan.columns().into(), series: Arc::new(Mutex::new(series)) }
    }

    /// Nothing is left half done behind the lock.
    fn lock(&self) -> MutexGuard<'_, progress::Series> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, record: &OutputRecord) -> Result<(), RowError> {
        let row: Row = serde_json::from_slice(&record.data)?;
        let (interval, open_time) = row.bar().ok_or(RowError::Id)?;
        let values = self.columns.iter().filter(|column| row.others.contains_key(column.as_str())).count();
        let mut series = self.lock();
        series.entry((record.partition_key.clone(), interval)).or_default().take(
            open_time,
            row.bars_seen,
            values,
        );
        Ok(())
    }
}

impl Row {
    fn bar(&self) -> Option<(Interval, Timestamp)> {
        let mut parts = self.id.rsplit('|');
        let micros = parts.next()?.parse().ok()?;
        Some((parts.next()?.parse().ok()?, Timestamp::from_micros(micros).ok()?))
    }
}

/// A row is not as the calculator writes it.
#[derive(Debug, Error)]
enum RowError {
    #[error("expected a row with its id and bars_seen")]
    Json(#[from] serde_json::Error),
    #[error("expected an id that names interval and open time")]
    Id,
}

impl Publisher for Rows {
    async fn publish(&self, records: &[OutputRecord]) -> Result<(), PublishError> {
        for (place, record) in records.iter().enumerate() {
            self.take(record)
                .map_err(|error| PublishError { places: vec![place], source: Box::new(error) })?;
        }
        Ok(())
    }
}
