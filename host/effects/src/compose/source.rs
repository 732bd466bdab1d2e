//! Where each published port of each service is written, from the raw text of the Compose files.
//!
//! It follows aliases, merges, `extends` within one file, and `!override` and `!reset` across files, and names the
//! other services that read the same bytes. It never guesses: what it cannot place byte for byte (block and folded
//! scalars, escapes, octal numbers, entries of other files behind `extends: file:` or `include:`) has no origin. A project
//! of more services or ports than anybody has is refused, because names for a list can multiply it.
//! Invariant: a [`Spelled`] range lies in the text of its file and holds exactly its raw text.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use repair_model::limits::{EXTENDS_CHAIN_MAX, PORTS_MAX, SERVICES_MAX};

use super::yaml::{Content, NodeId, Style, Tree};

/// A Compose file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// As it is to be named to a person.
    pub name: String,
    /// Its whole text.
    pub text: String,
}

/// Why a Compose file cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{file}`, line {line}: {message}")]
pub struct SourceError {
    /// The file.
    pub file: String,
    /// Counted from 1.
    pub line: u32,
    /// What is wrong.
    pub message: String,
}

/// A scalar on one line, without escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spelled {
    /// Its bytes in the file, without quotes.
    pub range: Range<usize>,
    /// These bytes; variables are not replaced.
    pub raw: String,
    /// Its quotes.
    pub style: Style,
}

/// How an entry of `ports` is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryText {
    /// `8080:80`.
    Short(Spelled),
    /// A mapping with `target`.
    Long(LongEntry),
    /// In a way that is not edited; the text says which.
    Unreadable(&'static str),
}

/// The long form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongEntry {
    /// `target`.
    pub target: Spelled,
    /// `published`.
    pub published: Option<Spelled>,
    /// `host_ip`.
    pub host_ip: Option<Spelled>,
    /// `protocol`.
    pub protocol: Option<Spelled>,
    /// All keys with the text of their value, quotes included, in order; `x-*` keys that hold more than a scalar are
    /// left out.
    pub fields: Vec<(String, String)>,
}

/// One entry of a service's `ports`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortEntry {
    /// Index into the files that were read.
    pub file: usize,
    /// The line of the published part, counted from 1.
    pub line: u32,
    /// How it is written.
    pub text: EntryText,
    /// Other services that read the same bytes, in order of name.
    pub shared_with: Vec<String>,
    node: NodeId,
}

/// All files, read.
#[derive(Debug)]
pub struct Source {
    files: Vec<ParsedFile>,
    services: BTreeMap<String, Contribution>,
    includes: bool,
}

#[derive(Debug)]
struct ParsedFile {
    file: SourceFile,
    tree: Tree,
}

/// What files contribute to the ports of one service.
#[derive(Clone, Debug, Default)]
struct Contribution {
    entries: Vec<PortEntry>,
    /// Whether earlier files no longer count.
    replaces: bool,
    /// Whether something comes from a file that is not read.
    incomplete: bool,
}

impl Source {
    /// Reads the Compose files in the order in which Compose loads them.
    ///
    /// # Errors
    /// When one of them is no YAML that Compose would take, or holds several documents.
    pub fn read(files: &[SourceFile]) -> Result<Self, SourceError> {
        let mut source = Self { files: Vec::new(), services: BTreeMap::new(), includes: false };
        for (index, file) in files.iter().enumerate() {
            let tree = Tree::read(&file.text).map_err(|error| SourceError {
                file: file.name.clone(),
                line: line_of(&file.text, error.offset),
                message: error.message,
            })?;
            source.files.push(ParsedFile { file: file.clone(), tree });
            let read = source.load(index);
            read.map_err(|message| SourceError { file: file.name.clone(), line: 1, message })?;
        }
        source.mark_shared();
        Ok(source)
    }

    /// The entries of a service that count, in the order in which Compose lists them.
    pub fn ports(&self, service: &str) -> &[PortEntry] {
        self.services.get(service).map_or(&[], |found| &found.entries)
    }

    /// The names of all services that the files declare, in order.
    pub fn services(&self) -> impl Iterator<Item = &str> {
        self.services.keys().map(String::as_str)
    }

    /// Whether the files declare that service.
    pub fn declares(&self, service: &str) -> bool {
        self.services.contains_key(service)
    }

    /// Whether every port of the service is written in these files.
    pub fn is_complete(&self, service: &str) -> bool {
        self.services.get(service).is_some_and(|found| !found.incomplete)
    }

    /// Whether one of the files includes others.
    pub fn includes_others(&self) -> bool {
        self.includes
    }

    /// A file by its index.
    pub fn file(&self, index: usize) -> &SourceFile {
        &self.files[index].file
    }

    /// The tree of a file by its index.
    pub fn tree(&self, index: usize) -> &Tree {
        &self.files[index].tree
    }

    /// The index of the file of that name.
    pub fn file_index(&self, name: &str) -> Option<usize> {
        self.files.iter().position(|parsed| parsed.file.name == name)
    }

    /// Adds what one file says to what earlier files said.
    ///
    /// # Errors
    /// When that is too much.
    fn load(&mut self, file: usize) -> Result<(), String> {
        let tree = &self.files[file].tree;
        let Some(root) = tree.root() else {
            return Ok(());
        };
        self.includes |= tree.get(root, "include").is_some();
        let Some(services) = tree.get(root, "services") else {
            return Ok(());
        };
        if is_tag(tree, services, "!override") || is_tag(tree, services, "!reset") {
            self.services.clear();
        }
        let text = self.files[file].file.text.as_str();
        let breaks: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
        let services: BTreeMap<&str, NodeId> = tree.entries(services).into_iter().collect();
        if services.len() > SERVICES_MAX {
            return Err(format!("it has more than {SERVICES_MAX} services"));
        }
        let mut entries: usize = self.services.values().map(|found| found.entries.len()).sum();
        let mut found = Vec::new();
        for (&name, &service) in &services {
            if is_tag(tree, service, "!reset") {
                found.push((name.to_owned(), None));
                continue;
            }
            let reader = FileReader { index: file, text, breaks: &breaks, tree, services: &services };
            let mut contribution = reader.contribution(service, &mut BTreeSet::from([name]));
            entries += contribution.entries.len();
            if entries > PORTS_MAX {
                return Err(format!("its services have more than {PORTS_MAX} ports"));
            }
            contribution.replaces |= is_tag(tree, service, "!override");
            found.push((name.to_owned(), Some(contribution)));
        }
        for (name, contribution) in found {
            match contribution {
                None => drop(self.services.remove(&name)),
                Some(contribution) => self.services.entry(name).or_default().add(contribution),
            }
        }
        Ok(())
    }

    /// Finds for each entry the other services that read the same bytes.
    fn mark_shared(&mut self) {
        let mut readers: BTreeMap<(usize, NodeId), BTreeSet<String>> = BTreeMap::new();
        for (name, service) in &self.services {
            for entry in &service.entries {
                readers.entry((entry.file, entry.node)).or_default().insert(name.clone());
            }
        }
        for (name, service) in &mut self.services {
            for entry in &mut service.entries {
                let sharing = readers.get(&(entry.file, entry.node)).into_iter().flatten();
                entry.shared_with = sharing.filter(|other| *other != name).cloned().collect();
            }
        }
    }
}

impl Contribution {
    fn add(&mut self, later: Self) {
        if later.replaces {
            *self = Self::default();
        }
        // One more than there may be is enough to be refused.
        let room = (PORTS_MAX + 1).saturating_sub(self.entries.len());
        self.entries.extend(later.entries.into_iter().take(room));
        self.incomplete |= later.incomplete;
    }
}

/// Reads the services of one file.
struct FileReader<'t> {
    index: usize,
    text: &'t str,
    /// The offsets of all line feeds, so that finding a line does not read the file again.
    breaks: &'t [usize],
    tree: &'t Tree,
    services: &'t BTreeMap<&'t str, NodeId>,
}

impl<'t> FileReader<'t> {
    /// The ports that a service has by this file. `visited` are the services on the way here by `extends`.
    fn contribution(&self, service: NodeId, visited: &mut BTreeSet<&'t str>) -> Contribution {
        let mut own = Contribution::default();
        if let Some(ports) = self.tree.get(service, "ports") {
            own.replaces = is_tag(self.tree, ports, "!override") || is_tag(self.tree, ports, "!reset");
            if !is_tag(self.tree, ports, "!reset") {
                match &self.tree.node(ports).content {
                    Content::Sequence(items) => {
                        own.entries.extend(items.iter().take(PORTS_MAX + 1).map(|item| self.entry(*item)));
                    }
                    Content::Null => {}
                    _ => own.incomplete = true,
                }
            }
        }
        let Some(extends) = self.tree.get(service, "extends") else {
            return own;
        };
        let mut all = self.extended(extends, visited);
        let replaces = own.replaces;
        all.add(own);
        all.replaces = replaces;
        all
    }

    /// The ports of the service that `extends` names.
    fn extended(&self, extends: NodeId, visited: &mut BTreeSet<&'t str>) -> Contribution {
        let elsewhere = Contribution { incomplete: true, ..Contribution::default() };
        let base = match &self.tree.node(extends).content {
            Content::Scalar(..) => extends,
            Content::Mapping(_) if self.tree.get(extends, "file").is_some() => return elsewhere,
            Content::Mapping(_) => match self.tree.get(extends, "service") {
                Some(base) => base,
                None => return elsewhere,
            },
            _ => return elsewhere,
        };
        let Content::Scalar(_, name) = &self.tree.node(base).content else {
            return elsewhere;
        };
        let name = &self.text[name.clone()];
        match self.services.get(name) {
            Some(service) if visited.len() <= EXTENDS_CHAIN_MAX && visited.insert(name) => {
                self.contribution(*service, visited)
            }
            _ => elsewhere,
        }
    }

    fn entry(&self, item: NodeId) -> PortEntry {
        let node = self.tree.resolve(item);
        let (text, holder) = match &self.tree.node(node).content {
            Content::Scalar(..) => match self.spelled(node) {
                Ok(spelled) => (EntryText::Short(spelled), node),
                Err(why) => (EntryText::Unreadable(why), node),
            },
            Content::Mapping(_) => match self.long(node) {
                Ok(long) => (EntryText::Long(long), self.tree.get(node, "published").unwrap_or(node)),
                Err(why) => (EntryText::Unreadable(why), self.tree.get(node, "published").unwrap_or(node)),
            },
            _ => (EntryText::Unreadable("it is neither a text nor a mapping"), node),
        };
        let start = self.tree.node(holder).range.start;
        let line = u32::try_from(self.breaks.partition_point(|at| *at < start) + 1).unwrap_or(u32::MAX);
        PortEntry { file: self.index, line, text, shared_with: Vec::new(), node: holder }
    }

    fn long(&self, node: NodeId) -> Result<LongEntry, &'static str> {
        let field = |key: &str| self.tree.get(node, key).map(|value| self.spelled(value)).transpose();
        let mut fields = Vec::new();
        for (key, value) in self.tree.entries(node) {
            match self.spelled(value) {
                Ok(_) => fields.push((key.to_owned(), self.text[self.tree.node(value).range.clone()].to_owned())),
                Err(_) if key.starts_with("x-") => {}
                Err(why) => return Err(why),
            }
        }
        Ok(LongEntry {
            target: field("target")?.ok_or("it has no target")?,
            published: field("published")?,
            host_ip: field("host_ip")?,
            protocol: field("protocol")?,
            fields,
        })
    }

    fn spelled(&self, node: NodeId) -> Result<Spelled, &'static str> {
        let Content::Scalar(style, range) = &self.tree.node(node).content else {
            return Err("a text or number is missing");
        };
        let raw = &self.text[range.clone()];
        let octal = raw.len() > 1 && raw.starts_with('0') && raw.bytes().all(|byte| byte.is_ascii_digit());
        match style {
            Style::Block => Err("it is a block scalar"),
            _ if raw.contains(['\n', '\r']) => Err("it spans several lines"),
            Style::Double if raw.contains('\\') => Err("it contains escapes"),
            Style::Single if raw.contains("''") => Err("it contains escapes"),
            Style::Plain if octal => Err("YAML may read it as an octal number"),
            _ => Ok(Spelled { range: range.clone(), raw: raw.to_owned(), style: *style }),
        }
    }
}

/// The line of a byte, counted from 1.
pub fn line_of(text: &str, offset: usize) -> u32 {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks + 1).unwrap_or(u32::MAX)
}

/// Whether a node, behind its aliases, has that tag.
pub fn is_tag(tree: &Tree, node: NodeId, tag: &str) -> bool {
    tree.node(node).tag.as_deref() == Some(tag)
}

#[cfg(test)]
mod tests;
