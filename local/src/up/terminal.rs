//! Where a run is shown: on a terminal as a table that stays below the logs, elsewhere as lines, or as JSON.

use std::io::{self, IsTerminal as _, Write as _};

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::screen::tables;
use crate::engine::status::Status;
use crate::lambda::LogLine;
use crate::lambda::log_view::view;

/// Where a run is shown.
pub(super) enum Terminal {
    /// Documents, one a line.
    Json,
    /// A table below the lines.
    Table {
        /// What keeps the table in its place.
        bar: ProgressBar,
        /// What it showed last: rates are since then.
        before: Status,
    },
    /// Lines alone.
    Lines,
}

impl Terminal {
    /// A terminal has the table, everything else has lines.
    pub(super) fn new(json: bool) -> Self {
        if json {
            return Self::Json;
        }
        if !io::stderr().is_terminal() {
            return Self::Lines;
        }
        // The template is a literal: the fallback is never seen.
        let style =
            ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        Self::Table { bar: ProgressBar::no_length().with_style(style), before: Status::default() }
    }

    /// Shows a line of a function's log; what is of no use to a person is left out.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub(super) fn log(&self, line: &LogLine) -> io::Result<()> {
        match self {
            Self::Json => {
                let LogLine { time, function, request, text } = line;
                let time = format!("{time:.3}");
                let (function, request) = (function.as_ref(), request.as_deref());
                print(
                    &json!({"log": {"time": time, "function": function, "request": request, "text": text}})
                        .to_string(),
                )
            }
            Self::Table { bar, .. } => {
                if let Some(text) = view(line) {
                    bar.println(text);
                }
                Ok(())
            }
            Self::Lines => view(line).map_or(Ok(()), |text| print(&text)),
        }
    }

    /// Whether it shows a status: among lines nobody looks for it, and it is not free.
    pub(super) const fn has_status(&self) -> bool {
        !matches!(self, Self::Lines)
    }

    /// Shows what everything has done so far; nothing among lines.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub(super) fn status(&mut self, status: Status) -> io::Result<()> {
        match self {
            Self::Json => print(&json!({"status": status}).to_string()),
            Self::Table { bar, before } => {
                bar.set_message(tables(&status, before));
                *before = status;
                Ok(())
            }
            Self::Lines => Ok(()),
        }
    }
}

fn print(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
