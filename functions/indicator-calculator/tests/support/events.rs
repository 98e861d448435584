//! The sample invocations.

use std::path::PathBuf;

/// The folder of the sample invocations.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../events/kinesis"))
}

/// The bytes of one sample invocation.
pub(crate) fn payload(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name).with_extension("json")).unwrap()
}
