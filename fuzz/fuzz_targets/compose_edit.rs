//! Arbitrary Compose files and `.env` files, and a port of theirs that is to move. Whatever edit is planned, it applies and
//! its undo gives every byte back; the files that it leaves are still YAML, say the same services, and publish what they
//! published but for that port. A value that is missing in `.env` is filled and emptied again in the same way.
//!
//! Form of an input: one byte that chooses the port, two for its new number, one of flags (see [`Flags`]), and then the
//! Compose file, an override file and a `.env` file.
#![no_main]

#[path = "compose_edit/events.rs"]
mod events;
#[path = "compose_edit/values.rs"]
mod values;

use std::collections::{BTreeMap, BTreeSet};

use libfuzzer_sys::fuzz_target;
use repair_effects::compose::dotenv::Dotenv;
use repair_effects::compose::edit::{EditInput, methods, plan_move};
use repair_effects::compose::patch::{apply, removes_file, undo};
use repair_effects::compose::snapshot::{Snapshot, override_names};
use repair_effects::compose::source::SourceFile;
use repair_effects::compose::stale_urls::stale_urls;
use repair_effects::compose::syntax::Port;
use repair_effects::compose::variable_uses::variable_uses;
use repair_fuzz::texts;
use repair_model::action::PortMove;
use repair_model::compose::Published;
use repair_model::plan::{EditMethod, FileEdit};

const BASE: &str = "compose.yaml";
const OVERRIDE: &str = "compose.override.yaml";
const DOTENV: &str = ".env";

/// What else differs between two runs of `repair` on the same files.
struct Flags(u8);

impl Flags {
    fn files_are_explicit(&self) -> bool {
        self.0 & 1 != 0
    }

    fn is_tracked(&self) -> bool {
        self.0 & 2 != 0
    }

    fn shell_exports(&self) -> bool {
        self.0 & 4 != 0
    }

    fn has_no_override_tag(&self) -> bool {
        self.0 & 8 != 0
    }
}

/// A project in memory.
struct Project {
    files: BTreeMap<String, Option<String>>,
    compose_files: Vec<String>,
    dotenv_files: Vec<String>,
    shell: BTreeMap<String, String>,
    tracked: BTreeSet<String>,
    flags: Flags,
}

fuzz_target!(|input: &[u8]| {
    let Some(([chosen, high, low, flags], text)) = input.split_first_chunk() else { return };
    let Ok(text) = std::str::from_utf8(text) else { return };
    let project = Project::new(texts(text), Flags(*flags));
    values::check(project.text(DOTENV));
    let Ok(now) = project.with(&project.files, Snapshot::read) else { return };
    let Some(port_move) = port_move(&now, *chosen, u16::from_be_bytes([*high, *low])) else { return };

    let files: Vec<_> = project.compose_files.iter().map(|name| project.source(name)).collect();
    stale_urls(&files, port_move.before, port_move.after);
    variable_uses(&files, "PORT");
    let offered = project.with(&project.files, |input| methods(input, &port_move)).unwrap_or_default();
    let mut planned = 0;
    for method in [EditMethod::Dotenv, EditMethod::Override, EditMethod::InPlace] {
        match project.with(&project.files, |input| plan_move(input, &port_move, method)) {
            Ok(edit) => {
                planned += 1;
                project.check(&now, &port_move, &edit);
                assert!(offered.iter().all(|(other, same)| *other != method || *same == edit));
            }
            Err(error) => drop((error.to_string(), error.hints())),
        }
    }
    assert!(offered.len() <= planned);
});

/// A move of a port that the files publish, where there is one.
fn port_move(now: &Snapshot, chosen: u8, first: u16) -> Option<PortMove> {
    let services = now.source.services();
    let ports: Vec<(&str, Port)> = services
        .flat_map(|service| now.readings(service).into_iter().map(move |(_, reading)| (service, reading.port)))
        .collect();
    let (service, port) = ports.get(usize::from(chosen) % ports.len().max(1))?;
    let after = match port.published {
        Published::Range(from, to) => Published::Range(first, first.checked_add(to - from)?),
        _ => Published::Fixed(first),
    };
    Some(PortMove {
        service: (*service).to_owned(),
        target: port.target,
        protocol: port.protocol,
        host_ip: port.host_ip.clone(),
        before: port.published,
        after,
    })
}

impl Project {
    fn new([base, over, dotenv]: [Option<&str>; 3], flags: Flags) -> Self {
        let mut files: BTreeMap<String, Option<String>> =
            override_names(BASE).into_iter().map(|name| (name, None)).collect();
        files.insert(BASE.to_owned(), Some(base.unwrap_or_default().to_owned()));
        files.insert(OVERRIDE.to_owned(), over.map(str::to_owned));
        files.insert(DOTENV.to_owned(), dotenv.map(str::to_owned));
        let mut compose_files = vec![BASE.to_owned()];
        if flags.files_are_explicit() && over.is_some() {
            compose_files.push(OVERRIDE.to_owned());
        }
        let shell = [("PORT", "8080")].into_iter().filter(|_| flags.shell_exports());
        Self {
            files,
            compose_files,
            dotenv_files: vec![DOTENV.to_owned()],
            shell: shell.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            tracked: [BASE.to_owned()].into_iter().filter(|_| flags.is_tracked()).collect(),
            flags,
        }
    }

    fn text(&self, file: &str) -> Option<&str> {
        self.files.get(file).and_then(Option::as_deref)
    }

    /// The Compose files that there are.
    fn compose_texts(&self) -> impl Iterator<Item = &str> {
        let files = self.files.iter().filter(|(name, _)| *name != DOTENV);
        files.filter_map(|(_, text)| text.as_deref())
    }

    fn source(&self, name: &str) -> SourceFile {
        SourceFile { name: name.to_owned(), text: self.text(name).unwrap_or_default().to_owned() }
    }

    /// Asks something of this project with these files.
    fn with<T>(&self, files: &BTreeMap<String, Option<String>>, ask: impl FnOnce(&EditInput<'_>) -> T) -> T {
        ask(&EditInput {
            texts: files,
            compose_files: &self.compose_files,
            explicit_files: self.flags.files_are_explicit(),
            dotenv_files: &self.dotenv_files,
            shell: &self.shell,
            tracked: &self.tracked,
            services: &[],
            override_tag: !self.flags.has_no_override_tag(),
        })
    }

    fn check(&self, now: &Snapshot, port_move: &PortMove, edit: &FileEdit) {
        let before = self.text(&edit.file);
        let after = apply(before, edit).expect("a planned edit fits the text that it was planned on");
        let taken_back = undo(edit);
        assert_eq!(apply(Some(&after), &taken_back).as_deref(), Ok(before.unwrap_or_default()), "the undo");
        assert_eq!(removes_file(&taken_back), before.is_none());
        assert_eq!(undo(&taken_back), *edit);

        let mut files = self.files.clone();
        files.insert(edit.file.clone(), Some(after.clone()));
        let then = self.with(&files, Snapshot::read).expect("the files can still be read");
        assert!(now.source.services().eq(then.source.services()), "the services are no longer the same");
        // What is no YAML is never edited for real, because Compose refuses it before.
        let is_yaml = self.compose_texts().all(events::is_yaml);
        for service in now.source.services().filter(|_| is_yaml) {
            let mut expected = published(now, service);
            if service == port_move.service {
                for port in expected.iter_mut().filter(|port| is_moved(port, port_move)) {
                    port.published = port_move.after;
                }
            }
            let mut found = published(&then, service);
            if edit.method == EditMethod::Override {
                // An override lists a port once that several files list.
                (expected, found) = (once(expected), once(found));
            }
            assert_eq!(expected, found, "ports of `{service}` by {:?}:\n{after}", edit.method);
        }
        match edit.method {
            EditMethod::Dotenv => check_dotenv(before.unwrap_or_default(), &after, port_move),
            method if is_yaml => events::check(before, &after, method),
            _ => {}
        }
    }
}

/// What a service publishes, in the order of the files.
fn published(snapshot: &Snapshot, service: &str) -> Vec<Port> {
    snapshot.readings(service).into_iter().map(|(_, reading)| reading.port).collect()
}

fn is_moved(port: &Port, port_move: &PortMove) -> bool {
    port.target == port_move.target
        && port.protocol == port_move.protocol
        && port.host_ip == port_move.host_ip
        && port.published == port_move.before
}

fn once(ports: Vec<Port>) -> Vec<Port> {
    let mut seen = BTreeSet::new();
    ports.into_iter().filter(|port| seen.insert(port.clone())).collect()
}

/// One assignment has another value, and that is the port.
fn check_dotenv(before: &str, after: &str, port_move: &PortMove) {
    let (one, other) = (Dotenv::read(before).expect("it was read"), Dotenv::read(after).expect("still such a file"));
    assert_eq!(one.assignments().len(), other.assignments().len());
    let pairs = one.assignments().iter().zip(other.assignments());
    let mut changed = Vec::new();
    for (was, is) in pairs {
        assert_eq!((&was.name, was.quote, was.line), (&is.name, is.quote, is.line));
        if one.raw(was) != other.raw(is) {
            changed.push((one.raw(was), other.raw(is)));
        }
    }
    let (was, is) = changed.pop().expect("an edit changes something");
    assert!(changed.is_empty(), "{changed:?}");
    // A number may be written with zeros before it, and a range of one port twice.
    assert!(was.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-'), "{was}");
    assert_eq!(is, port_move.after.to_string());
}
