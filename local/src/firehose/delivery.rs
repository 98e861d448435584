//! One delivery stream, from its source to its destination.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::mem;
use std::path::Path;
use std::sync::Arc;

use axum::body::Bytes;
use jiff::{SignedDuration, Timestamp};
use tapeline_telemetry::chain;
use thiserror::Error;
use tokio::sync::broadcast;

use super::answer::{TransformResult, Transformed};
use super::batch::{Batch, Head};
use super::counts::Counts;
use super::failure::{Failure, FailureType};
use super::intake::{Cut, DecompressionError, kpl_sub_records};
use super::invocation::{Invocation, OUTSTANDING_MAX, Outcome};
use super::objects::{At, Refusal, Written};
use super::outlets::{Ground, Outlets};
use super::post::DestinationError;
use super::prefix::PartitionKeys;
use super::query::ExtractionError;
use super::settings::{Destination, Settings, Source};
use super::shelf::ObjectError;
use super::unit::Unit;
use crate::lambda::Invoke;
use crate::stream::StreamRecord;

/// A delivery stream cannot go on: what it held is lost to the local run, though not to its source.
#[derive(Debug, Error)]
#[error("the delivery stream {stream} stopped")]
pub(crate) struct DeliveryError {
    stream: String,
    #[source]
    source: ObjectError,
}

/// A delivery stream under way.
///
/// Batches are at the function several at a time. What came of them is applied in their order and as of the time at which
/// they were handed over, before anything later is done; so what is written follows from the records and their times
/// alone, however long the function takes.
pub(crate) struct Delivery<F> {
    settings: Settings,
    function: F,
    now: Timestamp,
    head: Arc<Head>,
    batch: Batch,
    /// Batches handed over so far.
    handed_over: u64,
    outstanding: VecDeque<Invocation>,
    outlets: Outlets,
    counts: Counts,
    written: Written,
    /// Place of the next unit among those of its record.
    part: u32,
    no_keys: Arc<PartitionKeys>,
    watchers: Option<broadcast::Sender<Bytes>>,
}

impl<F: Invoke> Delivery<F> {
    /// Sets a delivery stream up. `buckets` is the folder of all buckets, `now` is where its clock starts.
    ///
    /// # Errors
    /// When nothing can be sent to the destination's address.
    pub(crate) fn new(
        settings: Settings,
        function: F,
        buckets: &Path,
        now: Timestamp,
    ) -> Result<Self, DestinationError> {
        Ok(Self {
            head: Arc::new(Head::new(&settings)),
            outlets: Outlets::new(&settings, Ground { buckets, begun: now })?,
            settings,
            function,
            now,
            batch: Batch::default(),
            handed_over: 0,
            outstanding: VecDeque::new(),
            counts: Counts::default(),
            written: Written::default(),
            part: 0,
            no_keys: Arc::default(),
            watchers: None,
        })
    }

    /// Shows every record that is delivered from now on to whoever receives. Without a receiver it costs nothing.
    pub(crate) fn watch(&mut self, watchers: broadcast::Sender<Bytes>) {
        self.watchers = Some(watchers);
    }

    /// What became of the records so far, but for those that the function has.
    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What was written so far.
    pub(crate) const fn written(&self) -> &Written {
        &self.written
    }

    /// Bytes of records that are neither delivered nor kept as failed.
    pub(crate) fn buffered_bytes(&self) -> usize {
        let outstanding: usize = self.outstanding.iter().map(|invocation| invocation.batch.data_bytes).sum();
        self.batch.data_bytes + outstanding + self.outlets.buffered_bytes()
    }

    /// Takes a record from the source. Waits where the function has as many batches as it may have.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub(crate) async fn put(&mut self, record: StreamRecord) -> Result<(), DeliveryError> {
        self.counts.records_in += 1;
        self.part = 0;
        let is_stream = matches!(self.settings.source, Source::Kinesis { .. });
        let Some(units) = is_stream.then(|| kpl_sub_records(&record)).flatten() else {
            return self.take(Unit::whole(record)).await;
        };
        let mut result = Ok(());
        for unit in units {
            result = result.and(self.take(unit).await);
        }
        result
    }

    /// Moves the clock on and does what has become due, each at its own time: what is buffered before a gap in the
    /// records does not wait for the record behind it.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub(crate) async fn advance(&mut self, now: Timestamp) -> Result<(), DeliveryError> {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            self.do_due().await?;
        }
        self.now = self.now.max(now);
        Ok(())
    }

    /// When the next buffer expires: of those that there are, and of those that an outstanding batch may fill.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let outlets = self.outlets_due();
        self.batch_due().into_iter().chain(outlets).min()
    }

    /// Waits until the batch that the function has had for longest is answered; without end while it has none. The wait
    /// may be given up at any time.
    pub(crate) async fn answered(&mut self) {
        match self.outstanding.front_mut() {
            Some(invocation) => invocation.ended().await,
            None => std::future::pending().await,
        }
    }

    /// Delivers what the function has answered, without waiting for more.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub(crate) async fn settle(&mut self) -> Result<(), DeliveryError> {
        let mut result = Ok(());
        while self.outstanding.front().is_some_and(Invocation::has_ended) {
            result = result.and(self.apply_next().await);
        }
        result
    }

    /// Empties every buffer.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub(crate) async fn finish(&mut self) -> Result<(), DeliveryError> {
        let mut result = self.hand_over_batch().await;
        result = result.and(self.apply_all().await);
        let at = &mut At { now: self.now, written: &mut self.written };
        let delivered = self.outlets.sink.finish(at).await;
        result = result.and(delivered.map_err(|source| stopped(&self.settings, source)));
        result = result.and(self.keep_failed(self.now));
        let at = &mut At { now: self.now, written: &mut self.written };
        let written = self.outlets.write_all(at);
        result.and(written.map_err(|source| stopped(&self.settings, source)))
    }

    /// When the buffered records are to be transformed.
    fn batch_due(&self) -> Option<Timestamp> {
        let lambda = self.settings.processing.lambda.as_ref().filter(|_| !self.batch.units.is_empty())?;
        later(self.batch.since, lambda.buffer.interval)
    }

    /// When something is written, or may have to be once the outstanding batches are applied.
    fn outlets_due(&self) -> Option<Timestamp> {
        let first = self.outstanding.front();
        let promised = first.and_then(|invocation| later(invocation.at, self.outlets.interval));
        self.outlets.next_due().into_iter().chain(promised).min()
    }

    async fn do_due(&mut self) -> Result<(), DeliveryError> {
        if self.batch_due().is_some_and(|due| due <= self.now) {
            self.hand_over_batch().await?;
        }
        if self.outlets_due().is_none_or(|due| due > self.now) {
            return Ok(());
        }
        // What was handed over until now comes before what is written now.
        self.apply_all().await?;
        let at = &mut At { now: self.now, written: &mut self.written };
        let delivered = self.outlets.sink.advance(at).await;
        let written = delivered.and(self.outlets.write_due(at));
        let result = written.map_err(|source| stopped(&self.settings, source));
        result.and(self.keep_failed(self.now))
    }

    /// Takes a record of the source, or a part of one: keeps it, and has it processed.
    async fn take(&mut self, mut unit: Unit) -> Result<(), DeliveryError> {
        self.keep(&unit)?;
        if let Some(decompression) = self.settings.processing.decompression {
            match decompression.decompress(unit.data()) {
                Ok(Some(data)) => unit.changed = Some(data),
                // A message that controls the subscription.
                Ok(None) => return Ok(()),
                Err(error) => return self.fail_decompression(&unit, &error),
            }
        }
        let Some(de_aggregation) = &self.settings.processing.de_aggregation else {
            return self.gather(unit).await;
        };
        match de_aggregation.cut(unit.data()) {
            Cut::Into(parts) => {
                let units: Vec<Unit> = parts.into_iter().map(|part| unit.part_of(part)).collect();
                self.gather_all(units).await
            }
            Cut::TooMany if self.settings.processing.lambda.is_some() => {
                unit.changed = Some(unit.base64());
                self.gather(unit).await
            }
            Cut::TooMany | Cut::Whole => self.gather(unit).await,
        }
    }

    async fn gather_all(&mut self, units: Vec<Unit>) -> Result<(), DeliveryError> {
        let mut result = Ok(());
        for unit in units {
            result = result.and(self.gather(unit).await);
        }
        result
    }

    /// Keeps a record as it came, where there is a backup of them.
    fn keep(&mut self, unit: &Unit) -> Result<(), DeliveryError> {
        let Some(backup) = &mut self.outlets.backup else { return Ok(()) };
        let at = &mut At { now: self.now, written: &mut self.written };
        let kept = backup.add((unit.kept(), unit.source.arrival), at);
        kept.map_err(|source| stopped(&self.settings, source))
    }

    /// Puts a record into the batch for the function, or delivers it where there is none.
    async fn gather(&mut self, mut unit: Unit) -> Result<(), DeliveryError> {
        unit.part = self.part;
        self.part += 1;
        self.counts.sub_records += 1;
        let Some(bytes_max) = self.settings.processing.lambda.as_ref().map(|lambda| lambda.buffer.bytes)
        else {
            let keys = Arc::clone(&self.no_keys);
            return self.deliver(&unit, (unit.data(), &keys), self.now).await;
        };
        let mut result = Ok(());
        if let Some(full) = self.batch.push(unit, self.now, &self.head) {
            result = self.hand_over(full).await;
        }
        if self.batch.data_bytes >= bytes_max {
            result = result.and(self.hand_over_batch().await);
        }
        result
    }

    async fn hand_over_batch(&mut self) -> Result<(), DeliveryError> {
        match mem::take(&mut self.batch) {
            batch if batch.units.is_empty() => Ok(()),
            batch => self.hand_over(batch).await,
        }
    }

    /// Hands a batch to the function, once that has fewer than it may have.
    async fn hand_over(&mut self, batch: Batch) -> Result<(), DeliveryError> {
        let mut result = Ok(());
        while self.outstanding.len() >= OUTSTANDING_MAX {
            result = result.and(self.apply_next().await);
        }
        self.handed_over += 1;
        let retries = self.settings.processing.lambda.as_ref().map_or(0, |lambda| lambda.retries);
        let (function, batch) = (self.function.clone(), (batch, self.handed_over));
        let invocation = Invocation::begin(function, batch, &self.head, (self.now, retries));
        self.outstanding.push_back(invocation);
        result
    }

    async fn apply_all(&mut self) -> Result<(), DeliveryError> {
        let mut result = Ok(());
        while !self.outstanding.is_empty() {
            result = result.and(self.apply_next().await);
        }
        result
    }

    /// Waits for the oldest outstanding batch, and delivers what came of it. A record that cannot be delivered does not keep
    /// the others from it; the first error is told.
    async fn apply_next(&mut self) -> Result<(), DeliveryError> {
        self.answered().await;
        let Some(invocation) = self.outstanding.pop_front() else { return Ok(()) };
        let (batch, at, Outcome { attempts, failed, last_failure, result }) = invocation.outcome().await;
        self.counts.invocations += u64::from(attempts);
        self.counts.invocations_failed += u64::from(failed);
        self.counts.last_failure = last_failure.or(self.counts.last_failure.take());
        let mut applied = Ok(());
        match result {
            Ok(answer) => {
                for (unit, answer) in batch.units.iter().zip(answer.records()) {
                    applied = applied.and(self.outcome(unit, answer, at).await);
                }
            }
            Err(failure) => {
                self.counts.records.invocation_failed += batch.units.len() as u64;
                for unit in &batch.units {
                    applied = applied.and(self.fail(unit, &failure, at));
                }
            }
        }
        applied
    }

    async fn outcome(
        &mut self,
        unit: &Unit,
        (answer, data): (&Transformed, &[u8]),
        at: Timestamp,
    ) -> Result<(), DeliveryError> {
        match answer.result {
            TransformResult::Ok => {
                self.counts.records.ok += 1;
                self.deliver(unit, (data, &answer.partition_keys), at).await
            }
            TransformResult::Dropped => {
                self.counts.records.dropped += 1;
                Ok(())
            }
            TransformResult::ProcessingFailed => {
                self.counts.records.processing_failed += 1;
                let (code, message) =
                    ("Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record");
                let failure = Failure::new(FailureType::Processing, 1, code.to_owned(), message.to_owned());
                self.fail(unit, &failure, at)
            }
        }
    }

    /// Hands a record to the destination: what the function made of it, or its own data.
    async fn deliver(
        &mut self,
        unit: &Unit,
        (data, keys): (&[u8], &Arc<PartitionKeys>),
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let delimited = self.delimited(data);
        let data = delimited.as_ref();
        let keys = match self.partition_keys(data, keys) {
            Ok(keys) => keys,
            Err(error) => return self.fail_extraction(unit, &error, now),
        };
        let at = &mut At { now, written: &mut self.written };
        let added = self.outlets.sink.add(unit, (data, &keys), at).await;
        match added.map_err(|source| stopped(&self.settings, source))? {
            Ok(()) => {
                self.show(data);
                self.keep_failed(now)
            }
            Err(Refusal::Partition(failure)) => self.fail_partitioning(unit, &failure, now),
            Err(Refusal::Conversion(error)) => {
                self.counts.records.conversion_failed += 1;
                let (code, message) = (error.code().to_owned(), error.message());
                self.fail(unit, &Failure::new(FailureType::FormatConversion, 1, code, message), now)
            }
        }
    }

    /// A record's data with a line feed behind it, where that is asked for. A row of a converted object needs none.
    fn delimited<'d>(&self, data: &'d [u8]) -> Cow<'d, [u8]> {
        let is_converted = self.settings.table().is_some();
        if self.settings.processing.append_delimiter && !is_converted {
            Cow::Owned([data, b"\n"].concat())
        } else {
            Cow::Borrowed(data)
        }
    }

    /// The keys by which a record is sorted: those of the function, and those that the query finds in what is delivered.
    fn partition_keys(
        &self,
        data: &[u8],
        keys: &Arc<PartitionKeys>,
    ) -> Result<Arc<PartitionKeys>, ExtractionError> {
        match &self.settings.destination {
            Destination::S3(s3) if s3.dynamic_partitioning => {}
            _ => return Ok(Arc::clone(&self.no_keys)),
        }
        let Some(query) = &self.settings.processing.metadata else { return Ok(Arc::clone(keys)) };
        Ok(Arc::new(PartitionKeys { lambda: keys.lambda.clone(), query: query.keys(data)? }))
    }

    /// Keeps what a destination that is no bucket did not take.
    fn keep_failed(&mut self, now: Timestamp) -> Result<(), DeliveryError> {
        let mut result = Ok(());
        for (record, failure) in self.outlets.sink.take_failed() {
            self.counts.records.delivery_failed += 1;
            result = result.and(self.fail(&Unit::whole(record), &failure, now));
        }
        result
    }

    fn show(&self, data: &[u8]) {
        if let Some(watchers) = self.watchers.as_ref().filter(|watchers| watchers.receiver_count() > 0) {
            // The last receiver may just have gone.
            let _ = watchers.send(Bytes::copy_from_slice(data));
        }
    }

    fn fail_extraction(
        &mut self,
        unit: &Unit,
        error: &ExtractionError,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        let code = "DynamicPartitioning.MetadataExtractionFailed".to_owned();
        let failure = Failure::new(FailureType::Partitioning, 1, code, chain(error));
        self.fail_partitioning(unit, &failure, now)
    }

    fn fail_partitioning(
        &mut self,
        unit: &Unit,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<(), DeliveryError> {
        self.counts.records.partitioning_failed += 1;
        self.fail(unit, failure, now)
    }

    /// The service's name of this error is documented nowhere.
    fn fail_decompression(&mut self, unit: &Unit, error: &DecompressionError) -> Result<(), DeliveryError> {
        self.counts.records.decompression_failed += 1;
        let (what, code) = (FailureType::Decompression, "Decompression.MalformedData".to_owned());
        self.fail(unit, &Failure::new(what, 1, code, chain(error)), self.now)
    }

    fn fail(&mut self, unit: &Unit, failure: &Failure, now: Timestamp) -> Result<(), DeliveryError> {
        let document = failure.document(unit, now, &self.settings);
        let at = &mut At { now, written: &mut self.written };
        let added = self.outlets.failures.add(failure.what, (&document, unit.source.arrival), at);
        added.map_err(|source| stopped(&self.settings, source))
    }
}

/// When a buffer of this interval expires; `None` behind the end of the calendar.
fn later(since: Timestamp, interval: SignedDuration) -> Option<Timestamp> {
    since.checked_add(interval).ok()
}

fn stopped(settings: &Settings, source: ObjectError) -> DeliveryError {
    DeliveryError { stream: settings.name.clone(), source }
}

#[cfg(test)]
mod tests;
