//! Takes terminal sequences out of a stream of bytes, keeping every line where it is.
//!
//! Colours, cursor movements and titles (ECMA-48: CSI, OSC and the other strings) vanish; CRLF becomes LF; a carriage
//! return of its own, by which progress displays redraw a line, becomes [`REDRAW`]. Bytes 0 are dropped, so text in UTF-16,
//! as PowerShell redirects it, reads like ASCII.
//!
//! Invariant: what comes out has exactly as many line ends as what went in, whatever else was in it. A line end also ends
//! a sequence that was never finished, so no sequence can hide the lines after it.

use memchr::memchr3;

/// Stands where a line is drawn anew: a break within the same line number.
pub const REDRAW: u8 = 0x0b;

const ESCAPE: u8 = 0x1b;
const BELL: u8 = 0x07;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Text,
    /// After a carriage return; what follows tells what it meant.
    Return,
    /// After ESC.
    Escape,
    /// Within a control sequence, up to its final byte.
    Control,
    /// Within a string such as a title, up to BEL or ESC \.
    ControlString,
    /// After an ESC within such a string.
    ControlStringEscape,
}

/// Cleans a stream piece by piece; a sequence may be cut anywhere between two pieces.
#[derive(Clone, Debug, Default)]
pub struct Cleaner {
    state: State,
}

impl Cleaner {
    /// Appends the clean form of `raw` to `clean`. Linear in `raw`, whatever is in it.
    pub fn push(&mut self, raw: &[u8], clean: &mut Vec<u8>) {
        let mut at = 0;
        while at < raw.len() {
            if self.state == State::Text {
                let special = memchr3(ESCAPE, b'\r', 0, &raw[at..]).map_or(raw.len(), |found| at + found);
                clean.extend_from_slice(&raw[at..special]);
                at = special;
                if at == raw.len() {
                    return;
                }
            }
            self.state = self.next(raw[at], clean);
            at += 1;
        }
    }

    fn next(&self, byte: u8, clean: &mut Vec<u8>) -> State {
        if byte == b'\n' {
            clean.push(byte);
            return State::Text;
        }
        match self.state {
            // A byte 0 is half a character of 16 bits.
            State::Return if byte == b'\r' || byte == 0 => State::Return,
            State::Return => {
                clean.push(REDRAW);
                text(byte, clean)
            }
            State::Text => text(byte, clean),
            State::Escape => match byte {
                b'[' => State::Control,
                b']' | b'P' | b'X' | b'^' | b'_' => State::ControlString,
                // Two-byte sequences, with intermediate bytes before the last one.
                0x20..=0x2f => State::Escape,
                _ => State::Text,
            },
            State::Control => match byte {
                0x40..=0x7e => State::Text,
                _ => State::Control,
            },
            State::ControlString => match byte {
                BELL => State::Text,
                ESCAPE => State::ControlStringEscape,
                _ => State::ControlString,
            },
            State::ControlStringEscape => match byte {
                b'\\' => State::Text,
                _ => State::ControlString,
            },
        }
    }
}

fn text(byte: u8, clean: &mut Vec<u8>) -> State {
    match byte {
        ESCAPE => State::Escape,
        b'\r' => State::Return,
        0 => State::Text,
        _ => {
            clean.push(byte);
            State::Text
        }
    }
}

/// The clean form of a whole text.
pub fn cleaned(raw: &[u8]) -> Vec<u8> {
    let mut clean = Vec::with_capacity(raw.len());
    Cleaner::default().push(raw, &mut clean);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(raw: &[u8]) -> String {
        String::from_utf8_lossy(&cleaned(raw)).into_owned()
    }

    #[test]
    fn terminal_sequences_vanish_and_lines_stay() {
        assert_eq!(clean(b"\x1b[1A\x1b[2K\x1b[31m Container a  Error\x1b[0m\r\nnext"), " Container a  Error\nnext");
        assert_eq!(clean(b"\x1b]0;title\x07end"), "end");
        assert_eq!(clean(b"\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\"), "link");
        assert_eq!(clean(b"\x1b(Bplain\x1b=x"), "plainx");
    }

    #[test]
    fn a_lone_return_is_a_break_within_the_line() {
        assert_eq!(clean(b"pulling 1%\rpulling 2%\rdone\r\r\nnext"), "pulling 1%\x0bpulling 2%\x0bdone\nnext");
    }

    #[test]
    fn an_unfinished_sequence_hides_no_line() {
        assert_eq!(clean(b"a\x1b]0;never ended\nfailed\x1b[31\nb"), "a\nfailed\nb");
    }

    #[test]
    fn text_in_sixteen_bits_reads_like_ascii() {
        let wide: Vec<u8> = "port taken\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(clean(&wide), "port taken\n");
    }

    proptest! {
        #[test]
        fn pieces_and_the_whole_give_the_same_lines(raw in proptest::collection::vec(
            prop_oneof![Just(ESCAPE), Just(b'\r'), Just(b'\n'), Just(b'['), Just(b'm'), Just(0), any::<u8>()], 0..200,
        ), cut in 0_usize..200) {
            let whole = cleaned(&raw);
            let mut pieces = Vec::new();
            let mut cleaner = Cleaner::default();
            let cut = cut.min(raw.len());
            cleaner.push(&raw[..cut], &mut pieces);
            cleaner.push(&raw[cut..], &mut pieces);
            prop_assert_eq!(&whole, &pieces);
            let ends = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count();
            prop_assert_eq!(ends(&raw), ends(&whole));
            prop_assert!(!whole.contains(&ESCAPE) && !whole.contains(&b'\r') && !whole.contains(&0));
        }
    }
}
