//! Who asks Azure: where tokens come from, which way was taken, and why there is none.
//!
//! Every value is handed in; nothing here reads the environment. Tokens come from `azure_identity` where that takes its
//! values as arguments (client secret, workload identity). Its Azure CLI credential starts `az` by itself, with the PATH
//! of this process, without a time limit; its managed identity reads variables of the process. So those two are done
//! here: `az` is started by [`process`](crate::process) like any other program, and a managed identity is one GET.
//! Invariants: a token is sent to the cloud's own addresses only, and no secret shows itself in `Debug`, `Display`, an error
//! or [`Credential::describe`].

mod azure_cli;
mod managed_identity;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use azure_core::Url;
use azure_core::auth::TokenCredential as _;
use azure_identity::{ClientSecretCredential, WorkloadIdentityCredential};
use jiff::{SignedDuration, Timestamp};
use repair_model::secret::Secret;
use tokio::sync::Mutex;

use super::cloud::Cloud;
pub use super::credential_error::CredentialError;
use super::limits::{FEDERATED_TOKEN_BYTES_MAX, TOKEN_LEEWAY};
use super::names::SubscriptionId;
use super::permit::Permit;
use super::transport::{Http, Transport};

/// The ways to a token, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// A token of a cluster or pipeline, exchanged for one of Azure (`AZURE_FEDERATED_TOKEN_FILE`).
    WorkloadIdentity,
    /// A client secret (`AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`).
    Environment,
    /// The login of the Azure CLI (`az login`).
    AzureCli,
    /// The identity of the machine or service that this runs on.
    ManagedIdentity,
}

impl CredentialKind {
    /// All of them, in the order in which they are tried.
    pub const ALL: &'static [Self] =
        &[Self::WorkloadIdentity, Self::Environment, Self::AzureCli, Self::ManagedIdentity];

    /// The name by which a person asks for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::WorkloadIdentity => "workload-identity",
            Self::Environment => "environment",
            Self::AzureCli => "azure-cli",
            Self::ManagedIdentity => "managed-identity",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a token can be had from. Each field is the value of the variable that it names; an empty value counts as none.
#[derive(Clone, Debug, Default)]
pub struct CredentialChoice {
    /// The one that a person asked for; `None` takes the first that has what it needs.
    pub forced: Option<CredentialKind>,
    /// `AZURE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// `AZURE_CLIENT_ID`; for a managed identity, which of several.
    pub client_id: Option<String>,
    /// `AZURE_CLIENT_SECRET`.
    pub client_secret: Option<Secret>,
    /// `AZURE_FEDERATED_TOKEN_FILE`. Read anew for each token, because such files are replaced.
    pub federated_token_file: Option<PathBuf>,
    /// `PATH`, in which `az` is looked for.
    pub path: Option<OsString>,
    /// `IDENTITY_ENDPOINT`.
    pub identity_endpoint: Option<String>,
    /// `IDENTITY_HEADER`.
    pub identity_header: Option<Secret>,
}

/// A way to tokens that has what it needs. It keeps tokens in memory, until shortly before they end.
pub struct Credential {
    source: Source,
    http: Http,
    authority: Url,
    tokens: Mutex<BTreeMap<String, Token>>,
}

enum Source {
    WorkloadIdentity { tenant: String, client: String, file: PathBuf },
    ClientSecret { tenant: String, client: String, secret: Secret },
    AzureCli { program: PathBuf, path: OsString },
    ManagedIdentity(managed_identity::Endpoint),
}

/// A token and its end.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) secret: Secret,
    pub(super) expires: Timestamp,
}

impl Token {
    fn is_fresh(&self, now: Timestamp) -> bool {
        let leeway = SignedDuration::try_from(TOKEN_LEEWAY).unwrap_or(SignedDuration::ZERO);
        self.expires.checked_sub(leeway).is_ok_and(|end| now < end)
    }
}

fn given<T: Clone>(value: Option<&T>, is_empty: impl Fn(&T) -> bool) -> Option<T> {
    value.filter(|value| !is_empty(value)).cloned()
}

impl CredentialChoice {
    fn source(&self, kind: CredentialKind) -> Result<Source, CredentialError> {
        let text = |value: &Option<String>, variable: &'static str| {
            given(value.as_ref(), String::is_empty).ok_or(CredentialError::Missing { kind, variable })
        };
        match kind {
            CredentialKind::WorkloadIdentity => {
                let file = given(self.federated_token_file.as_ref(), |file| file.as_os_str().is_empty());
                let variable = "AZURE_FEDERATED_TOKEN_FILE";
                Ok(Source::WorkloadIdentity {
                    file: file.ok_or(CredentialError::Missing { kind, variable })?,
                    tenant: tenant(&text(&self.tenant_id, "AZURE_TENANT_ID")?)?,
                    client: text(&self.client_id, "AZURE_CLIENT_ID")?,
                })
            }
            CredentialKind::Environment => {
                let secret = given(self.client_secret.as_ref(), |secret| secret.expose().is_empty());
                let variable = "AZURE_CLIENT_SECRET";
                Ok(Source::ClientSecret {
                    secret: secret.ok_or(CredentialError::Missing { kind, variable })?,
                    tenant: tenant(&text(&self.tenant_id, "AZURE_TENANT_ID")?)?,
                    client: text(&self.client_id, "AZURE_CLIENT_ID")?,
                })
            }
            CredentialKind::AzureCli => {
                let path = self.path.clone().unwrap_or_default();
                let program = crate::process::in_path(&path, "az").ok_or(CredentialError::NoAzureCli)?;
                Ok(Source::AzureCli { program, path })
            }
            CredentialKind::ManagedIdentity => {
                let header = given(self.identity_header.as_ref(), |header| header.expose().is_empty());
                let endpoint = given(self.identity_endpoint.as_ref(), String::is_empty);
                let client = given(self.client_id.as_ref(), String::is_empty);
                managed_identity::Endpoint::new(endpoint.as_deref(), header, client).map(Source::ManagedIdentity)
            }
        }
    }

    /// Without a word of a person, a managed identity is used only where its service says that it is there.
    fn is_offered(&self, kind: CredentialKind) -> bool {
        kind != CredentialKind::ManagedIdentity
            || self.identity_endpoint.as_ref().is_some_and(|endpoint| !endpoint.is_empty())
    }

    /// Whether what only this login needs is set.
    fn is_begun(&self, kind: CredentialKind) -> bool {
        match kind {
            CredentialKind::Environment => {
                self.client_secret.as_ref().is_some_and(|secret| !secret.expose().is_empty())
            }
            CredentialKind::WorkloadIdentity => {
                self.federated_token_file.as_ref().is_some_and(|file| !file.as_os_str().is_empty())
            }
            CredentialKind::AzureCli | CredentialKind::ManagedIdentity => false,
        }
    }
}

/// A tenant becomes a segment of the path to the token, and may be a domain too.
fn tenant(text: &str) -> Result<String, CredentialError> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    if is_plain && !text.bytes().all(|byte| byte == b'.') && text.len() <= 253 {
        return Ok(text.to_owned());
    }
    Err(CredentialError::NotATenant(repair_model::text::escaped_short(text, 100)))
}

impl Credential {
    /// Chooses by `choice`: the forced one, or the first of [`CredentialKind::ALL`] that has what it needs. A choice is
    /// made once; where its token is refused, no other is tried, because that would be somebody else's login.
    ///
    /// # Errors
    /// When the forced one lacks something, or none has what it needs.
    pub(super) fn choose(choice: &CredentialChoice, cloud: &Cloud, http: &Http) -> Result<Self, CredentialError> {
        let source = match choice.forced {
            Some(kind) => choice.source(kind)?,
            None => CredentialKind::ALL
                .iter()
                .filter(|kind| choice.is_offered(**kind))
                .find_map(|kind| match choice.source(*kind) {
                    Ok(source) => Some(Ok(source)),
                    // Who sets a secret means that login, and no other one that happens to be there.
                    Err(error) if choice.is_begun(*kind) => Some(Err(error)),
                    Err(_) => None,
                })
                .ok_or(CredentialError::NoneFound)??,
        };
        Ok(Self {
            source,
            http: http.clone(),
            authority: cloud.authority().clone(),
            tokens: Mutex::new(BTreeMap::new()),
        })
    }

    /// Which one it is.
    pub fn kind(&self) -> CredentialKind {
        match &self.source {
            Source::WorkloadIdentity { .. } => CredentialKind::WorkloadIdentity,
            Source::ClientSecret { .. } => CredentialKind::Environment,
            Source::AzureCli { .. } => CredentialKind::AzureCli,
            Source::ManagedIdentity(_) => CredentialKind::ManagedIdentity,
        }
    }

    /// Which one is used, in words, such as `environment (client 01234567…)`. Never a secret.
    pub fn describe(&self) -> String {
        let kind = self.kind();
        match &self.source {
            Source::WorkloadIdentity { client, .. } | Source::ClientSecret { client, .. } => {
                format!("{kind} (client {})", repair_model::text::escaped_short(client, 8))
            }
            Source::AzureCli { program, .. } => {
                format!("{kind} ({})", repair_model::text::escaped(&program.to_string_lossy()))
            }
            Source::ManagedIdentity(endpoint) => format!("{kind} ({})", endpoint.describe()),
        }
    }

    /// A token for `scope`, from memory or fresh.
    ///
    /// # Errors
    /// When there is none.
    pub(super) async fn token(&self, scope: &str) -> Result<Token, CredentialError> {
        let mut tokens = self.tokens.lock().await;
        if let Some(token) = tokens.get(scope).filter(|token| token.is_fresh(Timestamp::now())) {
            return Ok(token.clone());
        }
        let token = self.fetch(scope).await?;
        tokens.insert(scope.to_owned(), token.clone());
        Ok(token)
    }

    /// Forgets all tokens, because Azure refused one of them.
    pub(super) async fn forget(&self) {
        self.tokens.lock().await.clear();
    }

    /// The subscription that the login itself has chosen. Only the Azure CLI has such a choice.
    ///
    /// # Errors
    /// When `az` cannot be asked.
    pub(super) async fn subscription(&self) -> Result<Option<SubscriptionId>, CredentialError> {
        match &self.source {
            Source::AzureCli { program, path } => azure_cli::subscription(program, path).await,
            _ => Ok(None),
        }
    }

    async fn fetch(&self, scope: &str) -> Result<Token, CredentialError> {
        let kind = self.kind();
        let authority = self.authority.clone();
        let http = || Arc::new(Transport::new(self.http.clone(), self.authority.clone(), Permit::token(), None));
        let fetched = match &self.source {
            Source::AzureCli { program, path } => return azure_cli::token(program, path, scope).await,
            Source::ManagedIdentity(endpoint) => return endpoint.token(scope, &self.http).await,
            Source::ClientSecret { tenant, client, secret } => {
                let secret = secret.expose().to_owned();
                ClientSecretCredential::new(http(), authority, tenant.clone(), client.clone(), secret)
                    .get_token(&[scope])
                    .await
            }
            Source::WorkloadIdentity { tenant, client, file } => {
                let assertion =
                    read_assertion(file).map_err(|why| CredentialError::TokenFile { file: file.clone(), why })?;
                WorkloadIdentityCredential::new(http(), authority, tenant.clone(), client.clone(), assertion)
                    .get_token(&[scope])
                    .await
            }
        };
        let token = fetched.map_err(|error| CredentialError::from_sdk(kind, &error))?;
        let expires = Timestamp::from_second(token.expires_on.unix_timestamp()).unwrap_or(Timestamp::MIN);
        Ok(Token { secret: Secret::new(token.token.secret()), expires })
    }
}

fn read_assertion(file: &std::path::Path) -> Result<String, String> {
    use std::io::Read as _;
    let mut text = String::new();
    let limit = FEDERATED_TOKEN_BYTES_MAX as u64;
    let opened = std::fs::File::open(file).map_err(|error| error.to_string())?;
    opened.take(limit + 1).read_to_string(&mut text).map_err(|error| error.to_string())?;
    if text.len() > FEDERATED_TOKEN_BYTES_MAX {
        return Err(format!("it is longer than {FEDERATED_TOKEN_BYTES_MAX} bytes"));
    }
    Ok(text.trim().to_owned())
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.describe())
    }
}

#[cfg(test)]
mod tests;
