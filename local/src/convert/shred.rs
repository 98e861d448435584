//! Takes JSON values apart into the columns of their type.
//!
//! A [`Node`] stands for one type of the table's tree and owns the Parquet columns below it. Writing a value through it
//! appends exactly one entry, or one for each element of a list, to each of those columns, whatever the value leaves
//! out; that keeps the columns of a row group of one length. Nothing is kept of the JSON itself.

use std::borrow::Cow;
use std::collections::HashMap;

use tapeline_json::{Cursor, Value};

use super::column::{Bytes, Column, Level, Mark, Values};
use super::openx::{ConversionError, KeyRule};
use super::scalar;
use super::schema::{Field, Scalar, Type};

/// A type of the table and its columns.
#[derive(Debug)]
pub(super) struct Node {
    /// The level of an entry that is there: its definition, and the depth of lists around it.
    level: Level,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Scalar(Scalar, Column),
    Array(Box<Node>),
    Map(Column, Box<Node>),
    Struct(Members),
}

/// The fields of a `struct`.
#[derive(Debug)]
struct Members {
    fields: Vec<Member>,
    by_key: HashMap<String, usize>,
    /// Number of the object being read; tells which members it has had.
    object: u64,
}

/// One field of a `struct`, or a whole column.
#[derive(Debug)]
pub(super) struct Member {
    name: String,
    pub(super) node: Node,
    /// Number of the last object that had it.
    object: u64,
    /// Its columns as they were before that object.
    marks: Vec<Mark>,
}

impl Node {
    /// Lays out the columns of a type. `outer` is the level of what it stands in.
    pub(super) fn new(kind: &Type, outer: Level, keys: KeyRule) -> Self {
        let level = Level { repetition: outer.repetition, definition: outer.definition + 1 };
        let entry = entry_level(level);
        let shape = match kind {
            Type::Scalar(scalar) => Shape::Scalar(*scalar, Column::new(level, values_of(*scalar))),
            Type::Array(element) => Shape::Array(Box::new(Self::new(element, entry, keys))),
            Type::Map(value) => {
                let key = Column::new(entry, Values::Bytes(Bytes::new()));
                Shape::Map(key, Box::new(Self::new(value, entry, keys)))
            }
            Type::Struct(fields) => Shape::Struct(Members::new(fields, level, keys)),
        };
        Self { level, shape }
    }

    /// Writes the next value of `cursor`. `at` says where: how the entry continues, and the definition level of what
    /// it stands in.
    ///
    /// # Errors
    /// When the text is no JSON or the value is none of the type; the columns then hold a part of it.
    pub(super) fn write(
        &mut self,
        cursor: &mut Cursor<'_>,
        at: Level,
        keys: KeyRule,
    ) -> Result<(), ConversionError> {
        if cursor.peek() == Some(b'n') {
            cursor.value()?;
            self.write_null(at, 1);
            return Ok(());
        }
        let present = Level { repetition: at.repetition, definition: self.level.definition };
        let more = entry_level(self.level);
        match &mut self.shape {
            Shape::Scalar(scalar, column) => write_scalar(column, *scalar, (cursor.value()?, present), keys),
            Shape::Array(element) => write_array(element, cursor, [present, more], keys),
            Shape::Map(key, value) => write_map((key, value), cursor, [present, more], keys),
            Shape::Struct(members) => members.write(cursor, present, keys),
        }
    }

    /// Writes `count` entries that end at the level `at`.
    pub(super) fn write_null(&mut self, at: Level, count: u32) {
        self.each_column(&mut |column| column.push(at, count));
    }

    /// Remembers where the columns end.
    pub(super) fn mark(&mut self, marks: &mut Vec<Mark>) {
        marks.clear();
        self.each_column(&mut |column| marks.push(column.mark()));
    }

    /// Takes the columns back to where they ended.
    pub(super) fn rewind(&mut self, marks: &[Mark]) {
        let mut marks = marks.iter();
        self.each_column(&mut |column| column.rewind(marks.next().copied().unwrap_or_default()));
    }

    /// Visits the columns in the order of Parquet's schema.
    pub(super) fn each_column(&mut self, visit: &mut dyn FnMut(&mut Column)) {
        match &mut self.shape {
            Shape::Scalar(_, column) => visit(column),
            Shape::Array(element) => element.each_column(visit),
            Shape::Map(key, value) => {
                visit(key);
                value.each_column(visit);
            }
            Shape::Struct(members) => {
                members.fields.iter_mut().for_each(|member| member.node.each_column(visit));
            }
        }
    }

    /// Gathers the columns in the order of Parquet's schema.
    pub(super) fn columns<'a>(&'a self, columns: &mut Vec<&'a Column>) {
        match &self.shape {
            Shape::Scalar(_, column) => columns.push(column),
            Shape::Array(element) => element.columns(columns),
            Shape::Map(key, value) => {
                columns.push(key);
                value.columns(columns);
            }
            Shape::Struct(members) => members.fields.iter().for_each(|member| member.node.columns(columns)),
        }
    }
}

impl Member {
    /// Lays out a field's columns.
    pub(super) fn new(field: &Field, outer: Level, keys: KeyRule) -> Self {
        let node = Node::new(&field.kind, outer, keys);
        Self { name: field.name.clone(), node, object: 0, marks: Vec::new() }
    }

    /// Writes the next value of `cursor` for the object of this number. A value that the object had before under the
    /// same key is replaced: of keys that are equal to the `SerDe` the last one stays.
    ///
    /// # Errors
    /// As [`Node::write`].
    pub(super) fn write(
        &mut self,
        cursor: &mut Cursor<'_>,
        (object, at): (u64, Level),
        keys: KeyRule,
    ) -> Result<(), ConversionError> {
        if self.object == object {
            self.node.rewind(&self.marks);
        } else {
            self.object = object;
            self.node.mark(&mut self.marks);
        }
        self.node.write(cursor, at, keys).map_err(|error| error.within(&self.name))
    }
}

impl Members {
    fn new(fields: &[Field], level: Level, keys: KeyRule) -> Self {
        let members = fields.iter().map(|field| Member::new(field, level, keys)).collect();
        let by_key = fields.iter().enumerate().map(|(index, field)| {
            let key = keys.cased(Cow::Borrowed(&field.name));
            (key.into_owned(), index)
        });
        Self { fields: members, by_key: by_key.collect(), object: 0 }
    }

    fn write(
        &mut self,
        cursor: &mut Cursor<'_>,
        present: Level,
        keys: KeyRule,
    ) -> Result<(), ConversionError> {
        self.object += 1;
        match cursor.peek() {
            Some(b'{') => self.write_by_key(cursor, present, keys)?,
            Some(b'[') => self.write_by_position(cursor, present, keys)?,
            _ => return Err(ConversionError::mismatch("a JSON object", cursor.value()?)),
        }
        let object = self.object;
        let absent = self.fields.iter_mut().filter(|member| member.object != object);
        absent.for_each(|member| member.node.write_null(present, 1));
        Ok(())
    }

    fn write_by_key(
        &mut self,
        cursor: &mut Cursor<'_>,
        at: Level,
        keys: KeyRule,
    ) -> Result<(), ConversionError> {
        let mut fields = cursor.object()?;
        while let Some(key) = fields.key()? {
            let index = self.by_key.get(keys.column_key(key.decode()).as_ref());
            match index.and_then(|index| self.fields.get_mut(*index)) {
                Some(member) => member.write(fields.cursor(), (self.object, at), keys)?,
                None => drop(fields.value()?),
            }
        }
        Ok(())
    }

    /// An array fills a struct by position, as the real service was seen to do; what is too much is left out.
    fn write_by_position(
        &mut self,
        cursor: &mut Cursor<'_>,
        at: Level,
        keys: KeyRule,
    ) -> Result<(), ConversionError> {
        let mut elements = cursor.array()?;
        let mut members = self.fields.iter_mut();
        while let Some(element) = elements.element()? {
            match members.next() {
                Some(member) => member.write(element, (self.object, at), keys)?,
                None => drop(element.value()?),
            }
        }
        Ok(())
    }
}

/// The level of an entry in a list or a map at `level`, whether or not the entry itself is null.
const fn entry_level(level: Level) -> Level {
    Level { repetition: level.repetition + 1, definition: level.definition + 1 }
}

fn write_scalar(
    column: &mut Column,
    scalar: Scalar,
    (value, level): (Value<'_>, Level),
    keys: KeyRule,
) -> Result<(), ConversionError> {
    match scalar::push(&mut column.values, scalar, value, keys) {
        Some(()) => column.push(level, 1),
        None => return Err(ConversionError::mismatch(expected(scalar), value)),
    }
    Ok(())
}

/// Writes a list: `present` is its own level, `more` that of every element but the first.
fn write_array(
    element: &mut Node,
    cursor: &mut Cursor<'_>,
    [present, more]: [Level; 2],
    keys: KeyRule,
) -> Result<(), ConversionError> {
    let mut at = Level { repetition: present.repetition, ..more };
    // A value that is no array counts as an array of one, as the real service was seen to do.
    if cursor.peek() != Some(b'[') {
        return element.write(cursor, at, keys);
    }
    let mut elements = cursor.array()?;
    let mut is_empty = true;
    while let Some(cursor) = elements.element()? {
        element.write(cursor, at, keys)?;
        (at, is_empty) = (more, false);
    }
    if is_empty {
        element.write_null(present, 1);
    }
    Ok(())
}

fn write_map(
    (key_column, value_node): (&mut Column, &mut Node),
    cursor: &mut Cursor<'_>,
    [present, more]: [Level; 2],
    keys: KeyRule,
) -> Result<(), ConversionError> {
    if cursor.peek() != Some(b'{') {
        return Err(ConversionError::mismatch("a JSON object", cursor.value()?));
    }
    let entries = distinct_entries(cursor, keys)?;
    if entries.is_empty() {
        key_column.push(present, 1);
        value_node.write_null(present, 1);
    }
    let mut at = Level { repetition: present.repetition, ..more };
    for (key, value) in entries {
        if let Values::Bytes(keys) = &mut key_column.values {
            keys.push(key.as_bytes());
        }
        key_column.push(at, 1);
        value_node.write(&mut value.cursor(), at, keys).map_err(|error| error.within(&key))?;
        at = more;
    }
    Ok(())
}

/// The entries of an object in order, each key once with its last value: a map column must not have a key twice.
fn distinct_entries<'a>(
    cursor: &mut Cursor<'a>,
    keys: KeyRule,
) -> Result<Vec<(Cow<'a, str>, Value<'a>)>, ConversionError> {
    let mut entries: Vec<(Cow<'a, str>, Value<'a>)> = Vec::new();
    let mut index_of: HashMap<Cow<'a, str>, usize> = HashMap::new();
    let mut object = cursor.object()?;
    while let Some(key) = object.key()? {
        let key = keys.cased(key.decode());
        let value = object.value()?;
        let index = *index_of.entry(key.clone()).or_insert(entries.len());
        match entries.get_mut(index) {
            Some(entry) => entry.1 = value,
            None => entries.push((key, value)),
        }
    }
    Ok(entries)
}

fn expected(scalar: Scalar) -> String {
    match scalar {
        Scalar::Timestamp => {
            "a timestamp (yyyy-MM-dd'T'HH:mm:ss[.S]'Z', yyyy-MM-dd HH:mm:ss[.S], epoch seconds or \
                              milliseconds, of the years 1677 to 2262)"
                .to_owned()
        }
        Scalar::Date => "a date (yyyy-MM-dd)".to_owned(),
        Scalar::Binary => "a binary (base64)".to_owned(),
        _ => format!("a value of type {scalar}"),
    }
}

const fn values_of(scalar: Scalar) -> Values {
    match scalar {
        Scalar::Boolean => Values::Boolean(Vec::new()),
        Scalar::TinyInt | Scalar::SmallInt | Scalar::Int | Scalar::Date => Values::Int32(Vec::new()),
        Scalar::BigInt => Values::Int64(Vec::new()),
        Scalar::Float => Values::Float(Vec::new()),
        Scalar::Double => Values::Double(Vec::new()),
        Scalar::Decimal { .. } => Values::Decimal(Vec::new()),
        Scalar::String | Scalar::Varchar(_) | Scalar::Char(_) | Scalar::Binary => Values::Bytes(Bytes::new()),
        Scalar::Timestamp => Values::Int96(Vec::new()),
    }
}
