//! Waiting, against a server on this machine.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::json;

use super::super::error::Reach;
use super::super::scripted::{Received, Reply, SUBSCRIPTION, Scripted, group, ids, location, reply, server, vault};
use super::*;

const RUNNING: &str = r#"{"status":"Running","percentComplete":40}"#;

fn path(rest: &str) -> String {
    format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.DBforMySQL/locations/eastus/{rest}")
}

/// A server whose operations are begun with `headers`, and then looked at.
fn operation(headers: Vec<String>, looks: impl Fn(&Received, usize) -> Reply + Send + Sync + 'static) -> Scripted {
    Scripted::new(move |received, before| {
        if received.line.starts_with("POST") {
            let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
            return reply(202, &headers, "");
        }
        looks(received, before)
    })
}

fn by_status() -> Vec<String> {
    vec![
        format!("Azure-AsyncOperation: {}", path("azureAsyncOperation/1?api-version=1&c=signature")),
        "Retry-After: 0".to_owned(),
    ]
}

fn by_location() -> Vec<String> {
    vec![format!("Location: {}", path("operationResults/1?api-version=1")), "Retry-After: 0".to_owned()]
}

async fn begun(scripted: &Scripted) -> (Arm, PollUrl) {
    let arm = scripted.arm().await;
    let started = arm.start_server(&group(), &server(), &ids()).await.unwrap_or_else(|error| panic!("{error}"));
    (arm, started.poll.expect("an address"))
}

fn waiting<'a>(progress: &'a mut dyn FnMut(&Look), interrupted: &'a dyn Fn() -> bool, whole_ms: u64) -> Waiting<'a> {
    let pause = Some(Duration::from_millis(20));
    Waiting { whole: Duration::from_millis(whole_ms), pause, progress, interrupted }
}

async fn waited(scripted: &Scripted, whole_ms: u64) -> (Result<Waited, ArmError>, Vec<Look>) {
    let (arm, poll) = begun(scripted).await;
    let mut looks = Vec::new();
    let ended = arm.wait(&poll, waiting(&mut |look| looks.push(look.clone()), &|| false, whole_ms)).await;
    (ended, looks)
}

#[tokio::test]
async fn an_operation_is_looked_at_until_it_says_that_it_succeeded() {
    let server = operation(by_status(), |_, before| match before {
        1 => reply(200, &["Retry-After: 0"], RUNNING),
        2 => reply(202, &["Retry-After: 0"], RUNNING),
        _ => reply(200, &[], r#"{"status":"Succeeded","properties":{"a":1}}"#),
    });
    let (ended, looks) = waited(&server, 10_000).await;
    assert_eq!(ended, Ok(Waited::Done(json!({ "status": "Succeeded", "properties": { "a": 1 } }))));
    let states: Vec<_> = looks.iter().map(|look| (look.state.as_str(), look.percent)).collect();
    assert_eq!(states, [("Running", Some(40.0)), ("Running", Some(40.0))]);
    let received = server.received();
    assert_eq!(received.iter().filter(|one| !one.line.starts_with("GET")).count(), 1, "the change is sent once");
    assert!(
        received[1].line.ends_with("azureAsyncOperation/1?api-version=1&c=signature"),
        "a relative address keeps its query"
    );
}

#[tokio::test]
async fn an_operation_that_ended_badly_keeps_its_error() {
    for word in ["Failed", "Canceled", "Cancelled", "failed"] {
        let body = format!(r#"{{"status":"{word}","error":{{"code":"InternalServerError","message":"m"}}}}"#);
        let server = operation(by_status(), move |_, _| reply(200, &["x-ms-request-id: r1"], &body));
        let (ended, _) = waited(&server, 10_000).await;
        let Ok(Waited::Failed(error)) = ended else { panic!("{ended:?}") };
        assert_eq!(
            (error.code(), error.refusal().and_then(|one| one.request_id.as_deref())),
            (Some("InternalServerError"), Some("r1"))
        );
    }
    let server = operation(by_status(), |_, _| reply(200, &[], r#"{"status":"Failed"}"#));
    let (ended, _) = waited(&server, 10_000).await;
    assert!(matches!(&ended, Ok(Waited::Failed(error)) if error.code() == Some("Failed")), "{ended:?}");
}

#[tokio::test]
async fn behind_a_location_the_status_tells() {
    let server = operation(by_location(), |_, before| match before {
        1 => reply(202, &["Retry-After: 0"], ""),
        _ => reply(200, &[], r#"{"id":"x","status":"SomethingElse"}"#),
    });
    let (ended, looks) = waited(&server, 10_000).await;
    assert!(matches!(ended, Ok(Waited::Done(_))) && looks.len() == 1, "{ended:?}");
    let server = operation(by_location(), |_, _| reply(204, &[], ""));
    assert_eq!(waited(&server, 10_000).await.0, Ok(Waited::Done(Value::Null)));
    let server = operation(by_location(), |_, _| reply(409, &[], r#"{"error":{"code":"Conflict","message":"m"}}"#));
    let (ended, _) = waited(&server, 10_000).await;
    assert!(matches!(&ended, Ok(Waited::Failed(error)) if error.code() == Some("Conflict")), "{ended:?}");
    let server = operation(by_location(), |_, _| {
        reply(500, &["Retry-After: 0"], r#"{"error":{"code":"Internal","message":"m"}}"#)
    });
    let (ended, _) = waited(&server, 20_000).await;
    assert!(matches!(&ended, Ok(Waited::Failed(error)) if error.status() == Some(500)), "{ended:?}");
    assert_eq!(server.received().len(), 1 + POLL_SERVER_ERRORS_MAX as usize);
}

#[tokio::test]
async fn the_status_is_preferred_to_the_location() {
    let server = operation([by_status(), by_location()].concat(), |_, _| reply(200, &[], r#"{"status":"Succeeded"}"#));
    assert!(matches!(waited(&server, 10_000).await.0, Ok(Waited::Done(_))));
    assert!(server.received()[1].line.contains("azureAsyncOperation"));
}

#[tokio::test]
async fn a_token_is_never_sent_to_another_origin() {
    let other = Scripted::new(|_, _| reply(200, &[], "{}"));
    for place in [
        format!("{}/x", other.address),
        other.address.replace("http://", "//"),
        "https://management.azure.com.example.com/x".to_owned(),
        "http://user@127.0.0.1/x".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        for name in ["Azure-AsyncOperation", "Location"] {
            let server = operation(vec![format!("{name}: {place}")], |_, _| reply(200, &[], "{}"));
            let arm = server.arm().await;
            let error = arm.start_server(&group(), &super::super::scripted::server(), &ids()).await.expect_err(&place);
            assert!(matches!(error.kind, ErrorKind::ForeignAddress(_)), "{error}");
            assert_eq!(error.reach(), Reach::Unclear, "the change itself was taken");
            assert!(PollUrl::resume(&place, &arm).is_err());
        }
    }
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn a_look_that_fails_in_passing_is_repeated() {
    let server = operation(by_status(), |_, before| match before {
        1 => reply(429, &["Retry-After: 0"], r#"{"error":{"code":"SubscriptionRequestsThrottled","message":"m"}}"#),
        2 => reply(503, &[], "<html>"),
        3 => Reply::Raw(Vec::new()),
        _ => reply(200, &[], r#"{"status":"Succeeded"}"#),
    });
    let (ended, looks) = waited(&server, 20_000).await;
    assert!(matches!(ended, Ok(Waited::Done(_))), "{ended:?}");
    assert_eq!(looks.len(), 3);
    assert!(looks[0].state.contains("SubscriptionRequestsThrottled") && looks[1].state.contains("503"), "{looks:?}");
    assert!(looks[2].pause > looks[1].pause, "a failing look is repeated less and less often: {looks:?}");
}

#[tokio::test]
async fn a_look_that_fails_for_good_is_an_error_and_a_stale_token_is_renewed() {
    let server = operation(by_status(), |_, _| reply(404, &[], r#"{"error":{"code":"NotFound","message":"m"}}"#));
    assert!(waited(&server, 10_000).await.0.is_err_and(|error| error.is_not_found()));
    let server = operation(by_status(), |_, before| match before {
        1 => reply(401, &[], r#"{"error":{"code":"ExpiredAuthenticationToken","message":"m"}}"#),
        _ => reply(200, &[], r#"{"status":"Succeeded"}"#),
    });
    assert!(matches!(waited(&server, 10_000).await.0, Ok(Waited::Done(_))));
    // That of the login, that of the change, and the renewed one.
    assert_eq!(server.tokens(), 3);
    let server = operation(by_status(), |_, _| reply(401, &[], "{}"));
    assert!(waited(&server, 10_000).await.0.is_err_and(|error| error.status() == Some(401)));
}

#[tokio::test]
async fn the_time_ends_the_waiting_and_it_is_taken_up_again_from_the_address_alone() {
    let done = std::sync::Arc::new(AtomicBool::new(false));
    let told = done.clone();
    let server = operation(by_status(), move |_, _| match told.load(Ordering::SeqCst) {
        false => reply(200, &["Retry-After: 0"], RUNNING),
        true => reply(200, &[], r#"{"status":"Succeeded"}"#),
    });
    let (arm, poll) = begun(&server).await;
    let ended = arm.wait(&poll, waiting(&mut |_| {}, &|| false, 100)).await;
    let Ok(Waited::StillRunning { poll }) = ended else { panic!("{ended:?}") };
    done.store(true, Ordering::SeqCst);
    let again = PollUrl::resume(poll.as_str(), &server.arm().await).expect("an own address");
    let ended = arm.wait(&again, waiting(&mut |_| {}, &|| false, 10_000)).await;
    assert!(matches!(ended, Ok(Waited::Done(_))), "{ended:?}");
    assert!(!poll.to_string().contains("signature"), "what is shown has no query");
}

#[tokio::test]
async fn the_wish_to_stop_ends_a_pause_and_a_look() {
    let looks = std::sync::Arc::new(AtomicUsize::new(0));
    let counted = looks.clone();
    let server = operation(by_status(), move |_, _| match counted.fetch_add(1, Ordering::SeqCst) {
        0 => reply(200, &["Retry-After: 3600"], RUNNING),
        _ => Reply::Silence,
    });
    let (arm, poll) = begun(&server).await;
    for _ in 0..2 {
        let seen = std::cell::Cell::new(0);
        let stop = || {
            seen.set(seen.get() + 1);
            seen.get() > 3
        };
        let begun = Instant::now();
        let ended = arm.wait(&poll, waiting(&mut |_| {}, &stop, 100_000)).await;
        assert!(matches!(ended, Ok(Waited::Interrupted { .. })), "{ended:?}");
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
    }
    assert_eq!(looks.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_is_done_at_once_is_not_waited_for() {
    let server = Scripted::new(|_, _| reply(200, &["Location: /x"], "{}"));
    let started = server.arm().await.purge(&location(), &vault(), &ids()).await.expect("an answer");
    assert_eq!((started.poll, started.body), (None, json!({})));
}

#[test]
fn azure_itself_is_not_asked_more_often_than_it_likes() {
    let short = Some(Duration::from_millis(1));
    assert_eq!((usual_pause(true, short), usual_pause(false, short)), (POLL_PAUSE_MIN, POLL_PAUSE));
    assert_eq!((usual_pause(true, None), usual_pause(false, None)), (POLL_PAUSE, POLL_PAUSE));
    let long = Some(POLL_PAUSE * 2);
    assert_eq!((usual_pause(true, long), usual_pause(false, long)), (POLL_PAUSE * 2, POLL_PAUSE * 2));
}

#[test]
fn pauses_are_moved_within_their_limits() {
    for _ in 0..1_000 {
        let own = jittered(Duration::from_millis(1_000)).as_millis();
        assert!((800..=1_200).contains(&own), "{own}");
        let named = later(Duration::from_millis(1_000)).as_millis();
        assert!((1_000..=1_200).contains(&named), "never earlier than Azure says: {named}");
    }
    assert!(later(Duration::ZERO) >= POLL_PAUSE_MIN);
    assert!(later(Duration::from_secs(1_000_000)) <= POLL_PAUSE_MAX * 2);
}

#[test]
fn an_address_too_long_or_odd_is_refused() {
    let asked = Url::parse("https://management.azure.com/a/b").expect("an address");
    assert_eq!(
        own_address("/c?d=1", &asked).map(|url| url.to_string()),
        Ok("https://management.azure.com/c?d=1".to_owned())
    );
    assert!(own_address("HTTPS://MANAGEMENT.azure.com:443/x", &asked).is_ok());
    let long = format!("/{}", "x".repeat(POLL_URL_BYTES_MAX));
    for wrong in [
        long.as_str(),
        "https://management.azure.com:444/",
        "http://management.azure.com/",
        "/x#y",
        "https://a@management.azure.com/",
    ] {
        assert!(own_address(wrong, &asked).is_err(), "{wrong}");
    }
}
