//! Who may say yes to what.

use super::*;
use repair_model::action::{Action, ActionKind};
use repair_model::azure::{AzureAction, VaultName};
use repair_model::decision::Decision;
use repair_model::event::Purpose;
use repair_model::grant::Channel;
use repair_model::plan::EditMethod;
use repair_model::risk::Risk;
use repair_model::target::{AzureScope, Scope};

const FORBID_UP: &str =
    r#"@id("no-up") forbid (principal, action == Repair::Action::"apply", resource is Repair::ComposeUp);"#;
const ALLOW_MOVES: &str =
    r#"@id("moves") permit (principal, action == Repair::Action::"apply_unattended", resource is Repair::RemapPort);"#;

#[test]
fn denied_action_is_never_started() {
    let mut world = World::new();
    world.policies = policies(FORBID_UP, "");
    world.options.yes = true;
    let report = world.heal().expect("a report");
    assert_eq!(report.conclusion, Conclusion::Denied);
    assert!(report.next_steps[0].contains("user/no-up"), "{:?}", report.next_steps);
    assert_eq!(world.trace.effects(), 0, "the allowed first step does not run either");
    assert!(world.log.events("granted").is_empty());
    assert_eq!(last_status(&world), Status::Blocked(BlockReason::DeniedByPolicy));
}

#[test]
fn the_gate_asks_the_policy_again_before_every_step() {
    let mut world = World::new();
    let once = r#"@id("once") forbid (principal, action == Repair::Action::"apply", resource)
        when { context.attempts > 0 };"#;
    world.policies = policies(once, "");
    let report = world.heal().expect("a report");
    assert_eq!(report.conclusion, Conclusion::Denied);
    assert_eq!(world.trace.effects(), 1);
}

#[test]
fn yes_covers_what_is_reversible() {
    let mut world = World::new();
    world.options.yes = true;
    world.person.interactive = false;
    let report = world.heal().expect("healed");
    assert_eq!(report.conclusion, Conclusion::Healed);
    assert!(matches!(world.log.events("granted")[..], [Event::Granted { grant }] if grant.channel == Channel::YesFlag));
    assert_eq!(world.trace.count(|call| matches!(call, Call::Approve(_))), 0);
}

#[test]
fn yes_does_not_cover_what_is_disruptive() {
    let mut world = World::new();
    world.options.yes = true;
    world.person.interactive = false;
    world.deployment.up_risk = Risk::Disruptive;
    assert_eq!(world.heal().expect("a report").conclusion, Conclusion::AwaitingApproval);
    assert!(matches!(world.apply(), Err(WorkflowError::NotApproved(_))));
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn what_is_disruptive_is_asked_at_the_terminal_whatever_the_policy_allows() {
    let mut world = World::without_tools();
    world.add_tool("retry", [proposal(vec![compose_up("web")])]);
    world.deployment.up_risk = Risk::Disruptive;
    let all = r#"@id("all") permit (principal, action == Repair::Action::"apply_unattended", resource);"#;
    world.policies = policies(all, "");
    assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed);
    assert_eq!(world.trace.count(|call| matches!(call, Call::Approve(_))), 1);
}

#[test]
fn what_the_policy_allows_runs_unattended() {
    let mut world = World::new();
    world.person.interactive = false;
    world.policies = policies(ALLOW_MOVES, "");
    assert_eq!(world.heal().expect("healed").conclusion, Conclusion::Healed);
    assert!(matches!(world.log.events("granted")[..], [Event::Granted { grant }] if grant.approver == "policy"));
}

#[test]
fn making_a_plan_stops_at_the_approval_even_where_the_policy_allows_it_or_yes_was_given() {
    for yes in [false, true] {
        let mut world = World::new();
        world.options.purpose = Purpose::Plan;
        world.options.yes = yes;
        world.policies = policies(ALLOW_MOVES, "");
        let report = world.heal().expect("a plan");
        assert_eq!(report.conclusion, Conclusion::AwaitingApproval);
        assert_eq!(report.decided[0].decision, Decision::Allow);
        assert_eq!(world.trace.effects(), 0);
        world.options.purpose = Purpose::Heal;
        world.options.yes = false;
        assert_eq!(world.apply().expect("healed").conclusion, Conclusion::Healed);
    }
}

#[test]
fn without_a_terminal_the_plan_waits_and_nothing_is_applied() {
    let mut world = waiting();
    assert_eq!(last_status(&world), Status::AwaitingApproval);
    assert_eq!(world.trace.calls().last(), Some(&Call::SignHead));
    assert!(matches!(world.apply(), Err(WorkflowError::NotApproved(_))));
    assert_eq!(world.trace.effects(), 0);
}

#[test]
fn a_no_ends_the_session_as_declined_with_the_other_ways() {
    let mut world = World::new();
    world.person.answers = [PersonsAnswer::No].into();
    let report = world.heal().expect("a report");
    assert_eq!(report.conclusion, Conclusion::Declined);
    assert!(report.next_steps[0].contains("docker stop other"), "{:?}", report.next_steps);
    assert_eq!(world.log.events("approval-refused").len(), 1);
    assert_eq!(world.trace.effects(), 0);
    assert_eq!(last_status(&world), Status::Ended(Ending::Aborted));
}

#[test]
fn another_method_is_another_plan_and_is_decided_anew() {
    let mut world = World::new();
    world.person.answers = [PersonsAnswer::Method(EditMethod::Override), PersonsAnswer::Yes].into();
    let report = world.heal().expect("healed");
    assert_eq!(report.conclusion, Conclusion::Healed);
    let plans: Vec<_> = world
        .log
        .events("planned")
        .iter()
        .map(|event| match event {
            Event::Planned { plan, .. } => *plan,
            _ => unreachable!("only plans were asked for"),
        })
        .collect();
    assert_eq!(plans.len(), 2);
    assert_ne!(plans[0], plans[1]);
    assert_eq!(world.log.events("policy-answered").len(), 2);
    assert_eq!(world.log.events("approval-asked").len(), 2);
    assert!(matches!(world.log.events("granted")[..], [Event::Granted { grant }] if grant.plan == plans[1]));
    assert_eq!(report.plan.expect("a plan").digest(), plans[1]);
}

#[test]
fn another_method_that_the_policy_denies_is_denied() {
    let mut world = World::new();
    let no_override = r#"@id("no-override")
        forbid (principal, action == Repair::Action::"apply", resource is Repair::RemapPort)
        when { resource.method == Repair::Method::"override" };"#;
    world.policies = policies(no_override, "");
    world.person.answers = [PersonsAnswer::Method(EditMethod::Override), PersonsAnswer::Yes].into();
    assert_eq!(world.heal().expect("a report").conclusion, Conclusion::Denied);
    assert_eq!(world.trace.effects(), 0);
}

/// A tool that purges the vault `kv-shop`, in a world whose target is a resource group.
pub(super) fn purging() -> World {
    let mut world = World::without_tools();
    let vault = VaultName {
        vault: "kv-shop".to_owned(),
        location: "westeurope".to_owned(),
        deleted: "2026-01-31T23:59:59Z".to_owned(),
    };
    world.target.scope = Scope::Azure(AzureScope::default());
    world.add_tool("purger", [proposal(vec![Action::Azure(AzureAction::PurgeVault(vault))])]);
    world.tools.manifests[0].may = vec![ActionKind::PurgeVault];
    world
}

#[test]
fn what_is_lost_for_good_needs_its_name_letter_by_letter() {
    for (answer, granted) in [
        (PersonsAnswer::Yes, false),
        (PersonsAnswer::Typed(vec!["KV-shop".to_owned()]), false),
        (PersonsAnswer::Typed(vec!["kv-shop".to_owned(), "kv-shop".to_owned()]), false),
        (PersonsAnswer::Typed(Vec::new()), false),
        (PersonsAnswer::Typed(vec!["kv-shop".to_owned()]), true),
    ] {
        let mut world = purging();
        world.person.answers = [answer.clone()].into();
        let report = world.heal().expect("a report");
        let expected = if granted { Conclusion::Healed } else { Conclusion::AwaitingApproval };
        assert_eq!(report.conclusion, expected, "{answer:?}");
        assert_eq!(world.trace.effects(), usize::from(granted), "{answer:?}");
        let typed = |event: &&Event| matches!(event, Event::Granted { grant } if grant.typed == ["kv-shop"]);
        assert_eq!(world.log.events("granted").into_iter().filter(typed).count(), usize::from(granted));
    }
}

#[test]
fn neither_a_flag_nor_a_policy_says_yes_to_what_is_lost_for_good() {
    let all = r#"@id("all") permit (principal, action, resource);"#;
    let mut world = purging();
    world.options.yes = true;
    world.person.interactive = false;
    world.policies = policies(all, "");
    assert_eq!(world.heal().expect("a report").conclusion, Conclusion::AwaitingApproval);
    assert_eq!(world.trace.effects(), 0);
}
