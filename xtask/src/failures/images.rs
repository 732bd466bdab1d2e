//! Images that are not there, registries that refuse, throttle or do not answer, and images for other processors.

use super::recipe::{BASE, Conduct, DOCKER, Exit, Hold, PROGRESS_ON_TERMINAL, Recipe};

const MISSING: &str = "docker-image-missing";
const THROTTLED: &str = "docker-registry-throttled";
const AUTH: &str = "docker-registry-auth";
const TIMEOUT: &str = "docker-dns-or-network-timeout";
const PLATFORM: &str = "docker-platform-mismatch";

/// A project whose image comes from the registry, with the tag as given.
macro_rules! from_registry {
    ($tag:literal) => {
        &[("compose.yaml", concat!("services:\n  web:\n    image: ${REGISTRY}/repair-test/web:", $tag, "\n"))]
    };
}

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        name: "image-missing-and-never-pulled",
        class: MISSING,
        about: "The project forbids pulling, and the image is not there.",
        files: &[("compose.yaml", "services:\n  web:\n    image: shop/storefront:7\n    pull_policy: never\n")],
        says: &["No such image", "not found"],
        facts: &[("image", "shop/storefront:7")],
        ..BASE
    },
    Recipe {
        name: "manifest-unknown-pull",
        class: MISSING,
        about: "The registry knows the repository and not the tag.",
        registry: Some(Conduct::Serves),
        run: "docker pull $REGISTRY/repair-test/web:99",
        says: &["manifest unknown", "not found"],
        ..BASE
    },
    Recipe {
        name: "repository-unknown-up-coloured",
        class: MISSING,
        about: "Compose pulls from a repository that the registry does not know, with colours and moving lines.",
        registry: Some(Conduct::Serves),
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: ${REGISTRY}/shop/storefront:7\n  db:\n    image: shop/db:1\n",
        )],
        run: "docker compose --ansi always --progress tty up --detach",
        says: &["name unknown", "not found"],
        ..BASE
    },
    Recipe {
        name: "image-missing-in-build",
        class: MISSING,
        about: "A Dockerfile starts from a tag that the registry does not know.",
        registry: Some(Conduct::Serves),
        files: &[("compose.yaml", "services:\n  web:\n    build: .\n")],
        before: "echo \"FROM $REGISTRY/repair-test/web:nightly\" >Dockerfile",
        run: "docker compose build",
        says: &["not found", "manifest unknown"],
        ..BASE
    },
    Recipe {
        name: "registry-throttles-pull",
        class: THROTTLED,
        about: "The registry answers 429 in the words of Docker Hub.",
        registry: Some(Conduct::Throttles),
        run: "docker pull $REGISTRY/repair-test/web:1",
        says: &["toomanyrequests"],
        ..BASE
    },
    Recipe {
        name: "registry-throttles-compose-pull-coloured",
        class: THROTTLED,
        about: "`compose pull` meets 429, with colours and moving lines.",
        registry: Some(Conduct::Throttles),
        files: from_registry!("1"),
        run: "docker compose --ansi always --progress tty pull",
        says: &["toomanyrequests"],
        ..BASE
    },
    Recipe {
        name: "registry-throttles-build",
        class: THROTTLED,
        about: "A build meets 429 at its base image.",
        registry: Some(Conduct::Throttles),
        files: &[("compose.yaml", "services:\n  web:\n    build: .\n")],
        before: "echo \"FROM $REGISTRY/repair-test/web:1\" >Dockerfile",
        run: "docker compose build",
        says: &["429", "toomanyrequests"],
        ..BASE
    },
    Recipe {
        name: "registry-wants-login-pull",
        class: AUTH,
        about: "Nobody is logged in at a registry that wants a password.",
        registry: Some(Conduct::Unauthorized),
        run: "docker pull $REGISTRY/repair-test/web:1",
        says: &["no basic auth credentials", "unauthorized", "authentication required"],
        ..BASE
    },
    Recipe {
        name: "registry-wants-login-push",
        class: AUTH,
        about: "A push to a registry that wants a password.",
        registry: Some(Conduct::Unauthorized),
        before: "docker tag shop/web:1 $REGISTRY/repair-test/web:2",
        run: "docker push $REGISTRY/repair-test/web:2",
        says: &["no basic auth credentials", "unauthorized", "authentication required"],
        ..BASE
    },
    Recipe {
        name: "registry-refuses-password",
        class: AUTH,
        about: "`docker login` with a wrong password.",
        registry: Some(Conduct::Unauthorized),
        run: "echo not-the-password | DOCKER_CONFIG=$HOME/.docker docker login --username ann --password-stdin $REGISTRY",
        says: &["401 Unauthorized", "unauthorized"],
        ..BASE
    },
    Recipe {
        name: "registry-denies-pull",
        class: AUTH,
        about: "The registry answers a pull with 403 DENIED.",
        registry: Some(Conduct::Denied),
        run: "docker pull $REGISTRY/repair-test/web:1",
        says: &["denied"],
        ..BASE
    },
    Recipe {
        name: "registry-unavailable",
        about: "The registry answers 503; neither the image nor the network is at fault.",
        resembles: MISSING,
        registry: Some(Conduct::Unavailable),
        run: "docker pull $REGISTRY/repair-test/web:1",
        says: &["503"],
        ..BASE
    },
    Recipe {
        name: "registry-name-does-not-resolve",
        class: TIMEOUT,
        about: "The registry's name does not exist.",
        run: "docker pull registry.shop.invalid/storefront:7",
        says: &["no such host", "server misbehaving", "i/o timeout", "lookup registry.shop.invalid"],
        ..BASE
    },
    Recipe {
        name: "registry-silent",
        class: TIMEOUT,
        about: "The registry takes the connection and never answers.",
        registry: Some(Conduct::Silent),
        run: "docker pull $REGISTRY/repair-test/web:1",
        says: &["Client.Timeout", "awaiting headers", "deadline exceeded", "timeout"],
        ..BASE
    },
    Recipe {
        name: "registry-without-handshake",
        class: TIMEOUT,
        about: "What listens at the registry's address does not speak TLS.",
        holds: &[Hold::Tcp("0.0.0.0:18443")],
        before: "docker network create --subnet 10.99.7.0/24 shop_back",
        run: "docker pull 10.99.7.1:18443/storefront:7",
        says: &["TLS handshake timeout", "Client.Timeout", "deadline exceeded"],
        ..BASE
    },
    Recipe {
        name: "registry-not-listening",
        class: TIMEOUT,
        about: "Nothing listens at the registry's address.",
        run: "docker pull 127.0.0.1:18555/storefront:7",
        says: &["connection refused"],
        ..BASE
    },
    Recipe {
        name: "no-image-for-this-processor",
        class: PLATFORM,
        about: "The registry has the image for another processor alone.",
        registry: Some(Conduct::Serves),
        run: "docker pull $REGISTRY/repair-test/web:arm64",
        says: &["no matching manifest for linux/amd64"],
        ..BASE
    },
    Recipe {
        name: "program-for-another-processor",
        class: PLATFORM,
        about: "The image is for 64-bit Arm processors, and so is its program.",
        before: "mkdir -p tree && printf '\\177ELF\\002\\001\\001\\000\\000\\000\\000\\000\\000\\000\\000\\000\\002\\000\\267\\000' >tree/server \
                 && chmod +x tree/server && tar -C tree -c . | docker import --platform linux/arm64 \
                 --change 'CMD [\"/server\"]' - shop/server:arm64",
        run: "docker run --rm shop/server:arm64",
        says: &["exec format error"],
        ..BASE
    },
    Recipe {
        name: "wanted-platform-is-not-the-image-s",
        class: PLATFORM,
        about: "The project wants another platform than the image that is there.",
        engines: DOCKER,
        files: &[(
            "compose.yaml",
            "services:\n  web:\n    image: shop/web:1\n    platform: linux/arm64\n    pull_policy: never\n",
        )],
        says: &["does not match the specified platform", "does not provide"],
        ..BASE
    },
    Recipe {
        name: "image-pulled-when-missing",
        resembles: MISSING,
        about: "The image is not there and is pulled; all is well.",
        registry: Some(Conduct::Serves),
        run: "docker run --rm $REGISTRY/repair-test/web:1 echo ready; docker image rm $REGISTRY/repair-test/web:1 >/dev/null",
        exit: Exit::Any,
        says: &["Unable to find image"],
        ..BASE
    },
    Recipe {
        name: "platform-named-wrongly-and-working",
        resembles: PLATFORM,
        about: "The image calls itself one for 64-bit Arm processors, and its program runs all the same.",
        before: "docker create --name base shop/web:1 && docker export base | docker import --platform linux/arm64 - shop/tool:2",
        run: "docker run --rm shop/tool:2 /bin/busybox echo ready",
        exit: Exit::Any,
        says: &["does not match the detected host platform"],
        ..BASE
    },
    Recipe {
        name: "registry-speaks-no-tls",
        resembles: TIMEOUT,
        about: "The registry answers at once, but in plain HTTP where the engine wants TLS.",
        before: "docker network create --subnet 10.99.7.0/24 shop_back && docker run --detach --network shop_back --ip 10.99.7.5 shop/web:1",
        run: "docker pull 10.99.7.5:80/storefront:7",
        says: &["server gave HTTP response to HTTPS client"],
        ..BASE
    },
    Recipe {
        name: "registry-throttles-pull-terminal",
        class: THROTTLED,
        about: "`compose pull` meets 429, as Compose shows it on a terminal.",
        engines: PROGRESS_ON_TERMINAL,
        registry: Some(Conduct::Throttles),
        files: from_registry!("1"),
        run: "script --quiet --return --command 'stty cols 120 rows 40; docker compose pull' /dev/null",
        says: &["toomanyrequests"],
        ..BASE
    },
];
