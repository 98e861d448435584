//! Everything that is known of one symbol between two frames: its open bars and how far its ids and times have come.

use tapeline_market::{Bar, Decimal, Interval, Timestamp, Trade};

use super::closed::{ClosedBar, ClosedBy};
use super::open::OpenBar;
use super::settings::{BarSettings, Buckets, Fill, Source};
use crate::wire::{self, Reader, StateError, Writer};

/// The version of the bytes that [`Lane::save`] writes.
const VERSION: u8 = 1;
/// What a state of five intervals takes at most.
const STATE_BYTES: usize = 1024;
/// The most empty buckets in a row that are filled: a day of minutes. A longer silence is an outage, and a time that is
/// wrong by years must not make bars without end.
const FILLS_MAX: i64 = 1440;
/// The most klines that wait for their last trade. They wait for milliseconds: two would be much.
const PENDING_MAX: usize = 8;
/// Prices have at most so many digits, as many behind the point: no price of an exchange needs more.
const PRICE_DIGITS_MAX: u8 = 18;

/// What one frame tells of its symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// A trade of the kind that bars are made of.
    Trade(Trade),
    /// A bar of the exchange, in UTC.
    Kline(ExchangeBar),
    /// Any other frame: the event time it carries.
    Clock(Timestamp),
}

/// One kline of the exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExchangeBar {
    /// The bar as the exchange has it now.
    pub bar: Bar,
    /// Whether it will not change any more.
    pub is_closed: bool,
    /// The id of its last trade; `None` without a trade.
    pub last_trade_id: Option<u64>,
    /// When the exchange sent it.
    pub event_time: Option<Timestamp>,
}

/// What became of the frames of a batch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Trades (klines, where bars are made of them) that went into bars.
    pub folded: u64,
    /// Left out: seen before.
    pub duplicates: u64,
    /// Places at which ids were missing.
    pub gaps: u64,
    /// Ids that were missing there (bars, where they are made of klines).
    pub missing: u64,
    /// Came after their bar was closed: folded into the next one.
    pub late: u64,
    /// Newer ids with an older time: folded into the open bar.
    pub time_regress: u64,
    /// Left out: numbers or times that no market has.
    pub refused: u64,
}

/// The open bars of one (market, symbol), its watermark, and what closes its bars.
///
/// Taking a frame a second time changes nothing: trades by their ids, everything else because a bucket that was closed
/// stays closed. So whatever part of a batch comes again, the lane ends where it would have ended. Only what came before
/// its first trade is not remembered, since there was nothing to close: when it comes again, it counts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lane {
    /// The last id that was folded.
    watermark: Option<u64>,
    /// The last trade that was folded, in the ids by which klines count.
    last_trade_id: u64,
    last_price: Option<Decimal>,
    /// Hash of the partition key under which the symbol came last.
    partition: Option<u64>,
    pending: Vec<Pending>,
    slots: Vec<Slot>,
}

/// A closed kline whose last trade has not been seen yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pending {
    end: Timestamp,
    last_trade_id: u64,
}

/// A trade on its way into the bars of a lane.
#[derive(Debug, Clone, Copy)]
struct Arrival<'t> {
    trade: &'t Trade,
    /// The time by which it is sorted into buckets.
    time: Timestamp,
    /// How many ids are missing before it.
    missing: u64,
}

/// One interval of a lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Slot {
    /// Every bucket that ends here or before is closed; `None` before the first trade.
    closed_until: Option<Timestamp>,
    open: Option<OpenBar>,
}

impl Tally {
    const fn add_gap(&mut self, missing: u64) {
        self.gaps += 1;
        self.missing = self.missing.saturating_add(missing);
    }
}

/// What came of the frames of a batch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Folded {
    /// The bars that were closed, in the order in which they were; of those closed at once the shortest interval first.
    pub closed: Vec<ClosedBar>,
    /// What became of the frames.
    pub tally: Tally,
}

/// How to fold, and where to report.
struct Fold<'f> {
    settings: &'f BarSettings,
    folded: &'f mut Folded,
}

impl Fold<'_> {
    fn buckets(&self, at: usize) -> Option<Buckets> {
        self.settings.buckets.get(at).copied()
    }

    const fn tally(&mut self) -> &mut Tally {
        &mut self.folded.tally
    }
}

impl Lane {
    /// A lane that has seen nothing.
    pub fn new(settings: &BarSettings) -> Self {
        Self { slots: vec![Slot::default(); settings.buckets.len()], ..Self::default() }
    }

    /// Takes what one frame tells, and adds to `folded` what comes of it.
    pub fn observe(&mut self, settings: &BarSettings, observation: &Observation, folded: &mut Folded) {
        let fold = &mut Fold { settings, folded };
        match (observation, settings.source) {
            (Observation::Trade(trade), Source::Trade | Source::AggTrade) => self.trade(trade, fold),
            (Observation::Kline(kline), Source::Kline) => self.exchange_bar(kline, fold),
            (Observation::Kline(kline), _) => self.kline(kline, fold),
            (Observation::Clock(time), _) => self.clock(*time, fold),
            (Observation::Trade(_), Source::Kline) => {}
        }
    }

    /// Notes the partition key under which the symbol came; whether it came under another before.
    pub fn note_partition_key(&mut self, key: &str) -> bool {
        let hash = wire::hash(key);
        self.partition.replace(hash).is_some_and(|before| before != hash)
    }

    /// Begins where bars from elsewhere end, which `ends` tells for each interval that has some: buckets up to there are
    /// closed, trades before the latest end are left out, and the first bar is partial, since no id tells what lies
    /// between. Where whole buckets lie between, it has a gap. A lane that has begun goes on as it was.
    pub fn begin_at(&mut self, settings: &BarSettings, ends: impl Fn(Interval) -> Option<Timestamp>) {
        if self.has_begun() {
            return;
        }
        for (slot, buckets) in self.slots.iter_mut().zip(&settings.buckets) {
            slot.closed_until = ends(buckets.interval).map(|end| buckets.floor(end));
        }
    }

    /// Where the closed bars of an interval end; where it has none yet, the latest end of all. `None` for a lane that has
    /// not begun.
    pub fn closed_until(&self, settings: &BarSettings, interval: Interval) -> Option<Timestamp> {
        let at = settings.intervals().position(|ours| ours == interval);
        let own = at.and_then(|at| self.slots.get(at)?.closed_until);
        own.or(self.slots.iter().filter_map(|slot| slot.closed_until).max())
    }

    /// Puts the new trades of a batch into the order of their ids. Each takes the place of another one; everything else
    /// stays where it is, so a batch in order is left as it is, however it was cut.
    ///
    /// Repetitions move nothing: where a new trade comes again, the trade before it is repeated, to be left out.
    pub fn in_id_order(&self, observations: &mut [Observation]) {
        let news = observations.iter().filter_map(|observation| self.new_trade(observation));
        if news.is_sorted_by_key(|trade| trade.first_id) {
            return;
        }
        let mut trades = Vec::new();
        for (place, observation) in observations.iter().enumerate() {
            trades.extend(self.new_trade(observation).map(|trade| (place, *trade)));
        }
        trades.sort_by_key(|(_, trade)| trade.first_id);
        // The sort is stable: of equal ids the first place stays.
        trades.dedup_by_key(|(_, trade)| trade.first_id);
        let mut places: Vec<_> = trades.iter().map(|&(place, _)| place).collect();
        places.sort_unstable();
        let mut in_order = trades.iter().map(|&(_, trade)| trade);
        let mut current = None;
        for (place, observation) in observations.iter_mut().enumerate() {
            if self.new_trade(observation).is_none() {
                continue;
            }
            if places.binary_search(&place).is_ok() {
                current = in_order.next();
            }
            *observation = current.map_or(*observation, Observation::Trade);
        }
    }

    /// The trade of an observation, if it will be folded.
    fn new_trade<'o>(&self, observation: &'o Observation) -> Option<&'o Trade> {
        match observation {
            Observation::Trade(trade) if is_sound(trade) && !self.has_seen(trade) => Some(trade),
            _ => None,
        }
    }

    fn has_begun(&self) -> bool {
        self.slots.iter().any(|slot| slot.closed_until.is_some() || slot.open.is_some())
    }

    fn trade(&mut self, trade: &Trade, fold: &mut Fold<'_>) {
        if !is_sound(trade) {
            fold.tally().refused += 1;
            return;
        }
        if self.has_seen(trade) {
            fold.tally().duplicates += 1;
            return;
        }
        let time = self.effective_time(trade, fold.tally());
        let missing = self.missing_before(trade, fold);
        let arrival = Arrival { trade, time, missing };
        for at in 0..self.slots.len() {
            // Nearly all trades go into bars as they are: neither bucket nor end has to be computed for them.
            match self.slots.get_mut(at).and_then(|slot| slot.bar_at(time)) {
                Some(open) if missing == 0 => open.fold(trade),
                _ => self.fold_into(at, &arrival, fold),
            }
        }
        self.watermark = Some(trade.last_id);
        self.last_trade_id = self.last_trade_id.max(trade.last_trade_id);
        self.last_price = Some(trade.price);
        fold.tally().folded += 1;
        self.settle(fold);
    }

    /// Folds a trade into the bar of its bucket of one interval, which it may begin, and closes those before it.
    fn fold_into(&mut self, at: usize, arrival: &Arrival<'_>, fold: &mut Fold<'_>) {
        let Some(buckets) = fold.buckets(at) else { return };
        let &Arrival { trade, time, missing } = arrival;
        let open_time = buckets.floor(time);
        if missing > 0 {
            self.doubt(at, buckets, open_time);
        }
        let gap = self.is_apart(at, open_time);
        self.close_until(at, (open_time, ClosedBy::Trade), fold);
        let is_first = self.watermark.is_none();
        let Some(slot) = self.slots.get_mut(at) else { return };
        let partial = is_first || slot.closed_until.is_none();
        slot.closed_until = slot.closed_until.max(Some(open_time));
        let first = || OpenBar { gap, partial, ..OpenBar::at(buckets, open_time, trade.price) };
        let open = slot.open.get_or_insert_with(first);
        open.fold(trade);
        open.add_missing(missing);
    }

    /// Whether a trade is in a bar already: of this lane by its id, of bars from elsewhere by its time.
    fn has_seen(&self, trade: &Trade) -> bool {
        match self.watermark {
            Some(watermark) => trade.first_id <= watermark,
            None => self.slots.iter().any(|slot| slot.closed_until.is_some_and(|until| trade.time < until)),
        }
    }

    /// The time by which a trade is sorted into buckets: its own, or the end of what is closed if that is later. So every
    /// trade goes into one bar of each interval, and bars of all intervals have the same sums.
    fn effective_time(&self, trade: &Trade, tally: &mut Tally) -> Timestamp {
        let closed = self.slots.iter().filter(|slot| slot.closed_until > Some(trade.time));
        let latest = closed.max_by_key(|slot| slot.closed_until);
        let Some((slot, closed_until)) = latest.and_then(|slot| Some((slot, slot.closed_until?))) else {
            return trade.time;
        };
        let count = if slot.open.is_some() { &mut tally.time_regress } else { &mut tally.late };
        *count += 1;
        closed_until
    }

    fn missing_before(&self, trade: &Trade, fold: &mut Fold<'_>) -> u64 {
        let missing = self.watermark.map_or(0, |watermark| trade.first_id - watermark - 1);
        if missing == 0 || !fold.settings.ids_are_consecutive() {
            return 0;
        }
        fold.tally().add_gap(missing);
        missing
    }

    /// Whether buckets lie between bars from elsewhere and the bucket of the first trade.
    fn is_apart(&self, at: usize, open_time: Timestamp) -> bool {
        let closed_until = self.slots.get(at).and_then(|slot| slot.closed_until);
        self.watermark.is_none() && closed_until.is_some_and(|closed_until| closed_until < open_time)
    }

    /// Marks the bar that the trade behind a gap is about to close: some of what is missing may belong to it.
    fn doubt(&mut self, at: usize, buckets: Buckets, open_time: Timestamp) {
        let open = self.slots.get_mut(at).and_then(|slot| slot.open.as_mut());
        if let Some(open) = open.filter(|open| buckets.end(open.bar.open_time) <= open_time) {
            open.gap = true;
        }
    }

    /// Closes every bucket of one interval that ends at `until` or before; `until` is the beginning of a bucket.
    fn close_until(&mut self, at: usize, (until, closed_by): (Timestamp, ClosedBy), fold: &mut Fold<'_>) {
        let (Some(buckets), Some(slot)) = (fold.buckets(at), self.slots.get_mut(at)) else { return };
        let Some(closed_until) = slot.closed_until.filter(|&closed_until| closed_until < until) else {
            return;
        };
        let mut next = closed_until;
        if let Some(open) = slot.open.take_if(|open| buckets.end(open.bar.open_time) <= until) {
            next = buckets.end(open.bar.open_time);
            fold.folded.closed.push(open.closed(closed_by));
        }
        slot.closed_until = Some(until);
        let price = self.last_price.filter(|_| fold.settings.fill == Fill::Flat);
        let Some(price) = price.filter(|_| buckets.count(next, until) <= FILLS_MAX) else { return };
        while next < until {
            fold.folded
                .closed
                .push(OpenBar::at(buckets, next, price).closed_as_filled(closed_by, fold.settings.market));
            next = buckets.end(next);
        }
    }

    /// Takes the event time of a frame: bars that ended a grace before it are closed.
    fn clock(&mut self, time: Timestamp, fold: &mut Fold<'_>) {
        let Ok(limit) = Timestamp::from_micros(time.micros() - fold.settings.grace_us) else { return };
        for (at, buckets) in fold.settings.buckets.iter().enumerate() {
            let until = buckets.floor(limit);
            if fold.settings.source == Source::Kline {
                self.give_up(at, until, fold);
            } else if self.watermark.is_some() {
                self.close_until(at, (until, ClosedBy::EventTime), fold);
            }
        }
        self.forget_closed(fold.settings);
    }

    /// Takes a kline where bars are made of trades: the exchange says that a bar is complete.
    fn kline(&mut self, kline: &ExchangeBar, fold: &mut Fold<'_>) {
        if kline.is_closed && self.watermark.is_some() {
            self.expect(kline, fold.settings);
            self.settle(fold);
        }
        if let Some(time) = kline.event_time {
            self.clock(time, fold);
        }
    }

    /// Notes what a closed kline will close, unless it is closed already.
    fn expect(&mut self, kline: &ExchangeBar, settings: &BarSettings) {
        let open_time = kline.bar.open_time;
        let buckets = Buckets::of(kline.bar.interval).filter(|buckets| buckets.floor(open_time) == open_time);
        let Some(end) = buckets.map(|buckets| buckets.end(open_time)) else { return };
        if self.pending.iter().any(|other| other.end == end) || !would_close(&self.slots, settings, end) {
            return;
        }
        // Without a trade of its own it waits for those of the klines before it.
        let last_trade_id =
            kline.last_trade_id.or(self.pending.iter().map(|other| other.last_trade_id).max());
        self.pending.push(Pending { end, last_trade_id: last_trade_id.unwrap_or(0) });
        if self.pending.len() > PENDING_MAX {
            // The earliest, even if it is this one: a later one closes its bar too. So it is given up again when it comes
            // again.
            let earliest = self.pending.iter().map(|other| other.end).min();
            self.pending.retain(|other| Some(other.end) != earliest);
        }
    }

    /// Closes what klines have closed, as soon as all of their trades were seen.
    fn settle(&mut self, fold: &mut Fold<'_>) {
        if self.pending.is_empty() {
            return;
        }
        while let Some(at) =
            self.pending.iter().position(|pending| pending.last_trade_id <= self.last_trade_id)
        {
            let Pending { end, .. } = self.pending.remove(at);
            for (at, buckets) in fold.settings.buckets.iter().enumerate() {
                self.close_until(at, (buckets.floor(end), ClosedBy::Kline), fold);
            }
        }
        self.forget_closed(fold.settings);
    }

    /// Forgets the klines whose bars something else has closed.
    fn forget_closed(&mut self, settings: &BarSettings) {
        self.pending.retain(|pending| would_close(&self.slots, settings, pending.end));
    }

    /// Takes a kline where bars are made of klines.
    fn exchange_bar(&mut self, kline: &ExchangeBar, fold: &mut Fold<'_>) {
        let bar = &kline.bar;
        let at = fold.settings.buckets.iter().position(|buckets| buckets.interval == bar.interval);
        if let Some((at, buckets)) = at.and_then(|at| Some((at, fold.buckets(at)?))) {
            if buckets.floor(bar.open_time) == bar.open_time && is_sound_bar(bar) {
                self.replace(at, kline, fold);
            } else {
                fold.tally().refused += 1;
            }
        }
        if let Some(time) = kline.event_time {
            self.clock(time, fold);
        }
    }

    /// Puts a kline in the place of the one before it of the same bar; a closed one closes the bar.
    fn replace(&mut self, at: usize, kline: &ExchangeBar, fold: &mut Fold<'_>) {
        let open_time = kline.bar.open_time;
        // A later bar means that the closed kline of the open one was lost.
        self.give_up(at, open_time, fold);
        let (Some(buckets), Some(slot)) = (fold.buckets(at), self.slots.get_mut(at)) else { return };
        if slot.is_newer_than(&kline.bar) {
            fold.tally().duplicates += 1;
            return;
        }
        let known = slot.open.map(|open| (open.missing, open.gap));
        let missing = slot.closed_until.map_or(0, |closed_until| buckets.count(closed_until, open_time));
        let missing = u64::try_from(missing).unwrap_or(0);
        if known.is_none() && missing > 0 {
            fold.tally().add_gap(missing);
        }
        let (missing, gap) = known.unwrap_or((missing, missing > 0));
        // As it is restored: the exchange writes the last instant in its own unit.
        let bar = Bar { close_time: buckets.close_time(open_time), ..kline.bar };
        let open = OpenBar { bar, missing, gap, partial: false };
        fold.tally().folded += 1;
        if kline.is_closed {
            slot.open = None;
            slot.closed_until = Some(buckets.end(open_time));
            fold.folded.closed.push(open.closed(ClosedBy::Kline));
        } else {
            slot.open = Some(open);
        }
    }

    /// Closes the open bar as it was last seen, if it ends at `until` or before: its closed kline did not come.
    fn give_up(&mut self, at: usize, until: Timestamp, fold: &mut Fold<'_>) {
        let (Some(buckets), Some(slot)) = (fold.buckets(at), self.slots.get_mut(at)) else { return };
        if let Some(open) = slot.open.take_if(|open| buckets.end(open.bar.open_time) <= until) {
            slot.closed_until = Some(buckets.end(open.bar.open_time));
            fold.folded.closed.push(OpenBar { gap: true, ..open }.closed(ClosedBy::EventTime));
        }
    }
}

impl Slot {
    /// The open bar, if `time` lies in it and everything before it is closed: a trade of this time changes nothing else.
    fn bar_at(&mut self, time: Timestamp) -> Option<&mut OpenBar> {
        let closed_until = self.closed_until;
        self.open.as_mut().filter(|open| {
            closed_until >= Some(open.bar.open_time)
                && (open.bar.open_time..=open.bar.close_time).contains(&time)
        })
    }

    /// Whether a kline's bar is closed, or open with more trades, or older than the open one.
    fn is_newer_than(&self, bar: &Bar) -> bool {
        let is_closed = self.closed_until.is_some_and(|closed_until| bar.open_time < closed_until);
        let open = self.open.map(|open| (open.bar.open_time, open.bar.trade_count));
        is_closed || open.is_some_and(|open| open > (bar.open_time, bar.trade_count))
    }
}

/// Whether a kline that ends at `end` closes a bucket of any interval.
fn would_close(slots: &[Slot], settings: &BarSettings, end: Timestamp) -> bool {
    let mut slots = slots.iter().zip(&settings.buckets);
    slots.any(|(slot, buckets)| slot.closed_until.is_some_and(|until| until < buckets.floor(end)))
}

/// Whether a trade's numbers are those of a market.
fn is_sound(trade: &Trade) -> bool {
    is_price(trade.price) && is_quantity(trade.quantity) && trade.first_id <= trade.last_id
}

/// Whether a kline's numbers are those of a market.
fn is_sound_bar(bar: &Bar) -> bool {
    bar.checked().is_ok()
        && [bar.open, bar.high, bar.low, bar.close].into_iter().all(is_price)
        && [bar.volume, bar.taker_buy_volume].into_iter().all(is_quantity)
}

fn is_price(price: Decimal) -> bool {
    let is_short = |price: Decimal| (1..10_i128.pow(PRICE_DIGITS_MAX.into())).contains(&price.mantissa());
    // Zeros at the end do not count, but most prices have few enough digits with them.
    (is_short(price) || is_short(price.shortest())) && price.scale() <= PRICE_DIGITS_MAX
}

fn is_quantity(quantity: Decimal) -> bool {
    quantity.mantissa() >= 0 && quantity.scale() <= PRICE_DIGITS_MAX
}

const HAS_WATERMARK: u8 = 1;
const HAS_PRICE: u8 = 2;
const HAS_PARTITION: u8 = 4;
const HAS_CLOSED: u8 = 1;
const HAS_OPEN: u8 = 2;

impl Lane {
    /// The lane as bytes: at most 1 KiB at five intervals. A lane that saw nothing worth keeping has none.
    pub fn save(&self, settings: &BarSettings) -> Option<Vec<u8>> {
        if !self.has_begun() {
            return None;
        }
        let mut out = Writer::with_capacity(STATE_BYTES);
        out.byte(VERSION);
        out.byte(settings.market as u8);
        out.byte(settings.source as u8);
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        out.byte(
            flag(self.watermark.is_some(), HAS_WATERMARK)
                | flag(self.last_price.is_some(), HAS_PRICE)
                | flag(self.partition.is_some(), HAS_PARTITION),
        );
        if let Some(watermark) = self.watermark {
            out.unsigned(watermark.into());
        }
        out.unsigned(self.last_trade_id.into());
        if let Some(price) = self.last_price {
            out.decimal(price);
        }
        if let Some(partition) = self.partition {
            out.fixed(partition);
        }
        out.unsigned(self.pending.len() as u128);
        for pending in &self.pending {
            out.seconds(pending.end);
            out.unsigned(pending.last_trade_id.into());
        }
        out.unsigned(self.slots.len() as u128);
        for (slot, buckets) in self.slots.iter().zip(&settings.buckets) {
            slot.save(*buckets, &mut out);
        }
        Some(out.0)
    }

    /// Reads what [`Self::save`] wrote. Intervals that it did not have begin anew; those that are gone are left out.
    ///
    /// # Errors
    /// See [`StateError`]: the lane must begin anew, nothing is guessed.
    pub fn restore(state: &[u8], settings: &BarSettings) -> Result<Self, StateError> {
        let mut from = Reader::new(state);
        let found = from.byte()?;
        if found != VERSION {
            return Err(StateError::Version { expected: VERSION, found });
        }
        if (from.byte()?, from.byte()?) != (settings.market as u8, settings.source as u8) {
            return Err(StateError::Configuration);
        }
        let mut lane = Self::new(settings);
        let flags = from.byte()?;
        if flags & HAS_WATERMARK != 0 {
            lane.watermark = Some(from.count()?);
        }
        lane.last_trade_id = from.count()?;
        if flags & HAS_PRICE != 0 {
            lane.last_price = Some(from.decimal()?);
        }
        if flags & HAS_PARTITION != 0 {
            lane.partition = Some(from.fixed()?);
        }
        for _ in 0..bounded(&mut from, PENDING_MAX)? {
            lane.pending.push(Pending { end: from.seconds()?, last_trade_id: from.count()? });
        }
        for _ in 0..bounded(&mut from, super::INTERVALS_MAX)? {
            let (interval, slot) = Slot::restore(&mut from)?;
            let at = settings.intervals().position(|ours| ours == interval);
            if let Some(place) = at.and_then(|at| lane.slots.get_mut(at)) {
                *place = slot;
            }
        }
        from.end()?;
        Ok(lane)
    }
}

fn bounded(from: &mut Reader<'_>, max: usize) -> Result<usize, StateError> {
    let count = usize::try_from(from.unsigned()?).ok().filter(|&count| count <= max);
    count.ok_or(from.damaged())
}

impl Slot {
    fn save(&self, buckets: Buckets, out: &mut Writer) {
        out.byte(buckets.interval as u8);
        let closed = if self.closed_until.is_some() { HAS_CLOSED } else { 0 };
        out.byte(closed | if self.open.is_some() { HAS_OPEN } else { 0 });
        if let Some(closed_until) = self.closed_until {
            out.seconds(closed_until);
        }
        if let Some(open) = &self.open {
            open.save(out);
        }
    }

    fn restore(from: &mut Reader<'_>) -> Result<(Interval, Self), StateError> {
        let interval = Interval::ALL.get(usize::from(from.byte()?)).copied();
        let buckets = interval.and_then(Buckets::of).ok_or(from.damaged())?;
        let flags = from.byte()?;
        let closed_until = if flags & HAS_CLOSED != 0 { Some(from.seconds()?) } else { None };
        let open = if flags & HAS_OPEN != 0 { Some(OpenBar::restore(buckets, from)?) } else { None };
        Ok((buckets.interval, Self { closed_until, open }))
    }
}

#[cfg(test)]
mod tests;
