//! The words for the person who has to approve the plan: who holds what, what moves where, what is replaced.

use repair_tool_sdk::project::ByService;

use crate::claims::{Clash, Holder};
use crate::placement::{Cause, Move};

/// Longer lists are cut, and say so.
const LISTED_MAX: usize = 8;

/// `a, b and c`; what is too much is only counted.
pub(crate) fn listed(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        _ if items.len() > LISTED_MAX => {
            format!("{} and {} more", items[..LISTED_MAX].join(", "), items.len() - LISTED_MAX)
        }
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// Why the plan should work.
pub(crate) fn reason(containers: &ByService<'_>, clashes: &[Clash<'_>], moves: &[Move<'_>]) -> String {
    let held: Vec<String> = clashes.iter().map(held).collect();
    let moved: Vec<String> = moves.iter().map(moved).collect();
    let free = if moves.len() == 1 { "It moves to a free port" } else { "They move to free ports" };
    let mut text = format!("Held: {}. {free}: {}.", listed(&held), listed(&moved));
    let along: Vec<String> = moves.iter().filter(|one| one.cause == Cause::Bundle).map(name).collect();
    if !along.is_empty() {
        text.push_str(&format!(" Moved along only because of the bundle in repair.toml: {}.", listed(&along)));
    }
    let replaced: Vec<String> = moves.iter().filter(|one| one.entry.is_up(containers)).map(name).collect();
    if !replaced.is_empty() {
        text.push_str(&format!(" Replaced although running: {}.", listed(&replaced)));
    }
    text
}

fn name(one: &Move<'_>) -> String {
    format!("`{}`", one.entry.service.name)
}

fn held(clash: &Clash<'_>) -> String {
    let what = format!("port {} of `{}`", clash.port, clash.entry.service.name);
    match clash.holder {
        Holder::Container(container) => match &container.project {
            Some(project) => format!("{what} by the container `{}` of the project `{project}`", container.name),
            None => format!("{what} by the container `{}`", container.name),
        },
        Holder::Process(process) => match (&process.name, process.pid) {
            (Some(name), Some(pid)) => format!("{what} by the process `{name}` ({pid})"),
            (Some(name), None) => format!("{what} by a process `{name}`"),
            (None, Some(pid)) => format!("{what} by the process {pid}"),
            (None, None) => format!("{what} by a process that may not be seen"),
        },
        Holder::Sibling(container) => {
            format!("{what} by the container `{}` of this project", container.name)
        }
        Holder::ClaimedBy(service) => format!("{what} claimed by `{service}` of this project as well"),
        Holder::Unseen => format!("{what}, as the engine says; by whom cannot be seen from here"),
    }
}

fn moved(one: &Move<'_>) -> String {
    let after = one.entry.published_at(one.first);
    format!("`{}` from {} to {after}", one.entry.service.name, one.entry.port.published)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_people_write_them_and_end() {
        let items: Vec<String> = (1..=10).map(|at| at.to_string()).collect();
        assert_eq!(listed(&items[..1]), "1");
        assert_eq!(listed(&items[..3]), "1, 2 and 3");
        assert_eq!(listed(&items), "1, 2, 3, 4, 5, 6, 7, 8 and 2 more");
    }
}
