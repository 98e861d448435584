//! A template under way live: its functions, delivery streams and mappings on the clock of the system, behind one port.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::BoxStream;
use jiff::Timestamp;
use thiserror::Error;
use tokio::sync::broadcast;
use tokio::task::JoinHandle;

use super::data::{Data, DataError};
use super::deliveries::{Deliveries, StartError};
use super::functions::{FunctionError, Functions, Surroundings, built};
use super::plan::{MappingPlan, Plan};
use super::settings::{self, SettingsError};
use super::status::{FunctionStatus, MappingStatus, Status};
use super::streams::{Reader, Streams};
use super::tailed;
use crate::endpoints::{DynamoDb, EndpointError, Gateway, GatewayParts, Kinesis, Port};
use crate::firehose_api;
use crate::lambda::{self, BinaryError, Function, FunctionCounts, LogLine};
use crate::mapping::{LiveCounts, LiveMapping};
use crate::streams::{Position, Retention};
use crate::template::{self, Stack};

/// How often Lambda looks for records in a shard that had nothing new.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// What is run, and where.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The folder that holds what AWS would.
    pub(crate) data: PathBuf,
    /// The port; 0 has the system choose.
    pub(crate) port: u16,
    /// The folder of the function binaries; `None` to look for them.
    pub(crate) functions: Option<PathBuf>,
}

/// A template cannot be run.
#[derive(Debug, Error)]
pub(crate) enum LiveError {
    /// The template asks for what cannot be run here.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A delivery stream cannot be run.
    #[error(transparent)]
    Delivery(#[from] StartError),
    /// A function is not built.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// A function does not start.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// A service cannot be served.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The folder cannot be used.
    #[error(transparent)]
    Data(#[from] DataError),
}

/// A template under way. Clones are of the same.
#[derive(Clone)]
pub(crate) struct Live(Arc<Parts>);

struct Parts {
    streams: Streams,
    deliveries: Deliveries,
    mappings: Vec<(String, LiveMapping<Function>)>,
    functions: Functions,
    retention: Retention,
}

impl Live {
    /// What everything has done so far.
    pub(crate) async fn status(&self) -> Status {
        let Parts { streams, deliveries, mappings, functions, retention } = self.0.as_ref();
        let mappings =
            mappings.iter().map(|(name, mapping)| (name.clone(), mapping_status(&mapping.counts())));
        let functions =
            functions.all().map(|function| (function.name().to_owned(), function_status(&function.counts())));
        Status {
            at_ms: Timestamp::now().as_millisecond(),
            records_let_go: retention.records_gone(),
            streams: streams.status().await,
            delivery_streams: deliveries.status(),
            mappings: mappings.collect(),
            functions: functions.collect(),
        }
    }

    /// What the functions write from now on.
    pub(crate) fn logs(&self) -> broadcast::Receiver<LogLine> {
        self.0.functions.lines()
    }

    /// What passes through a data stream, or is delivered by a delivery stream, from now on, a line each. `None` when there
    /// is neither of that name.
    pub(crate) async fn tail(&self, name: &str) -> Option<BoxStream<'static, Result<Bytes, Infallible>>> {
        if let Some(delivered) = self.0.deliveries.watch(name) {
            return Some(tailed::delivered(delivered).boxed());
        }
        let (records, reader) = self.0.streams.tail(name).await?;
        Some(tailed::records(records, reader).boxed())
    }

    /// Names of everything that can be tailed.
    pub(crate) async fn names(&self) -> Vec<String> {
        let Status { streams, delivery_streams, .. } = self.status().await;
        streams.into_keys().chain(delivery_streams.into_keys()).collect()
    }
}

fn mapping_status(live: &LiveCounts) -> MappingStatus {
    let counts = &live.counts;
    MappingStatus {
        records: counts.records,
        iterator_age_ms: live.iterator_age_ms,
        invocations: counts.invocations,
        invocations_failed: counts.invocations_failed,
        retries: counts.retries,
        filtered: counts.filtered,
        discarded: counts.discarded,
    }
}

fn function_status(counts: &FunctionCounts) -> FunctionStatus {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    FunctionStatus {
        invocations: counts.invocations,
        errors: counts.errors,
        throttles: counts.throttles,
        cold_starts: counts.cold_starts,
        processes: counts.running as u64,
        p50_us: micros(counts.duration.p50),
        p99_us: micros(counts.duration.p99),
        peak_memory_bytes: counts.peak_memory_bytes,
    }
}

/// A template under way and the port it is behind. Dropping it closes the port and abandons what is in hand.
pub(crate) struct Served {
    /// What is under way.
    pub(crate) live: Live,
    /// The variables that lead an AWS SDK to it.
    pub(crate) variables: BTreeMap<String, String>,
    readers: Vec<Reader>,
    _gateway: Gateway,
    retention: JoinHandle<()>,
    _dynamodb: DynamoDb,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.retention.abort();
    }
}

impl Served {
    /// Starts everything that a template declares. `admin` makes the routes of tapeline's own.
    ///
    /// # Errors
    /// See [`LiveError`]. What can be known to be wrong is told before anything is started.
    pub(crate) async fn start(
        stack: &Stack,
        options: &Options,
        admin: impl FnOnce(Live) -> Router,
    ) -> Result<Self, LiveError> {
        let plan = Plan::of(stack)?;
        let binaries = built(&stack.functions, options.functions.as_deref())?;
        // Before anything is written: a port that is taken is most often that of another run.
        let port = Port::take(options.port)?;
        let data = Data::open(&options.data, stack)?;
        let kinesis = Kinesis::open(&stack.streams).await?;
        let dynamodb = DynamoDb::open(&stack.tables, Some(&data.tables()))?;
        let variables = port.variables();
        let services = |_: &template::Function| variables.clone();
        let around =
            Surroundings { services: &services, concurrency_max: None, log_of: &|name| data.log_of(name) };
        let functions = Functions::start(binaries, &around).await?;
        let streams = Streams::new(kinesis.store().clone());
        let deliveries = Deliveries::new(stack.clone(), functions.clone(), data.clone(), streams.clone());
        for planned in plan.deliveries {
            // The streams are empty: whatever is put is newer than this.
            deliveries.start(planned, Position::TrimHorizon)?;
        }
        let (mappings, readers) = start_mappings(plan.mappings, &functions, &data, &streams);
        let retention = kinesis.retention();
        let parts = Parts {
            streams,
            deliveries: deliveries.clone(),
            mappings,
            functions: functions.clone(),
            retention: retention.clone(),
        };
        let live = Live(Arc::new(parts));
        let parts = GatewayParts {
            kinesis: kinesis.router(),
            dynamodb: dynamodb.address(),
            firehose: Some(firehose_api::router(deliveries)),
            lambda: Some(lambda::api::router(functions.all().cloned())),
            admin: Some(admin(live.clone())),
            buckets: Some(data.buckets().to_owned()),
        };
        let gateway = Gateway::open(port, parts)?;
        let retention = tokio::spawn(async move { retention.run().await });
        Ok(Self { live, variables, readers, _gateway: gateway, retention, _dynamodb: dynamodb })
    }

    /// Ends everything: what producers have put is processed, what is buffered is delivered.
    pub(crate) async fn stop(mut self) {
        // Functions publish through the gateway: it stays open until they are done.
        join_all(self.readers.iter_mut().map(Reader::stop)).await;
        self.live.0.deliveries.finish().await;
        self.live.0.functions.stop().await;
    }
}

/// Starts event source mappings.
fn start_mappings(
    planned: Vec<MappingPlan<'_>>,
    functions: &Functions,
    data: &Data,
    streams: &Streams,
) -> (Vec<(String, LiveMapping<Function>)>, Vec<Reader>) {
    let start = |plan: MappingPlan<'_>| {
        let function = functions.get(&plan.function.logical_id)?;
        let on_failure = plan.mapping.on_failure.as_ref().map(|destination| data.on_failure(destination));
        let mapping = LiveMapping::new(plan.settings, function, on_failure);
        let from = (settings::position(plan.mapping), POLL_INTERVAL);
        let reader = streams.read(&plan.stream.name, from, mapping.clone());
        Some(((plan.mapping.logical_id.clone(), mapping), reader))
    };
    planned.into_iter().filter_map(start).unzip()
}
