//! Values after all functions were evaluated, and typed access to them.

use std::ops::RangeInclusive;
use std::str::FromStr;

use super::error::{Fault, quoted};
use super::spelling::hint;

/// A value without functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    /// Line, from 1.
    pub(super) line: usize,
    /// The value.
    pub(super) data: Data,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    /// A text, a number or a boolean, as written.
    Text(String),
    /// A list.
    List(Vec<Value>),
    /// Keys, in their order, each with its value.
    Map(Vec<(String, Value)>),
}

impl Value {
    /// Describes the value in an error message.
    pub(super) fn describe(&self) -> String {
        match &self.data {
            Data::Text(text) => quoted(text),
            Data::List(items) => format!("a list of {}", items.len()),
            Data::Map(entries) => format!("a map of {}", entries.len()),
        }
    }
}

/// A place in the evaluated template, whether or not something is there.
#[derive(Debug, Clone)]
pub(super) struct Property<'v> {
    /// Path, such as `Resources.Archive.Properties.Prefix`.
    pub(super) path: String,
    /// Line of the value; where nothing is, of what should hold it.
    pub(super) line: usize,
    value: Option<&'v Value>,
}

impl<'v> Property<'v> {
    /// The place `path` with its value.
    pub(super) fn new(path: impl Into<String>, value: &'v Value) -> Self {
        Self { path: path.into(), line: value.line, value: Some(value) }
    }

    /// Whether something is there.
    pub(super) const fn exists(&self) -> bool {
        self.value.is_some()
    }

    /// What is there.
    pub(super) const fn value(&self) -> Option<&'v Value> {
        self.value
    }

    /// The place below `key`.
    pub(super) fn get(&self, key: &str) -> Self {
        let entries = match self.value.map(|value| &value.data) {
            Some(Data::Map(entries)) => entries.as_slice(),
            _ => &[],
        };
        let value = entries.iter().find(|(name, _)| name == key).map(|(_, value)| value);
        // The places of a request have no path above them.
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, line: value.map_or(self.line, |value| value.line), value }
    }

    /// A fault at this place that says what is there.
    pub(super) fn expected(&self, expected: impl Into<String>) -> Fault {
        let found = self.value.map_or_else(|| "absent".to_owned(), Value::describe);
        Fault::invalid((self.line, &self.path), expected, found)
    }

    /// A fault at this place: the local run cannot do it.
    pub(super) fn unsupported(&self, what: impl Into<String>) -> Fault {
        Fault::unsupported((self.line, &self.path), what)
    }

    /// The text that is there, if any.
    pub(super) fn text(&self) -> Result<Option<&'v str>, Fault> {
        match self.value.map(|value| &value.data) {
            None => Ok(None),
            Some(Data::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.expected("a text")),
        }
    }

    /// The text that must be there.
    pub(super) fn required_text(&self) -> Result<&'v str, Fault> {
        self.text()?.ok_or_else(|| self.expected("a text"))
    }

    /// The text that is there, of a number of characters within `range`.
    pub(super) fn bounded_text(&self, range: RangeInclusive<usize>) -> Result<Option<&'v str>, Fault> {
        let text = self.text()?;
        if text.is_some_and(|text| !range.contains(&text.chars().count())) {
            return Err(self.expected(format!("{} to {} characters long", range.start(), range.end())));
        }
        Ok(text)
    }

    /// The number that is there, within `range`.
    pub(super) fn number<T>(&self, range: RangeInclusive<T>) -> Result<Option<T>, Fault>
    where
        T: FromStr + PartialOrd + std::fmt::Display,
    {
        let Some(text) = self.text()? else { return Ok(None) };
        match text.parse::<T>() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => Err(self.expected(format!("a number from {} to {}", range.start(), range.end()))),
        }
    }

    /// The boolean that is there.
    pub(super) fn flag(&self) -> Result<Option<bool>, Fault> {
        match self.text()? {
            None => Ok(None),
            Some("true" | "True" | "TRUE") => Ok(Some(true)),
            Some("false" | "False" | "FALSE") => Ok(Some(false)),
            Some(_) => Err(self.expected("true or false")),
        }
    }

    /// The items of the list that is there; none where nothing is.
    pub(super) fn items(&self) -> Result<Vec<Self>, Fault> {
        match self.value.map(|value| &value.data) {
            None => Ok(Vec::new()),
            Some(Data::List(items)) => {
                let place = |(at, item)| Self::new(format!("{}[{at}]", self.path), item);
                Ok(items.iter().enumerate().map(place).collect())
            }
            Some(_) => Err(self.expected("a list")),
        }
    }

    /// The keys and places of the map that is there; none where nothing is.
    pub(super) fn entries(&self) -> Result<Vec<(&'v str, Self)>, Fault> {
        match self.value.map(|value| &value.data) {
            None => Ok(Vec::new()),
            Some(Data::Map(entries)) => {
                Ok(entries.iter().map(|(key, _)| (key.as_str(), self.get(key))).collect())
            }
            Some(_) => Err(self.expected("a map")),
        }
    }

    /// Refuses every key of the map that is not `known`: a property that is not read would change nothing here and
    /// something on AWS.
    pub(super) fn only(&self, known: &[&str]) -> Result<(), Fault> {
        match self.entries()?.into_iter().find(|(key, _)| !known.contains(key)) {
            Some((key, place)) => {
                Err(place.unsupported(format!("{key}{}", hint(key, known.iter().copied()))))
            }
            None => Ok(()),
        }
    }
}
