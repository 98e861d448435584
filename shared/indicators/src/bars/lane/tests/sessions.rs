//! Sessions as an exchange and its sockets may make them: what the laws are tried on.

use proptest::prelude::*;

use super::*;

/// Frames of one symbol; the first one is of the kind that bars are made of, since a lane remembers nothing before.
#[derive(Debug, Clone)]
pub(super) struct Session {
    pub(super) settings: BarSettings,
    pub(super) frames: Vec<Observation>,
}

/// What comes next.
#[derive(Debug, Clone)]
struct Step {
    kind: Kind,
    /// Time that passes before.
    pause_us: i64,
    /// How far its own time lies behind.
    back_us: i64,
    /// Ids that are left out before.
    hole: u64,
    /// Executions of an aggregate behind the first; the choice of an interval.
    extra: u64,
    price: i128,
    quantity: i128,
    is_buy: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Trade,
    /// A kline whose last trade is so many trades ahead of what was seen.
    Kline {
        ahead: Option<u64>,
    },
    Clock,
}

/// Quarters of seconds, so that the ends of buckets are met.
fn pause() -> impl Strategy<Value = i64> {
    let quarters = prop_oneof![6 => 0_i64..8, 3 => 0_i64..280, 1 => 0_i64..4800, 1 => Just(240)];
    quarters.prop_map(|quarters| quarters * 250_000)
}

fn back() -> impl Strategy<Value = i64> {
    prop_oneof![8 => Just(0), 2 => 0_i64..4_000_000, 1 => 0_i64..400_000_000]
}

fn steps(trades: u32) -> impl Strategy<Value = Vec<Step>> {
    let ahead = prop_oneof![1 => Just(None), 4 => (0_u64..3).prop_map(Some)];
    let kind = prop_oneof![
        trades => Just(Kind::Trade),
        2 => ahead.prop_map(|ahead| Kind::Kline { ahead }),
        2 => Just(Kind::Clock),
    ];
    let hole = prop_oneof![6 => Just(0_u64), 1 => 1_u64..4];
    let numbers = (hole, 0_u64..4, 990_i128..1010, 0_i128..50, any::<bool>());
    let step = (kind, pause(), back(), numbers);
    let step = step.prop_map(|(kind, pause_us, back_us, (hole, extra, price, quantity, is_buy))| Step {
        kind,
        pause_us,
        back_us,
        hole,
        extra,
        price,
        quantity,
        is_buy,
    });
    prop::collection::vec(step, 1..80)
}

fn any_settings(sources: &'static [Source]) -> impl Strategy<Value = BarSettings> {
    let market = prop::sample::select(&Market::ALL[..]);
    let source = prop::sample::select(sources);
    let intervals = prop::sample::select(&["1s 1m 5m", "1m 3m 5m 1h", "1m 5m 15m 1h 1d", "3m 5m", "1m"][..]);
    let fill = prop::sample::select(&[Fill::None, Fill::Flat][..]);
    (market, source, intervals, fill).prop_map(|(market, source, intervals, fill)| BarSettings {
        fill,
        ..settings(market, source, intervals)
    })
}

/// Sessions of trades, with klines and other frames between them.
pub(super) fn of_trades() -> impl Strategy<Value = Session> {
    let settings = any_settings(&[Source::Trade, Source::AggTrade]);
    (settings, steps(8)).prop_map(|(settings, steps)| Exchange::new(settings).trades(&steps))
}

/// Sessions of klines, with other frames between them.
pub(super) fn of_klines() -> impl Strategy<Value = Session> {
    let settings = any_settings(&[Source::Kline]);
    (settings, steps(1)).prop_map(|(settings, steps)| Exchange::new(settings).klines(&steps))
}

pub(super) fn any_session() -> impl Strategy<Value = Session> {
    prop_oneof![3 => of_trades(), 1 => of_klines()]
}

struct Exchange {
    settings: BarSettings,
    now_us: i64,
    /// The last id by which trades are told apart, and by which klines count.
    ids: (u64, u64),
    /// The newest bar of each interval.
    bars: Vec<Option<Bar>>,
    frames: Vec<Observation>,
}

impl Exchange {
    fn new(settings: BarSettings) -> Self {
        let bars = vec![None; settings.buckets.len()];
        let now_us = DAY_US + 9 * 3600 * SECOND_US;
        Self { settings, now_us, ids: (100, 100), bars, frames: Vec::new() }
    }

    fn trades(mut self, steps: &[Step]) -> Session {
        for step in steps {
            self.now_us += step.pause_us;
            match step.kind {
                _ if self.frames.is_empty() => self.trade(step),
                Kind::Trade => self.trade(step),
                Kind::Kline { ahead } => self.closed_kline(step, ahead),
                Kind::Clock => self.frames.push(Observation::Clock(self.time(step))),
            }
        }
        Session { settings: self.settings, frames: self.frames }
    }

    fn time(&self, step: &Step) -> Timestamp {
        Timestamp::from_micros(self.now_us - step.back_us).unwrap()
    }

    fn trade(&mut self, step: &Step) {
        let extra = if self.settings.source == Source::AggTrade { step.extra } else { 0 };
        let first_id = self.ids.0 + step.hole + 1;
        self.ids = match self.settings.market {
            Market::Spot => (first_id + extra, first_id + extra),
            Market::Usdm | Market::Coinm => (first_id, self.ids.1 + step.hole + 1 + extra),
        };
        let price = Decimal::new(step.price, 1).unwrap();
        let quantity = Decimal::new(step.quantity, 3).unwrap();
        let trade = execution(first_id, self.time(step), price, quantity);
        let is_coinm = self.settings.market == Market::Coinm;
        self.frames.push(Observation::Trade(Trade {
            last_id: self.ids.0,
            last_trade_id: self.ids.1,
            count: extra + 1,
            quote_quantity: trade.quote_quantity.filter(|_| !is_coinm),
            taker_side: if step.is_buy { Side::Buy } else { Side::Sell },
            ..trade
        }));
    }

    /// The closed kline of a bucket shortly before.
    fn closed_kline(&mut self, step: &Step, ahead: Option<u64>) {
        let interval = [Interval::Minute1, Interval::Minute3, Interval::Minute5, Interval::Hour1]
            [usize::try_from(step.extra).unwrap()];
        let buckets = Buckets::of(interval).unwrap();
        let length_us = interval.length_us().unwrap();
        let before = Timestamp::from_micros(self.now_us - step.back_us - length_us).unwrap();
        let open_time = buckets.floor(before);
        let bar = OpenBar::at(buckets, open_time, Decimal::new(step.price, 1).unwrap()).bar;
        self.frames.push(Observation::Kline(ExchangeBar {
            bar,
            is_closed: step.quantity > 5,
            last_trade_id: ahead.map(|ahead| self.ids.1 + ahead),
            event_time: step.is_buy.then(|| self.time(step)),
        }));
    }

    fn klines(mut self, steps: &[Step]) -> Session {
        for step in steps {
            self.now_us += step.pause_us;
            match step.kind {
                Kind::Clock if !self.frames.is_empty() => {
                    self.frames.push(Observation::Clock(Timestamp::from_micros(self.now_us).unwrap()));
                }
                _ => self.update(step),
            }
        }
        Session { settings: self.settings, frames: self.frames }
    }

    /// A trade, as the klines of one interval tell of it; the closed kline of the bar before may be lost.
    fn update(&mut self, step: &Step) {
        let at = usize::try_from(step.extra).unwrap() % self.bars.len();
        let now = Timestamp::from_micros(self.now_us).unwrap();
        let buckets = self.settings.buckets[at];
        let open_time = buckets.floor(now);
        let price = Decimal::new(step.price, 1).unwrap();
        let before = self.bars[at].take();
        if let Some(bar) = before.filter(|bar| bar.open_time < open_time && step.hole == 0) {
            self.push_kline(&bar, true, now);
        }
        let bar = before.filter(|bar| bar.open_time == open_time);
        let bar = bar.unwrap_or_else(|| OpenBar::at(buckets, open_time, price).bar);
        let mut open = OpenBar { bar, missing: 0, gap: false, partial: false };
        open.fold(&execution(1, now, price, Decimal::new(step.quantity, 3).unwrap()));
        self.bars[at] = Some(open.bar);
        self.push_kline(&open.bar, false, now);
    }

    fn push_kline(&mut self, bar: &Bar, is_closed: bool, now: Timestamp) {
        let kline = ExchangeBar { bar: *bar, is_closed, last_trade_id: None, event_time: Some(now) };
        self.frames.push(Observation::Kline(kline));
    }
}
