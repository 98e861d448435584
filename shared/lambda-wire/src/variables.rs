//! Configuration from environment variables: all that is wrong with them is told at once, by name.

mod account;

use std::fmt;

use thiserror::Error;
use tracing::level_filters::LevelFilter;

pub use account::Account;

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

impl ConfigError {
    /// Joins what was read in two places.
    ///
    /// # Errors
    /// With the problems of both.
    pub fn together<A, B>(first: Result<A, Self>, second: Result<B, Self>) -> Result<(A, B), Self> {
        match (first, second) {
            (Ok(first), Ok(second)) => Ok((first, second)),
            (Err(error), Ok(_)) | (Ok(_), Err(error)) => Err(error),
            (Err(first), Err(second)) => Err(Self { problems: [first.problems, second.problems].concat() }),
        }
    }
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
        match (self.variable)(name) {
            Some(text) => self.parse(name, &text, parse).unwrap_or(default),
            None => default,
        }
    }

    /// Reads one variable that must be set; until the start is refused, the type's default stands in for it.
    pub fn required<T: Default, E: fmt::Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> T {
        let Some(text) = (self.variable)(name) else {
            self.note(name, "expected a value, was not set".to_owned());
            return T::default();
        };
        self.parse(name, &text, parse).unwrap_or_default()
    }

    fn parse<T, E: fmt::Display>(
        &mut self,
        name: &'static str,
        text: &str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        parse(text.trim()).map_err(|error| self.note(name, error.to_string())).ok()
    }

    fn note(&mut self, variable: &'static str, message: String) {
        self.problems.push(Problem { variable, message });
    }

    /// Hands out what was read.
    ///
    /// # Errors
    /// Names every variable that cannot be used.
    pub fn finish<T>(self, config: T) -> Result<T, ConfigError> {
        if self.problems.is_empty() { Ok(config) } else { Err(ConfigError { problems: self.problems }) }
    }
}

/// Reads any text that is not empty.
///
/// # Errors
/// When it is empty.
pub fn not_empty(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("expected a value, was empty".to_owned()) } else { Ok(text.to_owned()) }
}

/// Reads the URL of an endpoint, which may be one without TLS.
///
/// # Errors
/// When the text is none.
pub fn url(text: &str) -> Result<String, UnknownWord> {
    let is_url = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
    let expected = "a URL of `http` or `https`";
    if is_url { Ok(text.to_owned()) } else { Err(UnknownWord { expected, found: text.to_owned() }) }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads one variable that must be a URL and one that may be one.
    fn check(required: Option<&str>, optional: Option<&str>, expected: Result<(&str, &str), &str>) {
        let variable = |name: &str| if name == "REQUIRED" { required } else { optional }.map(str::to_owned);
        let mut reader = Reader::new(variable);
        let found = (reader.required("REQUIRED", url), reader.read("OPTIONAL", "none".to_owned(), not_empty));
        let found = reader.finish(found).map_err(|error| error.to_string());
        let expected = expected.map(|(a, b)| (a.to_owned(), b.to_owned())).map_err(str::to_owned);
        assert_eq!(found, expected);
    }

    #[test]
    fn variables_are_read_without_the_space_around_them() {
        check(Some(" http://a "), None, Ok(("http://a", "none")));
        check(Some("https://a"), Some("b\n"), Ok(("https://a", "b")));
    }

    #[test]
    fn what_is_missing_or_bad_is_told_at_once() {
        check(None, None, Err("REQUIRED: expected a value, was not set"));
        check(
            Some("localhost"),
            Some(" "),
            Err("REQUIRED: expected a URL of `http` or `https`, was \"localhost\"; \
                 OPTIONAL: expected a value, was empty"),
        );
    }

    #[test]
    fn what_two_places_lack_is_told_together() {
        let read = |name: &'static str, value: Option<&str>| {
            let mut reader = Reader::new(|_: &str| value.map(str::to_owned));
            let found = reader.required(name, not_empty);
            reader.finish(found)
        };
        let check = |first: Option<&str>, second: Option<&str>, problems: usize| {
            let both = ConfigError::together(read("FIRST", first), read("SECOND", second));
            assert_eq!(both.map_or_else(|error| error.problems.len(), |_| 0), problems);
        };
        check(Some("a"), Some("b"), 0);
        check(None, Some("b"), 1);
        check(Some("a"), None, 1);
        check(None, None, 2);
    }
}
