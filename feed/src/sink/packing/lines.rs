//! JSON Lines: frames with a line feed behind each.

use bytes::Bytes;

/// Frames as lines.
#[derive(Debug, Default)]
pub(super) struct Lines(Vec<u8>);

impl Lines {
    /// Bytes with one more frame.
    pub(super) const fn bytes_with(&self, frame: &[u8]) -> usize {
        self.0.len() + frame.len() + 1
    }

    pub(super) fn add(&mut self, frame: &[u8]) {
        self.0.extend_from_slice(frame);
        self.0.push(b'\n');
    }

    pub(super) fn finish(self) -> Bytes {
        self.0.into()
    }
}
