//! `tapeline redrive`: records fail in one run of the real functions, and come back in the next.

use std::fs;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::binaries::{TAPELINE, TEMPLATE};
use crate::deployed::trade;
use crate::run::{Ended, Up, Workshop};

const ERRORS: &str = "data/s3/tapeline-archivebucket/errors";
const DISCARDED: &str = "data/s3/tapeline-archivebucket/aws/lambda";
const TRADES: &str = "tapeline-archivebucket/market/kind=trade/";
const BARS: &str = "tapeline-archivebucket/indicators/";

/// An address at which nobody listens.
const NOWHERE: &str = "http://127.0.0.1:1";

/// What a redrive said.
struct Redriven(Output);

impl Redriven {
    /// Runs the command in the folder of a workshop.
    fn run(workshop: &Workshop, url: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(TAPELINE);
        command.arg("redrive").args(arguments).current_dir(workshop.path(""));
        command.env("AWS_ENDPOINT_URL", url).env("AWS_REGION", "us-east-1");
        command.env("AWS_ACCESS_KEY_ID", "local").env("AWS_SECRET_ACCESS_KEY", "local");
        Self(command.output().unwrap())
    }

    /// Redrives into a run.
    fn into(up: &Up, arguments: &[&str]) -> Self {
        Self::run(&up.workshop, up.aws.url(), arguments)
    }

    fn text(&self) -> String {
        [&self.0.stdout, &self.0.stderr].map(|said| String::from_utf8_lossy(said).into_owned()).concat()
    }

    /// Its exit code, and the numbers of a line of its table: documents, records, put, put before, gone, left.
    fn line(&self, reason: &str) -> (i32, [u64; 6]) {
        let text = self.text();
        let line = text.lines().find(|line| line.trim_start().starts_with(reason));
        let line = line.unwrap_or_else(|| panic!("no {reason} in {text}"));
        let numbers: Vec<_> = line.split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect();
        (self.0.status.code().unwrap(), numbers.try_into().unwrap())
    }

    /// Asserts that it ended so, and that it said this.
    fn said(&self, code: i32, words: &str) {
        let text = self.text();
        assert!(self.0.status.code() == Some(code) && text.contains(words), "{text}");
    }
}

/// The deployed template in the place of an edited one, under way in the same folder.
fn mended(ended: Ended) -> Up {
    fs::write(ended.workshop.path("template.yaml"), fs::read_to_string(TEMPLATE).unwrap()).unwrap();
    ended.workshop.up()
}

/// A column of the rows below a prefix, sorted as texts.
fn column(ended: &Ended, prefix: &str, name: &str) -> Vec<String> {
    let rows = ended.rows(prefix);
    let mut values: Vec<_> =
        rows.iter().map(|row| row[name].as_str().unwrap().trim_matches('"').to_owned()).collect();
    values.sort();
    values
}

/// The ids of rows of trades, sorted as texts.
fn ids(trades: impl IntoIterator<Item = u64>) -> Vec<String> {
    let mut ids: Vec<_> = trades.into_iter().map(|id| format!("spot|BNBBTC|t|{id}")).collect();
    ids.sort();
    ids
}

#[test]
fn records_that_a_knob_refused_are_in_the_archive_once() {
    // Single documents: a record of two frames is refused.
    let up = Workshop::new().edited(&[("FORMAT: !Ref Format", "FORMAT: document")]).up();
    let two = |at: u64| [trade(2 * at + 1, at), trade(2 * at + 2, at)].map(|(_, frame)| frame).join("\n");
    let mut records: Vec<_> = (0..10).map(|at| ("spot|BNBBTC", two(at))).collect();
    records.extend([trade(21, 11), trade(22, 12)]);
    up.aws.put_records("tapeline-frames", &records);
    let ended = up.end();
    assert_eq!(column(&ended, TRADES, "id"), ids([21, 22]));

    let up = mended(ended);
    let dry = Redriven::into(&up, &[ERRORS, "--dry-run"]);
    assert_eq!(dry.line("Lambda"), (0, [10, 10, 0, 0, 0, 10]));
    let first = Redriven::into(&up, &[ERRORS, "--to-stream", "tapeline-frames"]);
    assert_eq!(first.line("Lambda"), (0, [10, 10, 10, 0, 0, 0]));
    let second = Redriven::into(&up, &[ERRORS, "--to-stream", "tapeline-frames"]);
    assert_eq!(second.line("Lambda"), (0, [10, 10, 0, 10, 0, 0]));
    assert_eq!(column(&up.end(), TRADES, "id"), ids(1..=22));
}

/// The deployed template with a calculator whose rows no stream takes, and which is not tried again.
const WITHOUT_ROWS: [(&str, &str); 2] = [
    ("OUTPUT_STREAM: !Ref IndicatorStream", "OUTPUT_STREAM: nowhere"),
    (
        "BisectBatchOnFunctionError: true",
        "BisectBatchOnFunctionError: true\n            MaximumRetryAttempts: 0",
    ),
];

/// A run in which the calculator gave up trades that make a bar: the third one closes that of the first minute.
fn given_up() -> Ended {
    let up = Workshop::new().edited(&WITHOUT_ROWS).up();
    up.aws.put_records("tapeline-frames", &[trade(1, 1), trade(2, 2), trade(3, 61)]);
    let ended = up.end();
    assert_eq!(column(&ended, BARS, "id"), [""; 0]);
    ended
}

#[test]
fn batches_that_the_calculator_gave_up_give_their_bar_once() {
    let up = mended(given_up());
    let (code, [_, records, put, ..]) =
        Redriven::into(&up, &[DISCARDED, "--to-stream", "tapeline-frames"]).line("RetryAttemptsExhausted");
    assert!((code, put) == (0, records) && records > 0, "{code} {put} of {records}");
    let second = Redriven::into(&up, &[DISCARDED, "--to-stream", "tapeline-frames"]);
    assert_eq!(second.line("RetryAttemptsExhausted").1[2..], [0, records, 0, 0]);
    let ended = up.end();
    assert_eq!(column(&ended, BARS, "trade_count"), ["2"]);
    // The archive had them: what comes twice has the same ids.
    let mut trades = column(&ended, TRADES, "id");
    trades.dedup();
    assert_eq!(trades, ids(1..=3));
}

#[test]
fn an_event_that_was_given_up_may_be_handed_over_again() {
    let up = mended(given_up());
    for document in up.workshop.files(DISCARDED).into_values() {
        let document: serde_json::Value = serde_json::from_slice(&document).unwrap();
        let event = serde_json::from_str(document["payload"].as_str().unwrap()).unwrap();
        let (status, _, answer) = up.aws.invoke("tapeline-indicator-calculator", &event);
        assert_eq!((status.as_u16(), &answer), (200, &serde_json::json!({"batchItemFailures": []})));
    }
    let ended = up.end();
    assert_eq!(column(&ended, BARS, "trade_count"), ["2"]);
    assert_eq!(column(&ended, TRADES, "id"), ids(1..=3));
}

/// A delivery stream that producers put into, and nothing else.
const DIRECT: &str = "
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties: { BucketName: plain }
  Plain:
    Type: AWS::KinesisFirehose::DeliveryStream
    Properties:
      DeliveryStreamName: plain
      DeliveryStreamType: DirectPut
      ExtendedS3DestinationConfiguration:
        BucketARN: !GetAtt Bucket.Arn
        RoleARN: arn:aws:iam::000000000000:role/plain
        Prefix: records/
";

/// The failure document of a record, as Firehose writes it below processing-failed, with its line feed.
fn failed(data: &str, code: &str) -> String {
    let data = STANDARD.encode(data);
    format!(
        r#"{{"attemptsMade":4,"arrivalTimestamp":1672531200000,"errorCode":"{code}","errorMessage":"","attemptEndingTimestamp":1672531200000,"rawData":"{data}","lambdaArn":null}}"#
    ) + "\n"
}

/// A workshop with documents in the folder `failed`.
fn with_documents(documents: &[String]) -> Workshop {
    let workshop = Workshop::new();
    fs::create_dir(workshop.path("failed")).unwrap();
    fs::write(workshop.path("failed/a"), documents.concat()).unwrap();
    workshop
}

#[test]
fn a_delivery_stream_takes_records_back() {
    let up = with_documents(&[failed("1\n", "A"), failed("2\n", "B")]).template(DIRECT).up();
    let redriven = Redriven::into(&up, &["failed", "--to-delivery-stream", "plain"]);
    assert_eq!(redriven.line("all"), (0, [2, 2, 2, 0, 0, 0]));
    assert_eq!(up.end().below("plain/records/"), [b"1\n2\n"]);
}

#[test]
fn what_is_no_document_is_told_with_its_line() {
    let up = with_documents(&[failed("1", "A"), "nothing\n".to_owned()]).template(DIRECT).up();
    let redriven = Redriven::into(&up, &["failed", "--to-delivery-stream", "plain"]);
    assert_eq!(redriven.line("A"), (1, [1, 1, 1, 0, 0, 0]));
    redriven.said(1, "failed/a:2: expected a failure document in JSON");
}

#[test]
fn a_dry_run_counts_by_reason_and_leaves_no_trace() {
    let documents = [failed(&trade(1, 1).1, "A"), failed("not json", "B"), failed("", "B")];
    let workshop = with_documents(&documents);
    let dry = Redriven::run(&workshop, NOWHERE, &["failed", "--dry-run"]);
    assert_eq!((dry.line("A"), dry.line("B")), ((0, [1, 1, 0, 0, 0, 1]), (0, [2, 2, 0, 0, 0, 2])));
    dry.said(0, "2 records are not readable as frames");
    assert!(!workshop.path("failed.redriven").exists());
}

#[test]
fn a_destination_that_does_not_answer_ends_the_run_with_the_cause() {
    let redriven =
        Redriven::run(&with_documents(&[failed("1", "A")]), NOWHERE, &["failed", "--to-stream", "frames"]);
    assert_eq!(redriven.line("A"), (1, [1, 1, 0, 0, 0, 1]));
    redriven.said(1, "error: cannot put records");
}

#[test]
fn a_journal_of_another_stream_is_not_used() {
    let workshop = with_documents(&[failed("1", "A")]);
    let journal = workshop.path("failed.redriven");
    fs::write(&journal, "the stream others at http://127.0.0.1:1\n").unwrap();
    let redriven = Redriven::run(&workshop, NOWHERE, &["failed", "--to-stream", "frames"]);
    redriven.said(1, "name another with --journal");
    assert_eq!(fs::read_to_string(journal).unwrap(), "the stream others at http://127.0.0.1:1\n");
}
