//! Registrations: which are proposed, which are waited for, and which are a person's.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::{Awaited, ResourceProvider, WantedChange};
use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::{FailureClass, QueryKind};
use repair_tool_sdk::reply::Answer;
use repair_tool_sdk::testing::{AzureGroup, FakeHost, arm_deployment, attempt, wanted};

use super::{AzurePrereqs, declines, failed};

const UNREGISTERED: FailureClass = FailureClass::AzureResourceProviderUnregistered;
const MESSAGE: &str = "The subscription is not registered to use namespace 'Microsoft.DBforMySQL'. See \
                       https://aka.ms/rps-not-found for how to register subscriptions.";

/// The template wants a vault and a server; these providers are in these states.
fn group(states: &[(&str, &str)]) -> AzureGroup {
    AzureGroup {
        deployment: failed("MissingSubscriptionRegistration", MESSAGE, None),
        wanted: vec![
            wanted("Microsoft.KeyVault/vaults", "kv-shop"),
            wanted("Microsoft.DBforMySQL/flexibleServers", "mysql-shop"),
            wanted("Microsoft.Authorization/roleAssignments", "role"),
        ],
        providers: states
            .iter()
            .map(|(namespace, state)| ResourceProvider {
                namespace: (*namespace).to_owned(),
                state: (*state).to_owned(),
            })
            .collect(),
        ..AzureGroup::default()
    }
}

fn host(states: &[(&str, &str)]) -> FakeHost {
    FakeHost::new(UNREGISTERED).azure(group(states)).fact("provider", "Microsoft.DBforMySQL")
}

fn blind(states: &[(&str, &str)]) -> FakeHost {
    let refusal = Refusal::Unavailable("the validation failed".to_owned());
    host(states).refusing(QueryKind::WantedResources, refusal)
}

fn register(namespace: &str) -> Action {
    Action::register_provider(namespace)
}

fn deploy() -> Action {
    Action::deploy_template(&arm_deployment("main", "Failed"))
}

fn answer(host: &FakeHost) -> Answer {
    host.reply_of::<AzurePrereqs>().answer
}

#[track_caller]
fn proposes(host: &FakeHost, actions: &[Action], words: &[&str]) {
    host.assert_proposes::<AzurePrereqs>(actions, words);
}

#[test]
fn what_the_template_needs_is_registered_and_the_template_deployed() {
    let host = host(&[("Microsoft.DBforMySQL", "NotRegistered")]);
    let transcript = host.converse::<AzurePrereqs>();
    assert_eq!(transcript.rounds.len(), 2);
    assert_eq!(transcript.rounds[1].len(), 2, "each namespace once, and none that every subscription has");
    let words = ["`Microsoft.DBforMySQL` (NotRegistered)", "changes no resource", "az provider unregister"];
    proposes(&host, &[register("Microsoft.DBforMySQL"), deploy()], &words);
}

#[test]
fn others_that_the_template_uses_are_registered_too() {
    let host = host(&[("Microsoft.DBforMySQL", "NotRegistered"), ("microsoft.keyvault", "Unregistered")]);
    proposes(&host, &[register("Microsoft.DBforMySQL"), register("microsoft.keyvault"), deploy()], &[]);
}

#[test]
fn without_what_if_the_registration_comes_alone() {
    let host = blind(&[("Microsoft.DBforMySQL", "NotRegistered")]);
    proposes(&host, &[register("Microsoft.DBforMySQL")], &["follows with another plan"]);
}

#[test]
fn a_text_alone_is_believed_only_where_nothing_better_is_seen() {
    let mut azure = group(&[("Evil.Miner", "NotRegistered"), ("Microsoft.KeyVault", "NotRegistered")]);
    azure.deployment = arm_deployment("main", "NotFound");
    let said = |name| FakeHost::new(UNREGISTERED).azure(azure.clone()).fact("provider", name);
    proposes(&said("Evil.Miner"), &[register("Microsoft.KeyVault"), deploy()], &[]);
    let refusal = Refusal::Unavailable("the validation failed".to_owned());
    let blind = said("Microsoft.KeyVault").refusing(QueryKind::WantedResources, refusal);
    proposes(&blind, &[register("Microsoft.KeyVault")], &[]);
    let mut empty = azure.clone();
    empty.wanted.clear();
    let unused = FakeHost::new(UNREGISTERED).azure(empty).fact("provider", "Evil.Miner");
    declines(&unused, &["`Evil.Miner`, which proves nothing", "az provider show --namespace Evil.Miner"]);
}

#[test]
fn what_is_no_namespace_is_not_asked_for() {
    let mut azure = group(&[]);
    azure.wanted.clear();
    for message in
        ["is not registered to use namespace ''", "registered 'Microsoft'", "registered 'a b.c' '.x' 'x.' '1.2'"]
    {
        azure.deployment = failed("MissingSubscriptionRegistration", message, None);
        for fact in ["", "../x", "Microsoft", "Microsoft.", "a..b", "Microsoft.Key Vault"] {
            declines(&FakeHost::new(UNREGISTERED).azure(azure.clone()).fact("provider", fact), &["none is registered"]);
        }
    }
}

#[test]
fn a_type_in_a_message_names_its_namespace() {
    let message =
        "The subscription isn't registered for the resource type 'Microsoft.Cdn/profiles' in the location 'westus'.";
    let mut azure = group(&[("Microsoft.Cdn", "NotRegistered")]);
    azure.deployment = failed("MissingSubscriptionRegistration", message, None);
    proposes(&FakeHost::new(UNREGISTERED).azure(azure), &[register("Microsoft.Cdn"), deploy()], &[]);
}

#[test]
fn at_most_eight_namespaces_are_looked_up() {
    let mut azure = group(&[]);
    azure.wanted = (0..12).map(|at| wanted(&format!("Vendor{at:02}.Things/things"), "thing")).collect();
    let transcript = FakeHost::new(UNREGISTERED).azure(azure.clone()).converse::<AzurePrereqs>();
    assert_eq!(transcript.rounds[1].len(), 8);
    proposes(&FakeHost::new(UNREGISTERED).azure(azure), &[deploy()], &["more than the 8 providers"]);
}

#[test]
fn a_registration_that_goes_on_is_waited_for_once() {
    let host = host(&[("Microsoft.DBforMySQL", "Registering")]);
    assert_eq!(answer(&host), Answer::WaitSeconds(60));
    declines(&host.waited(60), &["`Microsoft.DBforMySQL` (Registering)", "run `repair` again"]);
}

#[test]
fn registered_providers_lead_to_the_deployment_alone() {
    proposes(&host(&[]), &[deploy()], &["are registered by now"]);
    proposes(&blind(&[]), &[deploy()], &["could not be told beforehand"]);
}

#[test]
fn a_registration_that_is_taken_back_is_a_persons() {
    for state in ["Unregistering", "Strange", ""] {
        declines(
            &host(&[("Microsoft.DBforMySQL", state)]),
            &[&format!("in state {state}"), "taking its registration back"],
        );
    }
}

#[test]
fn a_registration_that_lacks_only_a_location_is_explained() {
    let mut azure = group(&[]);
    azure.deployment =
        failed("MissingRegistrationForLocation", "The subscription is not registered for it there.", None);
    declines(&FakeHost::new(UNREGISTERED).azure(azure), &["for one location only", "az provider register --namespace"]);
}

#[test]
fn a_provider_that_cannot_be_looked_at_is_not_registered_by_guess() {
    let refusal = Refusal::Unavailable("403".to_owned());
    declines(
        &host(&[]).refusing(QueryKind::ResourceProvider, refusal),
        &["could not be looked at", "--namespace Microsoft.DBforMySQL"],
    );
}

#[test]
fn nothing_is_registered_for_a_deployment_that_cannot_follow() {
    let mut azure = group(&[("Microsoft.DBforMySQL", "NotRegistered")]);
    azure.deployment = azure.deployment.not_again("no template was named");
    let host = FakeHost::new(UNREGISTERED).azure(azure.clone());
    for word in
        ["no template was named", "--template FILE", "az provider register --namespace Microsoft.DBforMySQL --wait"]
    {
        assert!(host.decline_of::<AzurePrereqs>().contains(word), "{word}");
    }
    azure.deployment.not_again = None;
    azure.wanted.push(wanted("Microsoft.Storage/storageAccounts", "stshop").changing(WantedChange::Delete));
    declines(&FakeHost::new(UNREGISTERED).azure(azure), &["would delete `stshop`"]);
}

#[test]
fn a_deployment_that_succeeded_lacks_nothing_and_a_running_one_is_waited_for() {
    let mut azure = group(&[("Microsoft.DBforMySQL", "NotRegistered")]);
    azure.deployment = azure.deployment.running("nightly", 30);
    let wait = Action::await_state(Awaited::Deployment, "nightly");
    proposes(&FakeHost::new(UNREGISTERED).azure(azure.clone()), &[wait], &[]);
    azure.deployment = arm_deployment("main", "Succeeded");
    let because = FakeHost::new(UNREGISTERED).azure(azure).decline_of::<AzurePrereqs>();
    assert!(because.contains("`main` has succeeded"), "{because}");
}

#[test]
fn what_did_not_help_twice_is_not_done_a_third_time() {
    let tried = |host: FakeHost, times: u32, action: &Action| {
        (0..times).fold(host, |host, time| {
            host.attempt(attempt("azure-prereqs", vec![action.clone()], "failed: 409", 60 * (time + 1)))
        })
    };
    let unregistered = host(&[("Microsoft.DBforMySQL", "NotRegistered")]);
    let plan = [register("Microsoft.DBforMySQL"), deploy()];
    proposes(&tried(unregistered.clone(), 2, &deploy()), &plan, &[]);
    declines(&tried(tried(unregistered, 2, &deploy()), 2, &plan[0]), &["done twice", "failed: 409"]);
    proposes(&tried(host(&[]), 1, &deploy()), &[deploy()], &[]);
    declines(&tried(host(&[]), 2, &deploy()), &["done twice", "registrationState!='Registered'"]);
}
