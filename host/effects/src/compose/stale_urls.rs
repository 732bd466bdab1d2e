//! Addresses elsewhere in the project's files that name a port which is about to move, such as
//! `GF_SERVER_ROOT_URL: http://localhost:4000/grafana`.
//!
//! It reports; it edits nothing. It leaves out entries of `ports`, comments, and health checks, which run inside the
//! container and mean its own port. Invariant: only scheme, host and port of an address are returned, never what stands
//! before or behind, so that no credential gets into a report.

use std::ops::Range;

use repair_model::compose::Published;

use super::source::{SourceFile, line_of};
use super::yaml::{NodeId, Tree};

/// An address that will be stale.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaleUrl {
    /// The file.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// The address as far as the port.
    pub text: String,
    /// The same address with the new port.
    pub becomes: String,
    /// The key or variable whose value it is part of, where the line names one.
    pub key: Option<String>,
    /// The service under which it stands.
    pub service: Option<String>,
}

/// Hosts that mean this machine.
const HOSTS: [&str; 3] = ["localhost:", "127.0.0.1:", "[::1]:"];

/// Finds addresses of this machine with a port of `before`, in Compose files (by their ending) and `.env` files.
pub fn stale_urls(files: &[SourceFile], before: Published, after: Published) -> Vec<StaleUrl> {
    let mut found = Vec::new();
    for file in files {
        let is_compose = file.name.ends_with(".yaml") || file.name.ends_with(".yml");
        let regions = if is_compose { Regions::of(&file.text) } else { Regions::default() };
        for host in HOSTS {
            for (start, _) in file.text.match_indices(host) {
                found.extend(stale_url(file, &regions, start, host, before, after));
            }
        }
    }
    found.sort_by(|one, other| (&one.file, one.line, &one.text).cmp(&(&other.file, other.line, &other.text)));
    found
}

fn stale_url(
    file: &SourceFile,
    regions: &Regions,
    start: usize,
    host: &str,
    before: Published,
    after: Published,
) -> Option<StaleUrl> {
    let text = &file.text;
    let joined = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    let in_check = regions.checks.iter().any(|region| region.contains(&start));
    if text[..start].ends_with(joined) || in_check || regions.is_port(start) {
        return None;
    }
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let line = &text[line_start..start];
    if line.trim_start().starts_with('#') || line.contains(" #") {
        return None;
    }
    let digits = &text[start + host.len()..];
    let digits = &digits[..digits.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len())];
    let port: u16 = digits.parse().ok().filter(|port| before.ports().contains(port))?;
    let moved = after.ports().nth(usize::from(port - before.ports().start()))?;
    let scheme = scheme(line);
    Some(StaleUrl {
        file: file.name.clone(),
        line: line_of(text, start),
        text: format!("{scheme}{host}{digits}"),
        becomes: format!("{scheme}{host}{moved}"),
        key: key(line),
        service: regions.service(start),
    })
}

/// `http://` or the like right before the host.
fn scheme(line: &str) -> &str {
    let Some(before) = line.strip_suffix("://") else {
        return "";
    };
    let length = before.bytes().rev().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'+').count();
    &line[before.len() - length..]
}

/// The name before the first `=` or `:` of the line.
pub(super) fn key(line: &str) -> Option<String> {
    let line = line.trim_start();
    let line = line.strip_prefix("export ").unwrap_or(line).trim_start_matches([' ', '-', '"', '\'']);
    let end =
        line.find(|character: char| !(character.is_ascii_alphanumeric() || matches!(character, '_' | '-' | '.')))?;
    let separated = line[end..].trim_start_matches(['"', '\'', ' ']).starts_with([':', '=']);
    let is_scheme = line[end..].starts_with("://");
    (end > 0 && separated && !is_scheme).then(|| line[..end].to_owned())
}

/// Stretches of a Compose file.
#[derive(Default)]
pub(super) struct Regions {
    services: Vec<(String, Range<usize>)>,
    ports: Vec<Range<usize>>,
    checks: Vec<Range<usize>>,
}

impl Regions {
    /// An unreadable file has no regions: an address too many does less harm than one too few.
    pub(super) fn of(text: &str) -> Self {
        let mut regions = Self::default();
        let Ok(tree) = Tree::read(text) else {
            return regions;
        };
        let services = tree.root().and_then(|root| tree.get(root, "services"));
        for (name, service) in services.map(|services| tree.entries(services)).unwrap_or_default() {
            let range = |node: NodeId| tree.node(node).range.clone();
            regions.services.push((name.to_owned(), range(service)));
            regions.ports.extend(tree.get(service, "ports").map(range));
            regions.checks.extend(tree.get(service, "healthcheck").map(range));
        }
        regions
    }

    /// Whether a byte belongs to a list of ports.
    pub(super) fn is_port(&self, offset: usize) -> bool {
        self.ports.iter().any(|region| region.contains(&offset))
    }

    /// The service that a byte belongs to.
    pub(super) fn service(&self, offset: usize) -> Option<String> {
        self.services.iter().find(|(_, region)| region.contains(&offset)).map(|(name, _)| name.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str, before: Published, after: Published) -> Vec<String> {
        let file = SourceFile { name: name.to_owned(), text: text.to_owned() };
        let shown = |url: StaleUrl| {
            let (key, service) = (url.key.unwrap_or_default(), url.service.unwrap_or_default());
            format!("{} {key} {service} {} {}", url.line, url.text, url.becomes)
        };
        stale_urls(&[file], before, after).into_iter().map(shown).collect()
    }

    #[test]
    fn addresses_of_a_moved_port_are_found_with_their_key_and_service() {
        let text = "services:\n  grafana:\n    ports: [\"127.0.0.1:4000:4000\"]\n    environment:\n      \
                    GF_SERVER_ROOT_URL: http://localhost:4000/grafana?token=x\n      # http://localhost:4000\n      \
                    A: \"localhost:40001\"\n      B: mylocalhost:4000\n      C: 'https://u:p@127.0.0.1:4000'\n    \
                    healthcheck:\n      \
                    test: curl http://localhost:4000\n  ui:\n    environment:\n      - URL=http://[::1]:4000\n    \
                    command: localhost:4001\n";
        assert_eq!(
            found("compose.yaml", text, Published::Fixed(4000), Published::Fixed(4004)),
            [
                "5 GF_SERVER_ROOT_URL grafana http://localhost:4000 http://localhost:4004",
                "9 C grafana 127.0.0.1:4000 127.0.0.1:4004",
                "14 URL ui http://[::1]:4000 http://[::1]:4004",
            ]
        );
        assert_eq!(
            found("compose.yaml", text, Published::Range(4000, 4001), Published::Range(5000, 5001)).last().unwrap(),
            "15 command ui localhost:4001 localhost:5001"
        );
    }

    #[test]
    fn dotenv_files_are_searched_too() {
        let text = "PORT=8080\r\nexport URL=\"http://localhost:8080\" # c\r\n# localhost:8080\r\n";
        let found = found(".env", text, Published::Fixed(8080), Published::Fixed(8085));
        assert_eq!(found, ["2 URL  http://localhost:8080 http://localhost:8085"]);
    }
}
