//! Joins the parts and ends them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{Receiver, channel};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tracing::{info, warn};

use crate::checkpoint::{Checkpoint, CheckpointError};
use crate::clock;
use crate::config::Config;
use crate::exchange;
use crate::frame::Frame;
use crate::record::{RecordError, Recorder};
use crate::seeing::health::Health;
use crate::seeing::metrics::Metrics;
use crate::seeing::{Counts, status};
use crate::sink::flow::{Flow, FlowError, Parts};
use crate::sink::kinesis::{KinesisStream, NoRegionError};
use crate::sink::packing::{Limits, Packer};
use crate::sink::spool::{Opened, Spool, SpoolError};

/// Frames between exchange and sink: what comes while the sink writes to the disk.
const FRAMES_MAX: usize = 8192;

/// The feed does not start, or cannot go on.
#[derive(Debug, Error)]
pub enum RunError {
    /// The folder cannot be used.
    #[error("cannot use the folder {}", .path.display())]
    State {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Two feeds would write one spool.
    #[error("expected the folder {} to be of one feed, another one runs in it", .path.display())]
    Locked {
        /// The folder.
        path: PathBuf,
    },
    /// The checkpoint is of no use.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The spool is of no use.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// The recording does not begin.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The stream is nowhere.
    #[error(transparent)]
    Region(#[from] NoRegionError),
    /// Nobody can listen for health checks.
    #[error("cannot listen for health checks")]
    Health(#[source] io::Error),
    /// The sink cannot go on.
    #[error(transparent)]
    Flow(#[from] FlowError),
    /// The sockets are gone though nobody asked for the end.
    #[error("expected the exchange's side to go on")]
    Exchange,
}

/// Runs until `ending`; then what is left is put, within the deadline.
///
/// # Errors
/// See [`RunError`].
pub async fn run(config: Config, ending: impl Future<Output = ()>) -> Result<(), RunError> {
    let counts = Arc::new(Counts::default());
    let (mut beside, (over, is_over)) = (JoinSet::new(), oneshot::channel());
    let recorder = config.record.as_deref().map(Recorder::start).transpose()?;
    show(&config, &counts, &mut beside).await?;
    let result = match config.stream.clone() {
        Some(stream) => {
            let metrics = Metrics::new(config.exchange.market, stream.clone());
            let metrics = tokio::spawn(metrics.run(Arc::clone(&counts), is_over));
            let result = put(config, stream, (recorder, counts), ending).await;
            drop(over);
            // The last metrics; a panic in between has been told.
            let _ = metrics.await;
            result
        }
        None => record(config, (recorder, counts), ending).await,
    };
    beside.shutdown().await;
    result
}

/// Starts to tell how the feed is.
async fn show(config: &Config, counts: &Arc<Counts>, beside: &mut JoinSet<()>) -> Result<(), RunError> {
    beside.spawn(status::run(Arc::clone(counts)));
    let Some(address) = config.health else { return Ok(()) };
    let listener = TcpListener::bind(address).await.map_err(RunError::Health)?;
    let health = Health::new(Arc::clone(counts), config.exchange.silence, clock::now());
    beside.spawn(async move {
        if let Err(error) = health.serve(listener).await {
            warn!(error = error.to_string(), "no more health checks");
        }
    });
    Ok(())
}

/// What frames pass by on their way, and what counts them.
type Seen = (Option<Recorder>, Arc<Counts>);

/// Puts frames into the stream.
async fn put(
    config: Config,
    stream: String,
    (recorder, counts): Seen,
    ending: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let _lock = lock(&config.state)?;
    let checkpoint = Checkpoint::in_folder(&config.state);
    let marks = checkpoint.load()?;
    let spool = open_spool(&config)?;
    info!(marks = marks.len(), spool_bytes = spool.spool.bytes(), stream, "started");
    let stream = KinesisStream::open(stream, config.region, config.endpoint_url).await?;
    let limits = Limits { record_bytes_max: config.record_bytes_max, linger: config.linger };
    let packer = Packer::new(config.packing, limits);
    let (sender, frames) = channel(FRAMES_MAX);
    let exchange = exchange::start(&config.exchange, &marks, sender, Arc::clone(&counts));
    let mut is_asked = false;
    let ending = async {
        ending.await;
        is_asked = true;
        exchange.abort();
    };
    let flow = Flow::new(Parts { stream, packer, spool, checkpoint, marks, recorder, counts });
    flow.run(frames, ending, config.deadline).await?;
    if is_asked { Ok(()) } else { Err(RunError::Exchange) }
}

fn open_spool(config: &Config) -> Result<Opened, RunError> {
    let spool = Spool::open(&config.state.join("spool"), config.spool_bytes_max)?;
    if spool.bytes_cut > 0 {
        warn!(bytes = spool.bytes_cut, "the spool's end was not whole; the exchange is asked for it");
    }
    Ok(spool)
}

/// Records frames, and puts them nowhere.
async fn record(
    config: Config,
    (recorder, counts): Seen,
    ending: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let (sender, frames) = channel(FRAMES_MAX);
    let exchange = exchange::start(&config.exchange, &[], sender, Arc::clone(&counts));
    tokio::select! {
        () = ending => {}
        () = take(frames, recorder.as_ref(), &counts) => return Err(RunError::Exchange),
    }
    exchange.abort();
    // Dropped where it may wait for the disk.
    let _ = tokio::task::spawn_blocking(move || drop(recorder)).await;
    Ok(())
}

async fn take(mut frames: Receiver<Frame>, recorder: Option<&Recorder>, counts: &Counts) {
    while let Some(frame) = frames.recv().await {
        counts.frames(frame.route.kind).one();
        if let Some(recorder) = recorder {
            recorder.take(&frame.text, counts);
        }
    }
}

/// Makes the folder, and has it for this process alone as long as the file is open.
fn lock(state: &Path) -> Result<File, RunError> {
    let failed = |source| RunError::State { path: state.to_owned(), source };
    fs::create_dir_all(state).map_err(failed)?;
    let file = File::create(state.join("lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(RunError::Locked { path: state.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_of_one_feed() {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        let lock_of_one = lock(&state).unwrap();
        assert!(matches!(lock(&state), Err(RunError::Locked { .. })));
        drop(lock_of_one);
        lock(&state).unwrap();
    }
}
