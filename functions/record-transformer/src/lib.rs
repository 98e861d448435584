//! Firehose data transformation: exchange frames to typed records.
