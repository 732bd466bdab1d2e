//! Azure as `repair` sees it: one subscription behind Resource Manager, and the few things of it that are looked at or
//! changed.
//!
//! The SDK of Microsoft builds requests and knows where things are; what it cannot do stands beside it and says why:
//! [`transport`] lets out what the present action permits and keeps what Azure says when it says no, [`poller`] waits for
//! operations without sending anything twice, [`nested`] unfolds errors within errors, [`names`] keeps paths what they
//! are. No type of the SDK leaves this module, and it reads no environment: every value of it is an argument.

pub mod access;
#[cfg(test)]
mod against_the_fake;
pub mod client;
pub mod cloud;
pub mod credential;
mod credential_error;
pub mod deployments;
pub mod error;
pub mod limits;
pub mod names;
pub mod nested;
mod permit;
pub mod poller;
pub mod providers;
pub mod request_ids;
pub mod resource_id;
#[cfg(test)]
mod scripted;
pub mod servers;
pub mod transport;
pub mod vaults;
pub mod what_if;
