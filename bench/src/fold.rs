//! Trades decoded and folded, and nothing else: no envelope, no base64, no state to load or save.

use std::collections::HashMap;

use tapeline_codec::binance::{self, Body, DecodeError, Frame, Identity, Kind, TradeMessage};
use tapeline_codec::framing::Documents;
use tapeline_indicators::{BarSettings, Folded, Lane, Observation, Source};
use tapeline_market::{Interval, Market, Trade};

use crate::batches::{BUSY_MS, INTERVALS, SYMBOLS, TRADES, frame};

/// 2026-01-05T00:00:00Z in milliseconds.
const MIDNIGHT_MS: u64 = 1_767_571_200_000;

/// The lanes of all symbols.
pub struct Lanes {
    settings: BarSettings,
    by_symbol: HashMap<String, Lane>,
    folded: Folded,
}

impl Default for Lanes {
    fn default() -> Self {
        let intervals: Vec<Interval> =
            INTERVALS.split(',').map(|name| name.parse().expect("an interval")).collect();
        let settings = BarSettings::new(Market::Spot, Source::Trade, &intervals).expect("few intervals");
        Self { settings, by_symbol: HashMap::new(), folded: Folded::default() }
    }
}

/// As many trades as a batch has, in JSON Lines, by turns of all symbols.
pub fn lines() -> String {
    let trade = |at: u64| (at / SYMBOLS, MIDNIGHT_MS + at / SYMBOLS * BUSY_MS);
    (0..TRADES).map(|at| frame(at % SYMBOLS, trade(at)) + "\n").collect()
}

impl Lanes {
    /// Decodes and folds trades of lanes that have seen nothing; gives how many were folded.
    pub fn fold(mut self, lines: &str) -> u64 {
        let mut documents = Documents::new(lines);
        while let Some(cursor) = documents.step().expect("JSON Lines") {
            binance::frames(cursor, &mut |frame: &Frame<'_>| -> Result<(), DecodeError> {
                self.frame(frame);
                Ok(())
            })
            .expect("frames");
        }
        self.folded.tally.folded
    }

    fn frame(&mut self, frame: &Frame<'_>) {
        let identity = binance::identify(frame).expect("a known frame");
        assert!(matches!(identity, Identity::Kind(Kind::Trade)));
        let header = binance::header(frame, Kind::Trade, Market::Spot).expect("a header");
        let message = binance::message(frame, Kind::Trade, header).expect("a message");
        let Body::Trade(body) = &message.body else { return };
        let symbol = message.header.symbol.as_str();
        if !self.by_symbol.contains_key(symbol) {
            self.by_symbol.insert(symbol.to_owned(), Lane::new(&self.settings));
        }
        let lane = self.by_symbol.get_mut(symbol).expect("it has just been made");
        lane.observe(&self.settings, &Observation::Trade(trade(body)), &mut self.folded);
    }
}

fn trade(message: &TradeMessage<'_>) -> Trade {
    let (id, execution) = (message.trade_id, &message.execution);
    Trade {
        first_id: id,
        last_id: id,
        last_trade_id: id,
        count: 1,
        price: execution.price.decimal().expect("digits"),
        quantity: execution.quantity.decimal().expect("digits"),
        quote_quantity: execution.quote_quantity,
        time: execution.trade_time,
        taker_side: execution.taker_side,
    }
}
