//! Files of klines into the items with which a lane begins.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indicatif::ProgressBar;
use indicator_calculator::state::Write;
use indicator_calculator::{Config, first_writes, lane_key};
use tapeline_indicators::{ClosedBar, Lane, Series};
use tapeline_market::{Bar, Interval, Timestamp};

use super::WarmUpError;
use super::archive::{self, Archive, ArchiveError, Given, Layout, Owner};
use super::keep::Begun;
use super::progress::{self, Progress};
use super::roll_up::RollUp;

/// The files of every symbol, by their interval, each in the order in which they were given.
pub(super) type Symbols = BTreeMap<String, BTreeMap<Interval, Vec<PathBuf>>>;

/// Sorts files by whose klines they have.
///
/// # Errors
/// When it is not told of one.
pub(super) fn sorted(files: &[PathBuf], given: &Given) -> Result<Symbols, ArchiveError> {
    let mut symbols = Symbols::new();
    for file in files {
        let Owner { symbol, interval } = Owner::of(file, given)?;
        symbols.entry(symbol).or_default().entry(interval).or_default().push(file.clone());
    }
    Ok(symbols)
}

/// Reads every file and gives the items of every symbol in them; tells `series` how far they have come.
///
/// An interval that has files is made of them; any other of the longest given one that divides it. Symbols that have
/// `begun` get no bars that they have yet to close.
///
/// # Errors
/// When a file cannot be read, a kline does not follow the one before, or nothing is made of a file.
pub(super) fn seed(
    symbols: &Symbols,
    config: &Config,
    begun: &Begun<'_>,
    (series, progress): (&mut progress::Series, &ProgressBar),
) -> Result<Vec<Write>, WarmUpError> {
    let mut writes = Vec::new();
    for (symbol, sources) in symbols {
        let lane = lane_key(&config.bars, symbol);
        let mut feeds = Vec::new();
        for (&source, files) in sources {
            let until = |interval| begun.closed_until(&lane, interval);
            let mut source = Feeds::new(config, sources, source, until);
            if source.each.is_empty() {
                return Err(unused(config, symbol.clone(), source.source));
            }
            source.read(files, config, progress)?;
            feeds.append(&mut source.each);
        }
        for interval in config.bars.intervals() {
            let feed = feeds.iter().find(|feed| feed.interval == interval);
            series.insert((lane.clone(), interval), feed.map(|feed| feed.progress).unwrap_or_default());
        }
        writes.extend(begin(config, symbol, feeds));
    }
    Ok(writes)
}

fn unused(config: &Config, symbol: String, interval: Interval) -> WarmUpError {
    let wanted: Vec<_> = config.bars.intervals().map(Interval::as_str).collect();
    WarmUpError::Unused { symbol, interval, wanted: wanted.join(", ") }
}

/// What is made of the files of one interval.
struct Feeds {
    source: Interval,
    each: Vec<Feed>,
    last_open: Option<Timestamp>,
}

/// One interval's way from klines to indicators.
struct Feed {
    interval: Interval,
    /// Where the bars end that it may take; `None` for no such end.
    until: Option<Timestamp>,
    roll_up: RollUp,
    series: Series,
    progress: Progress,
}

impl Feeds {
    fn new<V>(
        config: &Config,
        sources: &BTreeMap<Interval, V>,
        source: Interval,
        until: impl Fn(Interval) -> Option<Timestamp>,
    ) -> Self {
        let wanted = config.bars.intervals().filter(|&interval| source_of(sources, interval) == Some(source));
        let feed = |interval| Feed {
            interval,
            until: until(interval),
            roll_up: RollUp::new(&config.bars, source, interval),
            series: Series::new(&config.plan),
            progress: Progress::default(),
        };
        Self { source, each: wanted.map(feed).collect(), last_open: None }
    }

    fn read(
        &mut self,
        files: &[PathBuf],
        config: &Config,
        progress: &ProgressBar,
    ) -> Result<(), WarmUpError> {
        for file in files {
            let mut archive = Archive::open(file, (self.source, config.bars.market()), progress)?;
            while let Some((bar, layout)) = archive.next_bar()? {
                self.check_order(&bar).map_err(|fault| archive.refuse(fault))?;
                let taken = self.each.iter_mut().all(|feed| feed.push(&bar, layout, config));
                if !taken {
                    return Err(archive.refuse(archive::too_many_digits()).into());
                }
            }
        }
        Ok(())
    }

    fn check_order(&mut self, bar: &Bar) -> Result<(), archive::Fault> {
        match self.last_open.replace(bar.open_time).filter(|last| bar.open_time <= *last) {
            Some(last) => Err(archive::out_of_order(bar.open_time, last)),
            None => Ok(()),
        }
    }
}

/// The interval whose files an interval's bars are made of; `None` where none of them will do.
fn source_of<V>(sources: &BTreeMap<Interval, V>, interval: Interval) -> Option<Interval> {
    let length_us = interval.length_us()?;
    let divides = |source: &Interval| source.length_us().is_some_and(|source| length_us % source == 0);
    sources.keys().copied().filter(divides).max()
}

impl Feed {
    /// Takes a bar; `false` when a series does not take what it makes.
    fn push(&mut self, bar: &Bar, layout: Layout, config: &Config) -> bool {
        let (mut closed, mut values): (Vec<ClosedBar>, _) = (Vec::new(), Vec::new());
        self.roll_up.push(bar, layout, &mut closed);
        let may_take = |closed: &&ClosedBar| self.until.is_none_or(|until| closed.bar.close_time < until);
        closed.iter().filter(may_take).all(|closed| {
            let Some(seen) = self.series.advance(closed, &config.plan, &mut values) else { return false };
            self.progress.take(closed.bar.open_time, seen.bars, values.iter().flatten().count());
            true
        })
    }
}

/// The items of a symbol: series that were fed, and a lane that begins where their bars end.
fn begin(config: &Config, symbol: &str, mut feeds: Vec<Feed>) -> Vec<Write> {
    let mut lane = Lane::new(&config.bars);
    lane.begin_at(&config.bars, |interval| {
        feeds.iter().find(|feed| feed.interval == interval)?.roll_up.closed_until()
    });
    let series = feeds.iter_mut().map(|feed| (feed.interval, &mut feed.series));
    first_writes(&config.bars, symbol, &lane, series)
}
