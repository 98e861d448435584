//! Passes requests on to a service that listens on a port of its own.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::EndpointError;

/// Headers that concern a connection, not the request: RFC 9110, section 7.6.1.
const OF_THE_CONNECTION: [HeaderName; 5] =
    [header::CONNECTION, header::TE, header::TRAILER, header::TRANSFER_ENCODING, header::UPGRADE];

/// The way to a service.
#[derive(Debug, Clone)]
pub(super) struct Forward {
    client: reqwest::Client,
    address: SocketAddr,
}

impl Forward {
    /// A way to the service that listens there.
    ///
    /// # Errors
    /// When no client can be made.
    pub(super) fn to(address: SocketAddr) -> Result<Self, EndpointError> {
        // A proxy that the environment names is for the way out of this machine.
        let client = reqwest::Client::builder().no_proxy().build().map_err(EndpointError::Client)?;
        Ok(Self { client, address })
    }

    /// Passes a request on, and its answer back, neither of which is kept in memory.
    pub(super) async fn pass_on(&self, request: Request) -> Response {
        match self.answer(request).await {
            Ok(answer) => answer,
            // The service is part of this process: it answers unless the process ends.
            Err(_) => StatusCode::BAD_GATEWAY.into_response(),
        }
    }

    async fn answer(&self, request: Request) -> Result<Response, reqwest::Error> {
        let (mut head, body) = request.into_parts();
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let url = format!("http://{}{path}", self.address);
        strip(&mut head.headers);
        let passed_on = self.client.request(head.method, url).headers(head.headers);
        let answer = passed_on.body(reqwest::Body::wrap_stream(body.into_data_stream())).send().await?;
        let mut answer = axum::http::Response::<reqwest::Body>::from(answer).map(Body::new);
        strip(answer.headers_mut());
        Ok(answer)
    }
}

/// Takes away what is of the connection.
fn strip(headers: &mut HeaderMap) {
    for name in OF_THE_CONNECTION {
        headers.remove(name);
    }
}
