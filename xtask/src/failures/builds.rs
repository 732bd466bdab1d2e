//! Builds that fail, by the builder of the engine (BuildKit) and by the classic one.

use super::recipe::{BASE, DOCKER, Recipe};

const BUILD: &str = "docker-build-failed";

/// The engine has no default network, so its builds do without.
const PROJECT: (&str, &str) =
    ("compose.yaml", "services:\n  web:\n    build:\n      context: .\n      network: none\n");
const FAILING_RUN: &[(&str, &str)] =
    &[PROJECT, ("Dockerfile", "FROM shop/web:1\nCOPY . /app\nRUN echo compiling && npm ci --omit=dev\n")];
const COPY_MISSING: &[(&str, &str)] =
    &[PROJECT, ("Dockerfile", "FROM shop/web:1\nCOPY package.json /app/\nRUN echo done\n")];
const UNKNOWN_WORD: &[(&str, &str)] = &[PROJECT, ("Dockerfile", "FROM shop/web:1\nRUNN echo done\n")];

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "build-step-fails",
        class: BUILD,
        about: "A command of the Dockerfile does not exist in the image.",
        engines: DOCKER,
        files: FAILING_RUN,
        run: "docker compose build",
        says: &["exit code: 127"],
        ..BASE
    },
    Recipe {
        name: "build-step-fails-classic",
        class: BUILD,
        about: "A command of the Dockerfile does not exist in the image; classic builder.",
        files: FAILING_RUN,
        run: "DOCKER_BUILDKIT=0 docker build --tag shop/app:1 .",
        says: &["returned a non-zero code: 127"],
        ..BASE
    },
    Recipe {
        name: "build-copies-what-is-not-there",
        class: BUILD,
        about: "A file that the Dockerfile copies is not in the context.",
        files: COPY_MISSING,
        run: "docker compose build",
        says: &["\"/package.json\": not found"],
        ..BASE
    },
    Recipe {
        name: "build-without-dockerfile",
        class: BUILD,
        about: "The context has no Dockerfile.",
        engines: DOCKER,
        files: &[PROJECT],
        run: "docker compose build",
        says: &["failed to read dockerfile", "no such file or directory"],
        ..BASE
    },
    Recipe {
        name: "build-of-an-unknown-instruction",
        class: BUILD,
        about: "The Dockerfile has an instruction that does not exist.",
        files: UNKNOWN_WORD,
        run: "docker compose build",
        says: &["unknown instruction"],
        ..BASE
    },
    Recipe {
        name: "build-step-fails-terminal",
        class: BUILD,
        about: "A command of the Dockerfile does not exist in the image, as BuildKit shows it on a terminal.",
        files: FAILING_RUN,
        run: "script --quiet --return --command 'stty cols 120 rows 40; docker compose build' /dev/null",
        says: &["exit code: 127"],
        ..BASE
    },
];
