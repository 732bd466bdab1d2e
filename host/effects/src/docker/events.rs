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
pub(crate) const PAST_SECONDS: i64 = 10 * 60;
/// Events of one project that are read.
const EVENTS_MAX: usize = 1000;
/// Wall time for all of it; an engine whose clock is behind would wait for the end of the period.
const PATIENCE: Duration = Duration::from_secs(2);

/// What a container went through lately. Times are the engine's, in nanoseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RecentPast {
    /// Times that the kernel killed something in it for memory.
    pub oom_kills: u32,
    /// Times that it ended with an error.
    pub deaths: u32,
    /// When it was started the last time.
    pub started: Option<i64>,
    /// When it ended the last time, for whatever reason.
    pub ended: Option<i64>,
    /// When somebody's request to stop it was carried out the last time.
    pub stopped: Option<i64>,
    /// The name that it had the last time that it was heard of.
    pub name: Option<String>,
}

impl Engine {
    /// The recent past of the project's containers, also of those that are gone, by full id. What the engine does not tell in time counts as nothing.
    pub(super) async fn recent_past(&self, project: &str, now: Timestamp) -> BTreeMap<String, RecentPast> {
        let since = now.saturating_sub(SignedDuration::from_secs(PAST_SECONDS)).unwrap_or(now);
        let filters = HashMap::from([
            ("type".to_owned(), vec!["container".to_owned()]),
            ("event".to_owned(), ["oom", "die", "start", "stop", "create", "destroy"].map(str::to_owned).to_vec()),
            ("label".to_owned(), vec![format!("{PROJECT}={project}")]),
        ]);
        let options = EventsOptionsBuilder::default()
            .since(&since.as_second().to_string())
            .until(&until(now))
            .filters(&filters)
            .build();
        let mut events = self.docker().events(Some(options));
        let mut past: BTreeMap<String, RecentPast> = BTreeMap::new();
        let read = async {
            let mut left = EVENTS_MAX;
            while let (Ok(Some(event)), true) = (events.try_next().await, left > 0) {
                left -= 1;
                let actor = event.actor.unwrap_or_default();
                let attributes = actor.attributes.unwrap_or_default();
                let Some(id) = actor.id else { continue };
                let at = event.time_nano.unwrap_or_default();
                let exit_code = attributes.get("exitCode").map(String::as_str);
                let of_container = past.entry(id).or_default();
                count(of_container, event.action.as_deref().unwrap_or_default(), exit_code, at);
                of_container.name = attributes.get("name").cloned().or(of_container.name.take());
            }
        };
        // Whatever came until then is true.
        let _ = tokio::time::timeout(PATIENCE, read).await;
        past
    }
}

/// The moment to the nanosecond, as the Engine API takes it: whole seconds would leave out what has just happened.
fn until(now: Timestamp) -> String {
    format!("{}.{:09}", now.as_second(), now.subsec_nanosecond())
}

/// SIGKILL and SIGTERM are how people stop containers, so such an end is no death.
fn count(past: &mut RecentPast, action: &str, exit_code: Option<&str>, at: i64) {
    match action {
        "oom" => past.oom_kills += 1,
        "die" => {
            past.ended = past.ended.max(Some(at));
            past.deaths += u32::from(!matches!(exit_code, None | Some("0" | "137" | "143")));
        }
        "start" => past.started = past.started.max(Some(at)),
        "stop" => past.stopped = past.stopped.max(Some(at)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_is_asked_for_as_well() {
        let now = "2026-03-01T10:00:00.000000075Z".parse().expect("a time");
        assert_eq!(until(now), "1772359200.000000075");
    }

    #[test]
    fn errors_and_kills_for_memory_count_and_a_stop_does_not() {
        let mut past = RecentPast::default();
        for (at, (action, exit_code)) in [
            ("start", None),
            ("die", Some("1")),
            ("die", Some("0")),
            ("die", Some("143")),
            ("die", None),
            ("stop", None),
            ("oom", None),
        ]
        .into_iter()
        .enumerate()
        {
            count(&mut past, action, exit_code, i64::try_from(at).expect("a few"));
        }
        let times = RecentPast { started: Some(0), ended: Some(4), stopped: Some(5), ..RecentPast::default() };
        assert_eq!(past, RecentPast { oom_kills: 1, deaths: 1, ..times });
    }
}
