//! From a finding to a frozen plan: a planner picks the tools, a tool proposes, the host resolves the proposal against the
//! target and freezes it.
//!
//! Whatever a tool says is checked here before anything is resolved: only declared kinds, only within the bounds, only
//! parameters that its own schema accepts. A refused tool harms nobody else; the next one is asked.

mod params;

use repair_model::action::{Action, ActionKind};
use repair_model::bounds::Bounds;
use repair_model::decision::Decision;
use repair_model::event::Event;
use repair_model::finding::Finding;
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::limits::{CASE_BYTES_MAX, NEED_QUERIES_MAX, OBSERVATIONS_MAX};
use repair_model::plan::{EditMethod, FrozenPlan, Plan, Step};
use repair_model::query::{Answer, Observation, Query, Refusal};
use repair_model::target::Target;
use repair_model::tool::{Attempt, Case, Manifest, Proposal, Reply, ToolAnswer, ToolRef};

use crate::outside::{Clock, Deployment, Durability, Log, LogError, Preparation, ToolFailure, Tools};
use crate::policy::{Policies, Request};
use crate::settings::Settings;

pub use params::{ParamsError, check_params};

/// Why a tool did not lead to a plan; one line for the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// Id of the tool.
    pub tool: String,
    /// Its words, or the host's on its failure. May be foreign text.
    pub words: String,
    /// Whether the host refused the tool, rather than the tool the case.
    pub refused: bool,
}

/// A plan, and what is needed to offer a choice and to decide on it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The frozen plan.
    pub frozen: FrozenPlan,
    /// The other methods that a person can choose, the present one first.
    pub methods: Vec<EditMethod>,
    /// The proposal that it came from, to resolve it again with another method.
    pub proposal: Proposal,
    /// The tool's parameters as JSON.
    pub params: String,
}

/// What planning led to.
#[derive(Debug)]
pub enum Planning {
    /// A plan, and the tools that were asked before its own.
    Draft(Box<Draft>, Vec<Passed>),
    /// No tool has a safe repair.
    Nothing(Vec<Passed>),
}

/// Everything that planning needs.
pub struct Planner<'p, D, T, L> {
    /// The target's deployment.
    pub deployment: &'p mut D,
    /// The tools.
    pub tools: &'p mut T,
    /// The log.
    pub log: &'p mut L,
    /// The clock.
    pub clock: &'p dyn Clock,
    /// The project's preferences.
    pub settings: &'p Settings,
    /// The target.
    pub target: &'p Target,
    /// The policies in force.
    pub policies: &'p Policies,
    /// Bounds in force.
    pub bounds: &'p Bounds,
    /// Effects begun for the class within the last hour, as policies see them.
    pub attempts: u32,
    /// Whether a terminal is there, as policies see it.
    pub interactive: bool,
    /// The session.
    pub session: &'p SessionId,
    /// Its round.
    pub round: u32,
}

enum Asked {
    Proposal(Box<Manifest>, Proposal, String),
    Passed(String, bool),
}

impl<D: Deployment, T: Tools, L: Log> Planner<'_, D, T, L> {
    /// Asks the tools that handle the finding's class, in their order, until one of them leads to a plan. A plan that only
    /// collects logs waits until all have been asked: whoever looks must not keep others from mending. The first round of
    /// a session also records which tools could not be loaded, and why.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn plan(&mut self, finding: &Finding, history: &[Attempt]) -> Result<Planning, LogError> {
        // A tool of which nothing could be done to this kind of target is not asked.
        let is_azure = self.target.azure().is_some();
        let fits = |tool: &&Manifest| {
            tool.handles.contains(&finding.class) && tool.may.iter().any(|kind| kind.is_azure() == is_azure)
        };
        if self.round == 1 {
            for failure in self.tools.failures().to_vec() {
                self.record_refusal(&failure.tool, &failure.to_string())?;
            }
        }
        let candidates: Vec<Manifest> = self.tools.manifests().iter().filter(fits).cloned().collect();
        let mut passed = Vec::new();
        let mut looking = None;
        for manifest in candidates {
            let id = manifest.tool.id.clone();
            let (words, refused) = match self.ask(manifest, finding, history).await? {
                Asked::Passed(words, refused) => (words, refused),
                Asked::Proposal(manifest, proposal, params) => {
                    match self.freeze(&manifest.tool, finding, &proposal, &params, None).await {
                        Ok(draft) => match self.denied(&id, draft.frozen.plan()) {
                            // An installed tool that may do nothing here does not keep the others from being asked.
                            Some(words) if !self.tools.is_built_in(&id) => (words, true),
                            _ if only_looks(draft.frozen.plan()) => {
                                looking.get_or_insert(draft);
                                continue;
                            }
                            _ => return Ok(Planning::Draft(Box::new(draft), passed)),
                        },
                        Err(words) => (words, true),
                    }
                }
            };
            if refused {
                self.record_refusal(&id, &words)?;
            }
            passed.push(Passed { tool: id, words, refused });
        }
        Ok(match looking {
            Some(draft) => Planning::Draft(Box::new(draft), passed),
            None => Planning::Nothing(passed),
        })
    }

    /// Why the policies deny the plan, if they do.
    fn denied(&self, tool: &str, plan: &Plan) -> Option<String> {
        plan.steps.iter().find_map(|step| {
            let decided = self.policies.decide(&Request {
                tool: &plan.tool,
                built_in: self.tools.is_built_in(tool),
                step,
                target: self.target,
                finding: &plan.finding,
                tool_confidence: plan.confidence,
                attempts: self.attempts,
                round: self.round,
                interactive: self.interactive,
            });
            let is_denied = decided.decision == Decision::Deny;
            is_denied.then(|| format!("policy denies the plan of tool `{tool}`: {}", decided.because))
        })
    }

    /// Resolves a proposal against the target, with a person's choice of where to edit, and freezes it.
    ///
    /// # Errors
    /// Says in one sentence why it cannot be done exactly as proposed.
    pub async fn freeze(
        &mut self,
        tool: &ToolRef,
        finding: &Finding,
        proposal: &Proposal,
        params: &str,
        method: Option<EditMethod>,
    ) -> Result<Draft, String> {
        let Preparation { steps, warnings, other_ways } = self
            .deployment
            .prepare(&proposal.actions, method)
            .await
            .map_err(|error| with_hints(&error.what, &error.hints))?;
        // Whoever installed the tool was told how far each kind of action can go.
        if let Some(step) = steps.iter().map(|prepared| &prepared.step).find(|step| exceeds(step)) {
            let (kind, most) = (step.action.kind(), step.action.kind().greatest_risk());
            return Err(format!("a `{kind}` that is {} is refused; it may be {most} at most", step.risk));
        }
        let methods = steps.iter().find(|prepared| !prepared.methods.is_empty()).map(|step| step.methods.clone());
        let frozen = FrozenPlan::new(Plan {
            target: self.target.id(),
            tool: tool.clone(),
            policy: self.policies.digest(),
            finding: finding.clone(),
            params: params.to_owned(),
            reason: proposal.reason.clone(),
            confidence: proposal.confidence,
            steps: steps.into_iter().map(|prepared| prepared.step).collect(),
            warnings,
            other_ways,
        })
        .map_err(|error| format!("the plan cannot be written down: {error}"))?;
        Ok(Draft {
            frozen,
            methods: methods.unwrap_or_default(),
            proposal: proposal.clone(),
            params: params.to_owned(),
        })
    }

    async fn ask(&mut self, manifest: Manifest, finding: &Finding, history: &[Attempt]) -> Result<Asked, LogError> {
        let id = manifest.tool.id.clone();
        let params = self.settings.params(&id);
        if let Err(error) = check_params(&id, &manifest.params_schema, &params) {
            return Ok(Asked::Passed(error.to_string(), true));
        }
        let mut case = Case {
            finding: finding.clone(),
            observations: Vec::new(),
            params: params.to_string(),
            history: history.to_vec(),
            waited_seconds: 0,
        };
        let rounds = self.bounds.tool_rounds_max;
        for _ in 0..=rounds {
            let reply = match self.call(&manifest, &case)? {
                Ok(reply) => reply,
                Err(failure) => return Ok(Asked::Passed(failure.to_string(), true)),
            };
            match reply.answer {
                ToolAnswer::Decline(words) => return Ok(Asked::Passed(words, false)),
                ToolAnswer::Propose(proposal) => {
                    return Ok(match check_proposal(&manifest, self.bounds, finding, &proposal) {
                        Ok(()) => Asked::Proposal(Box::new(manifest), proposal, case.params),
                        Err(words) => Asked::Passed(words, true),
                    });
                }
                ToolAnswer::Need(queries) => {
                    if let Err(words) = self.answer(&manifest, &mut case, &queries).await {
                        return Ok(Asked::Passed(words, true));
                    }
                }
                ToolAnswer::WaitSeconds(seconds) => {
                    let seconds = wait(&mut case, seconds, self.bounds);
                    self.deployment.pause_ms(u64::from(seconds) * 1000).await;
                    // What was seen before may have changed meanwhile, and mostly a tool waits for just that.
                    for at in 0..case.observations.len() {
                        case.observations[at] = self.look(&manifest, case.observations[at].asked.clone()).await;
                    }
                }
            }
        }
        let words = format!("tool `{id}` had not decided after {rounds} rounds; the bound tool_rounds_max is {rounds}");
        Ok(Asked::Passed(words, true))
    }

    /// Shows the case to the tool and records question and answer, so that `repair replay` can ask again.
    fn call(&mut self, manifest: &Manifest, case: &Case) -> Result<Result<Reply, ToolFailure>, LogError> {
        let tool = &manifest.tool;
        let misuse =
            |what: String| ToolFailure { tool: tool.id.clone(), what, fix: "report this to its author".to_owned() };
        let Ok(case_bytes) = serde_json::to_vec(case) else {
            return Ok(Err(misuse("its case cannot be written down".to_owned())));
        };
        if case_bytes.len() > CASE_BYTES_MAX {
            let size = case_bytes.len();
            return Ok(Err(misuse(format!("its case has {size} bytes; at most {CASE_BYTES_MAX} are shown to a tool"))));
        }
        let reply = match self.tools.propose(&tool.id, case) {
            Ok(reply) => reply,
            Err(failure) => return Ok(Err(failure)),
        };
        let Ok(reply_bytes) = serde_json::to_vec(&reply) else {
            return Ok(Err(misuse("its reply cannot be written down".to_owned())));
        };
        let component = self.tools.component(&tool.id).unwrap_or_default().to_vec();
        let event = Event::ToolAnswered {
            round: self.round,
            tool: tool.clone(),
            component_blob: self.log.store(&component)?,
            case: self.log.store(&case_bytes)?,
            reply: self.log.store(&reply_bytes)?,
            answer: kind_of(&reply.answer).to_owned(),
        };
        self.log.append(Some(self.session), event, Durability::Process)?;
        Ok(Ok(reply))
    }

    async fn answer(&mut self, manifest: &Manifest, case: &mut Case, queries: &[Query]) -> Result<(), String> {
        for query in new_questions(&manifest.tool.id, case, queries)? {
            case.observations.push(self.look(manifest, query).await);
        }
        Ok(())
    }

    async fn look(&mut self, manifest: &Manifest, query: Query) -> Observation {
        if manifest.sees.contains(&query.kind()) {
            return self.deployment.observe(&query).await;
        }
        Observation { asked: query, answer: Answer::Refused(Refusal::NotPermitted), truncated: false }
    }

    fn record_refusal(&mut self, tool: &str, error: &str) -> Result<(), LogError> {
        let event = Event::ToolRefused { round: self.round, tool: tool.to_owned(), error: error.to_owned() };
        self.log.append(Some(self.session), event, Durability::Process)
    }
}

/// What every proposal has to keep, whatever the tool says.
///
/// # Errors
/// Names the tool, and the bound or kind that it goes beyond.
pub fn check_proposal(
    manifest: &Manifest,
    bounds: &Bounds,
    finding: &Finding,
    proposal: &Proposal,
) -> Result<(), String> {
    let id = &manifest.tool.id;
    if proposal.actions.is_empty() {
        return Err(format!("tool `{id}` proposed a plan without actions"));
    }
    let actions_max = bounds.plan_actions_max;
    if proposal.actions.len() > actions_max as usize {
        return Err(format!(
            "tool `{id}` proposed {} actions; the bound plan_actions_max is {actions_max}",
            proposal.actions.len()
        ));
    }
    if let Some(action) = undeclared(manifest, &proposal.actions) {
        return Err(format!("tool `{id}` proposed `{}`, which its manifest does not declare in `may`", action.kind()));
    }
    let floor = bounds.confidence_floor_permille;
    if proposal.confidence < floor || finding.confidence < floor {
        return Err(format!(
            "tool `{id}` is sure to {} of a finding that is sure to {}; the bound confidence_floor_permille is {floor}",
            proposal.confidence, finding.confidence
        ));
    }
    Ok(())
}

/// The questions that a tool may ask and was not told the answer of yet, each once and in its order.
///
/// # Errors
/// Names the tool, and the limit that it goes beyond; a tool that asks for nothing new would be asked without end.
pub(crate) fn new_questions(tool: &str, case: &Case, asked: &[Query]) -> Result<Vec<Query>, String> {
    if asked.len() > NEED_QUERIES_MAX {
        return Err(format!("tool `{tool}` asked {} questions at once; at most {NEED_QUERIES_MAX}", asked.len()));
    }
    let mut new: Vec<Query> = Vec::new();
    for query in asked {
        if !new.contains(query) && !case.observations.iter().any(|known| known.asked == *query) {
            new.push(query.clone());
        }
    }
    if case.observations.len() + new.len() > OBSERVATIONS_MAX {
        return Err(format!("tool `{tool}` asked more than {OBSERVATIONS_MAX} questions in all"));
    }
    if new.is_empty() {
        return Err(format!("tool `{tool}` asked again for what it had been told"));
    }
    Ok(new)
}

/// Notes in the case that the host has waited on the tool's word: as long as it asks, within the bounds, and at least a
/// second, so that a wait is never for nothing. Returns the seconds.
pub(crate) fn wait(case: &mut Case, seconds: u32, bounds: &Bounds) -> u32 {
    let seconds = u64::from(seconds).clamp(1, bounds.backoff_seconds_max);
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    case.waited_seconds = case.waited_seconds.saturating_add(seconds);
    for attempt in &mut case.history {
        attempt.seconds_ago = attempt.seconds_ago.saturating_add(seconds);
    }
    seconds
}

fn only_looks(plan: &Plan) -> bool {
    plan.steps.iter().all(|step| step.action.kind() == ActionKind::CollectLogs)
}

fn exceeds(step: &Step) -> bool {
    step.risk > step.action.kind().greatest_risk()
}

/// The first action that the manifest does not declare.
pub fn undeclared<'a>(manifest: &Manifest, actions: &'a [Action]) -> Option<&'a Action> {
    actions.iter().find(|action| !manifest.may.contains(&action.kind()))
}

/// The digest under which two replies are compared.
pub fn reply_digest(reply: &Reply) -> Result<Digest, serde_json::Error> {
    Ok(Digest::of(Domain::Reply, &serde_json::to_vec(reply)?))
}

fn kind_of(answer: &ToolAnswer) -> &'static str {
    match answer {
        ToolAnswer::Propose(_) => "propose",
        ToolAnswer::Need(_) => "need",
        ToolAnswer::WaitSeconds(_) => "wait",
        ToolAnswer::Decline(_) => "decline",
    }
}

fn with_hints(what: &str, hints: &[String]) -> String {
    std::iter::once(what).chain(hints.iter().map(String::as_str)).collect::<Vec<_>>().join("; ")
}
