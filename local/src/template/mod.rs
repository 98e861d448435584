//! Reads a template of SAM or `CloudFormation` and says what of it runs on this machine, and how.
//!
//! The template that is deployed is also the configuration of the local run: names, buffers, prefixes, the table and
//! the function's variables stand nowhere else. What changes the behaviour on AWS and cannot be done here is an
//! error, never ignored.

mod conversion;
mod delivery;
mod destination;
mod error;
mod function;
mod http;
mod identity;
mod mapping;
mod named;
mod open_search;
mod parameters;
mod prefix;
mod processing;
mod request;
mod s3;
mod scope;
mod sections;
mod spelling;
mod state_table;
mod stream;
mod table;
mod value;
mod yaml;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub(crate) use conversion::{Conversion, ParquetCompression};
pub(crate) use delivery::{DeliveryStream, Source};
pub(crate) use destination::{BackupMode, Destination};
pub(crate) use error::TemplateError;
pub(crate) use function::Function;
pub(crate) use http::{ContentEncoding, HttpDestination};
pub(crate) use mapping::{Mapping, OnFailure, StartingPosition};
pub(crate) use named::Named;
pub(crate) use open_search::{DocumentId, IndexRotation, OpenSearchDestination};
pub(crate) use processing::SubRecords;
pub(crate) use request::delivery_stream_of_request;
pub(crate) use s3::{Compression, S3Backup, S3Destination};
pub(crate) use scope::REGION;
pub(crate) use state_table::{KeyAttribute, StateTable};
pub(crate) use stream::{Stream, StreamMode};
pub(crate) use table::GlueTable;

use delivery::Known;
use error::Fault;
use scope::Scope;
use yaml::{FILE_BYTES_MAX, Node};

/// The types of function.
const FUNCTION_TYPES: [&str; 2] = ["AWS::Serverless::Function", "AWS::Lambda::Function"];

/// A mapping that stands apart from its function.
const MAPPING_TYPE: &str = "AWS::Lambda::EventSourceMapping";

/// The types that are run, beside functions.
const RUN_TYPES: [&str; 8] = [
    "AWS::DynamoDB::Table",
    "AWS::Glue::Table",
    "AWS::Kinesis::Stream",
    "AWS::KinesisFirehose::DeliveryStream",
    MAPPING_TYPE,
    "AWS::S3::Bucket",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
];

/// What a template asks for, in the order of the template.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Stack {
    /// Functions, each a binary of this workspace.
    pub(crate) functions: Vec<Function>,
    /// Delivery streams.
    pub(crate) delivery_streams: Vec<DeliveryStream>,
    /// Kinesis streams.
    pub(crate) streams: Vec<Stream>,
    /// DynamoDB tables.
    pub(crate) tables: Vec<StateTable>,
    /// Glue tables, as schemas of a format conversion.
    pub(crate) glue_tables: Vec<GlueTable>,
    /// Buckets.
    pub(crate) buckets: Vec<Named>,
    /// Queues that can be told of failures.
    pub(crate) queues: Vec<Named>,
    /// Topics that can be told of failures.
    pub(crate) topics: Vec<Named>,
    /// Logical id and type of every other resource, and of mappings that are declared but not enabled.
    pub(crate) not_run: Vec<(String, String)>,
}

impl Stack {
    /// Reads the template at `path` with these values for its parameters; the others keep their defaults.
    pub(crate) fn load(path: &Path, parameters: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let text = read(path).map_err(|source| TemplateError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string(), parameters)
    }

    /// Reads a template's text, YAML or JSON. `file_name` is what errors call it.
    pub(crate) fn parse(
        text: &str,
        file_name: &str,
        parameters: &BTreeMap<String, String>,
    ) -> Result<Self, TemplateError> {
        if text.len() > FILE_BYTES_MAX {
            return Err(TemplateError::TooLarge { file: file_name.to_owned(), bytes: text.len() });
        }
        resolve(text, parameters).map_err(|fault| fault.into_error(file_name))
    }

    /// The function that transforms a delivery stream's records, if one does.
    pub(crate) fn transformer(&self, stream: &DeliveryStream) -> Option<&Function> {
        let lambda = stream.processing.lambda.as_ref()?;
        self.functions.iter().find(|function| function.logical_id == lambda.function)
    }

    /// Leaves out delivery streams and mappings that are not among these, by their names in the template; none when there
    /// are no names.
    ///
    /// # Errors
    /// The first name of nothing.
    pub(crate) fn keep_only(&mut self, names: &[String]) -> Result<(), String> {
        if names.is_empty() {
            return Ok(());
        }
        let mappings = self.functions.iter().flat_map(|function| &function.mappings);
        let there: Vec<&String> = (self.delivery_streams.iter().map(|stream| &stream.logical_id))
            .chain(mappings.map(|mapping| &mapping.logical_id))
            .collect();
        if let Some(unknown) = names.iter().find(|name| !there.contains(name)) {
            return Err(unknown.clone());
        }
        self.delivery_streams.retain(|stream| names.contains(&stream.logical_id));
        for function in &mut self.functions {
            function.mappings.retain(|mapping| names.contains(&mapping.logical_id));
        }
        Ok(())
    }

    /// What a delivery stream may refer to.
    fn known(&self) -> Known<'_> {
        Known { functions: &self.functions, streams: &self.streams, tables: &self.glue_tables }
    }
}

/// Reads a file, but not without end.
fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    // One byte more than allowed, so that the limit is noticed.
    File::open(path)?.take(FILE_BYTES_MAX as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

/// Everything of a text that is a template.
fn resolve(text: &str, given: &BTreeMap<String, String>) -> Result<Stack, Fault> {
    let template = yaml::parse(text)?;
    let scope = Scope::new(&template, parameters::resolve(&template, given)?);
    let resources = present(&template, &scope)?;
    sections::check(&template)?;
    let mut stack = Stack {
        streams: each(&resources, "AWS::Kinesis::Stream", |one| stream::read(&scope, one))?,
        tables: each(&resources, "AWS::DynamoDB::Table", |one| state_table::read(&scope, one))?,
        glue_tables: each(&resources, "AWS::Glue::Table", |one| table::read(&scope, one))?,
        buckets: each(&resources, "AWS::S3::Bucket", |one| named::read_bucket(&scope, one))?,
        queues: each(&resources, "AWS::SQS::Queue", |one| named::read(&scope, one))?,
        topics: each(&resources, "AWS::SNS::Topic", |one| named::read(&scope, one))?,
        ..Stack::default()
    };
    stack.functions = functions(&template, &scope, &resources, &stack.streams)?;
    let delivery_streams = each(&resources, "AWS::KinesisFirehose::DeliveryStream", |one| {
        delivery::read(&scope, one, &stack.known())
    })?;
    stack.delivery_streams = delivery_streams;
    stack.not_run = not_run(&resources, &stack.functions);
    Ok(stack)
}

/// The functions with their mappings, wherever those stand.
fn functions(
    template: &Node,
    scope: &Scope<'_>,
    resources: &[Resource<'_>],
    streams: &[Stream],
) -> Result<Vec<Function>, Fault> {
    let globals = template.get("Globals").and_then(|globals| globals.get("Function"));
    globals.map_or(Ok(()), function::check_globals)?;
    let around = function::Around { globals, streams };
    let of_a_function = resources.iter().filter(|resource| FUNCTION_TYPES.contains(&resource.kind));
    let functions = of_a_function.map(|resource| function::read(scope, resource, &around));
    let mut functions = functions.collect::<Result<Vec<_>, _>>()?;
    let read = |resource: &Resource<'_>| mapping::read_resource(scope, resource, &functions, streams);
    for (name, declared) in each(resources, MAPPING_TYPE, read)? {
        if let Some(function) = functions.iter_mut().find(|function| function.logical_id == name) {
            function.add(declared);
        }
    }
    Ok(functions)
}

/// Logical id and type of what is not run.
fn not_run(resources: &[Resource<'_>], functions: &[Function]) -> Vec<(String, String)> {
    let is_run = |kind: &str| RUN_TYPES.contains(&kind) || FUNCTION_TYPES.contains(&kind);
    let others = resources.iter().filter(|resource| !is_run(resource.kind));
    let others = others.map(|resource| (resource.logical_id, resource.kind));
    let disabled = functions.iter().flat_map(|function| &function.disabled_mappings);
    let disabled = disabled.map(|logical_id| (logical_id.as_str(), MAPPING_TYPE));
    others.chain(disabled).map(|(logical_id, kind)| (logical_id.to_owned(), kind.to_owned())).collect()
}

/// One resource of the template, unevaluated.
#[derive(Debug, Clone, Copy)]
struct Resource<'t> {
    logical_id: &'t str,
    kind: &'t str,
    node: &'t Node,
}

impl<'t> Resource<'t> {
    /// Path of the properties.
    fn path(&self) -> String {
        format!("Resources.{}.Properties", self.logical_id)
    }

    /// The properties.
    fn properties(&self) -> Result<&'t Node, Fault> {
        let missing = || Fault::invalid((self.node.line, &self.path()), "a map", "absent");
        self.node.get("Properties").ok_or_else(missing)
    }
}

/// The resources whose condition holds.
fn present<'t>(template: &'t Node, scope: &Scope<'t>) -> Result<Vec<Resource<'t>>, Fault> {
    let resources = template.get("Resources");
    let entries = resources.map(Node::entries).unwrap_or_default();
    if entries.is_empty() {
        let found = resources.map_or_else(|| "absent".to_owned(), Node::describe);
        let line = resources.map_or(1, |node| node.line);
        return Err(Fault::invalid((line, "Resources"), "a map of resources", found));
    }
    let mut present = Vec::with_capacity(entries.len());
    for (logical_id, node) in entries {
        let path = format!("Resources.{logical_id}");
        if logical_id.starts_with("Fn::") {
            return Err(Fault::unsupported((node.line, &path), format!("the function {logical_id}")));
        }
        let kind = node.get("Type").and_then(Node::text).ok_or_else(|| {
            Fault::invalid((node.line, &format!("{path}.Type")), "the name of a type", "absent")
        })?;
        sections::check_resource(node, &path)?;
        let condition = node.get("Condition").and_then(Node::text);
        let path = format!("{path}.Condition");
        if condition.map_or(Ok(true), |name| scope.condition(name, (node.line, &path)))? {
            present.push(Resource { logical_id, kind, node });
        }
    }
    Ok(present)
}

/// Reads every resource of one type.
fn each<T>(
    resources: &[Resource<'_>],
    kind: &str,
    read: impl Fn(&Resource<'_>) -> Result<T, Fault>,
) -> Result<Vec<T>, Fault> {
    resources.iter().filter(|resource| resource.kind == kind).map(read).collect()
}

#[cfg(test)]
mod tests;
