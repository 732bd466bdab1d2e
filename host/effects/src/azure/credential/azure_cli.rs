//! The login of the Azure CLI: asks `az` for a token and for the subscription that it has chosen.
//!
//! `az` is found in the PATH that is handed in, gets that PATH, and has a time limit. What it prints holds the token, so
//! nothing of a successful run is kept or shown. Fields: `az account get-access-token --help`; `expires_on` is there since
//! Azure CLI 2.54.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use jiff::Timestamp;
use repair_model::secret::Secret;
use serde::Deserialize;

use super::{CredentialError, CredentialKind, Token};
use crate::azure::limits::{CLI_OUTPUT_BYTES_MAX, CLI_TIMEOUT};
use crate::azure::names::SubscriptionId;
use crate::process::{Invocation, RunOptions, run};

#[derive(Deserialize)]
struct Printed {
    #[serde(rename = "accessToken")]
    access_token: String,
    /// Seconds since 1970.
    expires_on: Option<i64>,
}

/// A token for `scope`.
pub(super) async fn token(program: &Path, path: &OsStr, scope: &str) -> Result<Token, CredentialError> {
    let args = ["account", "get-access-token", "--output", "json", "--scope", scope];
    let printed = printed(program, path, &args).await?;
    // The error of the reader would quote what was printed, and with it the token.
    let unreadable = || CredentialError::AzureCliFailed("it printed something else than a token as JSON".to_owned());
    let printed: Printed = serde_json::from_slice(&printed).map_err(|_| unreadable())?;
    let Some(seconds) = printed.expires_on else {
        let why = "it does not say when the token ends; update the Azure CLI to 2.54 or later";
        return Err(CredentialError::AzureCliFailed(why.to_owned()));
    };
    let expires = Timestamp::from_second(seconds).map_err(|_| unreadable())?;
    Ok(Token { secret: Secret::new(printed.access_token), expires })
}

/// The subscription that `az account set` chose; `None` where the login has none.
pub(super) async fn subscription(program: &Path, path: &OsStr) -> Result<Option<SubscriptionId>, CredentialError> {
    let printed = printed(program, path, &["account", "show", "--output", "tsv", "--query", "id"]).await?;
    Ok(SubscriptionId::new(String::from_utf8_lossy(&printed).trim()).ok())
}

async fn printed(program: &Path, path: &OsStr, args: &[&str]) -> Result<Vec<u8>, CredentialError> {
    let invocation = Invocation::new(program, args.iter().map(OsString::from))
        .with_variable("PATH", path)
        .with_variable("AZURE_CORE_NO_COLOR", "true")
        .with_variable("AZURE_CORE_ONLY_SHOW_ERRORS", "true");
    let options = RunOptions::new(CLI_TIMEOUT, CLI_OUTPUT_BYTES_MAX);
    let finished =
        run(&invocation, options).await.map_err(|error| CredentialError::AzureCliFailed(error.to_string()))?;
    if finished.timed_out {
        return Err(CredentialError::AzureCliFailed(format!("it did not end within {} s", CLI_TIMEOUT.as_secs())));
    }
    if finished.succeeded() {
        return Ok(finished.stdout.into_bytes());
    }
    let words = finished.stderr.into_text();
    Err(CredentialError::from_words(CredentialKind::AzureCli, &words))
}
