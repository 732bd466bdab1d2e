//! Peak memory of a process and of those that it starts, as the kernel counts it.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

/// Peak resident sizes, in KiB.
pub(crate) struct Peaks {
    /// Of the process itself.
    pub(crate) own_kib: u64,
    /// Of its largest descendant, with that one's name.
    pub(crate) largest_child: Option<(String, u64)>,
}

/// Runs `command` and watches it. The kernel's high-water mark only grows, so what a sample can miss is growth in the
/// last half millisecond; resource usage after the end would mix the process with its children.
pub(crate) fn peaks(command: &mut Command) -> Result<Peaks> {
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = spawned.context("cannot start the program to measure")?;
    let mut seen: BTreeMap<u32, (String, u64)> = BTreeMap::new();
    let status = loop {
        for pid in with_descendants(child.id()) {
            if let Some((name, kib)) = high_water(pid) {
                seen.insert(pid, (name, kib));
            }
        }
        if let Some(status) = child.try_wait().context("cannot wait for the program to measure")? {
            break status;
        }
        thread::sleep(Duration::from_micros(500));
    };
    ensure!(status.success(), "{command:?} failed while it was measured");
    let (_, own_kib) = seen.remove(&child.id()).context("the program ended before it could be measured")?;
    let largest_child = seen.into_values().max_by_key(|(_, kib)| *kib);
    Ok(Peaks { own_kib, largest_child })
}

fn with_descendants(pid: u32) -> Vec<u32> {
    let mut found = vec![pid];
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    for task in tasks {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        let children: Vec<u32> = children.split_whitespace().filter_map(|child| child.parse().ok()).collect();
        found.extend(children.into_iter().flat_map(with_descendants));
    }
    found
}

/// Name and high-water mark; nothing once the process has ended.
fn high_water(pid: u32) -> Option<(String, u64)> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim);
    let kib = value("VmHWM")?.split_whitespace().next()?.parse().ok()?;
    Some((value("Name")?.to_owned(), kib))
}
