//! Policies that cannot be read, that fail while they are asked, and that want more than they may: all of them deny.

use std::fs;

use repair_test_support::{Engine, HeldPort, Project};

use crate::ground::{HEAL, expect, repair};
use crate::taken_port;

/// A project to heal, and files that must stay as they are because of a policy.
struct Guarded {
    project: Project<'static>,
    compose: String,
    _port: HeldPort,
}

impl Guarded {
    fn new() -> Self {
        let project = Project::new(Engine::shared()).expect("a project can be made");
        let port = taken_port(&project);
        let compose = project.read("compose.yaml").expect("it is there");
        Self { project, compose, _port: port }
    }

    fn user_policy(&self, name: &str, text: &str) {
        let folder = self.project.dir().with_file_name("config").join("repair/policy");
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join(name), text).expect("it can be written");
    }

    fn insist_denied(&self, args: &[&str], words: &[&str]) {
        let finished = expect(&self.project, args, 5, words);
        assert_eq!(self.project.read("compose.yaml").expect("it is there"), self.compose, "{finished}");
        assert_eq!(self.project.container("web").expect("it was created").status, "created", "{finished}");
    }
}

#[test]
fn a_policy_with_a_typo_denies_everything_and_is_named() {
    let guarded = Guarded::new();
    guarded.user_policy(
        "mine.cedar",
        "@id(\"mine\")\nforbid (principal, action, resource) when { resource.rsik_rank > 1 };\n",
    );
    for args in [HEAL.as_slice(), &["plan"], &["policy", "check"]] {
        guarded.insist_denied(args, &["mine.cedar", "rsik_rank"]);
    }
    guarded.user_policy("mine.cedar", "@id(\"mine\")\nforbidd (principal, action, resource);\n");
    guarded.insist_denied(&HEAL, &["mine.cedar", "forbidd", "repair policy check"]);
    assert!(!guarded.project.state_dir().exists(), "no session begins without a policy");
}

#[test]
fn a_bounds_file_with_a_typo_or_a_loosened_bound_is_named() {
    let guarded = Guarded::new();
    guarded.user_policy("mine.toml", "rounds_mx = 1\n");
    guarded.insist_denied(&HEAL, &["mine.toml", "rounds_mx"]);
    guarded.user_policy("mine.toml", "rounds_max = -1\n");
    guarded.insist_denied(&HEAL, &["mine.toml"]);
    assert!(!guarded.project.state_dir().exists());
}

#[test]
fn a_forbid_that_fails_while_it_is_asked_denies() {
    let guarded = Guarded::new();
    // It passes validation, and overflows for every round from the first on. Cedar alone would skip it.
    let text = "@id(\"overflows\")\nforbid (principal, action, resource)\n\
                when { context.round + 9223372036854775807 == 0 };\n";
    guarded.user_policy("mine.cedar", text);
    guarded.insist_denied(&HEAL, &["denied by policy", "overflows"]);
    expect(&guarded.project, &["audit", "verify"], 0, &["verified"]);
}

#[test]
fn a_project_can_forbid_and_cannot_permit() {
    let guarded = Guarded::new();
    let permit = "@id(\"please\")\npermit (principal, action, resource);\n";
    guarded.project.write(".repair/policy/mine.cedar", permit).expect("it can be written");
    for args in [HEAL.as_slice(), &["policy", "check"]] {
        guarded.insist_denied(args, &["mine.cedar", "a project may only forbid"]);
    }
    let forbid = "@id(\"hands-off\")\n@why(\"we move ports ourselves\")\n\
                  forbid (principal, action, resource is Repair::RemapPort);\n";
    guarded.project.write(".repair/policy/mine.cedar", forbid).expect("it can be written");
    guarded.insist_denied(&HEAL, &["denied by policy", "hands-off"]);
    expect(&guarded.project, &["audit", "verify"], 0, &["verified"]);
}

#[test]
fn a_project_cannot_loosen_a_bound() {
    let guarded = Guarded::new();
    guarded.project.write(".repair/policy/more.toml", "rounds_max = 1000000\n").expect("it can be written");
    let explained = repair(&guarded.project, &["policy", "explain"]);
    assert!(explained.code == Some(5) || !explained.stdout.contains("1000000"), "{explained}");
}
