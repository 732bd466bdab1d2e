//! Components of the true contract, with whatever code and memory an input spells out.
//!
//! Exports, their signatures and the layout of what they return are taken from `wit/`, so that a new version of the contract
//! changes nothing here.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use arbitrary::Unstructured;
use repair_model::action::ActionKind;
use repair_model::finding::FailureClass;
use repair_model::query::QueryKind;
use wasm_smith::Config;
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Function, Resolve, SizeAlign, Type, TypeDefKind, WorldId, WorldItem};

/// Where what is returned begins.
const DATA_AT: usize = 1024;
/// Where what the host passes begins, one page in.
const HEAP_AT: usize = 64 * 1024;
/// Pages of memory to begin with.
const PAGES: usize = 3;
/// Bytes of one text; longer ones cost time and find nothing.
const TEXT_BYTES_MAX: usize = 96;
/// Entries of one list.
const ENTRIES_MAX: usize = 4;
/// Bytes that are changed after everything was laid out.
const FLIPS_MAX: u8 = 8;

/// The one contract.
pub static CONTRACT: LazyLock<Contract> = LazyLock::new(Contract::read);

/// What a tool exports.
pub struct Contract {
    resolve: Resolve,
    world: WorldId,
    sizes: SizeAlign,
    functions: Vec<Export>,
}

struct Export {
    /// As a core module has to call it.
    name: String,
    /// Its parameters and results in the text format.
    signature: String,
    result: Type,
}

impl Contract {
    fn read() -> Self {
        let mut resolve = Resolve::default();
        let wit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit");
        let (package, _) = resolve.push_path(wit).expect("the contract parses");
        let world = resolve.select_world(&[package], Some("repair-tool")).expect("it has its world");
        let mut functions = Vec::new();
        for (key, item) in &resolve.worlds[world].exports {
            if let WorldItem::Interface { id, .. } = item {
                let interface = resolve.name_world_key(key);
                let export = |function: &Function| export(&resolve, &interface, function);
                functions.extend(resolve.interfaces[*id].functions.values().map(export));
            }
        }
        assert!(!functions.is_empty());
        let mut sizes = SizeAlign::default();
        sizes.fill(&resolve);
        Self { resolve, world, sizes, functions }
    }

    /// Components without what the engine was built without.
    pub fn config(&self) -> Config {
        Config {
            gc_enabled: false,
            exceptions_enabled: false,
            memory64_enabled: false,
            threads_enabled: false,
            max_memory32_bytes: 64 * 1024 * 1024,
            max_table_elements: 40_000,
            ..Config::default()
        }
    }

    /// Modules with the exports of a tool and no import.
    pub fn shaped(&self) -> Config {
        let shape = self.module("", |_| "unreachable".to_owned());
        Config { module_shape: wat::parse_str(shape).ok(), allow_start_export: true, ..self.config() }
    }

    /// The component around a core module; `None` where it does not fit.
    pub fn component(&self, mut module: Vec<u8>) -> Option<Vec<u8>> {
        embed_component_metadata(&mut module, &self.resolve, self.world, StringEncoding::UTF8).ok()?;
        ComponentEncoder::default().validate(true).module(&module).ok()?.encode().ok()
    }

    /// A tool whose functions return what an input says, laid out by the rules, and a few bytes of it changed then.
    pub fn returning(&self, input: &[u8]) -> Option<Vec<u8>> {
        let mut memory = Memory { contract: self, input: Unstructured::new(input), bytes: Vec::new() };
        let mut addresses = Vec::new();
        for export in &self.functions {
            let value = memory.value(&export.result, "").ok()?;
            addresses.push(memory.put(&value)?);
        }
        let Memory { mut input, mut bytes, .. } = memory;
        for _ in 0..input.int_in_range(0..=FLIPS_MAX).ok()? {
            let at = input.choose_index(bytes.len()).ok()?;
            bytes[at] = input.arbitrary().ok()?;
        }
        let body = |at: usize| match input.peek_bytes(1).map(|byte| byte[0]) {
            Some(255) => "unreachable".to_owned(),
            Some(254) => "(memory.grow (i32.const 1000)) drop i32.const 0".to_owned(),
            Some(253) => "i32.const -1".to_owned(),
            _ => format!("i32.const {}", addresses[at]),
        };
        let data = bytes.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "\\{byte:02x}");
            text
        });
        let module = self.module(&format!("(data (i32.const {DATA_AT}) \"{data}\")"), body);
        self.component(wat::parse_str(module).expect("the text of the guest parses"))
    }

    fn module(&self, data: &str, body: impl Fn(usize) -> String) -> String {
        let functions =
            self.functions.iter().enumerate().map(|(at, Export { name, signature, .. })| {
                format!("(func (export \"{name}\") {signature} {})", body(at))
            });
        let functions: String = functions.collect();
        format!(
            r#"(module
                (memory (export "memory") {PAGES})
                (global $heap (mut i32) (i32.const {HEAP_AT}))
                {data}
                (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (i32.and (i32.add (global.get $heap) (i32.const 7)) (i32.const -8)))
                    (global.set $heap (i32.add (local.get $at) (local.get 3)))
                    (local.get $at))
                {functions})"#
        )
    }
}

fn export(resolve: &Resolve, interface: &str, function: &Function) -> Export {
    let core = resolve.wasm_signature(AbiVariant::GuestExport, function);
    let listed = |what: &str, types: &[WasmType]| {
        let types: Vec<&str> = types.iter().map(|ty| word(*ty)).collect();
        if types.is_empty() { String::new() } else { format!("({what} {})", types.join(" ")) }
    };
    Export {
        name: format!("{interface}#{}", function.name),
        signature: format!("{} {}", listed("param", &core.params), listed("result", &core.results)),
        result: function.result.expect("each returns something"),
    }
}

fn word(ty: WasmType) -> &'static str {
    match ty {
        WasmType::I32 | WasmType::Pointer | WasmType::Length => "i32",
        WasmType::I64 | WasmType::PointerOrI64 => "i64",
        WasmType::F32 => "f32",
        WasmType::F64 => "f64",
    }
}

/// Memory of a guest, growing upwards.
struct Memory<'c, 'i> {
    contract: &'c Contract,
    input: Unstructured<'i>,
    bytes: Vec<u8>,
}

impl Memory<'_, '_> {
    /// Puts bytes at an address divisible by eight; `None` where there is no room left.
    fn put(&mut self, bytes: &[u8]) -> Option<usize> {
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
        let at = DATA_AT + self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        (at + bytes.len() < HEAP_AT).then_some(at)
    }

    fn list(&mut self, bytes: &[u8], length: usize) -> arbitrary::Result<Vec<u8>> {
        let at = self.put(bytes).ok_or(arbitrary::Error::IncorrectFormat)?;
        let word = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_le_bytes();
        Ok([word(at), word(length)].concat())
    }

    /// A value as it is stored; `field` is its name, where it is part of a record.
    fn value(&mut self, ty: &Type, field: &str) -> arbitrary::Result<Vec<u8>> {
        let contract = self.contract;
        let Type::Id(id) = ty else { return self.plain(ty, field) };
        let sizes = &contract.sizes;
        let mut bytes = vec![0; sizes.size(ty).size_wasm32()];
        match &contract.resolve.types[*id].kind {
            TypeDefKind::Type(same) => return self.value(same, field),
            TypeDefKind::Record(record) => {
                let types = record.fields.iter().map(|field| &field.ty);
                for (field, (offset, ty)) in record.fields.iter().zip(sizes.field_offsets(types)) {
                    let value = self.value(ty, &field.name)?;
                    copy(&mut bytes, offset.size_wasm32(), &value);
                }
            }
            TypeDefKind::Tuple(tuple) => {
                for (offset, ty) in sizes.field_offsets(&tuple.types) {
                    let value = self.value(ty, field)?;
                    copy(&mut bytes, offset.size_wasm32(), &value);
                }
            }
            TypeDefKind::Enum(cases) => bytes[0] = self.tag(cases.cases.len())?,
            TypeDefKind::Variant(variant) => {
                let cases = variant.cases.iter().map(|case| (case.name.as_str(), case.ty.as_ref())).collect();
                self.case(&mut bytes, cases)?;
            }
            TypeDefKind::Option(some) => self.case(&mut bytes, vec![("", None), (field, Some(some))])?,
            TypeDefKind::Result(result) => {
                // Mostly the tool has no error of its own.
                let ok = ("", result.ok.as_ref());
                self.case(&mut bytes, vec![ok, ("", result.err.as_ref()), ok, ok])?;
                bytes[0] = if bytes[0] > 1 { 0 } else { bytes[0] };
            }
            TypeDefKind::List(of) => {
                let known = known(field);
                let count = if known.is_empty() { self.input.int_in_range(0..=ENTRIES_MAX)? } else { known.len() };
                let mut entries = Vec::new();
                for at in 0..count {
                    let entry = match known.get(at) {
                        Some(name) => self.list(name.as_bytes(), name.len())?,
                        None => self.value(of, field)?,
                    };
                    entries.extend(entry);
                }
                return self.list(&entries, count);
            }
            // The contract has none of the others by now; zeros are a value of most.
            _ => {}
        }
        Ok(bytes)
    }

    fn case(&mut self, bytes: &mut [u8], cases: Vec<(&str, Option<&Type>)>) -> arbitrary::Result<()> {
        bytes[0] = self.tag(cases.len())?;
        let (name, payload) = cases[usize::from(bytes[0])];
        if let Some(ty) = payload {
            let value = self.value(ty, name)?;
            let types = cases.iter().map(|(_, ty)| *ty);
            let offset = self.contract.sizes.payload_offset(wit_parser::Int::U8, types);
            copy(bytes, offset.size_wasm32(), &value);
        }
        Ok(())
    }

    fn tag(&mut self, cases: usize) -> arbitrary::Result<u8> {
        Ok(u8::try_from(self.input.choose_index(cases)?).expect("few cases"))
    }

    fn plain(&mut self, ty: &Type, field: &str) -> arbitrary::Result<Vec<u8>> {
        Ok(match ty {
            Type::String => {
                let text = self.text(field)?;
                self.list(text.as_bytes(), text.len())?
            }
            Type::Bool => vec![self.input.arbitrary::<bool>()?.into()],
            Type::U8 | Type::S8 => vec![self.input.arbitrary()?],
            Type::U16 | Type::S16 => self.input.arbitrary::<u16>()?.to_le_bytes().into(),
            Type::Char => u32::from(self.input.arbitrary::<char>()?).to_le_bytes().into(),
            Type::U64 | Type::S64 | Type::F64 => self.input.arbitrary::<u64>()?.to_le_bytes().into(),
            _ => self.input.arbitrary::<u32>()?.to_le_bytes().into(),
        })
    }

    fn text(&mut self, field: &str) -> arbitrary::Result<String> {
        let usual = match field {
            "id" => "fuzzed",
            "version" => "1.2.3",
            "params-schema" => r#"{"type":"object"}"#,
            "file" => ".env",
            "variable" => "DB_KEY",
            _ => "web",
        };
        if self.input.ratio(7, 8)? {
            return Ok(usual.to_owned());
        }
        let length = self.input.int_in_range(0..=TEXT_BYTES_MAX)?;
        let bytes = self.input.bytes(length.min(self.input.len()))?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// What a list of names in the manifest may hold.
fn known(field: &str) -> Vec<&'static str> {
    match field {
        "handles" => FailureClass::ALL.iter().map(|class| class.as_str()).collect(),
        "sees" => QueryKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        "may" => ActionKind::ALL.iter().map(|kind| kind.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn copy(bytes: &mut [u8], at: usize, value: &[u8]) {
    bytes[at..at + value.len()].copy_from_slice(value);
}
