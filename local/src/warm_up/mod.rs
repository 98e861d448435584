//! `tapeline warm-up`: the calculator's state, seeded from history before the stream begins.
//!
//! Recursive indicators need hundreds of bars until their values mean something. History comes as klines, as the exchange
//! archives them, or as recorded frames. Klines are rolled up to the deployment's intervals and given to the calculator's
//! own series; frames go through the calculator itself, whose rows nobody sees. Both work on a store in memory, klines
//! first. Only then is what came of it written to the real one, under conditions that leave a symbol alone whose frames
//! the deployed calculator has seen already.

mod archive;
pub(crate) mod command;
mod frames;
mod keep;
mod klines;
mod progress;
mod roll_up;

use std::path::PathBuf;

use indicator_calculator::CalculateError;
use indicator_calculator::state::{SaveError, StoreError};
use tapeline_lambda_wire::variables::ConfigError;
use tapeline_market::Interval;
use thiserror::Error;

use crate::endpoints::EndpointError;
use crate::replay::RecordingError;
use crate::template::TemplateError;
use archive::ArchiveError;

/// The warm-up broke off. Before anything is written, unless writing itself failed: then it may be run again.
#[derive(Debug, Error)]
pub(crate) enum WarmUpError {
    /// The template cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Nothing of the template keeps indicators.
    #[error("{} must have a function whose binary is {binary}", .template.display())]
    NoCalculator {
        /// The template.
        template: PathBuf,
        /// Name of the binary.
        binary: &'static str,
    },
    /// The function's settings cannot be used.
    #[error("the settings of {function} must be usable")]
    Settings {
        /// Name of the function.
        function: String,
        /// What is wrong with them.
        #[source]
        source: ConfigError,
    },
    /// The account or the region cannot be used.
    #[error("the environment must name region and credentials, or --state a file")]
    Aws(#[source] ConfigError),
    /// The local table cannot be served.
    #[error(transparent)]
    Endpoints(#[from] EndpointError),
    /// A file of klines cannot be read on.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A recording cannot be read on.
    #[error(transparent)]
    Recording(#[from] RecordingError),
    /// Klines that nothing is made of.
    #[error(
        "expected klines of an interval that the bars of {wanted} are made of, was {interval} of {symbol}"
    )]
    Unused {
        /// The symbol.
        symbol: String,
        /// The interval found.
        interval: Interval,
        /// The deployment's intervals.
        wanted: String,
    },
    /// The calculator does not take a batch.
    #[error(transparent)]
    Calculate(#[from] CalculateError),
    /// The calculator failed at a symbol.
    #[error("expected the calculator to take every frame: {cause}")]
    Lane {
        /// Why, in one line.
        cause: String,
    },
    /// The store does not tell what is there.
    #[error(transparent)]
    Load(#[from] StoreError),
    /// The store does not take an item.
    #[error("the state of {lane} must be kept")]
    Save {
        /// `market|symbol`.
        lane: String,
        /// Why.
        #[source]
        source: SaveError,
    },
}

#[cfg(test)]
mod tests;
