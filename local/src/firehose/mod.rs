//! What Data Firehose does between its source and S3.

pub(crate) mod object_name;
pub(crate) mod prefix;
