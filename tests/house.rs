//! The house checks itself: who may depend on whom, who may know what, and the habits that make files readable.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A file longer than this needs a reason; split it by its nouns.
const FILE_LINES_MAX: usize = 600;
/// Files above [`FILE_LINES_MAX`], each with its reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Crates of the host, each with the crates of the host that it may depend on.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("faults", &[]),
    ("processes", &["model"]),
    ("classification", &["model"]),
    ("pipeline", &["model", "classification"]),
    ("journal", &["model", "faults", "processes", "pipeline"]),
    ("sandbox", &["model", "pipeline"]),
    ("effects", &["model", "faults", "processes", "pipeline"]),
];

/// Libraries that only one crate may know.
const KNOWN_TO_ONE: &[(&str, &str)] = &[
    ("wasmtime", "sandbox"),
    ("azure_core", "effects"),
    ("azure_identity", "effects"),
    ("azure_mgmt_keyvault", "effects"),
    ("azure_mgmt_mysql", "effects"),
    ("azure_mgmt_resources", "effects"),
    ("bollard", "effects"),
    ("command-fds", "effects"),
    ("yaml-edit", "effects"),
    ("hyper", "effects"),
    ("reqwest", "effects"),
    ("ed25519-dalek", "journal"),
    ("signed_note", "journal"),
    ("tlog_tiles", "journal"),
    ("cedar-policy", "pipeline"),
    ("aho-corasick", "classification"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn dependencies(manifest: &Path) -> Vec<String> {
    let manifest: toml::Table = read(manifest).parse().expect("a manifest is TOML");
    let table = manifest.get("dependencies").and_then(toml::Value::as_table).cloned().unwrap_or_default();
    table.keys().cloned().collect()
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> =
        ["host", "plugins", "tests", "xtask"].iter().map(|name| root().join(name)).collect();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("a folder of the project") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    assert!(found.len() > 100, "the walk has lost the sources");
    found
}

fn name_of(path: &Path) -> String {
    path.strip_prefix(root()).expect("below the root").to_string_lossy().into_owned()
}

#[test]
fn dependencies_point_one_way() {
    for (name, allowed) in MAY_DEPEND_ON {
        for dependency in dependencies(&root().join("host").join(name).join("Cargo.toml")) {
            if let Some(other) = dependency.strip_prefix("repair-") {
                assert!(allowed.contains(&other), "host/{name} must not depend on host/{other}");
            }
        }
    }
}

#[test]
fn each_special_library_is_known_to_one_crate() {
    let mut manifests: BTreeMap<String, PathBuf> =
        MAY_DEPEND_ON.iter().map(|(name, _)| ((*name).to_owned(), root().join("host").join(name))).collect();
    manifests.insert("the command line".to_owned(), root());
    for (library, owner) in KNOWN_TO_ONE {
        for (name, folder) in &manifests {
            let knows = dependencies(&folder.join("Cargo.toml")).iter().any(|known| known == library);
            assert_eq!(knows, name == owner, "only host/{owner} knows `{library}`; look at {name}");
        }
    }
}

#[test]
fn plugins_depend_on_nothing_of_the_host() {
    for entry in std::fs::read_dir(root().join("plugins")).expect("a folder") {
        let plugin = entry.expect("an entry").path();
        if plugin.ends_with("python") || plugin.ends_with("template") {
            continue; // Tools that are no crates, and what new ones are written from.
        }
        let strangers: Vec<_> = dependencies(&plugin.join("Cargo.toml"))
            .into_iter()
            .filter(|name| name.starts_with("repair-") && name != "repair-tool-sdk")
            .collect();
        assert!(strangers.is_empty(), "{} depends on {strangers:?}", name_of(&plugin));
    }
}

#[test]
fn a_tool_is_built_as_nothing_but_a_component() {
    let mut tools = vec![root().join("plugins/template/Cargo.toml.in")];
    for entry in std::fs::read_dir(root().join("plugins")).expect("a folder") {
        let manifest = entry.expect("an entry").path().join("Cargo.toml");
        if manifest.exists() && !manifest.ends_with("sdk/Cargo.toml") {
            tools.push(manifest);
        }
    }
    assert!(tools.len() > 10, "the walk has lost the tools");
    for manifest in tools {
        let table: toml::Table = read(&manifest).parse().expect("a manifest is TOML");
        let kinds = table.get("lib").and_then(|lib| lib.get("crate-type")).and_then(toml::Value::as_array);
        let kinds: Vec<_> = kinds.into_iter().flatten().filter_map(toml::Value::as_str).collect();
        assert_eq!(kinds, ["cdylib"], "{}: another crate type switches `lto` off", name_of(&manifest));
    }
}

#[test]
fn every_file_says_what_it_is() {
    for path in sources() {
        let text = read(&path);
        let first = text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!")).unwrap_or_default();
        assert!(first.starts_with("//!"), "{} does not begin with `//!`", name_of(&path));
    }
}

#[test]
fn no_file_grows_beyond_a_room() {
    for path in sources() {
        let (name, lines) = (name_of(&path), read(&path).lines().count());
        let excused = LONG_FILES.iter().any(|(long, _)| *long == name);
        assert!(lines <= FILE_LINES_MAX || excused, "{name} has {lines} lines; split it, or give a reason");
        assert!(!excused || lines > FILE_LINES_MAX, "{name} needs no excuse any more");
    }
}

#[test]
fn no_test_is_switched_off_and_no_room_is_a_junk_drawer() {
    let switched_off = ["#[", "ignore"].concat();
    for path in sources() {
        let name = name_of(&path);
        assert!(!read(&path).contains(&switched_off), "{name} switches a test off");
        let stem = path.file_stem().expect("a name").to_string_lossy().into_owned();
        for drawer in ["utils", "util", "common", "helpers", "manager", "misc"] {
            assert_ne!(stem, drawer, "{name}: name the noun instead");
        }
    }
}

#[test]
fn every_member_takes_the_workspace_lints() {
    let mut manifests = vec![root().join("Cargo.toml"), root().join("xtask/Cargo.toml")];
    for folder in ["host", "plugins"] {
        for entry in std::fs::read_dir(root().join(folder)).expect("a folder") {
            let manifest = entry.expect("an entry").path().join("Cargo.toml");
            if manifest.exists() {
                manifests.push(manifest);
            }
        }
    }
    for manifest in manifests {
        let table: toml::Table = read(&manifest).parse().expect("a manifest is TOML");
        let inherits = table.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        assert_eq!(inherits, Some(true), "{} does not take the workspace lints", manifest.display());
    }
}
