//! Variables without a value, on a real engine: a project that Compose refuses is opened and looked at, a drawn value makes
//! it start, nobody sees the value, and nothing else of the project changes.

#![expect(clippy::disallowed_methods, reason = "the rules for the shipped program do not bind its tests")]

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::sync::Arc;

use repair_effects::compose::project::ProjectChoice;
use repair_effects::deployment::{ComposeDeployment, OpenError, OpenOptions};
use repair_effects::docker::endpoint::EndpointChoice;
use repair_model::action::{Action, PortMove};
use repair_model::bounds::Bounds;
use repair_model::compose::{Protocol, Published};
use repair_model::env_value::{EmptyVariable, EnvValue, ValueEncoding};
use repair_model::evidence::Evidence;
use repair_model::finding::FailureClass;
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{Change, ContainerOperation, Step};
use repair_model::query::{Answer, Fact, Query};
use repair_model::risk::Risk;
use repair_pipeline::classification::classify;
use repair_pipeline::outside::{Deployment as _, EffectContext, EffectId, Preparation, TargetError};
use repair_test_support::{Engine, Finished, Project, WEB};

const DEVLAKE: &str = "repair-test/devlake:1";

fn project(compose: &str) -> Project<'static> {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    project.write("compose.yaml", compose).expect("its file can be written");
    project
}

/// The two variables that Compose wants, in a service that runs.
fn wanting() -> Project<'static> {
    project(&format!(
        "services:\n  web:\n    image: {WEB}\n    environment:\n      KEY: ${{APP_KEY:?set it in .env}}\n      \
         OTHER: \"x-${{SESSION_SECRET:?}}\"\n      TAG: ${{TAG:-1}}\n"
    ))
}

/// The server that ends at once while its secret is empty, as its namesake does.
fn lake(dotenv: &str) -> Project<'static> {
    let project = project(&format!("services:\n  lake:\n    image: {DEVLAKE}\n    env_file: ./.env\n"));
    project.write(".env", dotenv).expect("written");
    project
}

async fn open(project: &Project<'_>, name: Option<&str>) -> Result<ComposeDeployment, OpenError> {
    let found: BTreeMap<_, _> = project
        .command("x")
        .get_envs()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())))
        .collect();
    let variable = |name: &str| found.get(std::ffi::OsStr::new(name)).cloned().or_else(|| std::env::var_os(name));
    let text = |name: &str| variable(name).and_then(|value| value.into_string().ok());
    let options = OpenOptions {
        project: ProjectChoice {
            current_directory: project.dir().to_owned(),
            name: name.map(str::to_owned),
            ..ProjectChoice::default()
        },
        endpoint: EndpointChoice {
            docker_host: text("DOCKER_HOST"),
            config_dir: variable("DOCKER_CONFIG").map(Into::into),
            ..EndpointChoice::default()
        },
        shell: BTreeMap::new(),
        path_var: variable("PATH").unwrap_or_default(),
        probes: Vec::new(),
        bundles: project.state_dir(),
        projection: None,
        wanted_at: None,
        interrupted: Arc::default(),
    };
    ComposeDeployment::open(options).await
}

async fn opened(project: &Project<'_>) -> ComposeDeployment {
    open(project, Some(project.name())).await.expect("the project can be looked at")
}

fn set(variable: &str, file: &str, encoding: ValueEncoding) -> Action {
    Action::SetEnvValue(EnvValue { variable: variable.to_owned(), file: file.to_owned(), bytes: 32, encoding })
}

fn up(service: &str) -> Action {
    Action::ComposeUp { services: vec![service.to_owned()] }
}

async fn prepared(deployment: &mut ComposeDeployment, actions: &[Action]) -> Result<Preparation, TargetError> {
    deployment.prepare(actions, None).await
}

async fn empty(deployment: &mut ComposeDeployment) -> Vec<EmptyVariable> {
    match deployment.observe(&Query::EmptyVariables).await.answer {
        Answer::Fact(Fact::EmptyVariables(found)) => found,
        other => panic!("no answer: {other:?}"),
    }
}

fn effect() -> EffectId {
    EffectId { session: "20260131-235959-0a1b2c3d".parse().expect("an id"), place: 0, operation: None }
}

async fn probe(deployment: &mut ComposeDeployment, step: &Step) -> Probe {
    deployment.probe(step, &effect(), &mut |_| {}).await
}

/// What Compose says against the project.
async fn refusals(deployment: &mut ComposeDeployment) -> Vec<Evidence> {
    deployment.inspect().await.expect("the engine answers").evidence
}

async fn apply(deployment: &mut ComposeDeployment, step: &Step) -> Outcome {
    let context = EffectContext {
        effect: effect(),
        lease: Vec::new(),
        bounds: &Bounds { up_seconds_max: 120, ..Bounds::default() },
        started: &mut |_| Ok(()),
        accepted: &mut |_| Ok(()),
        progress: &mut |_| {},
        waiting: &mut |_| {},
        interrupted: &|| false,
    };
    deployment.apply(step, context).await.expect("no log can fail here")
}

/// What the gate looks at right before each step, and the step itself.
async fn carried_out(deployment: &mut ComposeDeployment, preparation: &Preparation) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for step in preparation.steps.iter().map(|prepared| &prepared.step) {
        let now = deployment.footprint(step).await.expect("a footprint");
        assert_eq!(step.footprint.difference(&now), None, "{}", step.summary);
        let (risk, change) = deployment.assess(step).await.expect("an assessment");
        assert_eq!((risk, &change), (step.risk, &step.change), "{}", step.summary);
        let outcome = apply(deployment, step).await;
        assert!(matches!(outcome, Outcome::Done { .. }), "{}: {outcome:?}", step.summary);
        outcomes.push(outcome);
    }
    outcomes
}

/// The value of a variable in a file of the project.
fn value_in(project: &Project<'_>, file: &str, variable: &str) -> String {
    let text = project.read(file).expect("the file is there");
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{variable}=")));
    line.unwrap_or_else(|| panic!("no {variable} in {file}")).to_owned()
}

/// The environment of the only container of a service, as the engine has it.
fn environment(project: &Project<'_>, service: &str) -> Vec<String> {
    let id = project.container(service).expect("a container").id;
    let mut inspect = project.engine().docker();
    inspect.args(["inspect", "--format", "{{json .Config.Env}}", &id]);
    let answer = Finished::run(&mut inspect).and_then(Finished::success).expect("docker inspect").stdout;
    serde_json::from_str(&answer).expect("a list of texts")
}

async fn healthy(deployment: &mut ComposeDeployment) -> bool {
    deployment.verify().await.expect("a verdict").healthy()
}

#[tokio::test]
async fn a_project_that_compose_refuses_is_looked_at_and_starts_with_drawn_values() {
    let project = wanting();
    let mut deployment = opened(&project).await;
    let id = deployment.target().id();

    let findings = classify(&refusals(&mut deployment).await, &[]);
    assert_eq!(findings[0].class, FailureClass::DockerComposeInvalidFile);
    assert!(findings[0].facts.values().any(|value| value == "SESSION_SECRET"), "{findings:?}");
    let verdict = deployment.verify().await.expect("a verdict");
    assert!(!verdict.healthy() && !verdict.settling());
    assert!(verdict.services[0].state.contains("`APP_KEY`, `SESSION_SECRET`"), "{verdict:?}");
    let found = empty(&mut deployment).await;
    let names: Vec<&str> = found.iter().map(|found| found.variable.as_str()).collect();
    assert_eq!(names, ["APP_KEY", "SESSION_SECRET"]);
    assert!(
        found.iter().all(|found| found.required && found.secret_like && !found.written && found.services == ["web"])
    );

    let refused = prepared(&mut deployment, &[up("web")]).await.expect_err("Compose would refuse it");
    assert!(refused.what.contains("`APP_KEY`"), "{refused}");
    let one = [set("APP_KEY", ".env", ValueEncoding::Hex), up("web")];
    let refused = prepared(&mut deployment, &one).await.expect_err("one is still missing");
    assert!(refused.what.contains("`SESSION_SECRET`"), "{refused}");

    let both =
        [set("APP_KEY", ".env", ValueEncoding::Hex), set("SESSION_SECRET", ".env", ValueEncoding::Base64), up("web")];
    let preparation = prepared(&mut deployment, &both).await.expect("a plan");
    let risks: Vec<Risk> = preparation.steps.iter().map(|prepared| prepared.step.risk).collect();
    assert_eq!(risks, [Risk::Safe; 3]);
    let detail = &preparation.steps[1].step.detail;
    assert_eq!(detail.as_slice(), ["+ .env:2  SESSION_SECRET=[32 random bytes, base64]"]);
    assert!(project.read(".env").is_err(), "a plan writes nothing");
    let outcomes = carried_out(&mut deployment, &preparation).await;
    assert!(healthy(&mut deployment).await);

    let (key, session) = (value_in(&project, ".env", "APP_KEY"), value_in(&project, ".env", "SESSION_SECRET"));
    assert_eq!((key.len(), session.len()), (64, 43));
    let env = environment(&project, "web");
    assert!(env.contains(&format!("KEY={key}")) && env.contains(&format!("OTHER=x-{session}")), "as drawn");
    let mode = std::fs::metadata(project.dir().join(".env")).expect("there").mode();
    assert_eq!(mode & 0o7777, 0o600);
    let said = format!("{preparation:?} {outcomes:?} {:?}", refusals(&mut deployment).await);
    assert!(!said.contains(&key) && !said.contains(&session), "a value was shown");
    for step in preparation.steps.iter().map(|prepared| &prepared.step) {
        assert_eq!(probe(&mut deployment, step).await, Probe::Happened);
    }
    assert_eq!(opened(&project).await.target().id(), id, "the same target with and without the values");
}

#[tokio::test]
async fn a_variable_that_only_a_resting_service_requires_is_given_a_value_too() {
    let project = project(&format!(
        "services:\n  web:\n    image: {WEB}\n    ports: [\"80\"]\n  idle:\n    image: {WEB}\n    profiles: [later]\n    \
         environment: {{K: \"${{IDLE_KEY:?}}\", PLAIN: \"${{PLAIN_KEY}}\"}}\n"
    ));
    let mut deployment = opened(&project).await;
    let actions = [set("IDLE_KEY", ".env", ValueEncoding::Hex), up("web")];
    let preparation = prepared(&mut deployment, &actions).await.expect("a plan");
    carried_out(&mut deployment, &preparation).await;
    assert!(healthy(&mut deployment).await && refusals(&mut deployment).await.is_empty());
    let refused = prepared(&mut deployment, &[set("PLAIN_KEY", ".env", ValueEncoding::Hex)]).await;
    assert!(refused.expect_err("nobody uses it").what.contains("no service of the active profiles"));
}

#[tokio::test]
async fn a_server_that_ended_for_an_empty_secret_gets_one_and_runs() {
    let before = "# settings\nDB_URL=mysql://db\nENCRYPTION_SECRET=\nTZ=UTC # here\n";
    let project = lake(before);
    let file = project.dir().join(".env");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).expect("set");
    // Attached, it returns once the server has ended.
    project.compose(["up"]).expect("compose runs");
    assert_eq!(project.container("lake").expect("a container").status, "exited");
    let mut deployment = opened(&project).await;
    assert_eq!(refusals(&mut deployment).await, []);
    let found = empty(&mut deployment).await;
    let found = found.iter().find(|found| found.variable == "ENCRYPTION_SECRET").expect("found");
    assert!(found.written && !found.required && found.file == ".env" && found.services == ["lake"], "{found:?}");

    let actions = [set("ENCRYPTION_SECRET", ".env", ValueEncoding::Alphanumeric), up("lake")];
    let preparation = prepared(&mut deployment, &actions).await.expect("a plan");
    let [value, start] = &preparation.steps[..] else { panic!("two steps") };
    assert_eq!((value.step.risk, start.step.risk), (Risk::Disruptive, Risk::Disruptive));
    let Change::Containers(changes) = &start.step.change else { panic!("{:?}", start.step.change) };
    assert_eq!(changes[0].operation, ContainerOperation::Recreate);
    assert!(preparation.warnings.iter().any(|warning| warning.contains("earlier value")), "{:?}", preparation.warnings);
    assert_eq!(probe(&mut deployment, &value.step).await, Probe::DidNotHappen);
    carried_out(&mut deployment, &preparation).await;
    assert!(healthy(&mut deployment).await);

    let secret = value_in(&project, ".env", "ENCRYPTION_SECRET");
    assert_eq!(project.read(".env").expect("there").replace(&secret, ""), before);
    assert!(environment(&project, "lake").contains(&format!("ENCRYPTION_SECRET={secret}")));
    assert_eq!(std::fs::metadata(&file).expect("there").mode() & 0o7777, 0o640);
    assert_eq!(empty(&mut deployment).await, []);
    let again = prepared(&mut deployment, &actions[..1]).await.expect_err("never over a value");
    assert!(again.what.contains("is not a variable that"), "{again}");
}

#[tokio::test]
async fn every_encoding_comes_through_compose_as_it_was_written() {
    for (line, encoding) in ["A_KEY=", "export A_KEY = ''  # c", "A_KEY=\"\"\r"]
        .into_iter()
        .flat_map(|line| ValueEncoding::ALL.map(|encoding| (line, encoding)))
    {
        let project = lake(&format!("X=1\n{line}\nY=2"));
        let mut deployment = opened(&project).await;
        let preparation = prepared(&mut deployment, &[set("A_KEY", ".env", encoding)]).await.expect("a plan");
        carried_out(&mut deployment, &preparation).await;
        let config = project.compose(["config", "--format", "json"]).expect("compose runs");
        let config: serde_json::Value = serde_json::from_str(&config.stdout).expect("JSON");
        let value = config["services"]["lake"]["environment"]["A_KEY"].as_str().expect("a value").to_owned();
        assert!(value.len() >= 43, "{line}");
        let text = project.read(".env").expect("there");
        assert_eq!(text.replace(&value, ""), format!("X=1\n{line}\nY=2"), "{encoding}");
    }
}

#[tokio::test]
async fn what_is_not_plainly_missing_is_refused_and_nothing_is_written() {
    let project = project(&format!(
        "services:\n  web:\n    image: {WEB}\n    env_file: [linked.env, ../outside.env]\n    environment:\n      \
         - URL=${{APP_URL}}\n      - SET=${{SET_KEY}}\n      - DEFAULT=${{DEFAULT_KEY:-x}}\n  db:\n    image: {WEB}\n    \
         environment: {{P: \"${{DB_PASSWORD}}\"}}\n    volumes: [\"data:/data\"]\nvolumes: {{data: }}\n"
    ));
    project.write(".env", "SET_KEY=1\n").expect("written");
    project.write("../outside.env", "OUT_KEY=\nLINKED_KEY=\n").expect("written");
    symlink("../outside.env", project.dir().join("linked.env")).expect("linked");
    assert!(project.compose(["up", "--detach", "db"]).expect("compose runs").succeeded());

    let mut deployment = opened(&project).await;
    let outside = project.dir().join("../outside.env").canonicalize().expect("there");
    let outside = outside.to_str().expect("text");
    for (variable, file, words) in [
        ("APP_URL", ".env", "not named like a secret"),
        ("SET_KEY", ".env", "is not a variable that"),
        ("DEFAULT_KEY", ".env", "is not a variable that"),
        ("NOBODYS_KEY", ".env", "is not a variable that"),
        ("APP_URL", "other.env", "is not a variable that"),
        ("OUT_KEY", outside, "outside of the project"),
        ("DB_PASSWORD", ".env", "may be the password"),
    ] {
        let refused = prepared(&mut deployment, &[set(variable, file, ValueEncoding::Hex)]).await;
        let refused = refused.expect_err(variable);
        assert!(refused.what.contains(words), "{variable}: {refused}");
    }
    project
        .write("compose.yaml", &project.read("compose.yaml").expect("there").replace(", ../outside.env", ""))
        .expect("ok");
    let mut deployment = opened(&project).await;
    let refused = prepared(&mut deployment, &[set("OUT_KEY", "linked.env", ValueEncoding::Hex)]).await;
    assert!(refused.expect_err("a link out").what.contains("outside of the project"));
    assert_eq!(project.read(".env").expect("there"), "SET_KEY=1\n");
    assert_eq!(project.read("../outside.env").expect("there"), "OUT_KEY=\nLINKED_KEY=\n");
}

#[tokio::test]
async fn a_value_that_would_change_more_is_taken_back() {
    let project = project(&format!(
        "services:\n  web:\n    image: {WEB}\n    environment: {{A: \"${{APP_KEY}}\", B: \"${{APP_KEY:-old}}\"}}\n"
    ));
    let mut deployment = opened(&project).await;
    let preparation = prepared(&mut deployment, &[set("APP_KEY", ".env", ValueEncoding::Hex)]).await.expect("a plan");
    let outcome = apply(&mut deployment, &preparation.steps[0].step).await;
    let Outcome::Failed { error, .. } = &outcome else { panic!("{outcome:?}") };
    assert!(error.contains("put back") && error.contains("services.web.environment.B"), "{error}");
    assert!(project.read(".env").is_err(), "the new file is gone again");
    let left: Vec<_> =
        std::fs::read_dir(project.dir()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left, ["compose.yaml"]);
}

#[tokio::test]
async fn a_file_that_changed_after_the_plan_is_left_alone() {
    let project = lake("APP_KEY=\n");
    let mut deployment = opened(&project).await;
    let preparation = prepared(&mut deployment, &[set("APP_KEY", ".env", ValueEncoding::Hex)]).await.expect("a plan");
    let port_move = PortMove {
        service: "lake".to_owned(),
        target: 8080,
        protocol: Protocol::Tcp,
        host_ip: None,
        before: Published::Fixed(1),
        after: Published::Fixed(2),
    };
    let behind = [set("APP_KEY", ".env", ValueEncoding::Hex), Action::RemapPort(port_move)];
    let refused = prepared(&mut deployment, &behind).await.expect_err("an edit is exact to the byte");
    assert!(refused.what.contains("before values"), "{refused}");
    let step = &preparation.steps[0].step;
    project.write(".env", "APP_KEY=mine\n").expect("written");
    let now = deployment.footprint(step).await.expect("a footprint");
    assert!(step.footprint.difference(&now).is_some());
    assert!(deployment.assess(step).await.is_err());
    assert!(matches!(apply(&mut deployment, step).await, Outcome::Failed { .. }));
    assert_eq!(project.read(".env").expect("there"), "APP_KEY=mine\n");
    assert_eq!(probe(&mut deployment, step).await, Probe::Happened);
    project.write(".env", "APP_KEY=\nOTHER=1\n").expect("written");
    assert!(matches!(probe(&mut deployment, step).await, Probe::Unclear(_)));
}

#[tokio::test]
async fn every_other_refusal_of_compose_stays_an_error() {
    for (compose, words) in [
        ("services: {web: {imagee: x}}\n".to_owned(), "imagee"),
        (format!("name: ${{SHOP_KEY:?}}\nservices: {{web: {{image: {WEB}}}}}\n"), "SHOP_KEY"),
        (format!("services: {{web: {{image: {WEB}, ports: [\"${{WEB_PORT:?no port}}:80\"]}}}}\n"), "WEB_PORT"),
        (format!("services: {{web: {{image: {WEB}, command: \"${{COMPOSE_OWN:?}}\"}}}}\n"), "COMPOSE_OWN"),
        (format!("include: [other.yaml]\nservices: {{web: {{image: {WEB}}}}}\n"), "INNER_KEY"),
    ] {
        let project = project(&compose);
        project
            .write("other.yaml", &format!("services: {{inner: {{image: {WEB}, command: \"${{INNER_KEY:?}}\"}}}}\n"))
            .expect("written");
        // Without `-p`, so that the file decides which project it is.
        match open(&project, None).await {
            Err(OpenError::Refused(error)) => assert!(error.what.contains(words), "{error}"),
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("{compose}"),
        }
    }
}
