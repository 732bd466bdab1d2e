//! `Microsoft.DBforMySQL`: flexible servers, their state, and what is in them.

use serde_json::{Value, json};

use crate::call::Call;
use crate::http::Answer;
use crate::refusal::{Handled, Refusal};
use crate::state::Aim;
use crate::world::resource::{Declared, region};
use crate::world::server::{Server, ServerState};
use crate::{operations, put};

/// The type of a flexible server.
pub(crate) const SERVERS: &str = "Microsoft.DBforMySQL/flexibleServers";
const NAMESPACE: &str = "Microsoft.DBforMySQL";

/// A server as ARM shows it.
pub(crate) fn view(server: &Server) -> Value {
    let mut head = server.resource.head();
    let mut properties = server.resource.properties.clone();
    properties["state"] = json!(server.state.as_str());
    properties["fullyQualifiedDomainName"] = json!(format!("{}.mysql.database.azure.com", server.resource.name));
    head.insert("properties".to_owned(), properties);
    Value::Object(head)
}

/// Requests below `/subscriptions/{id}/providers/Microsoft.DBforMySQL`.
pub(crate) fn in_subscription(call: &mut Call) -> Option<Handled> {
    if call.request.method != "GET" {
        return None;
    }
    if call.segments.len() == 5 && call.part(4).eq_ignore_ascii_case("flexibleServers") {
        return Some(list(call, None));
    }
    if call.segments.len() != 8 || !call.part(4).eq_ignore_ascii_case("locations") {
        return None;
    }
    let id = call.part(7).to_owned();
    match call.part(6).to_ascii_lowercase().as_str() {
        "azureasyncoperation" => Some(operations::status(call, &id)),
        "operationresults" => Some(operations::result(call, &id)),
        _ => None,
    }
}

/// Requests below `/subscriptions/{id}/resourceGroups/{name}/providers/Microsoft.DBforMySQL`.
pub(crate) fn in_group(call: &mut Call) -> Option<Handled> {
    if !call.part(6).eq_ignore_ascii_case("flexibleServers") {
        return None;
    }
    let what = call.part(8).to_ascii_lowercase();
    Some(match (call.request.method.as_str(), call.segments.len(), what.as_str()) {
        ("GET", 7, _) => list(call, Some(call.part(3).to_owned())),
        ("GET", 8, _) => get(call),
        ("PUT" | "PATCH", 8, _) => update(call),
        ("POST", 9, "start") => start(call),
        ("POST", 9, "stop") => stop(call),
        ("GET", 9, "databases" | "firewallrules" | "configurations") => list_children(call, &what),
        _ => return None,
    })
}

fn list(call: &Call, group: Option<String>) -> Handled {
    call.speaks(SERVERS)?;
    let subscription = call.part(1);
    let mut scope = format!("/subscriptions/{subscription}");
    if let Some(group) = &group {
        scope.push_str(&format!("/resourceGroups/{group}"));
    }
    call.permit("Microsoft.DBforMySQL/flexibleServers/read", &scope)?;
    let mine = call.state.world.servers.iter().filter(|server| {
        server.resource.subscription.eq_ignore_ascii_case(subscription)
            && group.as_ref().is_none_or(|group| server.resource.group.eq_ignore_ascii_case(group))
    });
    call.page(mine.map(view).collect())
}

fn in_path(call: &Call, body: &Value) -> Declared {
    Declared {
        subscription: call.part(1).to_owned(),
        group: call.part(3).to_owned(),
        kind: SERVERS.to_owned(),
        name: call.part(7).to_owned(),
        location: body["location"].as_str().map(region),
        tags: body["tags"].clone(),
        sku: body["sku"].clone(),
        properties: body["properties"].clone(),
    }
}

/// The server of the path, after the checks that every request for it passes.
fn known<'a>(call: &'a Call, action: &str) -> Result<&'a Server, Refusal> {
    call.speaks(SERVERS)?;
    let declared = in_path(call, &Value::Null);
    call.permit(&format!("{SERVERS}/{action}"), &declared.id())?;
    let server = call.state.world.server(&declared.name).filter(|server| server.resource.has_id(&declared.id()));
    server.ok_or_else(|| Refusal::no_resource(SERVERS, &declared.name, &declared.group))
}

fn get(call: &Call) -> Handled {
    Ok(Answer::json(200, view(known(call, "read")?)))
}

fn list_children(call: &Call, what: &str) -> Handled {
    let server = known(call, "read")?;
    let (kind, prefix) = (format!("{SERVERS}/{what}"), format!("{}/", server.resource.name));
    let mine = call.state.world.resources.iter().filter(|resource| {
        resource.kind.eq_ignore_ascii_case(&kind)
            && resource.is_in(&server.resource.subscription, &server.resource.group)
            && resource.name.to_ascii_lowercase().starts_with(&prefix.to_ascii_lowercase())
    });
    let views = mine.map(|resource| {
        let mut head = resource.head();
        head.insert("properties".to_owned(), resource.properties.clone());
        Value::Object(head)
    });
    call.page(views.collect())
}

fn begun(call: &mut Call, aim: Aim, operation: &str, millis: u64) -> Handled {
    let location = region(
        call.state
            .world
            .server(call.part(7))
            .and_then(|server| server.resource.location.as_deref())
            .unwrap_or("westeurope"),
    );
    let takes = call.takes(millis);
    let id = call.state.begin(aim, call.now, takes, Value::Null);
    call.changed = true;
    let body = json!({"operation": operation, "startTime": call.iso(call.now)});
    let polls = operations::of_provider(call, NAMESPACE, &location, &id, (true, true));
    Ok(call.leading(Answer::json(202, body), &polls))
}

fn start(call: &mut Call) -> Handled {
    let server = known(call, "start/action")?;
    let (name, id, state) = (server.resource.name.clone(), server.resource.id(), server.state);
    call.unlocked(&id, false)?;
    match state {
        ServerState::Stopped => {}
        ServerState::Starting | ServerState::Stopping | ServerState::Updating => {
            return Err(Refusal::server_busy(&name));
        }
        _ => return Err(Refusal::server_not_stopped(&name, state.as_str())),
    }
    set(call, &name, ServerState::Starting);
    let millis = call.state.world.durations.start_millis;
    begun(call, Aim::Start { name }, "StartServerManagementOperation", millis)
}

fn stop(call: &mut Call) -> Handled {
    let server = known(call, "stop/action")?;
    let (name, id, state) = (server.resource.name.clone(), server.resource.id(), server.state);
    call.unlocked(&id, false)?;
    if state != ServerState::Ready {
        return Err(Refusal::server_not_ready(&name, state.as_str()));
    }
    set(call, &name, ServerState::Stopping);
    let millis = call.state.world.durations.stop_millis;
    begun(call, Aim::Stop { name }, "StopServerManagementOperation", millis)
}

fn update(call: &mut Call) -> Handled {
    call.speaks(SERVERS)?;
    let declared = in_path(call, &call.body()?);
    call.permit("Microsoft.DBforMySQL/flexibleServers/write", &declared.id())?;
    if call.request.method == "PATCH" {
        known(call, "write")?;
    }
    put::apply(&mut call.state.world, &declared, call.now)?;
    let name = declared.name;
    set(call, &name, ServerState::Updating);
    let millis = call.state.world.durations.update_millis;
    begun(call, Aim::Update { name }, "UpsertServerManagementOperationV2", millis)
}

fn set(call: &mut Call, name: &str, state: ServerState) {
    if let Some(server) = call.state.world.server_mut(name) {
        server.state = state;
    }
}
