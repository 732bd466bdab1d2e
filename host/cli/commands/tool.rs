//! `tool list` and `tool show`.

use repair_model::text::escaped;
use repair_model::tool::Manifest;
use repair_pipeline::outside::Tools as _;

use super::Context;
use crate::args::ToolCommand;
use crate::command_error::{Code, CommandError};
use crate::opening::toolbox;
use crate::printer::{Tone, toned};

/// Lists the tools, or shows one.
pub fn run(context: &Context<'_>, command: &ToolCommand) -> Result<Code, CommandError> {
    let tools = toolbox(context.environment);
    match command {
        ToolCommand::List => {
            for manifest in tools.manifests() {
                show(context, manifest);
            }
            for failure in tools.failures() {
                context.printer.line(&format!("{} {}", toned(Tone::Bad, "left out:"), escaped(&failure.to_string())));
            }
            context.printer.document(&tools.manifests())?;
            Ok(if tools.failures().is_empty() { Code::Success } else { Code::NotHealed })
        }
        ToolCommand::Show { id } => {
            let manifest = tools.manifests().iter().find(|manifest| manifest.tool.id == *id).ok_or_else(|| {
                CommandError::new(Code::Usage, format!("there is no tool `{id}`")).hint("`repair tool list` lists them")
            })?;
            show(context, manifest);
            context.printer.line(&format!("  component  {}", manifest.tool.component));
            context.printer.line(&format!("  parameters {}", escaped(&manifest.params_schema)));
            context.printer.document(manifest)?;
            Ok(Code::Success)
        }
    }
}

fn show(context: &Context<'_>, manifest: &Manifest) {
    fn listed<T: ToString>(items: &[T]) -> String {
        items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
    context.printer.line(&format!(
        "{}  {}",
        toned(Tone::Heading, &manifest.tool.to_string()),
        escaped(&manifest.summary)
    ));
    context.printer.line(&format!("  handles    {}", listed(&manifest.handles)));
    context.printer.line(&format!("  sees       {}", listed(&manifest.sees)));
    context.printer.line(&format!("  may        {}", listed(&manifest.may)));
}
