//! The rules that hold between `Prefix` and `ErrorOutputPrefix`.
//!
//! From "Understand custom prefixes for Amazon S3 objects" in Firehose's guide. What the expressions evaluate to is
//! not decided here.

use super::error::Fault;
use super::value::Property;

/// Where the keys of dynamic partitions come from.
const LAMBDA_KEY: &str = "partitionKeyFromLambda";
const QUERY_KEY: &str = "partitionKeyFromQuery";

/// An expression `!{namespace:value}`.
#[derive(Debug, PartialEq, Eq)]
struct Expression<'t> {
    namespace: &'t str,
    value: &'t str,
}

/// What decides which expressions make sense.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settings {
    /// Whether dynamic partitioning is enabled.
    pub(super) dynamic_partitioning: bool,
    /// Whether a function transforms the records.
    pub(super) has_lambda: bool,
    /// Whether a query extracts metadata.
    pub(super) has_query: bool,
}

/// Checks the two prefixes against each other and against the settings.
pub(super) fn check(prefix: &Property<'_>, error: &Property<'_>, settings: Settings) -> Result<(), Fault> {
    let normal = expressions(prefix)?;
    if normal.iter().any(is_error_type) {
        return Err(
            prefix.expected("free of !{firehose:error-output-type}, which belongs into ErrorOutputPrefix")
        );
    }
    let has = |namespace: &str| normal.iter().any(|expression| expression.namespace == namespace);
    for (key, has_source, source) in [
        (LAMBDA_KEY, settings.has_lambda, "a Lambda processor"),
        (QUERY_KEY, settings.has_query, "a MetadataExtraction processor"),
    ] {
        if has(key) && !(settings.dynamic_partitioning && has_source) {
            return Err(prefix.expected(format!(
                "free of !{{{key}:...}} unless dynamic partitioning and {source} are enabled"
            )));
        }
    }
    if settings.dynamic_partitioning && !has(LAMBDA_KEY) && !has(QUERY_KEY) {
        return Err(prefix.expected(format!(
            "with !{{{LAMBDA_KEY}:...}} or !{{{QUERY_KEY}:...}}, as dynamic partitioning is enabled"
        )));
    }
    check_error(error, !normal.is_empty())
}

/// Checks the error prefix. `needed`: the normal one has expressions.
fn check_error(error: &Property<'_>, needed: bool) -> Result<(), Fault> {
    let expressions = expressions(error)?;
    if expressions.iter().any(|expression| [LAMBDA_KEY, QUERY_KEY].contains(&expression.namespace)) {
        return Err(error.expected("free of partition keys, which a failed record may not have"));
    }
    if (needed || !expressions.is_empty()) && !expressions.iter().any(is_error_type) {
        return Err(error.expected("with !{firehose:error-output-type}, as there are expressions"));
    }
    Ok(())
}

/// Whether an expression is the type of the error.
fn is_error_type(expression: &Expression<'_>) -> bool {
    *expression == Expression { namespace: "firehose", value: "error-output-type" }
}

/// The expressions of a prefix.
fn expressions<'t>(prefix: &Property<'t>) -> Result<Vec<Expression<'t>>, Fault> {
    let mut rest = prefix.text()?.unwrap_or_default();
    let mut expressions = Vec::new();
    while let Some((_, after)) = rest.split_once("!{") {
        let (inside, behind) =
            after.split_once('}').ok_or_else(|| prefix.expected("closed: every !{ needs its }"))?;
        let (namespace, value) = inside
            .split_once(':')
            .ok_or_else(|| prefix.expected("made of expressions !{namespace:value}"))?;
        let known = match namespace {
            "firehose" => value == "error-output-type" || value == "random-string",
            "timestamp" | LAMBDA_KEY | QUERY_KEY => !value.is_empty(),
            _ => false,
        };
        if !known {
            return Err(prefix.expected(format!("free of !{{{inside}}}, which Firehose does not know")));
        }
        expressions.push(Expression { namespace, value });
        rest = behind;
    }
    Ok(expressions)
}
