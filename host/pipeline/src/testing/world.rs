//! All fakes together, and the workflow on them.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use repair_model::action::{Action, ActionKind, PortMove};
use repair_model::compose::{PortKey, Protocol, Published};
use repair_model::event::{Ending, Event, Holder, Purpose};
use repair_model::evidence::{Evidence, Provenance};
use repair_model::finding::FailureClass;
use repair_model::grant::{Channel, Grant};
use repair_model::ids::{Permille, SessionId};
use repair_model::outcome::{Probe, ServiceVerdict, Verdict};
use repair_model::plan::FrozenPlan;
use repair_model::query::{Query, QueryKind};
use repair_model::target::{ComposeScope, Scope, Target};
use repair_model::tool::{Manifest, Proposal, ToolAnswer, ToolRef};

use super::{FakeClock, FakeDeployment, FakeLog, FakePerson, FakeTools, Killed, Trace};
use crate::approval::{self, PersonsAnswer};
use crate::outside::{Clock, Durability, Log as _};
use crate::policy::{BoundsSource, Layer, Policies, PolicySource};
use crate::report::Report;
use crate::session::{Folded, History, Session};
use crate::settings::Settings;
use crate::workflow::{Options, UndoStep, Workflow, WorkflowError, undo_steps};

/// The policies where nobody has said otherwise, read once: the tests make hundreds of worlds.
static BUILT_IN: LazyLock<Policies> = LazyLock::new(|| policies("", ""));

/// A target with a held port, a tool that moves it, and a person at a terminal who says yes once.
pub struct World {
    pub deployment: FakeDeployment,
    pub tools: FakeTools,
    pub log: FakeLog,
    pub person: FakePerson,
    pub clock: FakeClock,
    pub policies: Policies,
    pub settings: Settings,
    pub target: Target,
    pub options: Options,
    /// Approvals from elsewhere so far.
    pub nonces: u8,
    processes: u16,
    pub trace: Trace,
}

impl World {
    /// A world whose tool moves the port of `web` and brings it up.
    pub fn new() -> Self {
        let mut world = Self::without_tools();
        world.add_tool("port-conflict", [proposal(vec![remap("web"), compose_up("web")])]);
        world
    }

    pub fn without_tools() -> Self {
        let (clock, trace) = (FakeClock::default(), Trace::default());
        Self {
            deployment: FakeDeployment::new(clock.clone(), trace.clone()),
            tools: FakeTools {
                manifests: Vec::new(),
                scripts: Vec::new(),
                failures: Vec::new(),
                answer: None,
                component: b"component".to_vec(),
                cases: Vec::new(),
                trace: trace.clone(),
            },
            log: FakeLog::new(clock.clone(), trace.clone()),
            person: FakePerson {
                interactive: true,
                answers: VecDeque::from([PersonsAnswer::Yes]),
                settles: VecDeque::new(),
                seconds_per_answer: 0,
                stops_at: None,
                told: Vec::new(),
                clock: clock.clone(),
                trace: trace.clone(),
            },
            clock,
            policies: BUILT_IN.clone(),
            settings: Settings::default(),
            target: target(),
            options: Options {
                version: "0".to_owned(),
                purpose: Purpose::Heal,
                command: Vec::new(),
                yes: false,
                approver: "ann@host".to_owned(),
                holder: Holder {
                    user: "ann".into(),
                    host: "host".into(),
                    pid: 1,
                    started: "1".into(),
                    boot: String::new(),
                },
                elsewhere: Vec::new(),
                session_random: [0; 4],
                nonce_random: [0; 12],
            },
            nonces: 100,
            processes: 0,
            trace,
        }
    }

    /// A tool for held ports that may move ports and bring services up, and may ask who holds a port.
    pub fn add_tool(&mut self, id: &str, answers: impl IntoIterator<Item = ToolAnswer>) {
        let manifest = Manifest {
            tool: ToolRef { id: id.to_owned(), version: "1.0.0".to_owned(), component: self.tools.component_digest() },
            summary: String::new(),
            handles: vec![FailureClass::DockerPortConflict],
            sees: vec![QueryKind::PortOwner],
            may: vec![ActionKind::RemapPort, ActionKind::ComposeUp],
            params_schema: "{}".to_owned(),
            contact: None,
        };
        self.tools.add(manifest, answers);
    }

    pub fn workflow(&mut self) -> Workflow<'_, FakeDeployment, FakeTools, FakeLog, FakePerson> {
        Workflow {
            deployment: &mut self.deployment,
            tools: &mut self.tools,
            log: &mut self.log,
            folded: Folded::default(),
            person: &mut self.person,
            clock: &self.clock,
            policies: &self.policies,
            settings: &self.settings,
            target: &self.target,
            options: self.options.clone(),
        }
    }

    /// Heals, with the output of a failed command as evidence.
    pub fn heal(&mut self) -> Result<Report, WorkflowError> {
        self.begin_process();
        let line = "Bind for 0.0.0.0:8080 failed: port is already allocated".to_owned();
        let evidence =
            Evidence { provenance: Provenance::Command, lines: vec![line], truncated: false, lines_before: 0 };
        ready(self.workflow().heal(vec![evidence]))
    }

    /// Goes on with the last session.
    pub fn resume(&mut self) -> Result<Report, WorkflowError> {
        self.resume_saying(None)
    }

    /// Goes on with the last session, and says whether its unknown step has happened.
    pub fn resume_saying(&mut self, said: Option<bool>) -> Result<Report, WorkflowError> {
        self.begin_process();
        let session = self.history().sessions().last().expect("a session").id.clone();
        ready(self.workflow().resume(&session, said))
    }

    /// What would be told of the open step of `session`.
    pub fn foresee(&mut self, session: &Session) -> Option<Probe> {
        ready(self.workflow().foresee(session)).expect("a log in memory")
    }

    /// Applies the plan that waits.
    pub fn apply(&mut self) -> Result<Report, WorkflowError> {
        self.begin_process();
        let plan = self.history().sessions().last().and_then(|session| session.plan.clone()).expect("a plan");
        ready(self.workflow().apply(&plan.plan.to_string()))
    }

    /// A new grant for the present plan of the last session, as `repair approve` makes it.
    pub fn grant_for_waiting(&mut self) -> Grant {
        let session = self.history().sessions().last().cloned().expect("a session");
        let blob = session.plan.as_ref().expect("a plan").blob;
        let frozen = FrozenPlan::read(self.log.load(blob).expect("stored")).expect("a plan");
        let (now, seconds) = (self.clock.now(), self.policies.bounds().grant_seconds_max);
        self.nonces += 1;
        let nonce = [self.nonces; 16];
        approval::grant(&frozen, &session.id, "bob@host", Channel::Command, now, seconds, nonce)
    }

    /// Somebody approves the present plan of the last session from elsewhere.
    pub fn approve(&mut self) {
        let grant = self.grant_for_waiting();
        let session = grant.session.clone();
        self.log.append(Some(&session), Event::Granted { grant }, Durability::Power).expect("in memory");
    }

    /// Gives a session up under the lease.
    pub fn give_up(&mut self, id: &SessionId) {
        let session = self.history().session(id).cloned().expect("a session");
        ready(self.workflow().give_up(&session, "given up".to_owned())).expect("a log in memory");
    }

    /// Somebody gives the last session up from elsewhere, as `repair abort` does.
    pub fn abort(&mut self) {
        let session = self.history().sessions().last().expect("a session").id.clone();
        let (ending, reason) = (Ending::Aborted, "given up by bob@host".to_owned());
        let event = Event::Ended { ending, reason, next_steps: Vec::new() };
        self.log.append(Some(&session), event, Durability::Power).expect("in memory");
    }

    /// What the last session left to take back.
    pub fn undo_steps(&self, of: &SessionId) -> Vec<UndoStep> {
        let history = self.history();
        undo_steps(&history, history.session(of).expect("the session"))
    }

    pub fn undo(&mut self, of: &SessionId) -> Result<SessionId, WorkflowError> {
        self.begin_process();
        let steps = self.undo_steps(of);
        self.options.purpose = Purpose::Undo { session: of.clone(), steps: steps.clone() };
        ready(self.workflow().undo(of, &steps))
    }

    /// The log folded; it has to be legal at every moment.
    pub fn history(&self) -> History {
        History::from_segment(self.log.opening.as_deref(), &self.log.records)
            .expect("the workflow writes only what can follow")
    }

    /// Other random bytes, as a new process has them, and a moment later.
    fn begin_process(&mut self) {
        self.clock.pass_seconds(1);
        self.processes += 1;
        self.options.session_random[..2].copy_from_slice(&self.processes.to_be_bytes());
        self.options.nonce_random[..2].copy_from_slice(&self.processes.to_be_bytes());
    }
}

/// Runs it, and kills the process after so many moments. Whether it came so far.
pub fn killed_after(world: &mut World, points: usize, run: impl FnOnce(&mut World)) -> bool {
    world.trace.die_in(points);
    let ended = catch_unwind(AssertUnwindSafe(|| run(world)));
    world.trace.live();
    match ended {
        Ok(()) => false,
        Err(payload) if payload.is::<Killed>() => true,
        Err(payload) => std::panic::resume_unwind(payload),
    }
}

/// Polls once: no fake ever waits.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => unreachable!("no fake waits"),
    }
}

/// Policies of the user, in Cedar, and bounds, in TOML.
pub fn policies(cedar: &str, bounds: &str) -> Policies {
    let (layer, name) = (Layer::User, "user".to_owned());
    let cedar = PolicySource { layer, name: name.clone(), text: cedar.to_owned() };
    Policies::load(vec![cedar], vec![BoundsSource { layer, name, text: bounds.to_owned() }]).expect("in order")
}

/// Moves port 8080 of `service` to 8081.
pub fn remap(service: &str) -> Action {
    Action::RemapPort(PortMove {
        service: service.to_owned(),
        target: 80,
        protocol: Protocol::Tcp,
        host_ip: None,
        before: Published::Fixed(8080),
        after: Published::Fixed(8081),
    })
}

pub fn compose_up(service: &str) -> Action {
    Action::ComposeUp { services: vec![service.to_owned()] }
}

pub fn proposal(actions: Vec<Action>) -> ToolAnswer {
    let confidence = Permille::new(900).expect("a permille");
    ToolAnswer::Propose(Proposal { reason: "the port is held".to_owned(), confidence, actions })
}

/// The question that [`World::add_tool`]'s tools may ask.
pub fn port_owner_query(port: u16) -> Query {
    Query::PortOwner(PortKey { port, protocol: Protocol::Tcp, host_ip: None })
}

/// What verification says of the one service `web`.
pub fn verdict(healthy: bool, settling: bool) -> Verdict {
    let state = if healthy { "running" } else { "created" }.to_owned();
    let service = ServiceVerdict { service: "web".to_owned(), healthy, settling, state, addresses: Vec::new() };
    Verdict { services: vec![service], probes: Vec::new() }
}

/// The first event of a session that a test writes by itself, and the id of that session.
pub fn begun(world: &World) -> (SessionId, Event) {
    let event = Event::SessionBegan {
        version: "0".to_owned(),
        purpose: Purpose::Heal,
        command: Vec::new(),
        evidence: None,
        supersedes: Vec::new(),
        target: target(),
    };
    (SessionId::new(world.clock.now(), [0xee; 4]), event)
}

fn target() -> Target {
    Target {
        endpoint: "unix:///var/run/docker.sock".to_owned(),
        directory: "/srv/shop".into(),
        project: "shop".to_owned(),
        scope: Scope::Compose(ComposeScope::default()),
    }
}
