//! Every decline, every wait and every proposal, over a made-up resource group.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::{ArmDeployment, Awaited, WantedChange};
use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::{FailureClass, QueryKind};
use repair_tool_sdk::reply::{Answer, Proposal, Reply};
use repair_tool_sdk::testing::{AzureGroup, FakeHost, arm_deployment, attempt, wanted};
use repair_tool_sdk::tool::manifest;

use super::BicepRedeploy;

const TRANSIENT: FailureClass = FailureClass::AzureTransientServerError;
const THROTTLED: FailureClass = FailureClass::AzureThrottled;
const ACTIVE: FailureClass = FailureClass::AzureDeploymentActiveConflict;
const TAKEN: FailureClass = FailureClass::AzureNameConflictOther;

fn failed() -> ArmDeployment {
    arm_deployment("main", "Failed")
}

fn host_of(class: FailureClass, deployment: ArmDeployment) -> FakeHost {
    let wanted = vec![wanted("Microsoft.ContainerInstance/containerGroups", "aci-shop").changing(WantedChange::Write)];
    FakeHost::new(class).azure(AzureGroup { deployment, wanted, ..AzureGroup::default() })
}

fn host(class: FailureClass) -> FakeHost {
    host_of(class, failed())
}

fn deploy() -> Action {
    Action::deploy_template(&failed())
}

fn tried(host: FakeHost, times: u32, seconds_ago: u32) -> FakeHost {
    (0..times).fold(host, |host, time| {
        host.attempt(attempt("bicep-redeploy", vec![deploy()], "failed: InternalServerError", seconds_ago + time))
    })
}

fn answer(host: &FakeHost) -> Answer {
    host.reply_of::<BicepRedeploy>().answer
}

fn proposal(host: &FakeHost) -> Proposal {
    host.proposal_of::<BicepRedeploy>()
}

#[track_caller]
fn proposes(host: &FakeHost, actions: &[Action], words: &[&str]) {
    host.assert_proposes::<BicepRedeploy>(actions, words);
}

#[track_caller]
fn declines(host: &FakeHost, words: &[&str]) {
    host.assert_declines::<BicepRedeploy>(words);
}

#[test]
fn a_fault_of_azure_leads_to_the_same_deployment() {
    let host = host(TRANSIENT);
    assert_eq!(host.converse::<BicepRedeploy>().rounds.len(), 1, "all questions cost one round");
    proposes(&host, &[deploy()], &["Azure failed by itself", "same parameters", "try 1 of 2"]);
    assert_eq!(proposal(&host).confidence, 820);
}

#[test]
fn a_deployment_that_azure_refused_before_it_began_is_repeated_too() {
    proposes(&host_of(TRANSIENT, arm_deployment("main", "NotFound")), &[deploy()], &[]);
}

#[test]
fn each_wait_is_twice_the_one_before_and_never_longer_than_a_minute() {
    let four = |times, ago| tried(host(TRANSIENT).params(r#"{"max_tries": 4, "backoff_seconds": 10}"#), times, ago);
    for (times, seconds) in [(1, 10), (2, 20), (3, 40)] {
        assert_eq!(answer(&four(times, 0)), Answer::WaitSeconds(seconds), "after {times} tries");
        assert_eq!(answer(&four(times, 3)), Answer::WaitSeconds(seconds - 3), "after {times} tries");
        proposes(&four(times, seconds), &[deploy()], &[&format!("try {} of 4", times + 1)]);
        proposes(&four(times, 1).waited(1), &[deploy()], &[]);
    }
    let slow = tried(host(TRANSIENT).params(r#"{"max_tries": 4, "backoff_seconds": 60}"#), 3, 0);
    assert_eq!(answer(&slow), Answer::WaitSeconds(60));
    assert_eq!(answer(&tried(host(TRANSIENT), 1, 0)), Answer::WaitSeconds(30), "by default");
}

#[test]
fn tries_run_out_with_next_steps() {
    declines(
        &tried(host(TRANSIENT), 2, 100),
        &[
            "2 deployments within an hour",
            "InternalServerError",
            "(1)",
            "00000000-0000-0000-0000-00000000000c",
            "status.microsoft",
        ],
    );
    declines(&tried(host(THROTTLED), 2, 100), &["@batchSize(1)", "who else asks"]);
    declines(&tried(host(ACTIVE), 2, 100), &["one after the other", "--name main"]);
    declines(&tried(host(TRANSIENT).params(r#"{"max_tries": 1}"#), 1, 100), &["1 deployment within an hour"]);
    declines(&tried(host(TRANSIENT), 32, 100), &["32 deployments"]);
}

#[test]
fn tries_that_healed_are_old_or_of_another_deployment_do_not_count() {
    let other = Action::deploy_template(&arm_deployment("other", "Failed"));
    let of_another = host(TRANSIENT).attempt(attempt("bicep-redeploy", vec![other], "failed: x", 1));
    proposes(&of_another, &[deploy()], &["try 1 of 2"]);
    let healed = host(TRANSIENT).attempt(attempt("bicep-redeploy", vec![deploy()], "healed", 5));
    proposes(&tried(healed, 2, 10), &[deploy()], &["try 1 of 2"]);
    proposes(&tried(host(TRANSIENT), 3, 3600), &[deploy()], &["try 1 of 2"]);
}

#[test]
fn what_azure_says_of_waiting_is_kept_once() {
    let told = host(THROTTLED).fact("retry-after-seconds", "17");
    assert_eq!(answer(&told), Answer::WaitSeconds(17));
    proposes(&told.clone().waited(17), &[deploy()], &["limited the rate"]);
    proposes(&told.clone().waited(5), &[deploy()], &[]);
    assert_eq!(answer(&tried(told.fact("x", "y"), 1, 0)), Answer::WaitSeconds(30), "the longer one counts");
    for said in ["61", "3600"] {
        declines(
            &host(THROTTLED).fact("retry-after-seconds", said),
            &[&format!("after {said} s"), "begins the time anew"],
        );
    }
    for said in ["0", "-5", "soon", "99999999999999999999", "17; az group delete"] {
        proposes(&host(THROTTLED).fact("retry-after-seconds", said), &[deploy()], &[]);
    }
}

#[test]
fn another_deployment_is_waited_for_by_its_observed_name() {
    let busy = host_of(ACTIVE, failed().failing("DeploymentActive", "still active", None).running("nightly", 90));
    let wait = Action::await_state(Awaited::Deployment, "nightly");
    proposes(&busy, std::slice::from_ref(&wait), &["Another deployment was in the way", "`nightly` (for 90 s)"]);
    proposes(&busy.fact("deployment", "prod-release"), &[wait], &["`nightly`"]);
    assert_eq!(proposal(&host(ACTIVE).fact("deployment", "main")).confidence, 880);
    let two = host_of(ACTIVE, failed().running("a", 1).running("b", 2));
    let waits = ["a", "b"].map(|name| Action::await_state(Awaited::Deployment, name));
    proposes(&two, &waits, &[]);
}

#[test]
fn once_none_runs_any_more_the_template_is_deployed_at_once() {
    let ended = host_of(ACTIVE, failed().failing("deploymentactive", "previous deployment is still active", None));
    proposes(&ended, &[deploy()], &["none runs in this group any more"]);
}

#[test]
fn another_operation_that_cannot_be_asked_about_is_waited_for_once() {
    for code in ["RetryableErrorDueToAnotherOperation", "AnotherOperationInProgress"] {
        let held = host_of(ACTIVE, failed().failing(code, "Operation PutSubnet is being performed", None));
        assert_eq!(answer(&held), Answer::WaitSeconds(30), "{code}");
        proposes(&held.waited(30), &[deploy()], &["Another operation had the resource"]);
        let line = format!("Status=429 Code=\"{code}\"");
        assert_eq!(answer(&host(THROTTLED).proof(&line)), Answer::WaitSeconds(30), "{code}");
    }
    assert_eq!(answer(&host(ACTIVE)), Answer::WaitSeconds(30), "nothing says that it was a deployment");
    let longer = host(ACTIVE).fact("retry-after-seconds", "45");
    assert_eq!(answer(&longer), Answer::WaitSeconds(45));
}

#[test]
fn a_deployment_that_has_run_for_long_is_looked_at_by_a_person() {
    let stuck = host_of(ACTIVE, failed().running("nightly", 20_000));
    declines(
        &stuck,
        &["has run for 333 minutes", "az deployment group cancel --resource-group rg-shop --name nightly"],
    );
}

#[test]
fn a_name_that_something_else_has_is_only_explained() {
    declines(
        &host(TAKEN).fact("resource", "stshopdev"),
        &["`stshopdev`", "az resource list --name stshopdev", "uniqueString", "`existing`"],
    );
    declines(&host(TAKEN).fact("resource", "x; rm -rf /"), &["az resource list --name NAME"]);
    let refusal = Refusal::Unavailable("403".to_owned());
    declines(&host(TAKEN).refusing(QueryKind::ArmDeployment, refusal), &["A name that the template wants"]);
}

#[test]
fn what_succeeded_or_was_cancelled_is_not_repeated() {
    declines(&host_of(TRANSIENT, arm_deployment("main", "Succeeded")), &["`main` has succeeded", "nothing to repeat"]);
    for state in ["Canceled", "Cancelled", "canceled"] {
        declines(&host_of(TRANSIENT, arm_deployment("main", state)), &["was cancelled", "activity-log", "--name main"]);
    }
}

#[test]
fn a_deployment_that_would_delete_or_cannot_be_made_is_not_proposed() {
    let gone = wanted("Microsoft.Storage/storageAccounts", "stshop").changing(WantedChange::Delete);
    for class in [TRANSIENT, THROTTLED, ACTIVE] {
        let azure = AzureGroup { deployment: failed(), wanted: vec![gone.clone()], ..AzureGroup::default() };
        declines(&FakeHost::new(class).azure(azure), &["would delete `stshop`", "what-if"]);
        let lost = host_of(class, failed().not_again("no template was named"));
        declines(&lost, &["no template was named", "--template FILE --parameters FILE"]);
        declines(&host(class).cutting(QueryKind::WantedResources), &["might be deleted"]);
    }
}

#[test]
fn without_what_if_the_plan_says_so_and_is_less_sure() {
    let blind =
        host(TRANSIENT).refusing(QueryKind::WantedResources, Refusal::Unavailable("502 Bad Gateway".to_owned()));
    proposes(&blind, &[deploy()], &["could not be told beforehand (502 Bad Gateway)"]);
    assert_eq!(proposal(&blind).confidence, 780);
    let last = tried(blind.params(r#"{"max_tries": 4, "backoff_seconds": 1}"#), 3, 100);
    assert_eq!(proposal(&last).confidence, 600, "the last try is still not below the host's floor");
    let lost = host(TRANSIENT).refusing(QueryKind::ArmDeployment, Refusal::Unavailable("403".to_owned()));
    declines(&lost, &["403"]);
}

#[test]
fn parameters_are_bounded_by_their_schema_and_unknown_ones_are_an_error() {
    let schema = manifest::<BicepRedeploy>().params_schema;
    assert!(schema.contains(r#""maximum":4"#) && schema.contains(r#""additionalProperties":false"#), "{schema}");
    let reply: Result<Reply, _> = host(TRANSIENT).params(r#"{"tries": 9}"#).converse::<BicepRedeploy>().reply;
    assert_eq!(reply.expect_err("no such parameter").code, "params");
}
