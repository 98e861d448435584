//! Event source mappings of the template: the `Events` of a function that are of type `Kinesis`, and
//! `AWS::Lambda::EventSourceMapping`.
//!
//! Defaults and ranges are those of "Lambda parameters for Amazon Kinesis Data Streams event source mappings" in
//! Lambda's guide.

use std::time::Duration;

use jiff::Timestamp;

use super::Resource;
use super::error::Fault;
use super::function::Function;
use super::identity::name_in_arn;
use super::s3::bucket;
use super::scope::Scope;
use super::stream::Stream;
use super::value::Property;

/// Properties that are read in an event of a function.
const EVENT_KNOWN: [&str; 15] = [
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "Enabled",
    "FilterCriteria",
    "FunctionResponseTypes",
    "KmsKeyArn",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "MetricsConfig",
    "ParallelizationFactor",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Stream",
];

/// Properties that are read in a resource, beside those of an event.
const RESOURCE_KNOWN: [&str; 3] = ["EventSourceArn", "FunctionName", "Tags"];

/// What stands for no limit.
const ENDLESS: i32 = -1;

/// Lambda takes no age limit below, -1 aside, in seconds.
const RECORD_AGE_S_MIN: i32 = 60;

/// Most filters of a mapping: five, and up to ten on request.
const FILTERS_MAX: usize = 10;

/// Longest pattern of a filter, in characters.
const PATTERN_CHARS_MAX: usize = 4_096;

/// What gives the records of a stream to a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    /// Name in the template. SAM makes it of that of the function and that of the event.
    pub(crate) logical_id: String,
    /// Name of the stream in the template.
    pub(crate) stream: String,
    /// Where in the stream it begins.
    pub(crate) starting_position: StartingPosition,
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
    /// Patterns of which a record must match one, each a JSON text, unread. Without any every record is taken.
    pub(crate) filters: Vec<String>,
    /// Where batches go that were given up; `None`: nowhere.
    pub(crate) on_failure: Option<OnFailure>,
}

/// Where in a stream a mapping begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StartingPosition {
    /// `TRIM_HORIZON`: at the oldest record.
    TrimHorizon,
    /// `LATEST`: behind the newest record.
    Latest,
    /// `AT_TIMESTAMP`: at the first record that arrived then or later.
    AtTimestamp(Timestamp),
}

/// Where batches go that were given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OnFailure {
    /// A bucket. Lambda writes below `aws/lambda/<id of the mapping>/`.
    S3 {
        /// Its name.
        bucket: String,
    },
    /// A queue, which is told of the batch but does not get it.
    Sqs {
        /// Its name.
        queue: String,
    },
    /// A topic, which is told of the batch but does not get it.
    Sns {
        /// Its name.
        topic: String,
    },
}

/// A mapping as it is declared.
#[derive(Debug)]
pub(super) struct Declared {
    /// The mapping.
    pub(super) mapping: Mapping,
    /// Whether it is run: true when the template says nothing.
    pub(super) is_enabled: bool,
}

/// Reads the events of a function.
pub(super) fn read(
    function: &str,
    events: &Property<'_>,
    streams: &[Stream],
) -> Result<Vec<Declared>, Fault> {
    let mapping = |(name, event): (&str, Property<'_>)| {
        let kind = event.get("Type");
        let properties = event.get("Properties");
        match kind.required_text()? {
            "Kinesis" => {
                properties.only(&EVENT_KNOWN)?;
                declared(
                    format!("{function}{name}"),
                    &properties,
                    stream(&properties.get("Stream"), streams)?,
                )
            }
            other => Err(kind.unsupported(format!("an event of type {other}"))),
        }
    };
    events.entries()?.into_iter().map(mapping).collect()
}

/// Reads a mapping that is a resource of its own, with the name of its function in the template.
pub(super) fn read_resource(
    scope: &Scope<'_>,
    resource: &Resource<'_>,
    functions: &[Function],
    streams: &[Stream],
) -> Result<(String, Declared), Fault> {
    let path = resource.path();
    let value = scope.evaluate_except(resource.properties()?, &path, &["KmsKeyArn", "Tags"])?;
    let value = value.ok_or_else(|| Fault::invalid((resource.node.line, &path), "a map", "nothing"))?;
    let properties = Property::new(path, &value);
    let of_an_event = EVENT_KNOWN.iter().copied().filter(|name| *name != "Stream");
    properties.only(&of_an_event.chain(RESOURCE_KNOWN).collect::<Vec<_>>())?;
    let function = function(&properties.get("FunctionName"), functions)?;
    let stream = stream(&properties.get("EventSourceArn"), streams)?;
    Ok((function, declared(resource.logical_id.to_owned(), &properties, stream)?))
}

/// Reads what both forms have in common.
fn declared(logical_id: String, properties: &Property<'_>, stream: String) -> Result<Declared, Fault> {
    let seconds = properties.get("MaximumBatchingWindowInSeconds").number(0..=300)?;
    let mapping = Mapping {
        logical_id,
        stream,
        starting_position: starting_position(properties)?,
        batch_size: properties.get("BatchSize").number(1..=10_000)?.unwrap_or(100),
        window: Duration::from_secs(seconds.unwrap_or(0)),
        parallelization_factor: properties.get("ParallelizationFactor").number(1..=10)?.unwrap_or(1),
        bisect: properties.get("BisectBatchOnFunctionError").flag()?.unwrap_or(false),
        retries: limit(&properties.get("MaximumRetryAttempts"), 10_000)?,
        record_age_max: record_age_max(&properties.get("MaximumRecordAgeInSeconds"))?,
        report_failures: report_failures(&properties.get("FunctionResponseTypes"))?,
        filters: filters(&properties.get("FilterCriteria"))?,
        on_failure: on_failure(&properties.get("DestinationConfig"))?,
    };
    Ok(Declared { mapping, is_enabled: properties.get("Enabled").flag()?.unwrap_or(true) })
}

/// Name of the function in the template, by its name or its whole or partial ARN.
fn function(name: &Property<'_>, functions: &[Function]) -> Result<String, Fault> {
    let wanted = name.required_text()?.trim_end_matches(":$LATEST");
    let own = wanted.rsplit_once("function:").map_or(wanted, |(_, own)| own);
    let function = functions.iter().find(|function| function.name == own && function.arn.ends_with(wanted));
    let function = function.ok_or_else(|| name.expected("the name or ARN of a function of this template"))?;
    Ok(function.logical_id.clone())
}

/// Name of the stream in the template.
fn stream(arn: &Property<'_>, streams: &[Stream]) -> Result<String, Fault> {
    let wanted = arn.required_text()?;
    let stream = streams.iter().find(|stream| stream.arn == wanted);
    let stream = stream.ok_or_else(|| arn.expected("the ARN of a stream of this template"))?;
    Ok(stream.logical_id.clone())
}

/// Where the mapping begins.
fn starting_position(properties: &Property<'_>) -> Result<StartingPosition, Fault> {
    let position = properties.get("StartingPosition");
    let timestamp = properties.get("StartingPositionTimestamp");
    match (position.text()?, timestamp.exists()) {
        (Some("AT_TIMESTAMP"), _) => Ok(StartingPosition::AtTimestamp(epoch_seconds(&timestamp)?)),
        (Some("TRIM_HORIZON" | "LATEST"), true) => {
            Err(timestamp.expected("absent, as StartingPosition is not AT_TIMESTAMP"))
        }
        (Some("TRIM_HORIZON"), false) => Ok(StartingPosition::TrimHorizon),
        (Some("LATEST"), false) => Ok(StartingPosition::Latest),
        _ => Err(position.expected("one of TRIM_HORIZON, LATEST, AT_TIMESTAMP")),
    }
}

/// A time in seconds since the epoch with an optional fraction of up to nine digits, read digit by digit.
fn epoch_seconds(seconds: &Property<'_>) -> Result<Timestamp, Fault> {
    let expected = || seconds.expected("a time in seconds since 1970, such as 1541139109");
    let text = seconds.text()?.ok_or_else(expected)?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 9 || !digits(whole) || !digits(fraction) {
        return Err(expected());
    }
    let nanoseconds = format!("{fraction:0<9}").parse().map_err(|_| expected())?;
    Timestamp::new(whole.parse().map_err(|_| expected())?, nanoseconds).map_err(|_| expected())
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

/// The patterns of `FilterCriteria`.
fn filters(criteria: &Property<'_>) -> Result<Vec<String>, Fault> {
    criteria.only(&["Filters"])?;
    let place = criteria.get("Filters");
    let filters = place.items()?;
    if filters.len() > FILTERS_MAX {
        return Err(place.expected(format!("a list of at most {FILTERS_MAX}")));
    }
    let pattern = |filter: Property<'_>| {
        filter.only(&["Pattern"])?;
        let pattern = filter.get("Pattern");
        let text = pattern.bounded_text(0..=PATTERN_CHARS_MAX)?.ok_or_else(|| pattern.expected("a text"))?;
        let is_object = serde_json::from_str::<serde_json::Value>(text).is_ok_and(|json| json.is_object());
        if is_object { Ok(text.to_owned()) } else { Err(pattern.expected("a JSON object in a text")) }
    };
    filters.into_iter().map(pattern).collect()
}

/// Where batches go that were given up.
fn on_failure(configuration: &Property<'_>) -> Result<Option<OnFailure>, Fault> {
    configuration.only(&["OnFailure"])?;
    let on_failure = configuration.get("OnFailure");
    if !on_failure.exists() {
        return Ok(None);
    }
    on_failure.only(&["Destination", "Type"])?;
    let (kind, destination) = (on_failure.get("Type"), on_failure.get("Destination"));
    let arn = destination.required_text()?;
    let (service, found) = if let Some(queue) = name_in_arn("sqs", arn) {
        ("SQS", OnFailure::Sqs { queue: queue.to_owned() })
    } else if let Some(topic) = name_in_arn("sns", arn) {
        ("SNS", OnFailure::Sns { topic: topic.to_owned() })
    } else {
        ("S3", OnFailure::S3 { bucket: bucket(&destination)? })
    };
    match kind.text()? {
        // Lambda knows FIFO queues and topics for other sources only.
        None | Some("S3" | "SNS" | "SQS") if arn.strip_suffix(".fifo").is_some() => {
            Err(destination.expected("a standard queue or topic, not a FIFO one"))
        }
        None => Ok(Some(found)),
        Some(named) if named == service => Ok(Some(found)),
        Some("S3" | "SNS" | "SQS") => Err(kind.expected(format!("{service}, as Destination is"))),
        Some("Kafka") => Err(kind.unsupported("the destination Kafka")),
        Some(_) => Err(kind.expected("one of Kafka, S3, SNS, SQS")),
    }
}
