//! Runs template.yaml on this machine.
mod firehose;

fn main() {}
