//! What a tool answers, checked value by value and against its own manifest.
//!
//! Nothing of a reply is repaired: a value outside its range refuses the whole reply, because a tool that is wrong about
//! one thing is not to be believed about the next. Invariant: a reply that leaves this crate names only declared kinds,
//! real ports and bounded text.

use std::path::{Component, Path};

use repair_model::action::{Action, PortMove};
use repair_model::azure::{Awaited, AzureAction, AzureQuery, VaultName};
use repair_model::compose::{PortKey, Protocol, Published};
use repair_model::env_value::{EnvValue, ValueEncoding};
use repair_model::ids::Permille;
use repair_model::limits::{
    ENV_VALUE_BYTES_MAX, ENV_VALUE_BYTES_MIN, NEED_QUERIES_MAX, REPLY_NOTES_MAX, REPLY_TEXT_BYTES_MAX, SERVICES_MAX,
};
use repair_model::query::Query;
use repair_model::text::escaped;
use repair_model::tool::{Manifest, Proposal, Reply, ToolAnswer};
use repair_pipeline::outside::ToolFailure;

use crate::bindings::said;
use crate::fault::{Fault, listed, quoted};

/// What is wrong with a reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ReplyFault {
    #[error("`propose` returned {bytes} bytes of `{field}`, more than the limit of {REPLY_TEXT_BYTES_MAX} bytes")]
    TextSize { field: &'static str, bytes: usize },
    #[error("`propose` returned {count} {what}, more than the limit of {max}")]
    TooMany { what: &'static str, count: usize, max: usize },
    #[error("`propose` returned a confidence of {0}, but the scale ends at 1000")]
    Confidence(u16),
    #[error("`propose` proposed no action")]
    NoActions,
    #[error("`propose` needs nothing that it names")]
    NoQueries,
    #[error("`propose` proposed `{0}` of no service")]
    NoServices(&'static str),
    #[error("`propose` left `{0}` empty")]
    EmptyText(&'static str),
    #[error("`propose` returned `{text}` as `{field}`, which is no plain name")]
    NotPlain { field: &'static str, text: String },
    #[error("`propose` returned port 0 as `{0}`")]
    PortZero(&'static str),
    #[error("`propose` returned the port range {first}-{last} as `{field}`, which ends before it begins")]
    RangeReversed { field: &'static str, first: u16, last: u16 },
    #[error("`propose` returned `{0}`, which is no name of a variable")]
    VariableName(String),
    #[error("`propose` returned the file `{0}`, which does not lie below the project directory")]
    FileOutside(String),
    #[error(
        "`propose` wants a value of {0} random bytes, but the scale goes from {ENV_VALUE_BYTES_MIN} to \
         {ENV_VALUE_BYTES_MAX}"
    )]
    ValueBytes(u16),
    #[error("`propose` proposed the action `{kind}`, but its manifest may only propose {declared}")]
    UndeclaredAction { kind: &'static str, declared: String },
    #[error("`propose` asked the query `{kind}`, but its manifest only sees {declared}")]
    UndeclaredQuery { kind: &'static str, declared: String },
}

impl Fault for ReplyFault {
    fn fix(&self) -> String {
        match self {
            Self::TextSize { .. } => "return shorter texts".to_owned(),
            Self::TooMany { what, .. } => format!("return fewer {what}"),
            Self::Confidence(_) => "give the confidence in thousandths".to_owned(),
            Self::NoActions => "propose an action, or `decline` and say what a person could do".to_owned(),
            Self::NoQueries => "name the queries, or `decline`".to_owned(),
            Self::NoServices(_)
            | Self::EmptyText("service" | "services")
            | Self::NotPlain { field: "service" | "services", .. } => {
                "name the services, as the Compose model has them".to_owned()
            }
            Self::EmptyText(field) | Self::NotPlain { field, .. } => format!("take `{field}` from an observation"),
            Self::VariableName(_) => {
                "name one variable: letters, digits, `_`, `.` and `-`, the first a letter or `_`".to_owned()
            }
            Self::FileOutside(_) => "take `file` from an observation of `empty-variables`".to_owned(),
            Self::ValueBytes(_) => "ask for as many bytes as the program needs; 32 are enough for any key".to_owned(),
            Self::PortZero(_) => {
                "use a port from 1 to 65535; `engine-picks` leaves the choice to the engine".to_owned()
            }
            Self::RangeReversed { .. } => "give the first port first".to_owned(),
            Self::UndeclaredAction { kind, .. } => {
                format!("add `{kind}` to `may` in the tool's manifest, or do not use it")
            }
            Self::UndeclaredQuery { kind, .. } => {
                format!("add `{kind}` to `sees` in the tool's manifest, or do not use it")
            }
        }
    }
}

/// Passes a reply that uses only what the tool's manifest declares: actions in `may`, queries in `sees`.
///
/// # Errors
/// Names the tool and the first kind that is not declared.
pub fn check_declared(manifest: &Manifest, reply: &Reply) -> Result<(), ToolFailure> {
    undeclared(manifest, reply).map_or(Ok(()), |fault| Err(fault.of(&manifest.tool.id)))
}

fn undeclared(manifest: &Manifest, reply: &Reply) -> Option<ReplyFault> {
    match &reply.answer {
        ToolAnswer::Propose(proposal) => {
            let kind = proposal.actions.iter().map(Action::kind).find(|kind| !manifest.may.contains(kind))?;
            let declared = listed(manifest.may.iter().map(|kind| kind.as_str()));
            Some(ReplyFault::UndeclaredAction { kind: kind.as_str(), declared })
        }
        ToolAnswer::Need(queries) => {
            let kind = queries.iter().map(Query::kind).find(|kind| !manifest.sees.contains(kind))?;
            let declared = listed(manifest.sees.iter().map(|kind| kind.as_str()));
            Some(ReplyFault::UndeclaredQuery { kind: kind.as_str(), declared })
        }
        ToolAnswer::WaitSeconds(_) | ToolAnswer::Decline(_) => None,
    }
}

/// The reply, if every value in it is in its range.
pub(crate) fn checked(reply: said::Reply) -> Result<Reply, ReplyFault> {
    at_most("notes", reply.notes.len(), REPLY_NOTES_MAX)?;
    let notes = reply.notes.into_iter().map(|note| text("notes", note)).collect::<Result<_, _>>()?;
    Ok(Reply { answer: answer(reply.answer)?, notes })
}

fn answer(answer: said::Answer) -> Result<ToolAnswer, ReplyFault> {
    Ok(match answer {
        said::Answer::Propose(proposed) => ToolAnswer::Propose(proposal(proposed)?),
        said::Answer::Need(queries) => {
            at_most("queries", queries.len(), NEED_QUERIES_MAX)?;
            if queries.is_empty() {
                return Err(ReplyFault::NoQueries);
            }
            ToolAnswer::Need(queries.into_iter().map(query).collect::<Result<_, _>>()?)
        }
        said::Answer::WaitSeconds(seconds) => ToolAnswer::WaitSeconds(seconds),
        said::Answer::Decline(why) => ToolAnswer::Decline(text("decline", why)?),
    })
}

fn proposal(proposal: said::Proposal) -> Result<Proposal, ReplyFault> {
    if proposal.actions.is_empty() {
        return Err(ReplyFault::NoActions);
    }
    Ok(Proposal {
        reason: text("reason", proposal.reason)?,
        confidence: Permille::new(proposal.confidence).ok_or(ReplyFault::Confidence(proposal.confidence))?,
        actions: proposal.actions.into_iter().map(action).collect::<Result<_, _>>()?,
    })
}

fn action(action: said::Action) -> Result<Action, ReplyFault> {
    Ok(match action {
        said::Action::RemapPort(port_move) => Action::RemapPort(PortMove {
            service: name("service", port_move.service)?,
            target: port("target", port_move.target)?,
            protocol: protocol(port_move.protocol),
            host_ip: address(port_move.host_ip)?,
            before: published("before", port_move.before)?,
            after: published("after", port_move.after)?,
        }),
        said::Action::ComposeUp(up) => Action::ComposeUp { services: services("compose-up", up.services)? },
        said::Action::CollectLogs(logs) => {
            Action::CollectLogs { services: services("collect-logs", logs.services)?, lines_max: logs.lines_max }
        }
        said::Action::RestartService(restart) => Action::RestartService { service: name("service", restart.service)? },
        said::Action::PullImage(pull) => Action::PullImage { services: services("pull-image", pull.services)? },
        said::Action::RemoveStaleContainer(removal) => Action::RemoveStaleContainer {
            container: name("container", removal.container)?,
            id: name("id", removal.id)?,
        },
        said::Action::RemoveStaleNetwork(removal) => {
            Action::RemoveStaleNetwork { network: name("network", removal.network)?, id: name("id", removal.id)? }
        }
        said::Action::SetEnvValue(value) => Action::SetEnvValue(env_value(value)?),
        said::Action::StartMysql(start) => {
            Action::Azure(AzureAction::StartMysql { server: name("server", start.server)?, id: name("id", start.id)? })
        }
        said::Action::RecoverVault(vault) => Action::Azure(AzureAction::RecoverVault(vault_name(vault)?)),
        said::Action::PurgeVault(vault) => Action::Azure(AzureAction::PurgeVault(vault_name(vault)?)),
        said::Action::RegisterProvider(provider) => {
            let namespace = name("namespace", provider.namespace)?;
            Action::Azure(AzureAction::RegisterProvider { namespace })
        }
        said::Action::DeployTemplate(again) => {
            let deployment = name("deployment", again.deployment)?;
            Action::Azure(AzureAction::DeployTemplate { deployment })
        }
        said::Action::AwaitState(wait) => Action::Azure(AzureAction::AwaitState {
            what: match wait.what {
                said::Awaited::Deployment => Awaited::Deployment,
                said::Awaited::MysqlServer => Awaited::MysqlServer,
            },
            name: name("name", wait.name)?,
        }),
    })
}

fn query(query: said::Query) -> Result<Query, ReplyFault> {
    Ok(match query {
        said::Query::ComposeModel => Query::ComposeModel,
        said::Query::Containers => Query::Containers,
        said::Query::ContainerLog(log) => {
            Query::ContainerLog { service: name("service", log.service)?, lines_max: log.lines_max }
        }
        said::Query::PortOwner(key) => Query::PortOwner(port_key("port", key)?),
        said::Query::FreePorts(free) => Query::FreePorts { near: port_key("near", free.near)?, count: free.count },
        said::Query::StaleContainers => Query::StaleContainers,
        said::Query::Networks => Query::Networks,
        said::Query::Images => Query::Images,
        said::Query::EmptyVariables => Query::EmptyVariables,
        said::Query::ArmDeployment => Query::Azure(AzureQuery::ArmDeployment),
        said::Query::WantedResources => Query::Azure(AzureQuery::WantedResources),
        said::Query::DeletedVaults(vault) => {
            Query::Azure(AzureQuery::DeletedVaults { vault: name("deleted-vaults", vault)? })
        }
        said::Query::MysqlServers => Query::Azure(AzureQuery::MysqlServers),
        said::Query::ResourceProvider(namespace) => {
            Query::Azure(AzureQuery::ResourceProvider { namespace: name("resource-provider", namespace)? })
        }
        said::Query::Locks => Query::Azure(AzureQuery::Locks),
        said::Query::AzureAccount => Query::Azure(AzureQuery::AzureAccount),
    })
}

fn vault_name(vault: said::VaultName) -> Result<VaultName, ReplyFault> {
    Ok(VaultName {
        vault: name("vault", vault.vault)?,
        location: name("location", vault.location)?,
        deleted: name("deleted", vault.deleted)?,
    })
}

fn port_key(field: &'static str, key: said::PortKey) -> Result<PortKey, ReplyFault> {
    Ok(PortKey { port: port(field, key.port)?, protocol: protocol(key.protocol), host_ip: address(key.host_ip)? })
}

fn protocol(protocol: said::Protocol) -> Protocol {
    match protocol {
        said::Protocol::Tcp => Protocol::Tcp,
        said::Protocol::Udp => Protocol::Udp,
        said::Protocol::Sctp => Protocol::Sctp,
    }
}

fn published(field: &'static str, published: said::Published) -> Result<Published, ReplyFault> {
    Ok(match published {
        said::Published::Fixed(number) => Published::Fixed(port(field, number)?),
        said::Published::Range((first, last)) if first > last => {
            return Err(ReplyFault::RangeReversed { field, first, last });
        }
        said::Published::Range((first, last)) => Published::Range(port(field, first)?, last),
        said::Published::EnginePicks => Published::EnginePicks,
    })
}

fn port(field: &'static str, number: u16) -> Result<u16, ReplyFault> {
    if number == 0 { Err(ReplyFault::PortZero(field)) } else { Ok(number) }
}

fn address(address: Option<String>) -> Result<Option<String>, ReplyFault> {
    address.map(|address| name("host-ip", address)).transpose()
}

fn env_value(value: said::EnvValue) -> Result<EnvValue, ReplyFault> {
    let bytes = value.bytes;
    if !(ENV_VALUE_BYTES_MIN..=ENV_VALUE_BYTES_MAX).contains(&bytes) {
        return Err(ReplyFault::ValueBytes(bytes));
    }
    Ok(EnvValue {
        variable: variable(filled("variable", value.variable)?)?,
        file: below_project(name("file", value.file)?)?,
        bytes,
        encoding: match value.encoding {
            said::ValueEncoding::Hex => ValueEncoding::Hex,
            said::ValueEncoding::Base64 => ValueEncoding::Base64,
            said::ValueEncoding::Alphanumeric => ValueEncoding::Alphanumeric,
        },
    })
}

/// A name that cannot break out of its line in an env file.
fn variable(name: String) -> Result<String, ReplyFault> {
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let goes_on = name.chars().all(|next| next.is_ascii_alphanumeric() || matches!(next, '_' | '.' | '-'));
    if starts && goes_on { Ok(name) } else { Err(ReplyFault::VariableName(quoted(&name))) }
}

/// A path that stays below the directory it is relative to, by its words alone; links are looked at where it is opened.
fn below_project(file: String) -> Result<String, ReplyFault> {
    let stays = Path::new(&file).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    if stays { Ok(file) } else { Err(ReplyFault::FileOutside(quoted(&file))) }
}

fn services(kind: &'static str, services: Vec<String>) -> Result<Vec<String>, ReplyFault> {
    if services.is_empty() {
        return Err(ReplyFault::NoServices(kind));
    }
    at_most("services", services.len(), SERVICES_MAX)?;
    services.into_iter().map(|service| name("services", service)).collect()
}

/// A name of something outside. One that could not be shown as it is names nothing, whatever else it is meant to do.
fn name(field: &'static str, name: String) -> Result<String, ReplyFault> {
    let name = filled(field, name)?;
    if escaped(&name) == name { Ok(name) } else { Err(ReplyFault::NotPlain { field, text: quoted(&name) }) }
}

fn filled(field: &'static str, filled: String) -> Result<String, ReplyFault> {
    if filled.is_empty() { Err(ReplyFault::EmptyText(field)) } else { text(field, filled) }
}

fn text(field: &'static str, text: String) -> Result<String, ReplyFault> {
    if text.len() > REPLY_TEXT_BYTES_MAX { Err(ReplyFault::TextSize { field, bytes: text.len() }) } else { Ok(text) }
}

fn at_most(what: &'static str, count: usize, max: usize) -> Result<(), ReplyFault> {
    if count > max { Err(ReplyFault::TooMany { what, count, max }) } else { Ok(()) }
}
