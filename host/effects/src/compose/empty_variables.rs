//! Variables that a project's files name and that have no value: interpolations and passed-on variables without one, and
//! empty lines of the files behind `env_file`.
//!
//! It reads texts and answers names, never values. It refuses a file that Compose would refuse. Left out: a variable with a
//! default, one whose empty line another file or `environment` overrides, and what included files say.
//! Invariant: where it says that an empty assignment stands in a file, [`super::filling::hole`] finds it there.

use std::collections::{BTreeMap, BTreeSet};

use repair_model::env_value::EmptyVariable;
use repair_model::limits::EXTENDS_CHAIN_MAX;
use serde_json::Value;

use super::dotenv::Dotenv;
use super::interpolation::{Template, Variables};
use super::source::{SourceFile, is_tag, line_of};
use super::variable_names::secret_like;
use super::yaml::{Content, NodeId, Tree};

/// Keys of a service that do not end up in the configuration of its container, so that Compose replaces none when their
/// values change (its own source, `ServiceHash`).
const BESIDE_CONTAINER: [&str; 6] = ["build", "depends_on", "develop", "profiles", "pull_policy", "scale"];

/// A file that a service names under `env_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvFile {
    /// Its path, as written, with variables replaced.
    pub path: String,
    /// Whether its lines are taken as they are, without quotes and variables.
    pub raw: bool,
}

/// Everything that the answer is made from.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The Compose files in the order in which Compose loads them.
    pub compose: &'a [SourceFile],
    /// The name of the `.env` file, and its text if it exists.
    pub dotenv: (&'a str, Option<&'a str>),
    /// For each service the files of its `env_file`, with paths as plans name them, in order.
    pub env_files: &'a BTreeMap<String, Vec<EnvFile>>,
    /// The texts of those that exist.
    pub texts: &'a BTreeMap<String, String>,
    /// The environment of the calling shell.
    pub shell: &'a BTreeMap<String, String>,
    /// What `compose config` prints.
    pub config: &'a Value,
}

/// A variable without a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Empty {
    /// The variable.
    pub variable: EmptyVariable,
    /// The services whose containers Compose replaces when it gets a value.
    pub configures: BTreeSet<String>,
}

/// Finds them, in order of name and file.
///
/// # Errors
/// Names the file and line that Compose would refuse.
pub fn empty_variables(question: &Question<'_>) -> Result<Vec<Empty>, String> {
    let dotenv_text = question.dotenv.1.unwrap_or_default();
    let dotenv = Dotenv::read(dotenv_text).map_err(|error| format!("`{}`, {error}", question.dotenv.0))?;
    let mut values = BTreeMap::new();
    dotenv.add_values(question.shell, &mut values);
    let variables = Variables { shell: question.shell, dotenv: &values };
    let mut finder = Finder { question, variables, dotenv: &dotenv, found: BTreeMap::new() };
    for file in question.compose {
        let tree = read_tree(file)?;
        finder.compose_file(&tree, &file.text);
    }
    for (service, files) in question.env_files {
        finder.env_files(service, files)?;
    }
    Ok(finder.found.into_values().collect())
}

/// The files that each service names under `env_file`, over all Compose files and in order.
///
/// # Errors
/// Names the file and line that Compose would refuse.
pub fn env_files(compose: &[SourceFile], variables: &Variables<'_>) -> Result<BTreeMap<String, Vec<EnvFile>>, String> {
    let mut found: BTreeMap<String, Vec<EnvFile>> = BTreeMap::new();
    for file in compose {
        let tree = read_tree(file)?;
        let Some(services) = tree.root().and_then(|root| tree.get(root, "services")) else { continue };
        let services: BTreeMap<&str, NodeId> = tree.entries(services).into_iter().collect();
        for (&name, &service) in &services {
            let own = found.entry(name.to_owned()).or_default();
            for part in with_bases(&tree, &file.text, &services, service) {
                let Some(list) = tree.get(part, "env_file") else { continue };
                if is_tag(&tree, list, "!override") || is_tag(&tree, list, "!reset") {
                    own.clear();
                }
                let items = match &tree.node(list).content {
                    Content::Sequence(items) => items.clone(),
                    _ => vec![list],
                };
                for item in items.into_iter().filter_map(|item| env_file(&tree, &file.text, item, variables)) {
                    // A file that is named again counts where it is named last.
                    own.retain(|other| other.path != item.path);
                    own.push(item);
                }
            }
        }
    }
    found.retain(|_, files| !files.is_empty());
    Ok(found)
}

/// Whether one of the texts uses `$NAME` or `${NAME…}`.
pub fn names_variable<'t>(texts: impl IntoIterator<Item = &'t str>, name: &str) -> bool {
    let ends = |rest: &str| !rest.starts_with(|next: char| next.is_ascii_alphanumeric() || next == '_');
    texts.into_iter().any(|text| {
        text.match_indices('$').any(|(at, _)| {
            let rest = &text[at + 1..];
            rest.strip_prefix('{').unwrap_or(rest).strip_prefix(name).is_some_and(ends)
        })
    })
}

fn read_tree(file: &SourceFile) -> Result<Tree, String> {
    Tree::read(&file.text)
        .map_err(|error| format!("`{}`, line {}: {}", file.name, line_of(&file.text, error.offset), error.message))
}

/// A service after those of the same file that it extends, the furthest one first.
fn with_bases(tree: &Tree, text: &str, services: &BTreeMap<&str, NodeId>, service: NodeId) -> Vec<NodeId> {
    let mut chain = vec![service];
    while let Some(extends) = chain.last().and_then(|last| tree.get(*last, "extends")) {
        let name = match &tree.node(extends).content {
            Content::Mapping(_) if tree.get(extends, "file").is_some() => None,
            Content::Mapping(_) => tree.get(extends, "service").and_then(|name| scalar(tree, text, name)),
            _ => scalar(tree, text, extends),
        };
        match name.and_then(|name| services.get(name).copied()) {
            Some(base) if chain.len() <= EXTENDS_CHAIN_MAX && !chain.contains(&base) => chain.push(base),
            _ => break,
        }
    }
    chain.reverse();
    chain
}

fn scalar<'t>(tree: &Tree, text: &'t str, node: NodeId) -> Option<&'t str> {
    match &tree.node(node).content {
        Content::Scalar(_, range) => Some(&text[range.clone()]),
        _ => None,
    }
}

fn env_file(tree: &Tree, text: &str, item: NodeId, variables: &Variables<'_>) -> Option<EnvFile> {
    let (path, raw) = match &tree.node(item).content {
        Content::Mapping(_) => {
            let format = tree.get(item, "format").and_then(|format| scalar(tree, text, format));
            (scalar(tree, text, tree.get(item, "path")?)?, format == Some("raw"))
        }
        _ => (scalar(tree, text, item)?, false),
    };
    let path = Template::parse(path).ok()?.evaluate(variables).ok()?.value;
    Some(EnvFile { path, raw })
}

struct Finder<'q> {
    question: &'q Question<'q>,
    variables: Variables<'q>,
    dotenv: &'q Dotenv<'q>,
    found: BTreeMap<(String, String), Empty>,
}

impl Finder<'_> {
    fn compose_file(&mut self, tree: &Tree, text: &str) {
        let Some(root) = tree.root() else { return };
        let mut seen = BTreeSet::new();
        let services = tree.get(root, "services").map(|services| tree.entries(services)).unwrap_or_default();
        let by_name: BTreeMap<&str, NodeId> = services.iter().copied().collect();
        for (key, node) in tree.entries(root) {
            if key != "services" {
                self.interpolations(tree, text, node, None, &mut seen);
            }
        }
        for (name, service) in services {
            let active = self.question.config["services"].get(name).is_some();
            for part in with_bases(tree, text, &by_name, service) {
                // Text that several services share is each one's own use.
                let mut seen = BTreeSet::new();
                for (key, node) in tree.entries(part) {
                    let place = active.then_some((name, !BESIDE_CONTAINER.contains(&key)));
                    self.interpolations(tree, text, node, place, &mut seen);
                }
                if let Some(environment) = tree.get(part, "environment").filter(|_| active) {
                    self.passed_on(tree, text, environment, name);
                }
            }
        }
    }

    /// All texts below a node. `place` is the service, and whether its container is made from what stands there.
    fn interpolations(
        &mut self,
        tree: &Tree,
        text: &str,
        node: NodeId,
        place: Option<(&str, bool)>,
        seen: &mut BTreeSet<NodeId>,
    ) {
        let node = tree.resolve(node);
        if !seen.insert(node) {
            return;
        }
        match &tree.node(node).content {
            Content::Mapping(_) => {
                for (_, value) in tree.entries(node) {
                    self.interpolations(tree, text, value, place, seen);
                }
            }
            Content::Sequence(items) => {
                for item in items.clone() {
                    self.interpolations(tree, text, item, place, seen);
                }
            }
            Content::Scalar(_, range) => {
                let Ok(template) = Template::parse(&text[range.clone()]) else { return };
                for missing in template.missing(&self.variables) {
                    self.missing(missing.name, missing.required, place);
                }
            }
            Content::Null | Content::Alias(_) => {}
        }
    }

    /// Names in `environment` without a value there, which pass on what the shell or `.env` says.
    fn passed_on(&mut self, tree: &Tree, text: &str, environment: NodeId, service: &str) {
        let names: Vec<&str> = match &tree.node(environment).content {
            Content::Sequence(items) => items.iter().filter_map(|item| scalar(tree, text, *item)).collect(),
            Content::Mapping(_) => {
                let entries = tree.entries(environment).into_iter();
                entries.filter(|(_, value)| tree.node(*value).content == Content::Null).map(|(name, _)| name).collect()
            }
            _ => Vec::new(),
        };
        let is_name =
            |name: &&str| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        for name in names.into_iter().filter(is_name) {
            let unset = self.variables.get(name).is_none_or(|(value, _)| value.is_empty());
            if unset && !self.has_value(service, name) {
                self.missing(name, false, Some((service, true)));
            }
        }
    }

    /// Whether the container of the service gets some value in the end.
    fn has_value(&self, service: &str, name: &str) -> bool {
        let value = &self.question.config["services"][service]["environment"][name];
        !value.is_null() && value.as_str() != Some("")
    }

    /// A use of a variable that `.env` or the shell would give its value.
    fn missing(&mut self, name: &str, required: bool, place: Option<(&str, bool)>) {
        let line = self.dotenv.assignment(name);
        if line.is_some_and(|line| !self.dotenv.raw(line).is_empty()) {
            // It is made of another variable, and that one is what is missing.
            return;
        }
        let shell = self.question.shell.contains_key(name);
        let written = line.is_some();
        let file = self.question.dotenv.0.to_owned();
        self.add(name, file, |variable| {
            variable.required |= required;
            variable.written |= written;
            variable.shell |= shell;
        });
        self.used_by(name, self.question.dotenv.0, place);
    }

    /// Empty lines that the service gets from its files: the last one that sets a variable counts.
    fn env_files(&mut self, service: &str, files: &[EnvFile]) -> Result<(), String> {
        if self.question.config["services"].get(service).is_none() {
            return Ok(());
        }
        let mut last: BTreeMap<String, (&str, bool)> = BTreeMap::new();
        for file in files {
            let Some(text) = self.question.texts.get(&file.path) else { continue };
            let parsed = match Dotenv::read(text) {
                Ok(parsed) => parsed,
                Err(_) if file.raw => continue,
                Err(error) => return Err(format!("`{}`, {error}", file.path)),
            };
            for assignment in parsed.assignments() {
                if !file.raw && assignment.quote != Some('\'') {
                    self.interpolated_line(service, &parsed, parsed.raw(assignment));
                }
                let quoted = file.raw && assignment.quote.is_some();
                let empty = parsed.raw(assignment).is_empty() && !quoted;
                last.insert(assignment.name.clone(), (&file.path, empty));
            }
        }
        for (name, (file, empty)) in last {
            if empty && !self.has_value(service, &name) {
                self.add(&name, file.to_owned(), |variable| variable.written = true);
                self.used_by(&name, file, Some((service, true)));
            }
        }
        Ok(())
    }

    /// The value of a line may be made of variables: of earlier lines, or of those of Compose files.
    fn interpolated_line(&mut self, service: &str, file: &Dotenv<'_>, value: &str) {
        let Ok(template) = Template::parse(value) else { return };
        for missing in template.missing(&self.variables) {
            if file.assignment(missing.name).is_none() {
                self.missing(missing.name, missing.required, Some((service, true)));
            }
        }
    }

    fn add(&mut self, name: &str, file: String, say: impl FnOnce(&mut EmptyVariable)) {
        let empty = self.found.entry((name.to_owned(), file.clone())).or_insert_with(|| Empty {
            variable: EmptyVariable {
                variable: name.to_owned(),
                file,
                written: false,
                required: false,
                secret_like: secret_like(name),
                services: Vec::new(),
                shell: false,
            },
            configures: BTreeSet::new(),
        });
        say(&mut empty.variable);
    }

    fn used_by(&mut self, name: &str, file: &str, place: Option<(&str, bool)>) {
        let empty = self.found.get_mut(&(name.to_owned(), file.to_owned()));
        let (Some(empty), Some((service, configures))) = (empty, place) else { return };
        let services = &mut empty.variable.services;
        if let Err(at) = services.binary_search_by(|known| known.as_str().cmp(service)) {
            services.insert(at, service.to_owned());
        }
        if configures {
            empty.configures.insert(service.to_owned());
        }
    }
}

#[cfg(test)]
mod tests;
