//! Variables without a value, and how the host draws one. No value ever reaches a tool.

pub use crate::bindings::repair::tool::types::{EmptyVariable, EnvValue, ValueEncoding};
