//! Each id once and in order: pure bookkeeping between sockets and sink.
