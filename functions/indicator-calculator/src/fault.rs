//! Failures for the in-memory adapters to have on demand: laws must hold whatever the services do.

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Before it took effect: the request was lost.
    Before,
    /// After it took effect: the answer was lost.
    After,
}

/// The cause that an injected failure gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an answer, this failure is injected")]
pub struct Injected;
