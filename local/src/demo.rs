//! `tapeline demo`: a session is made, replayed, and shown as it was delivered.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;
use comfy_table::{Table, presets};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::{Field, Row};
use thiserror::Error;

use crate::quantity::counted;
use crate::replay::command::TargetArgs;
use crate::replay::{ReplayError, Speed, Summary, run};
use crate::sample::SampleError;
use crate::sample::command::SampleArgs;

/// Rows shown of each kind.
const ROWS_SHOWN: usize = 2;
/// Columns shown of each row.
const COLUMNS_SHOWN: usize = 8;
/// Columns that say little in an example: they are the same in all rows, or long.
const COLUMNS_PASSED_OVER: [&str; 4] = ["id", "market", "arrival_time", "close_time"];
/// What stands for a kind where the archive has none: the folder of the bars and their indicators.
const INDICATORS: &str = "indicators";
/// Bars shown: the last ones, since indicators begin once enough bars were seen.
const BARS_SHOWN: usize = 5;
/// Columns shown of a bar, as far as it has them.
const BAR_COLUMNS: [&str; 10] =
    ["symbol", "interval", "open_time", "open", "high", "low", "close", "base_volume", "ema_9", "rsi_14"];

/// Makes a session, runs it through template.yaml on this machine and shows some rows of what was delivered.
#[derive(Debug, Clone, Args)]
pub(crate) struct DemoArgs {
    /// Folder to write: the session, and what was delivered.
    #[arg(long, value_name = "DIR", default_value = "out/demo")]
    out: PathBuf,
    #[command(flatten)]
    target: TargetArgs,
}

/// The demonstration broke off.
#[derive(Debug, Error)]
pub(crate) enum DemoError {
    /// The session cannot be made.
    #[error(transparent)]
    Sample(#[from] SampleError),
    /// The session cannot be replayed.
    #[error(transparent)]
    Replay(#[from] ReplayError),
    /// A folder cannot be made or read.
    #[error("cannot use {}", .path.display())]
    Folder {
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A delivered file is no Parquet.
    #[error("cannot read {} as Parquet", .path.display())]
    Parquet {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: ParquetError,
    },
}

/// Makes a session, replays it and prints what came of it.
///
/// # Errors
/// See [`DemoError`].
pub(crate) async fn demo(args: &DemoArgs) -> Result<Summary, DemoError> {
    let (session, replayed) = (args.out.join("session.ndjson"), args.out.join("replay"));
    fs::create_dir_all(&args.out).map_err(|source| DemoError::Folder { path: args.out.clone(), source })?;
    println!("1. A session of Binance frames, made up and always the same: {}\n", session.display());
    crate::sample::command::run(&SampleArgs::default_into(session.clone()))?;
    println!(
        "\n2. Through the functions of template.yaml, delivered as Parquet below {}\n",
        replayed.display()
    );
    let summary = run(&args.target.options(vec![session], replayed.clone(), Speed::Max)).await?;
    for (kind, file) in first_file_of_each_kind(&replayed)? {
        let (table, rows) = if kind == INDICATORS {
            // This folder has no kinds.
            (last_bars(&file), summary.rows("all"))
        } else {
            (first_rows(&file), summary.rows(&kind))
        };
        let table = table.map_err(|source| DemoError::Parquet { path: file, source })?;
        println!("{kind}: {}\n{table}\n", counted(rows, "row"));
    }
    println!(
        "3. Every frame accounted for, also in {}\n\n{}",
        replayed.join("summary.json").display(),
        summary.table()
    );
    Ok(summary)
}

/// The first file below each `kind=` folder, by name; the last one of the bars.
fn first_file_of_each_kind(folder: &Path) -> Result<BTreeMap<String, PathBuf>, DemoError> {
    let mut files: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |source| DemoError::Folder { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "parquet") {
                let kind = path.iter().find_map(|part| part.to_str()?.strip_prefix("kind="));
                let kind = kind.unwrap_or(INDICATORS).to_owned();
                let is_last_shown = kind == INDICATORS;
                let shown = files.entry(kind).or_insert_with(|| path.clone());
                if (path > *shown) == is_last_shown {
                    *shown = path;
                }
            }
        }
    }
    Ok(files)
}

/// The first rows of a file, with the columns that one of them has.
fn first_rows(file: &Path) -> Result<Table, ParquetError> {
    let reader = SerializedFileReader::new(File::open(file)?)?;
    let rows: Vec<_> = reader.get_row_iter(None)?.take(ROWS_SHOWN).collect::<Result<_, _>>()?;
    let filled = rows.iter().flat_map(Row::get_column_iter).filter(|(_, value)| **value != Field::Null);
    let filled: BTreeSet<&str> = filled.map(|(name, _)| name.as_str()).collect();
    let is_shown = |name: &str| filled.contains(name) && !COLUMNS_PASSED_OVER.contains(&name);
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    for row in &rows {
        let cells: Vec<_> =
            row.get_column_iter().filter(|(name, _)| is_shown(name)).take(COLUMNS_SHOWN).collect();
        table.set_header(cells.iter().map(|(name, _)| name.as_str()));
        table.add_row(cells.iter().map(|(_, value)| shown(value)));
    }
    Ok(table)
}

/// The last bars of a file.
fn last_bars(file: &Path) -> Result<Table, ParquetError> {
    let reader = SerializedFileReader::new(File::open(file)?)?;
    let rows: Vec<_> = reader.get_row_iter(None)?.collect::<Result<_, _>>()?;
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    for row in rows.iter().skip(rows.len().saturating_sub(BARS_SHOWN)) {
        let cells: Vec<_> = BAR_COLUMNS
            .iter()
            .filter_map(|column| row.get_column_iter().find(|(name, _)| name == column))
            .collect();
        table.set_header(cells.iter().map(|(name, _)| name.as_str()));
        table.add_row(cells.iter().map(|(_, value)| shown(value)));
    }
    Ok(table)
}

/// A value as a person reads it: times as such, lists by their length.
fn shown(value: &Field) -> String {
    match value {
        Field::Str(text) => text.clone(),
        Field::TimestampMillis(millis) => jiff::Timestamp::from_millisecond(*millis)
            .map_or_else(|_| millis.to_string(), |time| time.to_string()),
        Field::ListInternal(list) => counted(list.len() as u64, "level"),
        Field::Double(number) => number.to_string(),
        Field::Null => String::new(),
        other => other.to_string(),
    }
}
