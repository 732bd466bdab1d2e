//! From the move of a port to the exact edit: which bytes change, and which ports have to be held and free.

use std::collections::BTreeSet;

use repair_model::action::{Action, PortMove};
use repair_model::compose::{ComposeModel, PortKey, Published, PublishedPort, ValueSource};
use repair_model::container::PortOwner;
use repair_model::plan::{Change, EditMethod, FileEdit, Footprint, OtherWay, Step};
use repair_model::risk::Risk;
use repair_pipeline::outside::{Prepared, TargetError};

use super::ComposeDeployment;
use super::describing::{diff_lines, holder_words, summary_of};
use super::preparing::{holds, refusal};
use super::project_files::ProjectFiles;
use crate::compose::edit::{EditError, methods};
use crate::compose::patch;
use crate::compose::variable_uses::variable_uses;
use crate::docker::ports::holder_stop_command;

/// The moves of one proposal, as they are resolved one after the other.
#[derive(Default)]
pub(super) struct Moves {
    pub(super) services: BTreeSet<String>,
    pub(super) ports_free: Vec<PortKey>,
    pub(super) other_ways: Vec<OtherWay>,
    pub(super) moved: Vec<(Published, Published)>,
}

impl ComposeDeployment {
    pub(super) async fn resolve_move(
        &mut self,
        port_move: &PortMove,
        method: Option<EditMethod>,
        model: &ComposeModel,
        files: &mut ProjectFiles,
        moves: &mut Moves,
        warnings: &mut Vec<String>,
    ) -> Result<Prepared, TargetError> {
        let entry = entry_of(model, port_move).ok_or_else(|| {
            refusal(format!(
                "service `{}` publishes no {} on {}",
                port_move.service, port_move.target, port_move.before
            ))
        })?;
        not_claimed(model, port_move)?;
        let ways =
            methods(&files.input(&self.shell, &model.services), port_move).map_err(|error| edit_refusal(&error))?;
        let ways = without_shared_variables(ways, entry, files)?;
        let chosen = ways.iter().position(|(way, _)| Some(*way) == method).unwrap_or(0);
        let (chosen_method, edit) = ways[chosen].clone();
        let mut offered: Vec<EditMethod> = ways.iter().map(|(way, _)| *way).collect();
        offered.swap(0, chosen);

        let mut footprint =
            Footprint { files: files.digests(), variables: files.variables(&self.shell), ..Footprint::default() };
        let mut detail = Vec::new();
        for key in keys(port_move, port_move.before) {
            let owner = self.owner(&key).await?;
            detail.extend(holder_words(&owner).map(|words| format!("{key} is held by {words}")));
            if holds(&owner) {
                footprint.ports_held.push(key.clone());
            }
            let foreign = !matches!(owner, PortOwner::ThisProject(_));
            let way = holder_stop_command(&owner, &key).filter(|_| foreign);
            moves.other_ways.extend(way.filter(|way| !moves.other_ways.contains(way)));
        }
        for key in keys(port_move, port_move.after) {
            if holds(&self.owner(&key).await?) {
                return Err(refusal(format!("port {key} is taken as well")));
            }
            footprint.ports_free.push(key);
        }
        moves.ports_free.extend(footprint.ports_free.iter().cloned());
        moves.services.insert(port_move.service.clone());
        moves.moved.push((port_move.before, port_move.after));

        let note = self.git_note(&edit.file, files);
        warnings.extend(note.filter(|note| !warnings.contains(note)));
        let text = files.texts.get(&edit.file).and_then(Option::as_deref);
        let after = patch::apply(text, &edit).map_err(|error| refusal(error.to_string()))?;
        detail.extend(diff_lines(&edit.file, text.unwrap_or_default(), &after));
        files.texts.insert(edit.file.clone(), Some(after));
        let step = Step {
            action: Action::RemapPort(port_move.clone()),
            risk: Risk::Reversible,
            risk_because: "one file changes, and `repair undo` restores it byte for byte".to_owned(),
            summary: summary_of(port_move, entry, chosen_method, &edit),
            detail,
            change: Change::Edit(edit),
            footprint,
        };
        Ok(Prepared { methods: offered, step })
    }

    fn git_note(&self, file: &str, files: &ProjectFiles) -> Option<String> {
        if files.modified.contains(file) {
            return Some(format!("`{file}` is under version control and already differs from what was committed"));
        }
        files
            .tracked
            .contains(file)
            .then(|| format!("`{file}` is under version control; the change will show up there"))
    }
}

fn entry_of<'m>(model: &'m ComposeModel, port_move: &PortMove) -> Option<&'m PublishedPort> {
    model.service(&port_move.service)?.ports.iter().find(|port| {
        port.target == port_move.target
            && port.protocol == port_move.protocol
            && port.host_ip == port_move.host_ip
            && port.published == port_move.before
    })
}

/// Refuses a port that another entry of the project claims already.
fn not_claimed(model: &ComposeModel, port_move: &PortMove) -> Result<(), TargetError> {
    for service in &model.services {
        for entry in &service.ports {
            let itself = service.name == port_move.service && entry.published == port_move.before;
            let clash = port_move.after.ports().find(|port| entry.published.ports().contains(port));
            if let (false, Some(port), true) = (itself, clash, entry.protocol == port_move.protocol) {
                return Err(refusal(format!("port {port} is claimed by service `{}` of this project", service.name)));
            }
        }
    }
    Ok(())
}

/// A variable in `.env` that is used elsewhere as well would change more than this port, and Compose's own check would
/// refuse the edit afterwards.
fn without_shared_variables(
    mut ways: Vec<(EditMethod, FileEdit)>,
    entry: &PublishedPort,
    files: &ProjectFiles,
) -> Result<Vec<(EditMethod, FileEdit)>, TargetError> {
    let Some(ValueSource::Dotenv(variable)) = entry.origin.as_ref().map(|origin| &origin.source) else {
        return Ok(ways);
    };
    let uses = variable_uses(&files.sources(), variable);
    if uses.is_empty() {
        return Ok(ways);
    }
    ways.retain(|(method, _)| *method != EditMethod::Dotenv);
    if !ways.is_empty() {
        return Ok(ways);
    }
    let places: Vec<String> = uses.iter().map(|found| format!("`{}`, line {}", found.file, found.line)).collect();
    Err(refusal(format!("`{variable}` in `.env` is also used elsewhere ({}); change it by hand", places.join("; "))))
}

fn keys(port_move: &PortMove, published: Published) -> impl Iterator<Item = PortKey> {
    let (protocol, host_ip) = (port_move.protocol, port_move.host_ip.clone());
    published.ports().map(move |port| PortKey { port, protocol, host_ip: host_ip.clone() })
}

fn edit_refusal(error: &EditError) -> TargetError {
    TargetError { what: error.to_string(), hints: error.hints() }
}
