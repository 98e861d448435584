//! The AWS clients, built from the environment alone.
//!
//! On Lambda, region and credentials are environment variables; the SDK's own chain of places to look would only make
//! the binary twice as large. Endpoints can be replaced, as the SDKs' reference guide has it ("Service-specific
//! endpoints"), so that the function runs against local ones.

use std::time::Duration;

use aws_credential_types::Credentials;
use aws_sdk_dynamodb::config::{BehaviorVersion, Region};
use aws_smithy_http_client::tls;
use aws_types::SdkConfig;
use aws_types::sdk_config::{RetryConfig, SharedCredentialsProvider, TimeoutConfig};
use futures_util::future::join;
use tapeline_lambda_wire::variables::{Account, ConfigError, Reader};

use crate::publish::KinesisStream;
use crate::state::DynamoDb;

/// Attempts of the SDK at one call.
const ATTEMPTS_MAX: u32 = 3;

/// The SDK's first pause between attempts; its default of a second is made for less patient callers.
const PAUSE_FIRST: Duration = Duration::from_millis(50);

/// Both services answer within some ten milliseconds: what takes a hundred times as long has failed.
const CONNECT_MAX: Duration = Duration::from_secs(1);
const ATTEMPT_MAX: Duration = Duration::from_secs(2);

/// A call with all its attempts: several such calls must fit into the function's timeout of a minute.
const CALL_MAX: Duration = Duration::from_secs(5);

/// What opening connections may take of the start: a service that takes longer has time until it is needed.
const OPEN_MAX: Duration = Duration::from_secs(1);

/// The AWS account and region that the function works in.
#[derive(Debug, Clone)]
pub struct Aws {
    /// What both clients are made of.
    shared: SdkConfig,
    dynamodb_endpoint: Option<String>,
    kinesis_endpoint: Option<String>,
}

impl Aws {
    /// Every variable that is read.
    pub const VARIABLES: [&str; 7] = [
        "AWS_REGION",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_ENDPOINT_URL",
        "AWS_ENDPOINT_URL_DYNAMODB",
        "AWS_ENDPOINT_URL_KINESIS",
    ];

    /// Reads region, credentials and endpoints; `variable` looks a name up. The session token may be missing, and so
    /// may the endpoints: then they are the service's own.
    ///
    /// # Errors
    /// Names every variable that is missing or cannot be used.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(variable);
        let account = Account::read(&mut reader);
        let dynamodb_endpoint = account.endpoint(&mut reader, "AWS_ENDPOINT_URL_DYNAMODB");
        let kinesis_endpoint = account.endpoint(&mut reader, "AWS_ENDPOINT_URL_KINESIS");
        reader.finish(Self { shared: shared(account), dynamodb_endpoint, kinesis_endpoint })
    }

    /// Everything at one local endpoint.
    #[cfg(test)]
    pub(crate) fn at(endpoint: std::net::SocketAddr) -> Self {
        let aws = Self::from_variables(|name| match name {
            "AWS_ENDPOINT_URL" => Some(format!("http://{endpoint}")),
            "AWS_REGION" => Some("us-east-1".to_owned()),
            "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("local".to_owned()),
            _ => None,
        });
        aws.unwrap()
    }

    /// Opens the table that keeps the state.
    pub fn state_store(&self, table: String) -> DynamoDb {
        let mut config = aws_sdk_dynamodb::config::Builder::from(&self.shared);
        config.set_endpoint_url(self.dynamodb_endpoint.clone());
        DynamoDb::new(aws_sdk_dynamodb::Client::from_conf(config.build()), table)
    }

    /// Opens the stream that takes the rows.
    pub fn publisher(&self, stream: String) -> KinesisStream {
        let mut config = aws_sdk_kinesis::config::Builder::from(&self.shared);
        config.set_endpoint_url(self.kinesis_endpoint.clone());
        KinesisStream::new(aws_sdk_kinesis::Client::from_conf(config.build()), stream)
    }
}

/// Opens a connection to each service before the first invocation needs it: names are looked up, certificates are read,
/// and both handshakes are under way together. A failure is none of the start: the call that needs a connection tells it.
///
/// Lambda bills the start of an environment like any other time, so nothing is saved by waiting here; but the first batch
/// does not wait for one handshake after the other, and an environment that is started ahead of its first batch (for a
/// concurrency that is provisioned, or when Lambda expects it) has them behind it.
pub async fn open(store: &DynamoDb, publisher: &KinesisStream) {
    // Boxed: the SDK's futures are nested so deep that the compiler gives up on what holds one.
    let calls = Box::pin(join(store.touch(), publisher.touch()));
    // Late is as good as refused.
    let _ = tokio::time::timeout(OPEN_MAX, calls).await;
}

/// All but the endpoint, which each service has for itself. The one HTTP client takes endpoints of plain HTTP as well.
fn shared(account: Account) -> SdkConfig {
    let credentials = Credentials::new(account.key_id, account.secret, account.token, None, "environment");
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring);
    let retries = RetryConfig::standard().with_max_attempts(ATTEMPTS_MAX).with_initial_backoff(PAUSE_FIRST);
    let timeouts = TimeoutConfig::builder().connect_timeout(CONNECT_MAX);
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(account.region))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(aws_smithy_http_client::Builder::new().tls_provider(tls).build_https())
        .retry_config(retries)
        .timeout_config(timeouts.operation_attempt_timeout(ATTEMPT_MAX).operation_timeout(CALL_MAX).build())
        .build()
}

#[cfg(test)]
mod tests {
    use aws_credential_types::provider::ProvideCredentials;

    use super::*;

    const ON_LAMBDA: [(&str, &str); 4] = [
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ACCESS_KEY_ID", "id"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_SESSION_TOKEN", "token"),
    ];

    fn aws(variables: &[(&str, &str)]) -> Result<Aws, ConfigError> {
        Aws::from_variables(|name| {
            variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[tokio::test]
    async fn what_lambda_sets_is_enough() {
        let aws = aws(&ON_LAMBDA).unwrap();
        assert_eq!((aws.dynamodb_endpoint, aws.kinesis_endpoint), (None, None));
        assert_eq!(aws.shared.region(), Some(&Region::new("eu-central-1")));
        let credentials = aws.shared.credentials_provider().unwrap().provide_credentials().await.unwrap();
        assert_eq!((credentials.access_key_id(), credentials.secret_access_key()), ("id", "secret"));
        assert_eq!(credentials.session_token(), Some("token"));
    }

    #[test]
    fn the_endpoint_of_a_service_comes_before_the_one_of_all() {
        let endpoints =
            [("AWS_ENDPOINT_URL", "http://127.0.0.1:1"), ("AWS_ENDPOINT_URL_KINESIS", "http://127.0.0.1:2")];
        let aws = aws(&[ON_LAMBDA.as_slice(), &endpoints].concat()).unwrap();
        assert_eq!(aws.dynamodb_endpoint.as_deref(), Some("http://127.0.0.1:1"));
        assert_eq!(aws.kinesis_endpoint.as_deref(), Some("http://127.0.0.1:2"));
    }

    #[test]
    fn all_that_is_missing_or_bad_is_named() {
        let error = aws(&[("AWS_REGION", ""), ("AWS_ENDPOINT_URL_DYNAMODB", "localhost:8000")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "AWS_REGION: expected a value, was empty; \
             AWS_ACCESS_KEY_ID: expected a value, was not set; \
             AWS_SECRET_ACCESS_KEY: expected a value, was not set; \
             AWS_ENDPOINT_URL_DYNAMODB: expected a URL of `http` or `https`, was \"localhost:8000\""
        );
    }

    #[test]
    fn only_the_documented_variables_are_read() {
        let read = std::cell::RefCell::new(Vec::new());
        let aws = Aws::from_variables(|name| {
            read.borrow_mut().push(name.to_owned());
            Some("https://a".to_owned())
        });
        assert!(aws.is_ok());
        assert_eq!(read.into_inner(), Aws::VARIABLES);
    }
}
