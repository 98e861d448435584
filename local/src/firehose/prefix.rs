//! S3 prefixes with expressions: `Prefix` and `ErrorOutputPrefix`.
//!
//! Firehose's guide ("Custom Prefixes for Amazon S3 Objects") gives the rules: `!{namespace:value}` is evaluated when an
//! object is written, a `timestamp` by the arrival of the object's oldest record; a `Prefix` without a `timestamp`
//! gets [`DEFAULT_TIME`] appended, without a slash between; an error prefix with expressions must have
//! `!{firehose:error-output-type}`; neither may be longer than 512 characters once evaluated.
//!
//! Where the guide is silent or at odds with itself: a prefix with partition keys gets no time appended, as its examples of
//! dynamic partitioning show. An error prefix without any expression gets the output type and the time appended; the
//! guide says so of one derived from `Prefix`, so it is unconfirmed. Partition keys are refused in an error prefix: the
//! records that end there may have none.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use thiserror::Error;
use uuid::Uuid;

/// What is appended to a prefix that has no time in it.
const DEFAULT_TIME: &str = "yyyy/MM/dd/HH/";

/// The most characters of an evaluated prefix.
const EVALUATED_CHARS_MAX: usize = 512;

/// How many characters `!{firehose:random-string}` has.
const RANDOM_STRING_CHARS: usize = 11;

const PATTERN_LETTERS: &str = "y, u, M, d, D, E, a, H, h, m, s or S";

/// A prefix cannot be read or evaluated.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum PrefixError {
    /// An expression is not closed, or has no `:`.
    #[error("expected `!{{namespace:value}}`, was \"{0}\"")]
    Expression(String),
    /// An expression of an unknown namespace.
    #[error(
        "expected a namespace of timestamp, partitionKeyFromLambda, partitionKeyFromQuery or firehose, was \"{0}\""
    )]
    Namespace(String),
    /// An unknown value of the namespace `firehose`.
    #[error("expected `firehose:` with random-string or error-output-type, was \"{0}\"")]
    FirehoseValue(String),
    /// The output type of errors in the prefix of what is delivered.
    #[error("expected no `!{{firehose:error-output-type}}` in Prefix, only in ErrorOutputPrefix")]
    ErrorOutputTypeInPrefix,
    /// An error prefix with expressions that does not keep the output types apart.
    #[error(
        "expected `!{{firehose:error-output-type}}` in an ErrorOutputPrefix with expressions, was \"{0}\""
    )]
    NoErrorOutputType(String),
    /// A partition key in the prefix of failed records.
    #[error("expected no partition key in ErrorOutputPrefix, was \"{0}\"")]
    PartitionKeyInErrorPrefix(String),
    /// A partition key without a name.
    #[error("expected a name behind `{0}:`")]
    UnnamedPartitionKey(&'static str),
    /// A letter of the pattern that is not supported.
    #[error(
        "expected the pattern letters {PATTERN_LETTERS}, or text in single quotes, was `{letter}` in \"{pattern}\""
    )]
    PatternLetter {
        /// The letter or sign.
        letter: char,
        /// The whole pattern.
        pattern: String,
    },
    /// A letter of the pattern stands too often.
    #[error("expected `{letter}` at most {max} times in a row, was {count} times in \"{pattern}\"")]
    PatternLength {
        /// The letter.
        letter: char,
        /// How often it stands.
        count: usize,
        /// How often it may.
        max: usize,
        /// The whole pattern.
        pattern: String,
    },
    /// A quote of the pattern is not closed.
    #[error("expected a closing single quote in \"{0}\"")]
    PatternQuote(String),
    /// A record without a partition key that the prefix names.
    #[error("expected the partition key `{0}`, had none")]
    MissingPartitionKey(String),
    /// An error prefix is evaluated for no error.
    #[error("expected an error output type, had none")]
    MissingErrorOutputType,
    /// The evaluated prefix is too long.
    #[error("expected an evaluated prefix of at most {EVALUATED_CHARS_MAX} characters, was {0}")]
    Length(usize),
}

/// The partition keys of a record: name and value.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PartitionKeys {
    /// Those that the function gave.
    pub(crate) lambda: BTreeMap<String, String>,
    /// Those that the query took out of the record.
    pub(crate) query: BTreeMap<String, String>,
}

impl PartitionKeys {
    fn value(&self, key: &Key) -> Option<&str> {
        let keys = match key.origin {
            Origin::Lambda => &self.lambda,
            Origin::Query => &self.query,
        };
        keys.get(&key.name).map(String::as_str)
    }
}

/// A partition key that a prefix names.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    origin: Origin,
    name: String,
}

/// Who gives a partition key: `partitionKeyFromLambda` or `partitionKeyFromQuery`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Lambda,
    Query,
}

/// Which of the two prefixes it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PrefixUse {
    /// `Prefix`: of what is delivered.
    Delivery,
    /// `ErrorOutputPrefix`: of what failed.
    Error,
}

/// A prefix, ready to be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Prefix {
    parts: Vec<Part>,
    time_zone: TimeZone,
}

/// What a prefix is evaluated for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RenderContext<'a> {
    /// When the object's oldest record arrived.
    pub(crate) arrival: Timestamp,
    /// The object's partition keys.
    pub(crate) partition_keys: &'a PartitionKeys,
    /// `processing-failed`, `format-conversion-failed` and the like; `None` for what is delivered.
    pub(crate) error_output_type: Option<&'a str>,
    /// What random strings are derived from; Firehose draws them.
    pub(crate) seed: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    Time(Vec<TimePart>),
    PartitionKey(Key),
    RandomString,
    ErrorOutputType,
}

/// A piece of a `DateTimeFormatter` pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
enum TimePart {
    Literal(char),
    Letters(char, usize),
}

impl Prefix {
    /// Reads a prefix, and appends to it what Firehose would.
    ///
    /// # Errors
    /// When an expression is not one that this use allows.
    pub(crate) fn parse(text: &str, time_zone: TimeZone, prefix_use: PrefixUse) -> Result<Self, PrefixError> {
        let mut parts = parse_parts(text)?;
        match prefix_use {
            PrefixUse::Delivery => complete_delivery(&mut parts)?,
            PrefixUse::Error => complete_error(&mut parts, text)?,
        }
        Ok(Self { parts, time_zone })
    }

    /// The first partition key that the prefix names and a record does not have.
    pub(crate) fn missing_key(&self, keys: &PartitionKeys) -> Option<&str> {
        self.parts.iter().find_map(|part| match part {
            Part::PartitionKey(key) if keys.value(key).is_none() => Some(key.name.as_str()),
            _ => None,
        })
    }

    /// Evaluates the prefix.
    ///
    /// # Errors
    /// When the object lacks something that the prefix names, or the outcome is too long.
    pub(crate) fn render(&self, context: &RenderContext<'_>) -> Result<String, PrefixError> {
        let time = context.arrival.to_zoned(self.time_zone.clone());
        let mut out = String::new();
        for (position, part) in self.parts.iter().enumerate() {
            match part {
                Part::Literal(text) => out.push_str(text),
                Part::Time(pattern) => pattern.iter().for_each(|part| push_time(&mut out, part, &time)),
                Part::PartitionKey(key) => out.push_str(
                    context
                        .partition_keys
                        .value(key)
                        .ok_or_else(|| PrefixError::MissingPartitionKey(key.name.clone()))?,
                ),
                Part::RandomString => out.push_str(&random_string(context.seed, position)),
                Part::ErrorOutputType => {
                    out.push_str(context.error_output_type.ok_or(PrefixError::MissingErrorOutputType)?);
                }
            }
        }
        match out.chars().count() {
            0..=EVALUATED_CHARS_MAX => Ok(out),
            length => Err(PrefixError::Length(length)),
        }
    }
}

fn complete_delivery(parts: &mut Vec<Part>) -> Result<(), PrefixError> {
    if parts.contains(&Part::ErrorOutputType) {
        return Err(PrefixError::ErrorOutputTypeInPrefix);
    }
    if !parts.iter().any(|part| matches!(part, Part::Time(_) | Part::PartitionKey(_))) {
        parts.push(Part::Time(parse_pattern(DEFAULT_TIME)?));
    }
    Ok(())
}

fn complete_error(parts: &mut Vec<Part>, text: &str) -> Result<(), PrefixError> {
    let key = parts.iter().find_map(|part| if let Part::PartitionKey(key) = part { Some(key) } else { None });
    if let Some(key) = key {
        return Err(PrefixError::PartitionKeyInErrorPrefix(key.name.clone()));
    }
    if parts.iter().all(|part| matches!(part, Part::Literal(_))) {
        parts.extend([
            Part::ErrorOutputType,
            Part::Literal("/".to_owned()),
            Part::Time(parse_pattern(DEFAULT_TIME)?),
        ]);
    }
    if parts.contains(&Part::ErrorOutputType) {
        Ok(())
    } else {
        Err(PrefixError::NoErrorOutputType(text.to_owned()))
    }
}

fn parse_parts(text: &str) -> Result<Vec<Part>, PrefixError> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some((literal, expression)) = rest.split_once("!{") {
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.to_owned()));
        }
        let malformed = || PrefixError::Expression(format!("!{{{expression}"));
        let (content, behind) = expression.split_once('}').ok_or_else(malformed)?;
        let (namespace, value) = content.split_once(':').ok_or_else(malformed)?;
        parts.push(parse_expression(namespace, value)?);
        rest = behind;
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest.to_owned()));
    }
    Ok(parts)
}

fn parse_expression(namespace: &str, value: &str) -> Result<Part, PrefixError> {
    match (namespace, value) {
        ("timestamp", pattern) => parse_pattern(pattern).map(Part::Time),
        ("partitionKeyFromLambda", "") => Err(PrefixError::UnnamedPartitionKey("partitionKeyFromLambda")),
        ("partitionKeyFromQuery", "") => Err(PrefixError::UnnamedPartitionKey("partitionKeyFromQuery")),
        ("partitionKeyFromLambda", name) => {
            Ok(Part::PartitionKey(Key { origin: Origin::Lambda, name: name.to_owned() }))
        }
        ("partitionKeyFromQuery", name) => {
            Ok(Part::PartitionKey(Key { origin: Origin::Query, name: name.to_owned() }))
        }
        ("firehose", "random-string") => Ok(Part::RandomString),
        ("firehose", "error-output-type") => Ok(Part::ErrorOutputType),
        ("firehose", other) => Err(PrefixError::FirehoseValue(other.to_owned())),
        (other, _) => Err(PrefixError::Namespace(other.to_owned())),
    }
}

/// Reads a pattern of Java's `DateTimeFormatter`, as far as it makes sense in a path. What depends on a locale (`e`, `w`,
/// `Y`) is left out: the locale of the deployed service is not known.
fn parse_pattern(pattern: &str) -> Result<Vec<TimePart>, PrefixError> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.chars().next() {
        let (run, behind) = rest.split_at(rest.len() - rest.trim_start_matches(first).len());
        rest = match first {
            '\'' => parse_quoted(rest, pattern, &mut parts)?,
            'a'..='z' | 'A'..='Z' => {
                parts.push(parse_letters(first, run.len(), pattern)?);
                behind
            }
            // Signs that Java keeps for itself.
            '[' | ']' | '{' | '}' | '#' => {
                return Err(PrefixError::PatternLetter { letter: first, pattern: pattern.to_owned() });
            }
            _ => {
                parts.extend(run.chars().map(TimePart::Literal));
                behind
            }
        };
    }
    Ok(parts)
}

/// Reads text in single quotes; two quotes, inside or outside, are one that is meant. Hands back what follows.
fn parse_quoted<'a>(text: &'a str, pattern: &str, parts: &mut Vec<TimePart>) -> Result<&'a str, PrefixError> {
    let mut rest = text.strip_prefix('\'').unwrap_or(text);
    if let Some(behind) = rest.strip_prefix('\'') {
        parts.push(TimePart::Literal('\''));
        return Ok(behind);
    }
    loop {
        let (quoted, behind) =
            rest.split_once('\'').ok_or_else(|| PrefixError::PatternQuote(pattern.to_owned()))?;
        parts.extend(quoted.chars().map(TimePart::Literal));
        let Some(behind_pair) = behind.strip_prefix('\'') else { return Ok(behind) };
        parts.push(TimePart::Literal('\''));
        rest = behind_pair;
    }
}

fn parse_letters(letter: char, count: usize, pattern: &str) -> Result<TimePart, PrefixError> {
    let max = match letter {
        'y' | 'u' | 'S' => 9,
        'M' | 'E' => 5,
        'D' => 3,
        'd' | 'H' | 'h' | 'm' | 's' => 2,
        'a' => 1,
        _ => return Err(PrefixError::PatternLetter { letter, pattern: pattern.to_owned() }),
    };
    if count > max {
        return Err(PrefixError::PatternLength { letter, count, max, pattern: pattern.to_owned() });
    }
    Ok(TimePart::Letters(letter, count))
}

fn push_time(out: &mut String, part: &TimePart, time: &Zoned) {
    let (letter, width) = match part {
        TimePart::Literal(text) => return out.push(*text),
        TimePart::Letters(letter, count) => (*letter, *count),
    };
    let number = match letter {
        'y' | 'u' if width == 2 => i32::from(time.year()).rem_euclid(100),
        'y' | 'u' => i32::from(time.year()),
        'M' if width <= 2 => i32::from(time.month()),
        'd' => i32::from(time.day()),
        'D' => i32::from(time.day_of_year()),
        'H' => i32::from(time.hour()),
        'h' => i32::from((time.hour() + 11) % 12 + 1),
        'm' => i32::from(time.minute()),
        's' => i32::from(time.second()),
        'S' => return out.extend(format!("{:09}", time.subsec_nanosecond()).chars().take(width)),
        _ => return out.push_str(&name_of(letter, width, time)),
    };
    // Writing to a string cannot fail.
    let _ = write!(out, "{number:0width$}");
}

/// Names, in English: the month, the day of the week, or the half of the day.
fn name_of(letter: char, width: usize, time: &Zoned) -> String {
    let name = time.strftime(match letter {
        'M' => "%B",
        'E' => "%A",
        _ => "%p",
    });
    let name = name.to_string();
    match (letter, width) {
        ('a', _) | (_, 4) => name,
        (_, 5) => name.chars().take(1).collect(),
        _ => name.chars().take(3).collect(),
    }
}

/// Firehose gives every expression its own string; its examples show the beginning of a UUID.
fn random_string(seed: u64, position: usize) -> String {
    let name = format!("random-string\n{seed}\n{position}");
    let uuid = Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes());
    uuid.simple().to_string().chars().take(RANDOM_STRING_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The guide's examples are evaluated at 10:30 UTC on 27 August 2018, a Monday, day 239 of the year.
    const ARRIVAL: &str = "2018-08-27T10:30:05.123456789Z";

    fn parse(text: &str, prefix_use: PrefixUse) -> Result<Prefix, PrefixError> {
        Prefix::parse(text, TimeZone::UTC, prefix_use)
    }

    fn render(prefix: &Prefix, arrival: &str) -> Result<String, PrefixError> {
        let keys =
            |keys: [(&str, &str); 2]| keys.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        let partition_keys = PartitionKeys {
            lambda: keys([("kind", "trade"), ("date", "2026-11-21")]),
            query: keys([("kind", "t"), ("customer_id", "7")]),
        };
        prefix.render(&RenderContext {
            arrival: arrival.parse().unwrap(),
            partition_keys: &partition_keys,
            error_output_type: Some("processing-failed"),
            seed: 7,
        })
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(
            render(&parse(text, PrefixUse::Delivery).unwrap(), ARRIVAL).as_deref(),
            Ok(expected),
            "{text}"
        );
    }

    fn check_error_prefix(text: &str, expected: &str) {
        assert_eq!(
            render(&parse(text, PrefixUse::Error).unwrap(), ARRIVAL).as_deref(),
            Ok(expected),
            "{text}"
        );
    }

    fn check_refused(text: &str, prefix_use: PrefixUse, message: &str) {
        assert_eq!(parse(text, prefix_use).unwrap_err().to_string(), message);
    }

    #[test]
    fn the_examples_of_the_guide_hold() {
        check("", "2018/08/27/10/");
        check(
            "myPrefix/year=!{timestamp:yyyy}/month=!{timestamp:MM}/day=!{timestamp:dd}/hour=!{timestamp:HH}/",
            "myPrefix/year=2018/month=08/day=27/hour=10/",
        );
        check_error_prefix(
            "myFirehoseFailures/!{firehose:error-output-type}/",
            "myFirehoseFailures/processing-failed/",
        );
        check_error_prefix(
            "myErrorPrefix/!{timestamp:'year='yyyy'/month='MM'/day='dd'/hour='HH}/!{firehose:error-output-type}",
            "myErrorPrefix/year=2018/month=08/day=27/hour=10/processing-failed",
        );
        check_error_prefix(
            "myPrefix/result=!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd}",
            "myPrefix/result=processing-failed/2018/08/27",
        );
    }

    #[test]
    fn a_time_is_appended_where_there_is_none() {
        check("legacy", "legacy2018/08/27/10/");
        check("market/", "market/2018/08/27/10/");
        check("market/kind=!{partitionKeyFromLambda:kind}/", "market/kind=trade/");
        check("!{timestamp:yyyy}/x", "2018/x");
        check_error_prefix("errors/", "errors/processing-failed/2018/08/27/10/");
    }

    #[test]
    fn every_pattern_letter_is_java_s() {
        for (pattern, expected) in [
            ("y yy yyy yyyy yyyyy", "2018 18 2018 2018 02018"),
            ("u uu uuuu", "2018 18 2018"),
            ("M MM MMM MMMM MMMMM", "8 08 Aug August A"),
            ("d dd", "27 27"),
            ("D DD DDD", "239 239 239"),
            ("E EEE EEEE EEEEE", "Mon Mon Monday M"),
            ("H HH h hh a", "10 10 10 10 AM"),
            ("m mm s ss", "30 30 5 05"),
            ("S SSS SSSSSS SSSSSSSSS", "1 123 123456 123456789"),
            ("yyyy-MM-dd'T'HH:mm", "2018-08-27T10:30"),
            ("''yyyy'o''clock'", "'2018o'clock"),
        ] {
            check(&format!("!{{timestamp:{pattern}}}"), expected);
        }
    }

    #[test]
    fn twelve_stands_for_the_hours_before_one() {
        let prefix = parse("!{timestamp:h a}", PrefixUse::Delivery).unwrap();
        assert_eq!(render(&prefix, "2018-01-02T00:30:00Z").as_deref(), Ok("12 AM"));
        assert_eq!(render(&prefix, "2018-01-02T12:30:00Z").as_deref(), Ok("12 PM"));
        assert_eq!(render(&prefix, "2018-01-02T13:30:00Z").as_deref(), Ok("1 PM"));
    }

    #[test]
    fn a_day_of_the_year_is_padded() {
        let prefix = parse("!{timestamp:D DD DDD}", PrefixUse::Delivery).unwrap();
        assert_eq!(render(&prefix, "2018-01-02T00:30:00Z").as_deref(), Ok("2 02 002"));
    }

    #[test]
    fn the_time_zone_moves_the_time() {
        let prefix = Prefix::parse("", TimeZone::get("Asia/Tokyo").unwrap(), PrefixUse::Delivery).unwrap();
        assert_eq!(render(&prefix, "2018-08-27T23:30:00Z").as_deref(), Ok("2018/08/28/08/"));
    }

    #[test]
    fn partition_keys_are_put_in() {
        let text = "market/kind=!{partitionKeyFromLambda:kind}/date=!{partitionKeyFromLambda:date}/!{partitionKeyFromLambda:kind}/";
        let prefix = parse(text, PrefixUse::Delivery).unwrap();
        assert_eq!(prefix.missing_key(&PartitionKeys::default()), Some("kind"));
        check(text, "market/kind=trade/date=2026-11-21/trade/");
        let missing = parse("!{partitionKeyFromLambda:symbol}/", PrefixUse::Delivery).unwrap();
        assert_eq!(render(&missing, ARRIVAL), Err(PrefixError::MissingPartitionKey("symbol".to_owned())));
    }

    #[test]
    fn keys_of_the_query_are_apart_from_those_of_the_function() {
        check("!{partitionKeyFromQuery:kind}/!{partitionKeyFromLambda:kind}/", "t/trade/");
        let missing = parse("!{partitionKeyFromLambda:customer_id}/", PrefixUse::Delivery).unwrap();
        let error = Err(PrefixError::MissingPartitionKey("customer_id".to_owned()));
        assert_eq!(render(&missing, ARRIVAL), error);
    }

    #[test]
    fn random_strings_differ_from_each_other_and_come_again() {
        let prefix =
            parse("!{firehose:random-string}/!{firehose:random-string}/", PrefixUse::Delivery).unwrap();
        let rendered = render(&prefix, ARRIVAL).unwrap();
        assert_eq!(render(&prefix, ARRIVAL).as_ref(), Ok(&rendered));
        let strings: Vec<_> = rendered.split('/').take(2).collect();
        assert!(strings.iter().all(|string| string.len() == 11), "{rendered}");
        assert_ne!(strings[0], strings[1]);
    }

    #[test]
    fn what_a_prefix_must_not_have_is_refused() {
        use PrefixUse::{Delivery, Error};
        check_refused(
            "a!{timestamp:yyyy",
            Delivery,
            "expected `!{namespace:value}`, was \"!{timestamp:yyyy\"",
        );
        check_refused("!{yyyy}", Delivery, "expected `!{namespace:value}`, was \"!{yyyy}\"");
        check_refused(
            "!{time:yyyy}",
            Delivery,
            "expected a namespace of timestamp, partitionKeyFromLambda, partitionKeyFromQuery or firehose, was \"time\"",
        );
        check_refused(
            "!{partitionKeyFromQuery:}",
            Delivery,
            "expected a name behind `partitionKeyFromQuery:`",
        );
        check_refused(
            "!{partitionKeyFromLambda:}",
            Delivery,
            "expected a name behind `partitionKeyFromLambda:`",
        );
        check_refused(
            "!{firehose:x}",
            Delivery,
            "expected `firehose:` with random-string or error-output-type, was \"x\"",
        );
        check_refused(
            "!{firehose:error-output-type}",
            Delivery,
            "expected no `!{firehose:error-output-type}` in Prefix, only in ErrorOutputPrefix",
        );
        check_refused(
            "e/!{timestamp:yyyy}",
            Error,
            "expected `!{firehose:error-output-type}` in an ErrorOutputPrefix with expressions, was \"e/!{timestamp:yyyy}\"",
        );
        check_refused(
            "!{firehose:error-output-type}/!{partitionKeyFromLambda:kind}",
            Error,
            "expected no partition key in ErrorOutputPrefix, was \"kind\"",
        );
    }

    #[test]
    fn a_pattern_that_is_not_supported_is_refused() {
        use PrefixUse::Delivery;
        check_refused(
            "!{timestamp:YYYY}",
            Delivery,
            "expected the pattern letters y, u, M, d, D, E, a, H, h, m, s or S, or text in single quotes, was `Y` in \"YYYY\"",
        );
        check_refused(
            "!{timestamp:ddd}",
            Delivery,
            "expected `d` at most 2 times in a row, was 3 times in \"ddd\"",
        );
        check_refused("!{timestamp:yyyy'x}", Delivery, "expected a closing single quote in \"yyyy'x\"");
        assert!(parse("!{timestamp:[yyyy]}", Delivery).is_err());
    }

    #[test]
    fn an_evaluated_prefix_is_bounded() {
        let of_length = |length: usize| {
            parse(&format!("{}!{{timestamp:yyyy}}", "é".repeat(length - 4)), PrefixUse::Delivery)
        };
        assert!(render(&of_length(512).unwrap(), ARRIVAL).is_ok());
        assert_eq!(render(&of_length(513).unwrap(), ARRIVAL), Err(PrefixError::Length(513)));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in r"[!{}:'/ a-zA-Z\[\]é-]{0,40}|(!\{timestamp:[a-zA-Z' ]{0,8}\}){0,3}") {
            for prefix_use in [PrefixUse::Delivery, PrefixUse::Error] {
                if let Ok(prefix) = parse(&text, prefix_use) {
                    let _ = render(&prefix, ARRIVAL);
                }
            }
        }
    }
}
