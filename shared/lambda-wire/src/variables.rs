//! Configuration from environment variables: all that is wrong with them is told at once, by name.

use std::fmt;

use thiserror::Error;
use tracing::level_filters::LevelFilter;

/// The text is none of the words that a variable takes.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected}, was {found:?}")]
pub struct UnknownWord {
    /// The words it takes, as a message names them.
    pub expected: &'static str,
    /// The text.
    pub found: String,
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

/// Reads variables one by one and keeps what is wrong with them.
#[derive(Debug)]
pub struct Reader<F> {
    variable: F,
    problems: Vec<Problem>,
}

impl<F: Fn(&str) -> Option<String>> Reader<F> {
    /// Starts to read; `variable` looks a name up.
    pub const fn new(variable: F) -> Self {
        Self { variable, problems: Vec::new() }
    }

    /// Reads one variable; a bad one is noted and its default stands in until the start is refused.
    pub fn read<T, E: fmt::Display>(
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

    /// Hands out what was read.
    ///
    /// # Errors
    /// Names every variable that cannot be used.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(config) } else { Err(ConfigError { problems: self.problems }) }
    }
}

/// Reads `all`, for which `None` stands, or a comma-separated list.
///
/// # Errors
/// When the text is empty, or a word of the list is none.
pub fn all_or_list<T, E: fmt::Display>(
    text: &str,
    parse: impl Fn(&str) -> Result<T, E>,
) -> Result<Option<Vec<T>>, String> {
    match text {
        "all" => Ok(None),
        "" => Err("expected `all` or a comma-separated list, was empty".to_owned()),
        _ => list(text, parse).map(Some),
    }
}

/// Reads a comma-separated list.
///
/// # Errors
/// When a word of the list is none.
pub fn list<T, E: fmt::Display>(text: &str, parse: impl Fn(&str) -> Result<T, E>) -> Result<Vec<T>, String> {
    text.split(',').map(|word| parse(word.trim()).map_err(|error| error.to_string())).collect()
}

/// Reads the least severe level that is logged.
///
/// # Errors
/// When the text is no level.
pub fn log_level(text: &str) -> Result<LevelFilter, UnknownWord> {
    let expected = "`error`, `warn`, `info`, `debug` or `trace`";
    text.parse().map_err(|_| UnknownWord { expected, found: text.to_owned() })
}
