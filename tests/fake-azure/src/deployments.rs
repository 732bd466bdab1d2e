//! `Microsoft.Resources/deployments` in a resource group: the requests, and what ARM refuses before anything runs.

pub(crate) mod expression;
pub(crate) mod functions;
pub(crate) mod run;
pub(crate) mod shapes;
pub(crate) mod template;
pub(crate) mod what_if;

use serde_json::{Value, json};

use crate::call::Call;
use crate::http::Answer;
use crate::operations;
use crate::refusal::{Handled, Refusal};
use crate::state::{Aim, Outcome};
use crate::world::Registration;
use crate::world::deployment::{Deployment, Progress};
use crate::world::scripted::Stage;
use crate::{clock, versions};
use run::Start;
use template::{Place, Prepared};

/// For so many seconds a deployment may run.
const EXPIRES_SECONDS: i64 = 7 * 24 * 60 * 60;

/// Requests below `…/resourceGroups/{name}/providers/Microsoft.Resources/deployments`; nothing for those that the fake
/// does not know.
pub(crate) fn route(call: &mut Call) -> Option<Handled> {
    let (what, count) = (call.part(8).to_ascii_lowercase(), call.segments.len());
    let handler: fn(&mut Call) -> Handled = match (call.request.method.as_str(), count, what.as_str()) {
        ("GET", 7, _) => list,
        ("GET", 8, _) => |call| known(call).map(|known| Answer::json(200, shapes::deployment(call, known))),
        ("HEAD", 8, _) => |call| known(call).map(|_| Answer::empty(204)),
        ("PUT", 8, _) => put,
        ("POST", 9, "validate") => validate,
        ("POST", 9, "whatif") => what_if,
        ("POST", 9, "cancel") => cancel,
        ("POST", 9, "exporttemplate") => export,
        ("GET", 9, "operations") => list_operations,
        ("GET", 10, "operations") => get_operation,
        ("GET", 10, "operationstatuses") => |call| {
            versions::check_resources(call.version().as_deref())?;
            operations::status(call, call.part(9))
        },
        _ => return None,
    };
    Some(checked(call).and_then(|()| handler(call)))
}

/// What holds for all of them: a version, a group, a name.
fn checked(call: &Call) -> Result<(), Refusal> {
    versions::check_resources(call.version().as_deref())?;
    call.group()?;
    let name = call.part(7);
    if call.segments.len() > 7 && !is_name(name) {
        return Err(Refusal::deployment_name(name));
    }
    Ok(())
}

/// Whether a deployment may be called so.
fn is_name(name: &str) -> bool {
    let good = |letter: char| letter.is_alphanumeric() || "-_.()".contains(letter);
    (1..=64).contains(&name.chars().count()) && name.chars().all(good)
}

fn scope(call: &Call) -> String {
    format!(
        "/subscriptions/{}/resourceGroups/{}/providers/Microsoft.Resources/deployments/{}",
        call.part(1),
        call.part(3),
        call.part(7)
    )
}

fn permit(call: &Call, action: &str) -> Result<(), Refusal> {
    let scope = scope(call);
    call.permit(&format!("Microsoft.Resources/deployments/{action}"), scope.trim_end_matches('/'))
}

fn known<'a>(call: &'a Call) -> Result<&'a Deployment, Refusal> {
    permit(call, "read")?;
    let (subscription, group, name) = (call.part(1), call.part(3), call.part(7));
    let found = call.state.world.deployments.iter().find(|known| known.is(subscription, group, name));
    found.ok_or_else(|| Refusal::no_deployment(name))
}

fn list(call: &mut Call) -> Handled {
    permit(call, "read")?;
    let filter = call.request.parameter("$filter").unwrap_or_default();
    let wanted = filter.split('\'').nth(1).unwrap_or_default();
    let (subscription, group) = (call.part(1), call.part(3));
    let mine = call.state.world.deployments.iter().rev().filter(|known| {
        known.is(subscription, group, &known.name)
            && (wanted.is_empty() || known.progress.as_str().eq_ignore_ascii_case(wanted))
    });
    call.page(mine.map(|known| shapes::deployment(call, known)).collect())
}

fn list_operations(call: &mut Call) -> Handled {
    permit(call, "operations/read")?;
    let deployment = known(call)?;
    // Newest first, as ARM does.
    let items = deployment.operations.iter().rev().map(|operation| shapes::operation(call, deployment, operation));
    call.page(items.collect())
}

fn get_operation(call: &mut Call) -> Handled {
    permit(call, "operations/read")?;
    let deployment = known(call)?;
    let wanted = call.part(9);
    let found = deployment.operations.iter().find(|known| known.operation_id.eq_ignore_ascii_case(wanted));
    let missing = || {
        Refusal::new(404, "DeploymentOperationNotFound", format!("Deployment operation '{wanted}' could not be found."))
    };
    Ok(Answer::json(200, shapes::operation(call, deployment, found.ok_or_else(missing)?)))
}

fn prepare(call: &Call, body: &Value) -> Result<Prepared, Refusal> {
    let place =
        Place { subscription: call.part(1), group: call.part(3), deployment: call.part(7), url: &call.state.url };
    template::prepare(&call.state.world, place, body)
}

/// What ARM and the providers refuse before anything is done. `spend` uses scripted failures up.
fn preflight(call: &mut Call, prepared: &Prepared, spend: bool) -> Result<(), Refusal> {
    for step in &prepared.steps {
        let space = step.kind.split('/').next().unwrap_or_default();
        if call.state.world.registration(space) != Registration::Registered {
            return Err(Refusal::not_registered(space));
        }
        if !call.caller.may(&format!("{}/write", step.kind), &step.id) {
            let caller = &call.caller;
            return Err(Refusal::resource_unauthorized(
                &caller.client_id,
                &caller.object_id,
                &step.kind,
                &step.name,
                &step.id,
            ));
        }
    }
    let mut details = Vec::new();
    for step in &prepared.steps {
        let scripted = call.state.world.failures.iter_mut().find(|failure| failure.meets(&step.id, Stage::Preflight));
        if let Some(failure) = scripted {
            failure.times -= u32::from(spend);
            let mut error = failure.error.clone();
            error["target"] = json!(step.name);
            details.push(error);
        }
    }
    if details.is_empty() {
        return Ok(());
    }
    let tracking = call.state.fresh_id();
    Err(Refusal::preflight(call.part(7), &tracking, details))
}

fn put(call: &mut Call) -> Handled {
    let body = call.body()?;
    permit(call, "write")?;
    call.unlocked(&scope(call), false)?;
    let (subscription, group, name) = (call.part(1).to_owned(), call.part(3).to_owned(), call.part(7).to_owned());
    let prepared = prepare(call, &body)?;
    let former = call.state.world.deployments.iter().find(|known| known.is(&subscription, &group, &name));
    let existed = former.is_some();
    if let Some(running) = former.filter(|known| known.progress == Progress::Running) {
        let since = call.state.shown(running.started_at);
        let (since, expires) = (clock::spoken(since), clock::spoken(clock::shifted(since, EXPIRES_SECONDS)));
        return Err(Refusal::deployment_active(&running.name, &since, &expires));
    }
    preflight(call, &prepared, true)?;
    let correlation = match call.request.header("x-ms-correlation-request-id") {
        Some(sent) => sent.to_owned(),
        None => call.state.fresh_id(),
    };
    let start = Start { subscription: &subscription, group: &group, name: &name, correlation, stuck: call.stuck };
    let id = run::begin(call.state, start, prepared, call.now);
    call.changed = true;
    let deployment = known(call)?;
    let path = deployment.id();
    let mut shown = shapes::deployment(call, deployment);
    shown["properties"]["provisioningState"] = json!("Accepted");
    if let Some(properties) = shown["properties"].as_object_mut() {
        properties.retain(|key, _| !["outputs", "outputResources", "error"].contains(&key.as_str()));
    }
    let polls = operations::of_arm(call, &path, &id, (false, true));
    Ok(call.leading(Answer::json(if existed { 200 } else { 201 }, shown), &polls))
}

fn validate(call: &mut Call) -> Handled {
    let body = call.body()?;
    permit(call, "validate/action")?;
    let prepared = prepare(call, &body)?;
    preflight(call, &prepared, false)?;
    let correlation = call.state.fresh_id();
    let validated: Vec<Value> = prepared.steps.iter().map(|step| json!({"id": step.id})).collect();
    let body = json!({
        "id": scope(call), "name": call.part(7), "type": "Microsoft.Resources/deployments",
        "properties": {
            "mode": prepared.mode.as_str(), "provisioningState": "Succeeded", "timestamp": call.iso(call.now),
            "duration": "PT0S", "correlationId": correlation,
            "parameters": shapes::parameters(&prepared.template, &prepared.parameters),
            "validatedResources": validated,
        },
    });
    Ok(Answer::json(200, body))
}

fn what_if(call: &mut Call) -> Handled {
    let body = call.body()?;
    permit(call, "whatIf/action")?;
    let prepared = prepare(call, &body)?;
    let format = body["properties"]["whatIfSettings"]["resultFormat"].as_str().unwrap_or_default();
    let ids_only = format.eq_ignore_ascii_case("ResourceIdOnly");
    let result = match preflight(call, &prepared, false) {
        Ok(()) => {
            let place = Place {
                subscription: call.part(1),
                group: call.part(3),
                deployment: call.part(7),
                url: &call.state.url,
            };
            let scope = place.scope(&call.state.world, &prepared.template, &prepared.parameters, false);
            let changes = what_if::changes(&call.state.world, &scope, &prepared, ids_only);
            json!({"status": "Succeeded", "properties": {"changes": changes}})
        }
        Err(refusal) => json!({"status": "Failed", "error": refusal.error()}),
    };
    let takes = call.takes(call.state.world.durations.what_if_millis);
    let id = call.state.begin(Aim::WhatIf, call.now, takes, result);
    let polls = operations::of_arm(call, &scope(call), &id, (true, false));
    Ok(call.leading(Answer::empty(202), &polls))
}

fn cancel(call: &mut Call) -> Handled {
    permit(call, "cancel/action")?;
    call.unlocked(&scope(call), false)?;
    let deployment = known(call)?;
    if deployment.progress != Progress::Running {
        return Err(Refusal::cannot_cancel(&deployment.name, deployment.progress.as_str()));
    }
    let (id, operation, now) = (deployment.id(), deployment.operation_id.clone(), call.now);
    let running = call.state.world.deployments.iter_mut().find(|known| known.id() == id);
    if let Some(deployment) = running {
        deployment.progress = Progress::Canceled;
        deployment.ended_at = Some(now);
    }
    call.state.end(&operation, now, Outcome::Canceled, Value::Null);
    call.changed = true;
    Ok(Answer::empty(204))
}

fn export(call: &mut Call) -> Handled {
    permit(call, "exportTemplate/action")?;
    Ok(Answer::json(200, json!({"template": known(call)?.template})))
}
