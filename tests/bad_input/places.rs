//! Places that do not take what is written: a read-only project, a full disk; and what must never be written: secrets.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use repair_test_support::{Engine, Finished, Project};

use crate::ground::{GO_ON, HEAL, expect, insist, insist_verified, repair, repair_command, web_on};
use crate::taken_port;

/// A mount of a test; it ends with this value.
struct Mount(PathBuf);

impl Mount {
    /// Mounts `what` on `place` (mount(8)). The tests' own engine needs root as well.
    fn new(options: &[&str], what: &Path, place: &Path) -> Self {
        let mut mount = Command::new("mount");
        Finished::run(mount.args(options).arg(what).arg(place)).and_then(Finished::success).expect("root may mount");
        Self(place.to_owned())
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Finished::run(Command::new("umount").arg("--lazy").arg(&self.0));
    }
}

#[test]
fn a_read_only_project_is_left_as_it_is_with_a_clear_error() {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    let _held = taken_port(&project);
    let compose = project.read("compose.yaml").expect("it is there");
    let _mount = Mount::new(&["--bind"], project.dir(), project.dir());
    let mut again = Command::new("mount");
    Finished::run(again.args(["-o", "remount,bind,ro"]).arg(project.dir()))
        .and_then(Finished::success)
        .expect("it is ours");

    let finished = repair(&project, &HEAL);
    insist(&finished, 3, &["compose.yaml", "ead-only"]);
    assert_eq!(project.read("compose.yaml").expect("it is there"), compose);
    assert_eq!(project.container("web").expect("it was created").status, "created", "{finished}");
    let names: Vec<_> =
        fs::read_dir(project.dir()).expect("it can be listed").flatten().map(|e| e.file_name()).collect();
    assert_eq!(names, ["compose.yaml"], "nothing is left beside it");
    insist_verified(&project);
}

/// Fills a file system until `left` bytes are free.
fn fill(folder: &Path, left: usize) {
    let mut file = fs::File::create(folder.join("filler")).expect("a file can be made");
    let page = [1; 4096];
    while file.write_all(&page).is_ok() {}
    let length = file.metadata().expect("it is there").len();
    file.set_len(length.saturating_sub(left as u64)).expect("it can be cut");
}

#[test]
fn a_disk_that_fills_up_while_recording_stops_everything_and_leaves_a_log_that_verifies() {
    let project = Project::new(Engine::shared()).expect("a project can be made");
    let state = project.state_dir();
    fs::create_dir(&state).expect("a folder can be made");
    let _mount = Mount::new(&["-t", "tmpfs", "-o", "size=64m,mode=0700"], Path::new("tmpfs"), &state);
    let _held = taken_port(&project);
    let compose = project.read("compose.yaml").expect("it is there");
    // One session on an empty disk, so that the compiled tools are there and what follows is about the log alone.
    expect(&project, &["plan"], 4, &[]);

    let mut refused = 0;
    for pages in [0, 1, 2, 3, 4, 6, 8, 10, 12, 14, 16, 20, 24, 28, 32, 48] {
        fill(&state, pages * 4096);
        let finished = repair(&project, &GO_ON);
        assert!(matches!(finished.code, Some(0 | 1)), "with {pages} pages left: {finished}");
        fs::remove_file(state.join("filler")).expect("it is ours");
        if finished.code == Some(0) {
            break;
        }
        refused += 1;
        insist(&finished, 1, &["make room"]);
        assert_ne!(project.container("web").expect("it is there").status, "running", "{pages}: {finished}");
        // A file may have been edited under a recorded intent, and then as a whole.
        let now = project.read("compose.yaml").expect("it is there");
        assert!(now == compose || now == web_on(project.port(1)), "{pages}: {finished}\n{now}");
        insist_verified(&project);
    }
    assert!(refused > 0, "the disk was never full");
    expect(&project, &GO_ON, 0, &["health"]);
    insist_verified(&project);
    assert_eq!(project.container("web").expect("it runs").status, "running");
}

#[test]
fn secrets_never_reach_the_state_folder_nor_the_screen() {
    const PLANTED: [&str; 3] = ["planted-7f3a91c2", "planted-word-55d0", "planted-bearer-e11f"];
    let project = Project::new(Engine::shared()).expect("a project can be made");
    let [password, token, bearer] = PLANTED;
    let compose = web_on(0).replace("\"0:80\"", "\"${WEB_PORT}:80\"")
        + "    environment:\n      DB_PASSWORD: ${DB_PASSWORD}\n      DATABASE_URL: postgres://app:${DB_PASSWORD}@db/app\n";
    project.write("compose.yaml", &compose).expect("it can be written");
    let env = format!("DB_PASSWORD={password}\nWEB_PORT={}\nAPI_TOKEN={token}\n", project.port(0));
    project.write(".env", &env).expect("it can be written");
    let _held = crate::ground::fail_up(&project, &["web"]);

    let script = format!(
        "echo DB_PASSWORD={password} >&2; echo 'Authorization: Bearer {bearer}' >&2; echo '\"api_token\": \"{token}\"' >&2; \
         docker compose up -d"
    );
    let mut command = repair_command(&project);
    command.args(HEAL).args(["-vv", "--json", "--", "sh", "-c", &script]);
    let finished = Finished::run(&mut command).expect("repair starts");
    insist(&finished, 0, &["healed"]);
    assert_eq!(
        project.read(".env").expect("it is there"),
        env.replace(&project.port(0).to_string(), &project.port(1).to_string())
    );
    for secret in PLANTED {
        let grep =
            Finished::run(Command::new("grep").args(["-rla", secret]).arg(project.state_dir())).expect("grep runs");
        assert_eq!(grep.code, Some(1), "`{secret}` is in {}", grep.stdout);
        assert!(!finished.stdout.contains(secret), "{finished}");
    }
    let session: serde_json::Value = serde_json::from_str(&finished.stdout).expect("it is JSON");
    let shown = repair(&project, &["show", session["session"].as_str().expect("a session"), "-vv"]);
    assert!(PLANTED.iter().all(|secret| !shown.stdout.contains(secret)), "{shown}");
    insist_verified(&project);
}
