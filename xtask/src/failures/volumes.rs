//! Volumes and mounts that cannot be made, and file systems that are full.

use super::recipe::{BASE, DOCKER, Daemon, Recipe};

const MOUNT: &str = "docker-volume-or-mount-error";
const FULL: &str = "docker-disk-full";
const NO_SPACE: &[&str] = &["no space left on device", "No space left on device", "not enough space"];

/// Fills what is left of the daemon's file system, but for some pages.
const FILL: &str = "docker volume create filler && docker run --rm --volume filler:/f shop/web:1 /bin/busybox dd if=/dev/zero \
                    of=/f/x bs=64k 2>/dev/null; true";

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "bind-source-missing",
        class: MOUNT,
        about: "The source of a bind mount in the long form does not exist.",
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: shop/web:1\n    volumes:\n      - type: bind\n        source: ./settings\n        \
             target: /settings\n        bind:\n          create_host_path: false\n",
        )],
        says: &["bind source path does not exist"],
        facts: &[("path", "/srv/shop/settings")],
        ..BASE
    },
    Recipe {
        name: "folder-onto-file",
        class: MOUNT,
        about: "A folder is mounted onto a file of the image.",
        files: &[
            (
                "compose.yaml",
                "services:\n  web:\n    image: shop/web:1\n    volumes:\n      - ./ready.json:/www/ready\n",
            ),
            ("ready.json/keep", ""),
        ],
        says: &["not a directory"],
        ..BASE
    },
    Recipe {
        name: "external-volume-missing",
        class: MOUNT,
        about: "A volume that the project takes as given does not exist.",
        files: &[(
            "compose.yaml",
            "services:\n  db:\n    image: shop/db:1\n    volumes:\n      - data:/data\nvolumes:\n  data:\n    name: shop-ledger-data\n    external: true\n",
        )],
        says: &["external volume \"shop-ledger-data\" not found"],
        facts: &[("volume", "shop-ledger-data")],
        ..BASE
    },
    Recipe {
        name: "volume-device-missing",
        class: MOUNT,
        about: "The device of a volume of the local driver does not exist.",
        files: &[(
            "compose.yaml",
            "services:\n  db:\n    image: shop/db:1\n    volumes:\n      - data:/data\nvolumes:\n  data:\n    driver: local\n    \
             driver_opts:\n      type: none\n      o: bind\n      device: /srv/shop/no-such-disk\n",
        )],
        says: &["failed to mount local volume", "error while mounting volume"],
        ..BASE
    },
    Recipe {
        name: "volume-driver-missing",
        class: MOUNT,
        about: "The volume's driver is not installed.",
        files: &[(
            "compose.yaml",
            "services:\n  db:\n    image: shop/db:1\n    volumes:\n      - data:/data\nvolumes:\n  data:\n    driver: shopfs\n",
        )],
        says: &["plugin \"shopfs\" not found", "error looking up volume plugin shopfs"],
        ..BASE
    },
    Recipe {
        name: "disk-full-in-container",
        class: FULL,
        about: "A container writes until its file system is full.",
        daemon: Daemon::SmallDisk,
        run: "docker run --rm shop/web:1 /bin/busybox dd if=/dev/zero of=/dump bs=1M count=200",
        says: NO_SPACE,
        ..BASE
    },
    Recipe {
        name: "disk-full-at-create",
        class: FULL,
        about: "The engine's file system is full before a container is made.",
        engines: DOCKER,
        daemon: Daemon::SmallDisk,
        files: &[("compose.yaml", "services:\n  web:\n    image: shop/web:1\n")],
        before: FILL,
        says: NO_SPACE,
        ..BASE
    },
    Recipe {
        name: "disk-full-at-load",
        class: FULL,
        about: "An image is loaded that the engine's file system cannot hold.",
        daemon: Daemon::SmallDisk,
        before: "mkdir -p tree && /bin/dd if=/dev/zero of=tree/blob bs=1M count=90 2>/dev/null",
        run: "tar -C tree -c . | docker import - shop/archive:1",
        says: NO_SPACE,
        ..BASE
    },
    Recipe {
        name: "disk-full-in-build",
        class: FULL,
        about: "A step of a build fills the engine's file system.",
        daemon: Daemon::SmallDisk,
        files: &[
            ("compose.yaml", "services:\n  web:\n    build:\n      context: .\n      network: none\n"),
            ("Dockerfile", "FROM shop/web:1\nRUN /bin/busybox dd if=/dev/zero of=/dump bs=1M count=200\n"),
        ],
        run: "docker compose build",
        says: NO_SPACE,
        ..BASE
    },
];
