//! `<symbol>@miniTicker`, `!miniTicker@arr`: the last 24 hours in short.

use tapeline_market::Market;

use super::kline::Volumes;
use super::{Address, DecodeError, Digits, Fields, Header, Keyed, Kind, Stream};
use crate::encode::{IdWriter, Row, column};

/// The window of the 24-hour tickers, as records name it.
pub(super) const DAY_WINDOW: &str = "24h";

/// The last 24 hours in short.
///
/// ```json
/// {"e":"24hrMiniTicker","E":1672515782136,"s":"BNBBTC","c":"0.0025","o":"0.0010","h":"0.0025","l":"0.0010",
///  "v":"10000","q":"18"}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct MiniTickerMessage<'a> {
    /// The window's prices and volumes.
    pub prices: WindowPrices<'a>,
}

impl<'a> Stream<'a> for MiniTickerMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("24hrMiniTicker")
    }

    fn decode(frame: &Keyed<'a>, market: Market) -> Result<Self, DecodeError> {
        Ok(Self { prices: WindowPrices::decode(frame.fields(), market)? })
    }

    fn write_id(&self, header: &Header<'_>, id: &mut IdWriter<'_>) {
        write_window_id(Kind::MiniTicker, DAY_WINDOW, header, id);
    }

    fn write(&self, row: &mut impl Row) {
        row.word(column::WINDOW, DAY_WINDOW);
        self.prices.write(row);
    }
}

/// What all tickers have in common: prices and volumes of a window.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowPrices<'a> {
    /// `o`: first price of the window.
    pub open: Digits<'a>,
    /// `h`: highest price.
    pub high: Digits<'a>,
    /// `l`: lowest price.
    pub low: Digits<'a>,
    /// `c`: last price.
    pub close: Digits<'a>,
    /// `v` and `q`: volumes.
    pub volumes: Volumes<'a>,
}

impl<'a> WindowPrices<'a> {
    pub(super) fn decode(fields: &Fields<'a>, market: Market) -> Result<Self, DecodeError> {
        Ok(Self {
            open: fields.decimal("o")?,
            high: fields.decimal("h")?,
            low: fields.decimal("l")?,
            close: fields.decimal("c")?,
            volumes: Volumes::of(market, fields.decimal("v")?, fields.decimal("q")?),
        })
    }

    pub(super) fn write(&self, row: &mut impl Row) {
        row.digits(column::OPEN, self.open);
        row.digits(column::HIGH, self.high);
        row.digits(column::LOW, self.low);
        row.digits(column::CLOSE, self.close);
        self.volumes.write(row);
    }
}

/// `kind|window|event time`: a ticker has no number of its own.
pub(super) fn write_window_id(kind: Kind, window: &str, header: &Header<'_>, id: &mut IdWriter<'_>) {
    id.text(kind.as_str());
    id.text(window);
    id.optional_time(header.event_time);
}
