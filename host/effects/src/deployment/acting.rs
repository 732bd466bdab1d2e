//! The effects themselves: one edit, one `compose up`, one bundle; and their probes.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use repair_model::action::PortMove;
use repair_model::container::{Container, ContainerState};
use repair_model::limits::BUNDLE_BYTES_MAX;
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{Change, ContainerChange, ContainerOperation, FileEdit, Step};
use repair_model::text::escaped;
use repair_pipeline::evidence::redacted;
use repair_pipeline::outside::{EffectContext, LogError};

use super::ComposeDeployment;
use super::calling::{call, failed};
use super::comparing::moved_only;
use super::readings::{both_readings, unclear};
use crate::compose::patch;
use crate::files;

impl ComposeDeployment {
    /// Replaces one file, checks with Compose that exactly this port moved, and puts the file back if not.
    pub(super) async fn remap(&mut self, port_move: &PortMove, edit: &FileEdit) -> Outcome {
        let before = match self.config().await {
            Ok(config) => config.clone(),
            Err(error) => return failed(error.what),
        };
        let written = self.write(edit);
        if !matches!(written, Outcome::Done { .. }) {
            return written;
        }
        let checked = match self.compose.config().await {
            Ok(after) => moved_only(&before, &after, port_move).map(|()| after),
            Err(error) => Err(error.what),
        };
        match checked {
            Ok(after) => {
                self.config = Some(after);
                Outcome::Done { detail: format!("`{}` was changed", edit.file) }
            }
            Err(what) => match self.write(&patch::undo(edit)) {
                Outcome::Done { .. } => failed(format!("`{}` was put back: {what}", edit.file)),
                Outcome::Failed { error, .. }
                | Outcome::Abandoned { reason: error }
                | Outcome::Unclear { reason: error } => {
                    Outcome::Unclear { reason: not_put_back(&edit.file, &what, &error) }
                }
            },
        }
    }

    /// Carries out an edit: the file has to be the one it was made for, and is exactly its end afterwards.
    pub(super) fn write(&mut self, edit: &FileEdit) -> Outcome {
        self.config = None;
        let path = self.path_of(&edit.file);
        let text = if path.exists() {
            match files::read_text(&path) {
                Ok(text) => Some(text),
                Err(error) => return failed(error.to_string()),
            }
        } else {
            None
        };
        let after = match patch::apply(text.as_deref(), edit) {
            Ok(after) => after,
            Err(error) => return failed(error.to_string()),
        };
        let written = if patch::removes_file(edit) {
            files::remove(&path, edit.before)
        } else if edit.before.is_none() {
            files::create_new(&path, after.as_bytes())
        } else {
            files::replace(&path, after.as_bytes(), edit.before)
        };
        match written {
            Ok(()) => Outcome::Done { detail: format!("`{}` was changed", edit.file) },
            Err(error) => failed(format!("{error}; {}", error.hints().join("; "))),
        }
    }

    /// Starts what is missing of `services`.
    pub(super) async fn up(&mut self, services: &[String], context: EffectContext<'_>) -> Result<Outcome, LogError> {
        call(&self.compose.up(services), "compose up", context).await
    }

    pub(super) fn edit_happened(&self, edit: &FileEdit) -> Probe {
        match files::digest_of(&self.path_of(&edit.file)) {
            Ok(now) if now == Some(edit.after) && !patch::removes_file(edit) => Probe::Happened,
            Ok(None) if patch::removes_file(edit) => Probe::Happened,
            Ok(now) if now == edit.before => Probe::DidNotHappen,
            Ok(_) => unclear(
                &format!("`{}` equals neither what it was before the step nor what the step makes of it", edit.file),
                "it holds the change and somebody changed it further",
                "it lacks the change and somebody else changed it",
            ),
            Err(error) => unclear(&error.to_string(), "the file holds the change", "it does not"),
        }
    }

    /// `up` is settled by what runs: all of it, each replaced container by another one, or not. What is still missing is
    /// started by the next plan, since `up` only ever starts what is missing.
    pub(super) async fn up_happened(&mut self, services: &[String], step: &Step) -> Probe {
        let containers = match self.list().await {
            Ok(containers) => containers,
            Err(error) => return unclear(&error.what, "all services of the step run", "one of them does not"),
        };
        if up_shows(services, step, &containers) { Probe::Happened } else { Probe::DidNotHappen }
    }

    /// Writes the bundle for a person.
    pub(super) async fn collect(&mut self, services: &[String], lines_max: u16) -> Outcome {
        let mut text = String::new();
        match self.list().await {
            Ok(containers) => {
                for container in containers {
                    let error =
                        container.error.as_deref().map(|error| format!(": {}", redacted(error))).unwrap_or_default();
                    text.push_str(&format!("{}  {}{error}\n", container.container.name, container.state));
                }
            }
            Err(error) => return failed(error.what),
        }
        for service in services {
            text.push_str(&format!("\n== {service}\n"));
            match self.engine.container_log(&self.target.project, service, lines_max).await {
                Ok(log) => {
                    for line in log.lines {
                        text.push_str(&escaped(&redacted(&line)));
                        text.push('\n');
                    }
                }
                Err(error) => text.push_str(&format!("no log: {error}\n")),
            }
        }
        let mut end = text.len().min(BUNDLE_BYTES_MAX);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let second = jiff::Timestamp::now().strftime("%Y%m%d-%H%M%S").to_string();
        match write_bundle(&self.bundles, &second, &text.as_bytes()[..end]) {
            Ok(file) => Outcome::Done { detail: format!("read the bundle `{}`", file.display()) },
            Err(error) => failed(format!("no bundle can be written into `{}`: {error}", self.bundles.display())),
        }
    }
}

/// Writes a bundle under the name of its second. Another session, or the same one before it was lost, may have written one
/// in that second already; no bundle takes the place of another.
fn write_bundle(folder: &Path, second: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let names = std::iter::once(second.to_owned()).chain((2_u32..).map(|number| format!("{second}-{number}")));
    for name in names {
        let path = folder.join(format!("{name}.txt"));
        match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
            Ok(mut file) => return file.write_all(bytes).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// What a person is told of a file that Compose refuses and that could not be put back.
pub(super) fn not_put_back(file: &str, what: &str, error: &str) -> String {
    let seen = format!("`{file}` was changed ({what}) and could not be put back ({error})");
    both_readings(&seen, "it holds the change when you look", "it is as it was")
}

fn up_shows(services: &[String], step: &Step, containers: &[Container]) -> bool {
    let runs = |service: &String| {
        containers.iter().any(|container| {
            container.container.service.as_ref() == Some(service)
                && (container.state == ContainerState::Running
                    || (container.state == ContainerState::Exited && container.exit_code == Some(0)))
        })
    };
    let replaced = |change: &ContainerChange| {
        let before = step.footprint.containers.get(&change.container).map(|mark| mark.id.as_str());
        let is_old = |container: &Container| Some(container.container.id.as_str()) == before;
        change.operation != ContainerOperation::Recreate || !containers.iter().any(is_old)
    };
    let changes = match &step.change {
        Change::Containers(changes) => changes.as_slice(),
        _ => &[],
    };
    services.iter().all(runs) && changes.iter().all(replaced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_of_one_second_stand_beside_each_other() {
        let folder = tempfile::tempdir().expect("a folder");
        let bundles = folder.path().join("bundles");
        for (text, name) in [("one", "20260131-235959.txt"), ("two", "20260131-235959-2.txt")] {
            let path = write_bundle(&bundles, "20260131-235959", text.as_bytes()).expect("written");
            assert_eq!(path, bundles.join(name));
            assert_eq!(std::fs::read_to_string(path).expect("it is there"), text);
        }
        let none = write_bundle(Path::new("/proc/nowhere"), "20260131-235959", b"").expect_err("no folder there");
        assert_ne!(none.kind(), io::ErrorKind::AlreadyExists);
    }
}
