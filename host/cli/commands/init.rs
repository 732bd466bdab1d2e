//! `init`: a `repair.toml` with comments, never over an existing one.

use repair_effects::files;
use repair_pipeline::settings::FILE_NAME;

use super::Context;
use crate::command_error::{Code, CommandError};
use crate::place::group_and_deployment;

const TEMPLATE: &str = r#"# Preferences of this project for `repair`. Nothing here loosens what a policy allows.
# `repair schema settings` prints the schema of this file.

# Ports that move together when one of them is taken: position by position, from here to there.
#[[tools.port-conflict.bundles]]
#from = [8080, 3002, 4000]
#to = [8085, 3004, 4004]

# Probes that have to pass before the project counts as healthy. An open port proves nothing; an answer does.
#[[probe]]
#kind = "http"
#url = "http://localhost:8080/ready"
#status = 200
#json = { field = "status", equals = "ok" }

#[[probe]]
#kind = "tcp"
#address = "localhost:3306"
#expect = "mysql"

# An Azure deployment: what is healed where there is no Compose project, or where `--azure` names this group.
#[azure]
#resource_group = "rg-shop"
#deployment = "main"
#template = "main.json"
#parameters = ["main.parameters.json"]

# A file of the project that follows the state of each session, for programs that look there. It is never read.
#[projection]
#path = ".azure/deployments/{id}/tracking/phase-state.json"
"#;

/// Writes the file.
pub fn run(context: &Context<'_>) -> Result<Code, CommandError> {
    let path = context.directory()?.join(FILE_NAME);
    if path.exists() {
        return Err(CommandError::new(
            Code::Usage,
            format!("`{}` exists already and is left as it is", path.display()),
        ));
    }
    let text = match &context.global.azure {
        Some(named) => of_group(named),
        None => TEMPLATE.to_owned(),
    };
    files::create_new(&path, text.as_bytes()).map_err(|error| {
        let hints = error.hints();
        CommandError { code: Code::Internal, error: Box::new(error), hints }
    })?;
    context.printer.line(&format!("wrote {}", path.display()));
    context.printer.document(&serde_json::json!({ "wrote": path }))?;
    Ok(Code::Success)
}

/// The template with the section of a resource group in force.
fn of_group(named: &str) -> String {
    let (group, deployment) = group_and_deployment(named);
    let quoted = |text: &str| toml::Value::from(text).to_string();
    let mut section = format!("[azure]\nresource_group = {}\n", quoted(group));
    if let Some(deployment) = deployment {
        section.push_str(&format!("deployment = {}\n", quoted(deployment)));
    }
    let deployment = if deployment.is_none() { "#deployment = \"main\"\n" } else { "" };
    let example = "#[azure]\n#resource_group = \"rg-shop\"\n#deployment = \"main\"\n";
    TEMPLATE.replace(example, &format!("{section}{deployment}"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_resource_group_that_is_named_is_in_force() {
        let settings = Settings::parse(&super::of_group("rg-\"x/main")).expect("valid");
        let azure = settings.azure.expect("asked for");
        assert_eq!((azure.resource_group.as_str(), azure.deployment.as_deref()), ("rg-\"x", Some("main")));
        let azure = Settings::parse(&super::of_group("rg")).expect("valid").azure.expect("asked for");
        assert_eq!((azure.resource_group.as_str(), azure.deployment), ("rg", None));
    }

    use repair_pipeline::settings::Settings;

    #[test]
    fn the_template_is_valid_with_and_without_its_comments() {
        Settings::parse(super::TEMPLATE).expect("as it is");
        let used: String = super::TEMPLATE
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
            .map(|line| format!("{line}\n"))
            .collect();
        let settings = Settings::parse(&used).expect("with all examples in force");
        assert_eq!(settings.probes.len(), 2);
        assert_eq!(settings.azure.expect("an example").resource_group, "rg-shop");
    }
}
