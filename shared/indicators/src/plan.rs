//! Which indicators are computed: `standard`, `minimal`, or a list such as `sma(20) macd(12,26,9)`.

use std::fmt::Write as _;
use std::str::FromStr;

use thiserror::Error;

use crate::indicator::Window;
use crate::registry::{AnyIndicator, DEFINITIONS, Definition, Parameter};
use crate::wire;

/// What the preset `standard` stands for.
pub const STANDARD: &str = "sma(10) sma(20) sma(50) sma(100) sma(200) ema(9) ema(12) ema(20) ema(26) ema(50) ema(100) \
    ema(200) rsi(14) macd(12,26,9) bbands(20,2) atr(14) natr(14) adx(14) plus_di(14) minus_di(14) stoch(14,3,3) \
    stochrsi(14,14,3,3) cci(20) willr(14) mfi(14) obv ad cmf(20) vwap vwma(20) hma(9) sar(0.02,0.2) supertrend(10,3) \
    donchian(20) keltner(20,10,2) ichimoku(9,26,52) aroon(25) ao(5,34) ultosc(7,14,28) mom(10) roc(10) stddev(20) \
    rvol(20) taker_buy_ratio cvd";

/// What the preset `minimal` stands for.
pub const MINIMAL: &str =
    "ema(9) ema(21) ema(50) ema(200) rsi(14) macd(12,26,9) bbands(20,2) atr(14) vwap obv";

/// The most indicators of a plan: four times the standard preset. A row stays below 10 kB.
const INDICATORS_MAX: usize = 180;

/// The indicators of every series of a deployment, in their order, and their columns.
#[derive(Debug, Clone)]
pub struct Plan {
    entries: Vec<Entry>,
    columns: Vec<String>,
    window: Window,
    reset_on_gap: bool,
    hash: u64,
}

/// One indicator with its numbers.
#[derive(Debug, Clone)]
struct Entry {
    definition: &'static Definition,
    parameters: Vec<f64>,
}

impl Default for Plan {
    /// The standard preset.
    #[allow(clippy::expect_used, reason = "a literal, which a test reads as well")]
    fn default() -> Self {
        "standard".parse().expect("the preset is a list of known indicators")
    }
}

impl Plan {
    /// Whether a bar with a gap makes the series begin anew (`ON_GAP=reset`): some indicators never converge after a lost
    /// bar.
    #[must_use]
    pub fn resetting_on_gap(mut self, reset: Reset) -> Self {
        self.reset_on_gap = reset == Reset::OnGap;
        self.hash = self.compute_hash();
        self
    }

    /// Names of the values, in their order: `macd_signal_12_26_9`, a point in a number written as `_`.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Tells configurations apart whose states mean different things.
    pub const fn hash(&self) -> u64 {
        self.hash
    }

    pub(crate) const fn resets_on_gap(&self) -> bool {
        self.reset_on_gap
    }

    pub(crate) const fn window(&self) -> Window {
        self.window
    }

    pub(crate) fn build(&self) -> Vec<AnyIndicator> {
        self.entries.iter().map(|entry| (entry.definition.build)(&entry.parameters)).collect()
    }

    fn compute_hash(&self) -> u64 {
        let texts: Vec<_> = self.entries.iter().map(Entry::text).collect();
        wire::hash(&format!("{} {}", texts.join(" "), if self.reset_on_gap { "reset" } else { "continue" }))
    }
}

/// What a series does at a bar with a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reset {
    /// Goes on.
    Never,
    /// Begins anew.
    OnGap,
}

impl FromStr for Plan {
    type Err = PlanError;

    /// Reads a preset's name, or a list: names with their numbers in parentheses, separated by spaces or commas. Numbers
    /// left out have their defaults, and an indicator without numbers needs no parentheses.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let list = match text.trim() {
            "standard" => STANDARD,
            "minimal" => MINIMAL,
            list => list,
        };
        let mut entries: Vec<Entry> = Vec::new();
        let mut rest = list.trim_start_matches(is_separator);
        while !rest.is_empty() {
            let (entry, behind) = Entry::read(rest)?;
            if entries.iter().any(|other| other.text() == entry.text()) {
                return Err(PlanError::Twice { indicator: entry.text() });
            }
            entries.push(entry);
            rest = behind.trim_start_matches(is_separator);
        }
        if entries.is_empty() || entries.len() > INDICATORS_MAX {
            return Err(PlanError::Count { found: entries.len() });
        }
        Ok(Self::of(entries))
    }
}

impl Plan {
    fn of(entries: Vec<Entry>) -> Self {
        let columns = entries.iter().flat_map(Entry::columns).collect();
        let windows = entries.iter().map(|entry| (entry.definition.build)(&entry.parameters).window());
        let window = windows.fold(Window::default(), Window::max);
        let mut plan = Self { entries, columns, window, reset_on_gap: false, hash: 0 };
        plan.hash = plan.compute_hash();
        plan
    }
}

fn is_separator(found: char) -> bool {
    found.is_ascii_whitespace() || found == ','
}

impl Entry {
    /// Reads one indicator from the front of `text`; gives what is behind it.
    fn read(text: &str) -> Result<(Self, &str), PlanError> {
        let end = text.find(|c: char| is_separator(c) || c == '(').unwrap_or(text.len());
        let (name, behind) = text.split_at(end);
        let definition = DEFINITIONS.iter().find(|definition| definition.name == name);
        let definition = definition.ok_or_else(|| PlanError::Unknown { found: name.to_owned() })?;
        let (numbers, behind) = match behind.strip_prefix('(') {
            None => ("", behind),
            Some(inside) => {
                inside.split_once(')').ok_or_else(|| PlanError::Open { found: text.to_owned() })?
            }
        };
        Ok((Self { definition, parameters: parameters(definition, numbers)? }, behind))
    }

    /// The canonical text: every number written out, none where there are none.
    fn text(&self) -> String {
        let numbers: Vec<_> = self.parameters.iter().map(ToString::to_string).collect();
        if numbers.is_empty() {
            return self.definition.name.to_owned();
        }
        format!("{}({})", self.definition.name, numbers.join(","))
    }

    fn columns(&self) -> Vec<String> {
        let mut suffix = String::new();
        for number in &self.parameters {
            // Writing to a string does not fail.
            let _ = write!(suffix, "_{number}");
        }
        let suffix = suffix.replace('.', "_");
        self.definition.outputs.iter().map(|output| format!("{output}{suffix}")).collect()
    }
}

/// Reads `12,26,9` for an indicator.
fn parameters(definition: &'static Definition, text: &str) -> Result<Vec<f64>, PlanError> {
    let mut words = text.split(',').map(str::trim).filter(|_| !text.trim().is_empty());
    let numbers = definition.parameters.iter().map(|parameter| match words.next() {
        None => Ok(parameter.default),
        Some(word) => parameter.read(word).ok_or_else(|| PlanError::Parameter {
            indicator: definition.name,
            parameter: parameter.name,
            allowed: parameter.allowed(),
            found: word.to_owned(),
        }),
    });
    let numbers: Result<Vec<_>, _> = numbers.collect();
    let found = text.split(',').count();
    match words.next() {
        Some(_) => {
            Err(PlanError::TooMany { indicator: definition.name, max: definition.parameters.len(), found })
        }
        None => numbers,
    }
}

impl Parameter {
    fn read(&self, word: &str) -> Option<f64> {
        let plain = word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let number = word.parse::<f64>().ok().filter(|_| plain)?;
        let is_allowed = (self.min..=self.max).contains(&number) && (!self.is_whole || number.fract() == 0.0);
        is_allowed.then_some(number)
    }

    fn allowed(&self) -> String {
        let what = if self.is_whole { "a whole number" } else { "a number" };
        format!("{what} from {} to {}", self.min, self.max)
    }
}

/// The text is no list of indicators.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// No indicator of this name.
    #[error("expected `standard`, `minimal` or indicators among {}, was {found:?}", names())]
    Unknown {
        /// The name found.
        found: String,
    },
    /// A parenthesis that is not closed.
    #[error("expected `)` behind the numbers, was {found:?}")]
    Open {
        /// The text from the indicator's name on.
        found: String,
    },
    /// A number that the indicator does not take.
    #[error("expected `{parameter}` of {indicator} to be {allowed}, was {found:?}")]
    Parameter {
        /// The indicator.
        indicator: &'static str,
        /// The parameter's name.
        parameter: &'static str,
        /// What it may be.
        allowed: String,
        /// What was found.
        found: String,
    },
    /// More numbers than the indicator takes.
    #[error("expected at most {max} numbers for {indicator}, was {found}")]
    TooMany {
        /// The indicator.
        indicator: &'static str,
        /// How many it takes.
        max: usize,
        /// How many were found.
        found: usize,
    },
    /// The same indicator with the same numbers, which would give the same column twice.
    #[error("expected each indicator once, was {indicator} twice")]
    Twice {
        /// The indicator with its numbers.
        indicator: String,
    },
    /// No indicator, or too many.
    #[error("expected 1 to {INDICATORS_MAX} indicators, was {found}")]
    Count {
        /// How many were found.
        found: usize,
    },
}

fn names() -> String {
    let names: Vec<_> = DEFINITIONS.iter().map(|definition| definition.name).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, columns: &[&str]) {
        assert_eq!(text.parse::<Plan>().unwrap().columns(), columns, "{text}");
    }

    fn refused(text: &str) -> String {
        text.parse::<Plan>().unwrap_err().to_string()
    }

    #[test]
    fn a_list_is_read_with_its_numbers_or_defaults() {
        check("sma(50) ema(9)", &["sma_50", "ema_9"]);
        check(" sma( 50 ),ema() \n", &["sma_50", "ema_20"]);
        check("ema", &["ema_20"]);
    }

    #[test]
    fn errors_say_what_is_allowed() {
        assert!(
            refused("smaa(3)").starts_with("expected `standard`, `minimal` or indicators among sma, ema")
        );
        assert_eq!(
            refused("sma(0)"),
            "expected `period` of sma to be a whole number from 1 to 1000, was \"0\""
        );
        assert_eq!(
            refused("sma(1.5)"),
            "expected `period` of sma to be a whole number from 1 to 1000, was \"1.5\""
        );
        assert_eq!(
            refused("sma(NaN)"),
            "expected `period` of sma to be a whole number from 1 to 1000, was \"NaN\""
        );
        assert_eq!(refused("sma(1,2)"), "expected at most 1 numbers for sma, was 2");
        assert_eq!(refused("sma(20"), "expected `)` behind the numbers, was \"sma(20\"");
        assert_eq!(refused("sma(20) sma"), "expected each indicator once, was sma(20) twice");
        assert_eq!(refused(""), "expected 1 to 180 indicators, was 0");
    }

    #[test]
    fn the_hash_tells_configurations_apart() {
        let hash = |text: &str| text.parse::<Plan>().unwrap().hash();
        assert_eq!(hash("sma(20),ema(9)"), hash("sma ema( 9 )"));
        assert_ne!(hash("sma(20) ema(9)"), hash("ema(9) sma(20)"));
        let plan: Plan = "sma".parse().unwrap();
        assert_ne!(plan.clone().resetting_on_gap(Reset::OnGap).hash(), plan.hash());
    }
}
