//! The time of a replay: that of its frames.

use std::time::Duration;

use jiff::Timestamp;
use tapeline_codec::binance::{self, DecodeError, Frame};
use tapeline_json::Cursor;
use tapeline_market::Market;
use tokio::time::Instant;

use crate::producer;

/// What a frame says of itself before it is transformed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Label {
    /// The exchange's event time.
    pub(crate) event_time: Option<Timestamp>,
    /// The symbol.
    pub(crate) symbol: Option<String>,
}

impl Label {
    /// Reads the first message of a frame. A frame that cannot be read has neither time nor symbol: refusing it is the
    /// transformer's job.
    pub(crate) fn of(frame: &[u8], market: Market) -> Self {
        let mut label = None;
        let Ok(text) = std::str::from_utf8(frame) else { return Self::default() };
        // The error, if any, is the transformer's to report.
        let _ =
            binance::frames(&mut Cursor::new(text), &mut |frame: &Frame<'_>| -> Result<(), DecodeError> {
                if label.is_none() {
                    label = Some(Self::read(frame, market)?);
                }
                Ok(())
            });
        label.unwrap_or_default()
    }

    fn read(frame: &Frame<'_>, market: Market) -> Result<Self, DecodeError> {
        let Some(header) = producer::header(frame, market)? else { return Ok(Self::default()) };
        let event_time = header.event_time.and_then(|time| Timestamp::from_microsecond(time.micros()).ok());
        Ok(Self { event_time, symbol: Some(header.symbol.to_string()) })
    }
}

/// How fast the frames go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Speed {
    /// As fast as the machine can.
    Max,
    /// This many seconds of the recording in one second.
    Times(f64),
}

impl std::str::FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let times = text.strip_suffix('x').and_then(|number| number.parse::<f64>().ok());
        match times {
            _ if text == "max" => Ok(Self::Max),
            Some(times) if times.is_finite() && times > 0.0 => Ok(Self::Times(times)),
            _ => Err(format!("expected `max` or a factor such as `1x` or `60x`, was {text:?}")),
        }
    }
}

/// The clock of a replay: never runs backwards, and waits where a speed is asked for.
pub(crate) struct Clock {
    now: Timestamp,
    started: (Timestamp, Instant),
    speed: Speed,
}

impl Clock {
    pub(crate) fn new(start: Timestamp, speed: Speed) -> Self {
        Self { now: start, started: (start, Instant::now()), speed }
    }

    /// Moves on to the event time of a frame, if it has one, and gives the time.
    pub(crate) async fn reach(&mut self, event_time: Option<Timestamp>) -> Timestamp {
        let (first, began) = self.started;
        self.now = self.now.max(event_time.unwrap_or(self.now));
        if let Speed::Times(times) = self.speed {
            let seconds = self.now.duration_since(first).as_secs_f64() / times;
            let due = Duration::try_from_secs_f64(seconds).ok().and_then(|after| began.checked_add(after));
            if let Some(due) = due.filter(|due| *due > Instant::now()) {
                tokio::time::sleep_until(due).await;
            }
        }
        self.now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_tells_its_time_and_symbol() {
        let frame = br#"{"stream":"a@trade","data":{"e":"trade","E":1633998274793,"s":"COMPUSDT"}}"#;
        let label = Label::of(frame, Market::Spot);
        assert_eq!(label.event_time, Some("2021-10-12T00:24:34.793Z".parse().unwrap()));
        assert_eq!(label.symbol.as_deref(), Some("COMPUSDT"));
        let heartbeat =
            br#"{"stream":"a@heartbeat","data":{"e":"heartbeat","E":1633998274793,"s":"COMPUSDT"}}"#;
        assert_eq!(Label::of(heartbeat, Market::Spot), label);
        assert_eq!(Label::of(b"not json", Market::Spot), Label::default());
    }

    #[test]
    fn speeds_are_factors() {
        assert_eq!("max".parse(), Ok(Speed::Max));
        assert_eq!("60x".parse(), Ok(Speed::Times(60.0)));
        for text in ["", "60", "0x", "-1x", "x", "infx", "NaNx"] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn time_never_runs_backwards() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let mut clock = Clock::new(at("2026-01-05T12:00:00Z"), Speed::Max);
        assert_eq!(clock.reach(Some(at("2026-01-05T12:00:05Z"))).await, at("2026-01-05T12:00:05Z"));
        assert_eq!(clock.reach(Some(at("2026-01-05T12:00:01Z"))).await, at("2026-01-05T12:00:05Z"));
        assert_eq!(clock.reach(None).await, at("2026-01-05T12:00:05Z"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_factor_divides_the_waiting() {
        let start: Timestamp = "2026-01-05T12:00:00Z".parse().unwrap();
        let mut clock = Clock::new(start, Speed::Times(60.0));
        let before = Instant::now();
        clock.reach(Some("2026-01-05T12:10:00Z".parse().unwrap())).await;
        let waited = before.elapsed();
        assert!(waited > Duration::from_millis(9900) && waited < Duration::from_millis(10_100), "{waited:?}");
    }
}
