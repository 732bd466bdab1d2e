//! Opening what a command works on: project, policies, tools, state.

use std::path::{Path, PathBuf};
use std::time::Duration;

use repair_effects::compose::project::ProjectChoice;
use repair_effects::deployment::{ComposeDeployment, OpenOptions};
use repair_effects::docker::endpoint::EndpointChoice;
use repair_effects::files;
use repair_effects::resource_group::{GroupOptions, ResourceGroup};
use repair_effects::target::{OpenTarget, OpenTargetError};
use repair_journal::StateDir;
use repair_model::event::Holder;
use repair_model::ids::{Digest, SessionId};
use repair_model::target::Target;
use repair_pipeline::outside::Clock;
use repair_pipeline::policy::{BoundsSource, Layer, Policies, PolicySource};
use repair_pipeline::session::{History, Session};
use repair_sandbox::{LoadOptions, Toolbox};

use crate::args::GlobalArgs;
use crate::built_in;
use crate::command_error::{Code, CommandError, policy_error};
use crate::compiler::ProcessCompiler;
use crate::environment::Environment;
use crate::installed::Accepted;
use crate::interrupt::Interrupt;
use crate::place::{self, Meant, Place};

/// The machine's policies.
const SYSTEM_POLICIES: &str = "/etc/repair/policy";
/// The project's own policies, relative to its directory; they may only forbid.
const PROJECT_POLICIES: &str = ".repair/policy";

/// The system's clocks.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(std::time::Instant);

impl SystemClock {
    /// A clock that counts from now.
    pub fn new() -> Self {
        Self(std::time::Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn monotonic_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Random bytes of the system.
pub fn random<const N: usize>() -> Result<[u8; N], CommandError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| CommandError::internal("the system gives no random bytes", error))?;
    Ok(bytes)
}

/// The state folder of this run.
pub fn state_dir(global: &GlobalArgs, environment: &Environment) -> StateDir {
    let path = global.state_dir.clone().unwrap_or_else(|| environment.state_dir());
    StateDir::new(environment.current_directory.join(path))
}

/// Who this process is, for the lease's display.
pub fn holder(environment: &Environment) -> Holder {
    let pid = std::process::id();
    Holder {
        user: environment.user.clone(),
        host: environment.host.clone(),
        pid,
        started: repair_processes::started(pid).unwrap_or_default(),
        boot: repair_processes::boot().unwrap_or_default(),
    }
}

/// Which project the command line and the environment mean.
pub fn project_choice(global: &GlobalArgs, environment: &Environment, services: Vec<String>) -> ProjectChoice {
    let separator = environment.get("COMPOSE_PATH_SEPARATOR").unwrap_or(":");
    let environment_files = environment
        .get("COMPOSE_FILE")
        .map(|files| files.split(separator).map(PathBuf::from).collect())
        .unwrap_or_default();
    ProjectChoice {
        current_directory: environment.current_directory.clone(),
        project_directory: global.project_directory.clone(),
        files: global.files.clone(),
        environment_files,
        name: global.project_name.clone(),
        profiles: global.profiles.clone(),
        services,
    }
}

/// What decides which engine is meant.
pub fn endpoint_choice(environment: &Environment) -> EndpointChoice {
    EndpointChoice {
        docker_host: environment.get("DOCKER_HOST").map(str::to_owned),
        docker_context: environment.get("DOCKER_CONTEXT").map(str::to_owned),
        tls_wanted: environment.get("DOCKER_TLS").is_some() || environment.get("DOCKER_TLS_VERIFY").is_some(),
        config_dir: Some(environment.docker_config_dir()),
    }
}

/// How a target is opened beside what it is.
pub struct Opening<'o> {
    /// Options of every command.
    pub global: &'o GlobalArgs,
    /// The environment.
    pub environment: &'o Environment,
    /// Ctrl-C and its like.
    pub interrupt: &'o Interrupt,
    /// When a person's own `up` asked for the services of a project.
    pub wanted_at: Option<jiff::Timestamp>,
    /// When a command ran that failed.
    pub failed_at: Option<jiff::Timestamp>,
    /// How long an operation that a lost process began is waited for.
    pub wait: Duration,
}

impl Opening<'_> {
    /// Opens what is meant.
    pub async fn open(&self, place: Place) -> Result<OpenTarget, CommandError> {
        let Place { directory, settings, meant } = place;
        let projection = settings.projection.map(|projection| projection.path);
        let interrupted = self.interrupt.flag.clone();
        let opened = match meant {
            Meant::Compose(project) => {
                let options = OpenOptions {
                    project,
                    endpoint: endpoint_choice(self.environment),
                    shell: self.environment.variables.clone(),
                    path_var: self.environment.path_var.clone(),
                    probes: settings.probes,
                    wanted_at: self.wanted_at,
                    bundles: state_dir(self.global, self.environment).root().join("bundles"),
                    projection,
                    interrupted,
                };
                OpenTarget::Compose(Box::new(ComposeDeployment::open(options).await.map_err(OpenTargetError::from)?))
            }
            Meant::Azure(request) => {
                let options = GroupOptions {
                    wanted_at: self.failed_at,
                    request,
                    directory,
                    cloud: place::cloud(self.global, self.environment)?,
                    credential: place::credential(self.global, self.environment),
                    http: place::http(self.environment)?,
                    path_var: self.environment.path_var.clone(),
                    probes: settings.probes,
                    projection,
                    interrupted,
                    wait: self.wait,
                };
                OpenTarget::Azure(Box::new(ResourceGroup::open(options).await.map_err(OpenTargetError::from)?))
            }
        };
        Ok(opened)
    }
}

/// All policies and bounds in force for a project; without one, those of the machine and the user.
pub fn policies(
    environment: &Environment,
    project: Option<&Path>,
    timeout_seconds: Option<u64>,
) -> Result<Policies, CommandError> {
    let mut folders =
        vec![(Layer::System, PathBuf::from(SYSTEM_POLICIES)), (Layer::User, environment.config_dir().join("policy"))];
    folders.extend(project.map(|directory| (Layer::Project, directory.join(PROJECT_POLICIES))));
    let (mut policies, mut bounds) = (Vec::new(), Vec::new());
    for (layer, folder) in folders {
        for (path, text) in policy_files(&folder)? {
            let name = path.display().to_string();
            if path.extension().is_some_and(|extension| extension == "cedar") {
                policies.push(PolicySource { layer, name, text });
            } else {
                bounds.push(BoundsSource { layer, name, text });
            }
        }
    }
    if let Some(seconds) = timeout_seconds {
        let ceiling = repair_model::bounds::Bounds::default();
        let text = format!(
            "session_seconds_max = {}\nup_seconds_max = {}\noperation_seconds_max = {}\nverify_seconds_max = {}\n",
            seconds.min(ceiling.session_seconds_max),
            seconds.min(ceiling.up_seconds_max),
            seconds.min(ceiling.operation_seconds_max),
            seconds.min(ceiling.verify_seconds_max)
        );
        bounds.push(BoundsSource { layer: Layer::Project, name: "--timeout".to_owned(), text });
    }
    Policies::load(policies, bounds).map_err(|problems| policy_error(&problems))
}

/// `*.cedar` and `*.toml` of a folder, in order of name. A folder that does not exist holds none; anything else that
/// cannot be read is an error, because a policy that is skipped would fail open.
fn policy_files(folder: &Path) -> Result<Vec<(PathBuf, String)>, CommandError> {
    let unreadable = |path: &Path, what: String| {
        CommandError::new(Code::Denied, format!("the policy `{}` cannot be read: {what}", path.display()))
            .hint("nothing is allowed while a policy cannot be read; make it readable or remove it")
    };
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, error.to_string())),
    };
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| unreadable(folder, error.to_string()))?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "cedar" || extension == "toml"));
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = files::read_text(&path).map_err(|error| unreadable(&path, error.to_string()))?;
            Ok((path, text))
        })
        .collect()
}

/// The repair tools: those of this program, and those that the user has accepted.
pub fn toolbox(environment: &Environment) -> Toolbox {
    let mut accepted = Accepted::of(environment);
    let mut sources = built_in::sources();
    sources.append(&mut accepted.sources);
    let mut tools = Toolbox::load(sources, &load_options(environment));
    accepted.hold(&mut tools);
    tools
}

/// How tools are loaded in this run.
pub fn load_options(environment: &Environment) -> LoadOptions<'static> {
    LoadOptions { cache_dir: Some(cache_dir(environment)), compiler: Some(&ProcessCompiler) }
}

/// Where compiled tools are kept.
pub fn cache_dir(environment: &Environment) -> PathBuf {
    environment.cache_dir().join("compiled")
}

/// A session found by a part of its id, with the target it belongs to and that target's history.
pub struct FoundSession {
    /// The target.
    pub target: Target,
    /// Its id.
    pub target_id: Digest,
    /// Its history.
    pub history: History,
    /// The session's id.
    pub id: SessionId,
}

impl FoundSession {
    /// The session.
    ///
    /// # Errors
    /// Never for a session that was found.
    pub fn session(&self) -> Result<&Session, CommandError> {
        self.history.session(&self.id).ok_or_else(|| CommandError::new(Code::Internal, "the session is gone"))
    }
}

/// The histories of all known targets.
pub fn histories(state: &StateDir) -> Result<Vec<(Target, Digest, History)>, CommandError> {
    let mut histories = Vec::new();
    for known in state.known_targets()? {
        let reading = repair_journal::read(state, &known.id)?;
        let history = folded(reading.opening_state.as_deref(), &reading.records)?;
        histories.push((known.target, known.id, history));
    }
    Ok(histories)
}

/// What a segment says, on the state that it opens with.
pub fn folded(state: Option<&[u8]>, records: &[repair_model::event::Record]) -> Result<History, CommandError> {
    History::from_segment(state, records).map_err(inconsistent)
}

/// The one session that is not over and whose id contains `part`. Only the present segment of each log is read; a session
/// that is over is found by its whole log, and the error says so.
pub fn find_open_session(state: &StateDir, part: &str) -> Result<FoundSession, CommandError> {
    let mut found = Vec::new();
    for known in state.known_targets()? {
        let present = repair_journal::read_present(state, &known.id)?;
        let history = folded(present.opening_state.as_deref(), &present.records)?;
        let ids: Vec<SessionId> =
            history.open().map(|session| session.id.clone()).filter(|id| id.as_str().contains(part)).collect();
        found.extend(ids.into_iter().map(|id| (known.target.clone(), known.id, history.clone(), id)));
    }
    if found.len() > 1 {
        let ids: Vec<_> = found.iter().map(|(_, _, _, id)| id.to_string()).collect();
        return Err(CommandError::new(Code::Usage, format!("`{part}` fits several sessions: {}", ids.join(", "))));
    }
    if let Some((target, target_id, history, id)) = found.pop() {
        return Ok(FoundSession { target, target_id, history, id });
    }
    let over = find_session(state, part)?;
    let status = over.session()?.status.as_str();
    Err(repair_pipeline::workflow::Ineligible::Over { session: over.id, status }.into())
}

fn inconsistent(error: repair_pipeline::session::IllegalTransition) -> CommandError {
    CommandError {
        code: Code::Damaged,
        error: Box::new(error),
        hints: vec!["`repair audit verify` shows what is wrong with the log".to_owned()],
    }
}

/// The one session whose id contains `part`.
pub fn find_session(state: &StateDir, part: &str) -> Result<FoundSession, CommandError> {
    let mut found = Vec::new();
    for (target, target_id, history) in histories(state)? {
        let ids: Vec<SessionId> =
            history.sessions().map(|session| session.id.clone()).filter(|id| id.as_str().contains(part)).collect();
        found.extend(ids.into_iter().map(|id| (target.clone(), target_id, history.clone(), id)));
    }
    if found.len() > 1 {
        let ids: Vec<_> = found.iter().map(|(_, _, _, id)| id.to_string()).collect();
        return Err(CommandError::new(Code::Usage, format!("`{part}` fits several sessions: {}", ids.join(", "))));
    }
    match found.pop() {
        Some((target, target_id, history, id)) => Ok(FoundSession { target, target_id, history, id }),
        None => Err(CommandError::new(Code::Usage, format!("no session `{part}` is known"))
            .hint("`repair sessions --all` lists them")),
    }
}
