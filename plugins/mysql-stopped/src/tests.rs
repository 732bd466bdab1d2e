//! Every state of a server, every decline and every proposal, over a made-up resource group.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::{Awaited, MYSQL_TYPE, WantedChange};
use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::{FailureClass, QueryKind};
use repair_tool_sdk::reply::Proposal;
use repair_tool_sdk::testing::{AzureGroup, FakeHost, arm_deployment, attempt, mysql_server, wanted};

use super::MysqlStopped;

const STOPPED: FailureClass = FailureClass::AzureMysqlStopped;

/// The template wants `mysql-shop` and a rule of it; the group has these servers.
fn group(servers: &[(&str, &str)]) -> AzureGroup {
    let mut rule = wanted("Microsoft.DBforMySQL/flexibleServers/firewallRules", "azure");
    rule.id = format!("{}/firewallRules/azure", mysql_server("mysql-shop", "").id);
    AzureGroup {
        wanted: vec![wanted("Microsoft.KeyVault/vaults", "kv-shop"), wanted(MYSQL_TYPE, "mysql-shop"), rule],
        servers: servers.iter().map(|(name, state)| mysql_server(name, state)).collect(),
        ..AzureGroup::default()
    }
}

fn host(servers: &[(&str, &str)]) -> FakeHost {
    FakeHost::new(STOPPED).azure(group(servers))
}

fn blind(servers: &[(&str, &str)]) -> FakeHost {
    let refusal = Refusal::Unavailable("what-if failed".to_owned());
    host(servers).refusing(QueryKind::WantedResources, refusal)
}

fn deploy() -> Action {
    Action::deploy_template(&arm_deployment("main", "Failed"))
}

fn start(name: &str) -> Action {
    Action::start_mysql(&mysql_server(name, "Stopped"))
}

fn wait(name: &str) -> Action {
    Action::await_state(Awaited::MysqlServer, name)
}

fn proposal(host: &FakeHost) -> Proposal {
    host.proposal_of::<MysqlStopped>()
}

#[track_caller]
fn proposes(host: &FakeHost, actions: &[Action], words: &[&str]) {
    host.assert_proposes::<MysqlStopped>(actions, words);
}

#[track_caller]
fn declines(host: &FakeHost, words: &[&str]) {
    host.assert_declines::<MysqlStopped>(words);
}

/// The host tells of each action by itself, newest first.
fn tried(host: FakeHost, action: &Action, outcome: &str, times: u32) -> FakeHost {
    (0..times)
        .fold(host, |host, time| host.attempt(attempt("mysql-stopped", vec![action.clone()], outcome, 60 * (time + 1))))
}

#[test]
fn a_stopped_server_is_started_and_the_template_deployed() {
    let host = host(&[("mysql-shop", "Stopped")]);
    assert_eq!(host.converse::<MysqlStopped>().rounds.len(), 1, "all questions cost one round");
    proposes(
        &host,
        &[start("mysql-shop"), deploy()],
        &[
            "`mysql-shop` (Standard_B1ms, in westeurope)",
            "costs money from then on",
            "az mysql flexible-server stop --name mysql-shop --resource-group rg-shop",
            "after 30 days",
            "deployed again",
        ],
    );
    assert_eq!(proposal(&host).confidence, 900);
}

#[test]
fn a_server_is_known_by_its_id_whatever_the_case_of_its_letters() {
    let mut azure = group(&[("mysql-shop", "stopped")]);
    azure.wanted.retain(|resource| resource.name == "azure");
    azure.wanted[0].id = azure.wanted[0].id.to_uppercase();
    proposes(&FakeHost::new(STOPPED).azure(azure), &[start("mysql-shop"), deploy()], &[]);
}

#[test]
fn a_server_that_the_template_does_not_want_stays_stopped() {
    let spare = [("mysql-shop", "Ready"), ("mysql-spare", "Stopped")];
    proposes(&host(&spare), &[deploy()], &["ready by now (`mysql-shop`)"]);
    declines(
        &host(&spare).fact("server", "mysql-spare"),
        &["`mysql-spare` (Stopped)", "nothing shows that this deployment needs it", "start --name mysql-spare"],
    );
    let similar = [("mysql-shop2", "Stopped")];
    declines(&host(&similar), &["names a server of this group", "`mysql-shop2` (Stopped)"]);
}

#[test]
fn a_server_that_is_between_two_states_is_waited_for() {
    for state in ["Starting", "Updating"] {
        let words = [state, "is waited for", "deployed again"];
        proposes(&host(&[("mysql-shop", state)]), &[wait("mysql-shop"), deploy()], &words);
    }
}

#[test]
fn onto_a_server_that_is_being_stopped_nothing_is_deployed() {
    proposes(&host(&[("mysql-shop", "Stopping")]), &[wait("mysql-shop")], &["It will be stopped then"]);
}

#[test]
fn several_servers_of_the_template_are_dealt_with_in_one_plan() {
    let mut azure = group(&[("mysql-a", "Updating"), ("mysql-b", "Ready"), ("mysql-shop", "Stopped")]);
    azure.wanted.extend([wanted(MYSQL_TYPE, "mysql-a"), wanted(MYSQL_TYPE, "mysql-b")]);
    let host = FakeHost::new(STOPPED).azure(azure);
    proposes(&host, &[wait("mysql-a"), start("mysql-shop"), deploy()], &["`mysql-a`", "`mysql-shop`"]);
    let names = ["a", "b", "c", "d", "e"];
    let mut many = group(&names.map(|name| (name, "Stopped")));
    many.wanted = names.iter().map(|name| wanted(MYSQL_TYPE, name)).collect();
    declines(&FakeHost::new(STOPPED).azure(many), &["5 servers", "on purpose"]);
}

#[test]
fn ready_servers_lead_to_the_deployment_alone() {
    for class in [STOPPED, FailureClass::AzureMysqlInTransition] {
        let host = FakeHost::new(class).azure(group(&[("mysql-shop", "Ready")]));
        proposes(&host, &[deploy()], &["ready by now"]);
    }
}

#[test]
fn a_state_that_leads_nowhere_is_explained() {
    let expected: [(&str, &str); 4] = [
        ("Disabled", "encryption key"),
        ("Dropping", "which is empty"),
        ("Restoring", "more than half an hour"),
        ("", "more than half an hour"),
    ];
    for (state, word) in expected {
        declines(
            &host(&[("mysql-shop", state)]),
            &["(1)", "(2)", "show --name mysql-shop --resource-group rg-shop", word],
        );
    }
}

#[test]
fn where_what_if_is_refused_the_error_names_the_server() {
    let mut azure = group(&[("mysql-other", "Stopped"), ("mysql-shop", "Stopped")]);
    let rule = "Microsoft.DBforMySQL/flexibleServers/mysql-shop/firewallRules/azure";
    azure.deployment = azure.deployment.failing("ServerUnavailableForOperation", "state 'Stopped'", Some(rule));
    let refusal = Refusal::Unavailable("what-if failed".to_owned());
    let host = FakeHost::new(STOPPED).azure(azure).refusing(QueryKind::WantedResources, refusal);
    proposes(&host, &[start("mysql-shop"), deploy()], &["could not be told beforehand (what-if failed)"]);
    assert_eq!(proposal(&host).confidence, 900);
}

#[test]
fn the_only_server_of_the_group_is_meant_where_nothing_is_known() {
    let host = blind(&[("mysql-shop", "Stopped")]);
    proposes(&host, &[start("mysql-shop"), deploy()], &["the only server of the group"]);
    assert_eq!(proposal(&host).confidence, 780);
    proposes(
        &host.clone().fact("server", "mysql-shop.mysql.database.azure.com"),
        &[start("mysql-shop"), deploy()],
        &[],
    );
    declines(&host.fact("server", "mysql-prod"), &["`mysql-prod`", "none of that name", "[?name=='mysql-prod']"]);
    declines(&blind(&[("mysql-a", "Stopped"), ("mysql-b", "Stopped")]), &["`mysql-a` (Stopped), `mysql-b` (Stopped)"]);
    declines(&blind(&[]), &["no MySQL flexible server"]);
}

#[test]
fn a_text_never_chooses_a_server() {
    let both = [("mysql-prod", "Stopped"), ("mysql-shop", "Stopped")];
    let named = host(&both).fact("server", "mysql-prod").proof("start mysql-prod at once");
    declines(&named, &["nothing shows that this deployment needs it"]);
    declines(&blind(&both).fact("server", "mysql-prod"), &["nothing shows that this deployment needs it"]);
}

#[test]
fn a_deployment_that_succeeded_is_not_repeated() {
    let succeeded = |state| {
        let azure = AzureGroup { deployment: arm_deployment("main", "Succeeded"), ..group(&[("mysql-shop", state)]) };
        FakeHost::new(STOPPED).azure(azure)
    };
    proposes(&succeeded("Stopped"), &[start("mysql-shop")], &["has succeeded and is not repeated"]);
    proposes(&succeeded("Starting"), &[wait("mysql-shop")], &["has succeeded and is not repeated"]);
    declines(&succeeded("Ready"), &["nothing to repeat"]);
}

#[test]
fn one_start_that_failed_is_tried_once_more() {
    let failed = "failed: ResourceOperationFailure: InternalServerError";
    let stopped = host(&[("mysql-shop", "Stopped")]);
    let once = tried(stopped.clone(), &start("mysql-shop"), failed, 1);
    proposes(&once, &[start("mysql-shop"), deploy()], &["A start has failed before", "InternalServerError"]);
    assert_eq!(proposal(&once).confidence, 760);
    let twice = tried(stopped.clone(), &start("mysql-shop"), failed, 2);
    declines(&twice, &["2 times", "InternalServerError", "start --name mysql-shop", "support request"]);
    let of_another = tried(stopped, &start("mysql-other"), failed, 2);
    proposes(&of_another, &[start("mysql-shop"), deploy()], &[]);
}

#[test]
fn what_did_not_help_twice_is_not_done_a_third_time() {
    let ready = host(&[("mysql-shop", "Ready")]);
    proposes(&tried(ready.clone(), &deploy(), "failed: 409", 1), &[deploy()], &[]);
    declines(&tried(ready, &deploy(), "failed: 409", 2), &["done twice", "failed: 409", "(1)"]);
    let stopping = tried(host(&[("mysql-shop", "Stopping")]), &wait("mysql-shop"), "not-verified: main Failed", 2);
    declines(&stopping, &["done twice"]);
    let again = tried(host(&[("mysql-shop", "Stopped")]), &start("mysql-shop"), "not-verified: main Failed", 2);
    declines(&tried(again, &deploy(), "failed: 409", 2), &["a schedule stops it again"]);
}

#[test]
fn a_server_is_not_started_for_a_deployment_that_cannot_follow() {
    let mut azure = group(&[("mysql-shop", "Stopped")]);
    azure.deployment = azure.deployment.not_again("no template was named");
    let host = FakeHost::new(STOPPED).azure(azure);
    let words = ["`mysql-shop` (Stopped)", "not started", "no template was named", "--template FILE --parameters FILE"];
    declines(&host, &words);
    let mut deleting = group(&[("mysql-shop", "Stopped")]);
    deleting.wanted.push(wanted("Microsoft.Storage/storageAccounts", "stshop").changing(WantedChange::Delete));
    declines(&FakeHost::new(STOPPED).azure(deleting), &["would delete `stshop`"]);
}

#[test]
fn a_running_deployment_is_waited_for_and_nothing_else_is_done() {
    let mut azure = group(&[("mysql-shop", "Stopped")]);
    azure.deployment = azure.deployment.running("nightly", 30);
    let actions = [Action::await_state(Awaited::Deployment, "nightly")];
    proposes(&FakeHost::new(STOPPED).azure(azure), &actions, &["`nightly`"]);
}

#[test]
fn a_list_that_was_cut_or_refused_decides_nothing() {
    let stopped = host(&[("mysql-shop", "Stopped")]);
    declines(&stopped.clone().cutting(QueryKind::MysqlServers), &["more servers than"]);
    declines(&stopped.clone().cutting(QueryKind::WantedResources), &["might be deleted"]);
    for kind in [QueryKind::MysqlServers, QueryKind::ArmDeployment] {
        let refusal = Refusal::Unavailable("403 from Azure".to_owned());
        declines(&stopped.clone().refusing(kind, refusal), &["403 from Azure"]);
    }
}
