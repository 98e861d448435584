//! The way of the frames through a plan that is run in lock-step: which stream takes them, and which take what functions
//! publish.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::plan::{MappingPlan, Plan};
use crate::template::{Stack, Stream};

/// The template has a shape that cannot be replayed.
#[derive(Debug, Error)]
pub(crate) enum RouteError {
    /// Nobody or too many could take the frames.
    #[error(
        "{} must have one stream from which delivery streams or functions take frames, has {}",
        .template.display(),
        listed(.found)
    )]
    Input {
        /// The template.
        template: PathBuf,
        /// ARNs of such streams.
        found: Vec<String>,
    },
    /// A function takes what another one publishes.
    #[error(
        "{function} takes records of {stream}, which a function publishes to: that is not run on this machine"
    )]
    Chain {
        /// Name of the function.
        function: String,
        /// Name of the stream in the template.
        stream: String,
    },
}

/// Streams in words.
fn listed(streams: &[String]) -> String {
    if streams.is_empty() { "none".to_owned() } else { streams.join(", ") }
}

/// The way of the frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Route {
    /// ARN of the stream that takes the frames.
    pub(crate) input: String,
    /// Streams that functions publish to.
    pub(crate) outputs: Vec<Stream>,
}

impl Route {
    /// Finds the way of the frames.
    ///
    /// # Errors
    /// See [`RouteError`].
    pub(crate) fn of(plan: &Plan<'_>, stack: &Stack, template: &Path) -> Result<Self, RouteError> {
        let mappings = &plan.mappings;
        let outputs = stack.streams.iter().filter(|stream| is_published_to(stream, mappings)).cloned();
        let outputs: Vec<_> = outputs.collect();
        let is_output = |arn: &str| outputs.iter().any(|output| output.arn == arn);
        if let Some(chained) = mappings.iter().find(|plan| is_output(&plan.stream.arn)) {
            let (function, stream) = (chained.function.name.clone(), chained.mapping.stream.clone());
            return Err(RouteError::Chain { function, stream });
        }
        let sources = plan.deliveries.iter().filter_map(|plan| plan.source);
        let sources = sources.chain(mappings.iter().map(|plan| plan.stream.arn.as_str()));
        let inputs: BTreeSet<_> = sources.filter(|arn| !is_output(arn)).map(str::to_owned).collect();
        let mut inputs: Vec<_> = inputs.into_iter().collect();
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Ok(Self { input, outputs }),
            (last, _) => {
                let found = inputs.into_iter().chain(last).collect();
                Err(RouteError::Input { template: template.to_owned(), found })
            }
        }
    }
}

/// Whether a function that takes records is told the stream's name: it publishes there.
fn is_published_to(stream: &Stream, mappings: &[MappingPlan<'_>]) -> bool {
    mappings.iter().any(|plan| plan.function.environment.values().any(|value| *value == stream.name))
}
