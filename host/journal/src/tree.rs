//! The Merkle tree of RFC 6962 over the lines of a log, kept while the log grows.
//!
//! A [`Frontier`] holds the roots of the complete subtrees, largest first, as many as the number of lines has ones in
//! binary. That is enough to go on and to tell the root at any time, so nothing of a long log has to be read again.
//! It does not remember lines. Invariant: the frontier of `n` lines has `n.count_ones()` roots.

use repair_model::ids::Digest;
use tlog_tiles::tlog::{EMPTY_HASH, Hash, node_hash};

/// Lines of a log, which nobody lives to see: a number above it is no claim to compute with.
const LINES_MAX: u64 = 1 << 62;

/// The tree of all lines so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frontier {
    size: u64,
    roots: Vec<Digest>,
}

impl Frontier {
    /// The tree of `size` lines whose complete subtrees have these roots; `None` when their number does not fit, or when no
    /// log can be that long.
    pub(crate) fn with(size: u64, roots: Vec<Digest>) -> Option<Self> {
        let fits = size < LINES_MAX && roots.len() == size.count_ones() as usize;
        fits.then_some(Self { size, roots })
    }

    /// How many lines it has.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    pub(crate) fn roots(&self) -> &[Digest] {
        &self.roots
    }

    /// Takes the leaf of the next line.
    pub(crate) fn push(&mut self, leaf: Digest) {
        self.push_telling(leaf, |_, _, _| ());
    }

    /// Takes the leaf of the next line and tells every node that is complete now: its level, its place in the level, its
    /// hash.
    pub(crate) fn push_telling(&mut self, leaf: Digest, mut tell: impl FnMut(u8, u64, Digest)) {
        let (mut node, mut level, mut place) = (leaf, 0, self.size);
        tell(level, place, node);
        // Every subtree that this leaf completes is as large as one to its left.
        while place & 1 == 1
            && let Some(left) = self.roots.pop()
        {
            node = node_of(left, node);
            level += 1;
            place >>= 1;
            tell(level, place, node);
        }
        self.roots.push(node);
        self.size += 1;
    }

    /// The places of the roots: level, place in the level, hash.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (u8, u64, Digest)> {
        let levels = (0..64_u8).rev().filter(|level| self.size >> level & 1 == 1);
        // What is larger stands to the left, so the place is the number of subtrees of this size before it.
        levels.zip(&self.roots).map(|(level, root)| (level, (self.size >> level) - 1, *root))
    }

    /// The root of the whole tree.
    pub(crate) fn root(&self) -> Digest {
        let mut from_the_right = self.roots.iter().rev().copied();
        match from_the_right.next() {
            Some(last) => from_the_right.fold(last, |right, left| node_of(left, right)),
            None => Digest::from_bytes(EMPTY_HASH.0),
        }
    }
}

fn node_of(left: Digest, right: Digest) -> Digest {
    Digest::from_bytes(node_hash(Hash(*left.as_bytes()), Hash(*right.as_bytes())).0)
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    use tlog_tiles::tlog::{self, HashReader, stored_hash_index};

    use super::*;
    use crate::frame::leaf_hash;

    /// All nodes that a tree ever completed.
    #[derive(Default)]
    struct Nodes(RefCell<BTreeMap<u64, Hash>>);

    impl HashReader for Nodes {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog::Error> {
            Ok(indexes.iter().map(|index| self.0.borrow()[index]).collect())
        }
    }

    #[test]
    fn every_size_has_the_root_that_the_library_computes() {
        let nodes = Nodes::default();
        let mut tree = Frontier::default();
        assert_eq!(tree.root().as_bytes(), &EMPTY_HASH.0);
        for number in 0..300_u32 {
            tree.push_telling(leaf_hash(&number.to_be_bytes()), |level, place, hash| {
                nodes.0.borrow_mut().insert(stored_hash_index(level, place), Hash(*hash.as_bytes()));
            });
            let expected = tlog::tree_hash(tree.size(), &nodes).expect("all nodes are there");
            assert_eq!(tree.root().as_bytes(), &expected.0, "{}", tree.size());
            for (level, place, hash) in tree.nodes() {
                assert_eq!(&nodes.0.borrow()[&stored_hash_index(level, place)].0, hash.as_bytes());
            }
        }
    }

    #[test]
    fn a_tree_goes_on_from_its_roots_alone() {
        let mut whole = Frontier::default();
        for number in 0..100_u32 {
            let mut resumed = Frontier::with(whole.size(), whole.roots().to_vec()).expect("as many as belong");
            whole.push(leaf_hash(&number.to_be_bytes()));
            resumed.push(leaf_hash(&number.to_be_bytes()));
            assert_eq!(whole, resumed);
        }
        assert!(Frontier::with(3, Vec::new()).is_none());
        assert!(Frontier::with(1 << 63, vec![leaf_hash(b"")]).is_none());
    }
}
