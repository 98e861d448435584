//! Reads bodies of requests up to a limit.

use std::future::poll_fn;
use std::pin::Pin;

use axum::body::{Body, Bytes, HttpBody};

/// Bytes of an oversized body that are read and thrown away before the connection is given up. A client that is
/// still writing would otherwise see a broken connection instead of the 413.
const DISCARDED_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// A body, as far as it may be kept.
pub(super) enum Read {
    /// All of it.
    Whole(Bytes),
    /// More than the limit: nothing of it.
    TooLarge {
        /// Its bytes, as far as they were read.
        bytes: u64,
    },
    /// The connection broke.
    Truncated,
}

/// Reads a body to its end and keeps it when it has at most `bytes_max`.
///
/// Every body is read before its call is judged: a call refused earlier would break the client's connection.
pub(super) async fn read(mut body: Body, bytes_max: usize) -> Read {
    // What the client announces, which may be anything: at most the limit is set aside.
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    let mut kept = Vec::with_capacity(announced.min(bytes_max));
    let limit = bytes_max as u64;
    let mut bytes: u64 = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(frame) = frame else { return Read::Truncated };
        let Ok(data) = frame.into_data() else { continue };
        bytes = bytes.saturating_add(data.len() as u64);
        if bytes > DISCARDED_BYTES_MAX {
            break;
        }
        if bytes > limit {
            kept = Vec::new();
        } else {
            kept.extend_from_slice(&data);
        }
    }
    if bytes > limit { Read::TooLarge { bytes } } else { Read::Whole(kept.into()) }
}
