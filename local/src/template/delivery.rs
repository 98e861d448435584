//! Delivery streams of the template: `AWS::KinesisFirehose::DeliveryStream`.

use serde_json::Value as Json;

use super::Resource;
use super::destination::{self, Destination};
use super::error::Fault;
use super::function::Function;
use super::identity::identity;
use super::processing::Processing;
use super::request;
use super::s3::S3Destination;
use super::scope::Scope;
use super::stream::Stream;
use super::table::GlueTable;
use super::value::Property;

/// Properties of a delivery stream, destinations aside, that are read or that change nothing here.
const STREAM_KNOWN: [&str; 6] = [
    "DeliveryStreamEncryptionConfigurationInput",
    "DeliveryStreamName",
    "DeliveryStreamType",
    "DirectPutSourceConfiguration",
    "KinesisStreamSourceConfiguration",
    "Tags",
];

/// Permissions, encryption, logs, networks: they change nothing here and may refer to anything.
const MAY_REFER_TO_ANYTHING: [&str; 7] = [
    "CatalogId",
    "CloudWatchLoggingOptions",
    "DeliveryStreamEncryptionConfigurationInput",
    "EncryptionConfiguration",
    "RoleARN",
    "Tags",
    "VpcConfiguration",
];

/// What a delivery stream may refer to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known<'k> {
    /// The template's functions.
    pub(super) functions: &'k [Function],
    /// The template's streams.
    pub(super) streams: &'k [Stream],
    /// The template's tables.
    pub(super) tables: &'k [GlueTable],
}

/// A delivery stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DeliveryStream {
    /// Name in the template; of one that a request made, its name on AWS.
    pub(crate) logical_id: String,
    /// Name on AWS.
    pub(crate) name: String,
    /// ARN on AWS.
    pub(crate) arn: String,
    /// Where its records come from.
    pub(crate) source: Source,
    /// What is done to them.
    pub(crate) processing: Processing,
    /// Where they go.
    pub(crate) destination: Destination,
    /// The destination's configuration, as `DescribeDeliveryStream` gives it.
    pub(crate) configuration: Json,
}

impl DeliveryStream {
    /// The destination, when it is a bucket.
    pub(crate) const fn s3(&self) -> Option<&S3Destination> {
        match &self.destination {
            Destination::S3(s3) => Some(s3),
            Destination::OpenSearch(_) | Destination::Http(_) => None,
        }
    }
}

/// Where the records of a delivery stream come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// A Kinesis stream.
    Kinesis {
        /// ARN of the stream.
        stream_arn: String,
        /// Its name in the template, when it is of the same template.
        logical_id: Option<String>,
    },
    /// Producers that put records.
    DirectPut,
}

/// What a delivery stream is called.
#[derive(Debug)]
pub(super) struct Names {
    /// In the template.
    pub(super) logical_id: String,
    /// On AWS.
    pub(super) name: String,
    /// ARN on AWS.
    pub(super) arn: String,
}

/// Reads a delivery stream.
pub(super) fn read(
    scope: &Scope<'_>,
    resource: &Resource<'_>,
    known: &Known<'_>,
) -> Result<DeliveryStream, Fault> {
    let path = resource.path();
    let identity = identity(scope, resource.logical_id, (resource.node.line, &path))?;
    let value = scope.evaluate_except(resource.properties()?, &path, &MAY_REFER_TO_ANYTHING)?;
    let value = value.ok_or_else(|| Fault::invalid((resource.node.line, &path), "a map", "nothing"))?;
    let names = Names { logical_id: resource.logical_id.to_owned(), name: identity.name, arn: identity.arn };
    of_properties(names, &Property::new(path, &value), known)
}

/// Reads the properties of a delivery stream, of a template or of a request.
pub(super) fn of_properties(
    names: Names,
    properties: &Property<'_>,
    known: &Known<'_>,
) -> Result<DeliveryStream, Fault> {
    let destinations: Vec<String> = destination::names().map(|name| format!("{name}Configuration")).collect();
    let allowed = STREAM_KNOWN.iter().copied().chain(destinations.iter().map(String::as_str));
    properties.only(&allowed.collect::<Vec<_>>())?;
    let (kind, place) = destination::find(properties)?;
    let (destination, processing) = destination::read(kind, &place, known)?;
    Ok(DeliveryStream {
        logical_id: names.logical_id,
        name: names.name,
        arn: names.arn,
        source: source(properties, known)?,
        processing,
        destination,
        configuration: request::json(&place),
    })
}

/// Where the records come from.
fn source(properties: &Property<'_>, known: &Known<'_>) -> Result<Source, Fault> {
    let kind = properties.get("DeliveryStreamType");
    let kinesis = properties.get("KinesisStreamSourceConfiguration");
    match kind.text()? {
        None | Some("DirectPut") if kinesis.exists() => {
            Err(kind.expected("KinesisStreamAsSource, as KinesisStreamSourceConfiguration is set"))
        }
        None | Some("DirectPut") => Ok(Source::DirectPut),
        Some("KinesisStreamAsSource") => {
            let stream_arn = kinesis.get("KinesisStreamARN").required_text()?.to_owned();
            let stream = known.streams.iter().find(|stream| stream.arn == stream_arn);
            Ok(Source::Kinesis { stream_arn, logical_id: stream.map(|stream| stream.logical_id.clone()) })
        }
        Some(other @ ("DatabaseAsSource" | "MSKAsSource")) => {
            Err(kind.unsupported(format!("the source {other}")))
        }
        Some(_) => Err(kind.expected("DirectPut or KinesisStreamAsSource")),
    }
}
