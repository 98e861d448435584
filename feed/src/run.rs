//! Joins the parts and ends them.
