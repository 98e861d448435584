//! Delivery streams that are made by a request: `CreateDeliveryStream`.
//!
//! Its JSON has the names that the template has, so both are read by the same code: a request becomes a tree of
//! values without lines, and the configuration of a template becomes JSON again for `DescribeDeliveryStream`.

use serde_json::Value as Json;

use super::Stack;
use super::delivery::{self, DeliveryStream, Names};
use super::error::{Fault, TemplateError};
use super::identity;
use super::value::{Data, Property, Value};

/// Properties of a destination's configuration that are numbers. A template does not tell them from texts.
const NUMBERS: [&str; 11] = [
    "BlockSizeBytes",
    "BloomFilterFalsePositiveProbability",
    "DictionaryKeyThreshold",
    "DurationInSeconds",
    "IntervalInSeconds",
    "MaxPaddingBytes",
    "PaddingTolerance",
    "PageSizeBytes",
    "RowIndexStride",
    "SizeInMBs",
    "StripeSizeBytes",
];

/// Properties of a destination's configuration that are true or false.
const FLAGS: [&str; 4] =
    ["CaseInsensitive", "ConvertDotsInJsonKeysToUnderscores", "Enabled", "EnableDictionaryCompression"];

/// Reads the request `CreateDeliveryStream` for a delivery stream called `name`.
///
/// # Errors
/// [`TemplateError::Request`] and [`TemplateError::UnsupportedRequest`], which name the place in the request.
pub(crate) fn delivery_stream_of_request(
    name: &str,
    request: &Json,
    stack: &Stack,
) -> Result<DeliveryStream, TemplateError> {
    created(name, request, stack).map_err(Fault::into_request_error)
}

fn created(name: &str, request: &Json, stack: &Stack) -> Result<DeliveryStream, Fault> {
    if !identity::is_delivery_stream_name(name) {
        let expected = "1 to 64 letters, digits, underscores, points and hyphens";
        return Err(Fault::invalid((0, "DeliveryStreamName"), expected, super::error::quoted(name)));
    }
    let value =
        value(request).ok_or_else(|| Fault::invalid((0, "DeliveryStreamName"), "a text", "absent"))?;
    let names = Names {
        logical_id: name.to_owned(),
        name: name.to_owned(),
        arn: identity::delivery_stream_arn(name),
    };
    delivery::of_properties(names, &Property::new("", &value), &stack.known())
}

/// The values of a request; `None` is `null`.
fn value(json: &Json) -> Option<Value> {
    let data = match json {
        Json::Null => return None,
        Json::Bool(flag) => Data::Text(flag.to_string()),
        Json::Number(number) => Data::Text(number.to_string()),
        Json::String(text) => Data::Text(text.clone()),
        Json::Array(items) => Data::List(items.iter().filter_map(value).collect()),
        Json::Object(entries) => {
            let entry = |(key, json): (&String, &Json)| value(json).map(|value| (key.clone(), value));
            Data::Map(entries.iter().filter_map(entry).collect())
        }
    };
    Some(Value { line: 0, data })
}

/// The JSON of a configuration.
pub(super) fn json(place: &Property<'_>) -> Json {
    place.value().map_or(Json::Null, |value| of_value("", value))
}

/// The JSON of the value of `key`.
fn of_value(key: &str, value: &Value) -> Json {
    match &value.data {
        Data::Text(text) => scalar(key, text),
        Data::List(items) => items.iter().map(|item| of_value(key, item)).collect(),
        // Its keys are columns, which may be called anything.
        Data::Map(entries) if key == "ColumnToJsonKeyMappings" => {
            entries.iter().map(|(column, value)| (column.clone(), of_value("", value))).collect()
        }
        Data::Map(entries) => {
            entries.iter().map(|(key, value)| (key.clone(), of_value(key, value))).collect()
        }
    }
}

/// The JSON of a text. What was read is a number or a flag where one belongs.
fn scalar(key: &str, text: &str) -> Json {
    let typed = match text.to_lowercase().as_str() {
        flag @ ("true" | "false") if FLAGS.contains(&key) => Some(Json::Bool(flag == "true")),
        number if NUMBERS.contains(&key) => serde_json::from_str(number).ok().filter(Json::is_number),
        _ => None,
    };
    typed.unwrap_or_else(|| Json::String(text.to_owned()))
}
