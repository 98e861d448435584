//! The columns of the wide table `market_data`, in their order.

/// One column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Place among [`COLUMNS`].
    pub(crate) at: usize,
    /// Name: long snake case, because Glue and the JSON readers of AWS ignore case.
    pub name: &'static str,
    /// Type in the Glue table.
    pub hive_type: &'static str,
    /// What stands before the value in a JSON document, the opening quote of texts and times included: `,"name":"`.
    pub(crate) json_key: &'static str,
}

const TEXT: &str = "string";
const TIME: &str = "timestamp";
const INTEGER: &str = "bigint";
/// 15 significant digits survive a double; how JSON numbers become a Hive decimal is documented nowhere.
const NUMBER: &str = "double";
const FLAG: &str = "boolean";
const LEVELS: &str = "array<struct<price:double,quantity:double>>";

macro_rules! json_key {
    ($name:literal, TEXT) => {
        concat!(",\"", $name, "\":\"")
    };
    ($name:literal, TIME) => {
        concat!(",\"", $name, "\":\"")
    };
    ($name:literal, $other:ident) => {
        concat!(",\"", $name, "\":")
    };
}

macro_rules! columns {
    ($($constant:ident = $name:literal: $hive_type:ident;)*) => {
        #[derive(Clone, Copy)]
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "names the constants below, never seen")]
        enum Place { $($constant,)* }

        /// One constant for each column.
        pub mod column {
            use super::{Column, Place};

            $(
                #[doc = concat!("The column `", $name, "`.")]
                pub const $constant: Column = Column {
                    at: Place::$constant as usize,
                    name: $name,
                    hive_type: super::$hive_type,
                    json_key: json_key!($name, $hive_type),
                };
            )*
        }

        /// Every column, in the order of the table. `kind` and `date` are its partition keys and stand outside.
        pub const COLUMNS: &[Column] = &[$(column::$constant,)*];
    };
}

columns! {
    ID = "id": TEXT;
    MARKET = "market": TEXT;
    SYMBOL = "symbol": TEXT;
    EVENT_TIME = "event_time": TIME;
    ARRIVAL_TIME = "arrival_time": TIME;
    TRADE_ID = "trade_id": INTEGER;
    AGG_TRADE_ID = "agg_trade_id": INTEGER;
    FIRST_TRADE_ID = "first_trade_id": INTEGER;
    LAST_TRADE_ID = "last_trade_id": INTEGER;
    PRICE = "price": NUMBER;
    QUANTITY = "quantity": NUMBER;
    QUOTE_QUANTITY = "quote_quantity": NUMBER;
    TRADE_TIME = "trade_time": TIME;
    TAKER_SIDE = "taker_side": TEXT;
    INTERVAL = "interval": TEXT;
    WINDOW = "window": TEXT;
    OPEN_TIME = "open_time": TIME;
    CLOSE_TIME = "close_time": TIME;
    OPEN = "open": NUMBER;
    HIGH = "high": NUMBER;
    LOW = "low": NUMBER;
    CLOSE = "close": NUMBER;
    BASE_VOLUME = "base_volume": NUMBER;
    QUOTE_VOLUME = "quote_volume": NUMBER;
    CONTRACT_VOLUME = "contract_volume": NUMBER;
    TRADE_COUNT = "trade_count": INTEGER;
    TAKER_BUY_BASE_VOLUME = "taker_buy_base_volume": NUMBER;
    TAKER_BUY_QUOTE_VOLUME = "taker_buy_quote_volume": NUMBER;
    TAKER_BUY_CONTRACT_VOLUME = "taker_buy_contract_volume": NUMBER;
    IS_CLOSED = "is_closed": FLAG;
    UTC_OFFSET = "utc_offset": TEXT;
    PRICE_CHANGE = "price_change": NUMBER;
    PRICE_CHANGE_PERCENT = "price_change_percent": NUMBER;
    WEIGHTED_AVERAGE_PRICE = "weighted_average_price": NUMBER;
    PREVIOUS_CLOSE_PRICE = "previous_close_price": NUMBER;
    LAST_QUANTITY = "last_quantity": NUMBER;
    UPDATE_ID = "update_id": INTEGER;
    BID_PRICE = "bid_price": NUMBER;
    BID_QUANTITY = "bid_quantity": NUMBER;
    ASK_PRICE = "ask_price": NUMBER;
    ASK_QUANTITY = "ask_quantity": NUMBER;
    AVERAGE_PRICE = "average_price": NUMBER;
    FIRST_UPDATE_ID = "first_update_id": INTEGER;
    LAST_UPDATE_ID = "last_update_id": INTEGER;
    PREVIOUS_UPDATE_ID = "previous_update_id": INTEGER;
    LEVEL_COUNT = "levels": INTEGER;
    BIDS = "bids": LEVELS;
    ASKS = "asks": LEVELS;
    VALID_TIME = "valid_time": TIME;
    MARK_PRICE = "mark_price": NUMBER;
    INDEX_PRICE = "index_price": NUMBER;
    ESTIMATED_SETTLE_PRICE = "estimated_settle_price": NUMBER;
    FUNDING_RATE = "funding_rate": NUMBER;
    NEXT_FUNDING_TIME = "next_funding_time": TIME;
    SIDE = "side": TEXT;
    ORDER_TYPE = "order_type": TEXT;
    TIME_IN_FORCE = "time_in_force": TEXT;
    ORDER_STATUS = "order_status": TEXT;
    LAST_FILLED_QUANTITY = "last_filled_quantity": NUMBER;
    FILLED_QUANTITY = "filled_quantity": NUMBER;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_differ_by_more_than_case() {
        let mut names: Vec<_> = COLUMNS.iter().map(|column| column.name.to_ascii_lowercase()).collect();
        names.extend(["kind".to_owned(), "date".to_owned()]);
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn places_are_the_order_of_the_table() {
        assert!(COLUMNS.iter().enumerate().all(|(at, column)| column.at == at));
    }
}
