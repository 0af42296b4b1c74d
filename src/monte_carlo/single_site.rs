//! Samplers that move one site at a time, for any law.

use crate::configuration::flip_bit;
use crate::error::{Error, Result};
use crate::law::{Chains, Clamp, Kernel, Law};
use crate::numerics::sigmoid;
use crate::random::{Generator, uniform};
use rand::RngExt;

/// Metropolis sampling (Metropolis et al. 1953): one step is a sweep of as many trials as there are
/// sites; each picks a site at random and flips it with probability min(1, f(x')^beta / f(x)^beta).
///
/// Sites in order would not do: trials that leave ln f unchanged are always accepted, and at zero
/// field whole sweeps then split the states of small lattices into classes that never meet.
pub struct Metropolis<'a> {
    law: &'a dyn Law,
}

impl<'a> Metropolis<'a> {
    /// A sampler of `law`, which must not have forbidden states.
    pub fn new(law: &'a dyn Law) -> Result<Self> {
        refuse_forbidden_states("Metropolis", law)?;
        Ok(Self { law })
    }
}

impl Kernel for Metropolis<'_> {
    fn units(&self) -> usize {
        self.law.sites()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        let sites = self.law.sites();
        sweep(self.law, chains, steps, clamp, |row, generator, _| {
            let site = generator.random_range(0..sites);
            let change = beta * self.law.log_weight_change(row, site);
            if change >= 0.0 || uniform(generator) < change.exp() {
                flip_bit(row, site);
            }
        });
    }
}

/// Heat bath, or Gibbs sampling (Glauber 1963; Geman and Geman 1984): one step is a sweep over the
/// sites in order; each is drawn anew from its law given the others.
pub struct HeatBath<'a> {
    law: &'a dyn Law,
}

impl<'a> HeatBath<'a> {
    /// A sampler of `law`, which must not have forbidden states.
    pub fn new(law: &'a dyn Law) -> Result<Self> {
        refuse_forbidden_states("heat bath", law)?;
        Ok(Self { law })
    }
}

impl Kernel for HeatBath<'_> {
    fn units(&self) -> usize {
        self.law.sites()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        sweep(self.law, chains, steps, clamp, |row, generator, site| {
            let change = beta * self.law.log_weight_change(row, site);
            if uniform(generator) < sigmoid(change) {
                flip_bit(row, site);
            }
        });
    }
}

/// Single flips may not lead from one allowed state to another.
fn refuse_forbidden_states(sampler: &str, law: &dyn Law) -> Result<()> {
    if !law.has_forbidden_states() {
        return Ok(());
    }
    Err(Error::invalid(
        format!("the {sampler} sampler"),
        "flips of single sites do not connect the states of a law that forbids some",
        "use the sampler that the law supplies, such as BarsAndStripes::draw",
    ))
}

/// Calls `trial(row, generator, k)` for k = 0 .. sites - 1, `sweeps` times, on every chain. All sites
/// of a law are visible, so a clamped chain stays.
fn sweep(
    law: &dyn Law,
    chains: &mut Chains,
    sweeps: usize,
    clamp: Clamp,
    trial: impl Fn(&mut [u64], &mut Generator, usize) + Sync,
) {
    assert_eq!(chains.states().sites(), law.sites(), "rows hold the law's sites");
    if clamp == Clamp::Visible {
        return;
    }
    let (sites, words) = (law.sites(), chains.states().words());
    chains.for_each_block(10 * sweeps * sites, |rows, seed| {
        let mut generator = seed.generator();
        for row in rows.chunks_exact_mut(words) {
            for _ in 0..sweeps {
                for k in 0..sites {
                    trial(row, &mut generator, k);
                }
            }
        }
    });
}
