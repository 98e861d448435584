//! Event source mappings of the template: the `Events` of a function that are of type `Kinesis`.
//!
//! Defaults and ranges are those of "Lambda parameters for Amazon Kinesis Data Streams event source mappings" in
//! Lambda's guide.

use std::time::Duration;

use super::delivery::bucket;
use super::error::Fault;
use super::stream::Stream;
use super::value::Property;

/// Properties that are read.
const KNOWN: [&str; 11] = [
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "Stream",
];

/// What stands for no limit.
const ENDLESS: i32 = -1;

/// Lambda takes no age limit below, -1 aside, in seconds.
const RECORD_AGE_S_MIN: i32 = 60;

/// What gives the records of a stream to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Name in the template that SAM makes: that of the function and that of the event.
    pub(crate) logical_id: String,
    /// Name of the stream in the template.
    pub(crate) stream: String,
    /// Most records of a batch: 1 to 10,000, 100 when the template says nothing.
    pub(crate) batch_size: u32,
    /// How long records are gathered: 0 to 300 s, 0 when the template says nothing.
    pub(crate) window: Duration,
    /// Batches of a shard that are worked on at the same time: 1 to 10, 1 when the template says nothing.
    pub(crate) parallelization_factor: u32,
    /// Whether a batch that failed is cut in two before it is tried again: false when the template says nothing.
    pub(crate) bisect: bool,
    /// Further attempts after a failed one: 0 to 10,000. `None`, and when the template says nothing: as long as the
    /// stream keeps the records.
    pub(crate) retries: Option<u32>,
    /// Records that are older are given up: 60 to 604,800 s. `None`, and when the template says nothing: none are.
    pub(crate) record_age_max: Option<Duration>,
    /// Whether the function's answer names the records that failed: `ReportBatchItemFailures`.
    pub(crate) report_failures: bool,
    /// Where batches go that were given up; `None`: nowhere.
    pub(crate) on_failure: Option<OnFailure>,
}

/// Where batches go that were given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OnFailure {
    /// Name of the bucket. Lambda writes below `aws/lambda/<id of the mapping>/`.
    pub(crate) bucket: String,
}

/// Reads the events of a function.
pub(super) fn read(function: &str, events: &Property<'_>, streams: &[Stream]) -> Result<Vec<Mapping>, Fault> {
    let mapping = |(name, event): (&str, Property<'_>)| {
        let kind = event.get("Type");
        match kind.required_text()? {
            "Kinesis" => kinesis(format!("{function}{name}"), &event.get("Properties"), streams),
            other => Err(kind.unsupported(format!("an event of type {other}"))),
        }
    };
    events.entries()?.into_iter().map(mapping).collect()
}

/// Reads an event of type `Kinesis`.
fn kinesis(logical_id: String, properties: &Property<'_>, streams: &[Stream]) -> Result<Mapping, Fault> {
    properties.only(&KNOWN)?;
    is_read_from_the_start(properties)?;
    let seconds = properties.get("MaximumBatchingWindowInSeconds").number(0..=300)?;
    Ok(Mapping {
        logical_id,
        stream: stream(&properties.get("Stream"), streams)?,
        batch_size: properties.get("BatchSize").number(1..=10_000)?.unwrap_or(100),
        window: Duration::from_secs(seconds.unwrap_or(0)),
        parallelization_factor: properties.get("ParallelizationFactor").number(1..=10)?.unwrap_or(1),
        bisect: properties.get("BisectBatchOnFunctionError").flag()?.unwrap_or(false),
        retries: limit(&properties.get("MaximumRetryAttempts"), 10_000)?,
        record_age_max: record_age_max(&properties.get("MaximumRecordAgeInSeconds"))?,
        report_failures: report_failures(&properties.get("FunctionResponseTypes"))?,
        on_failure: on_failure(&properties.get("DestinationConfig"))?,
    })
}

/// Refuses a mapping that would leave out records. The stream of a local run is empty when the run begins, so the
/// latest record and the oldest are the same.
fn is_read_from_the_start(properties: &Property<'_>) -> Result<(), Fault> {
    let enabled = properties.get("Enabled");
    if !enabled.flag()?.unwrap_or(true) {
        return Err(enabled.unsupported("a mapping that is not enabled"));
    }
    let position = properties.get("StartingPosition");
    match position.text()? {
        Some("TRIM_HORIZON" | "LATEST") => Ok(()),
        Some("AT_TIMESTAMP") => Err(position.unsupported("a start at a time")),
        _ => Err(position.expected("one of TRIM_HORIZON, LATEST, AT_TIMESTAMP")),
    }
}

/// Name of the stream in the template.
fn stream(arn: &Property<'_>, streams: &[Stream]) -> Result<String, Fault> {
    let wanted = arn.required_text()?;
    let stream = streams.iter().find(|stream| stream.arn == wanted);
    let stream = stream.ok_or_else(|| arn.expected("the ARN of a stream of this template"))?;
    Ok(stream.logical_id.clone())
}

/// A number that is at most `max`; `None` is no limit.
fn limit(number: &Property<'_>, max: i32) -> Result<Option<u32>, Fault> {
    let limit = number.number(ENDLESS..=max)?.unwrap_or(ENDLESS);
    // Of all numbers in the range, only the one that stands for no limit does not fit.
    Ok(u32::try_from(limit).ok())
}

/// The age at which records are given up.
fn record_age_max(seconds: &Property<'_>) -> Result<Option<Duration>, Fault> {
    match limit(seconds, 604_800)? {
        Some(age) if age < RECORD_AGE_S_MIN.unsigned_abs() => {
            Err(seconds.expected(format!("{ENDLESS}, or a number from {RECORD_AGE_S_MIN} to 604800")))
        }
        age => Ok(age.map(|age| Duration::from_secs(age.into()))),
    }
}

/// Whether the answer names what failed.
fn report_failures(types: &Property<'_>) -> Result<bool, Fault> {
    let types = types.items()?;
    for kind in &types {
        if kind.required_text()? != "ReportBatchItemFailures" {
            return Err(kind.expected("ReportBatchItemFailures"));
        }
    }
    Ok(!types.is_empty())
}

/// Where batches go that were given up.
fn on_failure(configuration: &Property<'_>) -> Result<Option<OnFailure>, Fault> {
    configuration.only(&["OnFailure"])?;
    let on_failure = configuration.get("OnFailure");
    if !on_failure.exists() {
        return Ok(None);
    }
    on_failure.only(&["Destination", "Type"])?;
    let kind = on_failure.get("Type");
    match kind.text()? {
        None | Some("S3") => {}
        Some(other @ ("Kafka" | "SNS" | "SQS")) => {
            return Err(kind.unsupported(format!("the destination {other}")));
        }
        Some(_) => return Err(kind.expected("one of Kafka, S3, SNS, SQS")),
    }
    Ok(Some(OnFailure { bucket: bucket(&on_failure.get("Destination"))? }))
}
