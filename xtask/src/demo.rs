//! `cargo xtask demo`: a real failure and its repair, shown as a person would see them.

pub(crate) mod azure;

use std::fs;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use repair_test_support::{DevLake, DevLakePorts, Engine, HeldPort, Project, WEB, is_free, target_dir};

use crate::build;
use crate::repair_cli::Repair;

/// Breaks a project, heals it and checks everything; whatever was started is ended, also on failure.
pub(crate) fn demo(undo: bool) -> Result<()> {
    step("Building repair");
    let program = build::repair(false)?;
    let dir = target_dir().join("demo");
    if dir.exists() {
        fs::remove_dir_all(&dir).with_context(|| format!("cannot remove {}", dir.display()))?;
    }
    let repair = Repair::new(program, &dir.join("state"));

    step("Finding a Docker Engine");
    let engine = Engine::existing_or_private(&target_dir())?;
    println!("{}", engine.description());
    let built = engine.build_images()?;
    let result = on_engine(&engine, &repair, undo);
    engine.remove_images(&built);
    result.and(engine.stop())?;
    step("Done: the project was broken, healed and checked; nothing is left running");
    println!("The log is in {}", dir.join("state").display());
    Ok(())
}

fn on_engine(engine: &Engine, repair: &Repair, undo: bool) -> Result<()> {
    let holder = Project::new(engine)?;
    let project = Project::new(engine)?;
    let ports = wanted_ports(&project);
    DevLake::write(&project, ports)?;

    step("A project in the shape of DevLake, whose ports 8080 and 4000 (here moved up) are taken by others");
    let process = HeldPort::by_another_process(engine, ports.devlake)?;
    println!("port {} is held by process {}", process.port(), process.pid());
    holder.write("compose.yaml", &holder_file(ports.config_ui))?;
    holder.compose(["up", "--detach"])?.success()?;
    println!("port {} is held by a container of project {}", ports.config_ui, holder.name());

    step("It does not start");
    let mut up = project.command(engine.docker().get_program());
    let failed = show(up.args(["compose", "up", "--detach"]))?;
    ensure!(failed != Some(0), "the project started although its ports are taken");

    step("repair heals it");
    let healed = show(&mut repair.heal(&project))?;
    ensure!(healed == Some(0), "repair did not heal the project");

    step("Every service answers");
    let moved = DevLake::published(&project)?;
    DevLake::answers(moved)?;
    println!("{moved:?}");
    ensure!(
        moved.devlake != ports.devlake && moved.config_ui != ports.config_ui,
        "a taken port is still what the project publishes"
    );

    step("The log verifies");
    ensure!(show(&mut repair.audit_verify(&project))? == Some(0), "the log does not verify");

    if undo {
        step("The edits are taken back");
        let session = repair.last_session(&project)?;
        ensure!(show(&mut repair.undo(&project, &session))? == Some(0), "the session is not undone");
        ensure!(project.read("docker-compose.yml")? == DevLake::compose_file(ports), "the file is not as it was");
        ensure!(DevLake::published(&project)? == ports, "the ports are not as they were");
    }
    Ok(())
}

/// DevLake's ports moved into the range of demonstrations, or, if those are in use here, ports that are not.
fn wanted_ports(project: &Project<'_>) -> DevLakePorts {
    let known = [18306, 18002, 18080, 18400];
    let free = known.into_iter().all(is_free);
    let [mysql, grafana, devlake, config_ui] = if free { known } else { [0, 10, 20, 30].map(|i| project.port(i)) };
    DevLakePorts { mysql, grafana, devlake, config_ui }
}

fn holder_file(port: u16) -> String {
    format!("services:\n  other:\n    image: {WEB}\n    ports:\n      - {port}:80\n")
}

fn step(text: &str) {
    println!("\n==> {text}");
}

/// Shows a command and what it says, and returns its exit code.
fn show(command: &mut Command) -> Result<Option<i32>> {
    let program = command.get_program().to_string_lossy().into_owned();
    let name = program.rsplit('/').next().unwrap_or(&program).to_owned();
    let arguments = command.get_args().map(|argument| match argument.to_string_lossy() {
        argument if argument.contains(' ') => format!(" '{argument}'"),
        argument => format!(" {argument}"),
    });
    println!("$ {name}{}", arguments.collect::<String>());
    let status = command.stdin(Stdio::null()).status().with_context(|| format!("cannot start `{program}`"))?;
    println!("(exit code {})", status.code().map_or_else(|| "none".to_owned(), |code| code.to_string()));
    Ok(status.code())
}
