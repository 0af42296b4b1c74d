//! Centred gradients.

use super::{Direction, Update};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::state::State;
use std::fmt;
use std::str::FromStr;

/// Where the offsets of a centred gradient come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offsets {
    /// No centring.
    #[default]
    None,
    /// Means of the units over the data.
    Data,
    /// Means over the model.
    Model,
    /// The mean of both: the enhanced gradient (Cho, Raiko and Ilin 2011).
    Mean,
}

/// The centred gradient (Montavon and Mueller 2012; Melchior, Fischer and Wiskott 2016, algorithm 1): the direction of a
/// machine whose energy is written with x_a - mu_a in the place of x_a, in terms of the usual parameters. With a gradient g
/// of couplings w_ab and biases d_a,
/// `g'_ab = g_ab - mu_a g_b - mu_b g_a` and then `g'_a = g_a - sum_b mu_b g'_ab`.
/// What is learned no longer depends on which value of a unit is called 1.
///
/// Offsets are running means mu = (1 - share) mu + share x new, from the means of the first update on; those of hidden units
/// are means of E[h | v].
#[derive(Debug)]
pub struct Centring {
    offsets: Offsets,
    share: f64,
    /// Empty before the first update.
    mu: Vec<f64>,
}

/// The share of an update in the offsets, as in Melchior, Fischer and Wiskott.
const SHARE: f64 = 0.01;

impl Centring {
    /// With the usual share, 0.01; `None` without offsets.
    pub fn new(offsets: Offsets) -> Option<Self> {
        Self::with_share(offsets, SHARE)
    }

    /// With a share in (0, 1] of the offsets that an update gives.
    pub fn with_share(offsets: Offsets, share: f64) -> Option<Self> {
        (offsets != Offsets::None).then_some(Self { offsets, share, mu: Vec::new() })
    }

    /// The offsets, a unit each; none before the first update.
    pub fn offsets(&self) -> &[f64] {
        &self.mu
    }
}

impl Direction for Centring {
    fn turn(&mut self, update: &Update, gradient: &mut [f64]) -> Result<()> {
        let (model, couplings) = (update.model, update.model.couplings());
        // mean_data E[unit | v]; as fast as may be where chains have made the gradient noisy anyway.
        let mut data = vec![0.0; gradient.len() - couplings];
        if update.chains.is_some() {
            model.set_expected_units(update.data, &mut data)?;
        } else {
            let mut all = vec![0.0; gradient.len()];
            model.add_expected_statistics(update.data, &mut all)?;
            data.copy_from_slice(&all[couplings..]);
        }
        let biases = gradient[couplings..].iter().zip(&data);
        let new = biases.map(|(g, data)| match self.offsets {
            Offsets::None => 0.0,
            Offsets::Data => *data,
            // g is the model's mean less the data's.
            Offsets::Model => g + data,
            Offsets::Mean => 0.5 * g + data,
        });
        if self.mu.is_empty() {
            self.mu = new.collect();
        } else {
            self.mu.iter_mut().zip(new).for_each(|(mu, new)| *mu += self.share * (new - *mu));
        }
        model.centre(&self.mu, gradient);
        Ok(())
    }

    fn state(&self) -> Result<State> {
        State::of(&self.mu)
    }

    fn set_state(&mut self, state: &State, model: &dyn Model) -> Result<()> {
        let mu: Vec<f64> = state.read()?;
        let units = model.visible() + model.hidden();
        if !mu.is_empty() && mu.len() != units {
            return Err(Error::invalid(
                "the state of a training run",
                format!("{} offsets for a machine of {units} units", mu.len()),
                "take the state of a run with a machine of the same size",
            ));
        }
        self.mu = mu;
        Ok(())
    }
}

impl fmt::Display for Offsets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Offsets::None => "none",
            Offsets::Data => "data",
            Offsets::Model => "model",
            Offsets::Mean => "mean",
        })
    }
}

impl FromStr for Offsets {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "none" => Ok(Offsets::None),
            "data" => Ok(Offsets::Data),
            "model" => Ok(Offsets::Model),
            "mean" => Ok(Offsets::Mean),
            _ => Err(Error::invalid(
                format!("offsets {text}"),
                "there are none such",
                "take none, data, model, or mean of both",
            )),
        }
    }
}
