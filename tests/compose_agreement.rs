//! Generated projects, read by `repair` and by the real Compose: both see the same ports; whatever edit is planned, Compose
//! sees exactly that port move; and after the undo it says what it said before.
//!
//! `tests/ports.rs` goes through every way to write one port. Here ways to write whole projects are put together: lists that
//! services share, merge or extend, an override file beside, and variables out of `.env`. `PROPTEST_CASES=500` looks longer.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use repair_effects::compose::config::model_from_config;
use repair_effects::compose::edit::plan_move;
use repair_effects::compose::origins::port_of;
use repair_effects::compose::patch::{apply, removes_file, undo};
use repair_effects::compose::snapshot::{EditInput, Snapshot, override_names};
use repair_effects::compose::syntax::Port;
use repair_model::action::PortMove;
use repair_model::compose::Published;
use repair_model::plan::EditMethod;
use repair_test_support::{Engine, Project, WEB};
use serde_json::Value;

const BASE: &str = "compose.yaml";
const OVERRIDE: &str = "compose.override.yaml";
const DOTENV: &str = ".env";
/// Unless `PROPTEST_CASES` says otherwise; each costs a second.
const CASES: u32 = 24;
const CASES_OF_PROPTEST: u32 = 256;
/// A smaller example is worth only so many calls of Compose.
const SHRINKS_MAX: u32 = 60;

/// Ways to write one port; `P` is its number, `Q` the second next, `T` its target, `V` a variable of its own.
const ENTRIES: [&str; 19] = [
    "\"P:T\"",
    "P:T",
    "'P:T/tcp'",
    "\"P:T/udp\"",
    "\"127.0.0.1:P:T\"",
    "\"[::1]:P:T\"",
    "\"P-Q:T\"",
    "\"P-P:T\"",
    "\"${V}:T\"",
    "\"$V:T\"",
    "\"${V:-1}:T\"",
    "\"${X_V:-P}:T\"",
    "\"${X_V-P}:${Y_V:-T}\"",
    "{target: T, published: P}",
    "{target: T, published: \"P\", protocol: udp, mode: host}",
    "{ target: T , published: '${V}' , host_ip: 127.0.0.1 }",
    "{target: T, published: \"P-Q\"}",
    "\"T\"",
    "&entryP \"P:T\"",
];

/// Ways to write a line of `.env`.
const LINES: [&str; 6] =
    ["V=P", "export V=P", "V = 'P'", "V=\"P\" # ours", "V: P", "# V=1\nV=1\nV=P   # the last one counts"];

#[derive(Clone, Copy, Debug)]
enum Layout {
    Block,
    Flow,
    /// The list stands under another key, with an anchor.
    Anchored,
    /// The service merges a mapping that has the list.
    Merged,
    /// The service extends the one before it, and adds its own.
    Extending,
    /// The service has the list of the one before it, by an alias.
    Sharing,
}

#[derive(Clone, Copy, Debug)]
enum Beside {
    Nothing,
    Adding,
    Replacing,
    Resetting,
}

#[derive(Clone, Debug)]
struct Written {
    services: Vec<(Layout, Vec<usize>)>,
    beside: Beside,
    line: usize,
    comment: &'static str,
    line_end: &'static str,
    tracked: bool,
}

fn written() -> impl Strategy<Value = Written> {
    let layout = prop::sample::select(vec![
        Layout::Block,
        Layout::Flow,
        Layout::Anchored,
        Layout::Merged,
        Layout::Extending,
        Layout::Sharing,
    ]);
    let service = (layout, prop::collection::vec(0..ENTRIES.len(), 1..4));
    let beside = prop::sample::select(vec![Beside::Nothing, Beside::Adding, Beside::Replacing, Beside::Resetting]);
    let comment = prop::sample::select(vec!["", " # 20000:80 «ü»", "   #"]);
    let line_end = prop::sample::select(vec!["\n", "\r\n"]);
    let services = prop::collection::vec(service, 1..4);
    (services, beside, 0..LINES.len(), comment, line_end, any::<bool>()).prop_map(
        |(services, beside, line, comment, line_end, tracked)| Written {
            services,
            beside,
            line,
            comment,
            line_end,
            tracked,
        },
    )
}

fn numbered(text: &str, number: usize) -> String {
    let port = 20_000 + number * 10;
    text.replace("X_V", &format!("X_{number}"))
        .replace("Y_V", &format!("Y_{number}"))
        .replace('P', &port.to_string())
        .replace('Q', &(port + 2).to_string())
        .replace('T', &(80 + number).to_string())
        .replace('V', &format!("v{number}"))
}

impl Written {
    fn texts(&self) -> BTreeMap<String, Option<String>> {
        let mut texts: BTreeMap<String, Option<String>> =
            override_names(BASE).into_iter().map(|name| (name, None)).collect();
        texts.insert(BASE.to_owned(), Some(self.base().replace('\n', self.line_end)));
        texts.insert(OVERRIDE.to_owned(), self.override_file());
        texts.insert(DOTENV.to_owned(), Some(self.dotenv()));
        texts
    }

    fn entries(&self, service: usize) -> Vec<String> {
        let forms = self.services[service].1.iter().enumerate();
        forms.map(|(at, form)| numbered(ENTRIES[*form], service * 10 + at)).collect()
    }

    fn base(&self) -> String {
        let (mut above, mut text) = (String::new(), "services:\n".to_owned());
        let image = format!("    image: {WEB}{}\n", self.comment);
        for (at, (layout, _)) in self.services.iter().enumerate() {
            let entries = self.entries(at);
            let block = |pad: &str| -> String {
                entries.iter().map(|entry| format!("{pad}- {entry}{}\n", self.comment)).collect()
            };
            let ports = format!("    ports: &list{at}{}\n{}", self.comment, block("      "));
            let body = match layout {
                Layout::Block => format!("{image}{ports}"),
                // A plain `$` may not begin a flow entry; every other form is quoted or a mapping.
                Layout::Flow => format!("    ports: &list{at} [ {} ]{}\n{image}", entries.join(" , "), self.comment),
                Layout::Anchored => {
                    above.push_str(&format!("x-ports-{at}: &list{at}\n{}", block("  ")));
                    format!("{image}    ports: *list{at}\n")
                }
                Layout::Merged => {
                    above.push_str(&format!("x-service-{at}: &service{at}\n  ports: &list{at}\n{}", block("    ")));
                    format!("    <<: *service{at}\n{image}")
                }
                Layout::Extending if at > 0 => format!("    extends: {{service: s{}}}\n{ports}", at - 1),
                Layout::Sharing if at > 0 => format!("{image}    ports: &list{at}\n{}", block("    ")),
                Layout::Extending | Layout::Sharing => format!("{ports}{image}"),
            };
            text.push_str(&format!("  s{at}:\n{body}"));
        }
        let shared =
            self.services.iter().enumerate().filter(|(at, (layout, _))| *at > 0 && matches!(layout, Layout::Sharing));
        for (at, _) in shared {
            text.push_str(&format!("  also{at}:\n{image}    ports: *list{}\n", at - 1));
        }
        format!("{above}{text}")
    }

    fn override_file(&self) -> Option<String> {
        let ports = match self.beside {
            Beside::Nothing => return None,
            Beside::Adding => "\n      - \"20900:90\"\n      - {target: 91, published: 20910}",
            Beside::Replacing => " !override\n      - \"20900:90\"",
            Beside::Resetting => " !reset []",
        };
        Some(format!("services:\n  s0:\n    ports:{ports}\n"))
    }

    fn dotenv(&self) -> String {
        let all = (0..self.services.len()).flat_map(|service| (0..4).map(move |entry| service * 10 + entry));
        all.map(|number| numbered(LINES[self.line], number) + "\n").collect()
    }
}

/// The project on the disk and in the memory of `repair`.
struct Both<'p> {
    project: &'p Project<'static>,
    texts: BTreeMap<String, Option<String>>,
    tracked: BTreeSet<String>,
}

impl Both<'_> {
    fn with<T>(&self, ask: impl FnOnce(&EditInput<'_>) -> T) -> T {
        ask(&EditInput {
            texts: &self.texts,
            compose_files: &[BASE.to_owned()],
            explicit_files: false,
            dotenv_files: &[DOTENV.to_owned()],
            shell: &BTreeMap::new(),
            tracked: &self.tracked,
            services: &[],
            override_tag: true,
        })
    }

    fn put(&mut self, file: &str, text: Option<String>) {
        match &text {
            Some(text) => self.project.write(file, text).expect("written"),
            None => {
                let path = self.project.dir().join(file);
                assert!(!path.exists() || std::fs::remove_file(&path).is_ok(), "{} stays", path.display());
            }
        }
        self.texts.insert(file.to_owned(), text);
    }

    fn config(&self) -> Value {
        let config = self.project.compose(["config", "--format", "json"]).expect("compose runs");
        assert!(config.succeeded(), "{config}\n{}", self.shown());
        serde_json::from_str(&config.stdout).expect("it prints JSON")
    }

    fn snapshot(&self) -> Snapshot {
        self.with(Snapshot::read).unwrap_or_else(|error| panic!("{error}\n{}", self.shown()))
    }

    fn shown(&self) -> String {
        let present = self.texts.iter().filter_map(|(name, text)| Some((name, text.as_ref()?)));
        present.map(|(name, text)| format!("== {name}\n{text}")).collect()
    }
}

/// What each service publishes by Compose, as single ports.
fn published(config: &Value) -> BTreeMap<String, Vec<Port>> {
    let model = model_from_config(config).expect("a model");
    let ports = |ports: &[_]| {
        let mut singles: Vec<Port> = ports.iter().flat_map(|port| port_of(port).singles()).collect();
        singles.sort();
        singles
    };
    model.services.iter().map(|service| (service.name.clone(), ports(&service.ports))).collect()
}

/// The configuration without the numbers of published ports, without the order of the ports, and without extensions, which
/// Compose prints and does not use.
fn rest(mut config: Value) -> Value {
    if let Some(config) = config.as_object_mut() {
        config.retain(|key, _| !key.starts_with("x-"));
    }
    let services = config.get_mut("services").and_then(Value::as_object_mut);
    for ports in services.into_iter().flatten().filter_map(|(_, service)| service.get_mut("ports")?.as_array_mut()) {
        for port in ports.iter_mut().filter_map(Value::as_object_mut) {
            port.remove("published");
        }
        ports.sort_by_key(ToString::to_string);
    }
    config
}

/// Returns how many edits were made.
fn check(project: &Project<'static>, written: &Written) -> usize {
    let tracked = if written.tracked { BTreeSet::from([BASE.to_owned()]) } else { BTreeSet::new() };
    let mut both = Both { project, texts: BTreeMap::new(), tracked };
    for (file, text) in written.texts() {
        both.put(&file, text);
    }
    let before = both.config();
    let snapshot = both.snapshot();
    let by_compose = published(&before);
    assert_eq!(snapshot.source.services().collect::<BTreeSet<_>>(), by_compose.keys().map(String::as_str).collect());
    let mut moves = Vec::new();
    for (service, expected) in &by_compose {
        let readings = snapshot.readings(service);
        let singles: BTreeSet<Port> = readings.iter().flat_map(|(_, reading)| reading.port.singles()).collect();
        assert_eq!(singles, expected.iter().cloned().collect(), "ports of `{service}`\n{}", both.shown());
        moves.extend(readings.into_iter().filter_map(|(_, reading)| port_move(service, &reading.port)));
    }
    let mut edits = 0;
    for port_move in &moves {
        for method in [EditMethod::Dotenv, EditMethod::Override, EditMethod::InPlace] {
            edits += usize::from(check_move(&mut both, &before, port_move, method));
        }
    }
    edits
}

fn port_move(service: &str, port: &Port) -> Option<PortMove> {
    let after = match port.published {
        Published::Fixed(first) => Published::Fixed(first + 5000),
        Published::Range(first, last) => Published::Range(first + 5000, last + 5000),
        Published::EnginePicks => return None,
    };
    let Port { host_ip, target, protocol, published: before, .. } = port.clone();
    Some(PortMove { service: service.to_owned(), target, protocol, host_ip, before, after })
}

fn check_move(both: &mut Both<'_>, before: &Value, port_move: &PortMove, method: EditMethod) -> bool {
    let Ok(edit) = both.with(|input| plan_move(input, port_move, method)) else { return false };
    let original = both.texts.get(&edit.file).cloned().flatten();
    let edited = apply(original.as_deref(), &edit).expect("the edit fits its file");
    both.put(&edit.file, Some(edited.clone()));
    let after = both.config();
    assert_eq!(rest(before.clone()), rest(after.clone()), "{port_move:?} by {method:?}\n{}", both.shown());
    let mut expected = published(before);
    let of_service = expected.get_mut(&port_move.service).expect("the service");
    let mut moved = 0;
    for port in of_service.iter_mut() {
        let is_it = port.target == port_move.target && port.protocol == port_move.protocol;
        if is_it && port.host_ip == port_move.host_ip && port.published == port_move.before {
            port.published = port_move.after;
            moved += 1;
        }
    }
    of_service.sort();
    assert_eq!(moved, 1, "{port_move:?} by {method:?}\n{}", both.shown());
    assert_eq!(published(&after), expected, "{port_move:?} by {method:?}\n{}", both.shown());

    let taken_back = undo(&edit);
    let restored = apply(Some(&edited), &taken_back).expect("the undo fits");
    both.put(&edit.file, Some(restored).filter(|_| !removes_file(&taken_back)));
    assert_eq!(both.texts.get(&edit.file).cloned().flatten(), original);
    assert_eq!(both.config(), *before, "after the undo of {port_move:?} by {method:?}");
    true
}

#[test]
fn compose_and_repair_agree_on_generated_projects_before_and_after_every_edit_and_its_undo() {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    let asked = Config::default();
    let cases = if asked.cases == CASES_OF_PROPTEST { CASES } else { asked.cases };
    let mut runner =
        TestRunner::new(Config { cases, max_shrink_iters: SHRINKS_MAX, failure_persistence: None, ..asked });
    let edits = std::cell::Cell::new(0);
    let outcome = runner.run(&written(), |written| {
        edits.set(edits.get() + check(&project, &written));
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
    assert!(edits.get() >= cases as usize, "only {} edits in {cases} projects", edits.get());
}
