//! The adapter against an embedded DynamoDB endpoint, and against answers that it does not give on demand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use axum::Router;
use axum::routing::post;
use dynoxide::{Database, server};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::aws::Aws;
use crate::state::contract;

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

fn store_at(address: SocketAddr) -> DynamoDb {
    Aws::at(address).state_store("state".to_owned())
}

/// An endpoint with an empty table.
async fn endpoint() -> SocketAddr {
    let (listener, address) = listener().await;
    let database = Database::memory().unwrap();
    tokio::spawn(server::serve_with_shutdown(listener, database, std::future::pending()));
    let table = store_at(address).client.create_table().table_name("state");
    let table =
        [(LANE, KeyType::Hash), (PART, KeyType::Range)].into_iter().fold(table, |table, (name, kind)| {
            let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
            let attribute = AttributeDefinition::builder().attribute_name(name);
            let attribute = attribute.attribute_type(ScalarAttributeType::S).build().unwrap();
            table.key_schema(key.build().unwrap()).attribute_definitions(attribute)
        });
    table.billing_mode(BillingMode::PayPerRequest).send().await.unwrap();
    address
}

#[tokio::test]
async fn the_contract_holds() {
    contract::check(&store_at(endpoint().await)).await;
}

#[tokio::test]
async fn a_load_takes_as_many_calls_as_it_needs() {
    let store = store_at(endpoint().await);
    let writes: Vec<_> =
        (0..120).map(|at| contract::write(&format!("spot|{at:03}"), at, Condition::Absent)).collect();
    for write in &writes {
        store.save(write).await.unwrap();
    }
    let absent = (120..150).map(|at| contract::write(&format!("spot|{at:03}"), at, Condition::Absent));
    let keys: Vec<_> = writes.iter().cloned().chain(absent).map(|write| write.item.key).collect();
    let mut items = store.load(&keys).await.unwrap();
    items.sort_by(|a, b| a.key.cmp(&b.key));
    assert_eq!(items, writes.into_iter().map(|write| write.item).collect::<Vec<_>>());
}

/// Stands in front of an endpoint and loses its first answer; counts connections.
async fn losing_the_first_answer(endpoint: SocketAddr) -> (SocketAddr, Arc<AtomicUsize>) {
    let (listener, address) = listener().await;
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(endpoint).await.unwrap();
            if count.fetch_add(1, Ordering::Relaxed) > 0 {
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut client, &mut server).await });
                continue;
            }
            let ((mut request, _), (mut answer, mut there)) = (client.split(), server.split());
            tokio::select! {
                _ = tokio::io::copy(&mut request, &mut there) => {}
                _ = answer.read_u8() => {}
            }
        }
    });
    (address, connections)
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_written() {
    let endpoint = endpoint().await;
    store_at(endpoint).save(&contract::write("spot|A", 1, Condition::Absent)).await.unwrap();
    for write in [
        contract::write("spot|A", 2, Condition::Unchanged(1)),
        contract::write("spot|B", 1, Condition::Absent),
    ] {
        let (address, connections) = losing_the_first_answer(endpoint).await;
        store_at(address).save(&write).await.unwrap();
        assert_eq!(connections.load(Ordering::Relaxed), 2);
        assert_eq!(
            store_at(endpoint).load(std::slice::from_ref(&write.item.key)).await.unwrap(),
            [write.item]
        );
    }
}

/// An endpoint that answers each call as `answer` has it, given the keys of the call.
async fn scripted(answer: fn(&[Value]) -> Value) -> SocketAddr {
    let (listener, address) = listener().await;
    let respond = move |body: String| async move {
        let request: Value = serde_json::from_str(&body).unwrap();
        answer(request["RequestItems"]["state"]["Keys"].as_array().unwrap()).to_string()
    };
    let app = Router::new().route("/", post(respond));
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn keys(lanes: &[&str]) -> Vec<ItemKey> {
    lanes.iter().map(|lane| contract::write(lane, 1, Condition::Absent).item.key).collect()
}

#[tokio::test]
async fn unprocessed_keys_are_read_by_further_calls() {
    let address = scripted(|keys| {
        let (first, rest) = keys.split_first().unwrap();
        let item = json!({ "lane": first["lane"], "part": first["part"], "order": { "N": "1" }, "state": { "B": "" } });
        let unprocessed = if rest.is_empty() { json!({}) } else { json!({ "state": { "Keys": rest } }) };
        json!({ "Responses": { "state": [item] }, "UnprocessedKeys": unprocessed })
    });
    let keys = keys(&["spot|A", "spot|B", "spot|C"]);
    let items = store_at(address.await).load(&keys).await.unwrap();
    assert_eq!(items.into_iter().map(|item| item.key).collect::<Vec<_>>(), keys);
}

async fn check_error(answer: fn(&[Value]) -> Value, expected: &str) {
    let error = store_at(scripted(answer).await).load(&keys(&["spot|A", "spot|B"])).await.unwrap_err();
    assert_eq!(
        (error.to_string().as_str(), error.0.to_string().as_str()),
        ("the state store must answer", expected)
    );
}

#[tokio::test]
async fn keys_that_stay_unprocessed_are_an_error() {
    let answer =
        |keys: &[Value]| json!({ "Responses": {}, "UnprocessedKeys": { "state": { "Keys": keys } } });
    check_error(answer, "expected every key to be processed, 2 were not").await;
}

#[tokio::test]
async fn an_item_of_another_shape_is_an_error() {
    let answer = |keys: &[Value]| json!({ "Responses": { "state": [keys[0]] }, "UnprocessedKeys": {} });
    check_error(answer, "expected an item with a usable `order`").await;
}

#[tokio::test]
async fn a_store_that_is_not_there_is_an_error() {
    let (listener, address) = listener().await;
    drop(listener);
    let store = store_at(address);
    assert!(store.load(&keys(&["spot|A"])).await.is_err());
    let save = store.save(&contract::write("spot|A", 1, Condition::Absent)).await;
    assert!(matches!(save, Err(SaveError::Store(_))));
}
