//! One JSON document a record, for destinations that index a record as one document: OpenSearch, Splunk and the like.

use tapeline_market::Timestamp;

use super::json;
use crate::binance::Message;

/// A second document in a record would be indexed with the first, or lost.
pub(super) const FRAMES_MAX: Option<usize> = Some(1);

pub(super) fn write(message: &Message<'_>, arrival: Option<Timestamp>, out: &mut Vec<u8>) {
    json::write(message, arrival, out);
    out.push(b'\n');
}
