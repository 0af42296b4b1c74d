//! What a thing remembers between calls, taken out of it and put back.

use crate::error::{Error, Result};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// The memory of an estimator or a direction, so that a training run can end here and go on there. What was made from the
/// same settings and given this state does what the one would have done that it was taken from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State(Vec<u8>);

impl State {
    /// The values that are remembered, most often a tuple of references to fields.
    pub fn of(values: &impl Serialize) -> Result<Self> {
        let refused = |reason| Error::invalid("a state", format!("{reason}"), "remember plain values");
        postcard::to_stdvec(values).map(Self).map_err(refused)
    }

    /// The values, as they were handed to [`Self::of`].
    pub fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let wrong = |problem: String| {
            let mend = "make the estimator and the step from the settings that the run was begun with";
            Error::invalid("the state of a training run", problem, mend)
        };
        let (values, rest) = postcard::take_from_bytes(&self.0).map_err(|reason| wrong(format!("{reason}")))?;
        if rest.is_empty() { Ok(values) } else { Err(wrong("it belongs to something else".to_string())) }
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_and_others_are_refused() {
        let values = (3_u64, vec![0.1, f64::INFINITY, -0.0], Some("word".to_string()));
        let state = State::of(&values).unwrap();
        assert_eq!(state.read::<(u64, Vec<f64>, Option<String>)>().unwrap(), values);
        assert!(state.read::<u64>().is_err());
        assert!(State::default().read::<u64>().is_err() && State::default().is_empty());
        State::default().read::<()>().unwrap();
    }
}
