//! The commands with which a person can look whether a step has happened.

use repair_model::azure::{Awaited, AzureAction};
use repair_model::plan::{Change, Step};

use super::ResourceGroup;
use super::describing::command;

impl ResourceGroup {
    /// Where a person can look when nothing names the failure.
    pub(super) fn places_to_look(&self) -> Vec<String> {
        let place = ["--subscription", self.arm.subscription_id().as_str(), "--resource-group", self.group.as_str()];
        let list = command(&[&["az", "deployment", "group", "list", "--output", "table"][..], &place[..]].concat());
        vec![
            "run the failing command under repair, so that it sees the error: `repair --self-heal=preview -- az deployment \
             group create …`"
                .to_owned(),
            format!("`{list}` shows the deployments of the group and how they ended"),
        ]
    }

    /// The commands, the most telling first.
    pub(super) fn commands_to_look(&self, step: &Step) -> Vec<String> {
        let repair_model::action::Action::Azure(action) = &step.action else { return Vec::new() };
        let (subscription, group) = (self.arm.subscription_id().as_str(), self.group.as_str());
        let server = |name: &str| {
            let words = ["az", "mysql", "flexible-server", "show", "--query", "state"];
            let place = ["--subscription", subscription, "--resource-group", group, "--name", name];
            command(&[&words[..], &place[..]].concat())
        };
        let deployments = || {
            let words = ["az", "deployment", "group", "list", "--output", "table"];
            command(&[&words[..], &["--subscription", subscription, "--resource-group", group]].concat())
        };
        match action {
            AzureAction::StartMysql { server: name, .. } => vec![server(name)],
            AzureAction::RecoverVault(vault) | AzureAction::PurgeVault(vault) => {
                let place = ["--subscription", subscription, "--name", vault.vault.as_str()];
                let deleted = ["az", "keyvault", "show-deleted", "--location", vault.location.as_str()];
                vec![
                    command(&[&deleted[..], &place[..]].concat()),
                    command(&[&["az", "keyvault", "show"][..], &place[..]].concat()),
                ]
            }
            AzureAction::RegisterProvider { namespace } => vec![command(&[
                "az",
                "provider",
                "show",
                "--query",
                "registrationState",
                "--subscription",
                subscription,
                "--namespace",
                namespace,
            ])],
            AzureAction::DeployTemplate { .. } if matches!(step.change, Change::Deployment(_)) => vec![deployments()],
            AzureAction::AwaitState { what: Awaited::MysqlServer, name } => vec![server(name)],
            AzureAction::DeployTemplate { .. } | AzureAction::AwaitState { .. } => vec![deployments()],
        }
    }
}
