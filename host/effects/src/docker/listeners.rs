//! What listens on this host, as the kernel lists it (proc(5): `/proc/net/tcp`, `tcp6`, `udp`, `udp6`), and which process
//! that is, as far as this user may see it.
//!
//! It only reads. What cannot be seen is `None`; it is never guessed.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use repair_model::compose::Protocol;
use repair_model::container::ProcessRef;

/// A bound socket of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listener {
    pub(super) address: IpAddr,
    pub(super) port: u16,
    pub(super) inode: u64,
}

/// TCP sockets that listen and UDP sockets that are bound. SCTP is not listed there.
pub(super) fn listeners(protocol: Protocol) -> Vec<Listener> {
    let files: &[&str] = match protocol {
        Protocol::Tcp => &["/proc/net/tcp", "/proc/net/tcp6"],
        Protocol::Udp => &["/proc/net/udp", "/proc/net/udp6"],
        Protocol::Sctp => &[],
    };
    let read = |file: &&str| std::fs::read_to_string(file).unwrap_or_default();
    files.iter().flat_map(|file| parse(&read(file), protocol)).collect()
}

/// All ports that are taken on some address.
pub(super) fn ports_taken(protocol: Protocol) -> BTreeSet<u16> {
    listeners(protocol).into_iter().map(|listener| listener.port).collect()
}

fn parse(table: &str, protocol: Protocol) -> Vec<Listener> {
    table.lines().skip(1).filter_map(|line| parse_line(line, protocol)).collect()
}

fn parse_line(line: &str, protocol: Protocol) -> Option<Listener> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (address, port) = fields.get(1)?.split_once(':')?;
    if protocol == Protocol::Tcp && *fields.get(3)? != LISTEN {
        return None;
    }
    let port = u16::from_str_radix(port, 16).ok().filter(|port| *port != 0)?;
    Some(Listener { address: parse_address(address)?, port, inode: fields.get(9)?.parse().ok()? })
}

/// The kernel prints each 32-bit word of an address in the byte order of the machine.
fn parse_address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0; 16];
            for part in 0..4 {
                bytes[part * 4..part * 4 + 4].copy_from_slice(&word(part * 8)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

/// The process that has the socket open: the one with the lowest id, which is the parent where a socket was inherited.
pub(super) fn process_of(inode: u64) -> ProcessRef {
    let wanted = format!("socket:[{inode}]");
    let holds = |pid: &u32| {
        let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd"));
        descriptors.is_ok_and(|mut all| {
            all.any(|one| {
                one.is_ok_and(|one| std::fs::read_link(one.path()).is_ok_and(|link| link.as_os_str() == &*wanted))
            })
        })
    };
    let mut pids: Vec<u32> = std::fs::read_dir("/proc")
        .map(|entries| entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect())
        .unwrap_or_default();
    pids.sort_unstable();
    let pid = pids.into_iter().find(holds);
    let name = pid.and_then(|pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).ok());
    ProcessRef { pid, name: name.map(|name| name.trim_end().to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table as the kernel prints it on a little-endian machine.
    const TCP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0
   1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4712 1 0000000000000000 100 0 0 10 0
   2: 0100007F:A1B2 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 4713 1 0000000000000000 20 4 30 10 -1
   3: garbage
";
    const TCP6: &str = "\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000000000000000000001000000:1F91 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 4714 1 0000000000000000 100 0 0 10 0
";
    const UDP: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
   0: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000   101        0 4715 2 0000000000000000 0
";

    #[test]
    #[cfg(target_endian = "little")]
    fn only_listening_tcp_sockets_count() {
        let found = parse(TCP, Protocol::Tcp);
        let expected = [("127.0.0.1", 8080, 4711), ("0.0.0.0", 22, 4712)];
        let expected = expected.map(|(ip, port, inode)| Listener { address: ip.parse().expect("ip"), port, inode });
        assert_eq!(found, expected);
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn ipv6_and_udp_are_read_too() {
        let found = parse(TCP6, Protocol::Tcp);
        assert_eq!(found, [Listener { address: "::1".parse().expect("ip"), port: 8081, inode: 4714 }]);
        let found = parse(UDP, Protocol::Udp);
        assert_eq!(found, [Listener { address: "127.0.0.1".parse().expect("ip"), port: 53, inode: 4715 }]);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_of_this_process_is_found_with_its_process() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("bound");
        let port = socket.local_addr().expect("an address").port();
        let found = listeners(Protocol::Tcp).into_iter().find(|found| found.port == port).expect("listed");
        assert_eq!(found.address, IpAddr::from([127, 0, 0, 1]));
        let process = process_of(found.inode);
        assert_eq!(process.pid, Some(std::process::id()));
        assert!(process.name.is_some());
        assert!(ports_taken(Protocol::Tcp).contains(&port));
    }

    #[test]
    fn a_socket_that_nobody_has_is_nobodys() {
        assert_eq!(process_of(u64::MAX), ProcessRef { pid: None, name: None });
    }
}
