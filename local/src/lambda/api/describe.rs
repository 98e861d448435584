//! Functions as the Lambda API describes them, as far as they have on this machine what it tells.

use std::env::consts::ARCH;

use serde_json::{Value, json};

use super::LATEST;
use crate::lambda::function::FunctionSpec;

/// `FunctionConfiguration`.
pub(super) fn configuration(spec: &FunctionSpec) -> Value {
    // The binary was there when the function started.
    let bytes = std::fs::metadata(&spec.binary).map(|binary| binary.len()).unwrap_or_default();
    let architecture = if ARCH == "aarch64" { "arm64" } else { ARCH };
    json!({
        "FunctionName": spec.name,
        "FunctionArn": spec.arn,
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "CodeSize": bytes,
        "Timeout": spec.timeout.as_secs(),
        "MemorySize": spec.memory_mb,
        "Version": LATEST,
        "Environment": { "Variables": spec.environment },
        "PackageType": "Zip",
        "Architectures": [architecture],
        "State": "Active",
        "LastUpdateStatus": "Successful",
    })
}

/// The answer of `GetFunction`.
pub(super) fn function(spec: &FunctionSpec) -> Value {
    let mut function = json!({ "Configuration": configuration(spec) });
    if let (Some(limit), Some(function)) = (spec.reserved_concurrency, function.as_object_mut()) {
        function.insert("Concurrency".to_owned(), json!({ "ReservedConcurrentExecutions": limit }));
    }
    function
}
