//! Dependencies that are not well, on a real engine: one that hangs is restarted with a yes, one that ended is started
//! again, and one that keeps ending is given up with its own last words.

#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod scenario;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod tool_scenario;

use std::thread;
use std::time::Duration;

use repair_test_support::{Project, http_get, wait_for};
use scenario::{HEAL, document, fails_to_start, repair, sound, text};
use tool_scenario::{Bystander, UP, compose, docker, file, healed_with_a_yes, next_steps, plan_of, project, write};

/// `web` waits for the health of `db`, which runs this; `other` has nothing to do with them.
fn shop(project: &Project<'_>, script: &str, restart: &str) -> String {
    let db = format!(
        "    command: [\"/bin/sh\", \"-c\", '{script}']\n    restart: \"{restart}\"\n    healthcheck:\n      \
         test: [\"CMD\", \"/bin/sh\", \"-c\", \"[ -f /tmp/healthy ]\"]\n      interval: 1s\n      retries: 2\n"
    );
    let web = format!(
        "    ports: [\"{}:80\"]\n    depends_on:\n      db:\n        condition: service_healthy\n",
        project.port(0)
    );
    file(&[("db", &db), ("web", &web), ("other", "")], "")
}

/// Id and last start of a service's only container.
fn start_of(project: &Project<'_>, service: &str) -> (String, String) {
    let id = project.container(service).expect("it is there").id;
    let started = docker(project, &["inspect", "--format", "{{.State.StartedAt}}", &id]);
    (id, started)
}

fn web_answers(project: &Project<'_>) {
    wait_for(10, || http_get(project.port(0), "/ready")).expect("the service that waited answers");
}

/// Waits until the engine has restarted a container so often.
fn until_restarted(project: &Project<'_>, id: &str, times: u32) {
    for _ in 0..600 {
        let restarts = docker(project, &["inspect", "--format", "{{.RestartCount}}", id]);
        if restarts.parse::<u32>().expect("a number") >= times {
            return;
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("the engine does not restart it again and again");
}

#[test]
fn one_that_hangs_is_restarted_with_a_yes_and_what_waits_starts() {
    let bystander = Bystander::start(project(), &file(&[("db", "")], ""));
    let project = project();
    let hangs_once = "if [ -f /tmp/booted ]; then : > /tmp/healthy; fi; : > /tmp/booted; echo ERROR: stuck; exec httpd -f -p 80 -h /www";
    write(&project, &shop(&project, hangs_once, "no"));
    fails_to_start(&project);
    compose(&project, &["up", "--detach", "other"]);
    let (db, other) = (start_of(&project, "db"), start_of(&project, "other"));

    let (asked, report) = healed_with_a_yes(&project, &HEAL);
    assert_eq!(text(&asked, "/findings/0/class"), "docker-unhealthy-dependency");
    assert_eq!(plan_of(&asked), ["restart-service", "compose-up"], "{asked:#}");
    assert_eq!(report["steps"].as_array().map(Vec::len), Some(2), "{report:#}");
    let db_now = start_of(&project, "db");
    assert_eq!(db_now.0, db.0, "restarted as it is, and not made anew");
    assert_ne!(db_now.1, db.1, "it was started again");
    assert_eq!(start_of(&project, "other"), other);
    web_answers(&project);
    bystander.is_untouched();
    sound(&project);
}

#[test]
fn one_that_ended_with_an_error_once_is_started_again_without_a_person() {
    let project = project();
    let ends_once = "[ -f /tmp/booted ] || { : > /tmp/booted; exit 3; }; : > /tmp/healthy; exec httpd -f -p 80 -h /www";
    write(&project, &shop(&project, ends_once, "no"));
    let report = document(&project, 0, &[HEAL.as_slice(), &UP].concat());
    assert_eq!(report["result"], "healed", "{report:#}");
    assert_eq!(text(&report, "/findings/0/class"), "docker-unhealthy-dependency");
    assert!(text(&report, "/plan/tool").starts_with("unhealthy-dependency "), "{report:#}");
    assert_eq!(plan_of(&report), ["compose-up"]);
    web_answers(&project);
    sound(&project);
}

#[test]
fn a_crash_loop_is_given_up_with_its_cause_and_nothing_is_restarted() {
    let project = project();
    write(&project, &shop(&project, "echo FATAL: the data directory is locked; exit 1", "always"));
    compose(&project, &["up", "--detach", "db", "other"]);
    let db = project.container("db").expect("it is there");
    until_restarted(&project, &db.id, 3);
    let other = start_of(&project, "other");
    let said = format!("dependency failed to start: container {} is unhealthy\n", db.name);
    project.write("up.log", &said).expect("written");

    let report = document(&project, 3, &[HEAL.as_slice(), &["--log", "up.log"]].concat());
    assert_eq!(report["result"], "not-healed", "{report:#}");
    assert_eq!(text(&report, "/findings/0/class"), "docker-unhealthy-dependency");
    assert_eq!(plan_of(&report), ["collect-logs"], "only a look: {report:#}");
    let told = next_steps(&report);
    for word in ["crash loop", "FATAL: the data directory is locked", "docker compose logs --tail 80 db"] {
        assert!(told.contains(word), "`{word}` is missing: {told}");
    }
    let people = repair(&project, &[HEAL.as_slice(), &["--log", "up.log"]].concat());
    assert!(people.stdout.contains("FATAL: the data directory is locked"), "{people}");
    assert_eq!(project.container("db").expect("it is there").id, db.id);
    assert_eq!(start_of(&project, "other"), other);
    assert!(project.container("web").is_err(), "nothing was started beside it");
    sound(&project);
}

#[test]
fn one_that_is_still_starting_is_waited_for_and_not_restarted() {
    let project = project();
    let slow = "( sleep 8; : > /tmp/healthy ) & exec httpd -f -p 80 -h /www";
    let patient = "      retries: 2\n      start_period: 300s\n";
    write(&project, &shop(&project, slow, "no").replace("      retries: 2\n", patient));
    compose(&project, &["up", "--detach", "db", "other"]);
    let db = start_of(&project, "db");
    let said = format!("dependency failed to start: container {}-db-1 is unhealthy\n", project.name());
    project.write("up.log", &said).expect("written");

    let report = document(&project, 0, &[HEAL.as_slice(), &["--log", "up.log"]].concat());
    assert_eq!(report["result"], "healed", "{report:#}");
    assert_eq!(plan_of(&report), ["compose-up"]);
    let records = document(&project, 0, &["audit", "show"]);
    let answers = records.as_array().expect("a list").iter().filter_map(|record| record["event"]["answer"].as_str());
    assert!(answers.into_iter().any(|answer| answer == "wait"), "{records:#}");
    assert_eq!(start_of(&project, "db"), db);
    web_answers(&project);
    sound(&project);
}
