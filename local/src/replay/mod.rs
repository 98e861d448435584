//! `tapeline replay`: recorded frames through the deployed configuration, on this machine.
//!
//! Every line of a recording is one frame and becomes one record of the data stream. The delivery streams of
//! template.yaml take the records, have them transformed by the real function binary, and write what S3 would hold; its
//! event source mappings give the records to the functions that they belong to, and what those publish goes on its way
//! through the delivery streams behind them.
//! The clock is that of the frames: a record arrives at the event time of its frame, so buffers fill and expire as they
//! would have, the bytes written do not depend on the machine, and `--speed` only says how long it takes.

mod account;
mod clock;
pub(crate) mod command;
mod folder;
mod heartbeat;
mod log;
mod recording;
mod run;
mod summary;

pub(crate) use clock::Speed;
pub(crate) use recording::{Recording, RecordingError, Recordings, STANDARD_INPUT, open_lines};
pub(crate) use run::{Options, ReplayError, run, turn_knobs};
pub(crate) use summary::Summary;
