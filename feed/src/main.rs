//! The `tapeline-feed` command: exchange sockets into a Kinesis data stream.

use tapeline_feed as _;

fn main() {}
