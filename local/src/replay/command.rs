//! The `replay` command line.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;
use tapeline_market::Market;

use super::clock::Speed;
use super::{Options, ReplayError, Summary, run};
use crate::stream::SHARDS_MAX;

/// Runs recorded frames through template.yaml on this machine.
///
/// Each line of a FILE is one frame; gzip and zstd are read as well, and - is standard input. A knob set in the
/// environment overrides the template's value for every function that has it: KLINES=all tapeline replay ...
#[derive(Debug, Clone, Args)]
pub(crate) struct ReplayArgs {
    /// Recordings, one frame a line.
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How fast: max, or a factor such as 1x or 60x.
    #[arg(long, default_value = "max")]
    pub(crate) speed: Speed,
    /// Folder to write: buckets, logs and summary.json. That of an earlier run is replaced.
    #[arg(long, value_name = "DIR", default_value = "out")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// What a run is set up with, whatever it is fed.
#[derive(Debug, Clone, Args)]
pub(crate) struct TargetArgs {
    /// Market of the frames: spot, usdm or coinm. The same as the knob MARKET.
    #[arg(long)]
    pub(crate) market: Option<Market>,
    /// The template to run.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    pub(crate) template: PathBuf,
    /// Value for a parameter of the template.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = assignment)]
    pub(crate) parameters: Vec<(String, String)>,
    /// Folder of the function binaries; otherwise they are looked for beside this program and in target/lambda.
    #[arg(long, value_name = "DIR")]
    pub(crate) functions: Option<PathBuf>,
    /// Delivery stream or mapping to run, by its name in the template; all of them without any. May be given several times.
    #[arg(long, value_name = "NAME")]
    pub(crate) only: Vec<String>,
    /// Shards of the stream that takes the frames.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(SHARDS_MAX)))]
    pub(crate) shards: u32,
    /// Database file that keeps the functions' tables between runs; otherwise they begin empty.
    #[arg(long, value_name = "FILE")]
    pub(crate) state: Option<PathBuf>,
}

/// Reads a value for a parameter of the template.
pub(crate) fn assignment(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    pair.ok_or_else(|| format!("expected NAME=VALUE, was {text:?}"))
}

/// The variables of this process: knobs among them override those of the template.
pub(crate) fn knobs() -> BTreeMap<String, String> {
    let texts =
        |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
    std::env::vars_os().filter_map(texts).collect()
}

impl TargetArgs {
    /// The options of a run over `files`, with the knobs of the environment.
    pub(crate) fn options(&self, files: Vec<PathBuf>, out: PathBuf, speed: Speed) -> Options {
        let mut variables = knobs();
        if let Some(market) = self.market {
            variables.insert("MARKET".to_owned(), market.to_string());
        }
        Options {
            files,
            out,
            template: self.template.clone(),
            parameters: self.parameters.iter().cloned().collect(),
            variables,
            functions: self.functions.clone(),
            only: self.only.clone(),
            shards: self.shards,
            state: self.state.clone(),
            speed,
        }
    }
}

/// Replays, and prints what came of it.
///
/// # Errors
/// See [`ReplayError`].
pub(crate) async fn replay(args: &ReplayArgs) -> Result<Summary, ReplayError> {
    let summary = run(&args.target.options(args.files.clone(), args.out.clone(), args.speed)).await?;
    println!("{}", summary.table());
    Ok(summary)
}
