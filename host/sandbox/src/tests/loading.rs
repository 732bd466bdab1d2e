//! What is loaded, what is refused at the door, and the cache of compiled code.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use repair_pipeline::outside::Tools;

use repair_test_guests::Guest;

use super::{Sourced as _, source};
use super::{case, loaded, proposed, refused};
use crate::{LoadOptions, ToolSource, Toolbox};

fn text(component: &str) -> ToolSource {
    source("some.wasm", wat::parse_str(component).expect("the text parses"))
}

#[test]
fn a_tool_is_loaded_and_asked() {
    let bytes = Guest::new("good").build();
    let mut toolbox = loaded(vec![source("good.wasm", bytes.clone())]);
    assert_eq!(toolbox.failures(), []);
    assert_eq!(toolbox.manifests()[0].tool.to_string(), "good 1.2.3");
    assert_eq!(toolbox.component("good"), Some(bytes.as_slice()));
    assert_eq!(toolbox.component("other"), None);
    let reply = toolbox.propose("good", &case()).expect("a reply");
    assert_eq!(reply.answer, repair_model::tool::ToolAnswer::Decline("not my case".to_owned()));
    assert!(toolbox.propose("other", &case()).is_err());
}

#[test]
fn nothing_is_started_without_tools() {
    let toolbox = loaded(Vec::new());
    assert!(toolbox.manifests().is_empty() && toolbox.failures().is_empty());
}

#[test]
fn a_component_that_imports_wasi_is_refused_with_the_way_out() {
    let failure = refused(text(
        r#"(component
            (import "wasi:cli/environment@0.2.6" (instance (export "get-arguments" (func (result (list string))))))
            (import "wasi:clocks/wall-clock@0.2.6" (instance (export "now" (func (result u64))))))"#,
    ));
    assert_eq!(failure.tool, "some.wasm");
    assert_eq!(
        failure.what,
        "it imports `wasi:cli/environment@0.2.6` (`get-arguments`), `wasi:clocks/wall-clock@0.2.6` (`now`), \
         but a repair tool may call nothing"
    );
    assert!(failure.fix.contains("wasm32-unknown-unknown (see plugins/sdk)"), "{failure}");
}

#[test]
fn any_import_but_types_is_refused() {
    for (import, holds) in [
        (r#"(import "run" (func))"#, "`run` (a function)"),
        (r#"(import "thing" (type (sub resource)))"#, "`thing` (a resource)"),
        (r#"(import "a:b/c" (instance (export "r" (type (sub resource)))))"#, "`a:b/c` (`r`)"),
        (
            r#"(import "a:b/c" (instance (export "f" (func)) (type $s string) (export "t" (type (eq $s)))))"#,
            "`a:b/c` (`f`)",
        ),
        (r#"(import "m" (core module))"#, "`m` (a core module)"),
    ] {
        let failure = refused(text(&format!("(component {import})")));
        assert!(failure.what.starts_with(&format!("it imports {holds}")), "{import}: {failure}");
    }
}

#[test]
fn a_component_for_something_else_is_named_as_such() {
    let failure = refused(text("(component)"));
    assert!(failure.what.contains("does not export `repair:tool/repair@0.4.0`"), "{failure}");
    let failure = refused(text(
        r#"(component (import "repair:tool/types@0.9.0" (instance (type $u u16) (export "port" (type (eq $u))))))"#,
    ));
    assert!(failure.what.contains("it speaks `repair:tool/types@0.9.0`"), "{failure}");
    let failure = refused(text(r#"(component (instance $i) (export "repair:tool/repair@0.9.0" (instance $i)))"#));
    assert!(failure.what.contains("it speaks `repair:tool/repair@0.9.0`"), "{failure}");
    let failure = refused(text(r#"(component (instance $i) (export "repair:tool/repair@0.4.0" (instance $i)))"#));
    assert!(failure.what.starts_with("`describe` cannot be called"), "{failure}");
}

#[test]
fn one_bad_tool_harms_no_other() {
    let toolbox = loaded(vec![
        Guest::new("first").source(),
        source("broken.wasm", b"broken".to_vec()),
        Guest::new("first").source(),
        Guest::new("second").source(),
    ]);
    let ids: Vec<&str> = toolbox.manifests().iter().map(|manifest| manifest.tool.id.as_str()).collect();
    assert_eq!(ids, ["first", "second"]);
    let [broken, twin] = toolbox.failures() else { panic!("two failures: {:?}", toolbox.failures()) };
    assert_eq!(broken.tool, "broken.wasm");
    assert_eq!(twin.tool, "first.wasm");
    assert_eq!(twin.what, "its id `first` belongs to a tool that was loaded before it");
}

fn with_cache(path: &Path) -> Toolbox {
    let options = LoadOptions { cache_dir: Some(path.to_owned()), compiler: None };
    let mut toolbox = Toolbox::load(vec![Guest::new("kept").source()], &options);
    assert_eq!(toolbox.failures(), []);
    toolbox.propose("kept", &case()).expect("a reply");
    toolbox
}

fn only_entry(path: &Path) -> std::path::PathBuf {
    let entries: Vec<_> =
        std::fs::read_dir(path).expect("listed").map(|entry| entry.expect("an entry").path()).collect();
    let [entry] = entries.as_slice() else { panic!("one entry: {entries:?}") };
    entry.clone()
}

fn mode(path: &Path) -> u32 {
    path.metadata().expect("there").permissions().mode() & 0o7777
}

#[test]
fn compiled_code_is_kept_in_private_and_gives_the_same_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("state/compiled");
    let cold = with_cache(&path);
    assert_eq!(mode(&path), 0o700);
    let entry = only_entry(&path);
    assert_eq!(mode(&entry), 0o600);
    let (written, bytes) =
        (entry.metadata().expect("there").modified().expect("a time"), std::fs::read(&entry).expect("read"));

    let warm = with_cache(&path);
    assert_eq!(warm.manifests(), cold.manifests());
    assert_eq!(warm.cache_notice(), None);
    assert_eq!(only_entry(&path).metadata().expect("there").modified().expect("a time"), written, "not written again");
    assert_eq!(std::fs::read(&entry).expect("read"), bytes);
}

#[test]
fn a_damaged_entry_is_compiled_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("compiled");
    with_cache(&path);
    let entry = only_entry(&path);
    let whole = std::fs::read(&entry).expect("read");
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    for damaged in [flipped, whole[..whole.len() / 2].to_vec(), Vec::new(), b"\x7fELF".to_vec()] {
        put(&entry, &damaged);
        with_cache(&path);
        assert_eq!(std::fs::read(only_entry(&path)).expect("read"), whole);
    }
    // Even with a checksum that holds, what is not compiled code of this engine does not pass.
    put(&entry, &[b"junk", crate::cache::checksum(b"junk").as_slice()].concat());
    with_cache(&path);
    assert_eq!(std::fs::read(only_entry(&path)).expect("read"), whole);
}

#[test]
fn an_entry_that_is_in_use_may_be_replaced_and_removed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("compiled");
    with_cache(&path);
    let mut mapped = with_cache(&path);
    std::fs::remove_file(only_entry(&path)).expect("removed");
    with_cache(&path);
    assert!(mapped.propose("kept", &case()).is_ok());
}

#[test]
fn an_entry_that_others_could_write_or_that_is_a_link_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("compiled");
    with_cache(&path);
    let entry = only_entry(&path);
    std::fs::set_permissions(&entry, PermissionsExt::from_mode(0o666)).expect("changed");
    with_cache(&path);
    assert_eq!(mode(&only_entry(&path)), 0o600, "written again");

    let elsewhere = folder.path().join("elsewhere");
    std::fs::rename(&entry, &elsewhere).expect("moved");
    std::os::unix::fs::symlink(&elsewhere, &entry).expect("linked");
    with_cache(&path);
    assert!(only_entry(&path).symlink_metadata().expect("there").is_file(), "replaced");
}

#[test]
fn a_directory_that_others_could_write_is_not_used() {
    let folder = tempfile::tempdir().expect("a folder");
    for mode in [0o770, 0o707, 0o1777] {
        let path = folder.path().join(format!("compiled-{mode:o}"));
        std::fs::create_dir(&path).expect("made");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("changed");
        let toolbox = with_cache(&path);
        assert!(toolbox.cache_notice().is_some_and(|notice| notice.contains("others may write it")));
        assert_eq!(std::fs::read_dir(&path).expect("listed").count(), 0);
    }
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(folder.path(), &link).expect("linked");
    assert!(with_cache(&link).cache_notice().is_some());
    let file = folder.path().join("file");
    put(&file, b"");
    assert!(with_cache(&file).cache_notice().is_some());
}

#[test]
fn the_built_in_guest_of_these_tests_passes_every_check() {
    assert!(proposed(Guest::new("plain").source()).is_ok());
}

/// Writes a file of a test, where it does not matter whether it survives a crash.
fn put(path: &Path, bytes: &[u8]) {
    use std::io::Write as _;
    std::fs::File::create(path).and_then(|mut file| file.write_all(bytes)).expect("written");
}
