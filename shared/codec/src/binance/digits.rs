//! Decimals as the exchange writes them.

use std::fmt;

use tapeline_market::{DIGITS_MAX, Decimal, DecimalError};

/// The digits of a decimal, checked and otherwise untouched: what stood in the frame stands in the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Digits<'a>(&'a str);

impl<'a> Digits<'a> {
    /// Checks digits with at most one point between them: no sign, exponent, space or leading zero, at most
    /// [`DIGITS_MAX`] digits.
    pub fn unsigned(text: &'a str) -> Option<Self> {
        let bytes = text.as_bytes();
        let is_digit = |byte: &u8| byte.is_ascii_digit();
        let whole = bytes.iter().position(|byte| !is_digit(byte)).unwrap_or(bytes.len());
        let has_leading_zero = whole > 1 && bytes.first() == Some(&b'0');
        if whole == 0 || has_leading_zero || bytes.len() > DIGITS_MAX + 1 {
            return None;
        }
        match bytes.get(whole..)? {
            [] if whole <= DIGITS_MAX => Some(Self(text)),
            // Without an early exit the compiler looks at many digits at once.
            [b'.', fraction @ ..]
                if !fraction.is_empty() && fraction.iter().filter(|b| !is_digit(b)).count() == 0 =>
            {
                Some(Self(text))
            }
            _ => None,
        }
    }

    /// Checks what the reader has told to be a number without sign and exponent: only its length is left to look at.
    #[inline]
    pub(super) fn of_number(text: &'a str) -> Option<Self> {
        if text.len() <= DIGITS_MAX { Some(Self(text)) } else { Self::unsigned(text) }
    }

    /// Like [`Self::unsigned`], with a minus allowed in front: differences and rates may be negative.
    pub fn signed(text: &'a str) -> Option<Self> {
        Self::unsigned(text.strip_prefix('-').unwrap_or(text)).map(|_| Self(text))
    }

    /// The digits as they stood in the frame: a JSON number as well.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The value, to compute with.
    ///
    /// # Errors
    /// None in fact: the digits were checked to be a [`Decimal`].
    #[inline]
    pub fn decimal(self) -> Result<Decimal, DecimalError> {
        match tapeline_json::fixed_point(self.0) {
            Some((mantissa, scale)) => Decimal::new(mantissa.into(), scale),
            None => self.0.parse(),
        }
    }

    /// The exact product; `None` when it has more digits than a [`Decimal`] holds.
    pub fn product(self, other: Self) -> Option<Decimal> {
        if let (Some((left, scale)), Some((right, more))) =
            (tapeline_json::fixed_point(self.0), tapeline_json::fixed_point(other.0))
        {
            return Decimal::new(i128::from(left) * i128::from(right), scale + more).ok();
        }
        self.decimal().ok()?.checked_mul(other.decimal().ok()?)
    }

    /// Whether the value is zero, however many digits say so.
    pub fn is_zero(self) -> bool {
        self.0.bytes().all(|byte| matches!(byte, b'0' | b'.' | b'-'))
    }
}

impl fmt::Display for Digits<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn signs_exponents_spaces_and_words_are_refused() {
        for text in [
            "", "-1", "+1", "1e5", "1E5", " 1", "1 ", ".5", "5.", "1.2.3", "NaN", "inf", "0x1", "007", "1,5",
            "٣",
        ] {
            assert_eq!(Digits::unsigned(text), None, "{text:?}");
        }
        assert_eq!(Digits::signed("--1"), None);
        assert_eq!(Digits::signed("-0.00010000").map(Digits::as_str), Some("-0.00010000"));
    }

    proptest! {
        #[test]
        fn what_is_accepted_is_a_decimal_and_a_json_number(text in "-?[0-9]{0,41}[.]?[0-9]{0,20}") {
            let accepted = Digits::signed(&text);
            prop_assert_eq!(accepted.is_some(), text.parse::<Decimal>().is_ok());
            if let Some(digits) = accepted {
                let (ours, theirs) = (digits.decimal().unwrap(), text.parse::<Decimal>().unwrap());
                prop_assert_eq!((ours.mantissa(), ours.scale()), (theirs.mantissa(), theirs.scale()));
                prop_assert!(serde_json::from_str::<serde_json::Number>(digits.as_str()).is_ok());
            }
        }
    }
}
