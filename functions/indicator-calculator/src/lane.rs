//! One lane: what is stored of a symbol, and the pure step from there over the frames of a batch.

use tapeline_indicators::{BarSettings, ClosedBar, Folded, Lane, Plan, Seen, Series, StateError, Tally};
use tapeline_market::{Interval, Timestamp};

use crate::batch::LaneFrames;
use crate::config::Config;
use crate::report::Report;
use crate::row::{self, Keys, Owner, Values};
use crate::state::{Condition, Item, ItemKey, Part, Write};

/// The version of a hot item that is written for the first time.
const FIRST_VERSION: u64 = 1;

/// Everything that is stored of a symbol, as it was loaded or last written.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    /// The version of the hot item; `None` as long as there is none.
    pub(crate) version: Option<u64>,
    /// The hot item's bytes.
    bytes: Option<Vec<u8>>,
    lane: Lane,
    /// One for each interval, in the order of the settings.
    series: Vec<Series>,
}

/// How bars and indicators are made: what all lanes share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'c> {
    pub(crate) bars: &'c BarSettings,
    pub(crate) plan: &'c Plan,
    pub(crate) keys: &'c Keys,
}

impl<'c> Rules<'c> {
    /// `keys` are those of the configuration's plan.
    pub(crate) const fn of(config: &'c Config, keys: &'c Keys) -> Self {
        Self { bars: &config.bars, plan: &config.plan, keys }
    }
}

/// What a batch does to a lane.
#[derive(Debug, Default)]
pub(crate) struct Advanced {
    /// What became of the trades.
    pub(crate) tally: Tally,
    /// The rows to publish, each a JSON document and a line feed.
    pub(crate) rows: Vec<Vec<u8>>,
    /// The items to write once they are published: series first, the hot item last.
    pub(crate) writes: Vec<Write>,
    /// The bars of the rows.
    pub(crate) intervals: Vec<Interval>,
}

/// `market|symbol`: the key of a lane in the store and in the output stream.
pub fn lane_key(bars: &BarSettings, symbol: &str) -> String {
    format!("{}|{symbol}", bars.market())
}

/// The items with which a symbol begins whose bars were made elsewhere: its series, as far as they took a bar, and the
/// lane behind them.
pub fn first_writes<'s>(
    bars: &BarSettings,
    symbol: &str,
    lane: &Lane,
    series: impl Iterator<Item = (Interval, &'s mut Series)>,
) -> Vec<Write> {
    let lane_key = lane_key(bars, symbol);
    let series = series.filter_map(|(interval, series)| series_write(series, &lane_key, interval));
    let mut writes: Vec<_> = series.collect();
    let key = ItemKey { lane: lane_key.clone(), part: Part::Hot };
    let hot = lane.save(bars).map(|state| Item { key, order: FIRST_VERSION, state });
    writes.extend(hot.map(|item| Write { item, condition: Condition::Absent }));
    writes
}

/// The names of a lane's items: the hot one first.
pub(crate) fn item_keys<'k>(bars: &'k BarSettings, lane: &'k str) -> impl Iterator<Item = ItemKey> + 'k {
    let parts = std::iter::once(Part::Hot).chain(bars.intervals().map(Part::Series));
    parts.map(|part| ItemKey { lane: lane.to_owned(), part })
}

impl Stored {
    /// What is known of a symbol from its stored items; what is absent, or cannot be used, begins anew.
    pub(crate) fn from_items(rules: Rules<'_>, items: &[Item], report: &mut Report) -> Self {
        let find = |part: Part| items.iter().find(|item| item.key.part == part);
        let hot = find(Part::Hot);
        let lane = hot.map(|item| Lane::restore(&item.state, rules.bars).map_err(|error| (item, error)));
        let lane = lane.transpose().unwrap_or_else(|(item, error)| {
            report.add_reset(&item.key, &error);
            None
        });
        let series =
            rules.bars.intervals().map(|interval| series(rules, find(Part::Series(interval)), report));
        let series = series.collect();
        Self {
            version: hot.map(|item| item.order),
            bytes: hot.map(|item| item.state.clone()),
            lane: lane.unwrap_or_else(|| Lane::new(rules.bars)),
            series,
        }
    }

    /// Takes the frames of a batch. Pure: the same frames over the same state give the same rows and writes.
    pub(crate) fn advance(
        &mut self,
        rules: Rules<'_>,
        frames: &mut LaneFrames,
        report: &mut Report,
    ) -> Advanced {
        let mut folded = Folded::default();
        self.lane.in_id_order(&mut frames.observations);
        for observation in &frames.observations {
            self.lane.observe(rules.bars, observation, &mut folded);
        }
        self.guard_order(frames, report);
        let mut advanced = Advanced { tally: folded.tally, ..Advanced::default() };
        let lane_key = lane_key(rules.bars, &frames.symbol);
        let mut touched = vec![false; self.series.len()];
        let mut values = Vec::new();
        for closed in &folded.closed {
            let mut all = self.series.iter_mut().zip(&mut touched).zip(rules.bars.intervals());
            let Some(((series, touched), _)) = all.find(|(_, interval)| *interval == closed.bar.interval)
            else {
                continue;
            };
            // A bar that the series has taken already was published before that was written.
            let Some(seen) = series.advance(closed, rules.plan, &mut values) else { continue };
            *touched = true;
            advanced.rows.push(written(rules, &frames.symbol, closed, (seen, &values)));
            advanced.intervals.push(closed.bar.interval);
        }
        for ((series, touched), interval) in self.series.iter_mut().zip(touched).zip(rules.bars.intervals()) {
            let write = touched.then(|| series_write(series, &lane_key, interval)).flatten();
            advanced.writes.extend(write);
        }
        advanced.writes.extend(self.hot_write(rules, &lane_key));
        advanced
    }

    /// One symbol must come under one partition key: under two its frames have no order.
    fn guard_order(&mut self, frames: &LaneFrames, report: &mut Report) {
        let Some(key) = &frames.partition_key else { return };
        let has_changed = self.lane.note_partition_key(key);
        if frames.is_split || has_changed {
            report.split_symbols += 1;
            report.split_symbol.get_or_insert_with(|| frames.symbol.clone());
        }
    }

    /// The hot item's write, if the batch changed it.
    fn hot_write(&mut self, rules: Rules<'_>, lane_key: &str) -> Option<Write> {
        let state = self.lane.save(rules.bars)?;
        if self.bytes.as_ref() == Some(&state) {
            return None;
        }
        let condition = self.version.map_or(Condition::Absent, Condition::Unchanged);
        let order = self.version.map_or(FIRST_VERSION, |version| version + 1);
        self.version = Some(order);
        self.bytes = Some(state.clone());
        let key = ItemKey { lane: lane_key.to_owned(), part: Part::Hot };
        Some(Write { item: Item { key, order, state }, condition })
    }
}

fn series(rules: Rules<'_>, item: Option<&Item>, report: &mut Report) -> Series {
    let Some(item) = item else { return Series::new(rules.plan) };
    Series::restore(&item.state, rules.plan).unwrap_or_else(|error| {
        report.add_reset(&item.key, &error);
        // Its bars were published by the series before: they are not published again with other numbers.
        let last = i64::try_from(item.order).ok().and_then(|micros| Timestamp::from_micros(micros).ok());
        let fresh = Series::new(rules.plan);
        match last {
            Some(last) => fresh.behind(last),
            None => fresh,
        }
    })
}

fn written(
    rules: Rules<'_>,
    symbol: &str,
    closed: &ClosedBar,
    (seen, values): (Seen, &[Option<f64>]),
) -> Vec<u8> {
    /// About what a row of the standard preset takes.
    const ROW_BYTES: usize = 2560;
    let mut row = Vec::with_capacity(ROW_BYTES);
    let owner = Owner { market: rules.bars.market(), symbol };
    row::write(owner, closed, &Values { seen, keys: rules.keys, numbers: values }, &mut row);
    row
}

fn series_write(series: &mut Series, lane_key: &str, interval: Interval) -> Option<Write> {
    let order = series.last_bar_open()?.micros().unsigned_abs();
    let key = ItemKey { lane: lane_key.to_owned(), part: Part::Series(interval) };
    Some(Write { item: Item { key, order, state: series.save() }, condition: Condition::NotBehind })
}

impl Report {
    fn add_reset(&mut self, key: &ItemKey, error: &StateError) {
        self.states_reset += 1;
        self.last_failure = Some(format!("{} {}: {error}", key.lane, key.part.as_str()));
    }
}

#[cfg(test)]
mod tests;
