//! The host's own words for each step: what happens, why it is that risk, what is lost, and how a person could do it.

use repair_model::azure::{Awaited, DeletedVault, WantedChange};
use repair_model::target::AzureScope;

use super::ResourceGroup;
use super::foreseeing::Foreseen;
use super::inspecting::{Lineage, state_word};
use crate::azure::resource_id::ResourceId;
use crate::azure::servers::Server;
use crate::shell::shell_quoted;

/// Resources of a deployment that its step lists one by one.
const RESOURCES_SHOWN_MAX: usize = 40;

/// How a step is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Described {
    pub(super) summary: String,
    pub(super) risk_because: String,
    pub(super) detail: Vec<String>,
    /// What a person could do instead, each with the exact command.
    pub(super) other_ways: Vec<(String, String)>,
    pub(super) warnings: Vec<String>,
}

pub(super) fn start(server: &Server, group: &str) -> Described {
    let subscription = subscription_of(&server.id);
    let mut words = vec!["az", "mysql", "flexible-server", "stop", "--resource-group", group, "--name", &server.name];
    words.extend(["--subscription", &subscription]);
    let stop = command(&words);
    Described {
        summary: format!("start the MySQL server `{}`", server.name),
        risk_because: "it costs money until it is stopped again".to_owned(),
        detail: vec![
            format!(
                "it is {} in {}, version {}, size {}",
                server.state.as_str(),
                server.location,
                server.version,
                server.sku
            ),
            format!("stopped again by: {stop}"),
        ],
        ..Described::default()
    }
}

pub(super) fn recovery(vault: &DeletedVault) -> Described {
    let recover = recover_by_hand(vault);
    Described {
        summary: format!("bring the deleted vault `{}` back", vault.name),
        risk_because: "its old secrets, keys and rights come back with it".to_owned(),
        detail: about(vault),
        other_ways: vec![("bring it back yourself".to_owned(), recover)],
        ..Described::default()
    }
}

pub(super) fn purge(vault: &DeletedVault, group: &str) -> Described {
    let recover = recover_by_hand(vault);
    let mut detail = about(vault);
    detail.push("lost for good: every secret, key and certificate in it, with all versions".to_owned());
    detail.push(format!("until {} it could still be brought back: {recover}", vault.purges));
    if !vault.same_group {
        detail.push(format!("it was not of this resource group (`{group}`), but of `{}`", vault.resource_group));
    }
    Described {
        summary: format!("purge the deleted vault `{}`, for good", vault.name),
        risk_because: "nobody can bring back what was in it".to_owned(),
        detail,
        other_ways: vec![("keep what is in it".to_owned(), recover)],
        ..Described::default()
    }
}

fn recover_by_hand(vault: &DeletedVault) -> String {
    let subscription = subscription_of(&vault.vault_id);
    let mut words = vec!["az", "keyvault", "recover", "--name", &vault.name, "--location", &vault.location];
    words.extend(["--subscription", &subscription]);
    command(&words)
}

fn subscription_of(id: &str) -> String {
    ResourceId::new(id).map(|id| id.subscription().to_string()).unwrap_or_default()
}

fn about(vault: &DeletedVault) -> Vec<String> {
    vec![
        format!("it was `{}`", vault.vault_id),
        format!("in {}, deleted {}; Azure purges it on {}", vault.location, vault.deleted, vault.purges),
    ]
}

pub(super) fn registration(namespace: &str, state: &str, subscription: &str) -> Described {
    let unregister =
        command(&["az", "provider", "unregister", "--namespace", namespace, "--subscription", subscription]);
    Described {
        summary: format!("register the subscription for `{namespace}`"),
        risk_because: "it lets the whole subscription use that service, and makes nothing yet".to_owned(),
        detail: vec![format!("subscription {subscription} is {state} now"), format!("taken back by: {unregister}")],
        ..Described::default()
    }
}

pub(super) fn waiting(what: Awaited, name: &str) -> Described {
    let summary = match what {
        Awaited::Deployment => format!("wait until the deployment `{name}` has ended"),
        Awaited::MysqlServer => format!("wait until the MySQL server `{name}` has come to rest"),
    };
    Described { summary, risk_because: "waiting changes nothing".to_owned(), ..Described::default() }
}

pub(super) fn deployment(lineage: &Lineage, foreseen: &Foreseen, target: &ResourceGroup) -> Described {
    let (group, azure) = (target.group.as_str(), target.target.azure());
    let mut detail = Vec::new();
    if let Some(current) = &lineage.current {
        let found_by = current.correlation_id.as_ref().map(|id| format!(", correlation id {id}")).unwrap_or_default();
        detail.push(format!("the last one, `{}`, is {}{found_by}", current.name, state_word(&current.state)));
    }
    for resource in foreseen.resources.iter().take(RESOURCES_SHOWN_MAX) {
        let what = match resource.change {
            WantedChange::Create => "+ makes",
            WantedChange::Write => "~ writes",
            WantedChange::Delete => "- deletes",
            WantedChange::Unsupported => "? Azure cannot say what becomes of",
        };
        let name = if resource.name.is_empty() { &resource.id } else { &resource.name };
        detail.push(format!("{what} {} `{name}`", resource.resource_type));
    }
    let more = foreseen.resources.len().saturating_sub(RESOURCES_SHOWN_MAX);
    if more > 0 {
        detail.push(format!("and {more} more"));
    }
    detail.push(format!("{}, in incremental mode; Azure's what-if shows no deletion", sources(azure)));
    let unsure = foreseen.resources.iter().any(|resource| resource.change == WantedChange::Unsupported);
    let unsure = unsure.then(|| {
        "Azure's preview could not look at every resource; what is marked with `?` may be made or written".to_owned()
    });
    let was_complete = lineage.current.as_ref().is_some_and(|current| current.mode.eq_ignore_ascii_case("complete"));
    let complete = was_complete.then(|| {
        "the last one was in complete mode, which deletes what the template does not name; this one deletes nothing"
            .to_owned()
    });
    let template = azure.and_then(|azure| azure.template.as_deref());
    let stem = template.and_then(|template| template.file_stem()).map(|stem| stem.to_string_lossy());
    let is_strange = |stem: &str| !stem.eq_ignore_ascii_case(&lineage.name) && lineage.current.is_some();
    let stranger = stem.filter(|stem| target.is_guessed && is_strange(stem)).map(|stem| {
        format!(
            "nothing but your word says that `{}` was deployed with a template called `{stem}`; another deployment is named \
             with `--azure {group}/DEPLOYMENT`",
            lineage.name
        )
    });
    let warnings = unsure.into_iter().chain(complete).chain(stranger);
    Described {
        summary: format!("deploy `{}` to resource group `{group}` again", lineage.name),
        risk_because: "it rolls out the template, and what it makes costs money".to_owned(),
        detail,
        other_ways: Vec::new(),
        warnings: warnings.collect(),
    }
}

/// Where template and parameters come from. No value is told, only whose were given.
fn sources(azure: Option<&AzureScope>) -> String {
    let template = azure.and_then(|azure| azure.template.as_deref());
    let mut told = match template {
        Some(template) => format!("template `{}`", template.display()),
        None => "template and parameters as Azure kept them".to_owned(),
    };
    for file in azure.into_iter().flat_map(|azure| &azure.parameters) {
        told.push_str(&format!(", parameters `{}`", file.display()));
    }
    for name in azure.into_iter().flat_map(|azure| &azure.values) {
        told.push_str(&format!(", `{name}` as given"));
    }
    told
}

/// A command for a POSIX shell. What it names went through the rules of Azure's names, so nothing in it is an option.
pub(super) fn command(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| shell_quoted(word)).collect();
    words.join(" ")
}
