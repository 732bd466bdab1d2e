//! Verification: a fresh look at the whole target, independent of what was done to it.
//!
//! A service counts once it runs and its health check, if it has one, passes; a job counts once it has ended with 0.
//! Running right after a start proves little, so a service that cannot say that it is healthy is looked at twice.

use repair_model::bounds::Bounds;
use repair_model::outcome::Verdict;

use crate::approval::{Person, Progress};
use crate::outside::{Clock, Deployment, TargetError};

/// Time between two looks while services settle, in milliseconds.
pub const LOOK_INTERVAL_MS: u64 = 150;

/// Looks until the target is healthy, cannot become healthy by waiting, or the bound is reached.
///
/// # Errors
/// When the engine does not answer.
pub async fn verify<D: Deployment, P: Person>(
    deployment: &mut D,
    person: &mut P,
    clock: &dyn Clock,
    bounds: &Bounds,
) -> Result<Verdict, TargetError> {
    let deadline_ms = clock.monotonic_ms() + bounds.verify_seconds_max * 1000;
    let mut healthy_before = false;
    loop {
        let verdict = deployment.verify().await?;
        person.tell(Progress::Verifying(&verdict));
        let healthy = verdict.healthy();
        if healthy && healthy_before {
            return Ok(verdict);
        }
        let waiting_is_useless = !healthy && !verdict.settling() && !probes_alone_fail(&verdict);
        if waiting_is_useless || clock.monotonic_ms() >= deadline_ms || person.interrupted() {
            return Ok(verdict);
        }
        healthy_before = healthy;
        deployment.pause_ms(LOOK_INTERVAL_MS).await;
    }
}

/// A server may need a moment before its probe answers, though its container runs.
fn probes_alone_fail(verdict: &Verdict) -> bool {
    !verdict.services.is_empty() && verdict.services.iter().all(|service| service.healthy)
}
