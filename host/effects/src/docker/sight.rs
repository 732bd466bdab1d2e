//! Whether the ports of the engine's host are the ports that this process sees.
//!
//! A socket in the file system proves nothing: it may lead into a virtual machine, through ssh to another machine, or,
//! where `repair` itself runs in a container, out of that container. Only where nothing speaks against it do `/proc/net`
//! and an attempt to bind say something about the engine's ports.

use serde::Deserialize;

use super::connection::{Engine, EngineError};

/// The answer, with the reason for a no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sight {
    /// The engine's ports are this machine's.
    SameHost,
    /// They are not, or that cannot be told; why.
    Elsewhere(String),
}

/// What the engine says of its own host.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct EngineHost {
    operating_system: String,
    kernel_version: String,
    security_options: Vec<String>,
}

/// The process that serves the socket.
#[derive(Debug, Default, PartialEq, Eq)]
struct Server {
    /// `None` when it is outside this process's view, as the host is from inside a container.
    pid: Option<i32>,
    name: Option<String>,
    network: Option<String>,
}

/// What is known of this side.
struct Own {
    kernel: Option<String>,
    network: Option<String>,
}

impl Engine {
    /// Whether processes and listeners of the engine's host can be seen from here. Asked once for each connection.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn sees_host_processes(&self) -> Result<bool, EngineError> {
        Ok(*self.sight().await? == Sight::SameHost)
    }

    pub(super) async fn sight(&self) -> Result<&Sight, EngineError> {
        self.sight
            .get_or_try_init(|| async {
                if !self.endpoint().local {
                    return Ok(Sight::Elsewhere(format!("{} is not this machine", self.endpoint().host)));
                }
                let host: EngineHost = self.get("/info".to_owned(), "its host").await?;
                let server = server_of(self.endpoint().host.trim_start_matches("unix://")).await;
                let own = Own { kernel: read("/proc/sys/kernel/osrelease"), network: network_of("self") };
                Ok(judge(&host, &server, &own))
            })
            .await
    }
}

fn judge(host: &EngineHost, server: &Server, own: &Own) -> Sight {
    let elsewhere = |why: &str| Sight::Elsewhere(why.to_owned());
    if host.operating_system == "Docker Desktop" {
        return elsewhere("the engine runs in Docker Desktop's virtual machine");
    }
    if own.kernel.as_ref().is_some_and(|kernel| *kernel != host.kernel_version) {
        return elsewhere("the engine runs on another kernel than this process");
    }
    if server.pid.is_none() {
        return elsewhere("the engine's process cannot be seen from here, as from inside a container");
    }
    if server.name.as_deref().is_some_and(|name| ["ssh", "sshd", "socat"].contains(&name)) {
        return elsewhere("the socket is forwarded from somewhere else");
    }
    // A rootless engine has a network of its own, but publishes ports in the network of its user.
    let rootless = host.security_options.iter().any(|option| option.contains("name=rootless"));
    match (&server.network, &own.network) {
        (Some(theirs), Some(ours)) if theirs != ours && !rootless => {
            elsewhere("the engine uses another network namespace than this process")
        }
        _ => Sight::SameHost,
    }
}

/// The kernel names the process that listened on a socket (unix(7), `SO_PEERCRED`).
async fn server_of(path: &str) -> Server {
    let Ok(stream) = tokio::net::UnixStream::connect(path).await else { return Server::default() };
    let pid = stream.peer_cred().ok().and_then(|credentials| credentials.pid()).filter(|pid| *pid > 0);
    let Some(pid) = pid else { return Server::default() };
    Server { pid: Some(pid), name: read(&format!("/proc/{pid}/comm")), network: network_of(&pid.to_string()) }
}

fn network_of(process: &str) -> Option<String> {
    std::fs::read_link(format!("/proc/{process}/ns/net")).ok().map(|link| link.to_string_lossy().into_owned())
}

fn read(file: &str) -> Option<String> {
    std::fs::read_to_string(file).ok().map(|text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host() -> EngineHost {
        EngineHost { kernel_version: "6.1".into(), ..EngineHost::default() }
    }

    fn server() -> Server {
        Server { pid: Some(7), name: Some("dockerd".into()), network: Some("net:[1]".into()) }
    }

    fn own() -> Own {
        Own { kernel: Some("6.1".into()), network: Some("net:[1]".into()) }
    }

    #[test]
    fn an_engine_beside_us_is_seen() {
        assert_eq!(judge(&host(), &server(), &own()), Sight::SameHost);
        let unreadable = Server { network: None, ..server() };
        assert_eq!(judge(&host(), &unreadable, &own()), Sight::SameHost);
        let rootless = EngineHost { security_options: vec!["name=seccomp".into(), "name=rootless".into()], ..host() };
        let own_network = Server { network: Some("net:[2]".into()), ..server() };
        assert_eq!(judge(&rootless, &own_network, &own()), Sight::SameHost);
    }

    #[test]
    fn anything_that_speaks_against_it_counts() {
        let cases = [
            (EngineHost { operating_system: "Docker Desktop".into(), ..host() }, server()),
            (EngineHost { kernel_version: "5.15".into(), ..host() }, server()),
            (host(), Server::default()),
            (host(), Server { name: Some("ssh".into()), ..server() }),
            (host(), Server { network: Some("net:[2]".into()), ..server() }),
        ];
        for (host, server) in cases {
            assert!(matches!(judge(&host, &server, &own()), Sight::Elsewhere(_)), "{host:?} {server:?}");
        }
    }
}
