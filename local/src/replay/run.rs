//! One run: recordings in, objects and a summary out.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use tapeline_market::Market;
use thiserror::Error;

use super::account::{self, AccountError, Outline};
use super::clock::{Clock, Label, Speed};
use super::folder::{self, FolderError};
use super::heartbeat::Heartbeats;
use super::recording::{Recording, RecordingError, Recordings};
use super::summary::Summary;
use crate::endpoints::{EndpointError, Endpoints};
use crate::engine::Data;
use crate::engine::functions::{FunctionError, Functions, Surroundings, built};
use crate::engine::lock_step::{LockStep, LockStepError};
use crate::engine::plan::Plan;
use crate::engine::route::{Route, RouteError};
use crate::engine::settings::SettingsError;
use crate::lambda::BinaryError;
use crate::producer::partition_key;
use crate::stream::Shards;
use crate::template::{Function, Stack, TemplateError};

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
    /// Variables that override those of the functions, as far as the template sets them.
    pub(crate) variables: BTreeMap<String, String>,
    /// The folder of the function binaries; `None` to look for them.
    pub(crate) functions: Option<PathBuf>,
    /// Delivery streams and mappings to run, by their names in the template; all of them when there is none.
    pub(crate) only: Vec<String>,
    /// Shards of the stream that takes the frames.
    pub(crate) shards: u32,
    /// The file that keeps tables between runs; `None` to begin with empty ones.
    pub(crate) state: Option<PathBuf>,
    /// How fast.
    pub(crate) speed: Speed,
}

/// The run broke off. What was delivered until then stays in the folder.
#[derive(Debug, Error)]
pub(crate) enum ReplayError {
    /// The template cannot be run.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The template has nothing to run, or what cannot be run.
    #[error(transparent)]
    Route(#[from] RouteError),
    /// The template asks for what cannot be run here.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// What is to be run alone is not there.
    #[error("--only must name a delivery stream or a mapping of the template, was {name:?}")]
    Only {
        /// The name.
        name: String,
    },
    /// `MARKET` of a function names none.
    #[error("the variable MARKET of {function} must name a market")]
    Market {
        /// Name of the function.
        function: String,
        /// What is wrong with it.
        #[source]
        source: tapeline_market::UnknownMarket,
    },
    /// A function is not built.
    #[error(transparent)]
    Binary(#[from] BinaryError),
    /// A function does not start.
    #[error(transparent)]
    Function(#[from] FunctionError),
    /// The services that functions call cannot be played.
    #[error(transparent)]
    Endpoints(#[from] EndpointError),
    /// The folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A recording cannot be read on.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// The pipeline cannot go on.
    #[error(transparent)]
    Pipeline(#[from] LockStepError),
    /// The run cannot be accounted for.
    #[error(transparent)]
    Account(#[from] AccountError),
}

/// Replays recordings and accounts for every frame.
///
/// # Errors
/// When the run cannot begin or has to break off. Records that fail are no error: they are counted and kept.
pub(crate) async fn run(options: &Options) -> Result<Summary, ReplayError> {
    let began = Instant::now();
    let mut stack = Stack::load(&options.template, &options.parameters)?;
    turn_knobs(&mut stack, &options.variables);
    stack.keep_only(&options.only).map_err(|name| ReplayError::Only { name })?;
    let plan = Plan::of(&stack)?;
    let route = Route::of(&plan, &stack, &options.template)?;
    let outline = Outline::of(&plan, &stack);
    let functions = plan.functions();
    let market = market(&functions)?;
    let binaries = built(functions.iter().copied(), options.functions.as_deref())?;
    let progress = progress(&options.files);
    let mut recordings = Recordings::new(&options.files, &progress);
    let (held, start) = until_first_time(&mut recordings, market)?;
    // Only now: a run that cannot begin leaves that of an earlier one alone.
    folder::prepare(&options.out)?;
    let endpoints = if plan.mappings.is_empty() {
        None
    } else {
        Some(Endpoints::open(&stack, options.state.as_deref()).await?)
    };
    let data = Data::of_replay(&options.out);
    // Only those that are given records of streams may call other services.
    let services = |function: &Function| {
        let endpoints = endpoints.as_ref().filter(|_| plan.is_mapped(function));
        endpoints.map(Endpoints::variables).unwrap_or_default()
    };
    // One process each: how many there are would depend on how fast they are.
    let around =
        Surroundings { services: &services, concurrency_max: Some(1), log_of: &|name| data.log_of(name) };
    let processes = Functions::start(binaries, &around).await?;
    let mapped: Vec<_> = plan.mappings.iter().map(|plan| plan.function).collect();
    let pipeline = LockStep::new((plan, route), &processes, endpoints, (&data, start))?;
    let mut replay = Replay {
        pipeline,
        clock: Clock::new(start, options.speed),
        market,
        shards: Shards::new(options.shards),
        heartbeats: Heartbeats::default(),
        frames: 0,
        frame_bytes: 0,
    };
    let played = replay.play(held, recordings, &mapped).await;
    // Whatever broke the run off, what was taken is delivered and accounted for.
    let finished = replay.pipeline.finish().await;
    // Their last lines count as well.
    processes.stop().await;
    progress.finish_and_clear();
    let mut summary = Summary {
        finished: played.is_ok() && finished.is_ok(),
        frames: replay.frames,
        frame_bytes: replay.frame_bytes,
        elapsed_ms: millis(began.elapsed()),
        ..Summary::default()
    };
    let accounted = account::account(&mut summary, &outline, (&replay.pipeline, &processes), &options.out);
    played?;
    finished?;
    accounted?;
    Ok(summary)
}

/// Overrides the variables of functions with those of the environment. What names a stream or a table is no knob.
pub(crate) fn turn_knobs(stack: &mut Stack, variables: &BTreeMap<String, String>) {
    let streams = stack.streams.iter().map(|stream| &stream.name);
    let named: Vec<_> = streams.chain(stack.tables.iter().map(|table| &table.name)).cloned().collect();
    for (name, value) in stack.functions.iter_mut().flat_map(|function| &mut function.environment) {
        if let Some(knob) = variables.get(name).filter(|_| !named.contains(value)) {
            value.clone_from(knob);
        }
    }
}

/// The market whose frames the functions expect.
fn market(functions: &[&Function]) -> Result<Market, ReplayError> {
    let found = functions.iter().find_map(|function| Some((function, function.environment.get("MARKET")?)));
    let Some((function, text)) = found else { return Ok(Market::Spot) };
    text.parse().map_err(|source| ReplayError::Market { function: function.name.clone(), source })
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

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

struct Replay {
    pipeline: LockStep,
    clock: Clock,
    market: Market,
    shards: Shards,
    heartbeats: Heartbeats,
    frames: u64,
    frame_bytes: u64,
}

impl Replay {
    async fn play(
        &mut self,
        held: Vec<Vec<u8>>,
        mut recordings: Recordings<'_>,
        mapped: &[&Function],
    ) -> Result<(), ReplayError> {
        for frame in held {
            self.put(&frame).await?;
        }
        let mut frame = Vec::new();
        while recordings.next_frame(&mut frame)? {
            self.put(&frame).await?;
            if self.frames.is_multiple_of(1024) {
                recordings.progress().set_message(self.frames.to_string());
            }
        }
        self.end_last_minute(mapped).await
    }

    /// Puts one frame into the stream as one record, under the partition key of the producer contract.
    async fn put(&mut self, frame: &[u8]) -> Result<(), LockStepError> {
        let label = Label::of(frame, self.market);
        self.heartbeats.note(&label);
        let arrival = self.clock.reach(label.event_time).await;
        self.frames += 1;
        self.frame_bytes += frame.len() as u64;
        let key = partition_key(self.market, &label.symbol.unwrap_or_default());
        let record = self.shards.record(key, frame.to_vec(), arrival);
        self.pipeline.advance(arrival).await?;
        self.pipeline.put(record).await
    }

    /// Tells the mapped functions that the last minute is over. It does not take its time: nothing is left to wait for.
    async fn end_last_minute(&mut self, mapped: &[&Function]) -> Result<(), ReplayError> {
        let frames = self.heartbeats.frames(mapped.iter().copied()).filter(|_| !mapped.is_empty());
        let Some((end, frames)) = frames else { return Ok(()) };
        self.pipeline.advance(end).await?;
        for heartbeat in frames {
            let key = partition_key(self.market, &heartbeat.symbol);
            let record = self.shards.record(key, heartbeat.frame.into_bytes(), end);
            self.pipeline.put_to_mappings(record).await?;
        }
        Ok(())
    }
}
