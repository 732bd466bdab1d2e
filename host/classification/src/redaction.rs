//! Takes secrets out of text, by their shapes, before anything is stored or shown.
//!
//! A shape is recognised by what names the value (`password=`, `Authorization:`), by where it stands (between `:` and `@`
//! of a URL), or by what it looks like itself (a token with a well-known beginning). Prose about secrets is left alone:
//! `token: expired` is what a person has to read. What no shape fits gets through, so this is a net and no proof; values
//! that the host knows to be secret are never text in the first place.

mod shapes;

use std::borrow::Cow;

use shapes::SHAPES;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// `line` without the values that look like secrets.
pub fn redacted(line: &str) -> String {
    let mut safe = Cow::Borrowed(line);
    for shape in SHAPES.iter() {
        if shape.pattern.is_match(&safe) {
            safe = Cow::Owned(shape.pattern.replace_all(&safe, shape.replacement).into_owned());
        }
    }
    safe.into_owned()
}

/// Redacts lines in their order: a private key spans many of them.
#[derive(Clone, Debug, Default)]
pub struct Redactor {
    in_key: bool,
}

impl Redactor {
    /// The next line without what looks like a secret.
    pub fn line(&mut self, line: &str) -> String {
        if self.in_key {
            self.in_key = !line.contains("-----END") && is_key_material(line);
            if self.in_key || line.contains("-----END") {
                return REDACTED.to_owned();
            }
        }
        self.in_key = line.contains("-----BEGIN") && line.contains("PRIVATE KEY") && !line.contains("-----END");
        redacted(line)
    }
}

/// Lines of a key are encoded bytes, its headers, or the prefix that a log puts before them; anything else means that the
/// end of the key was lost, and hides nothing.
fn is_key_material(line: &str) -> bool {
    let last = line.split_whitespace().next_back().unwrap_or_default();
    let encoded =
        last.len() >= 16 && last.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=\\\"',".contains(&byte));
    line.trim().is_empty()
        || encoded
        || last.ends_with('=')
        || line.contains("Proc-Type:")
        || line.contains("DEK-Info:")
}

#[cfg(test)]
mod tests;
