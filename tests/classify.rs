//! `repair classify` as a person and a program meet it: files, standard input, odd input, and text that was made to do harm.
//! It needs no engine and no project.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const HELD: &str = "Error response from daemon: driver failed programming external connectivity on endpoint shop-web-1 \
                    (5f1d0c7be2): Bind for 0.0.0.0:18080 failed: port is already allocated\n";

#[expect(clippy::disallowed_methods, reason = "the test runs the program itself")]
fn classify(args: &[&str], input: &[u8]) -> Output {
    let folder = tempfile::tempdir().expect("a folder");
    let mut child = Command::new(env!("CARGO_BIN_EXE_repair"))
        .arg("classify")
        .args(args)
        .current_dir(folder.path())
        .env_clear()
        .env("HOME", folder.path())
        .env("PATH", "/nowhere")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("a pipe").write_all(input).expect("it reads everything");
    let output = child.wait_with_output().expect("it ends");
    let left: Vec<_> = std::fs::read_dir(folder.path()).expect("the folder").collect();
    assert!(left.is_empty(), "classifying writes nothing");
    output
}

fn document(input: &[u8]) -> Value {
    let output = classify(&["-", "--json"], input);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("one JSON document")
}

#[test]
fn a_program_gets_class_confidence_facts_and_proof() {
    let text = format!(" Container shop-web-1  Starting\r\n\u{1b}[31m{HELD}\u{1b}[0m");
    let document = document(text.as_bytes());
    let primary = &document["findings"][0];
    assert_eq!(primary["class"], "docker-port-conflict");
    assert!(primary["confidence"].as_f64().is_some_and(|confidence| (0.9..=1.0).contains(&confidence)));
    assert_eq!(primary["facts"]["port"], "18080");
    assert_eq!(primary["proof"][0]["line"], 2);
    assert!(primary["next_steps"].as_array().is_some_and(|steps| !steps.is_empty()));
    assert_eq!((&document["lines"], &document["bytes"]), (&Value::from(2), &Value::from(text.len())));
}

#[test]
fn a_file_and_standard_input_say_the_same() {
    let mut file = tempfile::Builder::new().prefix("build log ").tempfile().expect("a file");
    file.write_all(HELD.as_bytes()).expect("it can be written");
    let path = file.path().to_str().expect("a path");
    let of_file = classify(&[path], b"");
    assert_eq!(of_file.stdout, classify(&["-"], HELD.as_bytes()).stdout);
    assert_eq!(of_file.stdout, classify(&[], HELD.as_bytes()).stdout, "without a name it reads standard input");
    let shown = String::from_utf8_lossy(&of_file.stdout);
    for part in ["docker-port-conflict (98.0 %)", "line 1: ", "port = 18080", "next: "] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
}

#[test]
fn what_says_nothing_is_unknown_and_no_error() {
    for input in [&b""[..], b"\n\n", b"all services are well\n", b"exit status 1", &[0xff, 0xfe, 0, 1, 2], &[0; 5000]] {
        let document = document(input);
        assert_eq!(document["findings"][0]["class"], "unknown", "{input:?}");
        assert_eq!(document["findings"][0]["proof"], Value::Array(Vec::new()));
    }
}

#[test]
fn text_never_reaches_the_terminal_raw() {
    let hostile =
        "\u{202e}\u{9b}2J\u{1b}]0;owned\u{7} Bind for 0.0.0.0:18080 failed: port is already allocated \u{200b}\u{2066}";
    for args in [&["-"][..], &["-", "--json"]] {
        let output = classify(args, hostile.as_bytes());
        let shown = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(shown.contains("docker-port-conflict"));
        let raw = |character: char| {
            (character.is_control() && character != '\n') || "\u{202e}\u{200b}\u{2066}".contains(character)
        };
        assert!(!shown.chars().any(raw), "{shown:?}");
    }
}

#[test]
fn secrets_in_a_proof_are_redacted() {
    let text = "docker: Error response from daemon: Get \"https://robot:s3cr3t-value@registry.example/v2/\": unauthorized: authentication required";
    let output = classify(&["-", "--json"], text.as_bytes());
    let shown = String::from_utf8_lossy(&output.stdout);
    assert!(shown.contains("docker-registry-auth") && shown.contains("[redacted]"), "{shown}");
    assert!(!shown.contains("s3cr3t"), "{shown}");
}

#[test]
fn the_last_decisive_failure_is_primary_and_the_others_are_listed() {
    let text = format!("toomanyrequests: You have reached your pull rate limit\n{HELD}");
    let findings = document(text.as_bytes())["findings"].clone();
    let classes: Vec<_> = findings.as_array().expect("a list").iter().map(|found| &found["class"]).collect();
    assert_eq!(classes, ["docker-port-conflict", "docker-registry-throttled"]);
}
