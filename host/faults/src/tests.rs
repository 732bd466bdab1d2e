//! What is armed happens once, at exactly its occurrence.

use crate::Point::{EffectEnded, LineBegun, LineSynced, TailCut};
use crate::armed::testing::{is_fault, run};

#[test]
fn a_point_is_meant_with_its_detail_or_without() {
    let points = [(LineBegun, "planned"), (LineBegun, "intended"), (LineSynced, "intended"), (LineBegun, "intended")];
    assert_eq!(run("kill@line-begun", &points).0, Some(0));
    assert_eq!(run("kill@line-begun#3", &points).0, Some(3));
    assert_eq!(run("kill@line-begun:intended", &points).0, Some(1));
    assert_eq!(run("kill@line-begun:intended#2", &points).0, Some(3));
    assert_eq!(run("kill@line-begun:intended#3", &points).0, None);
    assert_eq!(run("kill@tail-cut", &points).0, None);
}

#[test]
fn a_failure_is_no_kill_and_carries_its_number() {
    let points = [(LineSynced, "planned"), (TailCut, ""), (EffectEnded, "x"), (LineSynced, "planned")];
    assert_eq!(run("28@line-synced#2", &points), (None, Some((3, 28))));
    assert_eq!(run("30@tail-cut", &points), (None, Some((1, 30))));
}

#[test]
fn what_is_no_fault_is_refused() {
    for text in ["kill@line-begun", "kill@line-begun:intended#7", "28@tail-cut"] {
        assert!(is_fault(text), "{text}");
    }
    for text in ["", "kill", "kill@", "kill@nowhere", "kill@line-begun#0", "kill@line-begun#x", "burn@line-begun"] {
        assert!(!is_fault(text), "{text}");
    }
}

#[test]
fn names_are_unlike_and_plain() {
    let mut names: Vec<_> = crate::Point::ALL.iter().map(|point| point.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), crate::Point::ALL.len());
    assert!(names.iter().all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')));
}
