//! Carrying a granted plan out, and what follows from how that went: verification, another round, or an end.

use repair_model::event::{BlockReason, Event};
use repair_model::grant::{Grant, GrantVoid};
use repair_model::plan::FrozenPlan;

use super::next_steps::{done_detail, or_look, other_ways};
use super::resuming::draft_of;
use super::{Course, Next, Workflow, WorkflowError};
use crate::approval::{Person, Progress};
use crate::execution::{Execution, Executor, GateRefusal};
use crate::outside::{Deployment, Durability, Log, Tools};
use crate::report::Conclusion;
use crate::verification::verify;

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    /// Carries `frozen` out under `grant`, from the step of the number `from` on.
    pub(super) async fn carry_out(
        &mut self,
        course: &mut Course,
        frozen: &FrozenPlan,
        grant: &Grant,
        from: usize,
    ) -> Result<Next, WorkflowError> {
        let execution = Executor {
            deployment: self.deployment,
            tools: self.tools,
            log: self.log,
            folded: &mut self.folded,
            person: self.person,
            clock: self.clock,
            policies: self.policies,
            target: self.target,
            session: &course.session,
            round: course.round,
            elsewhere: &self.options.elsewhere,
            reports: &mut course.steps,
            effect_ms: &mut course.effect_ms,
        }
        .carry_out(frozen, grant, from)
        .await?;
        match execution {
            Execution::Done => Ok(Next::Verify(Box::new(frozen.clone()))),
            Execution::Failed => self.another_round(&course.session),
            // It goes on where it was begun, and whoever stopped the waiting is not asked what came of it.
            Execution::Unclear(reason) if self.person.interrupted() => {
                self.person.tell(Progress::Waiting(&reason));
                Ok(Next::Conclude(Conclusion::Interrupted, Vec::new()))
            }
            Execution::Unclear(reason) => self.unclear(course, reason).await,
            Execution::Abandoned(reason) if self.person.interrupted() => {
                self.person.tell(Progress::Void(&reason));
                Ok(Next::Conclude(Conclusion::Interrupted, Vec::new()))
            }
            Execution::Abandoned(reason) => Ok(Next::Conclude(Conclusion::Suspended(reason), Vec::new())),
            Execution::Interrupted => Ok(Next::Conclude(Conclusion::Interrupted, Vec::new())),
            Execution::Refused(refusal) => self.refused(course, frozen, refusal),
        }
    }

    /// A step of which its own effect cannot say whether it happened: its probe is asked, then the person.
    async fn unclear(&mut self, course: &mut Course, reason: String) -> Result<Next, WorkflowError> {
        let session = self.session_now(&course.session)?;
        match self.settle_unknown(course, &session, None).await? {
            Some(outcome) => {
                if let Some(last) = course.steps.last_mut() {
                    last.outcome = outcome;
                }
                self.where_it_stands(&course.session).await
            }
            None => {
                let steps = self.ways_to_settle(&session);
                Ok(Next::Conclude(Conclusion::Blocked(BlockReason::PersonNeeded, reason), steps))
            }
        }
    }

    fn refused(
        &mut self,
        course: &mut Course,
        frozen: &FrozenPlan,
        refusal: GateRefusal,
    ) -> Result<Next, WorkflowError> {
        Ok(match refusal {
            GateRefusal::Void(why) => {
                self.person.tell(Progress::Void(&why.to_string()));
                match why {
                    GrantVoid::Footprint(_) | GrantVoid::Policy | GrantVoid::Component => {
                        self.another_round(&course.session)?
                    }
                    // The plan still stands; whether the yes does is asked anew, and what is done of it stays done.
                    GrantVoid::Expired(_) | GrantVoid::NotYet(_) if !course.asked_anew => {
                        course.asked_anew = true;
                        Next::Approve(Box::new(draft_of(frozen.clone())))
                    }
                    GrantVoid::Expired(_) | GrantVoid::NotYet(_) => Next::Conclude(
                        Conclusion::Suspended(why.to_string()),
                        vec![format!("`repair resume {}` asks for the plan again", course.session)],
                    ),
                    GrantVoid::Plan | GrantVoid::Session(_) => Next::Conclude(
                        Conclusion::NotHealed(why.to_string()),
                        vec!["`repair plan` makes a new plan to approve".to_owned()],
                    ),
                }
            }
            GateRefusal::Denied(why) => {
                Next::Conclude(Conclusion::Denied, std::iter::once(why).chain(other_ways(frozen)).collect())
            }
            GateRefusal::Exhausted(why) => Next::Conclude(Conclusion::NotHealed(why), or_look(other_ways(frozen))),
            GateRefusal::NotAllowed(why) => Next::Conclude(Conclusion::NotHealed(why), other_ways(frozen)),
        })
    }

    /// Looks afresh, and says whether the target is healthy now.
    pub(super) async fn verify(&mut self, course: &mut Course, frozen: &FrozenPlan) -> Result<Next, WorkflowError> {
        let looked_only = frozen.plan().only_looks();
        let verdict = if looked_only {
            self.deployment.verify().await?
        } else {
            verify(self.deployment, self.person, self.clock, self.policies.bounds()).await?
        };
        let event = Event::Verified { verdict: verdict.clone() };
        self.record(&course.session, event, Durability::Process)?;
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
        self.another_round(&course.session)
    }
}
