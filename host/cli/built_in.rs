//! The repair tools that are part of this program, as the build made them from `plugins/`.

use std::borrow::Cow;

use repair_sandbox::ToolSource;

include!(concat!(env!("OUT_DIR"), "/tools.rs"));

/// The built-in tools, ready to be loaded.
pub fn sources() -> Vec<ToolSource> {
    BUILT_IN.iter().map(|(name, bytes)| ToolSource { name: (*name).to_owned(), bytes: Cow::Borrowed(*bytes) }).collect()
}

#[cfg(test)]
mod tests {
    use repair_pipeline::outside::Tools as _;
    use repair_sandbox::{LoadOptions, Toolbox};

    use super::*;

    #[test]
    fn every_built_in_tool_loads_under_its_own_name() {
        let toolbox = Toolbox::load(sources(), &LoadOptions::default());
        assert_eq!(toolbox.failures(), []);
        let ids: Vec<&str> = toolbox.manifests().iter().map(|manifest| manifest.tool.id.as_str()).collect();
        let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        assert_eq!(ids, names);
    }
}
