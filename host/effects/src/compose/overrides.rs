//! Text for the override file: `ports: !override` with all ports of a service, one of them moved.
//!
//! `!override` replaces the list of earlier files as a whole, so every port is listed again, in its own words where it
//! has any. It refuses to insert where it cannot do so without touching other text: behind aliases, into a scalar, or
//! into a mapping that does not begin its own line. Invariant: insertions only add bytes.

use repair_model::plan::Hunk;

use super::source::{EntryText, is_tag};
use super::syntax::Port;
use super::yaml::{Content, Entry, NodeId, Tree};

/// One entry of the list as it is to be written: a text, or the keys of the long form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// The short form, without quotes.
    Short(String),
    /// Keys with the text of their values, quotes included.
    Long(Vec<(String, String)>),
}

/// Words that YAML 1.1 readers take for something else than a text.
const NOT_TEXT: [&str; 10] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan"];

impl Item {
    /// An entry in its own words. `published` takes the place of the raw text that holds the published part.
    pub fn of(text: &EntryText, published: Option<&str>) -> Option<Self> {
        match text {
            EntryText::Unreadable(_) => None,
            EntryText::Short(spelled) => Some(Self::Short(published.unwrap_or(&spelled.raw).to_owned())),
            EntryText::Long(long) => {
                let mut fields = long.fields.clone();
                for (_, value) in fields.iter_mut().filter(|(key, _)| key == "published") {
                    if let Some(published) = published {
                        *value = quoted(published);
                    }
                }
                Some(Self::Long(fields))
            }
        }
    }

    /// An entry that only its meaning is known of.
    pub fn of_port(port: &Port) -> Self {
        Self::Short(port.to_short())
    }

    fn block(&self, pad: &str, eol: &str) -> String {
        match self {
            Self::Short(text) => format!("{pad}- {}{eol}", quoted(text)),
            Self::Long(fields) => {
                let lines = fields.iter().enumerate().map(|(index, (key, value))| {
                    let mark = if index == 0 { "- " } else { "  " };
                    format!("{pad}{mark}{key}: {value}{eol}")
                });
                lines.collect()
            }
        }
    }

    fn flow(&self) -> String {
        match self {
            Self::Short(text) => quoted(text),
            Self::Long(fields) => {
                let fields = fields.iter().map(|(key, value)| match value.chars().next() {
                    Some('"' | '\'') => format!("{key}: {value}"),
                    // Brackets and commas end a plain text here.
                    _ if value.contains(['{', '}', '[', ']', ',', '#', ':']) => format!("{key}: {}", quoted(value)),
                    _ => format!("{key}: {value}"),
                });
                format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// A text in quotes, so that YAML reads a text.
pub fn quoted(text: &str) -> String {
    if !text.contains(['"', '\\']) {
        format!("\"{text}\"")
    } else if !text.contains('\'') {
        format!("'{text}'")
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

/// A new override file.
pub fn new_file(service: &str, items: &[Item]) -> String {
    format!(
        "# Written by `repair` to move published ports that were taken. Compose reads this file by itself.\n\
         # `!override` replaces the whole list of a service, so all of its ports stand here.\n\
         # `repair undo` takes the change back.\n\
         services:\n{}",
        service_block(service, items, "  ", "  ", "\n")
    )
}

/// What has to be inserted into an existing override file. `own` are the entries of this file itself, which follow
/// `items` where the file already lists ports without `!override`.
///
/// # Errors
/// The text says what of the file stands against it.
pub fn insertion(text: &str, tree: &Tree, service: &str, items: &[Item], own: usize) -> Result<Vec<Hunk>, String> {
    let place = Place { text, tree, eol: if text.contains("\r\n") { "\r\n" } else { "\n" } };
    let Some(root) = tree.root() else {
        return place.append_services(service, items);
    };
    let Some(services) = entry(tree, root, "services") else {
        return match tree.node(root).flow {
            true => place.flow_insertion(root, format!("services: {{{}}}", service_flow(service, items))),
            false => place.append_services(service, items),
        };
    };
    let Some(found) = entry(tree, services.value, service) else {
        return place.add_service(services, service, items);
    };
    match entry(tree, found.value, "ports") {
        Some(ports) => place.extend_ports(ports, &items[..items.len() - own.min(items.len())]),
        None => place.add_ports(found, items),
    }
}

/// The mapping's own entry of that key, not a merged one.
fn entry<'t>(tree: &'t Tree, mapping: NodeId, key: &str) -> Option<&'t Entry> {
    match &tree.unresolved(mapping).content {
        Content::Mapping(entries) => entries.iter().find(|entry| entry.key == key && !entry.merge),
        _ => None,
    }
}

/// The lines of a service; the first key is not indented when `pad` stands before it already.
fn service_block(service: &str, items: &[Item], pad: &str, step: &str, eol: &str) -> String {
    let inner = format!("{pad}{step}");
    format!("{pad}{}:{eol}{inner}{}", key(service), ports_block(items, &inner, step, eol))
}

fn ports_block(items: &[Item], pad: &str, step: &str, eol: &str) -> String {
    let pad = format!("{pad}{step}");
    let lines: String = items.iter().map(|item| item.block(&pad, eol)).collect();
    format!("ports: !override{eol}{lines}")
}

fn ports_flow(items: &[Item]) -> String {
    format!("ports: !override [{}]", items.iter().map(Item::flow).collect::<Vec<_>>().join(", "))
}

fn service_flow(service: &str, items: &[Item]) -> String {
    format!("{}: {{{}}}", key(service), ports_flow(items))
}

fn key(service: &str) -> String {
    let plain = service.starts_with(|first: char| first.is_ascii_alphabetic());
    let word = NOT_TEXT.contains(&service.to_ascii_lowercase().as_str());
    if plain && !word { service.to_owned() } else { quoted(service) }
}

struct Place<'t> {
    text: &'t str,
    tree: &'t Tree,
    eol: &'static str,
}

impl Place<'_> {
    fn hunk(offset: usize, after: String) -> Vec<Hunk> {
        vec![Hunk { offset_bytes: offset as u64, before: String::new(), after }]
    }

    /// The blanks before the first key of a block mapping or the first dash of a list.
    fn pad(&self, node: NodeId) -> Result<&str, String> {
        let start = self.tree.node(node).range.start;
        let line = self.text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let pad = self.text[line..start].trim_start_matches('\u{feff}');
        match pad.bytes().all(|byte| byte == b' ') {
            true => Ok(pad),
            false => Err("a mapping of it begins in the middle of a line".to_owned()),
        }
    }

    /// How far the services are indented, as the measure for what lies deeper.
    fn step(&self) -> String {
        let services = self.tree.root().and_then(|root| entry(self.tree, root, "services"));
        let pad = services.filter(|entry| self.is_block(entry.value)).and_then(|entry| self.pad(entry.value).ok());
        pad.filter(|pad| !pad.is_empty()).unwrap_or("  ").to_owned()
    }

    fn is_block(&self, node: NodeId) -> bool {
        let node = self.tree.unresolved(node);
        !node.flow && matches!(node.content, Content::Mapping(_))
    }

    /// Behind the line of an empty value.
    fn below(&self, value: NodeId, lines: String) -> Result<Vec<Hunk>, String> {
        let node = self.tree.unresolved(value);
        if !node.range.is_empty() {
            return Err("it says `null` where a mapping belongs".to_owned());
        }
        match self.text[node.range.end..].find('\n') {
            Some(newline) => Ok(Self::hunk(node.range.end + newline + 1, lines)),
            None => Ok(Self::hunk(self.text.len(), format!("{}{lines}", self.eol))),
        }
    }

    fn flow_insertion(&self, mapping: NodeId, text: String) -> Result<Vec<Hunk>, String> {
        let node = self.tree.node(mapping);
        let empty = matches!(&node.content, Content::Mapping(entries) if entries.is_empty())
            || matches!(&node.content, Content::Sequence(items) if items.is_empty());
        let comma = if empty { "" } else { ", " };
        Ok(Self::hunk(node.range.start + 1, format!("{text}{comma}")))
    }

    fn append_services(&self, service: &str, items: &[Item]) -> Result<Vec<Hunk>, String> {
        if self.text.is_empty() {
            return Err("it is empty; remove it, so that it can be made anew".to_owned());
        }
        let before = if self.text.ends_with('\n') { "" } else { self.eol };
        let block = service_block(service, items, "  ", "  ", self.eol);
        Ok(Self::hunk(self.text.len(), format!("{before}services:{}{block}", self.eol)))
    }

    fn add_service(&self, services: &Entry, service: &str, items: &[Item]) -> Result<Vec<Hunk>, String> {
        let node = self.tree.unresolved(services.value);
        match &node.content {
            Content::Mapping(_) if node.flow => self.flow_insertion(services.value, service_flow(service, items)),
            Content::Mapping(_) => {
                let pad = self.pad(services.value)?;
                let block = service_block(service, items, pad, &self.step(), self.eol);
                Ok(Self::hunk(node.range.start, format!("{}{pad}", &block[pad.len()..])))
            }
            _ => Err("its `services` is no mapping of its own".to_owned()),
        }
    }

    fn add_ports(&self, service: &Entry, items: &[Item]) -> Result<Vec<Hunk>, String> {
        let node = self.tree.unresolved(service.value);
        match &node.content {
            Content::Mapping(_) if node.flow => self.flow_insertion(service.value, ports_flow(items)),
            Content::Mapping(_) => {
                let pad = self.pad(service.value)?;
                Ok(Self::hunk(node.range.start, format!("{}{pad}", ports_block(items, pad, &self.step(), self.eol))))
            }
            Content::Null => {
                let pad = self.step().repeat(2);
                self.below(service.value, format!("{pad}{}", ports_block(items, &pad, &self.step(), self.eol)))
            }
            _ => Err(format!("its `{}` is no mapping of its own", service.key)),
        }
    }

    /// Turns a list that adds to earlier files into one that replaces them.
    fn extend_ports(&self, ports: &Entry, items: &[Item]) -> Result<Vec<Hunk>, String> {
        let node = self.tree.unresolved(ports.value);
        if node.tag.is_some() || is_tag(self.tree, ports.value, "!override") {
            return Err("it already replaces the ports of the service".to_owned());
        }
        let Content::Sequence(existing) = &node.content else {
            return Err("its `ports` is no list of its own".to_owned());
        };
        if existing.is_empty() {
            return Err("its list of `ports` is empty".to_owned());
        }
        let mut hunks = Self::hunk(ports.colon_end, " !override".to_owned());
        hunks.extend(match node.flow {
            true => {
                let items = items.iter().map(Item::flow).collect::<Vec<_>>().join(", ");
                self.flow_insertion(ports.value, items)?
            }
            false => {
                let pad = self.pad(ports.value)?;
                let lines: String = items.iter().map(|item| item.block(pad, self.eol)).collect();
                Self::hunk(node.range.start, format!("{}{pad}", &lines[pad.len().min(lines.len())..]))
            }
        });
        Ok(hunks)
    }
}
