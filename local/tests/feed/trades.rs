//! Which trades were made, and which a stream holds.
//!
//! Records are read with the codec's framing, frames with a reader of the test's own: it shares nothing with the feed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use tapeline_codec::framing::{FramingError, texts};
use tapeline_market::Decimal;

/// Ids in their order, by symbol and event type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Trades(pub(crate) BTreeMap<(String, String), Vec<i64>>);

/// A frame of a combined stream, or of a raw one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Frame {
    Combined { data: Payload },
    Raw(Payload),
}

/// A trade or an aggregate trade with all its fields.
#[derive(Deserialize)]
struct Payload {
    e: String,
    s: String,
    a: Option<i64>,
    t: Option<i64>,
    p: String,
    q: String,
    #[serde(rename = "T")]
    time: i64,
    #[serde(rename = "m")]
    _buyer_is_maker: bool,
}

impl Trades {
    /// The trades that an exchange noted: `BTCUSDT trade 12345` a line.
    pub(crate) fn noted(text: &str) -> Self {
        let mut trades = Self::default();
        for line in text.lines() {
            let words: Vec<_> = line.split(' ').collect();
            let [symbol, kind, id] = words[..] else { panic!("no trade: {line:?}") };
            trades.add(symbol, kind, id.parse().unwrap());
        }
        trades
    }

    /// The trades of a stream's records, repeats included, in the order of the records.
    pub(crate) fn of_records<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut trades = Self::default();
        for record in records {
            let read = texts::<FramingError>(record, &mut |text| {
                text.lines().for_each(|line| trades.add_frame(line));
                Ok(())
            });
            // Garbage that is nothing at all is a record of its own.
            assert!(read.is_ok() || record.len() < 100, "{}", String::from_utf8_lossy(record));
        }
        trades
    }

    fn add(&mut self, symbol: &str, kind: &str, id: i64) {
        self.0.entry((symbol.to_owned(), kind.to_owned())).or_default().push(id);
    }

    fn add_frame(&mut self, text: &str) {
        let Ok(Frame::Combined { data: trade } | Frame::Raw(trade)) = serde_json::from_str(text) else {
            return;
        };
        let is_whole = [&trade.p, &trade.q].iter().all(|digits| digits.parse::<Decimal>().is_ok());
        let id = if trade.e == "aggTrade" { trade.a } else { trade.t };
        if let (true, true, Some(id)) = (is_whole, trade.time > 0, id) {
            self.add(&trade.s, &trade.e, id);
        }
    }

    /// Number of trades.
    pub(crate) fn count(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Without ids that came before.
    pub(crate) fn once(&self) -> Self {
        let once = |ids: &Vec<i64>| {
            let mut seen = BTreeSet::new();
            ids.iter().copied().filter(|id| seen.insert(*id)).collect()
        };
        Self(self.0.iter().map(|(of, ids)| (of.clone(), once(ids))).collect())
    }

    /// What of the others is not here; of each symbol and kind the first and the last, and how many.
    pub(crate) fn missing(&self, others: &Self) -> Vec<String> {
        let missing = others.0.iter().filter_map(|(of, ids)| {
            let here: BTreeSet<_> = self.0.get(of).into_iter().flatten().collect();
            let missing: Vec<_> = ids.iter().filter(|id| !here.contains(id)).collect();
            let (first, last) = (missing.first()?, missing.last()?);
            Some(format!("{} {}: {} of {first}..={last}", of.0, of.1, missing.len()))
        });
        missing.collect()
    }
}

/// Holds what a stream has against what was traded: all of it, and without repeats in the order of the ids.
pub(crate) fn assert_complete(traded: &Trades, held: &Trades) {
    assert_eq!(held.missing(traded), Vec::<String>::new());
    let once = held.once();
    for (of, ids) in &once.0 {
        let back = ids.windows(2).find(|pair| pair[1] < pair[0]);
        assert_eq!(back, None, "{of:?} goes back");
    }
    assert!(once == *traded, "a trade that was not made: {:?}", traded.missing(&once));
}
