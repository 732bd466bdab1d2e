//! The repair tools that are part of this program, as the build made them from `plugins/`.

use std::borrow::Cow;

use repair_sandbox::{Origin, ToolSource};

include!(concat!(env!("OUT_DIR"), "/tools.rs"));

/// Whether a tool is part of this program; no other can take its id.
pub fn is_built_in(id: &str) -> bool {
    BUILT_IN.iter().any(|(name, _)| *name == id)
}

/// The built-in tools, ready to be loaded.
pub fn sources() -> Vec<ToolSource> {
    BUILT_IN
        .iter()
        .map(|(name, bytes)| ToolSource {
            name: (*name).to_owned(),
            bytes: Cow::Borrowed(*bytes),
            origin: Origin::BuiltIn,
        })
        .collect()
}

#[cfg(test)]
mod large_projects;
#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use repair_model::azure::{
        ArmDeployment, ArmError, AzureAccount, AzureFact, AzureQuery, MysqlServer, WantedChange, WantedResource,
    };
    use repair_model::finding::Finding;
    use repair_model::ids::Permille;
    use repair_model::query::{Answer, Fact, Observation, Query, QueryKind};
    use repair_model::tool::Case;
    use repair_pipeline::outside::Tools as _;
    use repair_sandbox::{LoadOptions, Toolbox};

    use super::*;

    #[test]
    fn every_built_in_tool_loads_under_its_own_name() {
        let toolbox = Toolbox::load(sources(), &LoadOptions::default());
        assert_eq!(toolbox.failures(), []);
        let ids: Vec<&str> = toolbox.manifests().iter().map(|manifest| manifest.tool.id.as_str()).collect();
        let names: Vec<&str> = BUILT_IN.iter().map(|(name, _)| *name).collect();
        assert_eq!(ids, names);
    }

    /// Everything that a resource group could show at once, more than the case may hold even.
    #[test]
    fn a_huge_resource_group_stays_within_a_tools_fuel() {
        const ID: &str = "/subscriptions/5b0a/resourceGroups/rg-shop/providers";
        let errors = (0..200)
            .map(|at| ArmError {
                code: "MissingSubscriptionRegistration".to_owned(),
                message: format!("registered 'Vendor{at}.Things' {}", "Limit 'x\" quota ".repeat(256)),
                resource_id: Some(format!("{ID}/Microsoft.KeyVault/vaults/kv-{at}")),
                depth: 3,
            })
            .collect();
        let deployment = ArmDeployment {
            name: "main".to_owned(),
            state: "Failed".to_owned(),
            correlation: None,
            errors,
            running: Vec::new(),
            not_again: None,
        };
        let wanted = (0..800)
            .map(|at| WantedResource {
                id: format!("{ID}/Microsoft.DBforMySQL/flexibleServers/mysql-{at}/firewallRules/azure"),
                resource_type: "Microsoft.DBforMySQL/flexibleServers/firewallRules".to_owned(),
                name: "azure".to_owned(),
                location: None,
                change: WantedChange::Create,
            })
            .collect();
        let servers = (0..100)
            .map(|at| MysqlServer {
                name: format!("mysql-{at}"),
                id: format!("{ID}/Microsoft.DBforMySQL/flexibleServers/mysql-{at}"),
                state: "Stopped".to_owned(),
                location: "westeurope".to_owned(),
                sku: "Standard_B1ms".to_owned(),
            })
            .collect();
        let account = AzureAccount {
            subscription: "5b0a".to_owned(),
            name: "shop".to_owned(),
            state: "Enabled".to_owned(),
            login: "Azure CLI".to_owned(),
        };
        let known = [
            (AzureQuery::AzureAccount, AzureFact::AzureAccount(account)),
            (AzureQuery::ArmDeployment, AzureFact::ArmDeployment(deployment)),
            (AzureQuery::WantedResources, AzureFact::WantedResources(wanted)),
            (AzureQuery::MysqlServers, AzureFact::MysqlServers(servers)),
            (AzureQuery::Locks, AzureFact::Locks(Vec::new())),
        ];
        let observations: Vec<Observation> = known
            .into_iter()
            .map(|(asked, fact)| Observation {
                asked: Query::Azure(asked),
                answer: Answer::Fact(Fact::Azure(fact)),
                truncated: false,
            })
            .collect();
        let mut toolbox = Toolbox::load(sources(), &LoadOptions::default());
        let azure: Vec<_> =
            toolbox.manifests().iter().filter(|one| one.sees.contains(&QueryKind::ArmDeployment)).cloned().collect();
        assert_eq!(azure.len(), 4);
        for manifest in azure {
            for class in &manifest.handles {
                let case = Case {
                    finding: Finding {
                        class: *class,
                        confidence: Permille::new(900).expect("below 1000"),
                        facts: BTreeMap::new(),
                        proof: Vec::new(),
                        contradictions: Vec::new(),
                        next_steps: Vec::new(),
                    },
                    observations: observations.clone(),
                    params: "{}".to_owned(),
                    history: Vec::new(),
                    waited_seconds: 0,
                };
                let reply = toolbox.propose(&manifest.tool.id, &case);
                assert!(reply.is_ok(), "{class}: {reply:?}");
            }
        }
    }
}
