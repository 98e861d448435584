//! Bodies in `aws-chunked` encoding, as SDKs stream them: each chunk with its length and mostly its signature.
//!
//! The form is that of "Signature calculations for the Authorization header: transferring payload in multiple chunks":
//! `<length in hex>[;chunk-signature=<hex>]\r\n<data>\r\n`, a last chunk of length 0, then trailing headers.

use axum::body::{Body, Bytes};
use futures_util::{StreamExt as _, stream};
use thiserror::Error;

/// Longest line in front of a chunk; a length and a signature take about a hundred.
const LINE_BYTES_MAX: usize = 1024;

/// A body is not in chunks.
#[derive(Debug, Error)]
pub(super) enum ChunkError {
    /// The body breaks off.
    #[error("the body must be received")]
    Body(#[source] axum::Error),
    /// The line in front of a chunk is something else.
    #[error("a chunk must begin with its length in hexadecimal digits")]
    Length,
    /// There is no line feed where a line or a chunk ends.
    #[error("a chunk must end with a line feed")]
    End,
    /// The last chunk is not there.
    #[error("the last chunk must be one of length 0")]
    Incomplete,
}

/// The data of a body's chunks. Signatures and trailing checksums are left out unchecked.
pub(super) fn decoded(body: Body) -> Body {
    let start = (body.into_data_stream(), Decoder::default());
    Body::from_stream(stream::try_unfold(start, |(mut received, mut decoder)| async move {
        while let Some(bytes) = received.next().await {
            let data = decoder.decode(&bytes.map_err(ChunkError::Body)?)?;
            if !data.is_empty() {
                return Ok(Some((data, (received, decoder))));
            }
        }
        decoder.finish().map(|()| None)
    }))
}

/// Where in a body the decoder is.
#[derive(Debug)]
enum Stage {
    /// In the line in front of a chunk.
    Line(Vec<u8>),
    /// In the data of a chunk, of which this much is to come.
    Data(u64),
    /// Behind it, with what is to come of its line feed.
    End(&'static [u8]),
    /// Behind the last chunk.
    Trailers,
}

#[derive(Debug)]
struct Decoder(Stage);

impl Default for Decoder {
    fn default() -> Self {
        Self(Stage::Line(Vec::new()))
    }
}

impl Decoder {
    /// Gives the data in the next bytes of the body.
    fn decode(&mut self, mut bytes: &[u8]) -> Result<Bytes, ChunkError> {
        let mut data = Vec::with_capacity(bytes.len());
        while let Some((first, rest)) = bytes.split_first() {
            match &mut self.0 {
                Stage::Line(line) => {
                    bytes = rest;
                    if *first == b'\n' {
                        self.0 = behind_line(line)?;
                    } else if line.len() < LINE_BYTES_MAX {
                        line.push(*first);
                    } else {
                        return Err(ChunkError::Length);
                    }
                }
                Stage::Data(remaining) => {
                    let taken = usize::try_from(*remaining).map_or(bytes.len(), |most| most.min(bytes.len()));
                    let (of_chunk, behind) = bytes.split_at(taken);
                    data.extend_from_slice(of_chunk);
                    bytes = behind;
                    *remaining -= taken as u64;
                    if *remaining == 0 {
                        self.0 = Stage::End(b"\r\n");
                    }
                }
                Stage::End(expected) => {
                    bytes = rest;
                    self.0 = match expected.split_first() {
                        Some((one, [])) if one == first => Stage::Line(Vec::new()),
                        Some((one, to_come)) if one == first => Stage::End(to_come),
                        _ => return Err(ChunkError::End),
                    };
                }
                Stage::Trailers => break,
            }
        }
        Ok(data.into())
    }

    /// Refuses a body that is not at its end.
    const fn finish(&self) -> Result<(), ChunkError> {
        match self.0 {
            Stage::Trailers => Ok(()),
            _ => Err(ChunkError::Incomplete),
        }
    }
}

/// Reads the line in front of a chunk.
fn behind_line(line: &[u8]) -> Result<Stage, ChunkError> {
    let digits = line.split(|byte| matches!(byte, b';' | b'\r')).next().unwrap_or_default();
    // The parser would take a sign.
    let digits = std::str::from_utf8(digits).ok().filter(|digits| !digits.starts_with('+'));
    let length = digits.and_then(|digits| u64::from_str_radix(digits, 16).ok());
    match length.ok_or(ChunkError::Length)? {
        0 => Ok(Stage::Trailers),
        length => Ok(Stage::Data(length)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a body that arrives in pieces of this many bytes.
    fn check(body: &[u8], piece_bytes: usize) -> Result<Vec<u8>, ChunkError> {
        let mut decoder = Decoder::default();
        let mut data = Vec::new();
        for piece in body.chunks(piece_bytes) {
            data.extend_from_slice(&decoder.decode(piece)?);
        }
        decoder.finish().map(|()| data)
    }

    #[test]
    fn data_is_found_however_the_body_is_cut() {
        let signature = "b".repeat(64);
        // Two chunks of 16 and 3 bytes; the data itself looks like the end of a chunk.
        let body = format!(
            "10;chunk-signature={signature}\r\nabc\r\n0\r\n\r\n123456\r\n3;chunk-signature={signature}\r\nxyz\r\n\
            0;chunk-signature={signature}\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n"
        );
        for piece_bytes in [1, 2, 3, 5, 64, 1000] {
            assert_eq!(check(body.as_bytes(), piece_bytes).unwrap(), b"abc\r\n0\r\n\r\n123456xyz");
        }
    }

    #[test]
    fn chunks_need_no_signature() {
        assert_eq!(check(b"A\r\n0123456789\r\n0\r\n\r\n", 7).unwrap(), b"0123456789");
    }

    #[test]
    fn a_body_without_its_last_chunk_is_refused() {
        assert!(matches!(check(b"2\r\nab\r\n", 7), Err(ChunkError::Incomplete)));
        assert!(matches!(check(b"5\r\nab", 7), Err(ChunkError::Incomplete)));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        assert!(matches!(check(b"zz\r\n", 7), Err(ChunkError::Length)));
        assert!(matches!(check(b"+2\r\nab\r\n0\r\n", 7), Err(ChunkError::Length)));
        assert!(matches!(check(&[b'0'; 2000], 7), Err(ChunkError::Length)));
        assert!(matches!(check(b"2\r\nabc\r\n", 7), Err(ChunkError::End)));
        assert!(matches!(check(b"3\r\nab\r\n0\r\n", 7), Err(ChunkError::End)));
    }
}
