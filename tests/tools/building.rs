//! The way of an author, in both languages: a new tool, built, tested, checked and installed.

use std::ffi::OsString;
use std::path::Path;

use repair_test_support::{Finished, componentize_py};
use serde_json::Value;

use crate::tool_home::Home;

/// The programs of a language's tools come first.
fn with_path(home: &Home, args: &[&str], first: Option<&Path>) -> Finished {
    let mut command = home.command(args);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = first.map(Path::to_owned).into_iter().chain(std::env::split_paths(&path));
    command.env("PATH", std::env::join_paths(folders).unwrap_or_else(|_| OsString::new()));
    // What the outer cargo was told must not reach the author's.
    for variable in ["CARGO_ENCODED_RUSTFLAGS", "RUSTFLAGS", "CARGO_TARGET_DIR", "CARGO_BUILD_TARGET"] {
        command.env_remove(variable);
    }
    for (variable, folder) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let own = std::env::var_os("HOME").map(|home| Path::new(&home).join(folder).into_os_string());
        if let Some(place) = std::env::var_os(variable).or(own) {
            command.env(variable, place);
        }
    }
    Finished::run(&mut command).expect("repair can be started")
}

fn succeeds(home: &Home, args: &[&str], first: Option<&Path>) -> Finished {
    let finished = with_path(home, args, first);
    assert_eq!(finished.code, Some(0), "{finished}");
    finished
}

/// What holds of a new tool whatever it is written in.
fn walk(home: &Home, name: &str, first: Option<&Path>) {
    let built = succeeds(home, &["tool", "build", name], first);
    assert!(built.stdout.contains(&format!("built {name} 0.1.0 into ")), "{built}");
    let component = format!("{name}/{name}.wasm");
    let tested = succeeds(home, &["tool", "test", name], first);
    assert!(tested.stdout.contains("ok        killed-for-memory  proposes collect-logs web"), "{tested}");
    let checked = succeeds(home, &["tool", "check", &component, "--json"], first);
    let checked: Value = serde_json::from_str(&checked.stdout).expect("a document");
    let bad: Vec<&Value> =
        checked["checks"].as_array().expect("checks").iter().filter(|one| one["standing"] == "bad").collect();
    assert!(bad.is_empty(), "{bad:?}");
    home.install(&home.join(&component));
    assert_eq!(home.tools(0)[0], name);
}

#[test]
fn a_new_tool_in_rust_builds_passes_its_tests_and_is_installed() {
    let home = Home::new();
    home.ends(0, &["tool", "new", "slow-disk"]);
    walk(&home, "slow-disk", None);

    // A panic is told with its message and place.
    let decide = home.join("slow-disk/src/decide.rs");
    let text = std::fs::read_to_string(&decide).expect("the decision");
    let broken = text
        .replace("    let listed = ", "    assert!(killed.len() > 9, \"only {}\", killed.len());\n    let listed = ");
    assert_ne!(broken, text);
    std::fs::write(&decide, broken).expect("broken");
    let earlier = home.write("slow-disk/slow-drive.wasm", "of an earlier id");
    let built = succeeds(&home, &["tool", "build", "slow-disk"], None);
    assert!(
        built.stdout.contains("slow-drive.wasm is another component; remove it if it is of an earlier id"),
        "{built}"
    );
    std::fs::remove_file(earlier).expect("removed");
    let tested = with_path(&home, &["tool", "test", "slow-disk"], None);
    assert_eq!(tested.code, Some(3), "{tested}");
    assert!(tested.stdout.contains("tool `slow-disk`: `propose` panicked at src/decide.rs:"), "{tested}");
    assert!(tested.stdout.contains(": only 1;"), "{tested}");

    // What does not compile is told by the compiler.
    std::fs::write(&decide, "//! Nothing.\n").expect("broken");
    let failed = with_path(&home, &["tool", "build", "slow-disk"], None);
    assert_eq!(failed.code, Some(3), "{failed}");
    assert!(failed.stderr.contains("error[E") && failed.stderr.contains("cargo ended with 101"), "{failed}");
}

#[test]
fn a_new_tool_in_python_builds_passes_its_tests_and_is_installed() {
    let bin = componentize_py().expect("componentize-py");
    let home = Home::new();
    home.ends(0, &["tool", "new", "slow-py", "--lang", "python"]);
    walk(&home, "slow-py", Some(&bin));

    let mut native = std::process::Command::new(bin.join("python3"));
    native.args(["-m", "unittest"]).current_dir(home.join("slow-py")).env("PYTHONPATH", "bindings");
    Finished::run(&mut native).and_then(Finished::success).expect("the tests of a new tool pass");

    // An exception is told with its message and place.
    let app = home.join("slow-py/app.py");
    let text = std::fs::read_to_string(&app).expect("the tool");
    let broken = text.replace("        project = case.project()", "        project = case.project()\n        1 / 0");
    assert_ne!(broken, text);
    std::fs::write(&app, broken).expect("broken");
    succeeds(&home, &["tool", "build", "slow-py"], Some(&bin));
    let tested = with_path(&home, &["tool", "test", "slow-py"], None);
    assert!(tested.stdout.contains("ZeroDivisionError: division by zero (app.py, line "), "{tested}");

    let without = with_path(&home, &["tool", "build", "slow-py"], None);
    if without.code != Some(0) {
        assert!(without.stderr.contains("componentize-py==0.25.1"), "{without}");
    }
}

#[test]
fn the_python_sdk_passes_its_own_tests() {
    let bin = componentize_py().expect("componentize-py");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let bindings = tempfile::tempdir().expect("a folder");
    let mut made = std::process::Command::new(bin.join("componentize-py"));
    made.args(["-q", "-d", "wit", "-w", "repair-tool", "bindings"]).arg(bindings.path()).current_dir(root);
    Finished::run(&mut made).and_then(Finished::success).expect("the bindings are made");
    for folder in ["plugins/python/tests", "plugins/python/oom-logs"] {
        let path = std::env::join_paths([bindings.path(), &root.join("plugins/python")]).expect("a path");
        let mut native = std::process::Command::new(bin.join("python3"));
        native.args(["-m", "unittest", "discover", folder]).current_dir(root);
        native.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1");
        Finished::run(&mut native).and_then(Finished::success).expect("the tests of the SDK pass");
    }
}

#[test]
fn a_name_that_is_no_id_and_a_folder_that_is_there_are_refused() {
    let home = Home::new();
    for wrong in ["", "../up", "Slow", "slow_disk", "-x", "a--b"] {
        let refused = home.repair(&["tool", "new", "--", wrong]);
        assert_eq!(refused.code, Some(2), "{wrong}: {refused}");
    }
    assert_eq!(crate::tool_home::files_in(home.path()), [""; 0]);
    home.write("slow-disk/mine.txt", "kept");
    let refused = home.ends(2, &["tool", "new", "slow-disk"]);
    assert!(refused.stderr.contains("exists already and is left as it is"), "{refused}");
    let nothing = home.ends(2, &["tool", "build", "slow-disk"]);
    assert!(nothing.stderr.contains("holds neither Cargo.toml nor app.py"), "{nothing}");
}
