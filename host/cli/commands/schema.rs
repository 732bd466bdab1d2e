//! `schema`: what repair reads and writes, for editors and programs.

use repair_model::bounds::BoundsLayer;
use repair_model::event::Event;
use repair_model::plan::Plan;
use repair_pipeline::handover::Handover;
use repair_pipeline::projection::PhaseState;
use repair_pipeline::rehearsal::{RecordedCase, Transcript};
use repair_pipeline::settings::Settings;
use repair_pipeline::tool_lock::ToolLock;
use schemars::schema_for;

use super::Context;
use crate::args::SchemaName;
use crate::command_error::{Code, CommandError};
use crate::output::{ClassifiedDocument, ReportDocument, ResumeDocument};

/// Prints one schema: JSON Schema 2020-12, but for policies and the contract, which have languages of their own.
pub fn run(context: &Context<'_>, name: SchemaName) -> Result<Code, CommandError> {
    let schema = match name {
        SchemaName::Settings => schema_for!(Settings),
        SchemaName::Bounds => schema_for!(BoundsLayer),
        SchemaName::Plan => schema_for!(Plan),
        SchemaName::Event => schema_for!(Event),
        SchemaName::Report => schema_for!(ReportDocument),
        SchemaName::Classified => schema_for!(ClassifiedDocument),
        SchemaName::Resume => schema_for!(ResumeDocument),
        SchemaName::Handover => schema_for!(Handover),
        SchemaName::PhaseState => schema_for!(PhaseState),
        SchemaName::Case => schema_for!(RecordedCase),
        SchemaName::Transcript => schema_for!(Transcript),
        SchemaName::ToolLock => schema_for!(ToolLock),
        SchemaName::Contract => {
            context.printer.raw(include_str!("../../../wit/repair-tool.wit"));
            return Ok(Code::Success);
        }
        SchemaName::Policy => {
            context.printer.raw(&repair_pipeline::policy::schema_text());
            return Ok(Code::Success);
        }
    };
    let text = serde_json::to_string_pretty(&schema)
        .map_err(|error| CommandError::internal("the schema cannot be encoded", error))?;
    context.printer.raw(&format!("{text}\n"));
    Ok(Code::Success)
}
