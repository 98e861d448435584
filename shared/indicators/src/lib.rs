//! Trades to bars, bars to technical indicators: incremental, serialisable, deterministic.
