//! Projections of sessions for other programs: `sessions/<session id>/phase-state.json` in the folder of a target.
//!
//! Nothing here is ever read back, and nothing depends on it: a projection that cannot be written poisons nothing.

use repair_model::ids::SessionId;
use repair_model::limits::PROJECTION_BYTES_MAX;
use repair_pipeline::outside::LogError;

use crate::folder::Folder;

pub(crate) const SESSIONS: &str = "sessions";
const PROJECTION: &str = "phase-state.json";

/// Puts the projection of a session in place of its last one.
pub(crate) fn publish(folder: &Folder, session: &SessionId, projection: &[u8]) -> Result<(), LogError> {
    if projection.len() > PROJECTION_BYTES_MAX {
        let what = format!(
            "the projection of session {session} has {} bytes, and at most {PROJECTION_BYTES_MAX} are written",
            projection.len()
        );
        return Err(LogError::Io { what, source: std::io::ErrorKind::FileTooLarge.into() });
    }
    let shelf = folder.create_folder(SESSIONS)?.create_folder(session.as_str())?;
    shelf.sweep()?;
    shelf.replace(PROJECTION, "projection", projection)
}
