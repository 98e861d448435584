//! One batch at the function: its attempts, and what came of them.
//!
//! Several batches may be at the function at once. Each runs in a task of its own, which also decodes the answer; what came
//! of it is applied by the delivery stream, in the order of the batches.

use std::sync::Arc;

use jiff::Timestamp;
use tapeline_telemetry::chain;
use tokio::task::JoinHandle;

use super::answer::{self, Answer};
use super::batch::{Batch, Head};
use super::failure::{Failure, FailureType};
use crate::lambda::Invoke;

/// How many invocations may be outstanding: what Firehose has of a shard.
pub(super) const OUTSTANDING_MAX: usize = 5;

/// What came of a batch.
#[derive(Debug)]
pub(super) struct Outcome {
    /// Invocations, retries included.
    pub(super) attempts: u32,
    /// Those that failed.
    pub(super) failed: u32,
    /// The last failure of an invocation, in one line.
    pub(super) last_failure: Option<String>,
    /// The answer, or why there is none.
    pub(super) result: Result<Answer, Failure>,
}

/// A batch that was handed over.
pub(super) struct Invocation {
    /// The batch.
    pub(super) batch: Arc<Batch>,
    /// When it was handed over.
    pub(super) at: Timestamp,
    task: JoinHandle<Outcome>,
    outcome: Option<Outcome>,
}

impl Invocation {
    /// Hands a batch over, and has it tried again as often as `retries` says.
    pub(super) fn begin<F: Invoke>(
        function: F,
        (batch, number): (Batch, u64),
        head: &Arc<Head>,
        (at, retries): (Timestamp, u32),
    ) -> Self {
        let batch = Arc::new(batch);
        let attempts = Attempts { batch: Arc::clone(&batch), number, head: Arc::clone(head), retries };
        Self { batch, at, task: tokio::spawn(attempts.run(function)), outcome: None }
    }

    /// Waits for what came of it. Nothing is lost when the wait is given up.
    pub(super) async fn ended(&mut self) {
        if self.outcome.is_none() {
            self.outcome = Some((&mut self.task).await.unwrap_or_else(|error| lost(&error)));
        }
    }

    /// Whether there is no more to wait for.
    pub(super) fn has_ended(&self) -> bool {
        self.outcome.is_some() || self.task.is_finished()
    }

    /// The batch, when it was handed over, and what came of it.
    pub(super) async fn outcome(self) -> (Arc<Batch>, Timestamp, Outcome) {
        let outcome = match self.outcome {
            Some(outcome) => outcome,
            None => self.task.await.unwrap_or_else(|error| lost(&error)),
        };
        (self.batch, self.at, outcome)
    }
}

struct Attempts {
    batch: Arc<Batch>,
    number: u64,
    head: Arc<Head>,
    retries: u32,
}

impl Attempts {
    /// Invokes the function until it answers, as often as the settings say. An answer that breaks the contract is not
    /// asked for again: the function did its work.
    async fn run<F: Invoke>(self, function: F) -> Outcome {
        let (mut attempts, mut failed) = (0, 0);
        let mut last_failure = None;
        let mut failure = |code: &str, error: &dyn std::error::Error, attempts| {
            let message = chain(error);
            last_failure = Some(format!("{code}: {message}"));
            Failure::new(FailureType::Processing, attempts, code.to_owned(), message)
        };
        let result = loop {
            attempts += 1;
            let event = self.batch.event(&self.head, (self.number, attempts));
            let error = match function.invoke(event).await {
                Ok(answer) => {
                    let answer = answer::check(&answer, &self.batch.ids());
                    failed += u32::from(answer.is_err());
                    break answer.map_err(|error| failure(error.code(), &error, attempts));
                }
                Err(error) => error,
            };
            failed += 1;
            let failure = failure(error.code(), &error, attempts);
            if attempts > self.retries {
                break Err(failure);
            }
        };
        Outcome { attempts, failed, last_failure, result }
    }
}

/// The task is gone, which only a defect of this program can do to it.
fn lost(error: &tokio::task::JoinError) -> Outcome {
    let (code, message) = ("Lambda.FunctionError", format!("the invocation was lost: {error}"));
    let last_failure = Some(format!("{code}: {message}"));
    let failure = Failure::new(FailureType::Processing, 1, code.to_owned(), message);
    Outcome { attempts: 1, failed: 1, last_failure, result: Err(failure) }
}
