//! Replies that are well formed and yet wrong, and those that are right.

use repair_model::action::{Action, ActionKind, PortMove};
use repair_model::compose::{ComposeModel, Origin, PortKey, Protocol, Published, PublishedPort, Service, ValueSource};
use repair_model::container::{Container, ContainerRef, ContainerState, Health, PortOwner};
use repair_model::query::{Answer, Fact, Observation, Query, QueryKind, Refusal};
use repair_model::tool::{Attempt, Case, Reply, ToolAnswer};
use repair_pipeline::outside::Tools;

use super::guest::{Guest, slice};
use super::{case, loaded, proposed};
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

#[test]
fn an_action_outside_of_the_manifest_is_refused() {
    let mut guest = Guest::new("overreacher");
    let action = guest.remap_port(80, fixed(8080), fixed(8081));
    guest.proposes(900, &[action]);
    let failure = proposed(guest.source()).expect_err("refused");
    assert_eq!(
        failure.to_string(),
        "tool `overreacher`: `propose` proposed the action `remap-port`, but its manifest may only propose \
         `compose-up`; add `remap-port` to `may` in the tool's manifest, or do not use it"
    );
}

#[test]
fn a_query_outside_of_the_manifest_is_refused() {
    let mut guest = Guest::new("peeper");
    // One query, 24 bytes: `compose-model` is case 0.
    let queries = guest.data.put(&[0; 24]);
    guest.answers(1, &slice(queries, 1), [0; 8]);
    let failure = proposed(guest.source()).expect_err("refused");
    assert_eq!(failure.what, "`propose` asked the query `compose-model`, but its manifest only sees `containers`");
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
    guest.fails("no-params", "\u{1b}[2Jbad");
    let mut toolbox = loaded(vec![guest.source()]);
    let failure = toolbox.propose("honest", &case()).expect_err("an error");
    assert_eq!(failure.what, "`propose` returned the error `no-params`: \\u{1b}[2Jbad");
    assert_eq!(failure.fix, "ask its author what this error means");
}

#[test]
fn every_kind_of_fact_reaches_a_tool() {
    let near = PortKey { port: 8080, protocol: Protocol::Udp, host_ip: Some("127.0.0.1".to_owned()) };
    let answers = [
        (Query::ComposeModel, Answer::Fact(Fact::ComposeModel(model()))),
        (Query::Containers, Answer::Fact(Fact::Containers(vec![container()]))),
        (Query::ContainerLog { service: "web".to_owned(), lines_max: 5 }, Answer::Refused(Refusal::NotPermitted)),
        (
            Query::PortOwner(near.clone()),
            Answer::Fact(Fact::PortOwner(PortOwner::OtherContainer(container().container))),
        ),
        (Query::FreePorts { near, count: 3 }, Answer::Fact(Fact::FreePorts(vec![8081, 8082]))),
    ];
    let observed = |(asked, answer)| Observation { asked, answer, truncated: false };
    let attempt = Attempt {
        tool: "counter".to_owned(),
        actions: vec![Action::CollectLogs { services: vec!["web".to_owned()], lines_max: 9 }],
        outcome: "healed".to_owned(),
        seconds_ago: 60,
    };
    let case = Case { observations: answers.map(observed).into(), history: vec![attempt], ..case() };

    // It declines only a case with these numbers of observations and attempts.
    let mut guest = Guest::new("counter");
    let decline = guest.propose.clone();
    guest.propose = format!(
        "(if (i32.or (i32.ne (local.get 8) (i32.const 5)) (i32.ne (local.get 12) (i32.const 1))) (then unreachable))
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
    let large = Case { params: "x".repeat(4 * 1024 * 1024), ..case() };
    let mut toolbox = loaded(vec![Guest::new("patient").source()]);
    let failure = toolbox.propose("patient", &wide).expect_err("refused");
    assert_eq!(failure.what, "its case has 257 observations, more than the limit of 256");
    let failure = toolbox.propose("patient", &large).expect_err("refused");
    assert_eq!(failure.what, "its case has more than the limit of 4194304 bytes");
    assert!(toolbox.propose("patient", &case()).is_ok());
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
        error: Some("driver failed".to_owned()),
        ever_ran: true,
        config_hash: None,
        ports: Vec::new(),
    }
}
