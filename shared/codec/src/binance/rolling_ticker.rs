//! `<symbol>@ticker_<window>`, `!ticker_<window>@arr`: the last hour, four hours or day, rolling.

use tapeline_market::Market;

use super::mini_ticker::write_window_id;
use super::ticker::WindowStatistics;
use super::{Address, DecodeError, Fields, Header, Keyed, Kind, Stream};
use crate::encode::{IdWriter, Row, column};

/// Statistics of a rolling window.
///
/// ```json
/// {"e":"1hTicker","E":1672515782136,"s":"BNBBTC","p":"0.0015","P":"250.00","o":"0.0010","h":"0.0025","l":"0.0010",
///  "c":"0.0025","w":"0.0018","v":"10000","q":"18","O":0,"C":1675216573749,"F":0,"L":18150,"n":18151}
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct RollingTickerMessage<'a> {
    /// `1h`, `4h` or `1d`.
    pub window: &'static str,
    /// The window's statistics.
    pub statistics: WindowStatistics<'a>,
}

fn window(event: Option<&str>) -> Option<&'static str> {
    match event? {
        "1hTicker" => Some("1h"),
        "4hTicker" => Some("4h"),
        "1dTicker" => Some("1d"),
        _ => None,
    }
}

impl<'a> Stream<'a> for RollingTickerMessage<'a> {
    fn claims(address: &Address<'_>, _fields: &Fields<'_>) -> bool {
        window(address.event).is_some()
    }

    fn decode(frame: &Keyed<'a>, market: Market) -> Result<Self, DecodeError> {
        let address = frame.address();
        let window = window(address.event).ok_or_else(|| DecodeError::unknown_event(&address))?;
        Ok(Self { window, statistics: WindowStatistics::decode(frame.fields(), market)? })
    }

    fn write_id(&self, header: &Header<'_>, id: &mut IdWriter<'_>) {
        write_window_id(Kind::RollingTicker, self.window, header, id);
    }

    fn write(&self, row: &mut impl Row) {
        row.word(column::WINDOW, self.window);
        self.statistics.write(row);
    }
}
