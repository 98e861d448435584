//! What `tapeline` commands ask a running `tapeline up`, below `/_tapeline/`: no service of AWS has such paths.

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

use crate::engine::live::Live;

/// Routes to the status, and to the records of one stream as they come.
pub(super) fn router(live: Live) -> Router {
    Router::new()
        .route("/_tapeline/status", get(status))
        .route("/_tapeline/tail/{name}", get(tail))
        .with_state(live)
}

async fn status(State(live): State<Live>) -> Response {
    match serde_json::to_vec(&live.status().await) {
        Ok(status) => ([(header::CONTENT_TYPE, "application/json")], status).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn tail(State(live): State<Live>, Path(name): Path<String>) -> Response {
    match live.tail(&name).await {
        Some(lines) => {
            ([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response()
        }
        None => {
            let text = format!(
                "expected the name of a stream, one of {}, was {name:?}",
                live.names().await.join(", ")
            );
            (StatusCode::NOT_FOUND, text).into_response()
        }
    }
}
