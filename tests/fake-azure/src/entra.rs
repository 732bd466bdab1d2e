//! Logins: Entra's token endpoint for applications, and the managed identity endpoint of App Service.
//!
//! Tokens are opaque. They are good for the resource that they were asked for, until they expire.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::clock;
use crate::http::{Answer, Request, form};
use crate::refusal::Refusal;
use crate::state::State;
use crate::world::identity::Identity;

const AUDIENCES: &[&str] = &["https://management.core.windows.net", "https://management.azure.com"];
const VAULTS: &str = "https://vault.azure.net";

/// A token that was given.
#[derive(Clone, Debug)]
pub(crate) struct Token {
    text: String,
    client_id: String,
    /// Without a slash at its end.
    audience: String,
    expires_at: Timestamp,
    used: u32,
}

/// Gives a token to `client_id` for a resource.
pub(crate) fn issue(state: &mut State, client_id: &str, resource: &str, now: Timestamp) -> String {
    let text = format!("opaque-{}", state.fresh_id());
    let audience = resource.trim_end_matches("/.default").trim_end_matches('/').to_owned();
    let expires_at = clock::shifted(now, state.quirks.token_seconds);
    state.tokens.push(Token { text: text.clone(), client_id: client_id.to_owned(), audience, expires_at, used: 0 });
    text
}

/// Who sends this request to ARM.
pub(crate) fn caller(state: &mut State, request: &Request, now: Timestamp) -> Result<Identity, Refusal> {
    let own = state.url.clone();
    authenticate(state, request, now, |audience| AUDIENCES.contains(&audience) || audience == own)
}

/// Who sends this request to a vault.
pub(crate) fn vault_caller(state: &mut State, request: &Request, now: Timestamp) -> Result<Identity, Refusal> {
    authenticate(state, request, now, |audience| audience == VAULTS)
}

fn authenticate(
    state: &mut State,
    request: &Request,
    now: Timestamp,
    accepts: impl Fn(&str) -> bool,
) -> Result<Identity, Refusal> {
    let tenant = state.world.identities.first().map(|known| known.tenant.clone()).unwrap_or_default();
    let login = state.url.clone();
    let Some(header) = request.header("authorization") else { return Err(Refusal::no_authorization(&login, &tenant)) };
    let text = header.strip_prefix("Bearer ").unwrap_or_default();
    let uses_max = state.quirks.token_requests_max;
    let shown = state.shown(now);
    let token = state.tokens.iter_mut().find(|known| known.text == text).ok_or_else(Refusal::invalid_token)?;
    if token.expires_at <= now || uses_max.is_some_and(|max| token.used >= max) {
        let expiry = clock::spoken(clock::shifted(shown, -60));
        return Err(Refusal::expired_token(&expiry, &clock::spoken(shown), &login, &tenant));
    }
    token.used += 1;
    if !accepts(&token.audience) {
        return Err(Refusal::wrong_audience(&token.audience));
    }
    let client_id = token.client_id.clone();
    let known = state.world.identities.iter().find(|known| known.client_id == client_id);
    known.cloned().ok_or_else(Refusal::invalid_token)
}

/// `POST /{tenant}/oauth2/v2.0/token`, or the older one without `v2.0`.
pub(crate) fn token(state: &mut State, request: &Request, tenant: &str, now: Timestamp) -> Answer {
    let pairs = form(&request.body);
    let field = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let (Some("client_credentials"), Some(client)) = (field("grant_type"), field("client_id")) else {
        let what = "AADSTS900144: The request body must contain the following parameter: 'grant_type'.";
        return refused(state, now, 400, "invalid_request", 900_144, what);
    };
    if !state.world.identities.iter().any(|known| known.tenant.eq_ignore_ascii_case(tenant)) {
        let what =
            format!("AADSTS90002: Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID.");
        return refused(state, now, 400, "invalid_request", 90002, &what);
    }
    let same =
        |known: &&Identity| known.client_id.eq_ignore_ascii_case(client) && known.tenant.eq_ignore_ascii_case(tenant);
    let Some(identity) = state.world.identities.iter().find(same).cloned() else {
        let what =
            format!("AADSTS700016: Application with identifier '{client}' was not found in the directory '{tenant}'.");
        return refused(state, now, 400, "unauthorized_client", 700_016, &what);
    };
    if let Some(assertion) = field("client_assertion") {
        if identity.assertion.as_deref() != Some(assertion) {
            let what = "AADSTS700213: No matching federated identity record found for presented assertion.";
            return refused(state, now, 401, "invalid_client", 700_213, what);
        }
    } else if field("client_secret") != Some(identity.secret.as_str()) {
        let what = format!(
            "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the client \
             secret value, not the client secret ID, for a secret added to app '{client}'."
        );
        return refused(state, now, 401, "invalid_client", 7_000_215, &what);
    }
    let Some(resource) = field("scope").or_else(|| field("resource")) else {
        let what = "AADSTS90014: The required field 'scope' is missing from the credential.";
        return refused(state, now, 400, "invalid_request", 90014, what);
    };
    let text = issue(state, &identity.client_id, resource, now);
    let seconds = state.quirks.token_seconds;
    let body = json!({
        "token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": text,
    });
    Answer::json(200, body).with("Cache-Control", "no-store, no-cache")
}

fn refused(state: &mut State, now: Timestamp, status: u16, error: &str, number: u64, what: &str) -> Answer {
    let (trace, correlation) = (state.fresh_id(), state.fresh_id());
    let at = clock::spaced(state.shown(now));
    let description = format!("{what} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {at}");
    let body = json!({
        "error": error, "error_description": description, "error_codes": [number], "timestamp": at, "trace_id": trace,
        "correlation_id": correlation, "error_uri": format!("https://login.microsoftonline.com/error?code={number}"),
    });
    Answer::json(status, body)
}

/// `GET /msi/token`, as an App Service offers it (2019-08-01).
pub(crate) fn managed_identity(state: &mut State, request: &Request, now: Timestamp) -> Answer {
    let wrong = |status, message: &str| Answer::json(status, json!({"statusCode": status, "message": message}));
    if request.header("x-identity-header") != Some(state.world.identity_header.as_str()) {
        return wrong(401, "Unauthorized");
    }
    let (Some("2019-08-01"), Some(resource)) =
        (request.parameter("api-version").as_deref(), request.parameter("resource"))
    else {
        return wrong(400, "Bad Request");
    };
    let wanted = request.parameter("client_id");
    let same = |known: &&Identity| wanted.as_ref().is_none_or(|wanted| known.client_id.eq_ignore_ascii_case(wanted));
    let Some(identity) = state.world.identities.iter().find(same).cloned() else {
        return wrong(400, "No User Assigned or Delegated Managed Identity found for specified ClientId");
    };
    let text = issue(state, &identity.client_id, &resource, now);
    let expires_on = clock::shifted(now, state.quirks.token_seconds).as_second().to_string();
    let body: Value = json!({
        "access_token": text, "expires_on": expires_on, "resource": resource, "token_type": "Bearer",
        "client_id": identity.client_id,
    });
    Answer::json(200, body)
}
