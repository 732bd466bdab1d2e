//! One running private daemon: its folders, its supervisor and its address pool.
//!
//! The daemon gets no firewall and no forwarding, so that it can run beside an engine that people use: two daemons in
//! one network namespace would flush each other's rules. Published ports work through Docker's own proxy all the same.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::place;
use crate::process::Finished;
use crate::provision::PrivateEngine;

const SUPERVISOR: &str = include_str!("supervise.sh");

/// How long a daemon may take until it answers.
const START_MAX: Duration = Duration::from_secs(60);

/// How long it may take until everything of it is gone.
const STOP_MAX: Duration = Duration::from_secs(120);

/// So much of the daemon's log is shown when it fails.
const LOG_LINES: usize = 15;

/// Private /16 networks that pools are chosen from: 10.160.0.0/16 and so on.
const POOLS: std::ops::Range<u8> = 160..250;

/// What is unusual about a daemon; by default nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaemonOptions {
    /// Its addresses suffice for one network, so that the second one fails.
    pub single_network: bool,
    /// Its data lies in a file system of its own of so many MiB.
    pub data_mib_max: Option<u32>,
    /// It may not bind ports below 1024, as a daemon without root.
    pub unprivileged_ports: bool,
    /// It has a network namespace of its own, and there the firewall that private engines otherwise do without. Its
    /// published ports cannot be reached from outside.
    pub own_network: bool,
}

/// A daemon that lives as long as this value, or as this process.
#[derive(Debug)]
pub(crate) struct Run {
    supervisor: Child,
    dir: PathBuf,
    runtime: PathBuf,
    own_network: bool,
}

impl Run {
    /// Whether it has a network namespace of its own.
    pub(crate) fn own_network(&self) -> bool {
        self.own_network
    }

    /// The folder that holds its data.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The process id of the daemon.
    pub(crate) fn daemon_pid(&self) -> Result<u32> {
        let pid = fs::read_to_string(self.dir.join("daemon.pid")).context("the daemon has a process id")?;
        pid.trim().parse().context("a process id is a number")
    }

    /// The folder that holds its socket.
    pub(crate) fn runtime(&self) -> &Path {
        &self.runtime
    }

    /// Starts a daemon and waits until it answers.
    pub(crate) fn start(engine: &PrivateEngine, options: DaemonOptions) -> Result<Self> {
        let run = Self::spawn(engine, options)?;
        run.wait_until(START_MAX, || answers(&run.socket()))?;
        Ok(run)
    }

    /// The daemon's address as `DOCKER_HOST` takes it.
    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Removes its containers and networks, ends the daemon and waits until all is gone.
    pub(crate) fn stop(&mut self) -> Result<()> {
        drop(self.supervisor.stdin.take());
        let deadline = Instant::now() + STOP_MAX;
        while self.supervisor.try_wait().context("cannot wait for the daemon's supervisor")?.is_none() {
            ensure!(Instant::now() < deadline, "the private Docker daemon in {} does not end", self.runtime.display());
            thread::sleep(Duration::from_millis(20));
        }
        ensure!(!self.dir.exists(), "the private Docker daemon left something in {}", self.dir.display());
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        self.runtime.join("d.sock")
    }

    /// Under the lock until the supervisor's process id is written, so that nobody sweeps a run that is just beginning.
    fn spawn(engine: &PrivateEngine, options: DaemonOptions) -> Result<Self> {
        let parent = place::engine_dir(&engine.target)?;
        let _lock = place::lock(&parent, "runs.lock")?;
        let runs = parent.join("runs");
        fs::create_dir_all(&runs).with_context(|| format!("cannot create {}", runs.display()))?;
        let pools = sweep(engine, &runs)?;

        // Socket addresses are limited to about a hundred bytes, and a checkout may lie deep.
        let runtime = tempfile::Builder::new()
            .prefix("repair-")
            .tempdir_in("/tmp")
            .context("cannot create a folder in /tmp")?
            .keep();
        let dir = runs.join(runtime.file_name().context("a folder has a name")?);
        fs::create_dir(&dir).with_context(|| format!("cannot create {}", dir.display()))?;
        let pool = free_pool(&runtime, &pools)?;
        fs::write(dir.join("pool"), &pool).context("cannot record the address pool")?;

        let data = dir.join("data");
        if let Some(mib) = options.data_mib_max {
            mount_memory(&data, mib)?;
        }
        let mut command = supervisor(engine, &dir, &runtime)?;
        if options.unprivileged_ports {
            command.args(["setpriv", "--bounding-set=-net_bind_service"]);
        }
        if options.own_network {
            command.args(["unshare", "--net", "sh", "-c", "ip link set lo up && exec \"$@\"", "sh"]);
        }
        command.arg("dockerd").args(["--data-root".as_ref(), data.as_os_str()]);
        command.arg("--exec-root").arg(runtime.join("exec")).arg("--pidfile").arg(runtime.join("d.pid"));
        command.arg("--host").arg(format!("unix://{}", runtime.join("d.sock").display()));
        command.args(["--bridge", "none", "--ip6tables=false", "--ip-forward=false"]);
        if !options.own_network {
            command.args(["--iptables=false", "--ip-masq=false"]);
        }
        let base = if options.single_network { pool.replace("/16", "/24") } else { pool };
        command.arg("--default-address-pool").arg(format!("base={base},size=24"));
        let supervisor =
            command.stdin(Stdio::piped()).spawn().context("cannot start the supervisor of the private daemon")?;
        fs::write(dir.join("supervisor.pid"), supervisor.id().to_string()).context("cannot record the supervisor")?;
        let run = Self { supervisor, dir, runtime, own_network: options.own_network };
        // Until here a sweep could still see a process without its command line, and take it for somebody else's.
        run.wait_until(START_MAX, || run.dir.join("daemon.pid").exists())?;
        Ok(run)
    }

    /// Waits until `condition` holds; fails with the end of the daemon's log when it ends first or `time_max` is over.
    fn wait_until(&self, time_max: Duration, condition: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + time_max;
        while !condition() {
            if self.dir.join("ended").exists() || Instant::now() > deadline {
                let log = fs::read_to_string(self.dir.join("daemon.log")).unwrap_or_default();
                let lines: Vec<_> = log.lines().collect();
                let tail = lines[lines.len().saturating_sub(LOG_LINES)..].join("\n");
                bail!("the private Docker daemon does not answer; the end of its log:\n{tail}");
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        if let Err(error) = self.stop() {
            eprintln!("warning: {error:#}");
        }
    }
}

/// Mounts a file system of so many MiB at `dir`; the supervisor unmounts it, as all that is mounted below its folder.
fn mount_memory(dir: &Path, mib: u32) -> Result<()> {
    fs::create_dir(dir).with_context(|| format!("cannot create {}", dir.display()))?;
    let mut mount = Command::new("mount");
    mount.args(["-t", "tmpfs", "-o", &format!("size={mib}m"), "repair-test"]).arg(dir);
    Finished::run(&mut mount)?.success().map(|_| ())
}

/// The supervisor's command, up to what it supervises.
fn supervisor(engine: &PrivateEngine, dir: &Path, runtime: &Path) -> Result<Command> {
    let mut command = Command::new("/bin/sh");
    command.arg("-c").arg(SUPERVISOR).arg("supervise.sh").arg(dir).arg(runtime);
    // Ctrl-C at the owner's terminal must not reach the daemon before the supervisor has cleaned up.
    command.env_clear().envs(engine.daemon_env()?).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok(command)
}

/// Whether the engine behind `socket` answers its ping.
fn answers(socket: &Path) -> bool {
    let ask = || -> std::io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(Duration::from_secs(2)))?;
        stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: engine\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.starts_with("HTTP/1.") && answer.ends_with("OK"))
}

/// Ends and removes what killed supervisors left behind, and returns the address pools of the live runs.
fn sweep(engine: &PrivateEngine, runs: &Path) -> Result<Vec<String>> {
    let mut pools = Vec::new();
    for entry in fs::read_dir(runs).with_context(|| format!("cannot list {}", runs.display()))? {
        let dir = entry.with_context(|| format!("cannot list {}", runs.display()))?.path();
        let name = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if process_mentions(&dir.join("supervisor.pid"), &name) {
            pools.push(fs::read_to_string(dir.join("pool")).unwrap_or_default());
            continue;
        }
        let runtime = Path::new("/tmp").join(&name);
        let pidfile = dir.join("daemon.pid");
        if !process_mentions(&pidfile, &name) {
            // The process id in it may be somebody else's by now.
            let _ = fs::remove_file(&pidfile);
        }
        supervisor(engine, &dir, &runtime)?.status().context("cannot start the supervisor's clean-up")?;
        ensure!(!dir.exists(), "what is left of a private Docker daemon cannot be removed: {}", dir.display());
    }
    Ok(pools)
}

/// Whether the process in `pidfile` lives and is really the one: process ids are given again.
fn process_mentions(pidfile: &Path, word: &str) -> bool {
    let pid = fs::read_to_string(pidfile).unwrap_or_default();
    let command_line = fs::read(Path::new("/proc").join(pid.trim()).join("cmdline")).unwrap_or_default();
    !pid.trim().is_empty() && String::from_utf8_lossy(&command_line).contains(word)
}

/// A /16 that no route and no other run uses. The search starts at a place of its own, so that runs of other checkouts,
/// which are not in our records, most likely differ.
fn free_pool(runtime: &Path, taken: &[String]) -> Result<String> {
    let routes = fs::read_to_string("/proc/net/route").context("cannot read /proc/net/route")?;
    let seed: usize = runtime.as_os_str().as_encoded_bytes().iter().map(|byte| usize::from(*byte)).sum();
    let pools = POOLS.cycle().skip(seed % POOLS.len()).take(POOLS.len());
    // The second column is the destination in hexadecimal, least significant byte first on the machines that we know.
    let routed = |second: u8| {
        let ending = format!("{second:02X}0A");
        routes.lines().filter_map(|line| line.split_whitespace().nth(1)).any(|route| route.ends_with(&ending))
    };
    pools
        .map(|second| (second, format!("10.{second}.0.0/16")))
        .find(|(second, pool)| !routed(*second) && !taken.contains(pool))
        .map(|(_, pool)| pool)
        .context("all address pools from 10.160.0.0/16 to 10.249.0.0/16 are routed on this machine")
}
