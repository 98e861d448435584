//! A function that misbehaves: a script stands in for its process, a thread of the test plays its runtime client.

use std::fs;
use std::io::BufReader;
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::binaries::{BINARIES, built};
use crate::run::Workshop;
use crate::runtime_client::{STAND_IN, next, respond};

/// The template of [`between_streams`].
const BETWEEN_STREAMS: &str = include_str!("between_streams.yaml");

/// What the function does with an event.
pub(crate) enum Act {
    Answer(String),
    Crash,
    Hang,
}

/// The thread that plays the runtime client.
pub(crate) struct Client {
    is_over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().unwrap().join();
    }
}

/// A workshop whose function does what `act` says of its n-th event, from 1. `replaced` changes the template further.
pub(crate) fn misbehaving(
    replaced: &[(&str, &str)],
    act: impl FnMut(u32, &[u8]) -> Act + Send + 'static,
) -> (Workshop, Client) {
    let workshop = Workshop::new();
    let (workshop, variables, client) = played(workshop, "record-transformer", act);
    let variables = format!("LOG_LEVEL: !Ref LogLevel\n{variables}");
    let replaced = [&[("LOG_LEVEL: !Ref LogLevel", variables.as_str())], replaced].concat();
    (workshop.template(&replaced), client)
}

/// A workshop with a template of one function between two streams, which does what `act` says of its n-th event, from
/// 1, and of the address of its Kinesis endpoint.
pub(crate) fn between_streams(
    mut act: impl FnMut(u32, &[u8], &str) -> Act + Send + 'static,
) -> (Workshop, Client) {
    let workshop = Workshop::new();
    let services = workshop.path("address.services");
    let act = move |number: u32, event: &[u8]| {
        let services = fs::read_to_string(&services).unwrap();
        let kinesis = services.lines().find_map(|line| line.strip_prefix("AWS_ENDPOINT_URL_KINESIS=http://"));
        act(number, event, kinesis.unwrap())
    };
    let (workshop, variables, client) = played(workshop, "calculator", act);
    let path =
        workshop.file("template.yaml", BETWEEN_STREAMS.replace("          # More.\n", &(variables + "\n")));
    (workshop.option("--template").option(path.to_str().unwrap()), client)
}

/// Puts the stand-in in the place of a binary and plays its runtime client; hands back the variables it needs, as lines
/// of the template.
fn played(
    workshop: Workshop,
    binary: &str,
    act: impl FnMut(u32, &[u8]) -> Act + Send + 'static,
) -> (Workshop, String, Client) {
    let functions = workshop.path("functions");
    fs::create_dir(&functions).unwrap();
    for other in BINARIES {
        symlink(built(other), functions.join(other)).unwrap();
    }
    let _ = fs::remove_file(functions.join(binary));
    symlink(STAND_IN, functions.join(binary)).unwrap();
    let (address, end) = (workshop.path("address"), workshop.path("end"));
    let variables = format!(
        "          ACT: wait\n          ADDRESS_FILE: '{}'\n          END_FILE: '{}'",
        address.display(),
        end.display()
    );
    let workshop = workshop.option("--functions").option(functions.to_str().unwrap());
    let is_over = Arc::new(AtomicBool::new(false));
    let thread = std::thread::spawn({
        let is_over = is_over.clone();
        move || play(&is_over, (&address, &end), act)
    });
    (workshop, variables, Client { is_over, thread: Some(thread) })
}

/// Serves one process after another.
fn play(is_over: &AtomicBool, (address, end): (&Path, &PathBuf), mut act: impl FnMut(u32, &[u8]) -> Act) {
    let mut number = 0;
    while !is_over.load(Ordering::Relaxed) {
        let Ok(found) = fs::read_to_string(address) else {
            std::thread::sleep(Duration::from_millis(5));
            continue;
        };
        fs::remove_file(address).unwrap();
        let mut connection = BufReader::new(TcpStream::connect(found).unwrap());
        // The connection ends with the command.
        while let Some((id, event)) = next(&mut connection) {
            number += 1;
            match act(number, &event) {
                Act::Answer(answer) => respond(&mut connection, &id, &answer),
                Act::Hang => break,
                Act::Crash => {
                    fs::write(end, "").unwrap();
                    break;
                }
            }
        }
    }
}
