//! Addresses of the exchange.

use std::fmt;
use std::net::IpAddr;

use thiserror::Error;
use tokio_tungstenite::tungstenite::http::Uri;

/// An address that was checked: encrypted, unless it never leaves this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint(String);

/// The text is no address of the exchange.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    /// Not a URL of the scheme.
    #[error("expected an address such as `{encrypted}://host:port`, was {found:?}")]
    Scheme {
        /// The scheme.
        encrypted: &'static str,
        /// The text.
        found: String,
    },
    /// Neither encrypted nor local.
    #[error("expected `{encrypted}://` for a host other than this machine, was {found:?}")]
    Plain {
        /// The scheme.
        encrypted: &'static str,
        /// The text.
        found: String,
    },
}

impl Endpoint {
    /// Reads the address of sockets: `wss://host[:port][/path]`, or `ws://` for a host on loopback.
    ///
    /// # Errors
    /// When it is something else.
    pub fn of_sockets(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text, "wss", "ws")
    }

    /// Reads the address of the REST API: `https://host[:port][/path]`, or `http://` for a host on loopback.
    ///
    /// # Errors
    /// When it is something else.
    pub fn of_rest(text: &str) -> Result<Self, EndpointError> {
        Self::parse(text, "https", "http")
    }

    fn parse(text: &str, encrypted: &'static str, plain: &str) -> Result<Self, EndpointError> {
        let found = || text.to_owned();
        let uri: Uri = text.parse().map_err(|_| EndpointError::Scheme { encrypted, found: found() })?;
        let host = uri.host().filter(|host| !host.is_empty() && uri.query().is_none());
        match (uri.scheme_str(), host) {
            (Some(scheme), Some(_)) if scheme == encrypted => {}
            (Some(scheme), Some(host)) if scheme == plain => {
                if !is_loopback(host) {
                    return Err(EndpointError::Plain { encrypted, found: found() });
                }
            }
            _ => return Err(EndpointError::Scheme { encrypted, found: found() }),
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// Whether a path stands behind the host.
    pub(super) fn has_path(&self) -> bool {
        self.0.splitn(4, '/').count() > 3
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypted_addresses_are_taken_and_plain_ones_on_loopback() {
        for text in [
            "wss://stream.binance.com:9443",
            "wss://a.b/market",
            "ws://127.0.0.1:80",
            "ws://[::1]:9",
            "ws://localhost",
        ] {
            assert_eq!(Endpoint::of_sockets(text).unwrap().to_string(), text);
        }
        assert_eq!(
            Endpoint::of_rest("https://api.binance.com/").unwrap().to_string(),
            "https://api.binance.com"
        );
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(Endpoint::of_sockets(text).unwrap_err().to_string(), expected);
    }

    #[test]
    fn what_would_go_over_the_network_in_plain_is_refused() {
        check(
            "ws://stream.binance.com",
            "expected `wss://` for a host other than this machine, was \"ws://stream.binance.com\"",
        );
        check(
            "ws://127.0.0.1.example",
            "expected `wss://` for a host other than this machine, was \"ws://127.0.0.1.example\"",
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in ["", "stream.binance.com", "https://stream.binance.com", "wss://", "wss://a/?b=c"] {
            check(text, &format!("expected an address such as `wss://host:port`, was {text:?}"));
        }
    }

    #[test]
    fn a_path_is_told() {
        assert!(Endpoint::of_sockets("wss://a.b:1/market").unwrap().has_path());
        assert!(!Endpoint::of_sockets("wss://a.b:1/").unwrap().has_path());
    }
}
