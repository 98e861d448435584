//! The dynamic partition keys of a record.

use std::collections::BTreeMap;
use std::str::FromStr;

use tapeline_codec::Reason;
use tapeline_codec::binance::{Kind, Message};
use tapeline_lambda_wire::firehose::PartitionKeys;
use tapeline_market::{Date, Market, SYMBOL_BYTES_MAX, Symbol, Timestamp};
use thiserror::Error;

/// A key that the delivery stream's prefix may name as `!{partitionKeyFromLambda:...}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartitionKey {
    /// The kind of the record's frames.
    Kind,
    /// The UTC day of the first frame's event time.
    Date,
    /// The market.
    Market,
    /// The symbol: mind the limit of 500 active partitions.
    Symbol,
}

impl PartitionKey {
    /// Every key.
    pub const ALL: [Self; 4] = [Self::Kind, Self::Date, Self::Market, Self::Symbol];
    /// The keys of the archive's layout.
    pub const DEFAULT: [Self; 2] = [Self::Kind, Self::Date];

    /// The key's name in the prefix.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Kind => "kind",
            Self::Date => "date",
            Self::Market => "market",
            Self::Symbol => "symbol",
        }
    }
}

impl FromStr for PartitionKey {
    type Err = UnknownPartitionKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|key| key.as_str() == text);
        found.ok_or_else(|| UnknownPartitionKey { found: text.to_owned() })
    }
}

/// The text names no partition key.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected `kind`, `date`, `market` or `symbol`, was {found:?}")]
pub struct UnknownPartitionKey {
    /// The text that was found.
    pub found: String,
}

/// A message has no place in its record's partition.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PartitionError {
    /// Another kind or symbol than the record's first frame.
    #[error("expected all frames of a record to share `{key}` with the first, {first:?}, was {found:?}")]
    Mixed { key: &'static str, first: String, found: String },
    /// Neither the frame nor the record tells a day.
    #[error("expected an arrival time for a frame without event time")]
    NoTime,
    /// A symbol that a path cannot carry.
    #[error("expected a symbol in ASCII without `=` or `%` as partition key, was {found:?}")]
    Symbol { found: String },
}

impl PartitionError {
    pub(crate) const fn reason(&self) -> Reason {
        match self {
            Self::Mixed { .. } => Reason::MixedPartition,
            Self::NoTime => Reason::MissingField,
            Self::Symbol { .. } => Reason::BadPartition,
        }
    }
}

/// Where a record goes: told by its first frame, held to by the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partition {
    market: Market,
    kind: Kind,
    symbol: KeptSymbol,
    date: Option<Date>,
}

impl Partition {
    /// The partition of a record whose first frame this is.
    pub(crate) fn of(
        keys: &[PartitionKey],
        first: &Message<'_>,
        arrival: Option<Timestamp>,
    ) -> Result<Self, PartitionError> {
        let header = &first.header;
        let date = header.event_time.or(arrival).map(Timestamp::date);
        if keys.contains(&PartitionKey::Date) && date.is_none() {
            return Err(PartitionError::NoTime);
        }
        let mut symbol = KeptSymbol::EMPTY;
        if keys.contains(&PartitionKey::Symbol) {
            check_symbol(header.symbol.as_str())?;
            symbol = KeptSymbol::of(&header.symbol);
        }
        Ok(Self { market: header.market, kind: first.body.kind(), symbol, date })
    }

    /// Asserts that a further frame belongs here. Its day may differ: the record goes to the day of its first.
    pub(crate) fn hold(&self, keys: &[PartitionKey], next: &Message<'_>) -> Result<(), PartitionError> {
        let pairs = keys.iter().filter_map(|key| match key {
            PartitionKey::Kind => Some((key, self.kind.as_str(), next.body.kind().as_str())),
            PartitionKey::Symbol => Some((key, self.symbol.as_str(), next.header.symbol.as_str())),
            PartitionKey::Date | PartitionKey::Market => None,
        });
        for (key, first, found) in pairs {
            if first != found {
                let (first, found) = (first.to_owned(), found.to_owned());
                return Err(PartitionError::Mixed { key: key.as_str(), first, found });
            }
        }
        Ok(())
    }

    /// Writes the keys and their values, in the order of the configuration.
    fn write(&self, keys: &[PartitionKey], written: &mut PartitionKeys) {
        let date = self.date.map(Date::to_iso).unwrap_or_default();
        let date = str::from_utf8(&date).unwrap_or_default();
        written.write(keys.iter().map(|key| {
            let value = match key {
                PartitionKey::Kind => self.kind.as_str(),
                PartitionKey::Date => date,
                PartitionKey::Market => self.market.as_str(),
                PartitionKey::Symbol => self.symbol.as_str(),
            };
            (key.as_str(), value)
        }));
    }
}

/// The keys of the last partition of each kind, written: most records of a kind go where the one before went.
#[derive(Debug)]
pub(crate) struct LastKeys(BTreeMap<Kind, (Option<Partition>, PartitionKeys)>);

impl LastKeys {
    pub(crate) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// The keys of a partition, which are the same for all partitions; written anew only if it is not the last of its kind.
    pub(crate) fn of(&mut self, partition: &Partition, keys: &[PartitionKey]) -> &PartitionKeys {
        let (last, written) = self.0.entry(partition.kind).or_default();
        if last.as_ref() != Some(partition) {
            partition.write(keys, written);
            *last = Some(partition.clone());
        }
        written
    }
}

/// A symbol that stays when its frame is gone, without a place on the heap: a record allocates nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KeptSymbol {
    text: [u8; SYMBOL_BYTES_MAX],
    length: usize,
}

impl KeptSymbol {
    const EMPTY: Self = Self { text: [0; SYMBOL_BYTES_MAX], length: 0 };

    fn of(symbol: &Symbol<'_>) -> Self {
        let (bytes, mut kept) = (symbol.as_str().as_bytes(), Self::EMPTY);
        for (slot, &byte) in kept.text.iter_mut().zip(bytes) {
            *slot = byte;
        }
        kept.length = bytes.len();
        kept
    }

    fn as_str(&self) -> &str {
        let text = self.text.get(..self.length).unwrap_or_default();
        str::from_utf8(text).unwrap_or_default()
    }
}

/// No rule is published for the characters of a key's value: what would read as a path of Hive partitions is refused.
fn check_symbol(symbol: &str) -> Result<(), PartitionError> {
    if symbol.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'=' && byte != b'%') {
        return Ok(());
    }
    Err(PartitionError::Symbol { found: symbol.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_their_partition_whatever_was_written_before() {
        let symbol = |text| KeptSymbol::of(&Symbol::parse(text).unwrap());
        let date = |day: i64| Some(Timestamp::from_millis(day * 86_400_000).unwrap().date());
        let mut last = LastKeys::new();
        for (kind, text, day) in [
            (Kind::Trade, "BTCUSDT", 1),
            (Kind::Trade, "BTCUSDT", 1),
            (Kind::Kline, "BTCUSDT", 1),
            (Kind::Trade, "BTCUSDT", 2),
            (Kind::Trade, "ETHUSDT", 2),
            (Kind::Kline, "BTCUSDT", 1),
            (Kind::Trade, "BTCUSDT", 1),
        ] {
            let partition = Partition { market: Market::Spot, kind, symbol: symbol(text), date: date(day) };
            let mut alone = PartitionKeys::default();
            let date = format!("1970-01-{:02}", day + 1);
            alone.write([("kind", kind.as_str()), ("date", &date), ("market", "spot"), ("symbol", text)]);
            assert_eq!(*last.of(&partition, &PartitionKey::ALL), alone);
        }
    }
}
