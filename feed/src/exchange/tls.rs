//! Encryption: rustls with the certificates of the system, and ring.
//!
//! The same ring that the AWS SDK is built with. The certificates are those that the machine trusts, or the image carries:
//! the SDK needs them as well, and a company's own authority is among them.

use rustls::{ClientConfig, RootCertStore};
use tracing::warn;

/// What every connection to the exchange agrees to.
///
/// # Errors
/// When the cryptography offers no version of TLS; it always does.
pub(super) fn client_config() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (taken, _) = roots.add_parsable_certificates(found.certs);
    if taken == 0 {
        warn!("found no certificates of authorities: only addresses on loopback can be reached");
    }
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}
