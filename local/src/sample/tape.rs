//! One symbol's market, played 100 ms at a time.
//!
//! A fair price walks at random. Makers quote bids at most at it and asks above it; takers arrive in bursts, eat
//! into the book level by level, and every level they touch gives trades of one aggregate. All frames of the
//! symbol are told from this one book and these trades, so they agree with each other as the exchange's do.

use std::collections::VecDeque;

use super::bar::Bar;
use super::book::{Book, Level, Quote, Side};
use super::dice::Dice;
use super::frames::{self, Last};
use super::instrument::Instrument;
use super::outbox::Outbox;
use super::{Fault, What};

/// Length of one step: the exchange's pace of depth updates.
pub(crate) const STEP_MS: i64 = 100;
/// Length of a bar.
pub(crate) const MINUTE_MS: i64 = 60_000;

/// The fair price is kept in parts of a tick, so that coarse ticks walk as well as fine ones.
const PARTS: i64 = 1_024;
/// Steps of 1,000 in which makers quote anew.
const REQUOTES: i64 = 140;
/// Largest move of the fair price between two requotes: one part of this.
const WALK: i64 = 15_000;
/// Levels of each side that makers see to.
const DEPTH_MIN: usize = 10;
/// Levels of each side at most; the furthest are cancelled.
const DEPTH_MAX: usize = 20;
/// Levels one taker order eats at most; the rest of the order is cancelled.
const LEVELS_PER_ORDER_MAX: usize = 4;
/// Trades into which the fill of one level is cut at most: the makers who were waiting there.
const TRADES_PER_LEVEL_MAX: i64 = 4;
/// Minutes kept for rolling windows: the longest is one hour.
const WINDOW_MINUTES: usize = 60;

/// One execution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trade {
    /// Trade id, consecutive for a symbol.
    pub(crate) id: i64,
    /// Trade time, epoch milliseconds.
    pub(crate) time: i64,
    /// Price in ticks.
    pub(crate) price: i64,
    /// Quantity in steps.
    pub(crate) quantity: i64,
    /// The taker sold.
    pub(crate) buyer_is_maker: bool,
}

/// The trades of one taker order at one price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct AggTrade {
    /// Aggregate id.
    pub(crate) id: i64,
    /// Id of its first trade.
    pub(crate) first_trade_id: i64,
    /// Id of its last trade.
    pub(crate) last_trade_id: i64,
    /// Trade time, epoch milliseconds.
    pub(crate) time: i64,
    /// Price in ticks.
    pub(crate) price: i64,
    /// Quantity in steps.
    pub(crate) quantity: i64,
    /// The taker sold.
    pub(crate) buyer_is_maker: bool,
}

/// What happens at one moment.
#[derive(Debug, Clone, Copy)]
enum Act {
    Requote,
    Order,
}

/// What a taker took at one level.
#[derive(Debug, Clone, Copy)]
struct Fill {
    time: i64,
    side: Side,
    price: i64,
    quantity: i64,
}

/// The last trade and the frame that told it.
#[derive(Debug)]
struct Told {
    trade: Trade,
    frame: String,
}

/// Numbers that only grow.
#[derive(Debug)]
struct Counters {
    trade_id: i64,
    agg_trade_id: i64,
    block_trade_id: i64,
    /// The last event time: a symbol's event times never go back.
    event_time: i64,
}

/// The bars that klines and tickers are told from.
#[derive(Debug)]
struct Bars {
    minute: Bar,
    /// Closed minutes, the oldest first.
    closed: VecDeque<Bar>,
    /// All closed minutes of the session.
    day: Bar,
    /// Price before the first trade, in ticks.
    price_before: i64,
    /// Trades of the minute that an open kline has told.
    told: i64,
}

/// One symbol's market.
#[derive(Debug)]
pub(crate) struct Tape {
    of: Instrument,
    dice: Dice,
    book: Book,
    /// Fair price in parts of a tick.
    fair: i64,
    counters: Counters,
    bars: Bars,
    /// The best bid and ask as told last.
    quote: Option<Quote>,
    last: Option<Told>,
    /// Taker orders in 1,000 steps of a usual minute.
    usual_pace: i64,
    /// Taker orders in 1,000 steps of this minute.
    pace: i64,
    /// Steps by which this symbol's snapshots are shifted against those of others.
    phase: i64,
    /// A minute without a taker, by its open time.
    quiet_minute: Option<i64>,
}

impl Tape {
    /// Opens a symbol's market at a minute's start.
    pub(crate) fn new(seed: u64, symbol: &str, start: i64) -> Self {
        let of = Instrument::of(symbol);
        let mut dice = Dice::new(seed, symbol);
        let price = of.start_price() + dice.draw(-of.start_price() / 100..=of.start_price() / 100);
        let counters = Counters {
            trade_id: dice.draw(1_000_000..=5_000_000_000),
            agg_trade_id: dice.draw(1_000_000..=3_000_000_000),
            block_trade_id: dice.draw(1..=10_000),
            event_time: start,
        };
        let mut tape = Self {
            book: Book::new(dice.draw(10_000_000..=60_000_000_000)),
            fair: price * PARTS,
            counters,
            bars: Bars::new(start, price),
            quote: None,
            last: None,
            usual_pace: of.pace(),
            pace: of.pace(),
            phase: dice.draw(0..=599),
            quiet_minute: None,
            of,
            dice,
        };
        tape.open_book();
        tape
    }

    /// Makes takers so many times as busy as usual.
    pub(crate) fn busy(mut self, times: u32) -> Self {
        self.usual_pace *= i64::from(times);
        self.pace = self.usual_pace;
        self
    }

    /// Keeps takers away for one minute.
    pub(crate) fn keep_quiet(&mut self, open_time: i64) {
        self.quiet_minute = Some(open_time);
    }

    /// Fills the book; depth updates tell only what changes from here on.
    fn open_book(&mut self) {
        self.replenish();
        self.book.take_changes();
        self.quote = self.book.quote();
    }

    /// Plays the step that begins at `now`.
    pub(crate) fn step(&mut self, now: i64, outbox: &mut Outbox) {
        if now % MINUTE_MS == 0 {
            self.pace = self.pace_of_minute(now);
        }
        for (time, act) in self.moments(now) {
            match act {
                Act::Requote => self.requote(),
                Act::Order => self.order(time, outbox),
            }
            self.tell_quote(time, outbox);
        }
        let end = now + STEP_MS;
        self.tell_depth(end, outbox);
        self.tell_periodic(end, outbox);
        if end % MINUTE_MS == 0 {
            self.close_minute(end, outbox);
        }
    }

    /// One minute in eight is busy, one in eight calm.
    fn pace_of_minute(&mut self, open_time: i64) -> i64 {
        let mood = self.dice.draw(0..=7);
        if self.quiet_minute == Some(open_time) {
            return 0;
        }
        match mood {
            0 => self.usual_pace / 3,
            1 => self.usual_pace * 3,
            _ => self.usual_pace,
        }
    }

    /// Draws what happens in a step, in order of time.
    fn moments(&mut self, now: i64) -> Vec<(i64, Act)> {
        let mut moments = Vec::new();
        if self.dice.chance(REQUOTES) {
            moments.push((now + self.dice.draw(0..=STEP_MS - 1), Act::Requote));
        }
        if self.dice.chance(self.pace) {
            let time = now + self.dice.draw(0..=STEP_MS - 1);
            let burst = if self.dice.chance(100) { self.dice.draw(2..=6) } else { 1 };
            moments.extend((0..burst).map(|_| (time, Act::Order)));
        }
        moments.sort_by_key(|(time, _)| *time);
        moments
    }

    /// Moves the fair price and lets makers follow it.
    fn requote(&mut self) {
        let start = self.of.start_price() * PARTS;
        let reach = start / WALK;
        // Within a factor of two of its start no walk, however long, meets zero.
        self.fair = (self.fair + self.dice.draw(-reach..=reach)).clamp(start / 2, start * 2);
        let fair = self.fair / PARTS;
        while let Some(bid) = self.book.best(Side::Bid).filter(|bid| bid.price > fair) {
            self.book.set(Side::Bid, Level { quantity: 0, ..bid });
        }
        while let Some(ask) = self.book.best(Side::Ask).filter(|ask| ask.price <= fair) {
            self.book.set(Side::Ask, Level { quantity: 0, ..ask });
        }
        let distance = self.dice.draw(0..=self.of.gap());
        let quantity = self.maker_quantity();
        if self.dice.chance(500) {
            self.book.set(Side::Bid, Level { price: fair - distance, quantity });
        } else {
            self.book.set(Side::Ask, Level { price: fair + 1 + distance, quantity });
        }
        self.replenish();
    }

    /// Adds levels behind the last one of a thin side, and cancels the furthest of a deep one.
    fn replenish(&mut self) {
        for (side, away) in [(Side::Bid, -1), (Side::Ask, 1)] {
            for _ in self.book.depth(side)..DEPTH_MIN {
                let gap = self.dice.draw(1..=2 * self.of.gap());
                // Bids begin at the fair price, asks one tick above it.
                let touch = self.fair / PARTS + i64::from(side == Side::Bid);
                let behind = self.book.worst(side).map_or(touch, |level| level.price);
                let quantity = self.maker_quantity();
                self.book.set(side, Level { price: behind + away * gap, quantity });
            }
            while let Some(level) = self.book.worst(side).filter(|_| self.book.depth(side) > DEPTH_MAX) {
                self.book.set(side, Level { quantity: 0, ..level });
            }
        }
    }

    fn maker_quantity(&mut self) -> i64 {
        self.dice.draw(1..=self.of.level_max())
    }

    /// Lets one taker order eat into the book.
    fn order(&mut self, time: i64, outbox: &mut Outbox) {
        let side = self.side_taken();
        let mut wanted = self.order_quantity();
        for _ in 0..LEVELS_PER_ORDER_MAX {
            let Some(level) = self.book.best(side).filter(|_| wanted > 0) else { break };
            let quantity = wanted.min(level.quantity);
            wanted -= quantity;
            self.book.set(side, Level { price: level.price, quantity: level.quantity - quantity });
            self.fill(Fill { time, side, price: level.price, quantity }, outbox);
        }
        self.replenish();
    }

    /// From a quarter of a lot to eight lots: small orders are many, large ones few.
    fn order_quantity(&mut self) -> i64 {
        let size = self.dice.draw(0..=5);
        self.dice.draw(1..=(self.of.lot() << size) / 4)
    }

    /// Takers buy more often while the fair price is above the middle of the book.
    fn side_taken(&mut self) -> Side {
        let middle = self.book.quote().map(|quote| (quote.bid.price + quote.ask.price) * PARTS / 2);
        let lean = middle.map_or(0, |middle| (self.fair - middle).signum() * 150);
        if self.dice.chance(500 + lean) { Side::Ask } else { Side::Bid }
    }

    /// Tells what was taken at one level: its trades, then their aggregate.
    fn fill(&mut self, fill: Fill, outbox: &mut Outbox) {
        let Fill { time, side, price, quantity } = fill;
        let event_time = self.event_time(time);
        let buyer_is_maker = side == Side::Bid;
        let first_trade_id = self.counters.trade_id;
        for quantity in self.makers(quantity) {
            let id = self.counters.trade_id;
            self.counters.trade_id += 1;
            let trade = Trade { id, time, price, quantity, buyer_is_maker };
            self.tell_trade(event_time, trade, outbox);
        }
        let aggregate = AggTrade {
            id: self.counters.agg_trade_id,
            first_trade_id,
            last_trade_id: self.counters.trade_id - 1,
            time,
            price,
            quantity,
            buyer_is_maker,
        };
        self.counters.agg_trade_id += 1;
        outbox.post(event_time, What::AggTrade, frames::agg_trade(&self.of, event_time, &aggregate));
    }

    /// Cuts a fill into the quantities of the makers who waited at the level.
    fn makers(&mut self, quantity: i64) -> Vec<i64> {
        let mut left = quantity;
        let mut makers = Vec::new();
        for _ in 1..self.dice.draw(1..=TRADES_PER_LEVEL_MAX) {
            if left > 1 {
                let part = self.dice.draw(1..=left - 1);
                left -= part;
                makers.push(part);
            }
        }
        makers.push(left);
        makers
    }

    fn tell_trade(&mut self, event_time: i64, trade: Trade, outbox: &mut Outbox) {
        self.bars.minute.add(&trade);
        let frame = frames::trade(&self.of, event_time, &trade);
        outbox.post(event_time, What::Trade, frame.clone());
        self.last = Some(Told { trade, frame });
    }

    /// Stamps an event: a few milliseconds after what it tells, and never before the event before it.
    fn event_time(&mut self, time: i64) -> i64 {
        let event_time = time + self.dice.draw(1..=4);
        self.counters.stamp(event_time)
    }

    fn tell_quote(&mut self, time: i64, outbox: &mut Outbox) {
        let quote = self.book.quote();
        if quote == self.quote {
            return;
        }
        self.quote = quote;
        if let Some(quote) = &quote {
            let frame = frames::book_ticker(&self.of, self.book.update_id(), quote);
            outbox.post(self.counters.event_time.max(time + 1), What::BookTicker, frame);
        }
    }

    fn tell_depth(&mut self, end: i64, outbox: &mut Outbox) {
        if let Some(levels) = self.book.take_changes() {
            let frame = frames::depth_update(&self.of, end, &levels);
            outbox.post(end, What::DepthUpdate, frame);
        }
    }

    /// Tells what is told at intervals, each at its own.
    fn tell_periodic(&mut self, end: i64, outbox: &mut Outbox) {
        let step = end / STEP_MS + self.phase;
        let due = |every: i64| step % every == 0;
        if due(20) {
            self.tell_open_kline(end, outbox);
        }
        if due(30) {
            outbox.post(end, What::DepthSnapshot, frames::depth_snapshot(&self.of, &self.book.snapshot(5)));
        }
        if due(60) {
            outbox.post(end, What::MiniTicker, frames::mini_ticker(&self.of, end, &self.day()));
        }
        if due(150) {
            self.tell_average(end, outbox);
        }
        if due(200) {
            self.tell_tickers(end, outbox);
        }
    }

    fn tell_open_kline(&mut self, end: i64, outbox: &mut Outbox) {
        if self.bars.told == self.bars.minute.trade_count || end % MINUTE_MS == 0 {
            return;
        }
        self.bars.told = self.bars.minute.trade_count;
        let event_time = self.event_time(end);
        outbox.post(event_time, What::OpenKline, frames::open_kline(&self.of, event_time, &self.bars.minute));
    }

    fn tell_average(&self, end: i64, outbox: &mut Outbox) {
        let window = self.bars.window(5);
        let mean = self.of.mean_price(window.quote, window.base);
        if let (Some(mean), Some(told)) = (mean, &self.last) {
            let frame = frames::average_price(&self.of, end, mean, told.trade.time);
            outbox.post(end, What::AveragePrice, frame);
        }
    }

    fn tell_tickers(&self, end: i64, outbox: &mut Outbox) {
        let (Some(told), Some(quote)) = (&self.last, self.book.quote()) else { return };
        let last = Last { price_before: self.bars.price_before, quantity: told.trade.quantity, quote };
        if let Some(frame) = frames::ticker(&self.of, end, &self.day(), &last) {
            outbox.post(end, What::Ticker, frame);
        }
        if let Some(frame) = frames::hour_ticker(&self.of, end, &self.bars.window(WINDOW_MINUTES)) {
            outbox.post(end, What::HourTicker, frame);
        }
    }

    /// The day so far: the session is shorter than the exchange's 24 hours.
    fn day(&self) -> Bar {
        let mut day = self.bars.day.clone();
        day.append(&self.bars.minute);
        day
    }

    /// Tells the closed kline after the last trade of its minute, and opens the next minute.
    fn close_minute(&mut self, end: i64, outbox: &mut Outbox) {
        let event_time = self.event_time(end + 4);
        outbox.post(
            event_time,
            What::ClosedKline,
            frames::closed_kline(&self.of, event_time, &self.bars.minute),
        );
        self.bars.close_minute(end);
    }

    /// This symbol's entry in `!miniTicker@arr`.
    pub(crate) fn mini_ticker(&self, event_time: i64) -> String {
        frames::mini_ticker_payload(&self.of, event_time, &self.day())
    }

    /// Tells a large trade agreed outside the book. Like all incidents it leaves the dice alone: a symbol's market is
    /// the same whatever happens around it.
    pub(crate) fn tell_block_trade(&mut self, time: i64, outbox: &mut Outbox) {
        let event_time = self.counters.stamp(time + 1);
        let id = self.counters.block_trade_id;
        self.counters.block_trade_id += 1;
        let quantity = self.of.lot() * 10_000;
        let trade = Trade { id, time, price: self.fair / PARTS, quantity, buyer_is_maker: false };
        outbox.post(event_time, What::BlockTrade, frames::block_trade(&self.of, event_time, &trade));
    }

    /// Tells the fair price as the exchange's reference price.
    pub(crate) fn tell_reference_price(&self, time: i64, outbox: &mut Outbox) {
        let frame = frames::reference_price(&self.of, time, Some(self.fair / PARTS));
        outbox.post(time, What::ReferencePrice, frame);
    }

    /// Tells that there is no reference price.
    pub(crate) fn tell_no_reference_price(&self, time: i64, outbox: &mut Outbox) {
        outbox.post(time, What::ReferencePrice, frames::reference_price(&self.of, time, None));
    }

    /// Tells an aggregate that the exchange took back; it uses up an aggregate id but no trade id.
    pub(crate) fn tell_invalidated(&mut self, time: i64, outbox: &mut Outbox) {
        let event_time = self.counters.stamp(time + 1);
        let id = self.counters.agg_trade_id;
        self.counters.agg_trade_id += 1;
        let aggregate = AggTrade {
            id,
            first_trade_id: -1,
            last_trade_id: -1,
            time,
            price: 0,
            quantity: 0,
            buyer_is_maker: false,
        };
        let frame = frames::invalidated_agg_trade(&self.of, event_time, &aggregate);
        outbox.post(event_time, What::Invalidated, frame);
    }

    /// Sends the last trade's frame a second time; `None` before the first trade.
    pub(crate) fn tell_again(&self, time: i64, outbox: &mut Outbox) -> Option<()> {
        let frame = self.last.as_ref()?.frame.clone();
        outbox.post(self.counters.event_time.max(time), What::Duplicate, frame);
        Some(())
    }

    /// Sends a frame with a fault: the last trade's frame, spoilt; `None` before the first trade.
    pub(crate) fn tell_bad(&self, time: i64, fault: Fault, outbox: &mut Outbox) -> Option<()> {
        let Told { trade, frame } = self.last.as_ref()?;
        let time = self.counters.event_time.max(time);
        let text = match fault {
            Fault::Truncated => frame.chars().take(frame.len() * 2 / 3).collect(),
            Fault::BadPrice => {
                frame.replace(&format!(r#""p":"{}""#, self.of.price(trade.price)), r#""p":"abc""#)
            }
            Fault::MissingField => {
                frame.replace(&format!(r#""q":"{}","#, self.of.quantity(trade.quantity.into())), "")
            }
            Fault::UnknownEvent => frames::unknown_event(&self.of, time),
        };
        outbox.post(time, What::Bad(fault), text);
        Some(())
    }
}

impl Counters {
    /// Moves the last event time on, if it is later.
    fn stamp(&mut self, event_time: i64) -> i64 {
        self.event_time = self.event_time.max(event_time);
        self.event_time
    }
}

impl Bars {
    fn new(start: i64, price: i64) -> Self {
        Self {
            minute: Bar::flat(start, price),
            closed: VecDeque::new(),
            day: Bar::flat(start, price),
            price_before: price,
            told: 0,
        }
    }

    /// The last minutes, the running one included.
    fn window(&self, minutes: usize) -> Bar {
        let skipped = (self.closed.len() + 1).saturating_sub(minutes);
        let mut bars = self.closed.iter().skip(skipped).chain([&self.minute]);
        let mut window = bars.next().cloned().unwrap_or_else(|| self.minute.clone());
        bars.for_each(|bar| window.append(bar));
        window
    }

    fn close_minute(&mut self, end: i64) {
        let next = Bar::flat(end, self.minute.close);
        let closed = std::mem::replace(&mut self.minute, next);
        self.day.append(&closed);
        self.closed.push_back(closed);
        if self.closed.len() >= WINDOW_MINUTES {
            self.closed.pop_front();
        }
        self.told = 0;
    }
}
