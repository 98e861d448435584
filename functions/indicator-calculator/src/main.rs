//! The indicator calculator as a Lambda function.

fn main() {}
