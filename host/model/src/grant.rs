//! A person's yes to exactly one plan.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ids::{Digest, SessionId};

/// How a yes reached the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Channel {
    /// Typed at the approval screen.
    Terminal,
    /// `repair approve DIGEST`.
    Command,
    /// `--yes`; never above [`crate::risk::Risk::UNATTENDED_MAX`].
    YesFlag,
    /// The policy allows every action of the plan unattended.
    Policy,
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Terminal => "at the terminal",
            Self::Command => "by `repair approve`",
            Self::YesFlag => "by --yes",
            Self::Policy => "by policy",
        })
    }
}

/// Binds a yes to everything that it was given for. If one of the digests changes, it is void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grant {
    /// The plan.
    pub plan: Digest,
    /// The component that proposed it.
    pub component: Digest,
    /// The policy and bounds in force.
    pub policy: Digest,
    /// What of the target the plan depends on.
    pub footprint: Digest,
    /// The one session that may use it.
    pub session: SessionId,
    /// User and host name of whoever said yes, as the system names them; not proof of a person.
    pub approver: String,
    /// How.
    pub channel: Channel,
    /// When.
    #[schemars(with = "String")]
    pub granted_at: Timestamp,
    /// Until when.
    #[schemars(with = "String")]
    pub expires_at: Timestamp,
    /// Random, 32 hexadecimal digits; names this grant in the log.
    pub nonce: String,
    /// The names of what is lost for good, as the person typed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub typed: Vec<String>,
}

/// Why a grant does not stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum GrantVoid {
    /// Another plan than the one granted.
    #[error("the plan is not the one that was approved")]
    Plan,
    /// The component's bytes differ.
    #[error("the repair tool changed after the approval")]
    Component,
    /// Policy or bounds differ.
    #[error("the policy changed after the approval")]
    Policy,
    /// The target differs; says what.
    #[error("the target changed after the approval: {0}")]
    Footprint(String),
    /// Another session.
    #[error("the approval was given to session {0}")]
    Session(SessionId),
    /// Too late.
    #[error("the approval expired at {0}")]
    Expired(#[schemars(with = "String")] Timestamp),
    /// The clock stands before the time of the approval, so its expiry cannot be trusted.
    #[error("the clock stands before the time of the approval ({0})")]
    NotYet(#[schemars(with = "String")] Timestamp),
}

impl Grant {
    /// Whether this grant stands for `plan`, `component` and `policy` in `session` at `now`. The footprint is checked step
    /// by step at the gate, since each step changes what the next one finds.
    ///
    /// # Errors
    /// The first thing that changed.
    pub fn check(
        &self,
        plan: Digest,
        component: Digest,
        policy: Digest,
        footprint: Digest,
        session: &SessionId,
        now: Timestamp,
    ) -> Result<(), GrantVoid> {
        if self.plan != plan {
            return Err(GrantVoid::Plan);
        }
        if self.component != component {
            return Err(GrantVoid::Component);
        }
        if self.policy != policy {
            return Err(GrantVoid::Policy);
        }
        if self.footprint != footprint {
            return Err(GrantVoid::Footprint("the plan names another footprint".to_owned()));
        }
        if self.session != *session {
            return Err(GrantVoid::Session(self.session.clone()));
        }
        if now < self.granted_at {
            return Err(GrantVoid::NotYet(self.granted_at));
        }
        if now >= self.expires_at {
            return Err(GrantVoid::Expired(self.expires_at));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Domain;

    fn digest(name: &str) -> Digest {
        Digest::of(Domain::Blob, name.as_bytes())
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn session(byte: u8) -> SessionId {
        SessionId::new(at(0), [byte; 4])
    }

    fn grant() -> Grant {
        Grant {
            plan: digest("plan"),
            component: digest("component"),
            policy: digest("policy"),
            footprint: digest("footprint"),
            session: session(1),
            approver: "ann@host".into(),
            channel: Channel::Terminal,
            granted_at: at(100),
            expires_at: at(200),
            nonce: "00".into(),
            typed: Vec::new(),
        }
    }

    #[test]
    fn a_grant_stands_for_exactly_what_it_was_given_for() {
        let check = |plan, component, policy, footprint, session: SessionId, now| {
            grant().check(digest(plan), digest(component), digest(policy), digest(footprint), &session, at(now))
        };
        assert_eq!(check("plan", "component", "policy", "footprint", session(1), 150), Ok(()));
        assert_eq!(check("other", "component", "policy", "footprint", session(1), 150), Err(GrantVoid::Plan));
        assert_eq!(check("plan", "other", "policy", "footprint", session(1), 150), Err(GrantVoid::Component));
        assert_eq!(check("plan", "component", "other", "footprint", session(1), 150), Err(GrantVoid::Policy));
        assert!(matches!(check("plan", "component", "policy", "other", session(1), 150), Err(GrantVoid::Footprint(_))));
        assert_eq!(
            check("plan", "component", "policy", "footprint", session(2), 150),
            Err(GrantVoid::Session(session(1)))
        );
        assert_eq!(
            check("plan", "component", "policy", "footprint", session(1), 200),
            Err(GrantVoid::Expired(at(200)))
        );
        assert_eq!(check("plan", "component", "policy", "footprint", session(1), 99), Err(GrantVoid::NotYet(at(100))));
    }
}
