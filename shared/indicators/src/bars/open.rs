//! A bar that trades are still folded into.

use tapeline_market::{Bar, Decimal, Market, Side, Timestamp, Trade};

use super::closed::{ClosedBar, ClosedBy};
use super::settings::Buckets;
use crate::wire::{Reader, StateError, Writer};

/// A bar that is still open, and what is known of how complete it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OpenBar {
    pub(super) bar: Bar,
    pub(super) missing: u64,
    pub(super) gap: bool,
    pub(super) partial: bool,
}

const GAP: u8 = 1;
const PARTIAL: u8 = 2;
const QUOTE_VOLUME: u8 = 4;

impl OpenBar {
    /// The bar of the bucket that begins at `open_time`, at one price and without volume.
    pub(super) fn at(buckets: Buckets, open_time: Timestamp, price: Decimal) -> Self {
        let bar = Bar {
            interval: buckets.interval,
            open_time,
            close_time: buckets.close_time(open_time),
            open: price,
            high: price,
            low: price,
            close: price,
            volume: Decimal::ZERO,
            quote_volume: None,
            taker_buy_volume: Decimal::ZERO,
            trade_count: 0,
        };
        Self { bar, missing: 0, gap: false, partial: false }
    }

    pub(super) fn fold(&mut self, trade: &Trade) {
        let bar = &mut self.bar;
        if trade.price > bar.high {
            bar.high = trade.price;
        }
        if trade.price < bar.low {
            bar.low = trade.price;
        }
        bar.close = trade.price;
        bar.volume = sum(bar.volume, trade.quantity);
        if trade.taker_side == Side::Buy {
            bar.taker_buy_volume = sum(bar.taker_buy_volume, trade.quantity);
        }
        if let Some(quantity) = trade.quote_quantity {
            bar.quote_volume = Some(sum(bar.quote_volume.unwrap_or(Decimal::ZERO), quantity));
        }
        bar.trade_count = bar.trade_count.saturating_add(trade.count);
    }

    pub(super) fn add_missing(&mut self, missing: u64) {
        self.gap |= missing > 0;
        self.missing = self.missing.saturating_add(missing);
    }

    pub(super) const fn closed(self, closed_by: ClosedBy) -> ClosedBar {
        let Self { bar, missing, gap, partial } = self;
        ClosedBar { bar, missing, gap, partial, filled: false, closed_by }
    }

    /// The same of a bar in which nothing was traded; its quote volume is a zero where the market has one.
    pub(super) const fn closed_as_filled(mut self, closed_by: ClosedBy, market: Market) -> ClosedBar {
        self.bar.quote_volume = match market {
            Market::Spot | Market::Usdm => Some(Decimal::ZERO),
            Market::Coinm => None,
        };
        ClosedBar { filled: true, ..self.closed(closed_by) }
    }

    pub(super) fn save(&self, out: &mut Writer) {
        let Self { bar, missing, gap, partial } = self;
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        out.byte(flag(*gap, GAP) | flag(*partial, PARTIAL) | flag(bar.quote_volume.is_some(), QUOTE_VOLUME));
        out.seconds(bar.open_time);
        for number in [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.taker_buy_volume] {
            out.decimal(number);
        }
        if let Some(quote_volume) = bar.quote_volume {
            out.decimal(quote_volume);
        }
        out.unsigned(bar.trade_count.into());
        out.unsigned((*missing).into());
    }

    pub(super) fn restore(buckets: Buckets, from: &mut Reader<'_>) -> Result<Self, StateError> {
        let flags = from.byte()?;
        let mut open = Self::at(buckets, from.seconds()?, from.decimal()?);
        let bar = &mut open.bar;
        for number in
            [&mut bar.high, &mut bar.low, &mut bar.close, &mut bar.volume, &mut bar.taker_buy_volume]
        {
            *number = from.decimal()?;
        }
        if flags & QUOTE_VOLUME != 0 {
            bar.quote_volume = Some(from.decimal()?);
        }
        bar.trade_count = from.count()?;
        open.missing = from.count()?;
        (open.gap, open.partial) = (flags & GAP != 0, flags & PARTIAL != 0);
        if open.bar.checked().is_err() { Err(from.damaged()) } else { Ok(open) }
    }
}

/// The sum; past 38 digits, more than the supply of any coin has, it stays what it was.
fn sum(total: Decimal, more: Decimal) -> Decimal {
    total.checked_add(more).unwrap_or(total)
}
