//! One entry of a service's `ports`, together with its service.

use repair_tool_sdk::action::{Action, PortMove};
use repair_tool_sdk::ports::{PortKey, Published, PublishedPort, ValueSource, published_addresses_overlap};
use repair_tool_sdk::project::{ByService, Service};

/// An entry and whose it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    pub service: &'a Service,
    pub port: &'a PublishedPort,
}

/// By the place of the service: a look at all that two services consist of would cost as much as they have entries.
impl PartialEq for Entry<'_> {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.service, other.service) && self.port == other.port
    }
}

impl Eq for Entry<'_> {}

/// All entries of these services, in their order.
pub(crate) fn entries<'a>(services: impl IntoIterator<Item = &'a Service>) -> impl Iterator<Item = Entry<'a>> {
    services.into_iter().flat_map(|service| service.ports.iter().map(move |port| Entry { service, port }))
}

impl<'a> Entry<'a> {
    /// `port` of the host with its protocol and on its address.
    pub(crate) fn key(&self, port: u16) -> PortKey {
        PortKey { port, protocol: self.port.protocol, host_ip: self.port.host_ip.clone() }
    }

    /// The only port that it publishes, unless it is a range.
    pub(crate) fn fixed(&self) -> Option<u16> {
        match self.port.published {
            Published::Fixed(port) => Some(port),
            Published::Range(_) | Published::EnginePicks => None,
        }
    }

    /// How many ports of the host it publishes, from 0 to 65536.
    pub(crate) fn width(&self) -> usize {
        self.port.published.ports().len()
    }

    /// Whether the engine takes any one port of a range, so that it clashes only when all of them are held.
    pub(crate) fn takes_any_of_range(&self) -> bool {
        self.port.target == self.port.target_last && self.width() > 1
    }

    /// The variable in `.env` whose value it is.
    fn dotenv(&self) -> Option<&'a str> {
        match &self.port.origin.as_ref()?.source {
            ValueSource::Dotenv(variable) => Some(variable),
            ValueSource::Literal | ValueSource::Fallback(_) | ValueSource::Shell(_) => None,
        }
    }

    /// Whether it is known where the value is written, and a file decides it.
    pub(crate) fn is_movable(&self) -> bool {
        matches!(&self.port.origin, Some(origin) if !matches!(origin.source, ValueSource::Shell(_)))
    }

    /// Whether both should keep one number: two sides of one port, such as TCP and UDP or two addresses, that are of one
    /// service or take their value from one variable. If only one of them clashes, only that one moves; the host can
    /// move it without touching the variable.
    pub(crate) fn belongs_with(&self, other: &Self) -> bool {
        let one_variable = self.dotenv().is_some() && self.dotenv() == other.dotenv();
        self.port.published == other.port.published
            && !self.stands_in_the_way_of(other)
            && (one_variable || self.service.name == other.service.name)
    }

    /// Whether both cannot have the same ports of the host.
    pub(crate) fn stands_in_the_way_of(&self, other: &Self) -> bool {
        self.port.protocol == other.port.protocol
            && published_addresses_overlap(self.port.host_ip.as_deref(), other.port.host_ip.as_deref())
    }

    /// Whether `port_move` moves this entry.
    pub(crate) fn is_moved_by(&self, port_move: &PortMove) -> bool {
        port_move.service == self.service.name
            && port_move.target == self.port.target
            && port_move.protocol == self.port.protocol
            && port_move.host_ip == self.port.host_ip
    }

    /// The action that moves it so that it starts at `first`.
    pub(crate) fn moved_to(&self, first: u16) -> Action {
        Action::remap_port(self.service.name.clone(), self.port, self.published_at(first))
    }

    /// The same width from `first` on; the caller has found that many ports.
    pub(crate) fn published_at(&self, first: u16) -> Published {
        match self.port.published {
            Published::Range((start, end)) => Published::Range((first, first.saturating_add(end - start))),
            Published::Fixed(_) | Published::EnginePicks => Published::Fixed(first),
        }
    }

    /// Whether its service has a container that the move would replace.
    pub(crate) fn is_up(&self, containers: &ByService<'_>) -> bool {
        containers.of(&self.service.name).iter().any(|container| container.is_up())
    }
}
