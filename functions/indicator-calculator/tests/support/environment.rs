//! The function in front of a store and a stream in memory.

use indicator_calculator::publish::MemoryStream;
use indicator_calculator::state::MemoryStore;
use indicator_calculator::{CalculateError, Calculated, Calculator, Config};

/// One environment of the function; those of one deployment share store and stream.
#[derive(Debug)]
pub(crate) struct Environment {
    calculator: Calculator<MemoryStore, MemoryStream>,
    runtime: tokio::runtime::Runtime,
}

impl Environment {
    pub(crate) fn start(config: Config, store: &MemoryStore, stream: &MemoryStream) -> Self {
        let calculator = Calculator::new(config, store.clone(), stream.clone());
        Self { calculator, runtime: tokio::runtime::Builder::new_current_thread().build().unwrap() }
    }

    pub(crate) fn invoke(&mut self, payload: &[u8]) -> Result<Calculated, CalculateError> {
        self.runtime.block_on(self.calculator.calculate(payload))
    }
}
