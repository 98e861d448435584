//! The Lambda function: configuration from the environment, then the runtime's loop.

use std::process::ExitCode;

use bytes::Bytes;
use record_transformer::{Config, Transformed, Transformer, log::batch};
use tapeline_lambda_wire::{HandlerError, Invocation, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let config = match Config::from_variables(|name| std::env::var(name).ok()) {
        Ok(config) => config,
        Err(error) => {
            log::start_failed(&error);
            return ExitCode::FAILURE;
        }
    };
    log::start(config.log_level);
    let mut transformer = Transformer::new(config);
    let handler = |payload: Bytes, invocation: Invocation| {
        std::future::ready(handle(&mut transformer, &payload, &invocation))
    };
    match tapeline_lambda_wire::run(handler).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::runtime_failed(error.as_ref());
            ExitCode::FAILURE
        }
    }
}

fn handle(
    transformer: &mut Transformer,
    payload: &[u8],
    invocation: &Invocation,
) -> Result<Vec<u8>, HandlerError> {
    match transformer.transform(payload) {
        Ok(Transformed { answer, report }) => {
            batch(&report, invocation);
            Ok(answer)
        }
        Err(error) => Err(log::invocation_failed(error.error_type(), &error, invocation)),
    }
}
