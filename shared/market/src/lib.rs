//! The words of a market: symbol, interval, time, exact decimal, trade, bar, quote.
