//! What a process prints: bounded copies that keep the end, and lines as they come.

use repair_model::limits::EVIDENCE_LINE_BYTES_MAX;
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// The end of a stream of bytes.
#[derive(Clone, Debug)]
pub struct Tail {
    bytes: Vec<u8>,
    bytes_max: usize,
    cut: bool,
}

impl Tail {
    /// Keeps the last `bytes_max` bytes.
    pub fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max, cut: false }
    }

    /// Adds a piece.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.extend_from_slice(piece);
        // Cutting only at twice the size moves each byte at most once.
        if self.bytes.len() > self.bytes_max.saturating_mul(2) {
            self.trim();
        }
    }

    fn trim(&mut self) {
        let surplus = self.bytes.len().saturating_sub(self.bytes_max);
        if surplus > 0 {
            self.bytes.drain(..surplus);
            self.cut = true;
        }
    }

    /// Whether something at the start was dropped.
    pub fn is_cut(&self) -> bool {
        self.cut || self.bytes.len() > self.bytes_max
    }

    /// The bytes.
    pub fn into_bytes(mut self) -> Vec<u8> {
        self.trim();
        self.bytes
    }

    /// As text; what is not UTF-8 is replaced. When the start was cut, the rest of the cut line is left out.
    pub fn into_text(self) -> String {
        let cut = self.is_cut();
        let bytes = self.into_bytes();
        let from = if cut { bytes.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1) } else { 0 };
        String::from_utf8_lossy(&bytes[from..]).into_owned()
    }
}

/// Splits pieces into lines, of which each is bounded.
#[derive(Debug, Default)]
pub(super) struct Lines {
    pending: Vec<u8>,
}

impl Lines {
    pub(super) fn push(&mut self, piece: &[u8], on_line: &mut dyn FnMut(&str)) {
        for byte in piece {
            if matches!(byte, b'\n' | b'\r') {
                self.finish(on_line);
            } else if self.pending.len() < EVIDENCE_LINE_BYTES_MAX {
                self.pending.push(*byte);
            }
        }
    }

    /// Hands out what has come of the last line. Empty lines are left out, so that CR LF is one end.
    pub(super) fn finish(&mut self, on_line: &mut dyn FnMut(&str)) {
        if !self.pending.is_empty() {
            on_line(&String::from_utf8_lossy(&self.pending));
            self.pending.clear();
        }
    }
}

/// Reads a piece; at the end, or when reading fails, the pipe is closed and 0 is returned. Never ready once it is closed.
pub(super) async fn read_some<R: AsyncRead + Unpin>(pipe: &mut Option<R>, piece: &mut [u8]) -> usize {
    let Some(open) = pipe else { return std::future::pending().await };
    let count = open.read(piece).await.unwrap_or(0);
    if count == 0 {
        *pipe = None;
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tail_never_grows_and_says_when_it_cut() {
        let mut tail = Tail::new(10);
        tail.push(b"0123456789");
        assert!(!tail.is_cut());
        for _ in 0..1000 {
            tail.push(b"line\nmore\n");
            assert!(tail.bytes.len() <= 20);
        }
        assert!(tail.is_cut());
        assert_eq!(tail.clone().into_bytes(), b"line\nmore\n");
        assert_eq!(tail.into_text(), "more\n");
    }

    #[test]
    fn lines_are_bounded_and_come_whole() {
        let mut seen = Vec::new();
        let mut lines = Lines::default();
        for piece in ["on", "e\r\ntw", "o\n", &"x".repeat(EVIDENCE_LINE_BYTES_MAX * 2), "\nlast"] {
            lines.push(piece.as_bytes(), &mut |line| seen.push(line.to_owned()));
        }
        lines.finish(&mut |line| seen.push(line.to_owned()));
        assert_eq!(seen.len(), 4);
        assert_eq!((seen[0].as_str(), seen[1].as_str(), seen[3].as_str()), ("one", "two", "last"));
        assert_eq!(seen[2].len(), EVIDENCE_LINE_BYTES_MAX);
    }
}
