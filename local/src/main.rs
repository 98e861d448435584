//! Runs template.yaml on this machine.

mod convert;

fn main() {}
