//! A project of the shape of DevLake's release file: all four ports, each way, two moves and more in a row.

use super::*;
use crate::compose::source::SourceFile;
use crate::compose::stale_urls::stale_urls;

const COMPOSE: &str = r#"# A project with a database, dashboards, a server and a user interface.
name: devlake

services:
  mysql:
    image: mysql:8
    volumes:
      - mysql-storage:/var/lib/mysql
    restart: always
    ports:
      - 3306:3306
    environment:
      MYSQL_DATABASE: lake
    command: --character-set-server=utf8mb4
      --skip-log-bin

  grafana:
    image: example/dashboard:v0.21.0
    ports:
      - 3002:3000
    volumes:
      - grafana-storage:/var/lib/grafana
    environment:
      GF_SERVER_ROOT_URL: "http://localhost:4000/grafana"
      GF_USERS_DEFAULT_THEME: "light"
    restart: always
    depends_on:
      - mysql

  devlake:
    image: example/devlake:v0.21.0
    ports:
      - 8080:8080
    restart: always
    env_file:
      - ./.env
    environment:
      LOGGING_DIR: /app/logs
      TZ: UTC
    depends_on:
      - mysql

  config-ui:
    image: example/config-ui:v0.21.0
    ports:
      - 4000:4000
    env_file:
      - ./.env
    environment:
      DEVLAKE_ENDPOINT: devlake:8080
      GRAFANA_ENDPOINT: grafana:3000
      TZ: UTC
    depends_on:
      - devlake

volumes:
  mysql-storage:
  grafana-storage:
"#;

fn moves() -> [PortMove; 4] {
    [
        port_move("mysql", 3306, 3306, 3307),
        port_move("grafana", 3000, 3002, 3004),
        port_move("devlake", 8080, 8080, 8085),
        port_move("config-ui", 4000, 4000, 4004),
    ]
}

#[test]
fn all_four_ports_move_in_place_one_after_the_other() {
    let mut project = Project::new(COMPOSE);
    for mv in moves() {
        assert_eq!(project.methods(&mv).unwrap(), [EditMethod::InPlace, EditMethod::Override]);
        project.carry_out(&mv, EditMethod::InPlace);
    }
    let expected = COMPOSE
        .replace("3306:3306", "3307:3306")
        .replace("3002:3000", "3004:3000")
        .replace("- 8080:8080", "- 8085:8080")
        .replace("4000:4000", "4004:4000");
    assert_eq!(project.text(BASE), expected);
}

#[test]
fn all_four_ports_move_by_an_override_one_after_the_other() {
    let mut project = Project::new(COMPOSE);
    project.tracked.insert(BASE.to_owned());
    let mut edits = Vec::new();
    for mv in moves() {
        assert_eq!(project.methods(&mv).unwrap(), [EditMethod::Override, EditMethod::InPlace]);
        edits.push(project.carry_out(&mv, EditMethod::Override));
    }
    assert_eq!(project.text(BASE), COMPOSE);
    assert_eq!(
        project.text(OVERRIDE),
        "# Written by `repair` to move published ports that were taken. Compose reads this file by itself.\n\
         # `!override` replaces the whole list of a service, so all of its ports stand here.\n\
         # `repair undo` takes the change back.\n\
         services:\n  config-ui:\n    ports: !override\n      - \"4004:4000\"\n  devlake:\n    ports: !override\n      \
         - \"8085:8080\"\n  \
         grafana:\n    ports: !override\n      - \"3004:3000\"\n  mysql:\n    ports: !override\n      - \"3307:3306\"\n"
    );
    // A port that stands in the override file by now moves again there.
    let again = port_move("devlake", 8080, 8085, 8086);
    assert_eq!(project.methods(&again).unwrap(), [EditMethod::Override]);
    edits.push(project.carry_out(&again, EditMethod::Override));
    assert_eq!(edits.last().unwrap().hunks.len(), 1);
    for edit in edits.iter().rev() {
        let undone = undo(edit);
        let text = apply(project.texts.get(OVERRIDE).and_then(Option::as_deref), &undone).unwrap();
        project.texts.insert(OVERRIDE.to_owned(), (!removes_file(&undone)).then_some(text));
    }
    assert_eq!(project.text(OVERRIDE), "(none)");
}

#[test]
fn all_four_ports_move_in_dotenv_one_after_the_other() {
    let compose = COMPOSE
        .replace("3306:3306", "\"${MYSQL_PORT:-1}:3306\"")
        .replace("3002:3000", "${GRAFANA_PORT}:3000")
        .replace("- 8080:8080", "- $PORT:8080")
        .replace("4000:4000", "'${UI_PORT:?}:4000'");
    let dotenv = "# ports\nMYSQL_PORT=3306\nGRAFANA_PORT='3002' # dashboards\r\nexport PORT=8080\nUI_PORT=\"4000\"\n\
        ENCRYPTION_SECRET=abc\n";
    let mut project = Project::new(&compose).with(DOTENV, dotenv);
    for mv in moves() {
        assert_eq!(project.methods(&mv).unwrap()[0], EditMethod::Dotenv);
        project.carry_out(&mv, EditMethod::Dotenv);
    }
    assert_eq!(
        project.text(DOTENV),
        "# ports\nMYSQL_PORT=3307\nGRAFANA_PORT='3004' # dashboards\r\nexport PORT=8085\nUI_PORT=\"4004\"\n\
        ENCRYPTION_SECRET=abc\n"
    );
    assert_eq!(project.text(BASE), compose);
}

#[test]
fn moving_the_user_interface_leaves_an_address_behind_that_is_reported() {
    let files = [SourceFile { name: BASE.to_owned(), text: COMPOSE.to_owned() }];
    let found = stale_urls(&files, Published::Fixed(4000), Published::Fixed(4004));
    assert_eq!(found.len(), 1);
    let url = &found[0];
    assert_eq!((url.key.as_deref(), url.service.as_deref()), (Some("GF_SERVER_ROOT_URL"), Some("grafana")));
    assert_eq!(
        (url.text.as_str(), url.becomes.as_str(), url.line),
        ("http://localhost:4000", "http://localhost:4004", 24)
    );
    assert!(stale_urls(&files, Published::Fixed(8080), Published::Fixed(8085)).is_empty());
}
