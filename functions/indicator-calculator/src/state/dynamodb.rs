//! State in a DynamoDB table.
//!
//! The table's partition key is `lane`, its sort key `part`, both text; an item further has `order`, a number, and
//! `state`, bytes. Every write is one conditional `PutItem`. The SDK repeats a call whose answer was lost, and the
//! repetition of a write that had succeeded fails its own condition: so a condition counts as met when what is stored
//! is the very item to write.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, ReturnValuesOnConditionCheckFailure};
use thiserror::Error;
use tokio::task::JoinSet;

use super::{Condition, Item, ItemKey, Part, SaveError, StateStore, StoreError, Write};
use crate::backoff::Backoff;

/// Keys of one `BatchGetItem`; the service takes no more.
const KEYS_PER_CALL_MAX: usize = 100;

/// Calls of one load at a time. Each takes a connection of its own, which costs a handshake when it is new.
const CALLS_MAX: usize = 8;

/// No lane: one has a market and a `|`.
const NO_LANE: &str = "-";

const LANE: &str = "lane";
const PART: &str = "part";
const ORDER: &str = "order";
const STATE: &str = "state";

/// Keeps items in a DynamoDB table.
#[derive(Debug, Clone)]
pub struct DynamoDb {
    client: Client,
    table: String,
}

/// A store that answered, but not with what was asked for.
#[derive(Debug, Error)]
enum Mismatch {
    #[error("expected every key to be processed, {keys} were not")]
    Unprocessed { keys: usize },
    #[error("expected an item with a usable `{0}`")]
    Attribute(&'static str),
}

type Attributes = HashMap<String, AttributeValue>;

impl DynamoDb {
    /// Opens a table, which must exist.
    pub(crate) const fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Reads what is not there, once, to open a connection. Half a read unit is what it costs.
    pub(crate) async fn touch(&self) {
        let key = ItemKey { lane: NO_LANE.to_owned(), part: Part::Hot };
        let Ok(request) = KeysAndAttributes::builder().keys(key_attributes(&key)).build() else { return };
        let call = self.client.batch_get_item().request_items(&self.table, request).customize();
        let once = aws_sdk_dynamodb::config::Builder::new().retry_config(RetryConfig::disabled());
        // Whatever is answered, the connection is there, or will not be.
        let _ = Box::pin(call.config_override(once).send()).await;
    }

    /// Reads the items of at most [`KEYS_PER_CALL_MAX`] keys.
    async fn read(self, mut keys: Vec<Attributes>) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut backoff) = (Vec::new(), Backoff::start());
        loop {
            let unprocessed = self.read_some(keys, &mut items).await?;
            if unprocessed.is_empty() {
                return Ok(items);
            }
            keys = unprocessed;
            if !backoff.pause().await {
                return Err(store_error(Mismatch::Unprocessed { keys: keys.len() }));
            }
        }
    }

    /// Appends the items that one call reads; hands back the keys that are left.
    async fn read_some(
        &self,
        keys: Vec<Attributes>,
        items: &mut Vec<Item>,
    ) -> Result<Vec<Attributes>, StoreError> {
        let request = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let request = request.build().map_err(store_error)?;
        let call = self.client.batch_get_item().request_items(&self.table, request);
        let answer = call.send().await.map_err(store_error)?;
        for attributes in answer.responses.into_iter().flat_map(HashMap::into_values).flatten() {
            items.push(item(attributes).map_err(store_error)?);
        }
        let unprocessed = answer.unprocessed_keys.into_iter().flat_map(HashMap::into_values);
        Ok(unprocessed.flat_map(|keys| keys.keys).collect())
    }
}

impl StateStore for DynamoDb {
    async fn load(&self, keys: &[ItemKey]) -> Result<Vec<Item>, StoreError> {
        let (mut items, mut calls) = (Vec::new(), JoinSet::new());
        let mut batches = keys.chunks(KEYS_PER_CALL_MAX);
        loop {
            while calls.len() < CALLS_MAX
                && let Some(batch) = batches.next()
            {
                calls.spawn(self.clone().read(batch.iter().map(key_attributes).collect()));
            }
            match calls.join_next().await {
                Some(read) => items.extend(read.map_err(store_error)??),
                None => return Ok(items),
            }
        }
    }

    async fn save(&self, write: &Write) -> Result<(), SaveError> {
        let (condition, values) = expression(write);
        let put = self.client.put_item().table_name(&self.table).set_item(Some(attributes(&write.item)));
        let put = put
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names(condition)))
            .set_expression_attribute_values(values)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        // Boxed: the SDK's futures are nested so deep that the compiler gives up on what holds one.
        match Box::pin(put.send()).await {
            Ok(_) => Ok(()),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(failed)) => {
                    let stored = failed.item().and_then(|stored| item(stored.clone()).ok());
                    if stored.as_ref() == Some(&write.item) { Ok(()) } else { Err(SaveError::Condition) }
                }
                _ => Err(store_error(error).into()),
            },
        }
    }
}

fn store_error(cause: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError(Box::new(cause))
}

/// Puts a condition in the service's words: the expression and its values.
fn expression(write: &Write) -> (&'static str, Option<Attributes>) {
    let order = |order: u64| Some(HashMap::from([(":order".to_owned(), number(order))]));
    match write.condition {
        Condition::Absent => ("attribute_not_exists(#lane)", None),
        Condition::Unchanged(loaded) => ("#order = :order", order(loaded)),
        Condition::NotBehind => ("attribute_not_exists(#lane) OR #order <= :order", order(write.item.order)),
    }
}

/// The names that an expression uses. `order` is one of the service's reserved words, so all stand behind a `#`.
fn names(expression: &str) -> HashMap<String, String> {
    let used = [LANE, ORDER].into_iter().map(|name| (format!("#{name}"), name.to_owned()));
    used.filter(|(placeholder, _)| expression.contains(placeholder)).collect()
}

fn key_attributes(key: &ItemKey) -> Attributes {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    HashMap::from([(LANE.to_owned(), text(&key.lane)), (PART.to_owned(), text(key.part.as_str()))])
}

fn attributes(item: &Item) -> Attributes {
    let mut attributes = key_attributes(&item.key);
    attributes.insert(ORDER.to_owned(), number(item.order));
    attributes.insert(STATE.to_owned(), AttributeValue::B(Blob::new(item.state.clone())));
    attributes
}

fn number(order: u64) -> AttributeValue {
    AttributeValue::N(order.to_string())
}

fn item(mut attributes: Attributes) -> Result<Item, Mismatch> {
    let part = attributes.get(PART).and_then(|part| Part::parse(part.as_s().ok()?));
    let order = attributes.get(ORDER).and_then(|order| order.as_n().ok()?.parse().ok());
    let Some(AttributeValue::S(lane)) = attributes.remove(LANE) else {
        return Err(Mismatch::Attribute(LANE));
    };
    let part = part.ok_or(Mismatch::Attribute(PART))?;
    let order = order.ok_or(Mismatch::Attribute(ORDER))?;
    let Some(AttributeValue::B(state)) = attributes.remove(STATE) else {
        return Err(Mismatch::Attribute(STATE));
    };
    Ok(Item { key: ItemKey { lane, part }, order, state: state.into_inner() })
}

#[cfg(test)]
mod tests;
