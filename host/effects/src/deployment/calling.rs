//! One call that changes something, from its start to its outcome: a process of Compose under the lease, or a request that
//! the engine answers.

use std::ops::ControlFlow;
use std::time::Duration;

use repair_model::evidence::Provenance;
use repair_model::outcome::Outcome;
use repair_model::text::escaped;
use repair_pipeline::evidence::{from_text, redacted};
use repair_pipeline::outside::{EffectContext, LogError};

use crate::compose::command::ComposeCommand;
use crate::docker::changes::{Answer, Patience};
use crate::process::{Finished, Invocation, ProcessError, RunOptions, run};

/// Lines of a failed call that are kept as its outcome and shown to the next round.
const OUTPUT_LINES_KEPT: usize = 40;

/// Runs Compose within the bounds of `context`. `what` names the call, such as `compose up`.
pub(super) async fn call(invocation: &Invocation, what: &str, context: EffectContext<'_>) -> Result<Outcome, LogError> {
    let EffectContext { lease, bounds, started, progress, interrupted, .. } = context;
    let seconds_max = bounds.up_seconds_max;
    let mut log_failure = None;
    let mut on_start = |group| match started(group) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            log_failure = Some(error);
            ControlFlow::Break(())
        }
    };
    let mut on_line = |_, line: &str| progress(&escaped(&redacted(line.trim_end())));
    let options = RunOptions {
        timeout: Duration::from_secs(seconds_max),
        output_bytes_max: ComposeCommand::OUTPUT_BYTES_MAX,
        lease,
        started: Some(&mut on_start),
        on_line: Some(&mut on_line),
        interrupted: Some(interrupted),
    };
    let finished = run(invocation, options).await;
    if let Some(error) = log_failure {
        return Err(error);
    }
    let finished = match finished {
        Ok(finished) => finished,
        Err(ProcessError::Watch { .. }) => {
            let reason = format!(
                "`{what}` was started and could not be watched: if it came to its end by itself, it happened; if it was cut \
                 off, it did not"
            );
            return Ok(Outcome::Unclear { reason });
        }
        Err(error @ (ProcessError::Start { .. } | ProcessError::Abandoned { .. })) => {
            return Ok(failed(error.to_string()));
        }
    };
    Ok(outcome_of_process(finished, what, seconds_max))
}

/// What a process that has ended came to.
fn outcome_of_process(finished: Finished, what: &str, seconds_max: u64) -> Outcome {
    // Whoever ended with 0 was done when the wish to stop reached it; Compose that gives up half-way ends with 130.
    if finished.succeeded() || finished.succeeded_before_the_interruption() {
        return Outcome::Done { detail: format!("`{what}` ended with 0") };
    }
    if finished.interrupted {
        return Outcome::Abandoned { reason: format!("`{what}` was ended before it was done, as you wished to stop") };
    }
    let error = match finished.timed_out {
        true => format!("`{what}` was ended after {seconds_max} s"),
        false => format!("`{what}` ended with {}", finished.exit_code()),
    };
    let text = finished.stderr.into_text();
    let evidence = from_text(Provenance::ComposeUp, text.as_bytes());
    let kept = evidence.lines.len().saturating_sub(OUTPUT_LINES_KEPT);
    Outcome::Failed { error, output: evidence.lines[kept..].to_vec() }
}

/// How long the engine's answer is waited for within the bounds of `context`.
pub(super) fn patience<'a>(context: &EffectContext<'a>) -> Patience<'a> {
    Patience { whole: Duration::from_secs(context.bounds.up_seconds_max), interrupted: context.interrupted }
}

/// What a request to the engine came to. `done` says what was done, `what` names the request in an infinitive, such as
/// ``remove `x` ``; `gone` is what it means that there is no such thing any more.
pub(super) fn outcome_of(answer: Answer, done: String, what: &str, gone: Outcome) -> Outcome {
    match answer {
        Answer::Done => Outcome::Done { detail: done },
        Answer::Gone => gone,
        Answer::Refused(words) => {
            let words = escaped(&redacted(&words));
            Outcome::Failed { error: format!("the engine refused to {what}: {words}"), output: vec![words] }
        }
        Answer::NotSent(why) => failed(format!("the request to {what} was not sent: {why}")),
        Answer::Unclear(why) => Outcome::Unclear {
            reason: format!(
                "the engine was asked to {what}: if it carried that out, it happened; if the request was lost, it did not ({})",
                escaped(&redacted(&why))
            ),
        },
    }
}

pub(super) fn failed(error: String) -> Outcome {
    Outcome::Failed { error, output: Vec::new() }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use repair_model::bounds::Bounds;
    use repair_pipeline::outside::EffectId;

    use super::*;

    /// What becomes of a shell's script that is asked to stop once it runs, or runs out of time.
    async fn called(script: &str, stop: bool, seconds_max: u64) -> Outcome {
        let looks = Cell::new(0);
        let interrupted = || {
            looks.set(looks.get() + 1);
            stop && looks.get() > 4
        };
        let session = "20260131-235959-0a1b2c3d".parse().expect("an id");
        let context = EffectContext {
            effect: EffectId { session, place: 0, operation: None },
            lease: Vec::new(),
            bounds: &Bounds { up_seconds_max: seconds_max, ..Bounds::default() },
            started: &mut |_| Ok(()),
            accepted: &mut |_| Ok(()),
            progress: &mut |_| {},
            waiting: &mut |_| {},
            interrupted: &interrupted,
        };
        call(&Invocation::new("/bin/sh", ["-c", script]), "compose up", context).await.expect("no log is written")
    }

    #[tokio::test]
    async fn a_call_that_a_person_stopped_was_abandoned_and_one_out_of_time_failed() {
        let stopped = called("trap 'exit 130' TERM; sleep 60 & wait", true, 60).await;
        assert!(matches!(&stopped, Outcome::Abandoned { reason } if reason.contains("compose up")), "{stopped:?}");
        let killed = called("sleep 60", true, 60).await;
        assert!(matches!(killed, Outcome::Abandoned { .. }), "{killed:?}");
        let late = called("sleep 60", false, 1).await;
        assert!(matches!(&late, Outcome::Failed { error, .. } if error.contains("after 1 s")), "{late:?}");
    }

    #[tokio::test]
    async fn a_call_that_was_done_when_the_wish_to_stop_reached_it_is_done() {
        let done = called("trap 'exit 0' TERM; sleep 60 & wait", true, 60).await;
        assert_eq!(done, Outcome::Done { detail: "`compose up` ended with 0".to_owned() });
    }

    #[test]
    fn an_answer_that_did_not_come_is_no_failure_and_no_success() {
        let of = |answer| outcome_of(answer, "`x` is removed".to_owned(), "remove `x`", failed("gone".to_owned()));
        assert_eq!(of(Answer::Done), Outcome::Done { detail: "`x` is removed".to_owned() });
        assert!(matches!(of(Answer::Unclear("no answer".to_owned())), Outcome::Unclear { .. }));
        for not_done in [Answer::Gone, Answer::NotSent(String::new()), Answer::Refused("it runs".to_owned())] {
            assert!(matches!(of(not_done.clone()), Outcome::Failed { .. }), "{not_done:?}");
        }
    }

    #[test]
    fn the_engines_words_reach_the_log_without_secrets_and_control_characters() {
        let words = "no: password=hunter22hunter \u{1b}[2J".to_owned();
        let outcome = outcome_of(Answer::Refused(words), String::new(), "remove `x`", failed(String::new()));
        let Outcome::Failed { error, output } = outcome else { panic!("{outcome:?}") };
        for said in output.iter().chain([&error]) {
            assert!(!said.contains("hunter22") && !said.contains('\u{1b}'), "{said}");
        }
    }
}
