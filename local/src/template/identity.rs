//! Names and ARNs that AWS would give to the resources of a template.
//!
//! `Ref` gives the name, `GetAtt` mostly the ARN. A resource without a name of its own gets `<stack>-<logical id>`;
//! AWS appends random characters to that, which would change what a local run writes.

use super::error::Fault;
use super::scope::{ACCOUNT_ID, PARTITION, REGION, STACK_NAME, Scope};
use super::value::{Data, Value};
use super::yaml::Node;

/// How one type of resource is named.
struct Naming {
    kind: &'static str,
    /// Path of the name below `Properties`.
    name: &'static [&'static str],
    /// Service, region, account and resource part of the ARN, with `{}` for the name.
    arn: &'static str,
    /// Whether AWS allows lower case only.
    lower_case: bool,
}

/// The types that can be referred to.
const NAMINGS: [Naming; 11] = [
    Naming::of("AWS::Serverless::Function", &["FunctionName"], "lambda:{region}:{account}:function:{}"),
    Naming::of("AWS::Lambda::Function", &["FunctionName"], "lambda:{region}:{account}:function:{}"),
    Naming::of("AWS::Kinesis::Stream", &["Name"], "kinesis:{region}:{account}:stream/{}"),
    Naming::of("AWS::DynamoDB::Table", &["TableName"], "dynamodb:{region}:{account}:table/{}"),
    Naming::of(
        "AWS::KinesisFirehose::DeliveryStream",
        &["DeliveryStreamName"],
        "firehose:{region}:{account}:deliverystream/{}",
    ),
    Naming { lower_case: true, ..Naming::of("AWS::S3::Bucket", &["BucketName"], "s3:::{}") },
    Naming {
        lower_case: true,
        ..Naming::of("AWS::Glue::Database", &["DatabaseInput", "Name"], "glue:{region}:{account}:database/{}")
    },
    Naming {
        lower_case: true,
        ..Naming::of("AWS::Glue::Table", &["TableInput", "Name"], "glue:{region}:{account}:table/{}")
    },
    Naming::of("AWS::IAM::Role", &["RoleName"], "iam::{account}:role/{}"),
    Naming::of("AWS::Logs::LogGroup", &["LogGroupName"], "logs:{region}:{account}:log-group:{}:*"),
    Naming::of("AWS::Logs::LogStream", &["LogStreamName"], "logs:{region}:{account}:log-stream:{}"),
];

impl Naming {
    /// A type whose names may have capital letters.
    const fn of(kind: &'static str, name: &'static [&'static str], arn: &'static str) -> Self {
        Self { kind, name, arn, lower_case: false }
    }
}

/// Name and ARN of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// What `Ref` gives.
    pub(super) name: String,
    /// What `GetAtt Arn` gives.
    pub(super) arn: String,
}

/// Finds out what AWS would call a resource. `at` is where it is asked for.
pub(super) fn identity(scope: &Scope<'_>, logical_id: &str, at: (usize, &str)) -> Result<Identity, Fault> {
    let Some(resource) = scope.resource(logical_id) else {
        return Err(Fault::invalid(at, "the name of a parameter or a resource", logical_id));
    };
    let kind = resource.get("Type").and_then(Node::text).unwrap_or_default();
    let Some(naming) = NAMINGS.iter().find(|naming| naming.kind == kind) else {
        return Err(Fault::unsupported(at, format!("a reference to {logical_id}, which is of type {kind}")));
    };
    let path = format!("Resources.{logical_id}.Properties.{}", naming.name.join("."));
    let mut node = resource.get("Properties");
    for key in naming.name {
        node = node.and_then(|node| node.get(key));
    }
    let name = match node.map(|node| scope.evaluate(node, &path)).transpose()?.flatten() {
        Some(Value { data: Data::Text(name), .. }) => name,
        Some(other) => return Err(Fault::invalid((other.line, &path), "a text", other.describe())),
        None => format!("{STACK_NAME}-{logical_id}"),
    };
    let name = if naming.lower_case { name.to_lowercase() } else { name };
    let arn = naming.arn.replace("{region}", REGION).replace("{account}", ACCOUNT_ID).replace("{}", &name);
    Ok(Identity { name, arn: format!("arn:{PARTITION}:{arn}") })
}
