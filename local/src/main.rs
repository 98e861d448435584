//! Runs template.yaml on this machine.
mod sample;

fn main() {}
