//! The connection to one subscription, and how everything beside it asks.
//!
//! Single things and changes go through the SDK's request builders with `.send()`, whose answers are read here into plain
//! types of our own: the SDK's `.await` sends a PUT again with every look at it, and its list types lose what they do not
//! know. Lists are therefore plain GET requests, read page by page within limits. Invariants: everything passes a
//! `Permit`; a token goes to the cloud's own Resource Manager only; nothing is sent twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use azure_core::auth::{AccessToken, Secret as SdkSecret, TokenCredential};
use azure_core::{Method, Response, Url};
use serde_json::Value;

use super::cloud::Cloud;
use super::credential::{Credential, CredentialChoice, Token};
use super::error::{ArmError, ErrorKind};
use super::limits::{
    ANSWER_BYTES_MAX, LIST_ENTRIES_MAX, LOOK_PAUSE, LOOK_PAUSE_LOCALLY, LOOK_PAUSE_MAX, LOOKS_MAX, PAGES_MAX,
    SUBSCRIPTIONS_NAMED_MAX,
};
use super::names::{SubscriptionId, TenantId};
use super::permit::Permit;
use super::poller::{PollUrl, own_address, unless_interrupted};
use super::request_ids::RequestId;
use super::transport::{Answer, Http, HttpOptions, Transport, from_sdk, request};

/// What is needed to connect.
#[derive(Clone, Debug)]
pub struct ArmOptions {
    /// Which Azure.
    pub cloud: Cloud,
    /// Which subscription; `None` for the one that the login has chosen, or its only one.
    pub subscription: Option<SubscriptionId>,
    /// Who asks.
    pub credential: CredentialChoice,
    /// How connections are made.
    pub http: HttpOptions,
}

/// A connection to one subscription.
#[derive(Debug)]
pub struct Arm {
    cloud: Cloud,
    subscription: SubscriptionId,
    credential: Credential,
    http: Http,
    /// Set when the person wants to stop; without it, no look is made again.
    interrupted: Option<Arc<AtomicBool>>,
}

/// A subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its id.
    pub id: SubscriptionId,
    /// Its name; foreign text.
    pub name: String,
    /// Its state, such as `Enabled`, `Warned`, `PastDue` or `Disabled`; foreign text.
    pub state: String,
    /// The tenant whose identities it trusts.
    pub tenant: Option<TenantId>,
}

impl Subscription {
    /// Whether things in it can be changed: Azure only lets read what belongs to a subscription that is not.
    pub fn is_enabled(&self) -> bool {
        ["enabled", "warned"].iter().any(|state| self.state.eq_ignore_ascii_case(state))
    }
}

/// A resource group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Its name, as Azure writes it.
    pub name: String,
    /// Its region, as Azure writes it.
    pub location: String,
    /// Its state, such as `Succeeded` or `Deleting`; foreign text.
    pub state: String,
}

/// A change that Azure has begun.
#[derive(Clone, Debug, PartialEq)]
pub struct Started {
    /// Where it can be looked at; `None` where it is done already.
    pub poll: Option<PollUrl>,
    /// What Azure answered; null where that is empty or no JSON.
    pub body: Value,
    /// The id under which Azure keeps it in its activity log.
    pub correlation_id: Option<String>,
    /// The id of the request that began it.
    pub request_id: RequestId,
}

impl Arm {
    /// Chooses a login, fetches a token and finds the subscription.
    ///
    /// # Errors
    /// When there is no login, Azure cannot be reached, or the subscription is not clear:
    /// [`ErrorKind::AmbiguousSubscription`] names them.
    pub async fn connect(options: ArmOptions) -> Result<Self, ArmError> {
        let ArmOptions { cloud, subscription, credential, http } = options;
        let http = Http::new(&http)?;
        let credential = Credential::choose(&credential, &cloud, &http)?;
        let subscription = match subscription {
            Some(subscription) => Some(subscription),
            None => credential.subscription().await?,
        };
        let subscription = match subscription {
            Some(subscription) => subscription,
            None => only_one(subscriptions(&cloud, &credential, &http).await?)?,
        };
        let arm = Self { cloud, subscription, credential, http, interrupted: None };
        arm.token().await?;
        Ok(arm)
    }

    /// The same that makes a look again which Azure refuses in passing, because it is asked too often or fails by itself, until
    /// the person wants to stop. What changes something is never asked for again.
    #[must_use]
    pub fn with_patience(self, interrupted: Arc<AtomicBool>) -> Self {
        Self { interrupted: Some(interrupted), ..self }
    }

    /// Which Azure.
    pub fn cloud(&self) -> &Cloud {
        &self.cloud
    }

    /// Which subscription.
    pub fn subscription_id(&self) -> &SubscriptionId {
        &self.subscription
    }

    /// Who asks.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }

    pub(super) fn http(&self) -> &Http {
        &self.http
    }

    /// The subscription itself.
    ///
    /// # Errors
    /// When it cannot be looked at, or the login does not see it.
    pub async fn subscription(&self) -> Result<Subscription, ArmError> {
        let path = format!("/subscriptions/{}", self.subscription);
        let answer = self.get(&path, SUBSCRIPTIONS_VERSION).await?;
        read_subscription(&answer.json()?).ok_or_else(|| unreadable("it is not a subscription"))
    }

    pub(super) async fn token(&self) -> Result<Token, ArmError> {
        Ok(self.credential.token(&self.cloud.scope()).await?)
    }

    /// GET of one path below Resource Manager, with the permit to look.
    async fn get(&self, path: &str, api_version: &str) -> Result<Answer, ArmError> {
        let transport = self.transport(Permit::look(&self.subscription), None);
        let url = self.url(path, api_version);
        let look = async |token: Token| transport.send(&request(Method::Get, url.clone(), &token.secret)).await;
        let mut looks = 0;
        loop {
            looks += 1;
            match self.with_a_good_token(&look).await {
                Err(error) if self.rests_after(&error, looks).await => {}
                seen => return seen,
            }
        }
    }

    /// All entries of a list, over its pages, at most `entries_max`; true if there are more.
    pub(super) async fn list(
        &self,
        path: &str,
        api_version: &str,
        entries_max: usize,
    ) -> Result<(Vec<Value>, bool), ArmError> {
        let transport = self.transport(Permit::look(&self.subscription), None);
        let url = self.url(path, api_version);
        let look = async |token: Token| pages(&transport, url.clone(), &token, entries_max).await;
        let mut looks = 0;
        loop {
            looks += 1;
            match self.with_a_good_token(&look).await {
                Err(error) if self.rests_after(&error, looks).await => {}
                seen => return seen,
            }
        }
    }

    /// Lets Azure rest after a look that it refused in passing, as long as it asks for. False where the look is not made
    /// again: it was made often enough, Azure asks for more than a person is kept waiting, or the person wants to stop.
    pub(super) async fn rests_after(&self, error: &ArmError, looks: u32) -> bool {
        let Some(flag) = &self.interrupted else { return false };
        let interrupted = || flag.load(Ordering::Relaxed);
        let usual = if self.cloud.is_local() { LOOK_PAUSE_LOCALLY } else { LOOK_PAUSE };
        let pause = error.retry_after().unwrap_or(usual.saturating_mul(looks));
        if error.status().is_none() || !error.is_passing() || looks >= LOOKS_MAX || pause > LOOK_PAUSE_MAX {
            return false;
        }
        unless_interrupted(tokio::time::sleep(pause), &interrupted).await.is_some()
    }

    /// Looks, and once more with a fresh token where Azure does not take the one that is kept: a clock may be wrong, or
    /// somebody has taken it back.
    pub(super) async fn with_a_good_token<T>(
        &self,
        look: impl AsyncFn(Token) -> Result<T, ArmError>,
    ) -> Result<T, ArmError> {
        match look(self.token().await?).await {
            Err(error) if error.status() == Some(401) => {
                self.credential.forget().await;
                look(self.token().await?).await
            }
            seen => seen,
        }
    }

    fn url(&self, path: &str, api_version: &str) -> Url {
        let mut url = self.cloud.resource_manager().clone();
        url.set_path(path);
        url.query_pairs_mut().append_pair("api-version", api_version);
        url
    }

    /// All entries of a list. One that goes on beyond the limits is an error: what a part of it does not name may be there.
    pub(super) async fn whole_list(&self, path: &str, api_version: &str) -> Result<Vec<Value>, ArmError> {
        match self.list(path, api_version, LIST_ENTRIES_MAX).await? {
            (all, false) => Ok(all),
            (_, true) => {
                Err(unreadable(&format!("the list has more than {LIST_ENTRIES_MAX} entries or {PAGES_MAX} pages")))
            }
        }
    }

    pub(super) fn transport(&self, permit: Permit, id: Option<RequestId>) -> Transport {
        Transport::new(self.http.clone(), self.cloud.resource_manager().clone(), permit, id)
    }

    /// What a client of the SDK is built from: a token that is already there, the endpoint, the scope and the transport.
    pub(super) async fn sdk(&self, permit: Permit, id: Option<RequestId>) -> Result<SdkParts, ArmError> {
        if id.is_some() {
            // A change is sent once, so it goes out with a token that is as good as any.
            self.credential.forget().await;
        }
        let (transport, retry) = self.transport(permit, id).for_sdk();
        let credential = Arc::new(Ready(self.token().await?));
        let endpoint = self.cloud.resource_manager().clone();
        Ok(SdkParts { credential, endpoint, scope: self.cloud.scope(), transport, retry })
    }

    /// The address that a request of the SDK was sent to, as far as a relative one behind it needs that.
    pub(super) fn base(&self) -> &Url {
        self.cloud.resource_manager()
    }

    /// What came of a request that changes something.
    pub(super) async fn started(&self, sent: azure_core::Result<Response>, id: RequestId) -> Result<Started, ArmError> {
        let answer = match answer_of(sent).await {
            Err(error) if error.status() == Some(401) => {
                // It is not sent again, but whoever tries again should not do so with the same token.
                self.credential.forget().await;
                return Err(error);
            }
            answer => answer?,
        };
        let correlation_id = answer.header("x-ms-correlation-request-id").map(str::to_owned);
        let poll = PollUrl::of(&answer, self.base())?;
        // The status has told that Azure has it; what stands in the body decides nothing.
        let body = answer.json().unwrap_or(Value::Null);
        Ok(Started { poll, body, correlation_id, request_id: id })
    }
}

/// See [`Arm::sdk`].
pub(super) struct SdkParts {
    pub(super) credential: Arc<dyn TokenCredential>,
    pub(super) endpoint: Url,
    pub(super) scope: String,
    pub(super) transport: azure_core::TransportOptions,
    pub(super) retry: azure_core::RetryOptions,
}

/// Looks through a client of one of the SDK's crates, which all have the same builder and no trait for it. A look whose
/// token Azure does not take is repeated once with a fresh one; one that Azure refuses in passing, a little later.
macro_rules! sdk_look {
    ($arm:expr, $library:ident::$api:ident, |$sdk:ident| $asked:expr) => {{
        let mut tries = 0;
        loop {
            tries += 1;
            let permit = $crate::azure::permit::Permit::look($arm.subscription_id());
            let $sdk = $crate::azure::client::sdk_client!($library::$api, $arm.sdk(permit, None).await?)?;
            let sent = $asked.send().await.map(Into::into);
            match $crate::azure::client::answer_of(sent).await {
                Err(error) if error.status() == Some(401) && tries == 1 => $arm.credential().forget().await,
                Err(error) if $arm.rests_after(&error, tries).await => {}
                answer => break answer,
            }
        }
    }};
}

/// Sends one change through a client of one of the SDK's crates, under `$permit` and with an id out of `$ids`.
macro_rules! sdk_change {
    ($arm:expr, $library:ident::$api:ident, $permit:expr, $ids:expr, |$sdk:ident| $asked:expr) => {{
        let id = $ids.next();
        let $sdk = $crate::azure::client::sdk_client!($library::$api, $arm.sdk($permit, Some(id.clone())).await?)?;
        $arm.started($asked.send().await.map(Into::into), id).await
    }};
}

macro_rules! sdk_client {
    ($library:ident::$api:ident, $parts:expr) => {{
        let parts = $parts;
        $library::$api::Client::builder(parts.credential)
            .endpoint(parts.endpoint)
            .scopes(&[&parts.scope])
            .transport(parts.transport)
            .retry(parts.retry)
            .build()
            .map_err(|error| $crate::azure::transport::from_sdk(&error))
    }};
}
pub(super) use {sdk_change, sdk_client, sdk_look};

/// Hands the SDK a token that is already there: fetching one may start a process, which the SDK's trait has no room for.
#[derive(Debug)]
struct Ready(Token);

#[async_trait]
impl TokenCredential for Ready {
    async fn get_token(&self, _: &[&str]) -> azure_core::Result<AccessToken> {
        let expires = azure_core::date::parse_rfc3339(&self.0.expires.to_string())?;
        Ok(AccessToken::new(SdkSecret::new(self.0.secret.expose().to_owned()), expires))
    }

    async fn clear_cache(&self) -> azure_core::Result<()> {
        Ok(())
    }
}

/// The whole answer behind a response of the SDK.
pub(super) async fn answer_of(sent: azure_core::Result<Response>) -> Result<Answer, ArmError> {
    let (status, headers, body) = sent.map_err(|error| from_sdk(&error))?.deconstruct();
    let body = body.collect().await.map_err(|error| from_sdk(&error))?;
    Ok(Answer { status: status as u16, headers, body: body.to_vec() })
}

/// `None` for what does not exist.
pub(super) fn if_there<T>(found: Result<T, ArmError>) -> Result<Option<T>, ArmError> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) fn unreadable(what: &str) -> ArmError {
    ArmError::new(ErrorKind::Unreadable(what.to_owned()))
}

const SUBSCRIPTIONS_VERSION: &str = "2021-01-01";

async fn subscriptions(cloud: &Cloud, credential: &Credential, http: &Http) -> Result<Vec<Subscription>, ArmError> {
    let token = credential.token(&cloud.scope()).await?;
    let mut url = cloud.resource_manager().clone();
    url.set_path("/subscriptions");
    url.query_pairs_mut().append_pair("api-version", SUBSCRIPTIONS_VERSION);
    let transport = Transport::new(http.clone(), url.clone(), Permit::subscriptions(), None);
    let (all, _) = pages(&transport, url, &token, LIST_ENTRIES_MAX).await?;
    Ok(all.iter().filter_map(read_subscription).collect())
}

fn read_subscription(value: &Value) -> Option<Subscription> {
    let text = |key: &str| value.get(key).and_then(Value::as_str).unwrap_or_default();
    Some(Subscription {
        id: SubscriptionId::new(text("subscriptionId")).ok()?,
        name: text("displayName").to_owned(),
        state: text("state").to_owned(),
        tenant: TenantId::new(text("tenantId")).ok(),
    })
}

fn only_one(all: Vec<Subscription>) -> Result<SubscriptionId, ArmError> {
    let mut enabled: Vec<_> = all.into_iter().filter(Subscription::is_enabled).map(|one| (one.name, one.id)).collect();
    enabled.sort();
    match enabled.len() {
        0 => Err(ArmError::new(ErrorKind::NoSubscription)),
        1 => Ok(enabled.remove(0).1),
        _ => {
            enabled.truncate(SUBSCRIPTIONS_NAMED_MAX);
            Err(ArmError::new(ErrorKind::AmbiguousSubscription(enabled)))
        }
    }
}

/// The entries of a list from `url` on, at most `entries_max`; true if there are more.
async fn pages(
    transport: &Transport,
    url: Url,
    token: &Token,
    entries_max: usize,
) -> Result<(Vec<Value>, bool), ArmError> {
    let mut entries = Vec::new();
    let mut next = Some(url);
    let mut bytes = 0;
    for _ in 0..PAGES_MAX {
        let Some(url) = next.take() else { return Ok((entries, false)) };
        let answer = transport.send(&request(Method::Get, url.clone(), &token.secret)).await?;
        bytes += answer.body.len();
        let mut page = answer.json()?;
        let own = match page.get_mut("value").map(Value::take) {
            Some(Value::Array(own)) => own,
            _ => return Err(unreadable("it is not a list")),
        };
        entries.extend(own);
        next = match page.get("nextLink").and_then(Value::as_str).filter(|link| !link.is_empty()) {
            Some(link) => Some(own_address(link, &url)?),
            None => None,
        };
        if entries.len() > entries_max || (bytes > ANSWER_BYTES_MAX && next.is_some()) {
            entries.truncate(entries_max);
            return Ok((entries, true));
        }
    }
    Ok((entries, next.is_some()))
}

#[cfg(test)]
mod tests;
