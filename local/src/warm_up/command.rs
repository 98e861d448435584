//! The `warm-up` command line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use indicator_calculator::aws::Aws;
use indicator_calculator::state::{DynamoDb, Item, ItemKey, MemoryStore, Part, StateStore};
use indicator_calculator::{Config, lane_key};
use tapeline_market::{Interval, Market, Symbol};

use super::archive::{Given, is_archive};
use super::keep::{Begun, Kept, keep};
use super::{WarmUpError, frames, klines, progress};
use crate::arn;
use crate::endpoints::Endpoints;
use crate::quantity::counted;
use crate::replay::command::assignment;
use crate::replay::{Recording, turn_knobs};
use crate::template::Stack;

/// The binary that keeps indicators.
const CALCULATOR: &str = "indicator-calculator";
/// The variable that names the table of the state.
const STATE_TABLE: &str = "STATE_TABLE";

/// Seeds the calculator's state from history, so that the first bars of the stream have indicators.
///
/// A FILE with .csv in its name has klines as the exchange archives them, or lines of
/// `open_ms,open,high,low,close,volume`; any other is a recording, one frame a line. Gzip and zstd are read as well. Give
/// the files of a symbol in the order of their time; an interval without files of its own is rolled up from a shorter
/// one. Of a symbol whose frames the calculator has seen, indicators are renewed if the files reach as far as it has come, as
/// after a change of INDICATORS: disable the event source mapping for that time.
///
/// Without --state, the table is that of the AWS account that the environment names: `AWS_REGION`, `AWS_ACCESS_KEY_ID`,
/// `AWS_SECRET_ACCESS_KEY`, perhaps `AWS_SESSION_TOKEN`, and `STATE_TABLE` where the stack is not called tapeline. A knob
/// set in the environment overrides the template's value, as for replay: be sure to use those that are deployed.
#[derive(Debug, Clone, Args)]
pub(crate) struct WarmUpArgs {
    /// Klines and recordings.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Market of the files: spot, usdm or coinm. The same as the knob MARKET.
    #[arg(long)]
    market: Option<Market>,
    /// Symbol of all klines; otherwise the names of their files tell.
    #[arg(long, value_parser = symbol)]
    symbol: Option<String>,
    /// Interval of all klines; otherwise the names of their files tell.
    #[arg(long)]
    interval: Option<Interval>,
    /// The template whose calculator is warmed up.
    #[arg(long, value_name = "FILE", default_value = "template.yaml")]
    template: PathBuf,
    /// Value for a parameter of the template.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = assignment)]
    parameters: Vec<(String, String)>,
    /// Database file of `tapeline replay` to write, instead of the table on AWS.
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
}

fn symbol(text: &str) -> Result<String, String> {
    Symbol::parse(text).map(|symbol| symbol.to_string()).map_err(|error| error.to_string())
}

/// Warms up, and prints what came of it.
///
/// # Errors
/// See [`WarmUpError`].
pub(crate) async fn run(args: &WarmUpArgs) -> Result<(), WarmUpError> {
    let setup = Setup::of(args)?;
    // The endpoint is open for as long as it is kept.
    let (store, endpoints) = setup.open(args.state.as_deref()).await?;
    let Seeded { items, series, refused } = seed(args, &setup.config, &store).await?;
    let kept = keep(&store, &setup.config.bars, items).await?;
    drop(endpoints);
    let columns = setup.config.plan.columns().len();
    println!("{}", progress::table(&series, columns, |lane, interval| said(&kept, lane, interval)));
    if refused > 0 {
        println!("{} could not be read", counted(refused, "frame"));
    }
    Ok(())
}

/// What is warmed up.
struct Setup {
    stack: Stack,
    config: Config,
    /// Where the function is deployed, by its ARN.
    region: String,
    /// The environment.
    variables: BTreeMap<String, String>,
}

impl Setup {
    fn of(args: &WarmUpArgs) -> Result<Self, WarmUpError> {
        let variables = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let mut variables: BTreeMap<_, _> = variables.collect();
        if let Some(market) = args.market {
            variables.insert("MARKET".to_owned(), market.to_string());
        }
        let mut stack = Stack::load(&args.template, &args.parameters.iter().cloned().collect())?;
        turn_knobs(&mut stack, &variables);
        let function = stack.functions.iter().find(|function| function.binary == CALCULATOR);
        let function = function.ok_or_else(|| WarmUpError::NoCalculator {
            template: args.template.clone(),
            binary: CALCULATOR,
        })?;
        let config = Config::from_variables(|name| function.environment.get(name).cloned());
        let config =
            config.map_err(|source| WarmUpError::Settings { function: function.name.clone(), source })?;
        let region = arn::region(&function.arn).to_owned();
        Ok(Self { stack, config, region, variables })
    }

    /// Opens the table: in a file, behind an endpoint that is handed back, or on AWS.
    async fn open(&self, state: Option<&Path>) -> Result<(DynamoDb, Option<Endpoints>), WarmUpError> {
        let aws = |variables: &BTreeMap<String, String>| {
            Aws::from_variables(|name| variables.get(name).cloned()).map_err(WarmUpError::Aws)
        };
        let table = self.config.state_table.clone();
        if state.is_none() {
            let named = self.variables.get(STATE_TABLE).filter(|name| !name.is_empty()).cloned();
            return Ok((aws(&self.variables)?.state_store(named.unwrap_or(table)), None));
        }
        let endpoints = Endpoints::open(&self.stack, state).await?;
        let mut variables = endpoints.variables();
        variables.insert("AWS_REGION".to_owned(), self.region.clone());
        Ok((aws(&variables)?.state_store(table), Some(endpoints)))
    }
}

/// What came of the files.
struct Seeded {
    items: Vec<Item>,
    series: progress::Series,
    /// Frames that could not be read.
    refused: u64,
}

/// Reads klines first, then recordings, which continue from where klines end. `stored` is only asked.
async fn seed(args: &WarmUpArgs, config: &Config, stored: &impl StateStore) -> Result<Seeded, WarmUpError> {
    let (archives, recordings): (Vec<_>, Vec<_>) =
        args.files.iter().cloned().partition(|file| is_archive(file));
    let given = Given { symbol: args.symbol.clone(), interval: args.interval };
    let symbols = klines::sorted(&archives, &given)?;
    let lanes = symbols.keys().map(|symbol| lane_key(&config.bars, symbol));
    let begun = Begun::load(stored, &config.bars, lanes).await?;
    let (mut series, progress) = (progress::Series::new(), progress_of(&args.files));
    let memory = MemoryStore::default();
    for write in klines::seed(&symbols, config, &begun, (&mut series, &progress))? {
        let lane = write.item.key.lane.clone();
        memory.save(&write).await.map_err(|source| WarmUpError::Save { lane, source })?;
    }
    let refused = frames::play(&recordings, config, &memory, (&mut series, &progress)).await?;
    progress.finish_and_clear();
    Ok(Seeded { items: memory.items(), series, refused })
}

fn progress_of(files: &[PathBuf]) -> ProgressBar {
    let bytes = files.iter().map(|file| Recording::bytes(file)).sum();
    let style = ProgressStyle::with_template("{bar:40} {binary_bytes}/{binary_total_bytes}, {eta} left");
    // The template is a literal: the fallback is never seen.
    ProgressBar::new(bytes).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn said(kept: &BTreeMap<ItemKey, Kept>, lane: &str, interval: Interval) -> String {
    let key = ItemKey { lane: lane.to_owned(), part: Part::Series(interval) };
    kept.get(&key).map_or("begins with the stream", |kept| kept.as_str()).to_owned()
}
