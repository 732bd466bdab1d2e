//! Identifiers: digests over exact bytes, session ids, target ids, and the permille scale.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest over exact bytes under a domain, so that equal bytes of different kinds never share a digest.
///
/// Text form: 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// What the bytes under a digest are. The name is hashed before the bytes, followed by a zero byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// The stored bytes of a frozen plan.
    Plan,
    /// A WASM component.
    Component,
    /// All policy files in force, together with the bounds.
    Policy,
    /// What of the target a plan depends on.
    Footprint,
    /// The content of a file of the target.
    File,
    /// A content-addressed blob of the log.
    Blob,
    /// The value of a variable; never stored in the clear.
    Value,
    /// The identity of a target.
    Target,
    /// What a tool was shown.
    Case,
    /// What a tool answered.
    Reply,
    /// The policy's answer to one plan.
    Decision,
}

impl Domain {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Plan => "repair/plan/1",
            Self::Component => "repair/component/1",
            Self::Policy => "repair/policy/1",
            Self::Footprint => "repair/footprint/1",
            Self::File => "repair/file/1",
            Self::Blob => "repair/blob/1",
            Self::Value => "repair/value/1",
            Self::Target => "repair/target/1",
            Self::Case => "repair/case/1",
            Self::Reply => "repair/reply/1",
            Self::Decision => "repair/decision/1",
        }
    }
}

impl Digest {
    /// The digest of `bytes` in `domain`.
    pub fn of(domain: Domain, bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(domain.prefix());
        hasher.update([0]);
        hasher.update(bytes);
        Self(hasher.finalize().into())
    }

    /// The first twelve digits: enough for a person to tell two plans of one target apart, never used for identity.
    pub fn short(&self) -> String {
        hex::encode(&self.0[..6])
    }

    /// Wraps 32 bytes that already are a digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A text that is not what its type requires.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{text}` is not {expected}")]
pub struct ParseIdError {
    text: String,
    expected: &'static str,
}

impl FromStr for Digest {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut bytes = [0; 32];
        match hex::decode_to_slice(text, &mut bytes) {
            Ok(()) => Ok(Self(bytes)),
            Err(_) => Err(ParseIdError { text: text.to_owned(), expected: "a digest (64 hexadecimal digits)" }),
        }
    }
}

/// One attempt to heal one target. Text form: `20260131-235959-0a1b2c3d`, UTC time of the start and random digits, so
/// that ids sort by age and can be read out loud.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SessionId(String);

impl SessionId {
    /// A new id from the time of the start and four random bytes.
    pub fn new(started: jiff::Timestamp, random: [u8; 4]) -> Self {
        Self(format!("{}-{}", started.strftime("%Y%m%d-%H%M%S"), hex::encode(random)))
    }

    /// The id as text; safe as a file name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SessionId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shape_holds = text.len() == 24
            && text.bytes().enumerate().all(|(at, byte)| match at {
                8 | 15 => byte == b'-',
                0..=14 => byte.is_ascii_digit(),
                _ => byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte),
            });
        if shape_holds {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError { text: text.to_owned(), expected: "a session id such as 20260131-235959-0a1b2c3d" })
        }
    }
}

/// A share in thousandths, from 0 to 1000; the scale of every confidence.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "u16", into = "u16")]
#[schemars(extend("maximum" = 1000))]
pub struct Permille(u16);

impl Permille {
    /// The greatest value: certain.
    pub const CERTAIN: Self = Self(1000);

    /// `value` thousandths, or `None` above 1000.
    pub const fn new(value: u16) -> Option<Self> {
        if value <= 1000 { Some(Self(value)) } else { None }
    }

    /// The number of thousandths.
    pub const fn get(self) -> u16 {
        self.0
    }
}

impl TryFrom<u16> for Permille {
    type Error = ParseIdError;

    fn try_from(value: u16) -> Result<Self, Self::Error> {
        Self::new(value).ok_or_else(|| ParseIdError { text: value.to_string(), expected: "a permille (0 to 1000)" })
    }
}

impl From<Permille> for u16 {
    fn from(value: Permille) -> Self {
        value.0
    }
}

impl fmt::Display for Permille {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{} %", self.0 / 10, self.0 % 10)
    }
}

/// Gives a type whose text form is its identity the serialized form and the JSON Schema of that text.
macro_rules! as_text {
    ($type:ty, $name:literal, $pattern:literal) => {
        impl Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "pattern": $pattern })
            }
        }
    };
}

as_text!(Digest, "Digest", "^[0-9a-f]{64}$");
as_text!(SessionId, "SessionId", "^[0-9]{8}-[0-9]{6}-[0-9a-f]{8}$");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_bytes_in_different_domains_differ() {
        assert_ne!(Digest::of(Domain::Plan, b"x"), Digest::of(Domain::File, b"x"));
        assert_eq!(Digest::of(Domain::Plan, b"x"), Digest::of(Domain::Plan, b"x"));
    }

    #[test]
    fn digest_text_reads_back_and_refuses_anything_else() {
        let digest = Digest::of(Domain::Blob, b"");
        assert_eq!(digest.to_string().parse::<Digest>(), Ok(digest));
        for wrong in ["", "00", "zz", &"g".repeat(64), &"0".repeat(63)] {
            assert!(wrong.parse::<Digest>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn session_ids_sort_by_age_and_never_leave_a_folder() {
        let early = SessionId::new("2026-01-31T23:59:59Z".parse().expect("a time"), [9; 4]);
        let late = SessionId::new("2026-02-01T00:00:00Z".parse().expect("a time"), [0; 4]);
        assert_eq!(early.as_str(), "20260131-235959-09090909");
        assert!(early < late);
        for wrong in ["../../etc/passwd", "20260131-235959-0909090/", "", "20260131_235959_09090909"] {
            assert!(wrong.parse::<SessionId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn permille_ends_at_a_thousand() {
        assert_eq!(Permille::new(1000), Some(Permille::CERTAIN));
        assert_eq!(Permille::new(1001), None);
        assert!(serde_json::from_str::<Permille>("1001").is_err());
    }
}
