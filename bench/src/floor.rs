//! What nobody can do without: the payload checked to be UTF-8, base64 taken off and put on, the bytes in and out copied.

use std::hint::black_box;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::{GeneralPurposeConfig, Simd};
use serde_json::Value;

/// The bytes of one event and its answer.
pub(crate) struct Floor {
    event: Vec<u8>,
    answer: Vec<u8>,
    engine: Simd,
    /// Base64 texts of the event, and of its answer decoded.
    texts: Vec<String>,
    rows: Vec<Vec<u8>>,
    buffer: Vec<u8>,
}

/// The parts of the floor, in the order in which [`Floor::round`] gives them.
pub(crate) const PARTS: [&str; 5] =
    ["UTF-8 check of the event", "base64 decode", "base64 encode", "copy of the event", "copy of the answer"];

impl Floor {
    pub(crate) fn new(event: Vec<u8>, answer: Vec<u8>) -> Self {
        // The fastest of the base64 crate, by the vector unit of this processor.
        let engine = Simd::standard(GeneralPurposeConfig::new());
        let [texts, row_texts] = [&event, &answer].map(|document| texts(document));
        let rows = row_texts.iter().map(|text| engine.decode(text).expect("base64")).collect();
        let buffer = vec![0; event.len().max(answer.len())];
        Self { event, answer, engine, texts, rows, buffer }
    }

    /// Does each part once; gives the seconds of each.
    pub(crate) fn round(&mut self) -> [f64; PARTS.len()] {
        let Self { event, answer, engine, texts, rows, buffer } = self;
        [
            seconds(|| {
                black_box(std::str::from_utf8(black_box(event)).expect("UTF-8"));
            }),
            seconds(|| {
                for text in &*texts {
                    black_box(engine.decode_slice(text, buffer).expect("room"));
                }
            }),
            seconds(|| {
                for row in &*rows {
                    black_box(engine.encode_slice(row, buffer).expect("room"));
                }
            }),
            seconds(|| copy(event, buffer)),
            seconds(|| copy(answer, buffer)),
        ]
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    let start = Instant::now();
    work();
    start.elapsed().as_secs_f64()
}

fn copy(from: &[u8], to: &mut [u8]) {
    for (to, from) in to.iter_mut().zip(black_box(from)) {
        *to = *from;
    }
    black_box(to);
}

/// The data of every record.
fn texts(event: &[u8]) -> Vec<String> {
    let event: Value = serde_json::from_slice(event).expect("JSON");
    let records = event["records"].as_array().expect("records").iter();
    records.map(|record| record["data"].as_str().expect("data").to_owned()).collect()
}
