//! Deploying the same template once more: whether that is possible, what it would do, and what has to be waited for.
//!
//! What-if can miss changes and does not see soft-deleted names, so it is evidence and no proof; but where it shows that
//! something would be deleted, nothing is proposed at all.

use super::command::{excerpt, repair_again, repair_with_files, word};
use super::{ArmDeployment, Awaited, ResourceId, RunningDeployment, WantedChange, WantedResource};
use crate::action::Action;
use crate::case::{Case, Fact, Missing, Query, Refusal};
use crate::reply::by_count;

/// Running deployments that a plan waits for, those of modules among them; where more run, a person looks first.
const AWAITED_MAX: usize = 8;
/// A deployment that has run for longer is looked at by a person. Few take as long, and the host waits for less.
const RUNNING_SECONDS_MAX: u32 = 4 * 60 * 60;
/// Longer lists are cut, and say so.
const LISTED_MAX: usize = 8;

/// What is known of deploying the same template once more.
#[derive(Clone, Debug)]
pub struct Repetition<'a> {
    /// The deployment that it repeats.
    pub deployment: &'a ArmDeployment,
    /// What the template wants, where the host could tell.
    pub wanted: Option<&'a [WantedResource]>,
    /// Why it could not.
    unknown: Option<String>,
    is_cut: bool,
    group: Option<&'a str>,
}

impl Case {
    /// The deployment and what its template wants; both are asked for in one round. Only the first has to be answered.
    ///
    /// # Errors
    /// When the deployment was refused, or one of both not asked yet.
    pub fn repetition(&self) -> Result<Repetition<'_>, Missing> {
        self.ask([Query::ArmDeployment, Query::WantedResources])?;
        let wanted = self.wanted_resources();
        let unknown = match &wanted {
            Err(Missing::Refused { refusal: Refusal::Unavailable(why), .. }) => Some(excerpt(why)),
            Err(_) => Some("it is more than `repair` can look at".to_owned()),
            Ok(_) => None,
        };
        Ok(Repetition {
            deployment: self.arm_deployment()?,
            wanted: wanted.ok(),
            unknown,
            is_cut: self.is_cut(&Query::WantedResources),
            group: self.azure_group(),
        })
    }

    /// The name of the resource group, where the observations agree on one. No query names it.
    pub fn azure_group(&self) -> Option<&str> {
        let facts = || self.observations.iter().filter_map(|observation| observation.answer.as_ref().ok());
        let surely = facts().find_map(|fact| match fact {
            Fact::MysqlServers(servers) => servers.iter().find_map(|server| ResourceId::new(&server.id).group()),
            Fact::DeletedVaults(vaults) => {
                vaults.iter().find(|vault| vault.same_group).map(|vault| vault.resource_group.as_str())
            }
            _ => None,
        });
        let ids = facts().flat_map(|fact| match fact {
            Fact::ArmDeployment(deployment) => {
                deployment.errors.iter().filter_map(|error| error.resource_id.as_deref()).collect()
            }
            Fact::WantedResources(wanted) => wanted.iter().map(|resource| resource.id.as_str()).collect(),
            Fact::Locks(locks) => locks.iter().map(|lock| lock.scope.as_str()).collect(),
            _ => Vec::new(),
        });
        let mut groups = ids.filter_map(|id| ResourceId::new(id).group());
        let agreed = || groups.next().filter(|first| groups.all(|other| super::same_id(first, other)));
        surely.or_else(agreed)
    }
}

impl Repetition<'_> {
    /// What stands against repeating it, with what a person can do.
    pub fn obstacle(&self) -> Option<String> {
        self.not_again().or_else(|| self.deletes()).or_else(|| self.cut()).or_else(|| self.runs_too_long())
    }

    /// `first`, then the deployment. While another one runs, waiting for that and nothing else: how it ends changes what there
    /// is to do, and then the tool is asked again.
    pub fn after(&self, first: impl IntoIterator<Item = Action>) -> Vec<Action> {
        let running = self.deployment.running.iter();
        let waits: Vec<Action> =
            running.map(|running| Action::await_state(Awaited::Deployment, running.name.clone())).collect();
        if !waits.is_empty() {
            return waits;
        }
        first.into_iter().chain([Action::deploy_template(self.deployment)]).collect()
    }

    /// For the person who has to approve a plan of [`after`](Self::after): what is waited for, and what is not known. Empty,
    /// or begins with a space.
    pub fn remarks(&self) -> String {
        let mut remarks = String::new();
        if !self.deployment.running.is_empty() {
            remarks.push_str(&format!(
                " {} {}.",
                listed(&self.deployment.running),
                by_count(
                    self.deployment.running.len(),
                    "runs right now and is waited for; what to do then depends on how it ends",
                    "run right now and are waited for; what to do then depends on how they end",
                )
            ));
        }
        if let Some(why) = &self.unknown {
            remarks.push_str(&format!(" What the template would change could not be told beforehand ({why})."));
        }
        remarks
    }

    /// A command that lists what the template would change.
    pub fn what_if_command(&self) -> String {
        format!("az deployment group what-if --resource-group {} --template-file FILE --parameters FILE", self.group())
    }

    /// The group's name for a command.
    pub fn group(&self) -> &str {
        word(self.group.unwrap_or_default(), "GROUP")
    }

    fn not_again(&self) -> Option<String> {
        let why = self.deployment.not_again.as_deref()?;
        Some(format!(
            "The deployment `{}` cannot be repeated from here: {}. Name what it was made from, then run `repair` again: {}.",
            self.deployment.name,
            why.trim_end_matches('.'),
            repair_with_files(self.group()),
        ))
    }

    fn deletes(&self) -> Option<String> {
        let deleted: Vec<&WantedResource> =
            self.wanted?.iter().filter(|resource| resource.change == WantedChange::Delete).collect();
        let each: Vec<String> =
            deleted.iter().take(LISTED_MAX).map(|one| format!("`{}` ({})", one.name, one.resource_type)).collect();
        let more = if deleted.len() > LISTED_MAX { " and more" } else { "" };
        (!deleted.is_empty()).then(|| {
            format!(
                "Deploying the template again would delete {}{more}, by Azure's what-if, so it is not proposed. Two next \
                 steps: (1) see every change: `{}`; (2) if that is meant, deploy by hand; else name the right template, or \
                 add what is missing to it.",
                each.join(", "),
                self.what_if_command(),
            )
        })
    }

    fn cut(&self) -> Option<String> {
        self.is_cut.then(|| {
            format!(
                "The template wants more resources than `repair` can look at, and one of them might be deleted, so it is not \
                 deployed again. See every change: `{}`.",
                self.what_if_command(),
            )
        })
    }

    fn runs_too_long(&self) -> Option<String> {
        let running = &self.deployment.running;
        let stuck = running.iter().find(|one| one.seconds > RUNNING_SECONDS_MAX);
        let why = match stuck {
            Some(stuck) => {
                format!("The deployment `{}` has run for {} minutes", stuck.name, stuck.seconds / 60)
            }
            None if running.len() > AWAITED_MAX => format!("{} deployments run in this group right now", running.len()),
            None => return None,
        };
        let name = word(stuck.map_or("", |stuck| stuck.name.as_str()), "NAME");
        let group = self.group();
        Some(format!(
            "{why}, which is not waited for. Three next steps: (1) see what runs: `az deployment group list --resource-group \
             {group} --query \"[?properties.provisioningState=='Running'].{{name:name, since:properties.timestamp}}\" \
             --output table`; (2) if it is abandoned and yours, cancel it, which leaves what it has made: `az deployment \
             group cancel --resource-group {group} --name {name}`; (3) run `repair` again: {}.",
            repair_again(group)
        ))
    }
}

fn listed(running: &[RunningDeployment]) -> String {
    let each: Vec<String> = running.iter().map(|one| format!("`{}` (for {} s)", one.name, one.seconds)).collect();
    each.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kinds::{FailureClass, QueryKind};
    use crate::testing::{AzureGroup, FakeHost, arm_deployment, deleted_vault, mysql_server, wanted};

    fn host(azure: AzureGroup) -> FakeHost {
        FakeHost::new(FailureClass::AzureTransientServerError).azure(azure)
    }

    fn obstacle(host: &FakeHost) -> Option<String> {
        let case = host.case([Query::ArmDeployment, Query::WantedResources]);
        case.repetition().expect("both were asked").obstacle()
    }

    fn deploying(deployment: ArmDeployment) -> AzureGroup {
        AzureGroup { deployment, ..AzureGroup::default() }
    }

    #[test]
    fn nothing_stands_against_a_deployment_that_only_makes_and_writes() {
        let azure = AzureGroup { wanted: vec![wanted("Microsoft.KeyVault/vaults", "kv")], ..AzureGroup::default() };
        assert_eq!(obstacle(&host(azure)), None);
        assert_eq!(obstacle(&host(AzureGroup::default())), None);
    }

    #[test]
    fn an_obstacle_says_what_a_person_can_do() {
        let kv = wanted("Microsoft.KeyVault/vaults", "kv");
        let gone = AzureGroup { wanted: vec![kv.clone(), kv.changing(WantedChange::Delete)], ..AzureGroup::default() };
        let crowd = (0..=AWAITED_MAX).fold(arm_deployment("main", "Failed"), |all, _| all.running("module", 9));
        let cases: [(FakeHost, &[&str]); 5] = [
            (
                host(deploying(arm_deployment("main", "Failed").not_again("no template was named."))),
                &[
                    "`main` cannot be repeated",
                    "no template was named.",
                    "`repair --self-heal=preview --azure GROUP --template FILE --parameters FILE`",
                ],
            ),
            (host(gone), &["would delete `kv` (Microsoft.KeyVault/vaults)", "what-if --resource-group rg-shop"]),
            (host(AzureGroup::default()).cutting(QueryKind::WantedResources), &["more resources than", "what-if"]),
            (
                host(deploying(arm_deployment("main", "Failed").running("old", 90_000))),
                &[
                    "`old` has run for 1500 minutes",
                    "cancel --resource-group GROUP --name old",
                    "`repair --self-heal=preview --azure GROUP`",
                ],
            ),
            (host(deploying(crowd)), &["9 deployments run", "--name NAME"]),
        ];
        for (host, words) in cases {
            let obstacle = obstacle(&host).expect("an obstacle");
            for word in words {
                assert!(obstacle.contains(word), "`{word}` is missing: {obstacle}");
            }
        }
    }

    #[test]
    fn what_runs_is_waited_for_and_nothing_else_is_done() {
        let host = host(deploying(arm_deployment("main", "Failed").running("nightly", 60)));
        let case = host.case([Query::ArmDeployment, Query::WantedResources]);
        let again = case.repetition().expect("known");
        let start = Action::start_mysql(&mysql_server("db", "Stopped"));
        let wait = Action::await_state(Awaited::Deployment, "nightly");
        assert_eq!(again.after([start]), [wait]);
        assert!(again.remarks().contains("`nightly` (for 60 s)"), "{}", again.remarks());
    }

    #[test]
    fn a_refused_what_if_is_said_and_a_refused_deployment_decides_nothing() {
        let refusal = Refusal::Unavailable("the provider is not registered".to_owned());
        let queries = [Query::ArmDeployment, Query::WantedResources];
        let blind = host(AzureGroup::default()).refusing(QueryKind::WantedResources, refusal.clone());
        let case = blind.case(queries.clone());
        let again = case.repetition().expect("the deployment is known");
        assert!(again.wanted.is_none() && again.remarks().contains("the provider is not registered"));
        let lost = host(AzureGroup::default()).refusing(QueryKind::ArmDeployment, refusal);
        assert!(matches!(lost.case(queries).repetition(), Err(Missing::Refused { .. })));
    }

    #[test]
    fn the_group_is_named_where_the_observations_agree() {
        let kv = wanted("Microsoft.KeyVault/vaults", "kv");
        let mut elsewhere = wanted("Microsoft.KeyVault/vaults", "kv-net");
        elsewhere.id = elsewhere.id.replace("rg-shop", "rg-net");
        let queries = [Query::WantedResources, Query::DeletedVaults("kv".to_owned())];
        let group = |azure: AzureGroup| host(azure).case(queries.clone()).azure_group().map(str::to_owned);
        let one = AzureGroup { wanted: vec![kv.clone()], ..AzureGroup::default() };
        assert_eq!(group(one).as_deref(), Some("rg-shop"));
        let two = AzureGroup { wanted: vec![kv, elsewhere], ..AzureGroup::default() };
        assert_eq!(group(two.clone()), None);
        let told = AzureGroup { deleted_vaults: vec![deleted_vault("kv")], ..two };
        assert_eq!(group(told).as_deref(), Some("rg-shop"), "a deleted vault of the group says which it is");
        assert_eq!(group(AzureGroup::default()), None);
    }
}
