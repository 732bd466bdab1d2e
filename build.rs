//! Builds the repair tools and embeds them, so that one binary holds everything and no binary is kept in the repository.
//!
//! The tools are built by a cargo of its own, for another target, in a directory of its own; nothing that the outer build
//! was told (flags, profile, wrappers such as clippy) reaches it. Source paths are remapped. The digest of a tool
//! therefore depends on its source, its dependencies and the compiler, and not on who built it, or where.
#![expect(
    clippy::disallowed_methods,
    reason = "cargo runs this on the builder's machine, by environment and processes"
)]
#![expect(clippy::disallowed_macros, reason = "a build script talks to cargo by printing")]

use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The packages in `plugins/` that become built-in tools, in the order in which they are asked: those that mend a named
/// cause, then the one that only tries again, last the one that only looks.
const TOOLS: [&str; 12] = [
    "port-conflict",
    "stale-containers",
    "stale-networks",
    "missing-secret",
    "unhealthy-dependency",
    "image-pull",
    "keyvault-soft-deleted",
    "mysql-stopped",
    "azure-prereqs",
    "bicep-redeploy",
    "compose-retry",
    "collect-logs",
];
const TARGET: &str = "wasm32-unknown-unknown";
/// The linker that wraps the core module into a component; part of the Rust toolchain.
const LINKER: &str = "wasm-component-ld";
/// The profile of the root manifest.
const PROFILE: &str = "guest";
/// Magic, version and layer of a component.
const COMPONENT_MAGIC: &[u8] = b"\0asm\x0d\0\x01\0";

/// What the inner cargo keeps of the variables that begin with `CARGO`: where it finds packages and how it downloads
/// them, and the jobs that it shares with the outer one.
const KEPT_PREFIXES: [&str; 7] = [
    "CARGO_HOME",
    "CARGO_HTTP_",
    "CARGO_MAKEFLAGS",
    "CARGO_NET_",
    "CARGO_REGISTRIES_",
    "CARGO_REGISTRY_",
    "CARGO_SOURCE_",
];
/// Further variables that would change what the inner cargo builds.
const DROPPED: [&str; 6] =
    ["RUSTFLAGS", "RUSTDOCFLAGS", "RUSTC_WRAPPER", "RUSTC_WORKSPACE_WRAPPER", "RUSTC_BOOTSTRAP", "RUSTC_LINKER"];

fn main() {
    let root = path_of("CARGO_MANIFEST_DIR");
    let out = path_of("OUT_DIR");
    for watched in ["plugins", "wit", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"] {
        println!("cargo::rerun-if-changed={}", root.join(watched).display());
    }
    let compiler = Compiler::new(path_of("RUSTC"));
    compiler.require_target();

    let target_dir = out.join("guests");
    build(&root, &target_dir, &compiler);
    let mut table =
        String::from("/// Name and component of each built-in tool.\npub const BUILT_IN: &[(&str, &[u8])] = &[\n");
    for tool in TOOLS {
        let component = target_dir.join(TARGET).join(PROFILE).join(format!("{}.wasm", tool.replace('-', "_")));
        require_component(tool, &component);
        writeln!(table, "    ({tool:?}, include_bytes!({component:?})),").expect("a string takes everything");
    }
    table.push_str("];\n");
    write(&out.join("tools.rs"), &table);
    write(&out.join("sdk.rs"), &templates(&root));
}

/// The files of a new tool, by language: each with its path in the new folder and its text.
fn templates(root: &Path) -> String {
    let plugins = root.join("plugins");
    let template = plugins.join("template");
    let mut rust = vec![
        ("Cargo.toml".to_owned(), template.join("Cargo.toml.in")),
        (".gitignore".to_owned(), template.join("gitignore")),
        ("README.md".to_owned(), template.join("README.md")),
        ("vendor/wit/repair-tool.wit".to_owned(), root.join("wit/repair-tool.wit")),
    ];
    files_below(&template.join("src"), "src", "rs", &mut rust);
    files_below(&template.join("cases"), "cases", "json", &mut rust);
    files_below(&plugins.join("sdk/src"), "vendor/plugins/sdk/src", "rs", &mut rust);
    let mut python = vec![
        (".gitignore".to_owned(), template.join("python.gitignore")),
        ("README.md".to_owned(), template.join("python.md")),
        ("wit/repair-tool.wit".to_owned(), root.join("wit/repair-tool.wit")),
        ("app.py".to_owned(), plugins.join("python/oom-logs/app.py")),
        ("test_app.py".to_owned(), plugins.join("python/oom-logs/test_app.py")),
    ];
    python.push(("cases/killed-for-memory.json".to_owned(), template.join("cases/killed-for-memory.json")));
    files_below(&template.join("python-cases"), "cases", "json", &mut python);
    files_below(&plugins.join("python/repair_tool"), "repair_tool", "py", &mut python);

    let mut text = String::new();
    for (name, says, files) in [("RUST_TEMPLATE", "Rust", rust), ("PYTHON_TEMPLATE", "Python", python)] {
        writeln!(text, "/// The files of a new tool in {says}.\nconst {name}: &[(&str, &str)] = &[").expect("a string");
        for (path, file) in files {
            writeln!(text, "    ({path:?}, include_str!({file:?})),").expect("a string takes everything");
        }
        if name == "RUST_TEMPLATE" {
            let manifest =
                sdk_manifest(&fs::read_to_string(root.join("Cargo.toml")).expect("the root manifest is text"));
            writeln!(text, "    (\"vendor/plugins/sdk/Cargo.toml\", {manifest:?}),")
                .expect("a string takes everything");
        }
        text.push_str("];\n");
    }
    text
}

/// The manifest of the SDK outside of this workspace, with the dependencies that the workspace gives it.
fn sdk_manifest(workspace: &str) -> String {
    let mut text = String::from(
        "[package]\nname = \"repair-tool-sdk\"\nversion = \"0.1.0\"\nedition = \"2024\"\nrust-version = \"1.95\"\npublish = false\n\n[dependencies]\n",
    );
    for library in ["schemars", "serde", "serde_json", "wit-bindgen"] {
        let line = workspace.lines().find(|line| line.split_once(" = ").is_some_and(|(name, _)| name == library));
        text.push_str(line.unwrap_or_else(|| panic!("the workspace has no dependency {library}")));
        text.push('\n');
    }
    text
}

/// The files of a folder and of those in it, in order.
fn files_below(folder: &Path, under: &str, extension: &str, found: &mut Vec<(String, PathBuf)>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("cannot list {}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    for path in paths {
        let name = format!("{under}/{}", path.file_name().expect("a name").to_string_lossy());
        if path.is_dir() {
            files_below(&path, &name, extension, found);
        } else if path.extension().is_some_and(|found| found == extension) {
            found.push((name, path));
        }
    }
}

fn write(file: &Path, text: &str) {
    fs::write(file, text).unwrap_or_else(|error| panic!("cannot write {}: {error}", file.display()));
}

/// Runs the inner cargo once for all tools.
fn build(root: &Path, target_dir: &Path, compiler: &Compiler) {
    let mut cargo = Command::new(path_of("CARGO"));
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_dropped) {
            cargo.env_remove(name);
        }
    }
    cargo.current_dir(root).args(["build", "--target", TARGET, "--profile", PROFILE, "--target-dir"]).arg(target_dir);
    for tool in TOOLS {
        cargo.args(["--package", tool]);
    }
    if root.join("Cargo.lock").exists() {
        cargo.arg("--locked");
    }
    cargo.env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER", LINKER);
    cargo.env("CARGO_ENCODED_RUSTFLAGS", compiler.remapped(root));
    // Empty is how cargo is told to use no wrapper, whatever its configuration files say.
    cargo.env("RUSTC_WRAPPER", "").env("RUSTC_WORKSPACE_WRAPPER", "").env("RUSTC", &compiler.rustc);
    let status = cargo.status().unwrap_or_else(|error| panic!("cannot start cargo for the repair tools: {error}"));
    assert!(status.success(), "the repair tools in plugins/ do not build ({status}); the errors above are theirs");
}

fn is_dropped(name: &str) -> bool {
    let of_cargo = name.starts_with("CARGO") && !KEPT_PREFIXES.iter().any(|kept| name.starts_with(kept));
    of_cargo || DROPPED.contains(&name)
}

/// A core module here means that another linker was used; the host would refuse it only when it runs.
fn require_component(tool: &str, file: &Path) {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
    assert!(
        bytes.starts_with(COMPONENT_MAGIC),
        "{tool} was not linked into a component; is {LINKER} in the toolchain?"
    );
}

/// The compiler of the outer build, which builds the tools too.
struct Compiler {
    rustc: PathBuf,
}

impl Compiler {
    fn new(rustc: PathBuf) -> Self {
        Self { rustc }
    }

    fn ask(&self, arguments: &[&str]) -> String {
        let output = Command::new(&self.rustc).args(arguments).output();
        let output = output.unwrap_or_else(|error| panic!("cannot start {}: {error}", self.rustc.display()));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn require_target(&self) {
        let libraries = self.ask(&["--print", "target-libdir", "--target", TARGET]);
        assert!(
            Path::new(&libraries).is_dir(),
            "the Rust target of the repair tools is not installed: run `rustup target add {TARGET}`"
        );
    }

    /// Flags that replace this machine's paths in panic messages, as `CARGO_ENCODED_RUSTFLAGS` takes them.
    fn remapped(&self, root: &Path) -> OsString {
        let commit = self.ask(&["-vV"]);
        let commit = commit.lines().find_map(|line| line.strip_prefix("commit-hash: ")).unwrap_or("unknown");
        let library = PathBuf::from(self.ask(&["--print", "sysroot"])).join("lib/rustlib/src/rust");
        // The last prefix that matches wins, so the broadest comes first.
        let mut prefixes = vec![(cargo_home(), "/cargo".to_owned())];
        prefixes.extend(registries().into_iter().map(|registry| (registry, "/cargo/registry".to_owned())));
        prefixes.push((root.to_owned(), "/repair".to_owned()));
        // Where the library's source is installed, the compiler names it; elsewhere it names this path.
        prefixes.push((library, format!("/rustc/{commit}")));

        let mut flags = OsString::new();
        for (from, to) in prefixes {
            if !flags.is_empty() {
                flags.push("\u{1f}");
            }
            flags.push("--remap-path-prefix=");
            flags.push(from);
            flags.push("=");
            flags.push(to);
        }
        flags
    }
}

/// Where cargo unpacks dependencies.
fn cargo_home() -> PathBuf {
    env::var_os("CARGO_HOME").map_or_else(|| env::home_dir().unwrap_or_default().join(".cargo"), PathBuf::from)
}

/// The folders of unpacked dependencies, one for each registry; a mirror of crates.io has another name and equal content.
fn registries() -> Vec<PathBuf> {
    let folders = fs::read_dir(cargo_home().join("registry/src")).into_iter().flatten();
    let mut registries: Vec<PathBuf> = folders.flatten().map(|folder| folder.path()).collect();
    registries.sort();
    registries
}

fn path_of(variable: &str) -> PathBuf {
    env::var_os(variable).map_or_else(|| panic!("cargo sets {variable} for build scripts"), PathBuf::from)
}
