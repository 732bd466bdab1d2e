//! The repair tools that are part of this program, as the build made them from `plugins/`.

use std::borrow::Cow;

use repair_sandbox::ToolSource;

include!(concat!(env!("OUT_DIR"), "/tools.rs"));

/// The built-in tools, ready to be loaded.
pub fn sources() -> Vec<ToolSource> {
    BUILT_IN.iter().map(|(name, bytes)| ToolSource { name: (*name).to_owned(), bytes: Cow::Borrowed(*bytes) }).collect()
}
