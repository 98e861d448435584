//! The symbols that are traded against a quote asset, as `exchangeInfo` tells.

use tapeline_json::{Cursor, JsonError, Object, Value};
use tapeline_market::Symbol;

/// The most symbols that are read; all markets together have about 4,000.
const SYMBOLS_MAX: usize = 20_000;

/// One entry of `symbols`.
#[derive(Default)]
struct Entry<'a> {
    symbol: Option<Value<'a>>,
    /// `status`; `contractStatus` on coin-margined futures.
    status: Option<Value<'a>>,
    quote_asset: Option<Value<'a>>,
}

/// Reads the symbols of a quote asset that are traded now, in the order of the answer.
///
/// # Errors
/// When the answer is no JSON object with an array `symbols` of objects.
pub(super) fn symbols(body: &str, quote_asset: &str) -> Result<Vec<String>, JsonError> {
    let mut cursor = Cursor::new(body);
    let mut object = cursor.object()?;
    let mut found = Vec::new();
    while let Some(key) = object.key()? {
        if key.raw() == "symbols" {
            found = of_array(object.cursor(), quote_asset)?;
        } else {
            object.value()?;
        }
    }
    Ok(found)
}

fn of_array(cursor: &mut Cursor<'_>, quote_asset: &str) -> Result<Vec<String>, JsonError> {
    let mut entries = cursor.array()?;
    let mut found = Vec::new();
    while let Some(element) = entries.element()? {
        let entry = Entry::read(element.object()?)?;
        if found.len() < SYMBOLS_MAX {
            found.extend(entry.symbol_of(quote_asset));
        }
    }
    Ok(found)
}

impl<'a> Entry<'a> {
    fn read(mut object: Object<'_, 'a>) -> Result<Self, JsonError> {
        let mut entry = Self::default();
        while let Some(key) = object.key()? {
            let value = Some(object.value()?);
            match key.raw() {
                "symbol" => entry.symbol = value,
                "status" | "contractStatus" => entry.status = value,
                "quoteAsset" => entry.quote_asset = value,
                _ => {}
            }
        }
        Ok(entry)
    }

    /// The symbol, if it is traded against the asset.
    fn symbol_of(&self, quote_asset: &str) -> Option<String> {
        let is = |value: Option<Value<'_>>, expected: &str| {
            value.and_then(Value::as_text).is_some_and(|text| text.decode() == expected)
        };
        if !is(self.status, "TRADING") || !is(self.quote_asset, quote_asset) {
            return None;
        }
        let symbol = Symbol::parse(self.symbol?.as_text()?.decode()).ok()?;
        Some(symbol.as_str().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // "Exchange information" of the spot and of the coin-margined documentation, shortened.
    const SPOT: &str = r#"{"timezone":"UTC","rateLimits":[{"limit":6000}],"symbols":[
        {"symbol":"ETHBTC","status":"TRADING","baseAsset":"ETH","quoteAsset":"BTC","filters":[{}]},
        {"symbol":"BTCUSDT","status":"TRADING","baseAsset":"BTC","quoteAsset":"USDT"},
        {"symbol":"LUNAUSDT","status":"BREAK","baseAsset":"LUNA","quoteAsset":"USDT"}],"sors":[]}"#;
    const COINM: &str =
        r#"{"symbols":[{"symbol":"BTCUSD_PERP","contractStatus":"TRADING","quoteAsset":"USD"}]}"#;

    fn check(body: &str, quote_asset: &str, expected: &[&str]) {
        assert_eq!(symbols(body, quote_asset).unwrap(), expected);
    }

    #[test]
    fn only_symbols_of_the_asset_that_are_traded_are_listed() {
        check(SPOT, "USDT", &["BTCUSDT"]);
        check(SPOT, "BTC", &["ETHBTC"]);
        check(SPOT, "EUR", &[]);
        check(COINM, "USD", &["BTCUSD_PERP"]);
    }

    #[test]
    fn another_answer_is_refused() {
        assert!(symbols("[]", "USDT").is_err());
        assert!(symbols(r#"{"symbols":{}}"#, "USDT").is_err());
    }
}
