//! Why no vault is touched, and what a person could do next.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_again, repair_with_files, word};
use repair_tool_sdk::azure::{DeletedVault, Repetition};
use repair_tool_sdk::case::{Attempt, Refusal};
use repair_tool_sdk::reply::{Reply, by_count};

use crate::candidates::{Candidate, Candidates};
use crate::choice::{Choice, Way};
use crate::untouched::{RENAME, described, purge, recover, show};

/// Longer lists are cut, and say so.
const LISTED_MAX: usize = 6;
fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<String> = names.into_iter().map(|name| format!("`{name}`")).collect();
    let more = if all.len() > LISTED_MAX { " and more" } else { "" };
    format!("{}{more}", all[..all.len().min(LISTED_MAX)].join(", "))
}

/// The failure is an old one.
pub(crate) fn succeeded(again: &Repetition<'_>) -> Option<Reply> {
    again.deployment.succeeded().then(|| {
        Reply::decline(format!(
            "The deployment `{}` has succeeded, so no deleted vault is in its way. If another deployment failed, run `repair` \
             for that one.",
            again.deployment.name
        ))
    })
}

/// The failure names a vault that this deployment has nothing to do with.
pub(crate) fn named_otherwise(named: Option<&str>, candidates: &Candidates<'_>) -> Option<Reply> {
    let named = named.filter(|named| !candidates.knows(named))?;
    let known = candidates.wanted.iter().map(|candidate| candidate.name).chain(candidates.live.iter().copied());
    let known: Vec<&str> = known.collect();
    (!known.is_empty()).then(|| {
        Reply::decline(format!(
            "The failure names the vault `{}`, and this deployment wants {}, so nothing is touched. If the failure is of \
             another deployment, run `repair` on that one's resource group; what holds the name is in `az keyvault \
             list-deleted --resource-type vault --query \"[?name=='{}']\"`.",
            excerpt(named),
            names(known.iter().copied()),
            word(named, "VAULT"),
        ))
    })
}

/// Nothing that was observed wants a vault.
pub(crate) fn no_vault(named: Option<&str>, candidates: &Candidates<'_>, again: &Repetition<'_>) -> Option<Reply> {
    if !candidates.wanted.is_empty() || !candidates.live.is_empty() {
        return None;
    }
    let vault = word(named.unwrap_or_default(), "VAULT");
    Some(Reply::decline(format!(
        "Neither the template nor an error of the deployment `{}` was seen to want a vault, so no deleted one is proven to be \
         in the way.{} {}",
        again.deployment.name,
        again.remarks(),
        next_steps([
            format!(
                "see what holds the name: `az keyvault list-deleted --resource-type vault --query \"[?name=='{vault}']\"`"
            ),
            format!("if it is yours, bring it back, which loses nothing: `az keyvault recover --name {vault}`"),
            format!("name the template of the deployment that failed: {}", repair_with_files(again.group())),
        ])
    )))
}

/// More vaults than are looked up one by one.
pub(crate) fn too_many_names(candidates: &Candidates<'_>, vaults_max: usize) -> Option<Reply> {
    (candidates.wanted.len() > vaults_max).then(|| {
        Reply::decline(format!(
            "The template wants {} vaults that do not exist, more than the {vaults_max} that are looked up here. See which \
             names are held: `az keyvault list-deleted --resource-type vault --output table`.",
            candidates.wanted.len()
        ))
    })
}

/// More deleted vaults than one plan changes.
pub(crate) fn too_many_deleted(choices: &[Choice<'_>], changed_max: usize) -> Reply {
    Reply::decline(format!(
        "{} deleted vaults have names that the template wants ({}), more than the {changed_max} that one plan changes. See \
         whether this is the right group; then bring them back one by one: `az keyvault recover --name VAULT`.",
        choices.len(),
        names(choices.iter().map(|choice| choice.vault.name.as_str())),
    ))
}

/// The list of deleted vaults could not be read.
pub(crate) fn unseen(name: &str, refusal: &Refusal) -> Reply {
    let why = match refusal {
        Refusal::Unavailable(why) => excerpt(why),
        Refusal::NotPermitted => "the tool's manifest does not name the query".to_owned(),
        Refusal::OverLimit => "there are more than `repair` can look at".to_owned(),
    };
    let vault = word(name, "VAULT");
    Reply::decline(format!(
        "Whether a deleted vault has the name `{name}` could not be seen: {why}. {}",
        next_steps([
            "reading them needs `Microsoft.KeyVault/deletedVaults/read` on the subscription; the role `repair reader` has it"
                .to_owned(),
            format!("let somebody look who has it: `az keyvault show-deleted --name {vault}`"),
        ])
    ))
}

/// A list that was cut may hide a second one.
pub(crate) fn incomplete(name: &str) -> Reply {
    Reply::decline(format!(
        "More deleted vaults have the name `{name}` than `repair` can look at, so none is touched. See them: `az keyvault \
         list-deleted --resource-type vault --query \"[?name=='{}']\"`.",
        word(name, "VAULT")
    ))
}

/// The vault could be dealt with, and the deployment cannot be repeated; half of it would help nobody.
pub(crate) fn obstructed(choices: &[Choice<'_>], obstacle: &str) -> Reply {
    let each: Vec<String> = choices
        .iter()
        .map(|choice| {
            let by_hand = match choice.way {
                Way::Recover => format!("by hand it comes back with {}", recover(choice.vault)),
                Way::Purge => format!("by hand it goes for good with {}", purge(choice.vault)),
            };
            format!("The deleted vault {} holds a name that the template wants; {by_hand}.", described(choice.vault))
        })
        .collect();
    Reply::decline(format!(
        "{} It is left as it is, because the deployment would not be repeated after it. {obstacle}",
        each.join(" ")
    ))
}

/// The same was in vain twice.
pub(crate) fn spent(choices: &[Choice<'_>], last: &Attempt, group: &str) -> Reply {
    let first = choices.first().map(|choice| choice.vault);
    Reply::decline(format!(
        "The same was done twice within an hour and did not help (last: {}), so it is not done again. {}",
        excerpt(&last.outcome),
        next_steps([
            format!("see what became of the vault: {}", first.map(show).unwrap_or_default()),
            format!(
                "read the errors of the newest deployment: `az deployment operation group list --resource-group {group} \
                 --name NAME --query \"[?properties.provisioningState=='Failed'].properties.statusMessage\"`"
            ),
            RENAME.to_owned(),
        ])
    ))
}

/// That no deleted vault has a wanted name.
pub(crate) fn free_words(candidates: &Candidates<'_>) -> String {
    if candidates.wanted.is_empty() {
        return format!(
            "The {} ({}), so what was deleted has come back meanwhile.",
            by_count(
                candidates.live.len(),
                "vault that the template wants exists",
                "vaults that the template wants exist"
            ),
            names(candidates.live.iter().copied())
        );
    }
    let wanted = names(candidates.wanted.iter().map(|candidate| candidate.name));
    match candidates.wanted.len() {
        1 => format!("No deleted vault of this subscription has the name {wanted} any more, so it is free again."),
        _ => {
            format!("No deleted vaults of this subscription have the names {wanted} any more, so they are free again.")
        }
    }
}

/// No deleted vault is to be seen, and deploying did not help either.
pub(crate) fn free_and_yet_refused(candidates: &Candidates<'_>, last: &Attempt, group: &str) -> Reply {
    let tried = format!(
        "{} Deploying again did not help all the same (last: {}).",
        free_words(candidates),
        excerpt(&last.outcome)
    );
    let Some(candidate) = candidates.wanted.first() else {
        return Reply::decline(format!(
            "{tried} So something else is wrong. {}",
            next_steps([format!(
                "read the errors of the newest deployment: `az deployment operation group list --resource-group {group} \
                 --name NAME --query \"[?properties.provisioningState=='Failed'].properties.statusMessage\"`"
            )])
        ));
    };
    Reply::decline(format!(
        "{tried} Then a vault of another subscription has it, live or deleted, and names are unique in all of Azure; or Azure \
         has not yet given it free, which can take some minutes after a purge. {}",
        next_steps([
            format!(
                "look in your other subscriptions: `az keyvault list-deleted --resource-type vault --subscription \
                 SUBSCRIPTION --query \"[?name=='{}']\"`",
                word(candidate.name, "VAULT")
            ),
            format!("wait ten minutes, and run `repair` again: {}", repair_again(group)),
            RENAME.to_owned(),
        ])
    ))
}

/// A live vault has the name, by the failure's own words.
pub(crate) fn name_taken(
    named: Option<&str>,
    candidates: &Candidates<'_>,
    blocked: &[(Candidate<'_>, Vec<&DeletedVault>)],
    group: &str,
) -> Reply {
    let seen = if let Some(vault) = blocked.iter().find_map(|(_, deleted)| deleted.first()) {
        format!(
            "A deleted vault of that name is in this subscription all the same: {}. If it holds the name, Azure says so when \
             the template is deployed once more, and then it can be dealt with: see it with {}.",
            described(vault),
            show(vault)
        )
    } else if let Some(live) = candidates.live.first() {
        format!(
            "`{live}` exists in this group as the template wants it, so the failure is of another deployment, or older."
        )
    } else {
        "No deleted vault was seen to have it.".to_owned()
    };
    let vault =
        candidates.wanted.first().map(|candidate| candidate.name).or(candidates.live.first().copied()).or(named);
    let vault = word(vault.unwrap_or_default(), "VAULT");
    Reply::decline(format!(
        "A vault that is not deleted has the name, so purging and bringing back are both wrong. {seen} {}",
        next_steps([
            format!(
                "find out whether it is yours: `az keyvault list --query \"[?name=='{vault}'].id\" --output tsv`, in each of \
                 your subscriptions with `--subscription SUBSCRIPTION`"
            ),
            format!("if it is yours, deploy into its own resource group and location instead of `{group}`"),
            "if it is in no list, it belongs to somebody else, or is a deleted one of another subscription: names are unique \
             in all of Azure, so choose another in the template's parameter from which the vault's name comes"
                .to_owned(),
        ])
    ))
}
