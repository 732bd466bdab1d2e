//! A login that has ended, is missing, or is of the wrong tenant.

use repair_tool_sdk::azure::command::{excerpt, next_steps, repair_again, word};
use repair_tool_sdk::azure::same_id;
use repair_tool_sdk::case::{Case, Missing, Refusal};

use crate::messages::{Messages, group, said, subscription};

const WORDS: [&str; 6] = ["aadsts", "az login", "token", "credential", "login", "authentication"];

pub(crate) fn explained(case: &Case, messages: &Messages) -> String {
    let said = said(messages.about(&WORDS));
    let account = case.azure_account();
    match account {
        Ok(account) if !same_id(&account.state, "Enabled") => format!(
            "The login works ({}), and the subscription `{}` ({}) is in state {}: nothing can be written in it before that \
             changes.{said} {}",
            account.login,
            account.name,
            account.subscription,
            account.state,
            next_steps([
                "its owner can see why, in the portal below Cost Management: an open payment, or a spending limit".to_owned(),
                "or choose another one: `az account list --output table`, then `az account set --subscription SUBSCRIPTION`"
                    .to_owned(),
                format!("run `repair` again: {}", repair_again(group(case))),
            ])
        ),
        Ok(account) => format!(
            "`repair` itself is logged in ({}) and sees the subscription `{}` ({}), so it is another login that has ended, or \
             this one was renewed since.{said} {}",
            account.login,
            account.name,
            account.subscription,
            next_steps([
                "see which login the failed command used; in a pipeline it is the pipeline's, not yours".to_owned(),
                renewed_by(&account.login),
                format!("choose the subscription again: `az account set --subscription {}`", subscription(case)),
                "run again what failed".to_owned(),
            ])
        ),
        Err(missing) => {
            let why = match missing {
                Missing::Refused { refusal: Refusal::Unavailable(why), .. } => format!(" `repair` cannot log in either: {}.", excerpt(&why)),
                _ => String::new(),
            };
            format!(
                "The login has ended or is missing.{why}{said} {}",
                next_steps([
                    "see who is logged in: `az account show`".to_owned(),
                    format!("log in: `az login --tenant {}`", word(tenant(messages).unwrap_or_default(), "TENANT")),
                    "in a pipeline, renew what it logs in with: a client secret that has expired, or the federated credential \
                     whose issuer, subject and audience have to be those of the run"
                        .to_owned(),
                    format!("choose the subscription: `az account set --subscription {}`", subscription_said(case)),
                    format!("run `repair` again: {}", repair_again(group(case))),
                ])
            )
        }
    }
}

/// How to renew the credential that the host names in words.
fn renewed_by(login: &str) -> String {
    let is = |word: &str| login.to_ascii_lowercase().contains(word);
    if is("azure cli") {
        "renew the login of the Azure CLI: `az login --tenant TENANT`".to_owned()
    } else if is("workload") || is("federated") {
        "check the federated credential: issuer, subject and audience have to be those of the run".to_owned()
    } else if is("managed") {
        "check that the managed identity is still assigned to the machine: `az vm identity show --name VM --resource-group GROUP`"
            .to_owned()
    } else if is("secret") || is("environment") || is("certificate") {
        "renew the client's secret or certificate: `az ad app credential list --id APP` shows when it ends".to_owned()
    } else {
        "renew it: `az login --tenant TENANT`, or in a pipeline the secret or federated credential that it logs in with"
            .to_owned()
    }
}

fn tenant(messages: &Messages) -> Option<&str> {
    let is_id = |name: &&str| name.len() == 36 && name.bytes().all(|each| each.is_ascii_hexdigit() || each == b'-');
    messages.find(|message| crate::messages::name_after(&message.text, &["--tenant", "tenant"]).filter(is_id))
}

fn subscription_said(case: &Case) -> &str {
    word(case.fact("subscription").unwrap_or_default(), "SUBSCRIPTION")
}
