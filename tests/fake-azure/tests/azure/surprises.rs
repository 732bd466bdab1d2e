//! Each quirk does what it says, and nothing else.

use std::time::{Duration, Instant};

use crate::client::{Client, MYSQL, PATIENCE, RESOURCES, VAULTS, exchange, request};
use repair_fake_azure::{
    Durations, FakeAzure, Fault, FaultKind, LinkTo, Origin, PollHeaders, ScriptedFailure, ServerState, Throttling,
    World, shop,
};
use serde_json::{Value, json};

fn shop() -> FakeAzure {
    FakeAzure::start(World { durations: Durations::HOURS, ..World::shop() }).expect("a port is free")
}

fn stopped() -> FakeAzure {
    let mut world = World { durations: Durations::HOURS, ..World::shop() };
    world.set_server_state(shop::SERVER, ServerState::Stopped).expect("the shop has a server");
    FakeAzure::start(world).expect("a port is free")
}

fn start_path() -> String {
    Client::in_group(&format!("Microsoft.DBforMySQL/flexibleServers/{}/start", shop::SERVER))
}

fn deployments() -> String {
    Client::in_group("Microsoft.Resources/deployments")
}

fn state(azure: &FakeAzure) -> ServerState {
    azure.world(|world| world.server(shop::SERVER).expect("a server").state)
}

#[test]
fn lists_come_in_pages_that_follow_one_another() {
    let azure = shop();
    let client = Client::of(&azure);
    for name in ["one", "two", "three", "four"] {
        azure.deploy(name, &shop::template(), &shop::parameters()).expect("it can begin");
    }
    azure.quirks(|quirks| (quirks.page_items, quirks.empty_first_page) = (2, true));
    let (mut names, mut pages) = (Vec::new(), 0);
    let mut page = client.get(&deployments(), RESOURCES);
    loop {
        pages += 1;
        names.extend(page.json["value"].as_array().expect("a list").iter().map(|item| item["name"].clone()));
        let Some(next) = page.json["nextLink"].as_str() else { break };
        assert!(next.starts_with(&azure.url()), "{next}");
        page = client.follow(next);
    }
    assert_eq!(names, ["four", "three", "two", "one", "shop"], "newest first");
    assert_eq!(pages, 4, "an empty one, two full ones and the rest");
    let operations = client.get(&format!("{}/shop/operations", deployments()), RESOURCES);
    assert!(operations.json["nextLink"].is_string());
    azure.quirks(|quirks| (quirks.page_items, quirks.empty_first_page) = (100, false));
    let operations = client.get(&format!("{}/shop/operations", deployments()), RESOURCES);
    let operations = operations.json["value"].as_array().expect("a list").clone();
    assert_eq!(operations.len(), 8, "seven resources and the outputs");
    assert_eq!(operations[0]["properties"]["provisioningOperation"], "EvaluateDeploymentOutput");
    assert!(operations[0]["properties"]["targetResource"].is_null());
    assert_eq!(
        client.get(&format!("{}?$top=1", deployments()), RESOURCES).json["value"].as_array().map(Vec::len),
        Some(1)
    );
    let older = Client::in_subscription(&format!("/resourcegroups/{}/deployments/shop/operations", shop::GROUP));
    assert_eq!(client.get(&older, RESOURCES).json["value"].as_array().map(Vec::len), Some(8), "the older path");
    let failed = client.get(&format!("{}?$filter=provisioningState%20eq%20'Failed'", deployments()), RESOURCES);
    assert_eq!(failed.json["value"], json!([]));
}

#[test]
fn the_headers_of_a_long_operation_are_those_that_were_asked_for() {
    for (headers, location, other) in [
        (PollHeaders::Real, true, true),
        (PollHeaders::OnlyLocation, true, false),
        (PollHeaders::OnlyAsyncOperation, false, true),
        (PollHeaders::Neither, false, false),
    ] {
        let azure = stopped();
        azure.quirks(|quirks| (quirks.poll_headers, quirks.retry_after_seconds) = (headers, None));
        let client = Client::of(&azure);
        let begun = client.post(&start_path(), MYSQL);
        let found = (begun.header("location").is_some(), begun.header("azure-asyncoperation").is_some());
        assert_eq!(found, (location, other), "{headers:?}");
        assert!(begun.header("retry-after").is_none());
        for header in ["location", "azure-asyncoperation"] {
            if let Some(url) = begun.header(header) {
                azure.fast_forward();
                let done = client.follow(url);
                assert!(done.status == 200 && done.json["status"] != "InProgress", "{done:?}");
                assert_eq!(state(&azure), ServerState::Ready);
            }
        }
    }
    let azure = shop();
    azure.quirks(|quirks| (quirks.poll_headers, quirks.retry_after_seconds) = (PollHeaders::OnlyLocation, Some(7)));
    let client = Client::of(&azure);
    let begun = client.send("PUT", &format!("{}/shop", deployments()), RESOURCES, &shop::deployment_body());
    assert_eq!(begun.header("retry-after"), Some("7"));
    let location = begun.header("location").expect("a location").to_owned();
    assert_eq!(client.follow(&location).status, 202);
    azure.fast_forward();
    let done = client.follow(&location);
    assert_eq!(done.json["properties"]["provisioningState"], "Succeeded");
}

#[test]
fn links_can_lead_without_a_host() {
    let azure = stopped();
    let client = Client::of(&azure);
    azure.quirks(|quirks| quirks.poll_link = LinkTo::Relative);
    let begun = client.post(&start_path(), MYSQL);
    let location = begun.header("location").expect("a location");
    assert!(location.starts_with("/subscriptions/"), "{location}");
    azure.fast_forward();
    assert_eq!(client.follow(location).status, 200);
}

#[test]
fn a_stranger_says_that_all_went_well_and_tells_on_who_believed_it() {
    let azure = stopped();
    let client = Client::of(&azure);
    azure.quirks(|quirks| {
        (quirks.poll_link, quirks.next_link, quirks.page_items) = (LinkTo::Stranger, LinkTo::Stranger, 1);
    });
    let begun = client.post(&start_path(), MYSQL);
    let location = begun.header("location").expect("a location").to_owned();
    assert!(location.starts_with(&azure.stranger_url()), "{location}");
    let operations = client.get(&format!("{}/shop/operations", deployments()), RESOURCES);
    assert!(operations.json["nextLink"].as_str().is_some_and(|next| next.starts_with(&azure.stranger_url())));
    let path = location.strip_prefix(&azure.stranger_url()).expect("just seen").to_owned();
    let ask = |headers: &str| exchange(&azure.stranger_url(), &request("GET", &path, headers, "")).expect("an answer");
    assert_eq!(ask("").json["status"], "Succeeded");
    assert!(azure.leaks().is_empty());
    ask(&format!("Authorization: Bearer {}\r\n", client.token));
    let leaks = azure.leaks();
    assert_eq!((leaks.len(), leaks[0].origin), (1, Origin::Stranger));
}

#[test]
fn a_redirect_leads_to_the_stranger_and_nothing_is_done() {
    let azure = stopped();
    azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/start", FaultKind::Redirect { status: 307 })));
    let client = Client::of(&azure);
    let sent = client.post(&start_path(), MYSQL);
    assert_eq!(sent.status, 307);
    assert!(sent.header("location").is_some_and(|to| to.starts_with(&azure.stranger_url()) && to.ends_with(MYSQL)));
    assert_eq!(state(&azure), ServerState::Stopped);
    assert_eq!(client.post(&start_path(), MYSQL).status, 202);
}

#[test]
fn throttling_lasts_as_many_times_as_it_was_told() {
    let azure = stopped();
    let client = Client::of(&azure);
    for (code, retry_after_seconds, name) in [
        (Throttling::Subscription, Some(3), "SubscriptionRequestsThrottled"),
        (Throttling::Resource, None, "ResourceRequestsThrottled"),
        (Throttling::AnotherOperation, Some(1), "RetryableErrorDueToAnotherOperation"),
    ] {
        let kind = FaultKind::Throttle { code, retry_after_seconds };
        azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/START", kind).times(2)));
        for _ in 0..2 {
            let refused = client.post(&start_path(), MYSQL);
            assert_eq!((refused.status, refused.code()), (429, name));
            assert_eq!(refused.header("retry-after"), retry_after_seconds.map(|s| s.to_string()).as_deref());
        }
    }
    assert_eq!(state(&azure), ServerState::Stopped);
    assert!(azure.mutations().is_empty());
    assert_eq!(client.post(&start_path(), MYSQL).status, 202);
}

#[test]
fn a_fault_can_wait_for_its_turn_and_be_taken_back() {
    let azure = shop();
    let client = Client::of(&azure);
    azure.quirks(|quirks| quirks.fault(Fault::on("*", "deployments", FaultKind::ServerError).after(1).always()));
    let statuses: Vec<_> = (0..3).map(|_| client.get(&deployments(), RESOURCES).status).collect();
    assert_eq!(statuses, [200, 500, 500]);
    assert_eq!(client.get("/subscriptions", "2020-01-01").status, 200);
    azure.quirks(|quirks| quirks.clear_faults());
    assert_eq!(client.get(&deployments(), RESOURCES).status, 200);
}

#[test]
fn an_error_can_hide_that_it_was_done() {
    let azure = stopped();
    let client = Client::of(&azure);
    azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/start", FaultKind::ServerErrorAfterwards)));
    assert_eq!(client.post(&start_path(), MYSQL).code(), "InternalServerError");
    assert_eq!(state(&azure), ServerState::Starting);
    let entry = azure.ledger().pop().expect("an entry");
    assert_eq!((entry.status, entry.changed, entry.mutating), (500, true, true));
}

#[test]
fn an_answer_can_be_cut_after_the_change() {
    for kind in [FaultKind::CutAnswer, FaultKind::NoAnswer] {
        let azure = stopped();
        let client = Client::of(&azure);
        azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/start", kind)));
        let headers = format!("Authorization: Bearer {}\r\n", client.token);
        let path = format!("{}?api-version={MYSQL}", start_path());
        assert!(exchange(&azure.url(), &request("POST", &path, &headers, "")).is_none(), "{kind:?}");
        assert_eq!(state(&azure), ServerState::Starting);
        let entry = azure.ledger().pop().expect("an entry");
        assert_eq!((entry.status, entry.changed, entry.delivered), (202, true, false));
    }
}

#[test]
fn a_held_answer_leaves_a_change_of_which_nobody_has_heard() {
    let azure = stopped();
    let client = Client::of(&azure);
    azure.quirks(|quirks| quirks.fault(Fault::on("POST", "/start", FaultKind::HoldUntilReleased)));
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| client.post(&start_path(), MYSQL).status);
        let entry = azure.wait_for(PATIENCE, |entry| entry.method == "POST").expect("it comes");
        assert_eq!((entry.changed, entry.delivered), (true, false));
        assert!(!asked.is_finished());
        azure.release();
        assert_eq!(asked.join().expect("it ends"), 202);
    });
    assert!(azure.wait_for(PATIENCE, |entry| entry.method == "POST" && entry.delivered).is_some());
    azure.quirks(|quirks| quirks.fault(Fault::on("GET", "/subscriptions", FaultKind::HoldFor { millis: 150 })));
    let before = Instant::now();
    assert_eq!(client.get("/subscriptions", "2020-01-01").status, 200);
    assert!(before.elapsed() >= Duration::from_millis(150));
}

#[test]
fn a_fake_ends_although_an_answer_is_held() {
    let azure = shop();
    azure.quirks(|quirks| quirks.fault(Fault::on("GET", "/subscriptions", FaultKind::HoldUntilReleased)));
    let url = azure.url();
    let headers = format!("Authorization: Bearer {}\r\n", Client::of(&azure).token);
    let asked = std::thread::spawn(move || {
        exchange(&url, &request("GET", "/subscriptions?api-version=2020-01-01", &headers, ""))
    });
    azure.wait_for(PATIENCE, |entry| entry.path == "/subscriptions").expect("it comes");
    drop(azure);
    assert!(asked.join().expect("it ends").is_none());
}

#[test]
fn an_operation_can_last_for_ever() {
    let azure = stopped();
    let client = Client::of(&azure);
    azure.quirks(|quirks| {
        quirks.fault(Fault::on("POST", "/start", FaultKind::NeverEnds));
        quirks.fault(Fault::on("PUT", "/deployments/", FaultKind::NeverEnds));
    });
    let begun = client.post(&start_path(), MYSQL);
    let poll = begun.header("azure-asyncoperation").expect("it can be asked after").to_owned();
    client.send("PUT", &format!("{}/stuck", deployments()), RESOURCES, &shop::deployment_body());
    azure.fast_forward();
    assert_eq!(client.follow(&poll).json["status"], "InProgress");
    assert_eq!(state(&azure), ServerState::Starting);
    let stuck = client.get(&format!("{}/stuck", deployments()), RESOURCES);
    assert_eq!(stuck.json["properties"]["provisioningState"], "Running");
}

#[test]
fn bodies_can_be_huge_or_no_json_at_all_or_in_chunks() {
    let azure = shop();
    let client = Client::of(&azure);
    azure.quirks(|quirks| {
        quirks.fault(Fault::on("GET", "/subscriptions", FaultKind::HugeError { bytes: 10_000_000 }));
        quirks.fault(Fault::on("GET", "/subscriptions", FaultKind::Answer { status: 200, body: "<html>" }).after(1));
        quirks.fault(Fault::on("GET", "/subscriptions", FaultKind::Unavailable).after(2));
    });
    let huge = client.get("/subscriptions", "2020-01-01");
    assert_eq!((huge.status, huge.message().len()), (400, 10_000_000));
    let strange = client.get("/subscriptions", "2020-01-01");
    assert_eq!((strange.status, strange.text.as_str()), (200, "<html>"));
    assert_eq!(client.get("/subscriptions", "2020-01-01").code(), "ServiceUnavailable");
    azure.quirks(|quirks| quirks.chunked = true);
    let headers = format!("Authorization: Bearer {}\r\n", client.token);
    let asked = request("GET", "/subscriptions?api-version=2020-01-01", &headers, "");
    // The few lines of the client know nothing of chunks, so the answer seems not to be whole to them.
    assert!(exchange(&azure.url(), &asked).is_none());
    azure.quirks(|quirks| quirks.chunked = false);
    assert!(exchange(&azure.url(), &asked).is_some());
}

#[test]
fn errors_are_packed_as_deep_as_was_asked_for_and_operations_as_text() {
    let azure = shop();
    let client = Client::of(&azure);
    for nesting in 0..4 {
        azure.world(|world| world.failures = vec![ScriptedFailure::internal_error("databases")]);
        azure.quirks(|quirks| quirks.error_nesting = nesting);
        let failed = client.deploy("deep", &shop::deployment_body());
        let mut detail = failed["properties"]["error"]["details"][0].clone();
        for _ in 0..nesting {
            let packed: Value = serde_json::from_str(detail["message"].as_str().expect("text")).expect("JSON");
            detail = packed["error"].get("details").map_or_else(|| packed["error"].clone(), |list| list[0].clone());
        }
        assert_eq!(detail["code"], "InternalServerError");
        assert!(detail["message"].as_str().is_some_and(|text| text.starts_with("An unexpected error")), "{detail}");
    }
    let failed = |client: &Client| {
        let list = client.get(&format!("{}/deep/operations", deployments()), RESOURCES);
        let list = list.json["value"].as_array().expect("a list").clone();
        list.into_iter().find(|one| one["properties"]["provisioningState"] == "Failed").expect("a failed one")
    };
    let message = failed(&client)["properties"]["statusMessage"].clone();
    assert_eq!(message["error"]["code"], "InternalServerError");
    azure.quirks(|quirks| quirks.status_message_as_string = true);
    let text = failed(&client)["properties"]["statusMessage"].as_str().expect("text").to_owned();
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), message);
}

#[test]
fn ids_can_come_in_another_case() {
    let azure = shop();
    let client = Client::of(&azure);
    azure.quirks(|quirks| quirks.changed_case = true);
    let vault = client.get(&Client::in_group(&format!("Microsoft.KeyVault/vaults/{}", shop::VAULT)), VAULTS);
    let id = vault.json["id"].as_str().expect("an id");
    assert!(id.contains("/resourcegroups/RG-SHOP/providers/microsoft.keyvault/vaults/kv-shop"), "{id}");
    assert_eq!(vault.json["type"], "microsoft.keyvault/vaults");
}

#[test]
fn a_skewed_clock_shows_in_headers_and_bodies_and_nowhere_else() {
    let azure = shop();
    let client = Client::of(&azure);
    azure.quirks(|quirks| quirks.clock_skew_seconds = -3600);
    let shown = client.get(&format!("{}/shop", deployments()), RESOURCES);
    let at: jiff::Timestamp = shown.json["properties"]["timestamp"].as_str().expect("a time").parse().expect("a time");
    let behind = jiff::Timestamp::now().as_second() - at.as_second();
    assert!((3600..3700).contains(&behind), "{behind}");
    assert!(shown.header("date").is_some_and(|date| date.ends_with(" GMT")));
    let late = jiff::Timestamp::now().as_second() - azure.ledger()[0].time.as_second();
    assert!(late < 100, "the ledger keeps true time");
}

#[test]
fn what_if_can_be_blind_and_brief_and_shows_deletions() {
    let azure = shop();
    let client = Client::of(&azure);
    azure.world(|world| {
        world.what_if_blind.insert("Microsoft.DBforMySQL/flexibleServers".to_owned());
        world.soft_delete_vault(shop::VAULT).expect("a vault");
    });
    let ask = |change: fn(&mut Value)| {
        let mut body = shop::deployment_body();
        change(&mut body["properties"]);
        let begun = client.send("POST", &format!("{}/shop/whatIf", deployments()), RESOURCES, &body);
        azure.fast_forward();
        let done = client.follow(begun.header("location").expect("a location"));
        done.json["properties"]["changes"].as_array().expect("changes").clone()
    };
    let kinds = |changes: &[Value]| -> Vec<String> {
        let mut kinds: Vec<_> = changes.iter().map(|one| one["changeType"].as_str().unwrap_or("").to_owned()).collect();
        kinds.sort();
        kinds.dedup();
        kinds
    };
    let changes = ask(|_| {});
    assert_eq!(kinds(&changes), ["Create", "NoChange", "Unsupported"], "it does not see that the name is held");
    let changed = ask(|properties| properties["template"]["resources"][4]["tags"] = json!({"team": "other"}));
    let changed = changed.iter().find(|one| one["changeType"] == "Modify").expect("one is changed").clone();
    assert_eq!(changed["delta"][0]["path"], "tags.team");
    let drop_last = |properties: &mut Value| {
        properties["template"]["resources"].as_array_mut().expect("resources").pop();
    };
    assert!(kinds(&ask(drop_last)).contains(&"Ignore".to_owned()));
    let complete = ask(|properties| {
        properties["template"]["resources"].as_array_mut().expect("resources").pop();
        properties["mode"] = json!("Complete");
    });
    assert!(kinds(&complete).contains(&"Delete".to_owned()));
    let brief = ask(|properties| properties["whatIfSettings"] = json!({"resultFormat": "ResourceIdOnly"}));
    assert!(brief.iter().all(|one| one["after"].is_null()) && kinds(&brief).contains(&"Deploy".to_owned()));
}
