//! Plans the edit that moves one published port, down to the bytes.
//!
//! Three ways: the variable in `.env`, `ports: !override` in the override file, the text in place. It refuses whatever
//! would change more than this one port: text that services share, variables that other ports use, values that the
//! shell exports, lines that hold a secret. Invariant: on the files that an edit leaves, exactly this port of this
//! service differs; that is checked on the result of every plan, whatever the way.

mod refusal;
mod secrets;

use std::collections::BTreeSet;

use repair_model::action::PortMove;
use repair_model::compose::{Published, ValueSource};
use repair_model::plan::{EditMethod, FileEdit, Hunk};

use super::dotenv::Dotenv;
use super::origins::{Paired, pair, port_of};
use super::overrides::{Item, insertion, new_file};
use super::patch::{apply, edit_of};
use super::reading::{Reading, Splice, with_splices};
use super::snapshot::{Snapshot, SnapshotError};
use super::source::{EntryText, PortEntry, Spelled};
use super::syntax::{Port, parse_published};

pub use self::refusal::EditError;
use self::secrets::line_with_secret;
pub use super::snapshot::EditInput;

/// Plans the edit that moves a port that way.
///
/// # Errors
/// When it cannot be done that way without changing anything else.
pub fn plan_move(input: &EditInput<'_>, mv: &PortMove, method: EditMethod) -> Result<FileEdit, EditError> {
    Planner::new(input, mv)?.plan(method)
}

/// All ways to move a port with their edits, the preferred one first: a variable in `.env`; then, for a file under
/// version control, the override file before the file itself, else the other way round.
///
/// # Errors
/// When there is no way; the error is the one of the way that stands nearest to what is written.
pub fn methods(input: &EditInput<'_>, mv: &PortMove) -> Result<Vec<(EditMethod, FileEdit)>, EditError> {
    let planner = Planner::new(input, mv)?;
    let (mut ways, mut refusals) = (Vec::new(), Vec::new());
    for method in planner.preference() {
        match planner.plan(method) {
            Ok(edit) => ways.push((method, edit)),
            Err(error) => refusals.push((method, error)),
        }
    }
    if ways.is_empty() {
        let nearest = refusals.iter().position(|(method, _)| *method != EditMethod::Override).unwrap_or(0);
        return Err(refusals.swap_remove(nearest).1);
    }
    Ok(ways)
}

/// One move on one state of the files.
struct Planner<'a, 'i> {
    input: &'i EditInput<'a>,
    mv: &'i PortMove,
    now: Snapshot,
}

impl<'a, 'i> Planner<'a, 'i> {
    fn new(input: &'i EditInput<'a>, mv: &'i PortMove) -> Result<Self, EditError> {
        let fits = match (mv.before, mv.after) {
            (Published::Fixed(before), Published::Fixed(after)) => after > 0 && before != after,
            (Published::Range(first, last), Published::Range(to, to_last)) => {
                to > 0 && to <= to_last && last - first == to_last - to && first != to
            }
            _ => false,
        };
        if !fits {
            return Err(EditError::Shape { before: mv.before, after: mv.after });
        }
        let planner = Self { input, mv, now: Snapshot::read(input)? };
        if planner.written().is_none() && !planner.is_effective() {
            return Err(EditError::Unknown { service: mv.service.clone(), port: planner.described() });
        }
        Ok(planner)
    }

    fn is_moved(&self, port: &Port) -> bool {
        let mv = self.mv;
        port.target == mv.target
            && port.protocol == mv.protocol
            && port.host_ip == mv.host_ip
            && port.published == mv.before
    }

    fn described(&self) -> String {
        let mv = self.mv;
        let (target, target_last) = (mv.target, mv.target);
        Port { host_ip: mv.host_ip.clone(), published: mv.before, target, target_last, protocol: mv.protocol }
            .to_short()
    }

    /// The entry that is to move; `None` if it stands in no file that can be read.
    fn written(&self) -> Option<(&PortEntry, Reading)> {
        self.now.readings(&self.mv.service).into_iter().find(|(_, reading)| self.is_moved(&reading.port))
    }

    fn is_effective(&self) -> bool {
        let service = self.input.services.iter().find(|service| service.name == self.mv.service);
        service.is_some_and(|service| service.ports.iter().any(|port| self.is_moved(&port_of(port))))
    }

    fn name(&self, entry: &PortEntry) -> &str {
        &self.now.source.file(entry.file).name
    }

    fn preference(&self) -> Vec<EditMethod> {
        let Some((entry, reading)) = self.written() else {
            return vec![EditMethod::Override];
        };
        let file = self.name(entry);
        let mut order = Vec::new();
        if matches!(reading.source, ValueSource::Dotenv(_)) {
            order.push(EditMethod::Dotenv);
        }
        if self.now.override_file.as_deref() == Some(file) {
            order.push(EditMethod::Override);
        } else if self.input.explicit_files {
            order.push(EditMethod::InPlace);
        } else if self.input.tracked.contains(file) {
            order.extend([EditMethod::Override, EditMethod::InPlace]);
        } else {
            order.extend([EditMethod::InPlace, EditMethod::Override]);
        }
        order
    }

    fn plan(&self, method: EditMethod) -> Result<FileEdit, EditError> {
        let written = self.written();
        if let Some((_, Reading { source: ValueSource::Shell(variable), .. })) = &written {
            return Err(EditError::Shell { service: self.mv.service.clone(), variable: variable.clone() });
        }
        let (file, hunks) = match (method, &written) {
            (EditMethod::Override, _) => self.by_override(written.as_ref())?,
            (_, None) => return Err(EditError::Infeasible(self.no_origin())),
            (EditMethod::InPlace, Some((entry, reading))) => self.in_place(entry, reading)?,
            (EditMethod::Dotenv, Some((_, reading))) => self.by_dotenv(reading)?,
        };
        self.checked(method, file, hunks)
    }

    fn no_origin(&self) -> String {
        let service = &self.mv.service;
        let why = self.now.source.ports(service).iter().find_map(|entry| match &entry.text {
            EntryText::Unreadable(why) => Some(format!("`{}`, line {}: {why}", self.name(entry), entry.line)),
            _ => None,
        });
        let why = why.unwrap_or_else(|| "it comes from a file behind `extends` or `include`".to_owned());
        format!(
            "where the port of service `{service}` is written cannot be told for certain ({why}); change it by hand"
        )
    }

    fn in_place(&self, entry: &PortEntry, reading: &Reading) -> Result<(String, Vec<Hunk>), EditError> {
        self.unshared(entry)?;
        let splices = reading.respelled(self.mv.after).ok_or_else(|| self.variable_refusal(entry, reading))?;
        Ok((self.name(entry).to_owned(), hunks(published_text(entry), &splices)))
    }

    fn unshared(&self, entry: &PortEntry) -> Result<(), EditError> {
        if entry.shared_with.is_empty() {
            return Ok(());
        }
        let (file, others) = (self.name(entry).to_owned(), entry.shared_with.clone());
        Err(EditError::Shared { file, line: entry.line, others })
    }

    fn variable_refusal(&self, entry: &PortEntry, reading: &Reading) -> EditError {
        let place = format!("`{}`, line {}", self.name(entry), entry.line);
        EditError::Infeasible(match &reading.source {
            ValueSource::Dotenv(name) => format!("{place} takes the port from `{name}` in `.env`; change it there"),
            _ => format!("{place} puts the port together from several parts; change it by hand"),
        })
    }

    fn by_dotenv(&self, reading: &Reading) -> Result<(String, Vec<Hunk>), EditError> {
        let ValueSource::Dotenv(name) = &reading.source else {
            return Err(EditError::Infeasible("no variable in `.env` holds the port".to_owned()));
        };
        let refuse = |why: &str| EditError::Infeasible(format!("`{name}` in `.env` {why}; change it by hand"));
        if reading.variable.as_ref() != Some(name) {
            return Err(refuse("holds more or less than the port"));
        }
        for file in self.input.dotenv_files.iter().rev() {
            let Some(text) = self.input.texts.get(file).and_then(Option::as_deref) else {
                continue;
            };
            let dotenv = Dotenv::read(text).map_err(|error| SnapshotError::Dotenv { file: file.clone(), error })?;
            let Some(assignment) = dotenv.assignment(name) else {
                continue;
            };
            let raw = dotenv.raw(assignment);
            if parse_published(raw, 0).ok().map(|(published, _)| published) != Some(self.mv.before) {
                return Err(refuse("is put together from other variables"));
            }
            let offset_bytes = assignment.range.start as u64;
            return Ok((
                file.clone(),
                vec![Hunk { offset_bytes, before: raw.to_owned(), after: self.mv.after.to_string() }],
            ));
        }
        Err(refuse("cannot be found"))
    }

    fn by_override(&self, written: Option<&(&PortEntry, Reading)>) -> Result<(String, Vec<Hunk>), EditError> {
        let Some(file) = self.now.override_file.clone() else {
            let why = "Compose loads no override file, because the files were given by `-f` or `COMPOSE_FILE`";
            return Err(EditError::Infeasible(why.to_owned()));
        };
        if !self.input.override_tag {
            let why = "an override file needs `!override`, which Compose knows from 2.24.4 on; update Compose";
            return Err(EditError::Infeasible(why.to_owned()));
        }
        if !self.now.source.declares(&self.mv.service) {
            let why =
                format!("service `{}` comes from an included file, which an override cannot change", self.mv.service);
            return Err(EditError::Infeasible(why));
        }
        let index = self.now.source.file_index(&file);
        if let Some((entry, reading)) = written.filter(|(entry, _)| Some(entry.file) == index) {
            self.unshared(entry)?;
            let splices = reading.written_out(self.mv.after).ok_or_else(|| self.variable_refusal(entry, reading))?;
            return Ok((file, hunks(published_text(entry), &splices)));
        }
        let (items, own) = self.items(index)?;
        let Some(index) = index else {
            let after = new_file(&self.mv.service, &items);
            return Ok((file, vec![Hunk { offset_bytes: 0, before: String::new(), after }]));
        };
        let (text, tree) = (&self.now.source.file(index).text, self.now.source.tree(index));
        let hunks = insertion(text, tree, &self.mv.service, &items, own);
        let hunks = hunks.map_err(|why| EditError::Infeasible(format!("nothing can be added to `{file}`: {why}")))?;
        Ok((file, hunks))
    }

    /// All ports of the service as they are to be listed, and how many of them, at the end, the file `own` lists
    /// already.
    fn items(&self, own: Option<usize>) -> Result<(Vec<Item>, usize), EditError> {
        let mut items = Vec::new();
        let mut listed_already = 0;
        for Paired { port, written } in self.listed()? {
            listed_already += usize::from(written.as_ref().is_some_and(|(entry, _)| Some(entry.file) == own));
            let moved = Port { published: self.mv.after, ..port.clone() };
            let item = match (written, self.is_moved(&port)) {
                (None, false) => Item::of_port(&port),
                (None, true) => Item::of_port(&moved),
                (Some((entry, _)), false) => Item::of(&entry.text, None).unwrap_or_else(|| Item::of_port(&port)),
                (Some((entry, reading)), true) => {
                    let raw = published_text(entry).map_or("", |spelled| spelled.raw.as_str());
                    let text = reading.written_out(self.mv.after).map(|splices| with_splices(raw, &splices));
                    let text = text.unwrap_or_else(|| match &entry.text {
                        EntryText::Long(_) => self.mv.after.to_string(),
                        _ => moved.to_short(),
                    });
                    Item::of(&entry.text, Some(&text)).unwrap_or_else(|| Item::of_port(&moved))
                }
            };
            items.push(item);
        }
        Ok((items, listed_already))
    }

    /// The ports of the service in order, with their entries where these are known.
    fn listed(&self) -> Result<Vec<Paired<'_>>, EditError> {
        let service = &self.mv.service;
        if self.now.is_complete(service) {
            let mut seen = BTreeSet::new();
            let readings = self.now.readings(service).into_iter();
            let once = readings.filter(|(_, reading)| seen.insert(reading.port.clone()));
            let paired =
                |(entry, reading): (_, Reading)| Paired { port: reading.port.clone(), written: Some((entry, reading)) };
            return Ok(once.map(paired).collect());
        }
        let effective = self.input.services.iter().find(|found| found.name == *service);
        let effective = effective.map(|service| service.ports.as_slice()).unwrap_or_default();
        let pairs = pair(self.now.source.ports(service), effective, &self.now.variables());
        let certain = pairs.iter().filter(|paired| paired.written.is_some()).count();
        if certain != self.now.readings(service).len() {
            return Err(EditError::Infeasible(format!(
                "the files of service `{service}` say something else than Compose; change its ports by hand"
            )));
        }
        Ok(pairs)
    }

    /// The edit, once it is certain that it moves this port and nothing else.
    fn checked(&self, method: EditMethod, file: String, hunks: Vec<Hunk>) -> Result<FileEdit, EditError> {
        let text = self.input.texts.get(&file).and_then(Option::as_deref);
        let damaged = || EditError::Infeasible(format!("the change does not fit `{file}`"));
        let edit = edit_of(&file, method, text, hunks).ok_or_else(damaged)?;
        let after = apply(text, &edit).map_err(|_| damaged())?;
        if let Some(line) = line_with_secret(text.unwrap_or_default(), &after, &edit.hunks) {
            return Err(EditError::Secret { file, line });
        }
        let mut texts = self.input.texts.clone();
        texts.insert(file.clone(), Some(after));
        let then = Snapshot::read(&EditInput { texts: &texts, ..self.input.clone() })?;
        self.only_this_moved(&file, &then)?;
        Ok(edit)
    }

    fn only_this_moved(&self, file: &str, then: &Snapshot) -> Result<(), EditError> {
        let (before, after) = (self.now.published(), then.published());
        let service = &self.mv.service;
        let written = self.written().map(|(_, reading)| reading.port);
        let old: Vec<Port> = written.iter().flat_map(Port::singles).collect();
        let mut expected = before.clone();
        expected.retain(|(name, port)| name != service || !old.contains(port));
        if let Some(port) = written {
            let moved = Port { published: self.mv.after, ..port };
            expected.extend(moved.singles().into_iter().map(|port| (service.clone(), port)));
        }
        // What other files contribute shows only on one side, so an incomplete service is left to `docker compose
        // config`; but no other line that can be read may still publish the old port.
        let complete = self.now.is_complete(service);
        let differing = expected.symmetric_difference(&after);
        let counts = |(name, port): &&(String, Port)| complete || name != service || old.contains(port);
        let others: BTreeSet<&String> = differing.filter(counts).map(|(name, _)| name).collect();
        if others.is_empty() {
            return Ok(());
        }
        Err(EditError::Collateral { file: file.to_owned(), others: others.into_iter().cloned().collect() })
    }
}

/// The scalar that holds the published part.
fn published_text(entry: &PortEntry) -> Option<&Spelled> {
    match &entry.text {
        EntryText::Short(spelled) => Some(spelled),
        EntryText::Long(long) => long.published.as_ref(),
        EntryText::Unreadable(_) => None,
    }
}

fn hunks(spelled: Option<&Spelled>, splices: &[Splice]) -> Vec<Hunk> {
    let Some(spelled) = spelled else {
        return Vec::new();
    };
    let hunk = |splice: &Splice| Hunk {
        offset_bytes: (spelled.range.start + splice.range.start) as u64,
        before: spelled.raw[splice.range.clone()].to_owned(),
        after: splice.after.clone(),
    };
    splices.iter().map(hunk).collect()
}

#[cfg(test)]
mod tests;
