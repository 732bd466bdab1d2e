//! Tests of the policies: what the files under `policies/` say, and what a wrong file gets.

mod bounds;
mod decisions;
mod digest;
mod generated;
mod loading;
mod presets;

use std::collections::BTreeMap;

use repair_model::action::{Action, ActionKind, PortMove};
use repair_model::compose::{Protocol, Published};
use repair_model::decision::{Decided, Decision};
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

use super::{Layer, Policies, PolicyProblem, PolicySource, Request, azure_examples};

fn source(layer: Layer, text: &str) -> PolicySource {
    PolicySource { layer, name: format!("{layer}.cedar"), text: text.to_owned() }
}

fn load(sources: &[(Layer, &str)]) -> Policies {
    try_load(sources).expect("the policies are in order")
}

fn try_load(sources: &[(Layer, &str)]) -> Result<Policies, Vec<PolicyProblem>> {
    Policies::load(sources.iter().map(|(layer, text)| source(*layer, text)).collect(), Vec::new())
}

/// Everything that a request is made of, so that a test changes only what it is about.
struct Case {
    tool: ToolRef,
    step: Step,
    target: Target,
    finding: Finding,
    tool_confidence: Permille,
    attempts: u32,
    interactive: bool,
    built_in: bool,
}

impl Case {
    /// The everyday request of that kind, at that risk.
    fn new(kind: ActionKind, risk: Risk) -> Self {
        let services = vec!["web".to_owned()];
        let (tool, action, change) = match kind {
            ActionKind::RemapPort => ("port-conflict", Action::RemapPort(port_move()), Change::Edit(edit())),
            ActionKind::ComposeUp => {
                let change = Change::Containers(vec![container("web", ContainerOperation::Create, false)]);
                ("port-conflict", Action::ComposeUp { services }, change)
            }
            ActionKind::CollectLogs => {
                ("collect-logs", Action::CollectLogs { services, lines_max: 100 }, Change::Nothing)
            }
            ActionKind::RestartService => {
                let change = Change::Containers(vec![container("web", ContainerOperation::Restart, true)]);
                ("unhealthy-dependency", Action::RestartService { service: "web".to_owned() }, change)
            }
            ActionKind::PullImage => {
                let image = ImageChange { service: "web".to_owned(), image: "example/web:1".to_owned() };
                ("image-pull", Action::PullImage { services }, Change::Images(vec![image]))
            }
            ActionKind::RemoveStaleContainer => {
                let change = container("web", ContainerOperation::Remove, false);
                let action =
                    Action::RemoveStaleContainer { container: change.container.clone(), id: "0a1b".to_owned() };
                ("stale-containers", action, Change::Containers(vec![change]))
            }
            ActionKind::RemoveStaleNetwork => {
                let (network, id) = ("shop_front".to_owned(), "2c3d".to_owned());
                let change = NetworkChange { network: network.clone(), id: id.clone() };
                let action = Action::RemoveStaleNetwork { network, id };
                ("stale-networks", action, Change::Networks(vec![change]))
            }
            ActionKind::SetEnvValue => {
                ("missing-secret", Action::SetEnvValue(env_value()), Change::SecretValue(secret_edit()))
            }
            ActionKind::StartMysql => without_class(azure_examples::start_mysql()),
            ActionKind::RecoverVault => without_class(azure_examples::recover_vault()),
            ActionKind::PurgeVault => without_class(azure_examples::purge_vault()),
            ActionKind::RegisterProvider => without_class(azure_examples::register_provider()),
            ActionKind::DeployTemplate => without_class(azure_examples::deploy_template()),
            ActionKind::AwaitState => without_class(azure_examples::await_state()),
        };
        Self {
            tool: ToolRef {
                id: tool.to_owned(),
                version: "1.2.3".to_owned(),
                component: Digest::of(Domain::Component, tool.as_bytes()),
            },
            step: step(action, risk, change),
            target: target(),
            finding: finding(),
            tool_confidence: Permille::CERTAIN,
            attempts: 0,
            interactive: false,
            built_in: true,
        }
    }

    fn ask(&self, policies: &Policies) -> Decided {
        policies.decide(&Request {
            tool: &self.tool,
            built_in: self.built_in,
            step: &self.step,
            target: &self.target,
            finding: &self.finding,
            tool_confidence: self.tool_confidence,
            attempts: self.attempts,
            round: 1,
            interactive: self.interactive,
        })
    }
}

fn without_class((tool, _, action, change): azure_examples::Example) -> (&'static str, Action, Change) {
    (tool, action, change)
}

fn decide(policies: &Policies, kind: ActionKind, risk: Risk) -> Decision {
    Case::new(kind, risk).ask(policies).decision
}

fn step(action: Action, risk: Risk, change: Change) -> Step {
    Step {
        action,
        risk,
        risk_because: String::new(),
        summary: String::new(),
        detail: Vec::new(),
        change,
        footprint: Footprint::default(),
    }
}

fn port_move() -> PortMove {
    PortMove {
        service: "web".to_owned(),
        target: 80,
        protocol: Protocol::Tcp,
        host_ip: None,
        before: Published::Fixed(8080),
        after: Published::Fixed(8081),
    }
}

fn edit() -> FileEdit {
    FileEdit {
        file: "compose.yaml".to_owned(),
        method: EditMethod::InPlace,
        before: Some(Digest::of(Domain::File, b"a")),
        after: Digest::of(Domain::File, b"b"),
        hunks: Vec::new(),
    }
}

fn env_value() -> EnvValue {
    let (variable, file) = ("DB_KEY".to_owned(), ".env".to_owned());
    EnvValue { variable, file, bytes: 32, encoding: ValueEncoding::Hex }
}

fn secret_edit() -> SecretEdit {
    SecretEdit {
        file: ".env".to_owned(),
        before: Some(Digest::of(Domain::File, b"a")),
        offset_bytes: 0,
        replaced: "DB_KEY=".to_owned(),
        prefix: "DB_KEY=".to_owned(),
        suffix: String::new(),
        bytes: 32,
        encoding: ValueEncoding::Hex,
    }
}

fn container(service: &str, operation: ContainerOperation, running: bool) -> ContainerChange {
    ContainerChange {
        service: service.to_owned(),
        container: format!("shop-{service}-1"),
        operation,
        running,
        ever_ran: running,
        started: None,
    }
}

fn target() -> Target {
    Target {
        endpoint: "unix:///var/run/docker.sock".to_owned(),
        directory: "/srv/shop".into(),
        project: "shop".to_owned(),
        scope: Scope::Compose(ComposeScope::default()),
    }
}

fn finding() -> Finding {
    Finding {
        class: FailureClass::DockerPortConflict,
        confidence: Permille::new(950).expect("a permille"),
        facts: BTreeMap::new(),
        proof: Vec::new(),
        contradictions: Vec::new(),
        next_steps: Vec::new(),
    }
}
