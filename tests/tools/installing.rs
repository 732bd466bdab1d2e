//! A tool is installed by a yes to exactly one component, and by nothing else.

use repair_test_guests::{Guest, padded};

use crate::terminal::Terminal;
use crate::tool_home::{Home, files_in, text_of, versioned};

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

    let wrong = home.ends(4, &["tool", "add", "guest.wasm", "--accept", "0123456789abcdef"]);
    assert!(wrong.stderr.contains("nobody here can accept"), "{wrong}");
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
    assert_eq!(listed[0].pointer("/tool/version"), Some(&"1.1.0".into()), "the accepted one goes on");

    let mut terminal = Terminal::of(home.command(&["tool", "update", "guest"]));
    terminal.until(QUESTION);
    terminal.answer("y");
    assert_eq!(terminal.end().0, 0);
    let listed = home.document(0, &["tool", "list"]);
    assert_eq!(listed[0].pointer("/tool/version"), Some(&"1.2.0".into()));
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
    let refused = home.ends(3, &["tool", "add", "broken.wasm", "--accept", "0123456789abcdef"]);
    assert!(refused.stderr.contains("tool `broken.wasm`: `describe` panicked"), "{refused}");
    home.write("text.wasm", "(component)");
    let refused = home.ends(3, &["tool", "add", text_of(&home.join("text.wasm"))]);
    assert!(refused.stderr.contains("WebAssembly text"), "{refused}");
    let missing = home.repair(&["tool", "add", "nowhere.wasm"]);
    assert!(missing.code != Some(0) && missing.stderr.contains("nowhere.wasm"), "{missing}");
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
