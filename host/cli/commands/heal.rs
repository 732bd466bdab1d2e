//! `--self-heal=preview`, `plan` and `apply`: the workflow, and its report.

use repair_effects::deployment::ComposeDeployment;
use repair_effects::process::{Invocation, run_wrapped};
use repair_journal::Journal;
use repair_model::event::Purpose;
use repair_model::evidence::{Evidence, Provenance};
use repair_model::limits::EVIDENCE_BYTES_MAX;
use repair_model::outcome::Outcome;
use repair_model::plan::Change;
use repair_model::text::escaped;
use repair_pipeline::evidence::{from_text, redacted};
use repair_pipeline::outside::{Deployment as _, Tools as _};
use repair_pipeline::policy::Policies;
use repair_pipeline::report::{Conclusion, Report};
use repair_pipeline::session::Session;
use repair_pipeline::settings::Settings;
use repair_pipeline::workflow::{Options, Workflow, WorkflowError};
use repair_sandbox::Toolbox;

use super::look::{failed_beside, show_finding, show_verdict};
use super::{Context, log_file};
use crate::args::{ApplyArgs, HealArgs};
use crate::command_error::{Code, CommandError};
use crate::opening::{self, SystemClock, project_choice, random, settings, state_dir, toolbox};
use crate::output::{ReportDocument, result_of};
use crate::person::TerminalPerson;
use crate::printer::{Printer, Tone, toned};

/// A wrapped command that has ended.
pub struct EndedCommand {
    /// Its own code.
    pub code: Code,
    /// The end of what it printed, when it failed.
    pub evidence: Option<Evidence>,
    /// The services that it named, when it is a Compose `up`.
    pub services: Vec<String>,
    /// Whether it stays attached to the services' logs.
    pub attached: bool,
}

/// Heals, after running the wrapped command if there is one.
pub async fn run(context: &Context<'_>, args: &HealArgs) -> Result<Code, CommandError> {
    if args.command.is_empty() {
        let evidence = args.log.as_deref().map(log_file::evidence).transpose()?;
        return heal(context, Purpose::Heal, args.yes, &[], evidence.into_iter().collect(), Vec::new()).await;
    }
    let ended = run_command(context, &args.command).await?;
    let Some(evidence) = ended.evidence else { return Ok(ended.code) };
    context.printer.progress("the command failed; looking at the project");
    let code = heal(context, Purpose::Heal, args.yes, &args.command, vec![evidence], ended.services).await?;
    if code == Code::Success && ended.attached {
        context.printer.progress("running the command again, to follow its services");
        return Ok(run_command(context, &args.command).await?.code);
    }
    Ok(code)
}

/// Makes a plan and stops at the approval.
pub async fn plan(context: &Context<'_>) -> Result<Code, CommandError> {
    heal(context, Purpose::Plan, false, &[], Vec::new(), Vec::new()).await
}

/// Carries out an approved plan.
pub async fn apply(context: &Context<'_>, args: &ApplyArgs) -> Result<Code, CommandError> {
    let mut opened = open(context, Vec::new()).await?;
    let options = options(context, Purpose::Heal, args.yes, &[])?;
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let mut journal = journal(context, &opened.deployment)?;
    opened.tools = toolbox(context.environment);
    let report = opened.workflow(&mut journal, &mut person, options).apply(&args.digest).await?;
    show(context, &report)
}

/// What the workflow works on.
pub struct Opened {
    /// The project.
    pub deployment: ComposeDeployment,
    /// The tools.
    pub tools: Toolbox,
    /// Policies and bounds.
    pub policies: Policies,
    /// The project's preferences.
    pub settings: Settings,
    target: repair_model::target::Target,
    clock: SystemClock,
}

impl Opened {
    /// The workflow on all of it.
    pub fn workflow<'w, 'p>(
        &'w mut self,
        journal: &'w mut Journal,
        person: &'w mut TerminalPerson<'p>,
        options: Options,
    ) -> Workflow<'w, ComposeDeployment, Toolbox, Journal, TerminalPerson<'p>> {
        Workflow {
            deployment: &mut self.deployment,
            tools: &mut self.tools,
            log: journal,
            person,
            clock: &self.clock,
            policies: &self.policies,
            settings: &self.settings,
            target: &self.target,
            options,
        }
    }
}

/// Opens project, policies and tools; the tools only when something is wrong.
pub async fn open(context: &Context<'_>, services: Vec<String>) -> Result<Opened, CommandError> {
    let state = state_dir(context.global, context.environment);
    let choice = project_choice(context.global, context.environment, services);
    let (directory, settings) = settings(&choice)?;
    let policies = opening::policies(context.environment, Some(&directory), context.global.timeout)?;
    let deployment = opening::deployment(choice, &settings, &state, context.environment, &context.interrupt).await?;
    let target = deployment.target().clone();
    Ok(Opened { deployment, tools: Toolbox::default(), policies, settings, target, clock: SystemClock::new() })
}

/// Takes the lease on the target's log.
pub fn journal(context: &Context<'_>, deployment: &ComposeDeployment) -> Result<Journal, CommandError> {
    let state = state_dir(context.global, context.environment);
    let holder = opening::holder(context.environment);
    Ok(Journal::open_for_session(&state, deployment.target(), holder, Box::new(SystemClock::new()))?)
}

/// How the workflow is asked for.
pub fn options(
    context: &Context<'_>,
    purpose: Purpose,
    yes: bool,
    command: &[String],
) -> Result<Options, CommandError> {
    Ok(Options {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        purpose,
        command: command.iter().map(|word| redacted(word)).collect(),
        yes,
        approver: context.environment.approver(),
        session_random: random()?,
        nonce_random: random()?,
    })
}

async fn heal(
    context: &Context<'_>,
    purpose: Purpose,
    yes: bool,
    command: &[String],
    evidence: Vec<Evidence>,
    services: Vec<String>,
) -> Result<Code, CommandError> {
    let mut opened = open(context, services).await?;
    let verdict = opened.deployment.verify().await.map_err(WorkflowError::Target)?;
    if verdict.healthy() {
        settle_interrupted(context, &mut opened, purpose).await?;
        if !evidence.is_empty() {
            return failed_beside(context, &evidence, verdict);
        }
        show_verdict(context.printer, &verdict);
        context.printer.line(&toned(Tone::Good, "healthy: there is nothing to heal"));
        context.printer.document(&ReportDocument::healthy(verdict))?;
        return Ok(Code::Success);
    }
    let mut journal = journal(context, &opened.deployment)?;
    context.printer.progress("loading the repair tools");
    opened.tools = toolbox(context.environment);
    for failure in opened.tools.failures() {
        context.printer.progress(&format!("a tool is left out: {}", escaped(&failure.to_string())));
    }
    let options = options(context, purpose, yes, command)?;
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    let report = opened.workflow(&mut journal, &mut person, options).heal(evidence).await?;
    show(context, &report)
}

/// The log of a healthy target may still hold an effect whose `repair` was killed. It is settled here: a target that stays
/// healthy sees no session that would do it.
async fn settle_interrupted(context: &Context<'_>, opened: &mut Opened, purpose: Purpose) -> Result<(), CommandError> {
    let state = state_dir(context.global, context.environment);
    let records = repair_journal::read(&state, &opened.deployment.target().id())?.records;
    if !opening::fold(&records)?.sessions().any(Session::is_interrupted) {
        return Ok(());
    }
    let mut journal = journal(context, &opened.deployment)?;
    let options = options(context, purpose, false, &[])?;
    let mut person = TerminalPerson::new(context.printer, context.environment, context.interrupt.clone());
    Ok(opened.workflow(&mut journal, &mut person, options).settle_interrupted().await?)
}

/// Runs the person's own command with its terminal, and keeps the end of what it printed.
pub async fn run_command(context: &Context<'_>, command: &[String]) -> Result<EndedCommand, CommandError> {
    let (program, args) =
        command.split_first().ok_or_else(|| CommandError::new(Code::Usage, "no command was given"))?;
    let invocation = Invocation::new(program, args);
    let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
    let ended = if context.printer.is_json() {
        // Stdout is for the document alone.
        let mut also_stderr = std::io::stderr();
        run_wrapped(&invocation, EVIDENCE_BYTES_MAX, &mut also_stderr, &mut stderr).await
    } else {
        run_wrapped(&invocation, EVIDENCE_BYTES_MAX, &mut stdout, &mut stderr).await
    };
    let ended = ended.map_err(|error| {
        CommandError { code: Code::Usage, error: Box::new(error), hints: Vec::new() }
            .hint("name the program and its arguments after `--`")
    })?;
    let up = compose_up(command);
    let (services, attached) = up.map_or((Vec::new(), false), |up| (up.services, up.attached));
    if ended.interrupted {
        return Ok(EndedCommand { code: Code::Interrupted, evidence: None, services, attached });
    }
    if ended.code == 0 {
        return Ok(EndedCommand { code: Code::Success, evidence: None, services, attached });
    }
    let mut text = ended.stdout.into_text();
    text.push('\n');
    text.push_str(&ended.stderr.into_text());
    let evidence = Some(from_text(Provenance::Command, text.as_bytes()));
    Ok(EndedCommand { code: Code::NotHealed, evidence, services, attached })
}

struct ComposeUp {
    services: Vec<String>,
    attached: bool,
}

/// What a command that is a Compose `up` starts; `None` for any other, and for options that are not known for certain.
fn compose_up(command: &[String]) -> Option<ComposeUp> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let rest = match words.as_slice() {
        [docker, "compose", rest @ ..] if docker.ends_with("docker") => rest,
        [compose, rest @ ..] if compose.ends_with("docker-compose") => rest,
        _ => return None,
    };
    let up = rest.iter().position(|word| *word == "up")?;
    let mut attached = true;
    let mut services = Vec::new();
    let mut words = rest[up + 1..].iter();
    while let Some(word) = words.next() {
        match *word {
            "-d" | "--detach" | "--wait" => attached = false,
            "-t" | "--timeout" | "--scale" | "--pull" | "--exit-code-from" | "--attach" | "--no-attach"
            | "--wait-timeout" => drop(words.next()),
            "--" => {}
            word if word.starts_with('-') => {}
            word => services.push(word.to_owned()),
        }
    }
    Some(ComposeUp { services, attached })
}

/// Prints what the workflow came to; its exit code.
fn show(context: &Context<'_>, report: &Report) -> Result<Code, CommandError> {
    let (_, code) = result_of(&report.conclusion);
    context.printer.document(&ReportDocument::healed(report))?;
    show_report(context.printer, report);
    Ok(code)
}

fn show_report(printer: &Printer, report: &Report) {
    let healed = report.conclusion == Conclusion::Healed;
    if !healed {
        for finding in report.findings.iter().take(1) {
            show_finding(printer, finding);
        }
    }
    for step in &report.steps {
        let (tone, mark, why) = match &step.outcome {
            Outcome::Done { .. } => (Tone::Good, "done", String::new()),
            Outcome::Failed { error, .. } => (Tone::Bad, "failed", format!(": {}", escaped(error))),
            Outcome::Abandoned { reason } => (Tone::Warning, "abandoned", format!(": {}", escaped(reason))),
            Outcome::Unclear { reason } => (Tone::Warning, "unclear", format!(": {}", escaped(reason))),
        };
        printer.line(&format!("  {}  {}{why}", toned(tone, mark), escaped(&step.summary)));
    }
    if let Some(verdict) = &report.verdict {
        show_verdict(printer, verdict);
    }
    show_conclusion(printer, report);
    if let Some(frozen) = &report.plan {
        for warning in &frozen.plan().warnings {
            printer.line(&format!("{} {}", toned(Tone::Warning, "note:"), escaped(warning)));
        }
    }
    for step in &report.next_steps {
        printer.line(&format!("{} {}", toned(Tone::Warning, "next:"), escaped(step)));
    }
    if healed {
        printer.line(&toned(Tone::Faint, &afterwards(report)));
    }
}

/// What can be done once all is well; only an edit can be taken back.
fn afterwards(report: &Report) -> String {
    let verify = "`repair audit verify` checks the record";
    let steps = report.plan.iter().flat_map(|frozen| &frozen.plan().steps);
    if steps.map(|step| &step.change).any(|change| matches!(change, Change::Edit(_))) {
        return format!("`repair undo {}` takes the edits back; {verify}", report.session);
    }
    verify.to_owned()
}

fn show_conclusion(printer: &Printer, report: &Report) {
    match &report.conclusion {
        Conclusion::Healed => {
            printer.line(&format!("{} (session {})", toned(Tone::Good, "healed and verified"), report.session));
        }
        Conclusion::AwaitingApproval => show_waiting(printer, report),
        Conclusion::Denied => printer.line(&toned(Tone::Bad, "denied by policy; nothing was done")),
        Conclusion::Declined => printer.line("nothing was done, as you said"),
        Conclusion::NotHealed(reason) => {
            printer.line(&format!("{} {}", toned(Tone::Bad, "not healed:"), escaped(reason)));
        }
        Conclusion::Interrupted => {
            printer.line(&format!("interrupted; `repair show {}` says what happened", report.session));
        }
    }
}

/// What a person somewhere else needs to decide: the plan, and the exact commands.
fn show_waiting(printer: &Printer, report: &Report) {
    let Some(frozen) = &report.plan else { return };
    for (at, step) in frozen.plan().steps.iter().enumerate() {
        printer.line(&format!("  {}. {}  [{}]", at + 1, escaped(&step.summary), step.risk));
        for line in &step.detail {
            printer.line(&format!("       {}", escaped(line)));
        }
    }
    for way in &frozen.plan().other_ways {
        printer.line(&format!("  or instead, {}: {}", escaped(&way.what), escaped(&way.command)));
    }
    printer.line(&toned(Tone::Warning, "this plan waits for a yes:"));
    printer.line(&format!("  repair approve {}", frozen.digest()));
    printer.line(&format!("  repair apply {}", frozen.digest()));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(command: &str) -> Option<(Vec<String>, bool)> {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        compose_up(&words).map(|up| (up.services, up.attached))
    }

    #[test]
    fn a_compose_up_names_its_services() {
        assert_eq!(parsed("docker compose up -d web db"), Some((vec!["web".into(), "db".into()], false)));
        assert_eq!(parsed("docker compose -f x.yaml up"), Some((vec![], true)));
        assert_eq!(parsed("/usr/bin/docker compose up --scale web=2 web"), Some((vec!["web".into()], true)));
        assert_eq!(parsed("make up"), None);
        assert_eq!(parsed("docker compose ps"), None);
    }
}
