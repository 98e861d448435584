//! What is traded and where: the first two parts of every key.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The longest symbol accepted, in bytes of UTF-8. The exchange's longest today has 20.
pub const SYMBOL_BYTES_MAX: usize = 64;

/// A market of the exchange. Part of every key, because spot and futures share symbol names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Market {
    /// The spot market.
    Spot,
    /// USD-margined futures.
    Usdm,
    /// Coin-margined futures: quantities count contracts, not base asset.
    Coinm,
}

impl Market {
    /// Every market, in the order of the documentation.
    pub const ALL: [Self; 3] = [Self::Spot, Self::Usdm, Self::Coinm];

    /// Names the market as records and configuration do.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Spot => "spot",
            Self::Usdm => "usdm",
            Self::Coinm => "coinm",
        }
    }
}

impl fmt::Display for Market {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no market.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected `spot`, `usdm` or `coinm`, was {found:?}")]
pub struct UnknownMarket {
    /// The text that was found.
    pub found: String,
}

impl FromStr for Market {
    type Err = UnknownMarket;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|market| market.as_str() == text);
        found.ok_or_else(|| UnknownMarket { found: text.to_owned() })
    }
}

/// The exchange's name of an instrument, such as `BTCUSDT` or `BTCUSD_PERP`.
///
/// One to [`SYMBOL_BYTES_MAX`] bytes of UTF-8 without white space, control characters, or any of `| " \ /`:
/// so a symbol can stand in a key, a JSON string or a path as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Symbol<'a>(Cow<'a, str>);

impl<'a> Symbol<'a> {
    /// Checks a symbol as it stands in a payload.
    ///
    /// # Errors
    /// When the text is empty, too long, or has a character that a key cannot carry.
    pub fn parse(text: impl Into<Cow<'a, str>>) -> Result<Self, SymbolError> {
        let text = text.into();
        if text.is_empty() {
            return Err(SymbolError::Empty);
        }
        if text.len() > SYMBOL_BYTES_MAX {
            return Err(SymbolError::TooLong { bytes: text.len() });
        }
        // Without an early exit: symbols are short, and nearly all are nothing but letters and digits.
        if text.bytes().fold(true, |is_plain, byte| is_plain & byte.is_ascii_alphanumeric()) {
            return Ok(Self(text));
        }
        match text.chars().find(|&c| c.is_whitespace() || c.is_control() || "|\"\\/".contains(c)) {
            Some(found) => Err(SymbolError::Character { found }),
            None => Ok(Self(text)),
        }
    }

    /// The symbol's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Detaches the symbol from the input it was read from.
    pub fn into_owned(self) -> Symbol<'static> {
        Symbol(Cow::Owned(self.0.into_owned()))
    }
}

impl fmt::Display for Symbol<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text is no symbol.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SymbolError {
    /// Nothing there.
    #[error("a symbol must not be empty")]
    Empty,
    /// Longer than [`SYMBOL_BYTES_MAX`].
    #[error("a symbol must have at most {SYMBOL_BYTES_MAX} bytes, was {bytes}")]
    TooLong {
        /// Bytes found.
        bytes: usize,
    },
    /// A character that keys cannot carry.
    #[error("a symbol must not contain {found:?}")]
    Character {
        /// The first such character.
        found: char,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markets_read_back_from_their_names() {
        for market in Market::ALL {
            assert_eq!(market.as_str().parse(), Ok(market));
        }
        assert_eq!("SPOT".parse::<Market>(), Err(UnknownMarket { found: "SPOT".into() }));
    }

    #[test]
    fn symbols_of_every_market_are_accepted() {
        for text in ["BTCUSDT", "BTCUSD_PERP", "BTCUSDT_260327", "1000SATSUSDT", "币安人生USDT", "USDT-P"]
        {
            assert_eq!(Symbol::parse(text).unwrap().as_str(), text);
        }
    }

    #[test]
    fn characters_that_keys_cannot_carry_are_refused() {
        for (text, found) in
            [("BTC|USDT", '|'), ("BTC USDT", ' '), ("A\"", '"'), ("A\u{7}", '\u{7}'), ("A/B", '/')]
        {
            assert_eq!(Symbol::parse(text), Err(SymbolError::Character { found }));
        }
        assert_eq!(Symbol::parse(""), Err(SymbolError::Empty));
        assert_eq!(Symbol::parse("A".repeat(65)), Err(SymbolError::TooLong { bytes: 65 }));
    }
}
