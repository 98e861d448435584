//! The function's configuration: environment variables, read once and checked together.

use tapeline_indicators::{BarSettings, Fill, Plan, Reset, Source};
use tapeline_lambda_wire::variables::{ConfigError, Reader, UnknownWord, list, log_level, not_empty};
use tapeline_market::{Interval, Market};
use tracing::level_filters::LevelFilter;

/// The longest grace: a bar that is a minute late is of no use to anybody.
const GRACE_MS_MAX: i64 = 60_000;

/// How the function was set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// `MARKET`, `BAR_SOURCE`, `INTERVALS`, `FILL` and `GRACE_MS`: how bars are made.
    pub bars: BarSettings,
    /// `INDICATORS` and `ON_GAP`: what is computed of them.
    pub plan: Plan,
    /// `STATE_TABLE`: the table of the state.
    pub state_table: String,
    /// `OUTPUT_STREAM`: the stream of the rows.
    pub output_stream: String,
    /// `LOG_LEVEL`: the least severe level that is logged.
    pub log_level: LevelFilter,
}

impl Config {
    /// Every variable that is read.
    pub const VARIABLES: [&str; 10] = [
        "MARKET",
        "BAR_SOURCE",
        "INTERVALS",
        "INDICATORS",
        "FILL",
        "ON_GAP",
        "GRACE_MS",
        "STATE_TABLE",
        "OUTPUT_STREAM",
        "LOG_LEVEL",
    ];

    /// Reads the configuration; `variable` looks a name up.
    ///
    /// # Errors
    /// Names every variable that cannot be used.
    pub fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(variable);
        let market = reader.read("MARKET", Market::Spot, str::parse::<Market>);
        let source = reader.read("BAR_SOURCE", Source::Trade, str::parse::<Source>);
        let bars = BarSettings::new(market, source, &BarSettings::default().intervals().collect::<Vec<_>>());
        let mut bars =
            reader.read("INTERVALS", bars.unwrap_or_default(), |text| intervals(market, source, text));
        let plan = reader.read("INDICATORS", Plan::default(), str::parse::<Plan>);
        bars.fill = reader.read("FILL", Fill::None, fill);
        let reset = reader.read("ON_GAP", Reset::Never, reset);
        bars.grace_us = reader.read("GRACE_MS", bars.grace_us, grace_us);
        let config = Self {
            bars,
            plan: plan.resetting_on_gap(reset),
            state_table: reader.required("STATE_TABLE", not_empty),
            output_stream: reader.required("OUTPUT_STREAM", not_empty),
            log_level: reader.read("LOG_LEVEL", LevelFilter::INFO, log_level),
        };
        reader.finish(config)
    }
}

fn intervals(market: Market, source: Source, text: &str) -> Result<BarSettings, String> {
    let intervals = list(text, str::parse::<Interval>)?;
    BarSettings::new(market, source, &intervals).map_err(|error| error.to_string())
}

fn fill(text: &str) -> Result<Fill, UnknownWord> {
    match text {
        "none" => Ok(Fill::None),
        "flat" => Ok(Fill::Flat),
        _ => Err(UnknownWord { expected: "`none` or `flat`", found: text.to_owned() }),
    }
}

fn reset(text: &str) -> Result<Reset, UnknownWord> {
    match text {
        "continue" => Ok(Reset::Never),
        "reset" => Ok(Reset::OnGap),
        _ => Err(UnknownWord { expected: "`continue` or `reset`", found: text.to_owned() }),
    }
}

fn grace_us(text: &str) -> Result<i64, String> {
    let grace_ms = text.parse::<i64>().ok().filter(|grace_ms| (0..=GRACE_MS_MAX).contains(grace_ms));
    grace_ms
        .map(|millis| millis * 1000)
        .ok_or_else(|| format!("expected milliseconds from 0 to {GRACE_MS_MAX}, was {text:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUIRED: [(&str, &str); 2] = [("STATE_TABLE", "state"), ("OUTPUT_STREAM", "indicators")];

    fn config(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::from_variables(|name| {
            let found = variables.iter().chain(&REQUIRED).find(|(found, _)| *found == name);
            found.map(|(_, value)| (*value).to_owned()).filter(|value| value != "unset")
        })
    }

    #[test]
    fn every_variable_has_its_documented_default() {
        let config = config(&[]).unwrap();
        let intervals: Vec<_> = config.bars.intervals().map(Interval::as_str).collect();
        assert_eq!(intervals, ["1m", "5m", "1h"]);
        assert_eq!((config.bars.market(), config.bars.source()), (Market::Spot, Source::Trade));
        assert_eq!((config.bars.fill, config.bars.grace_us), (Fill::None, 2_000_000));
        assert_eq!(config.plan.hash(), Plan::default().hash());
        assert_eq!((config.state_table.as_str(), config.output_stream.as_str()), ("state", "indicators"));
    }

    #[test]
    fn all_bad_variables_are_reported_together() {
        let bad = [
            ("BAR_SOURCE", "ticks"),
            ("INTERVALS", "1m,1w"),
            ("INDICATORS", "sma(0)"),
            ("FILL", "zero"),
            ("ON_GAP", "stop"),
            ("GRACE_MS", "-1"),
            ("STATE_TABLE", "unset"),
            ("OUTPUT_STREAM", ""),
        ];
        assert_eq!(
            config(&bad).unwrap_err().to_string(),
            "BAR_SOURCE: expected `trade`, `agg_trade` or `kline`, was \"ticks\"; \
             INTERVALS: expected intervals from 1s to 1d, was 1w; \
             INDICATORS: expected `period` of sma to be a whole number from 1 to 1000, was \"0\"; \
             FILL: expected `none` or `flat`, was \"zero\"; \
             ON_GAP: expected `continue` or `reset`, was \"stop\"; \
             GRACE_MS: expected milliseconds from 0 to 60000, was \"-1\"; \
             STATE_TABLE: expected a value, was not set; \
             OUTPUT_STREAM: expected a value, was empty"
        );
    }

    #[test]
    fn only_the_documented_variables_are_read() {
        let read = std::cell::RefCell::new(Vec::new());
        let config = Config::from_variables(|name| {
            read.borrow_mut().push(name.to_owned());
            None
        });
        assert!(config.is_err());
        let mut read = read.into_inner();
        read.sort_unstable();
        let mut documented = Config::VARIABLES.to_vec();
        documented.sort_unstable();
        assert_eq!(read, documented);
    }
}
