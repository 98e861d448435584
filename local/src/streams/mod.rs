//! Reads Kinesis streams as their consumers on AWS do: shard by shard, each in its order, through every resharding.
//!
//! The streams are those of the Kinesis endpoint of this process, read without the way over HTTP. [`read`] gives each shard
//! of a stream to a [`ShardConsumer`], from where its [`Position`] says ([`cursor`]), and begins with a shard once its
//! ancestors have been read to their end and are done with ([`lineage`]). [`retention`] keeps the streams in bounds.

mod cursor;
mod lineage;
mod reader;
mod retention;

use std::time::Duration;

use ferrokinesis::store::Store;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};

pub(crate) use reader::read;
pub(crate) use retention::Retention;

use crate::stream::StreamRecord;

/// What takes the records of a stream, shard by shard.
pub(crate) trait ShardConsumer: Clone + Send + Sync + 'static {
    /// Takes the records of a shard until there are no more, and returns when it is done with all of them. Records that it
    /// does not take yet are waited with. Dropping the future abandons what is in hand.
    fn consume(
        &self,
        shard_id: String,
        records: mpsc::Receiver<StreamRecord>,
    ) -> impl Future<Output = ()> + Send;
}

/// A stream to be read.
#[derive(Clone)]
pub(crate) struct Source {
    /// The Kinesis endpoint's store.
    pub(crate) store: Store,
    /// Name of the stream.
    pub(crate) stream: String,
    /// Where reading begins.
    pub(crate) position: Position,
    /// How often a shard is looked at that had nothing new: Lambda does so every second.
    pub(crate) poll_interval: Duration,
    /// How long consumers have, once reading was told to stop or the stream is gone, to be done with what there is.
    pub(crate) finish_max: Duration,
}

/// Where reading begins: `StartingPosition`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Position {
    /// At the oldest record.
    TrimHorizon,
    /// Behind the newest record. Shards that are made later, and the whole of a stream that is, are read from their
    /// beginning.
    Latest,
    /// At the first record that arrived at this time or later. The endpoint tells arrivals to the second.
    AtTimestamp(Timestamp),
}

/// How reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The stream was deleted. What had been read is done with.
    Deleted,
    /// It was told to stop, and everything that was in the stream by then is done with.
    Finished,
    /// Consumers were not done in time. What they had in hand is still in the stream, unless that is gone.
    Abandoned,
}

/// Tells a reader to stop: that it becomes true, or that nobody can make it true any more.
pub(crate) type Shutdown = watch::Receiver<bool>;

#[cfg(test)]
mod tests;
