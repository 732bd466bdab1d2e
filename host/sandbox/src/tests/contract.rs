//! The contract: what was released stays loadable, and everything that names its kinds agrees.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use repair_model::action::{Action, ActionKind};
use repair_model::ids::Permille;
use repair_model::query::{Fact, Query, QueryKind};
use repair_model::tool::{Case, ToolAnswer};
use repair_pipeline::outside::Tools as _;
use repair_test_guests::Guest;
use sha2::{Digest as _, Sha256};
use wit_parser::{Docs, Resolve, Type, TypeDefKind, TypeId};

use super::{Sourced as _, case, loaded, source};
use crate::contract::Contract;

fn wit() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit")
}

/// The interface of types in the present contract.
struct Types {
    resolve: Resolve,
    names: Vec<(String, TypeId)>,
}

impl Types {
    fn present() -> Self {
        let mut resolve = Resolve::default();
        let (package, _) = resolve.push_path(wit()).expect("the contract parses");
        let interface = resolve.packages[package].interfaces["types"];
        let names = resolve.interfaces[interface].types.iter().map(|(name, id)| (name.clone(), *id)).collect();
        Self { resolve, names }
    }

    fn id(&self, name: &str) -> TypeId {
        self.names.iter().find(|(known, _)| known == name).map(|(_, id)| *id).expect("a type of the contract")
    }

    /// The names of a variant's cases.
    fn cases(&self, name: &str) -> Vec<String> {
        match &self.resolve.types[self.id(name)].kind {
            TypeDefKind::Variant(variant) => variant.cases.iter().map(|case| case.name.clone()).collect(),
            other => panic!("`{name}` is a variant: {other:?}"),
        }
    }
}

#[test]
fn a_component_of_every_released_version_is_loaded_and_understood() {
    for contract in Contract::ALL {
        let version = contract.exported().rsplit_once('@').expect("a version").1;
        if contract == Contract::PRESENT {
            assert!(loaded(vec![Guest::new("present").source()]).failures().is_empty());
            continue;
        }
        let released = wit().join("released");
        let core = std::fs::read_to_string(released.join(format!("golden-{version}.wat"))).expect("a golden tool");
        let component = repair_test_guests::component(&core, released.join(format!("repair-tool-{version}.wit")));
        let mut toolbox = loaded(vec![source("golden.wasm", component)]);
        assert_eq!(toolbox.failures(), [], "{version}");
        assert_eq!(toolbox.manifests()[0].tool.to_string(), "golden 1.0.0");
        assert_eq!(toolbox.weight("golden").expect("loaded").contract, contract.exported());

        let told = Case { params: r#"{"said":"so"}"#.to_owned(), ..case() };
        let declined = toolbox.propose("golden", &told).expect("a reply");
        assert_eq!(declined.answer, ToolAnswer::Decline(told.params.clone()), "{version}");
        assert_eq!(declined.notes, ["a note"]);
        let ToolAnswer::Propose(proposal) =
            toolbox.propose("golden", &Case { waited_seconds: 5, ..told }).expect("a reply").answer
        else {
            panic!("{version}: a proposal after a wait")
        };
        assert_eq!(proposal.confidence, Permille::new(900).expect("below 1000"));
        assert_eq!(proposal.actions, [Action::ComposeUp { services: vec!["web".to_owned()] }]);
    }
}

/// What was released never changes, so this list only grows.
const RELEASED: [(&str, &str); 2] = [
    ("golden-0.3.0.wat", "abea7e5cde07fe506bb599e816c53f66a3ce9a13b3afdc330bde1eb28d261e56"),
    ("repair-tool-0.3.0.wit", "81579705fb632b72e258b1347c05672a21498c996986853dca4a52677ebe2bff"),
];

#[test]
fn what_was_released_is_as_it_was() {
    for (file, digest) in RELEASED {
        let bytes = std::fs::read(wit().join("released").join(file)).expect("it was released");
        assert_eq!(hex(&Sha256::digest(&bytes)), digest, "wit/released/{file} was changed");
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn every_released_contract_has_its_line_and_its_golden_tool() {
    let spoken: BTreeSet<String> = Contract::ALL
        .into_iter()
        .filter(|contract| *contract != Contract::PRESENT)
        .map(|contract| contract.exported().rsplit_once('@').expect("a version").1.to_owned())
        .collect();
    let of = |before: &str, after: &str| -> BTreeSet<String> {
        let files = std::fs::read_dir(wit().join("released")).expect("the released contracts");
        files
            .filter_map(|file| {
                let name = file.expect("a file").file_name().to_string_lossy().into_owned();
                Some(name.strip_prefix(before)?.strip_suffix(after)?.to_owned())
            })
            .collect()
    };
    assert_eq!(of("repair-tool-", ".wit"), spoken);
    assert_eq!(of("golden-", ".wat"), spoken);
}

#[test]
fn host_types_contract_schemas_and_policies_name_the_same_queries_and_actions() {
    let types = Types::present();
    let queries: Vec<&str> = QueryKind::ALL.iter().map(|kind| kind.as_str()).collect();
    let actions: Vec<&str> = ActionKind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(types.cases("query"), queries);
    assert_eq!(types.cases("fact"), queries, "each query has its fact");
    assert_eq!(types.cases("action"), actions);

    // In the host's own documents a kind of Azure stands one level deeper, under `azure`.
    for (schema, kinds) in [
        (schemars::schema_for!(Query), &queries),
        (schemars::schema_for!(Fact), &queries),
        (schemars::schema_for!(Action), &actions),
    ] {
        let named = names(schema.as_value());
        for kind in kinds {
            assert!(named.contains(*kind), "`{kind}` is missing in {}", schema.as_value());
        }
    }
    let policies = repair_pipeline::policy::schema_text();
    for kind in actions {
        let entity: String =
            kind.split('-').map(|word| format!("{}{}", word[..1].to_uppercase(), &word[1..])).collect();
        assert!(policies.contains(&format!("entity {entity} = {{")), "a policy cannot name `{entity}`");
    }
}

/// Every name that a JSON Schema gives to a property or to a constant.
fn names(schema: &serde_json::Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match schema {
        serde_json::Value::Object(members) => {
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("properties", serde_json::Value::Object(properties)) => found.extend(properties.keys().cloned()),
                    ("const", serde_json::Value::String(name)) => drop(found.insert(name.clone())),
                    ("enum", serde_json::Value::Array(values)) => {
                        found.extend(values.iter().filter_map(|value| value.as_str().map(str::to_owned)));
                    }
                    _ => {}
                }
                found.extend(names(value));
            }
        }
        serde_json::Value::Array(items) => items.iter().for_each(|item| found.extend(names(item))),
        _ => {}
    }
    found
}

/// The page is generated, so that it never says anything else than the contract:
/// `REPAIR_GENERATE=1 cargo test -p repair-sandbox --lib -- generated`.
#[test]
#[expect(clippy::disallowed_methods, reason = "writing the generated page is what it is for")]
fn the_page_of_the_contract_is_as_generated() {
    let path = wit().join("../docs/contract.md");
    let page = page(&Types::present());
    if std::env::var_os("REPAIR_GENERATE").is_some() {
        std::fs::write(&path, &page).expect("the page is written");
    }
    let published = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(published == page, "docs/contract.md is out of date; see the comment of this test");
}

const PAGE_HEAD: &str = "\
<!-- Generated from wit/repair-tool.wit; do not edit. -->

# The contract

";

fn page(types: &Types) -> String {
    let Types { resolve, names } = types;
    let mut text = PAGE_HEAD.to_owned();
    let (_, package) = resolve.packages.iter().next().expect("the package");
    let _ = writeln!(
        text,
        "`{}`\\\n[The file itself](../wit/repair-tool.wit) is what tools are built from; `repair schema contract` prints it.\n",
        package.name
    );
    text.push_str(&paragraph(&package.docs));
    let exported = package.interfaces["repair"];
    text.push_str("## What a tool exports\n\n");
    text.push_str(&paragraph(&resolve.interfaces[exported].docs));
    for function in resolve.interfaces[exported].functions.values() {
        let params: Vec<String> =
            function.params.iter().map(|param| format!("{}: {}", param.name, shown(resolve, &param.ty))).collect();
        let result =
            function.result.as_ref().map(|result| format!(" -> {}", shown(resolve, result))).unwrap_or_default();
        let _ = writeln!(text, "### `{}: func({}){result}`\n", function.name, params.join(", "));
        text.push_str(&paragraph(&function.docs));
    }
    text.push_str("## Types\n\n");
    text.push_str(&paragraph(&resolve.interfaces[package.interfaces["types"]].docs));
    for (name, id) in names {
        let type_def = &resolve.types[*id];
        let _ = writeln!(text, "### `{name}`\n");
        text.push_str(&paragraph(&type_def.docs));
        type_page(&mut text, resolve, &type_def.kind);
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

fn type_page(text: &mut String, resolve: &Resolve, kind: &TypeDefKind) {
    let mut rows: Vec<[String; 3]> = Vec::new();
    let head = match kind {
        TypeDefKind::Record(record) => {
            for field in &record.fields {
                rows.push([field.name.clone(), shown(resolve, &field.ty), line(&field.docs)]);
            }
            ["field", "type", "what it is"]
        }
        TypeDefKind::Variant(variant) => {
            for case in &variant.cases {
                let holds = case.ty.as_ref().map(|ty| shown(resolve, ty)).unwrap_or_default();
                rows.push([case.name.clone(), holds, line(&case.docs)]);
            }
            ["case", "holds", "what it is"]
        }
        TypeDefKind::Enum(cases) => {
            for case in &cases.cases {
                rows.push([case.name.clone(), String::new(), line(&case.docs)]);
            }
            ["case", "", "what it is"]
        }
        other => panic!("a type of a kind that the page cannot show: {other:?}"),
    };
    let _ = writeln!(text, "| {} | {} | {} |\n|---|---|---|", head[0], head[1], head[2]);
    for [name, holds, says] in rows {
        let holds = if holds.is_empty() { holds } else { format!("`{holds}`") };
        let _ = writeln!(text, "| `{name}` | {holds} | {} |", says.replace('|', "\\|"));
    }
    text.push('\n');
}

fn shown(resolve: &Resolve, ty: &Type) -> String {
    let Type::Id(id) = ty else { return format!("{ty:?}").to_lowercase() };
    let type_def = &resolve.types[*id];
    if let Some(name) = &type_def.name {
        return name.clone();
    }
    match &type_def.kind {
        TypeDefKind::List(of) => format!("list<{}>", shown(resolve, of)),
        TypeDefKind::Option(of) => format!("option<{}>", shown(resolve, of)),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<String> = tuple.types.iter().map(|ty| shown(resolve, ty)).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Result(result) => {
            let part = |ty: &Option<Type>| ty.as_ref().map_or("_".to_owned(), |ty| shown(resolve, ty));
            format!("result<{}, {}>", part(&result.ok), part(&result.err))
        }
        other => panic!("a type without a name that the page cannot show: {other:?}"),
    }
}

fn paragraph(docs: &Docs) -> String {
    docs.contents.as_deref().map(|text| format!("{}\n\n", text.trim())).unwrap_or_default()
}

fn line(docs: &Docs) -> String {
    docs.contents.as_deref().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}
