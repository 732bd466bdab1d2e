//! What leaves and what comes back, against a server on this machine.

use azure_core::{Method, Request, Url};
use repair_model::secret::Secret;

use super::super::error::Reach;
use super::super::limits::MESSAGE_BYTES_MAX;
use super::super::nested::NestedError;
use super::super::scripted::{Reply, SUBSCRIPTION, Scripted, ids, location, reply, subscription, vault};
use super::*;

fn look(server: &Scripted) -> Transport {
    let http = Http::new(&HttpOptions::default()).expect("a client");
    let origin = Url::parse(&server.address).expect("an address");
    Transport::new(http, origin, Permit::look(&subscription()), None)
}

fn get(server: &Scripted, path: &str) -> Request {
    let url = Url::parse(&format!("{}{path}", server.address)).expect("an address");
    request(Method::Get, url, &Secret::new("a-token"))
}

fn group() -> String {
    format!("/subscriptions/{SUBSCRIPTION}/resourceGroups/rg")
}

async fn refused(handler: impl Fn() -> Reply + Send + Sync + 'static) -> (ArmError, Scripted) {
    let server = Scripted::new(move |_, _| handler());
    let error = look(&server).send(&get(&server, &group())).await.err().expect("an error");
    (error, server)
}

#[tokio::test]
async fn what_is_not_permitted_is_not_sent() {
    let server = Scripted::new(|_, _| reply(200, &[], "{}"));
    let transport = look(&server);
    assert_eq!(transport.send(&get(&server, &group())).await.map(|answer| answer.status), Ok(200));
    let url = |path: &str| Url::parse(&format!("{}{path}", server.address)).expect("an address");
    for (method, path) in [
        (Method::Delete, group()),
        (Method::Put, group()),
        (Method::Get, "/subscriptions".to_owned()),
        (Method::Get, format!("{}/../../other", group())),
        (Method::Get, format!("{}%2f..%2f..", group())),
        (
            Method::Post,
            format!(
                "/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/kv1/purge"
            ),
        ),
    ] {
        let error = transport.send(&Request::new(url(&path), method)).await.err().expect("an error");
        let asked = error.asked.clone().expect("the request");
        assert_eq!((error.kind.clone(), error.reach()), (ErrorKind::NotPermitted("looking"), Reach::NotSent));
        let said = error.to_string();
        assert!(
            said.contains(&asked.path) && said.contains(method.as_ref()) && said.contains("no part of looking"),
            "{said}"
        );
    }
    assert_eq!(server.received().len(), 1);
}

#[tokio::test]
async fn nothing_is_sent_to_another_origin() {
    let (own, other) = (Scripted::new(|_, _| reply(200, &[], "{}")), Scripted::new(|_, _| reply(200, &[], "{}")));
    for address in
        [other.address.clone(), own.address.replace("127.0.0.1", "localhost"), own.address.replace("http", "https")]
    {
        let url = Url::parse(&format!("{address}{}", group())).expect("an address");
        let error = look(&own).send(&request(Method::Get, url, &Secret::new("a-token"))).await.err().expect("an error");
        assert!(matches!(error.kind, ErrorKind::NotPermitted(_)), "{error}");
    }
    assert_eq!((own.received().len(), other.received().len()), (0, 0));
}

#[tokio::test]
async fn a_redirect_is_an_error_that_says_where_to() {
    let other = Scripted::new(|_, _| reply(200, &[], "{}"));
    for status in [301, 302, 303, 307, 308] {
        let place = format!("Location: {}/elsewhere?sig=secret", other.address);
        let (error, _) = refused(move || reply(status, &[&place], "")).await;
        assert_eq!(error.kind, ErrorKind::Redirected(format!("{}/elsewhere", other.address)), "{status}");
    }
    assert!(other.received().is_empty());
}

#[tokio::test]
async fn what_azure_says_when_it_says_no_is_kept() {
    let body = r#"{"error":{"code":"InvalidTemplateDeployment","message":"See inner errors.","details":[{"code":"SkuNotAvailable","message":"no"}]}}"#;
    let headers = ["x-ms-correlation-request-id: corr-1", "x-ms-request-id: req-1", "Retry-After: 17"];
    let (error, server) = refused(move || reply(400, &headers, body)).await;
    let refusal = error.refusal().expect("a refusal").clone();
    assert_eq!((refusal.status, refusal.cut, refusal.retry_after), (400, false, Some(Duration::from_secs(17))));
    assert_eq!((refusal.correlation_id.as_deref(), refusal.request_id.as_deref()), (Some("corr-1"), Some("req-1")));
    assert!(error.has_code("SkuNotAvailable") && error.code() == Some("InvalidTemplateDeployment"));
    assert_eq!((server.received().len(), error.reach()), (1, Reach::Refused), "and it is not asked twice");
    let said = error.to_string();
    assert!(said.contains("SkuNotAvailable") && said.contains("GET /subscriptions/"), "{said}");
}

#[tokio::test]
async fn a_huge_error_is_cut_and_takes_no_memory() {
    const BYTES: usize = 10 * 1024 * 1024;
    let (error, server) = refused(|| {
        Reply::Flood("HTTP/1.1 500 X\r\nContent-Type: text/html\r\nContent-Length: 10485760\r\n\r\n", BYTES)
    })
    .await;
    let refusal = error.refusal().expect("a refusal");
    assert!(refusal.cut && refusal.error.message.len() <= MESSAGE_BYTES_MAX);
    assert_eq!((refusal.status, error.reach()), (500, Reach::Unclear));
    // What the system had on its way when reading stopped is small against the whole.
    assert!(server.flooded() < BYTES - 1024 * 1024, "{}", server.flooded());
    let text = error.as_evidence_text();
    assert!(text.contains("is cut here") && text.len() < MESSAGE_BYTES_MAX * 2);
}

#[tokio::test]
async fn a_huge_answer_is_refused_and_half_an_answer_is_none() {
    let (error, _) =
        refused(|| Reply::Flood("HTTP/1.1 200 X\r\nContent-Length: 33554432\r\n\r\n", ANSWER_BYTES_MAX * 2)).await;
    assert_eq!((error.kind.clone(), error.reach()), (ErrorKind::TooLong(ANSWER_BYTES_MAX), Reach::Unclear));
    let (error, _) = refused(|| Reply::Raw(b"HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\n{\"a\":".to_vec())).await;
    assert!(matches!(error.kind, ErrorKind::CutOff(_)), "{error}");
    assert_eq!(error.reach(), Reach::Unclear);
    let (error, _) = refused(|| Reply::Raw(b"HTTP/1.1 409 X\r\nContent-Length: 100\r\n\r\n{\"error\":".to_vec())).await;
    assert_eq!(error.refusal().map(|refusal| (refusal.status, refusal.cut)), Some((409, true)));
    let (error, _) = refused(|| Reply::Raw(Vec::new())).await;
    assert!(matches!(error.kind, ErrorKind::CutOff(_)), "{error}");
}

#[tokio::test]
async fn nobody_at_home_and_somebody_without_a_certificate_are_told_apart() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
    let at = |address: String| {
        let url = Url::parse(&format!("{address}{}?c=secret", group())).expect("an address");
        let http = Http::new(&HttpOptions::default()).expect("a client");
        let transport = Transport::new(http, url.clone(), Permit::look(&subscription()), None);
        async move { transport.send(&request(Method::Get, url, &Secret::new("a-token"))).await.err().expect("an error") }
    };
    let error = at(format!("http://{free}")).await;
    assert!(matches!(error.kind, ErrorKind::Unreachable(_)) && error.reach() == Reach::NotSent, "{error}");
    assert!(!error.to_string().contains("secret"), "{error}");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let plain = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n");
        }
    });
    let error = at(format!("https://{plain}")).await;
    assert!(matches!(error.kind, ErrorKind::Tls(_)) && error.reach() == Reach::NotSent, "{error}");
}

#[tokio::test]
async fn silence_ends_after_its_time_and_may_have_been_a_yes() {
    let server = Scripted::new(|_, _| Reply::Silence);
    let (transport, request) = (look(&server), get(&server, &group()));
    let answer = tokio::select! {
        answer = transport.send(&request) => answer,
        () = server.hurry() => panic!("it has no end"),
    };
    let error = answer.err().expect("an error");
    assert!(matches!(error.kind, ErrorKind::TimedOut(_)) && error.reach() == Reach::Unclear, "{error}");
}

#[tokio::test]
async fn a_host_that_takes_no_connection_is_left_after_its_time() {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any: std::net::SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("bound");
    socket.listen(0).expect("listening");
    let address = socket.local_addr().ok().and_then(|address| address.as_socket()).expect("an address");
    // Who is not taken in fills the queue; then the system answers nobody any more.
    let moment = Duration::from_millis(100);
    let queue: Vec<_> = (0..4).map_while(|_| std::net::TcpStream::connect_timeout(&address, moment).ok()).collect();
    assert!(queue.len() < 4, "the queue is never full here");
    let url = Url::parse(&format!("http://{address}{}", group())).expect("an address");
    let http = Http::new(&HttpOptions::default()).expect("a client");
    let transport = Transport::new(http, url.clone(), Permit::look(&subscription()), None);
    tokio::time::pause();
    let error = transport.send(&request(Method::Get, url, &Secret::new("a-token"))).await.err().expect("an error");
    assert_eq!(
        (error.kind.clone(), error.reach()),
        (ErrorKind::Unreachable("no connection within 10 s".to_owned()), Reach::NotSent)
    );
    assert_eq!(CONNECT_TIMEOUT.as_secs(), 10);
}

#[tokio::test]
async fn the_id_of_a_request_goes_out_with_the_change_alone() {
    let server = Scripted::new(|_, _| reply(200, &[], "{}"));
    let http = Http::new(&HttpOptions::default()).expect("a client");
    let origin = Url::parse(&server.address).expect("an address");
    let permit = Permit::purge(&subscription(), &location(), &vault());
    let id = ids().next();
    let transport = Transport::new(http, origin, permit, Some(id.clone()));
    let path =
        format!("/subscriptions/{SUBSCRIPTION}/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/kv1/purge");
    let change = Request::new(Url::parse(&format!("{}{path}", server.address)).expect("an address"), Method::Post);
    transport.send(&change).await.expect("an answer");
    transport.send(&get(&server, &group())).await.expect("an answer");
    let received = server.received();
    assert_eq!(received[0].header("x-ms-client-request-id"), Some(id.to_string().as_str()));
    assert_eq!(received[0].header("x-ms-correlation-request-id"), Some(id.to_string().as_str()));
    assert_eq!(received[0].header("x-ms-return-client-request-id"), Some("true"));
    assert_eq!(
        (received[1].header("x-ms-client-request-id"), received[1].header("authorization")),
        (None, Some("Bearer a-token"))
    );
}

#[test]
fn pauses_are_read_in_every_form() {
    let now: Timestamp = "1994-11-06T08:49:00Z".parse().expect("a time");
    for (name, value, expected) in [
        ("retry-after", "17", Some(17_000)),
        ("retry-after", " 0 ", Some(0)),
        ("retry-after", "Sun, 06 Nov 1994 08:49:37 GMT", Some(37_000)),
        ("retry-after", "Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
        ("retry-after", "soon", None),
        ("retry-after", "-1", None),
        ("retry-after-ms", "250", Some(250)),
        ("x-ms-retry-after-ms", "250", Some(250)),
        ("x-other", "1", None),
    ] {
        let mut headers = Headers::new();
        headers.insert(name.to_owned(), value.to_owned());
        assert_eq!(retry_after(&headers, now), expected.map(Duration::from_millis), "{name}: {value}");
    }
}

#[test]
fn a_lock_and_a_limited_rate_are_told_apart() {
    let of = |code: &str| {
        let error = NestedError { code: code.to_owned(), ..NestedError::default() };
        ArmError::new(ErrorKind::Refused(Box::new(Refusal { status: 429, error, ..Refusal::default() })))
    };
    for code in ["SubscriptionRequestsThrottled", "ResourceRequestsThrottled", ""] {
        assert!(of(code).is_throttled() && !of(code).is_lock() && of(code).is_passing(), "{code}");
    }
    let lock = of("RetryableErrorDueToAnotherOperation");
    assert!(lock.is_lock() && !lock.is_throttled() && lock.is_passing());
    assert_ne!(lock.hints(), of("").hints());
}

#[test]
fn a_password_of_a_proxy_does_not_show_and_a_wrong_one_is_an_error() {
    let options = HttpOptions { proxy: Some("http://me:hunter2@proxy:8080".to_owned()), ..HttpOptions::default() };
    assert!(!format!("{options:?}").contains("hunter2"));
    assert!(Http::new(&options).is_ok());
    assert!(Http::new(&HttpOptions { proxy: Some("::".to_owned()), ..HttpOptions::default() }).is_err());
    let pem = Some(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec());
    assert!(Http::new(&HttpOptions { certificates_pem: pem, ..HttpOptions::default() }).is_err());
}
