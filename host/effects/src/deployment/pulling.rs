//! The images that services are made from, and pulling those that the engine does not have.
//!
//! It refuses an image that is there, since another one could come in its place, one that the project builds, and one
//! that the project never wants pulled.

use repair_model::action::Action;
use repair_model::compose::ComposeModel;
use repair_model::image::ServiceImage;
use repair_model::outcome::{Outcome, Probe};
use repair_model::plan::{Change, Footprint, ImageChange, Step};
use repair_model::risk::Risk;
use repair_pipeline::outside::{EffectContext, LogError, Prepared, TargetError};
use serde_json::Value;

use super::ComposeDeployment;
use super::calling::{call, failed};
use super::preparing::{Earlier, refusal};
use super::project_files::ProjectFiles;
use super::readings::{both_readings, unclear};
use crate::process::ComposeVersion;

/// The first Compose whose `pull` knows `--policy` (its own source, 2.22.0).
const PULL_POLICY_SINCE: ComposeVersion = ComposeVersion(2, 22, 0);
/// Values of `pull_policy` with which an image is not to be pulled (Compose specification, "pull_policy").
const NOT_PULLED: [&str; 2] = ["never", "build"];

impl ComposeDeployment {
    /// Answers the query for images, in order of service.
    pub(super) async fn images(&mut self) -> Result<Vec<ServiceImage>, TargetError> {
        let model = self.model().await?;
        let mut images = images_of(&model, self.config().await?);
        let references: Vec<String> = images.iter().map(|image| image.image.clone()).collect();
        let ids = self.image_ids(&references).await?;
        for (image, id) in images.iter_mut().zip(ids) {
            image.present = id.is_some();
        }
        Ok(images)
    }

    pub(super) async fn image_ids(&self, references: &[String]) -> Result<Vec<Option<String>>, TargetError> {
        self.engine.image_ids(references).await.map_err(|error| Self::engine_failed(&error))
    }

    pub(super) async fn resolve_pull(
        &mut self,
        services: &[String],
        files: &ProjectFiles,
        earlier: &mut Earlier,
    ) -> Result<Prepared, TargetError> {
        let changes = self.pulls(services).await?;
        let mut references: Vec<&str> = changes.iter().map(|change| change.image.as_str()).collect();
        references.sort_unstable();
        references.dedup();
        let step = Step {
            action: Action::PullImage { services: services.to_vec() },
            risk: Risk::Safe,
            risk_because: "it adds an image and replaces none; no container changes".to_owned(),
            summary: format!("`compose pull`: {}", references.join(", ")),
            detail: changes.iter().map(|change| format!("{} for `{}`", change.image, change.service)).collect(),
            footprint: Footprint {
                images: references.iter().map(|reference| ((*reference).to_owned(), None)).collect(),
                ..self.footprint_of_files(files)
            },
            change: Change::Images(changes),
        };
        earlier.misleads_dry_run = true;
        Ok(Prepared { methods: Vec::new(), step })
    }

    /// The images that a pull would add.
    pub(super) async fn pulls(&mut self, services: &[String]) -> Result<Vec<ImageChange>, TargetError> {
        if services.is_empty() {
            return Err(refusal("no service is named, and `pull` would pull the images of all".to_owned()));
        }
        let images = self.images().await?;
        services.iter().map(|service| pull_of(&images, service)).collect()
    }

    /// Pulls, and looks whether the images are there then.
    pub(super) async fn pull(
        &mut self,
        services: &[String],
        step: &Step,
        context: EffectContext<'_>,
    ) -> Result<Outcome, LogError> {
        if services.is_empty() {
            return Ok(failed("the plan names no service".to_owned()));
        }
        let policy = self.pull_spares_present().await;
        let outcome = call(&self.compose.pull(services, policy), "compose pull", context).await?;
        if !matches!(outcome, Outcome::Done { .. }) {
            return Ok(outcome);
        }
        let references: Vec<String> = step.footprint.images.keys().cloned().collect();
        Ok(match self.image_ids(&references).await {
            Ok(ids) => match references.iter().zip(ids).find(|(_, id)| id.is_none()) {
                Some((missing, _)) => {
                    failed(format!("`compose pull` ended with 0, but the image `{missing}` is not there"))
                }
                None => Outcome::Done { detail: format!("pulled {}", references.join(", ")) },
            },
            Err(error) => {
                let reason = both_readings(&error.what, "the images are there", "one of them is missing");
                Outcome::Unclear { reason }
            }
        })
    }

    /// Whether a pull leaves the images alone that are there, because this Compose can be told to.
    pub(super) async fn pull_spares_present(&mut self) -> bool {
        self.compose_version().await.is_some_and(|version| version >= PULL_POLICY_SINCE)
    }

    /// A pull has happened when all its images are there.
    pub(super) async fn pull_happened(&self, step: &Step) -> Probe {
        let references: Vec<String> = step.footprint.images.keys().cloned().collect();
        match self.image_ids(&references).await {
            Ok(ids) if !ids.is_empty() && ids.iter().all(Option::is_some) => Probe::Happened,
            Ok(_) => Probe::DidNotHappen,
            Err(error) => unclear(&error.what, "the images are there", "one of them is missing"),
        }
    }
}

/// The image of each service, as the effective model has it; none counts as present.
fn images_of(model: &ComposeModel, config: &Value) -> Vec<ServiceImage> {
    let of_service = |name: &str| {
        let service = config.get("services")?.get(name)?;
        let text = |key: &str| service.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let built = service.get("build").is_some_and(|build| !build.is_null());
        let image = match (text("image"), built) {
            (Some(image), _) => image.to_owned(),
            (None, true) => format!("{}-{name}", model.project),
            // Something else than an engine provides it.
            (None, false) => return None,
        };
        let pull_policy = text("pull_policy").map(str::to_owned);
        Some(ServiceImage { service: name.to_owned(), image, present: false, built, pull_policy })
    };
    model.services.iter().filter_map(|service| of_service(&service.name)).collect()
}

pub(super) fn pull_of(images: &[ServiceImage], service: &str) -> Result<ImageChange, TargetError> {
    let no_image = || refusal(format!("the project has no service `{service}` with an image"));
    let image = images.iter().find(|image| image.service == service).ok_or_else(no_image)?;
    let why = match image.pull_policy.as_deref() {
        _ if image.built => "is built from the project's own files",
        Some(policy) if NOT_PULLED.contains(&policy) => "is not to be pulled, by its `pull_policy`",
        _ if image.present => "is there already, and a pull could replace it",
        _ => return Ok(ImageChange { service: service.to_owned(), image: image.image.clone() }),
    };
    Err(refusal(format!("the image `{}` of `{service}` {why}", image.image)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::compose::config::model_from_config;

    fn images() -> Vec<ServiceImage> {
        let config = json!({"name": "shop", "services": {
            "web": {"image": "registry.example/web:1"},
            "cached": {"image": "cached:2", "pull_policy": "if_not_present"},
            "own": {"build": {"context": "."}},
            "named": {"build": {"context": "."}, "image": "named:1"},
            "local": {"image": "local:1", "pull_policy": "never"},
            "made": {"image": "made:1", "pull_policy": "build"},
            "elsewhere": {"provider": {"type": "model"}}
        }});
        images_of(&model_from_config(&config).expect("a model"), &config)
    }

    #[test]
    fn each_service_has_the_image_that_compose_would_use() {
        let images: Vec<_> = images().into_iter().map(|image| (image.service, image.image, image.built)).collect();
        let is = |service: &str, image: &str, built| (service.to_owned(), image.to_owned(), built);
        assert_eq!(
            images,
            [
                is("cached", "cached:2", false),
                is("local", "local:1", false),
                is("made", "made:1", false),
                is("named", "named:1", true),
                is("own", "shop-own", true),
                is("web", "registry.example/web:1", false),
            ]
        );
    }

    #[test]
    fn only_a_missing_image_that_a_registry_may_have_is_pulled() {
        let mut images = images();
        for service in ["web", "cached"] {
            assert!(pull_of(&images, service).is_ok(), "{service}");
        }
        for service in ["own", "named", "local", "made", "elsewhere", "nobody", ""] {
            assert!(pull_of(&images, service).is_err(), "{service}");
        }
        images.iter_mut().for_each(|image| image.present = true);
        assert!(pull_of(&images, "web").is_err_and(|error| error.what.contains("replace")));
    }
}
