//! Which Compose project is meant: the directory and the files, found as Compose finds them.
//!
//! It only looks at which files exist. What they say is Compose's to tell; see [`super::command`].

use std::path::{Path, PathBuf};

use super::snapshot::OVERRIDE_NAMES;

/// File names that Compose looks for, the preferred one first (Compose specification, "Compose file").
const FILE_NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// What the command line and the environment say of the project.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProjectChoice {
    /// Where the person stands.
    pub current_directory: PathBuf,
    /// `--project-directory`.
    pub project_directory: Option<PathBuf>,
    /// `-f`, in order.
    pub files: Vec<PathBuf>,
    /// `COMPOSE_FILE`, split at its separator; used where there is no `-f`.
    pub environment_files: Vec<PathBuf>,
    /// `-p`.
    pub name: Option<String>,
    /// `--profile`.
    pub profiles: Vec<String>,
    /// Services that the person named; empty for all.
    pub services: Vec<String>,
}

/// Files and directory of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The project directory, absolute and without symbolic links.
    pub directory: PathBuf,
    /// Compose files in order, absolute; overrides that Compose loads by itself are among them.
    pub files: Vec<PathBuf>,
    /// Whether the files were named, so that Compose loads no override by itself.
    pub explicit: bool,
}

/// Why there is no project.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProjectError {
    /// No Compose file here or above.
    #[error("no Compose file (compose.yaml, docker-compose.yml) in `{}` or any folder above", .0.display())]
    NotFound(PathBuf),
    /// A named file does not exist.
    #[error("the Compose file `{}` does not exist", .0.display())]
    FileMissing(PathBuf),
    /// A directory does not exist or may not be read.
    #[error("the project directory `{}` cannot be used: {what}", .directory.display())]
    Directory {
        /// Which.
        directory: PathBuf,
        /// The system's words.
        what: String,
    },
}

impl ProjectError {
    /// What to do next.
    pub fn hints(&self) -> Vec<String> {
        match self {
            Self::NotFound(_) => vec![
                "change into the project's folder, or name it with `--project-directory DIR`".to_owned(),
                "name another file with `-f FILE`".to_owned(),
            ],
            Self::FileMissing(_) => vec!["check the path after `-f`, or COMPOSE_FILE".to_owned()],
            Self::Directory { .. } => vec!["check the path after `--project-directory`".to_owned()],
        }
    }
}

/// Finds the project.
///
/// # Errors
/// When there is none.
pub fn locate(choice: &ProjectChoice) -> Result<Located, ProjectError> {
    let named = if choice.files.is_empty() { &choice.environment_files } else { &choice.files };
    let start = choice.project_directory.as_deref().map(|directory| choice.current_directory.join(directory));
    if named.is_empty() {
        let from = real(start.as_deref().unwrap_or(&choice.current_directory))?;
        return found_from(&from, start.is_some());
    }
    let files: Vec<PathBuf> = named.iter().map(|file| choice.current_directory.join(file)).collect();
    if let Some(missing) = files.iter().find(|file| !file.is_file()) {
        return Err(ProjectError::FileMissing(missing.clone()));
    }
    let beside_first = || files.first().and_then(|file| file.parent()).map(Path::to_path_buf).unwrap_or_default();
    let directory = real(&start.unwrap_or_else(beside_first))?;
    let files = files.iter().map(|file| absolute(file)).collect();
    Ok(Located { directory, files, explicit: true })
}

/// Looks in `from` and, unless the directory was named, in the folders above it.
fn found_from(from: &Path, only_here: bool) -> Result<Located, ProjectError> {
    for directory in from.ancestors() {
        if let Some(file) = first_of(directory, &FILE_NAMES) {
            let files = std::iter::once(file).chain(first_of(directory, &OVERRIDE_NAMES)).collect();
            return Ok(Located { directory: directory.to_path_buf(), files, explicit: false });
        }
        if only_here {
            break;
        }
    }
    Err(ProjectError::NotFound(from.to_path_buf()))
}

fn first_of(directory: &Path, names: &[&str]) -> Option<PathBuf> {
    names.iter().map(|name| directory.join(name)).find(|file| file.is_file())
}

fn real(directory: &Path) -> Result<PathBuf, ProjectError> {
    directory
        .canonicalize()
        .map_err(|error| ProjectError::Directory { directory: directory.to_path_buf(), what: error.to_string() })
}

/// The folder is resolved, the name is kept: a linked Compose file is named as its project names it.
fn absolute(file: &Path) -> PathBuf {
    match (file.parent().and_then(|folder| folder.canonicalize().ok()), file.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => file.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(directory: &Path) -> ProjectChoice {
        ProjectChoice { current_directory: directory.to_path_buf(), ..ProjectChoice::default() }
    }

    #[expect(clippy::disallowed_methods, reason = "a test makes its own files")]
    fn write(path: PathBuf) {
        std::fs::write(path, "services: {}\n").expect("a file in the test's own folder");
    }

    #[test]
    fn the_file_is_found_in_a_folder_above_together_with_its_override() {
        let root = tempfile::tempdir().expect("a folder");
        let top = root.path().canonicalize().expect("a real path");
        let below = top.join("a b").join("c");
        std::fs::create_dir_all(&below).expect("folders");
        write(top.join("docker-compose.yml"));
        write(top.join("docker-compose.override.yml"));
        let located = locate(&choice(&below)).expect("found");
        assert_eq!(located.directory, top);
        assert_eq!(located.files, [top.join("docker-compose.yml"), top.join("docker-compose.override.yml")]);
        assert!(!located.explicit);
        assert!(matches!(
            locate(&ProjectChoice { project_directory: Some(below.clone()), ..choice(&below) }),
            Err(ProjectError::NotFound(_))
        ));
    }

    #[test]
    fn named_files_load_no_override() {
        let root = tempfile::tempdir().expect("a folder");
        let top = root.path().canonicalize().expect("a real path");
        write(top.join("prod.yaml"));
        write(top.join("compose.override.yaml"));
        let located = locate(&ProjectChoice { files: vec!["prod.yaml".into()], ..choice(&top) }).expect("found");
        assert_eq!(located.files, [top.join("prod.yaml")]);
        assert!(located.explicit);
        let missing = locate(&ProjectChoice { files: vec!["none.yaml".into()], ..choice(&top) });
        assert_eq!(missing, Err(ProjectError::FileMissing(top.join("none.yaml"))));
    }
}
