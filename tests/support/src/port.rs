//! Ports for tests that run side by side, somebody to hold them, and looking at who answers.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as SocketAddrUnix, UnixListener};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::engine::Engine;
use crate::place;

/// So many consecutive ports belong to one block: enough for a repair to move to the next free ones without meeting
/// another test.
pub const PORTS_PER_BLOCK: u16 = 100;

/// Below the range from which systems take ports for outgoing connections.
const BLOCKS: std::ops::Range<u16> = 200..320;

/// Consecutive host ports that no other test of this machine gets while this lives, and no other one of this checkout until
/// many others had theirs.
#[derive(Clone, Debug)]
pub struct PortBlock {
    first: u16,
    // The kernel forgets it with its owner, and it has the same scope as the ports: a network namespace.
    _claim: Arc<UnixListener>,
}

impl PortBlock {
    /// Takes the next block in which every port is free.
    ///
    /// # Errors
    /// When there is none, or the record of the last block cannot be kept.
    pub fn reserve() -> Result<Self> {
        let dir = place::engine_dir(&place::target_dir())?;
        let _lock = place::lock(&dir, "ports.lock")?;
        let record = dir.join("ports.txt");
        let last = fs::read_to_string(&record).ok().and_then(|text| text.trim().parse().ok());
        let last = last.filter(|block| BLOCKS.contains(block)).unwrap_or(BLOCKS.end - 1);
        let next = BLOCKS.cycle().skip(usize::from(last - BLOCKS.start) + 1).take(BLOCKS.len());
        for block in next {
            let first = block * PORTS_PER_BLOCK;
            let name = SocketAddrUnix::from_abstract_name(format!("repair-test-ports-{block}"));
            let Ok(claim) = name.and_then(|name| UnixListener::bind_addr(&name)) else { continue };
            if (first..first + PORTS_PER_BLOCK).all(is_free) {
                fs::write(&record, block.to_string()).with_context(|| format!("cannot write {}", record.display()))?;
                return Ok(Self { first, _claim: Arc::new(claim) });
            }
        }
        bail!("no {PORTS_PER_BLOCK} consecutive free ports between 20000 and 32000")
    }

    /// The port at `index`.
    ///
    /// # Panics
    /// When `index` is not below [`PORTS_PER_BLOCK`].
    pub fn port(&self, index: u16) -> u16 {
        assert!(index < PORTS_PER_BLOCK, "a block has {PORTS_PER_BLOCK} ports");
        self.first + index
    }
}

/// Whether nobody listens on `port` on any address.
pub fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok()
        && (TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).is_ok()
            || TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).is_err())
}

/// Whether somebody listens on `port`, as the kernel lists it: to try the port would take it away from whoever is about to
/// listen on it.
fn somebody_listens(port: u16) -> bool {
    const LISTENING: &str = "0A";
    let place = format!(":{port:04X}");
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().filter_map(|list| fs::read_to_string(list).ok()).any(|list| {
        list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).any(|fields| {
            fields.get(1).is_some_and(|local| local.ends_with(&place)) && fields.get(3) == Some(&LISTENING)
        })
    })
}

/// A port that a process of this machine holds until this is dropped. (A container of another project that holds one
/// is a [`crate::Project`] of its own.)
#[derive(Debug)]
pub struct HeldPort {
    port: u16,
    process: Option<Child>,
    _listener: Option<TcpListener>,
}

impl HeldPort {
    /// Lets another process, a busybox, hold the port on all addresses.
    ///
    /// # Errors
    /// When it does not listen within some seconds, for instance because the port is taken.
    pub fn by_another_process(engine: &Engine, port: u16) -> Result<Self> {
        let mut command = engine.command(engine.busybox());
        command.args(["nc", "-ll", "-p", &port.to_string(), "-e", "true"]);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start busybox")?;
        let deadline = Instant::now() + Duration::from_secs(5);
        let listens = loop {
            if child.try_wait().context("cannot wait for busybox")?.is_some() || Instant::now() > deadline {
                break false;
            }
            if somebody_listens(port) {
                break true;
            }
            thread::sleep(Duration::from_millis(10));
        };
        let held = Self { port, process: Some(child), _listener: None };
        ensure!(listens, "busybox cannot listen on port {port}: it is taken");
        Ok(held)
    }

    /// Holds the port on `address` in this process.
    ///
    /// # Errors
    /// When it is taken.
    pub fn by_this_process(address: impl Into<SocketAddr>) -> Result<Self> {
        let address = address.into();
        let listener = TcpListener::bind(address).with_context(|| format!("cannot hold {address}"))?;
        Ok(Self { port: address.port(), process: None, _listener: Some(listener) })
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The process that holds it.
    pub fn pid(&self) -> u32 {
        self.process.as_ref().map_or_else(std::process::id, Child::id)
    }
}

impl Drop for HeldPort {
    fn drop(&mut self) {
        if let Some(child) = &mut self.process {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The body of the answer of an HTTP server on this machine.
///
/// # Errors
/// When it does not answer with status 200.
pub fn http_get(port: u16, path: &str) -> Result<String> {
    let answer = exchange(port, &format!("GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n"))?;
    let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("port {port} answers without HTTP"))?;
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.split(' ').nth(1) == Some("200"), "http://localhost:{port}{path} answers `{status}`");
    Ok(body.to_owned())
}

/// What a server on this machine says when somebody connects.
///
/// # Errors
/// When it says nothing: Docker's proxy accepts a connection with nothing behind it.
pub fn banner(port: u16) -> Result<String> {
    let banner = exchange(port, "")?;
    ensure!(!banner.is_empty(), "port {port} accepts a connection and closes it without a word");
    Ok(banner)
}

fn exchange(port: u16, request: &str) -> Result<String> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let wait = Duration::from_secs(3);
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&address, wait)?;
        stream.set_read_timeout(Some(wait))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    ask().with_context(|| format!("port {port} of this machine does not answer"))
}

/// Tries `look` again and again until it succeeds; for at most `seconds_max`.
///
/// # Errors
/// The last error of `look`.
pub fn wait_for<T>(seconds_max: u64, mut look: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + Duration::from_secs(seconds_max);
    loop {
        match look() {
            Err(_) if Instant::now() < deadline => thread::sleep(Duration::from_millis(50)),
            result => return result,
        }
    }
}
