//! Stale containers and networks, restarts and pulls on a real engine, below the workflow: what the host itself takes for
//! stale, what it refuses whoever asks, and that each effect does exactly its one thing and knows whether it happened.

mod opened;

use opened::{apply, open, prepared, probe};
use repair_effects::deployment::ComposeDeployment;
use repair_model::action::Action;
use repair_model::container::{StaleContainer, Staleness};
use repair_model::network::Network;
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{Change, Step};
use repair_model::query::{Answer, Fact, Query};
use repair_model::risk::Risk;
use repair_pipeline::outside::Deployment as _;
use repair_test_support::{Engine, Finished, Project, Registry, WEB};

fn project() -> Project<'static> {
    Project::new(Engine::shared()).expect("a project can be made")
}

/// A file with these services, each with more lines of its own.
fn file(services: &[(&str, &str)]) -> String {
    let service = |(name, more): &(&str, &str)| format!("  {name}:\n    image: {WEB}\n{more}");
    format!("services:\n{}", services.iter().map(service).collect::<String>())
}

fn compose(project: &Project<'_>, args: &[&str]) {
    project.compose(args).and_then(Finished::success).expect("compose does it");
}

fn docker(project: &Project<'_>, args: &[&str]) -> String {
    Finished::run(project.engine().docker().args(args)).and_then(Finished::success).expect("docker does it").stdout
}

fn id_of(project: &Project<'_>, name: &str) -> String {
    docker(project, &["inspect", "--format", "{{.Id}}", name]).trim().to_owned()
}

async fn stale(deployment: &mut ComposeDeployment) -> Vec<StaleContainer> {
    match deployment.observe(&Query::StaleContainers).await.answer {
        Answer::Fact(Fact::StaleContainers(found)) => found,
        other => panic!("no list: {other:?}"),
    }
}

async fn networks(deployment: &mut ComposeDeployment) -> Vec<Network> {
    match deployment.observe(&Query::Networks).await.answer {
        Answer::Fact(Fact::Networks(found)) => found,
        other => panic!("no list: {other:?}"),
    }
}

/// What the gate does, then the effect.
async fn carry_out(deployment: &mut ComposeDeployment, step: &Step) -> Outcome {
    let now = deployment.footprint(step).await.expect("it can be told");
    assert_eq!(step.footprint.difference(&now), None, "{step:?}");
    let assessed = deployment.assess(step).await.expect("it can be told");
    assert_eq!(assessed, (step.risk, step.change.clone()));
    apply(deployment, step).await
}

fn done(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done { .. })
}

fn remove(container: &str, id: &str) -> Action {
    Action::RemoveStaleContainer { container: container.to_owned(), id: id.to_owned() }
}

#[tokio::test]
async fn a_leftover_of_a_renamed_service_makes_room_for_its_successor() {
    let project = project();
    let name = format!("{}-fixed", project.name());
    let named = format!("    container_name: {name}\n");
    project.write("compose.yaml", &file(&[("old", &named)])).expect("written");
    compose(&project, &["up", "--detach"]);
    project.write("compose.yaml", &file(&[("new", &named), ("other", "")])).expect("written");
    let mut deployment = open(&project).await;

    let found = stale(&mut deployment).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].why, found[0].foreign), (Staleness::HoldsWantedName, false));
    let id = found[0].container.container.id.clone();
    let error = prepared(&mut deployment, &[remove(&name, &id)]).await.expect_err("it runs");
    assert!(error.what.contains("running"), "{error}");

    docker(&project, &["stop", "--time", "0", &name]);
    for wrong in [remove(&name, &id[..12]), remove(&name, &"0".repeat(64)), remove("other", &id)] {
        prepared(&mut deployment, std::slice::from_ref(&wrong)).await.expect_err("it names something else");
    }
    let services = vec!["new".to_owned(), "other".to_owned()];
    let actions = [remove(&name, &id), Action::ComposeUp { services }];
    let steps = prepared(&mut deployment, &actions).await.expect("a plan");
    assert_eq!((steps[0].risk, steps[1].risk), (Risk::Disruptive, Risk::Safe));
    assert_eq!(probe(&mut deployment, &steps[0]).await, Probe::DidNotHappen);
    assert!(done(&carry_out(&mut deployment, &steps[0]).await));
    assert_eq!(probe(&mut deployment, &steps[0]).await, Probe::Happened);
    assert!(done(&carry_out(&mut deployment, &steps[1]).await));
    assert_eq!(project.container("new").expect("it exists").name, name);
    assert_eq!(stale(&mut deployment).await, []);
}

#[tokio::test]
async fn a_container_that_starts_after_the_plan_is_not_removed() {
    let project = project();
    project.write("compose.yaml", &file(&[("web", ""), ("old", "")])).expect("written");
    compose(&project, &["create"]);
    project.write("compose.yaml", &file(&[("web", "")])).expect("written");
    let mut deployment = open(&project).await;
    let name = format!("{}-old-1", project.name());
    let id = id_of(&project, &name);
    let steps = prepared(&mut deployment, &[remove(&name, &id)]).await.expect("a plan");
    assert_eq!(steps[0].risk, Risk::Reversible, "it never ran");

    docker(&project, &["start", &name]);
    let now = deployment.footprint(&steps[0]).await.expect("it can be told");
    assert!(steps[0].footprint.difference(&now).is_some());
    deployment.assess(&steps[0]).await.expect_err("it runs");
    // Even without the gate the engine itself refuses.
    let outcome = apply(&mut deployment, &steps[0]).await;
    assert!(matches!(outcome, Outcome::Failed { .. }), "{outcome:?}");
    assert_eq!(id_of(&project, &name), id);
}

#[tokio::test]
async fn inactive_profiles_and_foreign_containers_are_left_alone() {
    let project = project();
    let wanted = format!("{}-web-1", project.name());
    project.write("compose.yaml", &file(&[("web", ""), ("admin", "    profiles: [tools]\n")])).expect("written");
    compose(&project, &["--profile", "tools", "create", "admin"]);
    docker(&project, &["create", "--name", &wanted, WEB]);
    let mut deployment = open(&project).await;

    let found = stale(&mut deployment).await;
    let foreign = id_of(&project, &wanted);
    let refused = [prepared(&mut deployment, &[remove(&wanted, &foreign)]).await, {
        let admin = project.container("admin").expect("it exists");
        prepared(&mut deployment, &[remove(&admin.name, &admin.id)]).await
    }];
    docker(&project, &["rm", &wanted]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].foreign && found[0].container.container.id == foreign);
    for refusal in refused {
        refusal.expect_err("it stays");
    }
}

#[tokio::test]
async fn a_network_under_another_key_goes_once_nothing_is_attached() {
    let project = project();
    let name = format!("{}-net", project.name());
    let on = |key: &str| {
        let services = file(&[("web", &format!("    networks: [{key}]\n"))]);
        format!("{services}networks:\n  {key}:\n    name: {name}\n")
    };
    project.write("compose.yaml", &on("before")).expect("written");
    compose(&project, &["create"]);
    project.write("compose.yaml", &on("after")).expect("written");
    let mut deployment = open(&project).await;

    let found = networks(&mut deployment).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].key.as_deref(), found[0].wanted_as.as_deref()), (Some("before"), Some("after")));
    assert_eq!(found[0].attached.len(), 1, "a container that never started counts: {found:?}");
    let action = Action::RemoveStaleNetwork { network: name.clone(), id: found[0].id.clone() };
    prepared(&mut deployment, std::slice::from_ref(&action)).await.expect_err("something is attached");

    docker(&project, &["rm", &project.container("web").expect("it exists").id]);
    let actions = [action, Action::ComposeUp { services: vec!["web".to_owned()] }];
    let steps = prepared(&mut deployment, &actions).await.expect("a plan");
    assert_eq!(probe(&mut deployment, &steps[0]).await, Probe::DidNotHappen);
    assert!(done(&carry_out(&mut deployment, &steps[0]).await));
    assert_eq!(probe(&mut deployment, &steps[0]).await, Probe::Happened);
    assert!(done(&carry_out(&mut deployment, &steps[1]).await));
    let found = networks(&mut deployment).await;
    assert_eq!(found[0].key.as_deref(), Some("after"));
    let action = Action::RemoveStaleNetwork { network: name, id: found[0].id.clone() };
    prepared(&mut deployment, &[action]).await.expect_err("the project wants it");
}

#[tokio::test]
async fn a_restart_keeps_the_container_and_shows_in_its_last_start() {
    let project = project();
    project.write("compose.yaml", &file(&[("web", ""), ("idle", "")])).expect("written");
    compose(&project, &["up", "--detach", "web"]);
    let before = project.container("web").expect("it runs");
    let mut deployment = open(&project).await;
    let restart = |service: &str| Action::RestartService { service: service.to_owned() };
    prepared(&mut deployment, &[restart("idle")]).await.expect_err("it has no container");
    let steps = prepared(&mut deployment, &[restart("web")]).await.expect("a plan");
    assert_eq!(steps[0].risk, Risk::Disruptive);
    assert!(matches!(&steps[0].change, Change::Containers(changes) if changes[0].started.is_some()));

    assert_eq!(probe(&mut deployment, &steps[0]).await, Probe::DidNotHappen);
    assert!(done(&carry_out(&mut deployment, &steps[0]).await));
    assert_eq!(probe(&mut deployment, &steps[0]).await, Probe::Happened);
    assert_eq!(project.container("web").expect("it runs"), before);
    deployment.assess(&steps[0]).await.map(|(_, change)| assert_ne!(change, steps[0].change)).expect("it can be told");
}

#[tokio::test]
async fn a_missing_image_is_pulled_and_one_that_is_there_is_not() {
    let project = project();
    let registry = Registry::start(project.engine()).expect("a registry");
    let image = registry.image();
    let services = format!("  far:\n    image: {image}\n  off:\n    image: {image}x\n    pull_policy: never\n");
    project.write("compose.yaml", &(file(&[("near", "")]) + &services)).expect("written");
    let mut deployment = open(&project).await;
    let pull = |service: &str| Action::PullImage { services: vec![service.to_owned()] };
    for refused in ["near", "off", "nobody"] {
        prepared(&mut deployment, &[pull(refused)]).await.expect_err(refused);
    }
    let steps = prepared(&mut deployment, &[pull("far")]).await.expect("a plan");
    assert_eq!(steps[0].risk, Risk::Safe);
    assert_eq!(probe(&mut deployment, &steps[0]).await, Probe::DidNotHappen);
    let outcome = carry_out(&mut deployment, &steps[0]).await;
    let probe = probe(&mut deployment, &steps[0]).await;
    let again = prepared(&mut deployment, &[pull("far")]).await;
    docker(&project, &["rmi", &image]);
    assert!(done(&outcome), "{outcome:?}");
    assert_eq!(probe, Probe::Happened);
    again.expect_err("it is there");
}
