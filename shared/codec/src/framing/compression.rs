//! Decompression under a budget.

use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::StreamingDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};

use super::FramingError;

/// The largest zstd window accepted: what RFC 8878 asks every decoder to support, and what encoders stay within
/// unless told to (`--long`). The decoder allocates it before it has read any data.
const ZSTD_WINDOW_BYTES_MAX: u64 = 8 * 1024 * 1024;

/// How much a layer may still give.
#[derive(Debug, Clone, Copy)]
pub(super) struct Budget {
    /// Bytes left.
    pub(super) left: usize,
    /// Bytes at the start, for the error.
    pub(super) limit: usize,
}

/// Decompresses every member of a gzip stream.
pub(super) fn gunzip(data: &[u8], budget: Budget) -> Result<Vec<u8>, FramingError> {
    let mut out = Vec::new();
    read_within(MultiGzDecoder::new(data), budget, &mut out).map_err(|error| error.or(FramingError::Gzip))?;
    Ok(out)
}

/// Decompresses every frame of a zstd stream.
pub(super) fn unzstd(data: &[u8], budget: Budget) -> Result<Vec<u8>, FramingError> {
    let mut out = Vec::new();
    let mut rest = data;
    while !rest.is_empty() {
        match StreamingDecoder::new_with_max_window_size(&mut rest, ZSTD_WINDOW_BYTES_MAX) {
            Ok(decoder) => read_within(decoder, budget, &mut out)
                .map_err(|error| error.or(|source| FramingError::Zstd(source.into())))?,
            Err(error) => rest = skip_frame(rest, error, budget)?,
        }
    }
    Ok(out)
}

/// Passes over a frame that carries no data; its header has been read from `rest` already.
fn skip_frame(rest: &[u8], error: FrameDecoderError, budget: Budget) -> Result<&[u8], FramingError> {
    match error {
        FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. }) => {
            let behind = usize::try_from(length).ok().and_then(|length| rest.get(length..));
            behind.ok_or_else(|| FramingError::Zstd("the stream ends inside of a skippable frame".into()))
        }
        FrameDecoderError::WindowSizeTooBig { .. } => Err(FramingError::Expansion { limit: budget.limit }),
        other => Err(FramingError::Zstd(other.into())),
    }
}

/// Why reading within a budget stopped.
enum Stopped {
    Limit(usize),
    Source(std::io::Error),
}

impl Stopped {
    fn or(self, damaged: impl FnOnce(std::io::Error) -> FramingError) -> FramingError {
        match self {
            Self::Limit(limit) => FramingError::Expansion { limit },
            Self::Source(source) => damaged(source),
        }
    }
}

/// Appends all that `source` gives, as long as `out` stays within the budget.
fn read_within(source: impl Read, budget: Budget, out: &mut Vec<u8>) -> Result<(), Stopped> {
    // One byte more than is left tells a full source from one that has more.
    let room = budget.left.saturating_sub(out.len()).saturating_add(1);
    let read = source.take(room.try_into().unwrap_or(u64::MAX)).read_to_end(out).map_err(Stopped::Source)?;
    if read == room { Err(Stopped::Limit(budget.limit)) } else { Ok(()) }
}
