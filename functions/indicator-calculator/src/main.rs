//! The Lambda function: configuration from the environment, then the runtime's loop.

use std::process::ExitCode;
use std::time::SystemTime;

use bytes::Bytes;
use indicator_calculator::aws::{self, Aws};
use indicator_calculator::publish::KinesisStream;
use indicator_calculator::state::DynamoDb;
use indicator_calculator::{Calculated, Calculator, Config, log::batch};
use tapeline_lambda_wire::variables::ConfigError;
use tapeline_lambda_wire::{HandlerError, Invocation, log};
use tokio::sync::Mutex;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let variable = |name: &str| std::env::var(name).ok();
    let (config, aws) =
        match ConfigError::together(Config::from_variables(variable), Aws::from_variables(variable)) {
            Ok(both) => both,
            Err(error) => {
                log::start_failed(&error);
                return ExitCode::FAILURE;
            }
        };
    log::start(config.log_level);
    let store = aws.state_store(config.state_table.clone());
    let publisher = aws.publisher(config.output_stream.clone());
    aws::open(&store, &publisher).await;
    // Invocations of one environment come one after another: nobody ever waits for the lock.
    let calculator = Mutex::new(Calculator::new(config, store, publisher));
    let handler = async |payload: Bytes, invocation: Invocation| {
        handle(&mut *calculator.lock().await, &payload, &invocation).await
    };
    match tapeline_lambda_wire::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::runtime_failed(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

async fn handle(
    calculator: &mut Calculator<DynamoDb, KinesisStream>,
    payload: &[u8],
    invocation: &Invocation,
) -> Result<Vec<u8>, HandlerError> {
    // Boxed: the SDK's futures are nested deeper than the compiler follows in one piece.
    match Box::pin(calculator.calculate(payload)).await {
        Ok(Calculated { answer, report }) => {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            batch(&report, invocation, i64::try_from(now.as_micros()).unwrap_or(i64::MAX));
            Ok(answer)
        }
        Err(error) => Err(log::invocation_failed(error.error_type(), &error, invocation)),
    }
}
