//! Events made for a test.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// An event of these records.
pub(crate) fn event(records: &[Value]) -> Vec<u8> {
    serde_json::json!({ "records": records }).to_string().into_bytes()
}

/// One record of an event.
pub(crate) fn record(record_id: &str, data: &[u8]) -> Value {
    serde_json::json!({
        "recordId": record_id,
        "approximateArrivalTimestamp": 1_672_515_782_250_u64,
        "data": BASE64_STANDARD.encode(data),
    })
}

/// One trade as a combined frame.
pub(crate) fn trade(at: usize) -> String {
    format!(
        r#"{{"stream":"bnbbtc@trade","data":{{"e":"trade","E":1672515782136,"s":"BNBBTC","t":{at},"p":"0.00100100","q":"23.00000000","T":1672515782136,"m":true,"M":true}}}}"#
    )
}

/// An event of about six megabytes, the most that Lambda takes, with one trade a record: its rows, reshaped and with
/// partition keys, are larger than what Lambda takes back.
pub(crate) fn oversized() -> Vec<u8> {
    let sequence = |at: usize| format!("49546986683135544286507457936321625675700192471156{at:06}000000");
    let records: Vec<_> = (0..18_250).map(|at| record(&sequence(at), trade(at).as_bytes())).collect();
    event(&records)
}
