//! The host's own words for what a plan does, so that a person can decide on them.

use repair_model::action::PortMove;
use repair_model::compose::PublishedPort;
use repair_model::container::{PortOwner, Staleness};
use repair_model::plan::{ContainerChange, ContainerOperation, EditMethod, FileEdit};
use repair_model::risk::Risk;

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
        ContainerOperation::Restart => "is restarted",
        ContainerOperation::Remove => "is removed",
    };
    let state = match (change.running, change.ever_ran, change.operation) {
        (_, _, ContainerOperation::Create) => "",
        (true, _, _) => " (it runs)",
        (false, true, _) => " (it has run before)",
        (false, false, _) => " (it never ran)",
    };
    format!("{} {verb}{state}", change.container)
}

/// The risk of removing a container that does not run, and why.
pub(super) fn removal_risk(ever_ran: bool, anonymous_volumes: usize) -> (Risk, String) {
    let (risk, because) = match (ever_ran, anonymous_volumes) {
        (true, _) => (Risk::Disruptive, "it has run, and what it wrote outside of volumes is lost"),
        // Compose hands such volumes on to the container that replaces another, so they may hold something.
        (false, 1..) => (Risk::Disruptive, "it never ran, but only it tells whose its volumes without a name are"),
        (false, 0) => (Risk::Reversible, "it never ran, so it holds nothing"),
    };
    (risk, because.to_owned())
}

/// Why a container of `service` is stale; `wanting` is the service that wants its name.
pub(super) fn why_stale(why: Staleness, service: &str, wanting: Option<&str>) -> String {
    match (why, wanting) {
        (Staleness::HoldsWantedName, Some(wanting)) => {
            format!("it is one of `{service}` and holds the name that `{wanting}` wants")
        }
        (Staleness::HoldsWantedName, None) => "it holds a name that another service wants".to_owned(),
        (Staleness::NoSuchService, _) => {
            format!("the project has no service `{service}` any more, in no profile")
        }
        (Staleness::InterruptedReplacement, _) => {
            format!("Compose had begun to replace a container of `{service}` and did not get to its end")
        }
    }
}

/// A number of bytes as a person reads it.
pub(super) fn bytes_in_words(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["bytes", "kB", "MB", "GB"];
    let mut value = bytes;
    let mut unit = 0;
    while value >= 10_000 && unit + 1 < UNITS.len() {
        value /= 1_000;
        unit += 1;
    }
    format!("{value} {}", UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_container_that_never_ran_and_holds_nothing_is_removed_without_a_loss() {
        assert_eq!(removal_risk(false, 0).0, Risk::Reversible);
        for (ever_ran, volumes) in [(true, 0), (true, 2), (false, 1)] {
            assert_eq!(removal_risk(ever_ran, volumes).0, Risk::Disruptive);
        }
    }

    #[test]
    fn sizes_are_whole_numbers_with_a_unit() {
        for (bytes, words) in [(0, "0 bytes"), (9_999, "9999 bytes"), (10_000, "10 kB"), (52_428_800, "52 MB")] {
            assert_eq!(bytes_in_words(bytes), words);
        }
        assert_eq!(bytes_in_words(u64::MAX), "18446744073 GB");
    }
}
