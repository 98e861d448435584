//! Every indicator: one line each.

/// Hands the list to another macro: `lib.rs` makes a module of each line, this file the rest.
macro_rules! for_each_indicator {
    ($callback:ident) => {
        $callback! {
            sma::Sma;
            ema::Ema;
            rsi::Rsi;
            macd::Macd;
            bbands::Bbands;
            atr::Atr;
            natr::Natr;
            adx::Adx;
            plus_di::PlusDi;
            minus_di::MinusDi;
            stoch::Stoch;
            stochrsi::StochRsi;
            cci::Cci;
            willr::WillR;
            mfi::Mfi;
            obv::Obv;
            ad::Ad;
            cmf::Cmf;
            vwap::Vwap;
            vwma::Vwma;
            hma::Hma;
            sar::Sar;
            supertrend::Supertrend;
            donchian::Donchian;
            keltner::Keltner;
            ichimoku::Ichimoku;
            aroon::Aroon;
            ao::Ao;
            ultosc::UltOsc;
            mom::Mom;
            roc::Roc;
            stddev::StdDev;
            rvol::Rvol;
            taker_buy_ratio::TakerBuyRatio;
            cvd::Cvd;
            wma::Wma;
            dema::Dema;
            tema::Tema;
            kama::Kama;
            trix::Trix;
            cmo::Cmo;
            ppo::Ppo;
            adosc::Adosc;
            aroonosc::AroonOsc;
            tsi::Tsi;
            vortex::Vortex;
            chop::Chop;
            linearreg::LinearReg;
        }
    };
}

use crate::indicator::{Indicator, Window};
use crate::series::Bars;

/// What a parameter may be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Its name, for errors and documentation.
    pub name: &'static str,
    /// Whether only whole numbers are allowed: it counts bars.
    pub is_whole: bool,
    /// The least value allowed.
    pub min: f64,
    /// The largest value allowed.
    pub max: f64,
    /// Its value when none is given.
    pub default: f64,
}

/// The longest period. A ring of so many bars has less than 16 KiB, and SMA(200) is what charts show at most.
pub(crate) const PERIOD_MAX: f64 = 1000.0;

/// The most values that are averaged once more. More would hide what was averaged, and `stochrsi` remembers as many as
/// its windows reach back: at most 9.6 kB.
const SMOOTHING_MAX: f64 = 100.0;

impl Parameter {
    /// A count of bars, from `min` to 1,000.
    pub(crate) const fn bars(name: &'static str, min: f64, default: f64) -> Self {
        Self { name, is_whole: true, min, max: PERIOD_MAX, default }
    }

    /// A count of values that are averaged once more, from 1 to 100.
    pub(crate) const fn smoothing(name: &'static str, default: f64) -> Self {
        Self { name, is_whole: true, min: 1.0, max: SMOOTHING_MAX, default }
    }

    /// A factor between 0.001 and `max`.
    pub(crate) const fn factor(name: &'static str, max: f64, default: f64) -> Self {
        Self { name, is_whole: false, min: 0.001, max, default }
    }
}

/// What an indicator is, apart from its numbers.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// Its name in configuration.
    pub name: &'static str,
    /// Its parameters, in order.
    pub parameters: &'static [Parameter],
    /// What its columns begin with, in order; the parameters follow.
    pub outputs: &'static [&'static str],
    pub(crate) build: fn(&[f64]) -> AnyIndicator,
    #[cfg(test)]
    pub(crate) oracle: crate::testing::Oracle,
    #[cfg(test)]
    pub(crate) ta_lib: Option<crate::testing::TaLib>,
}

macro_rules! indicators {
    ($($module:ident::$indicator:ident;)*) => {
        /// Every indicator, in the order of the documentation.
        pub const DEFINITIONS: &[Definition] = &[$(Definition {
            name: $crate::$module::$indicator::NAME,
            parameters: $crate::$module::$indicator::PARAMETERS,
            outputs: $crate::$module::$indicator::OUTPUTS,
            build: |parameters| AnyIndicator::$indicator(Indicator::new(parameters)),
            #[cfg(test)]
            oracle: $crate::$module::tests::oracle,
            #[cfg(test)]
            ta_lib: $crate::$module::tests::TA_LIB,
        },)*];

        /// One indicator of any kind.
        #[derive(Debug, Clone)]
        pub(crate) enum AnyIndicator { $($indicator($crate::$module::$indicator),)* }

        impl AnyIndicator {
            pub(crate) fn window(&self) -> Window {
                match self { $(Self::$indicator(indicator) => indicator.window(),)* }
            }

            pub(crate) fn update(&mut self, bars: &Bars<'_>, out: &mut Vec<Option<f64>>) {
                match self { $(Self::$indicator(indicator) => add_known(indicator.update(bars).as_ref(), out),)* }
            }

            pub(crate) fn each_scalar(&mut self, visit: &mut dyn FnMut(&mut f64)) {
                match self { $(Self::$indicator(indicator) => indicator.each_scalar(visit),)* }
            }
        }
    };
}

for_each_indicator!(indicators);

/// Appends an indicator's values. What cannot be computed (a quotient of zeros, a sum past the largest double) is absent, as
/// while warming up.
fn add_known(values: &[Option<f64>], out: &mut Vec<Option<f64>>) {
    out.extend(values.iter().map(|value| value.filter(|number| number.is_finite())));
}
