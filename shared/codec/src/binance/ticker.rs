//! `<symbol>@ticker`, `!ticker@arr`: the last 24 hours.

use tapeline_market::{Market, Timestamp};

use super::mini_ticker::{DAY_WINDOW, WindowPrices, write_window_id};
use super::{Address, DecodeError, Digits, Fields, Header, Keyed, Kind, Stream};
use crate::encode::{IdWriter, Row, column};

/// The last 24 hours, with the book's best prices on the spot market.
///
/// ```json
/// {"e":"24hrTicker","E":1672515782136,"s":"BNBBTC","p":"0.0015","P":"250.00","w":"0.0018","x":"0.0009","c":"0.0025",
///  "Q":"10","b":"0.0024","B":"10","a":"0.0026","A":"100","o":"0.0010","h":"0.0025","l":"0.0010","v":"10000","q":"18",
///  "O":0,"C":86400000,"F":0,"L":18150,"n":18151}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct TickerMessage<'a> {
    /// What the rolling tickers have as well.
    pub statistics: WindowStatistics<'a>,
    /// `Q`: quantity of the last trade.
    pub last_quantity: Digits<'a>,
    /// `x`: the price before the window, a string here. Spot only, as are the four below.
    pub previous_close_price: Option<Digits<'a>>,
    /// `b`: best bid.
    pub bid_price: Option<Digits<'a>>,
    /// `B`: quantity at the best bid.
    pub bid_quantity: Option<Digits<'a>>,
    /// `a`: best ask.
    pub ask_price: Option<Digits<'a>>,
    /// `A`: quantity at the best ask.
    pub ask_quantity: Option<Digits<'a>>,
}

impl<'a> Stream<'a> for TickerMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("24hrTicker")
    }

    fn decode(frame: &Keyed<'a>, market: Market) -> Result<Self, DecodeError> {
        let fields = frame.fields();
        Ok(Self {
            statistics: WindowStatistics::decode(fields, market)?,
            last_quantity: fields.decimal("Q")?,
            previous_close_price: fields.optional_decimal("x")?,
            bid_price: fields.optional_decimal("b")?,
            bid_quantity: fields.optional_decimal("B")?,
            ask_price: fields.optional_decimal("a")?,
            ask_quantity: fields.optional_decimal("A")?,
        })
    }

    fn write_id(&self, header: &Header<'_>, id: &mut IdWriter<'_>) {
        write_window_id(Kind::Ticker, DAY_WINDOW, header, id);
    }

    fn write(&self, row: &mut impl Row) {
        row.word(column::WINDOW, DAY_WINDOW);
        self.statistics.write(row);
        row.digits(column::LAST_QUANTITY, self.last_quantity);
        row.optional_digits(column::PREVIOUS_CLOSE_PRICE, self.previous_close_price);
        row.optional_digits(column::BID_PRICE, self.bid_price);
        row.optional_digits(column::BID_QUANTITY, self.bid_quantity);
        row.optional_digits(column::ASK_PRICE, self.ask_price);
        row.optional_digits(column::ASK_QUANTITY, self.ask_quantity);
    }
}

/// What the long tickers have in common.
#[derive(Debug, Clone, PartialEq)]
pub struct WindowStatistics<'a> {
    /// The window's prices and volumes.
    pub prices: WindowPrices<'a>,
    /// `p`: last price minus first, may be negative.
    pub price_change: Digits<'a>,
    /// `P`: that in percent of the first.
    pub price_change_percent: Digits<'a>,
    /// `w`: average price, weighted by quantity.
    pub weighted_average_price: Digits<'a>,
    /// `O`: first instant of the window.
    pub open_time: Timestamp,
    /// `C`: last instant of the window.
    pub close_time: Timestamp,
    /// `F`: first trade id; `None` (-1 on the wire) without a trade.
    pub first_trade_id: Option<u64>,
    /// `L`: last trade id; `None` as above.
    pub last_trade_id: Option<u64>,
    /// `n`: number of trades.
    pub trade_count: u64,
}

impl<'a> WindowStatistics<'a> {
    pub(super) fn decode(fields: &Fields<'a>, market: Market) -> Result<Self, DecodeError> {
        Ok(Self {
            prices: WindowPrices::decode(fields, market)?,
            price_change: fields.signed_decimal("p")?,
            price_change_percent: fields.signed_decimal("P")?,
            weighted_average_price: fields.decimal("w")?,
            open_time: fields.time("O")?,
            close_time: fields.time("C")?,
            first_trade_id: fields.trade_id("F")?,
            last_trade_id: fields.trade_id("L")?,
            trade_count: fields.number("n")?,
        })
    }

    pub(super) fn write(&self, row: &mut impl Row) {
        self.prices.write(row);
        row.digits(column::PRICE_CHANGE, self.price_change);
        row.digits(column::PRICE_CHANGE_PERCENT, self.price_change_percent);
        row.digits(column::WEIGHTED_AVERAGE_PRICE, self.weighted_average_price);
        row.time(column::OPEN_TIME, self.open_time);
        row.time(column::CLOSE_TIME, self.close_time);
        row.optional_integer(column::FIRST_TRADE_ID, self.first_trade_id);
        row.optional_integer(column::LAST_TRADE_ID, self.last_trade_id);
        row.integer(column::TRADE_COUNT, self.trade_count);
    }
}
