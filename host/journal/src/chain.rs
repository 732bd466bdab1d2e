//! Where a log has got to, and whether a line continues it.
//!
//! There are two depths. *Links* are checked on bytes alone: a line begins with the right sequence and the leaf of the
//! line before, and its own leaf goes into the tree. *Grammar* is everything else: exact spelling, epoch, and the lines
//! that open a log or a segment. A line whose grammar holds has links that hold.
//!
//! Invariant: a line that is refused leaves the chain where it was.

use repair_model::event::{Event, Record};
use repair_model::ids::Digest;

use crate::frame::{self, Envelope, NO_LEAF, NotALine};
use crate::problem::At;
use crate::segment::Segment;
use crate::tree::Frontier;

/// A line that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// What it says.
    pub(crate) record: Record,
    /// Its leaf hash.
    pub(crate) leaf: Digest,
    /// Where it stands.
    pub(crate) at: At,
}

/// Where a log has got to: everything that the next line has to agree with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The target whose log it is.
    pub(crate) target: Digest,
    /// The present segment.
    pub(crate) segment: Segment,
    /// Leaf of the last line.
    pub(crate) previous: Digest,
    /// The tree of all lines so far; its size is the sequence number of the next line.
    pub(crate) tree: Frontier,
    /// Epoch of the last lease.
    pub(crate) epoch: u64,
    /// Where in its segment the next line begins.
    pub(crate) offset: u64,
}

/// Why a line does not continue its log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(crate) enum Broken {
    #[error("{0}")]
    NotALine(#[from] NotALine),
    #[error("the line says sequence {found} where {expected} has to stand: a line was removed, repeated or moved here")]
    Sequence { expected: u64, found: u64 },
    #[error("the line does not follow from the one before it: one of the two was changed")]
    Link,
    #[error("the line stands under epoch {found}, but the lease then was epoch {expected}")]
    Epoch { expected: u64, found: u64 },
    #[error("the first line of a log or segment, and only that, has to say whose log this is")]
    Opening,
    #[error("the log belongs to another target ({0})")]
    Target(Digest),
    #[error("the line opens a segment with another Merkle tree than that of the lines before it")]
    Tree,
}

impl Chain {
    /// The state before the first line of a log.
    pub(crate) fn new(target: Digest) -> Self {
        let (segment, tree) = (Segment::FIRST, Frontier::default());
        Self { target, segment, previous: NO_LEAF, tree, epoch: 0, offset: 0 }
    }

    /// The state before the first line of a later segment, as that line claims it. Only a signed head that covers the line
    /// proves the claim.
    ///
    /// # Errors
    /// When the line opens no segment of this log at this place.
    pub(crate) fn claimed(target: Digest, segment: Segment, line: &[u8]) -> Result<Self, Broken> {
        let envelope = frame::decode(line)?;
        if envelope.seq != segment.start {
            return Err(Broken::Sequence { expected: segment.start, found: envelope.seq });
        }
        let Event::SegmentOpened { tree, .. } = envelope.event else { return Err(Broken::Opening) };
        let tree = Frontier::with(segment.start, tree).ok_or(Broken::Tree)?;
        Ok(Self { target, segment, previous: envelope.prev, tree, epoch: envelope.epoch, offset: 0 })
    }

    /// Sequence number of the next line, which is the number of lines so far.
    pub(crate) fn sequence(&self) -> u64 {
        self.tree.size()
    }

    /// Where the next line stands.
    pub(crate) fn at(&self) -> At {
        At { sequence: self.sequence(), offset: self.offset }
    }

    /// Goes on at the beginning of the next segment, which starts here.
    pub(crate) fn enter_next_segment(&mut self) {
        self.segment = Segment { start: self.sequence() };
        self.offset = 0;
    }

    /// Accepts a line, given without its end, and moves on behind it.
    pub(crate) fn accept(&mut self, bytes: &[u8]) -> Result<Line, Broken> {
        let envelope = frame::decode(bytes)?;
        self.check(&envelope)?;
        Ok(self.take(envelope, bytes))
    }

    /// Moves on behind a line that was checked.
    pub(crate) fn take(&mut self, envelope: Envelope, bytes: &[u8]) -> Line {
        let at = self.at();
        let leaf = self.move_behind(bytes);
        self.epoch = envelope.epoch;
        Line { at, leaf, record: envelope.into_record() }
    }

    /// Like [`Self::accept`], but checks the links alone, and says nothing of epochs. `prefix` is room to work in.
    pub(crate) fn follow(&mut self, bytes: &[u8], prefix: &mut Vec<u8>) -> Result<Digest, Broken> {
        frame::write_prefix(prefix, self.sequence(), &self.previous);
        if bytes.starts_with(prefix) {
            return Ok(self.move_behind(bytes));
        }
        // A line that is spelled rightly and begins otherwise has another number or follows from another line.
        let envelope = frame::decode(bytes)?;
        if envelope.seq == self.sequence() {
            return Err(Broken::Link);
        }
        Err(Broken::Sequence { expected: self.sequence(), found: envelope.seq })
    }

    fn move_behind(&mut self, bytes: &[u8]) -> Digest {
        let leaf = frame::leaf_hash(bytes);
        self.previous = leaf;
        self.tree.push(leaf);
        self.offset += bytes.len() as u64 + 1;
        leaf
    }

    /// Whether a line can stand here.
    pub(crate) fn check(&self, envelope: &Envelope) -> Result<(), Broken> {
        let expected = self.sequence();
        if envelope.seq != expected {
            return Err(Broken::Sequence { expected, found: envelope.seq });
        }
        if envelope.prev != self.previous {
            return Err(Broken::Link);
        }
        let epoch = self.epoch.saturating_add(u64::from(matches!(envelope.event, Event::LeaseTaken { .. })));
        if envelope.epoch != epoch {
            return Err(Broken::Epoch { expected: epoch, found: envelope.epoch });
        }
        let opens = expected == self.segment.start;
        match &envelope.event {
            Event::LogOpened { target } if opens && expected == 0 => self.check_target(target.id()),
            Event::SegmentOpened { target, tree, .. } if opens && expected > 0 => {
                self.check_target(target.id())?;
                if self.tree.roots() == tree { Ok(()) } else { Err(Broken::Tree) }
            }
            Event::LogOpened { .. } | Event::SegmentOpened { .. } => Err(Broken::Opening),
            _ if opens => Err(Broken::Opening),
            _ => Ok(()),
        }
    }

    fn check_target(&self, id: Digest) -> Result<(), Broken> {
        if id == self.target { Ok(()) } else { Err(Broken::Target(id)) }
    }
}

#[cfg(test)]
mod tests {
    use repair_model::event::{FORMAT_VERSION, Holder};
    use repair_model::ids::Domain;
    use repair_model::target::{ComposeScope, Scope, Target};

    use super::*;

    fn target() -> Target {
        Target {
            endpoint: "unix:///var/run/docker.sock".into(),
            directory: "/srv/shop".into(),
            project: "shop".into(),
            scope: Scope::Compose(ComposeScope::default()),
        }
    }

    /// The bytes of a line that links rightly to what comes before it.
    fn line(chain: &Chain, epoch: u64, event: Event) -> Vec<u8> {
        let time = "2026-01-31T12:00:00Z".parse().expect("a time");
        let (seq, prev) = (chain.sequence(), chain.previous);
        let envelope = Envelope { v: FORMAT_VERSION, seq, prev, session: None, epoch, time, event };
        frame::encode(&envelope).expect("a line")
    }

    fn offer(chain: &mut Chain, epoch: u64, event: Event) -> Result<Line, Broken> {
        let line = line(chain, epoch, event);
        chain.accept(&line)
    }

    fn opened() -> Event {
        Event::LogOpened { target: target() }
    }

    fn segment_opened(tree: Vec<Digest>) -> Event {
        Event::SegmentOpened { target: target(), state: NO_LEAF, tree }
    }

    fn noted() -> Event {
        Event::Noted { note: String::new() }
    }

    #[test]
    fn only_the_first_line_says_whose_log_it_is() {
        let mut chain = Chain::new(target().id());
        assert_eq!(offer(&mut chain, 0, noted()), Err(Broken::Opening));
        assert_eq!(offer(&mut chain, 0, segment_opened(Vec::new())), Err(Broken::Opening));
        offer(&mut chain, 0, opened()).expect("accepted");
        assert_eq!(offer(&mut chain, 0, opened()), Err(Broken::Opening));

        let mut other = Chain::new(Digest::of(Domain::Target, b"other"));
        assert_eq!(offer(&mut other, 0, opened()), Err(Broken::Target(target().id())));
    }

    #[test]
    fn a_segment_opens_with_the_tree_of_all_lines_before_it() {
        let mut chain = Chain::new(target().id());
        for event in [opened(), noted(), noted()] {
            offer(&mut chain, 0, event).expect("accepted");
        }
        let tree = chain.tree.roots().to_vec();
        assert_eq!(offer(&mut chain, 0, segment_opened(tree.clone())), Err(Broken::Opening));
        chain.enter_next_segment();
        for wrong in [noted(), opened()] {
            assert_eq!(offer(&mut chain, 0, wrong), Err(Broken::Opening));
        }
        for wrong in [Vec::new(), vec![tree[1], tree[0]]] {
            assert_eq!(offer(&mut chain, 0, segment_opened(wrong)), Err(Broken::Tree));
        }
        let opening = line(&chain, 0, segment_opened(tree));
        let mut claimed = Chain::claimed(chain.target, chain.segment, &opening).expect("a claim");
        assert_eq!(claimed, chain);
        assert_eq!(claimed.accept(&opening), chain.accept(&opening));
        offer(&mut chain, 0, noted()).expect("accepted");
        assert_eq!(chain.sequence(), 5);
    }

    #[test]
    fn an_opening_line_that_claims_too_much_is_refused() {
        let mut chain = Chain::new(target().id());
        offer(&mut chain, 0, opened()).expect("accepted");
        chain.enter_next_segment();
        let refused = |event| {
            let line = line(&chain, 0, event);
            Chain::claimed(chain.target, chain.segment, &line).expect_err("refused")
        };
        assert_eq!(refused(segment_opened(Vec::new())), Broken::Tree);
        assert_eq!(refused(noted()), Broken::Opening);
        let elsewhere = Segment { start: 2 };
        let line = line(&chain, 0, segment_opened(chain.tree.roots().to_vec()));
        let refused = Chain::claimed(chain.target, elsewhere, &line).expect_err("refused");
        assert_eq!(refused, Broken::Sequence { expected: 2, found: 1 });
    }

    #[test]
    fn epochs_rise_by_one_with_each_lease_and_only_then() {
        let mut chain = Chain::new(target().id());
        offer(&mut chain, 0, opened()).expect("accepted");
        let (user, host) = ("ann".to_owned(), "here".to_owned());
        let holder = Holder { user, host, pid: 1, started: "1".into(), boot: String::new() };
        let taken = || Event::LeaseTaken { holder: holder.clone() };
        for wrong in [0, 2] {
            assert_eq!(offer(&mut chain, wrong, taken()), Err(Broken::Epoch { expected: 1, found: wrong }));
        }
        offer(&mut chain, 1, taken()).expect("accepted");
        for wrong in [0, 2] {
            assert_eq!(offer(&mut chain, wrong, noted()), Err(Broken::Epoch { expected: 1, found: wrong }));
        }
        offer(&mut chain, 1, noted()).expect("accepted");
        assert_eq!((chain.sequence(), chain.epoch), (3, 1));
    }

    #[test]
    fn a_refused_line_leaves_the_chain_where_it_was() {
        let mut chain = Chain::new(target().id());
        let before = chain.clone();
        assert!(chain.accept(b"{}").is_err());
        assert!(chain.follow(b"{}", &mut Vec::new()).is_err());
        assert_eq!(chain, before);
    }

    #[test]
    fn links_alone_move_as_far_and_find_what_links_can_find() {
        let (mut whole, mut links, mut prefix) = (Chain::new(target().id()), Chain::new(target().id()), Vec::new());
        let mut follow = |links: &mut Chain, bytes: &[u8]| links.follow(bytes, &mut prefix);
        for event in [opened(), noted(), noted()] {
            let bytes = line(&whole, 0, event);
            let leaf = whole.accept(&bytes).expect("accepted").leaf;
            assert_eq!(follow(&mut links, &bytes), Ok(leaf));
        }
        assert_eq!(links, whole);
        let next = String::from_utf8(line(&whole, 0, noted())).expect("text");
        let previous = whole.previous.to_string();
        assert_eq!(follow(&mut links, next.replace(&previous, &NO_LEAF.to_string()).as_bytes()), Err(Broken::Link));
        let moved = next.replace("\"seq\":3", "\"seq\":4");
        assert_eq!(follow(&mut links, moved.as_bytes()), Err(Broken::Sequence { expected: 3, found: 4 }));
        assert!(matches!(follow(&mut links, next.replacen('{', " {", 1).as_bytes()), Err(Broken::NotALine(_))));
        assert_eq!(links, whole);
    }
}
