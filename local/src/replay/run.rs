//! One run: recordings in, objects and a summary out.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tapeline_market::Market;
use thiserror::Error;

use super::clock::{Clock, Label, Speed};
use super::folder::{self, FolderError, SUMMARY};
use super::log::Metrics;
use super::recording::{Recording, RecordingError, Recordings};
use super::settings::{SettingsError, settings};
use super::summary::Summary;
use crate::firehose::bucket::Bucket;
use crate::firehose::{Delivery, DeliveryError};
use crate::lambda::{BinaryError, FunctionProcess, FunctionSpec, StartError, find_binary};
use crate::stream::Shards;
use crate::template::{DeliveryStream, Function, Stack, TemplateError};

/// How many bytes of frames are looked through for the time at which the recordings begin.
const BYTES_WITHOUT_TIME_MAX: usize = 16 * 1024 * 1024;

/// What is replayed, and how.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The recordings, one after another.
    pub(crate) files: Vec<PathBuf>,
    /// The folder to write.
    pub(crate) out: PathBuf,
    /// The template.
    pub(crate) template: PathBuf,
    /// Values for the template's parameters.
    pub(crate) parameters: BTreeMap<String, String>,
    /// Variables that override those of the function, as far as the template sets them.
    pub(crate) variables: BTreeMap<String, String>,
    /// The folder of the function binaries; `None` to look for them.
    pub(crate) functions: Option<PathBuf>,
    /// How fast.
    pub(crate) speed: Speed,
}

/// The run broke off. What was delivered until then stays in the folder.
#[derive(Debug, Error)]
pub(crate) enum ReplayError {
    /// The template cannot be run.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The template has no delivery stream to run.
    #[error("{} must have one delivery stream with a Kinesis source and a Lambda processor, has {found}", .template.display())]
    DeliveryStreams {
        /// The template.
        template: PathBuf,
        /// How many such streams it has.
        found: usize,
    },
    /// The delivery stream cannot be run.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// `MARKET` of the function names none.
    #[error("the variable MARKET of {function} must name a market")]
    Market {
        /// Name of the function.
        function: String,
        /// What is wrong with it.
        #[source]
        source: tapeline_market::UnknownMarket,
    },
    /// The function is not built.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// The function does not start.
    #[error("the function {function} does not start")]
    Start {
        /// Name of the function.
        function: String,
        /// Why.
        #[source]
        source: StartError,
    },
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A recording cannot be read on.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The delivery stream cannot go on.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The log or the summary cannot be accounted for.
    #[error("cannot account for the run in {}", .path.display())]
    Account {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// Replays recordings and accounts for every frame.
///
/// # Errors
/// When the run cannot begin or has to break off. Records that fail are no error: they are counted and kept.
pub(crate) async fn run(options: &Options) -> Result<Summary, ReplayError> {
    let began = Instant::now();
    let stack = Stack::load(&options.template, &options.parameters)?;
    let (stream, mut function) = only_stream(&stack, &options.template)?;
    function.environment.extend(
        options
            .variables
            .iter()
            .filter(|(name, _)| function.environment.contains_key(*name))
            .map(own)
            .collect::<Vec<_>>(),
    );
    let settings = settings(stream, &function)?;
    let market = market(&function)?;
    let binary = binary(&function, options)?;
    let progress = progress(&options.files);
    let mut recordings = Recordings::new(&options.files, &progress);
    let (held, start) = until_first_time(&mut recordings, market)?;
    // Only now: a run that cannot begin leaves that of an earlier one alone.
    folder::prepare(&options.out)?;
    let log = folder::log_of(&function.name, &options.out);
    let process = start_function(&function, binary, &log).await?;
    let bucket = Bucket::new(options.out.join(&stream.s3.bucket));
    let mut replay = Replay {
        delivery: Delivery::new(settings, process, bucket, start),
        clock: Clock::new(start, options.speed),
        market,
        shards: Shards::new(1),
        records: 0,
    };
    let played = replay.play(held, recordings).await;
    // Whatever broke the run off, what was taken is delivered and accounted for.
    let finished = replay.delivery.finish().await;
    // Its last lines count as well.
    replay.delivery.function_mut().stop().await;
    progress.finish_and_clear();
    let mut summary = replay.summary(&stream.name, began.elapsed());
    summary.finished = played.is_ok() && finished.is_ok();
    let accounted = account(&mut summary, &log, &options.out.join(SUMMARY));
    played?;
    finished?;
    accounted?;
    Ok(summary)
}

fn own((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

/// The delivery stream to run and its function.
fn only_stream<'s>(stack: &'s Stack, template: &Path) -> Result<(&'s DeliveryStream, Function), ReplayError> {
    let mut found = stack.delivery_streams.iter().filter_map(|stream| {
        let id = &stream.s3.lambda.as_ref()?.function;
        let function = stack.functions.iter().find(|function| function.logical_id == *id)?;
        Some((stream, function.clone()))
    });
    match (found.next(), found.count()) {
        (Some(only), 0) => Ok(only),
        (first, more) => {
            let found = usize::from(first.is_some()) + more;
            Err(ReplayError::DeliveryStreams { template: template.to_owned(), found })
        }
    }
}

/// The market whose frames the function expects.
fn market(function: &Function) -> Result<Market, ReplayError> {
    let Some(text) = function.environment.get("MARKET") else { return Ok(Market::Spot) };
    text.parse().map_err(|source| ReplayError::Market { function: function.name.clone(), source })
}

fn binary(function: &Function, options: &Options) -> Result<PathBuf, BinaryError> {
    let here = std::env::current_exe().unwrap_or_default();
    find_binary(&function.binary, &here, options.functions.as_deref())
}

async fn start_function(
    function: &Function,
    binary: PathBuf,
    log: &Path,
) -> Result<FunctionProcess, ReplayError> {
    let spec = FunctionSpec {
        name: function.name.clone(),
        arn: function.arn.clone(),
        binary,
        environment: function.environment.clone(),
        timeout: function.timeout,
        memory_mb: function.memory_mb,
        log: log.to_owned(),
    };
    let started = FunctionProcess::start(spec).await;
    started.map_err(|source| ReplayError::Start { function: function.name.clone(), source })
}

/// Reads frames until one tells its time: the recordings begin then, or now where no frame tells. Gives the frames read.
fn until_first_time(
    recordings: &mut Recordings<'_>,
    market: Market,
) -> Result<(Vec<Vec<u8>>, Timestamp), RecordingError> {
    let (mut held, mut bytes, mut frame) = (Vec::new(), 0, Vec::new());
    while bytes < BYTES_WITHOUT_TIME_MAX && recordings.next_frame(&mut frame)? {
        let time = Label::of(&frame, market).event_time;
        bytes += frame.len();
        held.push(std::mem::take(&mut frame));
        if let Some(time) = time {
            return Ok((held, time));
        }
    }
    Ok((held, Timestamp::now()))
}

fn progress(files: &[PathBuf]) -> ProgressBar {
    let bytes = files.iter().map(|file| Recording::bytes(file)).sum();
    let style = ProgressStyle::with_template(
        "{bar:40} {binary_bytes}/{binary_total_bytes}, {msg} frames, {eta} left",
    );
    // The template is a literal: the fallback is never seen.
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Reads the function's log and writes the summary.
fn account(summary: &mut Summary, log: &Path, path: &Path) -> Result<(), ReplayError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| ReplayError::Account { path, source }
    };
    summary.add_metrics(Metrics::read(log).map_err(failed(log))?);
    let mut text = serde_json::to_vec_pretty(summary).map_err(io::Error::other).map_err(failed(path))?;
    text.push(b'\n');
    std::fs::write(path, text).map_err(failed(path))
}

struct Replay {
    delivery: Delivery<FunctionProcess>,
    clock: Clock,
    market: Market,
    shards: Shards,
    /// Records put so far.
    records: u64,
}

impl Replay {
    async fn play(&mut self, held: Vec<Vec<u8>>, mut recordings: Recordings<'_>) -> Result<(), ReplayError> {
        for frame in held {
            self.put(&frame).await?;
        }
        let mut frame = Vec::new();
        while recordings.next_frame(&mut frame)? {
            self.put(&frame).await?;
            if self.records.is_multiple_of(1024) {
                recordings.progress().set_message(self.records.to_string());
            }
        }
        Ok(())
    }

    /// Puts one frame into the stream as one record, under the partition key of the producer contract.
    async fn put(&mut self, frame: &[u8]) -> Result<(), DeliveryError> {
        let label = Label::of(frame, self.market);
        let arrival = self.clock.reach(label.event_time).await;
        self.records += 1;
        let key = format!("{}|{}", self.market, label.symbol.unwrap_or_default());
        let record = self.shards.record(key, frame.to_vec(), arrival);
        self.delivery.advance(arrival).await?;
        self.delivery.put(record).await
    }

    fn summary(&self, delivery_stream: &str, elapsed: Duration) -> Summary {
        let mut summary = Summary { delivery_stream: delivery_stream.to_owned(), ..Summary::default() };
        summary.add(self.delivery.counts(), self.delivery.written());
        summary.invocations.cold_starts = self.delivery.function().cold_starts();
        summary.invocations.peak_memory_bytes = self.delivery.function().peak_memory_bytes();
        summary.elapsed_ms = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
        summary
    }
}
