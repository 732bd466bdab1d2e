//! What came of an effect, and what verification found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::compose::PortKey;

/// What came of one effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// It happened.
    Done {
        /// In one sentence.
        detail: String,
    },
    /// It did not happen, or only in part; nothing of it goes on.
    Failed {
        /// In one sentence.
        error: String,
        /// The end of what the effect printed, redacted.
        output: Vec<String>,
    },
    /// It was stopped, or its `repair` was lost, before it was done; nothing of it goes on. It may be begun again under the
    /// same grant, if nothing but its own work differs from what was approved.
    Abandoned {
        /// In one sentence.
        reason: String,
    },
    /// It cannot be told whether it happened.
    Unclear {
        /// Both readings, for the person who has to look.
        reason: String,
    },
}

/// An action's own answer to: did it happen?
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Probe {
    /// It did.
    Happened,
    /// It did not.
    DidNotHappen,
    /// It cannot be told, and why.
    Unclear(String),
}

/// How one service is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceVerdict {
    /// Its name.
    pub service: String,
    /// Whether it is as it should be.
    pub healthy: bool,
    /// Whether more time could change that.
    pub settling: bool,
    /// In a few words: `running`, `running, healthy`, `exited (0)`, `created: port is taken`.
    pub state: String,
    /// Where it answers on this host.
    pub addresses: Vec<PortKey>,
}

/// How one declared probe went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProbeVerdict {
    /// The probe, as `repair.toml` declares it.
    pub probe: String,
    /// Whether it answered as it should.
    pub passed: bool,
    /// What it answered.
    pub detail: String,
}

/// Verification's answer for the whole target.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// All wanted services, in order of name.
    pub services: Vec<ServiceVerdict>,
    /// All declared probes.
    pub probes: Vec<ProbeVerdict>,
}

impl Verdict {
    /// Whether every wanted service and every probe is as it should be. A target without services is not healthy.
    pub fn healthy(&self) -> bool {
        !self.services.is_empty()
            && self.services.iter().all(|service| service.healthy)
            && self.probes.iter().all(|probe| probe.passed)
    }

    /// Whether waiting could still make it healthy.
    pub fn settling(&self) -> bool {
        !self.healthy() && self.services.iter().all(|service| service.healthy || service.settling)
    }
}
