//! The `redrive` command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tapeline_market::Market;
use tapeline_telemetry::chain;

use super::RedriveError;
use super::aws::Aws;
use super::destination::Destination;
use super::document::{Content, Document};
use super::drive::{Batch, Redrive, count_done};
use super::firehose::DeliveryStream;
use super::journal::Journal;
use super::kinesis::DataStream;
use super::label::Label;
use super::range::Ranges;
use super::source::{Reading, SourceError, Unreadable, files};
use super::summary::Summary;
use crate::replay::command::knobs;

/// What the journal is called, behind the name of the first folder.
const JOURNAL: &str = "redriven";
/// Texts that are no documents of which each is told.
const UNREADABLE_TOLD_MAX: u64 = 10;

/// Puts records that failed back, from the documents in which Data Firehose and Lambda keep them.
///
/// A PATH is a file or a folder of documents, as `aws s3 sync` fetches them or a local run keeps them below data/s3; - is
/// standard input, one document a line. Documents of Firehose have the data of a record; those of an event source mapping
/// have a batch of them in S3, and in SQS and SNS tell where they are: then they are read from their stream, if it still
/// has them.
///
/// What is put is noted in a journal, so a second run puts nothing twice; a run that was broken off repeats at most the
/// call that was under way. Rows of a record that came twice have the same `id`. Order is kept within a partition key. Ends with
/// 1 if something is left.
///
/// The account is that of the environment: `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, perhaps
/// `AWS_SESSION_TOKEN`; or what `tapeline up` prints.
#[derive(Debug, Clone, Args)]
pub(crate) struct RedriveArgs {
    /// Documents.
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    to: To,
    /// The file that remembers what was put; otherwise beside the first PATH, its name followed by .redriven.
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,
    /// Market of frames whose partition key is not told: spot, usdm or coinm.
    #[arg(long, default_value_t = Market::Spot)]
    market: Market,
    /// Counts what there is by reason, and puts nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Where records go.
#[derive(Debug, Clone, Args)]
#[group(multiple = false)]
struct To {
    /// The data stream that takes the records, each under the key it had, or that of its frame: market|symbol.
    #[arg(long, value_name = "NAME", required_unless_present_any = ["to_delivery_stream", "dry_run"])]
    to_stream: Option<String>,
    /// The delivery stream that takes the records; not one that reads a data stream.
    #[arg(long, value_name = "NAME")]
    to_delivery_stream: Option<String>,
}

/// Redrives, and prints what came of it.
///
/// # Errors
/// See [`RedriveError`].
pub(crate) async fn run(args: &RedriveArgs) -> Result<ExitCode, RedriveError> {
    let journal = args.journal.clone().unwrap_or_else(|| beside(args.paths.first()));
    let files = files(&args.paths, &journal)?;
    let progress = progress(&files);
    let (mut reading, mut summary) = (Reading::new(files, &progress), Summary::default());
    let result = if args.dry_run {
        survey(&mut reading, &Journal::look(&journal)?, args.market, &mut summary)
    } else {
        args.put(&journal, &mut reading, &mut summary).await
    };
    progress.finish_and_clear();
    println!("{}", summary.table());
    for remark in summary.remarks() {
        println!("{remark}");
    }
    result?;
    // Of a dry run, what is left is what it was asked for.
    let is_well = args.dry_run || summary.is_complete();
    Ok(if is_well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl RedriveArgs {
    async fn put(
        &self,
        journal: &Path,
        reading: &mut Reading<'_>,
        summary: &mut Summary,
    ) -> Result<(), RedriveError> {
        let variables = knobs();
        let aws = Aws::from_variables(|name| variables.get(name).cloned()).map_err(RedriveError::Aws)?;
        let ranges = Ranges { client: aws.kinesis() };
        if let Some(name) = &self.to.to_delivery_stream {
            let place = format!("the delivery stream {name} at {}", aws.firehose_place());
            let destination = DeliveryStream { client: aws.firehose(), name: name.clone() };
            let journal = Journal::open(journal, &place)?;
            return drive(self.redrive(&destination, &ranges, journal), reading, summary).await;
        }
        let name = self.to.to_stream.clone().unwrap_or_default();
        let place = format!("the stream {name} at {}", aws.kinesis_place());
        let destination = DataStream { client: aws.kinesis(), name };
        let journal = Journal::open(journal, &place)?;
        drive(self.redrive(&destination, &ranges, journal), reading, summary).await
    }

    fn redrive<'r, D>(&self, destination: &'r D, ranges: &'r Ranges, journal: Journal) -> Redrive<'r, D> {
        Redrive { destination, ranges, market: self.market, journal, batch: Batch::default() }
    }
}

/// Puts every document.
async fn drive<D: Destination>(
    mut redrive: Redrive<'_, D>,
    reading: &mut Reading<'_>,
    summary: &mut Summary,
) -> Result<(), RedriveError> {
    while let Some(document) = next(reading, summary)? {
        redrive.take(document, summary).await?;
    }
    redrive.put(summary).await
}

/// Counts every document.
fn survey(
    reading: &mut Reading<'_>,
    journal: &Journal,
    market: Market,
    summary: &mut Summary,
) -> Result<(), RedriveError> {
    while let Some(document) = next(reading, summary)? {
        summary.add_document(&document);
        summary.counts(&document.reason).before += count_done(journal, &document);
        if let Content::Records(records) = &document.content {
            for record in records.iter().filter(|record| record.partition_key.is_none()) {
                summary.add_label(&Label::of(&record.data, market));
            }
        }
    }
    Ok(())
}

/// Reads on to the next document. Texts that are none are told of.
fn next(reading: &mut Reading<'_>, summary: &mut Summary) -> Result<Option<Document>, SourceError> {
    loop {
        match reading.next()? {
            None => return Ok(None),
            Some(Ok(document)) => return Ok(Some(document)),
            Some(Err(Unreadable { place, error })) => {
                summary.unreadable += 1;
                if summary.unreadable <= UNREADABLE_TOLD_MAX {
                    eprintln!("error: {place}: {}", chain(&error));
                }
            }
        }
    }
}

/// The journal of some documents: beside their folder, or in this one for those of standard input.
fn beside(path: Option<&PathBuf>) -> PathBuf {
    let path = path.and_then(|path| path.canonicalize().ok());
    let name = path.as_deref().and_then(Path::file_name);
    match (&path, name) {
        (Some(path), Some(name)) => {
            let mut name = name.to_owned();
            name.push(format!(".{JOURNAL}"));
            path.with_file_name(name)
        }
        _ => PathBuf::from(JOURNAL),
    }
}

fn progress(files: &[PathBuf]) -> ProgressBar {
    let bytes = files.iter().map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum();
    let style = ProgressStyle::with_template("{bar:40} {binary_bytes}/{binary_total_bytes}, {eta} left");
    // The template is a literal: the fallback is never seen.
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_journal_is_beside_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let errors = folder.path().canonicalize().unwrap().join("errors");
        std::fs::create_dir(&errors).unwrap();
        let expected = errors.with_file_name("errors.redriven");
        assert_eq!(beside(Some(&errors)), expected);
        assert_eq!(beside(Some(&errors.join("../errors/"))), expected);
        assert_eq!(beside(Some(&"-".into())), PathBuf::from("redriven"));
    }
}
