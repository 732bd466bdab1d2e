//! The broken shops of the matrix. Each is broken anew for every kill, and each action on a resource group is in one of them.

use std::time::Duration;

use repair_fake_azure::{Durations, Progress, Registration, ScriptedFailure, ServerState, Stage, shop};

use crate::azure_scenario::{MOMENTS, Shop};

/// One way in which a shop is broken, and healed.
pub struct Scenario {
    /// Its name.
    pub name: &'static str,
    /// Breaks a new shop.
    pub broken: fn() -> Shop,
    /// How Azure's work comes to its end.
    pub azure: Pace,
}

/// How Azure's work comes to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// In a moment, whether or not anybody waits.
    Quick,
    /// The same, but for a deployment of somebody else's, which ends while `repair` waits for it.
    Others,
    /// Only while `repair` waits for it: what was begun before a kill still runs when the session is gone on with.
    Slow,
}

impl Pace {
    /// Work that is under way comes to its end so often; nothing where it does so by itself. A slow Azure takes longer than
    /// a probe is patient with what may have been lost.
    pub fn interval(self) -> Option<Duration> {
        match self {
            Self::Quick => None,
            Self::Others => Some(Duration::from_millis(300)),
            Self::Slow => Some(Duration::from_millis(900)),
        }
    }
}

/// All of them.
pub const SCENARIOS: &[Scenario] = &[
    Scenario { name: "recover", broken: Shop::deleted_vault, azure: Pace::Quick },
    Scenario { name: "purge", broken: purge, azure: Pace::Quick },
    Scenario { name: "start", broken: Shop::stopped_server, azure: Pace::Quick },
    Scenario { name: "register", broken: register, azure: Pace::Quick },
    Scenario { name: "redeploy", broken: redeploy, azure: Pace::Quick },
    Scenario { name: "await", broken: await_another, azure: Pace::Others },
    Scenario { name: "slow-purge", broken: purge, azure: Pace::Slow },
    Scenario { name: "slow-recover", broken: Shop::deleted_vault, azure: Pace::Slow },
    Scenario { name: "slow-register", broken: register, azure: Pace::Slow },
    Scenario { name: "slow-start", broken: Shop::stopped_server, azure: Pace::Slow },
    Scenario { name: "two-rounds", broken: Shop::deleted_and_stopped, azure: Pace::Quick },
];

/// A deleted vault of which the project says that it may go.
fn purge() -> Shop {
    let shop = Shop::deleted_vault();
    shop.write("repair.toml", "[tools.keyvault-soft-deleted]\nprefer = \"purge\"\n");
    shop
}

/// A provider that is not registered.
fn register() -> Shop {
    let namespace = "Microsoft.ContainerInstance";
    let shop = Shop::broken(|world| {
        let message = format!(
            "The subscription is not registered to use namespace '{namespace}'. See https://aka.ms/rps-not-found for how \
             to register subscriptions."
        );
        let code = "MissingSubscriptionRegistration";
        world.failures.push(ScriptedFailure::new("aci-shop-api", Stage::Run, 409, code, &message));
    });
    shop.azure.world(|world| world.set_registration(namespace, Registration::NotRegistered));
    shop
}

/// A deployment that Azure itself has failed.
fn redeploy() -> Shop {
    let shop = Shop::broken(|world| world.failures.push(ScriptedFailure::internal_error("aci-shop-api")));
    shop.write("repair.toml", "[tools.bicep-redeploy]\nbackoff_seconds = 1\n");
    shop
}

/// The same while another deployment of the group runs.
fn await_another() -> Shop {
    let shop = redeploy();
    shop.azure.world(|world| world.durations = Durations::HOURS);
    shop.somebody_deploys("nightly");
    shop.azure.world(|world| world.durations = MOMENTS);
    shop
}

/// Whether somebody who looks at Azure sees that the action is done.
pub fn is_done(shop: &Shop, action: &str) -> bool {
    let kind = |kind: &str| action.contains(kind);
    shop.azure.world(|world| {
        if kind("start-mysql") {
            world.server(shop::SERVER).is_some_and(|server| server.state == ServerState::Ready)
        } else if kind("purge-vault") {
            world.deleted_vaults.is_empty()
        } else if kind("recover-vault") {
            world.vault(shop::VAULT).is_some()
        } else if kind("register-provider") {
            world.providers.iter().all(|provider| provider.registration == Registration::Registered)
        } else {
            world.deployments.last().is_some_and(|last| last.progress == Progress::Succeeded)
        }
    })
}
