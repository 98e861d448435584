//! One line on a terminal that tells how the feed is, written over itself every second.

use std::io::{self, IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use super::Counts;

const EVERY: Duration = Duration::from_secs(1);

/// Shows the line, for ever; nothing where standard error is no terminal.
pub async fn run(counts: Arc<Counts>) {
    if !io::stderr().is_terminal() {
        return;
    }
    let mut before = 0;
    loop {
        tokio::time::sleep(EVERY).await;
        let frames = counts.frames_put.now();
        // Back to the first column; behind the text the line is cleared.
        let _ = write!(io::stderr().lock(), "\r{}\x1b[K", line(&counts, frames - before));
        before = frames;
    }
}

fn line(counts: &Counts, frames: u64) -> String {
    format!(
        "{frames} frames/s, {} connections, {} reconnects, {} gaps filled, {} unfilled, {} records waiting, spool {} KiB, lag {} ms",
        counts.connections.now(),
        counts.reconnects.now(),
        counts.gaps_filled.now(),
        counts.gaps_unfilled.now(),
        counts.records_waiting.now(),
        counts.spool_bytes.now() / 1024,
        counts.lag_us.now() / 1000,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_tells_how_the_feed_is() {
        let counts = Counts::default();
        counts.connections.set(2);
        counts.spool_bytes.set(4096);
        counts.lag_us.set(12_345);
        assert_eq!(
            line(&counts, 950),
            "950 frames/s, 2 connections, 0 reconnects, 0 gaps filled, 0 unfilled, 0 records waiting, \
             spool 4 KiB, lag 12 ms"
        );
    }
}
