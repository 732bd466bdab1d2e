//! A host over a made-up deployment. It holds a tool to the same contract as the real one: declared kinds only, a bounded
//! number of rounds, no question twice, and the same reply to the same case.

use crate::bindings::repair::tool::types::{
    Action, Answer, Attempt, Case, Container, EmptyVariable, Fact, Finding, Network, Observation, PortKey, PortOwner,
    Proposal, Query, Refusal, Reply, Service, ServiceImage, StaleContainer, ToolError,
};
use crate::kinds::{ActionKind, CONFIDENCE_FLOOR_PERMILLE, FailureClass, NEED_QUERIES_MAX, QueryKind};
use crate::testing::AzureGroup;
use crate::tool::{Tool, answer};

/// Rounds that the real host grants.
const ROUNDS_MAX: usize = 4;

/// A host over a made-up deployment.
#[derive(Clone, Debug)]
pub struct FakeHost {
    finding: Finding,
    services: Vec<Service>,
    containers: Vec<Container>,
    stale: Vec<StaleContainer>,
    networks: Vec<Network>,
    images: Vec<ServiceImage>,
    empty: Vec<EmptyVariable>,
    azure: AzureGroup,
    held: Vec<(PortKey, PortOwner)>,
    remote: bool,
    refused: Vec<(QueryKind, Refusal)>,
    cut: Vec<QueryKind>,
    params: String,
    history: Vec<Attempt>,
    logs: Vec<(String, Vec<String>)>,
    waited_seconds: u32,
}

/// How a conversation between the host and a tool went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transcript {
    /// What the tool asked, round by round.
    pub rounds: Vec<Vec<Query>>,
    /// What it answered in the end.
    pub reply: Result<Reply, ToolError>,
}

impl FakeHost {
    /// An empty deployment on a local engine, with a finding of that class.
    pub fn new(class: FailureClass) -> Self {
        Self {
            finding: Finding {
                class: class.as_str().to_owned(),
                confidence: 950,
                facts: Vec::new(),
                proof: Vec::new(),
                contradictions: Vec::new(),
            },
            services: Vec::new(),
            containers: Vec::new(),
            stale: Vec::new(),
            networks: Vec::new(),
            images: Vec::new(),
            empty: Vec::new(),
            azure: AzureGroup::default(),
            held: Vec::new(),
            remote: false,
            refused: Vec::new(),
            cut: Vec::new(),
            params: "{}".to_owned(),
            history: Vec::new(),
            logs: Vec::new(),
            waited_seconds: 0,
        }
    }

    /// A fact that was extracted from the failure's text.
    #[must_use]
    pub fn fact(mut self, name: &str, value: &str) -> Self {
        self.finding.facts.push((name.to_owned(), value.to_owned()));
        self
    }

    /// A line of the failure's text that proves the finding.
    #[must_use]
    pub fn proof(mut self, line: &str) -> Self {
        self.finding.proof.push(line.to_owned());
        self
    }

    /// A line of the failure's text that speaks against the finding.
    #[must_use]
    pub fn contradiction(mut self, line: &str) -> Self {
        self.finding.contradictions.push(line.to_owned());
        self
    }

    /// One more service.
    #[must_use]
    pub fn service(mut self, service: Service) -> Self {
        self.services.push(service);
        self.services.sort_by(|one, other| one.name.cmp(&other.name));
        self
    }

    /// So many more services.
    #[must_use]
    pub fn services(self, services: impl IntoIterator<Item = Service>) -> Self {
        services.into_iter().fold(self, Self::service)
    }

    /// One more container. A running one holds the ports of its service.
    #[must_use]
    pub fn container(mut self, container: Container) -> Self {
        self.containers.push(container);
        self
    }

    /// One more container that is in the way or left over. It is no answer to a query for the project's containers; the
    /// real host shows one there too if it is the project's.
    #[must_use]
    pub fn stale(mut self, stale: StaleContainer) -> Self {
        self.stale.push(stale);
        self.stale.sort_by(|one, other| one.container.ref_.name.cmp(&other.container.ref_.name));
        self
    }

    /// One more network.
    #[must_use]
    pub fn network(mut self, network: Network) -> Self {
        self.networks.push(network);
        self.networks.sort_by(|one, other| one.name.cmp(&other.name));
        self
    }

    /// The image of one more service.
    #[must_use]
    pub fn image(mut self, image: ServiceImage) -> Self {
        self.images.push(image);
        self.images.sort_by(|one, other| one.service.cmp(&other.service));
        self
    }

    /// One more variable without a value.
    #[must_use]
    pub fn empty_variable(mut self, empty: EmptyVariable) -> Self {
        self.empty.push(empty);
        self.empty.sort_by(|one, other| one.variable.cmp(&other.variable));
        self
    }

    /// The Azure resource group; an empty one without errors by default.
    #[must_use]
    pub fn azure(mut self, azure: AzureGroup) -> Self {
        self.azure = azure;
        self
    }

    /// Somebody holds a port.
    #[must_use]
    pub fn held(mut self, port: PortKey, owner: PortOwner) -> Self {
        self.held.push((port, owner));
        self
    }

    /// The engine is remote, so that nobody's port can be told.
    #[must_use]
    pub fn remote(mut self) -> Self {
        self.remote = true;
        self
    }

    /// Refuses every query of that kind.
    #[must_use]
    pub fn refusing(mut self, kind: QueryKind, refusal: Refusal) -> Self {
        self.refused.push((kind, refusal));
        self
    }

    /// Says of every answer of that kind that it was cut.
    #[must_use]
    pub fn cutting(mut self, kind: QueryKind) -> Self {
        self.cut.push(kind);
        self
    }

    /// The tool's parameters as JSON; an empty object by default.
    #[must_use]
    pub fn params(mut self, json: &str) -> Self {
        json.clone_into(&mut self.params);
        self
    }

    /// One more earlier try, older than those before it.
    #[must_use]
    pub fn attempt(mut self, attempt: Attempt) -> Self {
        self.history.push(attempt);
        self
    }

    /// The log of one service. Others have said nothing.
    #[must_use]
    pub fn log(mut self, service: &str, lines: &[&str]) -> Self {
        self.logs.push((service.to_owned(), lines.iter().map(|line| (*line).to_owned()).collect()));
        self
    }

    /// The host has waited so long on the tool's word already.
    #[must_use]
    pub fn waited(self, seconds: u32) -> Self {
        Self { waited_seconds: seconds, ..self }
    }

    /// The case in which these queries were answered.
    pub fn case(&self, answered: impl IntoIterator<Item = Query>) -> Case {
        Case {
            finding: self.finding.clone(),
            observations: answered.into_iter().map(|query| self.observe(query)).collect(),
            params: self.params.clone(),
            history: self.history.clone(),
            waited_seconds: self.waited_seconds,
        }
    }

    /// Lets the tool ask until it answers.
    ///
    /// # Panics
    /// When the tool breaks the contract: an undeclared kind, a question twice, too many questions or rounds, two
    /// different replies to one case.
    pub fn converse<T: Tool>(&self) -> Transcript {
        let mut case = self.case([]);
        let mut rounds = Vec::new();
        loop {
            let reply = answer::<T>(&case);
            assert_eq!(reply, answer::<T>(&case), "the same case has to get the same reply");
            match reply {
                Ok(Reply { answer: Answer::Need(queries), .. }) => {
                    check_need::<T>(&queries, &case);
                    assert!(
                        rounds.len() < ROUNDS_MAX,
                        "the host grants {ROUNDS_MAX} rounds; more is asked: {queries:?}"
                    );
                    case.observations.extend(queries.iter().map(|query| self.observe(query.clone())));
                    rounds.push(queries);
                }
                reply => {
                    for action in reply.iter().flat_map(Reply::actions) {
                        let kind = ActionKind::of(action);
                        assert!(T::MAY.contains(&kind), "`{kind}` is proposed and not declared in MAY");
                    }
                    return Transcript { rounds, reply };
                }
            }
        }
    }

    /// What the tool answers in the end.
    ///
    /// # Panics
    /// When the tool breaks the contract or answers with an error.
    pub fn reply_of<T: Tool>(&self) -> Reply {
        match self.converse::<T>().reply {
            Ok(reply) => reply,
            Err(error) => panic!("the tool answered with an error: {error:?}"),
        }
    }

    /// Why the tool declines.
    ///
    /// # Panics
    /// When it does not decline.
    pub fn decline_of<T: Tool>(&self) -> String {
        match self.reply_of::<T>().answer {
            Answer::Decline(because) => because,
            other => panic!("the tool should decline, and answers {other:?}"),
        }
    }

    /// What the tool proposes.
    ///
    /// # Panics
    /// When it does not propose.
    pub fn proposal_of<T: Tool>(&self) -> Proposal {
        match self.reply_of::<T>().answer {
            Answer::Propose(proposal) => proposal,
            other => panic!("the tool should propose, and answers {other:?}"),
        }
    }

    /// The proposed actions.
    ///
    /// # Panics
    /// When the tool proposes nothing.
    pub fn actions_of<T: Tool>(&self) -> Vec<Action> {
        let reply = self.reply_of::<T>();
        assert!(!reply.actions().is_empty(), "the tool should propose, and answers {:?}", reply.answer);
        reply.actions().to_vec()
    }

    /// Checks that the tool proposes exactly these actions, surely enough for the host, and that its reason has all of these
    /// words.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert_proposes<T: Tool>(&self, actions: &[Action], words: &[&str]) {
        let proposal = self.proposal_of::<T>();
        assert_eq!(proposal.actions, actions);
        assert!(proposal.confidence >= CONFIDENCE_FLOOR_PERMILLE, "below the host's floor: {}", proposal.confidence);
        assert_words(&proposal.reason, words);
    }

    /// Checks that the tool declines, and says why with all of these words.
    ///
    /// # Panics
    /// When it does not.
    #[track_caller]
    pub fn assert_declines<T: Tool>(&self, words: &[&str]) {
        assert_words(&self.decline_of::<T>(), words);
    }

    /// Answers one query.
    pub fn observe(&self, asked: Query) -> Observation {
        let kind = QueryKind::of(&asked);
        let refusal = self.refused.iter().find(|(refused, _)| *refused == kind).map(|(_, refusal)| refusal.clone());
        let answer = refusal.map_or_else(|| Ok(self.fact_for(&asked)), Err);
        Observation { asked, answer, truncated: self.cut.contains(&kind) }
    }

    fn fact_for(&self, query: &Query) -> Fact {
        match query {
            Query::ComposeModel => Fact::ComposeModel(self.services.clone()),
            Query::Containers => Fact::Containers(self.containers.clone()),
            Query::ContainerLog(asked) => Fact::ContainerLog(self.log_of(&asked.service, asked.lines_max)),
            Query::PortOwner(port) => Fact::PortOwner(self.owner(port)),
            Query::FreePorts(asked) => Fact::FreePorts(
                (asked.near.port..=u16::MAX)
                    .filter(|port| self.is_free(&PortKey { port: *port, ..asked.near.clone() }))
                    .take(asked.count.into())
                    .collect(),
            ),
            Query::StaleContainers => Fact::StaleContainers(self.stale.clone()),
            Query::Networks => Fact::Networks(self.networks.clone()),
            Query::Images => Fact::Images(self.images.clone()),
            Query::EmptyVariables => Fact::EmptyVariables(self.empty.clone()),
            Query::ArmDeployment
            | Query::WantedResources
            | Query::DeletedVaults(_)
            | Query::MysqlServers
            | Query::ResourceProvider(_)
            | Query::Locks
            | Query::AzureAccount => self.azure.fact_for(query),
        }
    }

    fn log_of(&self, service: &str, lines_max: u16) -> Vec<String> {
        let lines = self.logs.iter().find(|(of, _)| of == service).map_or(&[][..], |(_, lines)| lines);
        lines[lines.len().saturating_sub(lines_max.into())..].to_vec()
    }

    fn owner(&self, port: &PortKey) -> PortOwner {
        if self.remote {
            return PortOwner::Unknown;
        }
        if let Some((_, owner)) = self.held.iter().find(|(held, _)| held.overlaps(port)) {
            return owner.clone();
        }
        let holder = self.containers.iter().filter(|container| container.is_up()).find(|container| {
            let service = self.services.iter().find(|service| Some(&service.name) == container.ref_.service.as_ref());
            service.is_some_and(|service| service.ports.iter().any(|entry| entry.claims(port)))
        });
        holder.map_or(PortOwner::NotHeld, |container| PortOwner::ThisProject(container.ref_.clone()))
    }

    fn is_free(&self, port: &PortKey) -> bool {
        let claimed = self.services.iter().flat_map(|service| &service.ports).any(|entry| entry.claims(port));
        let held = self.held.iter().any(|(held, _)| held.overlaps(port));
        !claimed && (self.remote || !held)
    }
}

#[track_caller]
fn assert_words(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` is missing: {text}");
    }
}

fn check_need<T: Tool>(queries: &[Query], case: &Case) {
    assert!(!queries.is_empty(), "a need asks for something");
    assert!(queries.len() <= NEED_QUERIES_MAX, "at most {NEED_QUERIES_MAX} queries at once");
    for query in queries {
        let kind = QueryKind::of(query);
        assert!(T::SEES.contains(&kind), "`{kind}` is asked and not declared in SEES");
        assert!(case.observation(query).is_none(), "{query:?} was already answered");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reply::Stop;
    use crate::testing::service;
    use crate::tool::NoParams;

    /// Proposes as surely as the fact `confidence` says, and declines without it.
    struct AsTold;

    impl Tool for AsTold {
        type Params = NoParams;
        const ID: &'static str = "as-told";
        const VERSION: &'static str = "1.0.0";
        const SUMMARY: &'static str = "Does what a test wants.";
        const HANDLES: &'static [FailureClass] = &[FailureClass::DockerDnsOrNetworkTimeout];
        const SEES: &'static [QueryKind] = &[QueryKind::ComposeModel, QueryKind::Containers];
        const MAY: &'static [ActionKind] = &[ActionKind::ComposeUp];

        fn propose(case: &Case, _: NoParams) -> Result<Reply, Stop> {
            let down = case.project()?.to_start();
            let Some(confidence) = case.fact("confidence").and_then(|text| text.parse().ok()) else {
                return Ok(Reply::decline("Nobody said how sure this is."));
            };
            Ok(Reply::propose("The network failed.", confidence, [Action::compose_up(down)]))
        }
    }

    fn sure(confidence: &str) -> FakeHost {
        unsure().fact("confidence", confidence)
    }

    fn unsure() -> FakeHost {
        FakeHost::new(FailureClass::DockerDnsOrNetworkTimeout).service(service("web"))
    }

    #[test]
    fn what_is_said_with_all_words_holds() {
        sure("600").assert_proposes::<AsTold>(&[Action::compose_up(["web"])], &["network", "failed"]);
        unsure().assert_declines::<AsTold>(&["Nobody", "sure"]);
        assert_eq!(sure("599").proposal_of::<AsTold>().confidence, 599);
    }

    #[test]
    #[should_panic(expected = "below the host's floor: 599")]
    fn a_proposal_that_the_host_turns_down_does_not_hold() {
        sure("599").assert_proposes::<AsTold>(&[Action::compose_up(["web"])], &[]);
    }

    #[test]
    #[should_panic(expected = "assertion `left == right` failed")]
    fn other_actions_do_not_hold() {
        sure("600").assert_proposes::<AsTold>(&[Action::compose_up(["db"])], &[]);
    }

    #[test]
    #[should_panic(expected = "`engine` is missing: The network failed.")]
    fn a_reason_that_lacks_a_word_does_not_hold() {
        sure("600").assert_proposes::<AsTold>(&[Action::compose_up(["web"])], &["network", "engine"]);
    }

    #[test]
    #[should_panic(expected = "`engine` is missing: Nobody said")]
    fn a_decline_that_lacks_a_word_does_not_hold() {
        unsure().assert_declines::<AsTold>(&["engine"]);
    }

    #[test]
    #[should_panic(expected = "the tool should propose")]
    fn a_decline_is_no_proposal() {
        unsure().assert_proposes::<AsTold>(&[], &[]);
    }
}
