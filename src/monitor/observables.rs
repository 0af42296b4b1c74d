//! The observables of spins, as a sampler or a machine sees them.

use crate::configuration::{Configurations, copy_bits, set_bit, used_bits};
use crate::enumerate::check_limit;
use crate::error::Result;
use crate::law::{Chains, Clamp, Kernel, Law};
use crate::model::Model;
use crate::model::rbm::Rbm;
use crate::numerics::sigmoid;
use crate::random::{Seed, uniform};
use crate::row_sampler::RowSampler;
use crate::statistics::directions::{extremes, principal_directions, projection};
use crate::statistics::estimate::Estimate;
use crate::statistics::measurements::Measurements;
use crate::targets::ising::Ising;
use crate::targets::observable::{Expectations, Observable, moments};
use rayon::prelude::*;

/// How a law is sampled: so many chains, steps before the first measurement, and steps measured on each chain, one
/// measurement a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sampling {
    /// Chains.
    pub chains: usize,
    /// Steps before the first measurement.
    pub equilibration: usize,
    /// Steps measured.
    pub measured: usize,
}

/// Coordinates that see modes, watched while spins are sampled: the energy and |M| are blind to the sign of M.
pub struct Coordinates<'a> {
    /// Whether the magnetisation is watched, with its sign.
    magnetization: bool,
    /// Principal directions of configurations that the law should have.
    directions: Vec<Vec<f64>>,
    /// The law of the spins.
    law: Option<Box<dyn Law + 'a>>,
}

/// Principal directions that are watched, and at whose ends chains start.
const DIRECTIONS: usize = 2;

impl<'a> Coordinates<'a> {
    /// The magnetisation with its sign, and the first two principal directions of `data`.
    pub fn of_data(data: &Configurations) -> Result<Self> {
        Ok(Self { magnetization: true, directions: principal_directions(data, DIRECTIONS)?, law: None })
    }

    /// The magnetisation with its sign, and ln f of a law: for a machine less its free energy.
    pub fn of_law(law: impl Law + 'a) -> Self {
        Self { magnetization: true, directions: Vec::new(), law: Some(Box::new(law)) }
    }

    /// Nothing: where the modes that chains do not cross are known to be alike in all that is measured, as the two signs of
    /// the magnetisation are in the energy.
    pub fn none() -> Self {
        Self { magnetization: false, directions: Vec::new(), law: None }
    }

    /// Those of `data` and of the machine, where its hidden units can be summed.
    pub fn of_model(model: &'a dyn Model, data: &Configurations) -> Result<Self> {
        Ok(Self { law: model.marginal().ok(), ..Self::of_data(data)? })
    }

    fn count(&self) -> usize {
        usize::from(self.magnetization) + self.directions.len() + usize::from(self.law.is_some())
    }

    /// Of a row whose first bits are the spins.
    fn measure(&self, magnetization: f64, row: &[u64], out: &mut Vec<f64>) {
        out.extend(self.magnetization.then_some(magnetization));
        out.extend(self.directions.iter().map(|d| projection(d, row)));
        out.extend(self.law.iter().map(|law| law.log_weight(row)));
    }
}

/// What a run has seen.
#[derive(Clone, Debug)]
pub struct Sampled {
    sites: usize,
    temperature: f64,
    /// E, E^2, |M|, M^2, M^4 of every state, and the coordinates.
    measurements: Measurements,
}

/// Moves chains, whose first bits are the spins of `ising`, by a kernel of any law of theirs, and measures energy and
/// magnetisation after every step, and the coordinates beside them; `starts[c]` numbers the kind of place where chain c
/// started. `report(done, of)` is called now and then.
pub fn sample(
    ising: &Ising,
    kernel: &dyn Kernel,
    (chains, starts): (&mut Chains, &[usize]),
    coordinates: &Coordinates,
    sampling: Sampling,
    report: &mut dyn FnMut(usize, usize),
) -> Sampled {
    let total = sampling.equilibration + sampling.measured;
    kernel.advance(chains, 1.0, sampling.equilibration, Clamp::Nothing);
    let mut measurements = Measurements::watching(5, coordinates.count(), starts);
    let mut values = Vec::new();
    for step in 0..sampling.measured {
        kernel.advance(chains, 1.0, 1, Clamp::Nothing);
        for chain in 0..chains.states().len() {
            let row = chains.states().row(chain);
            values.clear();
            values.extend(moments(ising, row));
            coordinates.measure(ising.magnetization(row), row, &mut values);
            measurements.push(chain, &values);
        }
        if step % 256 == 0 {
            report(sampling.equilibration + step, total);
        }
    }
    report(total, total);
    Sampled { sites: ising.sites(), temperature: ising.temperature(), measurements }
}

impl Sampled {
    /// An observable, with an error that knows autocorrelation, and none where chains or their starts disagree in the
    /// observable or in a coordinate. tau is in steps of the kernel.
    pub fn estimate(&self, observable: Observable) -> Estimate {
        self.measurements.derived(&|moments| observable.of(moments, self.sites, self.temperature))
    }

    /// The probability that E = `energy`, to rounding.
    pub fn energy_probability(&self, energy: f64) -> f64 {
        let series = self.measurements.series(0);
        let count = series.iter().flatten().filter(|e| (**e - energy).abs() < 1e-6).count();
        count as f64 / (series.len() * self.measurements.length()) as f64
    }
}

/// The kinds of place where [`mixed_starts`] starts chains, as [`Measurements::watching`] takes them.
pub fn kinds_of_starts(chains: usize) -> Vec<usize> {
    (0..chains)
        .map(|chain| {
            let quarter = 4 * chain / chains;
            quarter.saturating_sub(1)
        })
        .collect()
}

/// Where the chains of a machine start: the first half anywhere (every visible unit 0 or 1 with probability 1/2), a quarter
/// in configurations of the data, and a quarter at both ends of their first two principal directions ([`extremes`]), so
/// that a mode which one of the three misses shows. Hidden units are 0; a step of block Gibbs draws them first.
pub fn mixed_starts(data: &Configurations, units: usize, chains: usize, seed: Seed) -> Result<Configurations> {
    let from_data = RowSampler::new(data)?.draw(chains, seed.child("data", 0));
    let ends = extremes(data, DIRECTIONS)?;
    let mut generator = seed.child("anywhere", 0).generator();
    let mut starts = Configurations::zeros(units, chains);
    for (chain, kind) in kinds_of_starts(chains).into_iter().enumerate() {
        let row = starts.row_mut(chain);
        if kind == 0 {
            for site in 0..data.sites() {
                set_bit(row, site, uniform(&mut generator) < 0.5);
            }
        } else {
            let from = match kind {
                2 if !ends.is_empty() => ends.row((chains - 1 - chain) % ends.len()),
                _ => from_data.row(chain),
            };
            copy_bits(from, 0, data.sites(), row, 0);
        }
    }
    Ok(starts)
}

/// Where the chains of an Ising model start, and the kinds of these places: the first half anywhere, the others with all
/// spins up.
pub fn random_and_up(sites: usize, chains: usize, seed: Seed) -> Result<(Configurations, Vec<usize>)> {
    let mut up = Configurations::zeros(sites, 1);
    for (word, bits) in up.row_mut(0).iter_mut().enumerate() {
        *bits = used_bits(sites, word);
    }
    let kinds = kinds_of_starts(chains).into_iter().map(|kind| kind.min(1)).collect();
    Ok((mixed_starts(&up, sites, chains, seed)?, kinds))
}

/// Samples a machine by its own kernel from [`mixed_starts`], and watches the coordinates of the data and of the machine.
pub fn sample_model(
    ising: &Ising,
    model: &dyn Model,
    data: &Configurations,
    sampling: Sampling,
    seed: Seed,
    report: &mut dyn FnMut(usize, usize),
) -> Result<Sampled> {
    let units = model.visible() + model.hidden();
    let starts = mixed_starts(data, units, sampling.chains, seed.child("starts", 0))?;
    let mut chains = Chains::new(starts, seed.child("chains", 0));
    Ok(sample(
        ising,
        &*model.kernel(),
        (&mut chains, &kinds_of_starts(sampling.chains)),
        &Coordinates::of_model(model, data)?,
        sampling,
        report,
    ))
}

/// Hidden units up to which the exact expectations of a machine are summed here: some microseconds a state.
pub const HIDDEN_LIMIT: usize = 18;

/// The exact expectations under a restricted machine, by enumeration of its hidden units, given which the visible ones
/// are independent. With s_i of mean mu_i:
///
/// - `<E>` is E of the means; `Var E = sum_k (1 - mu_k^2) l_k^2 + sum_{couplings} J^2 (1 - mu_i^2)(1 - mu_j^2)`, with
///   the local field l_k = h + sum_j J_kj mu_j: E is a polynomial of second order in the deviations s_k - mu_k, whose
///   terms are uncorrelated;
/// - M: its whole law, a site at a time.
///
/// At most [`HIDDEN_LIMIT`] hidden units: 2^hidden x (sites^2 + couplings x neighbours) operations.
pub fn exact_moments(ising: &Ising, model: &Rbm) -> Result<Expectations> {
    check_limit("the exact observables of the machine", model.hidden(), HIDDEN_LIMIT, "sample it instead")?;
    let hidden = model.transposed();
    Ok(mixture_of_states(&hidden, &|state| expectations_given(ising, model, state)))
}

/// The expectations given the hidden units.
fn expectations_given(ising: &Ising, model: &Rbm, hidden: u64) -> Expectations {
    let sites = ising.sites();
    let (weights, units) = (model.parameters(), model.hidden());
    // P(up) and P(down), each to its own last digits: 1 - P(up) would have none where P(up) is nearly 1.
    let input_of = |row: &[f64]| -> f64 {
        let on = row.iter().enumerate().filter(|(j, _)| hidden >> j & 1 == 1);
        on.map(|(_, weight)| weight).sum()
    };
    let law: Vec<[f64; 2]> = (0..sites)
        .map(|i| {
            let input = model.visible_bias()[i] + input_of(&weights[i * units..(i + 1) * units]);
            [sigmoid(input), sigmoid(-input)]
        })
        .collect();
    let mean: Vec<f64> = law.iter().map(|[up, down]| up - down).collect();
    // 1 - mu_k^2.
    let own: Vec<f64> = law.iter().map(|[up, down]| 4.0 * up * down).collect();
    let (mut energy, mut variance) = (0.0, 0.0);
    for k in 0..sites {
        let ends = ising.neighbours(k);
        let local: f64 = ends.iter().map(|(i, j)| j * mean[*i]).sum::<f64>() + ising.field();
        energy -= mean[k] * (0.5 * (local - ising.field()) + ising.field());
        variance += own[k] * local * local;
        for &(i, j) in ends {
            variance += 0.5 * own[k] * own[i] * j * j;
        }
    }
    // P(n spins up), a site at a time.
    let mut ups = vec![0.0; sites + 1];
    ups[0] = 1.0;
    for (count, [up, down]) in law.iter().enumerate() {
        for n in (0..=count).rev() {
            ups[n + 1] += up * ups[n];
            ups[n] *= down;
        }
    }
    let magnetizations: Vec<(f64, Expectations)> = (0..=sites)
        .map(|n| {
            let magnetization = 2.0 * n as f64 - sites as f64;
            (ups[n], Expectations::of_state(0.0, magnetization))
        })
        .collect();
    Expectations { energy, energy_variance: variance, ..Expectations::mixture(&magnetizations) }
}

/// The exact expectations of any law on the sites of `ising`, by enumeration.
pub fn enumerated_moments(ising: &Ising, law: &dyn Law) -> Result<Expectations> {
    check_limit("the exact observables", law.sites(), crate::enumerate::VISIBLE_LIMIT, "sample the law instead")?;
    Ok(mixture_of_states(law, &|state| {
        let row = [state];
        Expectations::of_state(ising.energy(&row), ising.magnetization(&row))
    }))
}

/// The mixture of what is given for every state of a law that can be enumerated, block by block.
fn mixture_of_states<L: Law + ?Sized>(law: &L, given: &(dyn Fn(u64) -> Expectations + Sync)) -> Expectations {
    let block = 1_usize << law.sites().min(8);
    let blocks = (1_u64 << law.sites()) / block as u64;
    // (largest ln f, sum f / largest, expectations) of every block that has a state.
    let parts: Vec<(f64, f64, Expectations)> = (0..blocks)
        .into_par_iter()
        .filter_map(|k| {
            let mut log_weights = vec![0.0; block];
            law.log_weights(k * block as u64, &mut log_weights);
            let largest = log_weights.iter().fold(f64::NEG_INFINITY, |a: f64, b| a.max(*b));
            let states: Vec<(f64, Expectations)> = (k * block as u64..)
                .zip(&log_weights)
                .filter(|(_, log_weight)| **log_weight > f64::NEG_INFINITY)
                .map(|(state, log_weight)| ((log_weight - largest).exp(), given(state)))
                .collect();
            let sum = states.iter().map(|(weight, _)| weight).sum();
            (sum > 0.0).then(|| (largest, sum, Expectations::mixture(&states)))
        })
        .collect();
    let largest = parts.iter().fold(f64::NEG_INFINITY, |a: f64, part| a.max(part.0));
    let parts: Vec<(f64, Expectations)> =
        parts.into_iter().map(|(scale, sum, part)| (sum * (scale - largest).exp(), part)).collect();
    Expectations::mixture(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One row of a hundred is all up: no chain from data is likely to start there, and one from the ends does.
    #[test]
    fn chains_start_anywhere_in_data_and_at_their_ends() {
        let mut generator = Seed::root(2).generator();
        let mut data = Configurations::zeros(40, 100);
        for s in 0..100 {
            for i in 0..20 {
                let up = s == 17 || uniform(&mut generator) < 0.3;
                set_bit(data.row_mut(s), i, up);
                set_bit(data.row_mut(s), 20 + i, up);
            }
        }
        let starts = mixed_starts(&data, 50, 16, Seed::root(1)).unwrap();
        let kinds = kinds_of_starts(16);
        assert_eq!(kinds, [[0; 8].as_slice(), &[1; 4], &[2; 4]].concat());
        assert_eq!(kinds_of_starts(4), [0, 0, 1, 2]);
        // Both halves of every row of the data are alike, and nothing else is.
        let of_data = |row: &[u64]| row[0] & 0xf_ffff == row[0] >> 20 & 0xf_ffff;
        for (chain, kind) in kinds.iter().enumerate() {
            let row = starts.row(chain);
            assert_eq!(of_data(row), *kind > 0, "{chain}");
            assert_eq!(row[0] >> 40, 0, "hidden units are off");
        }
        let up = |chain: usize| starts.row(chain)[0] == 0xff_ffff_ffff;
        assert_eq!((12..16).filter(|chain| up(*chain)).count(), 1);
        let four = mixed_starts(&data, 50, 4, Seed::root(3)).unwrap();
        assert!(of_data(four.row(3)) && !of_data(four.row(0)));
    }
}
