//! Which Debian archive this machine already uses, read from its own package sources, so that no host is named here.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// Verifies every Debian suite, and is part of every Debian system.
const KEYRINGS: [&str; 2] =
    ["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

/// The archive of a running Debian system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Archive {
    /// As apt takes it, such as `http://…/debian` or `mirror+file:/…`.
    pub(crate) uri: String,
    /// What the system's source says of its keys, if it names a file.
    pub(crate) signed_by: Option<String>,
    /// The suite that is installed, such as `bookworm`.
    pub(crate) codename: String,
}

impl Archive {
    /// Reads the system's sources.
    pub(crate) fn of_this_system() -> Result<Self> {
        let codename = codename()?;
        let mut seen = Vec::new();
        for path in source_files() {
            let Ok(text) = fs::read_to_string(&path) else { continue };
            let deb822 = path.extension().is_some_and(|extension| extension == "sources");
            let found = if deb822 { in_deb822(&text, &codename) } else { in_one_line(&text, &codename) };
            if let Some((uri, signed_by)) = found {
                return Ok(Self { uri, signed_by, codename });
            }
            seen.push(path.display().to_string());
        }
        bail!(
            "no source with suite `{codename}` and component `main` in {}; add one, or install Docker Engine with \
             Compose 2 and set REPAIR_TEST_ENGINE=existing",
            if seen.is_empty() { "/etc/apt".to_owned() } else { seen.join(", ") }
        )
    }

    /// A line of a source list for another suite of the same archive.
    pub(crate) fn source_line(&self, suite: &str) -> String {
        let keyring = KEYRINGS.into_iter().find(|keyring| Path::new(keyring).exists());
        match keyring.or(self.signed_by.as_deref()) {
            Some(keyring) => format!("deb [signed-by={keyring}] {} {suite} main\n", self.uri),
            None => format!("deb {} {suite} main\n", self.uri),
        }
    }
}

fn codename() -> Result<String> {
    let release = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let value = |key: &str| {
        release.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).map(|value| value.trim_matches('"'))
    };
    match (value("ID"), value("VERSION_CODENAME")) {
        (Some("debian"), Some(codename)) => Ok(codename.to_owned()),
        (id, _) => bail!(
            "a private engine is taken from Debian packages, but this system is `{}`; install Docker Engine with \
             Compose 2 and set REPAIR_TEST_ENGINE=existing",
            id.unwrap_or("unknown")
        ),
    }
}

fn source_files() -> Vec<std::path::PathBuf> {
    let mut files = vec!["/etc/apt/sources.list".into()];
    let mut parts: Vec<_> = fs::read_dir("/etc/apt/sources.list.d")
        .map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
        .unwrap_or_default();
    parts.sort();
    files.extend(parts);
    files
}

/// Reads the deb822 form (sources.list(5)); returns the URI and the key file.
fn in_deb822(text: &str, codename: &str) -> Option<(String, Option<String>)> {
    let uncommented = text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n");
    uncommented.split("\n\n").find_map(|stanza| {
        let unfolded = stanza.replace("\n ", " ").replace("\n\t", " ");
        let field = |name: &str| {
            unfolded.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.trim().eq_ignore_ascii_case(name).then(|| value.trim().to_owned())
            })
        };
        let lists = |name: &str, wanted: &str| field(name).is_some_and(|v| v.split_whitespace().any(|w| w == wanted));
        let enabled = field("Enabled").is_none_or(|value| value != "no");
        if !enabled || !lists("Types", "deb") || !lists("Suites", codename) || !lists("Components", "main") {
            return None;
        }
        let uri = field("URIs")?.split_whitespace().next()?.to_owned();
        Some((uri, field("Signed-By").filter(|value| value.starts_with('/'))))
    })
}

/// Reads the one-line form (sources.list(5)); returns the URI and the key file.
fn in_one_line(text: &str, codename: &str) -> Option<(String, Option<String>)> {
    text.lines().find_map(|line| {
        let rest = line.trim().strip_prefix("deb ")?.trim_start();
        let (options, rest) = match rest.strip_prefix('[') {
            Some(rest) => rest.split_once(']')?,
            None => ("", rest),
        };
        let mut words = rest.split_whitespace();
        let (uri, suite) = (words.next()?, words.next()?);
        if suite != codename || !words.any(|component| component == "main") {
            return None;
        }
        let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
        Some((uri.to_owned(), signed_by.filter(|value| value.starts_with('/')).map(str::to_owned)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_main_archive_of_a_deb822_file_is_found() {
        let text = "# comment\nTypes: deb\nURIs: http://one.invalid/security\nSuites: bookworm-security\n\
                    Components: main\n\nEnabled: no\nTypes: deb\nURIs: http://two.invalid/debian\nSuites: bookworm\n\
                    Components: main\n\nTypes: deb deb-src\nURIs:\n http://three.invalid/debian\n\
                    Suites: bookworm bookworm-updates\nComponents: main contrib\nSigned-By: /keys.gpg\n";
        let found = in_deb822(text, "bookworm");
        assert_eq!(found, Some(("http://three.invalid/debian".to_owned(), Some("/keys.gpg".to_owned()))));
        assert_eq!(in_deb822(text, "trixie"), None);
    }

    #[test]
    fn the_first_main_archive_of_a_one_line_file_is_found() {
        let text = "deb-src http://zero.invalid/debian bookworm main\ndeb http://one.invalid/debian bookworm contrib\n\
                    deb [arch=amd64 signed-by=/keys.gpg] http://two.invalid/debian bookworm main\n";
        let found = in_one_line(text, "bookworm");
        assert_eq!(found, Some(("http://two.invalid/debian".to_owned(), Some("/keys.gpg".to_owned()))));
        assert_eq!(in_one_line("# deb http://one.invalid bookworm main\n", "bookworm"), None);
    }
}
