//! The files of a project as one moment shows them: source, variables, and the override file that Compose would load.
//!
//! Edits are planned on a snapshot and checked on the snapshot that they would leave. It refuses files above the size
//! limit and what Compose would refuse. Invariant: it holds exactly the files that Compose loads, in Compose's order.

use std::collections::{BTreeMap, BTreeSet};

use repair_model::compose::Service;
use repair_model::limits::{PORTS_MAX, PROJECT_FILE_BYTES_MAX};

use super::dotenv::{Dotenv, DotenvError};
use super::interpolation::Variables;
use super::reading::Reading;
use super::source::{PortEntry, Source, SourceError, SourceFile};
use super::syntax::Port;

/// The names under which Compose looks for an override file, in its order of preference.
pub const OVERRIDE_NAMES: [&str; 4] =
    ["compose.override.yml", "compose.override.yaml", "docker-compose.override.yml", "docker-compose.override.yaml"];
/// The name of an override file that is made anew.
pub const OVERRIDE_NEW: &str = "compose.override.yaml";

/// Everything that an edit is planned from.
#[derive(Clone, Debug)]
pub struct EditInput<'a> {
    /// The present text of each file by its name, `None` for one that does not exist: all Compose files and `.env`
    /// files, and, unless the files were given explicitly, each of [`override_names`] beside the first Compose file.
    /// Moves are planned in sequence by putting the texts that earlier ones leave in here.
    pub texts: &'a BTreeMap<String, Option<String>>,
    /// The Compose files in the order in which Compose loads them; the first one is the base.
    pub compose_files: &'a [String],
    /// Whether they were given by `-f` or `COMPOSE_FILE`, so that Compose adds no override file.
    pub explicit_files: bool,
    /// The `.env` files in the order in which Compose loads them; later ones win.
    pub dotenv_files: &'a [String],
    /// The environment of the calling shell.
    pub shell: &'a BTreeMap<String, String>,
    /// The names of the files that are under version control.
    pub tracked: &'a BTreeSet<String>,
    /// The services as Compose resolved them before the first move; needed only for ports that these files do not show.
    pub services: &'a [Service],
    /// Whether this Compose knows `!override` (2.24.4 and later).
    pub override_tag: bool,
}

/// Why files cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SnapshotError {
    /// A Compose file.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A `.env` file.
    #[error("`{file}`, {error}")]
    Dotenv {
        /// The file.
        file: String,
        /// What is wrong.
        error: DotenvError,
    },
    /// A file that Compose loads is not there.
    #[error("`{0}` does not exist")]
    Missing(String),
    /// Above the limit.
    #[error("`{0}` is larger than {PROJECT_FILE_BYTES_MAX} bytes")]
    TooLarge(String),
    /// Ranges of ports, counted out.
    #[error("the services publish more than {PORTS_MAX} ports")]
    TooManyPorts,
}

/// The files at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// What the Compose files say.
    pub source: Source,
    /// The override file that Compose loads by itself, or would if it existed; `None` with explicit files.
    pub override_file: Option<String>,
    dotenv: BTreeMap<String, String>,
    shell: BTreeMap<String, String>,
}

/// The override files that Compose looks for beside the base file, in its order of preference.
pub fn override_names(base: &str) -> Vec<String> {
    OVERRIDE_NAMES.iter().map(|name| beside(base, name)).collect()
}

fn beside(base: &str, name: &str) -> String {
    base.rfind('/').map_or_else(|| name.to_owned(), |slash| format!("{}/{name}", &base[..slash]))
}

impl Snapshot {
    /// Reads the files.
    ///
    /// # Errors
    /// When one is missing, too large, or one that Compose would refuse, or when they publish more than anybody does.
    pub fn read(input: &EditInput<'_>) -> Result<Self, SnapshotError> {
        let mut names: Vec<&str> = input.compose_files.iter().map(String::as_str).collect();
        let candidates = match (names.first(), input.explicit_files) {
            (Some(base), false) => override_names(base),
            _ => Vec::new(),
        };
        let existing = candidates.iter().find(|name| matches!(input.texts.get(*name), Some(Some(_))));
        if let Some(existing) = existing.filter(|existing| !names.contains(&existing.as_str())) {
            names.push(existing);
        }
        let override_file = match (existing, candidates.is_empty()) {
            (Some(existing), _) => Some(existing.clone()),
            (None, false) => names.first().map(|base| beside(base, OVERRIDE_NEW)),
            (None, true) => None,
        };
        let files = names.iter().map(|name| {
            let text = text(input, name)?.ok_or_else(|| SnapshotError::Missing((*name).to_owned()))?;
            Ok(SourceFile { name: (*name).to_owned(), text: text.to_owned() })
        });
        let source = Source::read(&files.collect::<Result<Vec<_>, SnapshotError>>()?)?;
        let mut dotenv = BTreeMap::new();
        for name in input.dotenv_files {
            if let Some(text) = text(input, name)? {
                let file = Dotenv::read(text).map_err(|error| SnapshotError::Dotenv { file: name.clone(), error })?;
                file.add_values(input.shell, &mut dotenv);
            }
        }
        let snapshot = Self { source, override_file, dotenv, shell: input.shell.clone() };
        let readings = snapshot.source.services().flat_map(|service| snapshot.readings(service));
        let singles = readings.map(|(_, reading)| usize::from(reading.port.target_last - reading.port.target) + 1);
        if singles.sum::<usize>() > PORTS_MAX { Err(SnapshotError::TooManyPorts) } else { Ok(snapshot) }
    }

    /// The values of variables.
    pub fn variables(&self) -> Variables<'_> {
        Variables { shell: &self.shell, dotenv: &self.dotenv }
    }

    /// The entries of a service that can be read, in order.
    pub fn readings(&self, service: &str) -> Vec<(&PortEntry, Reading)> {
        let variables = self.variables();
        let entries = self.source.ports(service).iter();
        entries.filter_map(|entry| Some((entry, Reading::of(entry, &variables).ok()?))).collect()
    }

    /// Everything that the files publish, as single ports.
    pub fn published(&self) -> BTreeSet<(String, Port)> {
        let of_service = |service: &str| -> Vec<(String, Port)> {
            let singles = self.readings(service).into_iter().flat_map(|(_, reading)| reading.port.singles());
            singles.map(|port| (service.to_owned(), port)).collect()
        };
        self.source.services().flat_map(of_service).collect()
    }

    /// Whether every port of the service is written in these files in a way that can be read.
    pub fn is_complete(&self, service: &str) -> bool {
        self.source.is_complete(service) && self.readings(service).len() == self.source.ports(service).len()
    }
}

fn text<'a>(input: &EditInput<'a>, name: &str) -> Result<Option<&'a str>, SnapshotError> {
    let text = input.texts.get(name).and_then(Option::as_deref);
    match text.is_some_and(|text| text.len() > PROJECT_FILE_BYTES_MAX) {
        true => Err(SnapshotError::TooLarge(name.to_owned())),
        false => Ok(text),
    }
}
