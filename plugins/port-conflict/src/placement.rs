//! Where clashing entries go: a configured bundle if one can be used, else the nearest ports that are free, that no
//! service of the project claims, and that were not tried in vain before. Two moves never meet.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use repair_tool_sdk::action::{Action, PortMove};
use repair_tool_sdk::case::{Case, Query};
use repair_tool_sdk::kinds::FREE_PORTS_MAX;
use repair_tool_sdk::ports::PortOwner;
use repair_tool_sdk::project::{ByService, Project};
use repair_tool_sdk::reply::{Reply, Stop};

use crate::claims::Clash;
use crate::entry::{Entry, entries};
use crate::parameters::Params;
use crate::unit::{PAGES_MAX, Unit, page_starts, units};

/// Tries in vain for one entry before a person has to look.
const TRIES_IN_VAIN_MAX: usize = 3;

/// Why an entry moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// It clashes.
    Clash,
    /// Its bundle moves.
    Bundle,
}

/// One move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Move<'a> {
    pub entry: Entry<'a>,
    /// The first port of the host afterwards.
    pub first: u16,
    pub cause: Cause,
}

/// Finds a place for every clash. The moves stand in the order of the model.
pub(crate) fn place<'a>(
    case: &'a Case,
    project: &Project<'a>,
    containers: &ByService<'a>,
    clashes: &[Clash<'a>],
    params: &Params,
) -> Result<Vec<Move<'a>>, Stop> {
    let mut board = Board { case, project: *project, containers, tried: tried_in_vain(case), moves: Vec::new() };
    clashes.iter().try_for_each(|clash| board.stop_after_tries_in_vain(&clash.entry))?;
    let bundles = board.bundles(clashes, params);
    let units = units(clashes)?;

    // One round for both, because which of them is needed depends on the answers.
    let of_bundles = bundles.iter().flatten().map(|one| Query::PortOwner(one.entry.key(one.first)));
    let of_units = units.iter().flat_map(|unit| unit.pages(unit.pages_at_first()));
    case.ask(of_bundles.chain(of_units))?;

    for bundle in bundles {
        if board.can_use(&bundle) {
            board.moves.extend(bundle);
        }
    }
    for unit in &units {
        if !unit.entries().all(|entry| board.is_placed(&entry)) {
            let first = board.nearest(unit)?;
            board.moves.extend(unit.moves_to(first));
        }
    }
    // Services, and the entries of each, lie side by side, so where they lie says which comes first.
    board.moves.sort_by_key(|one| (std::ptr::from_ref(one.entry.service), std::ptr::from_ref(one.entry.port)));
    Ok(board.moves)
}

/// Moves that were tried since the last one that healed; those that were abandoned do not count.
fn tried_in_vain(case: &Case) -> Vec<&PortMove> {
    let in_vain = case.history.iter().take_while(|attempt| !attempt.healed());
    in_vain
        .filter(|attempt| !attempt.was_abandoned())
        .flat_map(|attempt| &attempt.actions)
        .filter_map(|action| match action {
            Action::RemapPort(port_move) => Some(port_move),
            _ => None,
        })
        .collect()
}

/// What is placed so far, and where nothing may be placed.
struct Board<'a, 'b> {
    case: &'a Case,
    project: Project<'a>,
    containers: &'b ByService<'a>,
    tried: Vec<&'a PortMove>,
    moves: Vec<Move<'a>>,
}

impl<'a> Board<'a, '_> {
    fn stop_after_tries_in_vain(&self, entry: &Entry<'_>) -> Result<(), Stop> {
        let places: BTreeSet<_> = self
            .tried
            .iter()
            .filter(|tried| entry.is_moved_by(tried))
            .map(|tried| *tried.after.ports().start())
            .collect();
        if places.len() < TRIES_IN_VAIN_MAX {
            return Ok(());
        }
        Err(Reply::decline(format!(
            "Port {} of `{}` was moved {} times without success, so another move would not help either. `repair show` \
             lists what was tried; look at `docker compose logs {}`.",
            entry.port.published,
            entry.service.name,
            places.len(),
            entry.service.name,
        ))
        .into())
    }

    /// The moves of each bundle that a clash asks for and that the project can follow; whether its ports are free is
    /// another question.
    fn bundles(&self, clashes: &[Clash<'a>], params: &Params) -> Vec<Vec<Move<'a>>> {
        let clashes_in =
            |from: &[u16]| clashes.iter().any(|clash| clash.entry.fixed().is_some_and(|port| from.contains(&port)));
        let wanted = params.bundles.iter().filter(|bundle| clashes_in(&bundle.from));
        wanted.filter_map(|bundle| self.bundle(&bundle.from, &bundle.to, clashes, params.recreate_running)).collect()
    }

    fn bundle(&self, from: &[u16], to: &[u16], clashes: &[Clash<'a>], recreate_running: bool) -> Option<Vec<Move<'a>>> {
        let mut moves: Vec<Move<'a>> = Vec::new();
        for (before, after) in from.iter().zip(to) {
            let mut published =
                entries(self.project.services).filter(|entry| entry.fixed() == Some(*before)).peekable();
            published.peek()?;
            for entry in published {
                let stays = !recreate_running && entry.is_up(self.containers);
                let meets = moves.iter().any(|one| one.first == *after && one.entry.stands_in_the_way_of(&entry));
                if stays || meets || !entry.is_movable() || !self.may_take(&entry, *after) {
                    return None;
                }
                let clashes = clashes.iter().any(|clash| clash.entry == entry);
                let cause = if clashes { Cause::Clash } else { Cause::Bundle };
                moves.push(Move { entry, first: *after, cause });
            }
        }
        Some(moves)
    }

    /// Whether all ports of the bundle can be bound, as far as the host can tell, and nothing placed is in its way.
    fn can_use(&self, bundle: &[Move<'a>]) -> bool {
        bundle.iter().all(|one| {
            let owner = self.case.port_owner(&one.entry.key(one.first));
            matches!(owner, Ok(PortOwner::NotHeld | PortOwner::Unknown))
                && !self.is_placed(&one.entry)
                && self.may_take(&one.entry, one.first)
        })
    }

    fn is_placed(&self, entry: &Entry<'_>) -> bool {
        self.moves.iter().any(|one| one.entry == *entry)
    }

    /// Whether no service claims `port`, no move takes it, and it was not tried in vain.
    fn may_take(&self, entry: &Entry<'_>, port: u16) -> bool {
        let key = entry.key(port);
        !entries(self.project.services).any(|other| other.port.claims(&key)) && self.is_open(entry, port)
    }

    /// Whether no move takes `port`, and it was not tried in vain.
    fn is_open(&self, entry: &Entry<'_>, port: u16) -> bool {
        let taken = |one: &Move<'_>| {
            one.entry.published_at(one.first).ports().contains(&port) && one.entry.stands_in_the_way_of(entry)
        };
        !self.moves.iter().any(taken)
            && !self.tried.iter().any(|tried| entry.is_moved_by(tried) && tried.after.ports().contains(&port))
    }

    /// The nearest place at or above for all entries of the unit; asks further up if there is none near by.
    fn nearest(&self, unit: &Unit<'a>) -> Result<u16, Stop> {
        for pages in [unit.pages_at_first(), PAGES_MAX] {
            self.case.ask(unit.pages(pages))?;
            let mut free: Option<BTreeSet<u16>> = None;
            for entry in unit.entries() {
                let of_entry = self.free_for(&entry, pages)?;
                free = Some(free.map_or(of_entry.clone(), |free| free.intersection(&of_entry).copied().collect()));
            }
            let free: Vec<u16> = free.unwrap_or_default().into_iter().collect();
            let mut windows = free.windows(unit.width());
            let gapless = |window: &&[u16]| window.windows(2).all(|pair| pair[1] - pair[0] == 1);
            if let Some(window) = windows.find(gapless) {
                return Ok(window[0]);
            }
        }
        Err(unit.no_room().into())
    }

    /// The free ports of these pages that `entry` may take.
    fn free_for(&self, entry: &Entry<'a>, pages: usize) -> Result<BTreeSet<u16>, Stop> {
        let mut free = BTreeSet::new();
        for near in page_starts(*entry, pages) {
            free.extend(self.case.free_ports(&near, FREE_PORTS_MAX)?.iter().copied());
        }
        let (Some(first), Some(last)) = (free.first().copied(), free.last().copied()) else { return Ok(free) };
        // All entries are looked at once, and only those that claim something near by for each of the ports.
        let is_near = |ports: RangeInclusive<u16>| *ports.start() <= last && first <= *ports.end();
        let near: Vec<Entry<'_>> = entries(self.project.services)
            .filter(|other| other.stands_in_the_way_of(entry) && is_near(other.port.published.ports()))
            .collect();
        let is_claimed = |port: &u16| near.iter().any(|other| other.port.published.ports().contains(port));
        free.retain(|port| !is_claimed(port) && self.is_open(entry, *port));
        Ok(free)
    }
}
