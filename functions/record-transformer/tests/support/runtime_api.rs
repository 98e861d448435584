//! The Lambda Runtime API, as much as a function sees of it, and the built function in front of it.
//!
//! The payload goes out and the answer comes in byte for byte, one thread for each connection: that is all these tests
//! ask for.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// How long a function may take to answer: far more than any does, far less than a hanging test is waited for.
const ANSWER_TIMEOUT: Duration = Duration::from_mins(1);

/// The command that starts the function under these variables and no others of its configuration.
pub(crate) fn command(variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_record-transformer"));
    for variable in record_transformer::Config::VARIABLES {
        command.env_remove(variable);
    }
    command.envs(variables.iter().copied());
    command
        .env("AWS_LAMBDA_FUNCTION_NAME", "record-transformer")
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
        .env("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:9")
        .stdout(Stdio::piped());
    command
}

/// A running function.
pub(crate) struct Function {
    child: Child,
    payloads: Sender<Vec<u8>>,
    outcomes: Receiver<Outcome>,
    log: Option<JoinHandle<String>>,
}

/// What the function posted for one invocation.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// `response` or `error`.
    pub(crate) verdict: String,
    pub(crate) body: Vec<u8>,
}

impl Function {
    pub(crate) fn start(variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (payloads, next) = channel();
        let (post, outcomes) = channel();
        let next = Arc::new(Mutex::new(next));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (next, post) = (Arc::clone(&next), post.clone());
                std::thread::spawn(move || serve(connection.unwrap(), &next, &post));
            }
        });
        let mut child = command(variables).env("AWS_LAMBDA_RUNTIME_API", address).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let log = std::thread::spawn(move || {
            let mut text = String::new();
            stdout.read_to_string(&mut text).unwrap();
            text
        });
        Self { child, payloads, outcomes, log: Some(log) }
    }

    pub(crate) fn invoke(&self, payload: Vec<u8>) -> Outcome {
        self.payloads.send(payload).unwrap();
        self.outcomes.recv_timeout(ANSWER_TIMEOUT).expect("the function answers")
    }

    /// The most memory that the process held so far.
    pub(crate) fn memory_bytes_max(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
    }

    /// Ends the function; gives the lines that it logged.
    pub(crate) fn log(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        let log = self.log.take().unwrap().join().unwrap();
        log.lines().map(str::to_owned).collect()
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Answers the requests of one connection until either side ends.
fn serve(connection: TcpStream, next: &Mutex<Receiver<Vec<u8>>>, post: &Sender<Outcome>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut writer = connection;
    while let Some(request) = Request::read(&mut reader) {
        let verdict = request.path.rsplit('/').next().unwrap();
        let (head, body) = if verdict == "next" {
            let Ok(payload) = next.lock().unwrap().recv() else { return };
            let head = "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
                Lambda-Runtime-Deadline-Ms: 4102444800000\r\nLambda-Runtime-Invoked-Function-Arn: arn:aws:lambda\r\n";
            (head, payload)
        } else {
            let verdict = verdict.to_owned();
            // Nobody waits any more: the test is over.
            let _ = post.send(Outcome { verdict, body: request.body });
            ("HTTP/1.1 202 Accepted\r\n", Vec::new())
        };
        let length = format!("Content-Length: {}\r\n\r\n", body.len());
        if [head.as_bytes(), length.as_bytes(), &body].into_iter().any(|part| writer.write_all(part).is_err())
        {
            return;
        }
    }
}

struct Request {
    path: String,
    body: Vec<u8>,
}

impl Request {
    /// Reads a request; `None` when the other side has ended.
    fn read(reader: &mut BufReader<TcpStream>) -> Option<Self> {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let path = line.split(' ').nth(1).unwrap().to_owned();
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok()?;
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.parse().unwrap(),
                "transfer-encoding" => panic!("expected a length, was {value}"),
                _ => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        Some(Self { path, body })
    }
}
