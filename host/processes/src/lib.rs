//! Which process is which: process ids are given out again, so a process is named by its id, the time of its start and the
//! boot in which it runs.
//!
//! It starts nothing. It refuses to signal a process group whose identity it cannot confirm. Invariant: a process that
//! started later, or after another boot, never counts as the recorded one.

use repair_model::event::EffectProcess;
use rustix::process::{Pid, Signal};

/// When a process started, as `/proc/<pid>/stat` counts it (clock ticks since boot). `None` when there is no such process,
/// or only what is left of one that has ended.
pub fn started(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, and the name may itself hold any character.
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    let state = fields.next()?;
    // proc_pid_stat(5): the state is field 3 and the start time field 22.
    if matches!(state, "Z" | "X") { None } else { fields.nth(18).map(str::to_owned) }
}

/// The id of the present boot; `None` where the kernel does not tell.
pub fn boot() -> Option<String> {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok().map(|id| id.trim().to_owned())
}

/// The identity of a process that leads a group of its own and runs now.
pub fn effect(group: u32) -> EffectProcess {
    EffectProcess { group, started: started(group).unwrap_or_default(), boot: boot().unwrap_or_default() }
}

/// Whether the recorded first process of an effect still runs. Where it was recorded without its identity, a process of
/// that id counts.
pub fn is_running(process: &EffectProcess) -> bool {
    let same = |recorded: &str, now: &str| recorded.is_empty() || recorded == now;
    same(&process.boot, &boot().unwrap_or_default())
        && started(process.group).is_some_and(|now| same(&process.started, &now))
}

/// Sends `signal` to the group of the recorded process; false when that process does not run any more, or its identity is
/// not on record, so that nobody else is ever hit.
pub fn signal(process: &EffectProcess, signal: Signal) -> bool {
    let known = !process.started.is_empty() && !process.boot.is_empty();
    let group = i32::try_from(process.group).ok().and_then(Pid::from_raw);
    match group {
        Some(group) if known && is_running(process) => rustix::process::kill_process_group(group, signal).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_started_and_no_process_has_the_greatest_id() {
        let started = started(std::process::id()).expect("it runs");
        assert!(started.parse::<u64>().is_ok(), "{started}");
        assert_eq!(super::started(u32::MAX), None);
    }

    #[test]
    fn a_reused_id_or_another_boot_is_another_process() {
        let me = effect(std::process::id());
        assert!(is_running(&me));
        assert!(!is_running(&EffectProcess { started: "1".to_owned(), ..me.clone() }));
        assert!(!is_running(&EffectProcess { boot: "another".to_owned(), ..me.clone() }));
        assert!(is_running(&EffectProcess { started: String::new(), boot: String::new(), ..me }));
    }

    #[test]
    fn nobody_is_signalled_whose_identity_is_not_sure() {
        let me = effect(std::process::id());
        assert!(!signal(&EffectProcess { started: String::new(), ..me.clone() }, Signal::TERM));
        assert!(!signal(&EffectProcess { started: "1".to_owned(), ..me.clone() }, Signal::TERM));
        assert!(!signal(&EffectProcess { group: u32::MAX, ..me }, Signal::TERM));
    }
}
