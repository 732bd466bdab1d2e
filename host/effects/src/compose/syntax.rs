//! The short form of a published port, `[[ADDRESS:]PUBLISHED:]TARGET[/PROTOCOL]`, after interpolation.
//!
//! It accepts and refuses what Compose does (measured on 2.40.3): host names, `::1:80:80` without brackets, ports above
//! 65535, ranges of different lengths and signs are refused; `:80`, `0:80` and `127.0.0.1::80` let the engine pick.
//! Invariant: the spans of the published part are byte ranges of the text that was parsed, digits only.

use std::net::IpAddr;
use std::ops::Range;

use repair_model::compose::{Protocol, Published};

/// Where the published part stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedSpan {
    /// The digits of the only or first port.
    pub first: Range<usize>,
    /// The digits of the last port, where a range is written out.
    pub last: Option<Range<usize>>,
}

impl PublishedSpan {
    /// From the first digit to the last.
    pub fn whole(&self) -> Range<usize> {
        self.first.start..self.last.as_ref().map_or(self.first.end, |last| last.end)
    }
}

/// One port or a range of ports, taken apart.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Port {
    /// Address of the host, without brackets; `None` for all.
    pub host_ip: Option<String>,
    /// The host side.
    pub published: Published,
    /// The first port inside the container, from 1.
    pub target: u16,
    /// The last one; equal to `target` for a single port.
    pub target_last: u16,
    /// Transport.
    pub protocol: Protocol,
}

impl Port {
    /// The single ports that Compose makes of it: a range on both sides is paired off, a range before one target stays.
    pub fn singles(&self) -> Vec<Self> {
        let single =
            |target: u16, published: Published| Self { target, target_last: target, published, ..self.clone() };
        match self.published {
            Published::Range(first, last) if self.target != self.target_last => (first..=last)
                .zip(self.target..=self.target_last)
                .map(|(host, target)| single(target, fixed(host)))
                .collect(),
            _ => (self.target..=self.target_last).map(|target| single(target, self.published)).collect(),
        }
    }

    /// The short form that means exactly this.
    pub fn to_short(&self) -> String {
        let address = match &self.host_ip {
            Some(address) if address.contains(':') => format!("[{address}]:"),
            Some(address) => format!("{address}:"),
            None => String::new(),
        };
        let published = match self.published {
            Published::EnginePicks if address.is_empty() => String::new(),
            Published::EnginePicks => ":".to_owned(),
            published => format!("{published}:"),
        };
        let target = match self.target_last {
            last if last == self.target => last.to_string(),
            last => format!("{}-{last}", self.target),
        };
        let protocol = match self.protocol {
            Protocol::Tcp => String::new(),
            protocol => format!("/{protocol}"),
        };
        format!("{address}{published}{target}{protocol}")
    }
}

/// Why a text is no port.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SyntaxError {
    /// There is no port of the container.
    #[error("the port `{0}` names no port of the container; write `PUBLISHED:TARGET`")]
    NoTarget(String),
    /// The container's side is not a port or range.
    #[error("`{0}` is not a port of the container (1 to 65535, or a range `A-B`)")]
    Target(String),
    /// The host's side is not a port or range.
    #[error("`{0}` is not a port of the host (0 to 65535, or a range `A-B`)")]
    Published(String),
    /// The two ranges cannot be paired off.
    #[error("the ranges `{published}` and `{target}` differ in length; make them equal, or name one container port")]
    Lengths {
        /// The host's side.
        published: String,
        /// The container's side.
        target: String,
    },
    /// Not an address.
    #[error("`{0}` is not an IP address; host names are not possible here, and IPv6 needs brackets: `[::1]:80:80`")]
    Address(String),
    /// Not a transport.
    #[error("`{0}` is not a protocol; Compose knows tcp, udp and sctp")]
    Protocol(String),
}

/// Takes a short form apart.
///
/// # Errors
/// When Compose or the engine would refuse it.
pub fn parse_short(text: &str) -> Result<(Port, Option<PublishedSpan>), SyntaxError> {
    let (ports, protocol) = match text.split_once('/') {
        Some((ports, rest)) => (ports, rest.split('/').next().unwrap_or_default()),
        None => (text, ""),
    };
    let protocol = parse_protocol(protocol)?;
    let (host, target_text) = match ports.rsplit_once(':') {
        Some((host, target)) => (Some(host), target),
        None => (None, ports),
    };
    if target_text.is_empty() {
        return Err(SyntaxError::NoTarget(text.to_owned()));
    }
    let (target, target_last) = numbers(target_text)
        .map(|(first, _, last, _)| (first, last))
        .filter(|(first, _)| *first > 0)
        .ok_or_else(|| SyntaxError::Target(target_text.to_owned()))?;
    let (address, published_text, offset) = match host.map(|host| (host, host.rsplit_once(':'))) {
        None => (None, "", 0),
        Some((host, None)) => (None, host, 0),
        Some((_, Some((address, published)))) => (Some(address), published, address.len() + 1),
    };
    let host_ip = address.filter(|address| !address.is_empty()).map(parse_address).transpose()?;
    let (published, span) = parse_published(published_text, offset)?;
    let host_length = published.ports().len();
    if matches!(published, Published::Range(..)) && target != target_last {
        // Compose pairs the ports off one by one.
        let target_length = usize::from(target_last - target) + 1;
        if host_length != target_length {
            return Err(lengths(published_text, target_text));
        }
    } else if matches!(published, Published::Fixed(_)) && target != target_last {
        return Err(lengths(published_text, target_text));
    }
    Ok((Port { host_ip, published, target, target_last, protocol }, span))
}

/// Takes the published part apart, which also is the long form's `published`. `offset` is added to the spans.
///
/// # Errors
/// When it is neither empty nor a port nor an ascending range.
pub fn parse_published(text: &str, offset: usize) -> Result<(Published, Option<PublishedSpan>), SyntaxError> {
    if text.is_empty() {
        return Ok((Published::EnginePicks, None));
    }
    let (first, first_end, last, last_start) = numbers(text).ok_or_else(|| SyntaxError::Published(text.to_owned()))?;
    let published = match (first, last) {
        (0, 0) => Published::EnginePicks,
        (first, last) if first == last => Published::Fixed(first),
        (first, last) => Published::Range(first, last),
    };
    let span = PublishedSpan {
        first: offset..offset + first_end,
        last: last_start.map(|start| offset + start..offset + text.len()),
    };
    Ok((published, Some(span).filter(|_| published != Published::EnginePicks)))
}

/// The transport of that name, in whatever case; nothing means TCP.
///
/// # Errors
/// When it is none of tcp, udp and sctp.
pub fn parse_protocol(text: &str) -> Result<Protocol, SyntaxError> {
    match text.to_ascii_lowercase().as_str() {
        "" | "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        "sctp" => Ok(Protocol::Sctp),
        _ => Err(SyntaxError::Protocol(text.to_owned())),
    }
}

/// An address, in brackets or not; the brackets are dropped.
fn parse_address(text: &str) -> Result<String, SyntaxError> {
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let address = bare.unwrap_or(text);
    let bracketed_or_v4 = bare.is_some() || !address.contains(':');
    if bracketed_or_v4 && address.parse::<IpAddr>().is_ok() {
        Ok(address.to_owned())
    } else {
        Err(SyntaxError::Address(text.to_owned()))
    }
}

/// First number, its end, last number, and the start of its digits if a range is written out. Digits only: the integer
/// parser would also take a sign.
fn numbers(text: &str) -> Option<(u16, usize, u16, Option<usize>)> {
    let number = |digits: &str| -> Option<u16> {
        digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok()).flatten()
    };
    let Some((first, last)) = text.split_once('-') else {
        let only = number(text)?;
        return Some((only, text.len(), only, None));
    };
    let (start, end) = (number(first)?, number(last)?);
    (start <= end).then_some((start, first.len(), end, Some(first.len() + 1)))
}

fn lengths(published: &str, target: &str) -> SyntaxError {
    SyntaxError::Lengths { published: published.to_owned(), target: target.to_owned() }
}

fn fixed(port: u16) -> Published {
    if port == 0 { Published::EnginePicks } else { Published::Fixed(port) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Address, published, targets and transport, and the text of the published part.
    fn shown(text: &str) -> String {
        match parse_short(text) {
            Ok((port, span)) => format!(
                "{} {} {}-{} {} {}",
                port.host_ip.as_deref().unwrap_or("*"),
                port.published,
                port.target,
                port.target_last,
                port.protocol,
                span.map_or("", |span| &text[span.whole()]),
            ),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn every_short_form_is_read_as_compose_reads_it() {
        let table = [
            ("3000", "* any 3000-3000 tcp "),
            ("3000-3005", "* any 3000-3005 tcp "),
            ("8000:8000", "* 8000 8000-8000 tcp 8000"),
            ("22:22", "* 22 22-22 tcp 22"),
            ("9090-9091:8080-8081", "* 9090-9091 8080-8081 tcp 9090-9091"),
            ("8000-8002:80", "* 8000-8002 80-80 tcp 8000-8002"),
            ("127.0.0.1:8001:8001", "127.0.0.1 8001 8001-8001 tcp 8001"),
            ("127.0.0.1:5000-5002:5000-5002", "127.0.0.1 5000-5002 5000-5002 tcp 5000-5002"),
            ("127.0.0.1::5000", "127.0.0.1 any 5000-5000 tcp "),
            ("[::1]:6001:6001", "::1 6001 6001-6001 tcp 6001"),
            ("[::1]::91", "::1 any 91-91 tcp "),
            ("[127.0.0.1]:80:80", "127.0.0.1 80 80-80 tcp 80"),
            ("80/udp", "* any 80-80 udp "),
            (":80", "* any 80-80 tcp "),
            ("::80", "* any 80-80 tcp "),
            ("82:82/TCP", "* 82 82-82 tcp 82"),
            ("87:87/sctp", "* 87 87-87 sctp 87"),
            ("80:80/tcp/udp", "* 80 80-80 tcp 80"),
            ("7010:99/", "* 7010 99-99 tcp 7010"),
            ("0:80", "* any 80-80 tcp "),
            ("0-0:92", "* any 92-92 tcp "),
            ("0.0.0.0:7002:88", "0.0.0.0 7002 88-88 tcp 7002"),
            ("7000-7000:85", "* 7000 85-85 tcp 7000-7000"),
            ("07004:90", "* 7004 90-90 tcp 07004"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_compose_refuses_is_refused_by_name() {
        let table = [
            ("::1:6000:6000", "Address(\"::1\")"),
            (":::80", "Address(\":\")"),
            ("localhost:80:80", "Address(\"localhost\")"),
            ("999.1.1.1:80:80", "Address(\"999.1.1.1\")"),
            ("[fe80::1%eth0]:80:80", "Address(\"[fe80::1%eth0]\")"),
            ("1:2:3:4", "Address(\"1:2\")"),
            ("[::1]:80", "Address(\"[:\")"),
            ("65536:80", "Published(\"65536\")"),
            ("a:80", "Published(\"a\")"),
            ("+80:80", "Published(\"+80\")"),
            ("-1:80", "Published(\"-1\")"),
            ("82-80:80", "Published(\"82-80\")"),
            (" 7003:89", "Published(\" 7003\")"),
            ("127.0.0.1:80", "Published(\"127.0.0.1\")"),
            ("80:65536", "Target(\"65536\")"),
            ("80:0", "Target(\"0\")"),
            ("7003:89 ", "Target(\"89 \")"),
            ("", "NoTarget(\"\")"),
            ("80:", "NoTarget(\"80:\")"),
            ("80:80/foo", "Protocol(\"foo\")"),
            ("80-82:80-81", "Lengths { published: \"80-82\", target: \"80-81\" }"),
            ("80:80-81", "Lengths { published: \"80\", target: \"80-81\" }"),
        ];
        for (text, expected) in table {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn the_short_form_of_a_port_means_that_port() {
        for text in ["80", "8080:80/udp", "127.0.0.1:8080:80", "127.0.0.1::80", "[::1]:1-2:3-4", "8000-8002:80", "3-5"]
        {
            assert_eq!(parse_short(text).unwrap().0.to_short(), text);
        }
    }

    #[test]
    fn ranges_are_paired_off_as_compose_does() {
        let shown =
            |text: &str| -> Vec<String> { parse_short(text).unwrap().0.singles().iter().map(Port::to_short).collect() };
        assert_eq!(shown("9090-9091:8080-8081"), ["9090:8080", "9091:8081"]);
        assert_eq!(shown("8000-8002:80"), ["8000-8002:80"]);
        assert_eq!(shown("3000-3001"), ["3000", "3001"]);
    }
}
