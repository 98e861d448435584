//! Reads a SAM template and says what of it runs on this machine, and how.
//!
//! The template that is deployed is also the configuration of the local run: names, buffers, prefixes, the table and
//! the function's variables stand nowhere else. What changes the behaviour on AWS and cannot be done here is an
//! error, never ignored.

mod delivery;
mod error;
mod function;
mod identity;
mod mapping;
mod parameters;
mod prefix;
mod scope;
mod state_table;
mod stream;
mod table;
mod value;
mod yaml;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

pub(crate) use delivery::{Compression, Conversion, DeliveryStream, ParquetCompression, Source, SubRecords};
pub(crate) use error::TemplateError;
pub(crate) use function::Function;
pub(crate) use mapping::Mapping;
pub(crate) use state_table::{KeyAttribute, StateTable};
pub(crate) use stream::Stream;

use error::Fault;
use scope::Scope;
use yaml::{FILE_BYTES_MAX, Node};

/// What a template asks for, in the order of the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stack {
    /// Functions, each a binary of this workspace.
    pub(crate) functions: Vec<Function>,
    /// Delivery streams.
    pub(crate) delivery_streams: Vec<DeliveryStream>,
    /// Kinesis streams.
    pub(crate) streams: Vec<Stream>,
    /// DynamoDB tables.
    pub(crate) tables: Vec<StateTable>,
    /// Logical id and type of every other resource.
    pub(crate) not_run: Vec<(String, String)>,
}

impl Stack {
    /// Reads the template at `path` with these values for its parameters; the others keep their defaults.
    pub(crate) fn load(path: &Path, parameters: &BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let text = read(path).map_err(|source| TemplateError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, &path.display().to_string(), parameters)
    }

    /// Reads a template's text. `file_name` is what errors call it.
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
    let streams = each(&resources, "AWS::Kinesis::Stream", |resource| stream::read(&scope, resource))?;
    let globals = template.get("Globals").and_then(|globals| globals.get("Function"));
    let around = function::Around { globals, streams: &streams };
    let functions =
        each(&resources, "AWS::Serverless::Function", |resource| function::read(&scope, resource, &around))?;
    let tables = each(&resources, "AWS::DynamoDB::Table", |resource| state_table::read(&scope, resource))?;
    let glue_tables = each(&resources, "AWS::Glue::Table", |resource| table::read(&scope, resource))?;
    let known = delivery::Known { functions: &functions, streams: &streams, tables: &glue_tables };
    let delivery_streams = each(&resources, "AWS::KinesisFirehose::DeliveryStream", |resource| {
        delivery::read(&scope, resource, &known)
    })?;
    let is_run = |resource: &&Resource<'_>| {
        functions.iter().any(|one| one.logical_id == resource.logical_id)
            || streams.iter().any(|one| one.logical_id == resource.logical_id)
            || tables.iter().any(|one| one.logical_id == resource.logical_id)
            || delivery_streams.iter().any(|one| one.logical_id == resource.logical_id)
    };
    let not_run = resources.iter().filter(|resource| !is_run(resource));
    let not_run =
        not_run.map(|resource| (resource.logical_id.to_owned(), resource.kind.to_owned())).collect();
    Ok(Stack { functions, delivery_streams, streams, tables, not_run })
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
        let kind = node.get("Type").and_then(Node::text).ok_or_else(|| {
            Fault::invalid((node.line, &format!("{path}.Type")), "the name of a type", "absent")
        })?;
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
