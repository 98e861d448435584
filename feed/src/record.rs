//! Frames recorded in files.
