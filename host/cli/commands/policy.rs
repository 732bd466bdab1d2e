//! `policy check` and `policy explain`.

use std::path::PathBuf;

use repair_effects::files;
use repair_model::text::escaped;
use repair_pipeline::policy::{BoundsSource, Layer, Policies, PolicySource};

use super::Context;
use crate::args::PolicyCommand;
use crate::command_error::{Code, CommandError, policy_error};
use crate::opening::policies;
use crate::printer::{Tone, toned};

/// Checks or explains.
pub fn run(context: &Context<'_>, command: &PolicyCommand) -> Result<Code, CommandError> {
    match command {
        PolicyCommand::Check { files } if files.is_empty() => {
            let loaded = in_force(context)?;
            done(context, &loaded)
        }
        PolicyCommand::Check { files } => {
            let loaded = named(context, files)?;
            done(context, &loaded)
        }
        PolicyCommand::Explain => explain(context),
    }
}

fn in_force(context: &Context<'_>) -> Result<Policies, CommandError> {
    let project = context.directory().ok();
    policies(context.environment, project.as_deref(), None)
}

fn named(context: &Context<'_>, paths: &[PathBuf]) -> Result<Policies, CommandError> {
    let (mut policies, mut bounds) = (Vec::new(), Vec::new());
    for path in paths {
        let full = context.environment.current_directory.join(path);
        let text = files::read_text(&full).map_err(|error| CommandError::new(Code::Usage, error.to_string()))?;
        let name = path.display().to_string();
        if path.extension().is_some_and(|extension| extension == "toml") {
            bounds.push(BoundsSource { layer: Layer::User, name, text });
        } else {
            policies.push(PolicySource { layer: Layer::User, name, text });
        }
    }
    Policies::load(policies, bounds).map_err(|problems| policy_error(&problems))
}

fn done(context: &Context<'_>, loaded: &Policies) -> Result<Code, CommandError> {
    context.printer.line(&format!("{}  policy {}", toned(Tone::Good, "valid"), loaded.digest()));
    context.printer.document(&serde_json::json!({ "valid": true, "digest": loaded.digest() }))?;
    Ok(Code::Success)
}

fn explain(context: &Context<'_>) -> Result<Code, CommandError> {
    let printer = context.printer;
    let explanation = in_force(context)?.explain();
    printer.line(&format!("policy {}", explanation.digest));
    for file in &explanation.files {
        printer.line(&format!("{}  {}", toned(Tone::Heading, file.layer.as_str()), escaped(&file.name)));
        for policy in &file.policies {
            let effect = if policy.forbids { "forbids" } else { "permits" };
            let why = policy.annotations.get("why").map(|why| format!("  {}", escaped(why))).unwrap_or_default();
            printer.line(&format!("  {effect}  {}{why}", policy.id));
        }
    }
    printer.line(&toned(Tone::Heading, "bounds"));
    for bound in &explanation.bounds {
        printer.line(&format!("  {:<28} {:>6}  {}", bound.name, bound.value, escaped(&bound.file)));
    }
    printer.line(&format!(
        "{}  to a built-in tool; one that was installed is asked about where this says allow",
        toned(Tone::Heading, "answers")
    ));
    for answer in &explanation.answers {
        printer.line(&format!(
            "  {:<22} {:<13} {:<6} {}",
            answer.action,
            answer.risk,
            answer.decided.decision,
            answer.decided.policies.join(", ")
        ));
    }
    printer.document(&explanation)?;
    Ok(Code::Success)
}
