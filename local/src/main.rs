//! Runs template.yaml on this machine.

mod convert;
mod firehose;

fn main() {}
