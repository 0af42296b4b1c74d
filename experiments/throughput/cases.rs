//! What is measured.

use gibbsite::configuration::{Configurations, set_bit};
use gibbsite::enumerate;
use gibbsite::kernels::multi_spin::MultiSpin;
use gibbsite::law::{Chains, Clamp, Kernel as _};
use gibbsite::model::Model;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monte_carlo::coloured::multi_spin_metropolis;
use gibbsite::path::Path as _;
use gibbsite::random::{Seed, uniform};
use gibbsite::targets::infinite_lattice::CRITICAL_TEMPERATURE;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::gradient::{
    ContrastiveDivergence, GradientEstimator, HiddenStatistics, PersistentContrastiveDivergence,
};
use gibbsite::training::trainer::{Training, train};
use laboratory::prelude::*;
use std::time::Instant;

choice! {
    /// A kernel by its name in rows.csv.
    pub Kernel {
        Cd = "cd",
        Pcd = "pcd",
        LogPartition = "log_partition",
        ExactGradient = "exact_gradient",
        Metropolis = "metropolis",
        Ais = "ais",
    }
}

/// The time of one unit of work. What has no meaning for a kernel is empty.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
pub struct Row {
    /// cd, pcd: whole updates; log_partition; exact_gradient; metropolis: spin updates; ais: temperatures.
    pub kernel: Kernel,
    /// Visible units, or spins.
    pub visible: usize,
    /// Hidden units.
    pub hidden: Option<usize>,
    /// Configurations a mini-batch, or chains.
    pub batch: Option<usize>,
    /// Gibbs steps of an update, or sweeps.
    pub gibbs_steps: Option<usize>,
    /// sample, state, update or temperature.
    pub unit: String,
    /// The median time of one unit.
    pub microseconds: f64,
}

/// A kernel at one size, ready to be measured.
pub struct Case {
    row: Row,
    work: Work,
}

enum Work {
    /// A pass over data.
    Training {
        model: Rbm,
        estimator: Box<dyn GradientEstimator + Send>,
        data: Configurations,
        settings: Training,
        seed: Seed,
    },
    /// ln Z.
    LogPartition(Rbm),
    /// The model's statistics, by enumeration.
    ExactGradient { model: Rbm, gradient: Vec<f64> },
    /// Annealed importance sampling from the uniform law.
    Annealing { model: Rbm, chains: Chains, temperatures: usize },
    /// Sweeps of many chains.
    Metropolis { kernel: MultiSpin, chains: Chains, sweeps: usize },
}

/// Every case. Weights are small and random, and data noise with the density of digits (0.13) or of Ising
/// configurations (0.5); the learning rate is so small that the machine stays as it is.
pub fn all(seed: u64) -> Result<Vec<Case>> {
    let seed = Seed::root(seed);
    let mut cases = Vec::new();
    for (kernel, visible, hidden, batch, gibbs_steps, rows, density) in [
        (Kernel::Cd, 784, 500, 100, 1, 5000, 0.13),
        (Kernel::Cd, 784, 500, 100, 10, 2000, 0.13),
        (Kernel::Pcd, 784, 500, 20, 15, 1000, 0.13),
        (Kernel::Cd, 100, 400, 100, 10, 10_000, 0.5),
        (Kernel::Cd, 64, 64, 100, 10, 20_000, 0.5),
        (Kernel::Cd, 16, 16, 100, 10, 50_000, 0.5),
    ] {
        let model = machine(visible, hidden, 0.01, seed)?;
        let data = noise(visible, rows, density, seed);
        let statistics = HiddenStatistics::default();
        let estimator: Box<dyn GradientEstimator + Send> = if kernel == Kernel::Cd {
            Box::new(ContrastiveDivergence::new(gibbs_steps, 0, statistics))
        } else {
            let starts = data.select(&(0..batch).collect::<Vec<_>>());
            let chains = PersistentContrastiveDivergence::new(gibbs_steps, statistics, &starts, hidden, seed)?;
            Box::new(chains)
        };
        let settings = Training { epochs: 1, batch, learning_rate: 1e-6, ..Training::default() };
        cases.push(Case {
            row: row(kernel, visible, hidden, "sample").with(batch, gibbs_steps),
            work: Work::Training { model, estimator, data, settings, seed },
        });
    }
    for (visible, hidden) in [(16, 16), (20, 20), (24, 20), (784, 20), (784, 30)] {
        cases.push(Case {
            row: row(Kernel::LogPartition, visible, hidden, "state"),
            work: Work::LogPartition(machine(visible, hidden, 0.1, seed)?),
        });
    }
    for (visible, hidden) in [(16, 16), (20, 20)] {
        let model = machine(visible, hidden, 0.1, seed)?;
        let gradient = vec![0.0; model.parameters().len()];
        cases.push(Case {
            row: row(Kernel::ExactGradient, visible, hidden, "state"),
            work: Work::ExactGradient { model, gradient },
        });
    }
    for (visible, hidden, temperatures) in [(784, 500, 300), (64, 64, 5000)] {
        let chains = 100;
        cases.push(Case {
            row: row(Kernel::Ais, visible, hidden, "temperature").with(chains, 1),
            work: Work::Annealing {
                model: machine(visible, hidden, 0.01, seed)?,
                chains: Chains::new(noise(visible, chains, 0.5, seed).widened(hidden), seed),
                temperatures,
            },
        });
    }
    for (side, count, sweeps) in [(64, 1024, 100), (64, 1, 5000)] {
        let lattice = Lattice::Square(side, side);
        let ising = Ising::on_lattice(lattice, 1.0, 0.0, CRITICAL_TEMPERATURE)?;
        let starts = noise(side * side, count, 0.5, seed);
        let mut row = row(Kernel::Metropolis, side * side, 0, "update").with(count, sweeps);
        row.hidden = None;
        cases.push(Case {
            row,
            work: Work::Metropolis {
                kernel: multi_spin_metropolis(&ising)?,
                chains: Chains::new(starts, seed),
                sweeps,
            },
        });
    }
    Ok(cases)
}

fn row(kernel: Kernel, visible: usize, hidden: usize, unit: &'static str) -> Row {
    Row {
        kernel,
        visible,
        hidden: Some(hidden),
        batch: None,
        gibbs_steps: None,
        unit: unit.to_string(),
        microseconds: 0.0,
    }
}

impl Row {
    fn with(self, batch: usize, gibbs_steps: usize) -> Self {
        Self { batch: Some(batch), gibbs_steps: Some(gibbs_steps), ..self }
    }
}

fn machine(visible: usize, hidden: usize, deviation: f64, seed: Seed) -> Result<Rbm> {
    let mut model = Rbm::new(visible, hidden)?;
    model.initialize(InitialWeights::Gaussian(deviation), seed)?;
    Ok(model)
}

fn noise(sites: usize, rows: usize, density: f64, seed: Seed) -> Configurations {
    let mut data = Configurations::zeros(sites, rows);
    let mut generator = seed.generator();
    for s in 0..rows {
        for i in 0..sites {
            set_bit(data.row_mut(s), i, uniform(&mut generator) < density);
        }
    }
    data
}

impl Case {
    pub fn kernel(&self) -> Kernel {
        self.row.kernel
    }

    /// Units of work of one measurement.
    fn units(&self) -> f64 {
        match &self.work {
            Work::Training { data, .. } => data.len() as f64,
            Work::Annealing { temperatures, .. } => *temperatures as f64,
            Work::Metropolis { chains, sweeps, .. } => {
                (chains.states().len() * chains.states().sites() * sweeps) as f64
            }
            Work::LogPartition(model) | Work::ExactGradient { model, .. } => {
                let smaller = model.visible().min(model.hidden());
                (1_u64 << smaller) as f64 * self.repeats() as f64
            }
        }
    }

    /// Times that a small enumeration is repeated, so that the clock is fine enough.
    fn repeats(&self) -> usize {
        if self.row.visible <= 16 { 20 } else { 1 }
    }

    /// About how long one measurement takes on a slow machine.
    pub fn expected_seconds(&self) -> u64 {
        match (&self.work, self.row.hidden) {
            (Work::LogPartition(_), Some(30)) => 60,
            _ => 0,
        }
    }

    /// A rough duration, for the time left.
    pub fn weight(&self) -> usize {
        1 + 10 * self.expected_seconds() as usize
    }

    /// How often this case is measured.
    pub fn rounds(&self, rounds: usize) -> usize {
        if self.expected_seconds() > 1 { 1 } else { rounds }
    }

    /// Does the work and returns the time of one unit.
    pub fn microseconds(&mut self) -> Result<f64> {
        let units = self.units();
        let repeats = self.repeats();
        let clock = Instant::now();
        match &mut self.work {
            Work::Training { model, estimator, data, settings, seed } => {
                train(model, &mut **estimator, data, settings, *seed, &mut |_, _, _| Ok(()))?
            }
            Work::LogPartition(model) => {
                for _ in 0..repeats {
                    std::hint::black_box(enumerate::log_partition(&*model)?);
                }
            }
            Work::ExactGradient { model, gradient } => {
                for _ in 0..repeats {
                    model.add_model_statistics(gradient)?;
                }
            }
            Work::Annealing { model, chains, temperatures } => {
                let betas: Vec<f64> = (0..=*temperatures).map(|t| t as f64 / 14_500.0).collect();
                let mut log_ratios = vec![0.0; chains.states().len()];
                RbmPath::from_uniform(model)?.anneal(chains, &betas, &mut log_ratios);
                std::hint::black_box(log_ratios);
            }
            Work::Metropolis { kernel, chains, sweeps } => kernel.advance(chains, 1.0, *sweeps, Clamp::Nothing),
        }
        Ok(clock.elapsed().as_secs_f64() * 1e6 / units)
    }

    pub fn row(&self, microseconds: f64) -> Row {
        Row { microseconds, ..self.row.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A measurement is of so many samples, states, temperatures or spins as its work visits, counted by hand.
    #[test]
    fn units_are_those_of_the_work() {
        let cases = all(1).unwrap();
        let of = |kernel: Kernel, visible: usize, batch: Option<usize>| {
            let found = cases.iter().filter(|case| case.kernel() == kernel && case.row.visible == visible);
            let found = found.filter(|case| batch.is_none_or(|batch| case.row.batch == Some(batch)));
            found.map(|case| (case.row.unit.clone(), case.units())).collect::<Vec<_>>()
        };
        let one = |unit: &str, units: f64| vec![(unit.to_string(), units)];
        assert_eq!(of(Kernel::Cd, 100, None), one("sample", 10_000.0));
        assert_eq!(of(Kernel::Pcd, 784, None), one("sample", 1000.0));
        // The small ones are repeated twenty times.
        assert_eq!(of(Kernel::LogPartition, 16, None), one("state", 20.0 * 65_536.0));
        assert_eq!(of(Kernel::LogPartition, 24, None), one("state", 1_048_576.0));
        assert_eq!(of(Kernel::ExactGradient, 20, None), one("state", 1_048_576.0));
        assert_eq!(of(Kernel::Ais, 64, None), one("temperature", 5000.0));
        assert_eq!(of(Kernel::Metropolis, 4096, Some(1024)), one("update", 4096.0 * 1024.0 * 100.0));
        assert_eq!(of(Kernel::Metropolis, 4096, Some(1)), one("update", 4096.0 * 5000.0));
    }
}
