//! From the start of a process until it asks for its first event.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process::Command;

use crate::Places;
use crate::peers::Contender;
use crate::report::{Report, Samples};
use crate::runtime_api::Function;

const STARTS: usize = 15;

/// Measures, and prints as it goes.
pub(crate) fn measure(places: &Places, report: &mut Report) {
    let services = services();
    let mut millis = [(); Contender::ALL.len()].map(|()| Vec::new());
    let mut calculators = Vec::new();
    for _ in 0..STARTS {
        for (contender, millis) in Contender::ALL.into_iter().zip(&mut millis) {
            millis.push(start(contender.command(places)));
        }
        calculators.push(start(calculator(places, &services)));
    }
    report.section("start of the process to the first next", "ms");
    for (contender, millis) in Contender::ALL.into_iter().zip(millis) {
        report.row(contender.name(), &Samples::of(millis));
    }
    report.row("tapeline's indicator calculator", &Samples::of(calculators));
}

/// Starts a function and ends it; gives milliseconds.
fn start(command: Command) -> f64 {
    let (_, seconds) = Function::start(command);
    seconds * 1e3
}

fn calculator(places: &Places, services: &str) -> Command {
    let mut command = Command::new(places.binaries.join("indicator-calculator"));
    command
        .env("STATE_TABLE", "state")
        .env("OUTPUT_STREAM", "rows")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", "local")
        .env("AWS_SECRET_ACCESS_KEY", "local")
        .env("AWS_ENDPOINT_URL", services);
    command
}

/// Stands in for DynamoDB and Kinesis: takes connections and answers `{}` to whatever is asked. Gives its URL.
fn services() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    std::thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let (mut connection, mut request) = (connection, [0; 4096]);
                // Requests of a function that has just started are far shorter than the buffer.
                while connection.read(&mut request).is_ok_and(|length| length > 0) {
                    let answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 2\r\n\r\n{}";
                    if connection.write_all(answer).is_err() {
                        return;
                    }
                }
            });
        }
    });
    url
}
