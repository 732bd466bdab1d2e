//! The fake, asked over plain HTTP as any client would ask it.

mod client;
mod healing;
mod logins;
mod refusals;
mod surprises;
