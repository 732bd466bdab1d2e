//! What a process prints: bounded copies that keep the end, and lines as they come.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::process::Stdio;

use repair_model::limits::EVIDENCE_LINE_BYTES_MAX;
use rustix::fs::{FallocateFlags, MemfdFlags, fallocate, memfd_create};
use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Stream;

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

/// All that a process printed: the end of each stream, and its lines as they come.
#[derive(Debug)]
pub(super) struct Printed {
    pub(super) out: Tail,
    pub(super) err: Tail,
    out_lines: Lines,
    err_lines: Lines,
}

impl Printed {
    /// Keeps the last `bytes_max` bytes of each stream.
    pub(super) fn new(bytes_max: usize) -> Self {
        let (out_lines, err_lines) = (Lines::default(), Lines::default());
        Self { out: Tail::new(bytes_max), err: Tail::new(bytes_max), out_lines, err_lines }
    }

    pub(super) fn take(&mut self, stream: Stream, piece: &[u8], on_line: &mut dyn FnMut(Stream, &str)) {
        let (tail, lines) = match stream {
            Stream::Stdout => (&mut self.out, &mut self.out_lines),
            Stream::Stderr => (&mut self.err, &mut self.err_lines),
        };
        tail.push(piece);
        lines.push(piece, &mut |line| on_line(stream, line));
    }

    /// What was written into memory since the last time.
    pub(super) fn take_kept(
        &mut self,
        kept: Option<&mut (Kept, Kept)>,
        on_line: &mut dyn FnMut(Stream, &str),
    ) -> io::Result<()> {
        let Some((out, err)) = kept else { return Ok(()) };
        out.read_new(&mut |piece| self.take(Stream::Stdout, piece, on_line))?;
        err.read_new(&mut |piece| self.take(Stream::Stderr, piece, on_line))
    }

    /// The last lines of both, which have no end.
    pub(super) fn finish(&mut self, on_line: &mut dyn FnMut(Stream, &str)) {
        self.out_lines.finish(&mut |line| on_line(Stream::Stdout, line));
        self.err_lines.finish(&mut |line| on_line(Stream::Stderr, line));
    }
}

/// Output that a process writes into memory of its own. A pipe breaks when its reader is lost, and Compose dies of that in the
/// middle of whatever it is doing; this does not.
#[derive(Debug)]
pub(super) struct Kept {
    file: File,
    read: u64,
}

impl Kept {
    /// Memory for one stream, and the end that the process writes to.
    pub(super) fn new() -> io::Result<(Self, Stdio)> {
        let file = File::from(memfd_create("output", MemfdFlags::CLOEXEC)?);
        let writer = Stdio::from(file.try_clone()?);
        Ok((Self { file, read: 0 }, writer))
    }

    /// Hands out what was written since the last time, and gives its memory back.
    pub(super) fn read_new(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        let from = self.read;
        loop {
            match self.file.read_at(&mut piece, self.read)? {
                0 => break,
                count => {
                    take(&piece[..count]);
                    self.read += count as u64;
                }
            }
        }
        if self.read > from {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            // Memory that cannot be given back is only kept a little longer.
            let _ = fallocate(&self.file, flags, 0, self.read);
        }
        Ok(())
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
