//! What the policies in force say, as data: who wrote them, what each is called, and what they answer to one
//! representative request of every kind and risk. Only data; the command line prints it.

use std::collections::BTreeMap;

use cedar_policy::{Effect, Policy};
use repair_model::action::{Action, ActionKind, PortMove};
use repair_model::compose::{Protocol, Published};
use repair_model::decision::Decided;
use repair_model::env_value::{EnvValue, ValueEncoding};
use repair_model::finding::{FailureClass, Finding};
use repair_model::ids::{Digest, Domain, Permille};
use repair_model::plan::{
    Change, ContainerChange, ContainerOperation, EditMethod, FileEdit, Footprint, ImageChange, NetworkChange,
    SecretEdit, Step,
};
use repair_model::risk::Risk;
use repair_model::target::{ComposeScope, Scope, Target};
use repair_model::tool::ToolRef;
use schemars::JsonSchema;
use serde::Serialize;

use super::Policies;
use super::azure_examples;
use super::decide::Request;
use super::layers::{Layer, PolicySource};

/// An id as the engine gives them, for examples of what is removed.
const EXAMPLE_ID: &str = "4f2c9a1be07d";

/// All that is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Explanation {
    /// Digest of policies and bounds, as plans and grants bind it.
    pub digest: Digest,
    /// The policy files, in the order of their layers.
    pub files: Vec<FileExplained>,
    /// Every bound.
    pub bounds: Vec<BoundExplained>,
    /// What is answered: every kind of action at every risk, kinds first.
    pub answers: Vec<AnswerExplained>,
}

/// One policy file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct FileExplained {
    /// Who wrote it.
    pub layer: Layer,
    /// Its path, as people are shown it.
    pub name: String,
    /// Its policies in order.
    pub policies: Vec<PolicyExplained>,
}

/// One policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PolicyExplained {
    /// Layer and `@id`, such as `built-in/move-a-port`.
    pub id: String,
    /// Whether it forbids; it permits otherwise.
    pub forbids: bool,
    /// Its annotations but `@id`; `why` is shown with decisions. Foreign text.
    pub annotations: BTreeMap<String, String>,
}

/// One bound.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BoundExplained {
    /// The field in the TOML file; it ends in the unit where there is one.
    pub name: String,
    /// The value in force.
    pub value: u64,
    /// The layer that named it last.
    pub layer: Layer,
    /// The file that named it last, as people are shown it.
    pub file: String,
}

/// The answer to one representative request: proposed by the tool named here, certain, first attempt, first round,
/// nobody at a terminal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct AnswerExplained {
    /// What is asked for.
    pub action: ActionKind,
    /// The risk that the host would have found.
    pub risk: Risk,
    /// Id of the tool that would have proposed it.
    pub tool: String,
    /// The answer.
    pub decided: Decided,
}

pub(super) fn file_explained(source: &PolicySource, policies: &[Policy]) -> FileExplained {
    let policy = |policy: &Policy| PolicyExplained {
        id: policy.id().to_string(),
        forbids: policy.effect() == Effect::Forbid,
        annotations: policy
            .annotations()
            .filter(|(name, _)| *name != "id")
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
    };
    FileExplained { layer: source.layer, name: source.name.clone(), policies: policies.iter().map(policy).collect() }
}

/// One row for every kind of action and every risk.
pub(super) fn answers(policies: &Policies) -> Vec<AnswerExplained> {
    let rows = ActionKind::ALL.into_iter().flat_map(|kind| Risk::ALL.map(|risk| (kind, risk)));
    rows.map(|(kind, risk)| answer(policies, kind, risk)).collect()
}

fn answer(policies: &Policies, kind: ActionKind, risk: Risk) -> AnswerExplained {
    let (tool, class, action, change) = representative(kind, risk);
    let tool =
        ToolRef { id: tool.to_owned(), version: "0.1.0".to_owned(), component: Digest::of(Domain::Component, b"") };
    let step = Step {
        action,
        risk,
        risk_because: String::new(),
        summary: String::new(),
        detail: Vec::new(),
        change,
        footprint: Footprint::default(),
    };
    let target = Target {
        endpoint: "unix:///var/run/docker.sock".to_owned(),
        directory: "/srv/example".into(),
        project: "example".to_owned(),
        scope: Scope::Compose(ComposeScope::default()),
    };
    let finding = Finding {
        class,
        confidence: Permille::CERTAIN,
        facts: BTreeMap::new(),
        proof: Vec::new(),
        contradictions: Vec::new(),
        next_steps: Vec::new(),
    };
    let decided = policies.decide(&Request {
        tool: &tool,
        built_in: true,
        step: &step,
        target: &target,
        finding: &finding,
        tool_confidence: Permille::CERTAIN,
        attempts: 0,
        round: 1,
        interactive: false,
    });
    AnswerExplained { action: kind, risk, tool: tool.id, decided }
}

/// The tool of the house that proposes such actions, what it is asked about, and what it then asks for.
fn representative(kind: ActionKind, risk: Risk) -> (&'static str, FailureClass, Action, Change) {
    let services = vec!["web".to_owned()];
    match kind {
        ActionKind::RemapPort => (
            "port-conflict",
            FailureClass::DockerPortConflict,
            Action::RemapPort(example_move()),
            Change::Edit(example_edit()),
        ),
        ActionKind::ComposeUp => {
            let change = Change::Containers(vec![example_container(risk)]);
            ("compose-retry", FailureClass::DockerDnsOrNetworkTimeout, Action::ComposeUp { services }, change)
        }
        ActionKind::CollectLogs => {
            let action = Action::CollectLogs { services, lines_max: 200 };
            ("collect-logs", FailureClass::DockerContainerCrashLoop, action, Change::Nothing)
        }
        ActionKind::RestartService => {
            let change = Change::Containers(vec![example_of(ContainerOperation::Restart, true)]);
            let action = Action::RestartService { service: "web".to_owned() };
            ("unhealthy-dependency", FailureClass::DockerUnhealthyDependency, action, change)
        }
        ActionKind::PullImage => {
            let image = ImageChange { service: "web".to_owned(), image: "example/web:1".to_owned() };
            let action = Action::PullImage { services };
            ("image-pull", FailureClass::DockerRegistryThrottled, action, Change::Images(vec![image]))
        }
        ActionKind::RemoveStaleContainer => {
            let removed = example_of(ContainerOperation::Remove, risk > Risk::Reversible);
            let action =
                Action::RemoveStaleContainer { container: removed.container.clone(), id: EXAMPLE_ID.to_owned() };
            let change = Change::Containers(vec![removed]);
            ("stale-containers", FailureClass::DockerContainerNameConflict, action, change)
        }
        ActionKind::RemoveStaleNetwork => {
            let (network, id) = ("example_front".to_owned(), EXAMPLE_ID.to_owned());
            let change = Change::Networks(vec![NetworkChange { network: network.clone(), id: id.clone() }]);
            let action = Action::RemoveStaleNetwork { network, id };
            ("stale-networks", FailureClass::DockerOrphansOrStaleNetwork, action, change)
        }
        ActionKind::StartMysql => azure_examples::start_mysql(),
        ActionKind::RecoverVault => azure_examples::recover_vault(),
        ActionKind::PurgeVault => azure_examples::purge_vault(),
        ActionKind::RegisterProvider => azure_examples::register_provider(),
        ActionKind::DeployTemplate => azure_examples::deploy_template(),
        ActionKind::AwaitState => azure_examples::await_state(),
        ActionKind::SetEnvValue => {
            let value = example_value();
            let change = Change::SecretValue(example_secret(&value));
            ("missing-secret", FailureClass::DockerComposeInvalidFile, Action::SetEnvValue(value), change)
        }
    }
}

fn example_move() -> PortMove {
    PortMove {
        service: "web".to_owned(),
        target: 80,
        protocol: Protocol::Tcp,
        host_ip: None,
        before: Published::Fixed(8080),
        after: Published::Fixed(8081),
    }
}

fn example_edit() -> FileEdit {
    FileEdit {
        file: "compose.yaml".to_owned(),
        method: EditMethod::InPlace,
        before: Some(Digest::of(Domain::File, b"before")),
        after: Digest::of(Domain::File, b"after"),
        hunks: Vec::new(),
    }
}

fn example_value() -> EnvValue {
    EnvValue { variable: "ENCRYPTION_KEY".to_owned(), file: ".env".to_owned(), bytes: 32, encoding: ValueEncoding::Hex }
}

fn example_secret(value: &EnvValue) -> SecretEdit {
    SecretEdit {
        file: value.file.clone(),
        before: Some(Digest::of(Domain::File, b"before")),
        offset_bytes: 0,
        replaced: format!("{}=", value.variable),
        prefix: format!("{}=", value.variable),
        suffix: String::new(),
        bytes: value.bytes,
        encoding: value.encoding,
    }
}

/// A container of `web` that is restarted or removed.
fn example_of(operation: ContainerOperation, ever_ran: bool) -> ContainerChange {
    ContainerChange {
        service: "web".to_owned(),
        container: "example-web-1".to_owned(),
        operation,
        running: operation == ContainerOperation::Restart,
        ever_ran,
        started: None,
    }
}

/// What is replaced or lost is at least disruptive; below that a container is only made.
fn example_container(risk: Risk) -> ContainerChange {
    let replaced = risk > Risk::Reversible;
    ContainerChange {
        service: "web".to_owned(),
        container: "example-web-1".to_owned(),
        operation: if replaced { ContainerOperation::Recreate } else { ContainerOperation::Create },
        running: replaced,
        ever_ran: replaced,
        started: None,
    }
}
