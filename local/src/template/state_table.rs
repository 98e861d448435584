//! Tables of the template that hold state: `AWS::DynamoDB::Table`.
//!
//! The rules for keys are those of `CreateTable` in DynamoDB's API reference.

use super::Resource;
use super::error::Fault;
use super::identity::identity;
use super::scope::Scope;
use super::value::Property;

/// Properties that are read, or that change nothing here: backups, encryption, cost, permissions.
const KNOWN: [&str; 12] = [
    "AttributeDefinitions",
    "BillingMode",
    "ContributorInsightsSpecification",
    "DeletionProtectionEnabled",
    "KeySchema",
    "PointInTimeRecoverySpecification",
    "ResourcePolicy",
    "SSESpecification",
    "TableClass",
    "TableName",
    "Tags",
    "WarmThroughput",
];

/// Permissions, encryption, tags: they may refer to anything.
const MAY_REFER_TO_ANYTHING: [&str; 3] = ["ResourcePolicy", "SSESpecification", "Tags"];

/// A table of items that a function loads and saves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StateTable {
    /// Name in the template.
    pub(crate) logical_id: String,
    /// Name on AWS.
    pub(crate) name: String,
    /// The `HASH` key.
    pub(crate) partition_key: KeyAttribute,
    /// The `RANGE` key.
    pub(crate) sort_key: Option<KeyAttribute>,
}

/// An attribute that is part of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyAttribute {
    /// Its name.
    pub(crate) name: String,
    /// Its type: `S`, `N` or `B`.
    pub(crate) kind: String,
}

/// Reads a table.
pub(super) fn read(scope: &Scope<'_>, resource: &Resource<'_>) -> Result<StateTable, Fault> {
    let path = resource.path();
    let identity = identity(scope, resource.logical_id, (resource.node.line, &path))?;
    let value = scope.evaluate_except(resource.properties()?, &path, &MAY_REFER_TO_ANYTHING)?;
    let value = value.ok_or_else(|| Fault::invalid((resource.node.line, &path), "a map", "nothing"))?;
    let properties = Property::new(path, &value);
    properties.only(&KNOWN)?;
    on_demand(&properties.get("BillingMode"))?;
    let (partition_key, sort_key) = keys(&properties)?;
    Ok(StateTable {
        logical_id: resource.logical_id.to_owned(),
        name: identity.name,
        partition_key,
        sort_key,
    })
}

/// A provisioned table would refuse what is too much for it; the local one takes everything.
fn on_demand(mode: &Property<'_>) -> Result<(), Fault> {
    match mode.text()? {
        Some("PAY_PER_REQUEST") => Ok(()),
        None | Some("PROVISIONED") => Err(mode.unsupported("a table with provisioned throughput")),
        Some(_) => Err(mode.expected("PAY_PER_REQUEST or PROVISIONED")),
    }
}

/// The partition key and the sort key.
fn keys(properties: &Property<'_>) -> Result<(KeyAttribute, Option<KeyAttribute>), Fault> {
    let schema = properties.get("KeySchema");
    let definitions = properties.get("AttributeDefinitions");
    let (elements, defined) = (schema.items()?, definitions.items()?);
    let (partition, sort) = match elements.as_slice() {
        [partition] => (partition, None),
        [partition, sort] => (partition, Some(sort)),
        _ => return Err(schema.expected("a list of a HASH key and at most one RANGE key")),
    };
    let partition_key = key(partition, "HASH", &defined)?;
    let sort_key = sort.map(|sort| key(sort, "RANGE", &defined)).transpose()?;
    // DynamoDB refuses attributes that no key has.
    if defined.len() != elements.len() {
        return Err(definitions.expected("a list of the attributes of the keys"));
    }
    Ok((partition_key, sort_key))
}

/// An element of the key schema, with its definition.
fn key(element: &Property<'_>, role: &str, defined: &[Property<'_>]) -> Result<KeyAttribute, Fault> {
    let key_type = element.get("KeyType");
    if key_type.required_text()? != role {
        return Err(key_type.expected(role));
    }
    let name = element.get("AttributeName");
    let wanted = name.required_text()?;
    for definition in defined {
        if definition.get("AttributeName").required_text()? == wanted {
            let kind = definition.get("AttributeType");
            return match kind.required_text()? {
                found @ ("S" | "N" | "B") => {
                    Ok(KeyAttribute { name: wanted.to_owned(), kind: found.to_owned() })
                }
                _ => Err(kind.expected("S, N or B")),
            };
        }
    }
    Err(name.expected("the name of an attribute of AttributeDefinitions"))
}
