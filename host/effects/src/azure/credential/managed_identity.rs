//! The identity of the machine or service that this runs on: one GET to an endpoint that only exists there.
//!
//! Two of them are known: that which the service names in `IDENTITY_ENDPOINT`, with a secret in `IDENTITY_HEADER` (App
//! Service, Container Apps and others: "How to use managed identities for App Service", api-version 2019-08-01), and that
//! of virtual machines at a fixed link-local address ("Azure Instance Metadata Service", api-version 2018-02-01). Both
//! speak plain http, which is accepted for loopback and link-local addresses only.

use azure_core::{Method, Request, Url};
use jiff::Timestamp;
use repair_model::secret::Secret;
use serde::Deserialize;
use serde_json::Value;

use super::{CredentialError, CredentialKind, Token};
use crate::azure::cloud::is_near;
use crate::azure::limits::IDENTITY_TIMEOUT;
use crate::azure::permit::Permit;
use crate::azure::transport::{Http, Transport};

/// Where virtual machines ask.
const MACHINE_ENDPOINT: &str = "http://169.254.169.254/metadata/identity/oauth2/token";

/// Where the token is asked for.
#[derive(Debug)]
pub(super) struct Endpoint {
    url: Url,
    header: Option<Secret>,
    client: Option<String>,
    of_service: bool,
}

#[derive(Deserialize)]
struct Given {
    access_token: String,
    /// Seconds since 1970, as a string or a number.
    expires_on: Value,
}

impl Endpoint {
    /// The one that a service named, or that of virtual machines.
    pub(super) fn new(
        named: Option<&str>,
        header: Option<Secret>,
        client: Option<String>,
    ) -> Result<Self, CredentialError> {
        let wrong = |why: &str| CredentialError::NotAnEndpoint(why.to_owned());
        let url = Url::parse(named.unwrap_or(MACHINE_ENDPOINT)).map_err(|_| wrong("it is not an absolute URL"))?;
        if url.scheme() != "https" && !(url.scheme() == "http" && is_near(&url)) {
            return Err(wrong("plain http is accepted for loopback and link-local addresses only"));
        }
        Ok(Self { url, header, client, of_service: named.is_some() })
    }

    pub(super) fn describe(&self) -> String {
        let place = if self.of_service { "of this service" } else { "of this machine" };
        match &self.client {
            Some(client) => format!("{place}, client {}", repair_model::text::escaped_short(client, 8)),
            None => place.to_owned(),
        }
    }

    /// A token for `scope`.
    pub(super) async fn token(&self, scope: &str, http: &Http) -> Result<Token, CredentialError> {
        let kind = CredentialKind::ManagedIdentity;
        let unreadable = || CredentialError::Unanswered { kind, said: "its answer is not a token".to_owned() };
        let mut url = self.url.clone();
        // This endpoint takes a resource where all others take a scope.
        let resource = scope.strip_suffix("/.default").unwrap_or(scope);
        let version = if self.of_service { "2019-08-01" } else { "2018-02-01" };
        url.query_pairs_mut().append_pair("api-version", version).append_pair("resource", resource);
        if let Some(client) = &self.client {
            url.query_pairs_mut().append_pair("client_id", client);
        }
        let mut request = Request::new(url, Method::Get);
        request.insert_header("metadata", "true");
        if let Some(header) = &self.header {
            request.insert_header("x-identity-header", header.expose().to_owned());
        }
        let permit = Permit::identity(self.url.path());
        let transport = Transport::new(http.clone(), self.url.clone(), permit, None);
        let answer = match tokio::time::timeout(IDENTITY_TIMEOUT, transport.send(&request)).await {
            Ok(answer) => answer.map_err(|error| CredentialError::from_transport(kind, &error))?,
            Err(_) => {
                let said = format!("no identity answered within {} s", IDENTITY_TIMEOUT.as_secs());
                return Err(CredentialError::Unanswered { kind, said });
            }
        };
        let given: Given = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
        let seconds = match &given.expires_on {
            Value::String(text) => text.parse().ok(),
            number => number.as_i64(),
        };
        let expires = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).ok_or_else(unreadable)?;
        Ok(Token { secret: Secret::new(given.access_token), expires })
    }
}
