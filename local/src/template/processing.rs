//! What a delivery stream does to records before they are delivered: its `ProcessingConfiguration`.
//!
//! Names, ranges and defaults are those of `Processor` in Firehose's API reference. In whatever order the processors
//! stand, Firehose applies them in its own: decompression, extraction of messages, de-aggregation, the function,
//! partition keys, delimiter.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::error::Fault;
use super::function::Function;
use super::s3::MB;
use super::value::Property;

/// Longest value of a parameter, in characters.
const PARAMETER_CHARS_MAX: usize = 5_120;

/// The types of processor.
const TYPES: &str = "one of AppendDelimiterToRecord, CloudWatchLogProcessing, Decompression, Lambda, \
                     MetadataExtraction, RecordDeAggregation";

/// What is done to records before they are delivered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Processing {
    /// How the data of CloudWatch Logs is taken apart.
    pub(crate) decompression: Option<Decompression>,
    /// How a record is cut into several.
    pub(crate) de_aggregation: Option<SubRecords>,
    /// The function that transforms the records.
    pub(crate) lambda: Option<LambdaProcessor>,
    /// How dynamic partition keys are read from the records themselves.
    pub(crate) metadata: Option<MetadataExtraction>,
    /// Whether every record gets a line feed behind it.
    pub(crate) append_delimiter: bool,
}

/// Records of a subscription of CloudWatch Logs, which come compressed with gzip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decompression {
    /// Whether only the messages of the log events are delivered: `DataMessageExtraction`.
    pub(crate) message_extraction: bool,
}

/// How the `RecordDeAggregation` processor cuts records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SubRecords {
    /// At the ends of JSON documents.
    Json,
    /// At a delimiter.
    Delimited {
        /// The delimiter, decoded: at least one byte.
        delimiter: Vec<u8>,
    },
}

/// The function that transforms records, and how it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LambdaProcessor {
    /// Name of the function in the template.
    pub(crate) function: String,
    /// A batch is sent when this much has gathered, in bytes: 0.2 to 3 MB, 1 MB when the template says nothing.
    pub(crate) buffer_bytes: u64,
    /// A batch is sent when its oldest record is this old: 0 to 900 s, 60 s when the template says nothing.
    pub(crate) buffer_interval: Duration,
    /// Further attempts after a failed one: 0 to 300, 3 when the template says nothing.
    pub(crate) retries: u32,
}

/// How dynamic partition keys are read from a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct MetadataExtraction {
    /// A query in the language of jq 1.6 that gives an object of keys, such as `{kind: .kind}`.
    pub(crate) query: String,
}

/// Reads the processors, when processing is enabled.
pub(super) fn read(configuration: &Property<'_>, functions: &[Function]) -> Result<Processing, Fault> {
    let mut processing = Processing::default();
    configuration.only(&["Enabled", "Processors"])?;
    let enabled = configuration.get("Enabled");
    if !configuration.exists() || !enabled.flag()?.ok_or_else(|| enabled.expected("true or false"))? {
        return Ok(processing);
    }
    let mut messages = None;
    for processor in configuration.get("Processors").items()? {
        let parameters = Parameters::of(&processor)?;
        let kind = processor.get("Type");
        let stands_twice = match kind.required_text()? {
            "Lambda" => processing.lambda.replace(lambda(&parameters, functions)?).is_some(),
            "RecordDeAggregation" => processing.de_aggregation.replace(sub_records(&parameters)?).is_some(),
            "MetadataExtraction" => processing.metadata.replace(metadata(&parameters)?).is_some(),
            "Decompression" => processing.decompression.replace(decompression(&parameters)?).is_some(),
            "CloudWatchLogProcessing" => {
                messages.replace((kind.clone(), message_extraction(&parameters)?)).is_some()
            }
            "AppendDelimiterToRecord" => {
                std::mem::replace(&mut processing.append_delimiter, append_delimiter(&parameters)?)
            }
            _ => return Err(kind.expected(TYPES)),
        };
        if stands_twice {
            return Err(kind.expected("a processor that stands once"));
        }
    }
    match (&mut processing.decompression, messages) {
        (Some(decompression), Some((_, extracts))) => decompression.message_extraction = extracts,
        (None, Some((kind, _))) => return Err(kind.expected("beside a processor Decompression")),
        (_, None) => {}
    }
    Ok(processing)
}

/// Parameters of a processor by name.
struct Parameters<'v> {
    place: Property<'v>,
    by_name: BTreeMap<&'v str, Property<'v>>,
}

impl<'v> Parameters<'v> {
    /// Reads the list of names and values.
    fn of(processor: &Property<'v>) -> Result<Self, Fault> {
        processor.only(&["Parameters", "Type"])?;
        let place = processor.get("Parameters");
        let mut by_name = BTreeMap::new();
        for parameter in place.items()? {
            let (name, value) = (parameter.get("ParameterName"), parameter.get("ParameterValue"));
            value.bounded_text(0..=PARAMETER_CHARS_MAX)?;
            if by_name.insert(name.required_text()?, value).is_some() {
                return Err(name.expected("a name that stands once"));
            }
        }
        Ok(Self { place, by_name })
    }

    /// The value of a parameter, whether or not it is there.
    fn get(&self, name: &str) -> Property<'v> {
        self.by_name.get(name).cloned().unwrap_or_else(|| self.place.get(name))
    }

    /// Refuses parameters that are not known.
    fn only(&self, known: &[&str]) -> Result<(), Fault> {
        match self.by_name.iter().find(|(name, _)| !known.contains(name)) {
            Some((name, value)) => Err(value.unsupported(format!("the parameter {name}"))),
            None => Ok(()),
        }
    }
}

/// The function and how it is called.
fn lambda(parameters: &Parameters<'_>, functions: &[Function]) -> Result<LambdaProcessor, Fault> {
    parameters.only(&[
        "LambdaArn",
        "RoleArn",
        "NumberOfRetries",
        "BufferSizeInMBs",
        "BufferIntervalInSeconds",
    ])?;
    let arn = parameters.get("LambdaArn");
    let unqualified = arn.required_text()?.trim_end_matches(":$LATEST");
    let function = functions.iter().find(|function| function.arn == unqualified);
    let function = function.ok_or_else(|| arn.expected("the ARN of a function of this template"))?;
    let size = parameters.get("BufferSizeInMBs");
    let seconds = parameters.get("BufferIntervalInSeconds").number(0..=900)?;
    Ok(LambdaProcessor {
        function: function.logical_id.clone(),
        buffer_bytes: if size.exists() { lambda_buffer_bytes(&size)? } else { MB },
        buffer_interval: Duration::from_secs(seconds.unwrap_or(60)),
        retries: parameters.get("NumberOfRetries").number(0..=300)?.unwrap_or(3),
    })
}

/// Bytes of a size in MB with an optional fraction of up to three digits, read digit by digit.
fn lambda_buffer_bytes(size: &Property<'_>) -> Result<u64, Fault> {
    let expected = || size.expected("a number from 0.2 to 3");
    let text = size.required_text()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.len() != 1 || fraction.len() > 3 || !digits(whole) || !digits(fraction) {
        return Err(expected());
    }
    let thousandths: u64 = format!("{whole}{fraction:0<3}").parse().map_err(|_| expected())?;
    if (200..=3_000).contains(&thousandths) { Ok(thousandths * MB / 1_000) } else { Err(expected()) }
}

/// The delimiter, which is a line feed: the only one Firehose knows, written `\n` with a backslash.
fn append_delimiter(parameters: &Parameters<'_>) -> Result<bool, Fault> {
    parameters.only(&["Delimiter"])?;
    let delimiter = parameters.get("Delimiter");
    match delimiter.text()? {
        None | Some("\\n" | "\n") => Ok(true),
        Some(_) => Err(delimiter.expected("\\n")),
    }
}

/// How records are cut.
fn sub_records(parameters: &Parameters<'_>) -> Result<SubRecords, Fault> {
    parameters.only(&["SubRecordType", "Delimiter"])?;
    let (kind, delimiter) = (parameters.get("SubRecordType"), parameters.get("Delimiter"));
    match kind.required_text()? {
        "JSON" if delimiter.exists() => {
            Err(delimiter.expected("absent, as JSON documents end by themselves"))
        }
        "JSON" => Ok(SubRecords::Json),
        "DELIMITED" => {
            let decoded = STANDARD.decode(delimiter.required_text()?).ok().filter(|bytes| !bytes.is_empty());
            let decoded = decoded.ok_or_else(|| delimiter.expected("a delimiter in base64"))?;
            Ok(SubRecords::Delimited { delimiter: decoded })
        }
        _ => Err(kind.expected("JSON or DELIMITED")),
    }
}

/// The query for partition keys.
fn metadata(parameters: &Parameters<'_>) -> Result<MetadataExtraction, Fault> {
    parameters.only(&["MetadataExtractionQuery", "JsonParsingEngine"])?;
    let engine = parameters.get("JsonParsingEngine");
    if engine.required_text()? != "JQ-1.6" {
        return Err(engine.expected("JQ-1.6"));
    }
    let query = parameters.get("MetadataExtractionQuery");
    let text = query.required_text()?;
    if text.trim().is_empty() {
        return Err(query.expected("a query, such as {kind: .kind}"));
    }
    Ok(MetadataExtraction { query: text.to_owned() })
}

/// Decompression, which Firehose does for GZIP alone.
fn decompression(parameters: &Parameters<'_>) -> Result<Decompression, Fault> {
    parameters.only(&["CompressionFormat"])?;
    let format = parameters.get("CompressionFormat");
    match format.required_text()? {
        "GZIP" => Ok(Decompression { message_extraction: false }),
        _ => Err(format.expected("GZIP")),
    }
}

/// Whether only messages are delivered.
fn message_extraction(parameters: &Parameters<'_>) -> Result<bool, Fault> {
    parameters.only(&["DataMessageExtraction"])?;
    let extraction = parameters.get("DataMessageExtraction");
    extraction.flag()?.ok_or_else(|| extraction.expected("true or false"))
}
