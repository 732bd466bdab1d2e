//! Containers whose name is taken, that end, that are not healthy, or that need more memory than they may have.

use super::recipe::{BASE, DOCKER, Exit, PROGRESS_ON_TERMINAL, Recipe};

const NAME: &str = "docker-container-name-conflict";
const UNHEALTHY: &str = "docker-unhealthy-dependency";
const CRASH: &str = "docker-container-crash-loop";
const OOM: &str = "docker-oom-killed";

const NAMED: &[(&str, &str)] =
    &[("compose.yaml", "services:\n  db:\n    image: shop/db:1\n    container_name: shop-ledger\n")];
const SICK: &[(&str, &str)] = &[(
    "compose.yaml",
    "services:\n  db:\n    image: shop/db:1\n    healthcheck:\n      test: [\"CMD\", \"/bin/busybox\", \"false\"]\n      \
     interval: 1s\n      retries: 1\n  web:\n    image: shop/web:1\n    depends_on:\n      db:\n        condition: service_healthy\n",
)];
/// Doubles a text until memory ends.
const GREEDY: &[(&str, &str)] = &[(
    "compose.yaml",
    "services:\n  report:\n    image: shop/web:1\n    mem_limit: 24m\n    memswap_limit: 24m\n    \
     command: [\"sh\", \"-c\", \"x=0123456789abcdef; while :; do x=$$x$$x; done\"]\n",
)];
const PATIENT: &[(&str, &str)] = &[(
    "compose.yaml",
    "services:\n  worker:\n    image: shop/web:1\n    command: [\"sleep\", \"300\"]\n    mem_limit: 64m\n",
)];

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "container-name-taken",
        class: NAME,
        about: "A container made by hand has the name that the project asks for.",
        files: NAMED,
        before: "docker create --name shop-ledger shop/web:1",
        says: &["is already in use by container"],
        facts: &[("container", "shop-ledger")],
        ..BASE
    },
    Recipe {
        name: "container-name-taken-run",
        class: NAME,
        about: "`docker run` with a name that is taken.",
        before: "docker run --detach --name web shop/web:1",
        run: "docker run --detach --name web shop/web:1",
        says: &["is already in use by container"],
        facts: &[("container", "web")],
        ..BASE
    },
    Recipe {
        name: "dependency-unhealthy",
        class: UNHEALTHY,
        about: "The health check of a dependency fails.",
        files: SICK,
        says: &["is unhealthy"],
        facts: &[("container", "shop-db-1")],
        ..BASE
    },
    Recipe {
        name: "service-unhealthy-at-wait",
        class: UNHEALTHY,
        about: "`up --wait` for a service whose health check fails.",
        files: SICK,
        run: "docker compose up --detach --wait db",
        says: &["is unhealthy"],
        ..BASE
    },
    Recipe {
        name: "dependency-crashes",
        class: UNHEALTHY,
        about: "A dependency ends with an error before it is healthy.",
        files: &[(
            "compose.yaml",
            "services:\n  db:\n    image: shop/db:1\n    command: [\"sh\", \"-c\", \"echo no licence >&2; exit 3\"]\n    \
             healthcheck:\n      test: [\"CMD\", \"/bin/busybox\", \"true\"]\n      interval: 5s\n  web:\n    image: shop/web:1\n    \
             depends_on:\n      db:\n        condition: service_healthy\n",
        )],
        says: &["exited (3)"],
        ..BASE
    },
    Recipe {
        name: "job-fails-before-service",
        class: UNHEALTHY,
        about: "A job that must complete ends with an error.",
        files: &[(
            "compose.yaml",
            "services:\n  migrate:\n    image: shop/web:1\n    command: [\"sh\", \"-c\", \"echo no such table; exit 1\"]\n  \
             web:\n    image: shop/web:1\n    depends_on:\n      migrate:\n        condition: service_completed_successfully\n",
        )],
        says: &["didn't complete successfully: exit 1"],
        ..BASE
    },
    Recipe {
        name: "service-restarts-again-and-again",
        class: CRASH,
        about: "A service that ends with an error is started again and again; `ps` and the logs say so.",
        files: &[(
            "compose.yaml",
            "services:\n  api:\n    image: shop/devlake:1\n    restart: always\n  web:\n    image: shop/web:1\n",
        )],
        before: "docker compose up --detach && sleep 4",
        run: "i=0; until docker compose ps --all --format 'table {{.Name}}\\t{{.Service}}\\t{{.Status}}' >seen; grep -q Restarting seen; \
              do i=$((i+1)); [ $i -lt 50 ] || break; sleep 0.2; done; cat seen; docker compose logs --no-color --tail 3 api",
        exit: Exit::Any,
        says: &["Restarting (1)"],
        ..BASE
    },
    Recipe {
        name: "service-crashes-in-foreground",
        class: CRASH,
        about: "`up` in the foreground ends with a service that ends with an error.",
        files: &[("compose.yaml", "services:\n  api:\n    image: shop/devlake:1\n  web:\n    image: shop/web:1\n")],
        run: "docker compose up --abort-on-container-exit",
        says: &["exited with code 1"],
        ..BASE
    },
    Recipe {
        name: "container-starts-while-restarting",
        class: CRASH,
        about: "`docker exec` into a container that is just restarting.",
        before: "docker run --detach --name api --restart always shop/devlake:1 && sleep 3",
        run: "i=0; until docker exec api ls 2>&1 | grep 'is restarting'; do i=$((i+1)); [ $i -lt 50 ] || break; sleep 0.2; done; false",
        says: &["is restarting, wait until the container is running"],
        ..BASE
    },
    Recipe {
        name: "memory-used-up-events",
        class: OOM,
        about: "The kernel killed a container for memory; the engine's events.",
        files: GREEDY,
        before: "sleep 1; date +%s >begun && docker compose up --abort-on-container-exit || true; sleep 1",
        run: "docker events --since $(cat begun) --until $(date +%s) --filter event=oom --filter event=die",
        exit: Exit::Any,
        says: &["container oom"],
        ..BASE
    },
    Recipe {
        name: "memory-used-up-inspect-whole",
        class: OOM,
        about: "The kernel killed a container for memory; the output of `up` and the state from `docker inspect`.",
        files: GREEDY,
        run: "docker compose up --abort-on-container-exit; docker inspect shop-report-1 | head -n 24",
        exit: Exit::Any,
        says: &["\"OOMKilled\": true"],
        ..BASE
    },
    Recipe {
        name: "killed-by-hand",
        resembles: OOM,
        about: "Exit code 137 after `docker kill`: the engine knows that memory was not the reason.",
        files: PATIENT,
        before: "docker compose up --detach && docker kill shop-worker-1",
        run: "docker compose ps --all --format 'table {{.Name}}\\t{{.Status}}'; docker inspect shop-worker-1 | head -n 22",
        exit: Exit::Any,
        says: &["\"OOMKilled\": false"],
        ..BASE
    },
    Recipe {
        name: "exit-137-without-a-reason",
        resembles: OOM,
        about: "Exit code 137 in the output of `up` alone: the text does not say who killed it.",
        engines: DOCKER,
        files: PATIENT,
        run: "(sleep 3; docker kill shop-worker-1 >/dev/null) & docker compose up; wait",
        exit: Exit::Any,
        says: &["exited with code 137"],
        ..BASE
    },
    Recipe {
        name: "stopped-by-hand",
        resembles: CRASH,
        about: "A service that `compose stop` ended.",
        engines: DOCKER,
        files: PATIENT,
        run: "(sleep 3; docker compose stop --timeout 1 >/dev/null 2>&1) & docker compose up; wait; docker compose ps --all --format 'table {{.Name}}\\t{{.Status}}'",
        exit: Exit::Any,
        says: &["exited with code 137", "exited with code 143", "Exited (137)", "Exited (143)"],
        ..BASE
    },
    Recipe {
        name: "job-ended-before-it-was-healthy",
        class: UNHEALTHY,
        resembles: CRASH,
        about: "A dependency did its work and ended with 0, and a service waits for its health.",
        files: &[(
            "compose.yaml",
            "services:\n  seed:\n    image: shop/web:1\n    command: [\"echo\", \"seeded\"]\n    healthcheck:\n      \
             test: [\"CMD\", \"/bin/busybox\", \"true\"]\n      interval: 5s\n  web:\n    image: shop/web:1\n    depends_on:\n      \
             seed:\n        condition: service_healthy\n",
        )],
        says: &["exited (0)"],
        ..BASE
    },
    Recipe {
        name: "all-is-well",
        about: "Everything starts; there is no failure.",
        files: PATIENT,
        run: "docker compose up --detach && docker compose ps --format 'table {{.Name}}\\t{{.Status}}'",
        exit: Exit::Any,
        says: &["Up "],
        ..BASE
    },
    Recipe {
        name: "service-cannot-reach-its-database",
        resembles: "docker-daemon-unreachable",
        about: "A service logs that its database refuses connections, and goes on.",
        engines: DOCKER,
        files: &[(
            "compose.yaml",
            "services:\n  api:\n    image: shop/web:1\n    command: [\"sh\", \"-c\", \"nc 127.0.0.1 5432 </dev/null; echo dial tcp 127.0.0.1:5432: connect: connection refused, is the server running?; exec sleep 60\"]\n",
        )],
        before: "docker compose up --detach && sleep 1",
        run: "docker compose logs --no-color",
        exit: Exit::Any,
        says: &["connection refused"],
        ..BASE
    },
    Recipe {
        name: "job-ended-at-wait",
        resembles: CRASH,
        about: "`up --wait` fails although its job ended with 0.",
        files: &[(
            "compose.yaml",
            "services:\n  seed:\n    image: shop/web:1\n    command: [\"echo\", \"seeded\"]\n  web:\n    image: shop/web:1\n",
        )],
        run: "docker compose up --detach --wait",
        says: &["exited (0)"],
        ..BASE
    },
    Recipe {
        name: "dependency-unhealthy-terminal",
        class: UNHEALTHY,
        about: "The health check of a dependency fails, as Compose shows it on a terminal.",
        engines: PROGRESS_ON_TERMINAL,
        files: SICK,
        run: "script --quiet --return --command 'stty cols 120 rows 40; docker compose up --detach' /dev/null",
        says: &["is unhealthy"],
        facts: &[("container", "shop-db-1")],
        ..BASE
    },
];
