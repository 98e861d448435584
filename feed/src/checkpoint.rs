//! How far each route has got, kept in a file over restarts.
//!
//! The file is one JSON document: `{"version":1,"marks":[{"market":"spot","symbol":"BTCUSDT","kind":"trade","last_id":7}]}`.
//! It is written beside itself and renamed, so a kill leaves the old one or the new one, never half of either.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tapeline_codec::binance::Kind;
use tapeline_market::{Market, Symbol};
use thiserror::Error;

use crate::frame::{Mark, Route};

/// What is written, and all that is read.
const VERSION: u64 = 1;
/// More than a hundred thousand marks take.
const BYTES_MAX: u64 = 32 * 1024 * 1024;

/// The checkpoint cannot be read or written.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The disk does not do it.
    #[error("cannot keep the checkpoint in {}", .path.display())]
    Disk {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// What the file holds is none. To go on without it would leave a gap that nobody hears of.
    #[error("expected a checkpoint of version {VERSION} in {}: {what}; without the file the feed begins anew", .path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// The file of the checkpoint.
#[derive(Debug, Clone)]
pub struct Checkpoint(PathBuf);

impl Checkpoint {
    /// The checkpoint in a folder.
    pub fn in_folder(folder: &Path) -> Self {
        Self(folder.join("checkpoint.json"))
    }

    /// Reads the marks; none where there is no file yet.
    ///
    /// # Errors
    /// When the file cannot be read, or is no checkpoint.
    pub fn load(&self) -> Result<Vec<Mark>, CheckpointError> {
        match fs::metadata(&self.0) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Ok(metadata) if metadata.len() > BYTES_MAX => return Err(self.content("it is too long")),
            _ => {}
        }
        let bytes = fs::read(&self.0).map_err(|source| self.disk(source))?;
        let document: Value = serde_json::from_slice(&bytes).map_err(|_| self.content("it is no JSON"))?;
        if document.get("version").and_then(Value::as_u64) != Some(VERSION) {
            return Err(self.content("its version is another"));
        }
        let marks =
            document.get("marks").and_then(Value::as_array).ok_or_else(|| self.content("no marks"))?;
        let marks: Option<Vec<_>> = marks.iter().map(mark).collect();
        marks.ok_or_else(|| self.content("a mark is none"))
    }

    /// Writes the marks; they outlive a loss of power when this returns.
    ///
    /// # Errors
    /// When the disk does not take them; then the file is as it was.
    pub fn save(&self, marks: &[Mark]) -> Result<(), CheckpointError> {
        let marks: Vec<_> = marks.iter().map(document).collect();
        let text = json!({ "version": VERSION, "marks": marks }).to_string();
        let new = self.0.with_extension("new");
        let write = || {
            let mut file = File::create(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            fs::rename(&new, &self.0)?;
            // The folder holds the name.
            self.0.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        write().map_err(|source| self.disk(source))
    }

    fn disk(&self, source: io::Error) -> CheckpointError {
        CheckpointError::Disk { path: self.0.clone(), source }
    }

    fn content(&self, what: &'static str) -> CheckpointError {
        CheckpointError::Content { path: self.0.clone(), what }
    }
}

fn document(mark: &Mark) -> Value {
    let Mark { route: Route { market, symbol, kind }, last_id } = mark;
    let (symbol, kind) = (symbol.as_deref(), kind.map(Kind::as_str));
    json!({ "market": market.as_str(), "symbol": symbol, "kind": kind, "last_id": last_id })
}

fn mark(document: &Value) -> Option<Mark> {
    let text = |key| document.get(key).and_then(Value::as_str);
    let symbol = Symbol::parse(text("symbol")?).ok()?;
    let route = Route {
        market: text("market")?.parse::<Market>().ok()?,
        symbol: Some(symbol.as_str().into()),
        kind: Some(text("kind")?.parse::<Kind>().ok()?),
    };
    Some(Mark { route, last_id: document.get("last_id")?.as_u64()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trades_of(symbol: &str, last_id: u64) -> Mark {
        let route = Route { market: Market::Spot, symbol: Some(symbol.into()), kind: Some(Kind::Trade) };
        Mark { route, last_id }
    }

    #[test]
    fn marks_are_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::in_folder(folder.path());
        assert_eq!(checkpoint.load().unwrap(), []);
        for marks in [vec![trades_of("BTCUSDT", u64::MAX)], vec![trades_of("A", 1), trades_of("币安", 2)]] {
            checkpoint.save(&marks).unwrap();
            assert_eq!(checkpoint.load().unwrap(), marks);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    fn refused(content: &str, expected: &str) {
        let folder = tempfile::tempdir().unwrap();
        let checkpoint = Checkpoint::in_folder(folder.path());
        fs::write(&checkpoint.0, content).unwrap();
        let CheckpointError::Content { what, .. } = checkpoint.load().unwrap_err() else {
            panic!("expected the content to be refused");
        };
        assert_eq!(what, expected);
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        refused("", "it is no JSON");
        refused(r#"{"version":2,"marks":[]}"#, "its version is another");
        refused(r#"{"version":1}"#, "no marks");
        refused(r#"{"version":1,"marks":[{"market":"spot","symbol":"A","kind":"trade"}]}"#, "a mark is none");
    }
}
