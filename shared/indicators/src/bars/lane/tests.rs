//! The closing rules, case by case, and the laws of the fold.
