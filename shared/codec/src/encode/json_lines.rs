//! JSON Lines: one document and one newline for each message, as many in a record as it held frames.

use tapeline_market::Timestamp;

use super::json;
use crate::binance::Message;

pub(super) const FRAMES_MAX: Option<usize> = None;

pub(super) fn write(message: &Message<'_>, arrival: Option<Timestamp>, out: &mut Vec<u8>) {
    json::write(message, arrival, out);
    out.push(b'\n');
}
