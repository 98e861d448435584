//! What the environment says, checked once at the start.

use std::collections::HashSet;
use std::str::FromStr;

use tapeline_codec::binance::Kind;
use tapeline_codec::encode::Format;
use tapeline_lambda_wire::variables::{ConfigError, Reader, UnknownWord, all_or_list, list, log_level};
use tapeline_market::{Market, Symbol};
use tracing::level_filters::LevelFilter;

use crate::partition::PartitionKey;

/// How the function is set up. Every variable has a default; see the README's table of knobs.
#[derive(Debug, Clone)]
pub struct Config {
    /// `MARKET`: which market the frames are of.
    pub market: Market,
    /// `KINDS`: the kinds to deliver; `None` for all.
    pub kinds: Option<Vec<Kind>>,
    /// `SYMBOLS`: the symbols to deliver; `None` for all.
    pub symbols: Option<HashSet<String>>,
    /// `KLINES`: which klines to deliver.
    pub klines: Klines,
    /// `FORMAT`: how rows are written.
    pub format: Format,
    /// `PARTITION_KEYS`: the dynamic partition keys to give; none for destinations without dynamic partitioning.
    pub partition_keys: Vec<PartitionKey>,
    /// `LOG_LEVEL`: the least severe level that is logged.
    pub log_level: LevelFilter,
}

/// Which klines to deliver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Klines {
    /// The last one of each bar, which will not change any more.
    Closed,
    /// Every one, some of them of a bar that is still open.
    All,
}

impl FromStr for Klines {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "closed" => Ok(Self::Closed),
            "all" => Ok(Self::All),
            _ => Err(UnknownWord { expected: "`closed` or `all`", found: text.to_owned() }),
        }
    }
}

impl Config {
    /// Every variable that is read.
    pub const VARIABLES: [&str; 7] =
        ["MARKET", "KINDS", "SYMBOLS", "KLINES", "FORMAT", "PARTITION_KEYS", "LOG_LEVEL"];

    /// Reads the configuration; `variable` looks a name up.
    ///
    /// # Errors
    /// Names every variable that cannot be used.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(variable);
        let config = Self {
            market: reader.read("MARKET", Market::Spot, str::parse::<Market>),
            kinds: reader.read("KINDS", None, |text| all_or_list(text, str::parse::<Kind>)),
            symbols: reader.read("SYMBOLS", None, symbols),
            klines: reader.read("KLINES", Klines::Closed, str::parse::<Klines>),
            format: reader.read("FORMAT", Format::JsonLines, str::parse::<Format>),
            partition_keys: reader.read("PARTITION_KEYS", PartitionKey::DEFAULT.to_vec(), partition_keys),
            log_level: reader.read("LOG_LEVEL", LevelFilter::INFO, log_level),
        };
        reader.finish(config)
    }
}

fn symbols(text: &str) -> Result<Option<HashSet<String>>, String> {
    let symbols = all_or_list(text, |word| Symbol::parse(word).map(|symbol| symbol.to_string()))?;
    Ok(symbols.map(HashSet::from_iter))
}

fn partition_keys(text: &str) -> Result<Vec<PartitionKey>, String> {
    if text.is_empty() { Ok(Vec::new()) } else { list(text, str::parse::<PartitionKey>) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_variables(|name| {
            variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn every_variable_has_its_documented_default() {
        let config = config(&[]).unwrap();
        assert_eq!(
            (config.market, config.klines, config.format),
            (Market::Spot, Klines::Closed, Format::JsonLines)
        );
        assert_eq!((config.kinds, config.symbols), (None, None));
        assert_eq!(config.partition_keys, [PartitionKey::Kind, PartitionKey::Date]);
        assert_eq!(config.log_level, LevelFilter::INFO);
    }

    #[test]
    fn lists_are_separated_by_commas() {
        let config =
            config(&[("KINDS", "trade, kline"), ("SYMBOLS", "BTCUSDT,ETHUSDT"), ("PARTITION_KEYS", "")]);
        let config = config.unwrap();
        assert_eq!(config.kinds, Some(vec![Kind::Trade, Kind::Kline]));
        assert_eq!(config.symbols, Some(HashSet::from(["BTCUSDT".to_owned(), "ETHUSDT".to_owned()])));
        assert_eq!(config.partition_keys, []);
    }

    #[test]
    fn all_bad_variables_are_reported_together() {
        let bad = [
            ("MARKET", "margin"),
            ("KINDS", "trade,trades"),
            ("KLINES", ""),
            ("PARTITION_KEYS", "hour"),
            ("SYMBOLS", ""),
        ];
        assert_eq!(
            config(&bad).unwrap_err().to_string(),
            "MARKET: expected `spot`, `usdm` or `coinm`, was \"margin\"; \
             KINDS: expected a kind such as `trade` or `kline`, was \"trades\"; \
             SYMBOLS: expected `all` or a comma-separated list, was empty; \
             KLINES: expected `closed` or `all`, was \"\"; \
             PARTITION_KEYS: expected `kind`, `date`, `market` or `symbol`, was \"hour\""
        );
    }

    #[test]
    fn only_the_documented_variables_are_read() {
        let read = std::cell::RefCell::new(Vec::new());
        let config = Config::from_variables(|name| {
            read.borrow_mut().push(name.to_owned());
            None
        });
        assert!(config.is_ok());
        assert_eq!(read.into_inner(), Config::VARIABLES);
    }
}
