//! Gibbs sampling of a pairwise law on a graph, colour by colour, in single precision.

use super::elementary::{LANES, draw};
use super::lanes::{Unit, load, store};
use super::level::Level;
use super::single_precision;
use crate::configuration::words_for;
use crate::law::{Chains, Clamp, Kernel};
use crate::random::{Generator, fill_uniform_f32};
use pulp::NullaryFnOnce;

/// Gibbs sampling of ln f(x) = sum_a d_a x_a + sum_{edges} W_ab x_a x_b.
///
/// Units are coloured greedily, hidden ones first, so that no edge joins two units of a colour, and one
/// step draws the colours in turn. The units of a colour are independent given the others, so that it
/// does not matter in which order, or whether together, they are drawn. A restricted machine gets two
/// colours, h then v: block Gibbs.
/// At inverse temperature beta a unit's probability is sigmoid(beta (d_a + sum_b W_ab x_b)).
pub struct GraphGibbs {
    units: usize,
    /// The units in the order in which they are drawn.
    order: Vec<Drawn>,
    /// (other unit, W) of every end of an edge, grouped by the unit drawn.
    ends: Vec<(u32, f32)>,
}

/// A unit as it is drawn.
struct Drawn {
    unit: usize,
    visible: bool,
    bias: f32,
    /// Its part of `ends`.
    ends: std::ops::Range<usize>,
}

/// A colour for every unit of a graph, such that no edge joins two units of a colour: the smallest
/// that its neighbours leave free, units taken in the order of `first` and then the others.
pub fn colour(
    units: usize,
    edges: &[(usize, usize)],
    first: impl Iterator<Item = usize>,
) -> Vec<usize> {
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
        assert_eq!(chains.states().sites(), self.units, "rows are (v, h)");
        let operations = steps * (self.ends.len() / 8 + self.units);
        chains.for_each_block(operations, |rows, generator| {
            Level::get().run(Block {
                kernel: self,
                rows,
                generator,
                beta: beta as f32,
                steps,
                clamp,
            });
        });
    }
}

struct Block<'a> {
    kernel: &'a GraphGibbs,
    rows: &'a mut [u64],
    generator: &'a mut Generator,
    beta: f32,
    steps: usize,
    clamp: Clamp,
}

impl NullaryFnOnce for Block<'_> {
    type Output = ();

    #[inline(always)]
    fn call(self) {
        let words = words_for(self.kernel.units);
        let mut units: Vec<Unit> = vec![[0.0; LANES]; self.kernel.units];
        let mut uniforms = [0.0; LANES];
        for rows in self.rows.chunks_mut(LANES * words) {
            load(rows, words, &mut units);
            for _ in 0..self.steps {
                for drawn in &self.kernel.order {
                    if drawn.visible && self.clamp == Clamp::Visible {
                        continue;
                    }
                    let mut inputs = [drawn.bias; LANES];
                    for &(other, weight) in &self.kernel.ends[drawn.ends.clone()] {
                        for (x, state) in inputs.iter_mut().zip(&units[other as usize]) {
                            *x += weight * state;
                        }
                    }
                    fill_uniform_f32(self.generator, &mut uniforms);
                    let states = units[drawn.unit].iter_mut();
                    for ((state, x), u) in states.zip(&inputs).zip(&uniforms) {
                        *state = f32::from(u8::from(draw(self.beta * x, *u)));
                    }
                }
            }
            store(&units, words, rows);
        }
    }
}
