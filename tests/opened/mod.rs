//! What the scenarios below the workflow share: the project as `repair` opens it, and a step carried out without a log.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::sync::Arc;

use repair_effects::compose::project::ProjectChoice;
use repair_effects::deployment::{ComposeDeployment, OpenOptions};
use repair_effects::docker::endpoint::EndpointChoice;
use repair_model::action::Action;
use repair_model::bounds::Bounds;
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::Step;
use repair_pipeline::outside::{Deployment as _, EffectContext, EffectId, TargetError};
use repair_test_support::Project;

/// The project as `repair` opens it.
pub async fn open(project: &Project<'_>) -> ComposeDeployment {
    let command = project.engine().command("docker");
    let variable = |name: &str| {
        let set = command.get_envs().find(|(key, _)| *key == OsStr::new(name)).and_then(|(_, value)| value);
        set.map(OsStr::to_owned).or_else(|| std::env::vars_os().find(|(key, _)| key == name).map(|(_, value)| value))
    };
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    let config_dir = variable("DOCKER_CONFIG").map(Into::into);
    ComposeDeployment::open(OpenOptions {
        project: ProjectChoice {
            current_directory: project.dir().to_owned(),
            name: Some(project.name().to_owned()),
            ..ProjectChoice::default()
        },
        endpoint: EndpointChoice { docker_host: text("DOCKER_HOST"), config_dir, ..EndpointChoice::default() },
        shell: BTreeMap::new(),
        path_var: variable("PATH").unwrap_or_default(),
        probes: Vec::new(),
        bundles: project.state_dir(),
        projection: Some(".azure/deployments/{id}/tracking/phase-state.json".to_owned()),
        wanted_at: None,
        interrupted: Arc::default(),
    })
    .await
    .expect("the project can be opened")
}

/// The steps of a proposal.
pub async fn prepared(deployment: &mut ComposeDeployment, actions: &[Action]) -> Result<Vec<Step>, TargetError> {
    let preparation = deployment.prepare(actions, None).await?;
    Ok(preparation.steps.into_iter().map(|prepared| prepared.step).collect())
}

/// The first effect of some session.
fn effect() -> EffectId {
    EffectId { session: "20260131-235959-0a1b2c3d".parse().expect("an id"), place: 0, operation: None }
}

/// Whether the step has happened.
pub async fn probe(deployment: &mut ComposeDeployment, step: &Step) -> Probe {
    deployment.probe(step, &effect(), &mut |_| {}).await
}

/// The effect alone, without the gate.
pub async fn apply(deployment: &mut ComposeDeployment, step: &Step) -> Outcome {
    let context = EffectContext {
        effect: effect(),
        lease: Vec::new(),
        bounds: &Bounds { up_seconds_max: 120, ..Bounds::default() },
        started: &mut |_| Ok(()),
        accepted: &mut |_| Ok(()),
        progress: &mut |_| {},
        waiting: &mut |_| {},
        interrupted: &|| false,
    };
    deployment.apply(step, context).await.expect("no log is written")
}
