//! The rules against their own examples, the recorded and written cases, and texts that were made to do harm.

mod cases;
mod hostile;
mod rules;
mod streams;
