//! A shop in a resource group of a made-up Azure: `repair` is pointed at it by its environment, and every scenario ends
//! with the same questions to the log and to Azure's own ledger.
//!
//! Invariant: neither the settings nor the logins of whoever runs the tests are seen, and no engine is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;

use repair_effects::azure::request_ids::RequestIds;
use repair_fake_azure::{ARM_AUDIENCE, Durations, FakeAzure, LedgerEntry, Progress, ServerState, World, shop};
use repair_test_support::{Finished, target_dir};
use serde_json::Value;
use tempfile::TempDir;

use crate::terminal::Terminal;

/// The group that is healed, as `--azure` names it.
pub const GROUP: [&str; 2] = ["--azure", shop::GROUP];
/// The template and its parameters.
pub const FILES: [&str; 4] = ["--template", "main.json", "--parameters", "main.parameters.json"];
/// Everything takes so long, in milliseconds, unless a test says otherwise.
const MOMENT_MILLIS: u64 = 40;

/// Everything takes a moment.
pub const MOMENTS: Durations = Durations {
    purge_millis: MOMENT_MILLIS,
    vault_ready_millis: MOMENT_MILLIS,
    start_millis: MOMENT_MILLIS,
    stop_millis: MOMENT_MILLIS,
    update_millis: MOMENT_MILLIS,
    register_millis: MOMENT_MILLIS,
    resource_millis: MOMENT_MILLIS / 8,
    what_if_millis: MOMENT_MILLIS / 8,
};

/// An Azure with the shop in it, and a folder with what deploys it.
pub struct Shop {
    /// Azure.
    pub azure: FakeAzure,
    folder: TempDir,
    /// Variables of `repair`; a later value wins, and an empty one takes the variable away.
    variables: BTreeMap<String, String>,
    /// The requests that a test made as somebody else, by their place in the ledger.
    others: Mutex<BTreeSet<u64>>,
}

impl Shop {
    /// The shop as `broken` leaves it, after a deployment that has met that.
    pub fn broken(broken: impl FnOnce(&mut World)) -> Self {
        let shop = Self::new(broken);
        shop.deploys(shop::DEPLOYMENT);
        shop
    }

    /// The same without any other deployment than the first one, which succeeded.
    pub fn new(change: impl FnOnce(&mut World)) -> Self {
        let mut world = World::shop();
        world.durations = MOMENTS;
        change(&mut world);
        let azure = FakeAzure::start(world).expect("an Azure can be started");
        azure.quirks(|quirks| quirks.retry_after_seconds = None);
        let folder = tempfile::tempdir().expect("a folder can be made");
        for name in ["project", "config/repair/policy", "home", "bin"] {
            std::fs::create_dir_all(folder.path().join(name)).expect("a folder can be made");
        }
        let secrets = [
            ("REPAIR_AZURE_CLOUD", azure.url()),
            ("AZURE_AUTHORITY_HOST", azure.url()),
            ("AZURE_TENANT_ID", shop::TENANT.to_owned()),
            ("AZURE_CLIENT_ID", shop::CLIENT_ID.to_owned()),
            ("AZURE_CLIENT_SECRET", shop::CLIENT_SECRET.to_owned()),
        ];
        let variables = secrets.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let shop = Self { azure, folder, variables, others: Mutex::default() };
        shop.write("main.json", &format!("{:#}\n", shop::template()));
        shop.write("main.parameters.json", &shop::parameters_file());
        shop
    }

    /// The vault was deleted, and the deployment has met that.
    pub fn deleted_vault() -> Self {
        Self::broken(|world| world.soft_delete_vault(shop::VAULT).expect("a vault"))
    }

    /// The server was stopped, and the deployment has met that.
    pub fn stopped_server() -> Self {
        Self::broken(|world| world.set_server_state(shop::SERVER, ServerState::Stopped).expect("a server"))
    }

    /// Both.
    pub fn deleted_and_stopped() -> Self {
        Self::broken(|world| {
            world.soft_delete_vault(shop::VAULT).expect("a vault");
            world.set_server_state(shop::SERVER, ServerState::Stopped).expect("a server");
        })
    }

    /// Deploys the shop as a person would have; it may fail.
    pub fn deploys(&self, name: &str) {
        self.azure.deploy(name, &shop::template(), &shop::parameters()).expect("a deployment can begin");
    }

    /// Deploys the shop over HTTP, as somebody else with the same login; what Azure answers.
    pub fn somebody_deploys(&self, name: &str) -> String {
        let path = format!(
            "/subscriptions/{}/resourcegroups/{}/providers/Microsoft.Resources/deployments/{name}?api-version=2021-04-01",
            shop::SUBSCRIPTION,
            shop::GROUP
        );
        let body = shop::deployment_body().to_string();
        let token = self.azure.token(ARM_AUDIENCE).expect("a token");
        let url = self.azure.url();
        let host = url.trim_start_matches("http://");
        let head = format!(
            "PUT {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(host).expect("Azure is there");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes())).expect("it listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let last = self.azure.ledger().last().map(|entry| entry.sequence).expect("the request");
        self.others.lock().expect("no panic").insert(last);
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).expect("an answer has a body")
    }

    /// The requests for a change that `repair` made, refused ones too.
    pub fn asked(&self) -> Vec<LedgerEntry> {
        let others = self.others.lock().expect("no panic");
        let ours = |entry: &LedgerEntry| entry.mutating && !others.contains(&entry.sequence);
        self.azure.ledger().into_iter().filter(ours).collect()
    }

    /// Those that Azure has carried out, whatever it answered.
    pub fn accepted(&self) -> Vec<LedgerEntry> {
        self.asked().into_iter().filter(|entry| entry.changed || entry.is_accepted_mutation()).collect()
    }

    /// The same with another variable; an empty value takes it away.
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    /// The same where nobody is signed in.
    pub fn signed_out(self) -> Self {
        self.with("AZURE_CLIENT_SECRET", "").with("AZURE_CLIENT_ID", "").with("AZURE_TENANT_ID", "")
    }

    /// The folder with the template.
    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    /// Where `repair` keeps its logs.
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Writes a file; its path is relative to the folder with the template.
    pub fn write(&self, path: &str, text: &str) {
        std::fs::write(self.dir().join(path), text).expect("a file can be written");
    }

    /// Lays a program on the PATH, before all others.
    pub fn program(&self, name: &str, script: &str) {
        let path = self.folder.path().join("bin").join(name);
        std::fs::write(&path, script).expect("a program can be written");
        let executable = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(&path, executable).expect("a program can be made executable");
    }

    /// Gives the user bounds of their own.
    pub fn bounds(&self, text: &str) {
        self.policy("bounds.toml", text);
    }

    /// Gives the user a policy of their own.
    pub fn policy(&self, name: &str, text: &str) {
        let path = self.folder.path().join("config/repair/policy").join(name);
        std::fs::write(path, text).expect("a policy can be written");
    }

    /// `repair` in the folder, with an environment that is all its own.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_repair"));
        let below = |name: &str| self.folder.path().join(name);
        command.args(args).current_dir(self.dir()).env_clear();
        command.env("PATH", format!("{}:/usr/bin:/bin", below("bin").display())).env("HOME", below("home"));
        command.env("XDG_CONFIG_HOME", below("config")).env("REPAIR_STATE_DIR", self.state_dir());
        command.env("XDG_CACHE_HOME", target_dir().join("engine/cache")).env("TERM", "xterm").env("USER", "somebody");
        command.envs(self.variables.iter().filter(|(_, value)| !value.is_empty()));
        command
    }

    /// Runs `repair` without a terminal.
    pub fn repair(&self, args: &[&str]) -> Finished {
        let finished = Finished::run(&mut self.command(args)).expect("repair can be started");
        assert!(!finished.stderr.contains("panicked"), "{finished}");
        self.keeps_secrets(&finished.stdout);
        self.keeps_secrets(&finished.stderr);
        finished
    }

    /// Runs `repair --json`, which has to end with `code`, and returns its document.
    pub fn document(&self, code: i32, args: &[&str]) -> Value {
        let at = args.iter().position(|arg| *arg == "--").unwrap_or(args.len());
        let finished = self.repair(&[&args[..at], &["--json"], &args[at..]].concat());
        assert_eq!(finished.code, Some(code), "{finished}\n{}", self.ledger());
        serde_json::from_str(&finished.stdout).unwrap_or_else(|error| panic!("no document ({error}): {finished}"))
    }

    /// Starts `repair` at a terminal.
    pub fn terminal(&self, args: &[&str]) -> Terminal {
        Terminal::of(self.command(args))
    }

    /// Looks for a plan, which has to wait for a yes; its digest.
    pub fn planned(&self) -> String {
        let report = self.document(4, &[&["plan"][..], &GROUP, &FILES].concat());
        assert_eq!(report["result"], "awaiting-approval", "{report:#}");
        text(&report, "/plan/digest").to_owned()
    }

    /// Makes a plan and approves it; its digest.
    pub fn approved(&self) -> String {
        let digest = self.planned();
        self.document(0, &["approve", &digest]);
        digest
    }

    /// Carries an approved plan out.
    pub fn applied(&self, code: i32, digest: &str) -> Value {
        self.document(code, &["apply", digest])
    }

    /// Approves a plan that purges the vault, as a person does at a terminal.
    pub fn approved_by_name(&self, digest: &str) {
        let mut terminal = self.terminal(&["approve", digest]);
        terminal.until("to approve exactly this: ");
        terminal.answer(shop::VAULT);
        let (code, seen) = terminal.end();
        assert_eq!(code, 0, "{seen}");
    }

    /// Plan by plan, approves and carries out until it ends with `code`; the last report.
    pub fn healed_by_command(&self, code: i32) -> Value {
        let mut digest = self.approved();
        for _ in 0..4 {
            let finished = self.repair(&["apply", &digest, "--json"]);
            let report: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|_| panic!("{finished}"));
            if finished.code == Some(4) && code != 4 {
                digest = text(&report, "/plan/digest").to_owned();
                self.document(0, &["approve", &digest]);
                continue;
            }
            assert_eq!(finished.code, Some(code), "{finished}\n{}", self.ledger());
            return report;
        }
        panic!("it does not come to an end\n{}", self.ledger())
    }

    /// All records of the log.
    pub fn records(&self) -> Vec<Value> {
        let Value::Array(records) = self.document(0, &["audit", "show", "--all"]) else { panic!("no list of records") };
        records
    }

    /// How often Azure agreed to this kind of change: the end of the path of the request.
    pub fn changes(&self, end: &str) -> usize {
        self.accepted().iter().filter(|entry| entry.path.to_lowercase().ends_with(end)).count()
    }

    /// How often Azure agreed to make or change the vault itself, as for bringing it back.
    pub fn recoveries(&self) -> usize {
        let is_recovery = |entry: &&LedgerEntry| entry.body["properties"]["createMode"] == "recover";
        self.accepted().iter().filter(is_recovery).count()
    }

    /// That Azure was asked for no change at all.
    pub fn untouched(&self) {
        assert!(self.asked().is_empty(), "{}", self.ledger());
        self.sound();
    }

    /// Everything that Azure was asked, for the messages of failed assertions.
    pub fn ledger(&self) -> String {
        self.azure.ledger().iter().map(|entry| format!("{entry}\n")).collect()
    }

    /// Whether the newest deployment succeeded, the vault is there and the server runs.
    pub fn is_well(&self) {
        self.azure.world(|world| {
            let newest = world.deployments.last().expect("a deployment");
            assert_eq!(newest.progress, Progress::Succeeded, "{}", newest.error);
            assert!(world.vault(shop::VAULT).is_some() && world.deleted_vaults.is_empty());
            assert_eq!(world.server(shop::SERVER).map(|server| server.state), Some(ServerState::Ready));
        });
        self.sound();
    }

    /// The end of every scenario: the log verifies, its tools give the recorded answers again, and Azure was asked for
    /// nothing that the log does not answer for.
    pub fn sound(&self) {
        if self.state_dir().exists() {
            let audits = self.document(0, &["audit", "verify", "--all"]);
            assert_eq!(audits[0]["verified"], true, "{audits:#}");
            self.replays();
        }
        if let Err(what) = self.answered_for() {
            panic!("{what}\n{}", self.ledger());
        }
    }

    /// That nothing began: no log, and no request for a change.
    pub fn nothing_began(&self) {
        assert!(!self.state_dir().exists(), "a session began in {}", self.state_dir().display());
        self.untouched();
    }

    fn replays(&self) {
        let records = self.records();
        let asked: BTreeSet<&str> = records
            .iter()
            .filter(|record| record["event"]["kind"] == "tool-answered")
            .filter_map(|record| record["session"].as_str())
            .collect();
        for session in asked {
            let answers = self.document(0, &["replay", session]);
            let all_equal = answers.as_array().is_some_and(|all| all.iter().all(|answer| answer["equal"] == true));
            assert!(all_equal, "{answers:#}");
        }
    }

    /// What Azure's ledger shows against the log: each request for a change belongs to one intent of a granted plan, and
    /// each intent was taken up at most once.
    ///
    /// # Errors
    /// The first rule that is broken.
    pub fn answered_for(&self) -> Result<(), String> {
        if let Some(entry) = self.azure.unexpected().first() {
            return Err(format!("nobody planned this request: {entry}"));
        }
        if let Some(entry) = self.azure.leaks().first() {
            return Err(format!("a stranger got a token: {entry}"));
        }
        let asked = self.asked();
        let intents = if self.state_dir().exists() { intents(&self.records()) } else { BTreeMap::new() };
        let mut taken = BTreeSet::new();
        for entry in &asked {
            let id = entry.client_request_id.as_deref().and_then(RequestIds::parse);
            let id = id.ok_or_else(|| format!("a request without an id of ours: {entry}"))?;
            let key = (id.session.to_string(), usize::from(id.place));
            let intent = intents.get(&key).ok_or_else(|| format!("no intent of the log asked for this: {entry}"))?;
            if !intent.granted {
                return Err(format!("a change without a grant: {entry}"));
            }
            if !fits(&intent.action, entry) {
                return Err(format!("the intent was to {}, and this was asked for: {entry}", intent.action));
            }
            if (entry.changed || entry.is_accepted_mutation()) && !taken.insert(key) {
                return Err(format!("asked for twice: {entry}"));
            }
        }
        Ok(())
    }

    /// No secret of the shop is in `text`.
    fn keeps_secrets(&self, text: &str) {
        for secret in [shop::PASSWORD, shop::CLIENT_SECRET, shop::CLIENT_ASSERTION, shop::IDENTITY_HEADER] {
            assert!(!text.contains(secret), "a secret is shown: {text}");
        }
    }

    /// No secret of the shop is in any file that `repair` has written.
    pub fn writes_no_secret(&self) {
        let mut folders = vec![self.state_dir()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => self.keeps_secrets(&content(&path)),
                }
            }
        }
    }
}

fn content(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

/// One intent of the log.
#[derive(Debug)]
struct Intended {
    action: String,
    granted: bool,
}

/// All intents, by session and by place among the steps of that session.
fn intents(records: &[Value]) -> BTreeMap<(String, usize), Intended> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut granted = BTreeSet::new();
    let mut intents = BTreeMap::new();
    for record in records {
        let (session, event) = (record["session"].as_str().unwrap_or_default().to_owned(), &record["event"]);
        match event["kind"].as_str() {
            Some("granted") => {
                granted.insert((session, event["grant"]["plan"].clone().to_string()));
            }
            Some("intended") => {
                let place = places.entry(session.clone()).or_default();
                let apply = &event["intent"]["apply"];
                let action = apply["action"].to_string();
                let granted = granted.contains(&(session.clone(), apply["plan"].to_string()));
                intents.insert((session, *place), Intended { action, granted });
                *place += 1;
            }
            _ => {}
        }
    }
    intents
}

/// Whether a request is the one that an action makes.
fn fits(action: &str, entry: &LedgerEntry) -> bool {
    let path = entry.path.to_lowercase();
    let post = |end: &str| entry.method == "POST" && path.ends_with(end);
    let put = |part: &str| entry.method == "PUT" && path.contains(part);
    [
        ("start-mysql", post("/start")),
        ("purge-vault", post("/purge")),
        ("recover-vault", put("/providers/microsoft.keyvault/vaults/")),
        ("register-provider", post("/register")),
        ("deploy-template", put("/providers/microsoft.resources/deployments/")),
    ]
    .iter()
    .any(|(kind, asks)| *asks && action.contains(kind))
}

/// The text at `pointer` of a document.
pub fn text<'d>(document: &'d Value, pointer: &str) -> &'d str {
    document.pointer(pointer).and_then(Value::as_str).unwrap_or_else(|| panic!("no text at {pointer}: {document:#}"))
}

/// That every word is said.
pub fn says(said: &str, words: &[&str]) {
    for word in words {
        assert!(said.contains(word), "`{word}` is missing: {said}");
    }
}
