//! Runs template.yaml on this machine.
mod firehose;
mod lambda;

fn main() {}
