//! The one error type on top: its kind decides the exit code, its hints say what to do next.

use std::fmt;
use std::process::ExitCode;

use repair_effects::deployment::OpenError;
use repair_effects::target::OpenTargetError;
use repair_pipeline::outside::LogError;
use repair_pipeline::policy::PolicyProblem;
use repair_pipeline::workflow::{Ineligible, WorkflowError};

/// How a run ended; the numbers are public.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Healthy, or healed and verified.
    Success = 0,
    /// An error of `repair` itself.
    Internal = 1,
    /// Usage.
    Usage = 2,
    /// Not healed; next steps are printed.
    NotHealed = 3,
    /// Waiting for an approval that nobody here can give.
    AwaitingApproval = 4,
    /// Denied by policy.
    Denied = 5,
    /// Another live session holds this target.
    Busy = 6,
    /// The log does not verify, or is missing for a known target.
    Damaged = 7,
    /// Interrupted.
    Interrupted = 130,
}

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code as u8)
    }
}

/// An error for the person at the command line.
#[derive(Debug)]
pub struct CommandError {
    /// Decides the exit code.
    pub code: Code,
    /// What went wrong: names the file, field or tool.
    pub error: Box<dyn std::error::Error>,
    /// What to do next, safest first.
    pub hints: Vec<String>,
}

#[derive(Debug)]
struct Plain {
    what: String,
    source: Option<Box<dyn std::error::Error>>,
}

impl fmt::Display for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Plain {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref()
    }
}

impl CommandError {
    /// An error in words.
    pub fn new(code: Code, what: impl Into<String>) -> Self {
        Self { code, error: Box::new(Plain { what: what.into(), source: None }), hints: Vec::new() }
    }

    /// What led to it, from the nearest on.
    pub fn causes(&self) -> Vec<String> {
        let mut causes = Vec::new();
        let mut source = self.error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        // Some libraries repeat their cause in their own words.
        let what = self.error.to_string();
        causes.retain(|cause| !what.contains(cause.as_str()));
        causes
    }

    /// An error of `repair` itself with its cause.
    pub fn internal(what: &str, source: impl std::error::Error + 'static) -> Self {
        let plain = Plain { what: what.to_owned(), source: Some(Box::new(source)) };
        Self { code: Code::Internal, error: Box::new(plain), hints: Vec::new() }
    }

    /// The same with one more thing to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        let hint = hint.into();
        if !hint.is_empty() {
            self.hints.push(hint);
        }
        self
    }
}

impl From<LogError> for CommandError {
    fn from(error: LogError) -> Self {
        let code = match &error {
            LogError::Busy(_) | LogError::Outlived { .. } => Code::Busy,
            LogError::Damaged(_) => Code::Damaged,
            LogError::Io { .. } | LogError::Poisoned => Code::Internal,
        };
        let hints = match code {
            Code::Busy => {
                vec!["`repair sessions` shows which session; run `repair` again once it has ended".to_owned()]
            }
            Code::Damaged => {
                vec!["nothing was done; `repair audit verify` shows everything that is wrong with the log".to_owned()]
            }
            _ => Vec::new(),
        };
        Self { code, error: Box::new(error), hints }
    }
}

impl From<OpenError> for CommandError {
    fn from(error: OpenError) -> Self {
        let code = match &error {
            OpenError::Project(_) | OpenError::Endpoint(_) => Code::Usage,
            OpenError::Compose(_) | OpenError::Engine(_) | OpenError::Refused(_) => Code::NotHealed,
        };
        let hints = error.hints();
        Self { code, error: Box::new(error), hints }
    }
}

impl From<OpenTargetError> for CommandError {
    fn from(error: OpenTargetError) -> Self {
        match error {
            OpenTargetError::Compose(error) => error.into(),
            OpenTargetError::Azure(error) => {
                let code = if error.is_usage() { Code::Usage } else { Code::NotHealed };
                let hints = error.hints();
                Self { code, error: Box::new(error), hints }
            }
        }
    }
}

impl From<Ineligible> for CommandError {
    fn from(error: Ineligible) -> Self {
        let hints = error.hints();
        let code = match &error {
            Ineligible::Over { .. } => Code::Usage,
            Ineligible::CrashLoop { .. } => Code::NotHealed,
        };
        Self { code, error: Box::new(error), hints }
    }
}

impl From<WorkflowError> for CommandError {
    fn from(error: WorkflowError) -> Self {
        match error {
            WorkflowError::Log(error) => error.into(),
            WorkflowError::Target(error) => {
                let hints = error.hints.clone();
                Self { code: Code::NotHealed, error: Box::new(error), hints }
            }
            WorkflowError::NotApproved(plan) => {
                let hint = format!("`repair approve {plan}` approves it");
                Self { code: Code::AwaitingApproval, error: Box::new(error), hints: vec![hint] }
            }
            WorkflowError::Ineligible(error) => error.into(),
            WorkflowError::Request { what, hints } => Self { hints, ..Self::new(Code::NotHealed, what) },
            error @ WorkflowError::History(_) => {
                Self { code: Code::Damaged, error: Box::new(error), hints: Vec::new() }
            }
            error @ WorkflowError::Encode(_) => {
                Self { code: Code::Internal, error: Box::new(error), hints: Vec::new() }
            }
        }
    }
}

/// All problems of the policy at once: a policy that cannot be loaded denies everything.
pub fn policy_error(problems: &[PolicyProblem]) -> CommandError {
    let what = problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    CommandError::new(Code::Denied, format!("the policy cannot be used, so nothing is allowed:\n{what}"))
        .hint("correct the files named above; `repair policy check` checks them")
}
