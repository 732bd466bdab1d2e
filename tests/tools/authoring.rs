//! Checks and recorded cases, on guests that are made so or so.

use std::os::unix::fs::symlink;

use repair_test_guests::{Guest, slice};
use serde_json::json;

use crate::terminal::Terminal;
use crate::tool_home::Home;

/// A case of a port conflict without any answer.
fn case() -> String {
    json!({
        "format": "repair-case/1",
        "about": "A port is taken.",
        "finding": {
            "class": "docker-port-conflict", "confidence": 1000, "facts": {}, "proof": [], "next_steps": []
        },
    })
    .to_string()
}

/// A folder with a guest and a case.
fn folder(guest: Guest) -> Home {
    let home = Home::new();
    home.write("guest.wasm", guest.build());
    home.write("cases/taken.json", case());
    home
}

/// A guest that declines with these words and leaves a note.
fn noting(why: &str) -> Guest {
    let mut guest = Guest::new("guest");
    let why = guest.data.text(why);
    let notes = guest.data.texts(&["looked at nothing"]);
    guest.answers(3, &why, notes);
    guest
}

#[test]
fn a_case_is_new_then_as_expected_then_different() {
    let home = folder(noting("not mine"));
    let new = home.ends(3, &["tool", "test"]);
    assert!(new.stdout.contains("new       taken  declines: not mine"), "{new}");
    assert!(new.stdout.contains("note: looked at nothing"), "{new}");
    home.ends(0, &["tool", "test", "--accept"]);
    let same = home.document(0, &["tool", "test"]);
    let said = json!({ "answer": { "decline": "not mine" }, "notes": ["looked at nothing"] });
    let said = json!({ "format": "repair-transcript/1", "replies": [said] });
    let notes = &said["replies"][0]["notes"];
    let expected = json!([{
        "case": "taken", "result": "same", "outcome": "declines: not mine", "said": said, "unanswered": [], "notes": notes,
    }]);
    assert_eq!(same, expected);

    home.write("guest.wasm", noting("not my case").build());
    let differs = home.ends(3, &["tool", "test"]);
    assert!(differs.stdout.contains("DIFFERS   taken"), "{differs}");
    assert!(differs.stdout.contains("-         \"decline\": \"not mine\""), "{differs}");
    assert!(differs.stdout.contains("+         \"decline\": \"not my case\""), "{differs}");
    let differs = home.document(3, &["tool", "test"]);
    assert_eq!(differs[0]["expected"], said);
    assert_eq!(differs[0]["said"]["replies"][0]["answer"]["decline"], "not my case");
    home.ends(0, &["tool", "test", "--accept"]);
    home.ends(0, &["tool", "test", "--case", "take"]);
    let none = home.ends(2, &["tool", "test", "--case", "other"]);
    assert!(none.stderr.contains("has `other` in its name"), "{none}");
    assert!(none.stderr.contains("next: there are taken"), "{none}");
    let nowhere = home.ends(2, &["tool", "test", "nowhere"]);
    assert!(nowhere.stderr.contains("nowhere is no folder"), "{nowhere}");
    let debugged = home.ends(2, &["tool", "test", "--debug", "--json"]);
    assert!(debugged.stdout.contains("`--debug` is for a person"), "{debugged}");
}

/// Somebody else may have made the folder.
#[test]
fn nothing_in_the_folder_of_a_tool_leads_out_of_it_or_draws_on_the_screen() {
    let home = folder(noting("not mine"));
    let outside = home.write("elsewhere/precious", "a file of mine");
    symlink(&outside, home.join("cases/taken.reply.json")).expect("linked");
    for accept in [&[][..], &["--accept"]] {
        let refused = home.ends(2, &[&["tool", "test"], accept].concat());
        assert!(refused.stderr.contains("taken.reply.json is a link"), "{refused}");
        assert!(!refused.stdout.contains("a file of mine"), "{refused}");
    }
    assert_eq!(std::fs::read_to_string(&outside).expect("it is there"), "a file of mine");
    std::fs::remove_file(home.join("cases/taken.reply.json")).expect("removed");
    symlink(&outside, home.join("cases/other.json")).expect("linked");
    let refused = home.ends(2, &["tool", "test"]);
    assert!(refused.stderr.contains("other.json is a link"), "{refused}");
    std::fs::remove_file(home.join("cases/other.json")).expect("removed");

    let elsewhere = home.join("elsewhere/cases");
    std::fs::rename(home.join("cases"), &elsewhere).expect("moved");
    symlink(&elsewhere, home.join("cases")).expect("linked");
    let refused = home.ends(2, &["tool", "test", "--accept"]);
    assert!(refused.stderr.contains("cases is a link"), "{refused}");
    std::fs::remove_file(home.join("cases")).expect("removed");
    std::fs::rename(&elsewhere, home.join("cases")).expect("moved back");

    home.write("src/\u{1b}[2J\u{202e}.rs", "");
    let told = home.ends(3, &["tool", "test"]);
    assert!(told.stderr.contains("src/\\u{1b}[2J\\u{202e}.rs"), "{told}");
}

#[test]
fn a_case_may_be_as_large_as_one_that_is_read() {
    let home = folder(noting("not mine"));
    let services: Vec<_> = (0..20_000).map(|at| format!("a service of a large project, number {at}")).collect();
    let mut large: serde_json::Value = serde_json::from_str(&case()).expect("a case");
    large["finding"]["next_steps"] = json!(services);
    home.write("cases/taken.json", large.to_string());
    let mut verbose = Guest::new("guest");
    let texts: Vec<String> = (0..100).map(|at| format!("{at} {}", "\u{1}".repeat(4_000))).collect();
    let notes = verbose.data.texts(&texts.iter().map(String::as_str).collect::<Vec<_>>());
    let why = verbose.data.text("not mine");
    verbose.answers(3, &why, notes);
    home.write("guest.wasm", verbose.build());
    home.ends(0, &["tool", "test", "--accept"]);
    let length = std::fs::metadata(home.join("cases/taken.reply.json")).expect("written").len();
    assert!(length > 2 * 1024 * 1024, "{length}");
    home.ends(0, &["tool", "test"]);
}

#[test]
fn a_case_that_fails_is_never_taken_for_right_and_spoils_no_other() {
    let mut guest = Guest::new("guest");
    // It panics where anything was tried before.
    guest.propose = format!("(if (local.get 14) (then unreachable)) {}", guest.propose);
    let home = folder(guest);
    let mut tried: serde_json::Value = serde_json::from_str(&case()).expect("a case");
    tried["history"] = json!([{ "tool": "guest", "actions": [], "outcome": "healed", "seconds_ago": 1 }]);
    home.write("cases/a-tried.json", tried.to_string());
    let accepted = home.ends(3, &["tool", "test", "--accept"]);
    assert!(accepted.stdout.contains("FAILED    a-tried  tool `guest`: `propose` panicked"), "{accepted}");
    assert!(accepted.stdout.contains("accepted  taken  declines"), "{accepted}");
    assert!(!accepted.stdout.contains("takes what the tool says now"), "{accepted}");
    assert!(!home.join("cases/a-tried.reply.json").exists());
    let debugged = home.ends(3, &["tool", "test", "--debug", "--case", "tried"]);
    assert!(debugged.stdout.contains("call 1\n  fails"), "{debugged}");
}

#[test]
fn debugging_goes_through_a_case_call_by_call() {
    let mut guest = Guest { sees: vec!["containers"], ..Guest::new("guest") };
    // The first call asks for the containers; one that was shown an observation declines.
    let decline = guest.propose.clone();
    let mut queries = vec![1_u8];
    queries.resize(40, 0);
    let list = guest.data.put(&queries);
    guest.answers(1, &slice(list, 1), [0; 8]);
    let need = guest.propose.clone();
    guest.propose = format!("(if (local.get 10) (then {decline} return)) {need}");
    let home = folder(guest);
    let debugged = home.ends(0, &["tool", "test", "--debug"]);
    for words in [
        "case taken",
        "call 1",
        r#"says        {"need":["containers"]}"#,
        r#"the host    refuses "containers": the recorded case has no answer to this query"#,
        "call 2",
        "of 200000000 units of fuel",
        "in the end  declines: not my case",
    ] {
        assert!(debugged.stdout.contains(words), "`{words}` is missing: {debugged}");
    }

    let mut terminal = Terminal::of(home.command(&["tool", "test", "--debug"]));
    terminal.until("Enter for the next call: ");
    assert!(!terminal.seen.contains("call 2"), "{}", terminal.seen);
    terminal.answer("");
    let (code, seen) = terminal.end();
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("in the end  declines"), "{seen}");
}

#[test]
fn a_check_complains_with_a_fix_about_everything_that_a_host_would_hold_against_it() {
    let good = folder(Guest {
        contact: Some("https://example.org".to_owned()),
        sees: vec![],
        may: vec![],
        ..Guest::new("guest")
    });
    let checked = good.ends(0, &["tool", "check", "guest.wasm"]);
    assert!(checked.stdout.contains("one case, answered twice and the same"), "{checked}");

    let mut required = Guest::new("guest");
    required.schema = r#"{"type":"object","required":["who"]}"#.to_owned();
    // A counter in the guest's memory, which a second call of the same instance sees.
    let mut keeping = Guest::new("guest");
    let decline = keeping.propose.clone();
    keeping.answers(2, &7_u32.to_le_bytes(), [0; 8]);
    let wait = keeping.propose.clone();
    keeping.fields = "(global $calls (mut i32) (i32.const 0))".to_owned();
    keeping.propose =
        format!("(if (global.get $calls) (then {wait} return)) (global.set $calls (i32.const 1)) {decline}");
    let mut failing = Guest::new("guest");
    failing.propose = "unreachable".to_owned();
    for (guest, what, fix) in [
        (required, "a project that says nothing is refused", "give each parameter a default"),
        (keeping, "asked twice in one go, it answers differently", "keep nothing between two calls"),
        (failing, "taken: `propose` panicked", "a panic tell its message and place"),
    ] {
        let home = folder(guest);
        let checked = home.ends(3, &["tool", "check", "guest.wasm"]);
        assert!(checked.stdout.contains(what), "`{what}` is missing: {checked}");
        assert!(checked.stdout.contains(fix), "`{fix}` is missing: {checked}");
    }
    let remarks = folder(Guest::new("guest")).ends(0, &["tool", "check", "guest.wasm"]);
    for words in ["no case asks for containers", "no case proposes compose-up", "whom to ask"] {
        assert!(remarks.stdout.contains(words), "`{words}` is missing: {remarks}");
    }
}

#[test]
fn a_check_without_cases_shows_an_empty_one_of_each_class() {
    let home = Home::new();
    home.write("guest.wasm", Guest::new("guest").build());
    let checked = home.ends(0, &["tool", "check", "guest.wasm"]);
    assert!(checked.stdout.contains("remark  cases        there is no recorded case"), "{checked}");
    let named = home.write("elsewhere.json", case());
    home.ends(0, &["tool", "check", "guest.wasm", "--case", named.to_str().expect("text")]);
}

#[test]
fn what_is_no_case_and_no_component_is_named() {
    let home = folder(Guest::new("guest"));
    home.write("cases/taken.json", "{\"format\": \"repair-case/1\"}");
    let malformed = home.ends(2, &["tool", "test"]);
    assert!(
        malformed.stderr.contains("cases/taken.json: it is not a recorded case: missing field `finding`"),
        "{malformed}"
    );
    assert!(malformed.stderr.contains("repair schema case"), "{malformed}");
    home.write("cases/taken.json", case());
    home.write("other.wasm", Guest::new("other").build());
    let several = home.ends(2, &["tool", "test"]);
    assert!(several.stderr.contains("holds several components"), "{several}");
    home.ends(3, &["tool", "test", "--component", "other.wasm"]);
    std::fs::remove_file(home.join("other.wasm")).expect("removed");
    std::fs::remove_file(home.join("guest.wasm")).expect("removed");
    let none = home.ends(2, &["tool", "test"]);
    assert!(none.stderr.contains("`repair tool build` makes it"), "{none}");
    let nowhere = home.repair(&["tool", "test", "nowhere"]);
    assert_eq!(nowhere.code, Some(2), "{nowhere}");
}
