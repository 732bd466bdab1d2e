//! Compiled functions that several tools have in common.
//!
//! Tools of one language carry the same library code, and a function that is the same to the letter is compiled once for
//! all of them. An entry is found by a digest of the whole function before compilation, so no tool can put anything in
//! the place of another one's function.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use repair_model::limits::SHARED_FUNCTIONS_BYTES_MAX;
use wasmtime::CacheStore;

/// The functions that were compiled while tools were loaded.
#[derive(Default)]
pub(crate) struct Functions(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    functions: HashMap<Box<[u8]>, Box<[u8]>>,
    bytes: usize,
}

impl Functions {
    /// Forgets them all: the tools have theirs, and none will be compiled soon.
    pub(crate) fn forget(&self) {
        *self.kept() = Kept::default();
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CacheStore for Functions {
    fn get(&self, key: &[u8]) -> Option<Cow<'_, [u8]>> {
        self.kept().functions.get(key).map(|function| Cow::Owned(function.to_vec()))
    }

    fn insert(&self, key: &[u8], value: Vec<u8>) -> bool {
        let mut kept = self.kept();
        let bytes = kept.bytes + key.len() + value.len();
        if bytes > SHARED_FUNCTIONS_BYTES_MAX {
            return false;
        }
        kept.bytes = bytes;
        kept.functions.insert(key.into(), value.into());
        true
    }
}

impl fmt::Debug for Functions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = self.kept();
        write!(f, "{} functions in {} bytes", kept.functions.len(), kept.bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use repair_test_guests::Guest;
    use wasmtime::component::Component;

    use super::*;
    use crate::engine::engine_with;

    #[test]
    fn what_two_tools_have_in_common_is_compiled_once() {
        let functions = Arc::new(Functions::default());
        let engine = engine_with(&functions).expect("an engine");
        let compiled = |id: &str| {
            let before = functions.kept().functions.len();
            Component::from_binary(&engine, &Guest::new(id).build()).expect("a component");
            functions.kept().functions.len() - before
        };
        let (first, second) = (compiled("one"), compiled("two"));
        assert!(first > 0 && second < first / 2, "{first} functions, then {second} more");
    }

    #[test]
    fn functions_are_kept_up_to_a_limit_and_forgotten() {
        let functions = Functions::default();
        assert!(functions.insert(b"one", b"code".to_vec()));
        assert_eq!(functions.get(b"one").as_deref(), Some(b"code".as_slice()));
        assert_eq!(functions.get(b"other"), None);
        let room = SHARED_FUNCTIONS_BYTES_MAX - b"one".len() - b"code".len() - b"big".len();
        assert!(!functions.insert(b"big", vec![0; room + 1]));
        assert!(functions.insert(b"big", vec![0; room]));
        assert!(!functions.insert(b"", vec![0]));
        functions.forget();
        assert_eq!(functions.get(b"one"), None);
        assert!(functions.insert(b"big", vec![0; room]));
    }
}
