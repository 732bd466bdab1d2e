//! The decision, from the case to the reply.

use repair_tool_sdk::action::Action;
use repair_tool_sdk::case::{Case, Query};
use repair_tool_sdk::reply::{Reply, Stop};

use crate::Params;

/// That the logs help a person to see where the memory went, in permille.
const CONFIDENCE: u16 = 800;

/// Collects what the services have said that were killed for memory.
///
/// # Errors
/// See [`Stop`].
pub fn decide(case: &Case, params: &Params) -> Result<Reply, Stop> {
    // `?` asks the host for what is not known yet, and declines with the reason for what it refuses.
    let project = case.project()?;
    let containers = project.by_service();
    let was_killed = |name: &String| containers.of(name).iter().any(|container| container.oom_killed);
    let killed: Vec<String> = project.services.iter().map(|service| service.name.clone()).filter(was_killed).collect();
    if killed.is_empty() && (case.is_cut(&Query::ComposeModel) || case.is_cut(&Query::Containers)) {
        return Ok(Reply::decline(
            "The project is larger than `repair` can look at. Look with `docker compose ps --all`.",
        ));
    }
    if killed.is_empty() {
        return Ok(Reply::decline(
            "No container of this project is marked as killed for memory, perhaps because it was started again. Compare \
             `docker stats` with the `mem_limit` of each service.",
        ));
    }
    let listed = killed.join("`, `");
    let bundle = Action::collect_logs(killed, params.lines_max);
    // Such a bundle heals nothing, so each that was written counts as in vain; so does each that could not be.
    if case.tries_in_vain(&bundle).iter().any(|attempt| !attempt.failed()) {
        return Ok(Reply::decline(format!(
            "The logs of `{listed}` were collected already; `repair show` names the file. Read what they did last, then \
             raise their `mem_limit` or lower what they use."
        )));
    }
    if let Some(last) = case.spent(std::slice::from_ref(&bundle)) {
        return Ok(Reply::decline(format!(
            "The logs of `{listed}` could not be written ({}). Read them with `docker compose logs --tail 200`.",
            last.outcome
        )));
    }
    let reason =
        format!("The kernel killed `{listed}` for memory. What they said last tells what they were doing. Nothing is changed.");
    Ok(Reply::propose(reason, CONFIDENCE, [bundle]))
}
