//! Values of environment variables that are missing, and how a new one is drawn.
//!
//! No type here holds a value. A value that `repair` draws exists in the effect that writes it and in the file it is
//! written to, and nowhere else: not in a plan, not in the log.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How random bytes become text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ValueEncoding {
    /// Two lower-case hexadecimal digits for each byte.
    Hex,
    /// The URL-safe alphabet of Base64 without padding.
    Base64,
    /// ASCII letters and digits, for programs that take nothing else in a password.
    Alphanumeric,
}

impl ValueEncoding {
    /// All encodings.
    pub const ALL: [Self; 3] = [Self::Hex, Self::Base64, Self::Alphanumeric];

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hex => "hex",
            Self::Base64 => "base64",
            Self::Alphanumeric => "alphanumeric",
        }
    }
}

impl fmt::Display for ValueEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for ValueEncoding {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|encoding| encoding.as_str() == name).ok_or(())
    }
}

/// Gives one empty variable a random value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnvValue {
    /// The variable.
    pub variable: String,
    /// The file it is written to, relative to the project directory.
    pub file: String,
    /// Random bytes behind the value, from [`crate::limits::ENV_VALUE_BYTES_MIN`] to
    /// [`crate::limits::ENV_VALUE_BYTES_MAX`]. It measures entropy; the text is longer.
    pub bytes: u16,
    /// How they are written.
    pub encoding: ValueEncoding,
}

/// A variable that the project uses and that has no value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EmptyVariable {
    /// Its name.
    pub variable: String,
    /// The `.env` or `env_file` in which it stands or would be written, relative to the project directory where it lies
    /// below it.
    pub file: String,
    /// Whether an empty assignment stands there.
    pub written: bool,
    /// Whether Compose refuses the project without it.
    pub required: bool,
    /// Whether its name says that it holds a secret, so that any random value will do.
    pub secret_like: bool,
    /// The services that use it, in order of name.
    pub services: Vec<String>,
    /// Whether the calling shell sets it, even to nothing, and so beats every file.
    pub shell: bool,
}
