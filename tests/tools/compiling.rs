//! What takes the compiler too much is refused in a process of its own, and harms nobody.

use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use repair_test_guests::{Guest, bomb};
use repair_test_support::{Finished, SmallDisk};
use rustix::process::{Pid, Signal};

use crate::tool_home::{Home, files_in};

/// Far more than a refusal takes, and far less than the bombs would.
const PATIENCE: Duration = Duration::from_secs(75);
/// Far less than the processor time after which the kernel ends a compiler in any case.
const PROMPTLY: Duration = Duration::from_secs(20);

#[test]
fn a_bomb_for_the_compiler_is_refused_within_bounds() {
    let home = Home::new();
    let bombs = [("nesting", bomb::nesting_bomb(30_000)), ("wide", bomb::compile_bomb("wide", 1, 20_000, 20_000))];
    for (name, component) in bombs {
        home.write(format!("{name}.wasm"), component);
        let begun = Instant::now();
        let refused = home.ends(3, &["tool", "check", &format!("{name}.wasm")]);
        assert!(refused.stderr.contains(&format!("tool `{name}.wasm`: ")), "{refused}");
        assert!(refused.stderr.contains("2147483648 bytes of memory"), "{refused}");
        assert!(refused.stderr.contains("make its functions fewer and smaller"), "{refused}");
        assert!(begun.elapsed() < PATIENCE, "{name} took {:?}", begun.elapsed());
    }
}

/// It has to be ended by the time of the processor: it stays within its memory, and would go on for minutes.
#[test]
fn a_bomb_that_only_takes_time_is_refused_and_a_lower_limit_of_the_caller_counts() {
    let home = Home::new();
    home.write("slow.wasm", bomb::compile_bomb("slow", 30, 3_000, 3_000));
    let mut limited = Command::new("/bin/sh");
    let repair = home.command(&["tool", "check", "slow.wasm"]);
    limited.args(["-c", "ulimit -t 5; exec \"$0\" \"$@\""]).arg(repair.get_program()).args(repair.get_args());
    limited.current_dir(home.path()).env("HOME", home.path());
    let refused = Finished::run(&mut limited).expect("it runs");
    assert_eq!(refused.code, Some(3), "{refused}");
    assert!(refused.stderr.contains("compiling it takes more than 5 s of processor time"), "{refused}");
}

#[test]
fn a_compiler_that_somebody_else_killed_is_not_said_to_have_worked_too_long() {
    let home = Home::new();
    home.write("slow.wasm", bomb::compile_bomb("slow", 30, 3_000, 3_000));
    let (repair, compiler) = compiling(&home);
    rustix::process::kill_process(compiler, Signal::KILL).expect("it is ours");
    let ended = repair.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(3), "{said}");
    assert!(said.contains("tool `slow.wasm`: the system killed its compiler"), "{said}");
    assert!(said.contains("try again when this machine has more memory to spare"), "{said}");
}

#[test]
fn a_signal_ends_a_check_at_once_and_its_compiler_with_it() {
    let home = Home::new();
    home.write("slow.wasm", bomb::compile_bomb("slow", 30, 3_000, 3_000));
    for signal in [Signal::TERM, Signal::KILL] {
        let (repair, compiler) = compiling(&home);
        rustix::process::kill_process(Pid::from_child(&repair), signal).expect("it is ours");
        let ended = repair.wait_with_output().expect("it ends");
        assert_eq!(ended.status.signal(), Some(signal.as_raw()));
        within(PROMPTLY, || has_ended(compiler).then_some(()), "the compiler goes on");
    }
}

/// `repair` and its compiler, in the midst of something long.
fn compiling(home: &Home) -> (Child, Pid) {
    let mut command = home.command(&["tool", "check", "slow.wasm"]);
    let repair = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let compiler = within(PATIENCE, || compiler_of(repair.id()), "it starts no compiler");
    (repair, compiler)
}

/// Whether it is gone, or nobody has asked yet how it ended.
fn has_ended(process: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit_once(") ").is_none_or(|(_, fields)| fields.starts_with('Z'))
}

fn within<T>(patience: Duration, mut found: impl FnMut() -> Option<T>, otherwise: &str) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = found() {
            return found;
        }
        assert!(begun.elapsed() < patience, "{otherwise}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The process that compiles for the process `parent`.
fn compiler_of(parent: u32) -> Option<Pid> {
    let processes = std::fs::read_dir("/proc").expect("/proc").flatten().map(|entry| entry.path());
    let found = processes.into_iter().find(|process| {
        let stat = std::fs::read_to_string(process.join("stat")).unwrap_or_default();
        let its_parent = stat.rsplit_once(") ").and_then(|(_, fields)| fields.split(' ').nth(1));
        let arguments = std::fs::read(process.join("cmdline")).unwrap_or_default();
        its_parent == Some(&parent.to_string()) && arguments.ends_with(b"\0compile-component\0")
    });
    found.and_then(|process| process.file_name()?.to_str()?.parse().ok()).and_then(Pid::from_raw)
}

#[test]
fn a_bomb_that_was_accepted_by_hand_leaves_the_other_tools_unharmed() {
    let home = Home::new();
    let component = home.write("calm.wasm", Guest::new("calm").build());
    home.install(&component);
    let bomb = bomb::nesting_bomb(30_000);
    let digest = digest_of(&home, &bomb);
    let lock = home.join(".config/repair/repair-tools.lock");
    let text = std::fs::read_to_string(&lock).expect("the lock file");
    let entry = format!(
        "\n[[tool]]\nid = \"bomb\"\nversion = \"1.0.0\"\ncomponent = \"{digest}\"\nsource = \"/nowhere\"\n\
         handles = []\nsees = []\nmay = []\n"
    );
    std::fs::write(&lock, text + &entry).expect("accepted by hand");
    home.write(format!(".local/share/repair/tools/{digest}.wasm"), bomb);
    let listed = home.ends(3, &["tool", "list"]);
    assert!(listed.stdout.contains("left out: tool `bomb`: compiling it takes more than"), "{listed}");
    assert_eq!(home.tools(3)[0], "calm");
}

#[test]
fn compiled_code_is_used_again_also_where_nothing_may_be_executed() {
    let home = Home::new();
    let disk = SmallDisk::mount(&home.join(".cache"), 64 * 1024).expect("a disk can be mounted");
    disk.set_no_exec().expect("it can be remounted");
    let compiled = || {
        let folder = home.join(".cache/repair/compiled");
        let entries = files_in(&folder).into_iter();
        entries.map(|name| std::fs::metadata(folder.join(name)).expect("there").ino()).collect::<Vec<_>>()
    };
    let tools = home.tools(0);
    let kept = compiled();
    assert_eq!(kept.len(), tools.len());
    assert_eq!(home.tools(0), tools);
    assert_eq!(compiled(), kept, "compiled again");
}

/// The digest that `repair` gives a component, as it tells it when the file is not the one that was accepted.
fn digest_of(home: &Home, component: &[u8]) -> String {
    let placeholder = "0".repeat(64);
    let lock = home.join(".config/repair/repair-tools.lock");
    let text = std::fs::read_to_string(&lock).expect("the lock file");
    let calm = text.lines().find_map(|line| line.strip_prefix("component = ")).expect("a digest").trim_matches('"');
    std::fs::write(&lock, text.replace(calm, &placeholder)).expect("written");
    home.write(format!(".local/share/repair/tools/{placeholder}.wasm"), component);
    let listed = home.ends(3, &["tool", "list"]);
    let (_, after) = listed.stdout.split_once("its component is ").expect("the failure");
    let digest = after[..64].to_owned();
    std::fs::write(&lock, &text).expect("as before");
    digest
}

#[test]
fn the_compiler_process_takes_nothing_but_a_component() {
    let home = Home::new();
    let mut command = home.command(&["compile-component"]);
    let ended = Finished::run(&mut command).expect("it starts");
    assert_eq!(ended.code, Some(3), "{ended}");
    assert!(ended.stderr.contains("not a WebAssembly component"), "{ended}");
    assert_eq!(ended.stdout, "");
}
