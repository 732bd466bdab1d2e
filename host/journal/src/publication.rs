//! Projections of sessions for other programs: `sessions/<session id>/phase-state.json` in the folder of a target.
//!
//! Nothing here is ever read back, and nothing depends on it: a projection that cannot be written poisons nothing.

use repair_model::ids::SessionId;
use repair_model::limits::PROJECTION_BYTES_MAX;
use repair_pipeline::outside::LogError;

use crate::folder::Folder;
use crate::problem::Trouble;

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

/// Removes what a writer that died has left beside the projection of a session that is over. Only the holder of the lease
/// publishes, so it alone may.
pub(crate) fn sweep(folder: &Folder) -> Result<(), Trouble> {
    let Some(sessions) = folder.folder(SESSIONS)? else { return Ok(()) };
    for name in sessions.names()? {
        // What is no folder is not ours, and in nobody's way.
        if let Ok(Some(session)) = sessions.folder(&name) {
            session.sweep()?;
        }
    }
    Ok(())
}
