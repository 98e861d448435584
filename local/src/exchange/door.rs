//! One port for sockets and requests: a connection shows with its first bytes which of both it is.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::{Floor, socket};

/// How the request for a socket begins, cut to the same length: /ws, /stream, and /public and /market before them.
const SOCKETS: [&[u8; 7]; 4] = [b"GET /ws", b"GET /st", b"GET /pu", b"GET /ma"];
/// Connections with requests that wait to be served.
const WAITING_MAX: usize = 64;
/// How long a connection may take for its first bytes.
const FIRST_BYTES: Duration = Duration::from_secs(5);
/// How often is looked for them once a part of them is there.
const LOOK_INTERVAL: Duration = Duration::from_millis(1);
/// How long nothing is accepted after the system refused to. Most often the process has too many files open.
const PAUSE: Duration = Duration::from_millis(100);

/// Connections that are not for sockets.
#[derive(Debug)]
pub(super) struct Door {
    requests: Receiver<(TcpStream, SocketAddr)>,
    address: SocketAddr,
}

impl Door {
    /// Accepts what comes to a port from now on. Sockets are served at once.
    pub(super) fn open(listener: TcpListener, address: SocketAddr, floor: &Arc<Floor>) -> Self {
        let (sender, requests) = mpsc::channel(WAITING_MAX);
        tokio::spawn(accept(listener, sender, Arc::clone(floor)));
        Self { requests, address }
    }
}

impl Listener for Door {
    type Io = TcpStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (TcpStream, SocketAddr) {
        match self.requests.recv().await {
            Some(connection) => connection,
            // The other end is held by a task that does not end.
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }
}

async fn accept(listener: TcpListener, requests: Sender<(TcpStream, SocketAddr)>, floor: Arc<Floor>) {
    loop {
        let Ok(connection) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        tokio::spawn(sort(connection, requests.clone(), Arc::clone(&floor)));
    }
}

/// Serves a socket, or hands a connection with requests on.
async fn sort(
    (connection, from): (TcpStream, SocketAddr),
    requests: Sender<(TcpStream, SocketAddr)>,
    floor: Arc<Floor>,
) {
    match tokio::time::timeout(FIRST_BYTES, is_for_socket(&connection)).await {
        Ok(Ok(true)) => socket::serve(connection, floor).await,
        Ok(Ok(false)) => drop(requests.send((connection, from)).await),
        // It said nothing, or has gone.
        Ok(Err(_)) | Err(_) => {}
    }
}

async fn is_for_socket(connection: &TcpStream) -> io::Result<bool> {
    let mut first = [0; 7];
    loop {
        match connection.peek(&mut first).await? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count if count == first.len() => return Ok(SOCKETS.contains(&&first)),
            _ => tokio::time::sleep(LOOK_INTERVAL).await,
        }
    }
}
