//! `tool new`: a folder with a tool that builds, its tests, and a recorded case.
//!
//! Everything that it needs lies in the folder, the SDK and the contract too: they are those of this very program, so what
//! is built from them is what this program speaks.

use std::path::Path;

use repair_effects::files;
use repair_model::text::escaped;

use super::super::Context;
use crate::args::{ToolLanguage, ToolNewArgs};
use crate::command_error::{Code, CommandError};
use crate::installed::file_error;

// The SDK and the templates as the build found them: path within the new folder, text.
include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The names that templates bear in the place of the new tool's.
const EXAMPLE_ID: &str = "oom-logs";
const EXAMPLE_TYPE: &str = "OomLogs";
/// Types and values that the templates use or make; a tool of such a name gets another type.
const TAKEN_TYPES: [&str; 24] = [
    "Action",
    "ActionKind",
    "Case",
    "Default",
    "Deserialize",
    "Err",
    "FailureClass",
    "FakeHost",
    "JsonSchema",
    "None",
    "Ok",
    "Option",
    "Params",
    "Query",
    "QueryKind",
    "Repair",
    "Reply",
    "Result",
    "Self",
    "Some",
    "Stop",
    "String",
    "Tool",
    "Vec",
];

/// Writes the folder.
pub fn run(context: &Context<'_>, args: &ToolNewArgs) -> Result<Code, CommandError> {
    let name = args.name.as_str();
    if !repair_sandbox::is_tool_id(name) {
        return Err(CommandError::new(Code::Usage, format!("`{name}` is no id of a tool"))
            .hint("use lower-case words joined by hyphens and beginning with a letter, such as `port-conflict`"));
    }
    let folder = context.environment.current_directory.join(name);
    if folder.exists() {
        return Err(CommandError::new(
            Code::Usage,
            format!("`{}` exists already and is left as it is", folder.display()),
        )
        .hint("choose another name, or another folder to work in"));
    }
    let template = match args.lang {
        ToolLanguage::Rust => RUST_TEMPLATE,
        ToolLanguage::Python => PYTHON_TEMPLATE,
    };
    for (path, text) in template {
        write(&folder.join(path), &named(text, name))?;
    }
    let language: &[&str] = match args.lang {
        ToolLanguage::Rust => &["cargo test", "repair tool build"],
        ToolLanguage::Python => &[
            "python3 -m venv .venv && .venv/bin/pip install componentize-py==0.25.1",
            "repair tool build",
            "PYTHONPATH=bindings python3 -m unittest",
        ],
    };
    context.printer.line(&format!("wrote {}", escaped(&folder.to_string_lossy())));
    context.printer.line(&format!("  cd {name}"));
    for next in language.iter().chain(&["repair tool test"]) {
        context.printer.line(&format!("  {next}"));
    }
    context
        .printer
        .document(&serde_json::json!({ "wrote": folder, "language": format!("{:?}", args.lang).to_lowercase() }))?;
    Ok(Code::Success)
}

/// The template under the new tool's names.
fn named(text: &str, name: &str) -> String {
    text.replace(EXAMPLE_ID, name)
        .replace(&EXAMPLE_ID.replace('-', "_"), &name.replace('-', "_"))
        .replace(EXAMPLE_TYPE, &type_name(name))
}

/// `oom-logs` as `OomLogs`, and `case`, whose type is somebody else's, as `CaseTool`.
fn type_name(id: &str) -> String {
    let capital = |word: &str| -> String {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
    };
    let name: String = id.split('-').map(capital).collect();
    if TAKEN_TYPES.contains(&name.as_str()) { name + "Tool" } else { name }
}

fn write(path: &Path, text: &str) -> Result<(), CommandError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)
        .map_err(|error| CommandError::internal(&format!("{} cannot be made", folder.display()), error))?;
    files::create_new(path, text.as_bytes()).map_err(file_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_takes_the_name_of_the_tool_everywhere() {
        assert_eq!(type_name("slow-disk-2"), "SlowDisk2");
        for (path, text) in RUST_TEMPLATE.iter().chain(PYTHON_TEMPLATE) {
            let text = named(text, "slow-disk");
            for example in [EXAMPLE_ID, EXAMPLE_TYPE, "oom_logs"] {
                assert!(!text.contains(example), "{path} still says {example}");
            }
        }
    }

    #[test]
    fn no_tool_takes_the_type_of_something_that_it_uses() {
        assert_eq!((type_name("self"), type_name("json-schema")), ("SelfTool".to_owned(), "JsonSchemaTool".to_owned()));
        let is_own = |path: &str| !path.contains("vendor/") && !path.contains("repair_tool/");
        for (path, text) in RUST_TEMPLATE.iter().chain(PYTHON_TEMPLATE).filter(|(path, _)| is_own(path)) {
            let imports = text.lines().filter(|line| line.starts_with("use ") || line.contains("import "));
            let names = imports.flat_map(|line| line.split(|letter: char| !letter.is_ascii_alphanumeric()));
            for name in names.filter(|name| name.starts_with(|first: char| first.is_ascii_uppercase())) {
                assert!(name == EXAMPLE_TYPE || TAKEN_TYPES.contains(&name), "{path} uses {name}");
            }
        }
    }

    #[test]
    fn a_new_tool_brings_the_contract_and_the_sdk_of_this_program() {
        for template in [RUST_TEMPLATE, PYTHON_TEMPLATE] {
            let paths: Vec<&str> = template.iter().map(|(path, _)| *path).collect();
            assert!(paths.iter().any(|path| path.ends_with("wit/repair-tool.wit")), "{paths:?}");
            assert!(paths.iter().any(|path| path.contains("cases/")), "{paths:?}");
        }
    }
}
