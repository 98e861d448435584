//! What a client asks for: with the address it connects to, and with requests on the socket.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::handshake::server;
use tokio_tungstenite::tungstenite::http::{StatusCode, Uri};

use super::Floor;
use super::counts::Counts;

/// Most streams of a connection, as the exchange bounds them.
pub(super) const STREAMS_MAX: usize = 1_024;
/// The window in which attempts to connect are counted.
pub(super) const ATTEMPTS_WINDOW: Duration = Duration::from_mins(5);

/// What a connection is to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Asked {
    /// Names of streams.
    pub(super) streams: Vec<String>,
    /// Payloads alone, without the names of their streams.
    pub(super) is_raw: bool,
    /// Times in microseconds.
    pub(super) is_micros: bool,
}

/// A request on a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Request {
    /// `SUBSCRIBE`.
    Subscribe {
        /// Names of streams.
        streams: Vec<String>,
        /// What the answer repeats.
        id: Value,
    },
    /// `UNSUBSCRIBE`.
    Unsubscribe {
        /// Names of streams.
        streams: Vec<String>,
        /// What the answer repeats.
        id: Value,
    },
}

/// Accepts a socket, or refuses it: for an address that is none, for too many streams, and after too many attempts.
pub(super) async fn shake_hands(
    connection: TcpStream,
    floor: &Arc<Floor>,
) -> Result<(WebSocketStream<TcpStream>, Asked), Error> {
    let asked = Arc::default();
    let answer = Answer { is_admitted: floor.admits(), asked: Arc::clone(&asked) };
    let web = tokio_tungstenite::accept_hdr_async(connection, answer).await;
    let web = web.inspect_err(|_| Counts::add(&floor.counts.refused))?;
    let asked = asked.lock().unwrap_or_else(PoisonError::into_inner).clone();
    Ok((web, asked))
}

/// The answer to a request for a socket, which leaves what was asked for.
struct Answer {
    is_admitted: bool,
    asked: Arc<Mutex<Asked>>,
}

impl server::Callback for Answer {
    fn on_request(
        self,
        request: &server::Request,
        response: server::Response,
    ) -> Result<server::Response, server::ErrorResponse> {
        let found = if self.is_admitted { of(request.uri()) } else { Err(StatusCode::TOO_MANY_REQUESTS) };
        *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = found.map_err(refusal)?;
        Ok(response)
    }
}

fn refusal(status: StatusCode) -> server::ErrorResponse {
    let mut answer = server::ErrorResponse::new(None);
    *answer.status_mut() = status;
    answer
}

/// What an address asks for: `/stream?streams=a/b`, `/ws/a/b` or `/ws`. The market of futures has two places before it, and
/// here each has all streams.
fn of(uri: &Uri) -> Result<Asked, StatusCode> {
    let pairs = uri.query().unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let value = |name: &str| pairs.clone().find(|(key, _)| *key == name).map(|(_, value)| value);
    let path = uri.path();
    let path = path.strip_prefix("/public").or_else(|| path.strip_prefix("/market")).unwrap_or(path);
    let (names, is_raw) = match path {
        "/stream" => (value("streams").unwrap_or_default(), false),
        "/ws" => ("", true),
        path => (path.strip_prefix("/ws/").ok_or(StatusCode::NOT_FOUND)?, true),
    };
    let streams: Vec<_> = names.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    if streams.len() > STREAMS_MAX {
        return Err(StatusCode::URI_TOO_LONG);
    }
    let is_micros = value("timeUnit").is_some_and(|unit| unit.eq_ignore_ascii_case("microsecond"));
    Ok(Asked { streams, is_raw, is_micros })
}

/// Reads a request; otherwise what is answered to it.
pub(super) fn request(text: &str) -> Result<Request, Value> {
    let refused = |text: &str| json!({"code": 2, "msg": format!("Invalid request: {text}")});
    let request: Value = serde_json::from_str(text).map_err(|_| refused("it must be JSON"))?;
    let names = request.get("params").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let streams = names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let id = request.get("id").cloned().unwrap_or_default();
    match request.get("method").and_then(Value::as_str) {
        Some("SUBSCRIBE") => Ok(Request::Subscribe { streams, id }),
        Some("UNSUBSCRIBE") => Ok(Request::Unsubscribe { streams, id }),
        _ => Err(refused("unknown variant, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(uri: &str, streams: &[&str], is_raw: bool, is_micros: bool) {
        let streams = streams.iter().map(|stream| (*stream).to_owned()).collect();
        assert_eq!(of(&uri.parse().unwrap()), Ok(Asked { streams, is_raw, is_micros }), "{uri}");
    }

    #[test]
    fn an_address_names_its_streams() {
        check(
            "/stream?streams=btcusdt@trade/!miniTicker@arr",
            &["btcusdt@trade", "!miniTicker@arr"],
            false,
            false,
        );
        check("/stream?timeUnit=MICROSECOND&streams=btcusdt@trade", &["btcusdt@trade"], false, true);
        check("/ws/btcusdt@trade/ethusdt@trade", &["btcusdt@trade", "ethusdt@trade"], true, false);
        check("/ws", &[], true, false);
        check("/market/stream?streams=btcusdt@aggTrade", &["btcusdt@aggTrade"], false, false);
    }

    #[test]
    fn other_addresses_are_not_found() {
        assert_eq!(of(&"/streams".parse().unwrap()), Err(StatusCode::NOT_FOUND));
    }

    #[test]
    fn too_many_streams_are_refused() {
        let names = vec!["a@trade"; STREAMS_MAX + 1].join("/");
        let uri = format!("/stream?streams={names}").parse().unwrap();
        assert_eq!(of(&uri), Err(StatusCode::URI_TOO_LONG));
    }

    #[test]
    fn a_request_subscribes() {
        let text = r#"{"method":"SUBSCRIBE","params":["btcusdt@aggTrade"],"id":7}"#;
        let streams = vec!["btcusdt@aggTrade".to_owned()];
        assert_eq!(request(text), Ok(Request::Subscribe { streams, id: json!(7) }));
    }

    #[test]
    fn what_is_no_request_is_refused() {
        assert_eq!(request("hello").unwrap_err()["code"], 2);
        assert_eq!(request(r#"{"method":"DANCE"}"#).unwrap_err()["code"], 2);
    }
}
