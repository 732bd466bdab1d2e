//! Compose files that Compose refuses, and an engine that is not there or not for everybody.

use super::recipe::{BASE, COMPOSE, DOCKER, Recipe};

const INVALID: &str = "docker-compose-invalid-file";
const UNREACHABLE: &str = "docker-daemon-unreachable";
const PERMISSION: &str = "docker-permission-denied";

const WEB: &[(&str, &str)] = &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n")];

/// A file that Compose refuses whatever the engine.
const fn refused(
    name: &'static str,
    about: &'static str,
    files: &'static [(&'static str, &'static str)],
    says: &'static [&'static str],
) -> Recipe {
    Recipe { name, class: INVALID, about, engines: COMPOSE, files, says, ..BASE }
}

pub(crate) const RECIPES: &[Recipe] = &[
    refused(
        "file-with-wrong-indentation",
        "A key is indented less than its siblings.",
        &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n   ports:\n      - \"80:80\"\n")],
        &["yaml:", "did not find expected"],
    ),
    refused(
        "file-with-a-tab",
        "A line is indented with a tab.",
        &[("compose.yaml", "services:\n  web:\n\timage: shop/web:1\n")],
        &["found character that cannot start any token", "yaml:"],
    ),
    refused(
        "file-with-a-key-twice",
        "A service has two images.",
        &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    image: shop/web:2\n")],
        &["already defined"],
    ),
    refused(
        "file-with-an-unknown-property",
        "A property is misspelt.",
        &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    enviroment:\n      A: b\n")],
        &["dditional propert"],
    ),
    refused(
        "file-with-a-wrong-type",
        "Ports are one text and not a list.",
        &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    ports: \"80:80\"\n")],
        &["must be a list", "must be a array"],
    ),
    refused(
        "file-without-an-image",
        "A service has neither an image nor a build.",
        &[("compose.yaml", "services:\n  web:\n    ports:\n      - \"80:80\"\n")],
        &["neither an image nor a build context"],
    ),
    refused(
        "file-with-an-undefined-network",
        "A service names a network that the file does not define.",
        &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    networks: [back]\n")],
        &["undefined network back"],
    ),
    refused(
        "file-with-an-undefined-dependency",
        "A service depends on one that the file does not define.",
        &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    depends_on: [db]\n")],
        &["depends on undefined service"],
    ),
    refused(
        "file-with-a-required-variable",
        "A variable that the file requires has no value.",
        &[(
            "compose.yaml",
            "services:\n  db:\n    image: shop/db:1\n    environment:\n      PASSWORD: ${LEDGER_PASSWORD:?set it in .env}\n",
        )],
        &["required variable LEDGER_PASSWORD is missing a value"],
    ),
    refused(
        "file-with-a-missing-env-file",
        "An env file of a service does not exist.",
        &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    env_file: ./production.env\n")],
        &["production.env"],
    ),
    Recipe {
        name: "no-file-at-all",
        class: INVALID,
        about: "The folder has no Compose file.",
        engines: COMPOSE,
        says: &["no configuration file provided"],
        ..BASE
    },
    Recipe {
        name: "daemon-socket-missing",
        class: UNREACHABLE,
        about: "The engine does not run: its socket does not exist.",
        run: "DOCKER_HOST=unix:///run/shop/docker.sock docker ps",
        says: &["annot connect to the Docker daemon", "failed to connect to the docker API"],
        ..BASE
    },
    Recipe {
        name: "daemon-socket-missing-up",
        class: UNREACHABLE,
        about: "Compose without an engine: its socket does not exist.",
        files: WEB,
        run: "DOCKER_HOST=unix:///run/shop/docker.sock docker compose up --detach",
        says: &["annot connect to the Docker daemon", "failed to connect to the docker API"],
        ..BASE
    },
    Recipe {
        name: "daemon-tcp-refused",
        class: UNREACHABLE,
        about: "Nothing listens at the engine's TCP address.",
        engines: DOCKER,
        run: "DOCKER_HOST=tcp://127.0.0.1:18375 docker info",
        says: &["annot connect to the Docker daemon", "failed to connect to the docker API", "connection refused"],
        ..BASE
    },
    Recipe {
        name: "daemon-socket-of-others",
        class: PERMISSION,
        about: "The user is not in the group of the engine's socket.",
        run: "$NOBODY docker ps",
        says: &["permission denied"],
        ..BASE
    },
    Recipe {
        name: "daemon-socket-of-others-up",
        class: PERMISSION,
        about: "Compose as a user who is not in the group of the engine's socket.",
        files: WEB,
        run: "$NOBODY docker compose up --detach",
        says: &["permission denied"],
        ..BASE
    },
];
