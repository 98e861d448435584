//! What of a template is run, and what flows where.

use super::settings::{self, SettingsError};
use crate::firehose;
use crate::mapping;
use crate::template::{DeliveryStream, Function, Mapping, Source, Stack, Stream};

/// What is run.
pub(crate) struct Plan<'s> {
    /// Delivery streams, in the order of the template.
    pub(crate) deliveries: Vec<DeliveryPlan<'s>>,
    /// Event source mappings, in the order of the template.
    pub(crate) mappings: Vec<MappingPlan<'s>>,
}

/// A delivery stream to run.
pub(crate) struct DeliveryPlan<'s> {
    /// The delivery stream.
    pub(crate) stream: &'s DeliveryStream,
    /// ARN of the stream it takes records from; `None` when producers put them.
    pub(crate) source: Option<&'s str>,
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
    /// When it asks for what cannot be run here.
    pub(crate) fn of(stack: &'s Stack) -> Result<Self, SettingsError> {
        let deliveries = stack.delivery_streams.iter().map(|stream| DeliveryPlan::of(stack, stream));
        let mappings = stack.functions.iter().flat_map(|function| mappings(stack, function));
        Ok(Self {
            deliveries: deliveries.collect::<Result<_, _>>()?,
            mappings: mappings.collect::<Result<_, _>>()?,
        })
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

impl<'s> DeliveryPlan<'s> {
    /// Finds out what a new delivery stream needs of a template.
    ///
    /// # Errors
    /// When it asks for what cannot be run here.
    pub(super) fn of(stack: &'s Stack, stream: &'s DeliveryStream) -> Result<Self, SettingsError> {
        let function = stack.transformer(stream);
        let source = match &stream.source {
            Source::Kinesis { stream_arn, .. } => Some(stream_arn.as_str()),
            Source::DirectPut => None,
        };
        Ok(Self { stream, source, function, settings: settings::delivery(stream, function, 1)? })
    }
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
