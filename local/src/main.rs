//! Runs template.yaml on this machine.

mod convert;
mod firehose;
mod sample;

fn main() {}
