//! The data plane of vaults, under `/vaults-data/{name}/`: names of secrets and their values, for who may read them.

use serde_json::{Value, json};

use crate::entra;
use crate::http::{Answer, Request};
use crate::refusal::{Handled, Refusal};
use crate::state::State;
use crate::world::identity::Identity;
use crate::world::vault::{DataAccess, Vault};

/// Answers `GET /vaults-data/{name}/secrets` and `GET …/secrets/{secret}`; nothing for what it does not know.
pub(crate) fn answer(
    state: &mut State,
    request: &Request,
    segments: &[String],
    now: jiff::Timestamp,
    identity: &mut Option<String>,
) -> Option<Handled> {
    let (name, rest) = (segments.get(1)?, segments.get(2..)?);
    let secret = match rest {
        [list] if list.eq_ignore_ascii_case("secrets") => None,
        [list, secret, ..] if list.eq_ignore_ascii_case("secrets") && rest.len() <= 3 => {
            Some(secret.as_str()).filter(|secret| !secret.is_empty())
        }
        _ => return None,
    };
    if request.method != "GET" {
        return None;
    }
    let caller = match entra::vault_caller(state, request, now) {
        Ok(caller) => caller,
        Err(refusal) => return Some(Err(challenged(state, &refusal))),
    };
    *identity = Some(caller.client_id.clone());
    Some(read(state, request, name, secret, &caller))
}

/// The data plane has words of its own for a missing or wrong token, and says where to get one.
fn challenged(state: &State, refusal: &Refusal) -> Refusal {
    let tenant = state.world.identities.first().map(|known| known.tenant.clone()).unwrap_or_default();
    let challenge = format!("Bearer authorization=\"{}/{tenant}\", resource=\"https://vault.azure.net\"", state.url);
    let message = match refusal.code() {
        "AuthenticationFailed" => "AKV10000: Request is missing a Bearer or PoP token.",
        "InvalidAuthenticationTokenAudience" => {
            "AKV10022: Invalid audience. Expected https://vault.azure.net, found another."
        }
        _ => "AKV10046: Unable to resolve the key used for signature validation.",
    };
    Refusal::new(401, "Unauthorized", message).with_header("WWW-Authenticate", challenge)
}

fn read(state: &State, request: &Request, name: &str, secret: Option<&str>, caller: &Identity) -> Handled {
    if request.parameter("api-version").is_none() {
        return Err(Refusal::new(400, "BadParameter", "api-version must be specified"));
    }
    // Where there is no such vault, its name does not resolve; this is as near as one server can come.
    let Some(vault) = state.world.vault(name) else {
        return Err(Refusal::new(404, "VaultNotFound", format!("The vault '{name}' does not exist.")));
    };
    refuse_data(vault, caller)?;
    let base = format!("{}/vaults-data/{}/secrets", state.url, vault.name());
    let attributes = json!({"enabled": true, "recoveryLevel": "Recoverable+Purgeable", "recoverableDays": 90});
    let Some(secret) = secret else {
        let items: Vec<Value> = vault
            .secrets
            .keys()
            .map(|secret| json!({"id": format!("{base}/{secret}"), "attributes": attributes}))
            .collect();
        return Ok(Answer::json(200, json!({"value": items, "nextLink": null})));
    };
    let found = vault.secrets.iter().find(|(known, _)| known.eq_ignore_ascii_case(secret));
    let Some((secret, value)) = found else {
        let message = format!(
            "A secret with (name/id) {secret} was not found in this key vault. If you recently deleted this secret you \
             may be able to recover it using the correct recovery command. For help resolving this issue, please see \
             https://go.microsoft.com/fwlink/?linkid=2125182"
        );
        return Err(Refusal::new(404, "SecretNotFound", message));
    };
    let id = format!("{base}/{secret}/4a721a31ac094e92a9ac56fc0552fe64");
    Ok(Answer::json(200, json!({"value": value, "id": id, "attributes": attributes})))
}

fn refuse_data(vault: &Vault, caller: &Identity) -> Result<(), Refusal> {
    let location = vault.resource.location.as_deref().unwrap_or_default();
    let tail = format!("Vault: {};location={location}", vault.name());
    let (message, inner) = match vault.access {
        DataAccess::Allowed => return Ok(()),
        DataAccess::ForbiddenByRbac => (
            format!(
                "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or \
                 role definitions were changed recently, please observe propagation time.\r\nCaller: \
                 appid={};oid={};iss=https://sts.windows.net/{}/\r\nAction: \
                 'Microsoft.KeyVault/vaults/secrets/readMetadata/action'\r\nResource: '{}'\r\nAssignment: (not \
                 found)\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\n{tail}\r\n",
                caller.client_id,
                caller.object_id,
                caller.tenant,
                vault.resource.id().to_ascii_lowercase()
            ),
            "ForbiddenByRbac",
        ),
        DataAccess::ForbiddenByFirewall => (
            format!(
                "Client address is not authorized and caller is not a trusted service.\r\nClient address: \
                 203.0.113.7\r\nCaller: appid={};oid={};iss=https://sts.windows.net/{}/\r\n{tail}",
                caller.client_id, caller.object_id, caller.tenant
            ),
            "ForbiddenByFirewall",
        ),
    };
    Err(Refusal::new(403, "Forbidden", message).with("innererror", json!({"code": inner})))
}
