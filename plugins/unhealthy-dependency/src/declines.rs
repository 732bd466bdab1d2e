//! Why nothing is restarted, and what a person could do next.

use repair_tool_sdk::project::{ByService, Health, Project};
use repair_tool_sdk::reply::{Reply, by_count, times};

use crate::culprit::{Culprit, Hopeless};
use crate::decide::listed;

/// A list that was cut may hide what is deeper.
pub(crate) fn incomplete() -> Reply {
    Reply::decline(
        "The project is larger than `repair` can look at, so the service to begin with cannot be told. See which is not well \
         with `docker compose ps --all`.",
    )
}

/// Another restart is of no use; `words` are the culprit's own.
pub(crate) fn given_up(culprit: &Culprit<'_>, why: Hopeless<'_>, words: &str) -> Reply {
    let name = culprit.name();
    let what = match why {
        Hopeless::CrashLoop => {
            let code = culprit.container.exit_code.map(|code| format!(" with exit code {code}")).unwrap_or_default();
            format!(
                "`{name}` is in a crash loop: it ends{code}, and the engine has restarted it {}. Another restart would end \
                 in the same way.",
                times(culprit.container.restarts as usize)
            )
        }
        Hopeless::OutOfMemory => format!(
            "The kernel killed `{name}` for memory, and would again after a restart. Raise its memory limit or lower its use."
        ),
        Hopeless::NotStarted(error) => format!("The engine cannot start `{name}`: {error}."),
    };
    Reply::decline(format!("{what}{words}{}", correct_it(name)))
}

/// It was started anew, and has not become well.
pub(crate) fn tried(culprit: &Culprit<'_>, tries: usize, words: &str) -> Reply {
    let name = culprit.name();
    Reply::decline(format!(
        "`{name}` was started anew {} within an hour, and it {} again, so it is given up.{words}{}",
        times(tries),
        culprit.in_words(),
        correct_it(name)
    ))
}

fn correct_it(name: &str) -> String {
    format!(" Correct the cause there: `docker compose logs --tail 80 {name}`; then run `repair` again.")
}

/// Its time may only be too short.
pub(crate) fn still_starting(name: &str, waited_seconds: u32) -> Reply {
    Reply::decline(format!(
        "`{name}` is still starting after {waited_seconds} s of waiting, and a restart would only begin anew. If it needs so \
         long, raise `start_period` or `retries` of its `healthcheck`."
    ))
}

/// It did not fail, and nobody can wait for it.
pub(crate) fn ended_by_itself(name: &str) -> Reply {
    Reply::decline(format!(
        "`{name}` has ended by itself with exit code 0 although others wait for it, so a restart would end in the same way. If \
         it is a job, let the others wait for its end: `condition: service_completed_successfully`; else let its command go \
         on running: `docker compose logs --tail 80 {name}` shows what it did."
    ))
}

/// What the finding is about is well by now, or nobody waits for it.
pub(crate) fn nothing_failed(project: &Project<'_>, containers: &ByService<'_>) -> Reply {
    let names = project.services.iter().map(|service| service.name.as_str());
    let alone: Vec<&str> = names
        .filter(|name| containers.of(name).iter().any(|one| one.is_up() && one.health == Health::Unhealthy))
        .collect();
    match alone.as_slice() {
        [] => Reply::decline("Nothing that other services wait for has failed now."),
        alone => Reply::decline(format!(
            "Nothing that other services wait for has failed. {} {}.",
            listed(alone),
            by_count(
                alone.len(),
                "fails its health check, and no other service waits for it: `docker compose logs --tail 80` shows what it \
                 says",
                "fail their health checks, and no other service waits for them: `docker compose logs --tail 80` shows what \
                 they say",
            )
        )),
    }
}
