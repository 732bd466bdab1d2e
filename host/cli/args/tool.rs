//! The arguments of `repair tool`. The comments here are the help texts.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand, ValueEnum};
use repair_model::ids::Digest;

use super::component_digest;

/// Looking at tools, writing one, installing somebody else's.
#[derive(Debug, Subcommand)]
pub enum ToolCommand {
    /// List the tools with what they handle, see and may do, in the order in which they are asked
    List,
    /// Show one tool's manifest, and the notes that it left in the sessions of this user
    Show {
        /// Its id
        id: String,
    },
    /// Write a new tool that builds, with a test and a recorded case
    New(ToolNewArgs),
    /// Build the tool in a folder into a component
    Build(ToolBuildArgs),
    /// Check a component: what it imports, says of itself and answers, and whether it always answers the same
    Check(ToolCheckArgs),
    /// Show a tool its recorded cases, and compare what it answers with what it answered before
    Test(ToolTestArgs),
    /// Make the cases of a real session into recorded cases
    Record(ToolRecordArgs),
    /// Install a tool from a component, or from a folder of components, after a yes to exactly that
    Add(ToolAddArgs),
    /// Remove an installed tool
    Remove {
        /// Its id
        id: String,
    },
    /// Compare the installed tools with the lock file, and bring back components that are missing or damaged
    Lock,
    /// Take newer versions from where the tools came from; what wants more than before is asked about
    Update(ToolUpdateArgs),
}

/// The language of a new tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ToolLanguage {
    /// Rust, with the SDK
    Rust,
    /// Python, by componentize-py
    Python,
}

/// Options of `tool new`.
#[derive(Debug, ClapArgs)]
pub struct ToolNewArgs {
    /// The tool's id, which is also the name of the new folder: lower-case words joined by hyphens, beginning with a letter
    pub name: String,
    /// The language
    #[arg(long, value_name = "LANGUAGE", default_value = "rust")]
    pub lang: ToolLanguage,
}

/// Options of `tool build`.
#[derive(Debug, ClapArgs)]
pub struct ToolBuildArgs {
    /// The folder of the tool
    #[arg(default_value = ".")]
    pub dir: PathBuf,
}

/// Options of `tool check`.
#[derive(Debug, ClapArgs)]
pub struct ToolCheckArgs {
    /// The component
    pub file: PathBuf,
    /// A recorded case to show it; may be given several times [default: those in `cases` beside it]
    #[arg(long = "case", value_name = "FILE")]
    pub cases: Vec<PathBuf>,
}

/// Options of `tool test`.
#[derive(Debug, ClapArgs)]
pub struct ToolTestArgs {
    /// The folder of the tool: a component, and its cases in `cases`
    #[arg(default_value = ".")]
    pub dir: PathBuf,
    /// Only cases with this in their name
    #[arg(long, value_name = "PART")]
    pub case: Option<String>,
    /// The component [default: the one in the folder]
    #[arg(long, value_name = "FILE")]
    pub component: Option<PathBuf>,
    /// Take what the tool answers now as what it should answer
    #[arg(long)]
    pub accept: bool,
    /// Go through each case step by step: what the tool is shown, what it says, what the host would answer
    #[arg(long, conflicts_with = "accept")]
    pub debug: bool,
}

/// Options of `tool record`.
#[derive(Debug, ClapArgs)]
pub struct ToolRecordArgs {
    /// The session, or a unique part of its id
    pub session: String,
    /// Only the cases of this tool
    #[arg(long, value_name = "ID")]
    pub tool: Option<String>,
    /// The folder to write into
    #[arg(short, long, value_name = "DIR", default_value = "cases")]
    pub output: PathBuf,
}

/// Options of `tool add`.
#[derive(Debug, ClapArgs)]
pub struct ToolAddArgs {
    /// A component, or a folder with some
    pub path: PathBuf,
    /// Accept exactly the component with this digest, without asking; may be given several times
    #[arg(long, value_name = "DIGEST", value_parser = component_digest)]
    pub accept: Vec<Digest>,
}

/// Options of `tool update`.
#[derive(Debug, ClapArgs)]
pub struct ToolUpdateArgs {
    /// Only this tool
    pub id: Option<String>,
    /// Accept exactly the component with this digest, without asking; may be given several times
    #[arg(long, value_name = "DIGEST", value_parser = component_digest)]
    pub accept: Vec<Digest>,
}
