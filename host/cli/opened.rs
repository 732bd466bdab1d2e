//! What a session works on, opened: project, policies, tools, and the lease on the target's log.

use std::time::Duration;

use repair_effects::resource_group::ResourceGroup;
use repair_effects::resource_group::request::{GroupRequest, ParameterSource, az_deployment, recorded};
use repair_effects::target::OpenTarget;
use repair_journal::{Journal, read_present};
use repair_model::event::{EffectProcess, Purpose};
use repair_model::evidence::Evidence;
use repair_model::finding::Finding;
use repair_model::ids::Digest;
use repair_model::limits::PROCESS_GRACE_MS;
use repair_model::target::{AzureScope, Target};
use repair_model::text::escaped;
use repair_pipeline::classification::classify;
use repair_pipeline::evidence::redacted;
use repair_pipeline::outside::{Clock as _, LogError, Tools as _};
use repair_pipeline::policy::Policies;
use repair_pipeline::session::{Folded, History, Session};
use repair_pipeline::settings::Settings;
use repair_pipeline::workflow::{Elsewhere, Options, Workflow};
use repair_processes as processes;
use repair_sandbox::Toolbox;

use crate::args::GlobalArgs;
use crate::command_error::{Code, CommandError};
use crate::commands::{Context, compose_up};
use crate::opening::{self, SystemClock, random, state_dir, toolbox};
use crate::person::TerminalPerson;
use crate::place::{Place, named_azure, sources};

/// How often an effect that outlived its `repair` is looked at.
const LOOK_AGAIN: Duration = Duration::from_millis(200);

/// What the workflow works on.
pub struct Opened {
    /// The project, or the resource group.
    pub deployment: OpenTarget,
    /// The tools.
    pub tools: Toolbox,
    /// Policies and bounds.
    pub policies: Policies,
    /// The project's preferences.
    pub settings: Settings,
    target: Target,
    clock: SystemClock,
}

impl Opened {
    /// The target.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The workflow on all of it.
    pub fn workflow<'w, 'p, L>(
        &'w mut self,
        log: &'w mut L,
        person: &'w mut TerminalPerson<'p>,
        options: Options,
    ) -> Workflow<'w, OpenTarget, Toolbox, L, TerminalPerson<'p>> {
        Workflow {
            deployment: &mut self.deployment,
            tools: &mut self.tools,
            log,
            person,
            clock: &self.clock,
            policies: &self.policies,
            settings: &self.settings,
            target: &self.target,
            options,
            folded: Folded::default(),
        }
    }

    /// Whether the deployment that a session is to heal is the one that was opened: the success of another one would end it.
    ///
    /// # Errors
    /// When it is another one.
    pub fn is_of_deployment(&self, theirs: Option<&str>) -> Result<(), CommandError> {
        let here = self.target.azure().and_then(|azure| azure.deployment.as_deref());
        match (theirs, here) {
            (Some(theirs), Some(here)) if !theirs.eq_ignore_ascii_case(here) => Err(CommandError::new(
                Code::Usage,
                format!("the session is to heal the deployment `{theirs}`, but this call means `{here}`"),
            )
            .hint("leave out `--azure`, or begin a new session with `repair --self-heal=preview --new`")),
            _ => Ok(()),
        }
    }

    /// Loads the repair tools; what is left out is told.
    pub fn load_tools(&mut self, context: &Context<'_>) {
        context.printer.progress("loading the repair tools");
        self.tools = toolbox(context.environment);
        for failure in self.tools.failures() {
            context.printer.progress(&format!("a tool is left out: {}", escaped(&failure.to_string())));
        }
    }
}

/// What of a project is meant.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The services; all when empty.
    pub services: Vec<String>,
    /// When a person's own `up` asked for them.
    pub wanted_at: Option<jiff::Timestamp>,
    /// When a command ran that failed.
    pub failed_at: Option<jiff::Timestamp>,
    /// The resource group that a command that failed deploys to, or a session is about.
    pub azure: Option<GroupRequest>,
}

impl Scope {
    /// What a wrapped command that ran at `time` means.
    pub fn of_command(command: &[String], time: jiff::Timestamp) -> Self {
        match compose_up(command) {
            Some(up) => Self { services: up.services, wanted_at: Some(time), ..Self::default() },
            None => Self { failed_at: Some(time), azure: az_deployment(command), ..Self::default() },
        }
    }

    /// The same where `evidence` names a failure of Azure: a deployment that succeeded before is then not what was wanted.
    /// Another failure of the command says nothing of that.
    pub fn beside(self, evidence: &[Evidence]) -> Self {
        let is_azure = |finding: &Finding| finding.class.is_azure();
        Self { failed_at: self.failed_at.filter(|_| classify(evidence, &[]).iter().any(is_azure)), ..self }
    }

    /// What a session is about, with what the command line of `global` adds.
    ///
    /// # Errors
    /// When values of parameters, which are kept nowhere, have to be given again.
    pub fn of_session(session: &Session, global: &GlobalArgs) -> Result<Self, CommandError> {
        let wanted_at = compose_up(&session.command).map(|_| session.started);
        let failed_at = (!session.command.is_empty()).then_some(session.started);
        let services = session.target.compose().map(|compose| compose.services.clone()).unwrap_or_default();
        let azure = session.target.azure().map(|azure| request_of(&session.target.project, azure));
        if let Some(azure) = session.target.azure().filter(|_| global.template.is_none()) {
            values_are_given(azure, global)?;
        }
        Ok(Self { services, wanted_at, failed_at, azure })
    }
}

/// How a session's resource group was asked for.
fn request_of(group: &str, azure: &AzureScope) -> GroupRequest {
    GroupRequest {
        group: group.to_owned(),
        deployment: azure.deployment.clone(),
        subscription: Some(azure.subscription.clone()),
        template: azure.template.clone(),
        parameters: azure.parameters.iter().cloned().map(ParameterSource::File).collect(),
        obstacle: azure.obstacle.clone(),
    }
}

/// Whether the values that a session's plan was made with are all given again.
fn values_are_given(azure: &AzureScope, global: &GlobalArgs) -> Result<(), CommandError> {
    let given: Vec<String> = sources(&global.parameters)?
        .into_iter()
        .filter_map(|source| match source {
            ParameterSource::Value { name, .. } => Some(name.to_lowercase()),
            ParameterSource::File(_) => None,
        })
        .collect();
    let lost: Vec<&str> =
        azure.values.iter().filter(|name| !given.contains(&name.to_lowercase())).map(String::as_str).collect();
    if lost.is_empty() {
        return Ok(());
    }
    let what = format!("values of parameters were given on the command line and are kept nowhere: {}", lost.join(", "));
    let again: Vec<String> = lost.iter().map(|name| format!("--parameters {name}=VALUE")).collect();
    Err(CommandError::new(Code::Usage, what).hint(format!("give them again: the same call with `{}`", again.join(" "))))
}

/// Opens project and policies; the tools only when something is wrong.
pub async fn open(context: &Context<'_>, scope: Scope) -> Result<Opened, CommandError> {
    let place = Place::find(context.global, context.environment, &scope)?;
    let settings = place.settings.clone();
    let policies = opening::policies(context.environment, Some(&place.directory), context.global.timeout)?;
    let wait = Duration::from_secs(policies.bounds().operation_seconds_max);
    let deployment = context.opening(&scope, wait).open(place).await?;
    if let OpenTarget::Azure(group) = &deployment {
        tell_login(context, group);
    }
    let target = deployment.target().clone();
    Ok(Opened { deployment, tools: Toolbox::default(), policies, settings, target, clock: SystemClock::new() })
}

/// Says who acts, and where: a login that was not meant is seen before anything is asked.
pub fn tell_login(context: &Context<'_>, group: &ResourceGroup) {
    let target = group.target();
    let subscription = target.azure().map(|azure| azure.subscription.as_str()).unwrap_or_default();
    context.printer.progress(&format!(
        "signed in to {} as {}, subscription {subscription}, resource group {}",
        escaped(&target.endpoint),
        escaped(&group.login()),
        escaped(&target.project)
    ));
}

/// The options that name the project of `target`, where the command line does not name another one.
pub fn options_of(global: &GlobalArgs, target: &Target) -> GlobalArgs {
    let mut global = global.clone();
    if let Some(azure) = target.azure() {
        global.project_directory.get_or_insert_with(|| target.directory.clone());
        global.azure = global.azure.or_else(|| named_azure(target));
        global.subscription.get_or_insert_with(|| azure.subscription.clone());
        return global;
    }
    global.project_directory.get_or_insert_with(|| target.directory.clone());
    global.project_name.get_or_insert_with(|| target.project.clone());
    if let Some(compose) = target.compose() {
        if compose.files_are_explicit && global.files.is_empty() {
            global.files.clone_from(&compose.files);
        }
        if global.profiles.is_empty() {
            global.profiles.clone_from(&compose.profiles);
        }
    }
    global
}

/// Takes the lease on the target's log. An effect that outlived its `repair` is waited for; once it has had the time that
/// its bound gives it, or at once with `end_effect`, it is ended.
pub async fn journal(context: &Context<'_>, opened: &Opened, end_effect: bool) -> Result<Journal, CommandError> {
    let state = state_dir(context.global, context.environment);
    let mut patience = Patience::new(end_effect);
    loop {
        let holder = opening::holder(context.environment);
        let error = match Journal::open_for_session(&state, &opened.target, holder, Box::new(SystemClock::new())) {
            Ok(journal) => return Ok(journal),
            Err(error) => error,
        };
        let LogError::Outlived { what, process } = error else { return Err(error.into()) };
        if patience.waits.is_none() {
            context.printer.progress(&format!("waiting for an effect that outlived its `repair`: {}", escaped(&what)));
            patience.begin(began(context, &opened.target.id()), opened.policies.bounds().up_seconds_max);
        }
        if !patience.goes_on(process.as_ref()) {
            return Err(LogError::Outlived { what, process }.into());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
        if context.interrupt.is_set() {
            return Err(CommandError::new(Code::Interrupted, "interrupted while an earlier effect still runs")
                .hint("`repair sessions` shows it; nothing was begun"));
        }
    }
}

/// When the effect that is open began, as the log has it.
fn began(context: &Context<'_>, target: &Digest) -> Option<jiff::Timestamp> {
    let state = state_dir(context.global, context.environment);
    let present = read_present(&state, target).ok()?;
    let history = History::from_segment(present.opening_state.as_deref(), &present.records).ok()?;
    history.open().filter_map(|session| session.open_intent()).map(|step| step.intended_at).max()
}

/// How long an effect is waited for, and how it is ended.
struct Patience {
    end_effect: bool,
    waits: Option<Waits>,
}

struct Waits {
    since: std::time::Instant,
    ends_after: Duration,
    asked: bool,
}

impl Patience {
    fn new(end_effect: bool) -> Self {
        Self { end_effect, waits: None }
    }

    fn begin(&mut self, began: Option<jiff::Timestamp>, seconds_max: u64) {
        let gone = began.map_or(0, |began| SystemClock::new().now().duration_since(began).as_secs());
        let left = seconds_max.saturating_sub(u64::try_from(gone).unwrap_or(0));
        let ends_after = Duration::from_secs(if self.end_effect { 0 } else { left });
        self.waits = Some(Waits { since: std::time::Instant::now(), ends_after, asked: false });
    }

    /// Ends the effect where its time is over; false when it can neither be waited for nor ended any longer.
    fn goes_on(&mut self, process: Option<&EffectProcess>) -> bool {
        let Some(waits) = &mut self.waits else { return true };
        let waited = waits.since.elapsed();
        let Some(process) = process else { return waited < waits.ends_after };
        let grace = Duration::from_millis(PROCESS_GRACE_MS);
        if waited >= waits.ends_after && !waits.asked {
            waits.asked = true;
            processes::signal(process, rustix::process::Signal::TERM);
        } else if waited >= waits.ends_after + grace {
            processes::signal(process, rustix::process::Signal::KILL);
        }
        waited < waits.ends_after + grace * 2
    }
}

/// How the workflow is asked for; the lease is held.
pub fn options(
    context: &Context<'_>,
    target: &Target,
    purpose: Purpose,
    yes: bool,
    command: &[String],
) -> Result<Options, CommandError> {
    Ok(Options {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        purpose,
        command: recorded(command).iter().map(|word| redacted(word)).collect(),
        yes,
        approver: context.environment.approver(),
        holder: opening::holder(context.environment),
        elsewhere: elsewhere(context, target)?,
        session_random: random()?,
        nonce_random: random()?,
    })
}

/// What other projects of the same directory did lately: another project name, or another address of the engine, opens no
/// new budget. The directory is locked, so none of them goes on meanwhile.
fn elsewhere(context: &Context<'_>, target: &Target) -> Result<Vec<Elsewhere>, CommandError> {
    let mut tries = Vec::new();
    if target.azure().is_some() {
        // A resource group is the same one from everywhere, so there is no other name for it.
        return Ok(tries);
    }
    let state = state_dir(context.global, context.environment);
    for known in state.known_targets()? {
        let is_project = known.target.azure().is_none();
        if !is_project || known.target.directory != target.directory || known.id == target.id() {
            continue;
        }
        let present = read_present(&state, &known.id)?;
        let history = opening::folded(present.opening_state.as_deref(), &present.records)?;
        tries.extend(history.tries().map(|one| Elsewhere { class: one.class, at: one.at }));
    }
    Ok(tries)
}
