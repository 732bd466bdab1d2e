//! Which answer each kind of action gets at each risk.

use repair_model::azure::AzureAction;

use super::*;

use ActionKind::{
    AwaitState, CollectLogs, ComposeUp, DeployTemplate, PullImage, PurgeVault, RecoverVault, RegisterProvider,
    RemapPort, RemoveStaleContainer, RemoveStaleNetwork, RestartService, SetEnvValue, StartMysql,
};
use Decision::{Allow, Ask, Deny};
use Risk::{Disruptive, Irreversible, ReadOnly, Reversible, Safe};

const PERMIT_ALL: &str = r#"@id("anything") permit (principal, action, resource);"#;

#[test]
fn the_built_in_policies_start_what_is_missing_and_ask_for_the_rest() {
    let policies = load(&[]);
    for kind in ActionKind::ALL {
        for (risk, expected) in
            [(ReadOnly, Allow), (Safe, Allow), (Reversible, Ask), (Disruptive, Ask), (Irreversible, Deny)]
        {
            let expected = match (kind, risk) {
                // A value that nobody sees is drawn, and a subscription changed, only with somebody's yes.
                (SetEnvValue | RegisterProvider, Safe) => Ask,
                // The one thing that is lost for good where a person types its name.
                (PurgeVault, Irreversible) => Ask,
                _ => expected,
            };
            assert_eq!(decide(&policies, kind, risk), expected, "{kind} {risk}");
        }
    }
}

#[test]
fn a_decision_names_its_policies_and_says_why() {
    let policies = load(&[(
        Layer::User,
        r#"@id("no-friday") @why("nobody deploys today") forbid (principal, action == Repair::Action::"apply", resource is Repair::RemapPort);
           @id("watched") forbid (principal, action == Repair::Action::"apply_unattended", resource is Repair::ComposeUp);"#,
    )]);
    let denied = Case::new(RemapPort, Reversible).ask(&policies);
    assert_eq!(denied.decision, Deny);
    assert_eq!(denied.policies, ["user/no-friday"]);
    assert_eq!(denied.because, "forbidden by `user/no-friday`: nobody deploys today");

    let asked = Case::new(ComposeUp, Safe).ask(&policies);
    assert_eq!(asked.decision, Ask);
    assert_eq!(asked.policies, ["built-in/bring-services-up", "user/watched"]);
    assert_eq!(asked.because, "a person is asked because of `user/watched`");

    let allowed = Case::new(CollectLogs, ReadOnly).ask(&policies);
    assert_eq!(allowed.policies, ["built-in/bundle-logs", "built-in/look-unattended"]);
    assert_eq!(allowed.because, "allowed unattended by `built-in/look-unattended`: looking changes nothing");

    let asked = Case::new(RemapPort, Reversible).ask(&load(&[]));
    assert_eq!(asked.policies, ["built-in/move-a-port"]);
    assert_eq!(asked.because, "no policy allows it unattended");

    let denied = Case::new(RemapPort, Irreversible).ask(&load(&[]));
    assert!(denied.policies.is_empty(), "nothing allowed it, so nothing is named");
    assert_eq!(denied.because, "no policy allows remap-port at risk irreversible");
}

#[test]
fn a_permit_never_lifts_the_ceiling() {
    for layer in [Layer::System, Layer::User] {
        let policies = load(&[(layer, PERMIT_ALL)]);
        for kind in ActionKind::ALL {
            assert_eq!(decide(&policies, kind, Reversible), Allow, "{kind}");
            assert_eq!(decide(&policies, kind, Disruptive), Ask, "{kind}");
            assert_eq!(decide(&policies, kind, Irreversible), Ask, "{kind}");
        }
        let asked = Case::new(ComposeUp, Disruptive).ask(&policies);
        assert_eq!(asked.because, "whatever a policy says, a person decides on what is disruptive");
        assert_eq!(asked.policies, ["built-in/bring-services-up".to_owned(), format!("{layer}/anything")]);
    }
}

#[test]
fn a_forbid_of_the_system_beats_a_permit_of_the_user() {
    let forbid = r#"@id("not-here") forbid (principal, action, resource) when { resource.project == "shop" };"#;
    let policies = load(&[(Layer::User, PERMIT_ALL), (Layer::System, forbid)]);
    let mut case = Case::new(RemapPort, Reversible);
    assert_eq!(case.ask(&policies).decision, Deny);
    assert_eq!(case.ask(&policies).policies, ["system/not-here"]);
    case.target.project = "other".to_owned();
    assert_eq!(case.ask(&policies).decision, Allow);
}

#[test]
fn a_forbid_of_the_project_is_honoured() {
    let forbid = r#"@id("db-stays") forbid (principal, action, resource is Repair::ComposeUp) when { resource.recreates.contains("db") };"#;
    let policies = load(&[(Layer::Project, forbid)]);
    let mut case = Case::new(ComposeUp, Disruptive);
    assert_eq!(case.ask(&policies).decision, Ask);
    case.step.change = Change::Containers(vec![container("db", ContainerOperation::Recreate, true)]);
    assert_eq!(case.ask(&policies).decision, Deny);
    assert_eq!(case.ask(&policies).policies, ["project/db-stays"]);
}

/// Azure takes a name in any spelling, and a tool proposes the spelling.
#[test]
fn a_forbid_by_a_name_of_azure_holds_in_any_spelling() {
    fn shouted(action: &mut Action) {
        let Action::Azure(action) = action else { panic!("an action on Azure") };
        match action {
            AzureAction::RecoverVault(vault) | AzureAction::PurgeVault(vault) => {
                vault.vault.make_ascii_uppercase();
                vault.location = "West Europe".to_owned();
            }
            AzureAction::RegisterProvider { namespace: name }
            | AzureAction::DeployTemplate { deployment: name }
            | AzureAction::AwaitState { name, .. } => name.make_ascii_uppercase(),
            AzureAction::StartMysql { .. } => panic!("its name has one spelling"),
        }
    }
    for (kind, condition) in [
        (RecoverVault, "resource.vault == \"kv-example\""),
        (PurgeVault, "resource.vault == \"kv-example\" && resource.location == \"westeurope\""),
        (RegisterProvider, "resource.namespace == \"microsoft.keyvault\""),
        (DeployTemplate, "resource.deployment == \"main\""),
        (AwaitState, "resource.name == \"main\""),
    ] {
        let of = super::super::schema::entity_type(kind);
        let forbid =
            format!("@id(\"not-this\") forbid (principal, action, resource is Repair::{of}) when {{ {condition} }};");
        let policies = load(&[(Layer::System, &forbid), (Layer::User, PERMIT_ALL)]);
        let mut case = Case::new(kind, Safe);
        assert_eq!(case.ask(&policies).policies, ["system/not-this"], "{kind}");
        shouted(&mut case.step.action);
        assert_eq!(case.ask(&policies).policies, ["system/not-this"], "{kind} in another spelling");
    }
}

#[test]
fn a_forbid_that_cannot_be_evaluated_denies() {
    // 950 times the greatest integer overflows. Strict validation does not see it, and Cedar skips the policy.
    let broken = r#"@id("overflows") forbid (principal, action == Repair::Action::"ACTION", resource) when { context.confidence * 9223372036854775807 > 0 };"#;
    for action in ["apply", "apply_unattended"] {
        for layer in [Layer::System, Layer::User, Layer::Project] {
            let policies = load(&[(layer, &broken.replace("ACTION", action)), (Layer::User, PERMIT_ALL)]);
            let denied = Case::new(CollectLogs, ReadOnly).ask(&policies);
            assert_eq!(denied.decision, Deny, "{layer} {action}");
            assert_eq!(denied.policies, [format!("{layer}/overflows")]);
            assert!(
                denied.because.starts_with(&format!("policy `{layer}/overflows` could not be evaluated (")),
                "{denied:?}"
            );
        }
    }
}

#[test]
fn a_permit_that_cannot_be_evaluated_denies_too() {
    let broken = r#"@id("overflows") permit (principal, action, resource) when { context.confidence * 9223372036854775807 > 0 };"#;
    let denied = Case::new(CollectLogs, ReadOnly).ask(&load(&[(Layer::User, broken)]));
    assert_eq!((denied.decision, denied.policies), (Deny, vec!["user/overflows".to_owned()]));
}

#[test]
fn a_step_whose_change_does_not_fit_its_action_is_denied() {
    let policies = load(&[(Layer::User, PERMIT_ALL)]);
    for kind in ActionKind::ALL {
        let mut case = Case::new(kind, Safe);
        case.step.change = match kind {
            RemapPort => Change::Nothing,
            ComposeUp => Change::Edit(edit()),
            CollectLogs => Change::Containers(Vec::new()),
            RestartService => Change::Containers(vec![container("web", ContainerOperation::Recreate, true)]),
            PullImage => Change::Nothing,
            RemoveStaleContainer => Change::Containers(vec![container("web", ContainerOperation::Restart, true)]),
            RemoveStaleNetwork => Change::Networks(Vec::new()),
            SetEnvValue => Change::Edit(edit()),
            StartMysql | RecoverVault | PurgeVault | RegisterProvider | DeployTemplate => Change::Nothing,
            AwaitState => Change::Edit(edit()),
        };
        let denied = case.ask(&policies);
        assert_eq!(denied.decision, Deny, "{kind}");
        assert!(denied.because.contains("does not fit"), "{denied:?}");
    }
}

#[test]
fn a_removal_of_another_thing_than_the_named_one_is_denied() {
    let policies = load(&[(Layer::User, PERMIT_ALL)]);
    let refused = |kind, change| {
        let mut case = Case::new(kind, Reversible);
        case.step.change = change;
        let denied = case.ask(&policies);
        assert!(denied.decision == Deny && denied.because.contains("does not fit"), "{denied:?}");
    };
    let removed = |service| container(service, ContainerOperation::Remove, false);
    refused(RemoveStaleContainer, Change::Containers(vec![removed("db")]));
    refused(RemoveStaleContainer, Change::Containers(vec![removed("web"), removed("db")]));
    let network = |name: &str, id: &str| NetworkChange { network: name.to_owned(), id: id.to_owned() };
    refused(RemoveStaleNetwork, Change::Networks(vec![network("shop_back", "2c3d")]));
    refused(RemoveStaleNetwork, Change::Networks(vec![network("shop_front", "4e5f")]));
    let both = vec![network("shop_front", "2c3d"), network("shop_back", "4e5f")];
    refused(RemoveStaleNetwork, Change::Networks(both));
    let restarts =
        vec![container("web", ContainerOperation::Restart, true), container("db", ContainerOperation::Remove, true)];
    refused(RestartService, Change::Containers(restarts));
}

/// The default answers with the risk that the host finds for each, so that the table in README.md stays true.
#[test]
fn of_the_further_actions_only_a_pull_needs_nobody() {
    let policies = load(&[]);
    for (kind, risk, expected, policy) in [
        (PullImage, Safe, Allow, "pull-images"),
        (RestartService, Disruptive, Ask, "restart-a-service"),
        (RemoveStaleContainer, Reversible, Ask, "remove-a-leftover-container"),
        (RemoveStaleContainer, Disruptive, Ask, "remove-a-leftover-container"),
        (RemoveStaleNetwork, Reversible, Ask, "remove-a-leftover-network"),
        (SetEnvValue, Reversible, Ask, "draw-a-value"),
    ] {
        let decided = Case::new(kind, risk).ask(&policies);
        assert_eq!(decided.decision, expected, "{kind} {risk}");
        assert_eq!(decided.policies[0], format!("built-in/{policy}"), "{kind}");
    }
}

/// Forbids exactly when `condition` holds, so that a denial proves that the policy saw what it names.
fn seen(case: &Case, resource: &str, condition: &str) -> bool {
    let text = format!(r#"@id("probe") forbid (principal, action, {resource}) when {{ {condition} }};"#);
    let decided = case.ask(&load(&[(Layer::User, &text)]));
    assert!(!decided.because.contains("could not"), "{condition}: {decided:?}");
    decided.decision == Deny
}

#[test]
fn policies_see_every_attribute_of_a_port_move() {
    let mut case = Case::new(RemapPort, Reversible);
    let whole = |case: &Case, condition: &str| seen(case, "resource is Repair::RemapPort", condition);
    for condition in [
        r#"resource.service == "web""#,
        "resource.target == 80",
        r#"resource.protocol == Repair::Protocol::"tcp""#,
        "!(resource has host_ip)",
        "resource.before_first == 8080 && resource.before_last == 8080",
        "resource.after_first == 8081 && resource.after_last == 8081",
        r#"resource.method == Repair::Method::"in-place""#,
        r#"resource.file like "*.yaml""#,
        r#"resource.project == "shop""#,
        r#"resource.endpoint like "unix://*""#,
        r#"resource.risk == Repair::Risk::"reversible""#,
        "resource.risk_rank == 2",
        r#"principal == Repair::Tool::"port-conflict" && principal.version == "1.2.3""#,
        r#"context.class == Repair::Class::"docker-port-conflict""#,
        "context.confidence == 950 && context.tool_confidence == 1000",
        "context.attempts == 0 && context.round == 1 && !context.interactive",
    ] {
        assert!(whole(&case, condition), "{condition}");
    }
    let component = case.tool.component;
    assert!(whole(&case, &format!(r#"principal.component == "{component}""#)));

    let Action::RemapPort(port_move) = &mut case.step.action else { unreachable!("it is a remap-port") };
    port_move.host_ip = Some("127.0.0.1".to_owned());
    port_move.protocol = Protocol::Udp;
    port_move.before = Published::Range(9000, 9002);
    port_move.after = Published::EnginePicks;
    assert!(whole(&case, r#"resource has host_ip && resource.host_ip == "127.0.0.1""#));
    assert!(whole(&case, r#"resource.protocol == Repair::Protocol::"udp""#));
    assert!(whole(&case, "resource.before_first == 9000 && resource.before_last == 9002"));
    assert!(whole(&case, "resource.after_first == 0 && resource.after_last == 0"));
    for (method, id) in [(EditMethod::Dotenv, "dotenv"), (EditMethod::Override, "override")] {
        case.step.change = Change::Edit(FileEdit { method, ..edit() });
        assert!(whole(&case, &format!(r#"resource.method == Repair::Method::"{id}""#)));
    }
}

#[test]
fn policies_see_what_becomes_of_each_container() {
    let mut case = Case::new(ComposeUp, Disruptive);
    case.step.change = Change::Containers(vec![
        container("a", ContainerOperation::Create, false),
        container("b", ContainerOperation::Start, false),
        container("c", ContainerOperation::Recreate, false),
        container("d", ContainerOperation::Recreate, true),
    ]);
    for condition in [
        r#"resource.services == ["web"]"#,
        r#"resource.creates == ["a"]"#,
        r#"resource.starts == ["b"]"#,
        r#"resource.recreates == ["c", "d"]"#,
        r#"resource.recreates_running == ["d"]"#,
    ] {
        assert!(seen(&case, "resource is Repair::ComposeUp", condition), "{condition}");
    }
    case.step.change = Change::Nothing;
    assert!(seen(&case, "resource is Repair::ComposeUp", "resource.creates.isEmpty()"));
}

#[test]
fn policies_see_how_many_lines_a_bundle_takes() {
    let case = Case::new(CollectLogs, ReadOnly);
    assert!(seen(
        &case,
        "resource is Repair::CollectLogs",
        r#"resource.lines_max == 100 && resource.services.contains("web")"#
    ));
}

#[test]
fn policies_see_what_is_restarted_pulled_removed_or_drawn() {
    for (kind, resource, conditions) in [
        (
            RestartService,
            "RestartService",
            &[r#"resource.service == "web""#, r#"resource.containers == ["shop-web-1"]"#][..],
        ),
        (PullImage, "PullImage", &[r#"resource.services == ["web"]"#, r#"resource.images.contains("example/web:1")"#]),
        (
            RemoveStaleContainer,
            "RemoveStaleContainer",
            &[
                r#"resource.container == "shop-web-1" && !resource.ever_ran"#,
                r#"resource has service && resource.service == "web""#,
            ],
        ),
        (RemoveStaleNetwork, "RemoveStaleNetwork", &[r#"resource.network == "shop_front""#]),
        (SetEnvValue, "SetEnvValue", &[r#"resource.variable == "DB_KEY" && resource.file == ".env""#]),
    ] {
        let case = Case::new(kind, Reversible);
        for condition in conditions {
            assert!(seen(&case, &format!("resource is Repair::{resource}"), condition), "{condition}");
            assert!(
                !seen(&case, &format!("resource is Repair::{resource}"), &format!("!({condition})")),
                "{condition}"
            );
        }
    }
}

#[test]
fn policies_see_a_leftover_that_ran_and_belongs_to_no_service() {
    let mut case = Case::new(RemoveStaleContainer, Disruptive);
    let leftover = ContainerChange { service: String::new(), ..container("web", ContainerOperation::Remove, true) };
    case.step.change = Change::Containers(vec![leftover]);
    let condition = "!(resource has service) && resource.ever_ran";
    assert!(seen(&case, "resource is Repair::RemoveStaleContainer", condition));
}

#[test]
fn every_failure_class_can_be_asked_about() {
    let policies = load(&[]);
    for class in FailureClass::ALL {
        let mut case = Case::new(ComposeUp, Safe);
        case.finding.class = *class;
        assert_eq!(case.ask(&policies).decision, Allow, "{class}");
    }
}

#[test]
fn what_a_policy_says_of_itself_reaches_nobody_unescaped() {
    let forbid = "@id(\"x\") @why(\"\\u{1b}[2Jgone\") forbid (principal, action, resource);";
    let denied = Case::new(ComposeUp, Safe).ask(&load(&[(Layer::Project, forbid)]));
    assert_eq!(denied.because, "forbidden by `project/x`: \\u{1b}[2Jgone");
}

#[test]
fn explaining_answers_for_every_kind_and_risk() {
    let explained = load(&[(
        Layer::Project,
        r#"@id("p") @why("because") forbid (principal, action, resource is Repair::RemapPort);"#,
    )])
    .explain();
    assert_eq!(explained.answers.len(), ActionKind::ALL.len() * Risk::ALL.len());
    for row in &explained.answers {
        let lost_for_good = row.risk == Irreversible && row.action != PurgeVault;
        assert_eq!(row.decided.decision == Deny, row.action == RemapPort || lost_for_good, "{row:?}");
        assert!(!row.decided.because.contains("could not"), "{row:?}");
    }
    let project = explained.files.last().expect("two files");
    assert_eq!((project.layer, project.name.as_str()), (Layer::Project, "project.cedar"));
    assert_eq!((project.policies[0].id.as_str(), project.policies[0].forbids), ("project/p", true));
    assert_eq!(project.policies[0].annotations["why"], "because");
    assert_eq!(explained.files[0].policies[0].id, "built-in/move-a-port");
}

#[test]
fn every_built_in_policy_says_why() {
    for policy in load(&[]).explain().files.iter().flat_map(|file| &file.policies) {
        assert!(policy.annotations.contains_key("why"), "{}", policy.id);
    }
}

#[test]
fn nothing_of_an_installed_tool_runs_unattended_until_a_policy_says_so() {
    let policies = load(&[]);
    for kind in ActionKind::ALL {
        for risk in Risk::ALL {
            let asked = Case { built_in: false, ..Case::new(kind, risk) }.ask(&policies);
            assert_ne!(asked.decision, Allow, "{kind} {risk}");
        }
    }
}

#[test]
fn a_policy_allows_an_action_for_one_tool_and_one_build_of_it() {
    let mut trusted = Case { built_in: false, ..Case::new(CollectLogs, ReadOnly) };
    trusted.tool.id = "oom-logs".to_owned();
    let policy = format!(
        r#"@id("oom-logs-may-collect")
        permit (
          principal == Repair::Tool::"oom-logs",
          action == Repair::Action::"apply_unattended",
          resource is Repair::CollectLogs
        )
        when {{ principal.component == "{}" }};"#,
        trusted.tool.component
    );
    let policies = load(&[(Layer::User, &policy)]);
    assert_eq!(trusted.ask(&policies).decision, Allow);
    let mut other_build = Case { built_in: false, ..Case::new(CollectLogs, ReadOnly) };
    other_build.tool.id = "oom-logs".to_owned();
    other_build.tool.component = Digest::of(Domain::Component, b"another build");
    assert_eq!(other_build.ask(&policies).decision, Ask);
    let mut other_tool = Case { built_in: false, ..Case::new(CollectLogs, ReadOnly) };
    other_tool.tool.component = trusted.tool.component;
    assert_eq!(other_tool.ask(&policies).decision, Ask, "the same bytes under another id");
}
