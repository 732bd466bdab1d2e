//! The deployment that tests use: a shop with a vault, a MySQL server and three container groups, in one resource
//! group.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::deployments::run::{self, Start};
use crate::deployments::template::{self, Place};
use crate::state::State;
use crate::world::deployment::Deployment;
use crate::world::identity::{Grant, Identity};
use crate::world::{Provider, Registration, ResourceGroup, Subscription, SubscriptionState, World};

/// The tenant.
pub const TENANT: &str = "5a1f6a5e-3b0c-4d8f-9a55-1d0c6f2b7e10";
/// The subscription.
pub const SUBSCRIPTION: &str = "0f4c2d7b-8e21-4c36-b8f0-6d9a3e5c1b42";
/// The resource group.
pub const GROUP: &str = "rg-shop";
/// Its region.
pub const LOCATION: &str = "westeurope";
/// The vault.
pub const VAULT: &str = "kv-shop-7f3a";
/// The MySQL server.
pub const SERVER: &str = "mysql-shop-7f3a";
/// Its database.
pub const DATABASE: &str = "shop";
/// The container groups and the port of each.
pub const CONTAINER_GROUPS: [(&str, u16); 3] =
    [("aci-shop-api", 8080), ("aci-shop-dashboard", 3000), ("aci-shop-web", 4000)];
/// The deployment that made them.
pub const DEPLOYMENT: &str = "shop";
/// The application with which repair logs in.
pub const CLIENT_ID: &str = "c7b1d2a4-95e3-4f60-8a17-2e4b6c8d0f13";
/// Its secret.
pub const CLIENT_SECRET: &str = "fake-client-secret-with-~tilde";
/// Its assertion, for workload identity.
pub const CLIENT_ASSERTION: &str = "fake.federated.assertion";
/// Its service principal.
pub const OBJECT_ID: &str = "9d3e5f71-0a2b-4c4d-8e6f-70819a2b3c4d";
/// The secret of the managed identity endpoint.
pub const IDENTITY_HEADER: &str = "fake-identity-header";
/// The name of a secret in the vault.
pub const SECRET: &str = "mysql-admin-password";
/// The password of the server's administrator: the value of that secret, and of the parameter.
pub const PASSWORD: &str = "Sh0p-pass-not-for-real!";

/// Stands for the URL of the fake until it has one.
const NOWHERE: &str = "http://fake.invalid";

/// The template of the shop. Its parameters are `location`, `vaultName`, `serverName`, `databaseName`,
/// `administratorLogin` and `administratorLoginPassword`, which is a secure string.
pub fn template() -> Value {
    serde_json::from_str(include_str!("shop/template.json")).expect("the template of the shop is JSON")
}

/// The parameters of the shop, as a request carries them: `{"vaultName": {"value": …}, …}`.
pub fn parameters() -> Value {
    json!({
        "vaultName": {"value": VAULT},
        "serverName": {"value": SERVER},
        "databaseName": {"value": DATABASE},
        "administratorLogin": {"value": "shopadmin"},
        "administratorLoginPassword": {"value": PASSWORD},
    })
}

/// The text of a parameters file with these parameters.
pub fn parameters_file() -> String {
    let file = json!({
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentParameters.json#",
        "contentVersion": "1.0.0.0",
        "parameters": parameters(),
    });
    format!("{file:#}\n")
}

/// The body of a PUT that deploys the shop, incrementally.
pub fn deployment_body() -> Value {
    json!({"properties": {"mode": "Incremental", "template": template(), "parameters": parameters()}})
}

impl World {
    /// A subscription with an empty resource group, and an identity that owns the subscription.
    pub fn bare() -> Self {
        let scope = format!("/subscriptions/{SUBSCRIPTION}");
        let namespaces =
            ["Microsoft.KeyVault", "Microsoft.DBforMySQL", "Microsoft.ContainerInstance", "Microsoft.Resources"];
        let registered =
            |namespace: &str| Provider { namespace: namespace.to_owned(), registration: Registration::Registered };
        Self {
            subscriptions: vec![Subscription {
                id: SUBSCRIPTION.to_owned(),
                name: "Shop".to_owned(),
                state: SubscriptionState::Enabled,
                tenant: TENANT.to_owned(),
            }],
            groups: vec![ResourceGroup {
                subscription: SUBSCRIPTION.to_owned(),
                name: GROUP.to_owned(),
                location: LOCATION.to_owned(),
                tags: json!({"team": "shop"}),
            }],
            providers: namespaces.into_iter().map(registered).collect(),
            identities: vec![Identity {
                tenant: TENANT.to_owned(),
                client_id: CLIENT_ID.to_owned(),
                object_id: OBJECT_ID.to_owned(),
                secret: CLIENT_SECRET.to_owned(),
                assertion: Some(CLIENT_ASSERTION.to_owned()),
                grants: vec![Grant::owner(&scope)],
            }],
            identity_header: IDENTITY_HEADER.to_owned(),
            ..Self::default()
        }
    }

    /// The shop, deployed and well, with its secret in the vault.
    ///
    /// # Panics
    /// When the template of the shop is broken, which a test of this crate would have found.
    pub fn shop() -> Self {
        let mut state = State::new(Self::bare(), NOWHERE.to_owned(), NOWHERE.to_owned());
        let deployed = deploy(&mut state, DEPLOYMENT, &template(), &parameters());
        let deployed = deployed.expect("the template of the shop is valid");
        assert!(deployed.error.is_null(), "the shop can be deployed: {}", deployed.error);
        let mut world = state.world;
        if let Some(vault) = world.vault_mut(VAULT) {
            vault.secrets = BTreeMap::from([(SECRET.to_owned(), PASSWORD.to_owned())]);
            vault.ready_at = Timestamp::UNIX_EPOCH;
        }
        world
    }
}

/// Deploys to the shop's group at once.
pub(crate) fn deploy(state: &mut State, name: &str, template: &Value, parameters: &Value) -> Result<Deployment> {
    let body = json!({"properties": {"mode": "Incremental", "template": template, "parameters": parameters}});
    let place = Place { subscription: SUBSCRIPTION, group: GROUP, deployment: name, url: &state.url };
    let prepared = template::prepare(&state.world, place, &body);
    let prepared = prepared.map_err(|refusal| anyhow!("the deployment {name} is refused: {}", refusal.error()))?;
    let correlation = state.fresh_id();
    let start = Start { subscription: SUBSCRIPTION, group: GROUP, name, correlation, stuck: false };
    let now = Timestamp::now();
    run::begin(state, start, prepared, now);
    state.hurry(now, true);
    state.world.deployment(name).cloned().with_context(|| format!("the deployment {name} has vanished"))
}

/// Gives everything in `world` that was made before the fake had a URL the right one.
pub(crate) fn move_to(world: &mut World, url: &str) {
    for deployment in &mut world.deployments {
        replace(&mut deployment.outputs, url);
    }
    for resource in &mut world.resources {
        replace(&mut resource.properties, url);
    }
}

fn replace(value: &mut Value, url: &str) {
    match value {
        Value::String(text) if text.contains(NOWHERE) => *text = text.replace(NOWHERE, url),
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, url)),
        Value::Object(map) => map.values_mut().for_each(|item| replace(item, url)),
        _ => {}
    }
}
