//! The functions of a run: one process each, whoever invokes it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::body::Bytes;
use thiserror::Error;
use tokio::sync::Mutex;

use super::plan::Plan;
use crate::endpoints::Endpoints;
use crate::lambda::{
    BinaryError, FunctionProcess, FunctionSpec, InvocationError, Invoke, StartError, find_binary,
};
use crate::template::Function;

/// A function does not start.
#[derive(Debug, Error)]
#[error("the function {function} does not start")]
pub(crate) struct FunctionError {
    /// Name of the function.
    function: String,
    /// Why.
    #[source]
    source: StartError,
}

/// A function that several may invoke, one after another.
#[derive(Debug, Clone)]
pub(crate) struct SharedFunction(Arc<Mutex<FunctionProcess>>);

impl Invoke for SharedFunction {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        self.0.lock().await.invoke(event).await
    }
}

/// A function and its binary.
pub(crate) struct Built<'s> {
    function: &'s Function,
    binary: PathBuf,
}

/// Finds the binaries of all functions that a plan runs, in a folder or where cargo and SAM leave them.
///
/// # Errors
/// When one is not built.
pub(crate) fn built<'s>(plan: &Plan<'s>, folder: Option<&Path>) -> Result<Vec<Built<'s>>, BinaryError> {
    let here = std::env::current_exe().unwrap_or_default();
    let built = plan.functions().into_iter().map(|function| {
        let binary = find_binary(&function.binary, &here, folder)?;
        Ok(Built { function, binary })
    });
    built.collect()
}

/// The functions under way, by their name in the template.
pub(crate) struct Functions(BTreeMap<String, SharedFunction>);

impl Functions {
    /// Starts functions; those that are given records of streams are told where the endpoints are. `log_of` names the file
    /// of a function's log.
    ///
    /// # Errors
    /// When one does not start.
    pub(crate) async fn start(
        built: Vec<Built<'_>>,
        plan: &Plan<'_>,
        endpoints: Option<&Endpoints>,
        log_of: impl Fn(&str) -> PathBuf,
    ) -> Result<Self, FunctionError> {
        let mut functions = BTreeMap::new();
        for Built { function, binary } in built {
            let endpoints = endpoints.filter(|_| plan.is_mapped(function));
            let spec = FunctionSpec {
                name: function.name.clone(),
                arn: function.arn.clone(),
                binary,
                environment: function.environment.clone(),
                services: endpoints.map(Endpoints::variables).unwrap_or_default(),
                timeout: function.timeout,
                memory_mb: function.memory_mb,
                log: log_of(&function.name),
            };
            let process = FunctionProcess::start(spec).await;
            let process =
                process.map_err(|source| FunctionError { function: function.name.clone(), source })?;
            functions.insert(function.logical_id.clone(), SharedFunction(Arc::new(Mutex::new(process))));
        }
        Ok(Self(functions))
    }

    /// The function of this name in the template.
    pub(crate) fn get(&self, logical_id: &str) -> Option<SharedFunction> {
        self.0.get(logical_id).cloned()
    }

    /// Ends all processes and waits until their logs are complete.
    pub(crate) async fn stop(&self) {
        for function in self.0.values() {
            function.0.lock().await.stop().await;
        }
    }

    /// Cold starts of a function, and the most memory one of its processes held, in bytes.
    pub(crate) async fn processes(&self, logical_id: &str) -> (u64, Option<u64>) {
        let Some(function) = self.0.get(logical_id) else { return (0, None) };
        let process = function.0.lock().await;
        (process.cold_starts(), process.peak_memory_bytes())
    }
}
