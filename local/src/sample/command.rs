//! `tapeline sample`: writes a session to a file or to standard output.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;

use super::{MINUTES_MAX, PACE_MAX, START_MS, SampleError, SampleOptions, Session, What};

/// The long help text.
pub(crate) const LONG_ABOUT: &str = "\
Writes a made-up session of Binance spot frames, one combined-stream frame per line, in order of arrival.

The same options write the same bytes on every machine. Frames: trade, aggTrade, kline_1m (open ones about every \
two seconds, the closed one after its minute), bookTicker, depth@100ms, depth5, miniTicker, ticker, ticker_1h, \
avgPrice, !miniTicker@arr once a minute, and once in a session blockTrade and referencePrice (with a price, then \
null). Klines equal their trades exactly; the last symbol has a minute without a trade.

Made on purpose, at places that the seed chooses:
  control frames  a subscription reply, an error reply, and !serverShutdown ten seconds before the end
  duplicates      one exact repeat of a trade frame in each minute that has one
  bad frames      one in each minute, in turn: JSON cut short, price \"abc\", a trade without its quantity, an
                  unknown event type; and, valid but no trade, an invalidated aggTrade (p = q = \"0\", f = l = -1)

Frames by what they are, these included, are counted on standard error at the end.";

/// The default session: about 17,000 frames, small enough to look through and large enough to hold every kind.
const SEED: u64 = 1;
const MINUTES: u32 = 10;
const SYMBOLS: [&str; 4] = ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT"];

/// Options of `tapeline sample`.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
#[command(long_about = LONG_ABOUT)]
pub(crate) struct SampleArgs {
    /// Seed of all randomness
    #[arg(long, default_value_t = SEED)]
    pub(crate) seed: u64,
    /// Symbols, separated by commas
    #[arg(long, value_delimiter = ',', default_values_t = SYMBOLS.map(String::from))]
    pub(crate) symbols: Vec<String>,
    /// Length of the session in minutes
    #[arg(long, default_value_t = MINUTES, value_parser = clap::value_parser!(u32).range(1..=i64::from(MINUTES_MAX)))]
    pub(crate) minutes: u32,
    /// How many times as busy as usual takers are
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(PACE_MAX)))]
    pub(crate) pace: u32,
    /// File to write instead of standard output
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// Number of frames by what they are.
type Counts = BTreeMap<What, u64>;

/// Writes the session, then its counts to standard error.
///
/// # Errors
///
/// Refuses what [`Session::new`] refuses, and says which file could not be written. A reader that closes standard
/// output early has seen enough: that is no error.
pub(crate) fn run(args: &SampleArgs) -> Result<(), SampleError> {
    let session = Session::new(&args.options())?;
    let counts = match &args.out {
        None => write_until_closed(session, io::stdout().lock())?,
        Some(path) => {
            let file =
                File::create(path).map_err(|source| SampleError::Create { path: path.clone(), source })?;
            Some(write(session, file).map_err(|source| SampleError::Write { source })?)
        }
    };
    if let Some(counts) = counts {
        report(&counts, io::stderr().lock());
    }
    Ok(())
}

impl SampleArgs {
    /// The default session, written to a file.
    pub(crate) fn default_into(file: PathBuf) -> Self {
        let symbols = SYMBOLS.map(String::from).to_vec();
        Self { seed: SEED, symbols, minutes: MINUTES, pace: 1, out: Some(file) }
    }

    /// The session asked for; symbols may be typed in lower case.
    pub(crate) fn options(&self) -> SampleOptions {
        let symbols = self.symbols.iter().map(|symbol| symbol.trim().to_ascii_uppercase()).collect();
        SampleOptions { seed: self.seed, symbols, minutes: self.minutes, pace: self.pace, start: START_MS }
    }
}

/// Writes one frame per line.
fn write(session: Session, out: impl Write) -> io::Result<Counts> {
    let mut out = BufWriter::with_capacity(64 * 1024, out);
    let mut counts = Counts::new();
    for frame in session {
        out.write_all(frame.text.as_bytes())?;
        out.write_all(b"\n")?;
        *counts.entry(frame.what).or_default() += 1;
    }
    out.flush()?;
    Ok(counts)
}

/// Writes one frame per line until the reader closes the pipe; `None` if it did.
fn write_until_closed(session: Session, out: impl Write) -> Result<Option<Counts>, SampleError> {
    match write(session, out) {
        Ok(counts) => Ok(Some(counts)),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(None),
        Err(source) => Err(SampleError::Write { source }),
    }
}

/// Prints the counts. That nobody may be reading them is no reason to fail.
fn report(counts: &Counts, mut out: impl Write) {
    for (what, count) in counts {
        let _ = writeln!(out, "{count:>8} {what}");
    }
    let _ = writeln!(out, "{:>8} frames in all", counts.values().sum::<u64>());
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        sample: SampleArgs,
    }

    fn args(words: &[&str]) -> SampleArgs {
        Cli::try_parse_from([&["sample"], words].concat()).unwrap().sample
    }

    /// A pipe that is closed after so many bytes.
    struct Pipe(usize);

    impl Write for Pipe {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            if taken == 0 { Err(ErrorKind::BrokenPipe.into()) } else { Ok(taken) }
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn session() -> Session {
        Session::new(&args(&["--minutes", "1"]).options()).unwrap()
    }

    #[test]
    fn defaults_are_four_symbols_for_ten_minutes() {
        let options = args(&[]).options();
        assert_eq!(options.symbols, ["BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT"]);
        assert_eq!((options.seed, options.minutes, options.start), (1, 10, START_MS));
    }

    #[test]
    fn symbols_may_be_typed_in_lower_case() {
        assert_eq!(args(&["--symbols", "btcusdt, pepeusdt"]).options().symbols, ["BTCUSDT", "PEPEUSDT"]);
    }

    #[test]
    fn a_length_out_of_range_is_refused() {
        for minutes in ["0", "1441", "-1", "x"] {
            assert!(Cli::try_parse_from(["sample", "--minutes", minutes]).is_err(), "{minutes}");
        }
    }

    #[test]
    fn a_reader_that_stops_early_is_no_error() {
        assert_eq!(write_until_closed(session(), Pipe(1_000)).unwrap(), None);
    }

    #[test]
    fn a_full_disk_is_an_error() {
        assert!(matches!(write_until_closed(session(), Full), Err(SampleError::Write { .. })));
    }

    /// A disk without room.
    struct Full;

    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(ErrorKind::StorageFull.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn every_frame_is_one_line_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("session.ndjson");
        let counts = write(session(), File::create(&out).unwrap()).unwrap();
        let text = std::fs::read_to_string(&out).unwrap();
        assert_eq!(u64::try_from(text.lines().count()).unwrap(), counts.values().sum::<u64>());
        assert!(text.ends_with("}\n"));
    }

    #[test]
    fn a_file_that_cannot_be_created_is_named() {
        let error = run(&args(&["--out", "no such folder/session.ndjson"])).unwrap_err();
        assert_eq!(error.to_string(), "no such folder/session.ndjson could not be created");
    }
}
