//! Replies that are well formed and yet wrong, and those that are right.

use repair_model::action::{Action, ActionKind, PortMove};
use repair_model::compose::{ComposeModel, Origin, PortKey, Protocol, Published, PublishedPort, Service, ValueSource};
use repair_model::container::{Container, ContainerRef, ContainerState, Health, PortOwner, StaleContainer, Staleness};
use repair_model::env_value::{EmptyVariable, EnvValue, ValueEncoding};
use repair_model::finding::{Finding, Proof};
use repair_model::image::ServiceImage;
use repair_model::network::Network;
use repair_model::query::{Answer, Fact, Observation, Query, QueryKind, Refusal};
use repair_model::tool::{Attempt, Case, Reply, ToolAnswer};
use repair_pipeline::outside::Tools;

use repair_test_guests::{Guest, slice};

use super::Sourced as _;
use super::{azure_facts, case, loaded, proposed};
use crate::check_declared;

fn fixed(port: u16) -> (u8, u16, u16) {
    (0, port, 0)
}

#[test]
fn a_proposal_arrives_as_it_was_made() {
    let mut guest = Guest::new("mover");
    guest.may = vec!["remap-port", "compose-up"];
    let actions = [guest.remap_port(80, fixed(8080), (1, 8081, 8082)), guest.compose_up(&["web", "db"])];
    guest.proposes(900, &actions);
    let reply = proposed(guest.source()).expect("a reply");
    let ToolAnswer::Propose(proposal) = reply.answer else { panic!("a proposal: {reply:?}") };
    assert_eq!((proposal.reason.as_str(), proposal.confidence.get()), ("because", 900));
    let port_move = PortMove {
        service: "web".to_owned(),
        target: 80,
        protocol: Protocol::Tcp,
        host_ip: None,
        before: Published::Fixed(8080),
        after: Published::Range(8081, 8082),
    };
    let up = Action::ComposeUp { services: vec!["web".to_owned(), "db".to_owned()] };
    assert_eq!(proposal.actions, [Action::RemapPort(port_move), up]);
}

/// It proposes the actions of the first earlier try, as they were shown to it.
#[test]
fn every_kind_of_action_goes_to_a_tool_and_comes_back_as_it_was() {
    let mut guest = Guest::new("echo");
    guest.may = ActionKind::ALL.iter().map(|kind| kind.as_str()).collect();
    guest.proposes(900, &[]);
    let at: u32 = guest.propose.trim_start_matches("i32.const ").parse().expect("the address of the result");
    // The result holds address and length of its list at 20 and 24, a try those of its actions at 8 and 12.
    guest.propose = format!(
        "(i32.store (i32.const {}) (i32.load offset=8 (local.get 13)))
        (i32.store (i32.const {}) (i32.load offset=12 (local.get 13)))
        i32.const {at}",
        at + 20,
        at + 24
    );
    let attempt =
        Attempt { tool: "echo".to_owned(), actions: every_action(), outcome: "healed".to_owned(), seconds_ago: 60 };
    let mut toolbox = loaded(vec![guest.source()]);
    assert_eq!(toolbox.failures(), []);
    let reply = toolbox.propose("echo", &Case { history: vec![attempt], ..case() }).expect("a reply");
    let ToolAnswer::Propose(proposal) = reply.answer else { panic!("a proposal: {reply:?}") };
    assert_eq!(proposal.actions, every_action());
}

#[test]
fn every_further_kind_of_action_arrives_as_it_was_made() {
    let mut guest = Guest::new("handy");
    guest.may =
        vec!["restart-service", "pull-image", "remove-stale-container", "remove-stale-network", "set-env-value"];
    let actions = [
        guest.action_of(3, &["web"]),
        guest.pull_image(&["web", "db"]),
        guest.action_of(5, &["shop-old-1", "0a1b"]),
        guest.action_of(6, &["shop_front", "2c3d"]),
        guest.set_env_value("DB_KEY", "config/./app.env", 64, 2),
    ];
    guest.proposes(900, &actions);
    let reply = proposed(guest.source()).expect("a reply");
    let ToolAnswer::Propose(proposal) = reply.answer else { panic!("a proposal: {reply:?}") };
    let text = str::to_owned;
    let expected = [
        Action::RestartService { service: text("web") },
        Action::PullImage { services: vec![text("web"), text("db")] },
        Action::RemoveStaleContainer { container: text("shop-old-1"), id: text("0a1b") },
        Action::RemoveStaleNetwork { network: text("shop_front"), id: text("2c3d") },
        Action::SetEnvValue(EnvValue {
            variable: text("DB_KEY"),
            file: text("config/./app.env"),
            bytes: 64,
            encoding: ValueEncoding::Alphanumeric,
        }),
    ];
    assert_eq!(proposal.actions, expected);
}

#[test]
fn a_further_query_is_declared_like_any_other() {
    let names = ["stale-containers", "networks", "images", "empty-variables"];
    for (case, kind) in (5..).zip(names) {
        let asking = |sees: &'static str| {
            let mut guest = Guest::new("asker");
            guest.sees = vec![sees];
            let mut query = [0; 24];
            query[0] = case;
            let queries = guest.data.put(&query);
            guest.answers(1, &slice(queries, 1), [0; 8]);
            proposed(guest.source())
        };
        let reply = asking(kind).expect("a reply");
        let ToolAnswer::Need(queries) = reply.answer else { panic!("a need: {reply:?}") };
        assert_eq!(queries.iter().map(|query| query.kind().as_str()).collect::<Vec<_>>(), [kind]);
        let failure = asking("containers").expect_err("refused");
        assert!(failure.what.starts_with(&format!("`propose` asked the query `{kind}`")), "{failure}");
    }
}

/// A guest that proposes one action, and what is wrong with it.
fn refused_action(make: impl Fn(&mut Guest) -> [u8; 40]) -> (String, String) {
    let mut guest = Guest::new("wrong");
    let action = make(&mut guest);
    guest.proposes(900, &[action]);
    let failure = proposed(guest.source()).expect_err("refused");
    (failure.what, failure.fix)
}

#[test]
fn what_is_restarted_pulled_or_removed_has_a_name_and_an_id() {
    let from_observation = |field: &str| format!("take `{field}` from an observation");
    let services = "name the services, as the Compose model has them".to_owned();
    for (case, texts, field, fix) in [
        (3, &[""][..], "service", services.clone()),
        (5, &["", "0a1b"][..], "container", from_observation("container")),
        (5, &["shop-old-1", ""][..], "id", from_observation("id")),
        (6, &["", "2c3d"][..], "network", from_observation("network")),
        (6, &["shop_front", ""][..], "id", from_observation("id")),
    ] {
        let refused = refused_action(|guest| guest.action_of(case, texts));
        assert_eq!(refused, (format!("`propose` left `{field}` empty"), fix), "{case} {texts:?}");
    }
    let (what, fix) = refused_action(|guest| guest.pull_image(&[]));
    assert_eq!((what.as_str(), fix), ("`propose` proposed `pull-image` of no service", services));
    let (what, _) = refused_action(|guest| guest.pull_image(&["web", ""]));
    assert_eq!(what, "`propose` left `services` empty");
    let (what, _) = refused_action(|guest| guest.pull_image(&["s"; 1001]));
    assert_eq!(what, "`propose` returned 1001 services, more than the limit of 1000");
    let long = "x".repeat(4097);
    let (what, _) = refused_action(|guest| guest.action_of(5, &["shop-old-1", &long]));
    assert_eq!(what, "`propose` returned 4097 bytes of `id`, more than the limit of 4096 bytes");
}

#[test]
fn a_value_is_drawn_from_enough_bytes_and_not_from_too_many() {
    for bytes in [0, 15, 65, u16::MAX] {
        let (what, _) = refused_action(|guest| guest.set_env_value("KEY", ".env", bytes, 0));
        let words = format!("`propose` wants a value of {bytes} random bytes, but the scale goes from 16 to 64");
        assert_eq!(what, words);
    }
    let (what, _) = refused_action(|guest| guest.set_env_value("KEY", ".env", 16, 0));
    assert!(what.contains("may only propose"), "16 bytes are in range, so only the manifest is left: {what}");
    let (what, _) = refused_action(|guest| guest.set_env_value("KEY", ".env", 16, 3));
    assert!(!what.contains("may only propose"), "there is no fourth encoding: {what}");
}

#[test]
fn a_variable_cannot_break_out_of_its_line() {
    for wrong in ["A B", "A=B", "A\nB", "1A", "-A", "É", "$A", "A\0", "A\u{202e}"] {
        let (what, _) = refused_action(|guest| guest.set_env_value(wrong, ".env", 32, 0));
        assert!(what.ends_with("which is no name of a variable"), "{wrong:?}: {what}");
        assert!(!what.contains(['\n', '\0', '\u{202e}']), "{what:?}");
    }
    let (what, _) = refused_action(|guest| guest.set_env_value("", ".env", 32, 0));
    assert_eq!(what, "`propose` left `variable` empty");
    let (what, _) = refused_action(|guest| guest.set_env_value("_spring.key-2", ".env", 32, 0));
    assert!(what.contains("may only propose"), "{what}");
}

#[test]
fn a_value_is_written_below_the_project_directory_only() {
    for wrong in ["/etc/environment", "../.env", "config/../../.env", "..", "/"] {
        let (what, _) = refused_action(|guest| guest.set_env_value("KEY", wrong, 32, 0));
        let words = format!("`propose` returned the file `{wrong}`, which does not lie below the project directory");
        assert_eq!(what, words);
    }
    let (what, _) = refused_action(|guest| guest.set_env_value("KEY", "", 32, 0));
    assert_eq!(what, "`propose` left `file` empty");
}

#[test]
fn the_check_of_declared_kinds_stands_alone() {
    let toolbox = loaded(vec![Guest::new("plain").source()]);
    let manifest = &toolbox.manifests()[0];
    assert_eq!(
        (manifest.sees.as_slice(), manifest.may.as_slice()),
        (&[QueryKind::Containers][..], &[ActionKind::ComposeUp][..])
    );
    let need = |query| Reply { answer: ToolAnswer::Need(vec![query]), notes: Vec::new() };
    assert_eq!(check_declared(manifest, &need(Query::Containers)), Ok(()));
    let failure = check_declared(manifest, &need(Query::ComposeModel)).expect_err("refused");
    assert_eq!(failure.tool, "plain");
}

#[test]
fn values_outside_their_range_are_refused() {
    type Make = fn(&mut Guest);
    let cases: [(&str, Make); 9] = [
        ("`propose` returned a confidence of 1001, but the scale ends at 1000", |guest| {
            let action = guest.compose_up(&["web"]);
            guest.proposes(1001, &[action]);
        }),
        ("`propose` proposed no action", |guest| guest.proposes(900, &[])),
        ("`propose` proposed `compose-up` of no service", |guest| {
            let action = guest.compose_up(&[]);
            guest.proposes(900, &[action]);
        }),
        ("`propose` left `services` empty", |guest| {
            let action = guest.compose_up(&["web", ""]);
            guest.proposes(900, &[action]);
        }),
        ("`propose` returned port 0 as `target`", |guest| {
            let action = guest.remap_port(0, fixed(8080), fixed(8081));
            guest.proposes(900, &[action]);
        }),
        ("`propose` returned port 0 as `after`", |guest| {
            let action = guest.remap_port(80, fixed(8080), fixed(0));
            guest.proposes(900, &[action]);
        }),
        ("`propose` returned the port range 9000-8000 as `before`, which ends before it begins", |guest| {
            let action = guest.remap_port(80, (1, 9000, 8000), fixed(8081));
            guest.proposes(900, &[action]);
        }),
        ("`propose` needs nothing that it names", |guest| guest.answers(1, &[0; 8], [0; 8])),
        ("`propose` returned 65 queries, more than the limit of 64", |guest| {
            let queries = guest.data.put(&[0; 65 * 24]);
            guest.answers(1, &slice(queries, 65), [0; 8]);
        }),
    ];
    for (what, make) in cases {
        let mut guest = Guest::new("wrong");
        make(&mut guest);
        assert_eq!(proposed(guest.source()).expect_err(what).what, what);
    }
}

#[test]
fn texts_and_notes_are_bounded() {
    let mut guest = Guest::new("wordy");
    guest.declines(&"x".repeat(4097));
    let failure = proposed(guest.source()).expect_err("refused");
    assert_eq!(failure.what, "`propose` returned 4097 bytes of `decline`, more than the limit of 4096 bytes");

    let mut guest = Guest::new("chatty");
    let why = guest.data.text("why");
    let notes = guest.data.texts(&["note"; 101]);
    guest.answers(3, &why, notes);
    let failure = proposed(guest.source()).expect_err("refused");
    assert_eq!(failure.what, "`propose` returned 101 notes, more than the limit of 100");
}

#[test]
fn an_error_of_the_tool_itself_is_escaped_and_no_misbehaviour() {
    let mut guest = Guest::new("honest");
    guest.fails("no-params", "\u{1b}[2Jbad", None);
    let mut toolbox = loaded(vec![guest.source()]);
    let failure = toolbox.propose("honest", &case()).expect_err("an error");
    assert_eq!(failure.what, "`propose` returned the error `no-params`: \\u{1b}[2Jbad");
    assert_eq!(failure.fix, "ask its author what this error means");
}

#[test]
fn every_kind_of_fact_reaches_a_tool() {
    let near = PortKey { port: 8080, protocol: Protocol::Udp, host_ip: Some("127.0.0.1".to_owned()) };
    let mut answers = vec![
        (Query::ComposeModel, Answer::Fact(Fact::ComposeModel(model()))),
        (Query::Containers, Answer::Fact(Fact::Containers(vec![container()]))),
        (Query::ContainerLog { service: "web".to_owned(), lines_max: 5 }, Answer::Refused(Refusal::NotPermitted)),
        (
            Query::PortOwner(near.clone()),
            Answer::Fact(Fact::PortOwner(PortOwner::OtherContainer(container().container))),
        ),
        (Query::FreePorts { near, count: 3 }, Answer::Fact(Fact::FreePorts(vec![8081, 8082]))),
        (Query::StaleContainers, Answer::Fact(Fact::StaleContainers(Staleness::ALL.map(stale).into()))),
        (Query::Networks, Answer::Fact(Fact::Networks(vec![network()]))),
        (Query::Images, Answer::Fact(Fact::Images(vec![image()]))),
        (Query::EmptyVariables, Answer::Fact(Fact::EmptyVariables(vec![empty_variable()]))),
    ];
    answers.extend(azure_facts::answers());
    assert_eq!(answers.iter().map(|(asked, _)| asked.kind()).collect::<Vec<_>>(), QueryKind::ALL);
    let observed = |(asked, answer)| Observation { asked, answer, truncated: false };
    let attempt =
        Attempt { tool: "counter".to_owned(), actions: every_action(), outcome: "healed".to_owned(), seconds_ago: 60 };
    let line = |text: &str| Proof { evidence: 0, line: 1, text: text.to_owned() };
    let finding = Finding { contradictions: vec![line("a"), line("b"), line("c")], ..case().finding };
    let case = Case {
        finding,
        observations: answers.into_iter().map(observed).collect(),
        history: vec![attempt],
        waited_seconds: 7,
        ..case()
    };

    // It declines only a case with these numbers of contradictions, observations, attempts and seconds.
    let mut guest = Guest::new("counter");
    let decline = guest.propose.clone();
    guest.propose = format!(
        "(if (i32.ne (local.get 8) (i32.const 3)) (then unreachable))
        (if (i32.ne (local.get 10) (i32.const 16)) (then unreachable))
        (if (i32.ne (local.get 14) (i32.const 1)) (then unreachable))
        (if (i32.ne (local.get 15) (i32.const 7)) (then unreachable))
        {decline}"
    );
    let mut toolbox = loaded(vec![guest.source()]);
    assert_eq!(toolbox.failures(), []);
    toolbox.propose("counter", &case).expect("a reply");
}

#[test]
fn a_case_beyond_the_limits_is_not_shown_and_harms_no_tool() {
    let observation =
        Observation { asked: Query::Containers, answer: Answer::Refused(Refusal::OverLimit), truncated: true };
    let wide = Case { observations: vec![observation; 257], ..case() };
    let mut toolbox = loaded(vec![Guest::new("patient").source()]);
    let failure = toolbox.propose("patient", &wide).expect_err("refused");
    assert_eq!(failure.what, "its case has 257 observations, more than the limit of 256");
    assert!(toolbox.propose("patient", &case()).is_ok());
}

/// One action of each kind.
fn every_action() -> Vec<Action> {
    let text = str::to_owned;
    let services = || vec![text("web")];
    let port_move = PortMove {
        service: text("web"),
        target: 80,
        protocol: Protocol::Sctp,
        host_ip: None,
        before: Published::Fixed(8080),
        after: Published::EnginePicks,
    };
    let value = EnvValue { variable: text("KEY"), file: text(".env"), bytes: 32, encoding: ValueEncoding::Base64 };
    let mut actions = vec![
        Action::RemapPort(port_move),
        Action::ComposeUp { services: services() },
        Action::CollectLogs { services: services(), lines_max: 9 },
        Action::RestartService { service: text("web") },
        Action::PullImage { services: services() },
        Action::RemoveStaleContainer { container: text("shop-old-1"), id: text("0a1b") },
        Action::RemoveStaleNetwork { network: text("shop_front"), id: text("2c3d") },
        Action::SetEnvValue(value),
    ];
    actions.extend(azure_facts::actions());
    assert_eq!(actions.iter().map(Action::kind).collect::<Vec<_>>(), ActionKind::ALL);
    actions
}

fn stale(why: Staleness) -> StaleContainer {
    StaleContainer { container: container(), why, foreign: why == Staleness::HoldsWantedName }
}

fn network() -> Network {
    Network {
        name: "shop_front".to_owned(),
        id: "2c3d".to_owned(),
        project: Some("shop".to_owned()),
        key: Some("front".to_owned()),
        wanted_as: None,
        attached: vec![container().container],
        subnets: vec!["172.28.0.0/16".to_owned()],
        driver: "bridge".to_owned(),
    }
}

fn image() -> ServiceImage {
    ServiceImage {
        service: "web".to_owned(),
        image: "example/web:1".to_owned(),
        present: false,
        built: false,
        pull_policy: Some("always".to_owned()),
    }
}

fn empty_variable() -> EmptyVariable {
    EmptyVariable {
        variable: "DB_KEY".to_owned(),
        file: ".env".to_owned(),
        written: true,
        required: true,
        secret_like: true,
        services: vec!["db".to_owned()],
        shell: false,
    }
}

fn model() -> ComposeModel {
    let origin = Origin {
        file: "compose.yaml".to_owned(),
        line: 4,
        source: ValueSource::Fallback("WEB_PORT".to_owned()),
        shared_with: vec!["api".to_owned()],
    };
    let port = PublishedPort {
        target: 80,
        target_last: 80,
        protocol: Protocol::Tcp,
        host_ip: None,
        published: Published::Range(8080, 8081),
        origin: Some(origin),
    };
    let service = Service {
        name: "web".to_owned(),
        ports: vec![port],
        depends_on: vec!["db".to_owned()],
        has_healthcheck: true,
        one_shot: false,
        scale: 1,
    };
    ComposeModel { project: "shop".to_owned(), services: vec![service] }
}

fn container() -> Container {
    Container {
        container: ContainerRef {
            id: "0a1b".to_owned(),
            name: "shop-web-1".to_owned(),
            project: Some("shop".to_owned()),
            service: None,
        },
        image: "web:1".to_owned(),
        state: ContainerState::Unknown("thawing".to_owned()),
        health: Health::Starting,
        exit_code: Some(-1),
        oom_killed: false,
        restarts: 2,
        recent_deaths: 0,
        error: Some("driver failed".to_owned()),
        ever_ran: true,
        config_hash: None,
        ports: Vec::new(),
    }
}
