//! The stream's side: frames into records, records into Kinesis, by way of the disk where it must be.
