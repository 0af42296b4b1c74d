//! Measurements along chains: means and functions of means, with errors that know autocorrelation.

use super::chains::{judge, judge_law};
use super::doubt::Doubt;
use super::estimate::Estimate;
use super::jackknife::{bins, jackknife};
use std::sync::OnceLock;

/// Several quantities measured at equal distances along one or more chains of equal length, and coordinates that are
/// watched beside them: a magnetisation with its sign sees a mode to which the energy is blind.
#[derive(Clone, Debug)]
pub struct Measurements {
    quantities: usize,
    coordinates: usize,
    /// The kind of place where each chain started.
    starts: Vec<usize>,
    /// A chain's measurements one after another, quantities first.
    chains: Vec<Vec<f64>>,
    /// What the coordinates say, once asked.
    watched: OnceLock<Option<Doubt>>,
}

/// Autocorrelation times that a bin of the jackknife is long.
const BIN: f64 = 5.0;

impl Measurements {
    /// No measurement yet of so many quantities, on so many chains that start in one kind of place.
    pub fn new(quantities: usize, chains: usize) -> Self {
        Self::watching(quantities, 0, &vec![0; chains])
    }

    /// No measurement yet of so many quantities and coordinates, on chains of which each started in the kind of place
    /// that its number says.
    pub fn watching(quantities: usize, coordinates: usize, starts: &[usize]) -> Self {
        assert!(quantities > 0 && !starts.is_empty(), "something is measured somewhere");
        Self {
            quantities,
            coordinates,
            starts: starts.to_vec(),
            chains: vec![Vec::new(); starts.len()],
            watched: OnceLock::new(),
        }
    }

    fn width(&self) -> usize {
        self.quantities + self.coordinates
    }

    /// Adds a measurement of every quantity, and then of every coordinate, on one chain.
    pub fn push(&mut self, chain: usize, values: &[f64]) {
        assert_eq!(values.len(), self.width(), "every quantity is measured");
        self.chains[chain].extend_from_slice(values);
        self.watched.take();
    }

    /// Measurements on each chain.
    pub fn length(&self) -> usize {
        self.chains[0].len() / self.width()
    }

    /// Drops the first measurements of every chain.
    pub fn discard(&mut self, measurements: usize) {
        let width = self.width();
        for chain in &mut self.chains {
            chain.drain(..(measurements * width).min(chain.len()));
        }
        self.watched.take();
    }

    /// The series of one quantity, or after the quantities of a coordinate, chain by chain.
    pub fn series(&self, quantity: usize) -> Vec<Vec<f64>> {
        self.combined(|row| row[quantity])
    }

    fn rows(&self) -> impl Iterator<Item = &[f64]> {
        let width = self.width();
        self.chains.iter().flat_map(move |chain| chain.chunks_exact(width))
    }

    fn combined(&self, f: impl Fn(&[f64]) -> f64) -> Vec<Vec<f64>> {
        let chain = |rows: &Vec<f64>| rows.chunks_exact(self.width()).map(&f).collect();
        self.chains.iter().map(chain).collect()
    }

    /// The mean of every quantity.
    pub fn means(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.quantities];
        for row in self.rows() {
            for (sum, x) in sums.iter_mut().zip(row) {
                *sum += x;
            }
        }
        let total = (self.length() * self.chains.len()) as f64;
        sums.iter().map(|sum| sum / total).collect()
    }

    /// What the coordinates have against all means: chains that do not have one law among them. A coordinate that
    /// never changes says nothing.
    pub fn watched_doubt(&self) -> Option<Doubt> {
        *self.watched.get_or_init(|| {
            (self.quantities..self.width()).find_map(|coordinate| {
                let series = self.series(coordinate);
                let views: Vec<&[f64]> = series.iter().map(|chain| &chain[..]).collect();
                judge_law(&views, &self.starts).filter(|doubt| *doubt != Doubt::Constant)
            })
        })
    }

    /// The mean of one quantity.
    pub fn mean(&self, quantity: usize) -> Estimate {
        self.derived(&|means| means[quantity])
    }

    /// A function of the means, such as a specific heat of the means of E and E^2.
    ///
    /// The error is that of the series f(mean) + sum_a df/da (a(t) - mean_a), which has the same error to leading
    /// order and an autocorrelation time of its own: sqrt(variance tau / measurements) (Wolff 2004, section 3.1,
    /// with numerical derivatives), and more where chains disagree ([`judge`]). The value is the [`jackknife`]'s over bins
    /// of 5 tau, whose bias is of order 1/n^2. There is no error where the series raises a doubt, or a coordinate does.
    pub fn derived(&self, f: &dyn Fn(&[f64]) -> f64) -> Estimate {
        let means = self.means();
        let plain = f(&means);
        let slopes = self.slopes(f, &means);
        let series =
            self.combined(|row| row.iter().zip(&means).zip(&slopes).map(|((x, mean), slope)| slope * (x - mean)).sum());
        let views: Vec<&[f64]> = series.iter().map(|chain| &chain[..]).collect();
        let judged = judge(&views, &self.starts);
        let doubt = judged.doubt.or_else(|| self.watched_doubt());
        let value = judged.tau.map_or(plain, |tau| {
            let length = (BIN * tau).ceil().min(self.length() as f64) as usize;
            let bins: Vec<Vec<f64>> = self.chains.iter().flat_map(|chain| bins(chain, self.width(), length)).collect();
            jackknife(&bins, &|means| f(&means[..self.quantities])).map_or(plain, |result| result.value)
        });
        Estimate {
            value,
            standard_error: judged.standard_error.filter(|_| doubt.is_none()),
            tau: judged.tau,
            effective_samples: judged.effective_samples,
            doubt,
        }
    }

    /// df/da by central differences over a standard error (if all were independent), small enough for `f` to be
    /// straight and large enough not to drown in rounding.
    fn slopes(&self, f: &dyn Fn(&[f64]) -> f64, means: &[f64]) -> Vec<f64> {
        let total = (self.length() * self.chains.len()) as f64;
        (0..self.quantities)
            .map(|a| {
                let squares = self.rows().map(|row| (row[a] - means[a]).powi(2));
                let variance = squares.sum::<f64>() / total;
                let step = (variance / total).sqrt();
                if step <= 1e-13 * means[a].abs() || step == 0.0 {
                    return 0.0;
                }
                let at = |x: f64| {
                    let mut moved = means.to_vec();
                    moved[a] = x;
                    f(&moved)
                };
                (at(means[a] + step) - at(means[a] - step)) / (2.0 * step)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use rand_distr::{Distribution, StandardNormal};
    use rayon::prelude::*;

    /// x of unit variance about `mean`, with x^2: x' = phi x + noise.
    fn measured(phi: f64, mean: f64, chains: usize, length: usize, run: u64) -> Measurements {
        let mut all = Measurements::new(2, chains);
        for chain in 0..chains {
            let seed = Seed::root(9).child("run", run).child("chain", chain as u64);
            let mut generator = seed.generator();
            let mut draw = || -> f64 { StandardNormal.sample(&mut generator) };
            let mut x = draw();
            for _ in 0..length {
                x = phi * x + (1.0 - phi * phi).sqrt() * draw();
                let y = mean + x;
                all.push(chain, &[y, y * y]);
            }
        }
        all
    }

    /// Two-sigma intervals of 2,000 runs of 200 tau hold the truth as often as they should, 0.9545 +- 0.023: for a
    /// mean, and for a variance (a function of two means with a bias to take away). Their mean square is 0.8, since chance
    /// disagreement of the four chains is part of the error now and then.
    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let (phi, runs) = (0.8, 2000_u64);
        // tau of x is 9; of (x - mean)^2, with phi^2 for phi, 1.64 / 0.36.
        let share = |length: usize, f: &(dyn Fn(&[f64]) -> f64 + Sync), truth: f64| {
            let z: Vec<f64> = (0..runs)
                .into_par_iter()
                .filter_map(|run| {
                    let estimate = measured(phi, 0.3, 4, length / 4, run).derived(f);
                    assert_eq!(estimate.converged(), estimate.standard_error.is_some());
                    estimate.z(truth)
                })
                .collect();
            let known = z.len() as f64;
            let mean = z.iter().sum::<f64>() / known;
            let squares = z.iter().map(|z| z * z).sum::<f64>() / known;
            let inside = z.iter().filter(|z| z.abs() < 2.0).count() as f64 / known;
            // Three comparisons that fail once in a thousand times each, and chains that seem short.
            assert!(known > 0.97 * runs as f64, "{known}");
            (inside, mean, squares)
        };
        let (inside, mean, squares) = share(200 * 9, &|m| m[0], 0.3);
        assert!((inside - 0.9545).abs() < 0.023, "{inside}");
        assert!(mean.abs() < 4.9 / (runs as f64).sqrt() && (0.7..1.1).contains(&squares), "{mean} {squares}");
        let (inside, _, squares) = share(1000 * 9, &|m| m[1] - m[0] * m[0], 1.0);
        assert!((inside - 0.9545).abs() < 0.023 && (0.7..1.1).contains(&squares), "{inside} {squares}");
    }

    /// The bias of a variance, -tau / length of it, is gone from the mean over runs.
    #[test]
    fn values_have_no_bias_to_leading_order() {
        let values: Vec<f64> = (0..4000)
            .into_par_iter()
            .map(|run| measured(0.5, 2.0, 2, 60, run).derived(&|m| m[1] - m[0] * m[0]).value)
            .collect();
        let mean = values.iter().sum::<f64>() / 4000.0;
        let scatter = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3999.0;
        let z = (mean - 1.0) / (scatter / 4000.0).sqrt();
        // Uncorrected it would be 0.975, ten standard errors off.
        assert!(z.abs() < 4.9, "{mean}, z = {z}");
    }

    /// A coordinate that does not mix takes the error from a quantity that does, and one that never changes takes none.
    #[test]
    fn coordinates_are_watched() {
        let steady = measured(0.5, 0.0, 8, 2000, 1);
        let watching = |coordinate: &dyn Fn(usize, usize) -> f64, starts: &[usize]| {
            let mut all = Measurements::watching(2, 1, starts);
            for (chain, rows) in steady.chains.iter().enumerate() {
                for (t, row) in rows.chunks_exact(2).enumerate() {
                    all.push(chain, &[row[0], row[1], coordinate(chain, t)]);
                }
            }
            assert_eq!(all.means(), steady.means());
            all
        };
        let plain = steady.mean(0);
        assert!(plain.converged() && plain.standard_error.is_some());
        let noise = |chain: usize, t: usize| ((chain * 7919 + t * 104_729) % 1009) as f64;
        assert_eq!(watching(&noise, &[0; 8]).mean(0), plain);
        assert_eq!(watching(&|_, _| 3.0, &[0; 8]).mean(0), plain);
        // A sign that no chain changes.
        let stuck = |chain: usize, t: usize| (chain % 2) as f64 * 2000.0 + noise(chain, t);
        let found = watching(&stuck, &[0; 8]).derived(&|m| m[1] - m[0] * m[0]);
        assert_eq!(found.doubt, Some(Doubt::DisagreeingChains));
        assert_eq!(found.standard_error, None);
        let found = watching(&stuck, &[0, 1, 0, 1, 0, 1, 0, 1]).mean(0);
        assert_eq!(found.doubt, Some(Doubt::DisagreeingStarts));
        // Behind a coordinate that mixes.
        let mut second = Measurements::watching(1, 2, &[0; 8]);
        for t in 0..2000 {
            (0..8).for_each(|chain| second.push(chain, &[noise(chain, 3 * t), noise(chain, t), stuck(chain, t)]));
        }
        assert_eq!(second.mean(0).doubt, Some(Doubt::DisagreeingChains));
        // The same mean, and another width.
        let wide = |chain: usize, t: usize| (noise(chain, t) - 504.0) * (1 + chain % 2) as f64;
        let found = watching(&wide, &[0; 8]).mean(0);
        assert_eq!(found.doubt, Some(Doubt::DisagreeingChains));
    }

    #[test]
    fn what_was_asked_for_is_asked_anew_after_a_push() {
        let mut all = Measurements::watching(1, 1, &[0; 4]);
        for t in 0..2000 {
            (0..4).for_each(|chain| all.push(chain, &[((t * 31 + chain * 17) % 101) as f64, 0.0]));
        }
        assert_eq!(all.watched_doubt(), None);
        for t in 0..2000 {
            (0..4).for_each(|chain| all.push(chain, &[t as f64, chain as f64]));
        }
        assert!(all.watched_doubt().is_some());
        all.discard(2000);
        assert_eq!(all.watched_doubt(), Some(Doubt::DisagreeingChains));
    }

    /// The two roads to an error meet: the derived series' time, and the jackknife over long bins.
    #[test]
    fn the_jackknife_agrees() {
        let all = measured(0.8, 0.3, 16, 25_000, 5);
        let f = |m: &[f64]| m[1] - m[0] * m[0];
        let estimate = all.derived(&f);
        let rows: Vec<f64> = all.chains.concat();
        let by_bins = jackknife(&bins(&rows, 2, 200), &f).unwrap();
        let ratio = by_bins.standard_error / estimate.standard_error.unwrap();
        // 2,000 bins: the jackknife's error is known to 1.6 per cent.
        assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
        assert!((by_bins.value - estimate.value).abs() < 0.05 * by_bins.standard_error);
    }

    /// Against chains whose kinds of starts are forgotten: two kinds of four chains lie a fifth of a standard error of
    /// a chain to either side and scatter much less than chance would have it, so that only chains with names can tell.
    #[test]
    fn a_mean_compares_the_kinds_of_starts() {
        let doubt = |starts: &[usize; 8]| {
            let mut all = Measurements::watching(1, 0, starts);
            for chain in 0..8 {
                let mut generator = Seed::root(10).child("chain", chain as u64).generator();
                let noise: Vec<f64> = (0..2000).map(|_| StandardNormal.sample(&mut generator)).collect();
                let mean = noise.iter().sum::<f64>() / 2000.0;
                let side = if chain < 4 { 0.2 } else { -0.2 } + 0.01 * (chain % 4) as f64;
                noise.iter().for_each(|x| all.push(chain, &[x - mean + side / 2000_f64.sqrt()]));
            }
            all.derived(&|means| means[0]).doubt
        };
        assert_eq!(doubt(&[0; 8]), None);
        assert_eq!(doubt(&[0, 0, 0, 0, 1, 1, 1, 1]), Some(Doubt::DisagreeingStarts));
    }
}
