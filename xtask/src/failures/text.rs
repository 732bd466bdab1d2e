//! Makes a recorded text one of any machine: what belongs to this one is replaced by what is usual.

use anyhow::{Result, ensure};

/// Where a project lies that is nobody's.
pub(crate) const PROJECT_DIR: &str = "/srv/shop";

/// What must not be left over: the folders of recordings.
const FOREIGN: [&str; 2] = ["/tmp/repair-", "%2Ftmp%2Frepair-"];

/// Replacements, each of a text of this machine by a usual one.
#[derive(Debug, Default)]
pub(crate) struct Replacements {
    pairs: Vec<(String, String)>,
}

impl Replacements {
    /// Replaces `found`, also where it is percent-encoded, as the path of a socket in a URL.
    pub(crate) fn add(&mut self, found: impl Into<String>, usual: &str) {
        let found = found.into();
        if !found.is_empty() {
            let encoded = (encode(&found), encode(usual));
            self.pairs.extend([(found, usual.to_owned()), encoded]);
            // A path must not be taken for the beginning of a longer one.
            self.pairs.sort_by_key(|(found, _)| std::cmp::Reverse(found.len()));
        }
    }

    /// The text of any machine.
    ///
    /// # Errors
    /// When a folder of this machine is still named.
    pub(crate) fn apply(&self, text: &str) -> Result<String> {
        let text = self.pairs.iter().fold(text.to_owned(), |text, (found, usual)| text.replace(found, usual));
        for foreign in FOREIGN {
            ensure!(!text.contains(foreign), "the text names `{foreign}`, a folder of this machine:\n{text}");
        }
        Ok(text)
    }
}

fn encode(path: &str) -> String {
    path.replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replacements() -> Replacements {
        let mut replacements = Replacements::default();
        replacements.add("/tmp/repair-x", "/var/run");
        replacements.add("/tmp/repair-x/d.sock", "/var/run/docker.sock");
        replacements
    }

    #[test]
    fn the_longest_path_is_replaced_first_and_encoded_paths_too() {
        let text = "dial unix /tmp/repair-x/d.sock: http://%2Ftmp%2Frepair-x%2Fd.sock/v1.24/info";
        let usual = "dial unix /var/run/docker.sock: http://%2Fvar%2Frun%2Fdocker.sock/v1.24/info";
        assert_eq!(replacements().apply(text).expect("nothing is left"), usual);
    }

    #[test]
    fn a_text_that_still_names_a_folder_of_this_machine_is_refused() {
        assert!(replacements().apply("open /tmp/repair-y/compose.yaml").is_err());
    }
}
