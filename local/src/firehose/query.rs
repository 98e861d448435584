//! Partition keys out of the records themselves: the processor `MetadataExtraction`, a query of jq.
//!
//! The query runs once for each record and gives one object of scalars, such as
//! `{customer_id: .customer_id, device: .type.device}`. It is compiled once.
//!
//! A query is part of the configuration, a record is not. So that no record can keep a query busy, one that loops by itself
//! is refused: definitions, which may recurse, and the filters of [`REFUSED`] that repeat without an end. What reads this
//! machine is refused as well: it would tell apart two runs of the same records.

use std::collections::BTreeMap;
use std::fmt;

use jaq_core::data::JustLut;
use jaq_core::load::lex::{StrPart, Tok, Token};
use jaq_core::load::{Arena, File, Lexer, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::Val;
use tapeline_json::{Cursor, JsonError};
use thiserror::Error;

/// The longest query, as the longest value of a processor's parameter in Firehose's API reference.
const QUERY_CHARS_MAX: usize = 5_120;

/// Words that a query must not have: they loop, end the program, print, or read something beside the record.
const REFUSED: [&str; 21] = [
    "combinations",
    "debug",
    "def",
    "env",
    "halt",
    "halt_error",
    "import",
    "include",
    "input",
    "input_line_number",
    "inputs",
    "localtime",
    "now",
    "range",
    "recurse",
    "repeat",
    "stderr",
    "strflocaltime",
    "until",
    "walk",
    "while",
];

/// A query cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum QueryError {
    /// It is too long.
    #[error("expected a query of at most {QUERY_CHARS_MAX} characters, was {0}")]
    TooLong(usize),
    /// It has a word that is refused.
    #[error("expected a query that looks at one record and ends, had `{0}`")]
    Refused(String),
    /// It is not jq.
    #[error("expected a query of jq, was \"{query}\" with an error at \"{at}\"")]
    Syntax {
        /// The query.
        query: String,
        /// Where it stops being one.
        at: String,
    },
}

/// Why a query gives no partition keys for a record.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ExtractionError {
    /// The record is no UTF-8.
    #[error("expected UTF-8")]
    Encoding,
    /// The record is no JSON.
    #[error("expected one JSON document")]
    Json(#[from] JsonError),
    /// The query failed.
    #[error("expected a query that succeeds, it failed: {0}")]
    Failed(String),
    /// The query gave something else.
    #[error("expected one object of strings, numbers and booleans, was {0}")]
    Shape(String),
}

/// A query, ready to run.
pub(crate) struct Query {
    text: String,
    filter: Filter<JustLut<Val>>,
}

impl fmt::Debug for Query {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("Query").field(&self.text).finish()
    }
}

impl Query {
    /// Compiles a query.
    ///
    /// # Errors
    /// When it is no jq, or might not end.
    pub(crate) fn parse(text: &str) -> Result<Self, QueryError> {
        match text.chars().count() {
            0..=QUERY_CHARS_MAX => {}
            length => return Err(QueryError::TooLong(length)),
        }
        let syntax = |at: &str| QueryError::Syntax { query: text.to_owned(), at: excerpt(at) };
        let tokens =
            Lexer::new(text).lex().map_err(|errors| syntax(errors.first().map_or("", |error| error.1)))?;
        if let Some(word) = refused(&tokens) {
            return Err(QueryError::Refused(word.to_owned()));
        }
        let definitions = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
        let functions = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
        let arena = Arena::default();
        let modules = Loader::new(definitions).load(&arena, File { code: text, path: () });
        let modules = modules.map_err(|_| syntax(text))?;
        let compiled = Compiler::default().with_funs(functions).compile(modules);
        let undefined = |errors: Vec<(_, Vec<(&str, _)>)>| {
            let first = errors.first().and_then(|(_, errors)| errors.first());
            syntax(first.map_or(text, |(name, _)| *name))
        };
        Ok(Self { text: text.to_owned(), filter: compiled.map_err(undefined)? })
    }

    /// Takes the partition keys out of a record.
    ///
    /// # Errors
    /// When the record is no JSON document, or the query does not give one object of scalars.
    pub(crate) fn keys(&self, data: &[u8]) -> Result<BTreeMap<String, String>, ExtractionError> {
        let text = str::from_utf8(data).map_err(|_| ExtractionError::Encoding)?;
        // Checked before: this reader bounds how deep a document nests, the query's own does not.
        let mut cursor = Cursor::new(text);
        let document = cursor.value()?.raw();
        cursor.end()?;
        let failed = |error: &dyn fmt::Display| ExtractionError::Failed(excerpt(&error.to_string()));
        let input = jaq_json::read::parse_single(document.as_bytes()).map_err(|error| failed(&error))?;
        let context = Ctx::<JustLut<Val>>::new(&self.filter.lut, Vars::new([]));
        let mut outputs = self.filter.id.run((context, input)).map(unwrap_valr);
        match (outputs.next(), outputs.next()) {
            (Some(Ok(output)), None) => scalars(&output),
            (Some(Err(error)), _) | (_, Some(Err(error))) => Err(failed(&error)),
            (None, _) => Err(ExtractionError::Shape("nothing".to_owned())),
            (Some(Ok(_)), Some(Ok(_))) => Err(ExtractionError::Shape("several".to_owned())),
        }
    }
}

/// The first word that a query must not have.
fn refused<'a>(tokens: &[Token<&'a str>]) -> Option<&'a str> {
    tokens.iter().enumerate().find_map(|(at, Token(text, token))| match token {
        // A field's name, as in `.input` or `{input: 1}`, is no call.
        Tok::Word if is_symbol(tokens.get(at + 1), ":") => None,
        Tok::Word if at > 0 && is_symbol(tokens.get(at - 1), ".") => None,
        Tok::Word => REFUSED.contains(text).then_some(*text),
        Tok::Var => (*text == "$ENV" || *text == "$__prog_args").then_some(*text),
        Tok::Str(parts) => parts.iter().find_map(|part| match part {
            StrPart::Term(term) => refused(std::slice::from_ref(term)),
            _ => None,
        }),
        Tok::Block(inside) => refused(inside),
        Tok::Fmt | Tok::Num | Tok::Sym => None,
    })
}

fn is_symbol(token: Option<&Token<&str>>, symbol: &str) -> bool {
    matches!(token, Some(Token(text, Tok::Sym)) if *text == symbol)
}

fn scalars(output: &Val) -> Result<BTreeMap<String, String>, ExtractionError> {
    let shape = || ExtractionError::Shape(excerpt(&output.to_string()));
    let Val::Obj(object) = output else { return Err(shape()) };
    let entries = object.iter().map(|(key, value)| Some((string(key)?, scalar(value)?)));
    entries.collect::<Option<_>>().ok_or_else(shape)
}

fn string(value: &Val) -> Option<String> {
    match value {
        Val::TStr(text) => Some(String::from_utf8_lossy(text).into_owned()),
        _ => None,
    }
}

fn scalar(value: &Val) -> Option<String> {
    match value {
        Val::Num(_) | Val::Bool(_) => Some(value.to_string()),
        _ => string(value),
    }
}

/// The first characters of what an error quotes.
fn excerpt(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{}...", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(query: &str, record: &str) -> Result<BTreeMap<String, String>, ExtractionError> {
        Query::parse(query).unwrap().keys(record.as_bytes())
    }

    fn check(query: &str, record: &str, expected: &[(&str, &str)]) {
        let expected = expected.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        assert_eq!(keys(query, record), Ok(expected), "{query}");
    }

    fn failed(query: &str, record: &str, says: &str) {
        let error = keys(query, record).unwrap_err().to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }

    fn refused_query(query: &str, says: &str) {
        let error = Query::parse(query).unwrap_err().to_string();
        assert!(error.contains(says), "{error:?} does not say {says:?}");
    }

    /// The record of "Understand partitioning keys" in Firehose's guide.
    const RECORD: &str = r#"{"type":{"device":"mobile","event":"user_clicked_submit_button"},
        "customer_id":"1234567890","event_timestamp":1630442383,"region":"sample_region"}"#;

    #[test]
    fn the_query_of_the_guide_gives_its_keys() {
        let query = r#"{customer_id: .customer_id, device: .type.device,
            year: .event_timestamp|strftime("%Y"), month: .event_timestamp|strftime("%m")}"#;
        // 1630442383 is 2021-08-31T20:39:43Z.
        let expected =
            [("customer_id", "1234567890"), ("device", "mobile"), ("year", "2021"), ("month", "08")];
        check(query, RECORD, &expected);
    }

    #[test]
    fn scalars_are_texts() {
        check(
            "{a: .a, b: .b, c}",
            r#"{"a":7,"b":true,"c":1.50}"#,
            &[("a", "7"), ("b", "true"), ("c", "1.50")],
        );
        check("{k: (.s | ascii_downcase | sub(\"usdt$\"; \"\"))}", r#"{"s":"BTCUSDT"}"#, &[("k", "btc")]);
        check("{input: .now}", r#"{"now":"x"}"#, &[("input", "x")]);
    }

    #[test]
    fn what_is_no_object_of_scalars_is_no_key() {
        failed("{a: .a}", "{}", "was {\"a\":null}");
        failed("{a: .}", r#"{"b":1}"#, "one object");
        failed(".a", r#"{"a":1}"#, "was 1");
        failed("empty", "{}", "was nothing");
        failed("{a: (1, 2)}", "{}", "was several");
        failed("error(\"no luck\")", "{}", "no luck");
        failed(".a.b", r#"{"a":1}"#, "it failed");
    }

    #[test]
    fn a_record_that_is_no_json_document_has_no_keys() {
        for record in ["", "text", "{} {}", "{"] {
            failed("{a: 1}", record, "");
        }
        failed("{a: 1}", &"[".repeat(1_000_000), "");
        assert_eq!(Query::parse("{a: 1}").unwrap().keys(&[0xff]), Err(ExtractionError::Encoding));
    }

    #[test]
    fn a_query_that_is_none_is_refused() {
        refused_query("{a: .a", "jq");
        refused_query(".a |", "jq");
        refused_query("nosuchfilter", "nosuchfilter");
        refused_query(&format!("{{a: \"{}\"}}", "x".repeat(QUERY_CHARS_MAX)), "at most 5120 characters");
    }

    #[test]
    fn a_query_that_might_not_end_or_looks_elsewhere_is_refused() {
        refused_query("def f: f; f", "had `def`");
        refused_query("{a: (1 | until(false; .))}", "had `until`");
        refused_query("{a: [range(1e12)]}", "had `range`");
        refused_query("{a: now}", "had `now`");
        refused_query("\"\\(halt)\"", "had `halt`");
        refused_query("{a: $ENV.PATH}", "had `$ENV`");
    }

    proptest! {
        #[test]
        fn any_record_is_answered(record in r#"[\[\]{}":, a-c0-9.]{0,40}"#) {
            let _ = Query::parse("{a: .a, b: .b.c}").unwrap().keys(record.as_bytes());
        }
    }
}
