//! One YAML document as a tree with byte ranges, anchors and merges resolved. It reads; it never writes YAML.
//!
//! The syntax tree of `yaml-edit` gives the ranges. It does not resolve aliases and `<<`, so that is done here. Refused
//! as Compose refuses it: control characters, syntax errors, a key twice in one mapping, an alias without its anchor, a
//! tag on an alias. Also refused: several documents in one file, because an edit must know which of them counts.
//! Invariant: every range lies on character boundaries of the text that was read, and an alias only points backwards,
//! so that following aliases always ends.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use yaml_edit::{AsYaml, SyntaxKind, YamlFile};

/// Why a text is no YAML document that can be edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct YamlError {
    /// The byte where it shows.
    pub offset: usize,
    /// What is wrong.
    pub message: String,
}

/// A node of a [`Tree`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// In single quotes.
    Single,
    /// In double quotes.
    Double,
    /// After `|` or `>`.
    Block,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// Nothing, `~` or `null`.
    Null,
    /// A text or number; the range leaves the quotes out.
    Scalar(Style, Range<usize>),
    /// A list.
    Sequence(Vec<NodeId>),
    /// Entries in order, `<<` among them.
    Mapping(Vec<Entry>),
    /// Another name for an earlier node.
    Alias(NodeId),
}

/// One entry of a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The key without quotes.
    pub key: String,
    /// Where the colon behind the key ends.
    pub colon_end: usize,
    /// Whether it is `<<`, the merge of other mappings.
    pub merge: bool,
    /// The value.
    pub value: NodeId,
}

/// One node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its text, without tag and anchor; empty for nothing.
    pub range: Range<usize>,
    /// The tag, such as `!override`.
    pub tag: Option<String>,
    /// Whether it is written with `[]` or `{}`.
    pub flow: bool,
    /// What it is.
    pub content: Content,
}

/// One document.
#[derive(Clone, Debug)]
pub struct Tree {
    nodes: Vec<Node>,
    root: Option<NodeId>,
}

impl Tree {
    /// Reads a text.
    ///
    /// # Errors
    /// When it is not one YAML document with a mapping at its top, or empty.
    pub fn read(text: &str) -> Result<Self, YamlError> {
        if let Some((offset, _)) = text.char_indices().find(|(_, character)| is_forbidden(*character)) {
            return Err(YamlError { offset, message: "a control character stands here; remove it".to_owned() });
        }
        let parsed = YamlFile::parse(text);
        if let Some(error) = parsed.positioned_errors().first() {
            return Err(YamlError { offset: error.range.start as usize, message: error.message.clone() });
        }
        let mut tree = Self { nodes: Vec::new(), root: None };
        let mut documents = parsed.tree().documents().collect::<Vec<_>>().into_iter();
        let Some(document) = documents.next() else {
            return Ok(tree);
        };
        if let Some(second) = documents.next() {
            let message = "a second document begins; put all services into one document".to_owned();
            return Err(YamlError { offset: second.byte_range().start as usize, message });
        }
        let Some(mapping) = document.as_mapping() else {
            if document.as_scalar().is_none() && document.as_sequence().is_none() {
                return Ok(tree);
            }
            let message = "the top level is no mapping; a Compose file begins with keys such as `services:`".to_owned();
            return Err(YamlError { offset: document.byte_range().start as usize, message });
        };
        let Some(syntax) = mapping.as_node() else {
            return Ok(tree);
        };
        let above = syntax.ancestors().count();
        let elements = syntax.descendants_with_tokens().map(|element| {
            let ancestors = match (element.as_node(), element.as_token()) {
                (Some(node), _) => node.ancestors().count(),
                (None, token) => token.map_or(0, |token| token.parent_ancestors().count() + 1),
            };
            let range = element.text_range();
            let range = usize::from(range.start())..usize::from(range.end());
            Element { kind: element.kind(), range, depth: ancestors - above }
        });
        let mut reader = Reader { text, elements: elements.collect(), anchors: BTreeMap::new(), open: BTreeSet::new() };
        tree.root = Some(reader.node(&mut tree.nodes, &[0])?);
        Ok(tree)
    }

    /// The mapping at the top; `None` for an empty file.
    pub fn root(&self) -> Option<NodeId> {
        self.root
    }

    /// A node, behind all its aliases.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[self.resolve(id).0]
    }

    /// The node itself, which may be an alias.
    pub fn unresolved(&self, id: NodeId) -> &Node {
        &self.nodes[id.0]
    }

    /// The node that stands for `id` behind all aliases.
    pub fn resolve(&self, mut id: NodeId) -> NodeId {
        while let Content::Alias(target) = self.nodes[id.0].content {
            id = target;
        }
        id
    }

    /// The value of a key, direct or merged, behind all aliases.
    pub fn get(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        self.entries(mapping).into_iter().find(|(name, _)| *name == key).map(|(_, value)| value)
    }

    /// All entries of a mapping, behind aliases: its own, then those merged into it that it does not have itself.
    pub fn entries(&self, mapping: NodeId) -> Vec<(&str, NodeId)> {
        let (mut entries, mut seen, mut visited) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        self.collect_entries(mapping, &mut entries, &mut seen, &mut visited);
        entries
    }

    fn collect_entries<'t>(
        &'t self,
        mapping: NodeId,
        entries: &mut Vec<(&'t str, NodeId)>,
        seen: &mut BTreeSet<&'t str>,
        visited: &mut BTreeSet<NodeId>,
    ) {
        let mapping = self.resolve(mapping);
        let Content::Mapping(own) = &self.nodes[mapping.0].content else {
            return;
        };
        // A mapping merged a second time adds nothing, and skipping it keeps nested merges from growing without end.
        if !visited.insert(mapping) {
            return;
        }
        for entry in own.iter().filter(|entry| !entry.merge) {
            if seen.insert(&entry.key) {
                entries.push((&entry.key, self.resolve(entry.value)));
            }
        }
        for entry in own.iter().filter(|entry| entry.merge) {
            match &self.node(entry.value).content {
                Content::Sequence(items) => {
                    for item in items {
                        self.collect_entries(*item, entries, seen, visited);
                    }
                }
                _ => self.collect_entries(entry.value, entries, seen, visited),
            }
        }
    }
}

/// Whether the character may stand nowhere in YAML (production `c-printable`).
fn is_forbidden(character: char) -> bool {
    let is_blank = matches!(character, '\t' | '\n' | '\r' | '\u{85}');
    (character.is_control() && !is_blank) || matches!(character, '\u{fffe}' | '\u{ffff}')
}

/// A node or token of the syntax tree, flattened.
struct Element {
    kind: SyntaxKind,
    range: Range<usize>,
    depth: usize,
}

struct Reader<'t> {
    text: &'t str,
    elements: Vec<Element>,
    anchors: BTreeMap<&'t str, NodeId>,
    open: BTreeSet<NodeId>,
}

impl<'t> Reader<'t> {
    fn children(&self, parent: usize) -> Vec<usize> {
        let depth = self.elements[parent].depth;
        let rest = self.elements.iter().enumerate().skip(parent + 1);
        let inside = rest.take_while(|(_, element)| element.depth > depth);
        inside.filter(|(_, element)| element.depth == depth + 1).map(|(index, _)| index).collect()
    }

    fn error<T>(&self, element: usize, message: impl Into<String>) -> Result<T, YamlError> {
        Err(YamlError { offset: self.elements[element].range.start, message: message.into() })
    }

    /// The node that `parts` make up: tag, anchor, and the thing itself.
    fn node(&mut self, nodes: &mut Vec<Node>, parts: &[usize]) -> Result<NodeId, YamlError> {
        let end = parts.last().map_or(0, |last| self.elements[*last].range.end);
        let id = NodeId(nodes.len());
        nodes.push(Node { range: end..end, tag: None, flow: false, content: Content::Null });
        self.open.insert(id);
        let mut parts = parts.to_vec();
        let mut at = 0;
        let mut found = false;
        while let Some(part) = parts.get(at).copied() {
            at += 1;
            let (kind, range) = (self.elements[part].kind, self.elements[part].range.clone());
            let text: &'t str = &self.text[range.clone()];
            match kind {
                SyntaxKind::TAG => nodes[id.0].tag = Some(text.to_owned()),
                SyntaxKind::ANCHOR => {
                    self.anchors.insert(text.trim_start_matches('&'), id);
                }
                SyntaxKind::TAGGED_NODE => {
                    let inner = self.children(part);
                    parts.splice(at..at, inner);
                }
                SyntaxKind::SCALAR | SyntaxKind::SEQUENCE | SyntaxKind::MAPPING | SyntaxKind::ALIAS => {
                    if std::mem::replace(&mut found, true) {
                        return self.error(part, "something stands behind a value where nothing may");
                    }
                    if kind == SyntaxKind::ALIAS && nodes[id.0].tag.is_some() {
                        return self.error(part, "a tag cannot stand before an alias");
                    }
                    let (flow, content) = self.content(nodes, part)?;
                    let node = &mut nodes[id.0];
                    (node.range, node.flow, node.content) = (range, flow, content);
                }
                SyntaxKind::ERROR => return self.error(part, "this is not YAML"),
                _ => {}
            }
        }
        self.open.remove(&id);
        Ok(id)
    }

    fn content(&mut self, nodes: &mut Vec<Node>, element: usize) -> Result<(bool, Content), YamlError> {
        let children = self.children(element);
        let first_kind = children.first().map(|child| self.elements[*child].kind);
        let flow = matches!(first_kind, Some(SyntaxKind::LEFT_BRACKET | SyntaxKind::LEFT_BRACE));
        let content = match self.elements[element].kind {
            SyntaxKind::ALIAS => Content::Alias(self.alias(element)?),
            SyntaxKind::SEQUENCE => {
                let entries =
                    children.into_iter().filter(|child| self.elements[*child].kind == SyntaxKind::SEQUENCE_ENTRY);
                let entries: Vec<_> = entries.collect();
                let mut items = Vec::with_capacity(entries.len());
                for entry in entries {
                    let parts = self.children(entry);
                    items.push(self.node(nodes, &parts)?);
                }
                Content::Sequence(items)
            }
            SyntaxKind::MAPPING => Content::Mapping(self.mapping(nodes, &children)?),
            _ => self.scalar(element, first_kind),
        };
        Ok((flow, content))
    }

    fn mapping(&mut self, nodes: &mut Vec<Node>, children: &[usize]) -> Result<Vec<Entry>, YamlError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut keys = BTreeSet::new();
        for child in children.iter().copied() {
            if self.elements[child].kind != SyntaxKind::MAPPING_ENTRY {
                continue;
            }
            let parts = self.children(child);
            let of_kind = |kind| parts.iter().copied().find(|part| self.elements[*part].kind == kind);
            let (Some(key_part), Some(value_part)) = (of_kind(SyntaxKind::KEY), of_kind(SyntaxKind::VALUE)) else {
                return self.error(child, "a key or value is missing");
            };
            let key_end = self.elements[key_part].range.end;
            let colon_end = of_kind(SyntaxKind::COLON).map_or(key_end, |colon| self.elements[colon].range.end);
            let key_parts = self.children(key_part);
            let merge = self.elements[key_part + 1..].iter().take(2).any(|part| part.kind == SyntaxKind::MERGE_KEY);
            let key_id = self.node(nodes, &key_parts)?;
            let key = match &nodes[key_id.0].content {
                Content::Scalar(Style::Single, inner) => self.text[inner.clone()].replace("''", "'"),
                Content::Scalar(_, inner) => self.text[inner.clone()].to_owned(),
                _ => self.text[self.elements[key_part].range.clone()].to_owned(),
            };
            if !keys.insert(key.clone()) {
                return self
                    .error(key_part, format!("the key `{key}` stands twice in one mapping; remove one of them"));
            }
            let value_parts = self.children(value_part);
            let value = self.node(nodes, &value_parts)?;
            if value_parts.is_empty() {
                let end = self.elements[value_part].range.end;
                nodes[value.0].range = end..end;
            }
            entries.push(Entry { key, colon_end, merge, value });
        }
        Ok(entries)
    }

    fn alias(&self, element: usize) -> Result<NodeId, YamlError> {
        let name = self.text[self.elements[element].range.clone()].trim_start_matches('*');
        match self.anchors.get(name) {
            Some(target) if self.open.contains(target) => self.error(element, format!("`*{name}` contains itself")),
            Some(target) => Ok(*target),
            None => {
                self.error(element, format!("`*{name}` names no anchor before it; write `&{name}` at what is meant"))
            }
        }
    }

    fn scalar(&self, element: usize, first_kind: Option<SyntaxKind>) -> Content {
        let range = self.elements[element].range.clone();
        let text = &self.text[range.clone()];
        let quoted = |quote: char| text.len() >= 2 && text.starts_with(quote) && text.ends_with(quote);
        match text.chars().next() {
            _ if matches!(first_kind, None | Some(SyntaxKind::NULL)) => Content::Null,
            Some('"') if quoted('"') => Content::Scalar(Style::Double, range.start + 1..range.end - 1),
            Some('\'') if quoted('\'') => Content::Scalar(Style::Single, range.start + 1..range.end - 1),
            Some('|' | '>') => Content::Scalar(Style::Block, range),
            _ => Content::Scalar(Style::Plain, range),
        }
    }
}

#[cfg(test)]
mod tests;
