//! Resources of which a local run needs no more than the name: buckets, queues, topics.

use super::Resource;
use super::error::Fault;
use super::identity::identity;
use super::scope::Scope;

/// A resource with its name. A bucket, queue or topic becomes a folder of that name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// Name in the template.
    pub(crate) logical_id: String,
    /// Name on AWS.
    pub(crate) name: String,
    /// ARN on AWS.
    pub(crate) arn: String,
}

/// Reads a resource of which no property changes anything here.
pub(super) fn read(scope: &Scope<'_>, resource: &Resource<'_>) -> Result<Named, Fault> {
    let identity = identity(scope, resource.logical_id, (resource.node.line, &resource.path()))?;
    Ok(Named { logical_id: resource.logical_id.to_owned(), name: identity.name, arn: identity.arn })
}

/// Reads a bucket. What happens to its objects later changes nothing here, unless a function is told of them.
pub(super) fn read_bucket(scope: &Scope<'_>, resource: &Resource<'_>) -> Result<Named, Fault> {
    let notifications =
        resource.node.get("Properties").and_then(|node| node.get("NotificationConfiguration"));
    if let Some(node) = notifications {
        let path = format!("{}.NotificationConfiguration", resource.path());
        return Err(Fault::unsupported((node.line, &path), "NotificationConfiguration"));
    }
    read(scope, resource)
}
