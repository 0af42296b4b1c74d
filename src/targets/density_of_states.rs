//! The exact number of states of every energy and magnetisation of a small square lattice.

use super::observable::{Expectations, Observable};
use crate::error::{Error, Result};
use crate::numerics::log_sum_exp;
use rayon::prelude::*;

/// g(E, M) of the periodic square lattice of L x M sites with J = 1, as whole numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DensityOfStates {
    sites: usize,
    /// (E, M, g), g > 0, in the order of E, then M.
    levels: Vec<(i32, i32, u64)>,
}

/// The longest side: g itself fits 64 bits up to 8 x 8, whose 2^64 states are as many as there can be.
pub const SIDE_LIMIT: usize = 8;

/// Counts of states by how many bonds are broken and how many spins are up.
#[derive(Clone)]
struct Table {
    ups: usize,
    counts: Vec<u64>,
}

impl DensityOfStates {
    /// By a transfer matrix that adds one site at a time (Binder 1972; Bhanot 1990), summed over the states of the
    /// first row: exact, in whole numbers. Sides from 3 to 8; 8 x 8 takes about two seconds a core and 35 MB.
    pub fn new(rows: usize, columns: usize) -> Result<Self> {
        if !(3..=SIDE_LIMIT).contains(&rows) || !(3..=SIDE_LIMIT).contains(&columns) {
            return Err(Error::invalid(
                format!("the exact density of states of a {rows}x{columns} lattice"),
                "its sides are not between 3 and 8",
                "take sides from 3 to 8, or Kaufman's solution for ln Z, energy and specific heat",
            ));
        }
        // Rows run along the shorter side: the work grows as 2^side.
        let (rows, columns) = (rows.max(columns), rows.min(columns));
        let (bonds, sites) = (2 * rows * columns, rows * columns);
        let ups = sites + 1;
        let zero = Table { ups, counts: vec![0; (bonds + 1) * ups] };
        let total = first_rows(columns)
            .into_par_iter()
            .map(|(first, multiplicity)| {
                let mut table = close(first, rows, columns, &zero);
                table.counts.iter_mut().for_each(|count| *count *= multiplicity);
                table
            })
            .reduce(
                || zero.clone(),
                |mut a, b| {
                    a.counts.iter_mut().zip(&b.counts).for_each(|(a, b)| *a += b);
                    a
                },
            );
        let mut levels = Vec::new();
        for (index, &count) in total.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            let (broken, up) = (index / ups, index % ups);
            levels.push((2 * broken as i32 - bonds as i32, 2 * up as i32 - sites as i32, count));
        }
        Ok(Self { sites, levels })
    }

    /// (E, M, g) of every level that has a state, in the order of E, then M.
    pub fn levels(&self) -> &[(i32, i32, u64)] {
        &self.levels
    }

    /// ln of g e^{-E/T}, level by level.
    fn log_weights(&self, temperature: f64) -> Vec<f64> {
        let log_weight = |(e, _, g): &(i32, i32, u64)| (*g as f64).ln() - f64::from(*e) / temperature;
        self.levels.iter().map(log_weight).collect()
    }

    /// ln Z at temperature T (J = 1, no field).
    pub fn log_partition(&self, temperature: f64) -> f64 {
        log_sum_exp(&self.log_weights(temperature))
    }

    /// An observable at temperature T.
    pub fn observable(&self, observable: Observable, temperature: f64) -> f64 {
        let weights = self.log_weights(temperature);
        let log_partition = log_sum_exp(&weights);
        let states: Vec<(f64, Expectations)> = weights
            .iter()
            .zip(&self.levels)
            .map(|(weight, (e, m, _))| {
                let p = (weight - log_partition).exp();
                (p, Expectations::of_state(f64::from(*e), f64::from(*m)))
            })
            .collect();
        observable.exactly(&Expectations::mixture(&states), self.sites, temperature)
    }

    /// (E, P(E)) in the order of E.
    pub fn energy_law(&self, temperature: f64) -> Vec<(f64, f64)> {
        let weights = self.log_weights(temperature);
        let log_partition = log_sum_exp(&weights);
        let mut law: Vec<(f64, f64)> = Vec::new();
        for (weight, (e, _, _)) in weights.iter().zip(&self.levels) {
            let (energy, p) = (f64::from(*e), (weight - log_partition).exp());
            match law.last_mut() {
                Some(last) if last.0 == energy => last.1 += p,
                _ => law.push((energy, p)),
            }
        }
        law
    }

    /// Number of sites.
    pub fn sites(&self) -> usize {
        self.sites
    }
}

/// Rows that no rotation of the ring turns into a smaller number, with how many rotations each has.
fn first_rows(columns: usize) -> Vec<(usize, u64)> {
    let rotate = |row: usize, by: usize| (row << by | row >> (columns - by)) & ((1 << columns) - 1);
    (0..1_usize << columns)
        .filter_map(|row| {
            let mut orbit: Vec<usize> = (0..columns).map(|by| rotate(row, by)).collect();
            orbit.sort_unstable();
            orbit.dedup();
            (orbit[0] == row).then_some((row, orbit.len() as u64))
        })
        .collect()
}

/// The table of all states whose first row is `first`.
fn close(first: usize, rows: usize, columns: usize, zero: &Table) -> Table {
    let states = 1_usize << columns;
    let ups = zero.ups;
    let ring = |row: usize| {
        let next = row >> 1 | (row & 1) << (columns - 1);
        (row ^ next).count_ones() as usize
    };
    // One table for each state of the row under construction: bit c is the site of column c, of the new row where
    // it is there already, else of the old one.
    let mut tables = vec![zero.counts.clone(); states];
    tables[first][ring(first) * ups + first.count_ones() as usize] = 1;
    let mut next = tables.clone();
    // Bonds and sites so far bound what is not 0.
    let mut broken_limit = columns + 1;
    for _ in 1..rows {
        for column in 0..columns {
            next.iter_mut().for_each(|table| table[..((broken_limit + 3) * ups).min(zero.counts.len())].fill(0));
            for (state, table) in tables.iter().enumerate() {
                let old = state >> column & 1;
                for new in 0..2 {
                    let target = state & !(1 << column) | new << column;
                    let mut broken = usize::from(new != old);
                    if column > 0 {
                        broken += usize::from(target >> (column - 1) & 1 != new);
                    }
                    if column + 1 == columns {
                        broken += usize::from(target & 1 != new);
                    }
                    let shift = broken * ups + new;
                    let length = (broken_limit * ups).min(zero.counts.len() - shift);
                    let source = &table[..length];
                    let target = &mut next[target][shift..shift + length];
                    target.iter_mut().zip(source).for_each(|(target, source)| *target += source);
                }
            }
            std::mem::swap(&mut tables, &mut next);
            broken_limit += 3;
        }
    }
    let mut closed = zero.clone();
    for (last, table) in tables.iter().enumerate() {
        let shift = (last ^ first).count_ones() as usize * ups;
        let length = closed.counts.len() - shift;
        let target = closed.counts[shift..].iter_mut();
        target.zip(&table[..length]).for_each(|(target, source)| *target += source);
    }
    closed
}
