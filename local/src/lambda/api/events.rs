//! Asynchronous invocations: events that wait for their function behind the caller's back.
//!
//! Lambda keeps them in a queue and tries a failed one twice more, a minute and two minutes later.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use super::refusal::Refusal;
use crate::lambda::error::InvocationError;
use crate::lambda::function::Function;

/// Events that may wait, those that are tried again included: with the largest ones, 100 MiB.
const WAITING_MAX: usize = 100;

/// How long Lambda waits before each further try.
const RETRY_WAITS: [Duration; 2] = [Duration::from_mins(1), Duration::from_mins(2)];

/// The events that wait.
#[derive(Debug)]
pub(super) struct Events {
    places: Arc<Semaphore>,
}

impl Default for Events {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(WAITING_MAX)) }
    }
}

impl Events {
    /// Takes an event; its function is invoked as soon as it may be.
    ///
    /// # Errors
    /// When too many wait.
    pub(super) fn take(&self, function: Function, event: Bytes) -> Result<(), Refusal> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Refusal::QueueFull)?;
        tokio::spawn(async move {
            deliver(&function, &event).await;
            drop(place);
        });
        Ok(())
    }
}

/// Invokes a function until it is done with an event, or was tried often enough. How it failed stands in its log.
async fn deliver(function: &Function, event: &Bytes) {
    for wait in RETRY_WAITS {
        match function.invoke(event.clone()).await {
            Ok(_) | Err(InvocationError::Stopped) => return,
            Err(_) => sleep(wait).await,
        }
    }
    // Whatever comes of the last try, nobody waits for it.
    let _ = function.invoke(event.clone()).await;
}
