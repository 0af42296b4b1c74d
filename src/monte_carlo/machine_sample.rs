//! Configurations drawn from a machine by its own Gibbs sampler.

use crate::configuration::{Configurations, copy_bits};
use crate::error::{Error, Result};
use crate::law::{Chains, Clamp};
use crate::model::Model;
use crate::path::uniform_configurations;
use crate::random::Seed;

/// The visible units of chains that were moved by so many Gibbs steps, one chain a row of `starts`: rows of visible units;
/// hidden ones are drawn given them, or where the steps sweep over all units start at random.
///
/// Draws are independent of each other, and of the machine's law where the chains forget their starts: whether they do says
/// [`crate::monitor::observables::sample_model`], whose chains start in different places and are compared.
///
/// ```
/// use gibbsite::prelude::*;
///
/// # fn main() -> gibbsite::error::Result<()> {
/// let mut machine = Rbm::new(36, 16)?;
/// machine.initialize(InitialWeights::Gaussian(0.1), Seed::root(1))?;
/// let starts = uniform_configurations(36, 1000, Seed::root(2));
/// let drawn = draw_from_machine(&machine, &starts, 100, Seed::root(3))?;
/// assert_eq!((drawn.len(), drawn.sites()), (1000, 36));
/// # Ok(())
/// # }
/// ```
pub fn draw_from_machine(
    model: &dyn Model,
    starts: &Configurations,
    gibbs_steps: usize,
    seed: Seed,
) -> Result<Configurations> {
    let (visible, hidden) = (model.visible(), model.hidden());
    if starts.sites() != visible {
        return Err(Error::invalid(
            "the starts of a machine's chains",
            format!("they have {} sites and the machine {visible} visible units", starts.sites()),
            "start from rows of visible units",
        ));
    }
    let mut states = starts.widened(hidden);
    if hidden > 0 {
        let random = uniform_configurations(hidden, starts.len(), seed.child("hidden", 0));
        (0..starts.len()).for_each(|s| copy_bits(random.row(s), 0, hidden, states.row_mut(s), visible));
    }
    let mut chains = Chains::new(states, seed.child("chains", 0));
    model.kernel().advance(&mut chains, 1.0, gibbs_steps, Clamp::Nothing);
    let mut drawn = Configurations::zeros(visible, starts.len());
    for s in 0..starts.len() {
        copy_bits(chains.states().row(s), 0, visible, drawn.row_mut(s), 0);
    }
    Ok(drawn)
}
