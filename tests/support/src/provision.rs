//! Puts a Docker Engine with Compose into Cargo's target directory, out of Debian packages.
//!
//! Packages are downloaded with an apt state of their own and unpacked, never installed: the system's package lists,
//! its dpkg database and its files stay as they are. The marker file is written last, so an interrupted download is
//! never taken for an engine.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::archive::Archive;
use crate::place;
use crate::process::Finished;

/// Names the Debian suite whose engine is wanted, such as `trixie` for an older one.
pub const SUITE_VARIABLE: &str = "REPAIR_TEST_SUITE";

/// Suites to take the engine from, best first; the first whose programs run with this system's libc is used.
const ENGINE_SUITES: [&str; 2] = ["sid", "trixie"];

/// Taken from the engine's suite, with the package of [`init_package`].
const ENGINE_PACKAGES: [&str; 3] = ["docker.io", "docker-cli", "docker-compose"];

/// In bookworm the engine's package holds the client too, and `docker-compose` is Compose 1, in Python. So its engine,
/// 20.10, is used with the Compose plugin of trixie, as people do who keep an old engine.
const BOOKWORM_PACKAGES: [(&str, &str); 3] =
    [("docker.io", "bookworm"), ("docker-compose", "trixie"), ("libdevmapper1.02.1", "bookworm")];

/// Taken from the suite that is installed, because newer ones want a newer libc. The engine calls iptables only inside
/// the containers' own network namespaces, for name resolution.
const SYSTEM_PACKAGES: [&str; 12] = [
    "containerd",
    "runc",
    "libseccomp2",
    "iptables",
    "libxtables12",
    "libip4tc2",
    "libip6tc2",
    "libnftnl11",
    "libmnl0",
    "libnfnetlink0",
    "libnetfilter-conntrack3",
    "busybox-static",
];

/// Written last; says which packages are there.
pub(crate) const MARKER: &str = "complete.txt";

/// A Docker Engine with Compose that lies in the target directory and is not running.
#[derive(Clone, Debug)]
pub struct PrivateEngine {
    pub(crate) target: PathBuf,
    pub(crate) suite: String,
    root: PathBuf,
}

impl PrivateEngine {
    /// The engine below `target`, downloaded first if it is not there yet.
    ///
    /// # Errors
    /// Without root, on a system that is not Debian, and when packages cannot be had or do not run here.
    pub fn provision(target: &Path) -> Result<Self> {
        ensure_root()?;
        let wanted = std::env::var(SUITE_VARIABLE).ok();
        let suites = wanted.as_deref().map_or_else(|| ENGINE_SUITES.to_vec(), |suite| vec![suite]);
        let dir = place::engine_dir(target)?;
        let _lock = place::lock(&dir, "provision.lock")?;
        let mut failures = Vec::new();
        for suite in suites {
            match Self::from_suite(target, &dir, suite) {
                Ok(engine) => return Ok(engine),
                Err(error) => failures.push(format!("suite `{suite}`: {error:#}")),
            }
        }
        bail!("no private Docker Engine could be had:\n{}", failures.join("\n"))
    }

    /// The engine of one Debian suite, whatever the environment says, downloaded first if it is not there yet: 20.10
    /// (`bookworm`, with the Compose of trixie), 26.1 (`trixie`), 28.5 (`sid`). Several lie side by side.
    ///
    /// # Errors
    /// As [`PrivateEngine::provision`].
    pub fn of_suite(target: &Path, suite: &str) -> Result<Self> {
        ensure_root()?;
        let dir = place::engine_dir(target)?;
        let _lock = place::lock(&dir, "provision.lock")?;
        Self::from_suite(target, &dir, suite).with_context(|| format!("no private Docker Engine of suite `{suite}`"))
    }

    fn from_suite(target: &Path, dir: &Path, suite: &str) -> Result<Self> {
        let root = dir.join(suite);
        let engine = Self { target: target.to_owned(), suite: suite.to_owned(), root };
        if engine.root.join(MARKER).exists() {
            return Ok(engine);
        }
        let archive = Archive::of_this_system()?;
        eprintln!("downloading Docker Engine and Compose (Debian {suite}) into {}", engine.root.display());
        remove_dir(&engine.root)?;
        let mut packages = engine_packages(suite);
        packages.extend(SYSTEM_PACKAGES.iter().map(|name| (*name, archive.codename.as_str())));
        let unpacked = unpack(&archive, &packages, &engine.root)?;
        engine.choose_iptables()?;
        engine.place_plugin()?;
        engine.check_programs()?;
        fs::write(engine.root.join(MARKER), unpacked.join("\n") + "\n").context("cannot write the marker")?;
        Ok(engine)
    }

    /// The static busybox among its packages.
    pub fn busybox(&self) -> PathBuf {
        first_existing(&self.root, &BUSYBOX_PLACES)
    }

    /// The folder with `docker` and `docker-compose`.
    pub(crate) fn bin(&self) -> PathBuf {
        self.root.join("usr/bin")
    }

    /// `DOCKER_CONFIG` for clients: nothing but the Compose plugin.
    pub(crate) fn docker_config(&self) -> PathBuf {
        self.root.join("docker-config")
    }

    /// The environment of the daemon; its libraries come first for it alone.
    pub(crate) fn daemon_env(&self) -> Result<Vec<(&'static str, OsString)>> {
        let libraries = self.root.join("usr/lib").join(multiarch()?);
        let mut path = self.root.join("usr/sbin").into_os_string();
        for part in [self.bin().as_os_str(), "/usr/sbin:/usr/bin:/sbin:/bin".as_ref()] {
            path.push(":");
            path.push(part);
        }
        Ok(vec![
            ("PATH", path),
            ("XTABLES_LIBDIR", libraries.join("xtables").into_os_string()),
            ("LD_LIBRARY_PATH", libraries.into_os_string()),
            ("HOME", self.root.join("home").into_os_string()),
            ("DOCKER_CONFIG", self.docker_config().into_os_string()),
        ])
    }

    /// A command in the daemon's environment and in nothing else.
    fn daemon_command(&self, program: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        command.env_clear().envs(self.daemon_env()?);
        Ok(command)
    }

    /// Links `iptables` to the legacy variant, or to the nft one where the kernel lacks the former. Tried in a network
    /// namespace of its own, because even listing rules loads tables into the namespace.
    fn choose_iptables(&self) -> Result<()> {
        let sbin = self.root.join("usr/sbin");
        for variant in ["legacy", "nft"] {
            for program in ["iptables", "ip6tables"] {
                for ending in ["", "-restore", "-save"] {
                    let link = sbin.join(format!("{program}{ending}"));
                    let _ = fs::remove_file(&link);
                    symlink(format!("{program}-{variant}{ending}"), &link).context("cannot link iptables")?;
                }
            }
            let mut list = self.daemon_command(Path::new("/usr/bin/unshare"))?;
            list.args(["--net", "iptables", "--table", "nat", "--list", "--numeric"]);
            if Finished::run(&mut list)?.succeeded() {
                return Ok(());
            }
        }
        bail!("neither the legacy nor the nft iptables works with this kernel, and containers need it to find names")
    }

    fn place_plugin(&self) -> Result<()> {
        let plugins = self.docker_config().join("cli-plugins");
        fs::create_dir_all(&plugins).context("cannot create the folder of the Compose plugin")?;
        fs::create_dir_all(self.root.join("home")).context("cannot create the daemon's home")?;
        let plugin = self.root.join("usr/libexec/docker/cli-plugins/docker-compose");
        symlink(&plugin, plugins.join("docker-compose")).context("cannot link the Compose plugin")
    }

    /// Runs each program once, so that a libc that is too old shows here and not in a test.
    fn check_programs(&self) -> Result<()> {
        let root = &self.root;
        let programs = [
            (root.join("usr/sbin/dockerd"), ["--version"].as_slice()),
            (root.join("usr/bin/containerd"), &["--version"]),
            (root.join("usr/sbin/runc"), &["--version"]),
            (root.join("usr/bin/docker"), &["compose", "version"]),
        ];
        for (program, args) in programs {
            Finished::run(self.daemon_command(&program)?.args(args))?.success()?;
        }
        Ok(())
    }
}

/// The packages of engine, client and Compose, each with the suite that it is taken from.
fn engine_packages(suite: &str) -> Vec<(&str, &str)> {
    let mut packages = match suite {
        "bookworm" => BOOKWORM_PACKAGES.to_vec(),
        _ => ENGINE_PACKAGES.iter().map(|name| (*name, suite)).collect(),
    };
    packages.push((init_package(suite), suite));
    packages
}

/// The words of a command that runs the iptables of the engine in `root`.
pub(crate) fn iptables(root: &Path) -> Result<Vec<OsString>> {
    let libraries = root.join("usr/lib").join(multiarch()?);
    let variable = |name: &str, value: PathBuf| {
        let mut word = OsString::from(format!("{name}="));
        word.push(value);
        word
    };
    let extensions = variable("XTABLES_LIBDIR", libraries.join("xtables"));
    let program = root.join("usr/sbin/iptables").into_os_string();
    Ok(vec!["env".into(), extensions, variable("LD_LIBRARY_PATH", libraries), program])
}

/// What holds the first process of containers with `init: true`.
fn init_package(suite: &str) -> &'static str {
    match suite {
        "bookworm" | "trixie" => "tini",
        _ => "tini-static",
    }
}

const BUSYBOX_PLACES: [&str; 2] = ["bin/busybox", "usr/bin/busybox"];

/// A static busybox, of which images are made; works without root.
///
/// # Errors
/// When neither the system nor its archive has one.
pub fn busybox(target: &Path) -> Result<PathBuf> {
    let system = first_existing(Path::new("/"), &BUSYBOX_PLACES);
    // Only a static program runs in an otherwise empty image; `ldd` fails for those.
    if system.exists() && !Finished::run(Command::new("ldd").arg(&system))?.succeeded() {
        return Ok(system);
    }
    let dir = place::engine_dir(target)?;
    let _lock = place::lock(&dir, "provision.lock")?;
    let root = dir.join("busybox");
    if !root.join(MARKER).exists() {
        let archive = Archive::of_this_system()?;
        remove_dir(&root)?;
        let unpacked = unpack(&archive, &[("busybox-static", &archive.codename)], &root)?;
        fs::write(root.join(MARKER), unpacked.join("\n") + "\n").context("cannot write the marker")?;
    }
    Ok(first_existing(&root, &BUSYBOX_PLACES))
}

fn first_existing(root: &Path, places: &[&str]) -> PathBuf {
    let paths = places.iter().map(|place| root.join(place));
    paths.clone().find(|path| path.exists()).unwrap_or_else(|| root.join(places[0]))
}

/// Fails early, with the two ways out, when an engine could not be started anyway.
pub(crate) fn ensure_root() -> Result<()> {
    let status = fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let effective = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1));
    ensure!(
        effective == Some("0"),
        "a private Docker Engine needs root, and this is user {}; run as root, or start Docker Engine with Compose 2 \
         and set REPAIR_TEST_ENGINE=existing",
        effective.unwrap_or("unknown")
    );
    Ok(())
}

/// The folder of libraries below `usr/lib`, such as `x86_64-linux-gnu`.
fn multiarch() -> Result<String> {
    let architecture = Finished::run(Command::new("dpkg").arg("--print-architecture"))?.success()?.stdout;
    match architecture.trim() {
        "amd64" => Ok("x86_64-linux-gnu".to_owned()),
        "arm64" => Ok("aarch64-linux-gnu".to_owned()),
        other => bail!("no private engine for architecture `{other}`; set REPAIR_TEST_ENGINE=existing"),
    }
}

pub(crate) fn remove_dir(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

/// Downloads packages, each from its suite, and unpacks them into `root`; returns the names of their files.
fn unpack(archive: &Archive, packages: &[(&str, &str)], root: &Path) -> Result<Vec<String>> {
    let mut suites: Vec<_> = packages.iter().map(|(_, suite)| *suite).collect();
    suites.sort_unstable();
    suites.dedup();
    let scratch = apt_state(archive, &suites)?;
    let names = packages.iter().map(|(name, suite)| format!("{name}/{suite}"));
    Finished::run(apt_get(scratch.path()).arg("download").args(names))?.success()?;
    let files = extract(&scratch.path().join("debs"), root)?;
    ensure!(files.len() == packages.len(), "apt downloaded {} packages of {}", files.len(), packages.len());
    Ok(files)
}

/// Downloads packages with all that they depend on, and unpacks them into `root`, which so becomes a small system.
pub(crate) fn unpack_with_dependencies(suite: &str, packages: &[&str], root: &Path) -> Result<Vec<String>> {
    let scratch = apt_state(&Archive::of_this_system()?, &[suite])?;
    let mut install = apt_get(scratch.path());
    install.args(["install", "--yes", "--no-install-recommends", "--download-only"]).args(packages);
    Finished::run(&mut install)?.success()?;
    extract(&scratch.path().join("cache/archives"), root)
}

/// A folder with apt's state for `suites`, up to date.
fn apt_state(archive: &Archive, suites: &[&str]) -> Result<tempfile::TempDir> {
    let scratch = tempfile::Builder::new().prefix("repair-apt-").tempdir().context("cannot create a folder for apt")?;
    let sources: String = suites.iter().map(|suite| archive.source_line(suite)).collect();
    for dir in ["lists/partial", "cache/archives/partial", "debs"] {
        fs::create_dir_all(scratch.path().join(dir)).context("cannot create a folder for apt")?;
    }
    fs::write(scratch.path().join("sources.list"), sources).context("cannot write the source list")?;
    fs::write(scratch.path().join("status"), "").context("cannot write an empty package status")?;
    Finished::run(apt_get(scratch.path()).arg("update"))?.success()?;
    Ok(scratch)
}

/// Extracts each package of a folder, and returns the names of their files.
fn extract(packages: &Path, root: &Path) -> Result<Vec<String>> {
    fs::create_dir_all(root).with_context(|| format!("cannot create {}", root.display()))?;
    let mut files = Vec::new();
    for entry in fs::read_dir(packages).context("cannot list the packages")? {
        let path = entry.context("cannot list the packages")?.path();
        if path.extension().is_some_and(|extension| extension == "deb") {
            Finished::run(Command::new("dpkg-deb").arg("--extract").arg(&path).arg(root))?.success()?;
            files.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        }
    }
    files.sort();
    Ok(files)
}

/// apt-get with a state of its own; the system's proxy and transport settings still apply.
fn apt_get(scratch: &Path) -> Command {
    let mut command = Command::new("apt-get");
    let path = |name: &str| scratch.join(name).display().to_string();
    let options = [
        format!("Dir::Etc::sourcelist={}", path("sources.list")),
        "Dir::Etc::sourceparts=-".to_owned(),
        format!("Dir::State::lists={}", path("lists")),
        format!("Dir::State::status={}", path("status")),
        format!("Dir::Cache={}", path("cache")),
        "APT::Sandbox::User=root".to_owned(),
        "Acquire::Languages=none".to_owned(),
        "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false".to_owned(),
        "Acquire::Retries=3".to_owned(),
        // Otherwise apt warns about a missing candidate and still succeeds for the rest.
        "APT::Update::Error-Mode=any".to_owned(),
    ];
    command.arg("--quiet").current_dir(scratch.join("debs")).env("LC_ALL", "C");
    for option in options {
        command.arg("-o").arg(option);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_comes_from_its_suite_and_only_the_oldest_takes_compose_from_another() {
        assert!(engine_packages("sid").iter().all(|(_, suite)| *suite == "sid"));
        let compose = |suite| engine_packages(suite).into_iter().find(|(name, _)| *name == "docker-compose");
        assert_eq!(compose("trixie"), Some(("docker-compose", "trixie")));
        assert_eq!(compose("bookworm"), Some(("docker-compose", "trixie")));
    }
}
