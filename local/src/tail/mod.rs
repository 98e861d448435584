//! `tapeline tail`: what passes through a stream of a running `tapeline up`, line by line.

use std::io::{self, Write as _};

use clap::Args;
use futures_util::TryStreamExt as _;
use serde_json::Value;
use thiserror::Error;

use crate::up::PORT;

/// Bytes of a line: a record of 1 MiB, base64 and its description.
const LINE_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Shows the records of a stream, or what a delivery stream delivers, as they come.
///
/// Asks a running `tapeline up`; ends with Ctrl-C.
#[derive(Debug, Clone, Args)]
pub(crate) struct TailArgs {
    /// Name of the data stream or the delivery stream.
    #[arg(value_name = "STREAM")]
    name: String,
    /// Prints one JSON document a line, with everything that is known of the record.
    #[arg(long)]
    json: bool,
    /// Where `tapeline up` listens; otherwise where the environment leads AWS's clients, or its usual port.
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
}

/// The records cannot be shown.
#[derive(Debug, Error)]
pub(crate) enum TailError {
    /// Nobody is there.
    #[error("cannot reach `tapeline up` at {url}: start it, or name its address with --endpoint-url")]
    Connect {
        /// The address.
        url: String,
        /// What the client says.
        #[source]
        source: reqwest::Error,
    },
    /// It refuses.
    #[error("`tapeline up` at {url} answered {status}: {text}")]
    Refused {
        /// The address.
        url: String,
        /// HTTP status.
        status: reqwest::StatusCode,
        /// What it says.
        text: String,
    },
    /// The connection broke.
    #[error("the connection to `tapeline up` broke")]
    Broken(#[source] reqwest::Error),
    /// A line is longer than any that `tapeline up` writes.
    #[error("expected lines of at most {LINE_BYTES_MAX} bytes")]
    Line,
    /// Standard output cannot be written.
    #[error("cannot print")]
    Print(#[source] io::Error),
}

/// Prints what comes until the other side ends.
///
/// # Errors
/// See [`TailError`].
pub(crate) async fn run(args: &TailArgs) -> Result<(), TailError> {
    let url = args.endpoint_url.clone().or_else(|| std::env::var("AWS_ENDPOINT_URL").ok());
    let url = url.unwrap_or_else(|| format!("http://127.0.0.1:{PORT}"));
    let address = format!("{}/_tapeline/tail/{}", url.trim_end_matches('/'), args.name);
    let answer = reqwest::get(&address).await;
    let answer = answer.map_err(|source| TailError::Connect { url: url.clone(), source })?;
    let status = answer.status();
    if !status.is_success() {
        let text = answer.text().await.map_err(TailError::Broken)?;
        return Err(TailError::Refused { url, status, text });
    }
    let mut pieces = answer.bytes_stream();
    let mut lines = Lines::default();
    while let Some(piece) = pieces.try_next().await.map_err(TailError::Broken)? {
        lines.push(&piece, |line| print(line, args.json))?;
    }
    Ok(())
}

/// Cuts what comes into lines.
#[derive(Default)]
struct Lines(Vec<u8>);

impl Lines {
    fn push(&mut self, piece: &[u8], mut line: impl FnMut(&[u8]) -> io::Result<()>) -> Result<(), TailError> {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.0.extend_from_slice(part);
            if self.0.len() > LINE_BYTES_MAX {
                return Err(TailError::Line);
            }
            if part.ends_with(b"\n") {
                line(&self.0).map_err(TailError::Print)?;
                self.0.clear();
            }
        }
        Ok(())
    }
}

fn print(line: &[u8], json: bool) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match serde_json::from_slice::<Value>(line) {
        Ok(record) if !json => writeln!(out, "{}", readable(&record))?,
        _ => out.write_all(line)?,
    }
    out.flush()
}

/// `09:30:00.123 shardId-000000000000 spot|BTCUSDT {"e":"trade",...}`: one line, whatever the data is.
fn readable(record: &Value) -> String {
    let text = |key: &str| record.get(key).and_then(Value::as_str).unwrap_or_default();
    // `2026-11-21T09:30:00.123Z`
    let time = text("arrival").split_once('T').map_or("", |(_, time)| time.trim_end_matches('Z'));
    let data = match record.get("data").and_then(Value::as_str) {
        Some(data) => data.trim_end().escape_debug().to_string().replace("\\\"", "\""),
        None => format!("base64:{}", text("data_base64")),
    };
    [time, text("shard_id"), text("partition_key"), &data]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_record_is_one_line() {
        let record = json!({"arrival": "2026-11-21T09:30:00.123Z", "shard_id": "shardId-000000000000",
            "partition_key": "spot|BTCUSDT", "sequence_number": "49", "data": "{\"e\":\"trade\"}\n{}\n"});
        let expected = "09:30:00.123 shardId-000000000000 spot|BTCUSDT {\"e\":\"trade\"}\\n{}";
        assert_eq!(readable(&record), expected);
    }

    #[test]
    fn data_that_is_no_text_is_base64() {
        let record = json!({"arrival": "2026-11-21T09:30:00.123Z", "data_base64": "84mawg=="});
        assert_eq!(readable(&record), "09:30:00.123 base64:84mawg==");
    }

    #[test]
    fn lines_end_where_they_end_however_they_come() {
        let (mut lines, mut found) = (Lines::default(), Vec::new());
        for piece in [&b"{\"a\""[..], b":1}\n{}", b"\n"] {
            let keep = |line: &[u8]| {
                found.push(line.to_vec());
                Ok(())
            };
            lines.push(piece, keep).unwrap();
        }
        assert_eq!(found, [&b"{\"a\":1}\n"[..], b"{}\n"]);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        let piece = vec![b' '; LINE_BYTES_MAX + 1];
        assert!(matches!(Lines::default().push(&piece, |_| Ok(())), Err(TailError::Line)));
    }
}
