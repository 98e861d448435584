//! `<symbol>@kline_<interval>`, also `...@+08:00`: one bar of the exchange, open or closed.

use tapeline_market::{Interval, Market, Timestamp};

use super::{Address, DecodeError, Digits, Fields, Header, Keyed, Parts, Payload, Stream};
use crate::encode::{IdWriter, Row, column};

/// One bar of the exchange.
///
/// ```json
/// {"e":"kline","E":1672515782136,"s":"BNBBTC","k":{"t":1672515780000,"T":1672515839999,"s":"BNBBTC","i":"1m",
///  "f":100,"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,
///  "q":"1.0000","V":"500","Q":"0.500","B":"123456"}}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct KlineMessage<'a> {
    /// `k.i`: length of the bar.
    pub interval: Interval,
    /// `k.t`: first instant.
    pub open_time: Timestamp,
    /// `k.T`: last instant, inclusive.
    pub close_time: Timestamp,
    /// `k.o`: first price.
    pub open: Digits<'a>,
    /// `k.h`: highest price.
    pub high: Digits<'a>,
    /// `k.l`: lowest price.
    pub low: Digits<'a>,
    /// `k.c`: last price.
    pub close: Digits<'a>,
    /// `k.v` and `k.q`: volumes.
    pub volumes: Volumes<'a>,
    /// `k.V` and `k.Q`: volumes that takers bought.
    pub taker_buy_volumes: Volumes<'a>,
    /// `k.n`: number of trades.
    pub trade_count: u64,
    /// `k.f`: first trade id; `None` (-1 on the wire) in a bar without a trade.
    pub first_trade_id: Option<u64>,
    /// `k.L`: last trade id; `None` as above.
    pub last_trade_id: Option<u64>,
    /// `k.x`: the bar will not change any more.
    pub is_closed: bool,
    /// `+08:00` when the stream's days begin at that offset; `None` for UTC.
    pub utc_offset: Option<String>,
}

/// The pair of volumes of a bar or window, in the units of its market.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Volumes<'a> {
    /// Quantity of the base asset.
    pub base: Digits<'a>,
    /// Quantity of the quote asset; absent on coin-margined futures.
    pub quote: Option<Digits<'a>>,
    /// Number of contracts; coin-margined futures only.
    pub contracts: Option<Digits<'a>>,
}

impl<'a> Volumes<'a> {
    /// Coin-margined futures count contracts where the others count the base asset, and the base asset where the
    /// others count the quote asset (documentation of COIN-M futures, `v` and `q`).
    pub(super) fn of(market: Market, first: Digits<'a>, second: Digits<'a>) -> Self {
        match market {
            Market::Spot | Market::Usdm => Self { base: first, quote: Some(second), contracts: None },
            Market::Coinm => Self { base: second, quote: None, contracts: Some(first) },
        }
    }

    /// The same pair, read as spot's, in the units of a market.
    fn of_market(self, market: Market) -> Self {
        self.quote.map_or(self, |quote| Self::of(market, self.base, quote))
    }

    pub(super) fn write(&self, row: &mut impl Row) {
        row.digits(column::BASE_VOLUME, self.base);
        row.optional_digits(column::QUOTE_VOLUME, self.quote);
        row.optional_digits(column::CONTRACT_VOLUME, self.contracts);
    }
}

impl<'a> Stream<'a> for KlineMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        address.event == Some("kline")
    }

    fn in_order(payload: &mut Payload<'_, 'a>) -> Option<Parts<'a, Self>> {
        let event_time = payload.time(br#""e":"kline","E":"#)?;
        let symbol = payload.symbol(br#","s":""#)?;
        let (open_time, close_time) = (payload.time(br#"","k":{"t":"#)?, payload.time(br#","T":"#)?);
        payload.text(br#","s":""#)?;
        let interval = payload.interval(br#"","i":""#)?;
        let first_trade_id = payload.trade_id(br#"","f":"#)?;
        let last_trade_id = payload.trade_id(br#","L":"#)?;
        let (open, close) = (payload.decimal(br#","o":""#)?, payload.decimal(br#"","c":""#)?);
        let (high, low) = (payload.decimal(br#"","h":""#)?, payload.decimal(br#"","l":""#)?);
        let volume = payload.decimal(br#"","v":""#)?;
        let trade_count = payload.number(br#"","n":"#)?;
        let is_closed = payload.flag(br#","x":"#)?;
        let volumes = Volumes::of(Market::Spot, volume, payload.decimal(br#","q":""#)?);
        let taker_buy = payload.decimal(br#"","V":""#)?;
        let taker_buy_volumes = Volumes::of(Market::Spot, taker_buy, payload.decimal(br#"","Q":""#)?);
        payload.text(br#"","B":""#)?;
        payload.literal(b"\"}")?;
        let utc_offset = utc_offset(payload.name());
        let message = Self {
            interval,
            open_time,
            close_time,
            open,
            high,
            low,
            close,
            volumes,
            taker_buy_volumes,
            trade_count,
            first_trade_id,
            last_trade_id,
            is_closed,
            utc_offset,
        };
        Some((symbol, Some(event_time), message))
    }

    fn of_market(self, market: Market) -> Result<Self, DecodeError> {
        let volumes = self.volumes.of_market(market);
        Ok(Self { volumes, taker_buy_volumes: self.taker_buy_volumes.of_market(market), ..self })
    }

    fn decode(frame: &Keyed<'a>, market: Market) -> Result<Self, DecodeError> {
        let k = frame.fields().inner("k")?;
        Ok(Self {
            interval: k.interval("i")?,
            open_time: k.time("t")?,
            close_time: k.time("T")?,
            open: k.decimal("o")?,
            high: k.decimal("h")?,
            low: k.decimal("l")?,
            close: k.decimal("c")?,
            volumes: Volumes::of(market, k.decimal("v")?, k.decimal("q")?),
            taker_buy_volumes: Volumes::of(market, k.decimal("V")?, k.decimal("Q")?),
            trade_count: k.number("n")?,
            first_trade_id: k.trade_id("f")?,
            last_trade_id: k.trade_id("L")?,
            is_closed: k.flag("x")?,
            utc_offset: utc_offset(frame.address().name()),
        })
    }

    fn write_id(&self, _header: &Header<'_>, id: &mut IdWriter<'_>) {
        id.text("k");
        id.text(self.interval.as_str());
        id.time(self.open_time);
    }

    fn write(&self, row: &mut impl Row) {
        row.word(column::INTERVAL, self.interval.as_str());
        row.time(column::OPEN_TIME, self.open_time);
        row.time(column::CLOSE_TIME, self.close_time);
        row.digits(column::OPEN, self.open);
        row.digits(column::HIGH, self.high);
        row.digits(column::LOW, self.low);
        row.digits(column::CLOSE, self.close);
        self.volumes.write(row);
        row.integer(column::TRADE_COUNT, self.trade_count);
        row.digits(column::TAKER_BUY_BASE_VOLUME, self.taker_buy_volumes.base);
        row.optional_digits(column::TAKER_BUY_QUOTE_VOLUME, self.taker_buy_volumes.quote);
        row.optional_digits(column::TAKER_BUY_CONTRACT_VOLUME, self.taker_buy_volumes.contracts);
        row.optional_integer(column::FIRST_TRADE_ID, self.first_trade_id);
        row.optional_integer(column::LAST_TRADE_ID, self.last_trade_id);
        row.flag(column::IS_CLOSED, self.is_closed);
        if let Some(offset) = &self.utc_offset {
            row.text(column::UTC_OFFSET, offset);
        }
    }
}

/// The offset behind the second `@` of a stream name.
fn utc_offset(name: &str) -> Option<String> {
    name.split_once('@').map(|(_, offset)| offset.to_owned())
}
