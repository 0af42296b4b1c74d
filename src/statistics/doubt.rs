//! Why the error of a mean is not to be believed.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What speaks against the error of a mean over chains. The name of each stands in tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Doubt {
    /// Nothing ever changed, so that no error can be told: a quantity may be constant, or every chain may be stuck.
    #[serde(rename = "constant")]
    Constant,
    /// Fewer than [`super::chains::FEWEST_CHAINS`] chains: nothing could contradict a chain that is stuck.
    #[serde(rename = "few chains")]
    FewChains,
    /// Fewer than [`super::chains::ENOUGH`] effective samples, or too few measurements to tell.
    #[serde(rename = "too short")]
    TooShort,
    /// A chain is shorter than [`super::chains::LONG`] autocorrelation times.
    #[serde(rename = "slow chains")]
    SlowChains,
    /// Chains stay in different places for longer than each of them moves.
    #[serde(rename = "disagreeing chains")]
    DisagreeingChains,
    /// Chains that started in one kind of place disagree with those that started in another.
    #[serde(rename = "disagreeing starts")]
    DisagreeingStarts,
    /// The last third of the measurements disagrees with the first: not equilibrated.
    #[serde(rename = "drifting")]
    Drifting,
    /// A tail so heavy that the variance may not exist.
    #[serde(rename = "heavy tail")]
    HeavyTail,
}

impl Doubt {
    /// Its name in tables, such as `slow chains`.
    pub fn name(self) -> &'static str {
        match self {
            Doubt::Constant => "constant",
            Doubt::FewChains => "few chains",
            Doubt::TooShort => "too short",
            Doubt::SlowChains => "slow chains",
            Doubt::DisagreeingChains => "disagreeing chains",
            Doubt::DisagreeingStarts => "disagreeing starts",
            Doubt::Drifting => "drifting",
            Doubt::HeavyTail => "heavy tail",
        }
    }

    /// What helps against it.
    pub fn mend(self) -> &'static str {
        match self {
            Doubt::Constant => "nothing changed; start chains elsewhere, or measure longer",
            Doubt::FewChains => "run at least four chains, from different places",
            Doubt::TooShort => "measure longer",
            Doubt::SlowChains => "measure much longer, or take a sampler that moves faster",
            Doubt::DisagreeingChains | Doubt::DisagreeingStarts => {
                "the law has modes that the chains do not cross: take a sampler that does, such as tempering"
            }
            Doubt::Drifting => "equilibrate longer",
            Doubt::HeavyTail => "measure a bounded quantity, such as a median or a logarithm",
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
