//! Every way to write a published port, moved in place and by an override: real Compose sees exactly that port move, and
//! the undo leaves every byte as it was.

use std::collections::{BTreeMap, BTreeSet};

use repair_effects::compose::config::model_from_config;
use repair_effects::compose::edit::plan_move;
use repair_effects::compose::origins::attach_origins;
use repair_effects::compose::patch;
use repair_effects::compose::snapshot::{EditInput, Snapshot, override_names};
use repair_model::action::PortMove;
use repair_model::compose::{Published, PublishedPort};
use repair_model::plan::EditMethod;
use repair_test_support::{Engine, Project, WEB};
use serde_json::Value;

const FILE: &str = "compose.yaml";

/// Entries of `ports` as they stand in a file, below `ports:` and indented by six. Each publishes 20 000 or a range
/// that begins there.
const SYNTAXES: &[&str] = &[
    "- \"20000:80\"",
    "- 20000:80",
    "- '20000:80'   # with a comment",
    "- \"20000:80/tcp\"",
    "- \"20000:80/TCP\"",
    "- \"20000:53/udp\"",
    "- \"20000:36412/sctp\"",
    "- \"127.0.0.1:20000:80\"",
    "- \"[::1]:20000:80\"",
    "- \"20000-20001:8080-8081\"",
    "- \"20000-20002:80\"",
    "- \"127.0.0.1:20000-20002:5000-5002\"",
    "- \"${PORT:-20000}:80\"",
    "- \"${PORT-20000}:80\"",
    "- target: 80\n        published: 20000",
    "- target: 80\n        published: \"20000\"\n        protocol: tcp\n        mode: host",
    "- target: 80\n        published: \"20000-20001\"",
    "- target: 53\n        host_ip: 127.0.0.1\n        published: '20000'   # quoted\n        protocol: udp",
    "- name: web\n        target: 80\n        published: \"20000\"\n        app_protocol: http",
];

/// A project with that entry between two others, in a file with comments and odd but legal spacing.
fn file_with(entry: &str) -> String {
    format!(
        "# a comment\nservices:\n  web:\n    image: {WEB}   # the image\n    ports:\n      - \"20500:81\"\n      \
         {entry}\n      - \"82\"\n  other:\n    image: {WEB}\n    ports: [\"20600:80\"]\n"
    )
}

fn config(project: &Project<'_>) -> Value {
    let config = project.compose(["config", "--format", "json"]).expect("compose runs");
    assert!(config.succeeded(), "{config}");
    serde_json::from_str(&config.stdout).expect("it prints JSON")
}

/// Texts as edits are planned from them.
fn texts(project: &Project<'_>) -> BTreeMap<String, Option<String>> {
    let names = override_names(FILE).into_iter().chain([FILE.to_owned(), ".env".to_owned()]);
    names.map(|name| (name.clone(), project.read(&name).ok())).collect()
}

/// The published ports of `web` as numbers, ascending, and the rest of the configuration.
fn published(mut config: Value) -> (Vec<String>, Value) {
    let mut found = Vec::new();
    if let Some(ports) = config["services"]["web"]["ports"].as_array_mut() {
        for port in ports.iter_mut() {
            if let Some(published) = port.as_object_mut().and_then(|port| port.remove("published")) {
                found.push(published.as_str().map_or_else(|| published.to_string(), str::to_owned));
            }
        }
        ports.sort_by_key(ToString::to_string);
    }
    found.sort();
    (found, config)
}

fn moved(text: &str) -> String {
    text.split('-')
        .map(|port| port.strip_prefix("20").map_or(port.to_owned(), |rest| format!("21{rest}")))
        .collect::<Vec<_>>()
        .join("-")
}

/// Moves the entry that begins at 20 000 to 21 000 and checks everything that may be said about that.
fn check(project: &Project<'_>, entry: &str, method: EditMethod) {
    let original = file_with(entry);
    project.write(FILE, &original).expect("the file can be written");
    let before = config(project);
    let mut model = model_from_config(&before).expect("a model");
    let (texts, shell, tracked) = (texts(project), BTreeMap::new(), BTreeSet::new());
    let services = model.services.clone();
    let input = EditInput {
        texts: &texts,
        compose_files: &[FILE.to_owned()],
        explicit_files: false,
        dotenv_files: &[".env".to_owned()],
        shell: &shell,
        tracked: &tracked,
        services: &services,
        override_tag: true,
    };
    let snapshot = Snapshot::read(&input).expect("a file that Compose takes");
    attach_origins(&mut model.services, &snapshot.source, &snapshot.variables());

    let web = model.service("web").expect("the service");
    let port: &PublishedPort =
        web.ports.iter().find(|port| port.published.ports().contains(&20_000)).expect("the entry");
    assert!(port.origin.is_some(), "{entry}: nobody knows where it is written");
    let after = match port.published {
        Published::Range(first, last) => Published::Range(first + 1000, last + 1000),
        _ => Published::Fixed(21_000),
    };
    let port_move = PortMove {
        service: "web".into(),
        target: port.target,
        protocol: port.protocol,
        host_ip: port.host_ip.clone(),
        before: port.published,
        after,
    };
    let edit = plan_move(&input, &port_move, method).unwrap_or_else(|error| panic!("{entry} by {method:?}: {error}"));
    let text = texts.get(&edit.file).and_then(Option::as_deref);
    let edited = patch::apply(text, &edit).expect("the edit fits its file");
    project.write(&edit.file, &edited).expect("the file can be written");

    let (ports_before, rest_before) = published(before);
    let (ports_after, rest_after) = published(config(project));
    assert_eq!(rest_before, rest_after, "{entry} by {method:?}: more than the published port differs");
    let mut expected: Vec<String> =
        ports_before.iter().map(|port| if port.starts_with("2000") { moved(port) } else { port.clone() }).collect();
    expected.sort();
    assert_eq!(ports_after, expected, "{entry} by {method:?}");

    let undo = patch::undo(&edit);
    let restored = patch::apply(Some(&edited), &undo).expect("the undo fits");
    if patch::removes_file(&undo) {
        assert_eq!(text, None);
        std::fs::remove_file(project.dir().join(&edit.file)).expect("the file is there");
    } else {
        assert_eq!(Some(restored.as_str()), text, "{entry} by {method:?}: the undo leaves other bytes");
        project.write(&edit.file, &restored).expect("the file can be written");
    }
    assert_eq!(project.read(FILE).expect("the file"), original);
}

#[test]
fn every_syntax_moves_in_place() {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    for entry in SYNTAXES {
        check(&project, entry, EditMethod::InPlace);
    }
}

#[test]
fn every_syntax_moves_by_an_override() {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    for entry in SYNTAXES {
        check(&project, entry, EditMethod::Override);
    }
}
