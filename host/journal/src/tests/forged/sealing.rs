//! What a forger does to a log: takes its lines apart, changes them, and makes the chain, the trees and the head agree
//! again, as far as the keys that it has allow.

use std::fs;

use ed25519_dalek::SigningKey;
use repair_model::ids::Digest;

use super::super::{Later, Scene, put, target_in};
use crate::checkpoint::PublicKey;
use crate::segment::Segment;
use crate::tree::Frontier;
use crate::{Checkpoint, leaf_hash};

/// The lines of each segment, without their ends.
type Segments = Vec<Vec<Vec<u8>>>;

/// Another log under the same key.
pub(super) struct Foreign {
    pub(super) segments: Segments,
    pub(super) head: Vec<u8>,
}

pub(super) struct Forger {
    pub(super) segments: Segments,
    pub(super) foreign: Foreign,
    /// The head that is put back, if not the one that is there; empty for none.
    pub(super) keep_head: Option<Vec<u8>>,
    /// Signed in the newest segment, two lines before the end.
    pub(super) older_head: Vec<u8>,
    /// Signed at the end of the second segment.
    pub(super) oldest_head: Vec<u8>,
    starts: Vec<u64>,
    removed: Vec<usize>,
    scene: Handle,
    /// The tree before the first line that is there.
    base: Frontier,
    previous: Digest,
}

/// What a forger knows of the scene.
struct Handle {
    folder: std::path::PathBuf,
    root: std::path::PathBuf,
    target: Digest,
    key: SigningKey,
    collect: Box<dyn Fn(bool)>,
}

impl Forger {
    pub(super) fn new(scene: &Scene) -> Self {
        let segments = lines_of(&scene.folder());
        let (foreign_segments, foreign_head) = foreign(scene);
        let state = scene.state.clone();
        let target = scene.target.clone();
        let collect = Box::new(move |grows: bool| {
            let scene =
                Scene { scratch: tempfile::tempdir().expect("a folder"), state: state.clone(), target: target.clone() };
            if grows {
                super::grow(&scene);
            }
            let holder = super::super::holder();
            let mut journal =
                crate::Journal::open_for_session(&scene.state, &scene.target, holder, Box::new(Later)).expect("opened");
            let removed = journal.collect(90, "ann@here", super::may_go).expect("collected");
            assert_eq!(removed.segments, 2 + u64::from(grows));
        });
        let handle = Handle {
            folder: scene.folder(),
            root: scene.state.root().to_owned(),
            target: scene.id(),
            key: crate::key::signing(&scene.state).expect("there"),
            collect,
        };
        let mut forger = Self {
            starts: starts_of(&segments),
            segments,
            foreign: Foreign { segments: foreign_segments, head: foreign_head },
            keep_head: None,
            older_head: Vec::new(),
            oldest_head: Vec::new(),
            removed: Vec::new(),
            scene: handle,
            base: Frontier::default(),
            previous: crate::NO_LEAF,
        };
        let lines: usize = forger.segments.iter().map(Vec::len).sum();
        let newest = forger.segments[2].len();
        forger.older_head = forger.head_at(lines - newest + 2, forger.scene.key.clone());
        forger.oldest_head = forger.head_at(lines - newest, forger.scene.key.clone());
        forger
    }

    pub(super) fn newest_line(&mut self) -> &mut Vec<u8> {
        self.segments[2].last_mut().expect("one")
    }

    pub(super) fn reword(&mut self, segment: usize, line: usize) {
        let is_last = String::from_utf8_lossy(&self.segments[segment][line]).contains("the last one");
        let (from, to) = if is_last { ("the last one", "the lost one") } else { ("note", "mote") };
        self.replace(segment, line, from, to);
    }

    /// Spells a line differently, and makes everything agree.
    pub(super) fn respell(&mut self, from: &str, to: &str) {
        let before = self.segments.clone();
        self.replace(1, super::LINE, from, to);
        assert_ne!(self.segments, before, "{from}");
        self.relink();
        self.seal();
    }

    /// Puts the fields of an event into another order, and makes everything agree.
    pub(super) fn reorder(&mut self) {
        let line = &mut self.segments[1][super::LINE];
        let note = text_of(line, "\"note\":\"", "\"");
        *line = field(line, "\"event\":{", "}", &format!("\"note\":\"{note}\",\"kind\":\"noted\""));
        self.relink();
        self.seal();
    }

    fn replace(&mut self, segment: usize, line: usize, from: &str, to: &str) {
        let line = &mut self.segments[segment][line];
        // Not the kind of the event, which is a word for its reader.
        let text = String::from_utf8(line.clone()).expect("text");
        let at = text.rfind(from).unwrap_or(text.len());
        *line = format!("{}{}", &text[..at], text[at..].replacen(from, to, 1)).into_bytes();
    }

    pub(super) fn remove(&mut self, segment: usize) {
        self.removed.push(segment);
    }

    /// Gives every line the number of its place.
    pub(super) fn renumber(&mut self) {
        let mut sequence = self.base.size();
        self.starts.clear();
        for segment in &mut self.segments {
            self.starts.push(sequence);
            for line in segment {
                *line = field(line, "\"seq\":", ",", &sequence.to_string());
                sequence += 1;
            }
        }
    }

    /// Lets every line follow from the one before, and every opening line tell the tree.
    pub(super) fn relink(&mut self) {
        self.link(true);
    }

    pub(super) fn relink_but_trees(&mut self) {
        self.link(false);
    }

    fn link(&mut self, trees: bool) {
        let (mut previous, mut tree) = (self.previous, self.base.clone());
        for segment in &mut self.segments {
            for line in segment {
                *line = field(line, "\"prev\":\"", "\"", &previous.to_string());
                if trees && String::from_utf8_lossy(line).contains("\"kind\":\"segment-opened\"") {
                    let roots: Vec<_> = tree.roots().iter().map(|root| format!("\"{root}\"")).collect();
                    *line = field(line, "\"tree\":[", "]", &roots.join(","));
                }
                previous = leaf_hash(line);
                tree.push(previous);
            }
        }
    }

    pub(super) fn forge_tree(&mut self, segment: usize) {
        let line = &mut self.segments[segment][0];
        let text = String::from_utf8(line.clone()).expect("text");
        let at = text.find("\"tree\":[\"").expect("a tree") + 9;
        *line = format!("{}{}{}", &text[..at], "0".repeat(64), &text[at + 64..]).into_bytes();
        if segment == 0 {
            // The first line that is left: what it claims is what everything is computed from.
            self.base = base_of(&self.segments[0][0]);
        }
    }

    /// Signs the end with the key of the state directory.
    pub(super) fn seal(&mut self) {
        let lines = self.segments.iter().map(Vec::len).sum();
        self.keep_head = Some(self.head_at(lines, self.scene.key.clone()));
    }

    pub(super) fn seal_with(&mut self, seed: u8) {
        let lines = self.segments.iter().map(Vec::len).sum();
        self.keep_head = Some(self.head_at(lines, SigningKey::from_bytes(&[seed; 32])));
    }

    pub(super) fn replace_keys(&self, seed: u8) {
        let key = SigningKey::from_bytes(&[seed; 32]);
        put(&self.scene.root.join("head.key"), format!("{}\n", hex::encode([seed; 32])).as_bytes());
        put(&self.scene.root.join("head.pub"), format!("{}\n", PublicKey::of(&key)).as_bytes());
    }

    fn head_at(&self, lines: usize, key: SigningKey) -> Vec<u8> {
        let (mut tree, mut leaf) = (self.base.clone(), self.previous);
        for line in self.segments.iter().flatten().take(lines) {
            leaf = leaf_hash(line);
            tree.push(leaf);
        }
        let time = "2026-01-31T12:00:00Z".parse().expect("a time");
        let checkpoint = Checkpoint { target: self.scene.target, size: tree.size(), root: tree.root(), leaf, time };
        checkpoint.sign(&key).expect("signed")
    }

    /// Removes the older segments by a rule, as the owner may, and takes what is left apart.
    /// With `grows` nothing is left of what was there when the anchor was taken.
    pub(super) fn collect(&mut self, grows: bool) {
        (self.scene.collect)(grows);
        self.segments = lines_of(&self.scene.folder);
        self.starts = starts_of(&self.segments);
        self.base = base_of(&self.segments[0][0]);
        self.previous = text_of(&self.segments[0][0], "\"prev\":\"", "\"").parse().expect("a leaf");
    }

    fn state_blob(&self) -> std::path::PathBuf {
        let name = text_of(&self.segments[2][0], "\"state\":\"", "\"");
        self.scene.folder.join("blobs").join(&name[..2]).join(&name)
    }

    pub(super) fn forge_state(&self) {
        put(&self.state_blob(), b"state 7");
    }

    pub(super) fn remove_state(&self) {
        fs::remove_file(self.state_blob()).expect("removed");
    }

    pub(super) fn remove_target(&mut self) {
        fs::remove_dir_all(&self.scene.folder).expect("removed");
        put(&self.scene.root.join("known-targets.jsonl"), b"");
        self.segments.clear();
        self.starts.clear();
    }

    /// Puts the forged log in place of the real one.
    pub(super) fn write(&self, scene: &Scene) {
        if !scene.folder().exists() {
            return;
        }
        for segment in segments_in(&scene.folder()) {
            fs::remove_file(scene.folder().join(segment.name())).expect("removed");
        }
        for (number, (lines, start)) in self.segments.iter().zip(&self.starts).enumerate() {
            if !self.removed.contains(&number) {
                let ended: Vec<u8> = lines.iter().flat_map(|line| [line.as_slice(), b"\n"].concat()).collect();
                let is_torn = lines.last().is_some_and(|line| line.len() == 30);
                put(&scene.segment(*start), &ended[..ended.len() - usize::from(is_torn)]);
            }
        }
        match self.keep_head.as_deref() {
            None => {}
            Some([]) => fs::remove_file(scene.folder().join("head")).expect("removed"),
            Some(head) => put(&scene.folder().join("head"), head),
        }
    }
}

fn segments_in(folder: &std::path::Path) -> Vec<Segment> {
    let folder = crate::folder::Folder::open_root(folder).expect("opened").expect("there");
    crate::segment::list(&folder).expect("listed")
}

fn lines_of(folder: &std::path::Path) -> Segments {
    let read = |segment: Segment| {
        let bytes = fs::read(folder.join(segment.name())).expect("read");
        bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(<[u8]>::to_vec).collect()
    };
    segments_in(folder).into_iter().map(read).collect()
}

fn starts_of(segments: &Segments) -> Vec<u64> {
    segments.iter().map(|lines| text_of(&lines[0], "\"seq\":", ",").parse().expect("a number")).collect()
}

/// The tree that an opening line claims.
fn base_of(line: &[u8]) -> Frontier {
    let size = text_of(line, "\"seq\":", ",").parse().expect("a number");
    let roots = text_of(line, "\"tree\":[", "]");
    let roots = roots.split(',').map(|root| root.trim_matches('"').parse().expect("a root")).collect();
    Frontier::with(size, roots).expect("as many as belong")
}

fn text_of(line: &[u8], before: &str, after: &str) -> String {
    let text = std::str::from_utf8(line).expect("text");
    let (_, rest) = text.split_once(before).expect("a field");
    rest.split_once(after).expect("its end").0.to_owned()
}

/// The line with another value between these two.
fn field(line: &[u8], before: &str, after: &str, value: &str) -> Vec<u8> {
    let text = String::from_utf8(line.to_vec()).expect("text");
    let Some((head, rest)) = text.split_once(before) else { return line.to_vec() };
    let (_, tail) = rest.split_once(after).expect("its end");
    format!("{head}{before}{value}{after}{tail}").into_bytes()
}

/// Another log of the same state directory.
fn foreign(scene: &Scene) -> (Segments, Vec<u8>) {
    let directory = scene.scratch.path().join("other");
    fs::create_dir(&directory).expect("created");
    let target = target_in(&directory);
    let scratch = tempfile::tempdir().expect("a folder");
    let other = Scene { scratch, state: scene.state.clone(), target };
    for number in 0..3 {
        let mut journal = other.open();
        if number > 0 {
            super::super::rotate(&mut journal, format!("other {number}").as_bytes());
        }
        for note in 0..5 {
            super::grow_by(&mut journal, note);
        }
    }
    super::sign(&other);
    (lines_of(&other.folder()), fs::read(other.folder().join("head")).expect("read"))
}
