//! Asking after a long operation: `Azure-AsyncOperation` tells its status, `Location` answers 202 until there is a
//! result.

use serde_json::{Value, json};

use crate::call::{Call, Polls};
use crate::clock;
use crate::deployments::shapes;
use crate::http::Answer;
use crate::refusal::{Handled, Refusal};
use crate::state::{Aim, Operation, Outcome};

/// Where an operation of a provider is asked after, by region.
pub(crate) fn of_provider(call: &Call, namespace: &str, location: &str, id: &str, real: (bool, bool)) -> Polls {
    let version = call.version().unwrap_or_default();
    let base = format!("/subscriptions/{}/providers/{namespace}/locations/{location}", call.part(1));
    Polls {
        location: format!("{base}/operationResults/{id}?api-version={version}"),
        async_operation: format!("{base}/azureAsyncOperation/{id}?api-version={version}"),
        real,
    }
}

/// Where an operation of ARM itself is asked after.
pub(crate) fn of_arm(call: &Call, deployment: &str, id: &str, real: (bool, bool)) -> Polls {
    let version = call.version().unwrap_or_default();
    Polls {
        location: format!("/subscriptions/{}/operationresults/{id}?api-version={version}", call.part(1)),
        async_operation: format!("{deployment}/operationStatuses/{id}?api-version={version}"),
        real,
    }
}

fn known<'a>(call: &'a Call, id: &str) -> Result<&'a Operation, Refusal> {
    let missing = || Refusal::new(404, "OperationNotFound", format!("The operation '{id}' could not be found."));
    call.state.operation(id).ok_or_else(missing)
}

/// `GET …/azureAsyncOperation/{id}` and `GET …/operationStatuses/{id}`.
pub(crate) fn status(call: &Call, id: &str) -> Handled {
    let operation = known(call, id)?;
    if matches!(operation.aim, Aim::Deployment { .. }) {
        return Ok(call.retrying(Answer::json(200, deployment_status(operation))));
    }
    let mut body = json!({
        "name": operation.id,
        "status": "InProgress",
        "startTime": call.iso(operation.started_at),
    });
    match &operation.outcome {
        Outcome::Running => return Ok(call.retrying(Answer::json(200, body))),
        Outcome::Succeeded => body["status"] = json!("Succeeded"),
        Outcome::Canceled => body["status"] = json!("Canceled"),
        Outcome::Failed(error) => {
            body["status"] = json!("Failed");
            body["error"] = error.clone();
        }
    }
    if let (Aim::WhatIf, Some(result)) = (&operation.aim, operation.result.as_object()) {
        result.iter().for_each(|(key, value)| body[key] = value.clone());
    }
    Ok(Answer::json(200, body))
}

fn deployment_status(operation: &Operation) -> Value {
    match &operation.outcome {
        Outcome::Running => json!({"status": "Running"}),
        Outcome::Succeeded => json!({"status": "Succeeded"}),
        Outcome::Canceled => json!({"status": "Canceled"}),
        Outcome::Failed(error) => json!({"status": "Failed", "error": error}),
    }
}

/// `GET …/operationResults/{id}`.
pub(crate) fn result(call: &Call, id: &str) -> Handled {
    let operation = known(call, id)?;
    if operation.outcome == Outcome::Running {
        let again = format!("{}?{}", call.request.path, call.request.query);
        let polls = Polls { location: again.clone(), async_operation: again, real: (true, false) };
        let mut answer = call.leading(Answer::empty(202), &polls);
        answer.headers.retain(|(name, _)| name != "Azure-AsyncOperation");
        return Ok(answer);
    }
    if let (Outcome::Failed(error), false) = (&operation.outcome, matches!(operation.aim, Aim::WhatIf)) {
        let code = error["code"].as_str().unwrap_or_default();
        let mut refusal = Refusal::new(500, code, error["message"].as_str().unwrap_or_default());
        if let Some(details) = error.get("details") {
            refusal = refusal.with("details", details.clone());
        }
        return Err(refusal);
    }
    let (created, last) = (call.state.shown(operation.started_at), call.state.shown(operation.ended_at));
    Ok(match &operation.aim {
        Aim::Purge { .. } => Answer::json(
            200,
            json!({
                "createdDateTime": clock::spaced(created), "lastActionDateTime": clock::spaced(last),
                "status": "Succeeded",
            }),
        ),
        Aim::Deployment { id } => {
            let deployment = call.state.world.deployments.iter().find(|known| known.id() == *id);
            deployment.map_or_else(|| Answer::empty(204), |known| Answer::json(200, shapes::deployment(call, known)))
        }
        _ if operation.result.is_null() => Answer::empty(200),
        _ => Answer::json(200, operation.result.clone()),
    })
}
