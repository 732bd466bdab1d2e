//! The host's own words for what a plan does, so that a person can decide on them.

use repair_model::action::PortMove;
use repair_model::compose::PublishedPort;
use repair_model::container::PortOwner;
use repair_model::plan::{ContainerChange, ContainerOperation, EditMethod, FileEdit};

pub(super) fn summary_of(port_move: &PortMove, entry: &PublishedPort, method: EditMethod, edit: &FileEdit) -> String {
    let PortMove { service, before, after, .. } = port_move;
    let place = match (method, &entry.origin) {
        (EditMethod::Dotenv, _) => format!("change its variable in `{}`", edit.file),
        (EditMethod::Override, _) if edit.before.is_none() => format!("make `{}`", edit.file),
        (EditMethod::InPlace, Some(origin)) => format!("change line {} of `{}`", origin.line, edit.file),
        (EditMethod::Override | EditMethod::InPlace, _) => format!("change `{}`", edit.file),
    };
    format!("move port {before} of `{service}` to {after}: {place}")
}

pub(super) fn summary_of_up(services: &[String], changes: &[ContainerChange]) -> String {
    let listed = |operation: ContainerOperation| {
        let names: Vec<&str> = changes
            .iter()
            .filter(|change| change.operation == operation)
            .map(|change| change.service.as_str())
            .collect();
        names.join(", ")
    };
    let parts = [
        ("create", listed(ContainerOperation::Create)),
        ("start", listed(ContainerOperation::Start)),
        ("replace", listed(ContainerOperation::Recreate)),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(_, names)| !names.is_empty()).map(|(verb, names)| format!("{verb} {names}")).collect();
    if parts.is_empty() {
        return format!("`compose up` for {}: nothing to change", services.join(", "));
    }
    format!("`compose up`: {}", parts.join("; "))
}

/// Who holds a port, for a person; `None` where nobody is known to.
pub(super) fn holder_words(owner: &PortOwner) -> Option<String> {
    match owner {
        PortOwner::ThisProject(holder) | PortOwner::OtherContainer(holder) => Some(match &holder.project {
            Some(project) => format!("container {} of the project {project}", holder.name),
            None => format!("container {}", holder.name),
        }),
        PortOwner::Process(process) => {
            let name = process.name.as_deref().unwrap_or("a process");
            Some(match process.pid {
                Some(pid) => format!("{name} (process {pid})"),
                None => format!("{name} of another user"),
            })
        }
        PortOwner::NotHeld | PortOwner::Unknown => None,
    }
}

/// The changed lines of a file and nothing around them: context could hold what nobody has to see.
pub(super) fn diff_lines(file: &str, before: &str, after: &str) -> Vec<String> {
    let diff = similar::TextDiff::from_lines(before, after);
    let changed = diff.iter_all_changes().filter_map(|change| {
        let sign = match change.tag() {
            similar::ChangeTag::Delete => '-',
            similar::ChangeTag::Insert => '+',
            similar::ChangeTag::Equal => return None,
        };
        let at = change.old_index().or(change.new_index()).map_or(0, |at| at + 1);
        Some(format!("{sign} {file}:{at}  {}", change.value().trim_end_matches(['\n', '\r'])))
    });
    changed.collect()
}

pub(super) fn describe_change(change: &ContainerChange) -> String {
    let verb = match change.operation {
        ContainerOperation::Create => "is created",
        ContainerOperation::Start => "is started",
        ContainerOperation::Recreate => "is replaced",
    };
    let state = match (change.running, change.ever_ran, change.operation) {
        (_, _, ContainerOperation::Create) => "",
        (true, _, _) => " (it runs)",
        (false, true, _) => " (it has run before)",
        (false, false, _) => " (it never ran)",
    };
    format!("{} {verb}{state}", change.container)
}
