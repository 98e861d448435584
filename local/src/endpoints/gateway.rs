//! All services behind one port, as `AWS_ENDPOINT_URL` wants it.
//!
//! Which service is meant is told by the request itself: by `X-Amz-Target` where the API has one, by the path of the
//! Lambda API, or else by the service in the signature's scope. What names none is S3, whose presigned requests do not.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tower::ServiceExt as _;

use super::forward::Forward;
use super::port::{self, Port, Server};
use super::{EndpointError, s3};

/// Where the Lambda API has its functions.
const FUNCTIONS: &str = "/2015-03-31/functions";
/// What is tapeline's own. No bucket begins with an underscore.
const ADMIN: &str = "/_tapeline/";

/// What is served. A service that is absent refuses its requests.
pub(crate) struct GatewayParts {
    /// The Kinesis API.
    pub(crate) kinesis: Router,
    /// Where the DynamoDB endpoint listens.
    pub(crate) dynamodb: SocketAddr,
    /// The Data Firehose API.
    pub(crate) firehose: Option<Router>,
    /// The Lambda API.
    pub(crate) lambda: Option<Router>,
    /// What `/_tapeline/` answers.
    pub(crate) admin: Option<Router>,
    /// The folder whose folders are the buckets of S3.
    pub(crate) buckets: Option<PathBuf>,
}

/// The served port. Dropping it closes it.
#[derive(Debug)]
pub(crate) struct Gateway {
    server: Server,
}

impl Gateway {
    /// Serves the services on a port.
    ///
    /// # Errors
    /// When the folder of the buckets cannot be used.
    pub(crate) fn open(port: Port, parts: GatewayParts) -> Result<Self, EndpointError> {
        let services = Services {
            kinesis: parts.kinesis,
            dynamodb: Forward::to(parts.dynamodb)?,
            firehose: parts.firehose,
            lambda: parts.lambda,
            admin: parts.admin,
            s3: parts.buckets.as_deref().map(s3::router).transpose()?,
        };
        let router = Router::new().fallback(dispatch).with_state(Arc::new(services));
        Ok(Self { server: port.serve(router)? })
    }

    /// The variables that lead an AWS SDK here.
    pub(crate) fn variables(&self) -> BTreeMap<String, String> {
        port::variables([("AWS_ENDPOINT_URL", self.server.address())])
    }
}

/// What answers requests.
struct Services {
    kinesis: Router,
    dynamodb: Forward,
    firehose: Option<Router>,
    lambda: Option<Router>,
    admin: Option<Router>,
    s3: Option<Router>,
}

/// Whom a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Service {
    Kinesis,
    DynamoDb,
    Firehose,
    Lambda,
    Admin,
    S3,
    /// Somebody who is not here, by the name that the request gives.
    Unknown(String),
}

impl Service {
    /// Reads it off a request.
    fn of(uri: &Uri, headers: &HeaderMap) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        if let Some(target) = text("x-amz-target") {
            return Self::of_target(target);
        }
        let path = uri.path();
        if path.starts_with(ADMIN) {
            return Self::Admin;
        }
        if path.starts_with(FUNCTIONS) {
            return Self::Lambda;
        }
        match text(header::AUTHORIZATION.as_str()).and_then(signed_for) {
            None | Some("s3") => Self::S3,
            Some(other) => Self::Unknown(other.to_owned()),
        }
    }

    /// `X-Amz-Target` is an API with its version, a point, and an operation.
    fn of_target(target: &str) -> Self {
        let api = target.split_once('.').map_or(target, |(api, _)| api);
        match api {
            "Kinesis_20131202" => Self::Kinesis,
            "DynamoDB_20120810" | "DynamoDBStreams_20120810" => Self::DynamoDb,
            "Firehose_20150804" => Self::Firehose,
            other => Self::Unknown(other.to_owned()),
        }
    }
}

/// The service in the scope of a signature: `Credential=<key>/<day>/<region>/<service>/aws4_request`.
fn signed_for(authorization: &str) -> Option<&str> {
    let (_, credential) = authorization.split_once("Credential=")?;
    let credential = credential.split([',', ' ']).next()?;
    // From the end: an access key may have slashes.
    credential.rsplit('/').nth(1)
}

/// Hands a request to its service.
async fn dispatch(State(services): State<Arc<Services>>, request: Request) -> Response {
    let service = Service::of(request.uri(), request.headers());
    let (router, name) = match service {
        Service::Kinesis => (Some(&services.kinesis), "Kinesis"),
        Service::DynamoDb => return services.dynamodb.pass_on(request).await,
        Service::Firehose => (services.firehose.as_ref(), "Firehose"),
        Service::Lambda => (services.lambda.as_ref(), "Lambda"),
        Service::Admin => (services.admin.as_ref(), "The status of a run"),
        Service::S3 => (services.s3.as_ref(), "S3"),
        Service::Unknown(name) => {
            let services = "Kinesis, DynamoDB, DynamoDB Streams, Firehose, Lambda and S3";
            return refused(&format!("expected a request for one of {services}, was one for {name}"));
        }
    };
    match router {
        Some(router) => router.clone().oneshot(request).await.into_response(),
        None => refused(&format!("{name} is not served here: `tapeline up` serves it")),
    }
}

/// The answer to a request that nobody takes, as AWS's JSON services form it.
fn refused(text: &str) -> Response {
    let body = json!({"__type": "UnknownOperationException", "message": text}).to_string();
    let headers =
        [("content-type", "application/x-amz-json-1.1"), ("x-amzn-errortype", "UnknownOperationException")];
    (StatusCode::BAD_REQUEST, headers, body).into_response()
}

#[cfg(test)]
mod tests;
