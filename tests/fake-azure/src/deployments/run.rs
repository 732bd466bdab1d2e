//! Carrying a deployment out: steps begin when those before them went well, and all that can run runs at once.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::template::{self, Place, Prepared};
use crate::put;
use crate::refusal::Refusal;
use crate::state::{Aim, Outcome, State};
use crate::world::deployment::{Deployment, DeploymentOperation, Mode, Progress, Step};
use crate::world::scripted::Stage;

/// Who wants a deployment to begin, and how.
pub(crate) struct Start<'a> {
    pub(crate) subscription: &'a str,
    pub(crate) group: &'a str,
    pub(crate) name: &'a str,
    pub(crate) correlation: String,
    /// It never ends.
    pub(crate) stuck: bool,
}

/// Begins a deployment in the place of the one that had its name. Gives the id of its operation.
pub(crate) fn begin(state: &mut State, start: Start, prepared: Prepared, now: Timestamp) -> String {
    let Start { subscription, group, name, correlation, stuck } = start;
    let former = state.world.deployments.iter().position(|known| known.is(subscription, group, name));
    let name = former.map_or_else(|| name.to_owned(), |at| state.world.deployments.remove(at).name);
    let group = state.world.group(subscription, group).map_or_else(|| group.to_owned(), |known| known.name.clone());
    let mut deployment = Deployment {
        subscription: subscription.to_owned(),
        group,
        name,
        mode: prepared.mode,
        template: prepared.template,
        parameters: prepared.parameters,
        progress: Progress::Running,
        started_at: now,
        ended_at: None,
        correlation_id: correlation,
        error: Value::Null,
        outputs: Value::Null,
        operations: Vec::new(),
        steps: prepared.steps,
        operation_id: String::new(),
    };
    let id = deployment.id();
    let operation = state.begin(Aim::Deployment { id: id.clone() }, now, None, Value::Null);
    deployment.operation_id.clone_from(&operation);
    state.world.deployments.push(deployment);
    if !stuck {
        go_on(state, &id, now);
    }
    operation
}

fn position(state: &State, id: &str) -> Option<usize> {
    state.world.deployments.iter().position(|known| known.id() == id && known.progress == Progress::Running)
}

/// Begins all steps that can begin; ends the deployment when nothing runs any more.
fn go_on(state: &mut State, id: &str, now: Timestamp) {
    let Some(at) = position(state, id) else { return };
    let millis = state.world.durations.resource_millis;
    let deployment = &mut state.world.deployments[at];
    let (run, mut begun) = (deployment.operation_id.clone(), Vec::new());
    for index in 0..deployment.steps.len() {
        let well = |before: &usize| deployment.steps[*before].progress == Some(Progress::Succeeded);
        let step = &deployment.steps[index];
        if step.progress.is_some() || !step.after.iter().all(well) {
            continue;
        }
        let target = Some((step.id.clone(), step.kind.clone(), step.name.clone()));
        let operation = operation("Create", target, now);
        let step = &mut deployment.steps[index];
        step.progress = Some(Progress::Running);
        step.operation = deployment.operations.len();
        deployment.operations.push(operation);
        begun.push(index);
    }
    let runs = deployment.steps.iter().any(|step| step.progress == Some(Progress::Running));
    for index in &begun {
        state.begin_step(id, &run, *index, now, millis);
    }
    for index in begun {
        let fresh = state.fresh_id().replace('-', "").to_uppercase();
        let deployment = &mut state.world.deployments[at];
        let operation = deployment.steps[index].operation;
        deployment.operations[operation].operation_id = fresh[..16].to_owned();
    }
    if !runs {
        finish(state, at, now);
    }
}

fn operation(kind: &'static str, target: Option<(String, String, String)>, now: Timestamp) -> DeploymentOperation {
    DeploymentOperation {
        operation_id: String::new(),
        kind,
        progress: Progress::Running,
        target,
        status_code: String::new(),
        status_message: Value::Null,
        started_at: now,
        ended_at: None,
    }
}

/// Ends a step whose time has come. Nothing happens when its deployment was replaced or called off.
pub(crate) fn end_step(state: &mut State, id: &str, run: &str, index: usize, now: Timestamp) {
    let Some(at) = position(state, id) else { return };
    if state.world.deployments[at].operation_id != run {
        return;
    }
    let result = carry_out(state, at, index, now);
    let deployment = &mut state.world.deployments[at];
    let operation = deployment.steps[index].operation;
    let operation = &mut deployment.operations[operation];
    operation.ended_at = Some(now);
    operation.progress = if result.is_ok() { Progress::Succeeded } else { Progress::Failed };
    deployment.steps[index].progress = Some(operation.progress);
    match result {
        Ok(status) => operation.status_code = status.to_owned(),
        Err(refusal) => {
            operation.status_code = status_word(refusal.status).to_owned();
            operation.status_message = json!({"error": refusal.error()});
        }
    }
    go_on(state, id, now);
}

fn carry_out(state: &mut State, at: usize, index: usize, now: Timestamp) -> Result<&'static str, Refusal> {
    let deployment = &state.world.deployments[at];
    let step: Step = deployment.steps[index].clone();
    let scripted = state.world.failures.iter_mut().find(|failure| failure.meets(&step.id, Stage::Run));
    if let Some(failure) = scripted {
        failure.times -= 1;
        return Err(refusal_of(failure.status, &failure.error));
    }
    let deployment = &state.world.deployments[at];
    let place = Place {
        subscription: &deployment.subscription,
        group: &deployment.group,
        deployment: &deployment.name,
        url: &state.url,
    };
    let scope = place.scope(&state.world, &deployment.template, &deployment.parameters, true);
    let declared = template::declared(&scope, &step);
    let declared = declared.map_err(|trouble| Refusal::new(400, "InvalidTemplate", trouble.words()))?;
    let existed = state.world.resource(&step.id).is_some();
    put::apply(&mut state.world, &declared, now)?;
    Ok(if existed { "OK" } else { "Created" })
}

/// A scripted error as a refusal.
pub(crate) fn refusal_of(status: u16, error: &Value) -> Refusal {
    let text = |key: &str| error[key].as_str().unwrap_or_default().to_owned();
    let refusal = Refusal::new(status, &text("code"), text("message"));
    match error.get("details") {
        Some(details) => refusal.with("details", details.clone()),
        None => refusal,
    }
}

fn finish(state: &mut State, at: usize, now: Timestamp) {
    let deployment = &state.world.deployments[at];
    let failed = deployment.steps.iter().any(|step| step.progress == Some(Progress::Failed));
    let error = if failed { failure(deployment, state.quirks.error_nesting) } else { Value::Null };
    let (outputs, error) = if failed { (Value::Null, error) } else { outputs(state, at) };
    if error.is_null() && state.world.deployments[at].mode == Mode::Complete {
        delete_others(state, at);
    }
    let fresh = state.fresh_id();
    let deployment = &mut state.world.deployments[at];
    deployment.ended_at = Some(now);
    deployment.progress = if error.is_null() { Progress::Succeeded } else { Progress::Failed };
    if outputs.as_object().is_some_and(|outputs| !outputs.is_empty()) {
        let mut operation = operation("EvaluateDeploymentOutput", None, now);
        operation.operation_id = fresh[..8].to_uppercase();
        operation.progress = Progress::Succeeded;
        operation.status_code = "OK".to_owned();
        operation.ended_at = Some(now);
        deployment.operations.push(operation);
    }
    deployment.outputs = outputs;
    deployment.error = error.clone();
    let operation = deployment.operation_id.clone();
    let outcome = if error.is_null() { Outcome::Succeeded } else { Outcome::Failed(error) };
    state.end(&operation, now, outcome, Value::Null);
}

/// The outputs, or the error that came of working them out.
fn outputs(state: &State, at: usize) -> (Value, Value) {
    let deployment = &state.world.deployments[at];
    let place = Place {
        subscription: &deployment.subscription,
        group: &deployment.group,
        deployment: &deployment.name,
        url: &state.url,
    };
    let scope = place.scope(&state.world, &deployment.template, &deployment.parameters, true);
    let mut outputs = Map::new();
    for (name, source) in deployment.template["outputs"].as_object().unwrap_or(&Map::new()) {
        let mut kind = source["type"].as_str().unwrap_or("String").to_owned();
        kind.get_mut(..1).map(str::make_ascii_uppercase);
        match scope.value(&source["value"]) {
            Ok(value) => outputs.insert(name.clone(), json!({"type": kind, "value": value})),
            Err(trouble) => {
                let message = format!(
                    "Unable to evaluate template outputs: '{name}'. Please see error details and deployment \
                     operations. Please see https://aka.ms/arm-common-errors for usage details."
                );
                let details =
                    json!([{"code": "DeploymentOutputEvaluationFailed", "target": name, "message": trouble.words()}]);
                let error = json!({"code": "DeploymentOutputEvaluationFailed", "message": message, "details": details});
                return (Value::Null, error);
            }
        };
    }
    (Value::Object(outputs), Value::Null)
}

fn delete_others(state: &mut State, at: usize) {
    let deployment = &state.world.deployments[at];
    let (subscription, group) = (&deployment.subscription, &deployment.group);
    let kept = |id: &str| deployment.steps.iter().any(|step| step.id.eq_ignore_ascii_case(id));
    let others = state.world.all_resources().filter(|known| known.is_in(subscription, group));
    let top = others.filter(|known| known.kind.matches('/').count() == 1);
    let doomed: Vec<String> = top.map(crate::world::resource::Resource::id).filter(|id| !kept(id)).collect();
    for id in doomed {
        // A lock that forbids it leaves the resource where it is.
        drop(put::delete(&mut state.world, &id));
    }
}

/// What a deployment says of its failure.
fn failure(deployment: &Deployment, nesting: u32) -> Value {
    let failed = deployment.operations.iter().filter(|operation| operation.progress == Progress::Failed);
    let details: Vec<Value> =
        failed.map(|operation| packed(&operation.status_code, &operation.status_message["error"], nesting)).collect();
    json!({
        "code": "DeploymentFailed",
        "target": deployment.id(),
        "message": "At least one resource deployment operation failed. Please list deployment operations for details. \
                    Please see https://aka.ms/arm-deployment-operations for usage details.",
        "details": details,
    })
}

/// An error as it stands among the details of a deployment's: packed as a string so many times.
fn packed(word: &str, error: &Value, nesting: u32) -> Value {
    let message = match nesting {
        0 => return error.clone(),
        1 => json!({"error": error}),
        _ => json!({"status": "Failed", "error": {
            "code": "ResourceDeploymentFailure",
            "message": "The resource operation completed with terminal provisioning state 'Failed'.",
            "details": [packed(word, error, nesting - 1)],
        }}),
    };
    let message = serde_json::to_string_pretty(&message).unwrap_or_default().replace('\n', "\r\n");
    json!({"code": word, "message": message})
}

/// An HTTP status as deployments write it.
fn status_word(status: u16) -> &'static str {
    match status {
        400 => "BadRequest",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "NotFound",
        405 => "MethodNotAllowed",
        409 => "Conflict",
        429 => "TooManyRequests",
        _ => "InternalServerError",
    }
}
