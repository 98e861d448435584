//! Carries the clock of a replay on to the end of its last minute.
//!
//! A bar closes when something later is heard of its symbol, and behind the end of a recording nothing is. So at the end
//! every symbol that was seen gets one control frame, which only tells the time: event source mappings get it, the
//! archive does not.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::clock::Label;
use crate::template::Function;

/// Most symbols that are noted: all of an exchange's are a fifth of it.
const SYMBOLS_MAX: usize = 10_000;
/// The calculator's variable for how long it waits for stragglers, in milliseconds, and its default.
const GRACE: (&str, i64) = ("GRACE_MS", 2000);

/// The symbols seen and the latest time.
#[derive(Debug, Default)]
pub(super) struct Heartbeats {
    symbols: BTreeSet<String>,
    last: Option<Timestamp>,
}

/// One frame that tells the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Heartbeat {
    /// The symbol.
    pub(super) symbol: String,
    /// The frame.
    pub(super) frame: String,
}

impl Heartbeats {
    /// Notes what a frame says of itself.
    pub(super) fn note(&mut self, label: &Label) {
        self.last = self.last.max(label.event_time);
        if let Some(symbol) = &label.symbol
            && self.symbols.len() < SYMBOLS_MAX
            && !self.symbols.contains(symbol)
        {
            self.symbols.insert(symbol.clone());
        }
    }

    /// The time at which the last minute is over for all of these functions, and a frame of that time for each symbol.
    /// `None` when no frame told a time.
    pub(super) fn frames<'f>(
        &self,
        functions: impl Iterator<Item = &'f Function>,
    ) -> Option<(Timestamp, Vec<Heartbeat>)> {
        let grace_ms = functions.map(grace_ms).max().unwrap_or(GRACE.1);
        let last_ms = self.last?.as_millisecond();
        let minute_end_ms = last_ms.checked_sub(last_ms.rem_euclid(60_000))?.checked_add(60_000)?;
        let end = Timestamp::from_millisecond(minute_end_ms).ok()?;
        let end = end.checked_add(SignedDuration::from_millis(grace_ms)).ok()?;
        let frame = |symbol: &String| {
            let (stream, symbol_text) = (format!("{}@heartbeat", symbol.to_lowercase()), symbol.clone());
            let data = json!({"e": "heartbeat", "E": end.as_millisecond(), "s": symbol});
            Heartbeat { symbol: symbol_text, frame: json!({"stream": stream, "data": data}).to_string() }
        };
        Some((end, self.symbols.iter().map(frame).collect()))
    }
}

/// The function's grace; one that is no number is the function's to refuse.
fn grace_ms(function: &Function) -> i64 {
    function.environment.get(GRACE.0).and_then(|text| text.parse().ok()).unwrap_or(GRACE.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(times: &[&str]) -> Heartbeats {
        let mut heartbeats = Heartbeats::default();
        for time in times {
            let event_time = Some(time.parse().unwrap());
            heartbeats.note(&Label { event_time, symbol: Some("BTCUSDT".to_owned()) });
        }
        heartbeats
    }

    #[test]
    fn the_last_minute_ends_and_its_grace_with_it() {
        for (last, end) in [
            ("2026-11-21T09:30:00Z", "2026-11-21T09:31:02Z"),
            ("2026-11-21T09:30:59.999Z", "2026-11-21T09:31:02Z"),
            ("2026-11-21T23:59:10Z", "2026-11-22T00:00:02Z"),
        ] {
            let heartbeats = noted(&["2026-11-21T09:30:00Z", last, "2026-11-21T09:29:00Z"]);
            let (time, frames) = heartbeats.frames(std::iter::empty()).unwrap();
            assert_eq!(time, end.parse().unwrap());
            assert_eq!(frames.len(), 1);
        }
    }

    #[test]
    fn a_heartbeat_tells_symbol_and_time() {
        let (_, frames) = noted(&["2021-10-12T00:24:34.793Z"]).frames(std::iter::empty()).unwrap();
        let expected =
            r#"{"stream":"btcusdt@heartbeat","data":{"e":"heartbeat","E":1633998302000,"s":"BTCUSDT"}}"#;
        assert_eq!(frames, [Heartbeat { symbol: "BTCUSDT".to_owned(), frame: expected.to_owned() }]);
    }

    #[test]
    fn without_a_time_there_is_no_heartbeat() {
        assert_eq!(Heartbeats::default().frames(std::iter::empty()), None);
    }
}
