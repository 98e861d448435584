//! Functions of the template: `AWS::Serverless::Function` and `AWS::Lambda::Function`.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Resource;
use super::error::Fault;
use super::identity::identity;
use super::mapping::{self, Declared, Mapping};
use super::scope::{self, Scope};
use super::spelling::hint;
use super::stream::Stream;
use super::value::Property;
use super::yaml::{Kind, Node};

/// Properties that matter here.
const READ: [&str; 7] = [
    "Environment",
    "Events",
    "MemorySize",
    "PackageType",
    "ReservedConcurrentExecutions",
    "Runtime",
    "Timeout",
];

/// Properties that say how a function is built and deployed on AWS, what it may do and how it is watched: they change
/// nothing here.
const IGNORED: [&str; 33] = [
    "Architectures",
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "Code",
    "CodeSigningConfigArn",
    "CodeUri",
    "Connectors",
    "DeploymentPreference",
    "Description",
    "EphemeralStorage",
    "FunctionName",
    "FunctionScalingConfig",
    "Handler",
    "KmsKeyArn",
    "LoggingConfig",
    "PermissionsBoundary",
    "Policies",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "PublishToLatestPublished",
    "RecursiveLoop",
    "Role",
    "RolePath",
    "RuntimeManagementConfig",
    "SourceKMSKeyArn",
    "Tags",
    "Tracing",
    "TracingConfig",
    "VersionDeletionPolicy",
    "VersionDescription",
    "VpcConfig",
];

/// Properties that change what a function does, and that a local run does not have.
const REFUSED: [&str; 13] = [
    "CapacityProviderConfig",
    "DeadLetterConfig",
    "DeadLetterQueue",
    "DurableConfig",
    "EventInvokeConfig",
    "FileSystemConfigs",
    "FunctionUrlConfig",
    "ImageConfig",
    "ImageUri",
    "InlineCode",
    "Layers",
    "SnapStart",
    "TenancyConfig",
];

/// Properties that SAM does not take from `Globals`.
const NEVER_GLOBAL: [&str; 6] =
    ["Events", "FunctionName", "ImageConfig", "ImageUri", "InlineCode", "PackageType"];

/// Lambda's largest quota of an account that is raised on request has no end; no number of processes here comes near.
const CONCURRENCY_MAX: u32 = 1_000_000;

/// A function built from this workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Function {
    /// Name in the template.
    pub(crate) logical_id: String,
    /// Name on AWS.
    pub(crate) name: String,
    /// ARN on AWS.
    pub(crate) arn: String,
    /// Name of the binary: `Metadata.BuildProperties.Binary`.
    pub(crate) binary: String,
    /// Longest time of an invocation: 1 to 900 s, 3 s when the template says nothing.
    pub(crate) timeout: Duration,
    /// Memory in MB: 128 to 10,240, 128 when the template says nothing.
    pub(crate) memory_mb: u32,
    /// Most invocations at the same time; `None`: as many as the account has. With 0 it is never invoked.
    pub(crate) reserved_concurrency: Option<u32>,
    /// Its variables.
    pub(crate) environment: BTreeMap<String, String>,
    /// The streams that it is given, each by a mapping.
    pub(crate) mappings: Vec<Mapping>,
    /// Names in the template of mappings that are declared but not enabled.
    pub(crate) disabled_mappings: Vec<String>,
}

impl Function {
    /// Adds a mapping, if it is enabled.
    pub(super) fn add(&mut self, Declared { mapping, is_enabled }: Declared) {
        if is_enabled {
            self.mappings.push(mapping);
        } else {
            self.disabled_mappings.push(mapping.logical_id);
        }
    }
}

/// What stands around a function in its template.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around<'t> {
    /// `Globals.Function`.
    pub(super) globals: Option<&'t Node>,
    /// The template's streams.
    pub(super) streams: &'t [Stream],
}

/// Reads a function, with `Globals.Function` behind its own properties when it is one of SAM.
pub(super) fn read(
    scope: &Scope<'_>,
    resource: &Resource<'_>,
    around: &Around<'_>,
) -> Result<Function, Fault> {
    let path = resource.path();
    let own = resource.properties()?;
    let globals = around.globals.filter(|_| resource.kind == "AWS::Serverless::Function");
    let merged = globals.map_or_else(|| own.clone(), |globals| merge(globals, own));
    known(&merged, &path)?;
    let relevant = merged.entries().iter().filter(|(key, _)| READ.contains(&key.as_str())).cloned().collect();
    let relevant = Node { line: own.line, tag: None, kind: Kind::Map(relevant) };
    let value = scope.evaluate(&relevant, &path)?;
    let value = value.ok_or_else(|| Fault::invalid((own.line, &path), "a map", "nothing"))?;
    let properties = Property::new(path.as_str(), &value);
    custom_runtime(&properties)?;
    let identity = identity(scope, resource.logical_id, (resource.node.line, &path))?;
    let mut function = Function {
        logical_id: resource.logical_id.to_owned(),
        name: identity.name,
        arn: identity.arn,
        binary: binary(scope, resource)?,
        timeout: Duration::from_secs(properties.get("Timeout").number(1..=900)?.unwrap_or(3)),
        memory_mb: properties.get("MemorySize").number(128..=10_240)?.unwrap_or(128),
        reserved_concurrency: properties.get("ReservedConcurrentExecutions").number(0..=CONCURRENCY_MAX)?,
        environment: environment(&properties)?,
        mappings: Vec::new(),
        disabled_mappings: Vec::new(),
    };
    let events = mapping::read(resource.logical_id, &properties.get("Events"), around.streams)?;
    for declared in events {
        function.add(declared);
    }
    Ok(function)
}

/// Checks that SAM takes what `Globals.Function` says.
pub(super) fn check_globals(globals: &Node) -> Result<(), Fault> {
    match globals.entries().iter().find(|(key, _)| NEVER_GLOBAL.contains(&key.as_str())) {
        Some((key, node)) => {
            let path = format!("Globals.Function.{key}");
            Err(Fault::invalid((node.line, &path), "a property of each function", node.describe()))
        }
        None => known(globals, "Globals.Function"),
    }
}

/// Refuses properties that would change something, and those that AWS does not know either.
fn known(properties: &Node, path: &str) -> Result<(), Fault> {
    for (key, node) in properties.entries() {
        let path = format!("{path}.{key}");
        let at = (node.line, path.as_str());
        let name = key.as_str();
        // Code that stands in the template is none that was built here.
        if REFUSED.contains(&name) || (name == "Code" && node.get("ZipFile").is_some()) {
            return Err(Fault::unsupported(at, key));
        }
        if !READ.contains(&name) && !IGNORED.contains(&name) {
            let hint = hint(name, READ.into_iter().chain(IGNORED));
            return Err(Fault::unsupported(at, format!("{key}{hint}")));
        }
    }
    Ok(())
}

/// Merges as SAM does: maps key by key, lists one after the other, everything else is the function's.
fn merge(global: &Node, own: &Node) -> Node {
    if scope::is_function(global) || scope::is_function(own) {
        return own.clone();
    }
    let kind = match (&global.kind, &own.kind) {
        (Kind::Map(globals), Kind::Map(owns)) => {
            let only_global = globals.iter().filter(|(key, _)| own.get(key).is_none()).cloned();
            let merged = owns.iter().map(|(key, node)| {
                (key.clone(), global.get(key).map_or_else(|| node.clone(), |behind| merge(behind, node)))
            });
            Kind::Map(merged.chain(only_global).collect())
        }
        (Kind::List(globals), Kind::List(owns)) => Kind::List(globals.iter().chain(owns).cloned().collect()),
        _ => return own.clone(),
    };
    Node { line: own.line, tag: None, kind }
}

/// Only a binary of our own can be started as a process.
fn custom_runtime(properties: &Property<'_>) -> Result<(), Fault> {
    let package = properties.get("PackageType");
    if package.text()?.is_some_and(|text| text != "Zip") {
        return Err(package.unsupported("a container image"));
    }
    let runtime = properties.get("Runtime");
    match runtime.required_text()? {
        "provided.al2" | "provided.al2023" => Ok(()),
        other => Err(runtime.unsupported(format!("the runtime {other}"))),
    }
}

/// Name of the binary that cargo-lambda builds.
fn binary(scope: &Scope<'_>, resource: &Resource<'_>) -> Result<String, Fault> {
    let path = format!("Resources.{}.Metadata", resource.logical_id);
    let metadata =
        resource.node.get("Metadata").map(|node| scope.evaluate(node, &path)).transpose()?.flatten();
    let Some(metadata) = &metadata else {
        return Err(Fault::invalid((resource.node.line, &path), "a map with the build method", "absent"));
    };
    let metadata = Property::new(path, metadata);
    let method = metadata.get("BuildMethod");
    if method.required_text()? != "rust-cargolambda" {
        return Err(method.expected("rust-cargolambda"));
    }
    let binary = metadata.get("BuildProperties").get("Binary");
    let name = binary.required_text()?;
    // The name becomes part of a path on this machine.
    if name.is_empty() || !name.chars().all(|one| one.is_ascii_alphanumeric() || one == '-' || one == '_') {
        return Err(binary.expected("the name of a binary: letters, digits, hyphens and underscores"));
    }
    Ok(name.to_owned())
}

/// The function's variables.
fn environment(properties: &Property<'_>) -> Result<BTreeMap<String, String>, Fault> {
    let variables = properties.get("Environment").get("Variables").entries()?;
    variables
        .into_iter()
        .map(|(name, value)| Ok((name.to_owned(), value.required_text()?.to_owned())))
        .collect()
}
