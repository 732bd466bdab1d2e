//! What authors of repair tools depend on.
//!
//! A repair tool is a pure function: it is shown a [`Case`](case::Case) and answers with a [`Reply`](reply::Reply). It can
//! call nothing, so there is no clock, no file and no network here, and the same case has to get the same reply: prefer
//! `BTreeMap` and sorted lists to hash maps. Only the host acts, and only after a policy and a person agreed.
//!
//! A tool that may not know enough yet simply says so with `?`: an answer that is still missing becomes a question to the
//! host, and one that the host refused becomes a decline that says why.
//!
//! ```
//! use repair_tool_sdk::action::Action;
//! use repair_tool_sdk::case::Case;
//! use repair_tool_sdk::kinds::{ActionKind, FailureClass, QueryKind};
//! use repair_tool_sdk::reply::{Reply, Stop};
//! use repair_tool_sdk::tool::{NoParams, Tool};
//!
//! /// Starts again what ended.
//! struct StartAgain;
//!
//! impl Tool for StartAgain {
//!     type Params = NoParams;
//!     const ID: &'static str = "start-again";
//!     const VERSION: &'static str = env!("CARGO_PKG_VERSION");
//!     const SUMMARY: &'static str = "Starts the services that are down.";
//!     const HANDLES: &'static [FailureClass] = &[FailureClass::DockerDnsOrNetworkTimeout];
//!     const SEES: &'static [QueryKind] = &[QueryKind::ComposeModel, QueryKind::Containers];
//!     const MAY: &'static [ActionKind] = &[ActionKind::ComposeUp];
//!
//!     fn propose(case: &Case, _: NoParams) -> Result<Reply, Stop> {
//!         let down = case.project()?.to_start();
//!         if down.is_empty() {
//!             return Ok(Reply::decline("Everything runs; there is nothing to start."));
//!         }
//!         Ok(Reply::propose("Nothing but the network failed.", 800, [Action::compose_up(down)]))
//!     }
//! }
//!
//! repair_tool_sdk::export!(StartAgain);
//!
//! // On the host, without WebAssembly: a made-up deployment answers what the tool asks.
//! use repair_tool_sdk::testing::{FakeHost, service};
//! let host = FakeHost::new(FailureClass::DockerDnsOrNetworkTimeout).service(service("web"));
//! assert_eq!(host.reply_of::<StartAgain>().actions(), [Action::compose_up(["web"])]);
//! ```
//!
//! The crate type of a tool is `cdylib`, its target `wasm32-unknown-unknown`, its linker `wasm-component-ld`; its own tests
//! run on the host. With `rlib` beside it, the compiler would not optimise over crates, and the component would be larger
//! by a third. A panic ends the call as a trap, and the host names the tool.

#![deny(missing_docs)]

// The generated export macro names this crate by its own name, here as well as in the crates of tools.
extern crate self as repair_tool_sdk;

#[doc(hidden)]
pub mod bindings;

#[cfg(target_family = "wasm")]
mod last_words;

pub mod kinds;
pub mod tool;

pub mod azure;
pub mod case;
pub mod env_value;
pub mod network;
pub mod ports;
pub mod project;

pub mod patience;
pub mod tries;

pub mod action;
pub mod reply;

#[cfg(not(target_family = "wasm"))]
pub mod testing;

/// Makes a [`Tool`](tool::Tool) the tool of this component. Exactly once in a crate.
///
/// Outside of WebAssembly it only checks the type, so that the crate builds and is tested on the host.
#[macro_export]
macro_rules! export {
    ($tool:ty) => {
        const _: () = {
            #[cfg(target_family = "wasm")]
            type Exported = $crate::__private::Exported<$tool>;
            #[cfg(target_family = "wasm")]
    $crate::__private::bindings::export_bindings!(Exported with_types_in $crate::__private::bindings);
            #[cfg(not(target_family = "wasm"))]
            const _: fn() -> $crate::tool::Manifest = $crate::tool::manifest::<$tool>;
        };
    };
}

/// For the code that [`export!`] makes; not for authors.
#[doc(hidden)]
pub mod __private {
    pub use crate::bindings;
    pub use crate::tool::Exported;
    pub use wit_bindgen;
}
