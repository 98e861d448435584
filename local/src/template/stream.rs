//! Kinesis streams of the template: `AWS::Kinesis::Stream`.

use std::time::Duration;

use super::Resource;
use super::error::Fault;
use super::identity::identity;
use super::scope::Scope;
use super::value::{Data, Property, Value};

/// Properties that are read, or that change nothing here: encryption, metrics, tags.
const KNOWN: [&str; 7] = [
    "DesiredShardLevelMetrics",
    "Name",
    "RetentionPeriodHours",
    "ShardCount",
    "StreamEncryption",
    "StreamModeDetails",
    "Tags",
];

/// Encryption and tags change nothing here and may refer to anything.
const MAY_REFER_TO_ANYTHING: [&str; 2] = ["StreamEncryption", "Tags"];

/// Shards an on-demand stream begins with.
const ON_DEMAND_SHARDS: u32 = 4;

/// Most shards of a stream here; the default quota of an account is far below.
const SHARDS_MAX: u32 = 10_000;

/// A Kinesis stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    /// Name in the template.
    pub(crate) logical_id: String,
    /// Name on AWS.
    pub(crate) name: String,
    /// ARN on AWS.
    pub(crate) arn: String,
    /// Who decides on the number of shards.
    pub(crate) mode: StreamMode,
    /// Number of shards: `ShardCount`, or what an on-demand stream begins with.
    pub(crate) shard_count: u32,
    /// How long records are kept: 24 to 8,760 h, 24 h when the template says nothing.
    pub(crate) retention: Duration,
}

/// `StreamMode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamMode {
    /// `PROVISIONED`: the number of shards is given.
    Provisioned,
    /// `ON_DEMAND`: Kinesis adds shards as they are needed.
    OnDemand,
}

/// Reads a stream.
pub(super) fn read(scope: &Scope<'_>, resource: &Resource<'_>) -> Result<Stream, Fault> {
    let path = resource.path();
    let identity = identity(scope, resource.logical_id, (resource.node.line, &path))?;
    let properties = resource.node.get("Properties");
    let value = properties.map(|node| scope.evaluate_except(node, &path, &MAY_REFER_TO_ANYTHING));
    let value = value.transpose()?.flatten();
    let nothing = Value { line: resource.node.line, data: Data::Map(Vec::new()) };
    let properties = Property::new(path, value.as_ref().unwrap_or(&nothing));
    properties.only(&KNOWN)?;
    let (mode, shard_count) = shards(&properties)?;
    let hours = properties.get("RetentionPeriodHours").number(24..=8_760)?.unwrap_or(24);
    Ok(Stream {
        logical_id: resource.logical_id.to_owned(),
        name: identity.name,
        arn: identity.arn,
        mode,
        shard_count,
        retention: Duration::from_hours(hours),
    })
}

/// `ShardCount` belongs to provisioned streams, and a stream that states one is provisioned.
fn shards(properties: &Property<'_>) -> Result<(StreamMode, u32), Fault> {
    let mode = properties.get("StreamModeDetails").get("StreamMode");
    let shards = properties.get("ShardCount");
    let count = shards.number(1..=SHARDS_MAX)?;
    match (mode.text()?, count) {
        (None | Some("PROVISIONED"), Some(count)) => Ok((StreamMode::Provisioned, count)),
        (None | Some("ON_DEMAND"), None) => Ok((StreamMode::OnDemand, ON_DEMAND_SHARDS)),
        (Some("PROVISIONED"), None) => Err(shards.expected(format!("a number from 1 to {SHARDS_MAX}"))),
        (Some("ON_DEMAND"), Some(_)) => Err(shards.expected("absent, as the stream is on demand")),
        (Some(_), _) => Err(mode.expected("PROVISIONED or ON_DEMAND")),
    }
}
