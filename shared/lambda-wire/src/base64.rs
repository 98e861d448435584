//! Standard base64, as the service writes and reads it.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurposeConfig, Simd};

/// Padding is written, and may be missing in what is read. The engine asks the processor once for its vector unit.
static ENGINE: LazyLock<Simd> = LazyLock::new(|| {
    Simd::standard(GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent))
});

/// Appends the bytes that `text` stands for.
pub(crate) fn decode(text: &str, out: &mut Vec<u8>) -> Result<(), base64::DecodeError> {
    ENGINE.decode_vec(text, out)
}

/// Appends `data` as text.
pub(crate) fn encode(data: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + data.len().div_ceil(3) * 4, 0);
    // The slice has just been made as long as the text will be: there is no error.
    let written = out.get_mut(start..).and_then(|text| ENGINE.encode_slice(data, text).ok()).unwrap_or(0);
    out.truncate(start + written);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The test vectors of RFC 4648, section 10.
    #[test]
    fn the_vectors_of_the_standard_hold() {
        for (data, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")]
        {
            let (mut encoded, mut decoded) = (Vec::new(), Vec::new());
            encode(data.as_bytes(), &mut encoded);
            decode(text.trim_end_matches('='), &mut decoded).unwrap();
            assert_eq!((encoded.as_slice(), decoded.as_slice()), (text.as_bytes(), data.as_bytes()));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_come_back(data in prop::collection::vec(any::<u8>(), 0..1000)) {
            let (mut encoded, mut decoded) = (b"kept".to_vec(), Vec::new());
            encode(&data, &mut encoded);
            decode(std::str::from_utf8(&encoded[4..]).unwrap(), &mut decoded).unwrap();
            prop_assert_eq!(decoded, data);
        }
    }
}
