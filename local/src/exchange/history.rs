//! The trades that were made, as the REST API tells of them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{PoisonError, RwLock};

use super::told::TradeFields;

/// Two series of ids that each symbol has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Series {
    /// `aggTrades`.
    AggTrades,
    /// `trades` and `historicalTrades`.
    Trades,
}

/// One trade or aggregate trade.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Its id.
    pub(crate) id: i64,
    /// Price.
    pub(crate) price: Box<str>,
    /// Quantity.
    pub(crate) quantity: Box<str>,
    /// First and last trade, of an aggregate.
    pub(crate) trades: (i64, i64),
    /// Trade time, epoch milliseconds.
    pub(crate) time: i64,
    /// The taker sold.
    pub(crate) buyer_is_maker: bool,
}

impl Row {
    /// The row of a frame.
    pub(crate) fn of(series: Series, fields: &TradeFields<'_>) -> Self {
        Self {
            id: match series {
                Series::AggTrades => fields.agg_trade_id,
                Series::Trades => fields.trade_id,
            },
            price: fields.price.into(),
            quantity: fields.quantity.into(),
            trades: (fields.first_trade_id, fields.last_trade_id),
            time: fields.time,
            buyer_is_maker: fields.buyer_is_maker,
        }
    }
}

/// Rows in the order of their ids, by symbol and series.
type Rows = BTreeMap<(String, Series), VecDeque<Row>>;

/// The last rows of each symbol and series.
#[derive(Debug)]
pub(crate) struct History {
    symbols: Vec<String>,
    rows: RwLock<Rows>,
    /// Most rows of one symbol and series; the oldest go first.
    rows_max: usize,
}

impl History {
    /// Without any trade.
    pub(crate) fn new(symbols: Vec<String>, rows_max: usize) -> Self {
        Self { symbols, rows: RwLock::default(), rows_max }
    }

    /// What is traded.
    pub(crate) fn symbols(&self) -> &[String] {
        &self.symbols
    }

    /// Adds a trade, which is later than all of its series.
    pub(crate) fn push(&self, symbol: &str, series: Series, row: Row) {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let kept = rows.entry((symbol.to_owned(), series)).or_default();
        if kept.len() >= self.rows_max {
            kept.pop_front();
        }
        kept.push_back(row);
    }

    /// At most `limit` rows from an id on; without one, the last ones. `None` for a symbol that is not traded.
    pub(crate) fn rows(&self, of: (&str, Series), from_id: Option<i64>, limit: usize) -> Option<Vec<Row>> {
        let (symbol, series) = of;
        if !self.symbols.iter().any(|known| known == symbol) {
            return None;
        }
        let rows = self.rows.read().unwrap_or_else(PoisonError::into_inner);
        let Some(kept) = rows.get(&(symbol.to_owned(), series)) else { return Some(Vec::new()) };
        let start = match from_id {
            Some(id) => kept.partition_point(|row| row.id < id),
            None => kept.len().saturating_sub(limit),
        };
        Some(kept.iter().skip(start).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: i64) -> Row {
        let (price, quantity) = ("1.0".into(), "2.0".into());
        Row { id, price, quantity, trades: (id, id), time: 0, buyer_is_maker: false }
    }

    fn history() -> History {
        let history = History::new(vec!["BTCUSDT".to_owned(), "ETHUSDT".to_owned()], 4);
        for id in 10..16 {
            history.push("BTCUSDT", Series::Trades, row(id));
        }
        history
    }

    fn check(symbol: &str, from_id: Option<i64>, limit: usize, expected: &[i64]) {
        let rows = history().rows((symbol, Series::Trades), from_id, limit).unwrap();
        assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rows_begin_with_the_id_that_is_asked_for() {
        check("BTCUSDT", Some(13), 2, &[13, 14]);
        check("BTCUSDT", Some(15), 2, &[15]);
        check("BTCUSDT", Some(16), 2, &[]);
    }

    #[test]
    fn without_an_id_the_last_rows_are_told() {
        check("BTCUSDT", None, 3, &[13, 14, 15]);
        check("ETHUSDT", None, 3, &[]);
    }

    #[test]
    fn what_is_too_old_is_gone() {
        check("BTCUSDT", Some(1), 10, &[12, 13, 14, 15]);
    }

    #[test]
    fn other_symbols_are_not_traded() {
        assert_eq!(history().rows(("XRPUSDT", Series::Trades), None, 1), None);
    }
}
