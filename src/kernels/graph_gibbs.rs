//! Gibbs sampling of a pairwise law on a graph, colour by colour, in single precision.

use super::elementary::{draw, input_scale};
use super::lanes::{load, store};
use super::level::{Level, VectorKernel};
use super::noise::Noise;
use super::registers::{LANES, Registers, Sixteen};
use super::single_precision;
use crate::configuration::{bit, words_for};
use crate::error::Result;
use crate::law::{Chains, Clamp, Kernel, check_held};

/// Gibbs sampling of ln f(x) = sum_a d_a x_a + sum_{edges} W_ab x_a x_b.
///
/// Units are coloured greedily, hidden ones first, so that no edge joins two units of a colour, and one
/// step draws the colours in turn. The units of a colour are independent given the others, so that it
/// does not matter in which order, or whether together, they are drawn. A restricted machine gets two
/// colours, h then v: block Gibbs.
/// At inverse temperature beta a unit's probability is sigmoid(beta (d_a + sum_b W_ab x_b)).
#[derive(Debug)]
pub struct GraphGibbs {
    units: usize,
    /// The units in the order in which they are drawn.
    order: Vec<Drawn>,
    /// (other unit, W) of every end of an edge, grouped by the unit drawn.
    ends: Vec<(u32, f32)>,
}

/// A unit as it is drawn.
#[derive(Debug)]
struct Drawn {
    unit: usize,
    visible: bool,
    bias: f32,
    /// Its part of `ends`.
    ends: std::ops::Range<usize>,
}

/// A colour for every unit of a graph, such that no edge joins two units of a colour: the smallest
/// that its neighbours leave free, units taken in the order of `first` and then the others.
pub fn colour(units: usize, edges: &[(usize, usize)], first: impl Iterator<Item = usize>) -> Vec<usize> {
    let mut neighbours = vec![Vec::new(); units];
    for &(a, b) in edges {
        neighbours[a].push(b);
        neighbours[b].push(a);
    }
    let mut colours = vec![usize::MAX; units];
    for unit in first.chain(0..units) {
        if colours[unit] == usize::MAX {
            let taken: Vec<usize> = neighbours[unit].iter().map(|&b| colours[b]).collect();
            let free = (0..).find(|colour| !taken.contains(colour));
            colours[unit] = free.unwrap_or(units);
        }
    }
    colours
}

impl GraphGibbs {
    /// For `visible` visible units and `biases.len() - visible` hidden ones after them; an edge joins two
    /// units, each pair is listed at most once and has one weight.
    pub fn new(visible: usize, edges: &[(usize, usize)], weights: &[f64], biases: &[f64]) -> Self {
        assert_eq!(edges.len(), weights.len(), "one weight an edge");
        let units = biases.len();
        let colours = colour(units, edges, visible..units);
        let mut neighbours = vec![Vec::new(); units];
        for (&(a, b), &weight) in edges.iter().zip(weights) {
            neighbours[a].push((b as u32, single_precision(weight)));
            neighbours[b].push((a as u32, single_precision(weight)));
        }
        let mut sorted: Vec<usize> = (0..units).collect();
        sorted.sort_by_key(|&unit| (colours[unit], unit));
        let (mut order, mut ends) = (Vec::with_capacity(units), Vec::new());
        for unit in sorted {
            let start = ends.len();
            ends.extend_from_slice(&neighbours[unit]);
            order.push(Drawn {
                unit,
                visible: unit < visible,
                bias: single_precision(biases[unit]),
                ends: start..ends.len(),
            });
        }
        Self { units, order, ends }
    }
}

impl Kernel for GraphGibbs {
    fn units(&self) -> usize {
        self.units
    }

    fn advance(&self, chains: &mut Chains, beta: f64, steps: usize, clamp: Clamp) {
        self.draw(chains, beta, steps, |drawn| !(drawn.visible && clamp == Clamp::Visible));
    }

    fn advance_holding(&self, chains: &mut Chains, beta: f64, steps: usize, held: &[u64]) -> Result<()> {
        check_held(held, self.units())?;
        self.draw(chains, beta, steps, |drawn| !bit(held, drawn.unit));
        Ok(())
    }
}

impl GraphGibbs {
    /// Draws the units that move.
    fn draw(&self, chains: &mut Chains, beta: f64, steps: usize, moves: impl Fn(&Drawn) -> bool) {
        assert_eq!(chains.states().sites(), self.units, "rows are (v, h)");
        let order: Vec<&Drawn> = self.order.iter().filter(|drawn| moves(drawn)).collect();
        let operations = steps * (self.ends.len() / 8 + self.units);
        chains.for_each_block(operations, |rows, seed| {
            let (order, noise, scale) = (&order, Noise::new(seed), input_scale(beta));
            Level::get().run_with(Block { kernel: self, order, rows, noise, scale, steps });
        });
    }
}

struct Block<'a> {
    kernel: &'a GraphGibbs,
    order: &'a [&'a Drawn],
    rows: &'a mut [u64],
    noise: Noise,
    scale: f32,
    steps: usize,
}

impl VectorKernel for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn call<R: Registers>(mut self, registers: R) {
        let words = words_for(self.kernel.units);
        let mut units = vec![Sixteen::ZERO; self.kernel.units];
        for rows in self.rows.chunks_mut(LANES * words) {
            load(rows, words, &mut units);
            for _ in 0..self.steps {
                for drawn in self.order {
                    let mut input = registers.splat(drawn.bias);
                    for &(other, weight) in &self.kernel.ends[drawn.ends.clone()] {
                        let state = registers.load(&units[other as usize]);
                        input = registers.fused(registers.splat(weight), state, input);
                    }
                    let u = self.noise.uniform(registers);
                    let score = draw(registers, input, self.scale, u);
                    let states = registers.indicator(score, registers.splat(1.0));
                    registers.store(states, &mut units[drawn.unit]);
                }
            }
            store(&units, words, rows);
        }
    }
}
