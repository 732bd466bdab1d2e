//! Healing a deployment of a resource group, as a person meets it: every request through the real SDK over HTTP to a
//! made-up Azure, whose ledger is the witness.

#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]

#[path = "azure/approvals.rs"]
mod approvals;
#[path = "azure/as_asked.rs"]
mod as_asked;
mod azure_scenario;
#[path = "azure/bad_input.rs"]
mod bad_input;
#[path = "azure/prerequisites.rs"]
mod prerequisites;
#[path = "azure/redeploying.rs"]
mod redeploying;
#[path = "azure/refused_actions.rs"]
mod refused_actions;
#[path = "azure/roles.rs"]
mod roles;
#[path = "azure/servers.rs"]
mod servers;
#[path = "azure/sessions.rs"]
mod sessions;
#[path = "azure/signing_in.rs"]
mod signing_in;
#[expect(dead_code, reason = "a terminal in a project of Compose is not needed here")]
mod terminal;
#[path = "azure/vaults.rs"]
mod vaults;
#[path = "azure/waiting.rs"]
mod waiting;
