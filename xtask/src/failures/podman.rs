//! The same failures in Podman's words. Podman has no daemon here and no Compose.

use super::recipe::{BASE, Exit, PODMAN, Recipe};

const ON: &[&str] = &[PODMAN];
/// Lets a process hold port 8080.
const HOLD: &str = "nc -ll -p 8080 -e true & sleep 0.5";

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "port-held-by-process-podman",
        class: "docker-port-conflict",
        about: "A process holds the port that `podman run` publishes.",
        engines: ON,
        before: HOLD,
        run: "podman run --detach --publish 8080:80 shop/web:1; code=$?; kill %1 2>/dev/null; exit $code",
        says: &["address already in use"],
        facts: &[("port", "8080")],
        ..BASE
    },
    Recipe {
        name: "port-held-by-container-podman",
        class: "docker-port-conflict",
        about: "Another container publishes the same port.",
        engines: ON,
        before: "podman run --detach --publish 127.0.0.1:9090:80 shop/web:1",
        run: "podman run --detach --publish 127.0.0.1:9090:80 shop/web:1; code=$?; podman rm --all --force --time 0 >/dev/null 2>&1; exit $code",
        says: &["address already in use"],
        facts: &[("port", "9090")],
        ..BASE
    },
    Recipe {
        name: "container-name-taken-podman",
        class: "docker-container-name-conflict",
        about: "`podman run` with a name that is taken.",
        engines: ON,
        before: "podman create --name ledger shop/web:1",
        run: "podman run --detach --name ledger shop/web:1",
        says: &["is already in use"],
        facts: &[("container", "ledger")],
        ..BASE
    },
    Recipe {
        name: "image-missing-podman",
        class: "docker-image-missing",
        about: "`podman run --pull never` without the image.",
        engines: ON,
        run: "podman run --rm --pull never localhost/shop/storefront:7",
        says: &["no such image", "image not known"],
        ..BASE
    },
    Recipe {
        name: "image-short-name-podman",
        class: "docker-image-missing",
        about: "A short name of an image, and no registry to look it up.",
        engines: ON,
        run: "podman run --rm shop-storefront:7",
        says: &["short-name"],
        ..BASE
    },
    Recipe {
        name: "registry-name-does-not-resolve-podman",
        class: "docker-dns-or-network-timeout",
        about: "The registry's name does not exist.",
        engines: ON,
        run: "podman pull --retry 0 registry.shop.invalid/storefront:7",
        says: &["no such host", "dial tcp"],
        ..BASE
    },
    Recipe {
        name: "subnet-of-another-network-podman",
        class: "docker-network-overlap",
        about: "Another network has the subnet.",
        engines: ON,
        before: "podman network create --subnet 10.98.0.0/24 depot_back",
        run: "podman network create --subnet 10.98.0.0/24 shop_back",
        says: &["already used"],
        ..BASE
    },
    Recipe {
        name: "bind-source-missing-podman",
        class: "docker-volume-or-mount-error",
        about: "The source of a mount does not exist.",
        engines: ON,
        run: "podman run --rm --volume /srv/shop/settings:/settings shop/web:1",
        says: &["no such file or directory"],
        facts: &[("path", "/srv/shop/settings")],
        ..BASE
    },
    Recipe {
        name: "image-in-use-podman",
        class: "docker-resource-in-use",
        about: "`podman rmi` of an image that a container uses.",
        engines: ON,
        before: "podman create --name web shop/web:1",
        run: "podman rmi shop/web:1",
        says: &["in use by a container"],
        ..BASE
    },
    Recipe {
        name: "container-running-at-removal-podman",
        class: "docker-resource-in-use",
        about: "`podman rm` of a running container.",
        engines: ON,
        before: "podman run --detach --name web shop/web:1",
        run: "podman rm web; code=$?; podman rm --all --force --time 0 >/dev/null 2>&1; exit $code",
        says: &["running or paused", "is running"],
        ..BASE
    },
    Recipe {
        name: "build-step-fails-podman",
        class: "docker-build-failed",
        about: "A command of the Containerfile does not exist in the image.",
        engines: ON,
        files: &[("Containerfile", "FROM localhost/shop/web:1\nRUN npm ci --omit=dev\n")],
        run: "podman build --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 --tag shop/app:1 .",
        says: &["exit status 127"],
        ..BASE
    },
    Recipe {
        name: "address-not-of-this-machine-podman",
        resembles: "docker-port-conflict",
        about: "The port is published on an address that the machine does not have.",
        engines: ON,
        run: "podman run --detach --publish 192.0.2.10:8080:80 shop/web:1",
        says: &["cannot assign requested address"],
        ..BASE
    },
    Recipe {
        name: "program-for-another-processor-podman",
        class: "docker-platform-mismatch",
        about: "The image is for 64-bit Arm processors, and so is its program.",
        engines: ON,
        before: "mkdir -p /tmp/arm && printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\267\\000' \
                 >/tmp/arm/server && chmod +x /tmp/arm/server && tar -C /tmp/arm -c . | podman import --arch arm64 \
                 --change 'CMD [\"/server\"]' - localhost/shop/server:arm64",
        run: "podman run --rm --arch arm64 shop/server:arm64",
        exit: Exit::Failure,
        says: &["xec format error"],
        ..BASE
    },
];
