//! The exchange's market streams: one file for each message, one line here.
//!
//! A frame is dispatched on its stream name and its event type (`e`) together, never read into one loose shape: the
//! same letter means different things in different messages. Wire types follow the exchange's documentation
//! "WebSocket Streams" (spot) and "Websocket Market Streams" (futures), July 2026.

mod digits;
mod error;
mod fields;
mod frame;
mod in_order;
mod levels;

use tapeline_market::{Market, Symbol, Timestamp};

pub use digits::Digits;
pub use error::{DecodeError, FieldName};
pub use frame::{FRAME_BYTES_MAX, Frame, frames};
pub use levels::{Level, Levels};
pub use trade::Execution;

use crate::encode::{IdWriter, Row};
use fields::Fields;
use frame::{Address, Keyed, Layout};
use in_order::{InOrder, Payload};

/// What a stream's file gives: how its frames are told, read and written.
trait Stream<'a>: Sized {
    /// Whether a frame with this address and these fields is one of this stream.
    fn claims(address: &Address<'_>, fields: &Fields<'_>) -> bool;

    /// Reads the inside of a payload whose keys stand in the order in which the exchange sends them: the symbol, the event
    /// time if it has one, and the message. `None` for any other, which is then read by [`Self::decode`]. Only busy streams
    /// need it.
    #[inline]
    fn in_order(_payload: &mut Payload<'_, 'a>) -> Option<Parts<'a, Self>> {
        None
    }

    /// Brings a message that was read in order into the units of its market.
    #[inline]
    fn of_market(self, _market: Market) -> Result<Self, DecodeError> {
        Ok(self)
    }

    /// The field of the symbol.
    fn symbol(frame: &Keyed<'a>) -> Result<Symbol<'a>, DecodeError> {
        frame.fields().symbol("s")
    }

    /// Reads the message's own fields.
    fn decode(frame: &Keyed<'a>, market: Market) -> Result<Self, DecodeError>;

    /// Writes what makes the message's id unique within its market and symbol.
    fn write_id(&self, header: &Header<'_>, id: &mut IdWriter<'_>);

    /// Writes the message's own columns.
    fn write(&self, row: &mut impl Row);
}

/// The parts of a frame that was read in order: symbol, event time, message.
type Parts<'a, M> = (Symbol<'a>, Option<Timestamp>, M);

macro_rules! streams {
    ($($(#[$doc:meta])* $kind:ident = $name:literal: $module:ident::$message:ident;)*) => {
        $(mod $module;)*
        $(pub use $module::$message;)*

        /// What a message tells.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $kind,)* }

        impl Kind {
            /// Every kind, in the order in which frames are told apart.
            pub const ALL: &[Self] = &[$(Self::$kind,)*];

            /// The kind's name in records, configuration and partitions.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// The beginning of a JSON document of this kind, up to where the columns begin.
            pub(crate) const fn json_head(self) -> &'static str {
                match self { $(Self::$kind => concat!("{\"kind\":\"", $name, "\""),)* }
            }
        }

        /// A message's own part.
        #[derive(Debug, Clone, PartialEq)]
        pub enum Body<'a> { $($(#[$doc])* $kind($message<'a>),)* }

        impl<'a> Body<'a> {
            fn decode(kind: Kind, frame: &Keyed<'a>, market: Market) -> Result<Self, DecodeError> {
                match kind { $(Kind::$kind => $message::decode(frame, market).map(Self::$kind),)* }
            }

            /// The message of what was read in order, in the units of its market.
            #[inline]
            fn message(&self, header: Header<'a>) -> Result<Message<'a>, DecodeError> {
                match self {
                    $(Self::$kind(message) => {
                        let body = Self::$kind(message.clone().of_market(header.market)?);
                        Ok(Message { header, body })
                    })*
                }
            }

            /// The message's kind.
            pub const fn kind(&self) -> Kind {
                match self { $(Self::$kind(_) => Kind::$kind,)* }
            }

            pub(crate) fn write_id(&self, header: &Header<'_>, id: &mut IdWriter<'_>) {
                match self { $(Self::$kind(message) => message.write_id(header, id),)* }
            }

            pub(crate) fn write(&self, row: &mut impl Row) {
                match self { $(Self::$kind(message) => message.write(row),)* }
            }
        }

        fn claimed(address: &Address<'_>, fields: &Fields<'_>) -> Option<Kind> {
            $(if $message::claims(address, fields) { return Some(Kind::$kind); })*
            None
        }

        /// Hands the frame of the first message that is as foreseen to `each`; `None` if none is.
        #[inline]
        fn in_order<'a, E: From<DecodeError>>(
            payload: &mut Payload<'_, 'a>,
            each: &mut impl FnMut(&Frame<'a>) -> Result<(), E>,
        ) -> Option<Result<(), E>> {
            $(if let Some((symbol, event_time, message)) = payload.attempt($message::in_order) {
                let body = Body::$kind(message);
                let frame = Frame(Layout::InOrder(InOrder { symbol, event_time, body }));
                let length = frame::check_length(payload.bytes());
                return Some(length.map_err(E::from).and_then(|()| each(&frame)));
            })*
            None
        }

        fn symbol<'a>(kind: Kind, frame: &Keyed<'a>) -> Result<Symbol<'a>, DecodeError> {
            match kind { $(Kind::$kind => $message::symbol(frame),)* }
        }
    };
}

// A partial book of futures has the event type of a difference: the snapshot is asked first.
streams! {
    /// One execution.
    Trade = "trade": trade::TradeMessage;
    /// Executions of one taker order at one price.
    AggTrade = "agg_trade": agg_trade::AggTradeMessage;
    /// One execution outside of the order book.
    BlockTrade = "block_trade": block_trade::BlockTradeMessage;
    /// One bar of the exchange.
    Kline = "kline": kline::KlineMessage;
    /// Prices and volumes of the last 24 hours, short.
    MiniTicker = "mini_ticker": mini_ticker::MiniTickerMessage;
    /// Prices and volumes of the last 24 hours.
    Ticker = "ticker": ticker::TickerMessage;
    /// Prices and volumes of a rolling window.
    RollingTicker = "rolling_ticker": rolling_ticker::RollingTickerMessage;
    /// Best bid and ask.
    BookTicker = "book_ticker": book_ticker::BookTickerMessage;
    /// The average price of some minutes.
    AvgPrice = "avg_price": avg_price::AvgPriceMessage;
    /// The top of the order book.
    DepthSnapshot = "depth_snapshot": depth_snapshot::DepthSnapshotMessage;
    /// A difference of the order book.
    DepthUpdate = "depth_update": depth_update::DepthUpdateMessage;
    /// The price that a symbol is measured by.
    ReferencePrice = "reference_price": reference_price::ReferencePriceMessage;
    /// Futures: the price that positions are valued at.
    MarkPrice = "mark_price": mark_price::MarkPriceMessage;
    /// Futures: an order that closed a position by force.
    Liquidation = "liquidation": liquidation::LiquidationMessage;
}

impl std::str::FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|kind| kind.as_str() == text);
        found.copied().ok_or_else(|| UnknownKind { found: text.to_owned() })
    }
}

/// The text names no kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected a kind such as `trade` or `kline`, was {found:?}")]
pub struct UnknownKind {
    /// The text that was found.
    pub found: String,
}

/// What every message has.
#[derive(Debug, Clone, PartialEq)]
pub struct Header<'a> {
    /// The market the deployment reads.
    pub market: Market,
    /// The symbol the message is about.
    pub symbol: Symbol<'a>,
    /// When the exchange sent it; absent where the frame has no such time.
    pub event_time: Option<Timestamp>,
}

/// One decoded frame.
#[derive(Debug, Clone, PartialEq)]
pub struct Message<'a> {
    /// What every message has.
    pub header: Header<'a>,
    /// The rest.
    pub body: Body<'a>,
}

/// What a frame is, before it is read further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Identity {
    /// A message of the exchange about the connection, not about a market.
    Control,
    /// A producer's word that a quiet symbol's time goes on: see [`heartbeat`].
    Heartbeat,
    /// A market message.
    Kind(Kind),
}

/// Tells what a frame is.
///
/// # Errors
/// When no decoder knows it.
#[inline]
pub fn identify(frame: &Frame<'_>) -> Result<Identity, DecodeError> {
    match &frame.0 {
        Layout::InOrder(frame) => Ok(Identity::Kind(frame.body.kind())),
        Layout::Keyed(frame) => identify_keyed(frame),
    }
}

fn identify_keyed(frame: &Keyed<'_>) -> Result<Identity, DecodeError> {
    let address = frame.address();
    if let Some(kind) = claimed(&address, frame.fields()) {
        return Ok(Identity::Kind(kind));
    }
    if address.event == Some("heartbeat") {
        return Ok(Identity::Heartbeat);
    }
    if is_control(&address, frame.fields()) {
        return Ok(Identity::Control);
    }
    Err(DecodeError::unknown_event(&address))
}

/// Replies (`result` or `error` with `id`, `code` with `msg`) and announced shutdowns.
fn is_control(address: &Address<'_>, fields: &Fields<'_>) -> bool {
    let is_reply = || ["result", "error", "code"].into_iter().any(|key| fields.has(key));
    announces_shutdown(address) || (address.event.is_none() && is_reply())
}

/// The event type, or the stream's name where the payload has none.
fn announces_shutdown(address: &Address<'_>) -> bool {
    address.event.map_or_else(|| address.symbol() == "!serverShutdown", |event| event == "serverShutdown")
}

/// Whether a control frame says that the exchange is about to close the connection.
pub fn is_shutdown(frame: &Frame<'_>) -> bool {
    match &frame.0 {
        Layout::InOrder(_) => false,
        Layout::Keyed(frame) => announces_shutdown(&frame.address()),
    }
}

/// Reads the part that every message has, of the kind that [`identify`] told.
///
/// # Errors
/// `no_symbol`, or a bad event time.
#[inline]
pub fn header<'a>(frame: &Frame<'a>, kind: Kind, market: Market) -> Result<Header<'a>, DecodeError> {
    match &frame.0 {
        Layout::InOrder(frame) => Ok(frame.header(market)),
        Layout::Keyed(frame) => keyed_header(frame, kind, market),
    }
}

fn keyed_header<'a>(frame: &Keyed<'a>, kind: Kind, market: Market) -> Result<Header<'a>, DecodeError> {
    let event_time = frame.fields().optional_time("E")?;
    Ok(Header { market, symbol: symbol(kind, frame)?, event_time })
}

/// Reads a heartbeat, which is no message of the exchange: a producer puts it into the stream of a quiet symbol, so that
/// the symbol's bars end although nothing is traded.
///
/// ```json
/// {"stream":"bnbbtc@heartbeat","data":{"e":"heartbeat","E":1672515782136,"s":"BNBBTC"}}
/// ```
///
/// # Errors
/// `no_symbol`, or a bad event time.
pub fn heartbeat<'a>(frame: &Frame<'a>, market: Market) -> Result<Header<'a>, DecodeError> {
    let fields = match &frame.0 {
        Layout::InOrder(frame) => return Ok(frame.header(market)),
        Layout::Keyed(frame) => frame.fields(),
    };
    Ok(Header { market, symbol: fields.symbol("s")?, event_time: Some(fields.time("E")?) })
}

/// Reads the rest of a message of the kind that [`identify`] told.
///
/// # Errors
/// When a documented field is absent or not what it should be.
#[inline]
pub fn message<'a>(frame: &Frame<'a>, kind: Kind, header: Header<'a>) -> Result<Message<'a>, DecodeError> {
    match &frame.0 {
        Layout::InOrder(frame) => frame.body.message(header),
        Layout::Keyed(frame) => Ok(Message { body: Body::decode(kind, frame, header.market)?, header }),
    }
}

#[cfg(test)]
mod tests;
