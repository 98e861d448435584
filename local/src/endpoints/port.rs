//! A loopback port and what is served on it.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;

use super::EndpointError;

/// Credentials that name nobody: requests have to be signed with something.
const CREDENTIALS: [(&str, &str); 3] =
    [("AWS_ACCESS_KEY_ID", "local"), ("AWS_SECRET_ACCESS_KEY", "local"), ("AWS_SESSION_TOKEN", "local")];
/// Connections that wait to be accepted, as many as tokio's own listener lets wait.
const WAITING_MAX: u32 = 1024;
/// How long nothing is accepted after the system refused to. Most often the process has too many files open.
const PAUSE: Duration = Duration::from_millis(100);

/// A loopback port that is taken. It accepts connections; requests wait until they are served.
///
/// So its address can be told to functions that start before the services do.
#[derive(Debug)]
pub(crate) struct Port {
    listener: TcpListener,
    address: SocketAddr,
}

impl Port {
    /// Takes a port of loopback; 0 has the system choose. It must be called on the runtime.
    ///
    /// # Errors
    /// When the port is not free.
    pub(crate) fn take(number: u16) -> Result<Self, EndpointError> {
        let listener = listen(number);
        let taken = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = taken.map_err(|source| EndpointError::Listen { port: number, source })?;
        Ok(Self { listener, address })
    }

    /// The variables that lead an AWS SDK here, whatever the service.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        variables([("AWS_ENDPOINT_URL", self.address)])
    }

    /// The listener and its address.
    pub(crate) fn into_parts(self) -> (TcpListener, SocketAddr) {
        (self.listener, self.address)
    }

    /// Serves HTTP/1.1, and HTTP/2 to clients that begin with it, until the server is dropped.
    ///
    /// # Errors
    /// When the listener cannot be handed over.
    pub(super) fn serve(self, router: Router) -> Result<Server, EndpointError> {
        let port = self.address.port();
        let listener = self.listener.into_std().map_err(|source| EndpointError::Listen { port, source })?;
        Ok(Server { address: self.address, task: tokio::spawn(serve(listener, router)) })
    }
}

/// A port that is served. Dropping it closes it and its connections.
#[derive(Debug)]
pub(super) struct Server {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Server {
    /// Where it is reached.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The variables that lead to these addresses, and the credentials that go with them.
pub(super) fn variables<const N: usize>(addresses: [(&str, SocketAddr); N]) -> BTreeMap<String, String> {
    let urls = addresses.into_iter().map(|(name, address)| (name.to_owned(), format!("http://{address}")));
    let credentials = CREDENTIALS.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    urls.chain(credentials).collect()
}

/// Listens on loopback only.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // Connections inherit it. Answers are written whole: waiting for more to send only adds latency.
    socket.set_nodelay(true)?;
    // A port whose last connections have just ended is free, as tokio's own listener sees it.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(WAITING_MAX)
}

/// Serves, and goes on when a connection could not be accepted.
async fn serve(listener: std::net::TcpListener, router: Router) {
    loop {
        let accepting = listener.try_clone().and_then(TcpListener::from_std);
        if let Ok(accepting) = accepting {
            let _ = ferrokinesis::serve_plain_http(accepting, router.clone(), std::future::pending()).await;
        }
        tokio::time::sleep(PAUSE).await;
    }
}
