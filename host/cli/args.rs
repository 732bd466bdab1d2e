//! The command line. The comments here are the help texts.

mod tool;

use std::path::PathBuf;

use clap::{ArgAction, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use repair_effects::azure::credential::CredentialKind;
use repair_model::ids::Digest;

pub use tool::{
    ToolAddArgs, ToolBuildArgs, ToolCheckArgs, ToolCommand, ToolLanguage, ToolNewArgs, ToolRecordArgs, ToolTestArgs,
    ToolUpdateArgs,
};

const AFTER_HELP: &str = "\
Exit codes:
  0    healthy, or healed and verified
  1    an error of repair itself
  2    usage
  3    not healed, or an interrupted session waits: next steps are printed
  4    waiting for an approval that nobody here can give
  5    denied by policy
  6    another live session holds this target
  7    the log does not verify, or is missing for a known target
  130  interrupted

Examples:
  repair                                          look and explain; changes nothing
  repair --self-heal=preview                      heal the project in this folder
  repair --self-heal=preview -- docker compose up -d
                                                  run it, and heal only if it fails
  repair --self-heal=preview --azure rg-shop --template main.json --parameters main.parameters.json
                                                  heal a deployment in an Azure resource group
  repair classify build.log                       name the failure in a text";

/// The part of the help for resource groups.
const AZURE: &str = "Azure";

/// Heals broken deployments within bounds, and can prove what it did.
///
/// Without a command it looks at the Compose project in this folder, or with --azure at a resource group, and explains what
/// it finds. It changes something only
/// with --self-heal=preview, only what its policy allows, and only after a yes to exactly that.
#[derive(Debug, Parser)]
#[command(name = "repair", version, after_help = AFTER_HELP)]
pub struct Args {
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do instead of looking or healing.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Options of healing.
    #[command(flatten)]
    pub heal: HealArgs,
}

impl Args {
    /// An option of healing that stands before another command, where it would do nothing.
    pub fn misplaced_healing(&self) -> Option<&'static str> {
        self.command.as_ref()?;
        match &self.heal {
            HealArgs { self_heal: Some(_), .. } => Some("--self-heal"),
            HealArgs { yes: true, .. } => Some("--yes"),
            HealArgs { resume: Some(_), .. } => Some("--resume"),
            HealArgs { new: true, .. } => Some("--new"),
            HealArgs { log: Some(_), .. } => Some("--log"),
            HealArgs { command, .. } if !command.is_empty() => Some("a command after `--`"),
            HealArgs { .. } => None,
        }
    }
}

/// Options of every command.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct GlobalArgs {
    /// The project directory [default: that of the first Compose file]
    #[arg(long, value_name = "DIR", global = true)]
    pub project_directory: Option<PathBuf>,
    /// A Compose file; may be given several times
    #[arg(short, long = "file", value_name = "FILE", global = true)]
    pub files: Vec<PathBuf>,
    /// The Compose project name
    #[arg(short, long, value_name = "NAME", global = true)]
    pub project_name: Option<String>,
    /// A Compose profile to enable; may be given several times
    #[arg(long = "profile", value_name = "NAME", global = true)]
    pub profiles: Vec<String>,
    /// Heal a deployment of an Azure resource group instead of a Compose project
    #[arg(long, value_name = "GROUP[/DEPLOYMENT]", global = true, help_heading = AZURE)]
    pub azure: Option<String>,
    /// The Azure subscription's id [default: that of the login]
    #[arg(long, value_name = "ID", global = true, help_heading = AZURE)]
    pub subscription: Option<String>,
    /// The template that was deployed: ARM JSON, or Bicep where its compiler is installed
    #[arg(long, value_name = "FILE", global = true, help_heading = AZURE)]
    pub template: Option<PathBuf>,
    /// Its parameters; may be given several times. Values are kept nowhere
    #[arg(long, value_name = "FILE|NAME=VALUE", global = true, help_heading = AZURE)]
    pub parameters: Vec<String>,
    /// How to sign in: workload-identity, environment, azure-cli, managed-identity [default: the first that is set up]
    #[arg(long, value_name = "LOGIN", global = true, value_parser = azure_login, help_heading = AZURE)]
    pub azure_login: Option<CredentialKind>,
    /// Which Azure: public, us-government, china, or the URL of a resource manager
    #[arg(long, value_name = "CLOUD", env = "REPAIR_AZURE_CLOUD", global = true, help_heading = AZURE)]
    pub azure_cloud: Option<String>,
    /// Where sessions and logs are kept [default: $XDG_STATE_HOME/repair]
    #[arg(long, value_name = "DIR", env = "REPAIR_STATE_DIR", global = true)]
    pub state_dir: Option<PathBuf>,
    /// Print one JSON document on stdout; progress stays on stderr
    #[arg(long, global = true)]
    pub json: bool,
    /// Say more about what is done; twice for the output of effects
    #[arg(short, long, action = ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Spend at most so many seconds of own work; a policy may allow less
    #[arg(long, value_name = "SECONDS", global = true, value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
}

/// Options of healing.
#[derive(Clone, Debug, Default, ClapArgs)]
pub struct HealArgs {
    /// Heal what is broken; `preview` names the maturity of the feature, approvals apply
    #[arg(long, value_name = "MATURITY", require_equals = true)]
    pub self_heal: Option<SelfHeal>,
    /// Answer yes to plans that are at most reversible; never to anything that replaces what has run
    #[arg(long, requires = "self_heal")]
    pub yes: bool,
    /// Go on with the session that waits: the one with this part in its id, else the newest; without any, begin one
    #[arg(long, value_name = "ID", requires = "self_heal", require_equals = true, num_args = 0..=1)]
    #[expect(clippy::option_option, reason = "the option may stand alone, with a value, or not at all")]
    pub resume: Option<Option<String>>,
    /// Begin a new session; those that wait are looked at, recorded and given up
    #[arg(long, requires = "self_heal", conflicts_with = "resume")]
    pub new: bool,
    /// A log of the failure to begin with; `-` reads standard input. It names what failed, never what is changed
    #[arg(long, value_name = "FILE", conflicts_with = "command")]
    pub log: Option<PathBuf>,
    /// A command to run; healing begins only if it fails
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// Maturity of self-healing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SelfHeal {
    /// Every change follows an approved plan.
    Preview,
}

/// What to do instead of looking or healing.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Name the failures in a text; no project and no engine are needed
    Classify(ClassifyArgs),
    /// Make a plan and stop at the approval
    Plan(PlanArgs),
    /// Approve the plan with this digest, or a unique beginning of it
    Approve(DigestArgs),
    /// Carry out an approved plan
    Apply(ApplyArgs),
    /// Go on with a session that stopped, through the same gates as a new one
    Resume(ResumeArgs),
    /// Take back the file edits of a session, byte for byte
    Undo(UndoArgs),
    /// List the sessions of this project, or of all
    Sessions(SessionsArgs),
    /// Show what a session found, planned and did
    Show(ShowArgs),
    /// Give up a session that is not over
    Abort(SessionArgs),
    /// Read and verify the log
    #[command(subcommand)]
    Audit(AuditCommand),
    /// Show a session's cases to its tools again and compare the answers
    Replay(SessionArgs),
    /// Look at the repair tools, write one, or install somebody else's
    #[command(subcommand)]
    Tool(ToolCommand),
    /// Check and explain the policy in force
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Print the schema of a file or document that repair reads or writes
    Schema(SchemaArgs),
    /// Write a repair.toml with comments into the project
    Init,
    /// Remove compiled tools and bundles; logs are kept
    Clean,
    /// Check engine, Compose, project, policy, tools and state folder
    Doctor,
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Compile a component from standard input to standard output, within limits; `repair` starts it for itself
    #[command(hide = true)]
    CompileComponent,
}

impl Command {
    /// Whether it can be ended at any moment: it changes nothing, or one whole file after the other.
    pub fn can_be_ended_anywhere(&self) -> bool {
        match self {
            Self::Classify(_) => true,
            Self::Tool(tool) => match tool {
                // A folder or an installation would be half done; a build has a process of its own; a debugger says where
                // it was.
                ToolCommand::New(_) | ToolCommand::Add(_) | ToolCommand::Update(_) | ToolCommand::Build(_) => false,
                ToolCommand::Test(test) => !test.debug,
                _ => true,
            },
            _ => false,
        }
    }

    /// Whether it needs anything that is kept for this user.
    pub fn looks_at_the_home_folder(&self) -> bool {
        !matches!(
            self,
            Self::Classify(_)
                | Self::Schema(_)
                | Self::Completions(_)
                | Self::CompileComponent
                | Self::Init
                | Self::Tool(ToolCommand::New(_))
        )
    }
}

/// What is classified.
#[derive(Debug, ClapArgs)]
pub struct ClassifyArgs {
    /// A text such as a pasted log; `-` or nothing reads standard input
    pub file: Option<PathBuf>,
}

/// Options of `plan`.
#[derive(Debug, ClapArgs)]
pub struct PlanArgs {
    /// Give up a session that waits and has begun something
    #[arg(long)]
    pub new: bool,
}

/// Options of `resume`.
#[derive(Debug, ClapArgs)]
pub struct ResumeArgs {
    /// The session, or a unique part of its id [default: the newest that waits for this project]
    pub session: Option<String>,
    /// Tell what would happen; change and write nothing
    #[arg(long, conflicts_with_all = ["yes", "happened", "did_not_happen", "end_effect"])]
    pub dry_run: bool,
    /// Say of a step that nobody could tell: it happened
    #[arg(long, conflicts_with = "did_not_happen")]
    pub happened: bool,
    /// Say of a step that nobody could tell: it did not happen
    #[arg(long)]
    pub did_not_happen: bool,
    /// End an effect that outlived its `repair` at once, instead of waiting for it
    #[arg(long)]
    pub end_effect: bool,
    /// Answer yes to plans of the session that are at most reversible
    #[arg(long)]
    pub yes: bool,
}

/// Options of `show`.
#[derive(Debug, ClapArgs)]
pub struct ShowArgs {
    /// The session, or a unique part of its id
    pub session: String,
    /// What whoever goes on with it needs: goal, progress, what is unknown, next step, warnings
    #[arg(long)]
    pub handover: bool,
}

/// A plan's digest.
#[derive(Debug, ClapArgs)]
pub struct DigestArgs {
    /// At least eight hexadecimal digits
    #[arg(value_parser = digest_prefix)]
    pub digest: String,
}

/// Options of `apply`.
#[derive(Debug, ClapArgs)]
pub struct ApplyArgs {
    /// At least eight hexadecimal digits
    #[arg(value_parser = digest_prefix)]
    pub digest: String,
    /// Answer yes to later plans of the session that are at most reversible
    #[arg(long)]
    pub yes: bool,
}

/// Options of `undo`.
#[derive(Debug, ClapArgs)]
pub struct UndoArgs {
    /// The session, or a unique part of its id
    pub session: String,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// A session.
#[derive(Debug, ClapArgs)]
pub struct SessionArgs {
    /// The session, or a unique part of its id
    pub session: String,
}

/// Options of `sessions`.
#[derive(Debug, ClapArgs)]
pub struct SessionsArgs {
    /// Those of all targets, from anywhere
    #[arg(long)]
    pub all: bool,
}

/// Reading and verifying the log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Verify chain, Merkle tree, signed head and blobs
    Verify(AuditVerifyArgs),
    /// Print the records
    Show(AuditArgs),
    /// Write the proof of one session into a file that can be checked anywhere
    Prove(AuditProveArgs),
    /// Check such a file; no project and no log are needed
    Check(AuditCheckArgs),
    /// Sign the log's present end and print the checkpoint, to be kept elsewhere
    Checkpoint(AuditCheckpointArgs),
    /// Print the records as JSON lines or syslog messages, for a collector
    Export(AuditExportArgs),
    /// Remove old segments of the log by a rule, and record that
    Gc(AuditGcArgs),
}

/// Which log.
#[derive(Debug, ClapArgs)]
pub struct AuditArgs {
    /// The logs of all targets, from anywhere
    #[arg(long)]
    pub all: bool,
}

/// Options of `audit verify`.
#[derive(Debug, ClapArgs)]
pub struct AuditVerifyArgs {
    /// The logs of all targets, from anywhere
    #[arg(long)]
    pub all: bool,
    /// A checkpoint that was kept elsewhere; the log has to continue it. May be given several times
    #[arg(long = "anchor", value_name = "FILE")]
    pub anchors: Vec<PathBuf>,
}

/// Options of `audit prove`.
#[derive(Debug, ClapArgs)]
pub struct AuditProveArgs {
    /// The session, or a unique part of its id
    pub session: String,
    /// The file to write; it must not exist
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

/// Options of `audit check`.
#[derive(Debug, ClapArgs)]
pub struct AuditCheckArgs {
    /// The file that `audit prove` wrote
    pub file: PathBuf,
    /// The public key that has to have signed it, 64 hexadecimal digits
    #[arg(long, value_name = "HEX", conflicts_with = "key_file")]
    pub key: Option<String>,
    /// A file with that key, such as a copy of head.pub
    #[arg(long, value_name = "FILE")]
    pub key_file: Option<PathBuf>,
}

/// Options of `audit checkpoint`.
#[derive(Debug, ClapArgs)]
pub struct AuditCheckpointArgs {
    /// A file to write instead of printing; it must not exist
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// Options of `audit export`.
#[derive(Debug, ClapArgs)]
pub struct AuditExportArgs {
    /// The logs of all targets, from anywhere
    #[arg(long)]
    pub all: bool,
    /// Go on with records as they come, until interrupted
    #[arg(long)]
    pub follow: bool,
    /// How each record is written
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    pub format: ExportFormat,
    /// Begin at this record
    #[arg(long, value_name = "SEQUENCE", default_value_t = 0)]
    pub from: u64,
}

/// How a record is written for a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// One JSON object a line
    Json,
    /// One message of RFC 5424 a line, with the same JSON object
    Syslog,
}

/// Options of `audit gc`.
#[derive(Debug, ClapArgs)]
pub struct AuditGcArgs {
    /// The logs of all targets, from anywhere
    #[arg(long)]
    pub all: bool,
    /// Only segments in which everything is older than so many days
    #[arg(long, value_name = "DAYS")]
    pub older_than_days: u32,
    /// Tell what would be removed, and remove nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Do not ask
    #[arg(long)]
    pub yes: bool,
}

/// Checking and explaining the policy.
#[derive(Debug, Subcommand)]
pub enum PolicyCommand {
    /// Check the policies in force, or the named files as they would count in the user's layer
    Check {
        /// Cedar files to check
        files: Vec<PathBuf>,
    },
    /// Show the layers, the bounds, and the answer for every kind of action
    Explain,
}

/// Options of `schema`.
#[derive(Debug, ClapArgs)]
pub struct SchemaArgs {
    /// Of what
    pub name: SchemaName,
}

/// What has a schema.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SchemaName {
    /// repair.toml
    Settings,
    /// Bounds files of the policy
    Bounds,
    /// The Cedar schema of policies
    Policy,
    /// A frozen plan
    Plan,
    /// An event of the log
    Event,
    /// What `--json` prints after healing
    Report,
    /// What `classify --json` prints
    Classified,
    /// What `resume --dry-run --json` prints
    Resume,
    /// What `show --handover --json` prints
    Handover,
    /// The file phase-state.json of a session
    PhaseState,
    /// A recorded case of a tool
    Case,
    /// What a tool said to a recorded case
    Transcript,
    /// The file repair-tools.lock
    ToolLock,
    /// The contract between host and tool, in WIT
    Contract,
}

/// Options of `completions`.
#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// A way to sign in, by its name.
fn azure_login(name: &str) -> Result<CredentialKind, String> {
    let names = || CredentialKind::ALL.iter().map(|kind| kind.as_str()).collect::<Vec<_>>().join(", ");
    CredentialKind::named(name).ok_or_else(|| format!("it is one of {}", names()))
}

/// A prefix long enough that nobody approves something by accident.
fn digest_prefix(text: &str) -> Result<String, String> {
    const DIGITS_MIN: usize = 8;
    if text.len() < DIGITS_MIN || text.len() > 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("a digest has {DIGITS_MIN} to 64 hexadecimal digits; `repair sessions` shows it"));
    }
    Ok(text.to_ascii_lowercase())
}

/// All of it: who made the components could make two of one beginning.
fn component_digest(text: &str) -> Result<Digest, String> {
    text.parse()
        .map_err(|_| "the digest of a component has 64 hexadecimal digits; `repair tool add` prints it".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }

    #[test]
    fn a_wrapped_command_keeps_its_own_options() {
        let args = Args::parse_from(["repair", "--self-heal=preview", "--yes", "--", "docker", "compose", "up", "-d"]);
        assert_eq!(args.heal.command, ["docker", "compose", "up", "-d"]);
        assert!(args.heal.yes);
    }

    #[test]
    fn yes_alone_and_short_digests_are_refused() {
        assert!(Args::try_parse_from(["repair", "--yes"]).is_err());
        assert!(Args::try_parse_from(["repair", "approve", "abc"]).is_err());
        assert!(Args::try_parse_from(["repair", "approve", "0123456789ab"]).is_ok());
    }

    #[test]
    fn options_of_every_command_may_stand_before_or_after_it() {
        for line in [["repair", "-p", "x", "audit", "verify"], ["repair", "audit", "verify", "-p", "x"]] {
            let args = Args::parse_from(line);
            assert_eq!(args.global.project_name.as_deref(), Some("x"));
            assert!(args.misplaced_healing().is_none());
        }
        let args = Args::parse_from(["repair", "--self-heal=preview", "sessions"]);
        assert_eq!(args.misplaced_healing(), Some("--self-heal"));
    }
}
