//! From a draft to a yes: the policy answers, and where it says so a person does, as often as they choose another way.

use jiff::SignedDuration;
use repair_model::decision::Decision;
use repair_model::event::Event;
use repair_model::finding::Finding;
use repair_model::grant::{Channel, Grant};
use repair_model::plan::FrozenPlan;
use repair_model::risk::Risk;

use super::next_steps::{denied_steps, other_ways};
use super::{Approval, Course, Next, Workflow, WorkflowError};
use crate::approval::{
    self, ApprovalRequest, Person, PersonsAnswer, Progress, names_what_is_lost, strictest, yes_flag_covers,
};
use crate::outside::{Deployment, Durability, Log, LogError, Tools};
use crate::planning::Draft;
use crate::policy::Request;
use crate::report::Conclusion;

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    pub(super) async fn decide_and_carry_out(
        &mut self,
        course: &mut Course,
        draft: Box<Draft>,
    ) -> Result<Next, WorkflowError> {
        let finding = draft.frozen.plan().finding.clone();
        Ok(match self.approve(course, draft, &finding).await? {
            Approval::Stop(conclusion, steps) => Next::Conclude(conclusion, steps),
            Approval::Granted(draft, grant) => {
                let done = self.session_now(&course.session)?.done_steps();
                Next::CarryOut(Box::new(draft.frozen), grant, done)
            }
        })
    }

    /// Records the plan, asks the policy, and where the policy says so a person. Another way is another plan, and is
    /// decided and asked anew.
    async fn approve(
        &mut self,
        course: &mut Course,
        mut draft: Box<Draft>,
        finding: &Finding,
    ) -> Result<Approval, WorkflowError> {
        loop {
            let decision = self.decide(course, &draft.frozen, finding)?;
            let unattended = draft.frozen.plan().risk() <= Risk::UNATTENDED_MAX && !course.only_plans;
            let (channel, typed) = match decision {
                Decision::Deny => {
                    let steps = denied_steps(&course.decided);
                    return Ok(Approval::Stop(Conclusion::Denied, steps));
                }
                Decision::Allow if unattended => (Channel::Policy, Vec::new()),
                Decision::Ask | Decision::Allow => match self.ask(course, &draft).await? {
                    Answer::Yes(channel, typed) => (channel, typed),
                    Answer::Granted(grant) => return Ok(Approval::Granted(draft, grant)),
                    Answer::Stop(conclusion) => {
                        let ways = (conclusion == Conclusion::Declined).then(|| other_ways(&draft.frozen));
                        return Ok(Approval::Stop(conclusion, ways.unwrap_or_default()));
                    }
                    Answer::OtherWay(method) if !draft.methods.contains(&method) => {
                        self.person.tell(Progress::Void("there is no such choice"));
                        continue;
                    }
                    Answer::OtherWay(method) => {
                        let (proposal, params) = (draft.proposal.clone(), draft.params.clone());
                        let tool = draft.frozen.plan().tool.clone();
                        let resolved =
                            self.planner(course, 0).freeze(&tool, finding, &proposal, &params, Some(method)).await;
                        match resolved {
                            Ok(other) => *draft = other,
                            Err(words) => self.person.tell(Progress::Void(&words)),
                        }
                        continue;
                    }
                },
            };
            let grant = self.grant(course, &draft.frozen, channel, typed)?;
            return Ok(Approval::Granted(draft, Box::new(grant)));
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
            tool: frozen.plan().tool.clone(),
            class: finding.class,
            steps: frozen.plan().steps.len().try_into().unwrap_or(u32::MAX),
        };
        self.record(&course.session, event, Durability::Process)?;
        let attempts = self.attempts(finding.class)?;
        let plan = frozen.plan();
        course.decided = plan
            .steps
            .iter()
            .map(|step| {
                self.policies.decide(&Request {
                    tool: &plan.tool,
                    built_in: self.tools.is_built_in(&plan.tool.id),
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
        self.record(&course.session, event, Durability::Process)?;
        Ok(decision)
    }

    async fn ask(&mut self, course: &mut Course, draft: &Draft) -> Result<Answer, WorkflowError> {
        let frozen = &draft.frozen;
        if self.options.yes && !course.only_plans && yes_flag_covers(frozen.plan().risk()) {
            return Ok(Answer::Yes(Channel::YesFlag, Vec::new()));
        }
        self.record(&course.session, Event::ApprovalAsked { plan: frozen.digest() }, Durability::Power)?;
        if !self.person.interactive() || course.only_plans {
            return Ok(Answer::Stop(Conclusion::AwaitingApproval));
        }
        let now = self.clock.now();
        let seconds = i64::try_from(self.policies.bounds().grant_seconds_max).unwrap_or(i64::MAX);
        let asked_ms = self.clock.monotonic_ms();
        let request = ApprovalRequest {
            session: &course.session,
            findings: &course.findings,
            frozen,
            built_in: self.tools.is_built_in(&frozen.plan().tool.id),
            decided: &course.decided,
            methods: &draft.methods,
            expires_at: now.saturating_add(SignedDuration::from_secs(seconds)).unwrap_or(now),
        };
        let answer = self.person.approve(&request).await;
        course.waited_ms += self.clock.monotonic_ms().saturating_sub(asked_ms);
        self.weigh(course, frozen, answer)
    }

    /// Sets the person's answer beside what others recorded while they were asked.
    fn weigh(&mut self, course: &Course, frozen: &FrozenPlan, answer: PersonsAnswer) -> Result<Answer, WorkflowError> {
        let session = self.session_now(&course.session)?;
        if session.status.is_final() {
            return Ok(Answer::Stop(Conclusion::GivenUp));
        }
        let granted = session.unused_grant(frozen.digest()).cloned();
        Ok(match (answer, granted) {
            (PersonsAnswer::No, _) => {
                let event = Event::ApprovalRefused {
                    plan: frozen.digest(),
                    approver: self.options.approver.clone(),
                    channel: Channel::Terminal,
                };
                self.record(&course.session, event, Durability::Power)?;
                Answer::Stop(Conclusion::Declined)
            }
            (PersonsAnswer::Yes, _) if frozen.plan().lost().is_empty() => Answer::Yes(Channel::Terminal, Vec::new()),
            (PersonsAnswer::Typed(typed), _) if names_what_is_lost(frozen.plan(), &typed) => {
                Answer::Yes(Channel::Terminal, typed)
            }
            (PersonsAnswer::Yes | PersonsAnswer::Typed(_), _) => Answer::Stop(Conclusion::AwaitingApproval),
            (PersonsAnswer::Method(method), _) => Answer::OtherWay(method),
            (PersonsAnswer::Later, _) if self.person.interrupted() => Answer::Stop(Conclusion::Interrupted),
            (PersonsAnswer::Later, Some(grant)) => {
                self.go_on(&course.session)?;
                Answer::Granted(Box::new(grant))
            }
            (PersonsAnswer::Later, None) => Answer::Stop(Conclusion::AwaitingApproval),
        })
    }

    /// Records a yes, and signs the log's end with it.
    pub(super) fn grant(
        &mut self,
        course: &mut Course,
        frozen: &FrozenPlan,
        channel: Channel,
        typed: Vec<String>,
    ) -> Result<Grant, LogError> {
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
        let grant = Grant { typed, ..grant };
        self.record(&course.session, Event::Granted { grant: grant.clone() }, Durability::Power)?;
        self.log.sign_head()?;
        Ok(grant)
    }
}

/// What came of asking.
enum Answer {
    /// Yes, and how it was said.
    Yes(Channel, Vec<String>),
    /// Somebody has said yes from elsewhere meanwhile.
    Granted(Box<Grant>),
    /// Do it there instead.
    OtherWay(repair_model::plan::EditMethod),
    /// Not now, or not at all.
    Stop(Conclusion),
}
