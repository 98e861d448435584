//! The functions of a run, whoever invokes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use axum::body::Bytes;
use thiserror::Error;
use tokio::sync::broadcast;

use crate::lambda::{
    self, BinaryError, FunctionSpec, InvocationError, Invoke, LogLine, StartError, find_binary, log_lines,
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

/// A function and its binary.
pub(crate) struct Built<'s> {
    function: &'s Function,
    binary: PathBuf,
}

/// Finds the binaries of functions, in a folder or where cargo and SAM leave them.
///
/// # Errors
/// When one is not built.
pub(crate) fn built<'s>(
    functions: impl IntoIterator<Item = &'s Function>,
    folder: Option<&Path>,
) -> Result<Vec<Built<'s>>, BinaryError> {
    let here = std::env::current_exe().unwrap_or_default();
    let built = functions.into_iter().map(|function| {
        let binary = find_binary(&function.binary, &here, folder)?;
        Ok(Built { function, binary })
    });
    built.collect()
}

/// What functions find around them.
pub(crate) struct Surroundings<'a> {
    /// Variables that lead a function to the services it calls, by the function; none for one that calls none.
    pub(crate) services: &'a dyn Fn(&Function) -> BTreeMap<String, String>,
    /// Most invocations of a function at once, whatever it reserves; `None` leaves that to the function.
    pub(crate) concurrency_max: Option<u32>,
    /// The file of a function's log, by its name.
    pub(crate) log_of: &'a dyn Fn(&str) -> PathBuf,
}

impl Surroundings<'_> {
    fn concurrency(&self, function: &Function) -> Option<u32> {
        [function.reserved_concurrency, self.concurrency_max].into_iter().flatten().min()
    }
}

/// The functions under way, by their name in the template. Clones are of the same.
#[derive(Clone)]
pub(crate) struct Functions {
    started: BTreeMap<String, lambda::Function>,
    lines: broadcast::Sender<LogLine>,
}

impl Functions {
    /// Starts functions.
    ///
    /// # Errors
    /// When one does not start.
    pub(crate) async fn start(
        built: Vec<Built<'_>>,
        around: &Surroundings<'_>,
    ) -> Result<Self, FunctionError> {
        let lines = log_lines();
        let mut started = BTreeMap::new();
        for Built { function, binary } in built {
            let spec = FunctionSpec {
                name: function.name.clone(),
                arn: function.arn.clone(),
                binary,
                environment: function.environment.clone(),
                services: (around.services)(function),
                timeout: function.timeout,
                memory_mb: function.memory_mb,
                reserved_concurrency: around.concurrency(function),
                log: (around.log_of)(&function.name),
                lines: lines.clone(),
            };
            let failed = |source| FunctionError { function: function.name.clone(), source };
            let running = lambda::Function::start(spec).await.map_err(failed)?;
            started.insert(function.logical_id.clone(), running);
        }
        Ok(Self { started, lines })
    }

    /// The function of this name in the template.
    pub(crate) fn get(&self, logical_id: &str) -> Option<lambda::Function> {
        self.started.get(logical_id).cloned()
    }

    /// All of them.
    pub(crate) fn all(&self) -> impl Iterator<Item = &lambda::Function> {
        self.started.values()
    }

    /// What they write from now on.
    pub(crate) fn lines(&self) -> broadcast::Receiver<LogLine> {
        self.lines.subscribe()
    }

    /// Ends all processes and waits until their logs are complete.
    pub(crate) async fn stop(&self) {
        for function in self.started.values() {
            function.stop().await;
        }
    }

    /// Cold starts of a function, and the most memory one of its processes held, in bytes.
    pub(crate) fn processes(&self, logical_id: &str) -> (u64, Option<u64>) {
        let Some(function) = self.started.get(logical_id) else { return (0, None) };
        let counts = function.counts();
        (counts.cold_starts, counts.peak_memory_bytes)
    }
}

/// The function of a delivery stream. One without a processor never invokes it.
#[derive(Debug, Clone)]
pub(crate) struct Processor(pub(crate) Option<lambda::Function>);

impl Invoke for Processor {
    async fn invoke(&self, event: Bytes) -> Result<Bytes, InvocationError> {
        match &self.0 {
            Some(function) => function.invoke(event).await,
            None => Err(InvocationError::FunctionError {
                error_type: "NoProcessor".to_owned(),
                message: "the delivery stream has no function".to_owned(),
            }),
        }
    }
}
