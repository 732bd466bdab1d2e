//! Bounds of several layers tighten and never widen.

use repair_model::bounds::{Bounds, BoundsLayer};

use super::super::BoundsSource;
use super::*;

fn bounds_source(layer: Layer, text: &str) -> BoundsSource {
    BoundsSource { layer, name: format!("{layer}.bounds.toml"), text: text.to_owned() }
}

fn load_bounds(sources: &[(Layer, &str)]) -> Result<Policies, Vec<PolicyProblem>> {
    Policies::load(Vec::new(), sources.iter().map(|(layer, text)| bounds_source(*layer, text)).collect())
}

#[track_caller]
fn says(text: &str, expected: &str) {
    let found = load_bounds(&[(Layer::User, text)]).expect_err("something is wrong");
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].to_string(), format!("user.bounds.toml:{expected}"));
}

#[test]
fn the_built_in_file_names_every_bound_with_its_ceiling() {
    let text = include_str!("../../../../../policies/default.bounds.toml");
    let layer: BoundsLayer = toml::from_str(text).expect("a layer");
    let whole: Bounds = toml::from_str(text).expect("every field is there");
    assert_eq!(whole, Bounds::default());
    assert_eq!(Bounds::default().tightened(&layer), Ok(whole));
    assert_eq!(load(&[]).bounds(), &Bounds::default());
}

#[test]
fn every_layer_tightens_what_the_earlier_ones_left() {
    let policies = load_bounds(&[
        (Layer::Project, "rounds_max = 1"),
        (Layer::System, "rounds_max = 3\nconfidence_floor_permille = 700"),
        (Layer::User, "rounds_max = 2"),
    ])
    .expect("each is tighter");
    assert_eq!(policies.bounds().rounds_max, 1);
    assert_eq!(policies.bounds().confidence_floor_permille.get(), 700);
    let explained = policies.explain().bounds;
    let by = |name: &str| explained.iter().find(|bound| bound.name == name).map(|bound| (bound.value, bound.layer));
    assert_eq!(by("rounds_max"), Some((1, Layer::Project)));
    assert_eq!(by("confidence_floor_permille"), Some((700, Layer::System)));
    assert_eq!(by("grant_seconds_max"), Some((3600, Layer::BuiltIn)));
    assert_eq!(explained.len(), 15);
}

#[test]
fn a_bound_that_widens_is_refused_at_its_line() {
    says(
        "# ours\nrounds_max = 5",
        "2:14: `rounds_max = 5` would widen the bound 4; a policy can only tighten it; leave `rounds_max` out or keep it at 4",
    );
    let found = load_bounds(&[(Layer::User, "rounds_max = 2"), (Layer::Project, "rounds_max = 3")]).expect_err("wider");
    assert_eq!(found[0].file, "project.bounds.toml");
    let floor = load_bounds(&[(Layer::Project, "confidence_floor_permille = 599")]).expect_err("lower");
    assert!(floor[0].what.contains("would widen the bound 600"), "{}", floor[0]);
}

#[test]
fn a_field_that_is_not_known_is_refused_at_its_line() {
    says("rounds_max = 1\nround_max = 1", "2:1: there is no bound named `round_max`; did you mean `rounds_max`?");
    let found = load_bounds(&[(Layer::User, "[limits]\nrounds_max = 1")]).expect_err("a table");
    assert!(
        found[0]
            .to_string()
            .starts_with("user.bounds.toml:1:2: there is no bound named `limits`; the bounds are rounds_max, ")
    );
}

#[test]
fn a_value_that_is_no_number_in_range_is_refused_at_its_place() {
    for (text, part) in [
        ("rounds_max = -1", "`rounds_max`: invalid value"),
        ("rounds_max = \"2\"", "`rounds_max`: invalid type"),
        ("rounds_max = 4294967296", "`rounds_max`: invalid value"),
        ("confidence_floor_permille = 1001", "`confidence_floor_permille`: "),
        ("rounds_max.a = 1", "`rounds_max`: invalid type"),
        ("rounds_max = ", ""),
        ("rounds_max = 1\nrounds_max = 1", "duplicate key"),
    ] {
        let found = load_bounds(&[(Layer::User, text)]).expect_err(text);
        assert_eq!(found.len(), 1, "{found:#?}");
        assert!(found[0].what.contains(part), "{}", found[0]);
    }
}

#[test]
fn all_problems_of_one_bounds_file_are_told_at_once() {
    let text = "rounds_max = 9\nnonsense = 1\nup_seconds_max = \"x\"\nplan_actions_max = 1";
    let found = load_bounds(&[(Layer::User, text)]).expect_err("three things are wrong");
    assert_eq!(found.iter().map(|problem| problem.line).collect::<Vec<_>>(), [1, 2, 3], "{found:#?}");
}
