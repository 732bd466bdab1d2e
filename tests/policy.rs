//! Policies and bounds on real failures: what may run unattended, what may not run at all, who may say so, and what a
//! policy that cannot be used does.

mod scenario;

use repair_test_support::{Engine, Finished, HeldPort, Project, http_get, wait_for};
use scenario::{HEAL, document, fails_to_start, no_session, repair, sound, text, web_file, web_project};

/// The preset for build machines.
const CI: &str = include_str!("../policies/presets/ci.cedar");

/// A permit for the first step of the usual plan, and not for the second.
const MOVES_ONLY: &str = "@id(\"moves-only\")\npermit (principal, action == \
    Repair::Action::\"apply_unattended\", resource is Repair::RemapPort);\n";

/// Forbids to move ports.
const FORBID_MOVES: &str = "@id(\"ports-stay\")\n@why(\"others know these ports\")\nforbid (principal, action, resource is Repair::RemapPort);\n";

/// A web server on the first port of its block, which a process holds; its start has failed.
fn broken() -> (Project<'static>, HeldPort) {
    let project = web_project(&[]);
    project.write("compose.yaml", &file(&project)).expect("its file can be written");
    let held = HeldPort::by_another_process(Engine::shared(), project.port(0)).expect("the port was free");
    fails_to_start(&project);
    (project, held)
}

fn file(project: &Project<'_>) -> String {
    web_file(&[("web", &format!("\"{}:80\"", project.port(0)))])
}

fn user(project: &Project<'_>, name: &str, content: &str) {
    project.write(&format!("../config/repair/policy/{name}"), content).expect("a policy can be written");
}

fn projects_own(project: &Project<'_>, content: &str) {
    project.write(".repair/policy/own.cedar", content).expect("a policy can be written");
}

/// That nothing of the project was touched: neither its file nor its container.
fn untouched(project: &Project<'_>) {
    assert_eq!(project.read("compose.yaml").expect("a file"), file(project));
    assert_eq!(project.container("web").expect("the leftover").status, "created");
}

#[test]
fn a_user_may_let_ports_move_unattended() {
    let (project, _held) = broken();
    user(&project, "ci.cedar", CI);
    let report = document(&project, 0, &["--self-heal=preview"]);
    assert_eq!(report["result"], "healed");
    let decided = &report["plan"]["steps"][0]["decided"];
    assert_eq!(decided["decision"], "allow", "{report:#}");
    assert!(decided["policies"].to_string().contains("user/ci-moves-ports"), "{decided:#}");
    wait_for(5, || http_get(project.port(1), "/ready")).expect("the service answers");
    sound(&project);
}

#[test]
fn a_plan_of_which_only_a_part_is_allowed_is_asked_as_a_whole() {
    let (project, _held) = broken();
    user(&project, "moves.cedar", MOVES_ONLY);
    document(&project, 4, &["--self-heal=preview"]);
    untouched(&project);
    sound(&project);
}

#[test]
fn a_users_forbid_beats_every_permit_and_nothing_changes() {
    let (project, _held) = broken();
    user(&project, "ci.cedar", CI);
    user(&project, "forbid.cedar", FORBID_MOVES);
    let report = document(&project, 5, &HEAL);
    assert_eq!(report["result"], "denied");
    let why = report["next_steps"].to_string();
    assert!(why.contains("user/ports-stay") && why.contains("others know these ports"), "{why}");
    untouched(&project);
    sound(&project);
}

#[test]
fn a_projects_own_forbid_is_honoured() {
    let (project, _held) = broken();
    projects_own(&project, FORBID_MOVES);
    let report = document(&project, 5, &HEAL);
    assert!(report["next_steps"].to_string().contains("project/ports-stay"), "{report:#}");
    untouched(&project);
    sound(&project);
}

#[test]
fn a_project_that_tries_to_permit_is_refused() {
    let (project, _held) = broken();
    projects_own(&project, "// Trust me.\n@id(\"all\")\npermit (principal, action, resource);\n");
    let refused = repair(&project, &HEAL);
    assert_eq!(refused.code, Some(5), "{refused}");
    for expected in ["own.cedar:2:", "permit", "next:"] {
        assert!(refused.stderr.contains(expected), "`{expected}` is missing: {refused}");
    }
    untouched(&project);
    no_session(&project);
}

#[test]
fn a_policy_with_a_typo_names_file_and_line_and_allows_nothing() {
    let (project, _held) = broken();
    let typo = "@id(\"typo\")\nforbid (principal, action, resource)\nwhen { resource.risk == Repair::Risk::\"reversable\" };\n";
    user(&project, "typo.cedar", typo);
    for args in [HEAL.as_slice(), &["plan"], &["policy", "check"]] {
        let refused = repair(&project, args);
        assert_eq!(refused.code, Some(5), "{refused}");
        assert!(refused.stderr.contains("policy/typo.cedar:3:"), "{refused}");
    }
    untouched(&project);
    no_session(&project);
}

#[test]
fn a_forbid_that_fails_while_it_runs_denies() {
    let (project, _held) = broken();
    // Cedar itself would skip it, because the product overflows; validation cannot see that.
    let overflows = "@id(\"overflows\")\nforbid (principal, action, resource) when { context.confidence * \
                     9223372036854775807 > 0 };\n";
    user(&project, "overflows.cedar", overflows);
    let report = document(&project, 5, &HEAL);
    assert!(report["next_steps"].to_string().contains("user/overflows"), "{report:#}");
    untouched(&project);
    sound(&project);
}

#[test]
fn yes_never_covers_the_replacement_of_what_has_run() {
    let project = web_project(&[]);
    project.write("compose.yaml", &file(&project)).expect("its file can be written");
    project.compose(["up", "--detach"]).and_then(Finished::success).expect("it starts");
    project.compose(["stop"]).and_then(Finished::success).expect("it stops");
    let _held = HeldPort::by_another_process(Engine::shared(), project.port(0)).expect("the port was free");
    let ran = project.container("web").expect("a container");

    let report = document(&project, 4, &[HEAL.as_slice(), &["--", "docker", "compose", "up", "-d"]].concat());
    assert_eq!(text(&report, "/plan/risk"), "disruptive", "{report:#}");
    assert_eq!(project.read("compose.yaml").expect("a file"), file(&project));
    assert_eq!(project.container("web").expect("a container").id, ran.id);
    sound(&project);

    // A grant of exactly this plan does cover it.
    let digest = text(&report, "/plan/digest");
    document(&project, 0, &["approve", digest]);
    assert_eq!(document(&project, 0, &["apply", digest])["result"], "healed");
    assert_ne!(project.container("web").expect("a container").id, ran.id);
    sound(&project);
}

#[test]
fn attempts_are_counted_over_all_sessions() {
    let (project, _held) = broken();
    user(&project, "bounds.toml", "# A move and a start.\nattempts_per_class_max = 2\n");
    document(&project, 0, &HEAL);
    let healed = project.read("compose.yaml").expect("a file");

    project.down().expect("it can be taken down");
    let _again = HeldPort::by_another_process(Engine::shared(), project.port(1)).expect("the port was free");
    fails_to_start(&project);
    let report = document(&project, 3, &HEAL);
    assert!(text(&report, "/reason").contains("attempts_per_class_max is 2"), "{report:#}");
    assert_eq!(report["steps"], serde_json::json!([]), "{report:#}");
    assert_eq!(project.read("compose.yaml").expect("a file"), healed);
    sound(&project);
}

#[test]
fn a_plan_with_more_steps_than_attempts_are_left_is_not_begun() {
    let (project, _held) = broken();
    user(&project, "bounds.toml", "attempts_per_class_max = 1\n");
    let report = document(&project, 3, &HEAL);
    assert!(text(&report, "/reason").contains("attempts_per_class_max is 1"), "{report:#}");
    untouched(&project);
    sound(&project);
}

#[test]
fn a_bound_can_only_be_tightened() {
    let (project, _held) = broken();
    user(&project, "bounds.toml", "rounds_max = 2\nattempts_per_class_max = 1000\n");
    let refused = repair(&project, &HEAL);
    assert_eq!(refused.code, Some(5), "{refused}");
    assert!(refused.stderr.contains("policy/bounds.toml:2:"), "{refused}");
    untouched(&project);
    no_session(&project);
}

#[test]
fn the_policy_in_force_can_be_checked_and_explained() {
    let project = web_project(&[]);
    project.write("compose.yaml", &file(&project)).expect("its file can be written");
    user(&project, "ci.cedar", CI);
    projects_own(&project, FORBID_MOVES);
    let checked = document(&project, 0, &["policy", "check"]);
    let explained = document(&project, 0, &["policy", "explain"]);
    assert_eq!(checked["digest"], explained["digest"]);
    let ids = explained["files"].to_string();
    for id in ["built-in/move-a-port", "user/ci-moves-ports", "project/ports-stay"] {
        assert!(ids.contains(id), "`{id}` is missing: {ids}");
    }
    let answers = explained["answers"].as_array().expect("answers");
    let moves = answers.iter().filter(|answer| answer["action"] == "remap-port");
    assert!(moves.clone().count() > 0 && moves.clone().all(|answer| answer["decided"]["decision"] == "deny"));
    let for_people = repair(&project, &["policy", "explain"]);
    assert!(for_people.succeeded() && for_people.stdout.contains("attempts_per_class_max"), "{for_people}");
    no_session(&project);
}
