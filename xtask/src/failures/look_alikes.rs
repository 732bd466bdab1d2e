//! What people paste although it is no failure, or one of theirs that has no class: each resembles a class by its words.

use super::recipe::{BASE, Conduct, Exit, Recipe};

const WEB: &[(&str, &str)] =
    &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    ports:\n      - \"18080:80\"\n")];

/// Something that works, or whose exit does not matter.
const fn harmless(
    name: &'static str,
    resembles: &'static str,
    about: &'static str,
    before: &'static str,
    run: &'static str,
    says: &'static [&'static str],
) -> Recipe {
    Recipe { name, resembles, about, files: WEB, before, run, exit: Exit::Any, says, ..BASE }
}

/// A slip of the person, which the client or the engine refuses.
const fn slip(
    name: &'static str,
    resembles: &'static str,
    about: &'static str,
    before: &'static str,
    run: &'static str,
    says: &'static [&'static str],
) -> Recipe {
    Recipe { exit: Exit::Failure, ..harmless(name, resembles, about, before, run, says) }
}

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "throttled-pull-that-was-tried-again",
        resembles: "docker-registry-throttled",
        about: "The first pull meets 429; the second, a moment later, succeeds.",
        registry: Some(Conduct::ThrottlesOnce),
        run: "for try in 1 2 3; do docker pull $REGISTRY/repair-test/web:1 && break; echo \"try $try failed, trying again\"; done; \
              docker image rm $REGISTRY/repair-test/web:1 >/dev/null",
        exit: Exit::Any,
        says: &["Downloaded newer image"],
        ..BASE
    },
    Recipe {
        name: "image-pulled-by-compose",
        resembles: "docker-image-missing",
        about: "The image is not there; Compose pulls it and starts the service.",
        registry: Some(Conduct::Serves),
        files: &[("compose.yaml", "services:\n  web:\n    image: ${REGISTRY}/repair-test/web:1\n")],
        run: "docker compose up --detach; docker compose down --timeout 1 --rmi all >/dev/null 2>&1",
        exit: Exit::Any,
        says: &["Started"],
        ..BASE
    },
    Recipe {
        name: "dependency-that-became-healthy",
        resembles: "docker-unhealthy-dependency",
        about: "A service waits for a dependency, which becomes healthy.",
        files: &[(
            "compose.yaml",
            "services:\n  db:\n    image: shop/db:1\n    healthcheck:\n      test: [\"CMD\", \"/bin/busybox\", \"true\"]\n      \
             interval: 1s\n  web:\n    image: shop/web:1\n    depends_on:\n      db:\n        condition: service_healthy\n",
        )],
        run: "docker compose up --detach && docker compose ps --format 'table {{.Name}}\\t{{.Status}}'",
        exit: Exit::Any,
        says: &["(healthy)"],
        ..BASE
    },
    Recipe {
        name: "job-ended-well",
        resembles: "docker-container-crash-loop",
        about: "A job did its work and ended with 0.",
        files: &[(
            "compose.yaml",
            "services:\n  seed:\n    image: shop/web:1\n    command: [\"echo\", \"0 errors, 0 failed, 17 rows\"]\n",
        )],
        run: "docker compose up; docker compose ps --all --format 'table {{.Name}}\\t{{.Status}}'",
        exit: Exit::Any,
        says: &["Exited (0)"],
        ..BASE
    },
    Recipe {
        name: "build-that-succeeded-with-warnings",
        resembles: "docker-build-failed",
        about: "A build succeeds although one of its commands was allowed to fail.",
        files: &[
            ("compose.yaml", "services:\n  web:\n    build:\n      context: .\n      network: none\n"),
            ("Dockerfile", "FROM shop/web:1\nRUN npm ci || echo 'error: going on without modules'\n"),
        ],
        run: "docker compose build",
        exit: Exit::Any,
        says: &["npm: not found"],
        ..BASE
    },
    Recipe {
        name: "variable-without-a-value",
        resembles: "docker-compose-invalid-file",
        about: "Compose warns of a variable without a value and of an old property, and goes on.",
        files: &[(
            "compose.yaml",
            "version: \"3.8\"\nservices:\n  web:\n    image: shop/web:1\n    environment:\n      TOKEN: ${SHOP_TOKEN}\n",
        )],
        exit: Exit::Any,
        says: &["variable is not set"],
        ..BASE
    },
    harmless(
        "ports-of-running-containers",
        "docker-port-conflict",
        "A list of containers with the ports that they publish.",
        "docker compose up --detach",
        "docker ps; docker compose port web 80",
        &["0.0.0.0:18080->80/tcp"],
    ),
    harmless(
        "server-that-listens",
        "docker-port-conflict",
        "A server logs the port that it listens on.",
        "docker compose up --detach && docker run --detach --name api shop/web:1 sh -c 'echo listening on 0.0.0.0:8080; echo port 8080 is now in use by api; exec sleep 99' && sleep 1",
        "docker logs api",
        &["listening on"],
    ),
    harmless(
        "project-restarted",
        "docker-container-crash-loop",
        "`compose restart` of a running project.",
        "docker compose up --detach",
        "docker compose restart; docker compose ps --format 'table {{.Name}}\\t{{.Status}}'",
        &["Up "],
    ),
    harmless(
        "stopped-by-a-polite-signal",
        "docker-container-crash-loop",
        "A container ended with 143 after `docker stop`.",
        "docker run --detach --name worker shop/web:1 sh -c 'trap \"exit 143\" TERM; while :; do sleep 1; done' && sleep 1 && \
         docker kill --signal TERM worker && sleep 2",
        "docker ps --all --format 'table {{.Names}}\\t{{.Status}}'",
        &["Exited (143)"],
    ),
    harmless(
        "state-of-a-healthy-container",
        "docker-oom-killed",
        "`docker inspect` of a container that runs well.",
        "docker compose up --detach",
        "docker inspect shop-web-1 | head -n 22",
        &["\"OOMKilled\": false"],
    ),
    harmless(
        "networks-and-their-subnets",
        "docker-network-overlap",
        "A network with its addresses, from `docker network inspect`.",
        "docker network create --subnet 10.97.3.0/24 shop_back",
        "docker network ls; docker network inspect shop_back",
        &["10.97.3.0/24"],
    ),
    harmless(
        "project-taken-down",
        "docker-resource-in-use",
        "`compose down` that removes everything.",
        "docker compose up --detach",
        "docker compose down --volumes",
        &["Network shop_default  Removed"],
    ),
    harmless(
        "images-and-their-sizes",
        "docker-image-missing",
        "A list of images, one of them without a name.",
        "docker run --name base shop/web:1 /bin/busybox true && docker commit base",
        "docker image ls --all",
        &["<none>"],
    ),
    harmless(
        "disk-usage",
        "docker-disk-full",
        "What the engine's data needs, from `docker system df`.",
        "docker compose up --detach",
        "docker system df",
        &["RECLAIMABLE"],
    ),
    harmless(
        "space-freed",
        "docker-disk-full",
        "`docker system prune` tells how much space it freed.",
        "docker create --name old shop/web:1",
        "docker container prune --force",
        &["Total reclaimed space"],
    ),
    slip(
        "no-such-container",
        "docker-image-missing",
        "The name of a container is misspelt.",
        "",
        "docker logs shop-wbe-1",
        &["No such container"],
    ),
    slip(
        "exec-into-a-stopped-container",
        "docker-container-crash-loop",
        "`docker exec` into a container that was stopped.",
        "docker compose up --detach && docker compose stop --timeout 1",
        "docker exec shop-web-1 ls",
        &["is not running"],
    ),
    slip(
        "exec-into-a-service-that-was-not-started",
        "docker-container-crash-loop",
        "`compose exec` into a service without a container.",
        "",
        "docker compose exec web ls",
        &["is not running"],
    ),
    slip(
        "unknown-flag",
        "docker-compose-invalid-file",
        "A flag is misspelt.",
        "",
        "docker compose up --detatch",
        &["unknown flag"],
    ),
    slip(
        "image-name-with-capitals",
        "docker-image-missing",
        "The name of an image has capital letters.",
        "",
        "docker run --rm Shop/Web:1",
        &["must be lowercase"],
    ),
    slip(
        "options-that-exclude-each-other",
        "docker-container-name-conflict",
        "Two options of `docker run` exclude each other.",
        "",
        "docker run --rm --restart always --name web shop/web:1",
        &["onflicting options"],
    ),
    slip(
        "kill-of-a-stopped-container",
        "docker-oom-killed",
        "`docker kill` of a container that does not run.",
        "docker create --name worker shop/web:1",
        "docker kill worker",
        &["is not running"],
    ),
    slip(
        "copy-of-what-is-not-there",
        "docker-volume-or-mount-error",
        "`docker cp` of a file that the container does not have.",
        "docker create --name web shop/web:1",
        "docker cp web:/var/lib/ledger.db .",
        &["Could not find the file"],
    ),
    slip(
        "build-without-a-context",
        "docker-build-failed",
        "`docker build` without its argument.",
        "",
        "DOCKER_BUILDKIT=0 docker build",
        &["requires"],
    ),
];
