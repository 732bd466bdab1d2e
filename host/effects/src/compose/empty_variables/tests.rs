//! What counts as empty, told on texts of Compose files, `.env` and `env_file`.

use serde_json::json;

use super::*;

const COMPOSE: &str = r#"
x-shared: &shared
  environment:
    SHARED: "${SHARED_SECRET}"
services:
  web:
    <<: *shared
    image: "web:${TAG:-1}"
  api:
    image: "api:$VERSION"
    build:
      args: {A: "${BUILD_KEY}"}
    environment:
      - KEY=${APP_KEY:?set it}   # ${NOT_A_USE}
      - PASSED_ON
      - "MODE=${MODE?}"
  idle:
    profiles: [later]
    environment: {I: "${IDLE_SECRET:?}"}
"#;

struct World {
    compose: Vec<SourceFile>,
    dotenv: Option<String>,
    texts: BTreeMap<String, String>,
    shell: BTreeMap<String, String>,
    config: Value,
}

fn world(compose: &str, dotenv: Option<&str>) -> World {
    World {
        compose: vec![SourceFile { name: "compose.yaml".to_owned(), text: compose.to_owned() }],
        dotenv: dotenv.map(str::to_owned),
        texts: BTreeMap::new(),
        shell: BTreeMap::new(),
        config: json!({"services": {"web": {}, "api": {}}}),
    }
}

impl World {
    fn find(&self) -> Result<Vec<Empty>, String> {
        let nothing = BTreeMap::new();
        let env_files = env_files(&self.compose, &Variables { shell: &self.shell, dotenv: &nothing })?;
        empty_variables(&Question {
            compose: &self.compose,
            dotenv: (".env", self.dotenv.as_deref()),
            env_files: &env_files,
            texts: &self.texts,
            shell: &self.shell,
            config: &self.config,
        })
    }

    /// `NAME@FILE SERVICES`, with `!` required, `=` written, `$` set by the shell, and `~` for services that are used
    /// without being configured by it.
    fn shown(&self) -> Vec<String> {
        let mark = |says: bool, mark: &'static str| if says { mark } else { "" };
        let show = |found: Empty| {
            let is = &found.variable;
            let services =
                is.services.iter().map(|name| format!("{}{name}", mark(!found.configures.contains(name), "~")));
            let services = services.collect::<Vec<_>>().join(",");
            let marks = [mark(is.required, "!"), mark(is.written, "="), mark(is.shell, "$")].concat();
            format!("{marks}{}@{} {services}", is.variable, is.file)
        };
        self.find().expect("readable files").into_iter().map(show).collect()
    }
}

#[test]
fn what_the_compose_files_use_without_a_value_is_found_with_its_services() {
    assert_eq!(
        world(COMPOSE, None).shown(),
        [
            "!APP_KEY@.env api",
            "BUILD_KEY@.env ~api",
            "!IDLE_SECRET@.env ",
            "!MODE@.env api",
            "PASSED_ON@.env api",
            "SHARED_SECRET@.env web",
            "VERSION@.env api",
        ]
    );
}

#[test]
fn a_value_in_a_file_or_the_shell_counts_and_an_empty_one_does_not() {
    let mut world =
        world(COMPOSE, Some("APP_KEY=\nMODE=\nBUILD_KEY=k\nIDLE_SECRET=i\nPASSED_ON=\nSHARED_SECRET=$MADE_OF\n"));
    world.shell.insert("VERSION".to_owned(), String::new());
    assert_eq!(world.shown(), ["!=APP_KEY@.env api", "=MODE@.env api", "=PASSED_ON@.env api", "$VERSION@.env api"]);
    world.shell = ["VERSION", "APP_KEY", "MODE", "PASSED_ON"].map(|name| (name.to_owned(), "1".to_owned())).into();
    assert_eq!(world.shown(), [""; 0]);
}

#[test]
fn an_empty_line_of_an_env_file_is_found_where_the_service_gets_it() {
    let compose = "services:\n  lake:\n    env_file: .env\n  web:\n    env_file:\n      - base.env\n      \
                   - {path: own.env, required: false}\n      - {path: raw.env, format: raw}\n  \
                   api:\n    extends: web\n    environment: {OVERRIDDEN: x}\n";
    let mut world = world(compose, Some("ENCRYPTION_SECRET=\nDB_URL=mysql://x\n"));
    world.config = json!({"services": {"lake": {}, "web": {}, "api": {"environment": {"OVERRIDDEN": "x"}}}});
    let texts = [
        (".env", "ENCRYPTION_SECRET=\nDB_URL=mysql://x\n"),
        ("base.env", "A=\nB=\nOVERRIDDEN=\nQUOTED=\"\" # nothing\nNAME_ONLY\nC=1\n"),
        ("own.env", "B=2\nC=\nMADE=${OF_THIS:?}$B\nKEPT='$LITERAL'\n"),
        ("raw.env", "R=\nS=\"\"\n"),
    ];
    world.texts = texts.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    assert_eq!(
        world.shown(),
        [
            "=A@base.env api,web",
            "=C@own.env api,web",
            "=ENCRYPTION_SECRET@.env lake",
            "!OF_THIS@.env api,web",
            "=OVERRIDDEN@base.env web",
            "=QUOTED@base.env api,web",
            "=R@raw.env api,web",
        ]
    );
    // The shell beats no line of an `env_file` (measured on Compose 2.40).
    world.shell.insert("A".to_owned(), "x".to_owned());
    assert!(world.shown().contains(&"=A@base.env api,web".to_owned()));
    let found = world.find().expect("readable files");
    let secret = found.iter().find(|found| found.variable.variable == "ENCRYPTION_SECRET").expect("found");
    assert!(secret.variable.secret_like);
}

#[test]
fn where_an_empty_line_is_said_to_stand_a_value_can_be_written() {
    let mut world = world(COMPOSE, Some("export APP_KEY = \nMODE=''  # c\nVERSION:\n"));
    world.compose[0].text.push_str("  web2: {env_file: other.env}\n");
    world.config = json!({"services": {"web": {}, "api": {}, "web2": {}}});
    world.texts.insert("other.env".to_owned(), "X=\nY=\"\"\n".to_owned());
    let found = world.find().expect("readable files");
    assert_eq!(found.iter().filter(|found| found.variable.written).count(), 5);
    for found in found {
        let EmptyVariable { variable, file, written, .. } = found.variable;
        let text = if file == ".env" { world.dotenv.as_deref() } else { world.texts.get(&file).map(String::as_str) };
        let hole = crate::compose::filling::hole(text, &variable).expect("a place");
        assert_eq!(hole.replaced.is_empty(), !written, "{variable}");
    }
}

#[test]
fn files_that_compose_refuses_are_named() {
    assert!(world("services: [", None).find().expect_err("no YAML").contains("compose.yaml"));
    assert!(world(COMPOSE, Some("A=\"open")).find().expect_err("an open quote").contains("`.env`, line 1"));
}

#[test]
fn a_name_is_a_use_only_as_a_whole() {
    for text in ["$A", "x${A}", "${A:?e}", "$B ${A-$C}"] {
        assert!(names_variable([text], "A"), "{text}");
    }
    for text in ["A", "$AB", "${A_B}", "${ A}", "$B"] {
        assert!(!names_variable([text], "A"), "{text}");
    }
}
