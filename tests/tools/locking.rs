//! The lock file binds what is loaded; nothing of a project, and nobody else, can change that.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;

use repair_test_guests::Guest;
use repair_test_support::Finished;

use crate::tool_home::{Home, files_in};

const BUILT_IN_TOOLS: usize = 12;

fn with_guest() -> Home {
    let home = Home::new();
    let component = home.write("guest.wasm", Guest::new("guest").build());
    home.install(&component);
    home
}

fn component_file(home: &Home) -> std::path::PathBuf {
    let folder = home.join(".local/share/repair/tools");
    let names = files_in(&folder);
    let [only] = names.as_slice() else { panic!("one component: {names:?}") };
    folder.join(only)
}

#[test]
fn a_changed_component_is_left_out_by_name_and_brought_back_from_its_source() {
    let home = with_guest();
    let file = component_file(&home);
    std::fs::write(&file, Guest { summary: "A stranger.".to_owned(), ..Guest::new("guest") }.build()).expect("swapped");
    let listed = home.ends(3, &["tool", "list"]);
    assert!(listed.stdout.contains("left out: tool `guest`: its component is "), "{listed}");
    assert_eq!(home.tools(3).len(), BUILT_IN_TOOLS, "the others are there");
    let doctor = home.repair(&["doctor"]);
    assert!(doctor.stdout.contains("guest") && doctor.stdout.contains("was accepted"), "{doctor}");

    let locked = home.document(0, &["tool", "lock"]);
    assert_eq!(locked[0]["result"], "brought-back");
    assert_eq!(home.document(0, &["tool", "lock"])[0]["result"], "in-order");
    assert_eq!(home.tools(0).len(), BUILT_IN_TOOLS + 1);
}

#[test]
fn a_component_that_is_gone_everywhere_is_named_with_both_places() {
    let home = with_guest();
    std::fs::remove_file(component_file(&home)).expect("removed");
    home.write("guest.wasm", Guest::new("other").build());
    let locked = home.document(3, &["tool", "lock"]);
    assert_eq!(locked[0]["result"], "left-out");
    let reason = locked[0]["reason"].as_str().expect("a reason");
    assert!(reason.contains("tools/") && reason.contains("guest.wasm"), "{reason}");
    assert_eq!(home.tools(3).len(), BUILT_IN_TOOLS);
}

#[test]
fn a_lock_file_that_others_could_write_accepts_nothing() {
    let home = with_guest();
    for place in [".config/repair/repair-tools.lock", ".config/repair"] {
        let path = home.join(place);
        let before = std::fs::metadata(&path).expect("it is there").permissions();
        std::fs::set_permissions(&path, Permissions::from_mode(before.mode() | 0o022)).expect("loosened");
        let listed = home.ends(3, &["tool", "list"]);
        assert!(listed.stdout.contains("could be written by others"), "{listed}");
        assert_eq!(home.tools(3).len(), BUILT_IN_TOOLS);
        home.ends(2, &["tool", "add", "guest.wasm"]);
        std::fs::set_permissions(&path, before).expect("as before");
    }
    assert_eq!(home.tools(0).len(), BUILT_IN_TOOLS + 1);
}

#[test]
fn a_damaged_lock_file_is_named_and_left_as_it_is() {
    let home = with_guest();
    let path = home.join(".config/repair/repair-tools.lock");
    let whole = std::fs::read_to_string(&path).expect("the lock file");
    for (damaged, words) in [
        (whole.replace("version = 1\n", "version = 7\n"), "its version is 7"),
        (whole.replace("compose-up", "rm-rf"), "rm-rf"),
        (format!("<<<<<<<\n{whole}"), "line 1, column 8: "),
        ("#".repeat(300 * 1024), "bytes"),
    ] {
        std::fs::write(&path, &damaged).expect("damaged");
        let listed = home.ends(3, &["tool", "list"]);
        assert!(listed.stdout.contains(words), "`{words}` is missing: {listed}");
        home.repair(&["tool", "add", "guest.wasm"]);
        home.repair(&["tool", "remove", "guest"]);
        home.repair(&["tool", "update"]);
        assert_eq!(std::fs::read_to_string(&path).expect("it is there"), damaged);
    }
}

#[test]
fn a_tool_of_which_the_lock_file_says_otherwise_is_left_out() {
    let home = with_guest();
    let path = home.join(".config/repair/repair-tools.lock");
    let whole = std::fs::read_to_string(&path).expect("the lock file");
    for (changed, words) in [
        (whole.replace("may = [\"compose-up\"]", "may = []"), "of `guest` than its component: + may compose-up"),
        (whole.replace("id = \"guest\"", "id = \"calm\""), "of `calm` than its component: + id guest"),
    ] {
        assert_ne!(changed, whole);
        std::fs::write(&path, &changed).expect("changed by hand");
        for command in ["list", "lock"] {
            let told = home.ends(3, &["tool", command]);
            assert!(told.stdout.contains(words), "`{words}` is missing: {told}");
        }
        assert_eq!(home.tools(3).len(), BUILT_IN_TOOLS);
        if changed.contains("id = \"guest\"") {
            let refused = home.ends(3, &["tool", "add", "guest.wasm"]);
            assert!(refused.stderr.contains(words), "{refused}");
        }
        let listed = home.document(3, &["tool", "list"]);
        assert_eq!(listed.pointer("/left_out/0/tool"), Some(&"guest".into()));
    }
}

/// Whoever may read the folder can hold it.
#[test]
fn a_change_waits_for_nobody_without_end() {
    let home = with_guest();
    let folder = std::fs::File::open(home.join(".config/repair")).expect("the folder");
    rustix::fs::flock(&folder, rustix::fs::FlockOperation::LockShared).expect("held");
    let refused = home.ends(6, &["tool", "remove", "guest"]);
    assert!(refused.stderr.contains("another process has held"), "{refused}");
    drop(folder);
    home.ends(0, &["tool", "remove", "guest"]);
}

/// What lies in the home folder may permit, and is executed; a project is never taken for it.
#[test]
fn no_folder_is_taken_for_a_home_that_is_not_known() {
    let home = with_guest();
    let mut list = home.command(&["tool", "list"]);
    let refused = Finished::run(list.env("HOME", "relative")).expect("it runs");
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("$HOME is no absolute path"), "{refused}");
    assert!(refused.stderr.contains("next: set HOME"), "{refused}");
    let mut schema = home.command(&["schema", "case"]);
    assert_eq!(Finished::run(schema.env("HOME", "relative")).expect("it runs").code, Some(0));
    // Without one the system is asked.
    for without in [None, Some("")] {
        let mut list = home.command(&["tool", "list"]);
        list.env_remove("HOME").envs(without.map(|home| ("HOME", home))).env("XDG_CACHE_HOME", home.join(".cache"));
        let listed = Finished::run(&mut list).expect("it runs");
        // It names a home to whoever has an account.
        let is_known = listed.stdout.contains("port-conflict");
        assert!(is_known || listed.stderr.contains("$HOME is no absolute path"), "{listed}");
        assert!(!listed.stdout.contains("guest"), "{listed}");
    }
}

#[test]
fn no_project_brings_a_tool_along() {
    let home = with_guest();
    let lock = std::fs::read_to_string(home.join(".config/repair/repair-tools.lock")).expect("the lock file");
    let stranger = Home::new();
    for place in ["repair-tools.lock", ".repair/repair-tools.lock", ".config/other/repair-tools.lock"] {
        stranger.write(place, &lock);
    }
    stranger.write("repair.toml", "[tools.guest]\n");
    stranger.write("compose.yaml", "services: {}\n");
    stranger.write("guest.wasm", Guest::new("guest").build());
    assert_eq!(stranger.tools(0).len(), BUILT_IN_TOOLS);
}

#[test]
fn two_that_install_at_once_lose_nothing() {
    let home = Home::new();
    let ids: Vec<String> = (0..6).map(|at| format!("guest-{at}")).collect();
    for id in &ids {
        home.write(format!("{id}.wasm"), Guest::new(id).build());
    }
    std::thread::scope(|scope| {
        for id in &ids {
            let home = &home;
            scope.spawn(move || {
                // Whoever finds the file changed between looking and writing is told to run it again.
                for _ in 0..20 {
                    let checked = home.document(0, &["tool", "check", &format!("{id}.wasm")]);
                    let digest = checked.pointer("/manifest/tool/component").expect("a digest").clone();
                    let digest = digest.as_str().expect("text");
                    if home.repair(&["tool", "add", &format!("{id}.wasm"), "--accept", digest]).code == Some(0) {
                        return;
                    }
                }
                panic!("{id} was never installed");
            });
        }
    });
    let tools = home.tools(0);
    assert!(ids.iter().all(|id| tools.contains(id)), "{tools:?}");
}
