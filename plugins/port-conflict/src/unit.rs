//! Entries that have to take the same number, and the questions about free ports that finding it needs.

use repair_tool_sdk::case::Query;
use repair_tool_sdk::kinds::FREE_PORTS_MAX;
use repair_tool_sdk::ports::PortKey;
use repair_tool_sdk::reply::{Reply, Stop};

use crate::claims::Clash;
use crate::entry::Entry;
use crate::placement::{Cause, Move};

/// Queries for free ports of one entry. Together they see at most this many times [`FREE_PORTS_MAX`] ports, which is more
/// than any range that people publish; a wider one is left to them.
pub(crate) const PAGES_MAX: usize = 8;
/// Added to a port below 1024, so that 80 becomes 8080 and 443 becomes 8443: ports from 1024 on need no privilege.
const ABOVE_PRIVILEGED: u16 = 8000;

/// Clashing entries that take the same number; never empty.
#[derive(Clone, Debug)]
pub(crate) struct Unit<'a> {
    members: Vec<Entry<'a>>,
}

/// The clashing entries, those together that belong together.
pub(crate) fn units<'a>(clashes: &[Clash<'a>]) -> Result<Vec<Unit<'a>>, Stop> {
    let mut units: Vec<Unit<'a>> = Vec::new();
    for clash in clashes {
        match units.iter_mut().find(|unit| unit.members.iter().all(|member| member.belongs_with(&clash.entry))) {
            Some(unit) => unit.members.push(clash.entry),
            None => units.push(Unit { members: vec![clash.entry] }),
        }
    }
    units.iter().try_for_each(Unit::check_width)?;
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
        self.members.iter().copied()
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
        self.entries().map(move |entry| Move { entry, first, cause: Cause::Clash })
    }

    /// What to say when there is no place for it.
    pub(crate) fn no_room(&self) -> Reply {
        let entry = &self.members[0];
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

    fn check_width(&self) -> Result<(), Stop> {
        let width_max = (PAGES_MAX - 1) * usize::from(FREE_PORTS_MAX);
        if self.width() > width_max { Err(self.no_room().into()) } else { Ok(()) }
    }
}
