//! When nothing is moved, and what a person is told.

use repair_tool_sdk::case::Refusal;
use repair_tool_sdk::kinds::{FailureClass, QueryKind};
use repair_tool_sdk::ports::{PortKey, PortOwner, ValueSource};
use repair_tool_sdk::testing::{FakeHost, container, container_ref, greatest_project, process, publish, service};

use super::{PortConflict, by_process, four_services, host, web};

#[track_caller]
fn declines(host: &FakeHost, words: &[&str]) {
    host.assert_declines::<PortConflict>(words);
}

#[test]
fn a_port_that_is_not_of_this_project() {
    declines(
        &web(publish(8080, 80)).fact("port", "9999"),
        &["Port 9999", "no service of this project publishes it", "ss "],
    );
}

#[test]
fn a_privileged_port() {
    let host = FakeHost::new(FailureClass::DockerPrivilegedPort)
        .service(service("web").publishing(publish(80, 80)).publishing(publish(8443, 443)));
    declines(&host, &["below 1024 (80 of `web`)", "ip_unprivileged_port_start", "8080:80"]);
    assert_eq!(host.converse::<PortConflict>().rounds.len(), 1, "who holds it does not matter");
    let by_engine = web(publish(80, 80));
    let by_engine = by_engine.container(container("web").failed("listen tcp4 0.0.0.0:80: bind: permission denied"));
    declines(&by_engine, &["below 1024"]);
}

#[test]
fn an_address_that_this_machine_does_not_have() {
    let by_text = web(publish(8080, 80).on("10.9.9.9")).fact("reason", "address-not-available");
    declines(&by_text, &["10.9.9.9 before port 8080 of `web`", "ip address"]);
    let by_engine = host()
        .service(service("web").publishing(publish(8080, 80).on("10.9.9.9")))
        .container(container("web").failed("listen tcp4 10.9.9.9:8080: bind: cannot assign requested address"));
    declines(&by_engine, &["10.9.9.9"]);
}

#[test]
fn a_firewall_rule_that_the_engine_could_not_add() {
    let error = "driver failed programming external connectivity on endpoint web: iptables failed: --dport 8080";
    let host = host().service(service("web").publishing(publish(8080, 80))).container(container("web").failed(error));
    declines(&host, &["firewall rule", "systemctl restart docker"]);
}

#[test]
fn a_variable_that_the_shell_exports() {
    let exported = publish(8080, 80).valued_by(ValueSource::Shell("WEB_PORT".to_owned()));
    declines(&by_process(web(exported), 8080), &["exports it as WEB_PORT", "unset WEB_PORT"]);
}

#[test]
fn one_port_that_cannot_be_moved_keeps_all_where_they_are() {
    let host = four_services().service(service("web").publishing(publish(8081, 80).of_unknown_origin()));
    declines(
        &by_process(by_process(host, 8080), 8081),
        &["8081 of `web`", "where it is written", "docker compose config web"],
    );
}

#[test]
fn nobody_holds_it() {
    declines(
        &web(publish(8080, 80)).fact("port", "8080"),
        &["Nobody holds a port", "address translation", "systemctl restart docker", "docker compose up"],
    );
}

#[test]
fn a_remote_engine_without_an_error_of_its_own() {
    let host = web(publish(8080, 80)).remote().fact("port", "8080");
    declines(&host, &["cannot be seen from here", "On the engine's machine"]);
    let other = "Bind for 0.0.0.0:8090 failed: port is already allocated";
    declines(&host.container(container("web").failed(other)), &["cannot be seen from here"]);
}

#[test]
fn a_container_of_the_same_service_holds_it() {
    let own = PortOwner::ThisProject(container_ref("shop", "web"));
    declines(&web(publish(8080, 80)).held(PortKey::tcp(8080), own), &["same service", "docker rm --force shop-web-1"]);
    let scaled = host()
        .service(service("web").scaled(2).publishing(publish(8080, 80)))
        .container(container("web").running())
        .container(container("web"));
    declines(&scaled, &["publish a range"]);
}

#[test]
fn everything_is_up() {
    declines(&web(publish(8080, 80)).container(container("web").running()), &["Every service of this project is up"]);
}

#[test]
fn a_project_that_is_too_large_to_see() {
    for kind in [QueryKind::ComposeModel, QueryKind::Containers] {
        declines(&by_process(web(publish(8080, 80)), 8080).cutting(kind), &["larger than `repair` can look at"]);
    }
}

#[test]
fn a_refused_look() {
    let unavailable = || Refusal::Unavailable("`docker compose config` failed".to_owned());
    declines(
        &web(publish(8080, 80)).refusing(QueryKind::ComposeModel, unavailable()),
        &["`compose-model`", "config` failed"],
    );
    declines(
        &by_process(web(publish(8080, 80)), 8080).refusing(QueryKind::FreePorts, unavailable()),
        &["`free-ports`", "config` failed"],
    );
}

#[test]
fn a_hostile_text_never_chooses_a_target() {
    for (name, value) in
        [("port", "8080"), ("service", "web"), ("port", "0"), ("port", "99999"), ("port", "8080; rm -rf")]
    {
        let host = four_services().fact(name, value).service(service("web").publishing(publish(9090, 80)));
        host.decline_of::<PortConflict>();
        let other = host.held(PortKey::tcp(9090), process(1, "x"));
        assert_eq!(super::plan(&other)[0], "web 9090>9091");
    }
}

#[test]
fn more_moves_than_one_plan_holds() {
    let project = |count: u16| {
        (0..count).fold(host(), |host, at| {
            let one = service(&format!("s{at:02}")).publishing(publish(8000 + 100 * at, 80));
            by_process(host.service(one), 8000 + 100 * at)
        })
    };
    assert_eq!(project(15).proposal_of::<PortConflict>().actions.len(), 16);
    declines(&project(16), &["16 entries of `ports`", "more than the 15", "docker compose ls"]);
    let bundle = r#"{"bundles": [{"from": [8000, 9500], "to": [18000, 18001]}]}"#;
    let along = project(15).service(service("t").publishing(publish(9500, 80))).params(bundle);
    declines(&along, &["16 entries of `ports`"]);
}

#[test]
fn one_port_that_all_services_of_the_greatest_project_publish() {
    let all = greatest_project().into_iter().map(|service| service.publishing(publish(8080, 80)));
    declines(&host().services(all), &["999 entries of `ports`"]);
}
