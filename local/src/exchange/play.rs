//! Plays a session in its own time, or faster: each frame goes into the history first, then to the sockets.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::Floor;
use super::counts::Counts;
use super::history::{Row, Series};
use super::ledger::Ledger;
use super::told::Told;
use crate::sample::{SampleFrame, Session, What};

/// How fast a session is played.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Pace {
    /// So many times as fast as it would be.
    Times(f64),
    /// So many frames in each second, whatever their times.
    FramesPerSecond(u32),
}

/// What is played, and how.
#[derive(Debug)]
pub(crate) struct Play {
    /// The session.
    pub(crate) session: Session,
    /// How fast.
    pub(crate) pace: Pace,
    /// Its first and last moment, epoch milliseconds.
    pub(crate) span: (i64, i64),
    /// Time at both ends in which nothing goes wrong, in milliseconds of the session.
    pub(crate) calm_ms: i64,
    /// Streams that must be listened to before it begins.
    pub(crate) awaited_streams: usize,
    /// Where trades are noted.
    pub(crate) ledger: Ledger,
}

impl Play {
    /// Plays all of it.
    ///
    /// # Errors
    /// When a trade cannot be noted.
    pub(crate) async fn run(mut self, floor: Arc<Floor>) -> io::Result<()> {
        floor.hub.listened_to(self.awaited_streams).await;
        floor.counts.begin();
        let start = Instant::now();
        for place in 0_u64.. {
            let Some(frame) = self.session.next() else { break };
            if self.is_over(&floor, frame.time) {
                break;
            }
            let due = start + self.pace.due(place, frame.time - self.span.0);
            if due > Instant::now() {
                tokio::time::sleep_until(due).await;
            } else if place.is_multiple_of(YIELD_FRAMES) {
                // The sockets have their turn even when the session is late.
                tokio::task::yield_now().await;
            }
            let is_calm = frame.time < self.span.0 + self.calm_ms || frame.time > self.span.1 - self.calm_ms;
            floor.hub.set_faulty(!is_calm);
            floor.counts.set_time(frame.time);
            tell(&floor, &mut self.ledger, &frame)?;
        }
        floor.hub.set_faulty(false);
        self.ledger.flush()?;
        floor.counts.end();
        Ok(())
    }

    /// Whether a session that was asked to end has played its calm end.
    fn is_over(&mut self, floor: &Floor, time: i64) -> bool {
        if !floor.is_ending.load(Ordering::Relaxed) {
            return false;
        }
        // Time goes on: what was set first is the least.
        self.span.1 = self.span.1.min(floor.time() + self.calm_ms);
        time > self.span.1
    }
}

/// Frames after which others have a turn: some milliseconds' worth.
const YIELD_FRAMES: u64 = 64;

impl Pace {
    /// When a frame is due, from the start on: by its place, or by its time (milliseconds) in the session.
    fn due(self, place: u64, time_ms: i64) -> Duration {
        match self {
            Self::FramesPerSecond(count) => {
                let count = u64::from(count);
                let nanoseconds = place % count * 1_000_000_000 / count;
                Duration::from_secs(place / count) + Duration::from_nanos(nanoseconds)
            }
            Self::Times(times) => Duration::from_millis(u64::try_from(time_ms).unwrap_or(0)).div_f64(times),
        }
    }
}

/// Tells one frame.
fn tell(floor: &Floor, ledger: &mut Ledger, frame: &SampleFrame) -> io::Result<()> {
    let Some(told) = Told::of(frame) else { return Ok(()) };
    let series = match frame.what {
        What::Trade => Some(Series::Trades),
        What::AggTrade | What::Invalidated => Some(Series::AggTrades),
        _ => None,
    };
    if let (Some(series), Some(fields)) = (series, told.trade()) {
        let row = Row::of(series, &fields);
        ledger.note(fields.symbol, series, row.id)?;
        floor.history.push(fields.symbol, series, row);
    }
    Counts::add(&floor.counts.frames);
    floor.hub.tell(&told);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_twice_as_fast_takes_half_its_time() {
        assert_eq!(Pace::Times(2.0).due(0, 60_000), Duration::from_secs(30));
    }

    #[test]
    fn frames_are_spread_over_each_second() {
        assert_eq!(Pace::FramesPerSecond(4).due(9, 0), Duration::from_millis(2_250));
    }
}
