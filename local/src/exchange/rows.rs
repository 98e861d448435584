//! Rows of the REST API, key by key in the exchange's own order.

use std::fmt::Write as _;

use tapeline_market::Decimal;

use super::history::{Row, Series};

/// Writes rows as one JSON array.
pub(crate) fn array(series: Series, rows: &[Row]) -> String {
    let row = match series {
        Series::AggTrades => agg_trade,
        Series::Trades => trade,
    };
    let mut text = String::from("[");
    for (place, each) in rows.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        row(&mut text, each);
    }
    text.push(']');
    text
}

/// `GET /api/v3/aggTrades`.
fn agg_trade(text: &mut String, row: &Row) {
    let Row { id, price, quantity, trades: (first, last), time, buyer_is_maker } = row;
    // Writing to a text does not fail.
    let _ = write!(
        text,
        r#"{{"a":{id},"p":"{price}","q":"{quantity}","f":{first},"l":{last},"T":{time},"m":{buyer_is_maker},"M":true}}"#
    );
}

/// `GET /api/v3/historicalTrades`.
fn trade(text: &mut String, row: &Row) {
    let Row { id, price, quantity, time, buyer_is_maker, .. } = row;
    let quote = quote(price, quantity).map(|quote| quote.to_string()).unwrap_or_default();
    let _ = write!(
        text,
        r#"{{"id":{id},"price":"{price}","qty":"{quantity}","quoteQty":"{quote}","time":{time},"isBuyerMaker":{buyer_is_maker},"isBestMatch":true}}"#
    );
}

/// Price times quantity, with eight digits as the exchange prints amounts.
fn quote(price: &str, quantity: &str) -> Option<Decimal> {
    let product = price.parse::<Decimal>().ok()?.checked_mul(quantity.parse().ok()?)?;
    // Prices and quantities have eight digits of which the last eight of the product are zero: see `sample::instrument`.
    Decimal::new(product.mantissa_at(16)? / 100_000_000, 8).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of Binance's spot REST documentation.
    #[test]
    fn aggregate_trades_have_the_documented_shape() {
        let row = Row {
            id: 26_129,
            price: "0.01633102".into(),
            quantity: "4.70443515".into(),
            trades: (27_781, 27_781),
            time: 1_498_793_709_153,
            buyer_is_maker: true,
        };
        assert_eq!(
            array(Series::AggTrades, &[row]),
            r#"[{"a":26129,"p":"0.01633102","q":"4.70443515","f":27781,"l":27781,"T":1498793709153,"m":true,"M":true}]"#
        );
    }

    #[test]
    fn trades_have_the_documented_shape() {
        let row = Row {
            id: 28_457,
            price: "4.00000100".into(),
            quantity: "12.00000000".into(),
            trades: (0, 0),
            time: 1_499_865_549_590,
            buyer_is_maker: true,
        };
        assert_eq!(
            array(Series::Trades, &[row.clone(), row]).split_inclusive("},").next().unwrap(),
            r#"[{"id":28457,"price":"4.00000100","qty":"12.00000000","quoteQty":"48.00001200","time":1499865549590,"isBuyerMaker":true,"isBestMatch":true},"#
        );
    }
}
