//! Reads the columns of a Glue table: Hive type text to a tree of types.

use std::fmt;

use thiserror::Error;

/// The deepest nesting of `array`, `map` and `struct` in one column. The widest record here nests two; the bound
/// keeps the recursion over a type, and the definition levels of Parquet, small.
pub(crate) const NESTING_MAX: usize = 16;

/// The most digits Hive's `decimal` holds.
const PRECISION_MAX: u8 = 38;

/// Hive's own limits of the lengths in `varchar(n)` and `char(n)`.
const VARCHAR_MAX: u32 = 65_535;
const CHAR_MAX: u32 = 255;

const ALLOWED: &str = "string, varchar(n), char(n), boolean, tinyint, smallint, int, integer, bigint, float, double, \
                       decimal(p,s), date, timestamp, binary, array<T>, map<string,T> or struct<name:T,...>";

/// A column's type cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum SchemaError {
    /// A table without columns describes no rows.
    #[error("a table must have at least one column, had none")]
    Empty,
    /// Two columns, or two fields of one struct, that only case tells apart: Glue and the deserialisers ignore case.
    #[error("column `{column}`: names must differ in more than case, `{name}` came twice")]
    Duplicate {
        /// The column in which it happened.
        column: String,
        /// The name that came a second time.
        name: String,
    },
    /// The type text is not a type.
    #[error("column `{column}`: expected {expected} at offset {offset} of \"{text}\"")]
    Type {
        /// The column's name.
        column: String,
        /// The column's whole type text.
        text: String,
        /// Byte offset in the text where it stops being a type.
        offset: usize,
        /// What is allowed there.
        expected: &'static str,
    },
}

/// The columns of a table, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Schema {
    columns: Vec<Field>,
}

/// A column, or a field of a `struct`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Field {
    /// Its name, as the table writes it.
    pub(crate) name: String,
    /// Its type.
    pub(crate) kind: Type,
}

/// A type of Hive's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Type {
    /// One value.
    Scalar(Scalar),
    /// `array<T>`.
    Array(Box<Type>),
    /// `map<string,T>`, by its `T`.
    Map(Box<Type>),
    /// `struct<name:T,...>`.
    Struct(Vec<Field>),
}

/// A type of Hive's that holds one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// `boolean`.
    Boolean,
    /// `tinyint`, 8 bits.
    TinyInt,
    /// `smallint`, 16 bits.
    SmallInt,
    /// `int` or `integer`, 32 bits.
    Int,
    /// `bigint`, 64 bits.
    BigInt,
    /// `float`, 32 bits.
    Float,
    /// `double`, 64 bits.
    Double,
    /// `decimal(precision,scale)`: `precision` digits, `scale` of them behind the point.
    Decimal {
        /// 1 to 38 digits in all.
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
    /// `string`.
    String,
    /// `varchar(n)`: at most `n` characters.
    Varchar(u32),
    /// `char(n)`: at most `n` characters.
    Char(u32),
    /// `binary`.
    Binary,
    /// `date`.
    Date,
    /// `timestamp`.
    Timestamp,
}

impl Schema {
    /// Reads a table's columns, given as pairs of name and Hive type text.
    ///
    /// The text is read as Hive reads it: lower case, without white space.
    ///
    /// # Errors
    /// When there is no column, a name comes twice, or a type cannot be read.
    pub(crate) fn parse(columns: &[(String, String)]) -> Result<Self, SchemaError> {
        if columns.is_empty() {
            return Err(SchemaError::Empty);
        }
        let columns = columns
            .iter()
            .map(|(name, text)| Ok(Field { name: name.clone(), kind: column_type(name, text)? }))
            .collect::<Result<Vec<_>, SchemaError>>()?;
        if let Some(name) = duplicate(&columns) {
            return Err(SchemaError::Duplicate { column: name.clone(), name });
        }
        Ok(Self { columns })
    }

    /// The columns, in the table's order.
    pub(crate) fn columns(&self) -> &[Field] {
        &self.columns
    }
}

impl fmt::Display for Scalar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => out.write_str("boolean"),
            Self::TinyInt => out.write_str("tinyint"),
            Self::SmallInt => out.write_str("smallint"),
            Self::Int => out.write_str("int"),
            Self::BigInt => out.write_str("bigint"),
            Self::Float => out.write_str("float"),
            Self::Double => out.write_str("double"),
            Self::Decimal { precision, scale } => write!(out, "decimal({precision},{scale})"),
            Self::String => out.write_str("string"),
            Self::Varchar(length) => write!(out, "varchar({length})"),
            Self::Char(length) => write!(out, "char({length})"),
            Self::Binary => out.write_str("binary"),
            Self::Date => out.write_str("date"),
            Self::Timestamp => out.write_str("timestamp"),
        }
    }
}

/// The first name that comes a second time, case aside.
fn duplicate(fields: &[Field]) -> Option<String> {
    let mut seen = std::collections::HashSet::new();
    fields.iter().find(|field| !seen.insert(field.name.to_lowercase())).map(|field| field.name.clone())
}

fn column_type(column: &str, text: &str) -> Result<Type, SchemaError> {
    let mut parser = Parser { text, offset: 0 };
    let read = parser.kind(0).and_then(|kind| parser.end().map(|()| kind));
    read.map_err(|fault| match fault {
        Fault::Expected(expected, offset) => {
            SchemaError::Type { column: column.to_owned(), text: text.to_owned(), offset, expected }
        }
        Fault::Duplicate(name) => SchemaError::Duplicate { column: column.to_owned(), name },
    })
}

/// What stops the parser; the column is added outside.
enum Fault {
    Expected(&'static str, usize),
    Duplicate(String),
}

struct Parser<'a> {
    text: &'a str,
    offset: usize,
}

impl<'a> Parser<'a> {
    fn kind(&mut self, depth: usize) -> Result<Type, Fault> {
        if depth > NESTING_MAX {
            return Err(Fault::Expected("at most 16 nested types", self.offset));
        }
        let start = self.offset;
        Ok(match self.word() {
            "array" => Type::Array(Box::new(self.array(depth)?)),
            "map" => Type::Map(Box::new(self.map(depth)?)),
            "struct" => Type::Struct(self.fields(depth)?),
            word => Type::Scalar(self.scalar(word, start)?),
        })
    }

    fn array(&mut self, depth: usize) -> Result<Type, Fault> {
        self.expect('<', "`<`")?;
        let element = self.kind(depth + 1)?;
        self.expect('>', "`>`")?;
        Ok(element)
    }

    fn map(&mut self, depth: usize) -> Result<Type, Fault> {
        self.expect('<', "`<`")?;
        let start = self.offset;
        if self.word() != "string" {
            return Err(Fault::Expected("a map key of type string", start));
        }
        self.expect(',', "`,`")?;
        let value = self.kind(depth + 1)?;
        self.expect('>', "`>`")?;
        Ok(value)
    }

    fn fields(&mut self, depth: usize) -> Result<Vec<Field>, Fault> {
        self.expect('<', "`<`")?;
        let mut fields = Vec::new();
        loop {
            let name = self.word();
            if name.is_empty() {
                return Err(Fault::Expected("a field name of letters, digits, `_`, `.` or `$`", self.offset));
            }
            self.expect(':', "`:`")?;
            fields.push(Field { name: name.to_owned(), kind: self.kind(depth + 1)? });
            if !self.eat(',') {
                break;
            }
        }
        self.expect('>', "`,` or `>`")?;
        duplicate(&fields).map_or(Ok(fields), |name| Err(Fault::Duplicate(name)))
    }

    fn scalar(&mut self, word: &str, start: usize) -> Result<Scalar, Fault> {
        Ok(match word {
            "boolean" => Scalar::Boolean,
            "tinyint" => Scalar::TinyInt,
            "smallint" => Scalar::SmallInt,
            "int" | "integer" => Scalar::Int,
            "bigint" => Scalar::BigInt,
            "float" => Scalar::Float,
            "double" => Scalar::Double,
            "decimal" => self.decimal()?,
            "string" => Scalar::String,
            "varchar" => Scalar::Varchar(self.length(VARCHAR_MAX, "a length from 1 to 65535")?),
            "char" => Scalar::Char(self.length(CHAR_MAX, "a length from 1 to 255")?),
            "binary" => Scalar::Binary,
            "date" => Scalar::Date,
            "timestamp" => Scalar::Timestamp,
            _ => return Err(Fault::Expected(ALLOWED, start)),
        })
    }

    /// Reads `(p,s)`. Hive takes `decimal` as `decimal(10,0)` and `decimal(p)` as `decimal(p,0)`.
    fn decimal(&mut self) -> Result<Scalar, Fault> {
        if !self.eat('(') {
            return Ok(Scalar::Decimal { precision: 10, scale: 0 });
        }
        let precision = self.number(1..=u32::from(PRECISION_MAX), "a precision from 1 to 38")?;
        let scale =
            if self.eat(',') { self.number(0..=precision, "a scale from 0 to the precision")? } else { 0 };
        self.expect(')', "`)`")?;
        let narrow = |digits: u32| u8::try_from(digits).unwrap_or(PRECISION_MAX);
        Ok(Scalar::Decimal { precision: narrow(precision), scale: narrow(scale) })
    }

    fn length(&mut self, max: u32, expected: &'static str) -> Result<u32, Fault> {
        self.expect('(', "`(`")?;
        let length = self.number(1..=max, expected)?;
        self.expect(')', "`)`")?;
        Ok(length)
    }

    fn number(&mut self, range: std::ops::RangeInclusive<u32>, expected: &'static str) -> Result<u32, Fault> {
        let start = self.offset;
        let number = self.word().parse().ok().filter(|number| range.contains(number));
        number.ok_or(Fault::Expected(expected, start))
    }

    /// Steps over a name, a type's word or a number; empty when none stands here.
    fn word(&mut self) -> &'a str {
        let rest = self.text.get(self.offset..).unwrap_or_default();
        let length = rest.find(|c: char| !(c.is_alphanumeric() || "_.$".contains(c))).unwrap_or(rest.len());
        self.offset += length;
        rest.get(..length).unwrap_or_default()
    }

    fn eat(&mut self, c: char) -> bool {
        let found = self.text.get(self.offset..).is_some_and(|rest| rest.starts_with(c));
        self.offset += if found { c.len_utf8() } else { 0 };
        found
    }

    fn expect(&mut self, c: char, expected: &'static str) -> Result<(), Fault> {
        if self.eat(c) { Ok(()) } else { Err(Fault::Expected(expected, self.offset)) }
    }

    const fn end(&self) -> Result<(), Fault> {
        if self.offset == self.text.len() {
            Ok(())
        } else {
            Err(Fault::Expected("the end of the type", self.offset))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Type, SchemaError> {
        Schema::parse(&[("c".to_owned(), text.to_owned())])
            .map(|schema| schema.columns().first().unwrap().kind.clone())
    }

    fn check_error(text: &str, message: &str) {
        assert_eq!(parse(text).unwrap_err().to_string(), message);
    }

    #[test]
    fn every_scalar_is_read_as_it_is_written() {
        for text in [
            "boolean",
            "tinyint",
            "smallint",
            "int",
            "bigint",
            "float",
            "double",
            "decimal(38,8)",
            "string",
            "varchar(65535)",
            "char(255)",
            "binary",
            "date",
            "timestamp",
        ] {
            let Type::Scalar(scalar) = parse(text).unwrap() else { panic!("{text} is a scalar") };
            assert_eq!(scalar.to_string(), text);
        }
    }

    #[test]
    fn short_forms_mean_what_hive_means() {
        assert_eq!(parse("integer").unwrap(), Type::Scalar(Scalar::Int));
        assert_eq!(parse("decimal").unwrap(), Type::Scalar(Scalar::Decimal { precision: 10, scale: 0 }));
        assert_eq!(parse("decimal(5)").unwrap(), Type::Scalar(Scalar::Decimal { precision: 5, scale: 0 }));
    }

    #[test]
    fn nested_types_are_read() {
        let double = |name: &str| Field { name: name.to_owned(), kind: Type::Scalar(Scalar::Double) };
        let level = Type::Struct(vec![double("price"), double("quantity")]);
        assert_eq!(
            parse("array<struct<price:double,quantity:double>>").unwrap(),
            Type::Array(Box::new(level))
        );
        let ints = Type::Array(Box::new(Type::Scalar(Scalar::Int)));
        assert_eq!(parse("map<string,array<int>>").unwrap(), Type::Map(Box::new(ints)));
    }

    #[test]
    fn errors_name_the_column_the_offset_and_what_is_allowed() {
        check_error(
            "array<struct<a:text>>",
            &format!("column `c`: expected {ALLOWED} at offset 15 of \"array<struct<a:text>>\""),
        );
        check_error("array<int", "column `c`: expected `>` at offset 9 of \"array<int\"");
        check_error("int ", "column `c`: expected the end of the type at offset 3 of \"int \"");
        check_error(
            "map<int,int>",
            "column `c`: expected a map key of type string at offset 4 of \"map<int,int>\"",
        );
        check_error(
            "decimal(39,0)",
            "column `c`: expected a precision from 1 to 38 at offset 8 of \"decimal(39,0)\"",
        );
        check_error(
            "decimal(4,5)",
            "column `c`: expected a scale from 0 to the precision at offset 10 of \"decimal(4,5)\"",
        );
        check_error("char(256)", "column `c`: expected a length from 1 to 255 at offset 5 of \"char(256)\"");
        check_error(
            "struct<>",
            "column `c`: expected a field name of letters, digits, `_`, `.` or `$` at offset 7 of \"struct<>\"",
        );
        check_error("", &format!("column `c`: expected {ALLOWED} at offset 0 of \"\""));
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| "array<".repeat(depth) + "int" + &">".repeat(depth);
        assert!(parse(&nested(NESTING_MAX)).is_ok());
        assert!(parse(&nested(NESTING_MAX + 1)).unwrap_err().to_string().contains("at most 16 nested types"));
        assert!(parse(&nested(100_000)).is_err());
    }

    #[test]
    fn names_that_differ_only_in_case_are_refused() {
        let columns =
            [("price", "int"), ("Price", "int")].map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(
            Schema::parse(&columns).unwrap_err().to_string(),
            "column `Price`: names must differ in more than case, `Price` came twice"
        );
        check_error("struct<a:int,A:int>", "column `c`: names must differ in more than case, `A` came twice");
        assert_eq!(Schema::parse(&[]), Err(SchemaError::Empty));
    }
}
