//! `cargo xtask demo --azure`: a deployment that failed on a soft-deleted vault *and* on a stopped server, healed in two
//! rounds with both approvals, against a stand-in for Azure Resource Manager on this machine.
//!
//! The ledger of the stand-in is the witness: it tells which requests changed something, and which session and step sent each.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use repair_fake_azure::{FakeAzure, ServerState, World, shop};
use repair_test_support::{Finished, target_dir};
use serde_json::Value;

use super::{show, step};
use crate::build;

/// Plans that somebody says yes to; more would mean that a round did not help.
const APPROVALS: usize = 2;

/// Breaks a resource group, heals it and checks everything. Nothing but this process ever ran.
pub(crate) fn demo() -> Result<()> {
    step("Building repair");
    let program = build::repair(false)?;
    let folder = target_dir().join("demo-azure");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(&folder)?;

    step("A resource group: its vault was deleted, its MySQL server was stopped to save money, and somebody deployed");
    let azure = broken()?;
    fs::write(folder.join("main.json"), format!("{:#}\n", shop::template()))?;
    fs::write(folder.join("main.parameters.json"), shop::parameters_file())?;
    println!("a stand-in for Azure Resource Manager answers at {}", azure.url());
    let repair = Repair { program, folder: folder.clone(), azure: &azure };

    step("repair looks, and changes nothing");
    ensure!(show(&mut repair.on_group(&[]))? == Some(3), "the group is not broken");
    ensure!(azure.mutations().is_empty(), "looking changed something");

    step("--yes does not answer for what costs money or brings old secrets back");
    let mut command = repair.on_group(&["--self-heal=preview", "--yes"]);
    ensure!(show(&mut command)? == Some(4), "it did not wait for a person");
    ensure!(azure.mutations().is_empty(), "something was changed without a person's yes");

    for round in 1..=APPROVALS {
        step(&format!("Round {round}: somebody who is allowed to reads the plan, says yes, and it is carried out"));
        let plan = repair.waiting_plan()?;
        ensure!(show(&mut repair.command(&["approve", &plan]))? == Some(0), "the plan could not be approved");
        let ended = show(&mut repair.command(&["apply", &plan]))?;
        let expected = if round == APPROVALS { 0 } else { 4 };
        ensure!(ended == Some(expected), "round {round} did not end as it should");
    }

    step("What Azure was asked to change, by which session and step");
    for request in azure.mutations() {
        let id = request.client_request_id.as_deref().unwrap_or("-");
        println!("{} {id}  {} {}", request.status, request.method, request.path);
    }
    is_healed(&azure)?;

    step("The log verifies");
    ensure!(show(&mut repair.command(&["audit", "verify", "--all"]))? == Some(0), "the log does not verify");
    step("Done: the group was broken, healed and checked; nothing is left running");
    println!("The log is in {}", repair.state_dir().display());
    Ok(())
}

fn broken() -> Result<FakeAzure> {
    let mut world = World::shop();
    world.soft_delete_vault(shop::VAULT)?;
    world.set_server_state(shop::SERVER, ServerState::Stopped)?;
    let azure = FakeAzure::start(world)?;
    azure.deploy(shop::DEPLOYMENT, &shop::template(), &shop::parameters())?;
    Ok(azure)
}

/// The vault is back, the server runs, nothing was purged, and nothing was asked for that there is no rule for.
fn is_healed(azure: &FakeAzure) -> Result<()> {
    let purges = azure.ledger().iter().filter(|request| request.path.to_lowercase().ends_with("/purge")).count();
    ensure!(purges == 0, "something was purged");
    ensure!(azure.unexpected().is_empty() && azure.leaks().is_empty(), "something was asked that should not be");
    let (vault, server) = azure.world(|world| {
        let server = world.server(shop::SERVER).map(|server| server.state);
        (world.vault(shop::VAULT).is_some(), server)
    });
    ensure!(vault, "the vault is not back");
    ensure!(server == Some(ServerState::Ready), "the server does not run: {server:?}");
    Ok(())
}

/// `repair` with a login for the stand-in.
struct Repair<'a> {
    program: PathBuf,
    folder: PathBuf,
    azure: &'a FakeAzure,
}

impl Repair<'_> {
    fn state_dir(&self) -> PathBuf {
        self.folder.join("state")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(arguments).arg("--state-dir").arg(self.state_dir()).current_dir(&self.folder);
        let variables = [
            ("REPAIR_AZURE_CLOUD", self.azure.url()),
            ("AZURE_AUTHORITY_HOST", self.azure.url()),
            ("AZURE_TENANT_ID", shop::TENANT.to_owned()),
            ("AZURE_CLIENT_ID", shop::CLIENT_ID.to_owned()),
            ("AZURE_CLIENT_SECRET", shop::CLIENT_SECRET.to_owned()),
        ];
        command.envs(variables);
        command
    }

    fn on_group(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(arguments);
        command.args(["--azure", shop::GROUP, "--template", "main.json", "--parameters", "main.parameters.json"]);
        command
    }

    /// The digest of the plan that waits for a yes.
    fn waiting_plan(&self) -> Result<String> {
        let listed = Finished::run(&mut self.command(&["sessions", "--all", "--json"]))?.success()?;
        let listed: Value = serde_json::from_str(&listed.stdout).context("`repair sessions --json` prints JSON")?;
        let newest = listed.as_array().and_then(|sessions| sessions.last()).context("there is no session")?;
        Ok(newest["plan"].as_str().context("no plan waits")?.to_owned())
    }
}
