//! The services that functions call, on this machine: Kinesis and DynamoDB behind loopback ports.
//!
//! Each is an implementation of the service's API that others maintain, in this process; it begins with the template's
//! streams and tables. Functions reach them as the AWS SDKs are told to: by `AWS_ENDPOINT_URL_KINESIS` and
//! `AWS_ENDPOINT_URL_DYNAMODB`. No request leaves this machine, and the credentials are made up.

pub(crate) mod command;
mod dynamodb;
mod kinesis;

use std::collections::BTreeMap;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use thiserror::Error;
use tokio::net::TcpListener;

pub(crate) use dynamodb::DynamoDbError;
pub(crate) use kinesis::{KinesisError, Published};

use crate::template::Stack;
use dynamodb::DynamoDb;
use kinesis::Kinesis;

/// Credentials that name nobody: requests have to be signed with something.
const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local"), ("AWS_SESSION_TOKEN", "local")];

/// Where the endpoints listen; 0 has the system choose.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Ports {
    /// Of Kinesis.
    pub(crate) kinesis: u16,
    /// Of DynamoDB.
    pub(crate) dynamodb: u16,
}

/// The endpoints cannot be opened, or do not answer.
#[derive(Debug, Error)]
pub(crate) enum EndpointError {
    /// The port is taken.
    #[error("cannot listen on port {port} of this machine")]
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
}

/// The open endpoints. Dropping them closes them.
pub(crate) struct Endpoints {
    kinesis: Kinesis,
    dynamodb: DynamoDb,
}

impl Endpoints {
    /// Opens the endpoints with the template's streams and tables. Tables are kept in the file `state` between runs, or
    /// in memory without one.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub(crate) async fn open(
        stack: &Stack,
        ports: Ports,
        state: Option<&Path>,
    ) -> Result<Self, EndpointError> {
        let kinesis = Kinesis::open(listen(ports.kinesis).await?, &stack.streams).await?;
        let dynamodb = DynamoDb::open(listen(ports.dynamodb).await?, &stack.tables, state)?;
        Ok(Self { kinesis, dynamodb })
    }

    /// The variables that lead a function to the endpoints.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        let urls = [
            ("AWS_ENDPOINT_URL_KINESIS", format!("http://{}", self.kinesis.address())),
            ("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", self.dynamodb.address())),
        ];
        let urls = urls.into_iter().map(|(name, url)| (name.to_owned(), url));
        let credentials = CREDENTIALS.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        urls.chain(credentials).collect()
    }

    /// Takes what was published to a stream since it was taken last, shard by shard, each in its order.
    ///
    /// # Errors
    /// When a record cannot be read.
    pub(crate) async fn take_published(&self, stream: &str) -> Result<Vec<Published>, EndpointError> {
        Ok(self.kinesis.take_published(stream).await?)
    }
}

/// Listens on loopback only.
async fn listen(port: u16) -> Result<TcpListener, EndpointError> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.map_err(|source| EndpointError::Listen { port, source })
}

#[cfg(test)]
mod tests;
