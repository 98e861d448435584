//! Names, ARNs and other attributes that AWS would give to the resources of a template.
//!
//! A resource without a name of its own gets `<stack>-<logical id>`; AWS appends random characters to that, which would
//! change what a local run writes. Names become folders and files on this machine, so they are held to AWS's rules.

use super::error::{Fault, quoted};
use super::scope::{ACCOUNT_ID, PARTITION, REGION, STACK_NAME, Scope};
use super::spelling::hint;
use super::value::{Data, Value};
use super::yaml::Node;

/// How one type of resource is named.
struct Naming {
    kind: &'static str,
    /// Path of the name below `Properties`.
    name: &'static [&'static str],
    /// What a name may be.
    rule: Rule,
    /// Service, region, account and resource part of the ARN, with `{}` for the name.
    arn: &'static str,
    /// What `Ref` gives.
    reference: &'static str,
    /// What `GetAtt` gives.
    attributes: &'static [(&'static str, &'static str)],
}

/// What a name may be.
#[derive(Clone, Copy)]
enum Rule {
    /// Letters, digits and these, at most so many.
    Letters(&'static str, usize),
    /// The same in lower case, for buckets.
    Bucket,
    /// Anything: the name is not used on this machine. AWS writes it in lower case.
    LowerCase,
    /// Anything: the name is not used on this machine.
    Any,
}

/// The one attribute of most types.
const ARN: &[(&str, &str)] = &[("Arn", "{arn}")];

/// Letters of a function's name beside letters and digits.
const FUNCTION: Rule = Rule::Letters("-_", 64);

/// The same of a delivery stream's.
const DELIVERY_STREAM: Rule = Rule::Letters("_.-", 64);

/// ARN of a delivery stream.
const DELIVERY_STREAM_ARN: &str = "firehose:{region}:{account}:deliverystream/{}";

/// ARN of a function.
const FUNCTION_ARN: &str = "lambda:{region}:{account}:function:{}";

/// The types that can be referred to.
const NAMINGS: [Naming; 17] = [
    Naming::of("AWS::Serverless::Function", &["FunctionName"], FUNCTION, FUNCTION_ARN),
    Naming::of("AWS::Lambda::Function", &["FunctionName"], FUNCTION, FUNCTION_ARN),
    Naming::of(
        "AWS::Kinesis::Stream",
        &["Name"],
        Rule::Letters("_.-", 128),
        "kinesis:{region}:{account}:stream/{}",
    ),
    Naming::of(
        "AWS::DynamoDB::Table",
        &["TableName"],
        Rule::Letters("_.-", 255),
        "dynamodb:{region}:{account}:table/{}",
    ),
    Naming::of(
        "AWS::KinesisFirehose::DeliveryStream",
        &["DeliveryStreamName"],
        DELIVERY_STREAM,
        DELIVERY_STREAM_ARN,
    ),
    Naming {
        attributes: &[
            ("Arn", "{arn}"),
            ("DomainName", "{}.s3.amazonaws.com"),
            ("DualStackDomainName", "{}.s3.dualstack.{region}.amazonaws.com"),
            ("RegionalDomainName", "{}.s3.{region}.amazonaws.com"),
            ("WebsiteURL", "http://{}.s3-website-{region}.amazonaws.com"),
        ],
        ..Naming::of("AWS::S3::Bucket", &["BucketName"], Rule::Bucket, "s3:::{}")
    },
    Naming {
        reference: "https://sqs.{region}.amazonaws.com/{account}/{}",
        attributes: &[
            ("Arn", "{arn}"),
            ("QueueName", "{}"),
            ("QueueUrl", "https://sqs.{region}.amazonaws.com/{account}/{}"),
        ],
        ..Naming::of("AWS::SQS::Queue", &["QueueName"], Rule::Letters("-_.", 80), "sqs:{region}:{account}:{}")
    },
    Naming {
        reference: "{arn}",
        attributes: &[("TopicArn", "{arn}"), ("TopicName", "{}")],
        ..Naming::of(
            "AWS::SNS::Topic",
            &["TopicName"],
            Rule::Letters("-_.", 256),
            "sns:{region}:{account}:{}",
        )
    },
    Naming {
        attributes: &[
            ("Arn", "{arn}"),
            ("DomainArn", "{arn}"),
            ("DomainEndpoint", "{}.{region}.es.amazonaws.com"),
            ("Id", "{account}/{}"),
        ],
        ..Naming::of(
            "AWS::OpenSearchService::Domain",
            &["DomainName"],
            Rule::LowerCase,
            "es:{region}:{account}:domain/{}",
        )
    },
    Naming::of(
        "AWS::Glue::Database",
        &["DatabaseInput", "Name"],
        Rule::LowerCase,
        "glue:{region}:{account}:database/{}",
    ),
    Naming::of(
        "AWS::Glue::Table",
        &["TableInput", "Name"],
        Rule::LowerCase,
        "glue:{region}:{account}:table/{}",
    ),
    Naming::of("AWS::IAM::Role", &["RoleName"], Rule::Any, "iam::{account}:role/{}"),
    Naming {
        attributes: &[("Arn", "{arn}"), ("KeyId", "{}")],
        ..Naming::of("AWS::KMS::Key", &[], Rule::Any, "kms:{region}:{account}:key/{}")
    },
    Naming {
        reference: "{arn}",
        attributes: &[("Id", "{arn}")],
        ..Naming::of(
            "AWS::SecretsManager::Secret",
            &["Name"],
            Rule::Any,
            "secretsmanager:{region}:{account}:secret:{}",
        )
    },
    Naming::of("AWS::Logs::LogGroup", &["LogGroupName"], Rule::Any, "logs:{region}:{account}:log-group:{}:*"),
    Naming::of(
        "AWS::Logs::LogStream",
        &["LogStreamName"],
        Rule::Any,
        "logs:{region}:{account}:log-stream:{}",
    ),
    Naming::of("AWS::SSM::Parameter", &["Name"], Rule::Any, "ssm:{region}:{account}:parameter/{}"),
];

impl Naming {
    /// A type of which `Ref` gives the name, and which has no attribute but its ARN.
    const fn of(kind: &'static str, name: &'static [&'static str], rule: Rule, arn: &'static str) -> Self {
        Self { kind, name, rule, arn, reference: "{}", attributes: ARN }
    }
}

impl Rule {
    /// What a name must be that is not.
    fn broken_by(self, name: &str) -> Option<String> {
        let plain = |one: char| one.is_ascii_alphanumeric();
        match self {
            Self::Letters(marks, max) => {
                let is_name = (1..=max).contains(&name.len())
                    && name.chars().all(|one| plain(one) || marks.contains(one))
                    && name.chars().any(plain);
                (!is_name).then(|| format!("1 to {max} letters, digits or any of {marks}"))
            }
            Self::Bucket => (!is_bucket_name(name)).then(|| {
                "3 to 63 lower-case letters, digits, points or hyphens, no mark at an end".to_owned()
            }),
            Self::LowerCase | Self::Any => None,
        }
    }
}

/// Name and ARN of a resource, and what else is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its name.
    pub(super) name: String,
    /// Its ARN.
    pub(super) arn: String,
    /// What `Ref` gives.
    pub(super) reference: String,
    attributes: Vec<(&'static str, String)>,
}

impl Identity {
    /// What `GetAtt` gives, or what it could have been meant to be.
    pub(super) fn attribute(&self, name: &str) -> Result<String, String> {
        let found = self.attributes.iter().find(|(known, _)| *known == name).map(|(_, value)| value.clone());
        found.ok_or_else(|| hint(name, self.attributes.iter().map(|(known, _)| *known)))
    }
}

/// Finds out what AWS would call a resource. `at` is where it is asked for.
pub(super) fn identity(scope: &Scope<'_>, logical_id: &str, at: (usize, &str)) -> Result<Identity, Fault> {
    let Some(resource) = scope.resource(logical_id) else {
        let hint = hint(logical_id, scope.names());
        let expected = format!("the name of a parameter or a resource{hint}");
        return Err(Fault::invalid(at, expected, logical_id));
    };
    let kind = resource.get("Type").and_then(Node::text).unwrap_or_default();
    let Some(naming) = NAMINGS.iter().find(|naming| naming.kind == kind) else {
        return Err(Fault::unsupported(at, format!("a reference to {logical_id}, which is of type {kind}")));
    };
    let path = format!("Resources.{logical_id}.Properties.{}", naming.name.join("."));
    let own = if naming.name.is_empty() { None } else { resource.get("Properties") };
    let own = naming.name.iter().fold(own, |node, key| node.and_then(|node| node.get(key)));
    let (name, line) = match own.map(|node| scope.evaluate(node, &path)).transpose()?.flatten() {
        Some(Value { data: Data::Text(name), line }) => (name, line),
        Some(other) => return Err(Fault::invalid((other.line, &path), "a text", other.describe())),
        None => (generated(logical_id, naming.rule), resource.line),
    };
    if let Some(expected) = naming.rule.broken_by(&name) {
        return Err(Fault::invalid((line, &path), expected, quoted(&name)));
    }
    Ok(identified(naming, name))
}

/// The name of a resource that has none of its own.
fn generated(logical_id: &str, rule: Rule) -> String {
    let name = format!("{STACK_NAME}-{logical_id}");
    if matches!(rule, Rule::Bucket) { name.to_lowercase() } else { name }
}

/// What follows from a name.
fn identified(naming: &Naming, name: String) -> Identity {
    let name = if matches!(naming.rule, Rule::LowerCase) { name.to_lowercase() } else { name };
    let arn = format!("arn:{PARTITION}:{}", filled(naming.arn, &name));
    let of = |text: &str| if text == "{arn}" { arn.clone() } else { filled(text, &name) };
    let reference = of(naming.reference);
    let attributes = naming.attributes.iter().map(|(attribute, text)| (*attribute, of(text))).collect();
    Identity { name, arn, reference, attributes }
}

/// A text with the name, the region and the account in their places. The name comes last: it may hold braces.
fn filled(text: &str, name: &str) -> String {
    text.replace("{region}", REGION).replace("{account}", ACCOUNT_ID).replace("{}", name)
}

/// Whether AWS takes it as the name of a bucket.
pub(super) fn is_bucket_name(name: &str) -> bool {
    let plain = |one: char| one.is_ascii_lowercase() || one.is_ascii_digit();
    (3..=63).contains(&name.len())
        && name.chars().all(|one| plain(one) || one == '.' || one == '-')
        && name.starts_with(plain)
        && name.ends_with(plain)
        && !name.contains("..")
}

/// Whether AWS takes it as the name of a delivery stream.
pub(super) fn is_delivery_stream_name(name: &str) -> bool {
    DELIVERY_STREAM.broken_by(name).is_none()
}

/// ARN of the delivery stream of this name.
pub(super) fn delivery_stream_arn(name: &str) -> String {
    format!("arn:{PARTITION}:{}", filled(DELIVERY_STREAM_ARN, name))
}

/// The name in the ARN of a queue or a topic of `service`, when it has AWS's form.
pub(super) fn name_in_arn<'a>(service: &str, arn: &'a str) -> Option<&'a str> {
    let rest = arn.strip_prefix("arn:")?.split_once(':')?.1.strip_prefix(service)?.strip_prefix(':')?;
    let name = rest.splitn(3, ':').nth(2)?;
    Rule::Letters("-_.", 256).broken_by(name).is_none().then_some(name)
}
