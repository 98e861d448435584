//! Where the frames of a record begin and end.
//!
//! A record may hold one frame, JSON Lines or concatenated JSON, a JSON array of frames; any of them compressed
//! with gzip or zstd, in base64 once more (as Firehose hands over a blob that it could not de-aggregate), or
//! aggregated by the Kinesis Producer Library; and these in each other, [`LAYERS_MAX`] deep. [`texts`] takes the
//! layers off, [`Documents`] finds the documents in the text.

mod compression;
mod documents;
pub mod kpl;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use thiserror::Error;

pub use documents::Documents;

use crate::Reason;

/// The most bytes a record may decompress to, all layers together: what a function of 256 MB can hold twice.
pub const EXPANDED_BYTES_MAX: usize = 64 * 1024 * 1024;
/// The most bytes that one byte of a record may decompress to. JSON of market data compresses 5 to 30 times.
pub const EXPANSION_RATIO_MAX: usize = 200;
/// The most frames of one record. 1 MiB of the shortest real frames, compressed well, stays below.
pub const FRAMES_MAX: usize = 100_000;
/// The most layers around a frame: base64, aggregation, compression, and one to spare.
pub const LAYERS_MAX: usize = 4;

/// The bytes of a record are no frames.
#[derive(Debug, Error)]
pub enum FramingError {
    /// The text looked like base64 and is none.
    #[error("expected base64 inside of the record")]
    Base64(#[source] base64::DecodeError),
    /// A gzip stream that does not decompress.
    #[error("expected a whole gzip stream")]
    Gzip(#[source] std::io::Error),
    /// A zstd stream that does not decompress.
    #[error("expected a whole zstd stream")]
    Zstd(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Decompresses to too much.
    #[error("expected at most {limit} bytes after decompression")]
    Expansion {
        /// What the record's size allowed.
        limit: usize,
    },
    /// An aggregated record whose checksum is right but whose content is not.
    #[error("expected an aggregated record")]
    Kpl(#[from] kpl::KplError),
    /// Compression in compression in compression.
    #[error("expected at most {LAYERS_MAX} layers around a frame")]
    Layers,
    /// Not UTF-8.
    #[error("expected UTF-8 text, was another byte at {at}")]
    Utf8 {
        /// Offset of the first byte that is none.
        at: usize,
    },
    /// The exchange's binary encoding.
    #[error("expected JSON, was a binary message of template {template}")]
    Sbe {
        /// The template id of the message.
        template: u16,
    },
    /// The text is no sequence of JSON documents.
    #[error(transparent)]
    Json(#[from] tapeline_json::JsonError),
    /// Too many frames.
    #[error("expected at most {FRAMES_MAX} frames in a record")]
    Frames,
}

impl FramingError {
    /// The code under which the refusal is counted.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Base64(_) => Reason::BadBase64,
            Self::Gzip(_) => Reason::BadGzip,
            Self::Zstd(_) => Reason::BadZstd,
            Self::Expansion { .. } | Self::Layers => Reason::ExpansionLimit,
            Self::Kpl(_) => Reason::BadKpl,
            Self::Utf8 { .. } | Self::Json(_) => Reason::BadJson,
            Self::Sbe { .. } => Reason::SbeUnsupported,
            Self::Frames => Reason::TooManyFrames,
        }
    }
}

/// Takes the layers off a record and hands each text inside to `each`, in order; stops at the first error.
///
/// A plain record is handed on as it stands, without a copy. An empty record has no text.
///
/// # Errors
/// A [`FramingError`] when a layer is damaged or too large, and whatever `each` returns.
pub fn texts<E: From<FramingError>>(
    data: &[u8],
    each: &mut impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let limit = data.len().saturating_mul(EXPANSION_RATIO_MAX).min(EXPANDED_BYTES_MAX);
    let mut unwrapping = Unwrapping { limit, expanded: 0, each };
    unwrapping.layer(data, 0)
}

struct Unwrapping<'e, F> {
    /// Bytes that taking off layers may give, all of them together.
    limit: usize,
    /// Bytes that it gave so far.
    expanded: usize,
    each: &'e mut F,
}

impl<F> Unwrapping<'_, F> {
    fn layer<E>(&mut self, data: &[u8], depth: usize) -> Result<(), E>
    where
        E: From<FramingError>,
        F: FnMut(&str) -> Result<(), E>,
    {
        let inner = match Layer::of(data) {
            Layer::Nothing => return Ok(()),
            Layer::Text => return (self.each)(text(data)?),
            _ if depth == LAYERS_MAX => return Err(FramingError::Layers.into()),
            Layer::Kpl(records) => {
                self.count(data.len())?;
                for record in records {
                    self.layer(record.map_err(FramingError::Kpl)?.data, depth + 1)?;
                }
                return Ok(());
            }
            Layer::Gzip => compression::gunzip(data, self.budget())?,
            Layer::Zstd => compression::unzstd(data, self.budget())?,
            Layer::Base64 => BASE64.decode(data.trim_ascii()).map_err(FramingError::Base64)?,
        };
        self.count(inner.len())?;
        self.layer(&inner, depth + 1)
    }

    /// Counts what a layer gives. The parts of an aggregate are no copies, but they are texts beside those of the
    /// parts that expand.
    fn count(&mut self, bytes: usize) -> Result<(), FramingError> {
        self.expanded = self.expanded.saturating_add(bytes);
        if self.expanded > self.limit {
            return Err(FramingError::Expansion { limit: self.limit });
        }
        Ok(())
    }

    fn budget(&self) -> compression::Budget {
        compression::Budget { left: self.limit.saturating_sub(self.expanded), limit: self.limit }
    }
}

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What the outermost layer of some bytes is, told by their first bytes.
enum Layer<'a> {
    Nothing,
    Text,
    Gzip,
    Zstd,
    Kpl(kpl::Records<'a>),
    Base64,
}

impl<'a> Layer<'a> {
    fn of(data: &'a [u8]) -> Self {
        let trimmed = data.trim_ascii_start();
        match trimmed {
            [] => Self::Nothing,
            [b'{' | b'[', ..] => Self::Text,
            _ if data.starts_with(&[0x1f, 0x8b]) => Self::Gzip,
            _ if data.starts_with(&[0x28, 0xb5, 0x2f, 0xfd]) => Self::Zstd,
            _ if looks_like_base64(trimmed) => Self::Base64,
            // Aggregation with another magic, length or checksum is a plain record, as for AWS's own libraries.
            _ => kpl::records(data).map_or(Self::Text, Self::Kpl),
        }
    }
}

/// At least one group of the standard alphabet and nothing else. JSON that is no container (`null`, `12345678`) may
/// look so too; it is refused either way.
fn looks_like_base64(data: &[u8]) -> bool {
    let symbols = data.trim_ascii_end();
    symbols.len() >= 4
        && symbols.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='))
}

fn text(data: &[u8]) -> Result<&str, FramingError> {
    std::str::from_utf8(data).map_err(|error| match sbe_template(data) {
        Some(template) => FramingError::Sbe { template },
        None => FramingError::Utf8 { at: error.valid_up_to() },
    })
}

/// The template id if the bytes begin with the exchange's SBE header: block length, template id, schema id and
/// version, each a little-endian `u16`; market streams use templates 10000 to 10003 of schema 1.
fn sbe_template(data: &[u8]) -> Option<u16> {
    let &[_, _, low, high, schema, 0, ..] = data else { return None };
    let template = u16::from_le_bytes([low, high]);
    (schema == 1 && (10_000..10_100).contains(&template)).then_some(template)
}

/// Shortens what is quoted in an error: payloads do not belong into logs.
pub(crate) fn excerpt(found: &str) -> Cow<'_, str> {
    const CHARS_MAX: usize = 40;
    match found.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => Cow::Owned(format!("{}...", found.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(found),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn gzip(data: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(data).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(data: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(data, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn unwrapped(data: &[u8]) -> Result<Vec<String>, FramingError> {
        let mut found = Vec::new();
        texts(data, &mut |text: &str| {
            found.push(text.to_owned());
            Ok(())
        })
        .map(|()| found)
    }

    fn check(data: &[u8], expected: &[&str]) {
        assert_eq!(unwrapped(data).unwrap(), expected);
    }

    fn refused(data: &[u8]) -> Reason {
        unwrapped(data).unwrap_err().reason()
    }

    #[test]
    fn plain_text_is_handed_on_as_it_stands() {
        check(b" {\"a\":1}\n{\"a\":2}\n", &[" {\"a\":1}\n{\"a\":2}\n"]);
    }

    #[test]
    fn an_empty_record_has_no_text() {
        check(b"", &[]);
        check(b" \r\n", &[]);
    }

    #[test]
    fn layers_come_off_in_any_order() {
        let frame = br#"{"e":"trade"}"#;
        let base64 = |data: &[u8]| BASE64.encode(data).into_bytes();
        for data in [
            gzip(frame),
            zstd(frame),
            base64(frame),
            gzip(&zstd(frame)),
            base64(&gzip(frame)),
            gzip(&base64(frame)),
            kpl::aggregate(&[("k", &gzip(frame))]),
            base64(&kpl::aggregate(&[("k", frame)])),
        ] {
            check(&data, &[r#"{"e":"trade"}"#]);
        }
    }

    #[test]
    fn unpadded_base64_with_a_newline_is_read() {
        check(b"eyJhIjoxfQ\n", &["{\"a\":1}"]);
        assert_eq!(refused(b"eyJhIjoxfQ==="), Reason::BadBase64);
    }

    #[test]
    fn members_of_gzip_and_frames_of_zstd_are_joined() {
        check(&[gzip(b"{}"), gzip(b"[]")].concat(), &["{}[]"]);
        check(&[zstd(b"{}"), zstd(b"[]")].concat(), &["{}[]"]);
    }

    #[test]
    fn zstd_frames_that_carry_no_data_are_passed_over() {
        let skippable = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"xyz"].concat();
        check(&[zstd(b"{}"), skippable].concat(), &["{}"]);
    }

    #[test]
    fn damaged_compression_is_refused() {
        let (gzip, zstd) = (gzip(br#"{"a":123456789}"#), zstd(br#"{"a":123456789}"#));
        assert_eq!(refused(&gzip[..gzip.len() - 4]), Reason::BadGzip);
        assert_eq!(refused(&[&gzip[..], b"x"].concat()), Reason::BadGzip);
        assert_eq!(refused(&zstd[..zstd.len() - 4]), Reason::BadZstd);
        assert_eq!(refused(&[&zstd[..], b"x"].concat()), Reason::BadZstd);
    }

    #[test]
    fn a_bomb_is_refused() {
        assert_eq!(refused(&gzip(&vec![b' '; 10_000_000])), Reason::ExpansionLimit);
        assert_eq!(refused(&zstd(&vec![b' '; 10_000_000])), Reason::ExpansionLimit);
    }

    #[test]
    fn parts_beside_one_that_expands_count_too() {
        let plain = vec![b'{'; 10_000];
        let (mut record, mut expanded) = (Vec::new(), 0);
        // Each round fills what the last record's size allows, but for half of the plain part.
        for _ in 0..8 {
            record = kpl::aggregate(&[("k", &gzip(&vec![b'{'; expanded])), ("k", &plain)]);
            expanded = record.len() * EXPANSION_RATIO_MAX - plain.len() / 2;
        }
        assert_eq!(refused(&record), Reason::ExpansionLimit);
    }

    #[test]
    fn base64_inside_of_compression_counts_too() {
        // 60,000 bytes of base64 that give 45,000, in a record of 400 or a little less: 80,000 are allowed.
        let wrapped = gzip(&BASE64.encode(vec![b'{'; 45_000]).into_bytes());
        let nothing = gzip(b"").repeat((400 - wrapped.len()) / gzip(b"").len());
        let record = [wrapped, nothing].concat();
        assert!((380..=400).contains(&record.len()), "{} bytes", record.len());
        assert_eq!(refused(&record), Reason::ExpansionLimit);
    }

    #[test]
    fn a_zstd_window_larger_than_the_limit_is_refused_before_it_is_allocated() {
        // Magic, no content size, window descriptor of 128 GiB (RFC 8878, section 3.1.1.1.2).
        let huge = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xd8, 0x01, 0x00, 0x00];
        assert_eq!(refused(&huge), Reason::ExpansionLimit);
    }

    #[test]
    fn endless_layers_are_refused() {
        let mut data = b"{}".to_vec();
        for _ in 0..5 {
            data = BASE64.encode(&data).into_bytes();
        }
        assert_eq!(refused(&data), Reason::ExpansionLimit);
    }

    #[test]
    fn aggregation_with_a_wrong_checksum_is_a_plain_record() {
        let mut data = kpl::aggregate(&[("k", b"{}")]);
        *data.last_mut().unwrap() ^= 1;
        assert_eq!(refused(&data), Reason::BadJson);
    }

    #[test]
    fn binary_messages_of_the_exchange_are_told_apart() {
        // Block length 18, template 10000 (trades), schema 1, version 0.
        assert_eq!(refused(&[18, 0, 0x10, 0x27, 1, 0, 0, 0, 0xff]), Reason::SbeUnsupported);
        assert_eq!(refused(&[0xff, 0xfe]), Reason::BadJson);
    }

    proptest! {
        #[test]
        fn any_bytes_are_answered_within_the_bounds(data in prop::collection::vec(any::<u8>(), 0..200), layer in 0..5) {
            let data = match layer {
                0 => data,
                1 => gzip(&data),
                2 => zstd(&data),
                3 => BASE64.encode(&data).into_bytes(),
                _ => kpl::aggregate(&[("k", &data)]),
            };
            if let Ok(texts) = unwrapped(&data) {
                prop_assert!(texts.iter().map(String::len).sum::<usize>() <= data.len() * EXPANSION_RATIO_MAX);
            }
        }
    }
}
