//! `audit prove`: the proof of one session in one file. The log is not changed; what it proves has to be signed already.

use repair_journal::{ProofError, StateDir, check_proof};
use repair_model::limits::PROOF_BYTES_MAX;

use super::{Context, write_new};
use crate::args::AuditProveArgs;
use crate::command_error::{Code, CommandError};
use crate::opening::find_session;

/// Writes the file.
pub fn run(context: &Context<'_>, state: &StateDir, args: &AuditProveArgs) -> Result<Code, CommandError> {
    let found = find_session(state, &args.session)?;
    let file = repair_journal::prove(state, &found.target_id, &found.id).map_err(|error| match error {
        ProofError::Log(error) => error.into(),
        ProofError::Tree(what) => CommandError::new(Code::Internal, what),
        error => CommandError::new(Code::Usage, error.to_string()),
    })?;
    if file.len() > PROOF_BYTES_MAX {
        let what = format!("the proof would have {} bytes, and at most {PROOF_BYTES_MAX} are read again", file.len());
        return Err(CommandError::new(Code::Usage, what));
    }
    // A proof that does not prove anything is worse than none.
    let proven =
        check_proof(&file).map_err(|error| CommandError::internal("the proof that was made does not hold", error))?;
    write_new(&args.output, &file)?;
    context.printer.line(&format!(
        "wrote {}: session {} in {} records, under key {}",
        args.output.display(),
        found.id,
        proven.records.len(),
        proven.key
    ));
    context
        .printer
        .line("anybody can check it with `repair audit check FILE --key HEX`; tell them the key on another way");
    context.printer.document(&serde_json::json!({
        "session": found.id,
        "records": proven.records.len(),
        "key": proven.key.to_string(),
        "wrote": args.output,
    }))?;
    Ok(Code::Success)
}
