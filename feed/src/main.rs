//! The `tapeline-feed` command: flags, runtime, signals.

use std::io;
use std::process::ExitCode;

use clap::Parser as _;
use tapeline_feed::config::{Config, Flags};
use tapeline_feed::run::run;
use tapeline_feed::seeing::health;
use tapeline_telemetry::{chain, log};
use tokio::signal::unix::{SignalKind, signal};
use tracing::error;

#[tokio::main]
async fn main() -> ExitCode {
    let config = match Config::from_flags(&Flags::parse()) {
        Ok(config) => config,
        Err(error) => {
            for problem in error.problems {
                eprintln!("error: {}: {}", problem.flag, problem.message);
            }
            return ExitCode::FAILURE;
        }
    };
    if let (true, Some(address)) = (config.is_health_check, config.health) {
        return end(health::check(address).await.map_err(|error| chain(&error)));
    }
    log::start(config.log_level, |_| true);
    let ending = match ending() {
        Ok(ending) => ending,
        Err(error) => return end(Err(format!("cannot wait for signals: {error}"))),
    };
    // Boxed: the SDK's futures are nested deeper than the compiler follows in one piece.
    let result = Box::pin(run(config, ending)).await;
    result.map_or_else(
        |cause| {
            error!(error = chain(&cause), "ended");
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    )
}

fn end(result: Result<(), String>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    ExitCode::FAILURE
}

/// Waits for Ctrl-C, or for the signal with which a system asks a process to end.
fn ending() -> io::Result<impl Future<Output = ()>> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
