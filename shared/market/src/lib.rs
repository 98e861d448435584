//! The words of a market: market, symbol, interval, time, exact decimal, trade, bar.
//!
//! Every crate of the pipeline speaks with these types, so an invariant that is checked here (a symbol has no
//! `|`, a bar's high is not below its low, a time is within the calendar) holds everywhere. The crate is pure and
//! depends on nothing of ours.

mod bar;
mod decimal;
mod interval;
mod symbol;
mod time;
mod trade;

pub use bar::{Bar, BarError};
pub use decimal::{DIGITS_MAX, Decimal, DecimalError};
pub use interval::{Interval, UnknownInterval};
pub use symbol::{Market, SYMBOL_BYTES_MAX, Symbol, SymbolError, UnknownMarket};
pub use time::{Date, TimeError, Timestamp};
pub use trade::{Side, Trade};
