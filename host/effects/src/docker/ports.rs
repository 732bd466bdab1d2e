//! Who holds a port of the engine's host, and which ports are free.
//!
//! First the engine's own containers are asked, then the kernel's tables, last an attempt to bind. The last two say
//! something only where the engine's host is this one; elsewhere the answer is "unknown", never a guess. Nothing here
//! stops anybody: [`holder_stop_command`] is for a person.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use repair_model::compose::{PortKey, Protocol};
use repair_model::container::{ContainerRef, PortOwner, ProcessRef};
use repair_model::limits::{ENGINE_INSPECTS_AT_ONCE, FREE_PORTS_MAX, PORT_CANDIDATES_MAX, PORT_CLAIMS_INSPECTED_MAX};
use repair_model::plan::OtherWay;
use repair_model::text::escaped;
use socket2::{Domain, Socket, Type};

use super::answers::Listed;
use super::connection::{Engine, EngineError};
use super::listeners::{listeners, ports_taken, process_of};
use super::sight::Sight;
use crate::shell::shell_quoted;

/// Ports below this one need rights of their own and are never proposed.
const UNPRIVILEGED_MIN: u16 = 1024;

impl Engine {
    /// Who holds `key`, seen from the Compose project `project`.
    ///
    /// [`PortOwner::NotHeld`] means that it could be bound right now. An address that this host does not have, and a port
    /// that this user may not bind, are [`PortOwner::Unknown`].
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn port_owner(&self, key: &PortKey, project: &str) -> Result<PortOwner, EngineError> {
        let running = self.list(false, None).await?;
        let publishes = |held: &PortKey| {
            held.port == key.port && held.protocol == key.protocol && addresses_overlap(key, held.host_ip.as_deref())
        };
        if let Some(holder) = running.iter().find(|listed| listed.ports_held().iter().any(publishes)) {
            let holder = holder.reference();
            return Ok(match &holder.project {
                Some(found) if found == project => PortOwner::ThisProject(holder),
                _ => PortOwner::OtherContainer(holder),
            });
        }
        match self.sight().await? {
            Sight::SameHost => Ok(owner_on_this_host(key)),
            Sight::Elsewhere(_) => Ok(PortOwner::Unknown),
        }
    }

    /// At most `count` free ports for the address and protocol of `near`, ascending from `near.port` and never below 1024.
    ///
    /// Left out are ports in `claimed`, ports that any container of this engine has or asks for (also one that does not
    /// run, because it would clash as soon as it is started), and ports that are taken on this host. Where the engine's
    /// host is not this one, `near.port` itself is never proposed and only the engine's containers are known.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn free_ports(
        &self,
        near: &PortKey,
        count: u8,
        claimed: &BTreeSet<u16>,
    ) -> Result<Vec<u16>, EngineError> {
        let count = usize::from(count.min(FREE_PORTS_MAX));
        let mut taken = self.ports_of_all_containers(near.protocol).await?;
        taken.extend(claimed);
        let same_host = *self.sight().await? == Sight::SameHost;
        if same_host {
            taken.extend(ports_taken(near.protocol));
        } else {
            taken.insert(near.port);
        }
        let bindable = |port: &u16| {
            !same_host || matches!(try_to_bind(&PortKey { port: *port, ..near.clone() }), Bind::Free | Bind::CannotTell)
        };
        let candidates = near.port.max(UNPRIVILEGED_MIN)..=u16::MAX;
        let tried = candidates.filter(|port| !taken.contains(port)).take(PORT_CANDIDATES_MAX);
        Ok(tried.filter(bindable).take(count).collect())
    }

    async fn ports_of_all_containers(&self, protocol: Protocol) -> Result<BTreeSet<u16>, EngineError> {
        let (active, inactive): (Vec<_>, Vec<_>) =
            self.list(true, None).await?.into_iter().partition(Listed::is_active);
        let held = active.iter().flat_map(Listed::ports_held);
        let mut ports: BTreeSet<u16> = held.filter(|key| key.protocol == protocol).map(|key| key.port).collect();
        let ids = inactive.into_iter().take(PORT_CLAIMS_INSPECTED_MAX).map(|listed| listed.id);
        let inspected: Vec<_> = stream::iter(ids.map(|id| async move { self.inspect(&id).await }))
            .buffer_unordered(ENGINE_INSPECTS_AT_ONCE)
            .try_collect()
            .await?;
        let asked = inspected.into_iter().flatten().flat_map(|details| details.ports_asked());
        ports.extend(asked.filter(|key| key.protocol == protocol).map(|key| key.port));
        Ok(ports)
    }
}

/// A command by which a person could stop the holder, for a POSIX shell; `None` where there is none that is safe to name.
/// `port` is only named in words.
pub fn holder_stop_command(owner: &PortOwner, port: &PortKey) -> Option<OtherWay> {
    match owner {
        PortOwner::ThisProject(holder) | PortOwner::OtherContainer(holder) => Some(stop_container(holder, port)),
        PortOwner::Process(ProcessRef { pid: Some(pid), name }) => Some(stop_process(*pid, name.as_deref(), port)),
        PortOwner::Process(ProcessRef { pid: None, .. }) if port.protocol != Protocol::Sctp => {
            let family = if port.protocol == Protocol::Tcp { "tlnp" } else { "ulnp" };
            let what = format!("find out who holds {port}; this user may not see that");
            Some(OtherWay { what, command: format!("sudo ss -{family} 'sport = :{}'", port.port) })
        }
        PortOwner::Process(_) | PortOwner::NotHeld | PortOwner::Unknown => None,
    }
}

/// Names of projects and services come from labels, which may hold anything; only plain ones are put into a command. The
/// engine itself restricts the names of containers.
fn stop_container(holder: &ContainerRef, port: &PortKey) -> OtherWay {
    let plain = |word: &&String| !word.starts_with('-') && shell_quoted(word) == **word;
    match (holder.project.as_ref().filter(plain), holder.service.as_ref().filter(plain)) {
        (Some(project), Some(service)) => OtherWay {
            what: format!("stop the service `{service}` of the project `{project}`, which holds {port}"),
            command: format!("docker compose -p {project} stop {service}"),
        },
        _ => OtherWay {
            what: format!("stop the container `{}`, which holds {port}", escaped(&holder.name)),
            command: format!("docker stop {}", shell_quoted(&holder.name)),
        },
    }
}

fn stop_process(pid: u32, name: Option<&str>, port: &PortKey) -> OtherWay {
    const FORWARDERS: [&str; 4] = ["docker-proxy", "rootlesskit", "rootlessport", "conmon"];
    let named = name.map_or_else(|| "the process".to_owned(), |name| format!("`{}`", escaped(name)));
    if name.is_some_and(|name| FORWARDERS.contains(&name)) {
        // To kill an engine's helper would leave its container running without the port.
        let what =
            format!("see for which container of another engine {named} (process {pid}) holds {port}, and stop that");
        return OtherWay { what, command: format!("ps -o args= -p {pid}") };
    }
    let what = format!("stop {named} (process {pid}), which holds {port}; whatever it serves is gone then");
    OtherWay { what, command: format!("kill {pid}") }
}

fn owner_on_this_host(key: &PortKey) -> PortOwner {
    let listening = listeners(key.protocol);
    let overlapping = listening.iter().find(|found| found.port == key.port && listener_overlaps(key, found.address));
    if let Some(listener) = overlapping {
        return PortOwner::Process(process_of(listener.inode));
    }
    match try_to_bind(key) {
        Bind::Free => PortOwner::NotHeld,
        // Bound without listening, or by the kernel itself: somebody has it, and nobody can be named.
        Bind::InUse => PortOwner::Process(ProcessRef { pid: None, name: None }),
        Bind::CannotTell => PortOwner::Unknown,
    }
}

/// Whether a port that a container publishes on `held` stands in the way of `wanted`. Engines bind IPv6 addresses for
/// IPv6 only.
fn addresses_overlap(wanted: &PortKey, held: Option<&str>) -> bool {
    let (Some(wanted), Some(held)) = (wanted.host_ip.as_deref(), held) else { return true };
    match (wanted.parse::<IpAddr>(), held.parse::<IpAddr>()) {
        (Ok(wanted), Ok(held)) if wanted.is_ipv4() == held.is_ipv4() => {
            wanted == held || wanted.is_unspecified() || held.is_unspecified()
        }
        (Ok(_), Ok(_)) => false,
        _ => wanted == held,
    }
}

/// The same for a socket of the host. One on `::` may take IPv4 as well; the kernel's tables do not tell, so it counts.
fn listener_overlaps(wanted: &PortKey, listener: IpAddr) -> bool {
    let Some(wanted) = &wanted.host_ip else { return true };
    let Ok(wanted) = wanted.parse::<IpAddr>() else { return false };
    let listener = listener.to_canonical();
    if wanted.is_ipv4() == listener.is_ipv4() {
        return wanted == listener || wanted.is_unspecified() || listener.is_unspecified();
    }
    wanted.is_ipv4() && listener == IpAddr::V6(Ipv6Addr::UNSPECIFIED)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bind {
    Free,
    InUse,
    CannotTell,
}

/// Binds as an engine does (Go's `net.Listen`: `SO_REUSEADDR` for TCP, so that connections which still linger do not
/// count, none for UDP; IPv6 without IPv4), and lets go at once. It never listens, so that no client can get in between.
/// A port that somebody bound under `SO_REUSEADDR` without listening passes for free; the engine would get it too.
fn try_to_bind(key: &PortKey) -> Bind {
    let addresses = match &key.host_ip {
        None => vec![IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)],
        Some(text) => match text.parse() {
            Ok(address) => vec![address],
            Err(_) => return Bind::CannotTell,
        },
    };
    let results: Vec<io::Result<()>> = addresses.into_iter().map(|ip| bind_once(ip, key.port, key.protocol)).collect();
    let failed_with = |kind| results.iter().any(|result| result.as_ref().is_err_and(|error| error.kind() == kind));
    if failed_with(io::ErrorKind::AddrInUse) {
        Bind::InUse
    } else if failed_with(io::ErrorKind::PermissionDenied) || results.iter().all(Result::is_err) {
        Bind::CannotTell
    } else {
        // The other family may be switched off on this host.
        Bind::Free
    }
}

fn bind_once(address: IpAddr, port: u16, protocol: Protocol) -> io::Result<()> {
    let kind = match protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
        Protocol::Sctp => return Err(io::ErrorKind::Unsupported.into()),
    };
    let socket = Socket::new(if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 }, kind, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if protocol == Protocol::Tcp {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&SocketAddr::new(address, port).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(port: u16, protocol: Protocol, host_ip: Option<&str>) -> PortKey {
        PortKey { port, protocol, host_ip: host_ip.map(str::to_owned) }
    }

    #[test]
    fn published_addresses_clash_where_they_meet() {
        let cases = [
            (None, Some("127.0.0.1"), true),
            (Some("127.0.0.1"), None, true),
            (Some("127.0.0.1"), Some("0.0.0.0"), true),
            (Some("0.0.0.0"), Some("127.0.0.1"), true),
            (Some("127.0.0.1"), Some("127.0.0.2"), false),
            (Some("127.0.0.1"), Some("::"), false),
            (Some("::1"), Some("::"), true),
            (Some("::1"), Some("0.0.0.0"), false),
        ];
        for (wanted, held, clash) in cases {
            let wanted_key = key(1, Protocol::Tcp, wanted);
            assert_eq!(addresses_overlap(&wanted_key, held), clash, "{wanted:?} {held:?}");
        }
    }

    #[test]
    fn a_listener_on_all_ipv6_addresses_may_take_ipv4_too() {
        let overlaps = |wanted, listener: &str| {
            listener_overlaps(&key(1, Protocol::Tcp, wanted), listener.parse().expect("an address"))
        };
        assert!(overlaps(Some("127.0.0.1"), "::"));
        assert!(overlaps(Some("127.0.0.1"), "::ffff:127.0.0.1"));
        assert!(!overlaps(Some("127.0.0.1"), "::1"));
        assert!(!overlaps(Some("::"), "0.0.0.0"));
        assert!(overlaps(None, "10.0.0.1"));
    }

    #[test]
    fn a_bind_test_finds_what_listens_and_lets_go() {
        let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = holder.local_addr().expect("an address").port();
        for ip in [Some("127.0.0.1"), Some("0.0.0.0"), None] {
            assert_eq!(try_to_bind(&key(port, Protocol::Tcp, ip)), Bind::InUse, "{ip:?}");
        }
        assert_eq!(try_to_bind(&key(port, Protocol::Tcp, Some("127.0.0.2"))), Bind::Free);
        drop(holder);
        for _ in 0..2 {
            assert_eq!(try_to_bind(&key(port, Protocol::Tcp, None)), Bind::Free);
        }
        let holder = std::net::UdpSocket::bind("127.0.0.1:0").expect("bound");
        let port = holder.local_addr().expect("an address").port();
        assert_eq!(try_to_bind(&key(port, Protocol::Udp, None)), Bind::InUse);
    }

    #[test]
    fn what_cannot_be_bound_for_other_reasons_is_unknown() {
        // An address for documentation (RFC 5737), which no host has.
        assert_eq!(owner_on_this_host(&key(18_999, Protocol::Tcp, Some("192.0.2.1"))), PortOwner::Unknown);
        assert_eq!(owner_on_this_host(&key(18_999, Protocol::Tcp, Some("a-name"))), PortOwner::Unknown);
        assert_eq!(owner_on_this_host(&key(18_999, Protocol::Sctp, None)), PortOwner::Unknown);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_that_listens_is_named() {
        let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = holder.local_addr().expect("an address").port();
        let PortOwner::Process(process) = owner_on_this_host(&key(port, Protocol::Tcp, None)) else {
            panic!("a process holds it");
        };
        assert_eq!(process.pid, Some(std::process::id()));
    }

    #[test]
    fn the_way_to_stop_a_holder_is_exact_and_quoted() {
        let port = key(8080, Protocol::Tcp, None);
        let command = |owner: &PortOwner| holder_stop_command(owner, &port).expect("a command").command;
        let holder = |name: &str, project: Option<&str>, service: Option<&str>| ContainerRef {
            id: "abc".into(),
            name: name.into(),
            project: project.map(Into::into),
            service: service.map(Into::into),
        };
        let plain = PortOwner::OtherContainer(holder("old web", None, None));
        assert_eq!(command(&plain), "docker stop 'old web'");
        let composed = PortOwner::OtherContainer(holder("shop-web-1", Some("shop"), Some("web")));
        assert_eq!(command(&composed), "docker compose -p shop stop web");
        let odd = PortOwner::ThisProject(holder("shop-web-1", Some("--all"), Some("web;reboot")));
        assert_eq!(command(&odd), "docker stop shop-web-1");
        let proxy = PortOwner::Process(ProcessRef { pid: Some(42), name: Some("docker-proxy".into()) });
        assert_eq!(command(&proxy), "ps -o args= -p 42");
        let process = PortOwner::Process(ProcessRef { pid: Some(42), name: Some("nginx\u{1b}[2J".into()) });
        assert_eq!(command(&process), "kill 42");
        let way = holder_stop_command(&process, &port).expect("a command");
        assert!(way.what.contains("nginx") && way.what.contains("8080/tcp") && !way.what.contains('\u{1b}'));
        let hidden = PortOwner::Process(ProcessRef { pid: None, name: None });
        assert_eq!(command(&hidden), "sudo ss -tlnp 'sport = :8080'");
        assert_eq!(holder_stop_command(&PortOwner::NotHeld, &port), None);
        assert_eq!(holder_stop_command(&PortOwner::Unknown, &port), None);
    }
}
