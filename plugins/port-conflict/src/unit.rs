//! Entries that have to take the same number, and the questions about free ports that finding it needs.

use repair_tool_sdk::case::Query;
use repair_tool_sdk::kinds::FREE_PORTS_MAX;
use repair_tool_sdk::ports::PortKey;
use repair_tool_sdk::project::Project;
use repair_tool_sdk::reply::{Reply, Stop};

use crate::claims::Clash;
use crate::entry::{Entry, entries};
use crate::parameters::Params;
use crate::placement::{Cause, Move};

/// Queries for free ports of one entry. Together they see at most this many times [`FREE_PORTS_MAX`] ports, which is more
/// than any range that people publish; a wider one is left to them.
pub(crate) const PAGES_MAX: usize = 8;
/// Added to a port below 1024, so that 80 becomes 8080 and 443 becomes 8443: ports from 1024 on need no privilege.
const ABOVE_PRIVILEGED: u16 = 8000;

/// Entries that take the same number; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Unit<'a> {
    members: Vec<(Entry<'a>, Cause)>,
}

/// The clashing entries, each with those that have to keep the same number.
pub(crate) fn units<'a>(project: &Project<'a>, clashes: &[Clash<'a>], params: &Params) -> Result<Vec<Unit<'a>>, Stop> {
    let mut units: Vec<Unit<'a>> = Vec::new();
    for clash in clashes {
        if units.iter().any(|unit| unit.entries().any(|entry| entry == clash.entry)) {
            continue;
        }
        let mut members = vec![(clash.entry, Cause::Clash)];
        for other in clashes.iter().filter(|other| other.entry != clash.entry) {
            if members.iter().any(|(member, _)| member.belongs_with(&other.entry)) {
                members.push((other.entry, Cause::Clash));
            }
        }
        for other in entries(project.services) {
            let known = members.iter().any(|(member, _)| *member == other);
            if !known && members.iter().any(|(member, _)| member.shares_variable_with(&other)) {
                members.push((other, Cause::SharedVariable));
            }
        }
        let unit = Unit { members };
        unit.check(project, params)?;
        units.push(unit);
    }
    Ok(units)
}

/// Where the queries for `entry` start, `pages` of them.
pub(crate) fn page_starts(entry: Entry<'_>, pages: usize) -> impl Iterator<Item = PortKey> {
    let last = *entry.port.published.ports().end();
    let start = if last < 1024 { last + ABOVE_PRIVILEGED } else { last };
    (0..pages)
        .map_while(move |page| u16::try_from(usize::from(start) + page * usize::from(FREE_PORTS_MAX)).ok())
        .map(move |port| entry.key(port))
}

impl<'a> Unit<'a> {
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'a>> + '_ {
        self.members.iter().map(|(entry, _)| *entry)
    }

    /// How many ports each of them publishes.
    pub(crate) fn width(&self) -> usize {
        self.entries().map(|entry| entry.width()).max().unwrap_or(1)
    }

    /// How many pages hold a place if the ports right above are free.
    pub(crate) fn pages_at_first(&self) -> usize {
        match self.width() {
            1 => 1,
            width => (width.div_ceil(FREE_PORTS_MAX.into()) + 1).min(PAGES_MAX),
        }
    }

    /// The first `pages` questions for each entry.
    pub(crate) fn pages(&self, pages: usize) -> impl Iterator<Item = Query> + '_ {
        self.entries()
            .flat_map(move |entry| page_starts(entry, pages))
            .map(|near| Query::free_ports(near, FREE_PORTS_MAX))
    }

    /// The moves that bring all of them to `first`.
    pub(crate) fn moves_to(&self, first: u16) -> impl Iterator<Item = Move<'a>> + '_ {
        self.members.iter().map(move |(entry, cause)| Move { entry: *entry, first, cause: *cause })
    }

    /// What to say when there is no place for it.
    pub(crate) fn no_room(&self) -> Reply {
        let (entry, _) = &self.members[0];
        let what = match entry.width() {
            1 => "no port".to_owned(),
            width => format!("no {width} ports in a row"),
        };
        Reply::decline(format!(
            "{} of `{}` is held, and above it {what} could be found that are free and that no service of this project \
             claims. Choose a place by hand in the Compose file, or as a bundle in repair.toml: `[[tools.port-conflict.bundles]]`.",
            entry.port.published, entry.service.name,
        ))
    }

    fn check(&self, project: &Project<'_>, params: &Params) -> Result<(), Stop> {
        if self.width() > (PAGES_MAX - 1) * usize::from(FREE_PORTS_MAX) {
            return Err(self.no_room().into());
        }
        for (at, (one, _)) in self.members.iter().enumerate() {
            if let Some((other, _)) = self.members[..at].iter().find(|(other, _)| other.first_shared(one).is_some()) {
                return Err(Reply::decline(format!(
                    "`{}` and `{}` take the same port from one variable, {}, so moving it moves both. Give them two variables.",
                    other.service.name,
                    one.service.name,
                    one.dotenv().unwrap_or("of the same name"),
                ))
                .into());
            }
        }
        let running = self
            .members
            .iter()
            .find(|(entry, cause)| *cause == Cause::SharedVariable && entry.is_up(project) && !params.recreate_running);
        running.map_or(Ok(()), |(entry, _)| {
            Err(Reply::decline(format!(
                "The port is the variable {} in `.env`, and `{}`, which runs, takes it as well; `recreate_running = false` \
                 forbids to replace it. Give them two variables.",
                entry.dotenv().unwrap_or_default(),
                entry.service.name,
            ))
            .into())
        })
    }
}
