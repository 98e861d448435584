//! What the environment says, checked once at the start.

use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use tapeline_codec::binance::Kind;
use tapeline_codec::encode::Format;
use tapeline_market::{Market, Symbol};
use thiserror::Error;
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

/// The text is none of the words that a variable takes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected}, was {found:?}")]
pub struct UnknownWord {
    expected: &'static str,
    found: String,
}

/// One variable that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The variable.
    pub variable: &'static str,
    /// What was expected and what was found.
    pub message: String,
}

/// Some variables cannot be used; all of them are named.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct ConfigError {
    /// One for each bad variable.
    pub problems: Vec<Problem>,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let texts = self.problems.iter().map(|problem| format!("{}: {}", problem.variable, problem.message));
        f.write_str(&texts.collect::<Vec<_>>().join("; "))
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
        let mut reader = Reader { variable, problems: Vec::new() };
        let config = Self {
            market: reader.read("MARKET", Market::Spot, str::parse::<Market>),
            kinds: reader.read("KINDS", None, |text| all_or_list(text, str::parse::<Kind>)),
            symbols: reader.read("SYMBOLS", None, symbols),
            klines: reader.read("KLINES", Klines::Closed, str::parse::<Klines>),
            format: reader.read("FORMAT", Format::JsonLines, str::parse::<Format>),
            partition_keys: reader.read("PARTITION_KEYS", PartitionKey::DEFAULT.to_vec(), partition_keys),
            log_level: reader.read("LOG_LEVEL", LevelFilter::INFO, log_level),
        };
        if reader.problems.is_empty() { Ok(config) } else { Err(ConfigError { problems: reader.problems }) }
    }
}

struct Reader<F> {
    variable: F,
    problems: Vec<Problem>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    /// Reads one variable; a bad one is noted and its default stands in until the start is refused.
    fn read<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        default: T,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        let Some(text) = (self.variable)(name) else { return default };
        match parse(text.trim()) {
            Ok(value) => value,
            Err(error) => {
                self.problems.push(Problem { variable: name, message: error.to_string() });
                default
            }
        }
    }
}

/// Reads `all`, or a comma-separated list.
fn all_or_list<T, E: fmt::Display>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<Vec<T>>, String> {
    match text {
        "all" => Ok(None),
        "" => Err("expected `all` or a comma-separated list, was empty".to_owned()),
        _ => list(text, parse).map(Some),
    }
}

fn list<T, E: fmt::Display>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, String> {
    text.split(',').map(|word| parse(word.trim()).map_err(|error| error.to_string())).collect()
}

fn symbols(text: &str) -> Result<Option<HashSet<String>>, String> {
    let symbols = all_or_list(text, |word| Symbol::parse(word).map(|symbol| symbol.to_string()))?;
    Ok(symbols.map(HashSet::from_iter))
}

fn partition_keys(text: &str) -> Result<Vec<PartitionKey>, String> {
    if text.is_empty() { Ok(Vec::new()) } else { list(text, str::parse::<PartitionKey>) }
}

fn log_level(text: &str) -> Result<LevelFilter, UnknownWord> {
    let expected = "`error`, `warn`, `info`, `debug` or `trace`";
    text.parse().map_err(|_| UnknownWord { expected, found: text.to_owned() })
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
