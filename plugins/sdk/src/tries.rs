//! What was tried before, as far as it tells what would be in vain again.
//!
//! The host tells of single actions, each as an attempt of its own, and only of those for the same class of failure.

use crate::action::Action;
use crate::case::{Attempt, Case};

/// Older tries belong to another incident.
pub const RECENT_SECONDS: u32 = 60 * 60;
/// How often the same may be in vain before a person has to look.
pub const IN_VAIN_MAX: usize = 2;

impl Attempt {
    /// Whether the action itself failed, rather than what came after it.
    pub fn failed(&self) -> bool {
        self.outcome.starts_with("failed")
    }

    /// Whether it was stopped before it was done, which says nothing of whether it would help.
    pub fn was_abandoned(&self) -> bool {
        self.outcome.starts_with("abandoned")
    }
}

impl Case {
    /// Tries within the last hour and since the last that healed, newest first.
    pub fn recent_tries(&self) -> impl Iterator<Item = &Attempt> {
        self.history.iter().take_while(|attempt| !attempt.healed() && attempt.seconds_ago < RECENT_SECONDS)
    }

    /// Recent tries of exactly this action that did not help, newest first.
    pub fn tries_in_vain(&self, action: &Action) -> Vec<&Attempt> {
        self.recent_tries().filter(|attempt| !attempt.was_abandoned() && attempt.actions.contains(action)).collect()
    }

    /// The newest try of a plan that has nothing new in it: each of its actions was in vain [`IN_VAIN_MAX`] times. Waits
    /// count only where there is nothing else.
    pub fn spent(&self, actions: &[Action]) -> Option<&Attempt> {
        let is_wait = |action: &Action| matches!(action, Action::AwaitState(_));
        let only_waits = actions.iter().all(is_wait);
        let tries: Vec<Vec<&Attempt>> = actions
            .iter()
            .filter(|action| only_waits || !is_wait(action))
            .map(|action| self.tries_in_vain(action))
            .collect();
        let is_spent = tries.iter().all(|tries| tries.len() >= IN_VAIN_MAX);
        if is_spent { tries.into_iter().flatten().min_by_key(|attempt| attempt.seconds_ago) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::azure::Awaited;
    use crate::kinds::FailureClass;
    use crate::testing::{FakeHost, arm_deployment, attempt, deleted_vault, mysql_server};

    fn deploy() -> Action {
        Action::deploy_template(&arm_deployment("main", "Failed"))
    }

    fn case(tries: &[(Action, &str, u32)]) -> Case {
        let host = FakeHost::new(FailureClass::AzureKeyvaultSoftDeleted);
        let told = |host: FakeHost, (action, outcome, seconds_ago): &(Action, &str, u32)| {
            host.attempt(attempt("any", vec![action.clone()], outcome, *seconds_ago))
        };
        tries.iter().fold(host, told).case([])
    }

    #[test]
    fn a_plan_is_spent_once_each_of_its_actions_was_in_vain_twice() {
        let recover = Action::recover_vault(&deleted_vault("kv-shop"));
        let plan = [recover.clone(), deploy()];
        let twice = [(deploy(), "failed: b", 10), (recover, "not-verified: x", 20), (deploy(), "failed: a", 30)];
        assert_eq!(case(&twice).spent(&plan), None, "the vault was brought back only once");
        assert_eq!(case(&twice).spent(&[deploy()]).map(|last| last.outcome.as_str()), Some("failed: b"));
        assert_eq!(case(&[]).spent(&plan), None);
    }

    #[test]
    fn what_healed_is_old_or_was_abandoned_does_not_count() {
        let failed = |seconds_ago| (deploy(), "failed: a", seconds_ago);
        for tries in [
            vec![failed(10), (deploy(), "healed", 20), failed(30)],
            vec![failed(10), failed(RECENT_SECONDS)],
            vec![failed(10), (deploy(), "abandoned: out of time", 20)],
        ] {
            assert_eq!(case(&tries).spent(&[deploy()]), None, "{tries:?}");
        }
        assert!(case(&[failed(10), failed(20)]).spent(&[deploy()]).is_some());
    }

    #[test]
    fn waits_count_only_where_there_is_nothing_else() {
        let server = mysql_server("db", "Stopping");
        let wait = Action::await_state(Awaited::MysqlServer, "db");
        let tries = [(wait.clone(), "not-verified: x", 10), (wait.clone(), "not-verified: x", 20)];
        assert!(case(&tries).spent(std::slice::from_ref(&wait)).is_some());
        assert_eq!(case(&tries).spent(&[wait, Action::start_mysql(&server)]), None);
    }
}
