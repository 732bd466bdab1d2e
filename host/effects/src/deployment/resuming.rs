//! Whether a step that was stopped half-way may be begun again under the same grant.
//!
//! It refuses unless everything that differs from what the plan was made for is the step's own work, and what is left of it
//! is part of what was approved. Whatever cannot be told apart from somebody else's work counts as theirs: the grant is
//! void then, and the next plan starts from what is there. Invariant: nobody's container is replaced twice under one yes.

use std::collections::{BTreeMap, BTreeSet};

use repair_model::action::Action;
use repair_model::container::{ContainerState, PortOwner};
use repair_model::image::ServiceImage;
use repair_model::plan::{Change, ContainerChange, ContainerMark, ContainerOperation, Footprint, Step};
use repair_model::risk::Risk;
use repair_pipeline::outside::{Deployment as _, TargetError};

use super::ComposeDeployment;
use super::describing::describe_change;
use super::preparing::{Earlier, refusal};
use super::pulling::pull_of;
use super::staleness::temporary_name;
use super::starting::risk_of_up;

/// What an `up` that was stopped would find now.
struct Found<'f> {
    /// All that its footprint names, and every container of its services.
    footprint: &'f Footprint,
    /// The configuration hash that each service is to have.
    hashes: &'f BTreeMap<String, String>,
    /// What is left to do.
    left: &'f [ContainerChange],
}

impl ComposeDeployment {
    pub(super) async fn goes_on(&mut self, step: &Step) -> Result<(), TargetError> {
        match &step.action {
            Action::ComposeUp { services } => self.up_goes_on(services, step).await,
            Action::PullImage { services } => self.pull_goes_on(services, step).await,
            // Each is done or not, and its probe says that it is not.
            Action::RemapPort(_)
            | Action::CollectLogs { .. }
            | Action::RestartService { .. }
            | Action::RemoveStaleContainer { .. }
            | Action::RemoveStaleNetwork { .. }
            | Action::SetEnvValue(_)
            | Action::Azure(_) => {
                let now = self.footprint(step).await?;
                if let Some(difference) = step.footprint.difference(&now) {
                    return Err(refusal(difference));
                }
                let (risk, change) = self.assess(step).await?;
                not_riskier(step.risk, risk).map_err(refusal)?;
                match change == step.change {
                    true => Ok(()),
                    false => Err(refusal("the step would change something else now than what was approved".to_owned())),
                }
            }
        }
    }

    async fn up_goes_on(&mut self, services: &[String], step: &Step) -> Result<(), TargetError> {
        // Files that the footprint does not name, such as included ones, may have changed as well.
        self.config = None;
        let mut now = self.footprint_now(&without_containers(&step.footprint)).await?;
        now.containers = self.container_marks(services, &BTreeSet::new()).await?;
        let listed = approved(step);
        for key in &step.footprint.ports_free {
            if let PortOwner::ThisProject(holder) = self.owner(key).await?
                && listed.contains_key(holder.name.as_str())
            {
                now.ports_free.push(key.clone());
            }
        }
        let left = self.container_changes(services, &Earlier::default()).await?;
        let hashes = self.compose.hashes(services).await?;
        up_may_go_on(step, &Found { footprint: &now, hashes: &hashes, left: &left }).map_err(refusal)
    }

    async fn pull_goes_on(&mut self, services: &[String], step: &Step) -> Result<(), TargetError> {
        self.config = None;
        let now = self.footprint_now(&step.footprint).await?;
        let images = self.images().await?;
        let spares_present = self.pull_spares_present().await;
        pull_may_go_on(step, services, &now, &images, spares_present).map_err(refusal)
    }
}

/// The containers that the step was approved to change, by name.
fn approved(step: &Step) -> BTreeMap<&str, &ContainerChange> {
    let changes = match &step.change {
        Change::Containers(changes) => changes.as_slice(),
        _ => &[],
    };
    changes.iter().map(|change| (change.container.as_str(), change)).collect()
}

fn without_containers(footprint: &Footprint) -> Footprint {
    Footprint { containers: BTreeMap::new(), ..footprint.clone() }
}

fn not_riskier(approved: Risk, now: Risk) -> Result<(), String> {
    match now > approved {
        true => Err(format!("what is left of the step would be {now} now; it was approved as {approved}")),
        false => Ok(()),
    }
}

fn up_may_go_on(step: &Step, found: &Found<'_>) -> Result<(), String> {
    let now = found.footprint;
    if let Some(difference) = without_containers(&step.footprint).difference(&without_containers(now)) {
        return Err(difference);
    }
    let approved = approved(step);
    let before = &step.footprint.containers;
    let names: BTreeSet<&String> = before.keys().chain(now.containers.keys()).collect();
    for name in names {
        let change = approved.get(name.as_str()).copied();
        let wanted = change.and_then(|change| found.hashes.get(&change.service));
        is_own_work(name, change, (before.get(name), now.containers.get(name)), wanted)?;
    }
    for change in found.left {
        let name = change.container.as_str();
        let was_approved = approved.get(name).is_some_and(|approved| {
            approved.service == change.service && is_part_of(change.operation, approved.operation)
        });
        if !was_approved {
            return Err(format!("Compose would now do what was not approved: {}", describe_change(change)));
        }
        let untouched = before.get(name) == now.containers.get(name);
        if change.operation == ContainerOperation::Recreate && !untouched {
            return Err(format!("container `{name}` was replaced already, and Compose would replace it once more"));
        }
    }
    not_riskier(step.risk, risk_of_up(found.left).0)
}

/// Whether what became of a container is what the step was approved to make of it, or on the way there.
fn is_own_work(
    name: &str,
    change: Option<&ContainerChange>,
    (before, now): (Option<&ContainerMark>, Option<&ContainerMark>),
    wanted: Option<&String>,
) -> Result<(), String> {
    if before == now {
        return Ok(());
    }
    if temporary_name(name).is_some() {
        return Err(format!(
            "Compose had begun to replace a container and left `{name}`, which needs a plan of its own"
        ));
    }
    let is_made = |now: &ContainerMark| {
        wanted.is_some()
            && now.config_hash.as_ref() == wanted
            && matches!(now.state, ContainerState::Created | ContainerState::Running)
    };
    let own = match (change.map(|change| change.operation), before, now) {
        (Some(ContainerOperation::Create), None, Some(now)) => is_made(now),
        (Some(ContainerOperation::Start), Some(before), Some(now)) => {
            let same = (&before.id, &before.config_hash) == (&now.id, &now.config_hash);
            same && now.state == ContainerState::Running
        }
        (Some(ContainerOperation::Recreate), Some(before), Some(now)) => before.id != now.id && is_made(now),
        // What it held was given up with the yes, and what is left is to make the other one.
        (Some(ContainerOperation::Recreate), Some(_), None) => true,
        _ => false,
    };
    match (own, before, now) {
        (true, _, _) => Ok(()),
        (false, None, _) => Err(format!("container `{name}` has appeared and is not what the step makes")),
        (false, _, None) => Err(format!("container `{name}` is gone")),
        (false, Some(_), Some(_)) => Err(format!("container `{name}` has changed, and not as the step changes it")),
    }
}

/// Whether an operation is all that is left of an approved one.
fn is_part_of(left: ContainerOperation, approved: ContainerOperation) -> bool {
    use ContainerOperation::{Create, Recreate, Start};
    left == approved || matches!((approved, left), (Create, Start) | (Recreate, Start | Create))
}

/// `spares_present` says that a pull by this Compose leaves images alone that are there.
fn pull_may_go_on(
    step: &Step,
    services: &[String],
    now: &Footprint,
    images: &[ServiceImage],
    spares_present: bool,
) -> Result<(), String> {
    let without_images = |footprint: &Footprint| Footprint { images: BTreeMap::new(), ..footprint.clone() };
    if let Some(difference) = without_images(&step.footprint).difference(&without_images(now)) {
        return Err(difference);
    }
    let Change::Images(approved) = &step.change else { return Err("the plan does not say which images".to_owned()) };
    for service in services {
        let change = approved.iter().find(|change| change.service == *service);
        let image = images.iter().find(|image| image.service == *service);
        let (Some(change), Some(image)) = (change, image) else {
            return Err(format!("`{service}` has no image that was approved"));
        };
        if change.image != image.image {
            return Err(format!("`{service}` wants the image `{}` now, not `{}`", image.image, change.image));
        }
        let present = now.images.get(&image.image).is_some_and(Option::is_some);
        if present && !spares_present {
            return Err(format!("the image `{}` is there already, and this Compose could replace it", image.image));
        }
        // Judged as one that is missing, so that only its being there is forgiven.
        let judged = ServiceImage { present: false, ..image.clone() };
        pull_of(std::slice::from_ref(&judged), service).map_err(|error| error.what)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
