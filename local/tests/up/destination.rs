//! A server of the test that a delivery stream delivers to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};

use serde_json::{Value, json};

use crate::PATIENCE;

/// A request as it arrived. Names of headers are in lower case.
pub(crate) struct Received {
    pub(crate) target: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// What a request is answered: status and document.
type Reply = dyn Fn(&Received) -> (u16, Value) + Send + Sync;

/// The server. Its threads end with the test.
pub(crate) struct Destination {
    pub(crate) url: String,
    received: Receiver<Received>,
}

impl Destination {
    pub(crate) fn answering(reply: impl Fn(&Received) -> (u16, Value) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (sender, received) = mpsc::channel();
        let reply: Arc<Reply> = Arc::new(reply);
        std::thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let (sender, reply) = (sender.clone(), Arc::clone(&reply));
                std::thread::spawn(move || serve(connection, &sender, reply.as_ref()));
            }
        });
        Self { url, received }
    }

    /// An HTTP endpoint as Firehose wants it: it repeats the request's id.
    pub(crate) fn acknowledging() -> Self {
        Self::answering(|request| {
            let id = &request.headers["x-amz-firehose-request-id"];
            (200, json!({"requestId": id, "timestamp": 1_578_090_903_599_u64}))
        })
    }

    /// An OpenSearch that indexes every document.
    pub(crate) fn indexing() -> Self {
        Self::answering(|request| {
            // A line for the action, a line for the document.
            let documents = request.body.split(|byte| *byte == b'\n').count() / 2;
            let items = vec![json!({"index": {"_index": "trades", "_id": "1", "status": 201}}); documents];
            (200, json!({"took": 1, "errors": false, "items": items}))
        })
    }

    /// Waits for the next request.
    pub(crate) fn received(&self) -> Received {
        self.received.recv_timeout(PATIENCE).unwrap()
    }
}

/// Serves a connection until it ends.
fn serve(connection: TcpStream, sender: &Sender<Received>, reply: &Reply) {
    let mut connection = BufReader::new(connection);
    while let Some(request) = read(&mut connection) {
        let (status, document) = reply(&request);
        let document = document.to_string();
        let head = format!("HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: ");
        let answer = format!("{head}{}\r\n\r\n{document}", document.len());
        // The test may be over.
        let _ = sender.send(request);
        if connection.get_mut().write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The next request; `None` when the connection has ended.
fn read(connection: &mut BufReader<TcpStream>) -> Option<Received> {
    let line = line(connection)?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut headers = BTreeMap::new();
    while let Some((name, value)) = self::line(connection)?.split_once(": ") {
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().unwrap()];
    connection.read_exact(&mut body).ok()?;
    Some(Received { target, headers, body })
}

fn line(connection: &mut BufReader<TcpStream>) -> Option<String> {
    let mut line = String::new();
    let bytes = connection.read_line(&mut line).ok()?;
    (bytes > 0).then(|| line.trim_end().to_owned())
}
