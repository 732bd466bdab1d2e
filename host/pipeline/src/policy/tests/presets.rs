//! Each preset does what it promises.

use super::*;

const STRICT: &str = include_str!("../../../../../policies/presets/strict.cedar");
const READ_ONLY: &str = include_str!("../../../../../policies/presets/read-only.cedar");
const BUILT_IN_ONLY: &str = include_str!("../../../../../policies/presets/built-in-only.cedar");
const CI: &str = include_str!("../../../../../policies/presets/ci.cedar");

#[test]
fn strict_asks_for_everything_but_looking_in_every_layer() {
    for layer in [Layer::System, Layer::User, Layer::Project] {
        let policies = load(&[(layer, STRICT)]);
        for kind in ActionKind::ALL {
            assert_eq!(decide(&policies, kind, Risk::ReadOnly), Decision::Allow, "{kind}");
            for risk in [Risk::Safe, Risk::Reversible, Risk::Disruptive] {
                assert_eq!(decide(&policies, kind, risk), Decision::Ask, "{kind} {risk}");
            }
        }
    }
}

#[test]
fn strict_beats_ci() {
    let policies = load(&[(Layer::User, CI), (Layer::Project, STRICT)]);
    let asked = Case::new(ActionKind::RemapPort, Risk::Reversible).ask(&policies);
    assert_eq!(asked.decision, Decision::Ask);
    assert_eq!(asked.policies, ["built-in/move-a-port", "project/a-person-sees-every-change"]);
}

#[test]
fn read_only_applies_nothing_in_every_layer() {
    for layer in [Layer::System, Layer::User, Layer::Project] {
        let policies = load(&[(layer, READ_ONLY)]);
        for kind in ActionKind::ALL {
            for risk in Risk::ALL {
                let denied = Case::new(kind, risk).ask(&policies);
                assert_eq!(denied.decision, Decision::Deny, "{kind} {risk}");
                assert_eq!(denied.policies, [format!("{layer}/explain-only")]);
            }
        }
    }
}

#[test]
fn ci_lets_one_named_tool_move_ports_and_replace_what_never_ran() {
    let policies = load(&[(Layer::System, CI)]);
    let allowed = Case::new(ActionKind::RemapPort, Risk::Reversible).ask(&policies);
    assert_eq!(allowed.decision, Decision::Allow);
    assert_eq!(allowed.policies, ["built-in/move-a-port", "system/ci-moves-ports"]);
    assert_eq!(decide(&policies, ActionKind::RemapPort, Risk::Disruptive), Decision::Ask);
    assert_eq!(decide(&policies, ActionKind::ComposeUp, Risk::Reversible), Decision::Allow);
    assert_eq!(decide(&policies, ActionKind::ComposeUp, Risk::Disruptive), Decision::Ask);
}

#[test]
fn ci_asks_when_anything_is_out_of_the_ordinary() {
    let policies = load(&[(Layer::System, CI)]);
    let changes: [fn(&mut Case); 6] = [
        |case| case.tool.id = "other".to_owned(),
        |case| case.finding.class = FailureClass::Unknown,
        |case| case.finding.confidence = Permille::new(799).expect("a permille"),
        |case| case.tool_confidence = Permille::new(799).expect("a permille"),
        |case| case.attempts = 6,
        |case| case.step.action = Action::RemapPort(PortMove { after: Published::Fixed(1023), ..port_move() }),
    ];
    for (at, change) in changes.into_iter().enumerate() {
        let mut case = Case::new(ActionKind::RemapPort, Risk::Reversible);
        change(&mut case);
        assert_eq!(case.ask(&policies).decision, Decision::Ask, "change {at}");
    }
}

#[test]
fn ci_may_not_come_with_a_project() {
    let problems = try_load(&[(Layer::Project, CI)]).expect_err("it permits");
    assert!(problems[0].what.contains("a project may only forbid"), "{}", problems[0]);
}

#[test]
fn built_in_only_denies_whatever_an_installed_tool_proposes_in_every_layer() {
    for layer in [Layer::System, Layer::User, Layer::Project] {
        let policies = load(&[(layer, BUILT_IN_ONLY)]);
        for kind in ActionKind::ALL {
            let of_built_in = Case::new(kind, Risk::ReadOnly).ask(&policies);
            assert_eq!(of_built_in.decision, Decision::Allow, "{kind}");
            let of_installed = Case { built_in: false, ..Case::new(kind, Risk::ReadOnly) }.ask(&policies);
            assert_eq!(of_installed.decision, Decision::Deny, "{kind}");
            assert_eq!(of_installed.policies, [format!("{layer}/built-in-tools-only")]);
        }
    }
}
