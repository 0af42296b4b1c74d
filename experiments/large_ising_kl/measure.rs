//! One measurement of one machine.

use super::Row;
use super::options::{Cell, DATA_STEPS, Options, TEMPERING};
use gibbsite::configuration::Configurations;
use gibbsite::error::Result;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::Bracketing;
use gibbsite::model::rbm::Rbm;
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monitor::sampled_kl::SampledTarget;
use gibbsite::random::Seed;
use gibbsite::targets::ising::Ising;

/// What a cell measures its machine with, at every epoch the same.
pub struct Ruler<'a> {
    options: &'a Options,
    cell: &'a Cell,
    data: &'a Configurations,
    /// Drawn for this cell alone, so that the errors of replicas are independent.
    fresh: SampledTarget,
    seed: Seed,
}

impl<'a> Ruler<'a> {
    /// With fresh configurations of the Ising model.
    pub fn new(
        options: &'a Options,
        cell: &'a Cell,
        ising: &Ising,
        data: &'a Configurations,
        seed: Seed,
    ) -> Result<Self> {
        let fresh = SampledTarget::of_ising(ising, options.sampling(), seed.child("fresh", 0))?;
        Ok(Self { options, cell, data, fresh, seed })
    }

    /// The machine's row after so many epochs; `report(done, of)` is called now and then.
    pub fn measure(&self, machine: &Rbm, epoch: usize, report: &mut dyn FnMut(usize, usize)) -> Result<Row> {
        let path = RbmPath::from_data(machine, self.data)?;
        let bracketing = Bracketing {
            betas: Betas::Adaptive(self.options.ais_temperatures),
            chains: self.options.ais_chains,
            tempering: TEMPERING,
            data: Some((self.data, DATA_STEPS)),
        };
        let seed = self.seed.child("measurement", epoch as u64);
        let (kl, bracket) = self.fresh.measure_along(&path, &bracketing, seed, report)?;
        Ok(Row {
            lattice: self.cell.lattice.to_string(),
            temperature: self.cell.temperature,
            hidden: self.cell.hidden,
            replica: self.cell.replica,
            epoch,
            kl: kl.value,
            kl_standard_error: kl.standard_error,
            kl_per_site: kl.value / kl.sites as f64,
            kl_lower: kl.lower,
            kl_upper: kl.upper,
            log_partition: bracket.value,
            log_partition_standard_error: bracket.standard_error,
            log_partition_forward: bracket.forward.value,
            log_partition_reverse: bracket.reverse.value,
            effective_samples: bracket.forward.effective_samples,
            trusted: kl.trusted,
            doubts: kl.doubts.join("; "),
        })
    }
}
