//! How a resource group is asked for: by options, by `repair.toml`, or by the `az` command that failed.

use std::path::PathBuf;

use repair_model::secret::Secret;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRequest {
    /// The resource group.
    pub group: String,
    /// The deployment; without one the newest of the group.
    pub deployment: Option<String>,
    /// Id of the subscription; without one that of the login.
    pub subscription: Option<String>,
    /// The template, ARM JSON or Bicep.
    pub template: Option<PathBuf>,
    /// Its parameters; later ones win.
    pub parameters: Vec<ParameterSource>,
    /// Why what failed cannot be deployed again, such as that it was deployed in complete mode.
    pub obstacle: Option<String>,
}

/// Where parameters come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterSource {
    /// A file of parameters, ARM JSON.
    File(PathBuf),
    /// One value; it may be a secret, and is kept nowhere.
    Value {
        /// The parameter.
        name: String,
        /// Its value as it was written.
        value: Secret,
    },
}

impl ParameterSource {
    /// Reads `FILE`, `@FILE` or `NAME=VALUE`, as `az` does.
    pub fn parse(text: &str) -> Self {
        if let Some(file) = text.strip_prefix('@') {
            return Self::File(PathBuf::from(file));
        }
        match text.split_once('=') {
            Some((name, value)) if is_parameter_name(name) => {
                Self::Value { name: name.to_owned(), value: Secret::new(value) }
            }
            _ => Self::File(PathBuf::from(text)),
        }
    }
}

/// Names of parameters are identifiers (Azure Resource Manager, "Template syntax").
fn is_parameter_name(name: &str) -> bool {
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && name.chars().all(|next| next.is_ascii_alphanumeric() || next == '_')
}

/// What an `az deployment group create` asks for; `None` for any other command.
pub fn az_deployment(command: &[String]) -> Option<GroupRequest> {
    let (program, rest) = command.split_first()?;
    let name = program.rsplit(['/', '\\']).next()?;
    if !matches!(name, "az" | "az.cmd" | "az.exe") {
        return None;
    }
    let [deployment, group, create, options @ ..] = rest else { return None };
    if [deployment.as_str(), group.as_str(), create.as_str()] != ["deployment", "group", "create"] {
        return None;
    }
    let mut request = GroupRequest::default();
    let mut words = options.iter().peekable();
    while let Some(word) = words.next() {
        let (option, attached) = match word.split_once('=') {
            Some((option, value)) if option.starts_with("--") => (option, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let mut value = || attached.clone().or_else(|| words.next_if(|next| !next.starts_with("--")).cloned());
        match option {
            "-g" | "--resource-group" => request.group = value().unwrap_or_default(),
            "-n" | "--name" => request.deployment = value(),
            "--subscription" => request.subscription = value(),
            "-f" | "--template-file" => request.template = value().map(PathBuf::from),
            "-p" | "--parameters" => {
                while let Some(parameters) = value() {
                    request.parameters.push(ParameterSource::parse(&parameters));
                    if attached.is_some() {
                        break;
                    }
                }
            }
            "-u" | "--template-uri" | "-s" | "--template-spec" => {
                request.obstacle = Some(format!("the command names its template by {option}; {FILES_ONLY}"));
            }
            "--mode" if value().is_some_and(|mode| mode.eq_ignore_ascii_case("complete")) => {
                let what = "the command deploys in complete mode, which deletes what the template does not name";
                request.obstacle = Some(format!("{what}; `repair` only repeats incremental deployments"));
            }
            _ => {}
        }
    }
    (!request.group.is_empty()).then_some(request)
}

const FILES_ONLY: &str = "`repair` only repeats template files, which --template names";

#[cfg(test)]
mod tests {
    use super::*;

    fn read(command: &str) -> Option<GroupRequest> {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        az_deployment(&words)
    }

    #[test]
    fn an_az_deployment_names_group_deployment_template_and_parameters() {
        let request = read(
            "az deployment group create -g rg-shop --name main --template-file a/main.bicep --parameters @p.json \
             size=2 --subscription 0a -o none",
        )
        .expect("it is one");
        assert_eq!((request.group.as_str(), request.deployment.as_deref()), ("rg-shop", Some("main")));
        assert_eq!(request.template, Some(PathBuf::from("a/main.bicep")));
        assert_eq!(request.subscription.as_deref(), Some("0a"));
        let value = ParameterSource::Value { name: "size".to_owned(), value: Secret::new("2") };
        assert_eq!(request.parameters[..2], [ParameterSource::File(PathBuf::from("p.json")), value]);
        assert_eq!(request.obstacle, None);
    }

    #[test]
    fn options_with_an_equals_sign_are_the_same() {
        let request = read("/usr/bin/az deployment group create --resource-group=rg --template-file=t.json -p p.json")
            .expect("it is one");
        assert_eq!((request.group.as_str(), request.template), ("rg", Some(PathBuf::from("t.json"))));
        assert_eq!(request.parameters, [ParameterSource::File(PathBuf::from("p.json"))]);
    }

    #[test]
    fn what_would_delete_or_has_no_file_is_not_repeated() {
        let complete = read("az deployment group create -g rg -f t.json --mode Complete").expect("it is one");
        assert!(complete.obstacle.expect("an obstacle").contains("complete mode"));
        let remote = read("az deployment group create -g rg --template-uri https://example.org/t.json").expect("one");
        assert!(remote.obstacle.expect("an obstacle").contains("--template-uri"));
    }

    #[test]
    fn other_commands_are_none() {
        for other in ["az deployment sub create -l westeurope", "az group create -g rg", "make deploy", "az"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(read("az deployment group create -f t.json"), None, "without a group it is nobody's");
    }

    #[test]
    fn no_value_is_shown() {
        let request = read("az deployment group create -g rg -p password=hunter2").expect("one");
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}
