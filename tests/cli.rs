//! What the command line shows without any engine: help, schemas, usage errors. Whole outputs are snapshots.

use std::process::{Command, Output};

#[expect(clippy::disallowed_methods, reason = "the test runs the program itself")]
fn repair(args: &[&str]) -> Output {
    let home = tempfile::tempdir().expect("a folder");
    Command::new(env!("CARGO_BIN_EXE_repair"))
        .args(args)
        .current_dir(home.path())
        .env_clear()
        .env("HOME", home.path())
        .env("PATH", "/nowhere")
        .output()
        .expect("it starts")
}

fn transcript(args: &[&str]) -> String {
    let output = repair(args);
    format!(
        "$ repair {}\n{}{}(exit code {})\n",
        args.join(" "),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        output.status.code().unwrap_or(-1)
    )
}

fn settings() -> insta::Settings {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    // Folders of one run, and digests that change with every edit of a tool.
    settings.add_filter(r"/tmp/\.tmp[A-Za-z0-9]+", "[home]");
    settings.add_filter(r"\b[0-9a-f]{64}\b", "[digest]");
    settings
}

#[test]
fn help_is_as_documented() {
    settings().bind(|| {
        insta::assert_snapshot!("help", transcript(&["--help"]));
        let commands = [
            "classify", "plan", "approve", "apply", "resume", "undo", "sessions", "show", "abort", "audit", "policy",
            "tool", "schema",
        ];
        for command in commands {
            insta::assert_snapshot!(format!("help-{command}"), transcript(&[command, "--help"]));
        }
    });
}

#[test]
fn schemas_change_only_on_purpose() {
    settings().bind(|| {
        let names = [
            "settings",
            "bounds",
            "plan",
            "event",
            "report",
            "classified",
            "policy",
            "resume",
            "handover",
            "phase-state",
            "case",
            "transcript",
            "tool-lock",
        ];
        for name in names {
            insta::assert_snapshot!(format!("schema-{name}"), transcript(&["schema", name]));
        }
    });
}

#[test]
fn wrong_usage_is_answered_with_what_to_do() {
    settings().bind(|| {
        let lines = [
            transcript(&[]),
            transcript(&["--self-heal=preview"]),
            transcript(&["--self-heal=now"]),
            transcript(&["--yes"]),
            transcript(&["--self-heal=preview", "sessions"]),
            transcript(&["sessions"]),
            transcript(&["sessions", "--all"]),
            transcript(&["show", "nothing"]),
            transcript(&["audit", "verify"]),
            transcript(&["approve", "12345678"]),
            transcript(&["--json", "show", "nothing"]),
            transcript(&["--self-heal=preview", "--", "/no/such/program"]),
            transcript(&["classify", "no-such.log"]),
            transcript(&["classify", "."]),
            transcript(&["--log", "x.log", "classify", "y.log"]),
            transcript(&["--log", "x.log", "--", "true"]),
            transcript(&["--self-heal=preview", "--log", "no-such.log"]),
        ];
        insta::assert_snapshot!("usage", lines.join("\n"));
    });
}

#[test]
fn policy_and_tools_can_be_looked_at_anywhere() {
    settings().bind(|| {
        insta::assert_snapshot!("policy-explain", transcript(&["policy", "explain"]));
        insta::assert_snapshot!("tool-list", transcript(&["tool", "list"]));
    });
}

#[test]
fn completions_come_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = repair(&["completions", shell]);
        assert!(output.status.success());
        assert!(String::from_utf8_lossy(&output.stdout).contains("self-heal"), "{shell}");
    }
}
