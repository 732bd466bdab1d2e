//! Ports that somebody holds, ports that may not be bound, and addresses that are not there.

use super::recipe::{BASE, DOCKER, Daemon, Hold, PROGRESS_ON_TERMINAL, Recipe};

const CLASS: &str = "docker-port-conflict";
const TAKEN: &[&str] = &["address already in use"];
const ALLOCATED: &[&str] = &["port is already allocated"];

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "port-held-by-process",
        class: CLASS,
        about: "A process of the machine holds the published port on all addresses.",
        engines: DOCKER,
        files: &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    ports:\n      - \"18080:80\"\n")],
        holds: &[Hold::Tcp("0.0.0.0:18080")],
        says: TAKEN,
        facts: &[("port", "18080")],
        ..BASE
    },
    Recipe {
        name: "port-held-by-process-coloured",
        class: CLASS,
        about: "As port-held-by-process, with Compose's colours and moving lines.",
        files: &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    ports:\n      - \"18080:80\"\n")],
        holds: &[Hold::Tcp("0.0.0.0:18080")],
        run: "docker compose --ansi always --progress tty up --detach",
        says: TAKEN,
        facts: &[("port", "18080")],
        ..BASE
    },
    Recipe {
        name: "port-held-by-process-run",
        class: CLASS,
        about: "A process holds the port that `docker run` publishes.",
        holds: &[Hold::Tcp("0.0.0.0:13306")],
        before: "docker network create shop_back",
        run: "docker run --rm --name shop-db --network shop_back --publish 13306:3306 shop/db:1",
        says: TAKEN,
        facts: &[("port", "13306")],
        ..BASE
    },
    Recipe {
        name: "port-held-by-container",
        class: CLASS,
        about: "A container of another project publishes the same port.",
        engines: DOCKER,
        files: &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    ports:\n      - \"18081:80\"\n")],
        before: "docker compose --project-name depot up --detach",
        says: ALLOCATED,
        facts: &[("port", "18081")],
        ..BASE
    },
    Recipe {
        name: "port-held-on-ipv6-loopback",
        class: CLASS,
        about: "A process holds the port on ::1, where alone it is published.",
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: shop/web:1\n    ports:\n      - \"[::1]:18082:80\"\nnetworks:\n  default:\n    \
             enable_ipv6: true\n    ipam:\n      config:\n        - subnet: fd12:3456:789a::/64\n",
        )],
        holds: &[Hold::Tcp("[::1]:18082")],
        says: TAKEN,
        facts: &[("port", "18082")],
        ..BASE
    },
    Recipe {
        name: "port-held-udp",
        class: CLASS,
        about: "A process holds the UDP port of a name server.",
        engines: DOCKER,
        files: &[(
            "compose.yaml",
            "services:\n  names:\n    image: shop/web:1\n    ports:\n      - \"18053:53/udp\"\n",
        )],
        holds: &[Hold::Udp("0.0.0.0:18053")],
        says: TAKEN,
        facts: &[("port", "18053")],
        ..BASE
    },
    Recipe {
        name: "port-held-in-a-range",
        class: CLASS,
        about: "A process holds one port of a published range.",
        files: &[(
            "compose.yaml",
            "services:\n  media:\n    image: shop/web:1\n    ports:\n      - \"18090-18094:8090-8094\"\n",
        )],
        holds: &[Hold::Tcp("0.0.0.0:18092")],
        says: TAKEN,
        facts: &[("port", "18092")],
        ..BASE
    },
    Recipe {
        name: "port-held-elsewhere-than-published",
        class: CLASS,
        about: "Another container publishes the port on all addresses, this one on 127.0.0.1.",
        engines: DOCKER,
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: shop/web:1\n    ports:\n      - \"${AT:-127.0.0.1}:18085:80\"\n",
        )],
        before: "AT=0.0.0.0 docker compose --project-name depot up --detach",
        says: &["port is already allocated", "address already in use"],
        facts: &[("port", "18085")],
        ..BASE
    },
    Recipe {
        name: "port-below-1024-refused",
        class: "docker-privileged-port",
        about: "The daemon lacks the capability for ports below 1024.",
        engines: DOCKER,
        daemon: Daemon::UnprivilegedPorts,
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: shop/web:1\n    cap_drop: [ALL]\n    ports:\n      - \"883:80\"\n",
        )],
        says: &["permission denied"],
        facts: &[("port", "883")],
        ..BASE
    },
    Recipe {
        name: "firewall-reset-under-the-engine",
        resembles: CLASS,
        about: "Somebody reset the firewall while the engine ran, so that no port can be published; nobody holds it.",
        engines: DOCKER,
        daemon: Daemon::FlushedFirewall,
        files: &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    ports:\n      - \"18080:80\"\n")],
        before: "docker compose create",
        says: &["iptables"],
        ..BASE
    },
    Recipe {
        name: "address-not-of-this-machine",
        resembles: CLASS,
        about: "The port is published on an address that the machine does not have; nobody holds it.",
        engines: DOCKER,
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: shop/web:1\n    ports:\n      - 192.0.2.10:18087:80\n",
        )],
        says: &["cannot assign requested address"],
        ..BASE
    },
    Recipe {
        name: "address-not-of-this-machine-run",
        resembles: CLASS,
        about: "`docker run` publishes on an address that the machine does not have.",
        engines: DOCKER,
        before: "docker network create shop_back",
        run: "docker run --rm --name shop-db --network shop_back --publish 198.51.100.7:13306:3306 shop/db:1",
        says: &["cannot assign requested address"],
        ..BASE
    },
    Recipe {
        name: "port-in-use-inside-the-container",
        class: "docker-container-crash-loop",
        resembles: CLASS,
        about: "Two processes of one container want the same port; no port of the machine is concerned.",
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: shop/web:1\n    command: [\"sh\", \"-c\", \"httpd -p 80 -h /www; exec httpd -f -p 80 -h /www\"]\n",
        )],
        run: "docker compose up --abort-on-container-exit",
        says: &["ddress already in use"],
        ..BASE
    },
    Recipe {
        name: "port-held-by-process-terminal",
        class: CLASS,
        about: "As port-held-by-process, as Compose shows it on a terminal.",
        engines: PROGRESS_ON_TERMINAL,
        files: &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n    ports:\n      - \"18080:80\"\n")],
        holds: &[Hold::Tcp("0.0.0.0:18080")],
        run: "script --quiet --return --command 'stty cols 120 rows 40; docker compose up --detach' /dev/null",
        says: TAKEN,
        facts: &[("port", "18080")],
        ..BASE
    },
];
