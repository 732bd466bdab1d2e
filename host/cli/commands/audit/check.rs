//! `audit check`: what the proof of a session proves. It needs neither log nor project, and trusts nothing in the file but
//! what a signature covers; whose key that is, it says.

use repair_journal::{Proven, PublicKey, StateDir, check_proof, public_key};
use repair_model::event::Intent;
use repair_model::limits::{HEAD_BYTES_MAX, PROOF_BYTES_MAX};
use repair_model::outcome::Outcome;
use repair_model::text::escaped;
use repair_pipeline::session::{History, Session};

use super::{Context, read_named};
use crate::args::AuditCheckArgs;
use crate::command_error::{Code, CommandError};
use crate::printer::{Tone, toned};

/// What is known of the key that signed a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    /// The one that was given.
    Given,
    /// That of the state folder here.
    Local,
    /// Anybody's.
    Unknown,
}

impl Whose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Local => "local",
            Self::Unknown => "unknown",
        }
    }
}

/// Checks the file.
pub fn run(context: &Context<'_>, state: &StateDir, args: &AuditCheckArgs) -> Result<Code, CommandError> {
    let given = given_key(args)?;
    let file = read_named(&args.file, PROOF_BYTES_MAX)?;
    let name = args.file.display();
    let refused = |what: String| {
        CommandError::new(Code::Damaged, format!("`{name}` proves nothing: {what}"))
            .hint("ask for the file again; `repair audit prove SESSION -o FILE` writes it")
    };
    let proven = check_proof(&file).map_err(|error| refused(error.to_string()))?;
    if let Some(given) = given.filter(|given| *given != proven.key) {
        return Err(refused(format!("it was signed with the key {}, not with {given}", proven.key)));
    }
    // A state folder that cannot be read makes a key no less unknown.
    let local = public_key(state).ok().flatten();
    let whose = match given {
        Some(_) => Whose::Given,
        None if local == Some(proven.key) => Whose::Local,
        None => Whose::Unknown,
    };
    let own: Vec<_> =
        proven.records.iter().filter(|record| record.session.as_ref() == Some(&proven.session)).cloned().collect();
    // The fold refuses an effect without a used grant, a grant for another plan, and whatever else cannot have happened.
    let history =
        History::fold(&own).map_err(|error| refused(format!("its records contradict each other: {error}")))?;
    let session = history.session(&proven.session).ok_or_else(|| refused("it holds no session".to_owned()))?;
    show(context, &proven, session, whose);
    context.printer.document(&document(&proven, session, whose))?;
    Ok(Code::Success)
}

fn given_key(args: &AuditCheckArgs) -> Result<Option<PublicKey>, CommandError> {
    let text = match (&args.key, &args.key_file) {
        (Some(text), _) => text.clone(),
        (None, Some(path)) => String::from_utf8_lossy(&read_named(path, HEAD_BYTES_MAX)?).into_owned(),
        (None, None) => return Ok(None),
    };
    match text.parse() {
        Ok(key) => Ok(Some(key)),
        Err(error) => Err(CommandError::new(Code::Usage, format!("{error}"))
            .hint("`head.pub` in the state folder of the one who signed holds it")),
    }
}

fn show(context: &Context<'_>, proven: &Proven, session: &Session, whose: Whose) {
    let line = |text: &str| context.printer.line(text);
    line(&format!(
        "{}  session {} in {} records of a log that had {} on {:.0}",
        toned(Tone::Good, "proven"),
        proven.session,
        proven.records.len(),
        proven.checkpoint.size,
        proven.checkpoint.time
    ));
    match whose {
        Whose::Given => line("  key       the given one"),
        Whose::Local => line("  key       the one of the state folder here"),
        Whose::Unknown => line(&format!(
            "  {} {} is unknown here: anybody can make a key, so ask its owner on another way and give it with --key",
            toned(Tone::Warning, "key      "),
            proven.key
        )),
    }
    line(&format!("  project   {}", escaped(&session.target.project)));
    line(&format!("  began     {:.0}", session.started));
    for state in &session.grants {
        let used = match (&state.void, state.used) {
            (Some(why), _) => format!("void: {why}"),
            (None, true) => "used".to_owned(),
            (None, false) => "not used".to_owned(),
        };
        line(&format!(
            "  approved  plan {} by {} {}; {used}",
            state.grant.plan.short(),
            escaped(&state.grant.approver),
            state.grant.channel
        ));
    }
    for step in &session.steps {
        line(&format!("  step {}    {}", step.step + 1, escaped(&said(step.outcome.as_ref(), &step.intent))));
    }
    line(&format!("  plans     {}, with the bytes that were approved", proven.plans.len()));
    line(&format!("  status    {}", session.status.as_str()));
    if !session.status.is_final() {
        line("  it is not over in these records; what came after them is not proven here");
    }
}

fn said(outcome: Option<&Outcome>, intent: &Intent) -> String {
    let what = match intent {
        Intent::Apply { action, .. } => format!("{} {}", action.kind(), action.object()),
        Intent::Undo { edit, .. } => format!("undo of {}", edit.file),
    };
    match outcome {
        None => format!("{what}: not settled"),
        Some(Outcome::Done { detail }) => format!("{what}: done, {detail}"),
        Some(Outcome::Failed { error, .. }) => format!("{what}: failed, {error}"),
        Some(Outcome::Abandoned { reason }) => format!("{what}: abandoned, {reason}"),
        Some(Outcome::Unclear { reason }) => format!("{what}: unclear, {reason}"),
    }
}

fn document(proven: &Proven, session: &Session, whose: Whose) -> serde_json::Value {
    let grants = session.grants.iter().map(|state| {
        serde_json::json!({
            "plan": state.grant.plan,
            "approver": state.grant.approver,
            "channel": state.grant.channel.to_string(),
            "used": state.used,
            "void": state.void.as_ref().map(ToString::to_string),
        })
    });
    let steps = session
        .steps
        .iter()
        .map(|step| serde_json::json!({ "step": step.step, "what": said(step.outcome.as_ref(), &step.intent) }));
    serde_json::json!({
        "proven": true,
        "session": proven.session,
        "status": session.status.as_str(),
        "over": session.status.is_final(),
        "records": proven.records.len(),
        "first_record": proven.records.first().map(|record| record.sequence),
        "log_records": proven.checkpoint.size,
        "signed_at": proven.checkpoint.time,
        "target": proven.checkpoint.target,
        "key": proven.key.to_string(),
        "key_is": whose.as_str(),
        "grants": grants.collect::<Vec<_>>(),
        "steps": steps.collect::<Vec<_>>(),
        "plans": proven.plans.keys().collect::<Vec<_>>(),
    })
}
