//! Kinesis streams of the template: `AWS::Kinesis::Stream`.

use super::Resource;
use super::error::Fault;
use super::identity::identity;
use super::scope::Scope;
use super::value::Property;

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
    /// Number of shards: `ShardCount`, or what an on-demand stream begins with.
    pub(crate) shard_count: u32,
}

/// Reads a stream.
pub(super) fn read(scope: &Scope<'_>, resource: &Resource<'_>) -> Result<Stream, Fault> {
    let path = resource.path();
    let identity = identity(scope, resource.logical_id, (resource.node.line, &path))?;
    let properties =
        resource.node.get("Properties").map(|node| scope.evaluate(node, &path)).transpose()?.flatten();
    let shard_count =
        properties.map_or(Ok(ON_DEMAND_SHARDS), |value| shard_count(&Property::new(path, &value)))?;
    Ok(Stream {
        logical_id: resource.logical_id.to_owned(),
        name: identity.name,
        arn: identity.arn,
        shard_count,
    })
}

/// `ShardCount` belongs to provisioned streams, and a stream that states one is provisioned.
fn shard_count(properties: &Property<'_>) -> Result<u32, Fault> {
    let mode = properties.get("StreamModeDetails").get("StreamMode");
    let shards = properties.get("ShardCount");
    let count = shards.number(1..=SHARDS_MAX)?;
    match (mode.text()?, count) {
        (None | Some("PROVISIONED"), Some(count)) => Ok(count),
        (None | Some("ON_DEMAND"), None) => Ok(ON_DEMAND_SHARDS),
        (Some("PROVISIONED"), None) => Err(shards.expected(format!("a number from 1 to {SHARDS_MAX}"))),
        (Some("ON_DEMAND"), Some(_)) => Err(shards.expected("absent, as the stream is on demand")),
        (Some(_), _) => Err(mode.expected("PROVISIONED or ON_DEMAND")),
    }
}
