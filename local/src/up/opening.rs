//! What `tapeline up` says of a template before anything happens.

use std::collections::BTreeMap;
use std::path::Path;

use crate::arn;
use crate::quantity::counted;
use crate::template::{Destination, Source, Stack};

/// What is run, a line each, and what is not.
pub(super) fn lines(stack: &Stack, template: &Path) -> Vec<String> {
    let mut lines = vec![format!("{}:", template.display())];
    lines.extend(
        stack
            .streams
            .iter()
            .map(|stream| said("stream", &stream.name, &counted(stream.shard_count.into(), "shard"))),
    );
    lines.extend(stack.tables.iter().map(|table| said("table", &table.name, "")));
    lines.extend(stack.buckets.iter().map(|bucket| said("bucket", &bucket.name, "")));
    lines.extend(stack.glue_tables.iter().map(|table| said("schema", &table.name, &table.database)));
    lines.extend(stack.functions.iter().map(|function| {
        said(
            "function",
            &function.name,
            &format!("{} MB, {} s", function.memory_mb, function.timeout.as_secs()),
        )
    }));
    lines.extend(stack.functions.iter().flat_map(|function| {
        function.mappings.iter().map(|mapping| {
            said("mapping", &mapping.logical_id, &format!("{} -> {}", mapping.stream, function.name))
        })
    }));
    lines.extend(stack.delivery_streams.iter().map(|delivery| {
        let from = match &delivery.source {
            Source::Kinesis { stream_arn, .. } => arn::name(stream_arn),
            Source::DirectPut => "PutRecord",
        };
        said("delivery stream", &delivery.name, &format!("{from} -> {}", destination(&delivery.destination)))
    }));
    lines.extend(not_run(stack));
    lines
}

/// What the template declares beside: each type in one line.
fn not_run(stack: &Stack) -> impl Iterator<Item = String> {
    let mut kinds: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, kind) in &stack.not_run {
        kinds.entry(kind).or_default().push(name);
    }
    kinds.into_iter().map(|(kind, names)| said("not run here", kind, &names.join(", ")))
}

/// The lines that lead AWS's own clients here: they are pasted into a shell.
pub(super) fn exports(variables: &BTreeMap<String, String>) -> Vec<String> {
    // What matters stands first.
    let (address, others): (Vec<_>, Vec<_>) =
        variables.iter().partition(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
    let assigned = |(name, value): (&String, &String)| format!("{name}={value}");
    let assigned: Vec<_> = address.into_iter().chain(others).map(assigned).collect();
    vec![format!("export {}", assigned.join(" ")), "Ctrl-C ends it.".to_owned()]
}

fn destination(destination: &Destination) -> String {
    match destination {
        Destination::S3(s3) => format!("s3://{}/{}", s3.bucket, s3.prefix),
        Destination::OpenSearch(search) => format!("{}/{}", search.endpoint, search.index),
        Destination::Http(http) => http.url.clone(),
    }
}

/// `  stream           tapeline-frames  4 shards`.
fn said(what: &str, name: &str, more: &str) -> String {
    format!("  {what:<16} {name}  {more}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_run_is_named_by_type() {
        let not_run = [("A", "AWS::IAM::Role"), ("Topic", "AWS::SNS::Topic"), ("B", "AWS::IAM::Role")];
        let not_run = not_run.map(|(name, kind)| (name.to_owned(), kind.to_owned())).to_vec();
        let lines: Vec<_> = super::not_run(&Stack { not_run, ..Stack::default() }).collect();
        assert_eq!(
            lines,
            ["  not run here     AWS::IAM::Role  A, B", "  not run here     AWS::SNS::Topic  Topic"]
        );
    }

    #[test]
    fn the_way_in_is_one_line_of_a_shell() {
        let variables = [("AWS_ENDPOINT_URL", "http://127.0.0.1:4580"), ("AWS_ACCESS_KEY_ID", "local")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let expected = "export AWS_ENDPOINT_URL=http://127.0.0.1:4580 AWS_ACCESS_KEY_ID=local";
        assert_eq!(exports(&variables).first().map(String::as_str), Some(expected));
    }
}
