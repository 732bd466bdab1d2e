//! Arbitrary bytes through the whole classifier, in one piece and in pieces of an arbitrary size. It must not panic, its
//! proof must lie within the text, and the pieces must make no difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use repair_classification::{RuleSet, Summary, cleaning};

fn read(text: &[u8], piece_bytes: usize) -> Summary {
    let mut reading = RuleSet::built_in().start();
    for piece in text.chunks(piece_bytes.max(1)) {
        reading.push(piece);
    }
    reading.finish()
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece_bytes, text) = input;
    let whole = read(text, text.len());
    assert!(!whole.findings.is_empty());
    for found in &whole.findings {
        assert!(found.proof.iter().all(|proof| (1..=whole.lines.max(1)).contains(&proof.line)));
        assert!(found.confidence.get() <= 1000);
    }
    assert_eq!(whole.findings, read(text, piece_bytes.into()).findings);
    let ends = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(ends(text), ends(&cleaning::cleaned(text)));
});
