//! The trait that a repair tool implements, and what the component's two exports do with it.

use std::marker::PhantomData;
use std::mem::ManuallyDrop;

use schemars::{JsonSchema, schema_for};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::bindings::exports::repair::tool::repair::Guest;
pub use crate::bindings::repair::tool::types::{Manifest, ToolError};
use crate::case::Case;
use crate::kinds::{ActionKind, FailureClass, QueryKind};
use crate::reply::{Reply, Stop};

/// A repair tool.
pub trait Tool {
    /// What `[tools.ID]` in `repair.toml` may say. An empty table has to be valid, because most projects say nothing:
    /// give each field a default. Its JSON Schema becomes part of the manifest, and the host checks against it.
    type Params: DeserializeOwned + JsonSchema;

    /// Lower-case words joined by hyphens, beginning with a letter, at most 64 characters, unique among the tools of one
    /// host.
    const ID: &'static str;
    /// Semantic version; usually `env!("CARGO_PKG_VERSION")`.
    const VERSION: &'static str;
    /// One sentence for people, without markup.
    const SUMMARY: &'static str;
    /// Where you are reached, a URL or an address; shown when the tool is installed and when it fails.
    const CONTACT: Option<&'static str> = None;
    /// The classes that the tool repairs.
    const HANDLES: &'static [FailureClass];
    /// The kinds of query that it uses; any other is refused.
    const SEES: &'static [QueryKind];
    /// The kinds of action that it may propose; any other is refused.
    const MAY: &'static [ActionKind];

    /// Looks at a case. The same case and parameters always get the same reply.
    ///
    /// # Errors
    /// [`Stop`] is the way out for `?`: something is not known yet, the reply is already clear, or the parameters
    /// contradict each other.
    fn propose(case: &Case, params: Self::Params) -> Result<Reply, Stop>;
}

/// The parameters of a tool that has none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParams {}

/// What `T` says of itself.
pub fn manifest<T: Tool>() -> Manifest {
    Manifest {
        id: T::ID.to_owned(),
        version: T::VERSION.to_owned(),
        summary: T::SUMMARY.to_owned(),
        handles: T::HANDLES.iter().map(|class| class.as_str().to_owned()).collect(),
        sees: T::SEES.iter().map(|kind| kind.as_str().to_owned()).collect(),
        may: T::MAY.iter().map(|kind| kind.as_str().to_owned()).collect(),
        params_schema: schema_for!(T::Params).as_value().to_string(),
        contact: T::CONTACT.map(str::to_owned),
    }
}

/// Reads the parameters of `case` and lets `T` answer.
///
/// # Errors
/// When the parameters are not what `T` takes, or the tool says so.
pub fn answer<T: Tool>(case: &Case) -> Result<Reply, ToolError> {
    let params = serde_json::from_str(&case.params).map_err(|error| ToolError {
        code: "params".to_owned(),
        message: format!("the parameters of `{}` cannot be read: {error}", T::ID),
        hint: Some(format!("correct `[tools.{}]` in repair.toml", T::ID)),
    })?;
    match T::propose(case, params) {
        Ok(reply) | Err(Stop::Reply(reply)) => Ok(reply.within_limits()),
        Err(Stop::Error(error)) => Err(error),
    }
}

/// Carries a tool through the generated exports.
#[doc(hidden)]
pub struct Exported<T>(PhantomData<T>);

impl<T: Tool> Guest for Exported<T> {
    fn describe() -> Manifest {
        #[cfg(target_family = "wasm")]
        crate::last_words::keep();
        manifest::<T>()
    }

    fn propose(case: Case) -> Result<Reply, ToolError> {
        #[cfg(target_family = "wasm")]
        crate::last_words::keep();
        // The host throws the instance away after the reply, so tidying up a large case would be work for nothing.
        answer::<T>(&ManuallyDrop::new(case))
    }
}
