//! A frozen, checked list of actions that leaves no choice to execution.

mod footprint;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::action::{Action, ActionKind};
use crate::azure::WantedResource;
use crate::env_value::ValueEncoding;
use crate::finding::Finding;
use crate::ids::{Digest, Domain, Permille};
use crate::risk::Risk;
use crate::tool::ToolRef;

pub use footprint::{ContainerMark, Footprint, NetworkMark};

/// Everything that a person approves. It names no session and no time, so the same state of the target, tool and policy
/// always yields the same plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Id of the target.
    pub target: Digest,
    /// The tool that proposed it.
    pub tool: ToolRef,
    /// Policy and bounds in force.
    pub policy: Digest,
    /// What it is meant to repair.
    pub finding: Finding,
    /// The tool's parameters as JSON.
    pub params: String,
    /// The tool's own words. Foreign text.
    pub reason: String,
    /// The tool's confidence.
    pub confidence: Permille,
    /// What will be done, in order.
    pub steps: Vec<Step>,
    /// What the host has noticed and will not do by itself, such as an address elsewhere that becomes stale.
    pub warnings: Vec<String>,
    /// What a person could do instead, with the exact command.
    pub other_ways: Vec<OtherWay>,
}

/// Something that a person could do instead of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OtherWay {
    /// In one sentence.
    pub what: String,
    /// The exact command, for a POSIX shell.
    pub command: String,
}

/// One action, resolved by the host down to the bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// What the tool asked for.
    pub action: Action,
    /// The host's assessment.
    pub risk: Risk,
    /// Why it is that risk.
    pub risk_because: String,
    /// What will happen, in the host's words.
    pub summary: String,
    /// More for the person who decides: who holds a port, the lines of a file before and after. Written by the host; may
    /// quote foreign text.
    pub detail: Vec<String>,
    /// What exactly changes.
    pub change: Change,
    /// What has to be true right before it.
    pub footprint: Footprint,
}

/// What exactly a step changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    /// Nothing of the target.
    Nothing,
    /// One file.
    Edit(FileEdit),
    /// Containers.
    Containers(Vec<ContainerChange>),
    /// Networks that are removed.
    Networks(Vec<NetworkChange>),
    /// Images that are pulled.
    Images(Vec<ImageChange>),
    /// One file, in which a value is written that nobody has seen.
    SecretValue(SecretEdit),
    /// One Azure resource, or the subscription's registration for a provider.
    Resource(ResourceChange),
    /// An Azure deployment is made once more.
    Deployment(DeploymentChange),
}

/// Where a published port is changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EditMethod {
    /// The variable in the project's `.env`.
    Dotenv,
    /// `ports: !override` in `compose.override.yaml`.
    Override,
    /// The text in the Compose file itself.
    InPlace,
}

/// An edit of one file as hunks, so that a log never holds a copy of a whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileEdit {
    /// Relative to the project directory where it lies below it, else absolute.
    pub file: String,
    /// How the port is moved.
    pub method: EditMethod,
    /// Digest of the whole file before; `None` if it does not exist and will be made.
    pub before: Option<Digest>,
    /// Digest of the whole file afterwards.
    pub after: Digest,
    /// Non-overlapping, ascending.
    pub hunks: Vec<Hunk>,
}

/// One replaced stretch of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hunk {
    /// Where it starts in the file before, in bytes.
    pub offset_bytes: u64,
    /// What stands there before.
    pub before: String,
    /// What stands there afterwards.
    pub after: String,
}

/// What happens to one container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContainerChange {
    /// Its service; empty for a leftover that has none.
    pub service: String,
    /// Its name.
    pub container: String,
    /// What happens.
    pub operation: ContainerOperation,
    /// Whether it runs before.
    pub running: bool,
    /// Whether it ever ran, so that its writable layer is lost when it is recreated.
    pub ever_ran: bool,
    /// When it was started the last time, by the engine's clock in RFC 3339, where that tells whether the change has
    /// happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started: Option<String>,
}

/// A network that is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NetworkChange {
    /// Its name.
    pub network: String,
    /// Its full id.
    pub id: String,
}

/// An image that is pulled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ImageChange {
    /// The service that it is for.
    pub service: String,
    /// Its reference.
    pub image: String,
}

/// An edit of one file that writes a value drawn when it is carried out: at `offset_bytes`, `replaced` becomes `prefix`,
/// the value and `suffix`. Nothing here is secret, and nothing here tells the value, so there is no digest of the file
/// afterwards and the edit cannot be taken back by `repair`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SecretEdit {
    /// Relative to the project directory where it lies below it, else absolute.
    pub file: String,
    /// Digest of the whole file before; `None` if it does not exist and will be made.
    pub before: Option<Digest>,
    /// Where it starts in the file before, in bytes.
    pub offset_bytes: u64,
    /// What stands there before: an empty assignment, or nothing.
    pub replaced: String,
    /// What is written before the value.
    pub prefix: String,
    /// What is written after the value.
    pub suffix: String,
    /// Random bytes behind the value.
    pub bytes: u16,
    /// How they are written.
    pub encoding: ValueEncoding,
}

/// What happens to one Azure resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResourceChange {
    /// Its full id; of a deleted vault the id that it had.
    pub id: String,
    /// What happens.
    pub operation: ResourceOperation,
}

/// What is done to an Azure resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceOperation {
    /// A stopped server is started.
    Start,
    /// A deleted vault is brought back.
    Recover,
    /// A deleted vault is removed for good.
    Purge,
    /// The subscription is registered for a provider.
    Register,
}

/// An Azure deployment that is made once more, always in incremental mode, so that nothing is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeploymentChange {
    /// The deployment that it repeats. Its own name carries session and step besides.
    pub deployment: String,
    /// Digest of the template as it is sent.
    pub template: Digest,
    /// Digest of the parameters as they are sent.
    pub parameters: Digest,
    /// Every resource that it writes, in order of id; none is deleted.
    pub resources: Vec<WantedResource>,
}

/// What is done to a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerOperation {
    /// Made anew.
    Create,
    /// Started as it is.
    Start,
    /// Replaced by one with another configuration.
    Recreate,
    /// Stopped and started again as it is.
    Restart,
    /// Removed for good; its volumes stay.
    Remove,
}

impl Plan {
    /// The greatest risk among its steps.
    pub fn risk(&self) -> Risk {
        self.steps.iter().map(|step| step.risk).max().unwrap_or(Risk::ReadOnly)
    }

    /// Whether it only looks, so that carrying it out repairs nothing. Waiting does: what is waited for changes by itself.
    pub fn only_looks(&self) -> bool {
        let waits = |step: &Step| step.action.kind() == ActionKind::AwaitState;
        self.risk() == Risk::ReadOnly && !self.steps.iter().any(waits)
    }

    /// The names of what is lost for good, in the order of its steps; a person types each of them.
    pub fn lost(&self) -> Vec<&str> {
        self.steps.iter().filter_map(|step| step.action.lost()).collect()
    }

    /// The digest of everything that it depends on, as it was when the plan was made.
    ///
    /// # Errors
    /// Never for a plan that was read from its own stored bytes.
    pub fn footprint(&self) -> Result<Digest, serde_json::Error> {
        let footprints: Vec<_> = self.steps.iter().map(|step| &step.footprint).collect();
        Ok(Digest::of(Domain::Footprint, &serde_json::to_vec(&footprints)?))
    }
}

/// A plan together with the exact bytes that its digest is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrozenPlan {
    plan: Plan,
    bytes: Vec<u8>,
    digest: Digest,
    footprint: Digest,
}

impl FrozenPlan {
    /// Freezes a plan.
    ///
    /// # Errors
    /// When it cannot be serialized.
    pub fn new(plan: Plan) -> Result<Self, serde_json::Error> {
        let bytes = serde_json::to_vec(&plan)?;
        Self::from_parts(plan, bytes)
    }

    /// Reads a plan back from stored bytes; its digest is over exactly these.
    ///
    /// # Errors
    /// When the bytes are not a plan of this format.
    pub fn read(bytes: Vec<u8>) -> Result<Self, serde_json::Error> {
        Self::from_parts(serde_json::from_slice(&bytes)?, bytes)
    }

    fn from_parts(plan: Plan, bytes: Vec<u8>) -> Result<Self, serde_json::Error> {
        let digest = Digest::of(Domain::Plan, &bytes);
        let footprint = plan.footprint()?;
        Ok(Self { plan, bytes, digest, footprint })
    }

    /// The plan.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its stored bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its digest: what a person approves.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The digest of its footprint.
    pub fn footprint(&self) -> Digest {
        self.footprint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_change_without_a_start_is_written_as_before_there_was_one() {
        let change = ContainerChange {
            service: "web".to_owned(),
            container: "shop-web-1".to_owned(),
            operation: ContainerOperation::Create,
            running: false,
            ever_ran: false,
            started: None,
        };
        let written = serde_json::to_string(&change).expect("plain data");
        let before =
            r#"{"service":"web","container":"shop-web-1","operation":"create","running":false,"ever_ran":false}"#;
        assert_eq!(written, before);
        assert_eq!(serde_json::from_str::<ContainerChange>(before).expect("it reads back"), change);
    }
}
