//! Asks the policies about one step.
//!
//! Two questions are asked of each step, and the stricter reading of the answers holds. It fails closed: a policy that
//! cannot be evaluated denies, because Cedar itself would skip it, and a skipped `forbid` forbids nothing. The ceiling
//! of what may run unattended is code ([`Risk::UNATTENDED_MAX`]), so that no policy can raise it.

use std::collections::{HashMap, HashSet};

use cedar_policy::{
    AuthorizationError, Authorizer, Context, Decision as CedarDecision, Entities, Entity, EntityId, EntityTypeName,
    EntityUid, RestrictedExpression as Value, Schema,
};
use repair_model::action::{Action, PortMove};
use repair_model::azure::{Awaited, AzureAction, VaultName, WantedChange};
use repair_model::compose::Published;
use repair_model::decision::{Decided, Decision};
use repair_model::finding::Finding;
use repair_model::ids::Permille;
use repair_model::plan::{
    Change, ContainerChange, ContainerOperation, DeploymentChange, FileEdit, ImageChange, ResourceOperation, Step,
};
use repair_model::risk::Risk;
use repair_model::target::Target;
use repair_model::text::escaped_short;
use repair_model::tool::ToolRef;

use super::Policies;
use super::schema::{NAMESPACE, RESOURCE_ID, entity_type, method_id};

/// Characters of a policy's own words that a decision quotes.
const QUOTED_CHARACTERS_MAX: usize = 240;

/// Everything that a policy may look at.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// Who proposes.
    pub tool: &'a ToolRef,
    /// Whether that is a tool of this program, and not one that somebody has installed.
    pub built_in: bool,
    /// What is to be done, with the host's risk.
    pub step: &'a Step,
    /// Where.
    pub target: &'a Target,
    /// What for.
    pub finding: &'a Finding,
    /// How sure the tool is.
    pub tool_confidence: Permille,
    /// Effects started for this class on this target within the last hour.
    pub attempts: u32,
    /// Round of the session, counted from 1.
    pub round: u32,
    /// Whether a terminal is there.
    pub interactive: bool,
}

#[derive(Clone, Copy)]
enum Question {
    Apply,
    ApplyUnattended,
}

impl Question {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::ApplyUnattended => "apply_unattended",
        }
    }
}

/// The answer to one question.
struct Answer {
    yes: bool,
    /// Ids of the policies that decided, in the order of layers and files.
    policies: Vec<String>,
    /// Policies that could not be evaluated, and why.
    errors: Vec<(String, String)>,
}

/// What is said of one request, in Cedar's terms.
struct Facts {
    principal: EntityUid,
    resource: EntityUid,
    entities: Entities,
    context: HashMap<&'static str, Value>,
}

impl Policies {
    /// What the policies say to one step. It always answers; what cannot be decided is denied.
    pub fn decide(&self, request: &Request<'_>) -> Decided {
        let answers = facts(request, self.schema()).and_then(|facts| {
            let apply = self.ask(&facts, Question::Apply)?;
            Ok((apply, self.ask(&facts, Question::ApplyUnattended)?))
        });
        match answers {
            Ok((apply, unattended)) => self.combine(request, apply, unattended),
            Err(what) => deny(Vec::new(), format!("the policies could not be asked: {}", quoted(&what))),
        }
    }

    fn ask(&self, facts: &Facts, question: Question) -> Result<Answer, String> {
        let schema = Some(self.schema());
        let action = uid("Action", question.as_str())?;
        let context = facts.context.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let context = Context::from_pairs(context).map_err(|error| error.to_string())?;
        let (principal, resource) = (facts.principal.clone(), facts.resource.clone());
        let request = cedar_policy::Request::new(principal, action, resource, context, schema);
        let request = request.map_err(|error| error.to_string())?;
        let response = Authorizer::new().is_authorized(&request, self.set(), &facts.entities);
        let reasons: HashSet<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        let error = |AuthorizationError::PolicyEvaluationError(error): &AuthorizationError| {
            (error.policy_id().to_string(), error.inner().to_string())
        };
        Ok(Answer {
            yes: response.decision() == CedarDecision::Allow,
            policies: self.in_order(&reasons),
            errors: response.diagnostics().errors().map(error).collect(),
        })
    }

    fn combine(&self, request: &Request<'_>, apply: Answer, unattended: Answer) -> Decided {
        let Request { step, built_in, .. } = *request;
        let errors: Vec<_> = apply.errors.into_iter().chain(unattended.errors).collect();
        if let Some((id, error)) = errors.first() {
            let because = format!("policy `{id}` could not be evaluated ({}), so nothing is allowed", quoted(error));
            let erring = errors.into_iter().map(|(id, _)| id).collect();
            return deny(self.in_order(&erring), because);
        }
        if !apply.yes {
            let because = match self.named(&apply.policies) {
                Some(named) => format!("forbidden by {named}"),
                None => format!("no policy allows {} at risk {}", step.action.kind(), step.risk),
            };
            return deny(apply.policies, because);
        }
        if unattended.yes && step.risk <= Risk::UNATTENDED_MAX {
            let because = format!("allowed unattended by {}", self.named(&unattended.policies).unwrap_or_default());
            return Decided {
                decision: Decision::Allow,
                policies: self.merged(apply.policies, unattended.policies),
                because,
            };
        }
        let because = match self.named(&unattended.policies) {
            _ if unattended.yes => format!("whatever a policy says, a person decides on what is {}", step.risk),
            Some(named) => format!("a person is asked because of {named}"),
            None if !built_in => "the tool is installed, and no policy allows this to it unattended".to_owned(),
            None => "no policy allows it unattended".to_owned(),
        };
        // A permit that the ceiling overruled did not decide.
        let stopped_by = if unattended.yes { Vec::new() } else { unattended.policies };
        Decided { decision: Decision::Ask, policies: self.merged(apply.policies, stopped_by), because }
    }

    /// The first policy with its own words, and how many more there are; `None` without any.
    fn named(&self, policies: &[String]) -> Option<String> {
        let (first, more) = policies.split_first()?;
        let mut named = format!("`{first}`");
        if !more.is_empty() {
            named.push_str(&format!(" and {} more", more.len()));
        }
        if let Some(why) = self.why(first) {
            named.push_str(&format!(": {}", quoted(why)));
        }
        Some(named)
    }

    fn merged(&self, one: Vec<String>, other: Vec<String>) -> Vec<String> {
        self.in_order(&one.into_iter().chain(other).collect())
    }
}

fn deny(policies: Vec<String>, because: String) -> Decided {
    Decided { decision: Decision::Deny, policies, because }
}

fn quoted(text: &str) -> String {
    escaped_short(text, QUOTED_CHARACTERS_MAX)
}

fn facts(request: &Request<'_>, schema: &Schema) -> Result<Facts, String> {
    let Request { tool, step, target, finding, .. } = request;
    let principal = uid("Tool", &tool.id)?;
    let resource = uid(entity_type(step.action.kind()), RESOURCE_ID)?;
    let tool = HashMap::from([
        ("id", string(&tool.id)),
        ("version", string(&tool.version)),
        ("component", string(&tool.component.to_string())),
        ("built_in", Value::new_bool(request.built_in)),
    ]);
    let mut attributes = HashMap::from([
        ("project", string(&target.project)),
        ("endpoint", string(&target.endpoint)),
        ("risk", member("Risk", step.risk.as_str())?),
        ("risk_rank", Value::new_long(step.risk.rank().into())),
    ]);
    if step.action.kind().is_azure() {
        let subscription = target.azure().map(|azure| azure.subscription.to_lowercase()).unwrap_or_default();
        attributes.insert("subscription", string(&subscription));
    }
    attributes.extend(of_action(step)?);
    let entities = [entity(&principal, tool)?, entity(&resource, attributes)?];
    let entities = Entities::from_entities(entities, Some(schema)).map_err(|error| error.to_string())?;
    let context = HashMap::from([
        ("class", member("Class", finding.class.as_str())?),
        ("confidence", Value::new_long(finding.confidence.get().into())),
        ("tool_confidence", Value::new_long(request.tool_confidence.get().into())),
        ("attempts", Value::new_long(request.attempts.into())),
        ("round", Value::new_long(request.round.into())),
        ("interactive", Value::new_bool(request.interactive)),
    ]);
    Ok(Facts { principal, resource, entities, context })
}

fn of_action(step: &Step) -> Result<HashMap<&'static str, Value>, String> {
    let misfit = || format!("what the step changes does not fit a {}", step.action.kind());
    match (&step.action, &step.change) {
        (Action::RemapPort(port_move), Change::Edit(edit)) => of_remap(port_move, edit),
        (Action::ComposeUp { services }, Change::Containers(changes)) => Ok(of_up(services, changes)),
        (Action::ComposeUp { services }, Change::Nothing) => Ok(of_up(services, &[])),
        (Action::CollectLogs { services, lines_max }, Change::Nothing) => Ok(HashMap::from([
            ("services", strings(services.iter().map(String::as_str))),
            ("lines_max", Value::new_long((*lines_max).into())),
        ])),
        (Action::RestartService { service }, Change::Containers(changes))
            if all(changes, ContainerOperation::Restart) =>
        {
            Ok(of_restart(service, changes))
        }
        (Action::PullImage { services }, Change::Images(images)) => Ok(of_pull(services, images)),
        (Action::RemoveStaleContainer { container, .. }, Change::Containers(changes)) => match changes.as_slice() {
            [change] if change.container == *container && change.operation == ContainerOperation::Remove => {
                Ok(of_removal(change))
            }
            _ => Err(misfit()),
        },
        (Action::RemoveStaleNetwork { network, id }, Change::Networks(changes)) => match changes.as_slice() {
            [change] if change.network == *network && change.id == *id => {
                Ok(HashMap::from([("network", string(network))]))
            }
            _ => Err(misfit()),
        },
        (Action::SetEnvValue(value), Change::SecretValue(edit)) => {
            Ok(HashMap::from([("variable", string(&value.variable)), ("file", string(&edit.file))]))
        }
        (Action::Azure(action), change) => of_azure(action, change).ok_or_else(misfit),
        _ => Err(misfit()),
    }
}

/// What policies see of an action on Azure, which takes names and locations in any spelling: here they have one, so that a
/// tool cannot get around a policy by another.
fn of_azure(action: &AzureAction, change: &Change) -> Option<HashMap<&'static str, Value>> {
    let changed = |operation| match change {
        Change::Resource(resource) if resource.operation == operation => Some(resource.id.to_lowercase()),
        _ => None,
    };
    Some(match action {
        AzureAction::StartMysql { server, .. } => {
            HashMap::from([("server", string(server)), ("id", string(&changed(ResourceOperation::Start)?))])
        }
        AzureAction::RecoverVault(vault) => of_vault(vault, &changed(ResourceOperation::Recover)?),
        AzureAction::PurgeVault(vault) => of_vault(vault, &changed(ResourceOperation::Purge)?),
        AzureAction::RegisterProvider { namespace } => {
            changed(ResourceOperation::Register)?;
            HashMap::from([("namespace", string(&namespace.to_lowercase()))])
        }
        AzureAction::DeployTemplate { deployment } => match change {
            Change::Deployment(change) => of_deployment(deployment, change),
            _ => return None,
        },
        AzureAction::AwaitState { what, name } if *change == Change::Nothing => {
            let what = match what {
                Awaited::Deployment => "deployment",
                Awaited::MysqlServer => "mysql-server",
            };
            HashMap::from([("what", string(what)), ("name", string(&name.to_lowercase()))])
        }
        AzureAction::AwaitState { .. } => return None,
    })
}

fn of_vault(vault: &VaultName, id: &str) -> HashMap<&'static str, Value> {
    HashMap::from([
        ("vault", string(&vault.vault.to_lowercase())),
        ("id", string(id)),
        ("location", string(&vault.location.to_lowercase().replace(' ', ""))),
        ("deleted", string(&vault.deleted)),
    ])
}

fn of_deployment(deployment: &str, change: &DeploymentChange) -> HashMap<&'static str, Value> {
    let ids = |makes: bool| -> Vec<String> {
        let chosen = change.resources.iter().filter(|resource| (resource.change == WantedChange::Create) == makes);
        chosen.map(|resource| resource.id.to_lowercase()).collect()
    };
    let types: Vec<String> = change.resources.iter().map(|resource| resource.resource_type.to_lowercase()).collect();
    HashMap::from([
        ("deployment", string(&deployment.to_lowercase())),
        ("types", strings(types.iter().map(String::as_str))),
        ("creates", strings(ids(true).iter().map(String::as_str))),
        ("writes", strings(ids(false).iter().map(String::as_str))),
    ])
}

fn of_remap(port_move: &PortMove, edit: &FileEdit) -> Result<HashMap<&'static str, Value>, String> {
    let (before_first, before_last) = ends(port_move.before);
    let (after_first, after_last) = ends(port_move.after);
    let mut attributes = HashMap::from([
        ("service", string(&port_move.service)),
        ("target", Value::new_long(port_move.target.into())),
        ("protocol", member("Protocol", &port_move.protocol.to_string())?),
        ("before_first", Value::new_long(before_first)),
        ("before_last", Value::new_long(before_last)),
        ("after_first", Value::new_long(after_first)),
        ("after_last", Value::new_long(after_last)),
        ("method", member("Method", method_id(edit.method))?),
        ("file", string(&edit.file)),
    ]);
    if let Some(address) = &port_move.host_ip {
        attributes.insert("host_ip", string(address));
    }
    Ok(attributes)
}

fn of_up(services: &[String], changes: &[ContainerChange]) -> HashMap<&'static str, Value> {
    let of = |chosen: &dyn Fn(&ContainerChange) -> bool| {
        strings(changes.iter().filter(|change| chosen(change)).map(|change| change.service.as_str()))
    };
    let recreated = |change: &ContainerChange| change.operation == ContainerOperation::Recreate;
    HashMap::from([
        ("services", strings(services.iter().map(String::as_str))),
        ("creates", of(&|change| change.operation == ContainerOperation::Create)),
        ("starts", of(&|change| change.operation == ContainerOperation::Start)),
        ("recreates", of(&recreated)),
        ("recreates_running", of(&|change| recreated(change) && change.running)),
    ])
}

fn all(changes: &[ContainerChange], operation: ContainerOperation) -> bool {
    changes.iter().all(|change| change.operation == operation)
}

fn of_restart(service: &str, changes: &[ContainerChange]) -> HashMap<&'static str, Value> {
    HashMap::from([
        ("service", string(service)),
        ("containers", strings(changes.iter().map(|change| change.container.as_str()))),
    ])
}

fn of_pull(services: &[String], images: &[ImageChange]) -> HashMap<&'static str, Value> {
    HashMap::from([
        ("services", strings(services.iter().map(String::as_str))),
        ("images", strings(images.iter().map(|change| change.image.as_str()))),
    ])
}

fn of_removal(change: &ContainerChange) -> HashMap<&'static str, Value> {
    let mut attributes =
        HashMap::from([("container", string(&change.container)), ("ever_ran", Value::new_bool(change.ever_ran))]);
    if !change.service.is_empty() {
        attributes.insert("service", string(&change.service));
    }
    attributes
}

/// First and last port; zeros where the engine picks.
fn ends(published: Published) -> (i64, i64) {
    match published {
        Published::Fixed(port) => (port.into(), port.into()),
        Published::Range(first, last) => (first.into(), last.into()),
        Published::EnginePicks => (0, 0),
    }
}

fn string(text: &str) -> Value {
    Value::new_string(text.to_owned())
}

fn strings<'a>(texts: impl Iterator<Item = &'a str>) -> Value {
    Value::new_set(texts.map(string))
}

/// A member of a closed set.
fn member(of: &str, id: &str) -> Result<Value, String> {
    Ok(Value::new_entity_uid(uid(of, id)?))
}

fn uid(of: &str, id: &str) -> Result<EntityUid, String> {
    let type_name: EntityTypeName = format!("{NAMESPACE}::{of}").parse().map_err(|error| format!("{error}"))?;
    Ok(EntityUid::from_type_name_and_id(type_name, EntityId::new(id)))
}

fn entity(uid: &EntityUid, attributes: HashMap<&'static str, Value>) -> Result<Entity, String> {
    let attributes = attributes.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Entity::new(uid.clone(), attributes, HashSet::new()).map_err(|error| error.to_string())
}
