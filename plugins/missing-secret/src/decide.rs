//! The decision, from the case to the reply.

use std::collections::BTreeSet;

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Case, Missing, Query};
use repair_tool_sdk::env_value::EmptyVariable;
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::project::{Container, ContainerState, Project};
use repair_tool_sdk::reply::{Reply, Stop, by_count};

use crate::words::names;
use crate::{Params, declines};

/// That the project comes up with a drawn value, in permille, where Compose refuses it without one.
const CONFIDENCE_REQUIRED: u16 = 920;
/// The same where the container itself names the variable.
const CONFIDENCE_NAMED: u16 = 880;
/// Lines of a service's log that are looked at: the last words before its end.
const LOG_LINES: u16 = 50;
/// Services whose logs are looked at.
const LOGS_MAX: usize = 16;
/// Variables that one plan sets; a plan has at most 16 actions, and one of them starts the services.
pub(crate) const VARIABLES_MAX: usize = 15;

/// Lets the host draw what is missing, then starts the services that use it.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    case.ask([Query::EmptyVariables, Query::ComposeModel, Query::Containers])?;
    let empty = case.empty_variables()?;
    let project = project(case)?;
    if let Some(reply) = declines::incomplete(case) {
        return Ok(reply);
    }
    match &project {
        Some(project) if !is_refused(case) => let_it_run(case, project, empty, params),
        _ => let_it_be_read(case, project.as_ref(), empty, params),
    }
}

/// Whether Compose refuses the project.
fn is_refused(case: &Case) -> bool {
    case.finding.class == FailureClass::DockerComposeInvalidFile.as_str()
}

/// The project; nothing where Compose refuses its files, as it does without a required value.
fn project(case: &Case) -> Result<Option<Project<'_>>, Stop> {
    match case.project() {
        Ok(project) => Ok(Some(project)),
        Err(Missing::Refused { asked: Query::ComposeModel, .. }) if is_refused(case) => Ok(None),
        Err(missing) => Err(missing.into()),
    }
}

/// Compose refuses the project without a value: all that it requires is set, else it would refuse the next one.
fn let_it_be_read(
    case: &Case,
    project: Option<&Project<'_>>,
    empty: &[EmptyVariable],
    params: &Params,
) -> Result<Reply, Stop> {
    if let Some(reply) = declines::named_otherwise(case, empty) {
        return Ok(reply);
    }
    let required: Vec<&EmptyVariable> = empty.iter().filter(|one| one.required).collect();
    if required.is_empty() {
        return Ok(declines::nothing_required(empty));
    }
    if let Some(reply) = declines::for_a_person(&required) {
        return Ok(reply);
    }
    propose(case, project, &required, &[], params, CONFIDENCE_REQUIRED)
}

/// Services end with an error, and their own last words name a variable that they use and that is empty.
fn let_it_run(case: &Case, project: &Project<'_>, empty: &[EmptyVariable], params: &Params) -> Result<Reply, Stop> {
    let containers = project.by_service();
    let does_crash = |name: &&str| containers.of(name).iter().any(|container| crashes(container));
    let crashing: BTreeSet<&str> =
        project.services.iter().map(|service| service.name.as_str()).filter(does_crash).collect();
    let of_crashing = |one: &&EmptyVariable| one.services.iter().any(|user| crashing.contains(user.as_str()));
    let used: Vec<&EmptyVariable> = empty.iter().filter(of_crashing).collect();
    if used.is_empty() {
        return Ok(declines::nothing_empty(&crashing.into_iter().collect::<Vec<_>>()));
    }
    let users: BTreeSet<&str> = used.iter().flat_map(|one| &one.services).map(String::as_str).collect();
    let concerned: Vec<&str> = crashing.intersection(&users).copied().take(LOGS_MAX).collect();
    case.ask(concerned.iter().map(|service| Query::container_log(*service, LOG_LINES)))?;
    let is_named = |one: &&EmptyVariable| {
        let mut users = concerned.iter().filter(|service| one.services.iter().any(|user| user == *service));
        one.required || users.any(|service| last_words(case, service).iter().any(|line| names(line, &one.variable)))
    };
    let (named, unnamed): (Vec<&EmptyVariable>, Vec<&EmptyVariable>) = used.into_iter().partition(is_named);
    if named.is_empty() {
        return Ok(declines::not_named(&unnamed, &concerned));
    }
    let (set, left): (Vec<&EmptyVariable>, Vec<&EmptyVariable>) =
        named.into_iter().partition(|one| declines::why_not(one).is_none());
    match (set.as_slice(), declines::for_a_person(&left)) {
        ([], Some(reply)) => Ok(reply),
        _ => propose(case, Some(project), &set, &left, params, CONFIDENCE_NAMED),
    }
}

fn crashes(container: &Container) -> bool {
    match container.state {
        ContainerState::Restarting => true,
        ContainerState::Exited => container.exit_code.is_some_and(|code| code != 0),
        _ => false,
    }
}

/// Nothing where the log cannot be read, which proves nothing.
fn last_words<'c>(case: &'c Case, service: &str) -> &'c [String] {
    case.container_log(service, LOG_LINES).unwrap_or_default()
}

fn propose(
    case: &Case,
    project: Option<&Project<'_>>,
    set: &[&EmptyVariable],
    left: &[&EmptyVariable],
    params: &Params,
    confidence: u16,
) -> Result<Reply, Stop> {
    if set.len() > VARIABLES_MAX {
        return Ok(declines::too_many(set));
    }
    let values: Vec<Action> =
        set.iter().map(|one| Action::set_env_value(one, params.bytes, params.encoding.into())).collect();
    if let Some(reply) = declines::failed_before(case, &values) {
        return Ok(reply);
    }
    let up = to_start(project, set);
    if up.is_empty() {
        return Ok(declines::no_service(set));
    }
    let reply = Reply::propose(reason(set, left), confidence, values.into_iter().chain([Action::compose_up(up)]));
    Ok(left.iter().fold(reply, |reply, one| reply.note(format!("`{}` is empty too, and is left", one.variable))))
}

/// The services that use the variables, and whatever else is down; in the order of the model.
fn to_start(project: Option<&Project<'_>>, set: &[&EmptyVariable]) -> Vec<String> {
    let users: BTreeSet<&str> = set.iter().flat_map(|one| &one.services).map(String::as_str).collect();
    let Some(project) = project else { return users.into_iter().map(str::to_owned).collect() };
    let down: BTreeSet<String> = project.to_start().into_iter().collect();
    let wanted = project.services.iter().filter(|service| service.scale > 0).map(|service| service.name.as_str());
    wanted.filter(|name| users.contains(name) || down.contains(*name)).map(str::to_owned).collect()
}

/// For the person who has to approve the plan.
fn reason(set: &[&EmptyVariable], left: &[&EmptyVariable]) -> String {
    let each: Vec<String> = set
        .iter()
        .map(|one| {
            let why =
                if one.required { "Compose refuses the project without it" } else { "its service says so as it ends" };
            format!("{} in `{}` ({why})", one.variable, one.file)
        })
        .collect();
    let mut text = format!(
        "{}: {}. The host draws {}, which nobody sees. Where an earlier installation has encrypted data with another value, \
         that one is needed instead: say no, and put it there.",
        by_count(set.len(), "A secret is missing", "Secrets are missing"),
        each.join("; "),
        by_count(set.len(), "a random value", "a random value for each")
    );
    let others: Vec<&str> = left.iter().map(|one| one.variable.as_str()).collect();
    if !others.is_empty() {
        text.push_str(&format!(" Empty as well, and for a person to set: {}.", others.join(", ")));
    }
    text
}
