//! The visible marginal of a general machine: hidden units summed, one connected group at a time.

use super::BoltzmannMachine;
use crate::configuration::{Configurations, bit, set_sites};
use crate::enumerate::{WHOLE_LAW_LIMIT, check_limit};
use crate::error::Result;
use crate::kernels::pairwise::Pairwise;
use crate::law::Law;

/// ln f(v) = sum over visible pairs and biases + sum over groups g of ln Z_g(v).
///
/// Given v, hidden units that no path of hidden units joins are independent, so each connected group has
/// a sum of its own: one unit's softplus for a restricted machine, a whole layer for a deep one.
pub(super) struct Marginal<'a> {
    machine: &'a BoltzmannMachine,
    groups: Vec<Group>,
    /// (parameter, visible, visible) of every visible pair.
    visible_pairs: Vec<(usize, usize, usize)>,
}

/// Hidden units that are joined by edges among themselves.
struct Group {
    /// Numbers of the units in the machine.
    units: Vec<usize>,
    /// Their couplings among each other, units x units, above the diagonal.
    couplings: Vec<f64>,
    /// (parameter, first place, second place) of every pair within the group.
    pairs: Vec<(usize, usize, usize)>,
    /// (parameter, visible unit, place) of every edge to a visible unit.
    edges_to_visible: Vec<(usize, usize, usize)>,
}

impl<'a> Marginal<'a> {
    /// Refused where a group has more hidden units than can be summed for every row.
    pub(super) fn new(machine: &'a BoltzmannMachine) -> Result<Self> {
        let n = machine.visible;
        let mut group_of: Vec<usize> = (0..machine.hidden).collect();
        for &(a, b) in machine.edges.iter().filter(|(a, _)| *a >= n) {
            let (from, to) = (group_of[b - n], group_of[a - n]);
            group_of.iter_mut().filter(|group| **group == from).for_each(|group| *group = to);
        }
        let mut place = vec![(0, 0); machine.hidden];
        let mut groups: Vec<Group> = Vec::new();
        for name in 0..machine.hidden {
            let units: Vec<usize> = (0..machine.hidden).filter(|j| group_of[*j] == name).collect();
            if units.is_empty() {
                continue;
            }
            check_limit(
                "the sum over hidden units that are coupled to each other",
                units.len(),
                WHOLE_LAW_LIMIT,
                "sample them (two Gibbs runs, sampled hidden statistics), or couple fewer",
            )?;
            for (position, &j) in units.iter().enumerate() {
                place[j] = (groups.len(), position);
            }
            groups.push(Group {
                couplings: vec![0.0; units.len() * units.len()],
                units: units.iter().map(|j| n + j).collect(),
                pairs: Vec::new(),
                edges_to_visible: Vec::new(),
            });
        }
        let mut visible_pairs = Vec::new();
        for (k, &(a, b)) in machine.edges.iter().enumerate() {
            if b < n {
                visible_pairs.push((k, a, b));
                continue;
            }
            let (group, second) = place[b - n];
            let group = &mut groups[group];
            if a < n {
                group.edges_to_visible.push((k, a, second));
            } else {
                let first = place[a - n].1;
                group.couplings[first * group.units.len() + second] = machine.parameters[k];
                group.pairs.push((k, first, second));
            }
        }
        Ok(Self { machine, groups, visible_pairs })
    }

    /// The biases of a group's units with their inputs from `row`.
    fn group_biases(&self, group: &Group, row: &[u64]) -> Vec<f64> {
        let biases = self.machine.biases();
        let mut inputs: Vec<f64> = group.units.iter().map(|&unit| biases[unit]).collect();
        for &(k, i, place) in &group.edges_to_visible {
            if bit(row, i) {
                inputs[place] += self.machine.parameters[k];
            }
        }
        inputs
    }

    /// Adds sum_s w_s E[phi | v_s] to `sums`.
    pub(super) fn add_expectations(&self, rows: &Configurations, sums: &mut [f64]) {
        let couplings = self.machine.edges.len();
        for s in 0..rows.len() {
            let (row, weight) = (rows.row(s), rows.weight(s));
            for i in set_sites(row, self.machine.visible) {
                sums[couplings + i] += weight;
            }
            for &(k, i, j) in &self.visible_pairs {
                if bit(row, i) && bit(row, j) {
                    sums[k] += weight;
                }
            }
            for group in &self.groups {
                let biases = self.group_biases(group, row);
                let size = biases.len();
                let (mut means, mut products) = (vec![0.0; size], vec![0.0; size * size]);
                let law = Pairwise { biases: &biases, couplings: &group.couplings };
                law.moments(&mut means, &mut products);
                for (unit, mean) in group.units.iter().zip(&means) {
                    sums[couplings + unit] += weight * mean;
                }
                for &(k, i, place) in &group.edges_to_visible {
                    if bit(row, i) {
                        sums[k] += weight * means[place];
                    }
                }
                for &(k, first, second) in &group.pairs {
                    sums[k] += weight * products[first * size + second];
                }
            }
        }
    }
}

impl Law for Marginal<'_> {
    fn sites(&self) -> usize {
        self.machine.visible
    }

    fn log_weight(&self, state: &[u64]) -> f64 {
        let biases = self.machine.biases();
        let mut total: f64 = set_sites(state, self.machine.visible).map(|i| biases[i]).sum();
        for &(k, i, j) in &self.visible_pairs {
            if bit(state, i) && bit(state, j) {
                total += self.machine.parameters[k];
            }
        }
        for group in &self.groups {
            let biases = self.group_biases(group, state);
            total += match biases[..] {
                [bias] => crate::numerics::softplus(bias),
                _ => crate::numerics::log_sum_exp(
                    &Pairwise { biases: &biases, couplings: &group.couplings }.log_weights(),
                ),
            };
        }
        total
    }
}
