//! What the engine remembers of a project's recent past. A container that the engine has started again shows no trace of
//! how it ended before: its exit code and its OOM flag are those of the run that goes on.
//!
//! The engine keeps few events and forgets them when it restarts, so nothing found here is no proof of anything.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use bollard::query_parameters::EventsOptionsBuilder;
use futures_util::TryStreamExt as _;
use jiff::{SignedDuration, Timestamp};

use super::answers::PROJECT;
use super::connection::Engine;

/// How far back events are asked for, in seconds. A container that crashes at once is started again after at most a minute.
const PAST_SECONDS: i64 = 10 * 60;
/// Events of one project that are read.
const EVENTS_MAX: usize = 1000;
/// Wall time for all of it; an engine whose clock is behind would wait for the end of the period.
const PATIENCE: Duration = Duration::from_secs(2);

/// How a container ended lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct RecentPast {
    /// Times that the kernel killed something in it for memory.
    pub oom_kills: u32,
    /// Times that it ended with an error.
    pub deaths: u32,
}

impl Engine {
    /// The recent past of the project's containers, by full id. What the engine does not tell in time counts as nothing.
    pub(super) async fn recent_past(&self, project: &str, now: Timestamp) -> BTreeMap<String, RecentPast> {
        let since = now.saturating_sub(SignedDuration::from_secs(PAST_SECONDS)).unwrap_or(now);
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), vec!["oom".to_owned(), "die".to_owned()]),
            ("label".to_owned(), vec![format!("{PROJECT}={project}")]),
        ]);
        let options = EventsOptionsBuilder::default()
            .since(&since.as_second().to_string())
            .until(&now.as_second().to_string())
            .filters(&filters)
            .build();
        let mut events = self.docker().events(Some(options));
        let mut past: BTreeMap<String, RecentPast> = BTreeMap::new();
        let read = async {
            let mut left = EVENTS_MAX;
            while let (Ok(Some(event)), true) = (events.try_next().await, left > 0) {
                left -= 1;
                let actor = event.actor.unwrap_or_default();
                let exit_code = actor.attributes.as_ref().and_then(|named| named.get("exitCode")).map(String::as_str);
                let Some(id) = actor.id else { continue };
                count(past.entry(id).or_default(), event.action.as_deref().unwrap_or_default(), exit_code);
            }
        };
        // Whatever came until then is true.
        let _ = tokio::time::timeout(PATIENCE, read).await;
        past
    }
}

/// SIGKILL and SIGTERM are how people stop containers, so such an end is no death.
fn count(past: &mut RecentPast, action: &str, exit_code: Option<&str>) {
    match action {
        "oom" => past.oom_kills += 1,
        "die" if !matches!(exit_code, None | Some("0" | "137" | "143")) => past.deaths += 1,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_and_kills_for_memory_count_and_a_stop_does_not() {
        let mut past = RecentPast::default();
        for (action, exit_code) in [
            ("die", Some("1")),
            ("die", Some("0")),
            ("die", Some("143")),
            ("die", None),
            ("oom", None),
            ("start", None),
        ] {
            count(&mut past, action, exit_code);
        }
        assert_eq!(past, RecentPast { oom_kills: 1, deaths: 1 });
    }
}
