//! The bytes of a state: little-endian numbers and variable-length integers (LEB128), and nothing that describes them.

use tapeline_market::{Decimal, Timestamp};
use thiserror::Error;

/// Saved bytes cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StateError {
    /// Saved by another version of this crate.
    #[error("expected a state of version {expected}, was {found}")]
    Version {
        /// The version that this crate reads.
        expected: u8,
        /// The version found.
        found: u8,
    },
    /// Saved under another configuration, whose numbers mean something else.
    #[error("expected a state of the same configuration")]
    Configuration,
    /// Not what was saved.
    #[error("expected a whole state, was damaged at byte {at}")]
    Damaged {
        /// Offset of the first byte that cannot be read.
        at: usize,
    },
}

/// Appends to a state.
#[derive(Debug, Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    /// A state of about so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self(Vec::with_capacity(bytes))
    }

    pub(crate) fn byte(&mut self, value: u8) {
        self.0.push(value);
    }

    pub(crate) fn fixed(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub(crate) fn double(&mut self, value: f64) {
        self.fixed(value.to_bits());
    }

    /// Writes seven bits a byte, lowest first.
    pub(crate) fn unsigned(&mut self, mut value: u128) {
        while value >= 0x80 {
            self.byte(lowest_byte(value) | 0x80);
            value >>= 7;
        }
        self.byte(lowest_byte(value));
    }

    /// Writes a signed integer with the sign as its lowest bit, so that small ones stay short.
    pub(crate) fn signed(&mut self, value: i128) {
        self.unsigned(((value << 1) ^ (value >> 127)).cast_unsigned());
    }

    pub(crate) fn decimal(&mut self, value: Decimal) {
        self.byte(value.scale());
        self.signed(value.mantissa());
    }

    /// Writes whole seconds: where bars begin and end.
    pub(crate) fn seconds(&mut self, time: Timestamp) {
        self.unsigned((time.micros() / SECOND_US).unsigned_abs().into());
    }
}

fn lowest_byte(value: u128) -> u8 {
    let [lowest, ..] = value.to_le_bytes();
    lowest
}

const SECOND_US: i64 = 1_000_000;

/// Reads a state from its beginning.
#[derive(Debug)]
pub(crate) struct Reader<'s> {
    state: &'s [u8],
    at: usize,
}

impl<'s> Reader<'s> {
    pub(crate) const fn new(state: &'s [u8]) -> Self {
        Self { state, at: 0 }
    }

    pub(crate) const fn damaged(&self) -> StateError {
        StateError::Damaged { at: self.at }
    }

    /// Asserts that nothing is left.
    pub(crate) const fn end(&self) -> Result<(), StateError> {
        if self.at == self.state.len() { Ok(()) } else { Err(self.damaged()) }
    }

    pub(crate) fn byte(&mut self) -> Result<u8, StateError> {
        let byte = *self.state.get(self.at).ok_or(self.damaged())?;
        self.at += 1;
        Ok(byte)
    }

    pub(crate) fn fixed(&mut self) -> Result<u64, StateError> {
        let bytes = self.state.get(self.at..).and_then(<[u8]>::first_chunk).ok_or(self.damaged())?;
        self.at += bytes.len();
        Ok(u64::from_le_bytes(*bytes))
    }

    pub(crate) fn double(&mut self) -> Result<f64, StateError> {
        self.fixed().map(f64::from_bits)
    }

    pub(crate) fn unsigned(&mut self) -> Result<u128, StateError> {
        let mut value = 0_u128;
        for shift in (0..128).step_by(7) {
            let byte = self.byte()?;
            let bits = u128::from(byte & 0x7f);
            value |= bits << shift;
            if byte < 0x80 {
                // The last byte may hold fewer bits than seven.
                return if (bits << shift) >> shift == bits { Ok(value) } else { Err(self.damaged()) };
            }
        }
        Err(self.damaged())
    }

    pub(crate) fn signed(&mut self) -> Result<i128, StateError> {
        let value = self.unsigned()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }

    pub(crate) fn count(&mut self) -> Result<u64, StateError> {
        let value = self.unsigned()?;
        u64::try_from(value).map_err(|_| self.damaged())
    }

    pub(crate) fn decimal(&mut self) -> Result<Decimal, StateError> {
        let scale = self.byte()?;
        let mantissa = self.signed()?;
        Decimal::new(mantissa, scale).map_err(|_| self.damaged())
    }

    pub(crate) fn seconds(&mut self) -> Result<Timestamp, StateError> {
        let micros = i64::try_from(self.unsigned()?).ok().and_then(|seconds| seconds.checked_mul(SECOND_US));
        micros.and_then(|micros| Timestamp::from_micros(micros).ok()).ok_or(self.damaged())
    }
}

/// The hash of a configuration: FNV-1a, 64 bits. It tells configurations apart, it protects from nobody.
pub(crate) fn hash(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Examples of "DWARF Debugging Information Format Version 5", 7.6, for unsigned LEB128.
    #[test]
    fn integers_are_little_endian_groups_of_seven_bits() {
        for (value, bytes) in [(2, &[2_u8][..]), (127, &[127]), (128, &[0x80, 1]), (12_857, &[0xb9, 0x64])] {
            let mut writer = Writer::default();
            writer.unsigned(value);
            assert_eq!(writer.0, bytes);
        }
    }

    /// Test vectors of the FNV reference code for 64 bits.
    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(
            (hash(""), hash("a"), hash("foobar")),
            (0xcbf2_9ce4_8422_2325, 0xaf63_dc4c_8601_ec8c, 0x8594_4171_f739_67e8)
        );
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(
            unsigned in any::<u128>(), signed in any::<i128>(), double in any::<u64>(), mantissa in any::<i64>(), scale in 0_u8..38,
        ) {
            let decimal = Decimal::new(mantissa.into(), scale).unwrap();
            let mut writer = Writer::default();
            writer.unsigned(unsigned);
            writer.signed(signed);
            writer.double(f64::from_bits(double));
            writer.decimal(decimal);
            let mut reader = Reader::new(&writer.0);
            prop_assert_eq!(reader.unsigned(), Ok(unsigned));
            prop_assert_eq!(reader.signed(), Ok(signed));
            prop_assert_eq!(reader.double().map(f64::to_bits), Ok(double));
            let read = reader.decimal().unwrap();
            prop_assert_eq!((read.mantissa(), read.scale()), (decimal.mantissa(), decimal.scale()));
            prop_assert_eq!(reader.end(), Ok(()));
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&bytes);
            let _ = (reader.unsigned(), reader.decimal(), reader.seconds(), reader.double(), reader.signed());
        }
    }
}
