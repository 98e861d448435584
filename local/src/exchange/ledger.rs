//! A file with every trade that was ever made: what a stream must hold is read from it.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use super::history::Series;

/// The file, if there is one.
#[derive(Debug)]
pub(crate) struct Ledger(Option<BufWriter<File>>);

impl Ledger {
    /// Begins the file.
    ///
    /// # Errors
    /// When it cannot be created.
    pub(crate) fn create(path: Option<&Path>) -> io::Result<Self> {
        Ok(Self(path.map(File::create).transpose()?.map(BufWriter::new)))
    }

    /// Notes a trade: `BTCUSDT aggTrade 26129`.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn note(&mut self, symbol: &str, series: Series, id: i64) -> io::Result<()> {
        let name = match series {
            Series::AggTrades => "aggTrade",
            Series::Trades => "trade",
        };
        self.0.as_mut().map_or(Ok(()), |file| writeln!(file, "{symbol} {name} {id}"))
    }

    /// Has everything in the file.
    ///
    /// # Errors
    /// When the disk is full.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}
