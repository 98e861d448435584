//! `tapeline endpoints`: the services of the template on this machine, for a function that is run by hand.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::PathBuf;

use clap::Args;
use thiserror::Error;

use super::{DynamoDb, EndpointError, Gateway, GatewayParts, Kinesis, Port};
use crate::arn;
use crate::template::{Stack, TemplateError};

/// Serves the template's streams and tables on this machine until Ctrl-C.
///
/// Kinesis and DynamoDB answer on one port. Prints, all at once, the lines with which a shell exports what a function
/// needs to find them.
#[derive(Debug, Clone, Args)]
pub(crate) struct EndpointsArgs {
    /// The template whose streams and tables are served.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// Port of the services; 0 has the system choose.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
    /// Database file that keeps the tables between runs; otherwise they are kept in memory.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

/// The endpoints cannot be served.
#[derive(Debug, Error)]
pub(crate) enum EndpointsError {
    /// The template cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// They cannot be opened.
    #[error(transparent)]
    Endpoints(#[from] EndpointError),
    /// What to export cannot be printed.
    #[error("cannot print what to export")]
    Print(#[source] io::Error),
    /// Ctrl-C cannot be waited for.
    #[error("cannot wait for Ctrl-C")]
    Signal(#[source] io::Error),
}

/// Serves until Ctrl-C.
///
/// # Errors
/// See [`EndpointsError`].
pub(crate) async fn run(args: &EndpointsArgs) -> Result<(), EndpointsError> {
    let stack = Stack::load(&args.template, &BTreeMap::new())?;
    let port = Port::take(args.port)?;
    let kinesis = Kinesis::open(&stack.streams).await?;
    let dynamodb = DynamoDb::open(&stack.tables, args.state.as_deref())?;
    let parts = GatewayParts {
        kinesis: kinesis.router(),
        dynamodb: dynamodb.address(),
        firehose: None,
        lambda: None,
        admin: None,
        buckets: None,
    };
    let gateway = Gateway::open(port, parts)?;
    let mut variables = gateway.variables();
    variables.extend(names(&stack));
    // At once, so that who reads the first line can read all.
    io::stdout().write_all(exports(&variables).as_bytes()).map_err(EndpointsError::Print)?;
    tokio::signal::ctrl_c().await.map_err(EndpointsError::Signal)
}

/// The variables in which functions are told the names of streams and tables, and the region.
fn names(stack: &Stack) -> BTreeMap<String, String> {
    let streams = stack.streams.iter().map(|stream| &stream.name);
    let known: Vec<_> = streams.chain(stack.tables.iter().map(|table| &table.name)).collect();
    let all = stack.functions.iter().flat_map(|function| &function.environment);
    let names =
        all.filter(|(_, value)| known.contains(value)).map(|(name, value)| (name.clone(), value.clone()));
    let region = stack.functions.first().map(|function| arn::region(&function.arn));
    names.chain(region.map(|region| ("AWS_REGION".to_owned(), region.to_owned()))).collect()
}

/// Lines that a shell evaluates.
fn exports(variables: &BTreeMap<String, String>) -> String {
    let line =
        |(name, value): (&String, &String)| format!("export {name}='{}'\n", value.replace('\'', r"'\''"));
    variables.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_can_evaluate_the_lines() {
        let variables = [("STATE_TABLE", "tapeline-state"), ("ODD", "it's")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        assert_eq!(exports(&variables), "export ODD='it'\\''s'\nexport STATE_TABLE='tapeline-state'\n");
    }
}
