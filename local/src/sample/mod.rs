//! Writes a made-up session of exchange frames, the same for the same seed.
//!
//! The project ships no recorded market data. This session stands in for it: Binance spot frames of the combined
//! stream in their order of arrival, with prices on real tick grids, klines that equal their trades to the digit,
//! and the replies, repeats and faults that a real connection delivers now and then.

mod bar;
mod book;
pub(crate) mod command;
pub(crate) mod dice;
mod frames;
mod incidents;
mod instrument;
mod outbox;
mod tape;

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::PathBuf;

use incidents::{Incident, Plan};
use outbox::Outbox;
use tape::{MINUTE_MS, STEP_MS, Tape};

/// Where a session begins unless told otherwise: 2026-01-05T12:00:00Z, in epoch milliseconds.
pub(crate) const START_MS: i64 = 1_767_614_400_000;
/// The latest start, 2100-01-01T00:00:00Z: well within milliseconds, which the decoder tells from microseconds by size.
const START_MS_MAX: i64 = 4_102_444_800_000;
/// Longest session: one day, the longest window a ticker is told over.
pub(crate) const MINUTES_MAX: u32 = 1_440;
/// Most symbols of a session: more than the exchange's spot market trades. Each costs some 100 kB of memory.
pub(crate) const SYMBOLS_MAX: usize = 2000;
/// How much busier than usual takers may be at most: then they arrive in every step.
pub(crate) const PACE_MAX: u32 = 100;
/// Longest symbol, as the exchange bounds it.
const SYMBOL_LENGTH_MAX: usize = 20;

/// What makes one session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SampleOptions {
    /// Seed of all randomness.
    pub(crate) seed: u64,
    /// Symbols, upper-case; a symbol's market is the same whatever its company.
    pub(crate) symbols: Vec<String>,
    /// Length in minutes.
    pub(crate) minutes: u32,
    /// How many times as busy as usual takers are, 1 to [`PACE_MAX`].
    pub(crate) pace: u32,
    /// Begin in epoch milliseconds, on a minute.
    pub(crate) start: i64,
}

/// One frame of a session.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SampleFrame {
    /// When it arrives, epoch milliseconds.
    pub(crate) time: i64,
    /// The frame's text, without a newline.
    pub(crate) text: String,
    /// What the frame is.
    pub(crate) what: What,
}

/// What a frame is: a market stream's, or something that does not belong to an orderly market.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum What {
    /// `<s>@trade`.
    Trade,
    /// `<s>@aggTrade`.
    AggTrade,
    /// `<s>@blockTrade`.
    BlockTrade,
    /// `<s>@kline_1m` of a minute that still runs.
    OpenKline,
    /// `<s>@kline_1m` of a minute that is over.
    ClosedKline,
    /// `<s>@bookTicker`.
    BookTicker,
    /// `<s>@depth@100ms`.
    DepthUpdate,
    /// `<s>@depth5`.
    DepthSnapshot,
    /// `<s>@miniTicker`.
    MiniTicker,
    /// `!miniTicker@arr`.
    MiniTickers,
    /// `<s>@ticker`.
    Ticker,
    /// `<s>@ticker_1h`.
    HourTicker,
    /// `<s>@avgPrice`.
    AveragePrice,
    /// `<s>@referencePrice`.
    ReferencePrice,
    /// A reply or an announcement of the connection.
    Control,
    /// The exact repeat of a trade frame.
    Duplicate,
    /// An aggregate trade that the exchange took back: valid, but no trade.
    Invalidated,
    /// A frame that cannot be decoded.
    Bad(Fault),
}

/// What is wrong with a bad frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The JSON text ends early.
    Truncated,
    /// The price is "abc".
    BadPrice,
    /// A trade without a quantity.
    MissingField,
    /// An event type nobody knows.
    UnknownEvent,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Trade => "trade",
            Self::AggTrade => "aggregate trade",
            Self::BlockTrade => "block trade",
            Self::OpenKline => "open kline",
            Self::ClosedKline => "closed kline",
            Self::BookTicker => "book ticker",
            Self::DepthUpdate => "depth update",
            Self::DepthSnapshot => "depth snapshot",
            Self::MiniTicker => "mini ticker",
            Self::MiniTickers => "mini tickers of all symbols",
            Self::Ticker => "ticker",
            Self::HourTicker => "one-hour ticker",
            Self::AveragePrice => "average price",
            Self::ReferencePrice => "reference price",
            Self::Control => "control",
            Self::Duplicate => "duplicate",
            Self::Invalidated => "invalidated aggregate trade",
            Self::Bad(Fault::Truncated) => "bad: truncated JSON",
            Self::Bad(Fault::BadPrice) => "bad: price \"abc\"",
            Self::Bad(Fault::MissingField) => "bad: missing quantity",
            Self::Bad(Fault::UnknownEvent) => "bad: unknown event type",
        })
    }
}

/// Why no session was written.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SampleError {
    /// The number of symbols is out of range.
    #[error("a session must have 1 to {SYMBOLS_MAX} symbols, was {found}")]
    SymbolCount {
        /// Number of symbols asked for.
        found: usize,
    },
    /// A symbol is not spelt as symbols are.
    #[error("a symbol must be 1 to {SYMBOL_LENGTH_MAX} of A-Z and 0-9, was {found:?}")]
    Symbol {
        /// The symbol asked for.
        found: String,
    },
    /// A symbol was asked for twice.
    #[error("symbols must differ, {symbol} was given twice")]
    SymbolTwice {
        /// The symbol.
        symbol: String,
    },
    /// The length is out of range.
    #[error("a session must last 1 to {MINUTES_MAX} minutes, was {found}")]
    Minutes {
        /// Minutes asked for.
        found: u32,
    },
    /// The pace is out of range.
    #[error("takers must be 1 to {PACE_MAX} times as busy as usual, was {found}")]
    Pace {
        /// The factor asked for.
        found: u32,
    },
    /// The start is not a minute's first millisecond, or out of range.
    #[error("the start must be a whole minute in epoch milliseconds from 0 to {START_MS_MAX}, was {found}")]
    Start {
        /// The start asked for.
        found: i64,
    },
    /// The output file could not be opened.
    #[error("{} could not be created", path.display())]
    Create {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The output could not be written.
    #[error("the session could not be written")]
    Write {
        /// The cause.
        source: io::Error,
    },
}

/// A session: an iterator over its frames in their order of arrival.
///
/// Memory stays the same however long the session is: what is held is one market per symbol and the frames of
/// the moment being played.
#[derive(Debug)]
pub(crate) struct Session {
    tapes: Vec<Tape>,
    plan: Plan,
    outbox: Outbox,
    /// The step to be played next, epoch milliseconds.
    now: i64,
    end: i64,
}

impl Session {
    /// Prepares a session.
    ///
    /// # Errors
    ///
    /// Refuses no or too many symbols, misspelt or repeated ones, and a length or start out of range.
    pub(crate) fn new(options: &SampleOptions) -> Result<Self, SampleError> {
        check(options)?;
        let (seed, start) = (options.seed, options.start);
        let end = start + i64::from(options.minutes) * MINUTE_MS;
        let tape = |symbol: &String| Tape::new(seed, symbol, start).busy(options.pace);
        let mut tapes: Vec<_> = options.symbols.iter().map(tape).collect();
        // Every session of two minutes and more shows what the exchange tells of a minute without a trade.
        if let (Some(last), 2..) = (tapes.last_mut(), options.minutes) {
            last.keep_quiet(start + MINUTE_MS);
        }
        let plan = Plan::new(seed, tapes.len(), start, end);
        Ok(Self { tapes, plan, outbox: Outbox::default(), now: start, end })
    }

    fn step(&mut self) {
        for tape in &mut self.tapes {
            tape.step(self.now, &mut self.outbox);
        }
        for (time, incident) in self.plan.step(self.now) {
            if self.tell(time, incident).is_none() {
                self.plan.put_off(time, incident);
            }
        }
        self.now += STEP_MS;
    }

    /// Tells an incident; `None` if it needs a trade and there is none yet.
    fn tell(&mut self, time: i64, incident: Incident) -> Option<()> {
        let outbox = &mut self.outbox;
        match incident {
            Incident::Subscribed => outbox.post(time, What::Control, frames::SUBSCRIBED.to_owned()),
            Incident::Refused => outbox.post(time, What::Control, frames::REFUSED.to_owned()),
            Incident::Shutdown => outbox.post(time, What::Control, frames::shutdown(time)),
            Incident::MiniTickers => {
                let payloads: Vec<_> = self.tapes.iter().map(|tape| tape.mini_ticker(time)).collect();
                outbox.post(time, What::MiniTickers, frames::mini_tickers(&payloads));
            }
            Incident::ReferencePrice => self.tapes.first()?.tell_reference_price(time, outbox),
            Incident::NoReferencePrice => self.tapes.first()?.tell_no_reference_price(time, outbox),
            Incident::BlockTrade => self.tapes.first_mut()?.tell_block_trade(time, outbox),
            Incident::Invalidated(symbol) => self.tapes.get_mut(symbol)?.tell_invalidated(time, outbox),
            Incident::Duplicate(symbol) => self.tapes.get(symbol)?.tell_again(time, outbox)?,
            Incident::Bad(symbol, fault) => self.tapes.get(symbol)?.tell_bad(time, fault, outbox)?,
        }
        Some(())
    }
}

impl Iterator for Session {
    type Item = SampleFrame;

    fn next(&mut self) -> Option<SampleFrame> {
        while self.now < self.end {
            // What the steps to come will tell arrives at `now` at the earliest.
            if let Some(frame) = self.outbox.next_before(self.now) {
                return Some(frame);
            }
            self.step();
        }
        self.outbox.next_before(i64::MAX)
    }
}

/// Holds the options against their limits.
fn check(options: &SampleOptions) -> Result<(), SampleError> {
    let SampleOptions { symbols, minutes, pace, start, .. } = options;
    if symbols.is_empty() || symbols.len() > SYMBOLS_MAX {
        return Err(SampleError::SymbolCount { found: symbols.len() });
    }
    if !(1..=MINUTES_MAX).contains(minutes) {
        return Err(SampleError::Minutes { found: *minutes });
    }
    if !(1..=PACE_MAX).contains(pace) {
        return Err(SampleError::Pace { found: *pace });
    }
    if !(0..=START_MS_MAX).contains(start) || start % MINUTE_MS != 0 {
        return Err(SampleError::Start { found: *start });
    }
    let mut seen = BTreeSet::new();
    symbols.iter().try_for_each(|symbol| check_symbol(symbol, &mut seen))
}

fn check_symbol<'a>(symbol: &'a str, seen: &mut BTreeSet<&'a str>) -> Result<(), SampleError> {
    let is_spelt = symbol.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    if !is_spelt || !(1..=SYMBOL_LENGTH_MAX).contains(&symbol.len()) {
        return Err(SampleError::Symbol { found: symbol.to_owned() });
    }
    if !seen.insert(symbol) {
        return Err(SampleError::SymbolTwice { symbol: symbol.to_owned() });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
