//! Region, credentials and endpoints from the environment, and the clients made of them.
//!
//! The variables are those of the functions, so the export line of `tapeline up` leads here as well. What differs is
//! patience: nobody waits for an answer here, and the way to AWS may be a slow one.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_kinesis::config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls;
use aws_types::SdkConfig;
use aws_types::sdk_config::{RetryConfig, SharedCredentialsProvider, TimeoutConfig};
use tapeline_lambda_wire::variables::{Account, ConfigError, Reader};

/// Attempts of the SDK at one call.
const ATTEMPTS_MAX: u32 = 5;
/// Time for a connection.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// Time for an attempt: 5 MiB over a line of a megabit a second.
const ATTEMPT_MAX: Duration = Duration::from_mins(1);

/// The AWS account and region whose streams are written.
#[derive(Debug, Clone)]
pub(super) struct Aws {
    region: String,
    /// What both clients are made of.
    shared: SdkConfig,
    kinesis_endpoint: Option<String>,
    firehose_endpoint: Option<String>,
}

impl Aws {
    /// Reads region, credentials and endpoints; `variable` looks a name up. The session token may be missing, and so
    /// may the endpoints: then they are the service's own.
    ///
    /// # Errors
    /// Names every variable that is missing or cannot be used.
    pub(super) fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(variable);
        let account = Account::read(&mut reader);
        let kinesis_endpoint = account.endpoint(&mut reader, "AWS_ENDPOINT_URL_KINESIS");
        let firehose_endpoint = account.endpoint(&mut reader, "AWS_ENDPOINT_URL_FIREHOSE");
        let region = account.region.clone();
        reader.finish(Self { region, shared: shared(account), kinesis_endpoint, firehose_endpoint })
    }

    /// Where data streams are, for the journal: what is put into a stream of one place is not in that of another.
    pub(super) fn kinesis_place(&self) -> &str {
        self.kinesis_endpoint.as_deref().unwrap_or(&self.region)
    }

    /// Where delivery streams are.
    pub(super) fn firehose_place(&self) -> &str {
        self.firehose_endpoint.as_deref().unwrap_or(&self.region)
    }

    /// A client of Kinesis.
    pub(super) fn kinesis(&self) -> aws_sdk_kinesis::Client {
        let mut config = aws_sdk_kinesis::config::Builder::from(&self.shared);
        config.set_endpoint_url(self.kinesis_endpoint.clone());
        aws_sdk_kinesis::Client::from_conf(config.build())
    }

    /// A client of Data Firehose.
    pub(super) fn firehose(&self) -> aws_sdk_firehose::Client {
        let mut config = aws_sdk_firehose::config::Builder::from(&self.shared);
        config.set_endpoint_url(self.firehose_endpoint.clone());
        aws_sdk_firehose::Client::from_conf(config.build())
    }
}

/// All but the endpoint, which each service has for itself.
fn shared(account: Account) -> SdkConfig {
    let credentials = Credentials::new(account.key_id, account.secret, account.token, None, "environment");
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let timeouts =
        TimeoutConfig::builder().connect_timeout(CONNECT_MAX).operation_attempt_timeout(ATTEMPT_MAX);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(account.region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().tls_provider(tls).build_https())
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX))
        .timeout_config(timeouts.build())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aws(variables: &[(&str, &str)]) -> Result<Aws, ConfigError> {
        Aws::from_variables(|name| {
            variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn a_place_is_the_endpoint_or_the_region() {
        let account = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "id"),
            ("AWS_SECRET_ACCESS_KEY", "secret"),
        ];
        assert_eq!(aws(&account).unwrap().kinesis_place(), "eu-central-1");
        let endpoints = [("AWS_ENDPOINT_URL", "http://a"), ("AWS_ENDPOINT_URL_FIREHOSE", "http://b")];
        let local = aws(&[&account[..], &endpoints].concat()).unwrap();
        assert_eq!((local.kinesis_place(), local.firehose_place()), ("http://a", "http://b"));
    }

    #[test]
    fn all_that_is_missing_is_named() {
        let error = aws(&[("AWS_ENDPOINT_URL", "localhost")]).unwrap_err().to_string();
        for name in ["AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_ENDPOINT_URL"] {
            assert!(error.contains(&format!("{name}: ")), "{error}");
        }
    }
}
