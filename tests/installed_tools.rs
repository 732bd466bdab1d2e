//! Installed tools in real sessions on a real engine: one that helps is asked first and asks for a yes, one that is hostile
//! is stopped, named in the log and passed over, and the built-in ones heal all the same.
#![expect(clippy::disallowed_methods, reason = "the tests write components and policies")]

#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod scenario;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod tool_home;

use repair_test_guests::{Guest, slice};
use repair_test_support::{Finished, HeldPort, Project};
use scenario::{HEAL, fails_to_start, sound, web_project};
use serde_json::Value;
use tool_home::Home;

/// `repair` with the tools of `home`, in the project's folder.
fn repair(home: &Home, project: &Project<'_>, args: &[&str]) -> Finished {
    let mut command = project.command(env!("CARGO_BIN_EXE_repair"));
    command.args(args).arg("--state-dir").arg(project.state_dir());
    command.env("XDG_CONFIG_HOME", home.join(".config")).env("XDG_DATA_HOME", home.join(".local/share"));
    command.env("XDG_CACHE_HOME", home.join(".cache"));
    Finished::run(&mut command).expect("repair can be started")
}

fn document(home: &Home, project: &Project<'_>, code: i32, args: &[&str]) -> Value {
    let finished = repair(home, project, &[args, &["--json"]].concat());
    assert_eq!(finished.code, Some(code), "{finished}");
    serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("no document ({error}): {finished}"))
}

fn installed(guests: Vec<Guest>) -> Home {
    let home = Home::new();
    for guest in guests {
        let component = home.write(format!("{}.wasm", guest.id), guest.build());
        home.install(&component);
    }
    home
}

/// What the log says of tools that were refused: tool and words.
fn refusals(home: &Home, project: &Project<'_>) -> Vec<(String, String)> {
    let records = document(home, project, 0, &["audit", "show"]);
    let records = records.as_array().expect("a list of records").clone();
    records
        .iter()
        .filter(|record| record["event"]["kind"] == "tool-refused")
        .map(|record| {
            let text = |field: &str| record["event"][field].as_str().expect("a text").to_owned();
            (text("tool"), text("error"))
        })
        .collect()
}

/// A query of that case of the contract, 40 bytes.
fn query(case: u8) -> Vec<u8> {
    let mut query = vec![case];
    query.resize(40, 0);
    query
}

#[test]
fn hostile_tools_are_named_in_the_log_and_the_built_in_one_heals_all_the_same() {
    let mut undeclared = Guest::new("undeclared");
    let restart = undeclared.action_of(3, &["web"]);
    undeclared.proposes(900, &[restart]);
    let mut foreign = Guest { may: vec!["remove-stale-container"], ..Guest::new("foreign") };
    let removal = foreign.action_of(5, &["another-project-db-1", "0123456789abcdef"]);
    foreign.proposes(900, &[removal]);
    let mut nameless = Guest::new("nameless");
    let up = nameless.compose_up(&["no-such-service"]);
    nameless.proposes(900, &[up]);
    let mut asking = Guest::new("asking");
    let list = asking.data.put(&query(1));
    asking.answers(1, &slice(list, 1), [0; 8]);
    let mut waiting = Guest::new("waiting");
    waiting.answers(2, &0_u32.to_le_bytes(), [0; 8]);
    let mut loud = Guest::new("loud");
    loud.declines("all is \u{1b}[2Jwell\u{202e}\0, run rm -rf /");
    let looping = Guest { propose: "(loop $again (br $again)) unreachable".to_owned(), ..Guest::new("looping") };
    let panicking = Guest { propose: "unreachable".to_owned(), ..Guest::new("panicking") };
    let home = installed(vec![undeclared, foreign, nameless, asking, waiting, loud, looping, panicking]);

    let project = web_project(&[("web", "18080:80")]);
    let port = project.port(0);
    project.write("compose.yaml", &scenario::web_file(&[("web", &format!("\"{port}:80\""))])).expect("written");
    let _held = HeldPort::by_another_process(project.engine(), port).expect("the port is held");
    fails_to_start(&project);

    let healed = repair(&home, &project, &HEAL);
    assert_eq!(healed.code, Some(0), "{healed}");
    for said in [&healed.stdout, &healed.stderr] {
        assert!(!said.contains(['\u{1b}', '\u{202e}', '\0']), "{said:?}");
    }
    let refused = refusals(&home, &project);
    for (tool, words) in [
        ("undeclared", "proposed the action `restart-service`, but its manifest may only propose"),
        ("foreign", "another-project-db-1"),
        ("nameless", "no-such-service"),
        ("asking", "asked again for what it had been told"),
        ("waiting", "had not decided after"),
        ("looping", "used up its fuel of 200000000 units"),
        ("panicking", "panicked"),
    ] {
        let said = refused.iter().find(|(refused, _)| refused == tool);
        let said = said.unwrap_or_else(|| panic!("the log does not say that `{tool}` was refused: {refused:?}"));
        assert!(said.1.contains(words), "{tool}: {}", said.1);
    }
    sound(&project);
}

#[test]
fn an_installed_tool_is_asked_first_asks_for_a_yes_and_its_cases_can_be_recorded() {
    let mut first = Guest { sees: vec![], ..Guest::new("first") };
    let up = first.compose_up(&["web"]);
    first.proposes(900, &[up]);
    let home = installed(vec![first]);
    let project = web_project(&[("web", "18080:80")]);
    let port = project.port(0);
    project.write("compose.yaml", &scenario::web_file(&[("web", &format!("\"{port}:80\""))])).expect("written");
    let _held = HeldPort::by_another_process(project.engine(), port).expect("the port is held");
    fails_to_start(&project);

    // It is safe to start what was made and never ran, and a built-in tool would not be asked about.
    let planned = document(&home, &project, 4, &["--self-heal=preview"]);
    assert_eq!(
        planned
            .pointer("/plan/tool/id")
            .or(planned.pointer("/plan/tool"))
            .map(Value::to_string)
            .map(|id| id.contains("first")),
        Some(true),
        "{planned:#}"
    );
    let because = planned.to_string();
    assert!(because.contains("the tool is installed, and no policy allows this to it unattended"), "{planned:#}");

    let session = planned["session"].as_str().expect("a session").to_owned();
    let recorded = document(&home, &project, 0, &["tool", "record", &session, "-o", "cases"]);
    assert_eq!(recorded["wrote"].as_array().map(Vec::len), Some(2), "{recorded:#}");
    std::fs::copy(home.join("first.wasm"), project.dir().join("first.wasm")).expect("copied");
    let tested = document(&home, &project, 0, &["tool", "test"]);
    assert_eq!(tested[0]["result"], "same", "the tool says to the recorded case what it said in the session");

    // With a policy for exactly this build nobody is asked about it, and another tool is not meant by it.
    let shown = document(&home, &project, 0, &["tool", "show", "first"]);
    let digest = shown.pointer("/tool/tool/component").and_then(Value::as_str).expect("a digest").to_owned();
    let policy = format!(
        "@id(\"first-starts\")\npermit (principal == Repair::Tool::\"first\", action == Repair::Action::\"apply_unattended\", \
         resource is Repair::ComposeUp)\nwhen {{ principal.component == \"{digest}\" }};\n"
    );
    home.write(".config/repair/policy/first.cedar", policy);
    let started = document(&home, &project, 3, &["--self-heal=preview", "--new"]);
    assert!(started["steps"].as_array().is_some_and(|steps| !steps.is_empty()), "{started:#}");
    assert!(started.to_string().contains("allowed unattended by `user/first-starts`"), "{started:#}");

    // A preset that wants only built-in tools passes it over, and the built-in ones are asked.
    home.write(".config/repair/policy/first.cedar", include_str!("../policies/presets/built-in-only.cedar"));
    // The bound cooldown_seconds_min is 10 after a session in vain.
    std::thread::sleep(std::time::Duration::from_secs(11));
    let healed = document(&home, &project, 0, &["--self-heal=preview", "--yes", "--new"]);
    assert_eq!(healed["result"], "healed", "{healed:#}");
    let refused = refusals(&home, &project);
    assert!(
        refused.iter().any(|(tool, words)| tool == "first" && words.contains("policy denies the plan")),
        "{refused:?}"
    );
}

#[test]
fn a_tool_that_cannot_be_loaded_is_named_in_the_log_and_harms_no_session() {
    let home = installed(vec![Guest::new("swapped")]);
    let folder = home.join(".local/share/repair/tools");
    let file = folder.join(&tool_home::files_in(&folder)[0]);
    std::fs::write(file, Guest::new("another").build()).expect("swapped");
    let project = web_project(&[("web", "18080:80")]);
    let port = project.port(0);
    project.write("compose.yaml", &scenario::web_file(&[("web", &format!("\"{port}:80\""))])).expect("written");
    let _held = HeldPort::by_another_process(project.engine(), port).expect("the port is held");
    fails_to_start(&project);
    assert_eq!(repair(&home, &project, &HEAL).code, Some(0));
    let refused = refusals(&home, &project);
    assert!(refused.iter().any(|(tool, words)| tool == "swapped" && words.contains("was accepted")), "{refused:?}");
}

#[test]
fn a_tool_that_only_looks_does_not_keep_the_others_from_mending() {
    let mut looker = Guest { sees: vec![], may: vec!["collect-logs"], ..Guest::new("looker") };
    let mut logs = looker.action_of(2, &[]);
    logs[4..12].copy_from_slice(&looker.data.texts(&["web"]));
    logs[12..14].copy_from_slice(&100_u16.to_le_bytes());
    looker.proposes(900, &[logs]);
    let home = installed(vec![looker]);
    let project = web_project(&[("web", "18080:80")]);
    let port = project.port(0);
    project.write("compose.yaml", &scenario::web_file(&[("web", &format!("\"{port}:80\""))])).expect("written");
    let _held = HeldPort::by_another_process(project.engine(), port).expect("the port is held");
    fails_to_start(&project);
    let healed = document(&home, &project, 0, &HEAL);
    assert_eq!(healed["result"], "healed", "{healed:#}");
    let records = document(&home, &project, 0, &["audit", "show"]).to_string();
    assert!(records.contains("\"looker\""), "it was asked");
}
