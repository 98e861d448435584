//! Runs template.yaml on this machine.
fn main() {}
