//! From the actions of a proposal to steps: each resolved against what Azure shows now, refused where it would be another
//! thing than the one that was seen.

use std::collections::BTreeMap;

use repair_model::action::Action;
use repair_model::azure::{Awaited, AzureAction, DeletedVault, WantedChange};
use repair_model::plan::{Change, DeploymentChange, Footprint, OtherWay, ResourceChange, ResourceOperation, Step};
use repair_model::risk::Risk;
use repair_pipeline::outside::{Preparation, Prepared, TargetError};

use super::describing::{self, Described};
use super::foreseeing::Foreseen;
use super::inspecting::{Lineage, state_word};
use super::marking::{DEPLOYED, Marked, VAULT};
use super::{ResourceGroup, azure, refusal, target_error};
use crate::azure::names::{Location, NameError, ProviderNamespace, ServerName, VaultName};
use crate::azure::resource_id::ResourceId;
use crate::azure::servers::ServerState;

/// What a step would be now.
pub(super) struct Assessed {
    pub(super) risk: Risk,
    pub(super) change: Change,
    /// What has to stay as it is until then.
    pub(super) things: Vec<Marked>,
    pub(super) described: Described,
}

/// What the earlier steps of the same proposal will have done.
#[derive(Default)]
pub(super) struct Earlier {
    /// Ids of vaults that are back by then, lower case.
    recovered: Vec<String>,
    /// Deployments that have ended by then.
    awaited: Vec<String>,
}

impl ResourceGroup {
    pub(super) async fn resolve(&mut self, actions: &[Action]) -> Result<Preparation, TargetError> {
        let mut earlier = Earlier::default();
        let mut preparation = Preparation::default();
        for action in actions {
            let resolved = azure(action)?;
            let assessed = self.assess_after(resolved, &earlier).await?;
            earlier.take(resolved, &assessed.change);
            let footprint = self.footprint_of(resolved, &assessed).await?;
            let Described { summary, risk_because, detail, other_ways, warnings } = assessed.described;
            preparation.other_ways.extend(other_ways.into_iter().map(|(what, command)| OtherWay { what, command }));
            preparation.warnings.extend(warnings);
            preparation.steps.push(Prepared {
                methods: Vec::new(),
                step: Step {
                    action: action.clone(),
                    risk: assessed.risk,
                    risk_because,
                    summary,
                    detail,
                    change: assessed.change,
                    footprint,
                },
            });
        }
        self.bind_all_to_what_is_deployed(&mut preparation).await;
        Ok(preparation)
    }

    /// What is deployed at the end stays as it was approved, or no step is begun: a purge for a template that is another one by
    /// then would have been for nothing.
    async fn bind_all_to_what_is_deployed(&self, preparation: &mut Preparation) {
        let files: BTreeMap<_, _> =
            preparation.steps.iter().flat_map(|prepared| prepared.step.footprint.files.clone()).collect();
        let of_deployment = |prepared: &&Prepared| matches!(prepared.step.change, Change::Deployment(_));
        let deployment: BTreeMap<_, _> = preparation
            .steps
            .iter()
            .filter(of_deployment)
            .flat_map(|deploy| deploy.step.footprint.resources.clone())
            .collect();
        let mark = self.mark_of_deployed().await;
        for prepared in &mut preparation.steps {
            let footprint = &mut prepared.step.footprint;
            footprint.files.extend(files.clone());
            if prepared.step.change != Change::Nothing {
                footprint.resources.extend(deployment.clone());
                footprint.resources.insert(DEPLOYED.to_owned(), mark.clone());
            }
        }
    }

    /// What a step would be right now, at the gate.
    pub(super) async fn assessed(&mut self, action: &AzureAction) -> Result<Assessed, TargetError> {
        self.assess_after(action, &Earlier::default()).await
    }

    async fn assess_after(&mut self, action: &AzureAction, earlier: &Earlier) -> Result<Assessed, TargetError> {
        match action {
            AzureAction::StartMysql { server, id } => self.assess_start(server, id).await,
            AzureAction::RecoverVault(vault) => {
                let found = self.deleted(&vault.vault, &vault.location, &vault.deleted).await?;
                self.is_wanted(&found).await?;
                self.assess_recovery(&found)
            }
            AzureAction::PurgeVault(vault) => {
                let found = self.deleted(&vault.vault, &vault.location, &vault.deleted).await?;
                self.is_wanted(&found).await?;
                self.assess_purge(&found)
            }
            AzureAction::RegisterProvider { namespace } => self.assess_registration(namespace).await,
            AzureAction::DeployTemplate { deployment } => self.assess_deployment(deployment, earlier).await,
            AzureAction::AwaitState { what, name } => Ok(Assessed {
                risk: Risk::ReadOnly,
                change: Change::Nothing,
                things: Vec::new(),
                described: describing::waiting(*what, name),
            }),
        }
    }

    async fn assess_start(&mut self, server: &str, id: &str) -> Result<Assessed, TargetError> {
        let name = ServerName::new(server).map_err(name_refusal)?;
        let found = self.arm.server(&self.group, &name).await.map_err(|error| target_error(&error))?;
        let found = found.ok_or_else(|| refusal(format!("the group has no MySQL server `{name}`")))?;
        if !found.id.eq_ignore_ascii_case(id) {
            return Err(refusal(format!("the MySQL server `{name}` has another id than the one that was seen")));
        }
        if found.state != ServerState::Stopped {
            let state = found.state.as_str();
            return Err(refusal(format!("the MySQL server `{name}` is {state}; only one that is Stopped is started")));
        }
        Ok(Assessed {
            risk: Risk::Disruptive,
            change: changing(&found.id, ResourceOperation::Start),
            things: vec![Marked::Server(name)],
            described: describing::start(&found, self.group.as_str()),
        })
    }

    /// The one deletion that an action names.
    async fn deleted(&self, vault: &str, location: &str, deleted: &str) -> Result<DeletedVault, TargetError> {
        let name = VaultName::new(vault).map_err(name_refusal)?;
        let location = Location::new(location).map_err(name_refusal)?;
        let all = self.deleted_vaults(&name).await.map_err(|error| target_error(&error))?;
        let here = all.into_iter().find(|one| Location::new(&one.location).is_ok_and(|own| own == location));
        let here = here.ok_or_else(|| refusal(format!("no deleted vault `{name}` holds its name in {location}")))?;
        if here.deleted.is_empty() || here.purges.is_empty() {
            // Without its dates one deletion cannot be told from another.
            return Err(refusal(format!(
                "Azure does not say when the vault `{name}` was deleted, and until when it is kept"
            )));
        }
        match here.deleted == deleted {
            true => Ok(here),
            false => Err(refusal(format!("the vault `{name}` was deleted at {}, not at {deleted}", here.deleted))),
        }
    }

    /// Whether the template wants a vault of that name. Deleted vaults are in no group, so nothing else ties one to this
    /// target, whatever a tool says of it.
    async fn is_wanted(&mut self, vault: &DeletedVault) -> Result<(), TargetError> {
        let is_it = |id: &ResourceId| id.is_of_type(VAULT) && id.name().eq_ignore_ascii_case(&vault.name);
        let lineage = self.lineage().await.map_err(|error| target_error(&error))?;
        let wanted = match (self.foresee(&lineage.name).await, &lineage.current) {
            (Ok(foreseen), _) => {
                foreseen.resources.iter().any(|resource| ResourceId::new(&resource.id).is_ok_and(|id| is_it(&id)))
            }
            // Without a preview the vault that the last deployment has failed to make still tells.
            (Err(_), Some(current)) => {
                let failures = self.failures(current).await.map_err(|error| target_error(&error))?;
                let targets = failures.iter().filter_map(|failure| failure.target.as_ref()?.resource_id());
                targets.into_iter().any(|id| is_it(&id))
            }
            (Err(error), None) => return Err(error),
        };
        match wanted {
            true => Ok(()),
            false => Err(refusal(format!("the deployment `{}` wants no vault `{}`", lineage.name, vault.name))),
        }
    }

    fn assess_recovery(&self, vault: &DeletedVault) -> Result<Assessed, TargetError> {
        if !vault.same_group {
            let group = &vault.resource_group;
            return Err(refusal(format!(
                "the deleted vault `{}` was of resource group `{group}`; only vaults of this group are brought back",
                vault.name
            )));
        }
        let name = VaultName::new(&vault.name).map_err(name_refusal)?;
        Ok(Assessed {
            risk: Risk::Disruptive,
            change: changing(&vault.vault_id, ResourceOperation::Recover),
            things: vec![deleted_thing(vault)?, Marked::Vault(name)],
            described: describing::recovery(vault),
        })
    }

    fn assess_purge(&self, vault: &DeletedVault) -> Result<Assessed, TargetError> {
        let id = ResourceId::new(&vault.vault_id).map_err(name_refusal)?;
        if id.subscription() != self.arm.subscription_id() {
            return Err(refusal(format!("the deleted vault `{}` was of another subscription", vault.name)));
        }
        if vault.purge_protected {
            let (name, purges) = (&vault.name, &vault.purges);
            return Err(TargetError {
                what: format!("the deleted vault `{name}` is purge-protected, so nobody can purge it before {purges}"),
                hints: vec!["recover it, or give the new vault another name".to_owned()],
            });
        }
        Ok(Assessed {
            risk: Risk::Irreversible,
            change: changing(&vault.vault_id, ResourceOperation::Purge),
            things: vec![deleted_thing(vault)?],
            described: describing::purge(vault, self.group.as_str()),
        })
    }

    async fn assess_registration(&self, namespace: &str) -> Result<Assessed, TargetError> {
        let namespace = ProviderNamespace::new(namespace).map_err(name_refusal)?;
        let thing = Marked::Provider(namespace.clone());
        let state = self.mark(&thing).await.map_err(|error| target_error(&error))?;
        let state = state.ok_or_else(|| refusal(format!("Azure has no resource provider `{namespace}`")))?;
        if state == "Registered" {
            return Err(refusal(format!("the subscription is registered for `{namespace}` already")));
        }
        Ok(Assessed {
            risk: Risk::Safe,
            change: changing(&self.key(&thing), ResourceOperation::Register),
            things: vec![thing],
            described: describing::registration(namespace.as_str(), &state, self.arm.subscription_id().as_str()),
        })
    }

    async fn assess_deployment(&mut self, deployment: &str, earlier: &Earlier) -> Result<Assessed, TargetError> {
        let lineage = self.lineage().await.map_err(|error| target_error(&error))?;
        if !deployment.eq_ignore_ascii_case(&lineage.name) {
            return Err(refusal(format!("the deployment to be healed is `{}`, not `{deployment}`", lineage.name)));
        }
        nothing_runs(&lineage, earlier)?;
        let mut foreseen = self.foresee(&lineage.name).await?;
        if let Some(lost) = foreseen.resources.iter().find(|resource| resource.change == WantedChange::Delete) {
            return Err(TargetError {
                what: format!("deploying would delete `{}`, and `repair` deletes nothing", lost.id),
                hints: vec!["`az deployment group what-if` shows what would change".to_owned()],
            });
        }
        for resource in &mut foreseen.resources {
            if earlier.recovered.contains(&resource.id.to_lowercase()) {
                resource.change = WantedChange::Write;
            }
        }
        let described = describing::deployment(&lineage, &foreseen, self);
        let Foreseen { loaded, resources } = foreseen;
        let change = DeploymentChange {
            deployment: lineage.name.clone(),
            template: loaded.template_digest(),
            parameters: loaded.parameters_digest(),
            resources,
        };
        Ok(Assessed {
            risk: Risk::Disruptive,
            change: Change::Deployment(change),
            things: vec![Marked::Deployment(lineage.name)],
            described,
        })
    }

    async fn footprint_of(&self, action: &AzureAction, assessed: &Assessed) -> Result<Footprint, TargetError> {
        let mut footprint = Footprint { resources: self.marks(&assessed.things).await?, ..Footprint::default() };
        if let AzureAction::DeployTemplate { .. } = action {
            let loaded = self.load().await.map_err(|error| refusal(error.to_string()))?;
            footprint.files = loaded.files.into_iter().map(|(file, digest)| (file, Some(digest))).collect();
        }
        Ok(footprint)
    }
}

impl Earlier {
    fn take(&mut self, action: &AzureAction, change: &Change) {
        match (action, change) {
            (AzureAction::RecoverVault(_), Change::Resource(change)) => self.recovered.push(change.id.to_lowercase()),
            (AzureAction::AwaitState { what: Awaited::Deployment, name }, _) => self.awaited.push(name.clone()),
            _ => {}
        }
    }
}

/// Another deployment of the group that runs is waited for, never fought.
fn nothing_runs(lineage: &Lineage, earlier: &Earlier) -> Result<(), TargetError> {
    let running =
        lineage.running.iter().find(|one| !earlier.awaited.iter().any(|name| name.eq_ignore_ascii_case(&one.name)));
    match running {
        None => Ok(()),
        Some(running) => Err(TargetError {
            what: format!("the deployment `{}` runs right now ({})", running.name, state_word(&running.state)),
            hints: vec!["wait until it has ended, then run `repair` again".to_owned()],
        }),
    }
}

fn changing(id: &str, operation: ResourceOperation) -> Change {
    Change::Resource(ResourceChange { id: id.to_lowercase(), operation })
}

fn deleted_thing(vault: &DeletedVault) -> Result<Marked, TargetError> {
    let location = Location::new(&vault.location).map_err(name_refusal)?;
    Ok(Marked::DeletedVault(location, VaultName::new(&vault.name).map_err(name_refusal)?))
}

fn name_refusal(error: NameError) -> TargetError {
    refusal(error.to_string())
}
