//! Flags and environment variables, read once and checked together.
