//! The Lambda Runtime API on loopback, as much as a function sees of it, and a function in front of it.
//!
//! An invocation's time is that from its first byte sent to the last byte of its answer received: what Lambda would see.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a function may take: far more than any does, far less than somebody waits for a bench that hangs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running function.
pub(crate) struct Function {
    child: Child,
    events: Sender<Arc<Vec<u8>>>,
    told: Receiver<Told>,
}

/// What the server tells.
enum Told {
    /// The function asks for an event.
    Next(Instant),
    /// The function answered.
    Answer(Answer),
}

/// An answered invocation.
pub(crate) struct Answer {
    pub(crate) seconds: f64,
    pub(crate) body: Vec<u8>,
}

impl Function {
    /// Starts a function; gives the seconds until it asked for its first event as well.
    pub(crate) fn start(mut command: Command) -> (Self, f64) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address").to_string();
        let (events, next) = channel();
        let (tell, told) = channel();
        std::thread::spawn(move || accept(&listener, next, &tell));
        command
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", "bench")
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let start = Instant::now();
        let child = command.spawn().expect("the function starts");
        let function = Self { child, events, told };
        let asked = function.asked();
        (function, asked.duration_since(start).as_secs_f64())
    }

    /// Hands an event over, and waits for its answer and until the function asks for the next one.
    pub(crate) fn invoke(&self, event: &Arc<Vec<u8>>) -> Answer {
        self.events.send(Arc::clone(event)).expect("the server runs");
        let Told::Answer(answer) = self.wait() else {
            unreachable!("a function answers before it asks again")
        };
        self.asked();
        answer
    }

    fn asked(&self) -> Instant {
        let Told::Next(at) = self.wait() else { unreachable!("a function answers an event once") };
        at
    }

    fn wait(&self) -> Told {
        self.told.recv_timeout(PATIENCE).expect("the function goes on")
    }

    /// The most memory that the process held so far, in bytes; Linux tells it.
    pub(crate) fn memory_bytes_max(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("a process");
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a high-water mark");
        line.trim().strip_suffix(" kB").and_then(|number| number.parse::<u64>().ok()).expect("kilobytes")
            * 1024
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // Already ended is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Serves every connection of a function: it may open more than one.
fn accept(listener: &TcpListener, next: Receiver<Arc<Vec<u8>>>, tell: &Sender<Told>) {
    let next = Arc::new(Mutex::new(next));
    let started = Arc::new(Mutex::new(Instant::now()));
    for connection in listener.incoming() {
        let (Ok(connection), next, tell) = (connection, Arc::clone(&next), tell.clone()) else { return };
        let started = Arc::clone(&started);
        std::thread::spawn(move || serve(connection, &next, &tell, &started));
    }
}

/// Answers the requests of one connection until either side ends.
fn serve(
    connection: TcpStream,
    next: &Mutex<Receiver<Arc<Vec<u8>>>>,
    tell: &Sender<Told>,
    started: &Mutex<Instant>,
) -> Option<()> {
    connection.set_nodelay(true).ok()?;
    let mut reader = BufReader::with_capacity(64 * 1024, connection.try_clone().ok()?);
    let mut writer = connection;
    // Kept: memory that is new to the process would cost the function's time as much as the bytes do.
    let mut body = Vec::new();
    loop {
        let (verdict, length) = request(&mut reader, &mut body)?;
        if verdict == "next" {
            tell.send(Told::Next(Instant::now())).ok()?;
            let event = next.lock().unwrap_or_else(PoisonError::into_inner).recv().ok()?;
            *started.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            writer.write_all(invocation(event.len()).as_bytes()).ok()?;
            writer.write_all(&event).ok()?;
        } else {
            let seconds = started.lock().unwrap_or_else(PoisonError::into_inner).elapsed().as_secs_f64();
            assert_eq!(verdict, "response", "{}", String::from_utf8_lossy(&body[..length]));
            // Told first: the function may ask for the next event on another connection.
            tell.send(Told::Answer(Answer { seconds, body: body[..length].to_vec() })).ok()?;
            writer.write_all(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n").ok()?;
        }
    }
}

/// The head of an event.
fn invocation(length: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Lambda-Runtime-Aws-Request-Id: 8476a536-e9f4-11e8-9739-2dfe598c3fcd\r\n\
         Lambda-Runtime-Deadline-Ms: 4102444800000\r\n\
         Lambda-Runtime-Invoked-Function-Arn: arn:aws:lambda:us-east-1:123456789012:function:bench\r\n\
         Content-Length: {length}\r\n\r\n"
    )
}

/// Reads a request into the beginning of `body`, which never becomes shorter; gives the last part of its path (`next`,
/// `response` or `error`) and its length. `None` when the other side has ended.
fn request(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Option<(String, usize)> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?;
    let verdict = path.rsplit('/').next()?.to_owned();
    let (mut length, mut is_chunked) = (0, false);
    loop {
        line.clear();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "transfer-encoding" => is_chunked = value.trim() == "chunked",
            _ => {}
        }
    }
    if is_chunked {
        body.clear();
        while chunk(reader, body)? > 0 {}
        return Some((verdict, body.len()));
    }
    if body.len() < length {
        body.resize(length, 0);
    }
    reader.read_exact(&mut body[..length]).ok()?;
    Some((verdict, length))
}

/// Appends one chunk; gives its length, which is 0 for the last.
fn chunk(reader: &mut BufReader<TcpStream>, body: &mut Vec<u8>) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let length = usize::from_str_radix(line.trim(), 16).ok()?;
    let start = body.len();
    body.resize(start + length, 0);
    reader.read_exact(body.get_mut(start..)?).ok()?;
    line.clear();
    reader.read_line(&mut line).ok()?;
    Some(length)
}
