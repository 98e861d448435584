//! The function as the runtime's own examples write it.

use aws_lambda_events::event::firehose::KinesisFirehoseEvent;
use lambda_runtime::{Error, LambdaEvent, run, service_fn};
use peer_rust_value::transform;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    run(service_fn(async |event: LambdaEvent<KinesisFirehoseEvent>| Ok::<_, Error>(transform(event.payload))))
        .await
}
