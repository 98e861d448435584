//! One delivery stream, from its source to its bucket.

use std::mem;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use thiserror::Error;

use super::answer::{self, AnswerError, TransformResult, Transformed};
use super::batch::{Batch, element, record_id};
use super::bucket::Bucket;
use super::failure::{Failure, FailureType};
use super::objects::{ACTIVE_PARTITIONS_MAX, ObjectError, Objects, PartitionKeys, Place, Written};
use super::settings::Settings;
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

/// What became of the records so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Records taken from the source.
    pub(crate) records_in: u64,
    /// How they ended.
    pub(crate) records: RecordCounts,
    /// Invocations, retries included.
    pub(crate) invocations: u64,
    /// Invocations that failed.
    pub(crate) invocations_failed: u64,
    /// The last failure of an invocation, in one line.
    pub(crate) last_failure: Option<String>,
}

/// How records ended. `ok`, `dropped`, `processing_failed` and `invocation_failed` are all of those that were handed to a
/// function.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct RecordCounts {
    /// Answered as `Ok`.
    pub(crate) ok: u64,
    /// Answered as `Dropped`.
    pub(crate) dropped: u64,
    /// Answered as `ProcessingFailed`.
    pub(crate) processing_failed: u64,
    /// Of invocations that failed altogether.
    pub(crate) invocation_failed: u64,
    /// Answered as `Ok`, or never handed over, but without a partition.
    pub(crate) partitioning_failed: u64,
    /// Answered as `Ok`, or never handed over, but not convertible.
    pub(crate) conversion_failed: u64,
}

/// A delivery stream under way.
pub(crate) struct Delivery<F> {
    settings: Settings,
    function: F,
    bucket: Bucket,
    now: Timestamp,
    batch: Batch,
    objects: Objects,
    counts: Counts,
}

impl<F: Invoke> Delivery<F> {
    /// Sets a delivery stream up; `now` is where its clock starts.
    pub(crate) fn new(settings: Settings, function: F, bucket: Bucket, now: Timestamp) -> Self {
        let (batch, objects, counts) = (Batch::default(), Objects::default(), Counts::default());
        Self { settings, function, bucket, now, batch, objects, counts }
    }

    /// What became of the records so far.
    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What was written so far.
    pub(crate) const fn written(&self) -> &Written {
        &self.objects.written
    }

    /// Takes a record from the source.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub(crate) async fn put(&mut self, record: StreamRecord) -> Result<(), DeliveryError> {
        self.counts.records_in += 1;
        let Some(buffer_bytes) = self.settings.lambda.as_ref().map(|lambda| lambda.buffer_bytes) else {
            return self.deliver(&record, None);
        };
        let element = element(&record);
        if self.batch.is_full_for(&element, &self.settings) {
            self.transform().await?;
        }
        self.batch.push(record, &element, self.now);
        if self.batch.data_bytes >= buffer_bytes {
            self.transform().await?;
        }
        Ok(())
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

    /// When the next buffer expires.
    pub(crate) fn next_due(&self) -> Option<Timestamp> {
        let object = self.objects.since().and_then(|since| later(since, self.settings.buffer_interval));
        self.batch_due().into_iter().chain(object).min()
    }

    /// When the buffered records are to be transformed.
    fn batch_due(&self) -> Option<Timestamp> {
        let lambda = self.settings.lambda.as_ref().filter(|_| !self.batch.records.is_empty())?;
        later(self.batch.since, lambda.buffer_interval)
    }

    async fn do_due(&mut self) -> Result<(), DeliveryError> {
        if self.batch_due().is_some_and(|due| due <= self.now) {
            self.transform().await?;
        }
        let place = Place { settings: &self.settings, bucket: &self.bucket, now: self.now };
        self.objects.write_due(place).map_err(|source| stopped(&self.settings, source))
    }

    /// Empties every buffer.
    ///
    /// # Errors
    /// When an object cannot be written.
    pub(crate) async fn finish(&mut self) -> Result<(), DeliveryError> {
        let transformed = if self.batch.records.is_empty() { Ok(()) } else { self.transform().await };
        let place = Place { settings: &self.settings, bucket: &self.bucket, now: self.now };
        let written = self.objects.write_all(place).map_err(|source| stopped(&self.settings, source));
        transformed.and(written)
    }

    /// Has the buffered records transformed, and delivers what comes back. One that cannot be delivered does not keep the
    /// others from it; the first error is told.
    async fn transform(&mut self) -> Result<(), DeliveryError> {
        let batch = mem::take(&mut self.batch);
        let mut result = Ok(());
        match self.attempts(&batch).await {
            Ok(answers) => {
                for (record, answer) in batch.records.iter().zip(answers) {
                    result = result.and(self.outcome(record, answer));
                }
            }
            Err(failure) => {
                self.counts.records.invocation_failed += batch.records.len() as u64;
                for record in &batch.records {
                    result = result.and(self.fail(record, &failure));
                }
            }
        }
        result
    }

    /// Invokes the function until it answers, as often as the settings say. An answer that breaks the contract is not
    /// asked for again: the function did its work.
    async fn attempts(&mut self, batch: &Batch) -> Result<Vec<Transformed>, Failure> {
        let retries = self.settings.lambda.as_ref().map_or(0, |lambda| lambda.retries);
        let mut attempts = 0;
        loop {
            attempts += 1;
            self.counts.invocations += 1;
            let event = batch.event(&self.settings, self.counts.invocations);
            let error = match self.function.invoke(event.into()).await {
                Ok(answer) => return checked(&answer, batch).map_err(|error| self.refused(&error, attempts)),
                Err(error) => error,
            };
            let failure = self.failed(error.code(), &error, attempts);
            if attempts > retries {
                return Err(failure);
            }
        }
    }

    fn refused(&mut self, error: &AnswerError, attempts: u32) -> Failure {
        self.failed(error.code(), error, attempts)
    }

    /// Counts a failed invocation.
    fn failed(&mut self, code: &str, error: &dyn std::error::Error, attempts: u32) -> Failure {
        let message = crate::chain(error);
        self.counts.invocations_failed += 1;
        self.counts.last_failure = Some(format!("{code}: {message}"));
        Failure { what: FailureType::Processing, attempts, code: code.to_owned(), message, request: None }
    }

    fn outcome(&mut self, record: &StreamRecord, answer: Transformed) -> Result<(), DeliveryError> {
        match answer.result {
            TransformResult::Ok => {
                self.counts.records.ok += 1;
                self.deliver(record, Some(answer))
            }
            TransformResult::Dropped => {
                self.counts.records.dropped += 1;
                Ok(())
            }
            TransformResult::ProcessingFailed => {
                self.counts.records.processing_failed += 1;
                let failure = Failure {
                    what: FailureType::Processing,
                    attempts: 1,
                    code: "Lambda.ProcessingFailedStatus".to_owned(),
                    message: "ProcessingFailed status set for record".to_owned(),
                    request: None,
                };
                self.fail(record, &failure)
            }
        }
    }

    /// Adds a record to the object of its partition: what the function made of it, or its own data.
    fn deliver(&mut self, record: &StreamRecord, answer: Option<Transformed>) -> Result<(), DeliveryError> {
        let (keys, data) = match answer {
            Some(answer) => (answer.partition_keys, answer.data),
            None => (PartitionKeys::new(), record.data.clone()),
        };
        let keys = if self.settings.dynamic_partitioning { keys } else { PartitionKeys::new() };
        if let Some(failure) = self.partition_failure(&keys, record.arrival) {
            self.counts.records.partitioning_failed += 1;
            return self.fail(record, &failure);
        }
        let place = Place { settings: &self.settings, bucket: &self.bucket, now: self.now };
        let added = self.objects.add(&keys, (&data, record.arrival), place);
        match added.map_err(|source| stopped(&self.settings, source))? {
            Ok(()) => Ok(()),
            Err(error) => {
                self.counts.records.conversion_failed += 1;
                let (code, message) = (error.code().to_owned(), error.message());
                let what = FailureType::FormatConversion;
                let failure = Failure { what, attempts: 1, code, message, request: None };
                self.fail(record, &failure)
            }
        }
    }

    /// Why a record with these keys has no partition. The service's name of the last error is documented nowhere.
    fn partition_failure(&self, keys: &PartitionKeys, arrival: Timestamp) -> Option<Failure> {
        let failure = |code: &str, message: String| {
            let (what, code) = (FailureType::Partitioning, format!("DynamicPartitioning.{code}"));
            Some(Failure { what, attempts: 1, code, message, request: None })
        };
        let missing = self.settings.prefix.partition_keys().into_iter().find(|&key| !keys.contains_key(key));
        if let Some(key) = missing {
            return failure(
                "MissingPartitionKey",
                format!("the prefix names the key {key}, the record has none"),
            );
        }
        if self.objects.is_full_for(keys) {
            let message = format!("at most {ACTIVE_PARTITIONS_MAX} partitions may be active");
            return failure("ActivePartitionLimitExceeded", message);
        }
        let place = Place { settings: &self.settings, bucket: &self.bucket, now: self.now };
        let unnamed = self.objects.check_name(keys, arrival, place).err();
        unnamed.and_then(|error| failure("InvalidPrefix", crate::chain(&error)))
    }

    fn fail(&mut self, record: &StreamRecord, failure: &Failure) -> Result<(), DeliveryError> {
        let document = failure.document(record, self.now, &self.settings);
        let place = Place { settings: &self.settings, bucket: &self.bucket, now: self.now };
        let added = self.objects.add_failure(failure.what, (&document, record.arrival), place);
        added.map_err(|source| stopped(&self.settings, source))
    }
}

/// When a buffer of this interval expires; `None` behind the end of the calendar.
fn later(since: Timestamp, interval: SignedDuration) -> Option<Timestamp> {
    since.checked_add(interval).ok()
}

fn checked(answer: &[u8], batch: &Batch) -> Result<Vec<Transformed>, AnswerError> {
    let ids: Vec<_> = batch.records.iter().map(record_id).collect();
    answer::check(answer, &ids.iter().map(String::as_str).collect::<Vec<_>>())
}

fn stopped(settings: &Settings, source: ObjectError) -> DeliveryError {
    DeliveryError { stream: settings.name.clone(), source }
}

#[cfg(test)]
mod tests;
