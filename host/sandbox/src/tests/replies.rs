//! Replies that are well formed and yet wrong, and those that are right.

use repair_model::action::{Action, ActionKind, PortMove};
use repair_model::compose::{Protocol, Published};
use repair_model::query::{Query, QueryKind};
use repair_model::tool::{Reply, ToolAnswer};
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
    assert_eq!((manifest.sees.as_slice(), manifest.may.as_slice()), (&[QueryKind::Containers][..], &[ActionKind::ComposeUp][..]));
    let need = |query| Reply { answer: ToolAnswer::Need(vec![query]), notes: Vec::new() };
    assert_eq!(check_declared(manifest, &need(Query::Containers)), Ok(()));
    let failure = check_declared(manifest, &need(Query::ComposeModel)).expect_err("refused");
    assert_eq!(failure.tool, "plain");
}

#[test]
fn values_outside_their_range_are_refused() {
    let cases: [(&str, &dyn Fn(&mut Guest)); 9] = [
        ("`propose` returned a confidence of 1001, but the scale ends at 1000", &|guest| {
            let action = guest.compose_up(&["web"]);
            guest.proposes(1001, &[action]);
        }),
        ("`propose` proposed no action", &|guest| guest.proposes(900, &[])),
        ("`propose` proposed `compose-up` of no service", &|guest| {
            let action = guest.compose_up(&[]);
            guest.proposes(900, &[action]);
        }),
        ("`propose` left `services` empty", &|guest| {
            let action = guest.compose_up(&["web", ""]);
            guest.proposes(900, &[action]);
        }),
        ("`propose` returned port 0 as `target`", &|guest| {
            let action = guest.remap_port(0, fixed(8080), fixed(8081));
            guest.proposes(900, &[action]);
        }),
        ("`propose` returned port 0 as `after`", &|guest| {
            let action = guest.remap_port(80, fixed(8080), fixed(0));
            guest.proposes(900, &[action]);
        }),
        ("`propose` returned the port range 9000-8000 as `before`, which ends before it begins", &|guest| {
            let action = guest.remap_port(80, (1, 9000, 8000), fixed(8081));
            guest.proposes(900, &[action]);
        }),
        ("`propose` needs nothing that it names", &|guest| guest.answers(1, &[0; 8], [0; 8])),
        ("`propose` returned 65 queries, more than the limit of 64", &|guest| {
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
