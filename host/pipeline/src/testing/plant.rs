//! What of a deployment stays when `repair` is killed: files, containers, images and leftovers, changed by nothing but effects.
//!
//! Everything that really happened stands in [`Plant::done`], one entry for each change that no crash can split, so that a run
//! with a crash can be compared with one without.

use std::collections::{BTreeMap, BTreeSet};

use repair_model::action::Action;
use repair_model::container::ContainerState;
use repair_model::event::Event;
use repair_model::ids::{Digest, Domain};
use repair_model::outcome::{Outcome, Probe, ServiceVerdict, Verdict};
use repair_model::plan::{Change, ContainerMark, FileEdit, Footprint, Step};

use super::{Trace, World};
use crate::outside::TargetError;

/// A project of the services `web` and `api`, each with a file of its own, and an empty variable in `.env`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plant {
    pub files: BTreeMap<String, String>,
    /// Containers by service, with how often they were started.
    pub started: BTreeMap<String, u32>,
    pub running: BTreeSet<String>,
    pub images: BTreeSet<String>,
    pub leftovers: BTreeSet<String>,
    /// So many starts of a service still fail.
    pub starts_fail: u32,
    /// Whether no probe can tell whether something happened.
    pub is_unclear: bool,
    /// Everything that happened, in order.
    pub done: Vec<String>,
    /// Every content that a file has had or is to have.
    contents: BTreeMap<Digest, String>,
}

impl Plant {
    pub fn new() -> Self {
        let file = |name: &str, text: &str| (name.to_owned(), text.to_owned());
        Self {
            files: [file("web.yaml", "8080"), file("api.yaml", "8080"), file(".env", "PASSWORD=")].into(),
            started: BTreeMap::new(),
            running: BTreeSet::new(),
            images: BTreeSet::new(),
            leftovers: ["shop-old-1".to_owned()].into(),
            starts_fail: 0,
            is_unclear: false,
            done: Vec::new(),
            contents: BTreeMap::new(),
        }
    }

    /// The state alone, without how it came to be.
    pub fn state(&self) -> Self {
        Self { done: Vec::new(), contents: BTreeMap::new(), is_unclear: false, ..self.clone() }
    }

    fn digest(&self, file: &str) -> Option<Digest> {
        self.files.get(file).map(|text| Digest::of(Domain::File, text.as_bytes()))
    }

    fn remembered(&mut self, text: &str) -> Digest {
        let digest = Digest::of(Domain::File, text.as_bytes());
        self.contents.insert(digest, text.to_owned());
        digest
    }

    /// Makes the steps exact, each on top of what the earlier ones will have changed.
    pub fn resolve(&mut self, steps: &mut [Step]) {
        let mut planned = self.clone();
        for step in steps {
            let mut footprint = Footprint::default();
            match (&step.action, &mut step.change) {
                (_, Change::Edit(edit)) => {
                    let text = planned.files[&edit.file].clone();
                    let after = text.replace("8080", "8081");
                    edit.before = Some(self.remembered(&text));
                    edit.after = self.remembered(&after);
                    footprint.files.insert(edit.file.clone(), edit.before);
                    planned.files.insert(edit.file.clone(), after);
                }
                (_, Change::SecretValue(edit)) => {
                    edit.before = planned.digest(&edit.file);
                    footprint.files.insert(edit.file.clone(), edit.before);
                    planned.files.insert(edit.file.clone(), DRAWN.to_owned());
                }
                (Action::ComposeUp { services }, _) => {
                    let digests = planned.files.keys().map(|file| (file.clone(), planned.digest(file)));
                    footprint.files = digests.collect();
                    footprint.containers = planned.marks(services);
                }
                (Action::RestartService { service }, Change::Containers(changes)) => {
                    let started = planned.started.get(service).copied().unwrap_or(0);
                    changes.iter_mut().for_each(|change| change.started = Some(started.to_string()));
                    footprint.containers = planned.marks(std::slice::from_ref(service));
                }
                _ => {}
            }
            step.footprint = footprint;
        }
    }

    /// The footprint as it is now, of the same things as the planned one.
    pub fn footprint(&self, planned: &Footprint) -> Footprint {
        let files = planned.files.keys().map(|file| (file.clone(), self.digest(file))).collect();
        let services: Vec<String> = planned.containers.keys().cloned().collect();
        Footprint { files, containers: self.marks(&services), ..planned.clone() }
    }

    fn marks(&self, services: &[String]) -> BTreeMap<String, ContainerMark> {
        let mark = |service: &String| {
            let id = format!("{service}-{}", self.started.get(service).copied().unwrap_or(0));
            let runs = self.running.contains(service);
            let state = if runs { ContainerState::Running } else { ContainerState::Created };
            (service.clone(), ContainerMark { id, state, config_hash: None })
        };
        services.iter().map(mark).collect()
    }

    /// Carries a step out, from whatever an earlier try of it left.
    pub fn apply(&mut self, step: &Step, trace: &Trace) -> Outcome {
        match (&step.action, &step.change) {
            (_, Change::Edit(edit)) => return self.edit(edit, trace),
            (_, Change::SecretValue(edit)) => {
                trace.point();
                if self.digest(&edit.file) != edit.before {
                    return Outcome::Failed { error: format!("`{}` has changed", edit.file), output: Vec::new() };
                }
                self.files.insert(edit.file.clone(), DRAWN.to_owned());
                self.happened(format!("draw {}", edit.file), trace);
            }
            (Action::ComposeUp { services }, _) => {
                for service in services {
                    if let Err(failed) = self.start(service, trace) {
                        return failed;
                    }
                }
            }
            (Action::RestartService { service }, _) => {
                trace.point();
                if self.running.remove(service) {
                    self.happened(format!("stop {service}"), trace);
                }
                if let Err(failed) = self.start(service, trace) {
                    return failed;
                }
            }
            (Action::PullImage { services }, _) => {
                for service in services {
                    trace.point();
                    if self.images.insert(service.clone()) {
                        self.happened(format!("pull {service}"), trace);
                    }
                }
            }
            (Action::RemoveStaleContainer { container, .. }, _) => {
                trace.point();
                if self.leftovers.remove(container) {
                    self.happened(format!("remove {container}"), trace);
                }
            }
            (other, _) => unreachable!("{} is not part of this deployment", other.kind()),
        }
        Outcome::Done { detail: "done".to_owned() }
    }

    fn start(&mut self, service: &str, trace: &Trace) -> Result<(), Outcome> {
        trace.point();
        if self.running.contains(service) {
            return Ok(());
        }
        if self.starts_fail > 0 {
            self.starts_fail -= 1;
            self.happened(format!("fail {service}"), trace);
            let output = vec!["Bind for 0.0.0.0:8081 failed: port is already allocated".to_owned()];
            return Err(Outcome::Failed { error: "up failed".to_owned(), output });
        }
        self.running.insert(service.to_owned());
        *self.started.entry(service.to_owned()).or_default() += 1;
        self.happened(format!("start {service}"), trace);
        Ok(())
    }

    /// Carries an edit out, or takes one back.
    pub fn edit(&mut self, edit: &FileEdit, trace: &Trace) -> Outcome {
        trace.point();
        if self.digest(&edit.file) != edit.before {
            return Outcome::Failed { error: format!("`{}` has changed", edit.file), output: Vec::new() };
        }
        self.files.insert(edit.file.clone(), self.contents[&edit.after].clone());
        self.happened(format!("edit {}", edit.file), trace);
        Outcome::Done { detail: "edited".to_owned() }
    }

    fn happened(&mut self, what: String, trace: &Trace) {
        self.done.push(what);
        trace.point();
    }

    pub fn probe(&self, step: &Step) -> Probe {
        let happened = match (&step.action, &step.change) {
            (_, Change::Edit(edit)) => return self.probe_edit(edit),
            (_, Change::SecretValue(edit)) => self.digest(&edit.file) != edit.before,
            (Action::ComposeUp { services }, _) => services.iter().all(|service| self.running.contains(service)),
            (Action::RestartService { service }, Change::Containers(changes)) => {
                let now = self.started.get(service).copied().unwrap_or(0).to_string();
                self.running.contains(service) && changes.iter().all(|change| change.started.as_ref() != Some(&now))
            }
            (Action::PullImage { services }, _) => services.iter().all(|service| self.images.contains(service)),
            (Action::RemoveStaleContainer { container, .. }, _) => !self.leftovers.contains(container),
            (other, _) => unreachable!("{} is not part of this deployment", other.kind()),
        };
        self.as_far_as_it_can_tell(if happened { Probe::Happened } else { Probe::DidNotHappen })
    }

    pub fn probe_edit(&self, edit: &FileEdit) -> Probe {
        let now = self.digest(&edit.file);
        self.as_far_as_it_can_tell(match () {
            () if now == Some(edit.after) => Probe::Happened,
            () if now == edit.before => Probe::DidNotHappen,
            () => Probe::Unclear(format!("`{}` is neither as before nor as after", edit.file)),
        })
    }

    fn as_far_as_it_can_tell(&self, probe: Probe) -> Probe {
        if self.is_unclear { Probe::Unclear("both readings".to_owned()) } else { probe }
    }

    /// Files have to be as planned; containers may differ by what the step has done already.
    pub fn may_go_on(&self, step: &Step) -> Result<(), TargetError> {
        let now = Footprint { containers: step.footprint.containers.clone(), ..self.footprint(&step.footprint) };
        match step.footprint.difference(&now) {
            None => Ok(()),
            Some(what) => Err(TargetError { what, hints: Vec::new() }),
        }
    }

    pub fn verdict(&self) -> Verdict {
        let service = |name: &str| {
            let healthy = self.running.contains(name);
            let state = if healthy { "running" } else { "created" }.to_owned();
            ServiceVerdict { service: name.to_owned(), healthy, settling: false, state, addresses: Vec::new() }
        };
        Verdict { services: ["api", "web"].map(service).to_vec(), probes: Vec::new() }
    }
}

/// The line with the value that was drawn.
const DRAWN: &str = "PASSWORD=drawn";

/// That the log is legal at every moment, that nothing leaves a final status, and that no count of attempts ever falls.
pub fn assert_only_forward(world: &World) {
    let all: Vec<_> = world.log.older.iter().chain(&world.log.records).collect();
    let mut history = crate::session::History::default();
    let mut attempts = BTreeMap::new();
    let mut over = BTreeMap::new();
    for record in all {
        if matches!(record.event, Event::SegmentOpened { .. }) {
            continue;
        }
        history = history.next(record).expect("the workflow writes only what can follow");
        for session in history.sessions() {
            let before = attempts.insert(session.id.clone(), session.attempts()).unwrap_or(0);
            assert!(session.attempts() >= before, "attempts fell in record {}", record.sequence);
            if session.status.is_final() {
                let status = over.entry(session.id.clone()).or_insert_with(|| session.status.clone());
                assert_eq!(*status, session.status, "record {} reopens what was over", record.sequence);
            }
        }
    }
}
