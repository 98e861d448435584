//! The `tapeline` command: runs template.yaml on this machine.

mod arn;
mod bucket;
mod convert;
mod demo;
mod endpoints;
mod engine;
mod exchange;
mod firehose;
mod firehose_api;
mod lambda;
mod mapping;
mod producer;
mod quantity;
mod redrive;
mod replay;
mod sample;
mod stream;
mod streams;
mod tail;
mod template;
mod up;
mod warm_up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tapeline_telemetry::chain;
use thiserror::Error;

use crate::replay::Summary;

/// Runs the market-data pipeline of template.yaml on this machine, as AWS would.
#[derive(Debug, Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Replay(replay::command::ReplayArgs),
    Sample(sample::command::SampleArgs),
    Exchange(exchange::command::ExchangeArgs),
    Demo(demo::DemoArgs),
    WarmUp(warm_up::command::WarmUpArgs),
    Endpoints(endpoints::command::EndpointsArgs),
    Up(up::command::UpArgs),
    Tail(tail::TailArgs),
    Redrive(redrive::command::RedriveArgs),
}

#[derive(Debug, Error)]
enum CommandError {
    #[error(transparent)]
    Replay(#[from] replay::ReplayError),
    #[error(transparent)]
    Sample(#[from] sample::SampleError),
    #[error(transparent)]
    Exchange(#[from] exchange::ExchangeError),
    #[error(transparent)]
    Demo(#[from] demo::DemoError),
    #[error(transparent)]
    WarmUp(#[from] warm_up::WarmUpError),
    #[error(transparent)]
    Endpoints(#[from] endpoints::command::EndpointsError),
    #[error(transparent)]
    Up(#[from] up::command::UpError),
    #[error(transparent)]
    Tail(#[from] tail::TailError),
    #[error(transparent)]
    Redrive(#[from] redrive::RedriveError),
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {}", chain(&error));
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> Result<ExitCode, CommandError> {
    match command {
        Command::Replay(args) => Ok(verdict(&replay::command::replay(&args).await?)),
        Command::Demo(args) => Ok(verdict(&demo::demo(&args).await?)),
        Command::Sample(args) => {
            sample::command::run(&args)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Exchange(args) => {
            exchange::command::run(&args).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::WarmUp(args) => {
            warm_up::command::run(&args).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Up(args) => {
            up::command::run(&args).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Tail(args) => {
            tail::run(&args).await?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Redrive(args) => Ok(redrive::command::run(&args).await?),
        Command::Endpoints(args) => {
            endpoints::command::run(&args).await?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A record that the function refused is its business; an invocation that failed is a defect, and so is a record that
/// the function was done with but that could not be delivered.
fn verdict(summary: &Summary) -> ExitCode {
    let defects = summary.defects();
    for defect in &defects {
        eprintln!("error: {defect}");
    }
    if defects.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
