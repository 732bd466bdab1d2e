//! A stateful stand-in for Azure Resource Manager, with as much of Entra and of Key Vault's data plane as a repair of a
//! deployment needs. It runs inside the test's process, speaks plain HTTP on 127.0.0.1, and ends when it is dropped.
//!
//! **Faithful:** paths (in any case), API versions and their refusals, status codes, error codes and wordings, headers
//! of long operations, paging, permissions and their wording, provider registration, locks, what a deployment does in
//! which order, how its errors are nested, and above all consequences: a purge frees the name, a started server takes
//! the databases that it refused, a recovered vault has its old secrets, a deployment in complete mode deletes.
//!
//! **Not faithful:** times are milliseconds instead of minutes; templates know the common functions, but no copy loops,
//! nested deployments or links; only resource groups can be deployed to; `uniqueString` gives other letters than Azure;
//! a provider's own validation of properties is nearly absent; every subscription shares one list of registered
//! providers; tokens are opaque. Wordings that were never seen are marked as guesses in `refusal.rs`.
//!
//! ```no_run
//! use repair_fake_azure::{FakeAzure, Fault, FaultKind, ServerState, World, shop};
//!
//! # fn main() -> anyhow::Result<()> {
//! let mut world = World::shop();
//! world.soft_delete_vault(shop::VAULT)?;
//! world.set_server_state(shop::SERVER, ServerState::Stopped)?;
//! let azure = FakeAzure::start(world)?;
//! azure.deploy("shop", &shop::template(), &shop::parameters())?; // fails, as it would for a person
//! azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/purge", FaultKind::CutAnswer)));
//! // … point a client at `azure.url()` …
//! assert!(azure.world(|world| world.deleted_vault(shop::VAULT).is_none()));
//! assert_eq!(azure.mutations().len(), 1);
//! # Ok(())
//! # }
//! ```

mod call;
mod clock;
mod deployments;
mod entra;
mod http;
mod key_vault;
mod ledger;
mod mysql;
mod operations;
mod put;
mod quirks;
mod refusal;
mod routes;
mod serve;
pub mod shop;
mod state;
mod subscriptions;
mod vault_data;
mod versions;
mod views;
mod world;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result};
use jiff::Timestamp;
use serde_json::Value;

pub use ledger::{LedgerEntry, Origin};
pub use quirks::{Fault, FaultKind, LinkTo, PollHeaders, Quirks, Throttling};
pub use world::deployment::{Deployment, DeploymentOperation, Mode, Progress};
pub use world::identity::{Grant, Identity};
pub use world::resource::Resource;
pub use world::scripted::{ScriptedFailure, Stage};
pub use world::server::{Server, ServerState};
pub use world::vault::{DataAccess, DeletedVault, Vault};
pub use world::{
    Durations, Lock, LockLevel, Provider, Registration, ResourceGroup, Subscription, SubscriptionState, VaultConflict,
    World,
};

use serve::Shared;
use state::State;

/// The audience of tokens for ARM.
pub const ARM_AUDIENCE: &str = "https://management.azure.com";
/// The audience of tokens for the data plane of vaults.
pub const VAULT_AUDIENCE: &str = "https://vault.azure.net";

/// An Azure that runs until this is dropped.
#[derive(Debug)]
pub struct FakeAzure {
    addresses: [SocketAddr; 2],
    shared: Arc<Shared>,
    acceptors: Vec<JoinHandle<()>>,
}

impl FakeAzure {
    /// Starts one with this state.
    ///
    /// # Errors
    /// When no port of 127.0.0.1 is free.
    pub fn start(mut world: World) -> Result<Self> {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen on 127.0.0.1");
        let listeners = [listen()?, listen()?];
        let address = |listener: &TcpListener| listener.local_addr().context("a listener has an address");
        let addresses = [address(&listeners[0])?, address(&listeners[1])?];
        let url = format!("http://{}", addresses[0]);
        shop::move_to(&mut world, &url);
        let shared = Arc::new(Shared::new(State::new(world, url, format!("http://{}", addresses[1]))));
        let acceptors = listeners
            .into_iter()
            .zip([Origin::Azure, Origin::Stranger])
            .map(|(listener, origin)| {
                let shared = Arc::clone(&shared);
                thread::spawn(move || serve::accept(&listener, &shared, origin))
            })
            .collect();
        Ok(Self { addresses, shared, acceptors })
    }

    /// `http://127.0.0.1:PORT`: the endpoint of ARM, of Entra (`/{tenant}/oauth2/v2.0/token`), and of the managed
    /// identity (`/msi/token`).
    pub fn url(&self) -> String {
        format!("http://{}", self.addresses[0])
    }

    /// `http://127.0.0.1:PORT` of the stranger, to whom no token may go.
    pub fn stranger_url(&self) -> String {
        format!("http://{}", self.addresses[1])
    }

    /// All that was asked so far, of Azure and of the stranger.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.shared.state().ledger.clone()
    }

    /// The requests that asked for a change and were told yes.
    pub fn mutations(&self) -> Vec<LedgerEntry> {
        self.ledger().into_iter().filter(LedgerEntry::is_accepted_mutation).collect()
    }

    /// The requests of which the fake knows nothing.
    pub fn unexpected(&self) -> Vec<LedgerEntry> {
        self.ledger().into_iter().filter(|entry| entry.unexpected).collect()
    }

    /// The requests that the stranger got with an `Authorization` header: each is a leak.
    pub fn leaks(&self) -> Vec<LedgerEntry> {
        let leaked = |entry: &LedgerEntry| entry.origin == Origin::Stranger && entry.has_authorization;
        self.ledger().into_iter().filter(leaked).collect()
    }

    /// Looks at the state as it is now, or changes it as somebody else would. `look` must not use the fake itself.
    pub fn world<T>(&self, look: impl FnOnce(&mut World) -> T) -> T {
        let mut state = self.shared.state();
        state.settle(Timestamp::now());
        look(&mut state.world)
    }

    /// Switches quirks on and off. `change` must not use the fake itself.
    pub fn quirks<T>(&self, change: impl FnOnce(&mut Quirks) -> T) -> T {
        change(&mut self.shared.state().quirks)
    }

    /// Ends all long operations and deployments that are under way, as if their time had come; not those that never
    /// end. With long [`Durations`] a test thereby decides itself when something ends, however slow the machine is.
    pub fn fast_forward(&self) {
        let mut state = self.shared.state();
        let now = Timestamp::now();
        state.settle(now);
        state.hurry(now, false);
    }

    /// Lets all answers go that are held until now.
    pub fn release(&self) {
        self.shared.state().releases += 1;
        self.shared.bell.notify_all();
    }

    /// Waits for a request, past ones included; nothing, when it does not come in time.
    pub fn wait_for(&self, timeout: Duration, wanted: impl Fn(&LedgerEntry) -> bool) -> Option<LedgerEntry> {
        self.shared.wait(timeout, |state| state.ledger.iter().find(|entry| wanted(entry)).cloned())
    }

    /// A token of the first identity for `audience`, such as [`ARM_AUDIENCE`].
    ///
    /// # Errors
    /// When there is no identity.
    pub fn token(&self, audience: &str) -> Result<String> {
        let mut state = self.shared.state();
        let client = state.world.identities.first().map(|known| known.client_id.clone());
        let client = client.context("the world has no identity")?;
        Ok(entra::issue(&mut state, &client, audience, Timestamp::now()))
    }

    /// Deploys to [`shop::GROUP`] at once, without a request and without waiting: for what happened before a test
    /// begins. The deployment may well fail; it is returned as it ended.
    ///
    /// # Errors
    /// When it is refused before anything runs.
    pub fn deploy(&self, name: &str, template: &Value, parameters: &Value) -> Result<Deployment> {
        let mut state = self.shared.state();
        state.settle(Timestamp::now());
        shop::deploy(&mut state, name, template, parameters)
    }
}

impl Drop for FakeAzure {
    fn drop(&mut self) {
        self.shared.end();
        for address in self.addresses {
            // The acceptor sees the end with the next connection.
            let _ = TcpStream::connect(address);
        }
        for acceptor in self.acceptors.drain(..) {
            let _ = acceptor.join();
        }
    }
}
