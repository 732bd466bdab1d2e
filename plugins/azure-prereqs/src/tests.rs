//! Every registration and every explanation, over a made-up resource group.

mod access;
mod capacity;
mod providers;

use repair_tool_sdk::azure::ArmDeployment;
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::testing::{AzureGroup, FakeHost, arm_deployment};
use repair_tool_sdk::tool::Tool;

use super::AzurePrereqs;

/// A deployment that failed with this error on a resource of the group.
fn failed(code: &str, message: &str, resource: Option<&str>) -> ArmDeployment {
    let envelope = arm_deployment("main", "Failed").failing("DeploymentFailed", "At least one operation failed.", None);
    let mut deployment = envelope.failing(code, message, resource);
    deployment.errors[0].depth = 0;
    deployment
}

fn host(class: FailureClass, deployment: ArmDeployment) -> FakeHost {
    FakeHost::new(class).azure(AzureGroup { deployment, ..AzureGroup::default() })
}

/// Only a log is known, and no deployment.
fn told(class: FailureClass, lines: &[&str]) -> FakeHost {
    let host = host(class, arm_deployment("main", "NotFound"));
    lines.iter().fold(host, |host, line| host.proof(line))
}

#[track_caller]
fn declines(host: &FakeHost, words: &[&str]) {
    host.assert_declines::<AzurePrereqs>(words);
    host.assert_declines::<AzurePrereqs>(&["(1)"]);
}

#[test]
fn every_class_is_explained_even_where_nothing_else_is_known() {
    use repair_tool_sdk::case::Refusal;
    use repair_tool_sdk::kinds::QueryKind;
    for class in AzurePrereqs::HANDLES {
        let deaf = QueryKind::ALL.iter().fold(FakeHost::new(*class), |host, kind| {
            host.refusing(*kind, Refusal::Unavailable("no token".to_owned()))
        });
        let because = deaf.decline_of::<AzurePrereqs>();
        assert!(because.len() > 40, "{class}: {because}");
        if *class != FailureClass::AzureResourceProviderUnregistered {
            assert!(because.contains("(1)"), "{class}: {because}");
        }
    }
}

#[test]
fn what_a_hostile_text_names_reaches_no_command() {
    let hostile = "'; rm -rf / #";
    for class in AzurePrereqs::HANDLES {
        let host = told(*class, &["action 'a/b; rm' over scope '/x; rm -rf /'", "Location: $(id), Current Limit: 1"])
            .fact("region", hostile)
            .fact("resource-group", hostile)
            .fact("provider", hostile)
            .fact("operation", hostile);
        let because = host.decline_of::<AzurePrereqs>();
        let commands = because.split('`').skip(1).step_by(2).filter(|part| part.starts_with("az "));
        for command in commands {
            assert!(!command.contains(';') && !command.contains('$') && !command.contains('#'), "{class}: {command}");
        }
    }
}
