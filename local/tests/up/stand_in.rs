//! A function that does what a test says: a script stands in for each of its processes, a thread of the test plays the
//! runtime client of each.

use std::fs;
use std::io::BufReader;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::PATIENCE;
use crate::aws::decoded;
use crate::run::{Workshop, edited};
use crate::runtime_client::{STAND_IN, next, post, respond};

/// A function `worker` that takes the records of the stream `frames`.
const TEMPLATE: &str = include_str!("mapping.yaml");

/// What the function does with an event.
pub(crate) enum Act {
    /// Answers.
    Answer(Value),
    /// Reports an error.
    Fail,
    /// Never answers.
    Hang,
}

/// An answer that says that everything is done.
pub(crate) fn done() -> Act {
    Act::Answer(json!({"batchItemFailures": []}))
}

/// Key and data of the records of an event.
pub(crate) fn records(event: &Value) -> Vec<(String, String)> {
    let records = event["Records"].as_array().unwrap().iter().map(|record| &record["kinesis"]);
    let key = |record: &Value| record["partitionKey"].as_str().unwrap().to_owned();
    records.map(|record| (key(record), decoded(&record["data"]))).collect()
}

/// The function. Dropping it ends its threads.
pub(crate) struct StandIn {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    events: Receiver<Value>,
}

impl StandIn {
    /// Waits for the next event that the function was done with.
    pub(crate) fn event(&self) -> Value {
        self.events.recv_timeout(PATIENCE).unwrap()
    }

    /// Waits until the function was done with so many records, and hands back key and data of each in its order.
    pub(crate) fn records(&self, count: usize) -> Vec<(String, String)> {
        let mut found = Vec::new();
        while found.len() < count {
            found.extend(records(&self.event()));
        }
        found
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

/// A workshop with the function, which does what `act` says of its n-th event, from 1. `replaced` changes the template.
pub(crate) fn stand_in(
    replaced: &[(&str, &str)],
    act: impl Fn(u32, &Value) -> Act + Send + Sync + 'static,
) -> (Workshop, StandIn) {
    let workshop = Workshop::new();
    let functions = workshop.path("functions");
    fs::create_dir(&functions).unwrap();
    symlink(STAND_IN, functions.join("worker")).unwrap();
    let address = workshop.path("address");
    let variables = [("/address", &address), ("/end", &workshop.path("end"))];
    let variables = variables.map(|(name, path)| (name, path.to_str().unwrap()));
    let text = edited(&edited(TEMPLATE, &variables), replaced);
    let workshop = workshop.template(&text).option("--functions", functions.to_str().unwrap());
    let is_over = Arc::new(AtomicBool::new(false));
    let (sender, events) = mpsc::channel();
    let player = Arc::new(Player { act, number: AtomicU32::new(0), events: Mutex::new(sender) });
    let thread = std::thread::spawn({
        let is_over = is_over.clone();
        move || meet(&is_over, &address, &player)
    });
    (workshop, StandIn { is_over, thread: Some(thread), events })
}

/// What the threads have in common.
struct Player<A> {
    act: A,
    number: AtomicU32,
    events: Mutex<Sender<Value>>,
}

/// Begins a thread for each process that leaves its address.
fn meet<A>(is_over: &AtomicBool, address: &Path, player: &Arc<Player<A>>)
where
    A: Fn(u32, &Value) -> Act + Send + Sync + 'static,
{
    while !is_over.load(Ordering::Relaxed) {
        let Ok(found) = fs::read_to_string(address) else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        fs::remove_file(address).unwrap();
        let player = Arc::clone(player);
        // It ends with the process, whose connection then ends.
        std::thread::spawn(move || player.play(&found));
    }
}

impl<A: Fn(u32, &Value) -> Act> Player<A> {
    /// Serves one process until it ends.
    fn play(&self, address: &str) {
        // The process may have ended already.
        let Ok(connection) = TcpStream::connect(address) else { return };
        let mut connection = BufReader::new(connection);
        while let Some((id, event)) = next(&mut connection) {
            let event: Value = serde_json::from_slice(&event).unwrap();
            let number = self.number.fetch_add(1, Ordering::Relaxed) + 1;
            match (self.act)(number, &event) {
                Act::Answer(answer) => {
                    // Before it is known to be done: what comes next is behind it.
                    let _ = self.events.lock().unwrap().send(event);
                    respond(&mut connection, &id, &answer.to_string());
                }
                Act::Fail => {
                    let error = json!({"errorType": "OutOfLuck", "errorMessage": "no luck today"});
                    post(&mut connection, &format!("{id}/error"), &error.to_string());
                }
                Act::Hang => return,
            }
        }
    }
}
