//! Before, move, after, and back again.

mod devlake;
mod grid;
mod overriding;
mod refusals;
mod syntaxes;

use std::collections::{BTreeMap, BTreeSet};

use repair_model::compose::{Protocol, PublishedPort, Service};

use super::*;
use crate::compose::patch::{removes_file, undo};
use crate::compose::snapshot::override_names;

/// A project in memory.
pub(super) struct Project {
    pub texts: BTreeMap<String, Option<String>>,
    pub compose_files: Vec<String>,
    pub explicit_files: bool,
    pub shell: BTreeMap<String, String>,
    pub tracked: BTreeSet<String>,
    pub services: Vec<Service>,
    pub override_tag: bool,
}

pub(super) const BASE: &str = "compose.yaml";
pub(super) const OVERRIDE: &str = "compose.override.yaml";
pub(super) const DOTENV: &str = ".env";

impl Project {
    pub fn new(compose: &str) -> Self {
        let mut texts: BTreeMap<String, Option<String>> =
            override_names(BASE).into_iter().map(|name| (name, None)).collect();
        texts.insert(BASE.to_owned(), Some(compose.to_owned()));
        Self {
            texts,
            compose_files: vec![BASE.to_owned()],
            explicit_files: false,
            shell: BTreeMap::new(),
            tracked: BTreeSet::new(),
            services: Vec::new(),
            override_tag: true,
        }
    }

    pub fn with(mut self, file: &str, text: &str) -> Self {
        self.texts.insert(file.to_owned(), Some(text.to_owned()));
        self
    }

    pub fn text(&self, file: &str) -> &str {
        self.texts.get(file).and_then(Option::as_deref).unwrap_or("(none)")
    }

    fn input<'a>(&'a self, dotenv_files: &'a [String]) -> EditInput<'a> {
        EditInput {
            texts: &self.texts,
            compose_files: &self.compose_files,
            explicit_files: self.explicit_files,
            dotenv_files,
            shell: &self.shell,
            tracked: &self.tracked,
            services: &self.services,
            override_tag: self.override_tag,
        }
    }

    pub fn plan(&self, mv: &PortMove, method: EditMethod) -> Result<FileEdit, EditError> {
        plan_move(&self.input(&[DOTENV.to_owned()]), mv, method)
    }

    pub fn methods(&self, mv: &PortMove) -> Result<Vec<EditMethod>, EditError> {
        let ways = methods(&self.input(&[DOTENV.to_owned()]), mv)?;
        for (method, edit) in &ways {
            assert_eq!(self.plan(mv, *method).as_ref(), Ok(edit));
        }
        Ok(ways.into_iter().map(|(method, _)| method).collect())
    }

    /// Carries a move out, after checking that its undo gives the file back byte for byte.
    pub fn carry_out(&mut self, mv: &PortMove, method: EditMethod) -> FileEdit {
        let edit = self.plan(mv, method).unwrap_or_else(|error| panic!("{error}: {mv:?} in\n{}", self.text(BASE)));
        let before = self.texts.get(&edit.file).cloned().flatten();
        let after = apply(before.as_deref(), &edit).unwrap();
        let undone = undo(&edit);
        assert_eq!(apply(Some(&after), &undone).unwrap(), before.clone().unwrap_or_default());
        assert_eq!(removes_file(&undone), before.is_none());
        assert_eq!(undo(&undone), edit);
        self.texts.insert(edit.file.clone(), Some(after));
        edit
    }

    /// What the files say that a service publishes, in short form.
    pub fn published(&self, service: &str) -> Vec<String> {
        let dotenv_files = [DOTENV.to_owned()];
        let input = self.input(&dotenv_files);
        let snapshot = Snapshot::read(&input).unwrap();
        snapshot.readings(service).iter().map(|(_, reading)| reading.port.to_short()).collect()
    }
}

/// A move of a TCP port of all addresses.
pub(super) fn port_move(service: &str, target: u16, before: u16, after: u16) -> PortMove {
    PortMove {
        service: service.to_owned(),
        target,
        protocol: Protocol::Tcp,
        host_ip: None,
        before: Published::Fixed(before),
        after: Published::Fixed(after),
    }
}

pub(super) fn effective(target: u16, published: u16) -> PublishedPort {
    let published = Published::Fixed(published);
    PublishedPort { target, target_last: target, protocol: Protocol::Tcp, host_ip: None, published, origin: None }
}

pub(super) fn service(name: &str, ports: Vec<PublishedPort>) -> Service {
    Service { name: name.to_owned(), ports, depends_on: Vec::new(), has_healthcheck: false, one_shot: false, scale: 1 }
}
