//! TA-Lib's streaming calls, by its own crate: the functions of the standard preset that it has, at the same settings.

use std::hint::black_box;
use std::time::Instant;

use serde_json::{Value, json};
use ta_lib::{Core, MAType};
use tapeline_indicators::ClosedBar;
use tapeline_market::Decimal;

/// The bars with which a stream is opened: every function of the preset has its first value by then.
const HISTORY: usize = 300;

/// Bars as TA-Lib takes them.
pub(crate) struct Columns {
    high: Vec<f64>,
    low: Vec<f64>,
    close: Vec<f64>,
    volume: Vec<f64>,
}

/// One bar after the other through every function.
#[derive(Default)]
pub(crate) struct Round {
    /// Values that a bar gives.
    pub(crate) values: usize,
    /// Nanoseconds that all of them take.
    pub(crate) ns_per_bar: f64,
}

impl Round {
    fn add(&mut self, values: usize, ns_per_bar: f64) {
        self.values += values;
        self.ns_per_bar += ns_per_bar;
    }
}

/// Streams all bars through one function: how many values it gives, which columns it takes, its settings.
macro_rules! stream {
    ($bars:ident, $round:ident, $values:literal, $open:ident($($column:ident),+; $($setting:expr),*)) => {{
        let opened = Core::new().$open($(&$bars.$column[..HISTORY],)+ $($setting),*);
        let (mut stream, _) = opened.expect("settings that TA-Lib takes");
        $round.add($values, ns_per_bar($bars.close.len(), |at| {
            black_box(stream.update($($bars.$column[at]),+).expect("a finite bar"));
        }));
    }};
}

/// Takes every bar behind the history; gives nanoseconds.
fn ns_per_bar(bars: usize, mut take: impl FnMut(usize)) -> f64 {
    let start = Instant::now();
    for at in HISTORY..bars {
        take(at);
    }
    start.elapsed().as_secs_f64() * 1e9 / (bars - HISTORY) as f64
}

impl Columns {
    pub(crate) fn of(bars: &[ClosedBar]) -> Self {
        let column = |value: fn(&ClosedBar) -> Decimal| {
            bars.iter().map(|bar| value(bar).to_string().parse().expect("digits")).collect()
        };
        Self {
            high: column(|bar| bar.bar.high),
            low: column(|bar| bar.bar.low),
            close: column(|bar| bar.bar.close),
            volume: column(|bar| bar.bar.volume),
        }
    }

    pub(crate) fn json(&self) -> Value {
        json!({ "high": self.high, "low": self.low, "close": self.close, "volume": self.volume })
    }

    /// Streams all bars through every function, one function after the other.
    pub(crate) fn stream(&self) -> Round {
        let mut round = Round::default();
        self.averages(&mut round);
        self.oscillators(&mut round);
        self.bands(&mut round);
        self.volumes(&mut round);
        round
    }

    fn averages(&self, round: &mut Round) {
        stream!(self, round, 1, sma_open(close; 10));
        stream!(self, round, 1, sma_open(close; 20));
        stream!(self, round, 1, sma_open(close; 50));
        stream!(self, round, 1, sma_open(close; 100));
        stream!(self, round, 1, sma_open(close; 200));
        stream!(self, round, 1, ema_open(close; 9));
        stream!(self, round, 1, ema_open(close; 12));
        stream!(self, round, 1, ema_open(close; 20));
        stream!(self, round, 1, ema_open(close; 26));
        stream!(self, round, 1, ema_open(close; 50));
        stream!(self, round, 1, ema_open(close; 100));
        stream!(self, round, 1, ema_open(close; 200));
        stream!(self, round, 1, hma_open(close; 9));
        stream!(self, round, 1, vwma_open(close, volume; 20));
        stream!(self, round, 1, vwap_open(high, low, close, volume; ));
    }

    fn oscillators(&self, round: &mut Round) {
        stream!(self, round, 1, rsi_open(close; 14));
        stream!(self, round, 3, macd_open(close; 12, 26, 9));
        stream!(self, round, 2, stoch_open(high, low, close; 14, 3, MAType::SMA, 3, MAType::SMA));
        stream!(self, round, 2, stochrsi_open(close; 14, 14, 3, MAType::SMA));
        stream!(self, round, 1, cci_open(high, low, close; 20));
        stream!(self, round, 1, willr_open(high, low, close; 14));
        stream!(self, round, 1, mfi_open(high, low, close, volume; 14));
        stream!(self, round, 2, aroon_open(high, low; 25));
        stream!(self, round, 1, ao_open(high, low; 5, 34));
        stream!(self, round, 1, ultosc_open(high, low, close; 7, 14, 28));
        stream!(self, round, 1, mom_open(close; 10));
        stream!(self, round, 1, roc_open(close; 10));
    }

    fn bands(&self, round: &mut Round) {
        stream!(self, round, 3, bbands_open(close; 20, 2.0, 2.0, MAType::SMA));
        stream!(self, round, 1, atr_open(high, low, close; 14));
        stream!(self, round, 1, natr_open(high, low, close; 14));
        stream!(self, round, 1, adx_open(high, low, close; 14));
        stream!(self, round, 1, plus_di_open(high, low, close; 14));
        stream!(self, round, 1, minus_di_open(high, low, close; 14));
        stream!(self, round, 1, sar_open(high, low; 0.02, 0.2));
        stream!(self, round, 2, supertrend_open(high, low, close; 10, 3.0));
        stream!(self, round, 3, donchian_open(high, low; 20));
        stream!(self, round, 1, stddev_open(close; 20, 1.0));
    }

    fn volumes(&self, round: &mut Round) {
        stream!(self, round, 1, obv_open(close, volume; ));
        stream!(self, round, 1, ad_open(high, low, close, volume; ));
        stream!(self, round, 1, cmf_open(high, low, close, volume; 20));
        stream!(self, round, 1, rvol_open(volume; 20));
    }
}
