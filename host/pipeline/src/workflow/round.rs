//! One round: look at the target, name the failure, ask the tools for a plan.

use jiff::SignedDuration;
use repair_model::event::{Event, EvidenceBlob};
use repair_model::evidence::Evidence;
use repair_model::finding::{FailureClass, Finding};

use super::next_steps::{half_done, next_steps_of, or_look, other_ways};
use super::{Course, Next, Workflow, WorkflowError};
use crate::approval::{Person, Progress};
use crate::classification::{classify, point_to};
use crate::execution::{ATTEMPT_WINDOW_SECONDS, attempts_since};
use crate::outside::{Deployment, Durability, Inspection, Log, Tools};
use crate::planning::{Planner, Planning};
use crate::report::Conclusion;

/// Tries that a tool is told of.
const HISTORY_TRIES_MAX: usize = 32;

impl<D: Deployment, T: Tools, L: Log, P: Person> Workflow<'_, D, T, L, P> {
    /// Diagnoses and plans.
    pub(super) async fn round(&mut self, course: &mut Course, evidence: Vec<Evidence>) -> Result<Next, WorkflowError> {
        if self.person.interrupted() {
            return Ok(Next::Conclude(Conclusion::Interrupted, Vec::new()));
        }
        let bounds = self.policies.bounds().clone();
        if course.round >= bounds.rounds_max {
            let what = format!("not healed after {} rounds; the bound rounds_max is reached", course.round);
            return Ok(Next::Conclude(Conclusion::NotHealed(what), self.primary_steps(course)));
        }
        if self.worked_ms(course) > bounds.session_seconds_max * 1000 {
            let what = format!("not healed in time; the bound session_seconds_max is {}", bounds.session_seconds_max);
            return Ok(Next::Conclude(Conclusion::NotHealed(what), self.primary_steps(course)));
        }
        if course.round > 0 && self.target.azure().is_some() {
            // What was waited for, or what somebody else did meanwhile, may have been all that was missing.
            let verdict = self.deployment.verify().await?;
            if verdict.healthy() {
                self.record(&course.session, Event::Verified { verdict: verdict.clone() }, Durability::Process)?;
                course.verdict = Some(verdict);
                return Ok(Next::Conclude(Conclusion::Healed, Vec::new()));
            }
        }
        course.round += 1;
        let finding = self.diagnose(course, evidence).await?;
        if finding.confidence < bounds.confidence_floor_permille {
            let what = format!("{} is not certain enough to act upon ({})", finding.class, finding.confidence);
            return Ok(Next::Conclude(Conclusion::NotHealed(what), finding.next_steps));
        }
        match self.plan(course, &finding).await? {
            Planning::Draft(draft, passed) => {
                // Why the others passed is the cause that a person reads when this plan only looks.
                course.passed = passed;
                Ok(Next::Approve(draft))
            }
            // Whoever stopped it while a tool waited has not heard all tools out.
            Planning::Nothing(_) if self.person.interrupted() => {
                Ok(Next::Conclude(Conclusion::Interrupted, Vec::new()))
            }
            Planning::Nothing(passed) => {
                let mut steps = next_steps_of(&finding, &passed);
                steps.extend(half_done(&course.steps));
                course.passed = passed;
                Ok(Next::Conclude(Conclusion::NotHealed("no safe repair is known".to_owned()), steps))
            }
        }
    }

    /// The session's own work so far, over all of its processes.
    fn worked_ms(&self, course: &Course) -> u64 {
        let here_ms = self.clock.monotonic_ms().saturating_sub(course.started_ms + course.waited_ms);
        course.worked_before_ms.saturating_add(here_ms)
    }

    pub(super) fn primary_steps(&self, course: &Course) -> Vec<String> {
        let finding = course.findings.first();
        let mut steps = finding.map(|finding| next_steps_of(finding, &course.passed)).unwrap_or_default();
        steps.extend(course.plan.iter().flat_map(other_ways));
        or_look(steps)
    }

    async fn diagnose(&mut self, course: &mut Course, mut evidence: Vec<Evidence>) -> Result<Finding, WorkflowError> {
        self.person.tell(Progress::Inspecting);
        let Inspection { evidence: seen, containers, places_to_look } = self.deployment.inspect().await?;
        evidence.extend(seen);
        if evidence.is_empty() && self.target.azure().is_some() {
            // Azure keeps no trace of a deployment that it refused before it began, and what failed then still has to be
            // done. An engine says itself what is wrong now, and what was wrong at first may be long gone.
            let first = self.session_now(&course.session)?.first_evidence;
            evidence = self.evidence_of(first)?;
        }
        let mut findings = classify(&evidence, &containers);
        point_to(&places_to_look, &mut findings);
        let blob = self.log.store(&serde_json::to_vec(&EvidenceBlob { evidence })?)?;
        let event = Event::Diagnosed { round: course.round, evidence: blob, findings: findings.clone() };
        self.record(&course.session, event, Durability::Process)?;
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
        let history = self.folded.of(self.log)?;
        let tries = history.attempts_for(finding.class, self.clock.now(), HISTORY_TRIES_MAX);
        let attempts = self.attempts(finding.class)?;
        Ok(self.planner(course, attempts).plan(finding, &tries).await?)
    }

    pub(super) fn planner<'p>(&'p mut self, course: &'p Course, attempts: u32) -> Planner<'p, D, T, L> {
        Planner {
            deployment: self.deployment,
            tools: self.tools,
            log: self.log,
            clock: self.clock,
            settings: self.settings,
            target: self.target,
            policies: self.policies,
            bounds: self.policies.bounds(),
            attempts,
            interactive: self.person.interactive(),
            session: &course.session,
            round: course.round,
        }
    }

    /// Effects begun for `class` within the last hour, those of other projects of the directory too.
    pub(super) fn attempts(&mut self, class: FailureClass) -> Result<u32, WorkflowError> {
        let since = self.clock.now().saturating_sub(SignedDuration::from_secs(ATTEMPT_WINDOW_SECONDS));
        let history = self.folded.of(self.log)?;
        let elsewhere = &self.options.elsewhere;
        Ok(since.map_or(u32::MAX, |since| attempts_since(history, elsewhere, Some(class), since)))
    }
}
