//! The function itself: the bytes of an invocation to the bytes of its answer.

use tapeline_codec::binance::{self, Body, DecodeError, Frame, Identity, Message};
use tapeline_codec::framing::{self, Documents, FRAMES_MAX, FramingError};
use tapeline_codec::{DropReason, Reason};
use tapeline_lambda_wire::firehose::{
    ANSWER_BYTES_MAX, DataError, Event, EventError, Oversized, Pending, Record, Step, answer,
};
use tapeline_market::Timestamp;
use tapeline_telemetry::chain;
use thiserror::Error;

use crate::config::{Config, Klines};
use crate::partition::{LastKeys, Partition, PartitionError};
use crate::report::Report;

/// The invocation as a whole cannot be answered: the service keeps its records.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TransformError {
    /// The payload is no event.
    #[error("expected a Firehose transformation event")]
    Event(#[from] EventError),
    /// No answer would fit.
    #[error("expected an event that can be answered")]
    Oversized(#[from] Oversized),
}

impl TransformError {
    /// A name to alarm on.
    pub const fn error_type(&self) -> &'static str {
        match self {
            Self::Event(_) => "Tapeline.InvalidEvent",
            Self::Oversized(_) => "Tapeline.OversizedEvent",
        }
    }
}

/// An answered invocation.
#[derive(Debug)]
pub struct Transformed {
    /// The answer: a JSON text.
    pub answer: Vec<u8>,
    /// What happened to the records.
    pub report: Report,
}

/// Transforms one invocation after another. Buffers are kept from one to the next.
#[derive(Debug)]
pub struct Transformer {
    config: Config,
    answer_bytes_max: usize,
    data: Vec<u8>,
    rows: Vec<u8>,
    last_keys: LastKeys,
}

/// How large a buffer may stay between invocations: a record that was decompressed to more gives it back.
const BUFFER_BYTES_KEPT: usize = 1024 * 1024;

impl Transformer {
    /// Sets the function up.
    pub const fn new(config: Config) -> Self {
        Self::with_answer_limit(config, ANSWER_BYTES_MAX)
    }

    /// Like [`Self::new`], for another limit than Lambda's.
    pub const fn with_answer_limit(config: Config, answer_bytes_max: usize) -> Self {
        Self { config, answer_bytes_max, data: Vec::new(), rows: Vec::new(), last_keys: LastKeys::new() }
    }

    /// Answers one invocation.
    ///
    /// # Errors
    /// Only when the payload is no event that could be answered at all.
    pub fn transform(&mut self, payload: &[u8]) -> Result<Transformed, TransformError> {
        let event = Event::parse(payload)?;
        let mut report = Report::default();
        let mut step = answer(&event, self.answer_bytes_max)?;
        loop {
            match step {
                Step::Pending(pending) => step = self.record(pending, &mut report),
                Step::Complete(complete) => {
                    self.data.shrink_to(BUFFER_BYTES_KEPT);
                    self.rows.shrink_to(BUFFER_BYTES_KEPT);
                    return Ok(Transformed { answer: complete.into_bytes(), report });
                }
            }
        }
    }

    /// Gives one record its outcome.
    fn record<'e>(&mut self, pending: Pending<'e>, report: &mut Report) -> Step<'e> {
        let mut pass = Pass::default();
        if let Err(refusal) = self.rows_of(pending.record(), &mut pass, report) {
            return refuse(pending, &refusal, report);
        }
        let Some(partition) = &pass.partition else {
            report.records_dropped += 1;
            pass.count(report);
            return pending.dropped();
        };
        let keys = self.last_keys.of(partition, &self.config.partition_keys);
        match pending.ok(&self.rows, keys) {
            Ok(step) => {
                report.records_ok += 1;
                report.bytes_out += self.rows.len() as u64;
                pass.count(report);
                step
            }
            Err(pending) => refuse(pending, &RecordError::ResponseTooLarge, report),
        }
    }

    /// Writes the rows of a record into the row buffer.
    fn rows_of(
        &mut self,
        record: &Record<'_>,
        pass: &mut Pass,
        report: &mut Report,
    ) -> Result<(), RecordError> {
        self.data.clear();
        self.rows.clear();
        record.decode_data(&mut self.data)?;
        report.bytes_in += self.data.len() as u64;
        let arrival = record.arrival_micros().and_then(|micros| Timestamp::from_micros(micros).ok());
        let mut writer = RowWriter {
            config: &self.config,
            arrival,
            rows: &mut self.rows,
            // In base64, more alone would exceed the whole answer.
            rows_bytes_max: self.answer_bytes_max / 4 * 3,
            pass,
        };
        framing::texts(&self.data, &mut |text: &str| writer.text(text))
    }
}

fn refuse<'e>(pending: Pending<'e>, error: &RecordError, report: &mut Report) -> Step<'e> {
    let record = pending.record();
    report.add_refusal(error.reason(), || (record.record_id().into_owned(), chain(error)));
    pending.processing_failed()
}

/// Why a record is returned as failed.
#[derive(Debug, Error)]
enum RecordError {
    #[error(transparent)]
    Data(#[from] DataError),
    #[error(transparent)]
    Framing(#[from] FramingError),
    #[error(transparent)]
    Decode(#[from] DecodeError),
    #[error(transparent)]
    Partition(#[from] PartitionError),
    #[error("expected at most {frames_max} frames to deliver in a record of this format")]
    ManyDocuments { frames_max: usize },
    #[error("expected rows that fit into what Lambda accepts as an answer")]
    ResponseTooLarge,
}

impl RecordError {
    const fn reason(&self) -> Reason {
        match self {
            Self::Data(_) => Reason::BadBase64,
            Self::Framing(error) => error.reason(),
            Self::Decode(error) => error.reason(),
            Self::Partition(error) => error.reason(),
            Self::ManyDocuments { .. } => Reason::ManyDocuments,
            Self::ResponseTooLarge => Reason::ResponseTooLarge,
        }
    }
}

/// What one pass over a record found.
#[derive(Debug, Default)]
struct Pass {
    /// Where its rows go; `None` as long as there is no row.
    partition: Option<Partition>,
    frames: u64,
    rows: usize,
    lag_max_us: Option<i64>,
    drops: [u64; DropReason::ALL.len()],
}

impl Pass {
    /// Adds the record's frames to the batch: only now it is known that the record did not fail.
    fn count(&self, report: &mut Report) {
        report.frames += self.frames;
        report.rows += self.rows as u64;
        if let Some(lag_us) = self.lag_max_us {
            report.add_lag(lag_us);
        }
        for (&reason, &count) in DropReason::ALL.iter().zip(&self.drops) {
            if count > 0 {
                report.add_drop(reason, count);
            }
        }
        if self.frames == 0 {
            report.add_drop(DropReason::Empty, 1);
        }
    }

    fn dropped(&mut self, reason: DropReason) {
        if let Some(count) = self.drops.get_mut(reason as usize) {
            *count += 1;
        }
    }
}

/// Writes the frames of one record as rows.
struct RowWriter<'t> {
    config: &'t Config,
    arrival: Option<Timestamp>,
    rows: &'t mut Vec<u8>,
    rows_bytes_max: usize,
    pass: &'t mut Pass,
}

impl RowWriter<'_> {
    fn text(&mut self, text: &str) -> Result<(), RecordError> {
        let mut documents = Documents::new(text);
        while let Some(cursor) = documents.step()? {
            binance::frames(cursor, &mut |frame: &Frame<'_>| self.frame(frame))?;
        }
        Ok(())
    }

    fn frame(&mut self, frame: &Frame<'_>) -> Result<(), RecordError> {
        self.pass.frames += 1;
        if self.pass.frames > FRAMES_MAX as u64 {
            return Err(FramingError::Frames.into());
        }
        let Identity::Kind(kind) = binance::identify(frame)? else {
            self.pass.dropped(DropReason::Control);
            return Ok(());
        };
        if self.config.kinds.as_ref().is_some_and(|kinds| !kinds.contains(&kind)) {
            self.pass.dropped(DropReason::Filtered);
            return Ok(());
        }
        let header = binance::header(frame, kind, self.config.market)?;
        if self.config.symbols.as_ref().is_some_and(|symbols| !symbols.contains(header.symbol.as_str())) {
            self.pass.dropped(DropReason::Filtered);
            return Ok(());
        }
        let message = binance::message(frame, kind, header)?;
        match self.drop_reason(&message) {
            Some(reason) => self.pass.dropped(reason),
            None => self.row(&message)?,
        }
        Ok(())
    }

    fn drop_reason(&self, message: &Message<'_>) -> Option<DropReason> {
        match &message.body {
            Body::Kline(kline) if !kline.is_closed && self.config.klines == Klines::Closed => {
                Some(DropReason::OpenKline)
            }
            Body::AggTrade(trade) if trade.is_invalidated() => Some(DropReason::Invalidated),
            _ => None,
        }
    }

    fn row(&mut self, message: &Message<'_>) -> Result<(), RecordError> {
        let keys = &self.config.partition_keys;
        match &self.pass.partition {
            Some(partition) => partition.hold(keys, message)?,
            None => self.pass.partition = Some(Partition::of(keys, message, self.arrival)?),
        }
        if let Some(frames_max) = self.config.format.frames_max().filter(|&max| self.pass.rows >= max) {
            return Err(RecordError::ManyDocuments { frames_max });
        }
        self.config.format.write(message, self.arrival, self.rows);
        if self.rows.len() > self.rows_bytes_max {
            return Err(RecordError::ResponseTooLarge);
        }
        self.pass.rows += 1;
        if let (Some(event), Some(arrival)) = (message.header.event_time, self.arrival) {
            self.pass.lag_max_us = self.pass.lag_max_us.max(Some(arrival.micros() - event.micros()));
        }
        Ok(())
    }
}
