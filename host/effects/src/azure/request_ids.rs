//! Ids of requests that change something: each says which session sent it, at which step, and as which request.
//!
//! Azure keeps the id in its activity log, so that a person who finds a change there finds the session too. An id is a UUID of version 8 (RFC 9562, section 5.8: the layout is ours) with
//! the usual variant: `YYYYMMDD-HHMM-8SS0-8RRR-RRRRRPPPNNNN`, which is date and time (UTC) and the eight random digits of
//! the session's id, the step's place and a counter of its requests. It reads like the session's id on purpose.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU16, Ordering};

use repair_model::ids::SessionId;

use super::limits::PLACE_MAX;

/// Gives the requests of one step their ids.
#[derive(Debug)]
pub struct RequestIds {
    session: SessionId,
    place: u16,
    sent: AtomicU16,
}

impl RequestIds {
    /// For the step at `place` of `session`; `None` above [`PLACE_MAX`], for which an id has no room.
    pub fn new(session: &SessionId, place: u16) -> Option<Self> {
        (place <= PLACE_MAX).then(|| Self { session: session.clone(), place, sent: AtomicU16::new(0) })
    }

    /// The id of the next request; the first has number 1. After 65535 it begins again: a step's own bounds end it long
    /// before.
    pub fn next(&self) -> RequestId {
        let number = self.sent.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        RequestId { session: self.session.clone(), place: self.place, number }
    }

    /// Reads back what an id says; `None` for an id that is not one of ours.
    pub fn parse(text: &str) -> Option<RequestId> {
        text.parse().ok()
    }
}

/// The id of one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId {
    /// Which session sent it.
    pub session: SessionId,
    /// The step's place, at most [`PLACE_MAX`].
    pub place: u16,
    /// Which of the step's requests it is, from 1.
    pub number: u16,
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A session id has 24 ASCII characters: 8 of the date, 6 of the time, 8 random digits, hyphens between them.
        let (date, rest) = self.session.as_str().split_at(8);
        let (hours_minutes, seconds, random) = (&rest[1..5], &rest[5..7], &rest[8..]);
        let (first, last) = random.split_at(3);
        write!(f, "{date}-{hours_minutes}-8{seconds}0-8{first}-{last}{:03x}{:04x}", self.place, self.number)
    }
}

/// A text that is not the id of a request of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a request that `repair` sent")]
pub struct NotOurs;

impl FromStr for RequestId {
    type Err = NotOurs;

    fn from_str(text: &str) -> Result<Self, NotOurs> {
        let text = text.to_ascii_lowercase();
        let parts: Vec<&str> = text.split('-').collect();
        let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
        let all_hex = text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if lengths != [8, 4, 4, 4, 12] || !all_hex {
            return Err(NotOurs);
        }
        let (seconds, first) = (&parts[2][1..3], &parts[3][1..]);
        let marks_hold = parts[2].starts_with('8') && parts[2].ends_with('0') && parts[3].starts_with('8');
        if !marks_hold {
            return Err(NotOurs);
        }
        let (last, rest) = parts[4].split_at(5);
        let session = format!("{}-{}{seconds}-{first}{last}", parts[0], parts[1]).parse().map_err(|_| NotOurs)?;
        let number = |digits| u16::from_str_radix(digits, 16).map_err(|_| NotOurs);
        Ok(Self { session, place: number(&rest[..3])?, number: number(&rest[3..])? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session() -> SessionId {
        "20261126-081824-d4b2390d".parse().expect("a session id")
    }

    #[test]
    fn an_id_is_a_uuid_of_version_8_that_reads_back() {
        let ids = RequestIds::new(&session(), 0x2a).expect("a place");
        let first = ids.next();
        assert_eq!(first.to_string(), "20261126-0818-8240-8d4b-2390d02a0001");
        assert_eq!(RequestIds::parse(&first.to_string()), Some(first.clone()));
        assert_eq!(RequestIds::parse(&first.to_string().to_uppercase()), Some(first));
        assert_eq!(ids.next().number, 2);
        for place in [0, 1, PLACE_MAX] {
            let id = RequestIds::new(&session(), place).expect("a place").next();
            let text = id.to_string();
            assert_eq!((text.as_bytes()[14], text.as_bytes()[19], text.len()), (b'8', b'8', 36), "version and variant");
            assert_eq!(RequestIds::parse(&text), Some(id));
        }
        assert!(RequestIds::new(&session(), PLACE_MAX + 1).is_none());
    }

    #[test]
    fn somebody_elses_id_is_not_ours() {
        for text in [
            "",
            "01234567-89ab-4def-8123-456789abcdef",
            "20261126-0818-8241-8d4b-2390d02a0001",
            "20261126-0818-8240-9d4b-2390d02a0001",
            "2026112g-0818-8240-8d4b-2390d02a0001",
            "2026a126-0818-8240-8d4b-2390d02a0001",
            "20261126-0818-8240-8d4b-2390d02a0001-",
            "20261126-0818-8240-8d4b-2390d02a000é",
        ] {
            assert_eq!(RequestIds::parse(text), None, "{text}");
        }
    }
}
