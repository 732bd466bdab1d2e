//! What a tool said before it trapped.
//!
//! A tool can call nothing, so a panic cannot be printed. The SDK's panic hook writes it into a static of the tool's own
//! memory instead, behind a marker, and the host looks for that in the memory that the trap left. It is foreign text of a
//! tool that has just failed: it is shown, bounded and escaped, and nothing depends on it.

use memchr::memmem;
use wasmtime::{Store, WasmCoreDump};

use crate::fault::quoted;
use crate::limits::Meter;

/// What the SDK puts before its last words; the same as in `plugins/sdk/src/last_words.rs`.
pub(crate) const MARKER: &[u8] = b"\0repair:tool last words 1\0";
/// Bytes of the text that are looked at.
const TEXT_BYTES_MAX: usize = 1024;

/// The last words that stand in the memory of a call that ended with `error`.
pub(crate) fn heard(error: &wasmtime::Error, store: &Store<Meter>) -> Option<String> {
    let dump = error.downcast_ref::<WasmCoreDump>()?;
    dump.memories().iter().find_map(|memory| spoken(memory.data(store)))
}

/// Marker, length (two bytes, little endian), text.
fn spoken(memory: &[u8]) -> Option<String> {
    memmem::find_iter(memory, MARKER).find_map(|at| {
        let (length, rest) = memory.get(at + MARKER.len()..)?.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_le_bytes(*length)).min(TEXT_BYTES_MAX);
        let text = rest.get(..length).filter(|text| !text.is_empty())?;
        Some(quoted(&String::from_utf8_lossy(text)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(length: u16, text: &[u8]) -> Vec<u8> {
        [b"before", MARKER, &length.to_le_bytes(), text].concat()
    }

    #[test]
    fn the_first_marker_with_a_text_counts() {
        assert_eq!(spoken(b"nothing here"), None);
        assert_eq!(spoken(&memory(0, b"not said")), None);
        let twice = [memory(0, b""), memory(4, b"why?")].concat();
        assert_eq!(spoken(&twice).as_deref(), Some("why?"));
    }

    #[test]
    fn what_is_forged_is_bounded_and_escaped() {
        assert_eq!(spoken(&memory(900, b"short")), None, "a length beyond the memory");
        assert_eq!(spoken(MARKER), None);
        let loud = spoken(&memory(6, b"\x1b[31m!")).expect("a text");
        assert!(!loud.contains('\u{1b}'), "{loud}");
        let long = vec![b'x'; usize::from(u16::MAX)];
        assert!(spoken(&memory(u16::MAX, &long)).expect("a text").len() < TEXT_BYTES_MAX);
    }
}
