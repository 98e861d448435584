//! The runtime client of a stand-in: asks its Runtime API for events and answers them.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A script in the place of a function: it leaves the address of its Runtime API in a file.
pub(crate) const STAND_IN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/lambda/stand_in.sh");

/// The next event with its request id; `None` when the connection has ended.
pub(crate) fn next(connection: &mut BufReader<TcpStream>) -> Option<(String, Vec<u8>)> {
    let request = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: x\r\n\r\n";
    connection.get_mut().write_all(request).ok()?;
    let (headers, body) = reply(connection)?;
    Some((headers.get("lambda-runtime-aws-request-id")?.clone(), body))
}

/// Answers an event.
pub(crate) fn respond(connection: &mut BufReader<TcpStream>, id: &str, answer: &str) {
    post(connection, &format!("{id}/response"), answer);
}

/// Posts a document below an event.
pub(crate) fn post(connection: &mut BufReader<TcpStream>, place: &str, document: &str) {
    let path = format!("/2018-06-01/runtime/invocation/{place}");
    let length = document.len();
    let request = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{document}");
    connection.get_mut().write_all(request.as_bytes()).unwrap();
    reply(connection);
}

/// Headers and body of a reply; `None` when the connection has ended.
fn reply(connection: &mut BufReader<TcpStream>) -> Option<(HashMap<String, String>, Vec<u8>)> {
    let mut headers = HashMap::new();
    loop {
        let mut line = String::new();
        if connection.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            break;
        }
        if let Some((name, value)) = line.trim_end().split_once(": ") {
            headers.insert(name.to_owned(), value.to_owned());
        }
    }
    let mut body = vec![0; headers.get("content-length")?.parse().unwrap()];
    connection.read_exact(&mut body).ok()?;
    Some((headers, body))
}
