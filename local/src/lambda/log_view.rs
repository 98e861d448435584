//! Shows one line of a function's log to a person: always one line, whatever the function wrote.
//!
//! Functions log JSON, as `tracing` writes it; metrics in the embedded metric format stand between, which are not for
//! reading; and runtimes and panics write plain text.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde_json::{Map, Value};

use super::log::LogLine;

/// Longest line that is shown, in characters: some rows of a terminal.
const SHOWN_CHARS_MAX: usize = 2_000;

/// Fields of the function's own line that are shown in places of their own, or are the same in every line.
const PLACED: [&str; 6] = ["timestamp", "level", "message", "fields", "request_id", "target"];

/// Shows a line; `None` for metrics, which are no news to a reader.
///
/// `12:00:01.123 WARN calculator frames skipped count=3 reason=bad_json`: the time of the event in UTC, its level, the
/// function, the message, the fields by name. Characters that would move the cursor or hide text are escaped.
pub(crate) fn view(line: &LogLine) -> Option<String> {
    let shown = match serde_json::from_str::<Map<String, Value>>(&line.text) {
        Ok(document) if document.contains_key("_aws") => return None,
        Ok(document) => event(line, &document),
        Err(_) => format!("{} {} {}", time(line.time), line.function, line.text.trim_end()),
    };
    Some(escaped(&shown))
}

/// A line that is a JSON document.
fn event(line: &LogLine, document: &Map<String, Value>) -> String {
    // `tracing` puts fields beside the rest, or into a map of their own.
    let nested = document.get("fields").and_then(Value::as_object);
    let text =
        |name: &str| [Some(document), nested].into_iter().flatten().find_map(|map| map.get(name)?.as_str());
    let logged = text("timestamp").and_then(|text| text.parse::<Timestamp>().ok());
    let mut shown = time(logged.unwrap_or(line.time));
    let parts = [text("level"), Some(&*line.function), text("message")];
    for part in parts.into_iter().flatten().filter(|part| !part.is_empty()) {
        shown.push(' ');
        shown.push_str(part);
    }
    let fields = document.iter().chain(nested.into_iter().flatten());
    let mut fields: Vec<_> = fields.filter(|(name, _)| !PLACED.contains(&name.as_str())).collect();
    fields.sort_by_key(|(name, _)| name.as_str());
    for (name, value) in fields {
        // Writing to a string cannot fail.
        let _ = write!(shown, " {name}={}", scalar(value));
    }
    shown
}

/// A value, in quotes only where its end would not be seen.
fn scalar(value: &Value) -> String {
    match value.as_str() {
        Some(text) if !text.is_empty() && !text.contains([' ', '"', '=', '\t', '\n']) => text.to_owned(),
        _ => value.to_string(),
    }
}

/// The time of the day, in UTC.
fn time(time: Timestamp) -> String {
    time.strftime("%H:%M:%S%.3f").to_string()
}

/// A text of one line without anything that a terminal obeys, cut to what is shown.
fn escaped(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (count, character) in text.chars().enumerate() {
        if count >= SHOWN_CHARS_MAX {
            shown.push('…');
            break;
        }
        match character {
            // Lambda's own lines are parted by tabs.
            '\t' => shown.push(' '),
            hidden if hidden.is_control() || is_invisible(hidden) => shown.extend(hidden.escape_default()),
            visible => shown.push(visible),
        }
    }
    shown
}

/// Line ends beyond ASCII, and marks that turn the direction of what follows.
const fn is_invisible(character: char) -> bool {
    matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Shows a line of the function `calculator` that came at 12:00:00.5.
    fn shown(text: &str) -> Option<String> {
        let time = "2026-11-21T12:00:00.5Z".parse().unwrap();
        view(&LogLine { time, function: "calculator".into(), request: None, text: text.to_owned() })
    }

    fn check(text: &str, expected: &str) {
        assert_eq!(shown(text).as_deref(), Some(expected));
    }

    // As `tracing_subscriber` writes it with flattened events.
    #[test]
    fn an_event_is_one_line_with_its_fields_by_name() {
        check(
            r#"{"timestamp":"2026-11-21T12:00:01.123456Z","level":"WARN","request_id":"8476a536","reason":"bad_json","count":3,"error":"expected `,` or `}`","message":"frames skipped"}"#,
            r#"12:00:01.123 WARN calculator frames skipped count=3 error="expected `,` or `}`" reason=bad_json"#,
        );
    }

    // As `tracing_subscriber` writes it otherwise.
    #[test]
    fn fields_may_stand_in_a_map_of_their_own() {
        check(
            r#"{"timestamp":"2026-11-21T12:00:01Z","level":"INFO","fields":{"message":"batch","records":2},"target":"x"}"#,
            "12:00:01.000 INFO calculator batch records=2",
        );
    }

    #[test]
    fn metrics_are_not_shown() {
        assert_eq!(shown(r#"{"_aws":{"Timestamp":1,"CloudWatchMetrics":[]},"Records":3}"#), None);
    }

    #[test]
    fn plain_text_is_shown_with_the_time_at_which_it_came() {
        check("thread 'main' panicked", "12:00:00.500 calculator thread 'main' panicked");
        check("[1,2]", "12:00:00.500 calculator [1,2]");
    }

    #[test]
    fn tabs_of_lambdas_own_lines_become_spaces() {
        check(
            "REPORT RequestId: a\tDuration: 1.00 ms",
            "12:00:00.500 calculator REPORT RequestId: a Duration: 1.00 ms",
        );
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        check("a\u{1b}[2Jb\u{202e}c", "12:00:00.500 calculator a\\u{1b}[2Jb\\u{202e}c");
        check(r#"{"level":"INFO","message":"a\nb\u009b"}"#, "12:00:00.500 INFO calculator a\\nb\\u{9b}");
    }

    #[test]
    fn a_long_line_is_cut() {
        let shown = shown(&"x".repeat(5_000)).unwrap();
        assert_eq!(shown.chars().count(), 2_001);
        assert!(shown.ends_with("x…"));
    }

    proptest! {
        #[test]
        fn a_line_stays_one_line(text in "\\PC*|(?s:.){0,80}") {
            if let Some(shown) = shown(&text) {
                prop_assert!(!shown.chars().any(char::is_control), "{shown:?}");
            }
        }
    }
}
