//! The functions of a run: one process each, whoever invokes it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use axum::body::Bytes;
use tokio::sync::Mutex;

use super::folder;
use super::plan::Plan;
use super::run::{Options, ReplayError};
use super::summary::Processes;
use crate::endpoints::Endpoints;
use crate::lambda::{BinaryError, FunctionProcess, FunctionSpec, InvocationError, Invoke, find_binary};
use crate::template::Function;

/// A function that several may invoke, one after another.
#[derive(Debug, Clone)]
pub(super) struct SharedFunction(Arc<Mutex<FunctionProcess>>);

impl Invoke for SharedFunction {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        self.0.lock().await.invoke(event).await
    }
}

/// A function and its binary.
pub(super) struct Built<'s> {
    function: &'s Function,
    binary: PathBuf,
}

/// Finds the binaries of all functions that a plan runs.
///
/// # Errors
/// When one is not built.
pub(super) fn built<'s>(plan: &Plan<'s>, options: &Options) -> Result<Vec<Built<'s>>, BinaryError> {
    let here = std::env::current_exe().unwrap_or_default();
    let built = plan.functions().into_iter().map(|function| {
        let binary = find_binary(&function.binary, &here, options.functions.as_deref())?;
        Ok(Built { function, binary })
    });
    built.collect()
}

/// The functions under way, by their name in the template.
pub(super) struct Functions(BTreeMap<String, SharedFunction>);

impl Functions {
    /// Starts functions; those that are given records of streams are told where the endpoints are.
    ///
    /// # Errors
    /// When one does not start.
    pub(super) async fn start(
        built: Vec<Built<'_>>,
        plan: &Plan<'_>,
        endpoints: Option<&Endpoints>,
        options: &Options,
    ) -> Result<Self, ReplayError> {
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
                log: folder::log_of(&function.name, &options.out),
            };
            let process = FunctionProcess::start(spec).await;
            let process =
                process.map_err(|source| ReplayError::Start { function: function.name.clone(), source })?;
            functions.insert(function.logical_id.clone(), SharedFunction(Arc::new(Mutex::new(process))));
        }
        Ok(Self(functions))
    }

    /// The function of this name in the template.
    pub(super) fn get(&self, logical_id: &str) -> Option<SharedFunction> {
        self.0.get(logical_id).cloned()
    }

    /// Ends all processes and waits until their logs are complete.
    pub(super) async fn stop(&self) {
        for function in self.0.values() {
            function.0.lock().await.stop().await;
        }
    }

    /// What the processes of a function took.
    pub(super) async fn processes(&self, logical_id: &str) -> Processes {
        let Some(function) = self.0.get(logical_id) else { return Processes::default() };
        let process = function.0.lock().await;
        Processes { cold_starts: process.cold_starts(), peak_memory_bytes: process.peak_memory_bytes() }
    }
}
