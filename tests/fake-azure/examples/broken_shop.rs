//! Serves the shop with its vault soft-deleted and its server stopped, after a deployment that failed on both, until
//! standard input ends. It writes template and parameters into the folder that it is given, and prints the environment with
//! which `repair` finds it.
#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]
#![expect(clippy::disallowed_macros, reason = "an example talks to whoever runs it")]

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use repair_fake_azure::{FakeAzure, ServerState, World, shop};

fn main() -> Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).context("name a folder for template and parameters")?);
    let mut world = World::shop();
    world.soft_delete_vault(shop::VAULT)?;
    world.set_server_state(shop::SERVER, ServerState::Stopped)?;
    let azure = FakeAzure::start(world)?;
    azure.deploy(shop::DEPLOYMENT, &shop::template(), &shop::parameters())?;
    std::fs::write(folder.join("main.json"), format!("{:#}\n", shop::template()))?;
    std::fs::write(folder.join("main.parameters.json"), shop::parameters_file())?;
    println!("export REPAIR_AZURE_CLOUD={}", azure.url());
    println!("export AZURE_AUTHORITY_HOST={}", azure.url());
    println!("export AZURE_TENANT_ID={}", shop::TENANT);
    println!("export AZURE_CLIENT_ID={}", shop::CLIENT_ID);
    println!("export AZURE_CLIENT_SECRET={}", shop::CLIENT_SECRET);
    std::io::stdin().read_to_end(&mut Vec::new())?;
    for request in azure.ledger() {
        eprintln!("{} {} {} {}", request.status, request.method, request.path, request.query);
    }
    Ok(())
}
