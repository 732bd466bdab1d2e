//! Where else a variable is used whose value in `.env` is about to move with a port.
//!
//! Such uses move along: mostly that is what is wanted (`PUBLIC_URL: http://localhost:${PORT}`), but a program may also
//! listen on it inside its container, so they are to be shown. It reports names and lines, never values. Entries of
//! `ports` are left out: an edit that would move another port is refused anyway.

use super::interpolation::Template;
use super::source::SourceFile;
use super::stale_urls::{Regions, key};

/// A line that uses a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableUse {
    /// The file.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// The key or variable whose value uses it, where the line names one.
    pub key: Option<String>,
    /// The service under which it stands.
    pub service: Option<String>,
}

/// Finds the lines of Compose files (by their ending) and `.env` files that use a variable, outside of `ports`.
pub fn variable_uses(files: &[SourceFile], variable: &str) -> Vec<VariableUse> {
    let mut uses = Vec::new();
    for file in files {
        let is_compose = file.name.ends_with(".yaml") || file.name.ends_with(".yml");
        let regions = if is_compose { Regions::of(&file.text) } else { Regions::default() };
        let mut offset = 0;
        for (line, text) in (1..).zip(file.text.split_inclusive('\n')) {
            let mark = text.find('$').map(|at| offset + at);
            offset += text.len();
            let Some(mark) = mark.filter(|mark| !regions.is_port(*mark) && names(text, variable)) else {
                continue;
            };
            uses.push(VariableUse { file: file.name.clone(), line, key: key(text), service: regions.service(mark) });
        }
    }
    uses
}

/// Whether a line uses the variable; a text that cannot be taken apart is searched for the name.
fn names(line: &str, variable: &str) -> bool {
    if line.trim_start().starts_with('#') {
        return false;
    }
    Template::parse(line).map_or_else(|_| line.contains(variable), |template| template.variables().contains(&variable))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uses_outside_of_ports_are_found_with_key_and_service() {
        let compose = "services:\n  web:\n    # $PORT\n    ports: [\"$PORT:80\"]\n    environment:\n      \
            URL: http://localhost:${PORT:-1}/\n      \
                       OTHER: $PORTS\n  job:\n    command: --port ${X:-$PORT}\n";
        let files = [("compose.yaml", compose), (".env", "PORT=8080\nURL=http://localhost:$PORT\nA=$$PORT\n")];
        let files = files.map(|(name, text)| SourceFile { name: name.to_owned(), text: text.to_owned() });
        let found: Vec<_> = variable_uses(&files, "PORT")
            .into_iter()
            .map(|found| {
                format!(
                    "{}:{} {} {}",
                    found.file,
                    found.line,
                    found.key.unwrap_or_default(),
                    found.service.unwrap_or_default()
                )
            })
            .collect();
        assert_eq!(found, ["compose.yaml:6 URL web", "compose.yaml:9 command job", ".env:2 URL "]);
    }
}
