//! How a resource group is asked for: by options, by `repair.toml`, or by the `az` command that failed.

use std::path::PathBuf;

use repair_model::secret::Secret;
use serde_json::Value;

/// What is asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupRequest {
    /// The resource group; empty where a command leaves it to a default of `az`.
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

/// Why a word after `--parameters` is none of theirs. It is not quoted: it may hold a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAParameter {
    /// A URL, which may carry a key.
    #[error("parameters are named by a URL, which is not fetched")]
    Url,
    /// It begins like JSON.
    #[error("parameters that begin with `{{` have to be one JSON object")]
    Json,
}

impl ParameterSource {
    /// Reads `FILE`, `@FILE`, `NAME=VALUE` or a JSON object of parameters, as `az` does.
    ///
    /// # Errors
    /// When it is a URL, or broken JSON.
    pub fn parse(text: &str) -> Result<Vec<Self>, NotAParameter> {
        if let Some(file) = text.strip_prefix('@') {
            return Ok(vec![Self::File(PathBuf::from(file))]);
        }
        if text.starts_with('{') {
            return in_json(text).ok_or(NotAParameter::Json);
        }
        match text.split_once('=') {
            Some((name, value)) if is_parameter_name(name) => {
                Ok(vec![Self::Value { name: name.to_owned(), value: Secret::new(value) }])
            }
            _ if text.contains("://") => Err(NotAParameter::Url),
            _ => Ok(vec![Self::File(PathBuf::from(text))]),
        }
    }
}

fn in_json(text: &str) -> Option<Vec<ParameterSource>> {
    let Ok(Value::Object(mut all)) = serde_json::from_str(text) else { return None };
    if let Some(Value::Object(inner)) = all.remove("parameters") {
        all = inner;
    }
    let source = |(name, parameter): (String, Value)| {
        let value = match parameter.get("value")? {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        Some(ParameterSource::Value { name, value: Secret::new(value) })
    };
    all.into_iter().map(source).collect()
}

/// Names of parameters are identifiers (Azure Resource Manager, "Template syntax").
fn is_parameter_name(name: &str) -> bool {
    let starts = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    starts && name.chars().all(|next| next.is_ascii_alphanumeric() || next == '_')
}

/// What an `az deployment group create` asks for; `None` for any other command.
pub fn az_deployment(command: &[String]) -> Option<GroupRequest> {
    let (program, rest) = command.split_first()?;
    if !is_az(program) {
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
        let mut value = || attached.clone().or_else(|| words.next_if(|next| !next.starts_with('-')).cloned());
        match option {
            "-g" | "--resource-group" => request.group = value().unwrap_or_default(),
            "-n" | "--name" => request.deployment = value(),
            "--subscription" => request.subscription = value(),
            "-f" | "--template-file" => request.template = value().map(PathBuf::from),
            "-p" | "--parameters" => {
                while let Some(parameters) = value() {
                    match ParameterSource::parse(&parameters) {
                        Ok(sources) => request.parameters.extend(sources),
                        Err(error) => request.obstacle = Some(format!("{error}; name a file with --parameters FILE")),
                    }
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
    Some(request)
}

/// A command as it is recorded: what `az` gets as parameters is left out of it, for a value may be a secret. Names and files
/// stay.
pub fn recorded(command: &[String]) -> Vec<String> {
    if !command.first().is_some_and(|program| is_az(program)) {
        return command.to_vec();
    }
    let mut are_parameters = false;
    let mut words = Vec::new();
    for word in command {
        let attached = word.split_once('=').filter(|(option, _)| *option == "--parameters" || *option == "-p");
        if let Some((option, parameter)) = attached {
            words.push(format!("{option}={}", without_value(parameter)));
        } else if word.starts_with('-') {
            are_parameters = matches!(word.as_str(), "-p" | "--parameters");
            words.push(word.clone());
        } else {
            words.push(if are_parameters { without_value(word) } else { word.clone() });
        }
    }
    words
}

fn without_value(parameter: &str) -> String {
    const LEFT_OUT: &str = "[redacted]";
    match ParameterSource::parse(parameter).as_deref() {
        Ok([ParameterSource::File(_)]) => parameter.to_owned(),
        Ok([ParameterSource::Value { name, .. }]) if !parameter.starts_with('{') => format!("{name}={LEFT_OUT}"),
        _ => LEFT_OUT.to_owned(),
    }
}

fn is_az(program: &str) -> bool {
    matches!(program.rsplit(['/', '\\']).next(), Some("az" | "az.cmd" | "az.exe"))
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
        let by_default = read("az deployment group create -f t.json").expect("it is one");
        assert_eq!(by_default.group, "", "`az` has a default that the command does not tell");
    }

    #[test]
    fn the_next_option_ends_the_parameters_whichever_form_it_has() {
        let request = read("az deployment group create -p p.json -g rg-shop -p size=2 -n main").expect("it is one");
        assert_eq!((request.group.as_str(), request.deployment.as_deref()), ("rg-shop", Some("main")));
        assert_eq!(request.parameters.len(), 2);
    }

    #[test]
    fn parameters_in_json_are_values_and_a_url_is_none() {
        let sources = ParameterSource::parse(r#"{"size":{"value":"Big"},"count":{"value":2}}"#).expect("parameters");
        let value = |name: &str, text: &str| ParameterSource::Value { name: name.to_owned(), value: Secret::new(text) };
        assert_eq!(sources, [value("size", "Big"), value("count", "2")]);
        assert_eq!(ParameterSource::parse("{\"size\":"), Err(NotAParameter::Json));
        let url =
            read("az deployment group create -g rg -p https://example.org/p.json?sig=hunter2").expect("it is one");
        assert_eq!(url.parameters, []);
        assert!(url.obstacle.is_some_and(|why| why.contains("URL") && !why.contains("hunter2")));
    }

    #[test]
    fn no_value_of_a_parameter_is_recorded() {
        let command = [
            "az",
            "deployment",
            "group",
            "create",
            "-g",
            "rg",
            "-p",
            "dbPwd=hunter2",
            "@p.json",
            r#"{"a":{"value":"hunter2"}}"#,
            "https://example.org/p?sig=hunter2",
            "--name",
            "main",
            "--parameters=key=hunter2",
        ];
        let recorded = recorded(&command.map(str::to_owned)).join(" ");
        assert_eq!(
            recorded,
            "az deployment group create -g rg -p dbPwd=[redacted] @p.json [redacted] [redacted] --name main \
             --parameters=key=[redacted]"
        );
        let other = ["make", "-p", "a=b"].map(str::to_owned);
        assert_eq!(super::recorded(&other), other);
    }

    #[test]
    fn no_value_is_shown() {
        let request = read("az deployment group create -g rg -p password=hunter2").expect("one");
        assert!(!format!("{request:?}").contains("hunter2"));
    }
}
