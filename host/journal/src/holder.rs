//! Who holds a lease, told apart by process id, start time, boot and host. Only the kernel's lock decides; this is for
//! people and programs that want to know.
//!
//! Invariant: a process counts as gone only where that is certain. What another host did, or what this user may not see,
//! counts as alive.

use repair_model::event::{EffectProcess, Holder};
use repair_model::ids::Digest;
use repair_model::limits::{HEAD_BYTES_MAX, LEASE_WAIT_MS_MAX};
use repair_model::text::escaped;
use repair_pipeline::outside::LogError;
use rustix::fs::{FlockOperation, OFlags};
use rustix::io::Errno;
use rustix::process::Pid;

use crate::folder::Folder;
use crate::lease::{self, LEASE};
use crate::problem::Trouble;
use crate::reading;
use crate::state_dir::StateDir;

/// Who holds a target right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Somebody is at work on it.
    Held(Holder),
    /// An effect is, whose `repair` is gone; its process where the log tells.
    HeldByEffect(Holder, Option<EffectProcess>),
    /// Nobody. Who was the last, where that is known.
    Free(Option<Holder>),
}

/// Looks whether the lease of a target is held, and by whom. Writes nothing.
///
/// # Errors
/// [`LogError::Io`] when it cannot be told; [`LogError::Busy`] when somebody holds it who has left no name.
pub fn liveness(state: &StateDir, target: &Digest) -> Result<Liveness, LogError> {
    let Some(folder) = state.open_target(target)? else { return Ok(Liveness::Free(None)) };
    let Some(file) = folder.open(LEASE, OFlags::RDONLY)? else { return Ok(Liveness::Free(None)) };
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    // Whoever has just taken the lease writes its name a moment later, so a name that is gone is looked at again.
    let told = lease::wait(LEASE_WAIT_MS_MAX, || {
        let is_free = match rustix::fs::flock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(()) => true,
            Err(Errno::INTR) => return Ok(None),
            Err(Errno::WOULDBLOCK) => false,
            // A copy of a state folder on a file system without locks: nobody can hold it there.
            Err(_) => true,
        };
        let holder = recorded(&folder);
        Ok(match holder {
            holder if is_free => Some(Liveness::Free(holder)),
            Some(holder) if !is_gone(&holder, &host) => Some(Liveness::Held(holder)),
            _ => None,
        })
    })?;
    match (told, recorded(&folder)) {
        (Some(told), _) => Ok(told),
        (None, Some(holder)) => Ok(Liveness::HeldByEffect(holder, reading::running_effect(state, target))),
        (None, None) => Err(LogError::Busy(nameless(&folder))),
    }
}

/// Why the lease was not given: another `repair` is at work, or what one has left behind is.
pub(crate) fn refusal(folder: &Folder, here: &Holder, effect: impl Fn() -> Option<EffectProcess>) -> LogError {
    let Some(holder) = recorded(folder) else { return LogError::Busy(nameless(folder)) };
    let who = format!("process {} of {}@{}", holder.pid, escaped(&holder.user), escaped(&holder.host));
    if !is_gone(&holder, &here.host) {
        return LogError::Busy(format!(
            "another `repair` is at work on this target: {who}; wait for it, or interrupt it there"
        ));
    }
    let process = effect();
    let group = match &process {
        Some(EffectProcess { group, .. }) => {
            format!(" (process group {group}; `kill -TERM -- -{group}` would end it)")
        }
        None => String::new(),
    };
    let what = format!(
        "the `repair` that worked on this target is gone ({who}), but an effect that it started still runs{group}; wait \
         until it has ended, then run `repair` again"
    );
    LogError::Outlived { what, process }
}

fn nameless(folder: &Folder) -> String {
    format!("another process holds this target; `fuser -v {}` shows which one", folder.file_path(LEASE).display())
}

/// Who took the lease last.
fn recorded(folder: &Folder) -> Option<Holder> {
    match folder.read(LEASE, HEAD_BYTES_MAX) {
        Ok(Some(text)) => serde_json::from_slice(&text).ok(),
        Ok(None) | Err(Trouble::Damage(_) | Trouble::Other(_)) => None,
    }
}

/// Whether a process is certainly not there any more.
fn is_gone(holder: &Holder, host: &str) -> bool {
    if holder.host != host {
        return false;
    }
    match repair_processes::boot() {
        // Nothing survives the end of its boot.
        Some(boot) if !holder.boot.is_empty() && holder.boot != boot => return true,
        _ => {}
    }
    let Some(pid) = i32::try_from(holder.pid).ok().and_then(Pid::from_raw) else { return true };
    match rustix::process::test_kill_process(pid) {
        Err(Errno::SRCH) => true,
        // Somebody else's, and so there. The start time may be hidden together with it.
        Err(_) => repair_processes::started(holder.pid).is_some_and(|started| is_another(holder, &started)),
        // One's own can be seen, so what cannot be seen has ended and only waits for its parent to notice.
        Ok(()) => repair_processes::started(holder.pid).is_none_or(|started| is_another(holder, &started)),
    }
}

/// Whether a process of that id started at another time; compared only when both are times of the kernel.
fn is_another(holder: &Holder, started: &str) -> bool {
    holder.started.parse::<u64>().is_ok() && holder.started != started
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_gone_only_where_that_is_certain() {
        let pid = std::process::id();
        let started = repair_processes::started(pid).expect("it runs");
        let boot = repair_processes::boot().expect("it has one");
        let me = Holder { user: "ann".into(), host: "here".into(), pid, started, boot };
        let gone = |holder: &Holder| is_gone(holder, "here");
        assert!(!gone(&me));
        assert!(gone(&Holder { started: "1".into(), ..me.clone() }));
        assert!(!gone(&Holder { started: "unknown".into(), ..me.clone() }));
        assert!(gone(&Holder { boot: "another".into(), ..me.clone() }));
        assert!(!gone(&Holder { boot: String::new(), ..me.clone() }));
        assert!(gone(&Holder { pid: u32::MAX - 1, ..me.clone() }));
        assert!(gone(&Holder { pid: i32::MAX as u32, ..me.clone() }));
        assert!(!gone(&Holder { host: "elsewhere".into(), pid: u32::MAX, ..me }));
    }

    #[test]
    fn the_first_process_of_the_system_is_alive_whoever_asks() {
        let first =
            Holder { user: "root".into(), host: "here".into(), pid: 1, started: String::new(), boot: String::new() };
        assert!(!is_gone(&first, "here"));
    }
}
