//! The place where a recipe is provoked: a folder, a running engine, holders of addresses and a registry.
//!
//! A lab has its engine for itself, so cleaning up means removing every container, network and volume that is there.

use std::fs;
use std::io::Read as _;
use std::net::{TcpListener, UdpSocket};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use repair_test_support::{Engine, Finished, Podman, Refusal, Registry, WEB, target_dir};
use tempfile::TempDir;

use super::recipe::{Conduct, Daemon, Exit, Hold, Recipe};
use super::text::{PROJECT_DIR, Replacements};

/// So long may one script take.
const SCRIPT_SECONDS_MAX: u32 = 120;

/// The images of recipes, by the images of the tests that they are.
const IMAGES: [(&str, &str); 4] = [
    (WEB, "shop/web:1"),
    ("repair-test/mysql:1", "shop/db:1"),
    ("repair-test/grafana:1", "shop/metrics:1"),
    ("repair-test/devlake:1", "shop/devlake:1"),
];

/// Runs a command as a user who may do nothing.
const NOBODY: &str = "setpriv --reuid 65534 --regid 65534 --clear-groups";

/// What runs a recipe's scripts.
pub(crate) enum Host<'e> {
    Docker(&'e Engine),
    Podman(&'e Podman),
}

/// One recipe's place.
pub(crate) struct Lab<'e> {
    host: Host<'e>,
    home: TempDir,
    dir: PathBuf,
}

impl<'e> Lab<'e> {
    /// An empty place.
    pub(crate) fn new(host: Host<'e>) -> Result<Self> {
        let home = tempfile::Builder::new().prefix("repair-fail-").tempdir().context("cannot create a folder")?;
        // Some scripts run as somebody else.
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).context("cannot open the folder")?;
        let dir = home.path().join("shop");
        fs::create_dir(&dir).context("cannot create the project's folder")?;
        Ok(Self { host, home, dir })
    }

    /// Names the images of the tests as recipes name them.
    pub(crate) fn tag_images(engine: &Engine) -> Result<()> {
        for (image, name) in IMAGES {
            Finished::run(engine.docker().args(["tag", image, name]))?.success()?;
        }
        Ok(())
    }

    /// Provokes `recipe` and returns what its script says, for any machine.
    ///
    /// # Errors
    /// When something else happens than the recipe wants.
    pub(crate) fn provoke(&self, recipe: &Recipe) -> Result<String> {
        for (path, text) in recipe.files {
            let path = self.dir.join(path);
            fs::create_dir_all(path.parent().unwrap_or(&self.dir)).context("cannot create a folder of the project")?;
            fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        }
        let registry = self.registry(recipe)?;
        let scripts = match &self.host {
            Host::Docker(_) => [recipe.before.to_owned(), recipe.run.to_owned()],
            // Each script has namespaces and a store of its own, so both must be one.
            Host::Podman(_) => [String::new(), format!("{{ {}; }} >/dev/null 2>&1; {}", in_podman(recipe), recipe.run)],
        };
        let [before, run] = scripts;
        if !before.is_empty() {
            Finished::run(&mut self.command(&before, registry.as_ref()))?
                .success()
                .context("the preparation failed")?;
        }
        if let (Daemon::FlushedFirewall, Host::Docker(engine)) = (recipe.daemon, &self.host) {
            engine.flush_firewall()?;
        }
        let held = recipe.holds.iter().map(hold).collect::<Result<Vec<_>>>()?;
        let (code, text) = output_of(self.command(&run, registry.as_ref()))?;
        drop(held);
        ensure!(
            code != Some(124),
            "`{}` did not end within {SCRIPT_SECONDS_MAX} seconds; it said:\n{text}",
            recipe.run
        );
        ensure!(recipe.exit == Exit::Any || code != Some(0), "`{}` succeeded; it said:\n{text}", recipe.run);
        if !recipe.says.iter().any(|words| text.contains(words)) {
            bail!("`{}` says none of {:?}, but:\n{text}", recipe.run, recipe.says);
        }
        let text = self.replacements(registry.as_ref()).apply(&text)?;
        let target = target_dir().display().to_string();
        ensure!(!text.contains(&target), "the text names a folder of this machine:\n{text}");
        Ok(text)
    }

    /// Removes all that the recipe left in the engine.
    pub(crate) fn clean(&self) -> Result<()> {
        let Host::Docker(engine) = self.host else { return Ok(()) };
        for (list, remove) in [
            (["ps", "--all", "--quiet"].as_slice(), ["rm", "--force", "--volumes"].as_slice()),
            (&["network", "ls", "--quiet", "--filter", "type=custom"], &["network", "rm"]),
            (&["volume", "ls", "--quiet"], &["volume", "rm", "--force"]),
            (&["image", "ls", "--quiet", "--filter", "dangling=true"], &["image", "rm", "--force"]),
        ] {
            let listed = Finished::run(engine.docker().args(list))?.success()?;
            if !listed.stdout.is_empty() {
                Finished::run(engine.docker().args(remove).args(listed.stdout.lines()))?.success()?;
            }
        }
        Ok(())
    }

    fn registry(&self, recipe: &Recipe) -> Result<Option<Registry>> {
        let (Some(conduct), Host::Docker(engine)) = (recipe.registry, &self.host) else { return Ok(None) };
        let registry = Registry::start(engine)?;
        match conduct {
            Conduct::Serves => {}
            Conduct::Throttles => registry.throttle(u32::MAX, 60),
            // Docker asks for the head first and then for the whole.
            Conduct::ThrottlesOnce => registry.throttle(2, 1),
            Conduct::Unauthorized => registry.refuse(Some(Refusal::Unauthorized)),
            Conduct::Denied => registry.refuse(Some(Refusal::Denied)),
            Conduct::Unavailable => registry.refuse(Some(Refusal::Unavailable)),
            Conduct::Silent => registry.refuse(Some(Refusal::Silent)),
        }
        Ok(Some(registry))
    }

    /// A script in the project's folder, with nothing of the person who records.
    fn command(&self, script: &str, registry: Option<&Registry>) -> Command {
        let seconds = SCRIPT_SECONDS_MAX.to_string();
        match &self.host {
            Host::Docker(engine) => {
                let mut command = engine.command("timeout");
                command.args([&seconds, "/bin/sh", "-c", script]).current_dir(&self.dir);
                command.env("HOME", self.home.path()).env("LC_ALL", "C").env("PWD", &self.dir).env("NOBODY", NOBODY);
                for name in ["CI", "NO_COLOR", "DOCKER_BUILDKIT", "TERM", "COLUMNS"] {
                    command.env_remove(name);
                }
                command.envs(registry.map(|registry| ("REGISTRY", registry.address())));
                command
            }
            Host::Podman(podman) => {
                let inner = podman.command(script, &self.dir);
                let mut command = Command::new("timeout");
                command.arg(&seconds).arg(inner.get_program()).args(inner.get_args());
                command
            }
        }
    }

    fn replacements(&self, registry: Option<&Registry>) -> Replacements {
        let mut replacements = Replacements::default();
        replacements.add(self.dir.display().to_string(), PROJECT_DIR);
        replacements.add(self.home.path().display().to_string(), "/home/ann");
        replacements.add("repair-test/", "shop/");
        if let Some(registry) = registry {
            replacements.add(registry.address(), "127.0.0.1:5000");
        }
        if let Host::Docker(engine) = self.host
            && let Some((data, runtime)) = engine.folders()
        {
            let client = target_dir().join("engine");
            for suite in ["bookworm", "trixie", "sid"] {
                replacements.add(client.join(suite).join("docker-config").display().to_string(), "/home/ann/.docker");
            }
            replacements.add(data.join("data").display().to_string(), "/var/lib/docker");
            replacements.add(runtime.join("d.sock").display().to_string(), "/var/run/docker.sock");
            replacements.add(runtime.join("exec").display().to_string(), "/var/run/docker");
        }
        let resolver = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
        for address in resolver.lines().filter_map(|line| line.strip_prefix("nameserver ")) {
            replacements.add(format!("{}:53", address.trim()), "127.0.0.53:53");
        }
        replacements
    }
}

/// What a Podman script does first: images by the names that recipes use.
fn in_podman(recipe: &Recipe) -> String {
    let import = "mkdir -p /tmp/tree/bin /tmp/tree/www && cp /opt/busybox/busybox /tmp/tree/bin/ && \
                  for applet in sh httpd sleep echo; do ln -s busybox /tmp/tree/bin/$applet; done && \
                  tar -C /tmp/tree -c . | podman import --change 'CMD [\"httpd\",\"-f\",\"-p\",\"80\",\"-h\",\"/www\"]' \
                  --change 'STOPSIGNAL SIGKILL' - localhost/shop/web:1";
    match recipe.before {
        "" => import.to_owned(),
        before => format!("{import}; {before}"),
    }
}

/// Runs a command with one pipe for all that it says, so that lines keep the order in which a person sees them.
fn output_of(mut command: Command) -> Result<(Option<i32>, String)> {
    let (mut reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    command.stdin(Stdio::null()).stdout(writer.try_clone().context("cannot share the pipe")?).stderr(writer);
    let mut child = command.spawn().context("cannot start the script")?;
    // It keeps the writing ends, with which the pipe would never end.
    drop(command);
    let mut text = Vec::new();
    reader.read_to_end(&mut text).context("cannot read what the script says")?;
    let status = child.wait().context("cannot wait for the script")?;
    Ok((status.code(), String::from_utf8_lossy(&text).into_owned()))
}

/// Whoever holds an address, until dropped.
enum Held {
    Tcp { _listener: TcpListener },
    Udp { _socket: UdpSocket },
}

fn hold(hold: &Hold) -> Result<Held> {
    match hold {
        Hold::Tcp(address) => TcpListener::bind(address).map(|listener| Held::Tcp { _listener: listener }),
        Hold::Udp(address) => UdpSocket::bind(address).map(|socket| Held::Udp { _socket: socket }),
    }
    .with_context(|| format!("cannot hold {hold:?}, which the recipe wants"))
}
