//! Secrets that are missing, on a real engine: a value is drawn, the project starts, and nobody has seen the value; what has a
//! value, or is no secret, is left to a person.

#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod scenario;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod tool_scenario;

use std::fs;
use std::path::Path;

use repair_test_support::{Finished, Project, http_get, wait_for};
use scenario::{HEAL, repair, sound, text};
use serde_json::Value;
use tool_scenario::{Bystander, UP, compose, file, next_steps, plan_of, project, write};

/// The server that ends at once while its secret is empty, as its namesake does.
const LAKE: &str = "repair-test/devlake:1";

/// The value of a variable in the project's `.env`.
fn value_of(project: &Project<'_>, variable: &str) -> String {
    let text = project.read(".env").expect("the file is there");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{variable}=")));
    line.unwrap_or_else(|| panic!("no {variable} in {text:?}")).to_owned()
}

/// What `repair --json` says, with all that was said.
fn said(project: &Project<'_>, code: i32, args: &[&str]) -> (Value, Finished) {
    let (own, wrapped) = args.split_at(args.iter().position(|arg| *arg == "--").unwrap_or(args.len()));
    let finished = repair(project, &[own, &["--json"], wrapped].concat());
    assert_eq!(finished.code, Some(code), "{finished}");
    (serde_json::from_str(&finished.stdout).expect("a document"), finished)
}

/// Checks that a secret is neither in what was said nor in any file of the state folder.
fn is_nowhere(project: &Project<'_>, secret: &str, said: &[Finished]) {
    assert!(secret.len() >= 32, "{secret:?} is no secret");
    for finished in said {
        assert!(!finished.stdout.contains(secret) && !finished.stderr.contains(secret), "it was said");
    }
    let files = files_below(&project.state_dir());
    assert!(files.iter().any(|(path, _)| path.ends_with("log.jsonl")), "a log was written");
    for (path, bytes) in files {
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "it is in {path}");
    }
}

fn files_below(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files_below(&path));
        } else {
            found.push((path.display().to_string(), fs::read(&path).expect("a file")));
        }
    }
    found
}

/// The DevLake server behind a port, with its `.env`.
fn lake(dotenv: &str) -> Project<'static> {
    let project = project();
    let port = project.port(0);
    let text = format!("services:\n  lake:\n    image: {LAKE}\n    ports: [\"{port}:8080\"]\n    env_file: [./.env]\n");
    write(&project, &text);
    project.write(".env", dotenv).expect("written");
    project
}

#[test]
fn a_required_secret_is_drawn_with_a_yes_on_the_command_line_and_the_project_starts() {
    let bystander = Bystander::start(project(), &file(&[("web", "")], ""));
    let project = project();
    let web = format!(
        "    ports: [\"{}:80\"]\n    environment:\n      KEY: \"${{APP_SECRET_KEY:?set it in .env}}\"\n",
        project.port(0)
    );
    let compose_file = file(&[("web", &web)], "");
    write(&project, &compose_file);
    project.write(".env", "# Settings.\nTZ=UTC\n").expect("written");

    let (report, finished) = said(&project, 0, &[HEAL.as_slice(), &UP].concat());
    assert_eq!(report["result"], "healed", "{report:#}");
    assert_eq!(text(&report, "/findings/0/class"), "docker-compose-invalid-file");
    assert_eq!(plan_of(&report), ["set-env-value", "compose-up"]);
    let secret = value_of(&project, "APP_SECRET_KEY");
    assert!(secret.len() == 64 && secret.bytes().all(|byte| byte.is_ascii_hexdigit()), "32 bytes");
    assert_eq!(project.read(".env").expect("there"), format!("# Settings.\nTZ=UTC\nAPP_SECRET_KEY={secret}\n"));
    assert_eq!(project.read("compose.yaml").expect("there"), compose_file);
    wait_for(5, || http_get(project.port(0), "/ready")).expect("the service answers");

    let shown = repair(&project, &["show", text(&report, "/session")]);
    let audit = repair(&project, &["audit", "show"]);
    is_nowhere(&project, &secret, &[finished, shown, audit]);
    bystander.is_untouched();
    sound(&project);
}

#[test]
fn a_server_that_names_its_empty_secret_gets_one_with_a_yes() {
    let dotenv = "# Settings of the server.\nENCRYPTION_SECRET=\nLOGGING_LEVEL=info\n";
    let project = lake(dotenv);
    compose(&project, &["up", "--detach"]);
    until_ended(&project, "lake");
    let (asked, first) = said(&project, 4, &HEAL);
    assert_eq!(text(&asked, "/findings/0/class"), "docker-container-crash-loop");
    assert_eq!(plan_of(&asked), ["set-env-value", "compose-up"], "{asked:#}");
    assert_eq!(project.read(".env").expect("there"), dotenv, "a plan writes nothing");
    let digest = text(&asked, "/plan/digest");
    let (_, second) = said(&project, 0, &["approve", digest]);
    let (report, third) = said(&project, 0, &["apply", digest]);
    assert_eq!(report["result"], "healed", "{report:#}");

    let secret = value_of(&project, "ENCRYPTION_SECRET");
    assert_eq!(project.read(".env").expect("there").replace(&secret, ""), dotenv);
    wait_for(10, || http_get(project.port(0), "/ready")).expect("the server answers");
    is_nowhere(&project, &secret, &[first, second, third]);
    sound(&project);
}

#[test]
fn a_value_that_stands_there_is_never_written_over() {
    let project = project();
    let lake =
        "    command: [\"/bin/sh\", \"-c\", \"echo ENCRYPTION_SECRET is wrong; exit 1\"]\n    env_file: [./.env]\n";
    write(&project, &file(&[("lake", lake)], ""));
    let dotenv = "ENCRYPTION_SECRET=chosen-by-a-person\n";
    project.write(".env", dotenv).expect("written");
    compose(&project, &["up", "--detach"]);
    until_ended(&project, "lake");
    let (report, _) = said(&project, 3, &HEAL);
    assert_eq!(text(&report, "/findings/0/class"), "docker-container-crash-loop");
    assert_eq!(plan_of(&report), ["collect-logs"], "only a look: {report:#}");
    assert_eq!(project.read(".env").expect("there"), dotenv);
    sound(&project);
}

#[test]
fn a_required_variable_that_is_no_secret_is_left_to_a_person() {
    let project = project();
    let web =
        "    environment:\n      DOMAIN: \"${SHOP_DOMAIN:?where it answers}\"\n      KEY: \"${APP_SECRET_KEY:?}\"\n";
    write(&project, &file(&[("web", web)], ""));
    let (report, _) = said(&project, 3, &[HEAL.as_slice(), &UP].concat());
    assert_eq!(text(&report, "/findings/0/class"), "docker-compose-invalid-file");
    assert_eq!(report["steps"], serde_json::json!([]), "{report:#}");
    let told = next_steps(&report);
    for word in ["SHOP_DOMAIN is empty", "A person has to set it in `.env`"] {
        assert!(told.contains(word), "`{word}` is missing: {told}");
    }
    assert!(project.read(".env").is_err(), "nothing was written, not even the secret beside it");
    sound(&project);
}

fn until_ended(project: &Project<'_>, service: &str) {
    for _ in 0..600 {
        if project.container(service).expect("it is there").status == "exited" {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("`{service}` does not end");
}
