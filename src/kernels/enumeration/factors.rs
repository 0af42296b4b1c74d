//! The products of factors that make a state's weight.

use super::{HIGH, Pair, Tables};
use crate::configuration::set_sites;
use crate::kernels::elementary::exp_of_negative;
use crate::kernels::registers::{Eight, Registers};

/// The factors of up to [`HIGH`] states of the high units.
pub(super) struct Factors {
    /// A and B of each unit and state.
    pub pairs: Vec<[[f64; 2]; HIGH]>,
    /// a.x of the high part, the low maximum included, and sum_j s_j.
    pub scale: [f64; HIGH],
    /// t of each state and unit, and e^{-|t|}.
    inputs: Vec<f64>,
    small: Vec<f64>,
    /// Products of the factors so far: for every 16 low states in turn, those of each state.
    pub products: Vec<[Pair; HIGH]>,
    /// Exponents of two taken out of them; empty while there is one group.
    pub exponents: Vec<[Pair; HIGH]>,
}

const NOTHING: [Pair; HIGH] = [[Eight::ZERO; 2]; HIGH];

impl Factors {
    pub fn new(tables: &Tables) -> Self {
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
    pub fn prepare(&mut self, tables: &Tables, first: usize) {
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
        for (scale, (bias, inputs)) in self.scale.iter_mut().zip(biases.iter().zip(self.inputs.chunks_exact(m))) {
            *scale = bias + inputs.iter().map(|input| input.max(0.0)).sum::<f64>();
        }
        for (small, t) in self.small.iter_mut().zip(&self.inputs) {
            *small = exp_of_negative(-t.abs());
        }
        for h in 0..HIGH {
            let (inputs, small) = (&self.inputs[h * m..], &self.small[h * m..]);
            for ((pair, t), small) in self.pairs.iter_mut().zip(inputs).zip(small) {
                pair[h] = if *t > 0.0 { [*small, 1.0] } else { [1.0, *small] };
            }
        }
    }

    /// Multiplies the factors of all units: the weight of a state is e^scale x product x 2^exponent.
    #[inline(always)]
    pub fn multiply<R: Registers>(&mut self, registers: R, tables: &Tables) {
        let m = tables.layers.second_bias.len();
        for (products, start) in self.products.iter_mut().zip(&tables.bias_exponentials) {
            *products = [*start; HIGH];
        }
        self.exponents.fill(NOTHING);
        for group in &tables.groups {
            let pairs = &self.pairs[group.clone()];
            for (products, table) in self.products.iter_mut().zip(tables.exponentials.chunks_exact(m)) {
                multiply(registers, pairs, &table[group.clone()], products);
            }
            for (products, exponents) in self.products.iter_mut().zip(&mut self.exponents) {
                let exponents = exponents.as_flattened_mut().iter_mut().flat_map(|eight| &mut eight.0);
                let products = products.as_flattened_mut().iter_mut().flat_map(|eight| &mut eight.0);
                for (x, e) in products.zip(exponents) {
                    *e += (x.to_bits() >> 52) as f64 - 1023.0;
                    *x = f64::from_bits(x.to_bits() & ((1 << 52) - 1) | 1.0_f64.to_bits());
                }
            }
        }
    }

    /// Exponents of state `h`, where there are any.
    pub fn exponents(&self, h: usize) -> impl Iterator<Item = f64> + '_ {
        self.exponents.iter().flat_map(move |exponents| exponents[h]).flat_map(|eight| eight.0)
    }

    /// Products of state `h`.
    pub fn products(&self, h: usize) -> impl Iterator<Item = f64> + '_ {
        self.products.iter().flat_map(move |products| products[h]).flat_map(|eight| eight.0)
    }
}

/// Multiplies 16 products of each state by the factors of some units.
#[inline(always)]
fn multiply<R: Registers>(registers: R, pairs: &[[[f64; 2]; HIGH]], table: &[Pair], products: &mut [Pair; HIGH]) {
    let (mut x, mut y) = ([registers.splat_double(0.0); HIGH], [registers.splat_double(0.0); HIGH]);
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
