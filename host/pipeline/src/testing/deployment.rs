//! A deployment of services `web` and `api` that lets each test say what it finds and what comes of an effect.
//!
//! Without a script it is as planned: footprints and changes are those of the plan, effects succeed, everything is healthy
//! afterwards.

use std::collections::{BTreeMap, VecDeque};

use repair_model::action::Action;
use repair_model::azure::AzureAction;
use repair_model::container::{Container, ContainerRef, ContainerState, Health};
use repair_model::env_value::EnvValue;
use repair_model::event::EffectProcess;
use repair_model::ids::{Digest, Domain, SessionId};
use repair_model::outcome::{Outcome, Probe, Verdict};
use repair_model::plan::{
    Change, ContainerChange, ContainerOperation, EditMethod, FileEdit, Footprint, ImageChange, NetworkChange, OtherWay,
    ResourceChange, ResourceOperation, SecretEdit, Step,
};
use repair_model::query::{Answer, Fact, Observation, Query, Refusal};
use repair_model::risk::Risk;

use super::{Call, FakeClock, Plant, Trace, verdict};
use crate::classification::container_errors;
use crate::outside::{
    Deployment, Dirt, EffectContext, EffectId, Inspection, LogError, Preparation, Prepared, TargetError,
};

/// The deployment.
pub struct FakeDeployment {
    pub containers: Vec<Container>,
    /// Risk of a `compose-up`; an edit is reversible and a bundle of logs looks only.
    pub up_risk: Risk,
    /// What comes of each effect and each edit; `Done` after the last.
    pub outcomes: VecDeque<Outcome>,
    /// What the gate finds of each step; what was planned after the last.
    pub footprints: VecDeque<Footprint>,
    /// What the gate assesses for each step; what was planned after the last.
    pub assessments: VecDeque<(Risk, Change)>,
    /// What each look finds; healthy after the last.
    pub verdicts: VecDeque<Result<Verdict, TargetError>>,
    /// What the probe of an action says.
    pub probe: Probe,
    /// What the probe of an edit says, by file; else that it has not happened.
    pub edit_probes: BTreeMap<String, Probe>,
    /// Why the containers cannot be seen.
    pub containers_fail: Option<String>,
    /// Why nothing can be prepared.
    pub prepare_fails: Option<TargetError>,
    /// Whether a step that was abandoned half-way may go on.
    pub goes_on: Result<(), TargetError>,
    /// All projections that were put into the project, for each session, oldest first.
    pub published: BTreeMap<SessionId, Vec<Vec<u8>>>,
    /// Whether none can be put there.
    pub publish_fails: bool,
    /// How long each effect takes.
    pub seconds_per_effect: i64,
    /// How the files stand.
    pub dirt: Dirt,
    /// The step that each probe was shown.
    pub probed: Vec<Step>,
    /// Whatever happens really happens here, where a test needs that; no script is asked then.
    pub plant: Option<Plant>,
    pub clock: FakeClock,
    pub trace: Trace,
}

impl FakeDeployment {
    pub fn new(clock: FakeClock, trace: Trace) -> Self {
        Self {
            containers: vec![container_without_port()],
            up_risk: Risk::Safe,
            outcomes: VecDeque::new(),
            footprints: VecDeque::new(),
            assessments: VecDeque::new(),
            verdicts: VecDeque::new(),
            probe: Probe::Happened,
            edit_probes: BTreeMap::new(),
            containers_fail: None,
            prepare_fails: None,
            goes_on: Ok(()),
            published: BTreeMap::new(),
            publish_fails: false,
            seconds_per_effect: 0,
            dirt: Dirt::default(),
            probed: Vec::new(),
            plant: None,
            clock,
            trace,
        }
    }

    fn step(&self, action: &Action, method: Option<EditMethod>) -> Step {
        let (risk, change) = match action {
            Action::RemapPort(port_move) => (Risk::Reversible, Change::Edit(edit_of(&port_move.service, method))),
            Action::ComposeUp { services } => (self.up_risk, Change::Containers(created(services))),
            Action::CollectLogs { .. } => (Risk::ReadOnly, Change::Nothing),
            Action::RestartService { service } => (Risk::Disruptive, Change::Containers(restarted(service))),
            Action::PullImage { services } => (Risk::Safe, Change::Images(pulled(services))),
            Action::RemoveStaleContainer { container, .. } => {
                (Risk::Disruptive, Change::Containers(removed(container)))
            }
            Action::RemoveStaleNetwork { network, id } => {
                let removed = NetworkChange { network: network.clone(), id: id.clone() };
                (Risk::Reversible, Change::Networks(vec![removed]))
            }
            Action::SetEnvValue(value) => (Risk::Reversible, Change::SecretValue(drawn(value))),
            Action::Azure(AzureAction::PurgeVault(vault)) => {
                let change = ResourceChange { id: vault.vault.clone(), operation: ResourceOperation::Purge };
                (Risk::Irreversible, Change::Resource(change))
            }
            Action::Azure(_) => (Risk::Disruptive, Change::Nothing),
        };
        let before = Some(Digest::of(Domain::File, b"as planned"));
        let footprint =
            Footprint { files: BTreeMap::from([("compose.yaml".to_owned(), before)]), ..Footprint::default() };
        let summary = action.kind().to_string();
        Step {
            action: action.clone(),
            risk,
            risk_because: String::new(),
            summary,
            detail: Vec::new(),
            change,
            footprint,
        }
    }

    fn outcome(&mut self) -> Outcome {
        self.outcomes.pop_front().unwrap_or_else(|| Outcome::Done { detail: "done".to_owned() })
    }
}

/// The engine's own words on a held port, so that the failure is found again in every round.
fn container_without_port() -> Container {
    let error = "failed to bind host port for 0.0.0.0:8080:172.17.0.2:80/tcp: address already in use";
    Container {
        container: ContainerRef {
            id: "c0".to_owned(),
            name: "shop-web-1".to_owned(),
            project: Some("shop".to_owned()),
            service: Some("web".to_owned()),
        },
        image: "web:1".to_owned(),
        state: ContainerState::Created,
        health: Health::None,
        exit_code: None,
        oom_killed: false,
        restarts: 0,
        recent_deaths: 0,
        error: Some(error.to_owned()),
        ever_ran: false,
        config_hash: None,
        ports: Vec::new(),
    }
}

/// The edit that moves a port of `service`: each service has a file of its own.
fn edit_of(service: &str, method: Option<EditMethod>) -> FileEdit {
    let method = method.unwrap_or(EditMethod::InPlace);
    FileEdit {
        file: format!("{service}.yaml"),
        method,
        before: Some(Digest::of(Domain::File, b"before")),
        after: Digest::of(Domain::File, b"after"),
        hunks: Vec::new(),
    }
}

fn created(services: &[String]) -> Vec<ContainerChange> {
    let create = |service: &String| ContainerChange {
        service: service.clone(),
        container: format!("shop-{service}-1"),
        operation: ContainerOperation::Create,
        running: false,
        ever_ran: false,
        started: None,
    };
    services.iter().map(create).collect()
}

fn restarted(service: &str) -> Vec<ContainerChange> {
    vec![ContainerChange {
        service: service.to_owned(),
        container: format!("shop-{service}-1"),
        operation: ContainerOperation::Restart,
        running: true,
        ever_ran: true,
        started: Some("2026-01-31T11:00:00Z".to_owned()),
    }]
}

/// A leftover of no service, which ran.
fn removed(container: &str) -> Vec<ContainerChange> {
    vec![ContainerChange {
        service: String::new(),
        container: container.to_owned(),
        operation: ContainerOperation::Remove,
        running: false,
        ever_ran: true,
        started: None,
    }]
}

fn pulled(services: &[String]) -> Vec<ImageChange> {
    services.iter().map(|service| ImageChange { service: service.clone(), image: format!("{service}:1") }).collect()
}

fn drawn(value: &EnvValue) -> SecretEdit {
    SecretEdit {
        file: value.file.clone(),
        before: Some(Digest::of(Domain::File, b"before")),
        offset_bytes: 0,
        replaced: format!("{}=", value.variable),
        prefix: format!("{}=", value.variable),
        suffix: String::new(),
        bytes: value.bytes,
        encoding: value.encoding,
    }
}

impl Deployment for FakeDeployment {
    async fn inspect(&mut self) -> Result<Inspection, TargetError> {
        let containers = match self.observe(&Query::Containers).await.answer {
            Answer::Fact(Fact::Containers(containers)) => containers,
            Answer::Refused(Refusal::Unavailable(what)) => return Err(TargetError { what, hints: Vec::new() }),
            Answer::Fact(_) | Answer::Refused(_) => Vec::new(),
        };
        Ok(Inspection { evidence: container_errors(&containers), containers, places_to_look: Vec::new() })
    }

    async fn observe(&mut self, query: &Query) -> Observation {
        self.trace.push(Call::Observe(query.kind()));
        let answer = match query {
            Query::Containers => match &self.containers_fail {
                Some(why) => Answer::Refused(Refusal::Unavailable(why.clone())),
                None if self.plant.as_ref().is_some_and(|plant| plant.running.contains("web")) => {
                    Answer::Fact(Fact::Containers(Vec::new()))
                }
                None => Answer::Fact(Fact::Containers(self.containers.clone())),
            },
            _ => Answer::Refused(Refusal::Unavailable("not part of this test".to_owned())),
        };
        Observation { asked: query.clone(), answer, truncated: false }
    }

    async fn prepare(&mut self, actions: &[Action], method: Option<EditMethod>) -> Result<Preparation, TargetError> {
        self.trace.push(Call::Prepare(method));
        if let Some(error) = &self.prepare_fails {
            return Err(error.clone());
        }
        let prepared = |action: &Action| {
            let choice = matches!(action, Action::RemapPort(_));
            let methods = if choice { vec![EditMethod::InPlace, EditMethod::Override] } else { Vec::new() };
            Prepared { methods, step: self.step(action, method) }
        };
        let stop = OtherWay { what: "stop the holder".to_owned(), command: "docker stop other".to_owned() };
        let mut prepared: Vec<Prepared> = actions.iter().map(prepared).collect();
        if let Some(plant) = &mut self.plant {
            let mut steps: Vec<Step> = prepared.iter().map(|prepared| prepared.step.clone()).collect();
            plant.resolve(&mut steps);
            prepared.iter_mut().zip(steps).for_each(|(prepared, step)| prepared.step = step);
        }
        Ok(Preparation { steps: prepared, warnings: Vec::new(), other_ways: vec![stop] })
    }

    async fn footprint(&mut self, step: &Step) -> Result<Footprint, TargetError> {
        self.trace.push(Call::Footprint);
        let now = self.plant.as_ref().map(|plant| plant.footprint(&step.footprint));
        Ok(self.footprints.pop_front().or(now).unwrap_or_else(|| step.footprint.clone()))
    }

    async fn assess(&mut self, step: &Step) -> Result<(Risk, Change), TargetError> {
        self.trace.push(Call::Assess);
        Ok(self.assessments.pop_front().unwrap_or_else(|| (step.risk, step.change.clone())))
    }

    async fn apply(&mut self, step: &Step, context: EffectContext<'_>) -> Result<Outcome, LogError> {
        self.trace.push(Call::Apply(step.action.kind()));
        (context.started)(EffectProcess { group: 4711, started: String::new(), boot: String::new() })?;
        (context.progress)("a line of output");
        self.clock.pass_seconds(self.seconds_per_effect);
        match &mut self.plant {
            Some(plant) => Ok(plant.apply(step, &self.trace)),
            None => Ok(self.outcome()),
        }
    }

    async fn probe(&mut self, step: &Step, _: &EffectId, _: &mut dyn FnMut(&str)) -> Probe {
        self.trace.push(Call::Probe(step.action.kind()));
        self.probed.push(step.clone());
        self.plant.as_ref().map_or_else(|| self.probe.clone(), |plant| plant.probe(step))
    }

    async fn may_go_on(&mut self, step: &Step) -> Result<(), TargetError> {
        self.trace.push(Call::MayGoOn);
        self.plant.as_ref().map_or_else(|| self.goes_on.clone(), |plant| plant.may_go_on(step))
    }

    async fn sweep(&mut self, _step: &Step) -> Vec<String> {
        Vec::new()
    }

    async fn sweep_edit(&mut self, edit: &FileEdit) -> Vec<String> {
        self.trace.push(Call::SweepEdit(edit.file.clone()));
        Vec::new()
    }

    fn ways_to_look(&self, step: &Step) -> Vec<String> {
        vec![format!("look at {}", step.summary)]
    }

    async fn dirt(&mut self, _edits: &[FileEdit]) -> Dirt {
        self.dirt.clone()
    }

    fn publish(&mut self, session: &SessionId, projection: &[u8]) -> Result<(), TargetError> {
        if self.publish_fails {
            return Err(TargetError { what: "`phase-state.json` cannot be written".to_owned(), hints: Vec::new() });
        }
        self.published.entry(session.clone()).or_default().push(projection.to_vec());
        Ok(())
    }

    async fn probe_edit(&mut self, edit: &FileEdit) -> Probe {
        self.trace.push(Call::ProbeEdit(edit.file.clone()));
        if let Some(plant) = &self.plant {
            return plant.probe_edit(edit);
        }
        self.edit_probes.get(&edit.file).cloned().unwrap_or(Probe::DidNotHappen)
    }

    fn undo_of(&self, edit: &FileEdit) -> FileEdit {
        let after = edit.before.expect("the edits of this deployment make no file");
        FileEdit { before: Some(edit.after), after, ..edit.clone() }
    }

    async fn edit(&mut self, edit: &FileEdit) -> Outcome {
        self.trace.push(Call::Edit(edit.file.clone()));
        match &mut self.plant {
            Some(plant) => plant.edit(edit, &self.trace),
            None => self.outcome(),
        }
    }

    async fn pause_ms(&mut self, milliseconds: u64) {
        self.trace.push(Call::Pause(milliseconds));
        self.clock.pass_ms(i64::try_from(milliseconds).expect("a short pause"));
    }

    async fn verify(&mut self) -> Result<Verdict, TargetError> {
        self.trace.push(Call::Verify);
        let now = self.plant.as_ref().map(Plant::verdict);
        self.verdicts.pop_front().unwrap_or_else(|| Ok(now.unwrap_or_else(|| verdict(true, false))))
    }
}
