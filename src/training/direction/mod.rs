//! From a gradient to the direction of an update, one way a file.

mod adam;
mod centring;
mod discriminative;
mod natural;

pub use adam::Adam;
pub use centring::{Centring, Offsets};
pub use discriminative::Discriminative;
pub use natural::{Natural, fisher_information};

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::model::Model;
use crate::state::State;
use std::fmt;
use std::str::FromStr;

/// What turns a gradient into the direction that a model descends along.
pub trait Direction: Send {
    /// Overwrites the gradient with the direction.
    fn turn(&mut self, update: &Update, gradient: &mut [f64]) -> Result<()>;

    /// What it remembers from one update to the next.
    fn state(&self) -> Result<State> {
        Ok(State::default())
    }

    /// Puts back what [`Self::state`] has taken out.
    fn set_state(&mut self, state: &State, _model: &dyn Model) -> Result<()> {
        state.read::<()>()
    }
}

/// What a direction may look at.
pub struct Update<'a> {
    /// Before the update.
    pub model: &'a dyn Model,
    /// The rows of the positive phase.
    pub data: &'a Configurations,
    /// The rows of the negative phase, where the estimator has handed them over.
    pub chains: Option<&'a Configurations>,
}

/// Which step a training run takes, written `gradient`, `adam` or `natural:DAMPING`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Step {
    /// Along the gradient.
    #[default]
    Gradient,
    /// [`Adam`].
    Adam,
    /// [`Natural`] with this damping.
    Natural(f64),
}

impl Step {
    /// The direction, where it is not the gradient itself.
    pub fn direction(self) -> Option<Box<dyn Direction>> {
        match self {
            Step::Gradient => None,
            Step::Adam => Some(Box::new(Adam::default())),
            Step::Natural(damping) => Some(Box::new(Natural { damping })),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Gradient => f.pad("gradient"),
            Step::Adam => f.pad("adam"),
            Step::Natural(damping) => f.pad(&format!("natural:{damping}")),
        }
    }
}

impl FromStr for Step {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem: &str| {
            let mend = "take gradient, adam, or natural:DAMPING such as natural:0.001";
            Err(Error::invalid(format!("step {text}"), problem, mend))
        };
        match (text, text.strip_prefix("natural:").map(str::parse)) {
            ("gradient", _) => Ok(Step::Gradient),
            ("adam", _) => Ok(Step::Adam),
            (_, Some(Ok(damping))) if f64::is_finite(damping) && damping > 0.0 => Ok(Step::Natural(damping)),
            (_, Some(_)) => refuse("its damping is no number above 0"),
            _ => refuse("there is no such step"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_and_offsets_are_read_as_they_are_written() {
        for text in ["gradient", "adam", "natural:0.001"] {
            assert_eq!(text.parse::<Step>().unwrap().to_string(), text);
        }
        for text in ["", "sgd", "natural", "natural:0", "natural:x", "natural:-1"] {
            assert!(text.parse::<Step>().unwrap_err().to_string().contains("; "), "{text}");
        }
        for text in ["none", "data", "model", "mean"] {
            assert_eq!(text.parse::<Offsets>().unwrap().to_string(), text);
        }
        assert!("both".parse::<Offsets>().unwrap_err().to_string().contains("; "));
    }
}
