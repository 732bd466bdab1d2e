//! The only requests to the engine that change something: restart one container, remove one container that does not run,
//! remove one network that nothing is attached to.
//!
//! It refuses everything but a full id, so that no name, prefix or path of somebody else's can be meant; it never forces
//! and never removes a volume. It judges nothing: whether something may be restarted or removed is decided, granted and
//! checked again before. Invariant: no other module sends anything but GET.

use std::time::Duration;

use bollard::Docker;
use bollard::errors::Error as BollardError;
use bollard::query_parameters::{RemoveContainerOptionsBuilder, RestartContainerOptionsBuilder};
use repair_faults::{Point, pass};
use repair_model::limits::{ENGINE_SETTLES_SECONDS_MAX, RESTART_GRACE_SECONDS};
use tokio::time::Instant;

use super::answers::is_full_id;
use super::connection::Engine;

/// What the engine made of a request that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// The engine says no, in its own words; foreign text.
    Refused(String),
    /// There is no such thing any more.
    Gone,
    /// The request did not reach the engine, so nothing was done; why.
    NotSent(String),
    /// The request was sent and not answered, or the engine is at it already; why.
    Unclear(String),
}

/// How long an answer is waited for.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// At most.
    pub whole: Duration,
    /// Looked at several times a second; true when the person wants to stop. The engine goes on with what it was asked
    /// for, so its answer is waited for as long as it needs when all is well, and no longer.
    pub interrupted: &'a dyn Fn() -> bool,
}

/// How often it is asked whether the person wants to stop.
const TICK: Duration = Duration::from_millis(100);
/// What the engine takes to carry out a request.
const SETTLES: Duration = Duration::from_secs(ENGINE_SETTLES_SECONDS_MAX);
/// And where it gives a container time to end first.
const RESTARTS: Duration = Duration::from_secs(RESTART_GRACE_SECONDS + ENGINE_SETTLES_SECONDS_MAX);

impl Engine {
    /// Stops a container, with [`RESTART_GRACE_SECONDS`] before it is killed, and starts it again; one that has ended is
    /// started.
    pub(crate) async fn restart_container(&self, id: &str, patience: Patience<'_>) -> Answer {
        let grace = i32::try_from(RESTART_GRACE_SECONDS).unwrap_or(i32::MAX);
        let options = RestartContainerOptionsBuilder::default().t(grace).build();
        let request = async |docker: Docker| docker.restart_container(id, Some(options)).await;
        self.change("restart-container", id, (RESTARTS, patience), request).await
    }

    /// Removes a container. The engine itself refuses one that runs, since nothing is forced; volumes stay.
    pub(crate) async fn remove_container(&self, id: &str, patience: Patience<'_>) -> Answer {
        let options = RemoveContainerOptionsBuilder::default().force(false).v(false).link(false).build();
        let request = async |docker: Docker| docker.remove_container(id, Some(options)).await;
        self.change("remove-container", id, (SETTLES, patience), request).await
    }

    /// Removes a network. The engine itself refuses one that a running container is attached to.
    pub(crate) async fn remove_network(&self, id: &str, patience: Patience<'_>) -> Answer {
        let request = async |docker: Docker| docker.remove_network(id).await;
        self.change("remove-network", id, (SETTLES, patience), request).await
    }

    async fn change(
        &self,
        kind: &str,
        id: &str,
        (takes, patience): (Duration, Patience<'_>),
        request: impl AsyncFnOnce(Docker) -> Result<(), BollardError>,
    ) -> Answer {
        if !is_full_id(id) {
            return Answer::NotSent("it is not named by its full id".to_owned());
        }
        pass(Point::RequestBegun, kind);
        let docker = self.docker().clone().with_timeout(patience.whole);
        let answer = answered(request(docker), takes, patience).await;
        pass(Point::RequestAnswered, kind);
        answer
    }
}

async fn answered(
    request: impl Future<Output = Result<(), BollardError>>,
    takes: Duration,
    patience: Patience<'_>,
) -> Answer {
    let begun = Instant::now();
    let mut until = begun + patience.whole;
    let mut stopping = false;
    let mut tick = tokio::time::interval(TICK);
    let mut request = std::pin::pin!(request);
    loop {
        tokio::select! {
            answer = &mut request => {
                return match answer {
                    Ok(()) => Answer::Done,
                    Err(error) => answer_of(error, patience.whole),
                };
            }
            _ = tick.tick() => {
                let now = Instant::now();
                if !stopping && (patience.interrupted)() {
                    stopping = true;
                    until = until.min(until_at_most(begun, now, takes));
                }
                if now >= until && stopping {
                    let seconds = begun.elapsed().as_secs();
                    return Answer::Unclear(format!("you wished to stop, and the engine had not answered after {seconds} s"));
                }
                if now >= until {
                    return answer_of(BollardError::RequestTimeoutError, patience.whole);
                }
            }
        }
    }
}

/// Until when the answer is waited for once the person wants to stop.
fn until_at_most(begun: Instant, now: Instant, takes: Duration) -> Instant {
    (begun + takes).max(now + SETTLES)
}

fn answer_of(error: BollardError, patience: Duration) -> Answer {
    match error {
        BollardError::DockerResponseServerError { status_code: 404, .. } => Answer::Gone,
        // Somebody else has asked for the same, and the engine has not finished it.
        BollardError::DockerResponseServerError { status_code: 409, message } if message.contains("in progress") => {
            Answer::Unclear(format!("the engine says: {message}"))
        }
        BollardError::DockerResponseServerError { message, .. } => Answer::Refused(message),
        BollardError::RequestTimeoutError => {
            Answer::Unclear(format!("the engine did not answer within {} s", patience.as_secs()))
        }
        BollardError::SocketNotFoundError(path) => Answer::NotSent(format!("the socket {path} does not exist")),
        BollardError::HyperLegacyError { err } if err.is_connect() => {
            Answer::NotSent(format!("the engine cannot be reached: {err}"))
        }
        error => Answer::Unclear(format!("the engine's answer did not arrive: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::docker::endpoint::{EndpointChoice, resolve};

    const PATIENCE: Patience<'_> = Patience { whole: Duration::from_secs(5), interrupted: &|| false };

    fn id() -> String {
        "0123456789abcdef".repeat(4)
    }

    /// An engine that answers a ping, then once with `answer`, or never if that is empty; and the heads of all requests.
    async fn engine(answer: &'static str) -> (Engine, Arc<Mutex<Vec<String>>>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
        let host = format!("tcp://{}", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        tokio::spawn(async move {
            let mut silent = Vec::new();
            for answer in ["HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nOK", answer] {
                let (mut stream, _) = listener.accept().await.expect("a client");
                let mut head = vec![0; 4096];
                let count = stream.read(&mut head).await.expect("a request");
                let head = String::from_utf8_lossy(&head[..count]).into_owned();
                log.lock().expect("no panic").push(head.lines().next().unwrap_or_default().to_owned());
                match answer {
                    "" => silent.push(stream),
                    answer => stream.write_all(answer.as_bytes()).await.expect("sent"),
                }
            }
            std::future::pending::<()>().await;
        });
        let choice = EndpointChoice { docker_host: Some(host), ..EndpointChoice::default() };
        (Engine::connect(resolve(&choice).expect("a docker host")).await.expect("an engine"), asked)
    }

    #[tokio::test]
    async fn a_removal_forces_nothing_and_leaves_volumes_and_links() {
        let (engine, asked) = engine("HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await;
        assert_eq!(engine.remove_container(&id(), PATIENCE).await, Answer::Done);
        let asked = asked.lock().expect("no panic").pop().expect("a request");
        assert!(asked.starts_with(&format!("DELETE /containers/{}?", id())), "{asked}");
        for option in ["force=false", "v=false", "link=false"] {
            assert!(asked.contains(option), "{asked}");
        }
    }

    #[tokio::test]
    async fn what_is_not_a_full_id_is_never_sent() {
        let (engine, asked) = engine("").await;
        for wrong in ["web", "0123456789ab", "../networks/prune", "", &id().to_uppercase()] {
            assert!(matches!(engine.remove_container(wrong, PATIENCE).await, Answer::NotSent(_)), "{wrong}");
            assert!(matches!(engine.remove_network(wrong, PATIENCE).await, Answer::NotSent(_)), "{wrong}");
            assert!(matches!(engine.restart_container(wrong, PATIENCE).await, Answer::NotSent(_)), "{wrong}");
        }
        assert_eq!(asked.lock().expect("no panic").len(), 1, "only the ping was sent");
    }

    #[tokio::test]
    async fn a_refusal_is_the_engines_own_and_silence_is_unclear() {
        let refusal = "HTTP/1.1 409 Conflict\r\nContent-Type: application/json\r\nContent-Length: 36\r\n\
                       Connection: close\r\n\r\n{\"message\":\"stop it before removal\"}";
        let (engine, _) = engine(refusal).await;
        let answer = engine.remove_container(&id(), PATIENCE).await;
        assert!(matches!(&answer, Answer::Refused(words) if words.contains("stop it")), "{answer:?}");
        let (engine, asked) = self::engine("").await;
        let answer = engine.restart_container(&id(), Patience { whole: Duration::from_secs(2), ..PATIENCE }).await;
        assert!(matches!(answer, Answer::Unclear(_)), "{answer:?}");
        assert!(asked.lock().expect("no panic")[1].starts_with(&format!("POST /containers/{}/restart?", id())));
    }

    #[tokio::test]
    async fn what_is_gone_or_being_removed_is_told_apart() {
        let gone = "HTTP/1.1 404 Not Found\r\nContent-Length: 14\r\nConnection: close\r\n\r\n{\"message\":\"\"}";
        let (engine, _) = engine(gone).await;
        assert_eq!(engine.remove_network(&id(), PATIENCE).await, Answer::Gone);
        let message = "removal of container c is already in progress".to_owned();
        let error = BollardError::DockerResponseServerError { status_code: 409, message };
        assert!(matches!(answer_of(error, PATIENCE.whole), Answer::Unclear(_)));
    }

    #[test]
    fn a_wish_to_stop_waits_as_long_as_the_engine_needs_and_no_longer() {
        let begun = Instant::now();
        let waits = |stopped: u64, takes| {
            let until = until_at_most(begun, begun + Duration::from_secs(stopped), takes);
            until.duration_since(begun).as_secs()
        };
        assert_eq!(waits(1, RESTARTS), RESTART_GRACE_SECONDS + ENGINE_SETTLES_SECONDS_MAX);
        assert_eq!(waits(100, RESTARTS), 100 + ENGINE_SETTLES_SECONDS_MAX);
        assert_eq!(waits(1, SETTLES), 1 + ENGINE_SETTLES_SECONDS_MAX);
    }

    #[tokio::test]
    async fn an_answer_that_comes_after_the_wish_to_stop_counts() {
        let soon = async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            Ok(())
        };
        let patience = Patience { interrupted: &|| true, ..PATIENCE };
        assert_eq!(answered(soon, RESTARTS, patience).await, Answer::Done);
        let whole = Duration::from_millis(300);
        let silent = answered(std::future::pending(), RESTARTS, Patience { whole, interrupted: &|| true }).await;
        assert!(matches!(&silent, Answer::Unclear(words) if words.contains("wished to stop")), "{silent:?}");
    }
}
