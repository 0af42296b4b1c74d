//! Measurements along chains: means and functions of means, with errors that know autocorrelation.

use super::autocorrelation::integrated_time;
use super::estimate::Estimate;
use super::jackknife::{bins, jackknife};

/// Several quantities measured at equal distances along one or more chains of equal length.
#[derive(Clone, Debug)]
pub struct Measurements {
    quantities: usize,
    /// A chain's measurements one after another.
    chains: Vec<Vec<f64>>,
}

/// Effective samples below which an error is not believed.
const ENOUGH: f64 = 100.0;
/// Autocorrelation times that a chain must be long.
const LONG: f64 = 10.0;
/// Standard errors by which the first and the last third of the measurements may differ: a steady series is further
/// apart once in 16,000.
const STEADY: f64 = 4.0;
/// Autocorrelation times that a bin of the jackknife is long.
const BIN: f64 = 5.0;

impl Measurements {
    /// No measurement yet of so many quantities, on so many chains.
    pub fn new(quantities: usize, chains: usize) -> Self {
        assert!(
            quantities > 0 && chains > 0,
            "something is measured somewhere"
        );
        Self {
            quantities,
            chains: vec![Vec::new(); chains],
        }
    }

    /// Adds a measurement of every quantity on one chain.
    pub fn push(&mut self, chain: usize, values: &[f64]) {
        assert_eq!(values.len(), self.quantities, "every quantity is measured");
        self.chains[chain].extend_from_slice(values);
    }

    /// Measurements on each chain.
    pub fn length(&self) -> usize {
        self.chains[0].len() / self.quantities
    }

    /// Drops the first measurements of every chain.
    pub fn discard(&mut self, measurements: usize) {
        for chain in &mut self.chains {
            chain.drain(..(measurements * self.quantities).min(chain.len()));
        }
    }

    /// The series of one quantity, chain by chain.
    pub fn series(&self, quantity: usize) -> Vec<Vec<f64>> {
        self.combined(|row| row[quantity])
    }

    fn combined(&self, f: impl Fn(&[f64]) -> f64) -> Vec<Vec<f64>> {
        let chain = |rows: &Vec<f64>| rows.chunks_exact(self.quantities).map(&f).collect();
        self.chains.iter().map(chain).collect()
    }

    /// The mean of every quantity.
    pub fn means(&self) -> Vec<f64> {
        let mut sums = vec![0.0; self.quantities];
        for row in self
            .chains
            .iter()
            .flat_map(|chain| chain.chunks_exact(self.quantities))
        {
            for (sum, x) in sums.iter_mut().zip(row) {
                *sum += x;
            }
        }
        let total = (self.length() * self.chains.len()) as f64;
        sums.iter().map(|sum| sum / total).collect()
    }

    /// The mean of one quantity.
    pub fn mean(&self, quantity: usize) -> Estimate {
        self.derived(&|means| means[quantity])
    }

    /// A function of the means, such as a specific heat of the means of E and E^2.
    ///
    /// The error is that of the series f(mean) + sum_a df/da (a(t) - mean_a), which has the same error to leading
    /// order and an autocorrelation time of its own: sqrt(variance tau / measurements) (Wolff 2004, section 3.1,
    /// with numerical derivatives). The value is the [`jackknife`]'s over bins of 5 tau, whose bias is of order
    /// 1/n^2. `converged` says that there are at least 100 effective samples, that every chain is 10 tau long, and
    /// that the first third of the measurements agrees with the last within 4 standard errors; chains that stay in
    /// different places make tau long, so that it is about them too.
    pub fn derived(&self, f: &dyn Fn(&[f64]) -> f64) -> Estimate {
        let means = self.means();
        let plain = f(&means);
        let unknown = Estimate {
            converged: false,
            ..Estimate::exact(plain)
        };
        let total = (self.length() * self.chains.len()) as f64;
        let slopes = self.slopes(f, &means);
        let series = self.combined(|row| {
            row.iter()
                .zip(&means)
                .zip(&slopes)
                .map(|((x, mean), slope)| slope * (x - mean))
                .sum()
        });
        let views: Vec<&[f64]> = series.iter().map(|chain| &chain[..]).collect();
        if self.length() < 2 || !plain.is_finite() {
            return unknown;
        }
        let Some(time) = integrated_time(&views) else {
            return unknown;
        };
        let length = (BIN * time.tau).ceil().min(self.length() as f64) as usize;
        let bins: Vec<Vec<f64>> = self
            .chains
            .iter()
            .flat_map(|chain| bins(chain, self.quantities, length))
            .collect();
        let value = jackknife(&bins, f).map_or(plain, |result| result.value);
        let standard_error = (time.variance * time.tau / total).sqrt();
        let third = self.length() / 3;
        let mean_of = |range: std::ops::Range<usize>| {
            let sum: f64 = series.iter().flat_map(|chain| &chain[range.clone()]).sum();
            sum / (range.len() * series.len()) as f64
        };
        // A third has three times the variance, a difference of two thirds six times.
        let drift = mean_of(self.length() - third..self.length()) - mean_of(0..third);
        let steady = third > 0 && drift.abs() <= STEADY * 6.0_f64.sqrt() * standard_error;
        Estimate {
            value,
            standard_error: Some(standard_error),
            tau: Some(time.tau),
            effective_samples: Some(total / time.tau),
            converged: steady
                && total / time.tau >= ENOUGH
                && self.length() as f64 >= LONG * time.tau,
        }
    }

    /// df/da by central differences over a standard error (if all were independent), small enough for `f` to be
    /// straight and large enough not to drown in rounding.
    fn slopes(&self, f: &dyn Fn(&[f64]) -> f64, means: &[f64]) -> Vec<f64> {
        let total = (self.length() * self.chains.len()) as f64;
        (0..self.quantities)
            .map(|a| {
                let rows = self
                    .chains
                    .iter()
                    .flat_map(|chain| chain.chunks_exact(self.quantities));
                let variance = rows.map(|row| (row[a] - means[a]).powi(2)).sum::<f64>() / total;
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
    /// mean, and for a variance (a function of two means with a bias to take away).
    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        let (phi, runs) = (0.8, 2000_u64);
        // tau of x is 9; of (x - mean)^2, with phi^2 for phi, 1.64 / 0.36.
        let share = |length: usize, f: &(dyn Fn(&[f64]) -> f64 + Sync), truth: f64| {
            let z: Vec<f64> = (0..runs)
                .into_par_iter()
                .map(|run| {
                    measured(phi, 0.3, 1, length, run)
                        .derived(f)
                        .z(truth)
                        .unwrap()
                })
                .collect();
            let mean = z.iter().sum::<f64>() / runs as f64;
            let squares = z.iter().map(|z| z * z).sum::<f64>() / runs as f64;
            let inside = z.iter().filter(|z| z.abs() < 2.0).count() as f64 / runs as f64;
            (inside, mean, squares)
        };
        let (inside, mean, squares) = share(200 * 9, &|m| m[0], 0.3);
        assert!((inside - 0.9545).abs() < 0.023, "{inside}");
        assert!(
            mean.abs() < 4.9 / (runs as f64).sqrt() && (0.85..1.2).contains(&squares),
            "{mean} {squares}"
        );
        let (inside, _, squares) = share(1000 * 9, &|m| m[1] - m[0] * m[0], 1.0);
        assert!(
            (inside - 0.9545).abs() < 0.023 && (0.85..1.2).contains(&squares),
            "{inside} {squares}"
        );
    }

    /// The bias of a variance, -tau / length of it, is gone from the mean over runs.
    #[test]
    fn values_have_no_bias_to_leading_order() {
        let values: Vec<f64> = (0..4000)
            .into_par_iter()
            .map(|run| {
                measured(0.5, 2.0, 2, 60, run)
                    .derived(&|m| m[1] - m[0] * m[0])
                    .value
            })
            .collect();
        let mean = values.iter().sum::<f64>() / 4000.0;
        let scatter = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 3999.0;
        let z = (mean - 1.0) / (scatter / 4000.0).sqrt();
        // Uncorrected it would be 0.975, ten standard errors off.
        assert!(z.abs() < 4.9, "{mean}, z = {z}");
    }

    #[test]
    fn what_cannot_be_believed_says_so() {
        assert!(measured(0.8, 0.0, 4, 2000, 1).mean(0).converged);
        // Too short, too few, constant, drifting, apart.
        assert!(!measured(0.99, 0.0, 4, 400, 1).mean(0).converged);
        assert!(!measured(0.0, 0.0, 1, 50, 1).mean(0).converged);
        let mut constant = Measurements::new(1, 1);
        (0..1000).for_each(|_| constant.push(0, &[1.5]));
        let estimate = constant.mean(0);
        assert_eq!(
            (estimate.value, estimate.standard_error, estimate.converged),
            (1.5, None, false)
        );
        let mut drifting = measured(0.0, 0.0, 2, 3000, 2);
        for chain in &mut drifting.chains {
            for (t, row) in chain.chunks_exact_mut(2).enumerate() {
                row[0] += 0.2 * (t as f64 / 3000.0);
            }
        }
        assert!(!drifting.mean(0).converged);
        let mut apart = measured(0.0, 0.0, 2, 3000, 3);
        apart.chains[1].iter_mut().for_each(|x| *x += 1.0);
        assert!(!apart.mean(0).converged);
    }

    /// The two roads to an error meet: the derived series' time, and the jackknife over long bins.
    #[test]
    fn the_jackknife_agrees() {
        let all = measured(0.8, 0.3, 4, 100_000, 5);
        let f = |m: &[f64]| m[1] - m[0] * m[0];
        let estimate = all.derived(&f);
        let rows: Vec<f64> = all.chains.concat();
        let by_bins = jackknife(&bins(&rows, 2, 200), &f).unwrap();
        let ratio = by_bins.standard_error / estimate.standard_error.unwrap();
        // 2,000 bins: the jackknife's error is known to 1.6 per cent.
        assert!((ratio - 1.0).abs() < 0.1, "{ratio}");
        assert!((by_bins.value - estimate.value).abs() < 0.05 * by_bins.standard_error);
    }
}
