//! The person's own command: run with its terminal, and read as a Compose `up` where it is one.

use repair_effects::process::{Invocation, run_wrapped};
use repair_model::evidence::{Evidence, Provenance};
use repair_model::limits::EVIDENCE_BYTES_MAX;
use repair_pipeline::evidence::from_text;

use super::Context;
use crate::command_error::{Code, CommandError};

/// A wrapped command that has ended.
pub struct EndedCommand {
    /// Its own code.
    pub code: Code,
    /// The end of what it printed, when it failed.
    pub evidence: Option<Evidence>,
    /// Whether it stays attached to the services' logs.
    pub attached: bool,
}

/// Runs the person's own command with its terminal, and keeps the end of what it printed.
pub async fn run_command(context: &Context<'_>, command: &[String]) -> Result<EndedCommand, CommandError> {
    let (program, args) =
        command.split_first().ok_or_else(|| CommandError::new(Code::Usage, "no command was given"))?;
    let invocation = Invocation::new(program, args);
    let (mut stdout, mut stderr) = (std::io::stdout(), std::io::stderr());
    let ended = if context.printer.is_json() {
        // Stdout is for the document alone.
        let mut also_stderr = std::io::stderr();
        run_wrapped(&invocation, EVIDENCE_BYTES_MAX, &mut also_stderr, &mut stderr).await
    } else {
        run_wrapped(&invocation, EVIDENCE_BYTES_MAX, &mut stdout, &mut stderr).await
    };
    let ended = ended.map_err(|error| {
        CommandError { code: Code::Usage, error: Box::new(error), hints: Vec::new() }
            .hint("name the program and its arguments after `--`")
    })?;
    let attached = compose_up(command).is_some_and(|up| up.attached);
    if ended.interrupted {
        return Ok(EndedCommand { code: Code::Interrupted, evidence: None, attached });
    }
    if ended.code == 0 {
        return Ok(EndedCommand { code: Code::Success, evidence: None, attached });
    }
    let mut text = ended.stdout.into_text();
    text.push('\n');
    text.push_str(&ended.stderr.into_text());
    let evidence = Some(from_text(Provenance::Command, text.as_bytes()));
    Ok(EndedCommand { code: Code::NotHealed, evidence, attached })
}

/// What a Compose `up` starts.
pub struct ComposeUp {
    /// The services that it names; none for all.
    pub services: Vec<String>,
    /// Whether it stays attached to their logs.
    pub attached: bool,
}

/// What a command that is a Compose `up` starts; `None` for any other, and for options that are not known for certain.
pub fn compose_up(command: &[String]) -> Option<ComposeUp> {
    let words: Vec<&str> = command.iter().map(String::as_str).collect();
    let rest = match words.as_slice() {
        [docker, "compose", rest @ ..] if docker.ends_with("docker") => rest,
        [compose, rest @ ..] if compose.ends_with("docker-compose") => rest,
        _ => return None,
    };
    let up = rest.iter().position(|word| *word == "up")?;
    let mut attached = true;
    let mut services = Vec::new();
    let mut words = rest[up + 1..].iter();
    while let Some(word) = words.next() {
        match *word {
            "-d" | "--detach" | "--wait" => attached = false,
            "-t" | "--timeout" | "--scale" | "--pull" | "--exit-code-from" | "--attach" | "--no-attach"
            | "--wait-timeout" => drop(words.next()),
            "--" => {}
            word if word.starts_with('-') => {}
            word => services.push(word.to_owned()),
        }
    }
    Some(ComposeUp { services, attached })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(command: &str) -> Option<(Vec<String>, bool)> {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        compose_up(&words).map(|up| (up.services, up.attached))
    }

    #[test]
    fn a_compose_up_names_its_services() {
        assert_eq!(parsed("docker compose up -d web db"), Some((vec!["web".into(), "db".into()], false)));
        assert_eq!(parsed("docker compose -f x.yaml up"), Some((vec![], true)));
        assert_eq!(parsed("/usr/bin/docker compose up --scale web=2 web"), Some((vec!["web".into()], true)));
        assert_eq!(parsed("make up"), None);
        assert_eq!(parsed("docker compose ps"), None);
    }
}
