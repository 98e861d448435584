//! The sections of a template, and what stands beside the properties of a resource.
//!
//! A misspelt section would be no section at all, and a transform may change every other one.

use super::error::Fault;
use super::spelling::hint;
use super::yaml::{Kind, Node};

/// The sections of a template of SAM or `CloudFormation`.
const SECTIONS: [&str; 12] = [
    "AWSTemplateFormatVersion",
    "Conditions",
    "Description",
    "Globals",
    "Hooks",
    "Mappings",
    "Metadata",
    "Outputs",
    "Parameters",
    "Resources",
    "Rules",
    "Transform",
];

/// What stands beside the properties of a resource. Only its type, its condition and its metadata are read: the rest
/// says in which order and how AWS makes and deletes it.
const ATTRIBUTES: [&str; 10] = [
    "Condition",
    "Connectors",
    "CreationPolicy",
    "DeletionPolicy",
    "DependsOn",
    "Metadata",
    "Properties",
    "Type",
    "UpdatePolicy",
    "UpdateReplacePolicy",
];

/// The transforms of which this reader knows what they do.
const TRANSFORMS: [&str; 2] = ["AWS::Serverless-2016-10-31", "AWS::LanguageExtensions"];

/// Checks the names of the sections, and the transforms.
pub(super) fn check(template: &Node) -> Result<(), Fault> {
    only(template, "", &SECTIONS)?;
    let Some(transform) = template.get("Transform") else { return Ok(()) };
    let names = match &transform.kind {
        Kind::List(names) => names.as_slice(),
        _ => std::slice::from_ref(transform),
    };
    match names.iter().find(|name| !name.text().is_some_and(|text| TRANSFORMS.contains(&text))) {
        Some(other) => {
            let what = format!("a transform {}", other.describe());
            Err(Fault::unsupported((other.line, "Transform"), what))
        }
        None => Ok(()),
    }
}

/// Checks what stands beside the properties of the resource at `path`.
pub(super) fn check_resource(resource: &Node, path: &str) -> Result<(), Fault> {
    only(resource, &format!("{path}."), &ATTRIBUTES)
}

/// Refuses keys that are not known.
fn only(node: &Node, prefix: &str, known: &[&str]) -> Result<(), Fault> {
    match node.entries().iter().find(|(key, _)| !known.contains(&key.as_str())) {
        Some((key, value)) => {
            let hint = hint(key, known.iter().copied());
            Err(Fault::unsupported((value.line, &format!("{prefix}{key}")), format!("{key}{hint}")))
        }
        None => Ok(()),
    }
}
