//! Exact sums over all states of one of two layers, at two operations a state and unit.
//!
//! The enumerated layer x is split into its first few units, the low ones, and the rest. With
//! ln f(x) = a.x + sum_j softplus(d_j + (x'W)_j), the input of unit j is a sum of a part of the low units and
//! a part of the high ones, so that
//!
//!   1 + e^input = e^s_j (A_j + B_j E_jl),   E_jl = e^{low part - its maximum} <= 1,
//!
//! where t_j = d_j + high part + the low part's maximum, s_j = max(0, t_j), A_j = e^{-s_j}, B_j = e^{t_j - s_j}.
//! The table E is made once; a state costs a multiplication and addition rounded once (fused), and a
//! multiplication, for each unit. Every factor lies between e^{-range of the low part} and 2, so that a product of
//! factors whose ranges sum to less than [`RANGE`] neither overflows nor underflows; after such a group of units
//! the product's exponent is taken out. Where one unit's range is larger, fewer units are low.

use super::elementary::{exp_of_negative, sums_over_set_bits};
use super::level::{Level, VectorKernel};
use super::registers::{Eight, Registers};
use super::two_layers::TwoLayers;
use crate::configuration::{Configurations, set_sites};
use crate::numerics::log_sum_exp;
use pulp::NullaryFnOnce;
use rayon::prelude::*;
use std::f64::consts::LN_2;
use std::ops::Range;

/// Most low units: a table of 1 KiB for each unit of the other layer.
const LOW: usize = 8;

/// Fewest low units: sixteen states, the registers that are worked on together.
const LEAST_LOW: usize = 4;

/// Largest range, in nats, that a product of factors may have: e^600 is far from the largest number.
const RANGE: f64 = 600.0;

/// Most factors of a product: 2^800 is.
const FACTORS: usize = 800;

/// States of the high units that are worked on together, so that an entry of E is loaded once for all.
const HIGH: usize = 4;

/// Low states that are worked on together: two registers.
type Pair = [Eight; 2];

/// log2 of the states of a block, where there are no tables.
const BLOCK_BITS: usize = 12;

/// Most partial sums that an enumeration keeps, so that memory does not grow with the states.
const TASKS: usize = 64;

/// Factors above which threads share an enumeration: about 50 us of it.
const WORTH_A_THREAD: usize = 1 << 18;

/// What is shared by all states: the table E and how the units are grouped.
struct Tables<'a> {
    layers: TwoLayers<'a>,
    low: usize,
    /// E: for every 16 low states in turn, those of each unit of the second layer.
    exponentials: Vec<Pair>,
    /// e^{low part of a.x - its maximum}.
    bias_exponentials: Vec<Pair>,
    /// The largest low part of every input.
    largest: Vec<f64>,
    largest_bias: f64,
    groups: Vec<Range<usize>>,
}

/// The sum of the positive numbers, and that of all magnitudes.
fn extent(steps: impl Iterator<Item = f64>) -> (f64, f64) {
    steps.fold((0.0, 0.0), |(positive, all), x| {
        (positive + x.max(0.0), all + x.abs())
    })
}

/// e^{sum over the set bits of l - its maximum} for every l.
struct Exponentials<'a> {
    steps: &'a [f64],
    largest: f64,
}

impl NullaryFnOnce for Exponentials<'_> {
    type Output = Vec<Pair>;

    #[inline(always)]
    fn call(self) -> Vec<Pair> {
        let mut sums = vec![0.0; 1 << self.steps.len()];
        sums_over_set_bits(0.0, self.steps.iter().copied(), &mut sums);
        for sum in &mut sums {
            *sum = exp_of_negative((*sum - self.largest).min(0.0));
        }
        let mut pairs = vec![[Eight::ZERO; 2]; sums.len() / 16];
        for (pair, sums) in pairs.iter_mut().zip(sums.chunks_exact(16)) {
            pair[0].0.copy_from_slice(&sums[..8]);
            pair[1].0.copy_from_slice(&sums[8..]);
        }
        pairs
    }
}

impl<'a> Tables<'a> {
    /// None where the first layer is too small, or couplings are too large for even a few low units.
    fn new(layers: TwoLayers<'a>) -> Option<Self> {
        let (n, m) = (layers.first_bias.len(), layers.second_bias.len());
        let column = |j: usize, low: usize| (0..low).map(move |i| layers.weights[i * m + j]);
        let biases = |low: usize| layers.first_bias[..low].iter().copied();
        let fits = |low: &usize| {
            extent(biases(*low)).1 <= RANGE && (0..m).all(|j| extent(column(j, *low)).1 <= RANGE)
        };
        let low = (LEAST_LOW..=LOW.min(n)).rev().find(fits)?;
        let extents: Vec<(f64, f64)> = (0..m).map(|j| extent(column(j, low))).collect();
        let (largest_bias, mut range) = extent(biases(low));
        let mut groups = Vec::new();
        let mut start = 0;
        for (j, (_, more)) in extents.iter().enumerate() {
            if range + more > RANGE || j - start == FACTORS {
                groups.push(start..j);
                (start, range) = (j, 0.0);
            }
            range += more;
        }
        groups.push(start..m);
        let chunks = 1 << low >> 4;
        let mut table = vec![[Eight::ZERO; 2]; chunks * m];
        let exponentials =
            |steps: &[f64], largest| Level::get().run(Exponentials { steps, largest });
        for (j, (largest, _)) in extents.iter().enumerate() {
            let steps: Vec<f64> = column(j, low).collect();
            for (chunk, pair) in exponentials(&steps, *largest).into_iter().enumerate() {
                table[chunk * m + j] = pair;
            }
        }
        Some(Self {
            layers,
            low,
            exponentials: table,
            bias_exponentials: exponentials(&layers.first_bias[..low], largest_bias),
            largest: extents.iter().map(|(positive, _)| *positive).collect(),
            largest_bias,
            groups,
        })
    }

    /// States of the high units.
    fn high_states(&self) -> usize {
        1 << (self.layers.first_bias.len() - self.low)
    }

    /// The states of the high units cut into tasks, whose number depends on the shapes alone.
    fn tasks(&self) -> Vec<Range<usize>> {
        let states = self.high_states();
        let work = (states * self.layers.second_bias.len()) << self.low;
        let tasks = (work / WORTH_A_THREAD)
            .clamp(1, TASKS)
            .next_power_of_two()
            .min(states);
        let length = states / tasks;
        (0..tasks)
            .map(|task| task * length..(task + 1) * length)
            .collect()
    }

    /// Does every task, on the threads where there are several; results in order.
    fn for_each_task<T: Send>(&self, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
        let tasks = self.tasks();
        match tasks.len() {
            1 => tasks.into_iter().map(work).collect(),
            _ => tasks.into_par_iter().map(&work).collect(),
        }
    }
}

impl TwoLayers<'_> {
    /// ln sum_x f(x) by enumeration of the first layer (at most 63 units), or None where that layer has fewer
    /// than four units or the couplings are beyond all measure.
    pub fn log_sum(&self) -> Option<f64> {
        let tables = Tables::new(*self)?;
        Some(log_sum(&tables))
    }

    /// ln Z, and E[(x y', x, y)] added to `sums`, by enumeration of the first layer (at most 63 units): W's
    /// entries row by row, then the first layer's, then the second's.
    pub fn add_moments(&self, sums: &mut [f64]) -> f64 {
        let Some(tables) = Tables::new(*self) else {
            return self.add_moments_of_blocks(sums);
        };
        let log_partition = log_sum(&tables);
        let parts = tables.for_each_task(|states| {
            let mut moments = Moments::new(&tables);
            Level::get().run_with(AddMoments {
                tables: &tables,
                states,
                log_partition,
                moments: &mut moments,
            });
            moments
        });
        let mut total = Moments::new(&tables);
        for part in &parts {
            total.merge(part);
        }
        total.add_to(&tables, sums);
        log_partition
    }

    /// [`Self::add_moments`] where there are no tables: blocks of states with their probabilities for weights.
    fn add_moments_of_blocks(&self, sums: &mut [f64]) -> f64 {
        let sites = self.first_bias.len();
        let mut log_weights = vec![0.0; 1 << sites.min(BLOCK_BITS)];
        let mut for_each_block = |see: &mut dyn FnMut(u64, &[f64])| {
            for first in (0..1_u64 << sites).step_by(log_weights.len()) {
                self.log_weights(first, &mut log_weights);
                see(first, &log_weights);
            }
        };
        let mut parts = Vec::new();
        for_each_block(&mut |_, log_weights| parts.push(log_sum_exp(log_weights)));
        let log_partition = log_sum_exp(&parts);
        for_each_block(&mut |first, log_weights| {
            let bits = (first..).take(log_weights.len()).collect();
            let weights = log_weights
                .iter()
                .map(|x| (x - log_partition).exp())
                .collect();
            self.add_expectations(
                &Configurations::with_any_weights(sites, bits, weights),
                sums,
            );
        });
        log_partition
    }
}

fn log_sum(tables: &Tables) -> f64 {
    let parts = tables.for_each_task(|states| Level::get().run_with(LogSum { tables, states }));
    log_sum_exp(&parts)
}

/// The factors of up to [`HIGH`] states of the high units.
struct Factors {
    /// A and B of each unit and state.
    pairs: Vec<[[f64; 2]; HIGH]>,
    /// a.x of the high part, the low maximum included, and sum_j s_j.
    scale: [f64; HIGH],
    /// t of each state and unit, and e^{-|t|}.
    inputs: Vec<f64>,
    small: Vec<f64>,
    /// Products of the factors so far: for every 16 low states in turn, those of each state.
    products: Vec<[Pair; HIGH]>,
    /// Exponents of two taken out of them; empty while there is one group.
    exponents: Vec<[Pair; HIGH]>,
}

const NOTHING: [Pair; HIGH] = [[Eight::ZERO; 2]; HIGH];

impl Factors {
    fn new(tables: &Tables) -> Self {
        let m = tables.layers.second_bias.len();
        let chunks = tables.bias_exponentials.len();
        let several = tables.groups.len() > 1;
        Self {
            pairs: vec![[[0.0; 2]; HIGH]; m],
            scale: [0.0; HIGH],
            inputs: vec![0.0; HIGH * m],
            small: vec![0.0; HIGH * m],
            products: vec![NOTHING; chunks],
            exponents: vec![NOTHING; if several { chunks } else { 0 }],
        }
    }

    /// Sets A, B and the scale of [`HIGH`] states from `first`, a multiple of it, on.
    #[inline(always)]
    fn prepare(&mut self, tables: &Tables, first: usize) {
        let layers = &tables.layers;
        let m = layers.second_bias.len();
        let (low, n) = (tables.low, layers.first_bias.len());
        let row = |i: usize| &layers.weights[i * m..(i + 1) * m];
        let add = |inputs: &mut [f64], i: usize| {
            for (input, w) in inputs.iter_mut().zip(row(i)) {
                *input += w;
            }
        };
        // The first state from its bits, each other one from the state without its highest bit.
        let mut biases = [tables.largest_bias; HIGH];
        let start = layers.second_bias.iter().zip(&tables.largest);
        for (input, (d, largest)) in self.inputs.iter_mut().zip(start) {
            *input = d + largest;
        }
        for i in set_sites(&[(first as u64) << low], n) {
            biases[0] += layers.first_bias[i];
            add(&mut self.inputs[..m], i);
        }
        for h in 1..HIGH {
            let bit = h.ilog2() as usize;
            let (known, inputs) = self.inputs.split_at_mut(h * m);
            let from = h - (1 << bit);
            inputs[..m].copy_from_slice(&known[from * m..(from + 1) * m]);
            biases[h] = biases[from];
            // Past the last state there is nothing to add, and nothing is used.
            if low + bit < n {
                biases[h] += layers.first_bias[low + bit];
                add(&mut inputs[..m], low + bit);
            }
        }
        for (scale, (bias, inputs)) in self
            .scale
            .iter_mut()
            .zip(biases.iter().zip(self.inputs.chunks_exact(m)))
        {
            *scale = bias + inputs.iter().map(|input| input.max(0.0)).sum::<f64>();
        }
        for (small, t) in self.small.iter_mut().zip(&self.inputs) {
            *small = exp_of_negative(-t.abs());
        }
        for h in 0..HIGH {
            let (inputs, small) = (&self.inputs[h * m..], &self.small[h * m..]);
            for ((pair, t), small) in self.pairs.iter_mut().zip(inputs).zip(small) {
                pair[h] = if *t > 0.0 {
                    [*small, 1.0]
                } else {
                    [1.0, *small]
                };
            }
        }
    }

    /// Multiplies the factors of all units: the weight of a state is e^scale x product x 2^exponent.
    #[inline(always)]
    fn multiply<R: Registers>(&mut self, registers: R, tables: &Tables) {
        let m = tables.layers.second_bias.len();
        for (products, start) in self.products.iter_mut().zip(&tables.bias_exponentials) {
            *products = [*start; HIGH];
        }
        self.exponents.fill(NOTHING);
        for group in &tables.groups {
            let pairs = &self.pairs[group.clone()];
            for (products, table) in self
                .products
                .iter_mut()
                .zip(tables.exponentials.chunks_exact(m))
            {
                multiply(registers, pairs, &table[group.clone()], products);
            }
            for (products, exponents) in self.products.iter_mut().zip(&mut self.exponents) {
                let exponents = exponents
                    .as_flattened_mut()
                    .iter_mut()
                    .flat_map(|eight| &mut eight.0);
                let products = products
                    .as_flattened_mut()
                    .iter_mut()
                    .flat_map(|eight| &mut eight.0);
                for (x, e) in products.zip(exponents) {
                    *e += (x.to_bits() >> 52) as f64 - 1023.0;
                    *x = f64::from_bits(x.to_bits() & ((1 << 52) - 1) | 1.0_f64.to_bits());
                }
            }
        }
    }

    /// Exponents of state `h`, where there are any.
    fn exponents(&self, h: usize) -> impl Iterator<Item = f64> + '_ {
        self.exponents
            .iter()
            .flat_map(move |exponents| exponents[h])
            .flat_map(|eight| eight.0)
    }

    /// Products of state `h`.
    fn products(&self, h: usize) -> impl Iterator<Item = f64> + '_ {
        self.products
            .iter()
            .flat_map(move |products| products[h])
            .flat_map(|eight| eight.0)
    }
}

/// Multiplies 16 products of each state by the factors of some units.
#[inline(always)]
fn multiply<R: Registers>(
    registers: R,
    pairs: &[[[f64; 2]; HIGH]],
    table: &[Pair],
    products: &mut [Pair; HIGH],
) {
    let (mut x, mut y) = (
        [registers.splat_double(0.0); HIGH],
        [registers.splat_double(0.0); HIGH],
    );
    for h in 0..HIGH {
        x[h] = registers.load_doubles(&products[h][0]);
        y[h] = registers.load_doubles(&products[h][1]);
    }
    for (pair, [e, f]) in pairs.iter().zip(table) {
        let (e, f) = (registers.load_doubles(e), registers.load_doubles(f));
        for h in 0..HIGH {
            let a = registers.splat_double(pair[h][0]);
            let b = registers.splat_double(pair[h][1]);
            x[h] = registers.multiply_doubles(x[h], registers.fused_doubles(b, e, a));
            y[h] = registers.multiply_doubles(y[h], registers.fused_doubles(b, f, a));
        }
    }
    for h in 0..HIGH {
        registers.store_doubles(x[h], &mut products[h][0]);
        registers.store_doubles(y[h], &mut products[h][1]);
    }
}

/// ln of the sum of the weights of some states of the high units.
struct LogSum<'a> {
    tables: &'a Tables<'a>,
    states: Range<usize>,
}

impl VectorKernel for LogSum<'_> {
    type Output = f64;

    #[inline(always)]
    fn call<R: Registers>(self, registers: R) -> f64 {
        let mut factors = Factors::new(self.tables);
        let (mut largest, mut sum) = (f64::NEG_INFINITY, 0.0);
        for first in self.states.clone().step_by(HIGH) {
            factors.prepare(self.tables, first);
            factors.multiply(registers, self.tables);
            for h in 0..HIGH.min(self.states.end - first) {
                let (mut scale, mut total) = (factors.scale[h], 0.0);
                if factors.exponents.is_empty() {
                    let mut totals = Eight::ZERO;
                    for products in &factors.products {
                        let [a, b] = &products[h];
                        for (total, (a, b)) in totals.0.iter_mut().zip(a.0.iter().zip(&b.0)) {
                            *total += a + b;
                        }
                    }
                    total += totals.0.iter().sum::<f64>();
                } else {
                    // The largest exponent is taken out, so that no term overflows.
                    let power = factors.exponents(h).fold(f64::MIN, f64::max);
                    for (x, exponent) in factors.products(h).zip(factors.exponents(h)) {
                        total += x * (exponent - power).exp2();
                    }
                    scale += power * LN_2;
                }
                if scale > largest {
                    sum *= (largest - scale).exp();
                    largest = scale;
                }
                sum += total * (scale - largest).exp();
            }
        }
        largest + sum.ln()
    }
}

/// Sums of p(x) and of p(x) p(y_j = 1 | x) over states, by low state.
struct Moments {
    /// For every 16 low states in turn, the sums of each unit of the second layer.
    pairs: Vec<Pair>,
    /// For each high unit, the sums of every unit of the second layer over the states where it is 1.
    high_pairs: Vec<f64>,
    /// Sums of p(x) itself.
    states: Vec<f64>,
    /// For each high unit the sum over the states where it is 1.
    high: Vec<f64>,
}

impl Moments {
    fn new(tables: &Tables) -> Self {
        let (n, m) = (
            tables.layers.first_bias.len(),
            tables.layers.second_bias.len(),
        );
        Self {
            pairs: vec![[Eight::ZERO; 2]; tables.exponentials.len()],
            high_pairs: vec![0.0; (n - tables.low) * m],
            states: vec![0.0; 1 << tables.low],
            high: vec![0.0; n - tables.low],
        }
    }

    fn merge(&mut self, other: &Self) {
        let numbers = |a: &mut [f64], b: &[f64]| {
            for (a, b) in a.iter_mut().zip(b) {
                *a += b;
            }
        };
        let pairs = self.pairs.as_flattened_mut().iter_mut();
        for (a, b) in pairs.zip(other.pairs.as_flattened()) {
            numbers(&mut a.0, &b.0);
        }
        numbers(&mut self.states, &other.states);
        numbers(&mut self.high_pairs, &other.high_pairs);
        numbers(&mut self.high, &other.high);
    }

    /// Adds the moments, low units unfolded, in the order of [`TwoLayers::add_moments_by_tables`].
    fn add_to(&self, tables: &Tables, sums: &mut [f64]) {
        let (n, m, low) = (
            tables.layers.first_bias.len(),
            tables.layers.second_bias.len(),
            tables.low,
        );
        // The probabilities sum to 1 but for the rounding of ln Z, which grows with it.
        let share = 1.0 / self.states.iter().sum::<f64>();
        let (pairs, biases) = sums.split_at_mut(n * m);
        let (first, second) = biases.split_at_mut(n);
        let of_bit = |values: &[f64], i: usize| -> f64 {
            (0..values.len())
                .filter(|l| l >> i & 1 == 1)
                .map(|l| values[l])
                .sum::<f64>()
                * share
        };
        for j in 0..m {
            let chunks = self.pairs.iter().skip(j).step_by(m).flatten();
            let values: Vec<f64> = chunks.flat_map(|eight| eight.0).collect();
            second[j] += values.iter().sum::<f64>() * share;
            for i in 0..low {
                pairs[i * m + j] += of_bit(&values, i);
            }
        }
        for (sum, x) in pairs[low * m..].iter_mut().zip(&self.high_pairs) {
            *sum += x * share;
        }
        for (i, sum) in first.iter_mut().enumerate() {
            *sum += if i < low {
                of_bit(&self.states, i)
            } else {
                self.high[i - low] * share
            };
        }
    }
}

/// Adds the moments of some states of the high units.
struct AddMoments<'a> {
    tables: &'a Tables<'a>,
    states: Range<usize>,
    log_partition: f64,
    moments: &'a mut Moments,
}

impl VectorKernel for AddMoments<'_> {
    type Output = ();

    #[inline(always)]
    fn call<R: Registers>(self, registers: R) {
        let (tables, moments) = (self.tables, self.moments);
        let m = tables.layers.second_bias.len();
        let mut factors = Factors::new(tables);
        let mut weights = vec![0.0; 1 << tables.low];
        let mut totals = vec![Eight::ZERO; m];
        for first in self.states.clone().step_by(HIGH) {
            factors.prepare(tables, first);
            factors.multiply(registers, tables);
            for h in 0..HIGH.min(self.states.end - first) {
                let scale = factors.scale[h] - self.log_partition;
                // A weight is at most 1, but the scale alone may overflow: half of it at a time.
                let half = (0.5 * scale).exp();
                for (weight, x) in weights.iter_mut().zip(factors.products(h)) {
                    *weight = x * half * half;
                }
                if !factors.exponents.is_empty() {
                    let products = factors.products(h).zip(factors.exponents(h));
                    for (weight, (x, exponent)) in weights.iter_mut().zip(products) {
                        *weight = x * (scale + exponent * LN_2).exp();
                    }
                }
                totals.fill(Eight::ZERO);
                let sums = moments.pairs.chunks_exact_mut(m);
                let tables = tables.exponentials.chunks_exact(m);
                for ((weights, table), sums) in weights.chunks_exact(16).zip(tables).zip(sums) {
                    add_products(
                        registers,
                        h,
                        &factors.pairs,
                        table,
                        weights,
                        sums,
                        &mut totals,
                    );
                }
                for (sum, weight) in moments.states.iter_mut().zip(&weights) {
                    *sum += weight;
                }
                let total: f64 = weights.iter().sum();
                for i in set_sites(&[(first + h) as u64], moments.high.len()) {
                    moments.high[i] += total;
                    let row = &mut moments.high_pairs[i * m..(i + 1) * m];
                    for (sum, totals) in row.iter_mut().zip(&totals) {
                        *sum += totals.0.iter().sum::<f64>();
                    }
                }
            }
        }
    }
}

/// Adds p(x) p(y_j = 1 | x) of 16 low states to `sums` and to `totals`, for every unit j.
#[inline(always)]
fn add_products<R: Registers>(
    registers: R,
    h: usize,
    pairs: &[[[f64; 2]; HIGH]],
    table: &[Pair],
    weights: &[f64],
    sums: &mut [Pair],
    totals: &mut [Eight],
) {
    let one = registers.splat_double(1.0);
    let mut eights = [Eight::ZERO; 2];
    for (eight, weights) in eights.iter_mut().zip(weights.chunks_exact(8)) {
        eight.0.copy_from_slice(weights);
    }
    let weights = [
        registers.load_doubles(&eights[0]),
        registers.load_doubles(&eights[1]),
    ];
    for (((pair, table), sums), totals) in pairs.iter().zip(table).zip(sums).zip(totals) {
        let a = registers.splat_double(pair[h][0]);
        let b = registers.splat_double(pair[h][1]);
        let mut total = registers.load_doubles(totals);
        for k in 0..2 {
            let on = registers.multiply_doubles(b, registers.load_doubles(&table[k]));
            let either = registers.fused_doubles(one, on, a);
            let share =
                registers.divide_doubles(registers.multiply_doubles(on, weights[k]), either);
            let sum = registers.fused_doubles(one, share, registers.load_doubles(&sums[k]));
            registers.store_doubles(sum, &mut sums[k]);
            total = registers.fused_doubles(one, share, total);
        }
        registers.store_doubles(total, totals);
    }
}
