//! Where a panic leaves its message. A tool can call nothing, so it cannot print one; the host finds it in the memory
//! that the panic leaves behind, and names it in its own words.

use std::panic::PanicHookInfo;
use std::sync::Once;
use std::sync::atomic::{AtomicU8, AtomicU16, Ordering};

/// What the host looks for; the same as in its `host/sandbox/src/last_words.rs`.
const MARKER: [u8; 26] = *b"\0repair:tool last words 1\0";
/// Bytes of a message that are kept.
const TEXT_BYTES_MAX: usize = 1024;

/// Marker, length and text side by side, as the host reads them.
#[repr(C)]
struct LastWords {
    marker: [u8; MARKER.len()],
    length: AtomicU16,
    text: [AtomicU8; TEXT_BYTES_MAX],
}

static LAST_WORDS: LastWords =
    LastWords { marker: MARKER, length: AtomicU16::new(0), text: [const { AtomicU8::new(0) }; TEXT_BYTES_MAX] };

/// Lets panics leave their message and place.
pub(crate) fn keep() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| write(&said(panic)))));
}

fn said(panic: &PanicHookInfo<'_>) -> String {
    let message = panic.payload_as_str().unwrap_or("a value that is no text");
    match panic.location() {
        Some(place) => format!("{}:{}: {message}", place.file(), place.line()),
        None => message.to_owned(),
    }
}

fn write(text: &str) {
    // Whoever reads the memory needs all three, so the compiler must not take the marker for unused.
    std::hint::black_box(&LAST_WORDS.marker);
    let text = &text.as_bytes()[..text.len().min(TEXT_BYTES_MAX)];
    for (cell, byte) in LAST_WORDS.text.iter().zip(text) {
        cell.store(*byte, Ordering::Relaxed);
    }
    // At most `TEXT_BYTES_MAX`.
    LAST_WORDS.length.store(text.len() as u16, Ordering::Relaxed);
}
