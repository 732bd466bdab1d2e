//! Tables of what a stopped step may find, and what not.

use repair_model::compose::{PortKey, Protocol};
use repair_model::ids::{Digest, Domain};
use repair_model::plan::ImageChange;

use super::*;
use ContainerOperation::{Create, Recreate, Start};
use ContainerState::{Created, Exited, Running};

const WANTED: &str = "wanted";

fn mark(id: &str, state: ContainerState, hash: &str) -> ContainerMark {
    ContainerMark { id: id.to_owned(), state, config_hash: Some(hash.to_owned()) }
}

fn change(name: &str, operation: ContainerOperation, ever_ran: bool) -> ContainerChange {
    ContainerChange {
        service: "web".to_owned(),
        container: name.to_owned(),
        operation,
        running: false,
        ever_ran,
        started: None,
    }
}

type Marks<'m> = &'m [(&'m str, ContainerMark)];

fn marks(marks: Marks<'_>) -> BTreeMap<String, ContainerMark> {
    marks.iter().map(|(name, mark)| ((*name).to_owned(), mark.clone())).collect()
}

fn up(changes: Vec<ContainerChange>, before: Marks<'_>) -> Step {
    Step {
        action: Action::ComposeUp { services: vec!["web".to_owned()] },
        risk: risk_of_up(&changes).0,
        risk_because: String::new(),
        summary: String::new(),
        detail: Vec::new(),
        change: Change::Containers(changes),
        footprint: Footprint { containers: marks(before), ..Footprint::default() },
    }
}

fn judged(step: &Step, now: &Footprint, left: &[ContainerChange]) -> Result<(), String> {
    let hashes = BTreeMap::from([("web".to_owned(), WANTED.to_owned())]);
    up_may_go_on(step, &Found { footprint: now, hashes: &hashes, left })
}

fn with(now: Marks<'_>) -> Footprint {
    Footprint { containers: marks(now), ..Footprint::default() }
}

/// One container `c`, approved for one operation: what it was, what it is, what is left, and whether that may go on.
type Row = (ContainerOperation, Option<ContainerMark>, Option<ContainerMark>, Option<ContainerOperation>, bool);

#[test]
fn a_listed_container_is_untouched_or_on_the_way_to_its_approved_end() {
    let old = |state| Some(mark("a", state, "old"));
    let new = |state| Some(mark("b", state, WANTED));
    let kept = |state| Some(mark("a", state, WANTED));
    let rows: Vec<Row> = vec![
        (Create, None, None, Some(Create), true),
        (Create, None, new(Created), Some(Start), true),
        (Create, None, new(Running), None, true),
        (Create, None, new(Exited), Some(Start), false),
        (Create, None, Some(mark("b", Running, "other")), Some(Recreate), false),
        (Create, None, Some(mark("b", Created, "other")), None, false),
        (Create, None, Some(ContainerMark { config_hash: None, ..mark("b", Running, "") }), None, false),
        (Start, kept(Exited), kept(Exited), Some(Start), true),
        (Start, kept(Created), kept(Running), None, true),
        (Start, kept(Exited), new(Running), None, false),
        (Start, kept(Exited), None, Some(Create), false),
        (Start, kept(Exited), kept(Exited), Some(Recreate), false),
        (Start, kept(Exited), Some(mark("a", Running, "other")), None, false),
        (Start, kept(Created), kept(Exited), Some(Start), false),
        (Start, kept(Exited), kept(ContainerState::Paused), None, false),
        (Recreate, old(Exited), old(Exited), Some(Recreate), true),
        (Recreate, old(Exited), new(Created), Some(Start), true),
        (Recreate, old(Exited), new(Running), None, true),
        (Recreate, old(Exited), None, Some(Create), true),
        (Recreate, old(Exited), new(Created), Some(Recreate), false),
        (Recreate, old(Exited), new(Exited), Some(Start), false),
        (Recreate, old(Exited), Some(mark("b", Running, "other")), Some(Recreate), false),
        (Recreate, old(Exited), old(Running), Some(Recreate), false),
        (Recreate, old(Running), old(Exited), Some(Recreate), false),
        (Recreate, old(Exited), old(ContainerState::Removing), Some(Recreate), false),
    ];
    for (at, (operation, before, now, left, may)) in rows.into_iter().enumerate() {
        let of = |mark: Option<ContainerMark>| mark.map(|mark| ("c", mark)).into_iter().collect::<Vec<_>>();
        let step = up(vec![change("c", operation, true)], &of(before));
        let left: Vec<_> = left.map(|operation| change("c", operation, true)).into_iter().collect();
        let judged = judged(&step, &with(&of(now)), &left);
        assert_eq!(judged.is_ok(), may, "row {at}: {judged:?}");
        assert!(
            judged.is_ok() || judged.is_err_and(|words| words.contains("`c`") || words.contains("c is")),
            "row {at}"
        );
    }
}

#[test]
fn what_the_plan_leaves_alone_has_to_be_as_it_was() {
    let step = up(vec![change("c", Create, false)], &[("other", mark("o", Running, WANTED))]);
    let other = |state| ("other", mark("o", state, WANTED));
    let left = [change("c", Create, false)];
    assert_eq!(judged(&step, &with(&[other(Running)]), &left), Ok(()));
    for (now, words) in [
        (with(&[other(Exited)]), "`other` has changed"),
        (with(&[]), "`other` is gone"),
        (with(&[other(Running), ("new", mark("n", Running, WANTED))]), "`new` has appeared"),
    ] {
        let error = judged(&step, &now, &left).expect_err(words);
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_replacement_that_was_cut_off_under_its_temporary_name_needs_a_new_plan() {
    let old = ("c", mark("a", Exited, "old"));
    let step = up(vec![change("c", Recreate, true)], std::slice::from_ref(&old));
    let temporary = ("aaaaaaaaaaaa_c", mark("b", Created, WANTED));
    for now in [with(&[old.clone(), temporary.clone()]), with(std::slice::from_ref(&temporary))] {
        let error = judged(&step, &now, &[change("c", Start, true)]).expect_err("it cannot be told");
        assert!(error.contains("aaaaaaaaaaaa_c"), "{error}");
    }
    // One that was there before the plan is nobody's work.
    let step = up(vec![change("c", Recreate, true)], &[old.clone(), temporary.clone()]);
    assert_eq!(judged(&step, &with(&[old, temporary]), &[change("c", Recreate, true)]), Ok(()));
}

#[test]
fn what_is_left_is_part_of_what_was_approved() {
    let before = [("c", mark("a", Exited, WANTED))];
    let step = up(vec![change("c", Start, true)], &before);
    let now = with(&before);
    assert_eq!(judged(&step, &now, &[]), Ok(()));
    let elsewhere = ContainerChange { service: "db".to_owned(), ..change("c", Start, true) };
    for left in [change("d", Start, true), change("c", Create, true), change("c", Recreate, true), elsewhere] {
        let error = judged(&step, &now, std::slice::from_ref(&left)).expect_err("not approved");
        assert!(error.contains("not approved"), "{error}");
    }
}

#[test]
fn a_risk_that_grew_is_not_covered() {
    let before = [("c", mark("a", Created, "old"))];
    let step = up(vec![change("c", Recreate, false)], &before);
    assert_eq!(step.risk, Risk::Reversible);
    let error = judged(&step, &with(&before), &[change("c", Recreate, true)]).expect_err("it has run since");
    assert!(error.contains("disruptive") && error.contains("reversible"), "{error}");
}

#[test]
fn files_variables_and_ports_have_to_be_exactly_as_they_were() {
    let digest = |text: &str| Some(Digest::of(Domain::File, text.as_bytes()));
    let key = PortKey { port: 8085, protocol: Protocol::Tcp, host_ip: None };
    let mut step = up(vec![change("c", Create, false)], &[]);
    step.footprint.files.insert("compose.yaml".to_owned(), digest("a"));
    step.footprint.variables.insert("PORT".to_owned(), None);
    step.footprint.ports_free.push(key.clone());
    let good = step.footprint.clone();
    let left = [change("c", Create, false)];
    assert_eq!(judged(&step, &good, &left), Ok(()));
    let mut edited = good.clone();
    edited.files.insert("compose.yaml".to_owned(), digest("b"));
    let mut exported = good.clone();
    exported.variables.insert("PORT".to_owned(), digest("1"));
    let taken = Footprint { ports_free: Vec::new(), ..good };
    for (now, words) in [(edited, "compose.yaml"), (exported, "PORT"), (taken, "8085")] {
        let error = judged(&step, &now, &left).expect_err(words);
        assert!(error.contains(words), "{error}");
    }
}

fn pull(images: &[(&str, &str)]) -> Step {
    let change = |(service, image): &(&str, &str)| ImageChange { service: (*service).into(), image: (*image).into() };
    Step {
        action: Action::PullImage { services: images.iter().map(|(service, _)| (*service).to_owned()).collect() },
        risk: Risk::Safe,
        change: Change::Images(images.iter().map(change).collect()),
        footprint: Footprint {
            images: images.iter().map(|(_, image)| ((*image).to_owned(), None)).collect(),
            ..Footprint::default()
        },
        ..up(Vec::new(), &[])
    }
}

#[test]
fn images_that_came_meanwhile_are_the_pulls_own_work_and_the_rest_is_as_approved() {
    let step = pull(&[("web", "web:1"), ("db", "db:1")]);
    let services = ["web".to_owned(), "db".to_owned()];
    let image = |service: &str, image: &str| ServiceImage {
        service: service.to_owned(),
        image: image.to_owned(),
        present: false,
        built: false,
        pull_policy: None,
    };
    let images = [image("web", "web:1"), image("db", "db:1")];
    let with_web = Footprint {
        images: [("web:1".to_owned(), Some("id".to_owned())), ("db:1".to_owned(), None)].into(),
        ..Footprint::default()
    };
    let judge =
        |now: &Footprint, images: &[ServiceImage], spares| pull_may_go_on(&step, &services, now, images, spares);
    assert_eq!(judge(&step.footprint, &images, true), Ok(()));
    assert_eq!(judge(&step.footprint, &images, false), Ok(()));
    assert_eq!(judge(&with_web, &images, true), Ok(()));
    let words = judge(&with_web, &images, false).expect_err("an old Compose pulls it once more");
    assert!(words.contains("`web:1`"), "{words}");
    let built = ServiceImage { built: true, ..image("web", "web:1") };
    let never = ServiceImage { pull_policy: Some("never".to_owned()), ..image("web", "web:1") };
    for wrong in [image("web", "web:2"), built, never, image("other", "web:1")] {
        assert!(judge(&step.footprint, &[wrong.clone(), images[1].clone()], true).is_err(), "{wrong:?}");
    }
    let edited = Footprint { files: [("compose.yaml".to_owned(), None)].into(), ..step.footprint.clone() };
    let mut planned = step.clone();
    planned.footprint.files.insert("compose.yaml".to_owned(), Some(Digest::of(Domain::File, b"a")));
    assert!(pull_may_go_on(&planned, &services, &edited, &images, true).is_err());
}
