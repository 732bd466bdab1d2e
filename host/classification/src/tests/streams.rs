//! How a text is cut makes no difference, and no text is too odd.

use proptest::prelude::*;
use repair_model::finding::FailureClass;

use crate::{Found, RuleSet, classify};

const HELD: &str = "Bind for 0.0.0.0:18080 failed: port is already allocated";

fn in_pieces(text: &[u8], bytes: usize) -> Vec<Found> {
    let mut reading = RuleSet::built_in().start();
    for piece in text.chunks(bytes) {
        reading.push(piece);
    }
    reading.finish().findings
}

#[test]
fn lines_are_counted_and_numbered_from_one() {
    let mut reading = RuleSet::built_in().start();
    reading.push(format!("one\r\ntwo\n{HELD}").as_bytes());
    let summary = reading.finish();
    assert_eq!((summary.lines, summary.findings[0].proof[0].line), (3, 3));
    let empty = RuleSet::built_in().start().finish();
    assert_eq!((empty.lines, empty.bytes, empty.findings[0].class), (0, 0, FailureClass::Unknown));
}

#[test]
fn a_failure_is_found_wherever_it_lies_in_a_long_text() {
    // Around the size at which the buffer is moved on, and far behind it.
    for lines_before in [0, 1, 2500, 2600, 2700, 5000, 40_000] {
        let mut text = "x".repeat(99).replace("xxxx", "line") + "\n";
        text = text.repeat(lines_before);
        text.push_str(HELD);
        text.push_str("\nand more\n");
        let found = in_pieces(text.as_bytes(), 8191).remove(0);
        assert_eq!(found.class, FailureClass::DockerPortConflict, "after {lines_before} lines");
        assert_eq!(found.proof[0].line, u64::try_from(lines_before).expect("small") + 1);
        assert_eq!(found.facts.get("port").map(String::as_str), Some("18080"));
    }
}

#[test]
fn a_line_of_megabytes_hides_nothing_and_breaks_nothing() {
    for filler in ["x", "\u{1b}[31m", "\u{1b}]0;", "\u{fffd}", "\\\"", "{\"code\":"] {
        let before = filler.repeat(2_000_000 / filler.len());
        let text = format!("{before} {HELD}\n{HELD}");
        let found = in_pieces(text.as_bytes(), 65_537).remove(0);
        assert_eq!(found.class, FailureClass::DockerPortConflict, "behind {filler:?}");
    }
}

#[test]
fn many_failures_keep_a_bounded_proof() {
    let text = format!("{HELD}\n").repeat(10_000);
    let found = in_pieces(text.as_bytes(), 10_000).remove(0);
    assert!(found.proof.len() <= 8);
    assert_eq!(found.proof.last().map(|line| line.line), Some(10_000));
}

const SPREAD: &str = r#"
[[class]]
id = "docker-disk-full"
[[class.rule]]
id = "spread"
anchors = ["anchor-line"]
pattern = 'before-it\nanchor-line\nafter-it'
reach = 1
examples = [{ text = "before-it\nanchor-line\nafter-it" }]
[[class.doubt]]
anchors = ["not so sure"]
pattern = 'not so sure'
costs = 300
"#;

#[test]
fn lines_around_an_anchor_are_there_wherever_the_buffer_is_moved_on() {
    let rules = RuleSet::compile(&[("spread", SPREAD)]).expect("a rule file");
    let line = "x".repeat(99) + "\n";
    // The buffer is moved on near one of these; the padding puts the anchor on every byte around it.
    for (lines_before, padding) in
        [2620, 2989].into_iter().flat_map(|lines| (0..250).step_by(5).map(move |pad| (lines, pad)))
    {
        let mut reading = rules.start();
        for _ in 0..lines_before {
            reading.push(line.as_bytes());
        }
        reading.push(("y".repeat(padding) + "\n").as_bytes());
        for piece in ["before-it\n", "anchor-line\n", "after-it\n"] {
            reading.push(piece.as_bytes());
        }
        for _ in 0..600 {
            reading.push(line.as_bytes());
        }
        let found = reading.finish().findings.remove(0);
        let lines: Vec<u64> = found.proof.iter().map(|proof| proof.line - lines_before - 1).collect();
        assert_eq!(lines, [1, 2, 3], "after {lines_before} lines and {padding} bytes");
    }
}

#[test]
fn a_doubt_lowers_the_confidence_and_is_listed_wherever_it_stands() {
    let rules = RuleSet::compile(&[("spread", SPREAD)]).expect("a rule file");
    let confidence = |text: &str| {
        let mut reading = rules.start();
        reading.push(text.as_bytes());
        let found = reading.finish().findings.remove(0);
        (found.confidence.get(), found.contradictions.iter().map(|line| line.line).collect::<Vec<_>>())
    };
    let failure = "before-it\nanchor-line\nafter-it\n";
    let (sure, none) = confidence(failure);
    assert!(none.is_empty());
    assert_eq!(confidence(&format!("not so sure\n{failure}")), (sure - 300, vec![1]));
    assert_eq!(confidence(&format!("{failure}not so sure")), (sure - 300, vec![4]));
}

proptest! {
    #[test]
    fn how_a_text_is_cut_makes_no_difference(
        parts in proptest::collection::vec(prop_oneof![
            Just(HELD.as_bytes().to_vec()),
            Just(b"no space left on device".to_vec()),
            Just(b"Error response from daemon: toomanyrequests: rate limit".to_vec()),
            Just(b"\x1b[31m".to_vec()),
            Just(b"\n".to_vec()),
            Just(b"\r".to_vec()),
            Just(b"\"code\":\"VaultAlreadyExists\",\"message\":\"in deleted state\"".to_vec()),
            proptest::collection::vec(any::<u8>(), 0..40),
        ], 0..60),
        bytes in 1_usize..500,
    ) {
        let text = parts.concat();
        prop_assert_eq!(classify(&text), in_pieces(&text, bytes));
    }

    #[test]
    fn proof_lines_lie_within_the_text(text in "(?s).{0,400}") {
        let lines = u64::try_from(text.matches('\n').count()).expect("small") + 1;
        for found in classify(text.as_bytes()) {
            prop_assert!(found.proof.iter().all(|proof| (1..=lines).contains(&proof.line)));
        }
    }
}
