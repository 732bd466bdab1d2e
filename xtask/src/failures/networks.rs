//! Networks whose addresses overlap, that are left from before, or that are still used; orphans; things in use.

use super::recipe::{BASE, DOCKER, Daemon, Exit, Recipe};

const OVERLAP: &str = "docker-network-overlap";
const STALE: &str = "docker-orphans-or-stale-network";
const IN_USE: &str = "docker-resource-in-use";

const WEB: &[(&str, &str)] = &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n")];

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "subnet-of-another-network",
        class: OVERLAP,
        about: "Another network has the subnet that the project asks for.",
        engines: DOCKER,
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: shop/web:1\n    networks: [back]\nnetworks:\n  back:\n    ipam:\n      config:\n        \
             - subnet: 10.98.4.0/24\n",
        )],
        before: "docker network create --subnet 10.98.0.0/16 depot_back",
        says: &["Pool overlaps with other one on this address space"],
        ..BASE
    },
    Recipe {
        name: "no-addresses-left",
        class: OVERLAP,
        about: "All address pools of the daemon are used.",
        engines: DOCKER,
        daemon: Daemon::SingleNetwork,
        files: WEB,
        before: "docker network create depot_default",
        says: &["non-overlapping IPv4 address pool", "fully subscribed", "fully subnetted"],
        ..BASE
    },
    Recipe {
        name: "network-with-wrong-label",
        class: STALE,
        about: "A network of the project's name was made by hand.",
        engines: DOCKER,
        files: WEB,
        before: "docker network create shop_default",
        says: &["incorrect label"],
        ..BASE
    },
    Recipe {
        name: "network-of-another-project",
        class: STALE,
        about: "The network's name is fixed, and another project made it.",
        files: &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\nnetworks:\n  default:\n    name: edge\n")],
        before: "docker compose --project-name depot up --detach",
        exit: Exit::Any,
        says: &["was not created for project"],
        ..BASE
    },
    Recipe {
        name: "network-removed-under-a-container",
        class: STALE,
        about: "The network of a container was removed before its first start.",
        engines: DOCKER,
        before: "docker network create shop_back && docker create --name shop-web --network shop_back shop/web:1 && \
                 docker network rm shop_back",
        run: "docker start shop-web",
        says: &["not found"],
        ..BASE
    },
    Recipe {
        name: "orphans-of-a-renamed-service",
        class: STALE,
        about: "A service was renamed, and the container of its old name is left.",
        files: &[
            ("compose.yaml", "services:\n  web:\n    image: shop/web:1\n"),
            ("old.yaml", "services:\n  frontend:\n    image: shop/web:1\n"),
        ],
        before: "docker compose -f old.yaml up --detach",
        exit: Exit::Any,
        says: &["Found orphan containers"],
        ..BASE
    },
    Recipe {
        name: "network-with-active-endpoints",
        class: IN_USE,
        about: "`docker network rm` of a network with a running container.",
        before: "docker network create shop_back && docker run --detach --name shop-web --network shop_back shop/web:1",
        run: "docker network rm shop_back",
        says: &["has active endpoints"],
        ..BASE
    },
    Recipe {
        name: "network-in-use-at-down",
        class: IN_USE,
        about: "`compose down` while a foreign container is still connected to the network.",
        files: WEB,
        before: "docker compose up --detach && docker run --detach --network shop_default shop/web:1",
        run: "docker compose down --timeout 1",
        exit: Exit::Any,
        says: &["esource is still in use", "has active endpoints"],
        ..BASE
    },
    Recipe {
        name: "volume-in-use",
        class: IN_USE,
        about: "`docker volume rm` of a volume that a container uses.",
        before: "docker run --detach --volume shop_data:/data shop/web:1",
        run: "docker volume rm shop_data",
        says: &["volume is in use"],
        facts: &[("volume", "shop_data")],
        ..BASE
    },
    Recipe {
        name: "image-in-use",
        class: IN_USE,
        about: "`docker rmi` of an image that a running container uses.",
        before: "docker run --detach --name base shop/db:1 && docker commit base shop/ledger:3 && \
                 docker run --detach shop/ledger:3",
        run: "docker rmi shop/ledger:3",
        says: &["is using its referenced image", "conflict: unable to"],
        ..BASE
    },
    Recipe {
        name: "container-running-at-removal",
        class: IN_USE,
        about: "`docker rm` of a running container.",
        before: "docker run --detach --name shop-web shop/web:1",
        run: "docker rm shop-web",
        says: &["running container", "container is running"],
        ..BASE
    },
];
