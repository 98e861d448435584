//! Runs template.yaml on this machine.

mod convert;
mod firehose;
mod lambda;
mod sample;
mod template;

fn main() {}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
