//! What Amazon Data Firehose does between a stream and a bucket.

pub(crate) mod answer;
