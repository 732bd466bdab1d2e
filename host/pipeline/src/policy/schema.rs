//! The Cedar schema, generated from the action types, so that a policy can name exactly what the host can say.
//!
//! Every value of a closed set (risk, class, method, protocol) is an enumerated entity and not a string: Cedar's strict
//! validation then refuses `Repair::Risk::"reversable"`, where a comparison of strings would silently never hold and a
//! `forbid` would silently never forbid.
//!
//! Invariant: every [`ActionKind`] has an entity type here (the matches are total), and what [`super::decide`] says of
//! a step is checked against this schema on every question.

use std::fmt::Write as _;

use repair_model::action::ActionKind;
use repair_model::compose::Protocol;
use repair_model::finding::FailureClass;
use repair_model::plan::EditMethod;
use repair_model::risk::Risk;

/// The namespace of all types.
pub(super) const NAMESPACE: &str = "Repair";
/// The id of the one resource of every question; resources are known by their attributes.
pub(super) const RESOURCE_ID: &str = "this";

/// The attribute of a tool that is a digest.
pub(super) const DIGEST_ATTRIBUTE: &str = "component";
/// Attributes that only actions on Azure have, and that are shown in lower case, because Azure takes any spelling.
const LOWER_CASE: [&str; 7] = ["deployment", "id", "location", "name", "namespace", "subscription", "vault"];
/// The same, where an action on Compose has an attribute of the same name for something else: ids and types have a `/`.
const LOWER_CASE_IDS: [&str; 3] = ["creates", "types", "writes"];

/// Whether a resource's attribute of that name is shown in lower case, where `text` is of the kind that it holds.
pub(super) fn is_lower_case(attribute: &str, text: &str) -> bool {
    LOWER_CASE.contains(&attribute) || LOWER_CASE_IDS.contains(&attribute) && text.contains('/')
}

/// One attribute of an entity type or of the context.
#[derive(Clone, Copy)]
struct Attribute {
    name: &'static str,
    /// As the Cedar schema writes it.
    kind: &'static str,
    says: &'static str,
}

const fn attribute(name: &'static str, kind: &'static str, says: &'static str) -> Attribute {
    Attribute { name, kind, says }
}

const TOOL: [Attribute; 4] = [
    attribute("id", "String", "As in `Repair::Tool::\"port-conflict\"`."),
    attribute("version", "String", "Semantic version, as its manifest says."),
    attribute("component", "String", "Digest of its component: 64 hexadecimal digits, lower case."),
    attribute("built_in", "Bool", "Whether it is part of `repair`, and not a tool that somebody has installed."),
];

const EVERY_ACTION: [Attribute; 4] = [
    attribute("project", "String", "The Compose project name, or the Azure resource group."),
    attribute(
        "endpoint",
        "String",
        "The engine, such as `unix:///var/run/docker.sock`, or the URL of Azure's resource manager.",
    ),
    attribute("risk", "Risk", "The host's assessment of this very action."),
    attribute("risk_rank", "Long", "The same from 0 (read-only) to 4 (irreversible)."),
];

const EVERY_AZURE_ACTION: [Attribute; 1] = [attribute("subscription", "String", "Id of the subscription, lower case.")];

const REMAP_PORT: [Attribute; 10] = [
    attribute("service", "String", "The service whose port moves."),
    attribute("target", "Long", "The first port inside the container."),
    attribute("protocol", "Protocol", "Transport."),
    attribute("host_ip?", "String", "Address of the host; absent for all of them."),
    attribute("before_first", "Long", "First port of the host as it is; 0 if the engine picks."),
    attribute("before_last", "Long", "Last port of the host as it is; 0 if the engine picks."),
    attribute("after_first", "Long", "First port of the host as it shall be; 0 if the engine picks."),
    attribute("after_last", "Long", "Last port of the host as it shall be; 0 if the engine picks."),
    attribute("method", "Method", "How the file is edited."),
    attribute("file", "String", "The file, relative to the project directory where it lies below it, else absolute."),
];

const COMPOSE_UP: [Attribute; 5] = [
    attribute("services", "Set<String>", "The services that are asked for."),
    attribute("creates", "Set<String>", "Services of which a container is made anew."),
    attribute("starts", "Set<String>", "Services of which a container is started as it is."),
    attribute("recreates", "Set<String>", "Services of which a container is replaced."),
    attribute("recreates_running", "Set<String>", "Services of which a container is replaced while it runs."),
];

const COLLECT_LOGS: [Attribute; 2] = [
    attribute("services", "Set<String>", "The services whose logs are bundled."),
    attribute("lines_max", "Long", "Lines of each."),
];

const RESTART_SERVICE: [Attribute; 2] = [
    attribute("service", "String", "The service whose containers are restarted."),
    attribute("containers", "Set<String>", "Names of the containers that are restarted."),
];

const PULL_IMAGE: [Attribute; 2] = [
    attribute("services", "Set<String>", "The services whose images are pulled."),
    attribute("images", "Set<String>", "References of the images that are pulled."),
];

const REMOVE_STALE_CONTAINER: [Attribute; 3] = [
    attribute("container", "String", "Name of the container that is removed."),
    attribute("service?", "String", "Its service by Compose's label; absent where it has none."),
    attribute("ever_ran", "Bool", "Whether it ever ran, so that its writable layer may hold something."),
];

const REMOVE_STALE_NETWORK: [Attribute; 1] =
    [attribute("network", "String", "Name of the network that is removed; nothing is attached to it.")];

const SET_ENV_VALUE: [Attribute; 2] = [
    attribute("variable", "String", "The variable that gets a random value."),
    attribute("file", "String", "The file, relative to the project directory where it lies below it, else absolute."),
];

const START_MYSQL: [Attribute; 2] = [
    attribute("server", "String", "Name of the MySQL flexible server."),
    attribute("id", "String", "Its full id, lower case."),
];

const DELETED_VAULT: [Attribute; 4] = [
    attribute("vault", "String", "Name of the deleted vault, lower case."),
    attribute("id", "String", "Full id that it had, lower case."),
    attribute("location", "String", "Where it was; lower case without spaces."),
    attribute("deleted", "String", "When it was deleted, as Azure writes it."),
];

const REGISTER_PROVIDER: [Attribute; 1] =
    [attribute("namespace", "String", "Resource provider, lower case, such as `microsoft.keyvault`.")];

const DEPLOY_TEMPLATE: [Attribute; 4] = [
    attribute("deployment", "String", "The deployment that is made once more, lower case."),
    attribute("types", "Set<String>", "Types of all resources that it writes, lower case."),
    attribute("creates", "Set<String>", "Full ids of the resources that it makes, lower case."),
    attribute("writes", "Set<String>", "Full ids of the resources that exist and are written, lower case."),
];

const AWAIT_STATE: [Attribute; 2] = [
    attribute("what", "String", "`deployment` or `mysql-server`."),
    attribute("name", "String", "Its name, lower case."),
];

const CONTEXT: [Attribute; 6] = [
    attribute("class", "Class", "What failed."),
    attribute("confidence", "Long", "How sure the host is of that, in thousandths."),
    attribute("tool_confidence", "Long", "How sure the tool is of its plan, in thousandths."),
    attribute("attempts", "Long", "Effects for this class on this target within the last hour, over all sessions."),
    attribute("round", "Long", "Round of this session, counted from 1."),
    attribute("interactive", "Bool", "Whether a terminal is there. It does not prove that a person is."),
];

const METHODS: [EditMethod; 3] = [EditMethod::Dotenv, EditMethod::Override, EditMethod::InPlace];
const PROTOCOLS: [Protocol; 3] = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];

/// The entity type of an action's kind, without the namespace.
pub(super) const fn entity_type(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::RemapPort => "RemapPort",
        ActionKind::ComposeUp => "ComposeUp",
        ActionKind::CollectLogs => "CollectLogs",
        ActionKind::RestartService => "RestartService",
        ActionKind::PullImage => "PullImage",
        ActionKind::RemoveStaleContainer => "RemoveStaleContainer",
        ActionKind::RemoveStaleNetwork => "RemoveStaleNetwork",
        ActionKind::SetEnvValue => "SetEnvValue",
        ActionKind::StartMysql => "StartMysql",
        ActionKind::RecoverVault => "RecoverVault",
        ActionKind::PurgeVault => "PurgeVault",
        ActionKind::RegisterProvider => "RegisterProvider",
        ActionKind::DeployTemplate => "DeployTemplate",
        ActionKind::AwaitState => "AwaitState",
    }
}

/// The id of an edit method's entity.
pub(super) const fn method_id(method: EditMethod) -> &'static str {
    match method {
        EditMethod::Dotenv => "dotenv",
        EditMethod::Override => "override",
        EditMethod::InPlace => "in-place",
    }
}

const fn attributes(kind: ActionKind) -> &'static [Attribute] {
    match kind {
        ActionKind::RemapPort => &REMAP_PORT,
        ActionKind::ComposeUp => &COMPOSE_UP,
        ActionKind::CollectLogs => &COLLECT_LOGS,
        ActionKind::RestartService => &RESTART_SERVICE,
        ActionKind::PullImage => &PULL_IMAGE,
        ActionKind::RemoveStaleContainer => &REMOVE_STALE_CONTAINER,
        ActionKind::RemoveStaleNetwork => &REMOVE_STALE_NETWORK,
        ActionKind::SetEnvValue => &SET_ENV_VALUE,
        ActionKind::StartMysql => &START_MYSQL,
        ActionKind::RecoverVault | ActionKind::PurgeVault => &DELETED_VAULT,
        ActionKind::RegisterProvider => &REGISTER_PROVIDER,
        ActionKind::DeployTemplate => &DEPLOY_TEMPLATE,
        ActionKind::AwaitState => &AWAIT_STATE,
    }
}

const fn summary(kind: ActionKind) -> &'static str {
    match kind {
        ActionKind::RemapPort => "Moves one published port of one service.",
        ActionKind::ComposeUp => "Starts or creates what is missing of the listed services, and nothing else.",
        ActionKind::CollectLogs => "Writes a bounded, redacted bundle of logs and states for a person.",
        ActionKind::RestartService => "Restarts the containers of one service as they are.",
        ActionKind::PullImage => "Pulls the images of the listed services and changes no container.",
        ActionKind::RemoveStaleContainer => {
            "Removes one container of the project that is in the way or belongs to no service. Volumes stay."
        }
        ActionKind::RemoveStaleNetwork => "Removes one network of the project that nothing is attached to.",
        ActionKind::SetEnvValue => "Gives an empty variable a random value that nobody has seen.",
        ActionKind::StartMysql => "Starts a stopped MySQL flexible server, which costs money from then on.",
        ActionKind::RecoverVault => "Brings a deleted vault back with everything that was in it.",
        ActionKind::PurgeVault => {
            "Removes a deleted vault with everything that was in it, for good. A person types its name; nothing else says yes."
        }
        ActionKind::RegisterProvider => "Registers the subscription for a resource provider.",
        ActionKind::DeployTemplate => {
            "Deploys the same template with the same parameters again. Incremental mode, and nothing is deleted."
        }
        ActionKind::AwaitState => "Waits until something has come to rest, and changes nothing.",
    }
}

/// The schema as Cedar writes it; the same text stands in `policies/repair.cedarschema`.
pub fn schema_text() -> String {
    let mut text = String::from(
        "// What a policy of `repair` can name. Generated from the action types; do not edit.\n\
         // After a change of them: REPAIR_GENERATE=1 cargo test -p repair-pipeline generated\n\n",
    );
    let _ = writeln!(text, "namespace {NAMESPACE} {{");
    enumerated(&mut text, "Risk", "From harmless to final.", Risk::ALL.map(Risk::as_str));
    enumerated(&mut text, "Class", "What failed.", FailureClass::ALL.iter().map(|class| class.as_str()));
    enumerated(&mut text, "Method", "How a port is moved.", METHODS.map(method_id));
    enumerated(&mut text, "Protocol", "Transport of a port.", PROTOCOLS.map(|protocol| protocol.to_string()));
    entity(&mut text, "Tool", "The repair tool that proposes the action.", [TOOL.as_slice()]);
    for kind in ActionKind::ALL {
        let name = entity_type(kind);
        let of_target: &[Attribute] = if kind.is_azure() { &EVERY_AZURE_ACTION } else { &[] };
        entity(&mut text, name, summary(kind), [EVERY_ACTION.as_slice(), of_target, attributes(kind)]);
    }
    actions(&mut text);
    text.push_str("}\n");
    text
}

fn enumerated<T: AsRef<str>>(text: &mut String, name: &str, says: &str, ids: impl IntoIterator<Item = T>) {
    let ids: Vec<String> = ids.into_iter().map(|id| format!("    {:?}", id.as_ref())).collect();
    let _ = writeln!(text, "  // {says}\n  entity {name} enum [\n{}\n  ];\n", ids.join(",\n"));
}

fn entity<'a>(text: &mut String, name: &str, says: &str, groups: impl IntoIterator<Item = &'a [Attribute]>) {
    let _ = writeln!(text, "  // {says}\n  entity {name} = {{");
    for attribute in groups.into_iter().flatten() {
        write_attribute(text, "    ", attribute);
    }
    text.push_str("  };\n\n");
}

fn actions(text: &mut String) {
    let resources = ActionKind::ALL.map(entity_type).join(", ");
    text.push_str("  // `apply`: may it be done at all? `apply_unattended`: may it be done without asking a person?\n");
    text.push_str("  action \"apply\", \"apply_unattended\" appliesTo {\n    principal: [Tool],\n");
    let _ = writeln!(text, "    resource: [{resources}],\n    context: {{");
    for attribute in &CONTEXT {
        write_attribute(text, "      ", attribute);
    }
    text.push_str("    }\n  };\n");
}

fn write_attribute(text: &mut String, indent: &str, Attribute { name, kind, says }: &Attribute) {
    let _ = writeln!(text, "{indent}// {says}\n{indent}{name}: {kind},");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_to_be_lower_case_is_compared_as_such() {
        let azure =
            [&EVERY_AZURE_ACTION[..], &START_MYSQL, &DELETED_VAULT, &REGISTER_PROVIDER, &DEPLOY_TEMPLATE, &AWAIT_STATE];
        for Attribute { name, says, .. } in azure.concat() {
            assert_eq!(is_lower_case(name, "a/b"), says.contains("lower case"), "{name}");
        }
        let compose = [&REMAP_PORT[..], &COMPOSE_UP, &COLLECT_LOGS, &RESTART_SERVICE, &PULL_IMAGE, &EVERY_ACTION];
        let compose =
            compose.concat().into_iter().chain(REMOVE_STALE_CONTAINER).chain(REMOVE_STALE_NETWORK).chain(SET_ENV_VALUE);
        for Attribute { name, .. } in compose {
            assert!(!is_lower_case(name, "Web"), "{name}");
        }
    }
}
