//! What of a template is run, and what flows where.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::settings::{self, SettingsError};
use crate::firehose;
use crate::mapping;
use crate::template::{DeliveryStream, Function, Mapping, Source, Stack, Stream};

/// The template has a shape that cannot be replayed.
#[derive(Debug, Error)]
pub(crate) enum PlanError {
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
    /// A delivery stream cannot be run.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// Streams in words.
fn listed(streams: &[String]) -> String {
    if streams.is_empty() { "none".to_owned() } else { streams.join(", ") }
}

/// What is run.
pub(crate) struct Plan<'s> {
    /// ARN of the stream that takes the frames.
    pub(crate) input: String,
    /// Delivery streams, in the order of the template.
    pub(crate) deliveries: Vec<DeliveryPlan<'s>>,
    /// Event source mappings, in the order of the template.
    pub(crate) mappings: Vec<MappingPlan<'s>>,
    /// Streams that functions publish to.
    pub(crate) outputs: Vec<&'s Stream>,
}

/// A delivery stream to run.
pub(crate) struct DeliveryPlan<'s> {
    /// The delivery stream.
    pub(crate) stream: &'s DeliveryStream,
    /// ARN of the stream it takes records from.
    pub(crate) source: String,
    /// The function that transforms its records.
    pub(crate) function: Option<&'s Function>,
    /// How it is set up.
    pub(crate) settings: firehose::Settings,
}

/// An event source mapping to run.
pub(crate) struct MappingPlan<'s> {
    /// The mapping.
    pub(crate) mapping: &'s Mapping,
    /// The stream it takes records from.
    pub(crate) stream: &'s Stream,
    /// The function it gives them to.
    pub(crate) function: &'s Function,
    /// How it is set up.
    pub(crate) settings: mapping::Settings,
}

impl<'s> Plan<'s> {
    /// Finds out what of a template is run.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub(crate) fn of(stack: &'s Stack, template: &Path) -> Result<Self, PlanError> {
        let deliveries = stack.delivery_streams.iter().map(|stream| delivery(stack, stream));
        let deliveries: Vec<_> = deliveries.collect::<Result<_, _>>()?;
        let mappings = stack.functions.iter().flat_map(|function| mappings(stack, function));
        let mappings: Vec<_> = mappings.collect::<Result<_, _>>()?;
        let outputs: Vec<_> =
            stack.streams.iter().filter(|stream| is_published_to(stream, &mappings)).collect();
        let is_output = |arn: &str| outputs.iter().any(|output| output.arn == arn);
        if let Some(chained) = mappings.iter().find(|plan| is_output(&plan.stream.arn)) {
            let (function, stream) = (chained.function.name.clone(), chained.mapping.stream.clone());
            return Err(PlanError::Chain { function, stream });
        }
        let sources = deliveries.iter().map(|plan| &plan.source);
        let sources = sources.chain(mappings.iter().map(|plan| &plan.stream.arn));
        let inputs: BTreeSet<_> = sources.filter(|arn| !is_output(arn)).cloned().collect();
        let mut inputs: Vec<_> = inputs.into_iter().collect();
        match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Ok(Self { input, deliveries, mappings, outputs }),
            (last, _) => {
                let found = inputs.into_iter().chain(last).collect();
                Err(PlanError::Input { template: template.to_owned(), found })
            }
        }
    }

    /// The functions that are run, each once, in the order of the template.
    pub(crate) fn functions(&self) -> Vec<&'s Function> {
        let functions = self.deliveries.iter().filter_map(|plan| plan.function);
        let mut functions: Vec<_> = functions.chain(self.mappings.iter().map(|plan| plan.function)).collect();
        functions.sort_by(|one, other| one.logical_id.cmp(&other.logical_id));
        functions.dedup_by(|one, other| one.logical_id == other.logical_id);
        functions
    }

    /// Whether a function is given the records of a stream, and so may call other services.
    pub(crate) fn is_mapped(&self, function: &Function) -> bool {
        self.mappings.iter().any(|plan| plan.function.logical_id == function.logical_id)
    }
}

fn delivery<'s>(stack: &'s Stack, stream: &'s DeliveryStream) -> Result<DeliveryPlan<'s>, SettingsError> {
    let function =
        stream.processing.lambda.as_ref().and_then(|lambda| {
            stack.functions.iter().find(|function| function.logical_id == lambda.function)
        });
    let Source::Kinesis { stream_arn, .. } = &stream.source else {
        return Err(SettingsError::NoSource { stream: stream.name.clone() });
    };
    let settings = settings::delivery(stream, stream_arn, function)?;
    Ok(DeliveryPlan { stream, source: stream_arn.clone(), function, settings })
}

fn mappings<'s>(
    stack: &'s Stack,
    function: &'s Function,
) -> impl Iterator<Item = Result<MappingPlan<'s>, SettingsError>> {
    function.mappings.iter().filter_map(|mapping| {
        // The template's reader has found the stream already.
        let stream = stack.streams.iter().find(|stream| stream.logical_id == mapping.stream)?;
        let settings = settings::mapping(mapping, function, stream);
        Some(settings.map(|settings| MappingPlan { mapping, stream, function, settings }))
    })
}

/// Whether a function that takes records is told the stream's name: it publishes there.
fn is_published_to(stream: &Stream, mappings: &[MappingPlan<'_>]) -> bool {
    mappings.iter().any(|plan| plan.function.environment.values().any(|value| *value == stream.name))
}
