//! Record bytes to exchange messages and back.
