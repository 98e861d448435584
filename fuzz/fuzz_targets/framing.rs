//! Wrapped content to texts, within the bounds.
//!
//! The first byte chooses up to three layers to wrap the rest in, so that the fuzzer need not find out checksums.
//! Whatever comes out stays within what the record's size allows; JSON text comes out as it went in.
#![no_main]

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use md5::{Digest as _, Md5};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};
use serde_json::value::RawValue;
use tapeline_codec::framing::{
    Documents, EXPANDED_BYTES_MAX, EXPANSION_RATIO_MAX, FRAMES_MAX, FramingError, kpl, texts,
};

/// So large may content be when it is repeated, for the speed of the fuzzer.
const REPEATED_BYTES_MAX: usize = 512 * 1024;

fuzz_target!(|bytes: &[u8]| {
    if let Some((&choice, content)) = bytes.split_first() {
        check(&Wrapped::of(choice, content));
    }
});

/// Content in its layers.
struct Wrapped {
    record: Vec<u8>,
    /// The texts that must come out; `None` where the content is no JSON text or a layer did not leave it whole.
    texts: Option<Vec<Vec<u8>>>,
    /// Bytes that taking off all layers gives.
    expanded: usize,
}

impl Wrapped {
    fn of(choice: u8, content: &[u8]) -> Self {
        let texts = is_json_text(content).then(|| vec![content.to_vec()]);
        let mut wrapped = Self { record: content.to_vec(), texts, expanded: 0 };
        for layer in [choice & 7, choice >> 3 & 7, choice >> 6] {
            wrapped.wrap(layer);
        }
        wrapped
    }

    fn wrap(&mut self, layer: u8) {
        match layer {
            1 => self.encode(gzip),
            2 => self.encode(zstd),
            3 => self.encode(|data| STANDARD.encode(data).into_bytes()),
            4 => self.aggregate(),
            5 => self.frame_as_message(),
            6 => self.repeat(256),
            7 => self.cut(),
            _ => {}
        }
    }

    fn encode(&mut self, encode: impl Fn(&[u8]) -> Vec<u8>) {
        self.expanded += self.record.len();
        self.record = encode(&self.record);
    }

    /// Aggregates the record with a copy of itself.
    fn aggregate(&mut self) {
        self.record = kpl::aggregate(&[("a", &self.record), ("b", &self.record)]);
        self.expanded = 2 * self.expanded + self.record.len();
        self.texts = self.texts.take().map(|texts| [&texts[..], &texts[..]].concat());
    }

    /// Takes the record for the message of an aggregate: what a damaged producer might sign.
    fn frame_as_message(&mut self) {
        self.record = [b"\xf3\x89\x9a\xc2", self.record.as_slice(), &Md5::digest(&self.record)].concat();
        self.texts = None;
    }

    /// Repeats the record and compresses it: documents, members of gzip and frames of zstd may follow each other.
    fn repeat(&mut self, times: usize) {
        let is_plain = self.texts.as_ref().is_some_and(|texts| *texts == [self.record.as_slice()]);
        self.record = self.record.repeat(times.min(REPEATED_BYTES_MAX / self.record.len().max(1)));
        self.texts = is_plain.then(|| vec![self.record.clone()]);
        self.encode(gzip);
    }

    /// Aggregates the halves of the record, with a part of nothing between them.
    fn cut(&mut self) {
        let (first, second) = self.record.split_at(self.record.len() / 2);
        self.record = kpl::aggregate(&[("a", first), ("b", b""), ("a", second)]);
        self.texts = None;
    }
}

/// Whether the content is a text that framing knows for one at its first byte.
fn is_json_text(content: &[u8]) -> bool {
    matches!(content.trim_ascii_start(), [b'{' | b'[', ..])
        && serde_json::from_slice::<&RawValue>(content).is_ok()
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(data).expect("a vector takes everything");
    encoder.finish().expect("a vector takes everything")
}

fn zstd(data: &[u8]) -> Vec<u8> {
    compress_to_vec(data, CompressionLevel::Fastest)
}

fn check(wrapped: &Wrapped) {
    let limit = wrapped.record.len().saturating_mul(EXPANSION_RATIO_MAX).min(EXPANDED_BYTES_MAX);
    let (found, result) = unwrapped(&wrapped.record);
    let bytes: usize = found.iter().map(String::len).sum();
    assert!(bytes <= limit, "{bytes} bytes of text, {limit} are allowed");
    if let Some(expected) = &wrapped.texts {
        assert!(result.is_err() || found.iter().map(String::as_bytes).eq(expected), "another text came out");
        let expanded = wrapped.expanded;
        match result {
            Ok(()) => assert!(expanded <= limit, "{expanded} bytes, {limit} are allowed"),
            Err(FramingError::Expansion { .. }) => assert!(expanded > limit, "{expanded} bytes are allowed"),
            Err(error) => panic!("JSON text was refused: {error:?}"),
        }
    }
    for text in &found {
        assert!(documents(text) <= FRAMES_MAX);
    }
}

fn unwrapped(record: &[u8]) -> (Vec<String>, Result<(), FramingError>) {
    let mut found = Vec::new();
    let result = texts(record, &mut |text: &str| {
        found.push(text.to_owned());
        Ok(())
    });
    (found, result)
}

/// Counts the documents of a text, up to the first that is none.
fn documents(text: &str) -> usize {
    let mut documents = Documents::new(text);
    let mut found = 0;
    while let Ok(Some(cursor)) = documents.step() {
        found += 1;
        if cursor.value().is_err() {
            break;
        }
    }
    found
}
