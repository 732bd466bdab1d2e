//! Why there is no token, in classes that a person can act upon.
//!
//! The words of Entra ID and of the Azure CLI are foreign text; they are read for the codes that Microsoft documents
//! ("Microsoft Entra authentication and authorization error codes") and shown escaped and shortened.

use std::path::PathBuf;

use repair_model::finding::FailureClass;
use repair_model::text::{escaped, escaped_short};

use super::credential::CredentialKind;
use super::error::{ArmError, ErrorKind};

/// Characters that are shown of foreign words.
const SHOWN_CHARACTERS_MAX: usize = 600;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// Nothing at all to get a token from.
    #[error(
        "there is no login for Azure: neither the Azure CLI nor variables of a service principal or identity were found"
    )]
    NoneFound,
    /// The one that was asked for lacks a variable.
    #[error("the credential `{kind}` was asked for, and the variable {variable} is not set")]
    Missing {
        /// Which one.
        kind: CredentialKind,
        /// What is not set.
        variable: &'static str,
    },
    /// There is no `az` in the PATH.
    #[error("the credential `azure-cli` was asked for, and no `az` is in the PATH")]
    NoAzureCli,
    /// `az` could not be run, or printed something else.
    #[error("`az account get-access-token` did not give a token: {0}")]
    AzureCliFailed(String),
    /// The tenant is none.
    #[error("the tenant `{0}` is neither a GUID nor a domain")]
    NotATenant(String),
    /// The address of a managed identity is not accepted.
    #[error("the endpoint of the managed identity is not accepted: {0}")]
    NotAnEndpoint(String),
    /// The file with a federated token cannot be read.
    #[error("the federated token {} cannot be read: {why}", escaped(&.file.to_string_lossy()))]
    TokenFile {
        /// The file.
        file: PathBuf,
        /// Why.
        why: String,
    },
    /// Nobody is logged in.
    #[error("nobody is logged in to Azure ({kind}): {said}")]
    NotLoggedIn {
        /// Which one was used.
        kind: CredentialKind,
        /// The reason as Azure words it, escaped.
        said: String,
    },
    /// The login has ended.
    #[error("the login to Azure has expired ({kind}): {said}")]
    Expired {
        /// Which one was used.
        kind: CredentialKind,
        /// The reason as Azure words it, escaped.
        said: String,
    },
    /// Secret, client, tenant or assertion is not the right one.
    #[error("Azure does not accept this login ({kind}): {said}")]
    Wrong {
        /// Which one was used.
        kind: CredentialKind,
        /// The reason as Azure words it, escaped.
        said: String,
    },
    /// It could not be asked.
    #[error("no token could be fetched ({kind}): {said}")]
    Unanswered {
        /// Which one was used.
        kind: CredentialKind,
        /// Why.
        said: String,
    },
}

/// Codes and words of a login that has ended.
const EXPIRED: &[&str] = &[
    "AADSTS700082",
    "AADSTS70043",
    "AADSTS70008",
    "AADSTS50173",
    "AADSTS50078",
    "AADSTS50132",
    "AADSTS50133",
    "AADSTS700024",
    "AADSTS7000222",
    "AADSTS50089",
    "AADSTS700084",
    "has expired",
    "is expired",
];
/// Codes and words of a missing login.
const NOT_LOGGED_IN: &[&str] = &[
    "az login",
    "AADSTS50076",
    "AADSTS50079",
    "AADSTS50058",
    "AADSTS16000",
    "interaction_required",
    "no subscription found",
    "identity not found",
    "has not been assigned",
];
/// Codes and words of a login that is not the right one.
const WRONG: &[&str] = &[
    "AADSTS7000215",
    "AADSTS700016",
    "AADSTS90002",
    "AADSTS50034",
    "AADSTS700027",
    "AADSTS70021",
    "AADSTS700213",
    "AADSTS7000112",
    "AADSTS50126",
    "AADSTS7000216",
    "AADSTS900023",
    "AADSTS700211",
    "invalid_client",
    "unauthorized_client",
    "invalid_tenant",
    "invalid_grant",
];

impl CredentialError {
    /// Sorts what Azure or its command line said about a token that there is not.
    pub(super) fn from_words(kind: CredentialKind, words: &str) -> Self {
        let lower = words.to_ascii_lowercase();
        let says = |marks: &[&str]| marks.iter().any(|mark| lower.contains(&mark.to_ascii_lowercase()));
        let said = escaped_short(words.trim(), SHOWN_CHARACTERS_MAX);
        // Codes first: an advice to log in stands below each of them.
        if says(EXPIRED) {
            Self::Expired { kind, said }
        } else if says(WRONG) {
            Self::Wrong { kind, said }
        } else if says(NOT_LOGGED_IN) {
            Self::NotLoggedIn { kind, said }
        } else {
            Self::Unanswered { kind, said }
        }
    }

    /// Sorts an error of `azure_identity`. The answer of Azure itself is somewhere among its sources.
    pub(super) fn from_sdk(kind: CredentialKind, error: &azure_core::Error) -> Self {
        let mut next: Option<&(dyn std::error::Error + 'static)> = Some(error);
        let mut words = String::new();
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<ArmError>() {
                return Self::from_transport(kind, error);
            }
            words = error.to_string();
            next = error.source();
        }
        Self::from_words(kind, &words)
    }

    /// Sorts an error of the transport.
    pub(super) fn from_transport(kind: CredentialKind, error: &ArmError) -> Self {
        match &error.kind {
            ErrorKind::Refused(refusal) => {
                let reason = refusal.error.innermost();
                Self::from_words(kind, format!("{} {}", reason.code, reason.message).trim())
            }
            _ => Self::Unanswered { kind, said: error.to_string() },
        }
    }

    /// Whether the same may work a little later.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Unanswered { .. })
    }

    /// The class of this failure.
    pub fn class(&self) -> FailureClass {
        match self {
            Self::Unanswered { .. } | Self::AzureCliFailed(_) => FailureClass::Unknown,
            _ => FailureClass::AzureAuthExpired,
        }
    }

    /// The error as text for the classifier.
    pub(super) fn as_evidence_text(&self) -> String {
        match self {
            Self::NotLoggedIn { .. } | Self::NoneFound | Self::NoAzureCli => {
                format!("{self}\nERROR: Please run 'az login' to setup account.")
            }
            _ => self.to_string(),
        }
    }

    /// What to do next, safest first.
    pub fn hints(&self) -> Vec<String> {
        let hints: &[&str] = match self {
            Self::NoneFound => &[
                "log in: `az login`; for a pipeline set AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET",
                "on a machine of Azure ask for its own identity: `--azure-login managed-identity`",
            ],
            Self::Missing { .. } => &["set the variable, or name another login with `--azure-login`"],
            Self::NoAzureCli => {
                &["install the Azure CLI (https://aka.ms/azure-cli), or set the variables of a service principal"]
            }
            Self::AzureCliFailed(_) => &["see what it says by itself: `az account get-access-token`"],
            Self::NotATenant(_) => &["correct AZURE_TENANT_ID: `az account show --query tenantId` prints it"],
            Self::NotAnEndpoint(_) => &["leave IDENTITY_ENDPOINT as the service set it"],
            Self::TokenFile { .. } => &["check AZURE_FEDERATED_TOKEN_FILE and the rights of that file"],
            Self::NotLoggedIn { kind, .. } | Self::Expired { kind, .. } => match kind {
                CredentialKind::AzureCli => &["log in again: `az login`"],
                CredentialKind::Environment => &["make a new client secret, and set AZURE_CLIENT_SECRET to it"],
                CredentialKind::WorkloadIdentity => &["see why the federated token is not renewed"],
                CredentialKind::ManagedIdentity => {
                    &["assign an identity to this machine or service, or use `az login`"]
                }
            },
            Self::Wrong { kind, .. } => match kind {
                CredentialKind::AzureCli => &["log in again: `az login`, with `--tenant ID` where there are several"],
                CredentialKind::Environment => &[
                    "check AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET: the secret's value is meant, not its id",
                ],
                CredentialKind::WorkloadIdentity => {
                    &["check issuer, subject and audience of the federated credential against the token"]
                }
                CredentialKind::ManagedIdentity => &["check AZURE_CLIENT_ID: it has to be an identity of this machine"],
            },
            Self::Unanswered { .. } => &["check the network and a proxy; the login itself was not refused"],
        };
        hints.iter().map(|&hint| hint.to_owned()).collect()
    }
}
