//! The containers of one Compose project, and the end of their logs.
//!
//! A project is told by Compose's labels. Nothing here is cut in silence: a project with more containers than the limit is refused.

use std::collections::BTreeMap;

use bollard::query_parameters::LogsOptionsBuilder;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use repair_model::compose::PortKey;
use repair_model::container::{Container, ContainerRef, ContainerState, Health};
use repair_model::limits::{
    ENGINE_ANSWER_SECONDS_MAX, ENGINE_INSPECTS_AT_ONCE, EVIDENCE_LINE_BYTES_MAX, LOG_BYTES_MAX, LOG_LINES_MAX,
    SERVICES_MAX,
};

use super::answers::{Inspected, Listed, PROJECT};
use super::connection::{Engine, EngineError};
use super::events::RecentPast;
use crate::process::Tail;

/// What one list request tells of a container, without a further request for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Which one.
    pub container: ContainerRef,
    /// Its state.
    pub state: ContainerState,
    /// Its health.
    pub health: Health,
    /// Exit code of the last run, once it has ended.
    pub exit_code: Option<i32>,
    /// Configuration hash, by Compose's label.
    pub config_hash: Option<String>,
    /// Ports of the host that it holds now.
    pub ports_held: Vec<PortKey>,
}

/// Whether and when a container was started the last time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastStart {
    /// Its state.
    pub state: ContainerState,
    /// When, by the engine's clock in RFC 3339; `None` if it never was.
    pub started: Option<String>,
}

/// The end of one service's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogEnd {
    /// Lines without line ends, oldest first; not redacted yet.
    pub lines: Vec<String>,
    /// Whether a limit cut something at the start.
    pub truncated: bool,
}

impl Engine {
    /// The project's containers in any state, in one request; without those of `compose run`. In order of name.
    ///
    /// # Errors
    /// When the engine does not answer, or there are more than [`SERVICES_MAX`].
    pub async fn list_summaries(&self, project: &str) -> Result<Vec<Summary>, EngineError> {
        let filters = serde_json::json!({ "label": [format!("{PROJECT}={project}")] });
        let mut summaries: Vec<Summary> = self
            .list(true, Some(&filters))
            .await?
            .into_iter()
            .filter(|listed| !listed.is_one_off())
            .map(Listed::into_summary)
            .collect();
        if summaries.len() > SERVICES_MAX {
            let what = format!("the project `{project}` has {} containers; at most {SERVICES_MAX}", summaries.len());
            return Err(EngineError::Unreadable { asked: "containers".into(), what });
        }
        summaries.sort_by(|a, b| a.container.name.cmp(&b.container.name));
        Ok(summaries)
    }

    /// The project's containers with everything that a diagnosis needs, in order of name. One that is removed while they
    /// are looked at is left out.
    ///
    /// # Errors
    /// When the engine does not answer, is too old, or there are more than [`SERVICES_MAX`].
    pub async fn list_containers(&self, project: &str) -> Result<Vec<Container>, EngineError> {
        Ok(self.list_with_past(project).await?.0)
    }

    /// The same, and their recent past by full id, as far as the engine remembers; empty where all run that there are.
    ///
    /// # Errors
    /// As above.
    pub(crate) async fn list_with_past(
        &self,
        project: &str,
    ) -> Result<(Vec<Container>, BTreeMap<String, RecentPast>), EngineError> {
        self.version().await?;
        let summaries = self.list_summaries(project).await?;
        let inspected = stream::iter(summaries.into_iter().map(|summary| self.details(summary)));
        let found: Vec<Option<Container>> = inspected.buffered(ENGINE_INSPECTS_AT_ONCE).try_collect().await?;
        let mut found: Vec<Container> = found.into_iter().flatten().collect();
        // One that runs and was never started again has no past that its state would hide.
        let has_past = |container: &Container| container.state != ContainerState::Running || container.restarts > 0;
        if !found.iter().any(has_past) {
            return Ok((found, BTreeMap::new()));
        }
        let past = self.recent_past(project, jiff::Timestamp::now()).await;
        for container in found.iter_mut().filter(|container| has_past(container)) {
            let past = past.get(&container.container.id).cloned().unwrap_or_default();
            container.oom_killed |= past.oom_kills > 0;
            container.recent_deaths = past.deaths;
        }
        Ok((found, past))
    }

    /// The end of the log of one service: that of its container which is first by name. Standard output and error are
    /// merged in the order in which the engine has them; bytes that are not UTF-8 are replaced.
    ///
    /// # Errors
    /// When the engine does not answer, the service has no container, or its logs cannot be read back.
    pub async fn container_log(&self, project: &str, service: &str, lines_max: u16) -> Result<LogEnd, EngineError> {
        let asked = format!("the log of `{service}`");
        let summaries = self.list_summaries(project).await?;
        let of_service = summaries.into_iter().find(|found| found.container.service.as_deref() == Some(service));
        let Some(found) = of_service else {
            return Err(EngineError::Unreadable { asked, what: format!("`{service}` has no container") });
        };
        self.log_of(&found.container.id, lines_max.min(LOG_LINES_MAX), asked).await
    }

    async fn log_of(&self, id: &str, lines_max: u16, asked: String) -> Result<LogEnd, EngineError> {
        let tail = lines_max.to_string();
        let options = LogsOptionsBuilder::default().stdout(true).stderr(true).tail(&tail).build();
        let mut chunks = self.docker().logs(id, Some(options));
        let mut end = Tail::new(LOG_BYTES_MAX);
        let patience = std::time::Duration::from_secs(ENGINE_ANSWER_SECONDS_MAX);
        let read = async {
            while let Some(chunk) = chunks.try_next().await? {
                end.push(chunk.as_ref());
            }
            Ok(())
        };
        match tokio::time::timeout(patience, read).await {
            Ok(Ok(())) => Ok(log_end(end, usize::from(lines_max))),
            Ok(Err(error)) => Err(self.failure(&asked, error)),
            Err(_) => Err(self.failure(&asked, bollard::errors::Error::RequestTimeoutError)),
        }
    }

    /// A container with everything that a diagnosis needs; `None` when it is gone.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn details(&self, summary: Summary) -> Result<Option<Container>, EngineError> {
        let found = self.inspect(&summary.container.id).await?;
        Ok(found.map(|details| details.into_container(summary)))
    }

    /// When a container was started the last time; `None` when it is gone.
    ///
    /// # Errors
    /// When the engine does not answer.
    pub async fn last_start(&self, id: &str) -> Result<Option<LastStart>, EngineError> {
        let found = self.inspect(id).await?;
        Ok(found.map(|found| LastStart { state: found.state(), started: found.started().map(str::to_owned) }))
    }

    /// Bytes that a container has written outside of volumes; `None` where the engine cannot tell within `patience`,
    /// because it has to count them.
    pub async fn written_bytes(&self, id: &str, patience: std::time::Duration) -> Option<u64> {
        let asked = self.get::<Inspected>(format!("/containers/{}/json?size=true", encoded(id)), "a container's size");
        let found = tokio::time::timeout(patience, asked).await.ok()?.ok()?;
        found.size_rw.and_then(|bytes| u64::try_from(bytes).ok())
    }

    pub(super) async fn list(
        &self,
        all: bool,
        filters: Option<&serde_json::Value>,
    ) -> Result<Vec<Listed>, EngineError> {
        let filters = filters.map(|filters| format!("&filters={}", encoded(&filters.to_string()))).unwrap_or_default();
        self.get(format!("/containers/json?all={}{filters}", u8::from(all)), "containers").await
    }

    /// `None` when there is no such container any more.
    pub(super) async fn inspect(&self, id: &str) -> Result<Option<Inspected>, EngineError> {
        match self.get(format!("/containers/{}/json", encoded(id)), "a container").await {
            Ok(found) => Ok(Some(found)),
            Err(EngineError::Refused { status: 404, .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn log_end(end: Tail, lines_max: usize) -> LogEnd {
    let mut truncated = end.is_cut();
    let text = end.into_text();
    let mut lines: Vec<String> = text.lines().map(|line| cut_line(line, &mut truncated)).collect();
    if lines.len() > lines_max {
        lines.drain(..lines.len() - lines_max);
        truncated = true;
    }
    LogEnd { lines, truncated }
}

fn cut_line(line: &str, truncated: &mut bool) -> String {
    if line.len() <= EVIDENCE_LINE_BYTES_MAX {
        return line.to_owned();
    }
    *truncated = true;
    format!("{}…", &line[..line.floor_char_boundary(EVIDENCE_LINE_BYTES_MAX - '…'.len_utf8())])
}

/// Percent-encodes everything but what a query value may hold as it is (RFC 3986, section 2.3).
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_keeps_its_end_within_the_limits() {
        let mut end = Tail::new(64);
        end.push(b"first\nsecond \xff\r\nthird");
        let log = log_end(end, 2);
        assert_eq!(log.lines, ["second \u{fffd}", "third"]);
        assert!(log.truncated);
        let mut end = Tail::new(EVIDENCE_LINE_BYTES_MAX * 2);
        end.push("ä".repeat(EVIDENCE_LINE_BYTES_MAX).as_bytes());
        let log = log_end(end, 2);
        assert!(log.truncated && log.lines[0].len() <= EVIDENCE_LINE_BYTES_MAX && log.lines[0].ends_with('…'));
    }

    #[test]
    fn filters_are_encoded() {
        assert_eq!(encoded(r#"{"a":["b=c"]}"#), "%7B%22a%22%3A%5B%22b%3Dc%22%5D%7D");
    }
}
