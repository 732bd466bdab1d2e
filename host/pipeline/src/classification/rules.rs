//! The rules for text: a pattern on one line, the class that it proves, what is extracted, and what a person can do.
//!
//! A rule lists what *contradicts* it on the same line, because opposites share words: an address that does not exist, a
//! privileged port and a failed firewall rule all mention a port that nobody holds.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;
use repair_model::finding::FailureClass;

/// What one line proves.
pub(super) struct Matched {
    pub class: FailureClass,
    pub facts: BTreeMap<String, String>,
    pub next_steps: &'static [&'static str],
}

struct Rule {
    class: FailureClass,
    pattern: Regex,
    contradicted_by: Option<Regex>,
    /// Named by why the class is what it is, for tools: `reason` = this.
    reason: Option<&'static str>,
    next_steps: &'static [&'static str],
}

/// The first rule that `line` proves.
pub(super) fn match_line(line: &str) -> Option<Matched> {
    RULES.iter().find_map(|rule| {
        let captures = rule.pattern.captures(line)?;
        if rule.contradicted_by.as_ref().is_some_and(|pattern| pattern.is_match(line)) {
            return None;
        }
        let mut facts: BTreeMap<String, String> = rule
            .pattern
            .capture_names()
            .flatten()
            .filter_map(|name| Some((name.to_owned(), captures.name(name)?.as_str().to_owned())))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        if let Some(reason) = rule.reason {
            facts.insert("reason".to_owned(), reason.to_owned());
        }
        Some(Matched { class: rule.class, facts, next_steps: rule.next_steps })
    })
}

/// `ADDRESS:PORT` as engines write it: an IPv4 address, a bracketed or bare IPv6 wildcard, or nothing before the colon.
const ADDRESS_AND_PORT: &str =
    r"(?P<address>\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]*\]|::)?:(?P<port>\d{1,5})(?:[:/ ]|$)";

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    use FailureClass as C;
    vec![
        rule(
            C::Unknown,
            r"bind(?: host port .*)?: cannot assign requested address",
            None,
            Some("address-not-available"),
            &[
                "the address before the port does not belong to this machine; nobody holds the port",
                "compare the address in the service's `ports` with `ip address`, and correct or remove it",
            ],
        ),
        rule(
            C::DockerPrivilegedPort,
            r"cannot expose privileged port (?P<port>\d{1,5})|(?:(?::(?P<port_denied>\d{1,5}): )?bind|bind host port .*): permission denied",
            None,
            Some("privileged"),
            &[
                "the engine may not bind a port below 1024",
                "publish a port from 1024 on, such as `8080:80`, or let an administrator lower `net.ipv4.ip_unprivileged_port_start`",
            ],
        ),
        rule(
            C::Unknown,
            r"(?i)iptables failed|iptables: No chain/target/match|INVALID_ZONE|firewalld?: .*failed",
            None,
            Some("firewall"),
            &[
                "the engine could not add its firewall rule; nobody holds the port",
                "restart the engine, so that it makes its chains anew: `sudo systemctl restart docker`",
            ],
        ),
        rule(
            C::Unknown,
            r"(?i)forbidden by its access permissions",
            None,
            Some("excluded-range"),
            &[
                "Windows has reserved a range of ports that includes this one; nobody holds it",
                "`netsh interface ipv4 show excludedportrange protocol=tcp` lists the ranges; publish a port outside of them",
            ],
        ),
        rule(
            C::DockerPortConflict,
            &format!(
                r"(?i)(?:listen (?:tcp|udp|sctp)[46]? ?|Bind for |failed to bind host port (?:for )?|exposing port (?:tcp|udp) ){ADDRESS_AND_PORT}.*(?:address already in use|port is already allocated|Only one usage of each socket address)",
            ),
            None,
            None,
            &[],
        ),
        rule(
            C::DockerDaemonUnreachable,
            r"Cannot connect to the Docker daemon|error during connect|Is the docker daemon running",
            Some(r"(?i)permission denied"),
            None,
            &[
                "start the engine: `sudo systemctl start docker`, or Docker Desktop",
                "`docker context ls` shows which engine is meant",
            ],
        ),
        rule(
            C::DockerPermissionDenied,
            r"(?i)permission denied while trying to connect to the Docker|dial unix .*: connect: permission denied",
            None,
            None,
            &[
                "this user may not use the engine's socket: run `sudo usermod -aG docker $USER` and log in again, or use sudo",
                "do not loosen the permissions of the socket itself: they are equal to root",
            ],
        ),
        rule(
            C::DockerRegistryThrottled,
            r"(?i)toomanyrequests|pull rate limit|429 Too Many Requests",
            None,
            None,
            &["wait, or log in to the registry: `docker login`"],
        ),
        rule(
            C::DockerImageMissing,
            r"(?i)manifest (?:for \S+ )?(?:not found|unknown)|pull access denied|No such image|repository does not exist",
            None,
            None,
            &["check the image's name and tag in the Compose file", "for a private image log in first: `docker login`"],
        ),
        rule(
            C::DockerDiskFull,
            r"(?i)no space left on device|disk quota exceeded",
            None,
            None,
            &[
                "`docker system df` shows what takes the space; `docker builder prune` frees build cache without touching volumes",
            ],
        ),
        rule(
            C::DockerUnhealthyDependency,
            r#"dependency failed to start: container (?P<container>\S+) (?:is unhealthy|exited \(\d+\)|has no healthcheck configured)|dependency ["']?(?P<service>[\w.-]+)["']? failed to start"#,
            None,
            None,
            &["read the log of the service that the others wait for: `docker compose logs --tail 50 SERVICE`"],
        ),
        rule(
            C::DockerComposeInvalidFile,
            r"(?i)^\s*(?:yaml: |validating .*: |services\.\S+ .*(?:not allowed|must be)|service \S+ (?:refers to undefined|has neither)|invalid (?:compose|hostPort|containerPort|proto|interpolation))",
            None,
            None,
            &["`docker compose config` shows the same error; correct the file at the place it names"],
        ),
        rule(
            C::DockerDnsOrNetworkTimeout,
            r"(?i)dial tcp[^:]*: lookup \S+.*(?:no such host|i/o timeout|server misbehaving|temporary failure)|TLS handshake timeout|net/http: request canceled|Client\.Timeout exceeded|i/o timeout|connection reset by peer",
            None,
            None,
            &["check that this machine reaches the registry, then try again"],
        ),
    ]
});

fn rule(
    class: FailureClass,
    pattern: &str,
    contradicted_by: Option<&str>,
    reason: Option<&'static str>,
    next_steps: &'static [&'static str],
) -> Rule {
    let compile = |pattern: &str| Regex::new(pattern).expect("the patterns of the rules are tested");
    Rule { class, pattern: compile(pattern), contradicted_by: contradicted_by.map(compile), reason, next_steps }
}
