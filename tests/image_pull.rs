//! Images that a registry did not deliver, on a real engine and from a real registry on this machine: a limited rate is
//! waited out within bounds, and an image that does not exist is never pulled again.

#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod scenario;
#[expect(dead_code, reason = "each scenario needs some of what they share")]
mod tool_scenario;

use repair_test_support::{Engine, Project, Registry, http_get, wait_for};
use scenario::{HEAL, document, sound, text};
use tool_scenario::{Bystander, UP, file, next_steps, plan_of, project, write};

/// A project whose only image is in that registry.
fn shop(image: &str) -> Project<'static> {
    let project = project();
    write(&project, &format!("services:\n  web:\n    image: {image}\n    ports: [\"{}:80\"]\n", project.port(0)));
    project
}

fn registry() -> Registry {
    Registry::start(Engine::shared()).expect("a registry can be started")
}

fn heal() -> Vec<&'static str> {
    [HEAL.as_slice(), &UP].concat()
}

fn is_here(image: &str) -> bool {
    let listed = Engine::shared().docker().args(["image", "inspect", image]).output().expect("docker starts");
    listed.status.success()
}

/// Removes an image that was pulled, whatever comes of the test.
struct Pulled(String);

impl Drop for Pulled {
    fn drop(&mut self) {
        Engine::shared().remove_images(&[&self.0]);
    }
}

#[test]
fn a_limited_rate_is_waited_out_and_the_service_starts() {
    let bystander = Bystander::start(project(), &file(&[("web", "")], ""));
    let registry = registry();
    let image = registry.image();
    let project = shop(&image);
    let pulled = Pulled(image.clone());
    project.write("repair.toml", "[tools.image-pull]\nbackoff_seconds = 1\n").expect("settings can be written");
    registry.throttle(u32::MAX, 30);
    let up = project.compose(["up", "--detach"]).expect("compose runs");
    assert!(!up.succeeded(), "the rate is limited: {up}");
    project.write("up.log", &format!("{}{}", up.stdout, up.stderr)).expect("written");
    // An engine asks once or twice for each pull, so one or two more fail.
    registry.throttle(2, 30);
    let report = document(&project, 0, &[HEAL.as_slice(), &["--log", "up.log"]].concat());
    assert_eq!(report["result"], "healed", "{report:#}");
    assert_eq!(text(&report, "/findings/0/class"), "docker-registry-throttled");
    assert_eq!(plan_of(&report), ["pull-image", "compose-up"]);
    let steps = report["steps"].as_array().expect("steps");
    let outcomes: Vec<bool> = steps.iter().map(|step| step["outcome"]["done"].is_object()).collect();
    assert!(matches!(outcomes[..], [false, true, true] | [false, false, true, true]), "{report:#}");
    wait_for(5, || http_get(project.port(0), "/ready")).expect("the service answers");
    assert!(is_here(&image));
    bystander.is_untouched();
    sound(&project);
    project.down().expect("it can be taken down");
    drop(pulled);
}

#[test]
fn a_rate_that_stays_limited_is_given_up_with_next_steps() {
    let registry = registry();
    let image = registry.image();
    let project = shop(&image);
    let settings = "[tools.image-pull]\nbackoff_seconds = 1\nmax_tries = 2\n";
    project.write("repair.toml", settings).expect("settings can be written");
    registry.throttle(u32::MAX, 1);
    let report = document(&project, 3, &heal());
    assert_eq!(text(&report, "/findings/0/class"), "docker-registry-throttled");
    let told = next_steps(&report);
    for word in ["2 pulls within an hour", "docker login", "mirror"] {
        assert!(told.contains(word), "`{word}` is missing: {told}");
    }
    assert_eq!(report["steps"].as_array().map(Vec::len), Some(2), "two pulls, and no `up` that would pull again");
    assert!(registry.throttled() <= 3 * 2, "asked {} times", registry.throttled());
    assert!(!is_here(&image));
    sound(&project);
}

#[test]
fn an_image_that_does_not_exist_is_never_pulled_again() {
    let registry = registry();
    let image = registry.image_tagged("nobody-pushed-it");
    let project = shop(&image);
    let report = document(&project, 3, &heal());
    assert_eq!(text(&report, "/findings/0/class"), "docker-image-missing");
    assert_eq!(report["steps"], serde_json::json!([]), "{report:#}");
    assert!(report.get("plan").is_none(), "{report:#}");
    assert!(!next_steps(&report).is_empty());
    sound(&project);
}
