//! Why nothing is pulled, and what a person could do next.

use repair_tool_sdk::case::{Case, Query};
use repair_tool_sdk::kinds::FailureClass;
use repair_tool_sdk::patience::{Patience, WAIT_SECONDS_MAX};
use repair_tool_sdk::project::ServiceImage;
use repair_tool_sdk::reply::{Reply, by_count};

use crate::decide::is_pulled;

/// A list that was cut may hide that an image is built here.
pub(crate) fn incomplete(case: &Case) -> Option<Reply> {
    let cut = [Query::Images, Query::ComposeModel, Query::Containers].iter().any(|query| case.is_cut(query));
    cut.then(|| {
        Reply::decline(
            "The project is larger than `repair` can look at, so it does not tell which images are missing. Pull them with \
             `docker compose pull --policy missing`.",
        )
    })
}

/// Nothing that a pull could bring.
pub(crate) fn nothing_missing(images: &[ServiceImage]) -> Reply {
    let why = match images.iter().any(|image| !image.present) {
        true => "The services of the images that are missing here run all the same, so no pull is due.",
        false => "All images of this project are here, so no pull of one is what failed.",
    };
    Reply::decline(format!("{why} If an image's build needed the network: `docker compose build`."))
}

/// Images that keep services down and that no registry delivers.
pub(crate) fn not_from_a_registry(missing: &[&ServiceImage]) -> Option<Reply> {
    let words: Vec<String> = missing
        .iter()
        .filter(|image| !is_pulled(image))
        .map(|image| {
            let service = &image.service;
            match image.built {
                true => format!("The image of `{service}` is built from this project's files: `docker compose build {service}`."),
                false => format!(
                    "The image `{}` of `{service}` is not to be pulled, by its `pull_policy`: load it with `docker load`, or \
                     change the policy.",
                    image.image
                ),
            }
        })
        .collect();
    (!words.is_empty()).then(|| Reply::decline(words.join(" ")))
}

/// No further pull is made, or the registry asks for more time than this tool waits.
pub(crate) fn exhausted(case: &Case, patience: &Patience, missing: &[&ServiceImage]) -> Option<Reply> {
    let next = match FailureClass::from_name(&case.finding.class) {
        Some(FailureClass::DockerRegistryThrottled) => {
            "Log in with `docker login`, which raises the limit; or pull through a mirror: `registry-mirrors` in the engine's \
             daemon.json, or an `image` of another registry; or wait until the registry's window has passed."
        }
        _ => {
            "Check that the engine's machine reaches the registry: its name server, proxy and firewall; or pull through a \
             mirror: `registry-mirrors` in the engine's daemon.json."
        }
    };
    if patience.is_exhausted {
        let images: Vec<String> = missing.iter().map(|image| format!("`{}`", image.image)).collect();
        let last = patience.last_outcome.as_deref().unwrap_or_default();
        return Some(Reply::decline(format!(
            "{} {} within an hour did not bring {} (last: {last}), and no more are made. {next}",
            patience.tries,
            by_count(patience.tries, "pull", "pulls"),
            images.join(", ")
        )));
    }
    let seconds = patience.asks_for_more?;
    Some(Reply::decline(format!(
        "The registry asks to come back after {seconds} s, and no longer than {WAIT_SECONDS_MAX} s are waited here. Run \
         `repair` again then. {next}"
    )))
}
