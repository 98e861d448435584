//! One frame, one record: as the exchange sent it.

use std::sync::Arc;

use super::mark;
use crate::frame::Frame;
use crate::sink::Record;

/// The record of a frame.
pub(super) fn record(frame: Frame, partition_key: Arc<str>) -> Record {
    let mut marks = Vec::new();
    mark(&mut marks, &frame);
    Record { partition_key, data: frame.text, frames: 1, marks, oldest: frame.received }
}
