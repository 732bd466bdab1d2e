//! The workflow itself: diagnose, plan, decide, ask, carry out, verify; again while the bounds allow.
//!
//! Every arrow appends to the log before the next stage begins, and nothing is kept that the log does not say.

use jiff::SignedDuration;
use repair_model::decision::{Decided, Decision};
use repair_model::event::{Ending, Event, EvidenceBlob, Purpose};
use repair_model::evidence::{Evidence, Provenance};
use repair_model::finding::{FailureClass, Finding};
use repair_model::grant::{Channel, Grant, GrantVoid};
use repair_model::ids::{Digest, SessionId};
use repair_model::outcome::Verdict;
use repair_model::plan::FrozenPlan;
use repair_model::query::{Answer, Fact, Query, Refusal};
use repair_model::risk::Risk;
use repair_model::target::Target;

use crate::approval::{self, ApprovalRequest, Person, PersonsAnswer, Progress, strictest, yes_flag_covers};
use crate::classification::{classify, container_errors};
use crate::execution::{ATTEMPT_WINDOW_SECONDS, Execution, ExecutionError, Executor, GateRefusal};
use crate::outside::{Clock, Deployment, Durability, Log, LogError, TargetError, Tools};
use crate::planning::{Draft, Passed, Planner, Planning};
use crate::policy::{Policies, Request};
use crate::report::{Conclusion, Report, StepReport};
use crate::session::{History, IllegalTransition, Status};
use crate::settings::Settings;
use crate::verification::verify;

mod next_steps;
mod recovery;
mod undo;

#[cfg(test)]
mod tests;

use next_steps::{denied_steps, done_detail, next_steps_of, or_look, other_ways};
pub use undo::{UndoStep, undo_steps};

/// Tries that a tool is told of.
const HISTORY_TRIES_MAX: usize = 32;

/// How the workflow was asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// Version of `repair`.
    pub version: String,
    /// What for.
    pub purpose: Purpose,
    /// The wrapped command, redacted.
    pub command: Vec<String>,
    /// Whether `--yes` was given.
    pub yes: bool,
    /// User and host, as the system names them.
    pub approver: String,
    /// Random bytes for the session's id.
    pub session_random: [u8; 4],
    /// Random bytes for the nonces of its grants; one for each is derived by counting.
    pub nonce_random: [u8; 12],
}

/// Why the workflow could not come to a conclusion.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// The log failed.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The log does not say what it should.
    #[error("the log of this target is not consistent")]
    History(#[from] IllegalTransition),
    /// The target could not be looked at.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// Something could not be written down.
    #[error("a record could not be encoded")]
    Encode(#[from] serde_json::Error),
    /// The plan that is to be carried out was not approved.
    #[error("plan {} is not approved", .0.short())]
    NotApproved(Digest),
    /// What was asked for does not exist or is not possible now.
    #[error("{what}")]
    Request {
        /// What is wrong.
        what: String,
        /// What to do next.
        hints: Vec<String>,
    },
}

impl From<ExecutionError> for WorkflowError {
    fn from(error: ExecutionError) -> Self {
        match error {
            ExecutionError::Log(error) => Self::Log(error),
            ExecutionError::History(error) => Self::History(error),
        }
    }
}

/// Everything that the workflow works on.
pub struct Workflow<'w, D, T, L, P> {
    /// The deployment.
    pub deployment: &'w mut D,
    /// The tools.
    pub tools: &'w mut T,
    /// The log; its lease is held.
    pub log: &'w mut L,
    /// The person.
    pub person: &'w mut P,
    /// The clock.
    pub clock: &'w dyn Clock,
    /// Policies and bounds in force.
    pub policies: &'w Policies,
    /// The project's preferences.
    pub settings: &'w Settings,
    /// The target.
    pub target: &'w Target,
    /// How it was asked for.
    pub options: Options,
}

/// What one session has come to so far.
struct Course {
    session: SessionId,
    started_ms: u64,
    /// Time spent waiting for a person, which no bound counts.
    waited_ms: u64,
    round: u32,
    grants: u32,
    findings: Vec<Finding>,
    plan: Option<FrozenPlan>,
    decided: Vec<Decided>,
    steps: Vec<StepReport>,
    verdict: Option<Verdict>,
    passed: Vec<Passed>,
    effect_ms: u64,
}

/// Whether the session goes on after a plan.
enum Next {
    Round(Vec<Evidence>),
    Conclude(Conclusion, Vec<String>),
}

/// A person's or the policy's answer to a plan.
enum Approval {
    Granted(Box<Draft>, Grant),
    Stop(Conclusion, Vec<String>),
}

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    /// Heals the target, beginning with `evidence` of what failed.
    ///
    /// # Errors
    /// When the log or the target cannot be used; the session is ended where that is still possible.
    pub async fn heal(&mut self, evidence: Vec<Evidence>) -> Result<Report, WorkflowError> {
        let session = SessionId::new(self.clock.now(), self.options.session_random);
        self.settle_earlier(&session).await?;
        let began = Event::SessionBegan {
            version: self.options.version.clone(),
            purpose: self.options.purpose.clone(),
            command: self.options.command.clone(),
            evidence: None,
            supersedes: Vec::new(),
        };
        self.log.append(Some(&session), began, Durability::Power)?;
        let course = self.course(session, 0);
        self.conclude(course, Next::Round(evidence)).await
    }

    /// Carries out the plan of this digest, or of this unique prefix of one, in the session that waits with it.
    ///
    /// # Errors
    /// When no session waits with that plan, or it was not approved.
    pub async fn apply(&mut self, digest_prefix: &str) -> Result<Report, WorkflowError> {
        let history = History::fold(self.log.records()?)?;
        let request = |what: String, hint: String| WorkflowError::Request { what, hints: vec![hint] };
        let session = history.session_of_plan(digest_prefix).ok_or_else(|| {
            request(
                format!("no session of this target waits with a plan {digest_prefix}"),
                "`repair sessions` lists them; `repair plan` makes a new plan".to_owned(),
            )
        })?;
        let state = session.plan.clone().ok_or_else(|| request("the session has no plan".to_owned(), String::new()))?;
        let frozen = FrozenPlan::read(self.log.load(state.blob)?)?;
        if frozen.digest() != state.plan {
            return Err(request(
                format!("the stored plan is not plan {}", state.plan.short()),
                "`repair plan` makes a new plan".to_owned(),
            ));
        }
        let id = session.id.clone();
        let mut course = self.course(id.clone(), session.round);
        course.grants = session.grants.len().try_into().unwrap_or(u32::MAX);
        course.findings.clone_from(&session.findings);
        course.decided.clone_from(&state.decided);
        let unattended =
            state.decision == Some(Decision::Allow) || (self.options.yes && yes_flag_covers(frozen.plan().risk()));
        let grant = match session.unused_grant(frozen.digest()) {
            Some(grant) => grant.clone(),
            None if session.status == Status::AwaitingApproval && unattended => {
                let channel = if state.decision == Some(Decision::Allow) { Channel::Policy } else { Channel::YesFlag };
                self.grant(&mut course, &frozen, channel)?
            }
            None => {
                return Err(WorkflowError::NotApproved(frozen.digest()));
            }
        };
        course.plan = Some(frozen.clone());
        let next = self.carry_out(&mut course, &frozen, &grant).await;
        let next = next.or_else(not_healed_where_target_fails)?;
        self.conclude(course, next).await
    }

    fn course(&self, session: SessionId, round: u32) -> Course {
        Course {
            session,
            started_ms: self.clock.monotonic_ms(),
            waited_ms: 0,
            round,
            grants: 0,
            findings: Vec::new(),
            plan: None,
            decided: Vec::new(),
            steps: Vec::new(),
            verdict: None,
            passed: Vec::new(),
            effect_ms: 0,
        }
    }

    /// Round after round until there is a conclusion, which is recorded.
    async fn conclude(&mut self, mut course: Course, mut next: Next) -> Result<Report, WorkflowError> {
        let (conclusion, next_steps) = loop {
            match next {
                Next::Conclude(conclusion, steps) => break (conclusion, steps),
                Next::Round(evidence) => {
                    let round = self.round(&mut course, evidence).await;
                    next = round.or_else(not_healed_where_target_fails)?;
                }
            }
        };
        self.record_end(&course, &conclusion, &next_steps)?;
        Ok(Report {
            session: course.session,
            conclusion,
            findings: course.findings,
            plan: course.plan,
            decided: course.decided,
            steps: course.steps,
            verdict: course.verdict,
            passed: course.passed,
            next_steps,
            rounds: course.round,
            effect_ms: course.effect_ms,
        })
    }

    fn record_end(&mut self, course: &Course, conclusion: &Conclusion, next_steps: &[String]) -> Result<(), LogError> {
        let (ending, reason) = match conclusion {
            Conclusion::Healed => (Ending::Healed, "verified".to_owned()),
            Conclusion::Denied => (Ending::Escalated, "the policy denies the plan".to_owned()),
            Conclusion::Declined => (Ending::Aborted, "a person said no".to_owned()),
            Conclusion::NotHealed(reason) => (Ending::Escalated, reason.clone()),
            Conclusion::AwaitingApproval => return self.log.sign_head(),
            Conclusion::Interrupted => {
                let event = Event::Suspended { reason: "interrupted by the person".to_owned() };
                self.log.append(Some(&course.session), event, Durability::Power)?;
                return self.log.sign_head();
            }
        };
        let event = Event::Ended { ending, reason, next_steps: next_steps.to_vec() };
        self.log.append(Some(&course.session), event, Durability::Power)?;
        self.log.sign_head()
    }

    /// One round: diagnose, plan, approve, carry out.
    async fn round(&mut self, course: &mut Course, evidence: Vec<Evidence>) -> Result<Next, WorkflowError> {
        if self.person.interrupted() {
            return Ok(Next::Conclude(Conclusion::Interrupted, Vec::new()));
        }
        let bounds = self.policies.bounds().clone();
        if course.round >= bounds.rounds_max {
            let what = format!("not healed after {} rounds; the bound rounds_max is reached", course.round);
            return Ok(Next::Conclude(Conclusion::NotHealed(what), self.primary_steps(course)));
        }
        let worked_ms = self.clock.monotonic_ms().saturating_sub(course.started_ms + course.waited_ms);
        if worked_ms > bounds.session_seconds_max * 1000 {
            let what = format!("not healed in time; the bound session_seconds_max is {}", bounds.session_seconds_max);
            return Ok(Next::Conclude(Conclusion::NotHealed(what), self.primary_steps(course)));
        }
        course.round += 1;
        let finding = self.diagnose(course, evidence).await?;
        if finding.confidence < bounds.confidence_floor_permille {
            let what = format!("{} is not certain enough to act upon ({})", finding.class, finding.confidence);
            return Ok(Next::Conclude(Conclusion::NotHealed(what), finding.next_steps));
        }
        let draft = match self.plan(course, &finding).await? {
            Planning::Draft(draft, passed) => {
                // Why the others passed is the cause that a person reads when this plan only looks.
                course.passed = passed;
                draft
            }
            Planning::Nothing(passed) => {
                let steps = next_steps_of(&finding, &passed);
                course.passed = passed;
                return Ok(Next::Conclude(Conclusion::NotHealed("no safe repair is known".to_owned()), steps));
            }
        };
        match self.approve(course, draft, &finding).await? {
            Approval::Stop(conclusion, steps) => Ok(Next::Conclude(conclusion, steps)),
            Approval::Granted(draft, grant) => self.carry_out(course, &draft.frozen, &grant).await,
        }
    }

    fn primary_steps(&self, course: &Course) -> Vec<String> {
        let finding = course.findings.first();
        let mut steps = finding.map(|finding| next_steps_of(finding, &course.passed)).unwrap_or_default();
        steps.extend(course.plan.iter().flat_map(other_ways));
        or_look(steps)
    }

    async fn diagnose(&mut self, course: &mut Course, mut evidence: Vec<Evidence>) -> Result<Finding, WorkflowError> {
        self.person.tell(Progress::Inspecting);
        let containers = match self.deployment.observe(&Query::Containers).await.answer {
            Answer::Fact(Fact::Containers(containers)) => containers,
            Answer::Refused(Refusal::Unavailable(what)) => {
                return Err(TargetError { what, hints: vec!["`repair doctor` checks the engine".to_owned()] }.into());
            }
            Answer::Fact(_) | Answer::Refused(_) => Vec::new(),
        };
        evidence.extend(container_errors(&containers));
        // Last, because as long as the files are refused nothing else can be repaired.
        evidence.extend(self.deployment.refusals());
        let findings = classify(&evidence, &containers);
        let blob = self.log.store(&serde_json::to_vec(&EvidenceBlob { evidence })?)?;
        let event = Event::Diagnosed { round: course.round, evidence: blob, findings: findings.clone() };
        self.log.append(Some(&course.session), event, Durability::Process)?;
        let primary = findings
            .first()
            .cloned()
            .ok_or_else(|| WorkflowError::Request { what: "nothing was found".to_owned(), hints: Vec::new() })?;
        course.findings = findings;
        self.person.tell(Progress::Found(&primary));
        Ok(primary)
    }

    async fn plan(&mut self, course: &Course, finding: &Finding) -> Result<Planning, WorkflowError> {
        self.person.tell(Progress::Planning);
        let history = History::fold(self.log.records()?)?;
        let tries = history.attempts_for(finding.class, self.clock.now(), HISTORY_TRIES_MAX);
        Ok(self.planner(course).plan(finding, &tries).await?)
    }

    fn planner<'p>(&'p mut self, course: &'p Course) -> Planner<'p, D, T, L> {
        Planner {
            deployment: self.deployment,
            tools: self.tools,
            log: self.log,
            clock: self.clock,
            settings: self.settings,
            target: self.target,
            policy: self.policies.digest(),
            bounds: self.policies.bounds(),
            session: &course.session,
            round: course.round,
        }
    }

    /// Records the plan, asks the policy, and where the policy says so a person, as often as the person chooses another
    /// way: another way is another plan, and is decided and asked anew.
    async fn approve(
        &mut self,
        course: &mut Course,
        mut draft: Box<Draft>,
        finding: &Finding,
    ) -> Result<Approval, WorkflowError> {
        loop {
            let decision = self.decide(course, &draft.frozen, finding)?;
            let risk = draft.frozen.plan().risk();
            let unattended = risk <= Risk::UNATTENDED_MAX && self.options.purpose != Purpose::Plan;
            let channel = match decision {
                Decision::Deny => {
                    let steps = denied_steps(&course.decided);
                    return Ok(Approval::Stop(Conclusion::Denied, steps));
                }
                Decision::Allow if unattended => Channel::Policy,
                Decision::Ask | Decision::Allow => match self.ask(course, &draft).await? {
                    (PersonsAnswer::Yes, channel) => channel,
                    (PersonsAnswer::No, channel) => {
                        let event = Event::ApprovalRefused {
                            plan: draft.frozen.digest(),
                            approver: self.options.approver.clone(),
                            channel,
                        };
                        self.log.append(Some(&course.session), event, Durability::Power)?;
                        let steps = other_ways(&draft.frozen);
                        return Ok(Approval::Stop(Conclusion::Declined, steps));
                    }
                    (PersonsAnswer::Later, _) if self.person.interrupted() => {
                        return Ok(Approval::Stop(Conclusion::Interrupted, Vec::new()));
                    }
                    (PersonsAnswer::Later, _) => {
                        return Ok(Approval::Stop(Conclusion::AwaitingApproval, Vec::new()));
                    }
                    (PersonsAnswer::Method(method), _) => {
                        let (proposal, params) = (draft.proposal.clone(), draft.params.clone());
                        let tool = draft.frozen.plan().tool.clone();
                        let resolved =
                            self.planner(course).freeze(&tool, finding, &proposal, &params, Some(method)).await;
                        match resolved {
                            Ok(other) => *draft = other,
                            Err(words) => self.person.tell(Progress::Void(&words)),
                        }
                        continue;
                    }
                },
            };
            let grant = self.grant(course, &draft.frozen, channel)?;
            return Ok(Approval::Granted(draft, grant));
        }
    }

    fn decide(
        &mut self,
        course: &mut Course,
        frozen: &FrozenPlan,
        finding: &Finding,
    ) -> Result<Decision, WorkflowError> {
        let event = Event::Planned {
            round: course.round,
            plan: frozen.digest(),
            blob: self.log.store(frozen.bytes())?,
            class: finding.class,
            steps: frozen.plan().steps.len().try_into().unwrap_or(u32::MAX),
        };
        self.log.append(Some(&course.session), event, Durability::Process)?;
        let attempts = self.attempts(finding.class)?;
        let plan = frozen.plan();
        course.decided = plan
            .steps
            .iter()
            .map(|step| {
                self.policies.decide(&Request {
                    tool: &plan.tool,
                    step,
                    target: self.target,
                    finding,
                    tool_confidence: plan.confidence,
                    attempts,
                    round: course.round,
                    interactive: self.person.interactive(),
                })
            })
            .collect();
        course.plan = Some(frozen.clone());
        let decision = strictest(&course.decided);
        let event = Event::PolicyAnswered { plan: frozen.digest(), decision, steps: course.decided.clone() };
        self.log.append(Some(&course.session), event, Durability::Process)?;
        Ok(decision)
    }

    fn attempts(&mut self, class: FailureClass) -> Result<u32, WorkflowError> {
        let since = self.clock.now().saturating_sub(SignedDuration::from_secs(ATTEMPT_WINDOW_SECONDS));
        let history = History::fold(self.log.records()?)?;
        Ok(since.map_or(u32::MAX, |since| history.attempts_since(class, since)))
    }

    async fn ask(&mut self, course: &mut Course, draft: &Draft) -> Result<(PersonsAnswer, Channel), WorkflowError> {
        let frozen = &draft.frozen;
        let only_plans = self.options.purpose == Purpose::Plan;
        if self.options.yes && !only_plans && yes_flag_covers(frozen.plan().risk()) {
            return Ok((PersonsAnswer::Yes, Channel::YesFlag));
        }
        let event = Event::ApprovalAsked { plan: frozen.digest() };
        self.log.append(Some(&course.session), event, Durability::Power)?;
        if !self.person.interactive() || only_plans {
            return Ok((PersonsAnswer::Later, Channel::Command));
        }
        let now = self.clock.now();
        let seconds = i64::try_from(self.policies.bounds().grant_seconds_max).unwrap_or(i64::MAX);
        let asked_ms = self.clock.monotonic_ms();
        let request = ApprovalRequest {
            session: &course.session,
            findings: &course.findings,
            frozen,
            decided: &course.decided,
            methods: &draft.methods,
            expires_at: now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now),
        };
        let answer = self.person.approve(&request).await;
        course.waited_ms += self.clock.monotonic_ms().saturating_sub(asked_ms);
        Ok((answer, Channel::Terminal))
    }

    /// Records a yes, and signs the log's end with it.
    fn grant(&mut self, course: &mut Course, frozen: &FrozenPlan, channel: Channel) -> Result<Grant, LogError> {
        let mut nonce = [0; 16];
        nonce[..12].copy_from_slice(&self.options.nonce_random);
        nonce[12..].copy_from_slice(&course.grants.to_be_bytes());
        course.grants += 1;
        let approver = match channel {
            Channel::Policy => "policy",
            Channel::Terminal | Channel::Command | Channel::YesFlag => &self.options.approver,
        };
        let seconds = self.policies.bounds().grant_seconds_max;
        let grant = approval::grant(frozen, &course.session, approver, channel, self.clock.now(), seconds, nonce);
        self.log.append(Some(&course.session), Event::Granted { grant: grant.clone() }, Durability::Power)?;
        self.log.sign_head()?;
        Ok(grant)
    }

    async fn carry_out(
        &mut self,
        course: &mut Course,
        frozen: &FrozenPlan,
        grant: &Grant,
    ) -> Result<Next, WorkflowError> {
        let execution = Executor {
            deployment: self.deployment,
            tools: self.tools,
            log: self.log,
            person: self.person,
            clock: self.clock,
            policies: self.policies,
            target: self.target,
            session: &course.session,
            round: course.round,
            reports: &mut course.steps,
            effect_ms: &mut course.effect_ms,
        }
        .carry_out(frozen, grant)
        .await?;
        match execution {
            Execution::Done => self.verify(course, frozen).await,
            Execution::Failed(output) => {
                let lines = output.iter().map(|line| crate::evidence::redacted(line)).collect();
                Ok(Next::Round(vec![Evidence {
                    provenance: Provenance::ComposeUp,
                    lines,
                    truncated: false,
                    lines_before: 0,
                }]))
            }
            Execution::Unclear(reason) => Ok(Next::Conclude(
                Conclusion::NotHealed(format!("it cannot be told whether a step happened: {reason}")),
                vec!["look at the services: `docker compose ps --all`; then run `repair` again".to_owned()],
            )),
            Execution::Interrupted => Ok(Next::Conclude(Conclusion::Interrupted, Vec::new())),
            Execution::Refused(refusal) => self.refused(frozen, refusal),
        }
    }

    fn refused(&mut self, frozen: &FrozenPlan, refusal: GateRefusal) -> Result<Next, WorkflowError> {
        Ok(match refusal {
            GateRefusal::Void(why) => {
                self.person.tell(Progress::Void(&why.to_string()));
                match why {
                    GrantVoid::Footprint(_) | GrantVoid::Policy | GrantVoid::Component => Next::Round(Vec::new()),
                    GrantVoid::Plan | GrantVoid::Session(_) | GrantVoid::Expired(_) | GrantVoid::NotYet(_) => {
                        Next::Conclude(
                            Conclusion::NotHealed(why.to_string()),
                            vec!["`repair plan` makes a new plan to approve".to_owned()],
                        )
                    }
                }
            }
            GateRefusal::Denied(why) => {
                Next::Conclude(Conclusion::Denied, std::iter::once(why).chain(other_ways(frozen)).collect())
            }
            GateRefusal::Exhausted(why) => Next::Conclude(Conclusion::NotHealed(why), or_look(other_ways(frozen))),
            GateRefusal::NotAllowed(why) => Next::Conclude(Conclusion::NotHealed(why), other_ways(frozen)),
        })
    }

    async fn verify(&mut self, course: &mut Course, frozen: &FrozenPlan) -> Result<Next, WorkflowError> {
        let looked_only = frozen.plan().risk() == Risk::ReadOnly;
        let verdict = if looked_only {
            self.deployment.verify().await?
        } else {
            verify(self.deployment, self.person, self.clock, self.policies.bounds()).await?
        };
        let event = Event::Verified { verdict: verdict.clone() };
        self.log.append(Some(&course.session), event, Durability::Process)?;
        let healthy = verdict.healthy();
        course.verdict = Some(verdict);
        if healthy {
            return Ok(Next::Conclude(Conclusion::Healed, Vec::new()));
        }
        if looked_only {
            // A plan that only looks repairs nothing, so asking again would go round in circles.
            let steps = course.steps.iter().filter_map(done_detail).chain(self.primary_steps(course)).collect();
            return Ok(Next::Conclude(Conclusion::NotHealed("a person has to look".to_owned()), steps));
        }
        Ok(Next::Round(Vec::new()))
    }
}

/// A target that does not answer ends the session, so that nothing is left behind as if it still ran.
fn not_healed_where_target_fails(error: WorkflowError) -> Result<Next, WorkflowError> {
    match error {
        WorkflowError::Target(error) => Ok(Next::Conclude(Conclusion::NotHealed(error.what), error.hints)),
        error => Err(error),
    }
}
