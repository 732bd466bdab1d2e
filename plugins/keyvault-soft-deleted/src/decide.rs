//! The decision, from the case to the reply.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::azure::{DeletedVault, Repetition, same_id};
use repair_tool_sdk::case::{Case, Missing, Query};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::reply::{Reply, Stop};
use repair_tool_sdk::tries::IN_VAIN_MAX;

use crate::candidates::{Candidate, Candidates};
use crate::choice::{Circumstances, Way, choose};
use crate::reason::reason;
use crate::{Params, declines};

/// Vaults whose deletions are asked for; a template with more is looked at by a person.
const VAULTS_MAX: usize = 16;
/// Deleted vaults that one plan brings back or purges; so many at once are no accident.
const CHANGED_MAX: usize = 4;
/// That the deployment succeeds where the vault is back already, in permille.
const CONFIDENCE_BACK: u16 = 820;
/// The same where no deleted vault of this subscription has the name any more: one of another subscription may.
const CONFIDENCE_FREE: u16 = 680;

/// Frees the names that deleted vaults hold, then deploys the template again.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    case.ask([Query::ArmDeployment, Query::WantedResources, Query::AzureAccount])?;
    let again = case.repetition()?;
    let candidates = Candidates::of(&again);
    let class = FailureClass::from_name(&case.finding.class);
    let named = case.fact("vault");
    if let Some(reply) = declines::succeeded(&again).or_else(|| declines::too_many_names(&candidates, VAULTS_MAX)) {
        return Ok(reply);
    }
    case.ask(candidates.wanted.iter().map(|candidate| Query::DeletedVaults(candidate.name.to_owned())))?;
    let blocked = deleted_of(case, &candidates);
    if class == Some(FailureClass::AzureKeyvaultNameTaken) {
        return Ok(declines::name_taken(named, &candidates, &blocked.unwrap_or_default(), again.group()));
    }
    if let Some(reply) =
        declines::named_otherwise(named, &candidates).or_else(|| declines::no_vault(named, &candidates, &again))
    {
        return Ok(reply);
    }
    let blocked = match blocked {
        Ok(blocked) => blocked,
        Err(reply) => return Ok(reply),
    };
    if blocked.is_empty() {
        return Ok(nothing_deleted(case, &candidates, &again));
    }
    let given = Circumstances {
        params,
        account: case.azure_account().ok(),
        said_protected: class == Some(FailureClass::AzureKeyvaultPurgeProtected),
        group: again.group(),
    };
    let choices: Vec<_> = blocked.iter().map(|(wanted, deleted)| choose(*wanted, deleted, &given)).collect();
    let refused: Vec<&str> = choices.iter().filter_map(|choice| choice.as_ref().err()).map(String::as_str).collect();
    if !refused.is_empty() {
        return Ok(Reply::decline(refused.join(" ")));
    }
    let choices: Vec<_> = choices.into_iter().flatten().collect();
    if choices.len() > CHANGED_MAX {
        return Ok(declines::too_many_deleted(&choices, CHANGED_MAX));
    }
    if let Some(obstacle) = again.obstacle() {
        return Ok(declines::obstructed(&choices, &obstacle));
    }
    let freed = choices.iter().map(|choice| match choice.way {
        Way::Recover => Action::recover_vault(choice.vault),
        Way::Purge => Action::purge_vault(choice.vault),
    });
    let actions = again.after(freed);
    if let Some(last) = case.spent(&actions) {
        return Ok(declines::spent(&choices, last, again.group()));
    }
    let confidence = choices.iter().map(|choice| choice.confidence).min().unwrap_or_default();
    Ok(Reply::propose(reason(&choices, &again), confidence, actions))
}

/// The wanted names that deleted vaults have, each with these vaults.
type Blocked<'a> = Vec<(Candidate<'a>, Vec<&'a DeletedVault>)>;

fn deleted_of<'a>(case: &'a Case, candidates: &Candidates<'a>) -> Result<Blocked<'a>, Reply> {
    let mut blocked = Vec::new();
    for candidate in &candidates.wanted {
        let deleted = match case.deleted_vaults(candidate.name) {
            Ok(deleted) => deleted,
            Err(Missing::Refused { refusal, .. }) => return Err(declines::unseen(candidate.name, &refusal)),
            Err(missing @ Missing::NotAsked(_)) => return Err(missing.into()),
        };
        if case.is_cut(&Query::DeletedVaults(candidate.name.to_owned())) {
            return Err(declines::incomplete(candidate.name));
        }
        let named: Vec<&DeletedVault> = deleted.iter().filter(|vault| same_id(&vault.name, candidate.name)).collect();
        if !named.is_empty() {
            blocked.push((*candidate, named));
        }
    }
    Ok(blocked)
}

/// Somebody brought it back or purged it meanwhile, or it is a deleted vault that this login cannot see.
fn nothing_deleted(case: &Case, candidates: &Candidates<'_>, again: &Repetition<'_>) -> Reply {
    if let Some(obstacle) = again.obstacle() {
        return Reply::decline(format!("{} {obstacle}", declines::free_words(candidates)));
    }
    // After a purge Azure may need a while to give the name free. Where nothing was done to a vault, the same refusal
    // again proves that the name is held where this login sees nothing.
    let on_vaults = |action: &Action| matches!(action, Action::PurgeVault(_) | Action::RecoverVault(_));
    let vault_changed = case.recent_tries().any(|attempt| attempt.actions.iter().any(on_vaults));
    let tries_max = if vault_changed || candidates.wanted.is_empty() { IN_VAIN_MAX } else { 1 };
    let tries = case.tries_in_vain(&Action::deploy_template(again.deployment));
    if let Some(last) = tries.first().filter(|_| tries.len() >= tries_max) {
        return declines::free_and_yet_refused(candidates, last, again.group());
    }
    let confidence = if candidates.wanted.is_empty() { CONFIDENCE_BACK } else { CONFIDENCE_FREE };
    let words = declines::free_words(candidates);
    Reply::propose(
        format!("{words} The same template is deployed again.{}", again.remarks()),
        confidence,
        again.after([]),
    )
}
