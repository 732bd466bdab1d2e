//! Projects that are none, files that Compose or `repair` refuses, and command lines that mean nothing.

use repair_test_support::{Engine, Project};

use crate::ground::{HEAL, expect, fail_up, insist, repair, web_on};

fn project() -> Project<'static> {
    Project::new(Engine::shared()).expect("a project can be made")
}

/// Insists that nothing was recorded: no session begins on what cannot be read.
fn insist_nothing_recorded(project: &Project<'_>) {
    assert!(!project.state_dir().exists(), "{:?}", std::fs::read_dir(project.state_dir()));
}

#[test]
fn a_folder_without_a_compose_file_is_named_with_the_next_step() {
    let project = project();
    let folder = project.dir().display().to_string();
    for args in [&[] as &[&str], &HEAL, &["plan"], &["doctor"], &["audit", "verify"]] {
        // The folder is empty at first, and then holds something else.
        let finished = repair(&project, args);
        assert!(finished.stderr.contains(&folder) || finished.stdout.contains(&folder), "{finished}");
        if args != ["doctor"] {
            insist(&finished, 2, &["compose.yaml", "--project-directory"]);
        }
        project.write("notes.txt", "no Compose file\n").expect("it can be written");
    }
    insist_nothing_recorded(&project);
    assert_eq!(project.read("notes.txt").expect("it is there"), "no Compose file\n");
}

#[test]
fn a_named_file_or_folder_that_is_missing_is_named() {
    let project = project();
    expect(&project, &["-f", "missing.yaml"], 2, &["missing.yaml"]);
    expect(&project, &["--project-directory", "nowhere"], 2, &["nowhere"]);
    insist_nothing_recorded(&project);
}

#[test]
fn invalid_yaml_is_refused_with_its_place() {
    let project = project();
    let text = "services:\n  web:\n    image: \"unclosed\n  other: [\n";
    project.write("compose.yaml", text).expect("it can be written");
    for args in [&[] as &[&str], &HEAL, &["plan"]] {
        expect(&project, args, 3, &["yaml", "line", "docker compose config"]);
    }
    insist_nothing_recorded(&project);
    assert_eq!(project.read("compose.yaml").expect("it is there"), text);
}

#[test]
fn an_unknown_key_of_a_compose_file_is_named() {
    let project = project();
    let text = web_on(project.port(0)).replace("image:", "imagine:");
    project.write("compose.yaml", &text).expect("it can be written");
    for args in [&[] as &[&str], &HEAL, &["plan"]] {
        expect(&project, args, 3, &["imagine", "docker compose config"]);
    }
    insist_nothing_recorded(&project);
    assert_eq!(project.read("compose.yaml").expect("it is there"), text);
}

#[test]
fn a_compose_file_without_services_is_not_healed_and_not_called_healthy_in_silence() {
    let project = project();
    project.write("compose.yaml", "services: {}\n").expect("it can be written");
    let finished = repair(&project, &HEAL);
    assert!(matches!(finished.code, Some(0 | 3)), "{finished}");
    assert!(!format!("{finished}").contains("panicked"), "{finished}");
}

#[test]
fn a_typo_in_repair_toml_is_named_with_its_line() {
    let project = project();
    project.write("compose.yaml", &web_on(project.port(0))).expect("it can be written");
    project.write("repair.toml", "# ours\n[[prob]]\nservice = \"web\"\n").expect("it can be written");
    for args in [&[] as &[&str], &HEAL, &["plan"]] {
        expect(&project, args, 2, &["repair.toml", "prob", "line 2", "repair init"]);
    }
    insist_nothing_recorded(&project);
}

#[test]
fn a_typo_in_a_tools_parameters_names_tool_and_key_and_changes_nothing() {
    let project = project();
    let text = web_on(project.port(0));
    project.write("compose.yaml", &text).expect("it can be written");
    project.write("repair.toml", "[tools.port-conflict]\nbundels = []\n").expect("it can be written");
    let _held = fail_up(&project, &["web"]);
    let finished = repair(&project, &HEAL);
    insist(&finished, 3, &["port-conflict", "bundels"]);
    assert_eq!(project.read("compose.yaml").expect("it is there"), text);
}

#[test]
fn unknown_flags_and_values_are_usage_errors_that_write_nothing() {
    let project = project();
    project.write("compose.yaml", &web_on(project.port(0))).expect("it can be written");
    for (args, word) in [
        (&["--frobnicate"] as &[&str], "--frobnicate"),
        (&["--self-heal"], "--self-heal"),
        (&["--self-heal=always"], "always"),
        (&["--yes"], "--self-heal"),
        (&["--self-heal=preview", "--timeout", "0"], "--timeout"),
        (&["frobnicate"], "frobnicate"),
        (&["approve", "abc"], "digest"),
        (&["apply"], "DIGEST"),
        (&["audit"], "verify"),
    ] {
        expect(&project, args, 2, &[word]);
    }
    insist_nothing_recorded(&project);
}

#[test]
fn a_digest_or_session_that_nobody_knows_is_an_error_with_the_next_step() {
    let project = project();
    project.write("compose.yaml", &web_on(project.port(0))).expect("it can be written");
    for args in
        [["approve", "0123456789abcdef"], ["apply", "0123456789abcdef"], ["show", "nothing"], ["undo", "nothing"]]
    {
        let finished = repair(&project, &args);
        assert!(matches!(finished.code, Some(2 | 3)), "{finished}");
        assert!(finished.stderr.contains("repair sessions") || finished.stderr.contains("repair plan"), "{finished}");
    }
}
