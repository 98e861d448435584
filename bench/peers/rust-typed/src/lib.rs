//! The handler of somebody who knows serde: the event types of `aws_lambda_events`, borrowed types for the frames, which
//! are told apart by their stream's name, and types for the rows.

#![expect(clippy::struct_field_names, reason = "fields are named as their columns are")]

mod frames;
mod rows;

use std::collections::HashMap;

use aws_lambda_events::event::firehose::{
    KinesisFirehoseEvent, KinesisFirehoseEventRecord, KinesisFirehoseResponse, KinesisFirehoseResponseRecord,
};
use chrono::SecondsFormat;
use lambda_runtime::Error;

use frames::Combined;
use rows::{Body, Row};

/// Answers every record of an event.
pub fn transform(event: KinesisFirehoseEvent) -> KinesisFirehoseResponse {
    let mut response = KinesisFirehoseResponse::default();
    response.records = event.records.into_iter().map(answer).collect();
    response
}

fn answer(record: KinesisFirehoseEventRecord) -> KinesisFirehoseResponseRecord {
    let mut answer = KinesisFirehoseResponseRecord::default();
    let result = match row(&record) {
        Ok(Some((data, keys))) => {
            answer.data.0 = data;
            answer.metadata.partition_keys = keys;
            "Ok"
        }
        Ok(None) => "Dropped",
        Err(_) => {
            answer.data = record.data;
            "ProcessingFailed"
        }
    };
    answer.record_id = record.record_id;
    answer.result = Some(result.to_owned());
    answer
}

type Keys = HashMap<String, String>;

/// The row of a record and where it goes; `None` for what is left out on purpose.
fn row(record: &KinesisFirehoseEventRecord) -> Result<Option<(Vec<u8>, Keys)>, Error> {
    let combined: Combined<'_> = serde_json::from_slice(&record.data.0)?;
    let Some(frame) = combined.frame()? else { return Ok(None) };
    let (body, id) = Body::of(&frame.payload)?;
    let arrival_time = record.approximate_arrival_timestamp.to_rfc3339_opts(SecondsFormat::Micros, true);
    let row = Row {
        kind: frame.kind,
        market: "spot",
        symbol: frame.symbol,
        id: format!("spot|{}|{id}", frame.symbol),
        event_time: frame.event_time.map(rows::iso).transpose()?,
        arrival_time,
        body,
    };
    let date = row.event_time.as_ref().unwrap_or(&row.arrival_time).chars().take(10).collect();
    let mut text = serde_json::to_vec(&row)?;
    text.push(b'\n');
    Ok(Some((text, HashMap::from([("kind".to_owned(), frame.kind.to_owned()), ("date".to_owned(), date)]))))
}
