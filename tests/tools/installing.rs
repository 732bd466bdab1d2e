//! A tool is installed by a yes to exactly one component, and by nothing else.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;

use repair_test_guests::{Guest, padded};
use repair_test_support::Finished;

use crate::terminal::Terminal;
use crate::tool_home::{Home, files_in, text_of, versioned};

/// A digest that no component has.
const NO_DIGEST: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const QUESTION: &str = "Accept exactly this component? [y]es [n]o: ";

fn is_installed(home: &Home, id: &str) -> bool {
    home.tools(0).iter().any(|tool| tool == id)
}

#[test]
fn nobody_can_accept_a_tool_without_a_terminal_but_by_its_digest() {
    let home = Home::new();
    let component = home.write("guest.wasm", Guest::new("guest").build());
    let asked = home.ends(4, &["tool", "add", "guest.wasm"]);
    for word in ["guest 1.2.3", "docker-port-conflict", "compose-up (at most disruptive)", "contact    none is given"] {
        assert!(asked.stderr.contains(word), "`{word}` is missing: {asked}");
    }
    assert!(asked.stderr.contains("--accept"), "{asked}");
    assert!(!home.join(".config").exists() && !home.join(".local").exists(), "nothing was written");

    let wrong = home.ends(4, &["tool", "add", "guest.wasm", "--accept", NO_DIGEST]);
    assert!(wrong.stderr.contains("nobody here can accept"), "{wrong}");
    // Whoever made the component could make another one of the same beginning.
    let part = home.ends(2, &["tool", "add", "guest.wasm", "--accept", "0123456789abcdef"]);
    assert!(part.stderr.contains("has 64 hexadecimal digits"), "{part}");
    home.install(&component);
    assert_eq!(home.tools(0)[0], "guest", "whoever was chosen is asked first");
    let shown = home.document(0, &["tool", "show", "guest"]);
    assert_eq!(shown.pointer("/tool/built_in"), Some(&false.into()));
    let again = home.document(0, &["tool", "add", "guest.wasm"]);
    assert_eq!(again[0]["result"], "unchanged");
}

#[test]
fn a_person_at_a_terminal_is_asked_and_may_say_no() {
    let home = Home::new();
    home.write("guest.wasm", Guest::new("guest").build());
    let mut terminal = Terminal::of(home.command(&["tool", "add", "guest.wasm"]));
    terminal.until(QUESTION);
    terminal.answer("n");
    let (code, seen) = terminal.end();
    assert_eq!(code, 3, "{seen}");
    assert!(seen.contains("was not accepted"), "{seen}");
    assert!(!is_installed(&home, "guest"));

    let mut terminal = Terminal::of(home.command(&["tool", "add", "guest.wasm"]));
    terminal.until(QUESTION);
    terminal.answer("y");
    assert_eq!(terminal.end().0, 0);
    assert!(is_installed(&home, "guest"));
}

#[test]
fn a_newer_version_that_wants_no_more_is_taken_and_one_that_wants_more_is_asked_about() {
    let home = Home::new();
    let component = home.write("guest.wasm", versioned("guest", "1.0.0").build());
    home.install(&component);
    let kept = files_in(&home.join(".local/share/repair/tools"));

    home.write("guest.wasm", versioned("guest", "1.1.0").build());
    let updated = home.document(0, &["tool", "update"]);
    assert_eq!((updated[0]["result"].as_str(), updated[0]["version"].as_str()), (Some("updated"), Some("1.1.0")));
    assert_ne!(files_in(&home.join(".local/share/repair/tools")), kept, "the old component is gone");
    assert_eq!(kept.len(), 1);

    let greedy = Guest { may: vec!["compose-up", "purge-vault"], ..versioned("guest", "1.2.0") };
    home.write("guest.wasm", greedy.build());
    let asked = home.ends(4, &["tool", "update", "guest"]);
    for word in ["it wants more than you accepted", "+ may purge-vault", "purge-vault (at most irreversible)"] {
        assert!(asked.stderr.contains(word), "`{word}` is missing: {asked}");
    }
    let listed = home.document(0, &["tool", "list"]);
    assert_eq!(listed["tools"][0].pointer("/tool/version"), Some(&"1.1.0".into()), "the accepted one goes on");

    let mut terminal = Terminal::of(home.command(&["tool", "update", "guest"]));
    terminal.until(QUESTION);
    terminal.answer("y");
    assert_eq!(terminal.end().0, 0);
    let listed = home.document(0, &["tool", "list"]);
    assert_eq!(listed["tools"][0].pointer("/tool/version"), Some(&"1.2.0".into()));
}

#[test]
fn another_one_of_the_same_name_is_asked_about_also_where_it_wants_nothing_more() {
    let home = Home::new();
    let component = home.write("guest.wasm", versioned("guest", "1.0.0").build());
    home.install(&component);
    home.write("downloads/guest.wasm", versioned("guest", "99.0.0").build());
    let asked = home.ends(4, &["tool", "add", "downloads"]);
    assert!(asked.stderr.contains("the accepted one came from"), "{asked}");
    assert!(asked.stderr.contains("nobody here can accept guest 99.0.0"), "{asked}");
    let listed = home.document(0, &["tool", "list"]);
    assert_eq!(listed["tools"][0].pointer("/tool/version"), Some(&"1.0.0".into()));
}

#[test]
fn one_that_fails_keeps_no_other_from_its_turn() {
    let home = Home::new();
    for id in ["one", "two"] {
        let component = home.write(format!("{id}.wasm"), versioned(id, "1.0.0").build());
        home.install(&component);
    }
    std::fs::remove_file(home.join("one.wasm")).expect("removed");
    home.write("two.wasm", versioned("two", "1.1.0").build());
    let updated = home.document(2, &["tool", "update"]);
    assert_eq!(updated[0]["tool"], "one");
    assert_eq!(updated[0]["result"], "failed");
    assert!(updated[0]["reason"].as_str().is_some_and(|reason| reason.contains("one.wasm")), "{updated}");
    assert_eq!(updated[1]["result"], "updated");
    let told = home.ends(2, &["tool", "update"]);
    assert!(told.stdout.contains("next: `repair tool add PATH` takes `one` from elsewhere"), "{told}");

    home.write("tools/broken.wasm", "(component)");
    home.write("tools/two.wasm", versioned("two", "1.1.0").build());
    let added = home.document(3, &["tool", "add", "tools"]);
    assert_eq!((&added[0]["result"], &added[1]["result"]), (&"failed".into(), &"unchanged".into()));
}

#[test]
fn collisions_downgrades_and_swaps_are_refused_and_change_nothing() {
    let home = Home::new();
    home.write("taken.wasm", Guest::new("port-conflict").build());
    let taken = home.ends(2, &["tool", "add", "taken.wasm"]);
    assert!(taken.stderr.contains("the id of a built-in tool"), "{taken}");

    let component = home.write("guest.wasm", versioned("guest", "2.0.0").build());
    home.install(&component);
    let lock = std::fs::read_to_string(home.join(".config/repair/repair-tools.lock")).expect("the lock file");
    let offers = [
        (versioned("guest", "1.9.9"), "is older than 2.0.0"),
        (Guest { summary: "Another one.".to_owned(), ..versioned("guest", "2.0.0") }, "under the same version"),
        (versioned("stranger", "3.0.0"), "holds the tool `stranger`, not `guest`"),
    ];
    for (offer, words) in offers {
        home.write("guest.wasm", offer.build());
        let refused = home.ends(2, &["tool", "update", "guest"]);
        assert!(refused.stderr.contains(words), "`{words}` is missing: {refused}");
        assert!(refused.stderr.contains("next:"), "{refused}");
    }
    home.write("guest.wasm", versioned("guest", "1.9.9").build());
    home.ends(2, &["tool", "add", "guest.wasm"]);
    let after = std::fs::read_to_string(home.join(".config/repair/repair-tools.lock")).expect("the lock file");
    assert_eq!(after, lock);
}

#[test]
fn a_tool_is_removed_with_its_component_and_a_built_in_one_is_not() {
    let home = Home::new();
    let component = home.write("guest.wasm", Guest::new("guest").build());
    home.install(&component);
    home.ends(0, &["tool", "remove", "guest"]);
    assert!(!is_installed(&home, "guest"));
    assert_eq!(files_in(&home.join(".local/share/repair/tools")), [""; 0]);
    let unknown = home.ends(2, &["tool", "remove", "guest"]);
    assert!(unknown.stderr.contains("no tool `guest` is installed"), "{unknown}");
    let built_in = home.ends(2, &["tool", "remove", "port-conflict"]);
    assert!(built_in.stderr.contains("a policy can forbid what it does"), "{built_in}");
}

#[test]
fn a_folder_is_installed_component_by_component() {
    let home = Home::new();
    let empty = home.ends(2, &["tool", "add", "."]);
    assert!(empty.stderr.contains("holds no component"), "{empty}");
    let (one, two) = (Guest::new("one").build(), Guest::new("two").build());
    home.write("tools here/one.wasm", &one);
    home.write("tools here/two.wasm", &two);
    home.write("tools here/readme.txt", "not a tool");
    let digest = |name: &str| {
        let checked = home.document(0, &["tool", "check", &format!("tools here/{name}.wasm")]);
        checked.pointer("/manifest/tool/component").and_then(serde_json::Value::as_str).expect("a digest").to_owned()
    };
    let (first, second) = (digest("one"), digest("two"));
    home.ends(0, &["tool", "add", "tools here", "--accept", &first, "--accept", &second]);
    assert_eq!(home.tools(0)[..2], ["one", "two"]);
    assert_eq!(home.document(0, &["tool", "update"]).as_array().map(Vec::len), Some(2));
}

#[test]
fn what_no_run_would_load_is_not_installed() {
    let home = Home::new();
    let broken = Guest { describe: "unreachable".to_owned(), ..Guest::new("broken") };
    home.write("broken.wasm", broken.build());
    let refused = home.ends(3, &["tool", "add", "broken.wasm", "--accept", NO_DIGEST]);
    assert!(refused.stderr.contains("tool `broken.wasm`: `describe` panicked"), "{refused}");
    home.write("text.wasm", "(component)");
    let refused = home.ends(3, &["tool", "add", text_of(&home.join("text.wasm"))]);
    assert!(refused.stderr.contains("WebAssembly text"), "{refused}");
    let missing = home.ends(2, &["tool", "add", "nowhere.wasm"]);
    assert!(missing.stderr.contains("nowhere.wasm") && missing.stderr.contains("next: name the file"), "{missing}");
    let large = std::fs::File::create(home.join("large.wasm")).expect("a file");
    large.set_len(40 * 1024 * 1024).expect("a hole");
    let refused = home.ends(3, &["tool", "check", "large.wasm"]);
    assert!(refused.stderr.contains("at most 33554432 are read"), "{refused}");
    assert!(refused.stderr.contains("`lto` and `strip`"), "{refused}");
    let unnamed = home.join(OsStr::from_bytes(b"not\xfftext.wasm"));
    std::fs::write(&unnamed, Guest::new("guest").build()).expect("written");
    let mut add = home.command(&["tool", "add"]);
    let refused = Finished::run(add.arg(&unnamed)).expect("it runs");
    assert_eq!(refused.code, Some(2), "{refused}");
    assert!(refused.stderr.contains("copy the component to another place"), "{refused}");
    assert!(!home.join(".local/share").exists(), "nothing is kept of what was not installed");
}

#[test]
fn a_tool_that_brings_a_language_runtime_is_told_as_one() {
    let home = Home::new();
    let component = home.write("guest.wasm", versioned("guest", "1.0.0").build());
    home.install(&component);
    home.write("guest.wasm", padded(versioned("guest", "1.1.0").build(), 4 * 1024 * 1024));
    let asked = home.ends(4, &["tool", "update"]);
    assert!(asked.stderr.contains("+ the limits of a language runtime"), "{asked}");
}
