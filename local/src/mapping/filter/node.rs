//! JSON as filters see it: numbers as they are written.

use tapeline_json::{Cursor, JsonError};

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A string, a number, a bool or null.
    Scalar(Scalar),
    /// A list.
    List(Vec<Node>),
    /// An object, its keys in the order of the text.
    Object(Vec<(String, Node)>),
}

/// A JSON value that holds no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scalar {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The digits as they stand in the text: `300` and `3.0e2` are not the same to a filter.
    Number(String),
    /// A string.
    Text(String),
}

impl Node {
    /// Reads a text that is one JSON value, nested at most [`tapeline_json::DEPTH_MAX`] deep.
    ///
    /// # Errors
    /// When it is none, or something follows.
    pub(super) fn parse(text: &str) -> Result<Self, JsonError> {
        // The depth is checked here, once, before anything enters.
        let mut whole = Cursor::new(text);
        let mut inside = whole.value()?.cursor();
        whole.end()?;
        read(&mut inside)
    }

    /// The value of a key. Of several, the last, as JSON readers have it; `None` also where this is no object.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(entries) = self else { return None };
        entries.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// What kind of value it is, as an error names it.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Scalar(Scalar::Null) => "null".to_owned(),
            Self::Scalar(Scalar::Bool(value)) => value.to_string(),
            Self::Scalar(Scalar::Number(digits)) => digits.clone(),
            Self::Scalar(Scalar::Text(text)) => format!("{text:?}"),
            Self::List(elements) => format!("a list of {}", elements.len()),
            Self::Object(entries) => format!("an object of {}", entries.len()),
        }
    }
}

fn read(cursor: &mut Cursor<'_>) -> Result<Node, JsonError> {
    match cursor.peek() {
        Some(b'{') => object(cursor),
        Some(b'[') => list(cursor),
        _ => scalar(cursor),
    }
}

fn object(cursor: &mut Cursor<'_>) -> Result<Node, JsonError> {
    let (mut entries, mut object) = (Vec::new(), cursor.object()?);
    while let Some(key) = object.key()? {
        entries.push((key.decode().into_owned(), read(object.cursor())?));
    }
    Ok(Node::Object(entries))
}

fn list(cursor: &mut Cursor<'_>) -> Result<Node, JsonError> {
    let (mut elements, mut list) = (Vec::new(), cursor.array()?);
    while let Some(element) = list.element()? {
        elements.push(read(element)?);
    }
    Ok(Node::List(elements))
}

fn scalar(cursor: &mut Cursor<'_>) -> Result<Node, JsonError> {
    let value = cursor.value()?;
    let text = || value.as_text().map(|text| Scalar::Text(text.decode().into_owned()));
    let scalar = match value.as_bool() {
        Some(value) => Scalar::Bool(value),
        None if value.is_null() => Scalar::Null,
        None => text().unwrap_or_else(|| Scalar::Number(value.raw().to_owned())),
    };
    Ok(Node::Scalar(scalar))
}
