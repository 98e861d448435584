//! The DynamoDB endpoint.

use std::net::SocketAddr;
use std::path::Path;

use dynoxide::errors::DynoxideError;
use dynoxide::{Database, actions::create_table::CreateTableRequest};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::task::JoinHandle;

use super::EndpointError;
use super::port::Port;
use crate::template::{KeyAttribute, StateTable};

/// The endpoint does not do what it should.
#[derive(Debug, Error)]
pub(crate) enum DynamoDbError {
    /// The file of the tables does not open.
    #[error("cannot keep tables in {place}")]
    Open {
        /// The file, or memory.
        place: String,
        /// What the database says.
        #[source]
        source: DynoxideError,
    },
    /// A table cannot be asked for.
    #[error("the DynamoDB endpoint must know what table {table} is")]
    Request {
        /// Name of the table.
        table: String,
        /// What is wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A table is not made.
    #[error("the DynamoDB endpoint must make the table {table}")]
    Create {
        /// Name of the table.
        table: String,
        /// What the database says.
        #[source]
        source: DynoxideError,
    },
}

/// Tables, and the API over them on a port of their own. Dropping it closes it.
pub(crate) struct DynamoDb {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl DynamoDb {
    /// Serves these tables, kept in a file or in memory. Those that the file has already stay as they are.
    ///
    /// # Errors
    /// When no port is free, the file does not open, or a table cannot be made.
    pub(crate) fn open(tables: &[StateTable], state: Option<&Path>) -> Result<Self, EndpointError> {
        let (listener, address) = Port::take(0)?.into_parts();
        let place = state.map_or_else(|| "memory".to_owned(), |file| file.display().to_string());
        let database = state.map_or_else(Database::memory, |_| Database::new(&place));
        let database = database.map_err(|source| DynamoDbError::Open { place, source })?;
        for table in tables {
            create(&database, table)?;
        }
        let server = tokio::spawn(async move {
            // It goes on after errors of single connections, and ends with this process.
            let _ = dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()).await;
        });
        Ok(Self { address, server })
    }

    /// Where it listens.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn create(database: &Database, table: &StateTable) -> Result<(), DynamoDbError> {
    let request: CreateTableRequest = serde_json::from_value(request(table))
        .map_err(|source| DynamoDbError::Request { table: table.name.clone(), source })?;
    match database.create_table(request) {
        Ok(_) | Err(DynoxideError::ResourceInUseException(_)) => Ok(()),
        Err(source) => Err(DynamoDbError::Create { table: table.name.clone(), source }),
    }
}

/// The request of `CreateTable`.
fn request(table: &StateTable) -> Value {
    let keys: Vec<(&KeyAttribute, &str)> =
        [(Some(&table.partition_key), "HASH"), (table.sort_key.as_ref(), "RANGE")]
            .into_iter()
            .filter_map(|(key, role)| Some((key?, role)))
            .collect();
    let attribute =
        |(key, _): &(&KeyAttribute, &str)| json!({"AttributeName": key.name, "AttributeType": key.kind});
    let role = |(key, role): &(&KeyAttribute, &str)| json!({"AttributeName": key.name, "KeyType": role});
    json!({
        "TableName": table.name,
        "AttributeDefinitions": keys.iter().map(attribute).collect::<Vec<_>>(),
        "KeySchema": keys.iter().map(role).collect::<Vec<_>>(),
        "BillingMode": "PAY_PER_REQUEST",
    })
}
