//! Guests made for one test each: a core module in text, wrapped into a component of the real contract.
//!
//! The memory of such a guest is laid out here by the canonical ABI, so that a test can return any value, also those
//! that no SDK would let through.

use std::fmt::Write as _;
use std::path::Path;

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

pub mod bomb;

/// Where laid out data begins; below it there is room for what the guest's code writes.
const DATA_AT: usize = 1024;
/// One page of memory.
const PAGE: usize = 65536;

/// Memory of a guest, growing upwards.
#[derive(Default)]
pub struct Data {
    bytes: Vec<u8>,
}

impl Data {
    /// Puts bytes at an address divisible by eight and gives the address.
    pub fn put(&mut self, bytes: &[u8]) -> u32 {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = DATA_AT + self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        at as u32
    }

    /// A string or list: address and length.
    pub fn text(&mut self, text: &str) -> [u8; 8] {
        let at = self.put(text.as_bytes());
        slice(at, text.len())
    }

    /// A list of strings.
    pub fn texts(&mut self, texts: &[&str]) -> [u8; 8] {
        let items: Vec<u8> = texts.iter().flat_map(|text| self.text(text)).collect();
        slice(self.put(&items), texts.len())
    }
}

/// Address and length as the canonical ABI stores them.
pub fn slice(at: u32, length: usize) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&at.to_le_bytes());
    bytes[4..].copy_from_slice(&(length as u32).to_le_bytes());
    bytes
}

/// What a test guest is made of.
pub struct Guest {
    /// Its memory.
    pub data: Data,
    /// Field of its manifest.
    pub id: String,
    /// Field of its manifest.
    pub version: String,
    /// Field of its manifest.
    pub summary: String,
    /// Its manifest's `params-schema`.
    pub schema: String,
    /// Field of its manifest.
    pub contact: Option<String>,
    /// Field of its manifest.
    pub handles: Vec<&'static str>,
    /// Field of its manifest.
    pub sees: Vec<&'static str>,
    /// Field of its manifest.
    pub may: Vec<&'static str>,
    /// Instructions of `describe` before it returns its manifest.
    pub describe: String,
    /// Instructions of `propose`; they leave the address of the result.
    pub propose: String,
    /// Instructions of what gives the host memory for a case, before it does so.
    pub realloc: String,
    /// Pages of memory to begin with.
    pub pages: u32,
    /// Further fields of the core module.
    pub fields: String,
}

impl Guest {
    /// A tool that declines every case.
    pub fn new(id: &str) -> Self {
        let mut guest = Self {
            data: Data::default(),
            id: id.to_owned(),
            version: "1.2.3".to_owned(),
            summary: "A tool of a test.".to_owned(),
            schema: r#"{"type":"object"}"#.to_owned(),
            contact: None,
            handles: vec!["docker-port-conflict"],
            sees: vec!["containers"],
            may: vec!["compose-up"],
            describe: String::new(),
            propose: String::new(),
            realloc: String::new(),
            pages: 2,
            fields: String::new(),
        };
        guest.declines("not my case");
        guest
    }

    /// `propose` declines every case.
    pub fn declines(&mut self, why: &str) {
        let why = self.data.text(why);
        self.answers(3, &why, [0; 8]);
    }

    /// `propose` returns a reply: the number of the answer's case, its payload (address-sized and smaller fields laid
    /// out already) and its notes.
    pub fn answers(&mut self, case: u8, payload: &[u8], notes: [u8; 8]) {
        // result: discriminant, then the reply at 4; answer: discriminant at 4, payload at 8 with room for a proposal.
        let mut result = vec![0, 0, 0, 0, case, 0, 0, 0];
        result.extend_from_slice(payload);
        result.resize(28, 0);
        result.extend_from_slice(&notes);
        let at = self.data.put(&result);
        self.propose = format!("i32.const {at}");
    }

    /// `propose` returns a proposal of these actions, 40 bytes each.
    pub fn proposes(&mut self, confidence: u16, actions: &[[u8; 40]]) {
        self.proposes_because("because", confidence, actions);
    }

    /// The same with another reason.
    pub fn proposes_because(&mut self, reason: &str, confidence: u16, actions: &[[u8; 40]]) {
        let mut payload = self.data.text(reason).to_vec();
        payload.extend_from_slice(&u32::from(confidence).to_le_bytes());
        let list = self.data.put(&actions.concat());
        payload.extend_from_slice(&slice(list, actions.len()));
        self.answers(0, &payload, [0; 8]);
    }

    /// `propose` returns the tool's own error.
    pub fn fails(&mut self, code: &str, message: &str, hint: Option<&str>) {
        let (code, message) = (self.data.text(code), self.data.text(message));
        let mut result = vec![1, 0, 0, 0];
        result.extend_from_slice(&code);
        result.extend_from_slice(&message);
        result.extend_from_slice(&self.maybe(hint));
        result.resize(36, 0);
        let at = self.data.put(&result);
        self.propose = format!("i32.const {at}");
    }

    /// An action `compose-up` of these services.
    pub fn compose_up(&mut self, services: &[&str]) -> [u8; 40] {
        let mut action = [0; 40];
        action[0] = 1;
        action[4..12].copy_from_slice(&self.data.texts(services));
        action
    }

    /// An action of that case whose fields are these texts, in order.
    pub fn action_of(&mut self, case: u8, texts: &[&str]) -> [u8; 40] {
        let mut action = [0; 40];
        action[0] = case;
        for (at, text) in texts.iter().enumerate() {
            action[4 + at * 8..12 + at * 8].copy_from_slice(&self.data.text(text));
        }
        action
    }

    /// An action `pull-image` of these services.
    pub fn pull_image(&mut self, services: &[&str]) -> [u8; 40] {
        let mut action = self.compose_up(services);
        action[0] = 4;
        action
    }

    /// An action `set-env-value`; `encoding` is the number of its case.
    pub fn set_env_value(&mut self, variable: &str, file: &str, bytes: u16, encoding: u8) -> [u8; 40] {
        let mut action = self.action_of(7, &[variable, file]);
        action[20..22].copy_from_slice(&bytes.to_le_bytes());
        action[22] = encoding;
        action
    }

    /// An action `remap-port` of service `web`; `before` and `after` are discriminant and two numbers.
    pub fn remap_port(&mut self, target: u16, before: (u8, u16, u16), after: (u8, u16, u16)) -> [u8; 40] {
        let mut action = [0; 40];
        action[4..12].copy_from_slice(&self.data.text("web"));
        action[12..14].copy_from_slice(&target.to_le_bytes());
        for (at, (case, first, last)) in [(28, before), (34, after)] {
            action[at] = case;
            action[at + 2..at + 4].copy_from_slice(&first.to_le_bytes());
            action[at + 4..at + 6].copy_from_slice(&last.to_le_bytes());
        }
        action
    }

    /// A text or nothing.
    fn maybe(&mut self, text: Option<&str>) -> [u8; 12] {
        let mut bytes = [0; 12];
        if let Some(text) = text {
            bytes[0] = 1;
            bytes[4..].copy_from_slice(&self.data.text(text));
        }
        bytes
    }

    /// The component.
    pub fn build(self) -> Vec<u8> {
        component(&self.core(), Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit"))
    }

    /// The component of the same code for another contract than the present one.
    pub fn build_for(self, contract: &str) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("a folder");
        let mut file = std::fs::File::create(folder.path().join("other.wit")).expect("a file");
        std::io::Write::write_all(&mut file, contract.as_bytes()).expect("written");
        component(&self.core(), folder.path())
    }

    /// The core module in text.
    pub fn core(mut self) -> String {
        let mut manifest = Vec::new();
        for text in [&self.id, &self.version, &self.summary] {
            manifest.extend_from_slice(&self.data.text(text));
        }
        for names in [&self.handles, &self.sees, &self.may] {
            manifest.extend_from_slice(&self.data.texts(names));
        }
        manifest.extend_from_slice(&self.data.text(&self.schema));
        let contact = self.contact.take();
        manifest.extend_from_slice(&self.maybe(contact.as_deref()));
        let manifest = self.data.put(&manifest);
        // What the host passes to the guest is put behind the guest's own data.
        let heap = (DATA_AT + self.data.bytes.len()).next_multiple_of(PAGE);

        let data = self.data.bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\{byte:02x}");
            text
        });
        format!(
            r#"(module
                {fields}
                (memory (export "memory") {pages})
                (global $heap (mut i32) (i32.const {heap}))
                (data (i32.const {DATA_AT}) "{data}")
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    {realloc}
                    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                    (global.set $heap (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                (func (export "repair:tool/repair@0.4.0#describe") (result i32)
                    {describe}
                    i32.const {manifest})
                (func (export "repair:tool/repair@0.4.0#propose") {case} (result i32)
                    {propose}))"#,
            // A case, flattened: class (2), confidence, facts (2), proof (2), contradictions (2), observations (2),
            // params (2), history (2), waited seconds.
            case = "(param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)",
            pages = self.pages as usize + heap / PAGE - 1,
            realloc = self.realloc,
            fields = self.fields,
            describe = self.describe,
            propose = self.propose,
        )
    }
}

/// The same component, larger by a section of `bytes` that nobody reads.
pub fn padded(mut component: Vec<u8>, bytes: usize) -> Vec<u8> {
    let section = [&[1, b'x'][..], &vec![0; bytes]].concat();
    component.push(0);
    component.extend(leb128(section.len()));
    component.extend(section);
    component
}

/// An unsigned number as the binary format writes it.
pub fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// Wraps a core module of the contract's exports, in text, into a component of the contract in `wit`, a file or folder.
pub fn component(core: &str, wit: impl AsRef<Path>) -> Vec<u8> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(wit).expect("the contract parses");
    let world = resolve.select_world(&[package], Some("repair-tool")).expect("the contract has its world");
    let mut module = wat::parse_str(core).expect("the text of the guest parses");
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).expect("metadata");
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).expect("a module of the contract");
    encoder.encode().expect("a component")
}
