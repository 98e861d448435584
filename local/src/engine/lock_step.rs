//! The streams of a template and all that takes records from them, under way on one clock.
//!
//! What becomes due does so in the order of time, whoever waits for it, and what a function publishes is in its stream
//! at the moment of its invocation. So the bytes that are written follow from the records alone.

use jiff::Timestamp;
use thiserror::Error;

use super::data::Data;
use super::functions::{Functions, Processor};
use super::plan::{DeliveryPlan, MappingPlan, Plan};
use super::route::Route;
use crate::endpoints::{EndpointError, Endpoints};
use crate::firehose::{self, Delivery, DeliveryError, DestinationError, Written};
use crate::lambda::Function;
use crate::mapping::{self, EventSource, MappingError};
use crate::stream::{Shards, StreamRecord};
use crate::template::Stream;

/// The pipeline cannot go on.
#[derive(Debug, Error)]
pub(crate) enum LockStepError {
    /// Nothing can be sent to a destination.
    #[error(transparent)]
    Destination(#[from] DestinationError),
    /// A delivery stream stopped.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// A mapping stopped.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// What functions published cannot be read.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
}

/// Everything that takes records.
pub(crate) struct LockStep {
    /// ARN of the stream that takes the frames.
    input: String,
    deliveries: Vec<DeliveryRun>,
    mappings: Vec<MappingRun>,
    outputs: Vec<Output>,
    /// Where functions publish to; `None` when none does.
    endpoints: Option<Endpoints>,
    /// Invocations of mapped functions whose publications were passed on.
    passed_on: u64,
    now: Timestamp,
}

/// A delivery stream under way.
struct DeliveryRun {
    /// ARN of the stream in front of it; `None` when producers put records, which nobody does here.
    source: Option<String>,
    delivery: Delivery<Processor>,
}

/// An event source mapping under way. All of them take frames: a plan has no other.
struct MappingRun {
    source: EventSource<Function>,
}

/// A stream that functions publish to.
struct Output {
    name: String,
    arn: String,
    shards: Shards,
}

impl LockStep {
    /// Sets a plan up in a folder; `now` is where the clock starts.
    ///
    /// # Errors
    /// When nothing can be sent to a destination.
    pub(crate) fn new(
        (plan, route): (Plan<'_>, Route),
        functions: &Functions,
        endpoints: Option<Endpoints>,
        (data, now): (&Data, Timestamp),
    ) -> Result<Self, LockStepError> {
        let delivery = |plan: DeliveryPlan<'_>| {
            let function = Processor(plan.function.and_then(|function| functions.get(&function.logical_id)));
            let delivery = Delivery::new(plan.settings, function, data.buckets(), now)?;
            Ok(DeliveryRun { source: plan.source.map(str::to_owned), delivery })
        };
        let mapping = |plan: MappingPlan<'_>| {
            let function = functions.get(&plan.function.logical_id)?;
            let on_failure = plan.mapping.on_failure.as_ref().map(|destination| data.on_failure(destination));
            Some(MappingRun { source: EventSource::new(plan.settings, function, on_failure, now) })
        };
        // What functions publish is put under keys that keep its order, so the number of its shards changes nothing.
        let output = |stream: Stream| Output { name: stream.name, arn: stream.arn, shards: Shards::new(1) };
        let deliveries =
            plan.deliveries.into_iter().map(delivery).collect::<Result<_, DestinationError>>()?;
        Ok(Self {
            input: route.input,
            deliveries,
            mappings: plan.mappings.into_iter().filter_map(mapping).collect(),
            outputs: route.outputs.into_iter().map(output).collect(),
            endpoints,
            passed_on: 0,
            now,
        })
    }

    /// What became of the records of each delivery stream, in the order of the plan.
    pub(crate) fn deliveries(&self) -> impl Iterator<Item = (&firehose::Counts, &Written)> {
        self.deliveries.iter().map(|run| (run.delivery.counts(), run.delivery.written()))
    }

    /// What each mapping did, in the order of the plan.
    pub(crate) fn mappings(&self) -> impl Iterator<Item = mapping::Counts> {
        self.mappings.iter().map(|run| run.source.counts())
    }

    /// Puts a record that arrives now into the stream that takes the frames.
    ///
    /// # Errors
    /// See [`LockStepError`].
    pub(crate) async fn put(&mut self, record: StreamRecord) -> Result<(), LockStepError> {
        for run in self.deliveries.iter_mut().filter(|run| run.source.as_ref() == Some(&self.input)) {
            run.delivery.put(record.clone()).await?;
        }
        self.put_to_mappings(record).await
    }

    /// Gives a record that arrives now to the mappings alone.
    ///
    /// # Errors
    /// See [`LockStepError`].
    pub(crate) async fn put_to_mappings(&mut self, record: StreamRecord) -> Result<(), LockStepError> {
        for run in &mut self.mappings {
            run.source.put(record.clone()).await?;
        }
        self.pass_on().await
    }

    /// Moves the clock on and does what has become due, in the order of time.
    ///
    /// # Errors
    /// See [`LockStepError`].
    pub(crate) async fn advance(&mut self, now: Timestamp) -> Result<(), LockStepError> {
        while let Some(due) = self.next_due().filter(|due| *due <= now) {
            self.advance_to(due).await?;
        }
        self.advance_to(now).await
    }

    /// Empties every buffer: mappings first, then what they published as well.
    ///
    /// # Errors
    /// The first one; the others are emptied all the same.
    pub(crate) async fn finish(&mut self) -> Result<(), LockStepError> {
        let mut result = Ok(());
        for run in &mut self.mappings {
            result = result.and(run.source.finish().await.map_err(LockStepError::from));
        }
        result = result.and(self.pass_on().await);
        for run in &mut self.deliveries {
            result = result.and(run.delivery.finish().await.map_err(LockStepError::from));
        }
        result
    }

    /// When the next buffer or window expires.
    fn next_due(&self) -> Option<Timestamp> {
        let deliveries = self.deliveries.iter().filter_map(|run| run.delivery.next_due());
        deliveries.chain(self.mappings.iter().filter_map(|run| run.source.next_due())).min()
    }

    async fn advance_to(&mut self, now: Timestamp) -> Result<(), LockStepError> {
        self.now = self.now.max(now);
        for run in &mut self.deliveries {
            run.delivery.advance(now).await?;
        }
        for run in &mut self.mappings {
            run.source.advance(now).await?;
        }
        self.pass_on().await
    }

    /// Puts what functions have published since into their streams.
    async fn pass_on(&mut self) -> Result<(), LockStepError> {
        let invocations = self.mappings().map(|counts| counts.invocations).sum();
        let Some(endpoints) = self.endpoints.as_ref().filter(|_| invocations > self.passed_on) else {
            return Ok(());
        };
        self.passed_on = invocations;
        for output in &mut self.outputs {
            for published in endpoints.take_published(&output.name).await? {
                let record = output.shards.record(published.partition_key, published.data, self.now);
                for run in self.deliveries.iter_mut().filter(|run| run.source.as_ref() == Some(&output.arn)) {
                    run.delivery.put(record.clone()).await?;
                }
            }
        }
        Ok(())
    }
}
