//! The general Boltzmann machine against brute force: naive loops over all states of its definition,
//! E(x) = -sum_edges W_ab x_a x_b - sum_a d_a x_a.

mod common;

use common::*;
use gibbsite::configuration::{Configurations, bit, set_bit};
use gibbsite::contract::{self, FALSE_ALARM};
use gibbsite::enumerate;
use gibbsite::error::{Error, Result};
use gibbsite::kernels::graph_gibbs::colour;
use gibbsite::kernels::level::Level;
use gibbsite::law::{Chains, Clamp, Kernel, Law};
use gibbsite::model::Model;
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph, layered_graph};
use gibbsite::model::rbm::Rbm;
use gibbsite::monitor::ExactTarget;
use gibbsite::path::Path;
use gibbsite::random::{Generator, Seed};
use gibbsite::row_sampler::RowSampler;
use gibbsite::statistics::fit::{chi_square_p_value, student_t, student_threshold};
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::training::batch::Batch;
use gibbsite::training::gradient::{
    ContrastiveDivergence, Estimated, Exact, GradientEstimator, HiddenStatistics, PersistentContrastiveDivergence,
    Phase, PseudoLikelihood, Tempering, TrajectoryTempering, TwoGibbsRuns,
};
use gibbsite::training::trainer::{Training, train};
use rand::RngExt;
use rand::seq::SliceRandom;
use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};

/// A uniform number in [-size, size].
fn around_zero(size: f64, generator: &mut Generator) -> f64 {
    size * (2.0 * generator.random::<f64>() - 1.0)
}

/// ln sum e^x.
fn log_sum(exponents: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = exponents.clone().fold(f64::NEG_INFINITY, f64::max);
    largest + exponents.map(|x| (x - largest).exp()).sum::<f64>().ln()
}

/// x_a, 0 or 1.
fn unit(x: usize, a: usize) -> f64 {
    (x >> a & 1) as f64
}

/// A machine written out as its definition: the test's own edges and parameters.
#[derive(Clone)]
struct Graph {
    name: String,
    visible: usize,
    hidden: usize,
    edges: Vec<(usize, usize)>,
    /// W in the order of the edges, then d.
    parameters: Vec<f64>,
}

impl Graph {
    /// Weights within +-`weight`, biases within +-1. Edges come in random order and direction.
    fn new(
        name: &str,
        visible: usize,
        hidden: usize,
        edges: impl IntoIterator<Item = (usize, usize)>,
        weight: f64,
    ) -> Self {
        let edges: Vec<(usize, usize)> = edges.into_iter().collect();
        let mut generator = Seed::root(101).child(name, edges.len() as u64).generator();
        let mut graph = Self::in_order(name, visible, hidden, edges, weight);
        graph.edges.shuffle(&mut generator);
        for edge in &mut graph.edges {
            if generator.random() {
                *edge = (edge.1, edge.0);
            }
        }
        graph
    }

    /// [`Self::new`] with the edges as they are.
    fn in_order(name: &str, visible: usize, hidden: usize, edges: Vec<(usize, usize)>, weight: f64) -> Self {
        let mut generator = Seed::root(102).child(name, edges.len() as u64).generator();
        let mut parameters: Vec<f64> = edges.iter().map(|_| around_zero(weight, &mut generator)).collect();
        parameters.extend((0..visible + hidden).map(|_| around_zero(1.0, &mut generator)));
        Self { name: name.to_string(), visible, hidden, edges, parameters }
    }

    /// Each of the pairs that `allowed` names is an edge with probability `density`.
    fn random(name: &str, visible: usize, hidden: usize, density: f64, allowed: impl Fn(usize, usize) -> bool) -> Self {
        let seed = Seed::root(103).child(name, (density * 1e3) as u64);
        let mut generator = seed.generator();
        let edges: Vec<(usize, usize)> = (0..visible + hidden)
            .flat_map(|a| (0..a).map(move |b| (b, a)))
            .filter(|&(b, a)| allowed(b, a) && generator.random::<f64>() < density)
            .collect();
        Self::new(&format!("{name} {density}"), visible, hidden, edges, 1.2)
    }

    fn units(&self) -> usize {
        self.visible + self.hidden
    }

    fn machine(&self) -> BoltzmannMachine {
        let mut machine = BoltzmannMachine::new(self.visible, self.hidden, &self.edges).unwrap();
        machine.parameters_mut().copy_from_slice(&self.parameters);
        machine
    }

    /// Adds p phi(x) to `sums`.
    fn add_statistics(&self, x: usize, p: f64, sums: &mut [f64]) {
        let (pairs, biases) = sums.split_at_mut(self.edges.len());
        for (sum, &(a, b)) in pairs.iter_mut().zip(&self.edges) {
            *sum += p * unit(x, a) * unit(x, b);
        }
        for (a, sum) in biases.iter_mut().enumerate() {
            *sum += p * unit(x, a);
        }
    }

    /// -E(x).
    fn exponent(&self, x: usize) -> f64 {
        let (weights, biases) = self.parameters.split_at(self.edges.len());
        let mut sum = 0.0;
        for (weight, &(a, b)) in weights.iter().zip(&self.edges) {
            sum += weight * unit(x, a) * unit(x, b);
        }
        for (a, bias) in biases.iter().enumerate() {
            sum += bias * unit(x, a);
        }
        sum
    }

    fn brute_force(&self) -> BruteForce<'_> {
        let exponents: Vec<f64> = (0..1 << self.units()).map(|x| self.exponent(x)).collect();
        let log_partition = log_sum(exponents.iter().copied());
        let marginal = (0..1_usize << self.visible)
            .map(|v| log_sum((0..1_usize << self.hidden).map(|h| exponents[v | h << self.visible])))
            .collect();
        BruteForce { graph: self, exponents, log_partition, marginal }
    }

    /// The probabilities of the joint law f^beta.
    fn joint_law(&self, beta: f64) -> Vec<f64> {
        let exponents: Vec<f64> = (0..1 << self.units()).map(|x| beta * self.exponent(x)).collect();
        let log_partition = log_sum(exponents.iter().copied());
        exponents.iter().map(|x| (x - log_partition).exp()).collect()
    }

    /// d f / d theta by the five-point formula.
    fn differences(&self, f: impl Fn(&Graph) -> f64) -> Vec<f64> {
        let step = 2e-3;
        let mut graph = self.clone();
        (0..self.parameters.len())
            .map(|k| {
                let mut at = |times: f64| {
                    graph.parameters[k] = self.parameters[k] + times * step;
                    let value = f(&graph);
                    graph.parameters[k] = self.parameters[k];
                    value
                };
                (8.0 * (at(1.0) - at(-1.0)) - (at(2.0) - at(-2.0))) / (12.0 * step)
            })
            .collect()
    }
}

/// All sums of a graph over its states.
struct BruteForce<'a> {
    graph: &'a Graph,
    /// -E(x).
    exponents: Vec<f64>,
    /// ln Z.
    log_partition: f64,
    /// ln f(v).
    marginal: Vec<f64>,
}

impl BruteForce<'_> {
    fn zeros(&self) -> Vec<f64> {
        vec![0.0; self.graph.parameters.len()]
    }

    /// `E_model[phi]`.
    fn model_statistics(&self) -> Vec<f64> {
        let mut sums = self.zeros();
        for (x, exponent) in self.exponents.iter().enumerate() {
            let p = (exponent - self.log_partition).exp();
            self.graph.add_statistics(x, p, &mut sums);
        }
        sums
    }

    /// E[phi | v].
    fn expected_statistics(&self, v: usize) -> Vec<f64> {
        let mut sums = self.zeros();
        for h in 0..1_usize << self.graph.hidden {
            let x = v | h << self.graph.visible;
            let p = (self.exponents[x] - self.marginal[v]).exp();
            self.graph.add_statistics(x, p, &mut sums);
        }
        sums
    }

    /// p(v).
    fn visible_law(&self) -> Vec<f64> {
        let p = |log: &f64| (log - self.log_partition).exp();
        self.marginal.iter().map(p).collect()
    }

    /// D_KL(target || model).
    fn kl(&self, target: &[f64]) -> f64 {
        let terms = target.iter().zip(&self.marginal);
        terms.map(|(p, log_f)| p * (p.ln() - (log_f - self.log_partition))).sum()
    }

    /// -sum_v w_v sum_i ln p(v_i | v_-i).
    fn pseudo_cost(&self, weights: &[f64]) -> f64 {
        let mut cost = 0.0;
        for (v, weight) in weights.iter().enumerate() {
            for i in 0..self.graph.visible {
                let (this, other) = (self.marginal[v], self.marginal[v ^ 1 << i]);
                cost -= weight * (this - log_sum([this, other].into_iter()));
            }
        }
        cost
    }
}

/// A law on 2^sites states with random probabilities.
fn random_law(sites: usize, seed: u64) -> Vec<f64> {
    let mut generator = Seed::root(seed).child("random law", sites as u64).generator();
    let weights: Vec<f64> = (0..1 << sites).map(|_| 0.05 + generator.random::<f64>()).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Graphs of few units: every kind that has a path of its own.
fn small_graphs() -> Vec<Graph> {
    let mut graphs = vec![
        Graph::new("fully coupled 5+4", 5, 4, full_graph(9), 1.2),
        Graph::new("fully visible 10", 10, 0, full_graph(10), 0.8),
        Graph::new("no edges 3+2", 3, 2, [], 1.0),
        Graph::new("no edges 4+0", 4, 0, [], 1.0),
        Graph::new("one unit", 1, 0, [], 1.0),
        Graph::new("one pair", 1, 1, [(0, 1)], 2.0),
        Graph::new("deep 4-3-2", 4, 5, layered_graph(&[4, 3, 2]), 1.5),
        Graph::new("restricted 6x4", 6, 4, layered_graph(&[6, 4]), 1.2),
        // Hidden groups {5, 8, 10}, {6, 9} and {7}, each interleaved with the others.
        Graph::new(
            "groups",
            5,
            6,
            [(5, 8), (8, 10), (9, 6), (0, 5), (0, 6), (1, 8), (2, 10), (3, 9), (4, 7), (3, 7), (0, 1), (2, 4), (1, 9)],
            1.5,
        ),
        // The ends of a chain of hidden units meet last: groups merge.
        Graph::in_order(
            "merging",
            3,
            7,
            vec![(3, 4), (5, 6), (7, 8), (4, 9), (6, 7), (5, 9), (0, 3), (1, 8), (2, 6)],
            1.5,
        ),
        // Units 1, 3 (visible) and 5, 7 (hidden) have no edge.
        Graph::new("isolated", 4, 4, [(0, 2), (2, 4), (0, 6), (4, 6)], 1.5),
    ];
    for density in [0.1, 0.3, 0.6, 1.0] {
        graphs.push(Graph::random("random 6+5", 6, 5, density, |_, _| true));
        graphs.push(Graph::random("random 2+8", 2, 8, density, |_, _| true));
    }
    graphs
}

/// Graphs of 20 units, the most that are summed at once, and of more.
fn large_graphs() -> Vec<Graph> {
    vec![
        Graph::random("random 12+8", 12, 8, 0.3, |_, _| true),
        Graph::new("fully coupled 2+18", 2, 18, full_graph(20), 0.5),
        // More than 20 units: by the visible marginal.
        Graph::random("uncoupled hidden 4+18", 4, 18, 0.8, |a, _| a < 4),
        Graph::new("restricted 3x18", 3, 18, layered_graph(&[3, 18]), 1.0),
        Graph::random("hidden triples 3+18", 3, 18, 0.9, |a, b| a < 3 || (a - 3) / 3 == (b - 3) / 3),
        Graph::random("visible 14+7", 14, 7, 0.3, |_, _| true),
    ]
}

/// Against naive sums over all 2^units states, to 1e-10: ln Z by both ways, ln f(v), `E_model[phi]` and
/// E[phi | v], on graphs of every kind up to 22 units.
#[test]
fn exact_sums_are_those_of_brute_force() {
    for graph in small_graphs().iter().chain(&large_graphs()) {
        let (machine, truth) = (graph.machine(), graph.brute_force());
        let name = &graph.name;
        let marginal = machine.marginal().unwrap();
        let ln_z = enumerate::log_partition(&*marginal).unwrap();
        assert_close(&format!("{name}: ln Z"), ln_z, truth.log_partition, 1e-10);

        let mut weights = vec![0.0; 1 << graph.visible];
        marginal.log_weights(0, &mut weights);
        assert_all_close(&format!("{name}: ln f"), &weights, &truth.marginal, 1e-10);

        // Statistics are added to what is there.
        let mut sums: Vec<f64> = (0..graph.parameters.len()).map(|k| k as f64).collect();
        let ln_z = machine.add_model_statistics(&mut sums).unwrap();
        assert_close(&format!("{name}: ln Z with moments"), ln_z, truth.log_partition, 1e-10);
        let expected: Vec<f64> = truth.model_statistics().iter().enumerate().map(|(k, x)| x + k as f64).collect();
        for (k, (ours, truth)) in sums.iter().zip(&expected).enumerate() {
            let what = format!("{name}: E_model of {}", machine.parameter_name(k));
            assert!((ours - truth).abs() < 1e-10, "{what}: {ours}, not {truth}");
        }

        let step = (1_usize << graph.visible).div_ceil(64) | 1;
        for v in (0..1 << graph.visible).step_by(step) {
            let mut row = Configurations::zeros(graph.visible, 1);
            row.row_mut(0)[0] = v as u64;
            let mut sums = truth.zeros();
            machine.add_expected_statistics(&row, &mut sums).unwrap();
            let expected = truth.expected_statistics(v);
            let what = format!("{name}: E[phi | {v:#b}]");
            assert_all_close(&what, &sums, &expected, 1e-10);
            // A row of a chain, whose hidden units do not matter.
            let mut wide = row.widened(graph.hidden);
            (graph.visible..graph.units()).for_each(|j| set_bit(wide.row_mut(0), j, j % 3 != 0));
            let mut again = truth.zeros();
            machine.add_expected_statistics(&wide, &mut again).unwrap();
            assert_eq!(again, sums, "{what} from a chain");
        }
    }
}

/// Against naive sums: weighted rows, the statistics of complete rows, and the energy of every state.
#[test]
fn energies_and_statistics_are_the_definition() {
    for graph in small_graphs() {
        let (machine, truth) = (graph.machine(), graph.brute_force());
        for (x, exponent) in truth.exponents.iter().enumerate() {
            let energy = machine.energy(&[x as u64]);
            assert_close(&format!("{}: E({x:#b})", graph.name), energy, -exponent, 1e-12);
        }
        let complete = random_law(graph.units(), 104);
        let mut expected = truth.zeros();
        for (x, p) in complete.iter().enumerate() {
            graph.add_statistics(x, *p, &mut expected);
        }
        let mut sums = truth.zeros();
        let rows = Configurations::whole_law(graph.units(), complete);
        machine.add_statistics(&rows, &mut sums);
        assert_all_close(&graph.name, &sums, &expected, 1e-12);
    }
}

/// The exact gradient for a law over the visible units.
fn exact_gradient(machine: &BoltzmannMachine, target: &[f64]) -> Vec<f64> {
    let law = Configurations::whole_law(machine.visible(), target.to_vec());
    let sampler = RowSampler::new(&law).unwrap();
    let batch = Batch::Law { law: &law, sampler: &sampler, chains: 1 };
    let mut gradient = vec![f64::NAN; machine.parameters().len()];
    Exact.estimate(machine, &batch, Seed::root(105), &mut gradient).unwrap().write(machine, &mut gradient).unwrap();
    gradient
}

/// Against moments summed naively, and against central differences of the divergence from a random
/// target that is summed naively too: both to 1e-10.
#[test]
fn exact_gradients_are_those_of_brute_force() {
    for graph in small_graphs() {
        let (machine, truth) = (graph.machine(), graph.brute_force());
        let target = random_law(graph.visible, 106);
        let gradient = exact_gradient(&machine, &target);
        let mut moments = truth.model_statistics();
        for (v, p) in target.iter().enumerate() {
            let expected = truth.expected_statistics(v);
            for (sum, x) in moments.iter_mut().zip(expected) {
                *sum -= p * x;
            }
        }
        assert_all_close(&graph.name, &gradient, &moments, 1e-10);
        let differences = graph.differences(|graph| graph.brute_force().kl(&target));
        let what = format!("{}: differences", graph.name);
        assert_all_close(&what, &gradient, &differences, 1e-10);
    }
}

#[test]
fn sums_keep_their_contract() {
    for graph in small_graphs() {
        contract::sums(&graph.machine(), 105).unwrap_or_else(|problem| panic!("{}: {problem}", graph.name));
    }
}

/// Against recomputation and enumeration (contract::law): the marginal and the joint law of every small
/// graph, also where all parameters are large.
#[test]
fn marginal_and_joint_keep_the_contract_of_a_law() {
    for graph in small_graphs() {
        for factor in [1.0, 0.0, 30.0] {
            let mut machine = graph.machine();
            let parameters = machine.parameters_mut().iter_mut();
            parameters.for_each(|x| *x *= factor);
            let marginal = machine.marginal().unwrap();
            let laws: [(&str, &dyn Law); 2] = [("marginal", &*marginal), ("joint", &machine.joint())];
            for (which, law) in laws {
                contract::law(law, 107).unwrap_or_else(|problem| panic!("{}, {which}: {problem}", graph.name));
            }
            assert_eq!(machine.joint().sites(), graph.units());
        }
    }
}

/// A restricted machine as a graph and as itself, with the same parameters.
fn restricted(visible: usize, hidden: usize, weight: f64) -> (Graph, Rbm) {
    let edges = layered_graph(&[visible, hidden]);
    let graph = Graph::in_order("restricted", visible, hidden, edges, weight);
    let mut rbm = Rbm::new(visible, hidden).unwrap();
    rbm.parameters_mut().copy_from_slice(&graph.parameters);
    (graph, rbm)
}

/// Against the restricted machine, to 1e-12: energies, ln f(v), ln Z, all statistics, both gradients
/// and the names' order; 14x10 takes the route by the marginal.
#[test]
fn a_graph_of_two_layers_is_a_restricted_machine() {
    for (n, m) in [(4, 3), (3, 6), (7, 5), (1, 1), (14, 10)] {
        let (graph, rbm) = restricted(n, m, 1.2);
        let machine = graph.machine();
        let what = |word: &str| format!("{n}x{m}: {word}");
        assert_eq!(machine.edges(), layered_graph(&[n, m]));
        assert_eq!(machine.couplings(), rbm.couplings());
        assert_eq!((machine.visible(), machine.hidden()), (n, m));
        for x in (0..1_u64 << (n + m)).step_by(if n + m > 12 { 997 } else { 1 }) {
            let (ours, truth) = (machine.energy(&[x]), rbm.energy(&[x]));
            assert_close(&what("E"), ours, truth, 1e-12);
        }
        let marginal = machine.marginal().unwrap();
        let (mut ours, mut truth) = (vec![0.0; 1 << n], vec![0.0; 1 << n]);
        marginal.log_weights(0, &mut ours);
        rbm.log_weights(0, &mut truth);
        assert_all_close(&what("ln f"), &ours, &truth, 1e-12);
        let ours = enumerate::log_partition(&*marginal).unwrap();
        let truth = enumerate::log_partition(&rbm).unwrap();
        assert_close(&what("ln Z"), ours, truth, 1e-12);

        let data = Configurations::whole_law(n, random_law(n, 108));
        type Add<'a> = &'a dyn Fn(&dyn Model, &mut [f64]) -> f64;
        let sums: [(&str, Add); 3] = [
            ("E_model", &|model, sums| model.add_model_statistics(sums).unwrap()),
            ("E[phi | v]", &|model, sums| {
                model.add_expected_statistics(&data, sums).unwrap();
                0.0
            }),
            ("pseudo-likelihood", &|model, sums| {
                model.add_pseudo_likelihood_gradient(&data, sums).unwrap();
                0.0
            }),
        ];
        for (word, add) in sums {
            if n + m > 20 && word == "pseudo-likelihood" {
                continue;
            }
            let mut ours = vec![0.0; graph.parameters.len()];
            let mut truth = ours.clone();
            let returned = (add(&machine, &mut ours), add(&rbm, &mut truth));
            assert_close(&what(word), returned.0, returned.1, 1e-12);
            assert_all_close(&what(word), &ours, &truth, 1e-12);
        }
    }
}

/// The colours of a graph as the kernel takes them: hidden units first.
fn colours(graph: &Graph) -> Vec<usize> {
    colour(graph.units(), &graph.edges, graph.visible..graph.units())
}

/// Against the definition of a colouring: no edge joins two units of a colour, colours are numbered
/// from 0 without gaps, hidden units are coloured as if alone; and by hand for rings, layers, full
/// graphs and isolated units.
#[test]
fn colours_part_neighbours() {
    for graph in small_graphs().iter().chain(&large_graphs()) {
        let colours = colours(graph);
        assert_eq!(colours.len(), graph.units());
        for &(a, b) in &graph.edges {
            assert_ne!(colours[a], colours[b], "{}: edge ({a}, {b})", graph.name);
        }
        let used: BTreeSet<usize> = colours.iter().copied().collect();
        assert!(used.iter().copied().eq(0..used.len()), "{used:?}");
        for (unit, colour) in colours.iter().enumerate() {
            let joined = graph.edges.iter().any(|&(a, b)| a == unit || b == unit);
            assert!(joined || *colour == 0, "an isolated unit waits");
        }
        // Every smaller colour is taken by a neighbour: greedy.
        for (unit, colour) in colours.iter().enumerate() {
            for smaller in 0..*colour {
                let taken = graph
                    .edges
                    .iter()
                    .any(|&(a, b)| (a == unit && colours[b] == smaller) || (b == unit && colours[a] == smaller));
                assert!(taken, "{}: unit {unit} skips {smaller}", graph.name);
            }
        }
    }
    for (n, m) in [(4, 3), (1, 1), (2, 9), (9, 2)] {
        let (graph, _) = restricted(n, m, 1.0);
        let expected = [vec![1; n], vec![0; m]].concat();
        assert_eq!(colours(&graph), expected, "{n}x{m}: hidden units first");
    }
    for n in [4, 6, 10, 128] {
        let ring = colour(n, &Lattice::Ring(n).bonds(), 0..0);
        let expected: Vec<usize> = (0..n).map(|i| i % 2).collect();
        assert_eq!(ring, expected, "ring of {n}");
    }
    assert_eq!(colour(5, &Lattice::Ring(5).bonds(), 0..0), [0, 1, 0, 1, 2]);
    assert_eq!(colour(4, &full_graph(4), 2..4), [2, 3, 0, 1]);
    assert_eq!(colour(3, &[], 1..3), [0; 3]);
    assert!(colour(0, &[], 0..0).is_empty());
    // Unit 1 is alone, unit 3 too; all of them are asked for twice.
    assert_eq!(colour(5, &[(4, 0), (2, 4)], (0..5).rev()), [1, 0, 1, 0, 0]);
}

/// Against the joint law e^{-beta E(x)} written out (contract::kernel, contract::holding): invariance, reach and clamping,
/// for 100,003 chains, which fill neither a block nor a register.
#[test]
fn kernel_keeps_its_contract_for_the_joint_law() {
    let graphs = [
        Graph::new("kernel, full 5+4", 5, 4, full_graph(9), 0.8),
        Graph::new("kernel, visible 8", 8, 0, full_graph(8), 0.6),
        Graph::new("kernel, ring", 9, 0, Lattice::Ring(9).bonds(), 1.0),
        Graph::new("kernel, deep", 4, 5, layered_graph(&[4, 3, 2]), 1.0),
        Graph::new("kernel, isolated", 3, 3, [(0, 4), (4, 5)], 1.5),
        Graph::new("kernel, no edges", 2, 2, [], 1.0),
        Graph::random("kernel, sparse 6+4", 6, 4, 0.3, |_, _| true),
        Graph::random("kernel, half 5+5", 5, 5, 0.5, |_, _| true),
    ];
    for graph in &graphs {
        let machine = graph.machine();
        for beta in [1.0, 0.5] {
            let law = graph.joint_law(beta);
            let kernel = machine.kernel();
            assert_eq!(kernel.units(), graph.units());
            contract::kernel(&*kernel, beta, &law, graph.visible, 60, 100_003, 109)
                .and_then(|()| contract::holding(&*kernel, beta, &law, 100, 100_003, 110))
                .unwrap_or_else(|problem| panic!("{} at {beta}: {problem}", graph.name));
        }
    }
}

/// How often each complete row occurs.
fn counts(chains: &Chains) -> Vec<u64> {
    let mut counts = vec![0; 1 << chains.states().sites()];
    for row in chains.states().bits() {
        counts[*row as usize] += 1;
    }
    counts
}

/// The law over (v, h) after one step of block Gibbs from `law`: h is drawn given v, then v given h.
fn block_gibbs_step(naive: &NaiveMachine, beta: f64, law: &[f64]) -> Vec<f64> {
    let (n, m) = (naive.visible_bias.len(), naive.hidden_bias.len());
    let weight = |v: usize, h: usize| (beta * naive.exponent(v, h)).exp();
    let mut visible = vec![0.0; 1 << n];
    for (x, p) in law.iter().enumerate() {
        visible[x & ((1 << n) - 1)] += p;
    }
    let mut hidden = vec![0.0; 1 << m];
    for (v, p) in visible.iter().enumerate() {
        let sum: f64 = (0..1 << m).map(|h| weight(v, h)).sum();
        for (h, next) in hidden.iter_mut().enumerate() {
            *next += p * weight(v, h) / sum;
        }
    }
    let mut next = vec![0.0; law.len()];
    for (h, p) in hidden.iter().enumerate() {
        let sum: f64 = (0..1 << n).map(|v| weight(v, h)).sum();
        for v in 0..1 << n {
            next[v | h << n] = p * weight(v, h) / sum;
        }
    }
    next
}

/// The law after one step from `law`: unit after unit in order of the colours, each given all others.
fn coloured_step(graph: &Graph, beta: f64, law: &[f64], clamp: Clamp) -> Vec<f64> {
    let colours = colours(graph);
    let mut law = law.to_vec();
    for colour in 0..graph.units() {
        for unit in (0..graph.units()).filter(|unit| colours[*unit] == colour) {
            if clamp == Clamp::Visible && unit < graph.visible {
                continue;
            }
            for off in (0..law.len()).filter(|x| !bit_of(*x, unit)) {
                let on = off | 1 << unit;
                let total = law[off] + law[on];
                let input = beta * (graph.exponent(on) - graph.exponent(off));
                law[on] = total / (1.0 + (-input).exp());
                law[off] = total - law[on];
            }
        }
    }
    law
}

const TRANSIENT_CHAINS: usize = 500_000;

/// 500,000 chains from one row after some steps.
fn advanced(kernel: &dyn Kernel, start: usize, beta: f64, steps: usize, clamp: Clamp) -> Chains {
    let mut rows = Configurations::zeros(kernel.units(), TRANSIENT_CHAINS);
    rows.bits_mut().fill(start as u64);
    let seed = Seed::root(110).child("transient", (start * 10 + steps) as u64);
    let mut chains = Chains::new(rows, seed);
    kernel.advance(&mut chains, beta, steps, clamp);
    chains
}

/// Against the exact law over (v, h) after 1 and 2 steps of h given v, then v given h, from a fixed
/// start: the graph's kernel and block Gibbs both follow it, at two temperatures. It sees errors that
/// leave the stationary law alone.
#[test]
fn a_graph_of_two_layers_moves_as_block_gibbs() {
    const TESTS: f64 = 3.0 * 2.0 * 2.0 * 2.0;
    for (n, m, start) in [(4, 3, 0b010_0110), (3, 4, 0b100_1100), (2, 6, 0b11)] {
        let (graph, rbm) = restricted(n, m, 1.5);
        let machine = graph.machine();
        let naive = NaiveMachine::new(n, m, &graph.parameters);
        for beta in [1.0, 0.5] {
            let mut law = vec![0.0; 1 << (n + m)];
            law[start] = 1.0;
            for steps in [1, 2] {
                law = block_gibbs_step(&naive, beta, &law);
                for (name, kernel) in [("graph", machine.kernel()), ("block", rbm.kernel())] {
                    let chains = advanced(&*kernel, start, beta, steps, Clamp::Nothing);
                    let p_value = chi_square_p_value(&counts(&chains), &law);
                    assert!(
                        p_value > FALSE_ALARM / TESTS,
                        "{name} {n}x{m} at {beta} after {steps} steps: p-value {p_value:e}"
                    );
                }
            }
        }
    }
}

/// Against the exact law over all units after 1 and 2 steps, unit after unit in the order of the
/// colours, from a fixed start, free and clamped: coupled hidden units, visible pairs, isolated units.
#[test]
fn coloured_steps_follow_their_transient_law() {
    let graphs = [
        Graph::new("transient, full 3+3", 3, 3, full_graph(6), 1.5),
        Graph::new("transient, deep", 3, 4, layered_graph(&[3, 2, 2]), 1.5),
        Graph::new("transient, ring", 6, 0, Lattice::Ring(6).bonds(), 1.5),
        Graph::new("transient, isolated", 3, 3, [(0, 4), (4, 5), (0, 1)], 1.5),
    ];
    let tests = (graphs.len() * 4) as f64;
    for graph in &graphs {
        let machine = graph.machine();
        let start = 0b10_1101 & ((1 << graph.units()) - 1);
        for clamp in [Clamp::Nothing, Clamp::Visible] {
            let mut law = vec![0.0; 1 << graph.units()];
            law[start] = 1.0;
            for steps in [1, 2] {
                law = coloured_step(graph, 0.8, &law, clamp);
                let chains = advanced(&*machine.kernel(), start, 0.8, steps, clamp);
                let p_value = chi_square_p_value(&counts(&chains), &law);
                assert!(p_value > FALSE_ALARM / tests, "{}, {clamp:?}, {steps} steps: p-value {p_value:e}", graph.name);
            }
        }
    }
}

/// A random graph of so many units that rows span words.
fn wide_graph(visible: usize, hidden: usize) -> Graph {
    let density = 6.0 / (visible + hidden) as f64;
    Graph::random("wide", visible, hidden, density, |_, _| true)
}

/// Against the sign of the input: with weights of +-1e4 and biases of 1e3 no unit ever disobeys, unit
/// after unit in the order of the colours, for rows of several words and any number of chains.
#[test]
fn units_with_extreme_inputs_never_disobey() {
    for (visible, hidden, count) in [(65, 33, 1), (100, 60, 17), (128, 0, 63), (3, 130, 101)] {
        let mut graph = wide_graph(visible, hidden);
        let mut generator = Seed::root(111).child("signs", count as u64).generator();
        let couplings = graph.edges.len();
        for (k, x) in graph.parameters.iter_mut().enumerate() {
            let size = if k < couplings { 1e4 } else { 1e3 };
            *x = if generator.random() { size } else { -size };
        }
        let (machine, colours) = (graph.machine(), colours(&graph));
        let mut rows = Configurations::zeros(graph.units(), count);
        for s in 0..count {
            (0..graph.units()).for_each(|a| set_bit(rows.row_mut(s), a, generator.random()));
        }
        for clamp in [Clamp::Nothing, Clamp::Visible] {
            let mut chains = Chains::new(rows.clone(), Seed::root(112));
            machine.kernel().advance(&mut chains, 1.0, 2, clamp);
            for s in 0..count {
                let mut row = rows.row(s).to_vec();
                for colour in (0..graph.units()).chain(0..graph.units()) {
                    for unit in (0..graph.units()).filter(|unit| colours[*unit] == colour) {
                        if clamp == Clamp::Visible && unit < visible {
                            continue;
                        }
                        let mut input = graph.parameters[couplings + unit];
                        for (k, &(a, b)) in graph.edges.iter().enumerate() {
                            let other = if a == unit { b } else { a };
                            if (a == unit || b == unit) && bit(&row, other) {
                                input += graph.parameters[k];
                            }
                        }
                        set_bit(&mut row, unit, input > 0.0);
                    }
                }
                assert_eq!(chains.states().row(s), row, "{visible}+{hidden}, {clamp:?}");
            }
        }
    }
}

/// FNV-1a over 64-bit words.
fn hash(words: impl IntoIterator<Item = u64>) -> u64 {
    words.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}

/// A hash of everything that a machine computes: chains, weights, moments, expectations, gradients.
fn hash_of_all_kernels() -> u64 {
    let mut hashes = Vec::new();
    let mut graphs = small_graphs();
    graphs.push(wide_graph(13, 3));
    graphs.push(wide_graph(100, 60));
    graphs.push(wide_graph(130, 0));
    for graph in graphs {
        let machine = graph.machine();
        let rows = Configurations::zeros(graph.units(), 1_001);
        let mut chains = Chains::new(rows, Seed::root(113));
        let kernel = machine.kernel();
        kernel.advance(&mut chains, 0.9, 20, Clamp::Nothing);
        kernel.advance(&mut chains, 0.9, 3, Clamp::Visible);
        hashes.push(hash(chains.states().bits().iter().copied()));
        let mut sums = vec![0.0; graph.parameters.len()];
        if graph.visible < 20 {
            let ln_z = machine.add_model_statistics(&mut sums).unwrap();
            hashes.push(ln_z.to_bits());
            let mut table = vec![0.0; 1 << graph.visible];
            machine.marginal().unwrap().log_weights(0, &mut table);
            hashes.push(hash(table.iter().map(|x| x.to_bits())));
        }
        if graph.visible < 20 || graph.hidden == 0 {
            let states = chains.states();
            machine.add_expected_statistics(states, &mut sums).unwrap();
            machine.add_pseudo_likelihood_gradient(states, &mut sums).unwrap();
        }
        hashes.push(hash(sums.iter().map(|x| x.to_bits())));
    }
    hash(hashes)
}

/// Against each other: the levels baseline, avx2 and avx512, each in a process of its own (this test
/// calls itself), compute the same bits. A level that the processor lacks falls back to a lower one.
#[test]
fn every_level_computes_the_same_bits() {
    const CHILD: &str = "GIBBSITE_TEST_PRINTS_BITS";
    const NAME: &str = "every_level_computes_the_same_bits";
    if std::env::var_os(CHILD).is_some() {
        println!("\nBITS {} {:016x}", Level::get().name(), hash_of_all_kernels());
        return;
    }
    let run = |wish: &str| -> (String, String) {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", NAME, "--nocapture"])
            .env("GIBBSITE_KERNEL", wish)
            .env(CHILD, "1")
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{wish}: {text}");
        let line = text.lines().find_map(|line| line.strip_prefix("BITS "));
        let (level, bits) =
            line.and_then(|line| line.split_once(' ')).unwrap_or_else(|| panic!("{wish} printed no bits: {text}"));
        (level.to_string(), bits.to_string())
    };
    let (level, baseline) = run("baseline");
    assert_eq!(level, "baseline");
    for wish in ["avx2", "avx512"] {
        let (level, bits) = run(wish);
        assert_eq!(bits, baseline, "{wish} ran as {level}");
    }
}

fn ring_of_four() -> Ising {
    Ising::on_lattice(Lattice::Ring(4), 1.0, 0.2, 2.0).unwrap()
}

/// 4 visible and 3 hidden units, all coupled. Hidden units pull each other up against their biases, so
/// that one step from random hidden units is far from p(h | v).
fn coupled_machine() -> BoltzmannMachine {
    let mut graph = Graph::in_order("coupled", 4, 3, full_graph(7), 0.5);
    for (k, &(a, _)) in graph.edges.iter().enumerate() {
        if a >= 4 {
            graph.parameters[k] = 2.0;
        }
    }
    let biases = graph.edges.len() + 4;
    graph.parameters[biases..].copy_from_slice(&[-3.0, -2.8, -3.2]);
    graph.machine()
}

/// The phases of a machine whose hidden units forget within 40 steps.
fn phases(clamped_steps: usize) -> Vec<HiddenStatistics> {
    let both = [Phase::Analytic, Phase::Sampled { clamped_steps }];
    both.into_iter()
        .flat_map(|positive| both.into_iter().map(move |negative| HiddenStatistics { positive, negative }))
        .collect()
}

/// Makes each sampling estimator with `gibbs_steps` for 3 hidden units: its name and maker.
type Maker = Box<dyn Fn(&Configurations, Seed) -> Box<dyn GradientEstimator>>;

fn makers(gibbs_steps: usize, hidden_statistics: HiddenStatistics) -> [(&'static str, Maker); 3] {
    [
        ("CD", Box::new(move |_, _| Box::new(ContrastiveDivergence::new(gibbs_steps, 40, hidden_statistics)))),
        (
            "PCD",
            Box::new(move |starts, seed| {
                Box::new(PersistentContrastiveDivergence::new(gibbs_steps, hidden_statistics, starts, 3, seed).unwrap())
            }),
        ),
        ("two Gibbs runs", Box::new(move |_, _| Box::new(TwoGibbsRuns::new(100, gibbs_steps, hidden_statistics)))),
    ]
}

/// Against central differences of the divergence from a ring of four (contract::estimator): every
/// estimator in equilibrium, with every treatment of three hidden units that are coupled.
#[test]
fn estimators_keep_their_contract() {
    let (target, mut model) = (ring_of_four(), coupled_machine());
    contract::estimator(&|_, _| Box::new(Exact), &mut model, &target, 114).unwrap();
    for hidden_statistics in phases(40) {
        for (name, make) in makers(40, hidden_statistics) {
            contract::estimator(&*make, &mut model, &target, 115)
                .unwrap_or_else(|problem| panic!("{name}, {hidden_statistics}: {problem}"));
        }
    }
}

/// Against an impostor: one clamped step from random hidden units does not reach p(h | v) where hidden
/// units are coupled, and the contract refuses every estimator that stops there.
#[test]
fn too_few_clamped_steps_are_refused() {
    let (target, mut model) = (ring_of_four(), coupled_machine());
    let sampled = Phase::Sampled { clamped_steps: 1 };
    for negative in [Phase::Analytic, sampled] {
        let hidden_statistics = HiddenStatistics { positive: sampled, negative };
        for (name, make) in makers(40, hidden_statistics) {
            let problem = contract::estimator(&*make, &mut model, &target, 116).unwrap_err();
            assert!(problem.contains("where the data are the model's law"), "{name}, {hidden_statistics}: {problem}");
            println!("{name}, {hidden_statistics}: {problem}");
        }
    }
}

/// The means over `estimates` of CD-1 on data that are the model's own law, as t-values against zero.
fn cd_1_at_its_own_law(hidden_statistics: HiddenStatistics) -> (Vec<f64>, f64) {
    const ESTIMATES: u64 = 512;
    let model = coupled_machine();
    let own = enumerate::whole_law(&*model.marginal().unwrap()).unwrap();
    let sampler = RowSampler::new(&own).unwrap();
    let count = model.parameters().len();
    let mut values = vec![Vec::new(); count];
    for run in 0..ESTIMATES {
        let seed = Seed::root(117).child("run", run);
        let rows = sampler.draw(200, seed.child("rows", 0));
        let mut gradient = vec![0.0; count];
        ContrastiveDivergence::new(1, 40, hidden_statistics)
            .estimate(&model, &Batch::Rows(rows), seed, &mut gradient)
            .and_then(|estimated| estimated.write(&model, &mut gradient))
            .unwrap();
        for (values, x) in values.iter_mut().zip(gradient) {
            values.push(x);
        }
    }
    let t = values.iter().map(|values| student_t(values, 0.0, 1.0));
    let threshold = student_threshold(ESTIMATES as usize, 2 * count, FALSE_ALARM);
    (t.collect(), threshold)
}

/// Against zero: CD-1 does not move a model whose own law the data are, since its chains start with
/// hidden units that have forgotten their random start.
#[test]
fn cd_1_keeps_its_own_law_where_hidden_units_are_coupled() {
    for hidden_statistics in phases(40) {
        let (t, threshold) = cd_1_at_its_own_law(hidden_statistics);
        assert!(t.iter().all(|t| t.abs() < threshold), "{hidden_statistics}: {t:?}");
    }
}

/// The gradient of the pseudo-likelihood for data of a whole law.
fn pseudo_gradient(model: &dyn Model, weights: &[f64]) -> Vec<f64> {
    let rows = Configurations::whole_law(model.visible(), weights.to_vec());
    let mut sums = vec![0.0; model.parameters().len()];
    model.add_pseudo_likelihood_gradient(&rows, &mut sums).unwrap();
    sums
}

/// Against central differences of -sum_s w_s sum_i ln p(v_i | v_-i), all summed naively, to 1e-10:
/// machines with and without hidden units, and the restricted machine itself; against zero where the
/// data are the model's own law; the estimator overwrites and returns the same.
#[test]
fn pseudo_likelihood_gradients_are_those_of_brute_force() {
    for graph in small_graphs() {
        let machine = graph.machine();
        let data = random_law(graph.visible, 118);
        let truth = graph.differences(|graph| graph.brute_force().pseudo_cost(&data));
        let ours = pseudo_gradient(&machine, &data);
        assert_all_close(&graph.name, &ours, &truth, 1e-10);
        let own = pseudo_gradient(&machine, &graph.brute_force().visible_law());
        let what = format!("{}: at its own law", graph.name);
        assert_all_close(&what, &own, &vec![0.0; own.len()], 1e-12);

        let law = Configurations::whole_law(graph.visible, data);
        let sampler = RowSampler::new(&law).unwrap();
        let batch = Batch::Law { law: &law, sampler: &sampler, chains: 1 };
        let mut gradient = vec![f64::NAN; ours.len()];
        let estimated = PseudoLikelihood.estimate(&machine, &batch, Seed::root(119), &mut gradient).unwrap();
        estimated.write(&machine, &mut gradient).unwrap();
        assert_eq!(gradient, ours, "{}", graph.name);
        assert_eq!(PseudoLikelihood.gibbs_updates(&machine, &batch), (batch.data().len() * graph.visible) as u64);
    }
    for (n, m) in [(4, 3), (6, 4)] {
        let (graph, rbm) = restricted(n, m, 1.2);
        let data = random_law(n, 120);
        let truth = graph.differences(|graph| graph.brute_force().pseudo_cost(&data));
        let what = format!("RBM {n}x{m}");
        assert_all_close(&what, &pseudo_gradient(&rbm, &data), &truth, 1e-10);
    }
}

/// Against each other, to 1e-12: the path for fully visible machines, and the general one, which the
/// same machine takes when a hidden unit without edges is put beside it. Rows of two words too.
#[test]
fn both_pseudo_likelihood_paths_agree() {
    let graphs = [
        Graph::new("full 8", 8, 0, full_graph(8), 1.0),
        Graph::new("torus", 12, 0, Lattice::Square(3, 4).bonds(), 1.0),
        Graph::random("sparse", 9, 0, 0.3, |_, _| true),
        Graph::new("ring of 100", 100, 0, Lattice::Ring(100).bonds(), 1.0),
        Graph::new("no edges", 3, 0, [], 1.0),
    ];
    for graph in &graphs {
        let mut beside = graph.clone();
        beside.hidden = 1;
        beside.parameters.push(0.7);
        let mut generator = Seed::root(121).generator();
        let mut rows = Configurations::zeros(graph.visible, 300);
        for s in 0..rows.len() {
            (0..graph.visible).for_each(|i| set_bit(rows.row_mut(s), i, generator.random()));
        }
        let gradient = |graph: &Graph| {
            let mut sums = vec![0.25; graph.parameters.len()];
            let machine = graph.machine();
            machine.add_pseudo_likelihood_gradient(&rows, &mut sums).unwrap();
            sums
        };
        let (fast, general) = (gradient(graph), gradient(&beside));
        assert_all_close(&graph.name, &fast, &general[..fast.len()], 1e-12);
        assert_close("the unit beside", general[fast.len()], 0.25, 1e-12);
    }
}

/// A model that counts the units drawn, and hidden probabilities in closed form as draws.
struct Counted<'a> {
    model: &'a dyn Model,
    drawn: AtomicU64,
}

impl Counted<'_> {
    fn count(&self, units: usize) {
        self.drawn.fetch_add(units as u64, Ordering::Relaxed);
    }
}

impl Model for Counted<'_> {
    fn visible(&self) -> usize {
        self.model.visible()
    }

    fn hidden(&self) -> usize {
        self.model.hidden()
    }

    fn couplings(&self) -> usize {
        self.model.couplings()
    }

    fn marginal(&self) -> Result<Box<dyn Law + '_>> {
        self.model.marginal()
    }

    fn parameters(&self) -> &[f64] {
        self.model.parameters()
    }

    fn parameters_mut(&mut self) -> &mut [f64] {
        unreachable!("estimates leave parameters alone")
    }

    fn parameter_name(&self, index: usize) -> String {
        self.model.parameter_name(index)
    }

    fn add_statistics(&self, rows: &Configurations, sums: &mut [f64]) {
        self.model.add_statistics(rows, sums);
    }

    fn add_expected_statistics(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()> {
        self.count(rows.len() * self.hidden());
        self.model.add_expected_statistics(rows, sums)
    }

    fn add_model_statistics(&self, sums: &mut [f64]) -> Result<f64> {
        self.model.add_model_statistics(sums)
    }

    fn add_pseudo_likelihood_gradient(&self, rows: &Configurations, sums: &mut [f64]) -> Result<()> {
        self.count(rows.len() * self.visible());
        self.model.add_pseudo_likelihood_gradient(rows, sums)
    }

    fn kernel(&self) -> Box<dyn Kernel + '_> {
        Box::new(CountedKernel { model: self, kernel: self.model.kernel() })
    }

    fn path(&self, data: Option<&Configurations>) -> Result<Box<dyn Path + '_>> {
        Ok(Box::new(CountedPath { model: self, path: self.model.path(data)? }))
    }

    fn boxed(&self) -> Box<dyn Model> {
        self.model.boxed()
    }

    fn pair(&self, coupling: usize) -> (usize, usize) {
        self.model.pair(coupling)
    }
}

/// A path that counts draws of its base, and steps.
struct CountedPath<'a> {
    model: &'a Counted<'a>,
    path: Box<dyn Path + 'a>,
}

impl Path for CountedPath<'_> {
    fn law(&self) -> &dyn Law {
        self.path.law()
    }

    fn units(&self) -> usize {
        self.path.units()
    }

    fn base_log_partition(&self) -> f64 {
        self.path.base_log_partition()
    }

    fn draw_base(&self, count: usize, seed: Seed) -> Configurations {
        self.model.count(count * self.units());
        self.path.draw_base(count, seed)
    }

    fn draw_target(&self, count: usize, seed: Seed) -> Result<Configurations> {
        self.path.draw_target(count, seed)
    }

    fn log_weight(&self, row: &[u64], beta: f64) -> f64 {
        self.path.log_weight(row, beta)
    }

    fn slopes(&self, row: &[u64], beta: f64) -> [f64; 2] {
        self.path.slopes(row, beta)
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize) {
        self.model.count(steps * self.units() * chains.states().len());
        self.path.advance(chains, beta, steps);
    }
}

struct CountedKernel<'a> {
    model: &'a Counted<'a>,
    kernel: Box<dyn Kernel + 'a>,
}

impl Kernel for CountedKernel<'_> {
    fn units(&self) -> usize {
        self.kernel.units()
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        let moving = match clamp {
            Clamp::Nothing => self.units(),
            Clamp::Visible => self.model.hidden(),
        };
        self.model.count(steps * moving * chains.states().len());
        self.kernel.advance(chains, beta, steps, clamp);
    }
}

/// Against a model that counts what it is asked to draw: `gibbs_updates` of every estimator, every
/// treatment of the hidden units, several steps, and machines with and without hidden units.
#[test]
fn gibbs_updates_are_the_units_drawn() {
    const ROWS: usize = 50;
    let rbm = restricted(4, 3, 1.0).1;
    let visible = Graph::new("visible 4", 4, 0, full_graph(4), 1.0).machine();
    let coupled = coupled_machine();
    let models: [(&str, &dyn Model); 3] = [("RBM", &rbm), ("visible", &visible), ("coupled", &coupled)];
    for (which, model) in models {
        let law = random_law(4, 122);
        let law = Configurations::whole_law(4, law);
        let sampler = RowSampler::new(&law).unwrap();
        let rows = sampler.draw(ROWS, Seed::root(123));
        let check = |name: &str, estimator: &mut dyn GradientEstimator| {
            let counted = Counted { model, drawn: AtomicU64::new(0) };
            let mut gradient = vec![0.0; model.parameters().len()];
            let whole = Batch::Law { law: &law, sampler: &sampler, chains: 23 };
            for batch in [Batch::Rows(rows.clone()), whole] {
                counted.drawn.store(0, Ordering::Relaxed);
                let estimated = estimator.estimate(&counted, &batch, Seed::root(124), &mut gradient).unwrap();
                estimated.write(&counted, &mut gradient).unwrap();
                assert_eq!(
                    estimator.gibbs_updates(model, &batch),
                    counted.drawn.load(Ordering::Relaxed),
                    "{name} on {which}"
                );
            }
        };
        check("exact", &mut CountsNothing);
        check("pseudo-likelihood", &mut PseudoLikelihood);
        for hidden_statistics in phases(7).into_iter().chain(phases(1)) {
            for gibbs_steps in [1, 5] {
                let cd = ContrastiveDivergence::new(gibbs_steps, 3, hidden_statistics);
                let what = |name: &str| format!("{name}-{gibbs_steps}, {hidden_statistics:?}");
                check(&what("CD"), &mut { cd });
                let mut two = TwoGibbsRuns::new(77, gibbs_steps, hidden_statistics);
                check(&what("two Gibbs runs"), &mut two);
                let starts = sampler.draw(33, Seed::root(125));
                let mut pcd = PersistentContrastiveDivergence::new(
                    gibbs_steps,
                    hidden_statistics,
                    &starts,
                    model.hidden(),
                    Seed::root(126),
                )
                .unwrap();
                check(&what("PCD"), &mut pcd);
                let seed = Seed::root(127);
                for rungs in [1, 2, 5] {
                    let hidden = model.hidden();
                    let tempering = Tempering::new(gibbs_steps, hidden_statistics, rungs, 0.0, &starts, hidden, seed);
                    check(&what("tempering"), &mut tempering.unwrap());
                }
                let ptt = TrajectoryTempering::new(gibbs_steps, hidden_statistics, 0.3, &starts, model.hidden(), seed);
                check(&what("PTT"), &mut ptt.unwrap());
            }
        }
    }
}

/// The exact gradient without its positive phase, which the wrapper would count.
struct CountsNothing;

impl GradientEstimator for CountsNothing {
    fn estimate<'a>(
        &mut self,
        model: &dyn Model,
        _batch: &'a Batch,
        _seed: Seed,
        gradient: &mut [f64],
    ) -> Result<Estimated<'a>> {
        model.add_model_statistics(gradient)?;
        Ok(Estimated::Written)
    }

    fn gibbs_updates(&self, model: &dyn Model, batch: &Batch) -> u64 {
        Exact.gibbs_updates(model, batch)
    }
}

/// Trains without looking.
fn learn(model: &mut dyn Model, estimator: &mut dyn GradientEstimator, data: &Configurations, settings: &Training) {
    let seed = Seed::root(127);
    train(model, estimator, data, settings, seed, &mut |_, _, _| Ok(())).unwrap();
}

/// D_KL(target || machine) by brute force over the machine's present parameters.
fn divergence(machine: &BoltzmannMachine, target: &[f64]) -> f64 {
    let graph = Graph {
        name: String::new(),
        visible: machine.visible(),
        hidden: machine.hidden(),
        edges: machine.edges().to_vec(),
        parameters: machine.parameters().to_vec(),
    };
    graph.brute_force().kl(target)
}

/// Against the divergence summed naively: a machine of layers 4-3-2 learns a ring of four, by the exact
/// gradient to below 1e-3 of the start, and by persistent chains with sampled statistics to below a tenth.
#[test]
fn a_deep_machine_learns() {
    let target = ring_of_four();
    let law = enumerate::whole_law(&target).unwrap();
    let probabilities: Vec<f64> = (0..16).map(|v| law.weight(v)).collect();
    let mut start = BoltzmannMachine::new(4, 5, &layered_graph(&[4, 3, 2])).unwrap();
    start.initialize(0.3, Seed::root(128)).unwrap();
    let before = divergence(&start, &probabilities);
    let measured = ExactTarget::new(&target).unwrap().measure(&*start.marginal().unwrap(), None).unwrap();
    assert_close("the monitor", measured.kl, before, 1e-10);

    let mut exact = start.clone();
    let settings = Training { epochs: 3_000, learning_rate: 0.3, momentum: 0.9, ..Training::default() };
    learn(&mut exact, &mut Exact, &law, &settings);
    let after = divergence(&exact, &probabilities);
    println!("exact: {before} to {after}");
    assert!(after < 1e-3 * before, "exact: {before} to {after}");

    let mut sampled = start.clone();
    let sampler = RowSampler::new(&law).unwrap();
    let data = sampler.draw(20_000, Seed::root(129));
    let hidden_statistics = HiddenStatistics {
        positive: Phase::Sampled { clamped_steps: 10 },
        negative: Phase::Sampled { clamped_steps: 1 },
    };
    let starts = data.select(&(0..200).collect::<Vec<_>>());
    let mut pcd = PersistentContrastiveDivergence::new(5, hidden_statistics, &starts, 5, Seed::root(130)).unwrap();
    let settings = Training { epochs: 40, batch: 200, learning_rate: 0.1, ..Training::default() };
    learn(&mut sampled, &mut pcd, &data, &settings);
    let after = divergence(&sampled, &probabilities);
    println!("sampled: {before} to {after}");
    assert!(after < 0.1 * before, "sampled: {before} to {after}");
}

/// Against the limits: 40 hidden units that are coupled cannot be summed, and every way to sum them is
/// refused with the units, the limit and the mend; sampled statistics train the machine all the same.
#[test]
fn machines_too_large_to_sum_are_refused_but_train_by_sampling() {
    let mut machine = BoltzmannMachine::new(6, 40, &full_graph(46)).unwrap();
    machine.initialize(0.1, Seed::root(131)).unwrap();
    let law = Configurations::whole_law(6, random_law(6, 132));
    let sampler = RowSampler::new(&law).unwrap();
    let rows = sampler.draw(100, Seed::root(133));
    let length = machine.parameters().len();
    let pcd = |statistics: &str| {
        let statistics = statistics.parse().unwrap();
        PersistentContrastiveDivergence::new(3, statistics, &rows, 40, Seed::root(134)).unwrap()
    };
    let mut sums = vec![0.0; length];
    let estimate = |estimator: &mut dyn GradientEstimator| {
        let mut gradient = vec![0.0; length];
        let batch = Batch::Rows(rows.clone());
        estimator.estimate(&machine, &batch, Seed::root(135), &mut gradient)?.write(&machine, &mut gradient)
    };
    let refusals: [(&str, Result<()>); 8] = [
        ("marginal", machine.marginal().map(|_| ())),
        ("expected statistics", machine.add_expected_statistics(&rows, &mut sums)),
        ("model statistics", machine.add_model_statistics(&mut sums).map(|_| ())),
        ("pseudo-likelihood", machine.add_pseudo_likelihood_gradient(&rows, &mut sums)),
        ("exact", estimate(&mut Exact)),
        ("analytic", estimate(&mut pcd("analytic"))),
        ("analytic/sampled", estimate(&mut pcd("analytic/sampled"))),
        ("sampled/analytic", estimate(&mut pcd("sampled/analytic"))),
    ];
    for (what, refusal) in refusals {
        let error = refusal.expect_err(what);
        let limits = matches!(error, Error::TooLarge { units: 40, limit: 20, .. });
        let message = error.to_string();
        for word in ["2^40", "2^20", "sample them", "couple fewer"] {
            assert!(limits && message.contains(word), "{what}: {message}");
        }
    }
    assert!(sums.iter().all(|x| *x == 0.0), "a refusal added something");

    let before = machine.parameters().to_vec();
    let settings = Training { epochs: 2, batch: 25, learning_rate: 0.05, ..Training::default() };
    learn(&mut machine, &mut pcd("sampled"), &rows, &settings);
    let moved = machine.parameters().iter().zip(&before);
    let moved = moved.filter(|(now, before)| now != before).count();
    assert!(moved > 9 * length / 10, "{moved} of {length} moved");
    assert!(machine.parameters().iter().all(|x| x.is_finite()));

    // One unit more than can be summed, and as many as can.
    let group = |hidden: usize| {
        let chain: Vec<(usize, usize)> = (1..hidden).map(|j| (j, j + 1)).collect();
        BoltzmannMachine::new(1, hidden, &chain).unwrap()
    };
    assert!(group(21).marginal().is_err());
    assert!(group(20).marginal().is_ok());
}

/// Against the definition: an edge that is none is refused and named, and so is a machine without
/// visible units; pairs are kept in order with the smaller unit first.
#[test]
fn what_is_not_a_graph_is_refused() {
    for (edges, words) in [
        (vec![(0, 1), (2, 2)], ["edge (2, 2)", "itself"]),
        (vec![(0, 1), (1, 2), (0, 1)], ["edge (0, 1)", "twice"]),
        (vec![(0, 1), (1, 2), (1, 0)], ["edge (1, 0)", "twice"]),
        (vec![(4, 2), (3, 0), (2, 4)], ["edge (2, 4)", "twice"]),
        (vec![(0, 5)], ["edge (0, 5)", "5 units"]),
        (vec![(0, 1), (7, 2)], ["edge (7, 2)", "5 units"]),
    ] {
        let error = BoltzmannMachine::new(3, 2, &edges).unwrap_err();
        assert!(matches!(error, Error::Invalid { .. }));
        let message = error.to_string();
        for word in words {
            assert!(message.contains(word), "{message}");
        }
    }
    for hidden in [0, 3] {
        let message = BoltzmannMachine::new(0, hidden, &[]).unwrap_err().to_string();
        let what = format!("0 visible and {hidden} hidden");
        assert!(message.contains(&what), "{message}");
        assert!(message.contains("no visible unit"), "{message}");
    }
    let machine = BoltzmannMachine::new(3, 2, &[(4, 0), (1, 2)]).unwrap();
    assert_eq!(machine.edges(), [(0, 4), (1, 2)]);
    assert_eq!(machine.parameters(), [0.0; 7]);
    let names: Vec<String> = (0..7).map(|k| machine.parameter_name(k)).collect();
    let expected = ["W[0,4]", "W[1,2]", "d[0]", "d[1]", "d[2]", "d[3]", "d[4]"];
    assert_eq!(names, expected);
    for deviation in [-1.0, f64::NAN, f64::INFINITY] {
        let mut machine = machine.clone();
        assert!(machine.initialize(deviation, Seed::root(136)).is_err());
    }
}

/// Against the couplings themselves: from the whole law of a 3x3 torus at T = 3, a machine that may couple
/// every pair recovers W / 4 = J / T on the bonds and 0 elsewhere, and d = -2 sum_j J / T, to 1e-4, by the
/// likelihood and by the pseudo-likelihood.
#[test]
fn couplings_are_recovered_from_their_law() {
    const TEMPERATURE: f64 = 3.0;
    let lattice = Lattice::Square(3, 3);
    let target = Ising::on_lattice(lattice, 1.0, 0.0, TEMPERATURE).unwrap();
    let law = enumerate::whole_law(&target).unwrap();
    let bonds = lattice.bonds();
    let settings = Training { epochs: 10_000, learning_rate: 0.2, momentum: 0.97, ..Training::default() };
    let estimators: [(&str, Box<dyn GradientEstimator>); 2] =
        [("likelihood", Box::new(Exact)), ("pseudo-likelihood", Box::new(PseudoLikelihood))];
    for (name, mut estimator) in estimators {
        let mut machine = BoltzmannMachine::new(9, 0, &full_graph(9)).unwrap();
        learn(&mut machine, &mut *estimator, &law, &settings);
        let mut worst = 0.0_f64;
        for (&(a, b), weight) in machine.edges().iter().zip(machine.weights()) {
            let bond = bonds.contains(&(a, b)) || bonds.contains(&(b, a));
            let truth = f64::from(u8::from(bond)) / TEMPERATURE;
            worst = worst.max((weight / 4.0 - truth).abs());
        }
        for bias in machine.biases() {
            worst = worst.max((bias + 8.0 / TEMPERATURE).abs());
        }
        println!("{name}: {worst:e}");
        assert!(worst < 1e-4, "{name}: {worst:e}");
    }
}
