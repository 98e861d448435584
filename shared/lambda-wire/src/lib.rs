//! Firehose payloads exactly as Lambda delivers and expects them.
