//! What `wit-bindgen` makes of `wit/repair-tool.wit`, and nothing else. Authors find the same types under the names of the
//! modules beside this one; documentation comments come from the WIT file.

wit_bindgen::generate!({
    path: "../../wit",
    world: "repair-tool",
    runtime_path: "::repair_tool_sdk::__private::wit_bindgen::rt",
    additional_derives: [PartialEq, Eq, PartialOrd, Ord, Hash],
    pub_export_macro: true,
    export_macro_name: "export_bindings",
    default_bindings_module: "::repair_tool_sdk::__private::bindings",
});
