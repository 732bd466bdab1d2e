//! The whole tool over made-up deployments: every proposal and every decline. The fake host also checks that nothing
//! undeclared is asked, that four rounds are enough, and that the same case gets the same reply.

mod bundles;
mod clashes;
mod declines;
mod ranges;

use repair_tool_sdk::action::Action;
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::ports::{PortKey, PublishedPort};
use repair_tool_sdk::reply::Proposal;
use repair_tool_sdk::testing::{FakeHost, container, process, publish, service};

use super::PortConflict;

fn host() -> FakeHost {
    FakeHost::new(FailureClass::DockerPortConflict)
}

/// One service, `web`, which was made and could not be started.
fn web(port: PublishedPort) -> FakeHost {
    host().service(service("web").publishing(port)).container(container("web"))
}

/// A well-known shape: a database, two pages and the server behind them. Nothing runs yet.
fn four_services() -> FakeHost {
    host()
        .service(service("config-ui").publishing(publish(4000, 4000)).depending_on("devlake"))
        .service(service("devlake").publishing(publish(8080, 8080)).depending_on("mysql"))
        .service(service("grafana").publishing(publish(3002, 3000)))
        .service(service("mysql").publishing(publish(3306, 3306)))
}

fn by_process(host: FakeHost, port: u16) -> FakeHost {
    host.held(PortKey::tcp(port), process(812, "nginx"))
}

fn proposal(host: &FakeHost) -> Proposal {
    host.proposal_of::<PortConflict>()
}

/// `SERVICE BEFORE>AFTER` for each move, then the services that are started.
fn plan(host: &FakeHost) -> Vec<String> {
    let words = proposal(host).actions.into_iter().map(|action| match action {
        Action::RemapPort(one) => format!("{} {}>{}", one.service, one.before, one.after),
        Action::ComposeUp(up) => format!("up {}", up.services.join(" ")),
        _ => panic!("not declared"),
    });
    words.collect()
}
