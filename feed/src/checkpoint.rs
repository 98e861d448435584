//! How far each route has got, kept in a file over restarts.
