//! Reads JSON text by pull, borrowed from the input, without a tree.
