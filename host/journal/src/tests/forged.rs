//! Forged logs: what an audit says of each without anything from elsewhere, and with a checkpoint that was kept elsewhere.
//!
//! Whoever holds the key and can write the files can write any history that agrees with itself. Those cases are here too,
//! as what they are: not found without an anchor. `--nocapture` prints the table.

mod sealing;

use std::fs;

use repair_model::event::{Event, Record};
use repair_pipeline::outside::{Durability, Log as _};

use self::sealing::Forger;
use super::{Scene, noted, rotate, session};
use crate::Anchor;

/// What an audit says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Says {
    /// A problem in which these words stand.
    Found(&'static str),
    /// Nothing, for this reason.
    Nothing(&'static str),
}

use Says::{Found, Nothing};

impl Says {
    /// For the table.
    fn short(self) -> String {
        match self {
            Found(_) => "found".to_owned(),
            Nothing(reason) => format!("NOT FOUND: {reason}"),
        }
    }
}

const OWN_KEY: &str = "whoever holds the key can sign any history that agrees with itself";
const OLD_COPY: &str = "an older copy with its own head agrees with itself";
const BESIDE: &str = "the key lies beside the log, so it was replaced together with it";
const TOO_OLD: &str =
    "an anchor is compared only while the records up to its size are there; the audit says that it is too old";
const NOT_HIDDEN: &str = "nothing is lost; the audit counts what no head vouches for";

struct Case {
    name: &'static str,
    forge: fn(&mut Forger),
    alone: Says,
    anchored: Says,
}

const fn case(name: &'static str, forge: fn(&mut Forger), alone: Says, anchored: Says) -> Case {
    Case { name, forge, alone, anchored }
}

/// Which line of the second segment is forged.
const LINE: usize = 2;

const CASES: &[Case] = &[
    case("untouched", |_| {}, Nothing("it is sound"), Nothing("it is sound")),
    case("tail cut", |f| drop(f.segments[2].pop()), Found("cut off"), Found("cut off")),
    case("tail cut inside of a line", |f| f.newest_line().truncate(30), Found("cut off"), Found("cut off")),
    case(
        "tail cut, older head put back",
        |f| {
            f.segments[2].truncate(2);
            f.keep_head = Some(f.older_head.clone());
        },
        Nothing(OLD_COPY),
        Found("has only"),
    ),
    case(
        "older copy of everything put back",
        |f| {
            f.segments.truncate(2);
            f.keep_head = Some(f.oldest_head.clone());
        },
        Nothing(OLD_COPY),
        Found("has only"),
    ),
    case(
        "older head put back alone",
        |f| f.keep_head = Some(f.older_head.clone()),
        Nothing(NOT_HIDDEN),
        Nothing(NOT_HIDDEN),
    ),
    case("head removed", |f| f.keep_head = Some(Vec::new()), Nothing(NOT_HIDDEN), Nothing(NOT_HIDDEN)),
    case("one line reworded", |f| f.reword(1, LINE), Found("the line was changed"), Found("the line was changed")),
    case(
        "last line reworded",
        |f| {
            let last = f.segments[2].len() - 1;
            f.reword(2, last);
        },
        Found("not the one that was signed"),
        Found("not the one that was signed"),
    ),
    case(
        "suffix rewritten, chain made whole",
        |f| {
            f.reword(1, LINE);
            f.relink();
        },
        Found("not the one that was signed"),
        Found("not the one that was signed"),
    ),
    case(
        "suffix rewritten, resealed with another key",
        |f| {
            f.reword(1, LINE);
            f.relink();
            f.seal_with(7);
        },
        Found("foreign key"),
        Found("foreign key"),
    ),
    case(
        "the same, and the key files replaced",
        |f| {
            f.reword(1, LINE);
            f.relink();
            f.seal_with(7);
            f.replace_keys(7);
        },
        Nothing(BESIDE),
        Found("another key"),
    ),
    case(
        "suffix rewritten, resealed with the same key",
        |f| {
            f.reword(1, LINE);
            f.relink();
            f.seal();
        },
        Nothing(OWN_KEY),
        Found("does not continue this checkpoint"),
    ),
    case(
        "line left out, resealed with the same key",
        |f| {
            f.segments[1].remove(LINE);
            f.renumber();
            f.relink();
            f.seal();
        },
        Nothing(OWN_KEY),
        Found("has only"),
    ),
    case(
        "line left out",
        |f| drop(f.segments[1].remove(LINE)),
        Found("a line was removed"),
        Found("a line was removed"),
    ),
    case("lines reordered", |f| f.segments[1].swap(LINE, LINE + 1), Found("moved here"), Found("moved here")),
    case(
        "lines reordered, resealed with the same key",
        |f| {
            f.segments[1].swap(LINE, LINE + 1);
            f.renumber();
            f.relink();
            f.seal();
        },
        Nothing(OWN_KEY),
        Found("does not continue this checkpoint"),
    ),
    case(
        "sequence duplicated",
        |f| {
            let line = f.segments[1][LINE].clone();
            f.segments[1].insert(LINE, line);
        },
        Found("repeated"),
        Found("repeated"),
    ),
    case(
        "line spliced in from another log",
        |f| f.segments[1][LINE] = f.foreign.segments[1][LINE].clone(),
        Found("does not follow"),
        Found("does not follow"),
    ),
    case(
        "opening line of another log, resealed with the same key",
        |f| {
            f.segments[0][0] = f.foreign.segments[0][0].clone();
            f.relink();
            f.seal();
        },
        Found("another target"),
        Found("another target"),
    ),
    case(
        "swapped whole with another log",
        |f| {
            f.segments = f.foreign.segments.clone();
            f.keep_head = Some(f.foreign.head.clone());
        },
        Found("another target"),
        Found("another target"),
    ),
    case(
        "field twice in a line, resealed with the same key",
        |f| f.respell(r#""epoch":"#, r#""epoch":9,"epoch":"#),
        Found("duplicate field"),
        Found("duplicate field"),
    ),
    case(
        "unknown field in a line, resealed with the same key",
        |f| f.respell(r#""event":{"#, r#""event":{"more":1,"#),
        Found("unknown field or another spelling"),
        Found("unknown field or another spelling"),
    ),
    case(
        "another spelling of a text, resealed with the same key",
        |f| f.respell("note 1", "n\\u006fte 1"),
        Found("another spelling"),
        Found("another spelling"),
    ),
    case(
        "another spelling of a number, resealed with the same key",
        |f| f.respell(r#""epoch":"#, r#""epoch": "#),
        Found("another spelling"),
        Found("another spelling"),
    ),
    case(
        "fields in another order, resealed with the same key",
        |f| f.reorder(),
        Found("another spelling"),
        Found("another spelling"),
    ),
    case("first segment removed", |f| f.remove(0), Found("no record says"), Found("no record says")),
    case("middle segment removed", |f| f.remove(1), Found("are missing before"), Found("are missing before")),
    case("newest segment removed", |f| f.remove(2), Found("cut off"), Found("cut off")),
    case("contents of two segments exchanged", |f| f.segments.swap(1, 2), Found("where"), Found("where")),
    case(
        "segment of another log",
        |f| f.segments[1] = f.foreign.segments[1].clone(),
        Found("or this segment belongs to another log"),
        Found("or this segment belongs to another log"),
    ),
    case("segment emptied", |f| f.segments[1].clear(), Found("are missing before"), Found("are missing before")),
    case(
        "tree in an opening line forged, chain made whole, resealed with the same key",
        |f| {
            f.forge_tree(2);
            f.relink_but_trees();
            f.seal();
        },
        Found("another Merkle tree"),
        Found("another Merkle tree"),
    ),
    case(
        "older segments removed by a rule, then the tree before the rest forged, resealed with the same key",
        |f| {
            f.collect(false);
            f.forge_tree(0);
            f.relink_but_trees();
            f.seal();
        },
        Nothing(OWN_KEY),
        Found("does not continue this checkpoint"),
    ),
    case(
        "the same, with everything removed that the anchor is about",
        |f| {
            f.collect(true);
            f.forge_tree(0);
            f.relink_but_trees();
            f.seal();
        },
        Nothing(OWN_KEY),
        Nothing(TOO_OLD),
    ),
    case(
        "state that a segment opens with forged",
        |f| f.forge_state(),
        Found("its content is not what its name says"),
        Found("its content is not what its name says"),
    ),
    case("state that a segment opens with removed", |f| f.remove_state(), Found("is missing"), Found("is missing")),
    case("log removed", |f| f.segments.clear(), Found("log of a known target is missing"), Found("is missing")),
    case(
        "everything about the target removed",
        |f| f.remove_target(),
        Nothing("nothing is left that could tell that there was a log"),
        Found("has only 0"),
    ),
];

/// A log of three segments, with a removal by a rule possible, and its checkpoint as it is kept elsewhere.
fn scene() -> (Scene, Anchor) {
    let (scene, _) = Scene::with_segments(3, 5);
    let mut journal = scene.open();
    journal.append(Some(&session()), noted("the last one"), Durability::Power).expect("appended");
    journal.sign_head().expect("signed");
    let head = crate::read(&scene.state, &scene.id()).expect("verifies").head.expect("signed");
    (scene, Anchor { file: "kept elsewhere".into(), note: head.note.into_bytes() })
}

#[test]
#[expect(clippy::disallowed_macros, reason = "the table is for whoever runs the test to see")]
fn every_forgery_is_found_or_named_as_one_that_cannot_be() {
    for case in CASES {
        let (scene, anchor) = scene();
        let mut forger = Forger::new(&scene);
        (case.forge)(&mut forger);
        forger.write(&scene);
        for (says, anchors) in [(case.alone, &[][..]), (case.anchored, std::slice::from_ref(&anchor))] {
            let audit = crate::audit(&scene.state, &scene.id(), anchors).expect("audited");
            let problems: Vec<_> = audit.problems.iter().map(ToString::to_string).collect();
            match says {
                Found(words) => {
                    assert!(problems.iter().any(|problem| problem.contains(words)), "{}: {problems:?}", case.name);
                }
                Nothing(_) => assert_eq!(problems, Vec::<String>::new(), "{}", case.name),
            }
        }
        println!(
            "{}\n    alone:          {}\n    with an anchor: {}",
            case.name,
            case.alone.short(),
            case.anchored.short()
        );
        insist_nothing_is_folded(&scene, case);
    }
}

/// Where an audit finds something in the log itself, reading the whole log does too, and hands nothing out.
fn insist_nothing_is_folded(scene: &Scene, case: &Case) {
    let only_blobs = case.name.starts_with("state that");
    let read = crate::read(&scene.state, &scene.id());
    match case.alone {
        Found(_) if only_blobs => {}
        Found(_) => assert!(read.is_err(), "{}", case.name),
        Nothing(_) => assert!(read.is_ok(), "{}: {read:?}", case.name),
    }
}

#[test]
fn what_no_head_vouches_for_is_counted() {
    for (name, unsigned) in [("older head put back alone", 2), ("head removed", 20)] {
        let (scene, anchor) = scene();
        let mut forger = Forger::new(&scene);
        let case = CASES.iter().find(|case| case.name == name).expect("a case");
        (case.forge)(&mut forger);
        forger.write(&scene);
        let audit = crate::audit(&scene.state, &scene.id(), &[anchor]).expect("audited");
        assert!(audit.unsigned >= unsigned, "{name}: {}", audit.unsigned);
        assert_eq!(audit.anchored, audit.records, "an anchor vouches for what the head does not");
    }
}

#[test]
fn an_anchor_that_was_changed_is_no_anchor() {
    let (scene, anchor) = scene();
    let text = String::from_utf8(anchor.note.clone()).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    for (line, replaced) in [(1, "3"), (2, lines[6]), (3, "leaf 00"), (4, "time 2026-01-31T12:00:01Z")] {
        let mut changed: Vec<&str> = lines.clone();
        changed[line] = replaced;
        let note = format!("{}\n", changed.join("\n")).into_bytes();
        let audit = crate::audit(&scene.state, &scene.id(), &[Anchor { note, ..anchor.clone() }]).expect("audited");
        assert_eq!((audit.problems.len(), audit.anchored), (1, 0), "line {line}");
    }
}

/// Whoever opens the log for a session is stopped by what is wrong with the newest segment or with the head.
#[test]
fn a_forged_newest_segment_stops_a_session() {
    let stopping: [fn(&mut Forger); 6] = [
        |f| drop(f.segments[2].pop()),
        |f| f.reword(2, LINE),
        |f| {
            f.reword(2, LINE);
            f.relink();
        },
        |f| {
            f.forge_tree(2);
            f.relink_but_trees();
        },
        |f| f.remove(2),
        |f| {
            f.forge_tree(2);
            f.relink_but_trees();
            f.keep_head = Some(f.oldest_head.clone());
        },
    ];
    for (number, forge) in stopping.iter().enumerate() {
        let (scene, _) = scene();
        let mut forger = Forger::new(&scene);
        forge(&mut forger);
        forger.write(&scene);
        assert!(matches!(scene.try_open(), Err(repair_pipeline::outside::LogError::Damaged(_))), "{number}");
    }
}

#[test]
fn no_part_of_a_proof_can_be_changed() {
    let scene = super::proofs::spanning();
    let file = crate::prove(&scene.state, &scene.id(), &super::proofs::own()).expect("proven");
    let sound: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
    let checked = |value: &serde_json::Value| {
        let mut bytes = serde_json::to_vec_pretty(value).expect("JSON");
        bytes.push(b'\n');
        crate::check_proof(&bytes)
    };
    checked(&sound).expect("it holds");
    let refused = |what: &str, change: &dyn Fn(&mut serde_json::Value)| {
        let mut forged = sound.clone();
        change(&mut forged);
        assert_ne!(forged, sound, "{what}");
        checked(&forged).expect_err(what).to_string()
    };
    let lines = sound["lines"].as_array().expect("a list").len();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();

    let said = refused("a line changed", &|f| {
        f["lines"][1]["line"] = text(&f["lines"][1]["line"]).replace("\"round\":1", "\"round\":2").into();
    });
    assert!(said.contains("not in the tree that was signed"), "{said}");
    let said = refused("a proof changed", &|f| f["lines"][1]["proof"][0] = f["lines"][0]["proof"][1].clone());
    assert!(said.contains("not in the tree that was signed"), "{said}");
    let said = refused("a proof shortened", &|f| drop(f["lines"][1]["proof"].as_array_mut().expect("a list").pop()));
    assert!(said.contains("not in the tree that was signed"), "{said}");
    let said = refused("the checkpoint's size changed", &|f| {
        let note = text(&f["checkpoint"]);
        let size = note.lines().nth(1).expect("a size").to_owned();
        f["checkpoint"] = note.replacen(&format!("\n{size}\n"), "\n999\n", 1).into();
    });
    assert!(said.contains("signature does not hold"), "{said}");
    for left_out in 0..lines - 1 {
        refused("a line left out", &|f| drop(f["lines"].as_array_mut().expect("a list").remove(left_out)));
    }
    // Nobody can see from outside whether more follows; but a session that is shown without its end is not over.
    let mut cut = sound.clone();
    cut["lines"].as_array_mut().expect("a list").pop();
    let proven = checked(&cut).expect("what is left holds");
    assert!(!matches!(proven.records.last().expect("one").event, Event::Ended { .. }));
    let said = refused("lines in another order", &|f| f["lines"].as_array_mut().expect("a list").swap(1, 2));
    assert!(said.contains("not contiguous"), "{said}");
    let said = refused("a line under another index", &|f| {
        for line in f["lines"].as_array_mut().expect("a list") {
            line["index"] = (line["index"].as_u64().expect("a number") + 1).into();
        }
    });
    assert!(said.contains("not in the tree"), "{said}");
    let said = refused("a plan changed", &|f| f["plans"][0] = "{\"plan\":2}".into());
    assert!(said.contains("not those that the record names"), "{said}");
    refused("a plan left out", &|f| f["plans"] = serde_json::json!([]));
    refused("a plan added", &|f| f["plans"].as_array_mut().expect("a list").push("{}".into()));
    refused("another session named", &|f| f["session"] = session().as_str().into());
    let said = refused("another key named", &|f| f["key"] = "00".repeat(32).into());
    assert!(said.contains("foreign key") || said.contains("no key"), "{said}");
    refused("a field added", &|f| f["more"] = 1.into());
    refused("another version", &|f| f["v"] = 1.into());
    assert!(crate::check_proof(&[b" ".as_slice(), &file].concat()).is_err(), "another spelling");
    fs::remove_dir_all(scene.state.root()).expect("removed");
}

#[test]
fn a_proof_against_another_checkpoint_holds_only_if_that_covers_it() {
    let scene = super::proofs::spanning();
    let file = crate::prove(&scene.state, &scene.id(), &super::proofs::own()).expect("proven");
    let later = crate::checkpoint(&scene.state, &scene.id(), Box::new(super::Later)).expect("signed");
    let mut forged: serde_json::Value = serde_json::from_slice(&file).expect("JSON");
    forged["checkpoint"] = later.note.into();
    let mut bytes = serde_json::to_vec_pretty(&forged).expect("JSON");
    bytes.push(b'\n');
    let said = crate::check_proof(&bytes).expect_err("another tree").to_string();
    assert!(said.contains("not in the tree that was signed"), "{said}");
}

/// Everything in the segment may go.
fn may_go(_: &[Record]) -> bool {
    true
}

/// Begins one more segment, so that older ones can be removed.
fn grow(scene: &Scene) {
    let mut journal = scene.open();
    rotate(&mut journal, b"state 9");
    journal.sign_head().expect("signed");
}

fn grow_by(journal: &mut crate::Journal, number: usize) {
    journal
        .append(Some(&session()), noted(&format!("note of another {number}")), Durability::Process)
        .expect("appended");
}

fn sign(scene: &Scene) {
    scene.open().sign_head().expect("signed");
}
