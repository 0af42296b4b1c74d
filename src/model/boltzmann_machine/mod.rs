//! The general Boltzmann machine: any graph of visible and hidden units.

mod marginal;

use super::{Model, check_finite};
use crate::configuration::{Configurations, bit, set_sites};
use crate::enumerate::{WHOLE_LAW_LIMIT, log_partition, whole_law};
use crate::error::{Error, Result};
use crate::kernels::graph_gibbs::GraphGibbs;
use crate::kernels::pairwise::Pairwise;
use crate::kernels::two_layers::TwoLayers;
use crate::law::{Kernel, Law};
use crate::path::{GeometricPath, Path};
use crate::random::Seed;
use marginal::Marginal;
use rand_distr::{Distribution, Normal};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// E(x) = -sum_{edges} W_ab x_a x_b - sum_a d_a x_a with units x = (v, h) of 0 and 1 (Ackley, Hinton
/// and Sejnowski 1985), each pair counted once.
///
/// A restricted machine, a deep one and an Ising model are graphs. Parameters are kept as W in the
/// order of the edges, then d. Sampling takes the joint law of (v, h) and needs no sum over hidden
/// units, so machines larger than any enumeration train too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct BoltzmannMachine {
    visible: usize,
    hidden: usize,
    edges: Vec<(usize, usize)>,
    parameters: Vec<f64>,
}

/// As it was read, before anyone has looked whether it fits together.
#[derive(Deserialize)]
struct Unchecked {
    visible: usize,
    hidden: usize,
    edges: Vec<(usize, usize)>,
    parameters: Vec<f64>,
}

impl TryFrom<Unchecked> for BoltzmannMachine {
    type Error = Error;

    fn try_from(read: Unchecked) -> Result<Self> {
        // More units than numbers do not fit, and are not allocated.
        let biases = read.parameters.len().checked_sub(read.edges.len());
        if read.visible.checked_add(read.hidden) != biases {
            return Err(Error::invalid(
                "a Boltzmann machine",
                format!(
                    "{} numbers for {} edges and {} + {} units",
                    read.parameters.len(),
                    read.edges.len(),
                    read.visible,
                    read.hidden
                ),
                "give a weight to every edge, then a bias to every unit",
            ));
        }
        let mut machine = Self::new(read.visible, read.hidden, &read.edges)?;
        machine.parameters = read.parameters;
        check_finite(&machine)?;
        Ok(machine)
    }
}

/// Rows whose statistics one thread sums before another is worth waking.
const ROWS: usize = 4096;

/// Every pair of `units` units.
pub fn full_graph(units: usize) -> Vec<(usize, usize)> {
    (0..units).flat_map(|a| (a + 1..units).map(move |b| (a, b))).collect()
}

/// Every pair of units of neighbouring layers: two layers are a restricted machine, more a deep one.
///
/// A deep machine of 4 visible and 3 + 2 hidden units learns a ring of four spins:
///
/// ```
/// use gibbsite::enumerate::whole_law;
/// use gibbsite::model::Model;
/// use gibbsite::model::boltzmann_machine::{BoltzmannMachine, layered_graph};
/// use gibbsite::monitor::ExactTarget;
/// use gibbsite::random::Seed;
/// use gibbsite::targets::{ising::Ising, lattice::Lattice};
/// use gibbsite::training::gradient::Exact;
/// use gibbsite::training::trainer::{Training, train};
///
/// # fn main() -> gibbsite::error::Result<()> {
/// let ising = Ising::on_lattice(Lattice::Ring(4), 1.0, 0.0, 2.0)?;
/// let target = ExactTarget::new(&ising)?;
/// let mut deep = BoltzmannMachine::new(4, 5, &layered_graph(&[4, 3, 2]))?;
/// deep.initialize(0.3, Seed::root(1))?;
/// let settings = Training { learning_rate: 0.5, momentum: 0.9, ..Training::default() };
/// train(&mut deep, &mut Exact, &whole_law(&ising)?, &settings, Seed::root(2), &mut |_, _, _| Ok(()))?;
/// assert!(target.measure(&*deep.marginal()?, None)?.kl < 0.02);
/// # Ok(())
/// # }
/// ```
pub fn layered_graph(layers: &[usize]) -> Vec<(usize, usize)> {
    let mut edges = Vec::new();
    let mut start = 0;
    for pair in layers.windows(2) {
        let (first, second) = (start..start + pair[0], start + pair[0]..start + pair[0] + pair[1]);
        edges.extend(first.flat_map(|a| second.clone().map(move |b| (a, b))));
        start += pair[0];
    }
    edges
}

impl BoltzmannMachine {
    /// All parameters zero. Units 0 .. visible - 1 are visible, the others hidden; an edge joins two
    /// different units, and each pair is listed once.
    pub fn new(visible: usize, hidden: usize, edges: &[(usize, usize)]) -> Result<Self> {
        let units = visible + hidden;
        let refuse = |what: String, problem: &str, mend: &str| Err(Error::invalid(what, problem, mend));
        if visible == 0 {
            let what = format!("a machine of 0 visible and {hidden} hidden units");
            return refuse(what, "it has no visible unit", "give it at least one");
        }
        let mut seen = std::collections::HashSet::new();
        for &(a, b) in edges {
            let what = format!("edge ({a}, {b})");
            if a == b {
                return refuse(what, "it couples a unit to itself", "use that unit's bias");
            }
            if a.max(b) >= units {
                return refuse(what, &format!("there are {units} units"), "number units from 0");
            }
            if !seen.insert((a.min(b), a.max(b))) {
                return refuse(what, "the pair is listed twice", "list each pair once");
            }
        }
        Ok(Self {
            visible,
            hidden,
            edges: edges.iter().map(|&(a, b)| (a.min(b), a.max(b))).collect(),
            parameters: vec![0.0; edges.len() + units],
        })
    }

    /// Draws the weights from a normal law with mean 0 and this standard deviation; biases are zero.
    pub fn initialize(&mut self, deviation: f64, seed: Seed) -> Result<()> {
        let normal = Normal::new(0.0, deviation).ok().filter(|_| deviation.is_finite() && deviation >= 0.0);
        let Some(normal) = normal else {
            let problem = format!("{deviation} is not a standard deviation");
            return Err(Error::invalid("initial weights", problem, "take a finite number >= 0"));
        };
        let mut generator = seed.generator();
        self.parameters.fill(0.0);
        let couplings = self.edges.len();
        self.parameters[..couplings].fill_with(|| normal.sample(&mut generator));
        Ok(())
    }

    /// The coupled pairs (a, b), a < b, in the order of their weights.
    pub fn edges(&self) -> &[(usize, usize)] {
        &self.edges
    }

    /// W, in the order of [`Self::edges`].
    pub fn weights(&self) -> &[f64] {
        &self.parameters[..self.edges.len()]
    }

    /// d, visible units first.
    pub fn biases(&self) -> &[f64] {
        &self.parameters[self.edges.len()..]
    }

    /// E of a complete row (v, h).
    pub fn energy(&self, row: &[u64]) -> f64 {
        let on = |&(a, b): &(usize, usize)| bit(row, a) && bit(row, b);
        let pairs = self.edges.iter().zip(self.weights()).filter(|(edge, _)| on(edge));
        let biases = self.biases();
        -pairs.map(|(_, weight)| weight).sum::<f64>() - set_sites(row, self.units()).map(|a| biases[a]).sum::<f64>()
    }

    /// The law e^{-E(v, h)} of all units.
    pub fn joint(&self) -> Joint<'_> {
        let mut neighbours = vec![Vec::new(); self.units()];
        for (&(a, b), &weight) in self.edges.iter().zip(self.weights()) {
            neighbours[a].push((b, weight));
            neighbours[b].push((a, weight));
        }
        Joint { machine: self, neighbours }
    }

    fn units(&self) -> usize {
        self.visible + self.hidden
    }

    fn sampler(&self) -> GraphGibbs {
        GraphGibbs::new(self.visible, &self.edges, self.weights(), self.biases())
    }

    /// Adds the statistics of the rows `from .. to`.
    fn add_rows(&self, rows: &Configurations, from: usize, to: usize, sums: &mut [f64]) {
        let (units, couplings) = (self.units(), self.edges.len());
        // In a dense graph half of the edges or fewer have both ends on: count pairs of set units.
        let dense = couplings > 4 * units;
        let mut products = vec![0.0; if dense { units * units } else { 0 }];
        let mut on = Vec::with_capacity(units);
        for s in from..to {
            let (row, weight) = (rows.row(s), rows.weight(s));
            on.clear();
            on.extend(set_sites(row, units));
            for &a in &on {
                sums[couplings + a] += weight;
            }
            if dense {
                for (place, &a) in on.iter().enumerate() {
                    let products = &mut products[a * units..(a + 1) * units];
                    on[place + 1..].iter().for_each(|&b| products[b] += weight);
                }
            } else {
                let both = |&(a, b): &(usize, usize)| bit(row, a) && bit(row, b);
                let sums = self.edges.iter().zip(sums.iter_mut());
                sums.filter(|(edge, _)| both(edge)).for_each(|(_, sum)| *sum += weight);
            }
        }
        if dense {
            for (&(a, b), sum) in self.edges.iter().zip(sums.iter_mut()) {
                *sum += products[a * units + b];
            }
        }
    }

    /// W as a table of units x units, zero where no edge is; `both` fills both triangles.
    fn coupling_table(&self, both: bool) -> Vec<f64> {
        let units = self.units();
        let mut table = vec![0.0; units * units];
        for (&(a, b), &weight) in self.edges.iter().zip(self.weights()) {
            table[a * units + b] = weight;
            if both {
                table[b * units + a] = weight;
            }
        }
        table
    }
}

/// The joint law of a machine's visible and hidden units.
#[derive(Debug)]
pub struct Joint<'a> {
    machine: &'a BoltzmannMachine,
    neighbours: Vec<Vec<(usize, f64)>>,
}

impl Law for Joint<'_> {
    fn sites(&self) -> usize {
        self.machine.units()
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        -self.machine.energy(state)
    }

    fn log_weight_change(&self, state: &[u64], site: usize) -> f64 {
        let neighbours = self.neighbours[site].iter().filter(|(other, _)| bit(state, *other));
        let input = self.machine.biases()[site] + neighbours.map(|(_, weight)| weight).sum::<f64>();
        if bit(state, site) { -input } else { input }
    }
}

impl Model for BoltzmannMachine {
    fn visible(&self) -> usize {
        self.visible
    }

    fn hidden(&self) -> usize {
        self.hidden
    }

    fn couplings(&self) -> usize {
        self.edges.len()
    }

    fn marginal(&self) -> Result<Box<dyn Law + '_>> {
        Ok(Box::new(Marginal::new(self)?))
    }

    fn parameters(&self) -> &[f64] {
        &self.parameters
    }

    fn parameters_mut(&mut self) -> &mut [f64] {
        &mut self.parameters
    }

    fn parameter_name(&self, index: usize) -> String {
        match self.edges.get(index) {
            Some((a, b)) => format!("W[{a},{b}]"),
            None => format!("d[{}]", index - self.edges.len()),
        }
    }

    fn add_statistics(&self, rows: &Configurations, sums: &mut [f64]) {
        assert_eq!(rows.sites(), self.units(), "rows are (v, h)");
        if rows.len() <= ROWS {
            return self.add_rows(rows, 0, rows.len(), sums);
        }
        let starts: Vec<usize> = (0..rows.len()).step_by(rows.len().div_ceil(16)).collect();
        let partial: Vec<Vec<f64>> = starts
            .par_iter()
            .map(|&from| {
                let to = (from + rows.len().div_ceil(16)).min(rows.len());
                let mut sums = vec![0.0; self.parameters.len()];
                self.add_rows(rows, from, to, &mut sums);
                sums
            })
            .collect();
        for partial in partial {
            sums.iter_mut().zip(partial).for_each(|(sum, more)| *sum += more);
        }
    }

    /// For each pair: both visible x_a x_b; one hidden x_a p(x_b = 1 | v); both hidden p(x_a = x_b = 1 | v).
    fn add_expected_statistics(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()> {
        Marginal::new(self)?.add_expectations(rows, sums);
        Ok(())
    }

    /// Over all units at once where they are few, else over the visible ones.
    fn add_model_statistics(&self, sums: &mut [f64]) -> Result<f64> {
        let units = self.units();
        if units <= WHOLE_LAW_LIMIT {
            let couplings = self.coupling_table(false);
            let law = Pairwise { biases: self.biases(), couplings: &couplings };
            let (mut means, mut products) = (vec![0.0; units], vec![0.0; units * units]);
            let log_partition = law.moments(&mut means, &mut products);
            let pairs = self.edges.iter().map(|&(a, b)| products[a * units + b]);
            for (sum, moment) in sums.iter_mut().zip(pairs.chain(means.iter().copied())) {
                *sum += moment;
            }
            return Ok(log_partition);
        }
        let marginal = self.marginal()?;
        self.add_expected_statistics(&whole_law(&*marginal)?, sums)?;
        log_partition(&*marginal)
    }

    fn add_pseudo_likelihood_gradient(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()> {
        if self.hidden > 0 {
            return super::flip_each_site(self, rows, sums);
        }
        // ln p(v_i | rest) depends on the input of site i alone, so that with p_i = p(v_i = 1 | rest) the
        // gradient is (p_a - v_a) v_b + (p_b - v_b) v_a for an edge and p_a - v_a for a bias. All
        // p_i are the second layer of two coupled copies of the sites.
        let n = self.visible;
        let weights = self.coupling_table(true);
        let layers = TwoLayers { weights: &weights, first_bias: &vec![0.0; n], second_bias: self.biases() };
        let mut predicted = vec![0.0; n * n + 2 * n];
        layers.add_expectations(rows, &mut predicted);
        let mut seen = vec![0.0; self.parameters.len()];
        self.add_statistics(rows, &mut seen);
        let couplings = self.edges.len();
        for (k, &(a, b)) in self.edges.iter().enumerate() {
            sums[k] += predicted[a * n + b] + predicted[b * n + a] - 2.0 * seen[k];
        }
        for a in 0..n {
            sums[couplings + a] += predicted[n * n + n + a] - seen[couplings + a];
        }
        Ok(())
    }

    fn boxed(&self) -> Box<dyn Model> {
        Box::new(self.clone())
    }

    fn pair(&self, coupling: usize) -> (usize, usize) {
        self.edges[coupling]
    }

    fn path(&self, _: Option<&Configurations>) -> Result<Box<dyn Path + '_>> {
        check_finite(self)?;
        Ok(Box::new(GeometricPath::new(self.joint(), self.sampler())?))
    }

    fn kernel(&self) -> Box<dyn Kernel + '_> {
        Box::new(self.sampler())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::bit;
    use crate::path::uniform_configurations;

    /// More rows than one block takes, and not a whole number of blocks: every row counts once, with its weight.
    #[test]
    fn statistics_are_sums_over_all_rows() {
        let machine = BoltzmannMachine::new(4, 2, &full_graph(6)).unwrap();
        for count in [ROWS + 1, 4 * ROWS + 903] {
            let rows = uniform_configurations(6, count, Seed::root(1));
            let mut sums = vec![0.0; machine.parameters().len()];
            machine.add_statistics(&rows, &mut sums);
            let mean =
                |of: &dyn Fn(&[u64]) -> bool| (0..count).filter(|s| of(rows.row(*s))).count() as f64 / count as f64;
            let edges = full_graph(6).into_iter().map(|(a, b)| mean(&|row| bit(row, a) && bit(row, b)));
            let biases = (0..6).map(|unit| mean(&|row| bit(row, unit)));
            for (found, expected) in sums.iter().zip(edges.chain(biases)) {
                assert!((found - expected).abs() < 1e-12, "{found} for {expected} of {count} rows");
            }
        }
    }
}
