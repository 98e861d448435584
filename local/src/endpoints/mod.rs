//! The AWS services of this machine: Kinesis, DynamoDB, Firehose, Lambda and S3 behind loopback ports.
//!
//! Kinesis, DynamoDB and S3 are implementations of the services' APIs that others maintain, in this process; they begin
//! with the template's streams, tables and buckets. [`Gateway`] puts all services behind one port, to which AWS SDKs are
//! led by `AWS_ENDPOINT_URL`. [`Endpoints`] are what a function calls while it is replayed: Kinesis and DynamoDB alone,
//! each on a port of its own. No request leaves this machine, and the credentials are made up.

pub(crate) mod command;
mod dynamodb;
mod forward;
mod gateway;
mod kinesis;
mod port;
mod s3;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use thiserror::Error;

pub(crate) use dynamodb::{DynamoDb, DynamoDbError};
pub(crate) use gateway::{Gateway, GatewayParts};
pub(crate) use kinesis::{Kinesis, KinesisError, Published};
pub(crate) use port::Port;

use crate::template::Stack;
use port::Server;

/// The endpoints cannot be opened, or do not answer.
#[derive(Debug, Error)]
pub(crate) enum EndpointError {
    /// The port is taken.
    #[error(
        "port {port} of this machine must be free: end what listens there, or choose another with --port (0 has the system choose)"
    )]
    Listen {
        /// The port; 0 for any.
        port: u16,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Kinesis refuses.
    #[error(transparent)]
    Kinesis(#[from] KinesisError),
    /// DynamoDB refuses.
    #[error(transparent)]
    DynamoDb(#[from] DynamoDbError),
    /// The folder of the buckets cannot be used.
    #[error("cannot serve the buckets in {folder}")]
    Buckets {
        /// The folder.
        folder: String,
        /// What is wrong with it.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Requests cannot be passed on to a service.
    #[error("cannot make requests on this machine")]
    Client(#[source] reqwest::Error),
}

/// The open endpoints of a replay. Dropping them closes them.
pub(crate) struct Endpoints {
    kinesis: Kinesis,
    kinesis_server: Server,
    dynamodb: DynamoDb,
}

impl Endpoints {
    /// Opens the endpoints with the template's streams and tables. Tables are kept in the file `state` between runs, or
    /// in memory without one.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub(crate) async fn open(stack: &Stack, state: Option<&Path>) -> Result<Self, EndpointError> {
        let kinesis = Kinesis::open(&stack.streams).await?;
        let kinesis_server = Port::take(0)?.serve(kinesis.router())?;
        let dynamodb = DynamoDb::open(&stack.tables, state)?;
        Ok(Self { kinesis, kinesis_server, dynamodb })
    }

    /// The variables that lead a function to the endpoints.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        port::variables([
            ("AWS_ENDPOINT_URL_KINESIS", self.kinesis_server.address()),
            ("AWS_ENDPOINT_URL_DYNAMODB", self.dynamodb.address()),
        ])
    }

    /// Takes what was published to a stream since it was taken last, shard by shard, each in its order.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub(crate) async fn take_published(&self, stream: &str) -> Result<Vec<Published>, EndpointError> {
        Ok(self.kinesis.take_published(stream).await?)
    }
}

#[cfg(test)]
mod tests;
