//! Accounts for a run: gathers what everybody counted and writes `summary.json`.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::folder::SUMMARY;
use super::log::Metrics;
use super::summary::{DeliverySummary, Invocations, MappingSummary, Processes, Summary};
use crate::engine::Data;
use crate::engine::functions::Functions;
use crate::engine::lock_step::LockStep;
use crate::engine::plan::Plan;
use crate::firehose::{self, Written};
use crate::mapping;
use crate::template::{Function, Stack};

/// A log or the summary cannot be accounted for.
#[derive(Debug, Error)]
#[error("cannot account for the run in {}", .path.display())]
pub(crate) struct AccountError {
    /// The file.
    path: PathBuf,
    /// What the system says.
    #[source]
    source: io::Error,
}

/// The names of what is run, in the order of its plan.
pub(super) struct Outline {
    deliveries: Vec<DeliveryNames>,
    mappings: Vec<MappingNames>,
}

struct DeliveryNames {
    name: String,
    stream: String,
    function: Option<FunctionNames>,
}

struct MappingNames {
    name: String,
    stream: String,
    function: FunctionNames,
}

struct FunctionNames {
    logical_id: String,
    name: String,
}

impl FunctionNames {
    fn of(function: &Function) -> Self {
        Self { logical_id: function.logical_id.clone(), name: function.name.clone() }
    }
}

impl Outline {
    /// The names of a plan.
    pub(super) fn of(plan: &Plan<'_>, stack: &Stack) -> Self {
        let name_of = |arn: &str| {
            let stream = stack.streams.iter().find(|stream| stream.arn == arn);
            // A stream of another stack is known by its ARN alone.
            stream.map_or_else(|| arn.to_owned(), |stream| stream.name.clone())
        };
        let deliveries = plan.deliveries.iter().map(|plan| DeliveryNames {
            name: plan.stream.name.clone(),
            stream: plan.source.map(name_of).unwrap_or_default(),
            function: plan.function.map(FunctionNames::of),
        });
        let mappings = plan.mappings.iter().map(|plan| MappingNames {
            name: plan.mapping.logical_id.clone(),
            stream: plan.stream.name.clone(),
            function: FunctionNames::of(plan.function),
        });
        Self { deliveries: deliveries.collect(), mappings: mappings.collect() }
    }
}

/// Fills in what everybody counted, and writes the summary into the folder.
///
/// # Errors
/// When a function's log cannot be read or the summary cannot be written.
pub(super) fn account(
    summary: &mut Summary,
    outline: &Outline,
    (pipeline, functions): (&LockStep, &Functions),
    out: &Path,
) -> Result<(), AccountError> {
    for (names, (counts, written)) in outline.deliveries.iter().zip(pipeline.deliveries()) {
        let delivery = delivery(names, (counts, written), functions, out)?;
        summary.delivery_streams.insert(names.name.clone(), delivery);
    }
    for (names, counts) in outline.mappings.iter().zip(pipeline.mappings()) {
        let mapping = mapping(names, counts, functions, out)?;
        summary.mappings.insert(names.name.clone(), mapping);
    }
    let path = out.join(SUMMARY);
    let written = serde_json::to_vec_pretty(summary).map_err(io::Error::other).and_then(|mut text| {
        text.push(b'\n');
        std::fs::write(&path, text)
    });
    written.map_err(|source| AccountError { path, source })
}

fn delivery(
    names: &DeliveryNames,
    (counts, written): (&firehose::Counts, &Written),
    functions: &Functions,
    out: &Path,
) -> Result<DeliverySummary, AccountError> {
    let (metrics, processes) = match &names.function {
        Some(function) => (metrics(function, out)?, processes(functions, function)),
        None => Default::default(),
    };
    Ok(DeliverySummary {
        stream: names.stream.clone(),
        function: names.function.as_ref().map(|function| function.name.clone()),
        records_in: counts.records_in,
        records: counts.records.clone(),
        refusals: metrics.by("Refusals", "Reason"),
        drops: metrics.by("Drops", "Reason"),
        invocations: Invocations {
            count: counts.invocations,
            failed: counts.invocations_failed,
            last_failure: counts.last_failure.clone(),
            processes,
        },
        objects: written.objects,
        object_bytes: written.object_bytes,
        error_objects: written.error_objects,
        rows: written.rows.clone(),
    })
}

fn mapping(
    names: &MappingNames,
    counts: mapping::Counts,
    functions: &Functions,
    out: &Path,
) -> Result<MappingSummary, AccountError> {
    let metrics = metrics(&names.function, out)?;
    Ok(MappingSummary {
        stream: names.stream.clone(),
        function: names.function.name.clone(),
        counts,
        processes: processes(functions, &names.function),
        bars_closed: metrics.by("BarsClosed", "Interval"),
        refusals: metrics.by("Refusals", "Reason"),
        drops: metrics.by("Drops", "Reason"),
        metrics: metrics.totals(),
    })
}

/// What the processes of a function took.
fn processes(functions: &Functions, function: &FunctionNames) -> Processes {
    let (cold_starts, peak_memory_bytes) = functions.processes(&function.logical_id);
    Processes { cold_starts, peak_memory_bytes }
}

/// What a function counted.
fn metrics(function: &FunctionNames, out: &Path) -> Result<Metrics, AccountError> {
    let path = Data::of_replay(out).log_of(&function.name);
    Metrics::read(&path).map_err(|source| AccountError { path, source })
}
