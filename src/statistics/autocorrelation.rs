//! The integrated autocorrelation time of a series.

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

/// An integrated autocorrelation time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AutocorrelationTime {
    /// tau = 1 + 2 sum_{t >= 1} rho(t), in steps of the series: so many steps are worth one independent draw.
    pub tau: f64,
    /// Its standard error, sqrt(2 (2 W + 1) / length) tau (Madras and Sokal 1988, equation 3.19); as long as tau
    /// itself where the series is too short to tell.
    pub standard_error: f64,
    /// The variance of a single measurement.
    pub variance: f64,
    /// W: the last lag of the sum.
    pub window: usize,
}

/// The autocorrelation time of one or more chains of equal length, about their common mean, so that chains which
/// stay in different places have a long one. `None` where nothing ever changes: no time can be told.
///
/// With c(t) = sum x(s) x(s + t) / (length x chains), which falls to 0 at the length of a chain as its part in the error
/// of a mean does, the sum over lags goes by pairs, c(2k) + c(2k + 1), made to fall with k, up to the first that is not
/// positive: the initial monotone sequence of Geyer 1992 (section 3.3). It goes on where a slow part of small variance
/// follows a fast one, at which a window of some tau would close. The noise of the sum's end and what the measured mean
/// takes from every c(t) nearly make up for each other: the mean of tau is within some per cent of the truth from 20 tau
/// on. Work: length x ln(length) for every chain.
pub fn integrated_time(chains: &[&[f64]]) -> Option<AutocorrelationTime> {
    let length = chains.first().map_or(0, |chain| chain.len());
    assert!(chains.iter().all(|chain| chain.len() == length), "chains are equally long");
    let total = (length * chains.len()) as f64;
    let mean = chains.iter().flat_map(|chain| *chain).sum::<f64>() / total;
    let deviations: Vec<Vec<f64>> = chains.iter().map(|chain| chain.iter().map(|x| x - mean).collect()).collect();
    let largest = deviations.iter().flatten().fold(0.0, |a: f64, x| a.max(x.abs()));
    let squares: f64 = deviations.iter().flatten().map(|x| x * x).sum();
    let variance = squares / total;
    // Rounding alone makes a constant series "vary" by its last digit.
    if !variance.is_finite() || largest <= 1e-13 * mean.abs() || variance <= 0.0 {
        return None;
    }
    let products = lagged_products(&deviations);
    // The first product is the sum of the squares but for rounding.
    let correlation = |lag: usize| products[lag] / squares;
    let (mut half, mut last, mut window) = (0.0, f64::INFINITY, 0);
    for lag in (0..length - 1).step_by(2) {
        let pair = correlation(lag) + correlation(lag + 1);
        if pair <= 0.0 {
            break;
        }
        last = pair.min(last);
        half += last;
        window = lag + 1;
    }
    // Anticorrelated series are worth more than they are long, but no sum of noise is trusted to say how much.
    let tau = (2.0 * half - 1.0).max(1.0);
    let lags = (2 * window + 1) as f64;
    Some(AutocorrelationTime {
        tau,
        standard_error: (2.0 * lags / total).sqrt().min(1.0) * tau,
        variance: variance * (1.0 + tau / total),
        window,
    })
}

/// sum over chains and s of x(s) x(s + lag), for every lag up to the length of a chain, by Fourier transforms (Wiener
/// and Khinchin) of two chains at a time: the real part of the correlation of x + i y is that of x plus that of y.
fn lagged_products(chains: &[Vec<f64>]) -> Vec<f64> {
    let length = chains[0].len();
    // Zeros behind the series keep its end from meeting its beginning.
    let size = (2 * length).next_power_of_two();
    // The same on every processor: this crate's own transforms by vector width are switched off.
    let mut planner = FftPlanner::new();
    let (forward, back) = (planner.plan_fft_forward(size), planner.plan_fft_inverse(size));
    let mut scratch = vec![Complex::default(); forward.get_inplace_scratch_len()];
    let mut power = vec![Complex::default(); size];
    let mut row = vec![Complex::default(); size];
    for pair in chains.chunks(2) {
        row.fill(Complex::default());
        for (z, x) in row.iter_mut().zip(&pair[0]) {
            z.re = *x;
        }
        if let [_, second] = pair {
            for (z, y) in row.iter_mut().zip(second) {
                z.im = *y;
            }
        }
        forward.process_with_scratch(&mut row, &mut scratch);
        for (sum, z) in power.iter_mut().zip(&row) {
            sum.re += z.norm_sqr();
        }
    }
    back.process(&mut power);
    power[..length].iter().map(|z| z.re / size as f64).collect()
}

/// tau of a single series: [`integrated_time`], and 1 for a series that never changes.
pub fn autocorrelation_time(series: &[f64]) -> f64 {
    integrated_time(&[series]).map_or(1.0, |time| time.tau)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Seed, uniform};
    use crate::statistics::fit::{student_t, student_threshold};
    use rand_distr::{Distribution, StandardNormal};

    /// A stationary autoregressive series x' = phi x + noise, whose tau is (1 + phi) / (1 - phi).
    fn autoregressive(phi: f64, length: usize, run: u64) -> Vec<f64> {
        let mut generator = Seed::root(3).child("series", run).generator();
        let mut draw = || -> f64 { StandardNormal.sample(&mut generator) };
        let mut x: f64 = draw() / (1.0 - phi * phi).sqrt();
        let mut step = || {
            x = phi * x + draw();
            x
        };
        (0..length).map(|_| step()).collect()
    }

    #[test]
    fn autoregressive_series_have_their_known_time() {
        for (phi, exact) in [(0.9, 19.0), (0.5, 3.0), (0.0, 1.0)] {
            let times: Vec<AutocorrelationTime> =
                (0..64).map(|run| integrated_time(&[&autoregressive(phi, 40_000, run)]).unwrap()).collect();
            let taus: Vec<f64> = times.iter().map(|time| time.tau).collect();
            let mean = taus.iter().sum::<f64>() / 64.0;
            let t = student_t(&taus, exact, 1.0);
            // White noise stops summing at the first lag or two, and 1 is the least that is reported.
            if phi > 0.0 {
                assert!(t.abs() < student_threshold(64, 3, 1e-6), "phi = {phi}: tau = {mean}, t = {t}");
            }
            assert!((mean / exact - 1.0).abs() < 0.02, "phi = {phi}: tau = {mean}");
            // tau's own error: chi-square of 63 degrees of freedom lies within [0.28, 2.1] of its mean but
            // once in 1e6 on each side.
            let scatter = taus.iter().map(|tau| (tau - mean).powi(2)).sum::<f64>() / 63.0;
            let said = times.iter().map(|time| time.standard_error.powi(2)).sum::<f64>() / 64.0;
            if phi > 0.0 {
                assert!((0.28..2.1).contains(&(scatter / said)), "phi = {phi}: {}", scatter / said);
            }
        }
    }

    /// Short series, of 22 to 133 tau: the mean of tau is right within 4 per cent. With what the measured mean takes given
    /// back (Wolff 2004, equation 49) it would be 1.04 to 1.12 times too large, with the sum over all positive pairs 1.05.
    #[test]
    fn short_series_have_no_bias() {
        for (phi, exact, length) in [(0.5, 3.0, 200), (0.5, 3.0, 400), (0.8, 9.0, 400), (0.8, 9.0, 1000)] {
            let tau = |run| autocorrelation_time(&autoregressive(phi, length, run));
            let mean = (0..4000).map(tau).sum::<f64>() / 4000.0 / exact;
            assert!((mean - 1.0).abs() < 0.04, "phi = {phi}, {length}: {mean}");
        }
    }

    /// The scatter of tau over 1,000 runs against the error that it has, whose square is 5/3 of it because the sequence goes on
    /// longer than a window that makes the error smallest; and the variance of a measurement, which the mean of
    /// 100 dependent ones makes 9 per cent smaller until that is given back.
    #[test]
    fn errors_of_tau_and_variances_are_as_large_as_they_are_said_to_be() {
        let times: Vec<_> =
            (0..1000).map(|run| integrated_time(&[&autoregressive(0.8, 10_000, run)]).unwrap()).collect();
        let mean = times.iter().map(|time| time.tau).sum::<f64>() / 1000.0;
        let scatter = times.iter().map(|time| (time.tau - mean).powi(2)).sum::<f64>() / 999.0;
        let said = times.iter().map(|time| time.standard_error.powi(2)).sum::<f64>() / 1000.0;
        assert!((0.5..0.72).contains(&(scatter / said)), "{}", scatter / said);
        let variance = |run| integrated_time(&[&autoregressive(0.8, 100, run)]).unwrap().variance;
        let ratio = (0..8000).map(variance).sum::<f64>() / 8000.0 * (1.0 - 0.64);
        assert!((ratio - 1.0).abs() < 0.03, "{ratio}");
    }

    /// Switching between -0.2 and 0.2 once in 500 steps under noise of 1: rho(t) = 0.04 / 1.04 e^{-t/250}, which a window
    /// of a few tau never sees: tau = 1 + 2 x 0.0385 x 250 = 20. Seen in 64 chains of 20,000 steps.
    #[test]
    fn a_slow_part_under_noise_enters_tau() {
        let chains: Vec<Vec<f64>> = (0..64)
            .map(|run| {
                let mut generator = Seed::root(5).child("switching", run).generator();
                let mut side = if uniform(&mut generator) < 0.5 { -0.2 } else { 0.2 };
                (0..20_000)
                    .map(|_| {
                        if uniform(&mut generator) < 1.0 / 500.0 {
                            side = -side;
                        }
                        let noise: f64 = StandardNormal.sample(&mut generator);
                        side + noise
                    })
                    .collect()
            })
            .collect();
        let views: Vec<&[f64]> = chains.iter().map(|chain| &chain[..]).collect();
        let time = integrated_time(&views).unwrap();
        let exact = 1.0 + 2.0 * 0.04 / 1.04 * 249.5;
        assert!((time.tau / exact - 1.0).abs() < 0.15, "{time:?}, not {exact}");
    }

    /// By Fourier transforms and as they are defined, for odd and even numbers of chains and lengths.
    #[test]
    fn lagged_products_are_sums() {
        for (count, length) in [(1, 2), (2, 5), (3, 64), (5, 33)] {
            let chains: Vec<Vec<f64>> = (0..count).map(|run| autoregressive(0.3, length, run)).collect();
            let products = lagged_products(&chains);
            for lag in 0..length {
                let sum: f64 = chains.iter().map(|x| (lag..length).map(|s| x[s - lag] * x[s]).sum::<f64>()).sum();
                assert!((products[lag] - sum).abs() < 1e-12 * length as f64, "{lag}");
            }
        }
    }

    /// Cut into 40 chains, a series keeps its time; chains about different means have a long one.
    #[test]
    fn chains_share_their_mean() {
        let series = autoregressive(0.9, 400_000, 7);
        let chains: Vec<&[f64]> = series.chunks(10_000).collect();
        let time = integrated_time(&chains).unwrap();
        assert!((time.tau - 19.0).abs() < 4.9 * time.standard_error, "{time:?}");
        let apart: Vec<Vec<f64>> =
            (0..2).map(|k| autoregressive(0.0, 1000, k).iter().map(|x| x + 10.0 * k as f64).collect()).collect();
        let apart: Vec<&[f64]> = apart.iter().map(|chain| &chain[..]).collect();
        assert!(integrated_time(&apart).unwrap().tau > 500.0);
    }

    #[test]
    fn a_series_that_never_changes_has_no_time() {
        assert_eq!(integrated_time(&[&[2.0; 50]]), None);
        assert_eq!(integrated_time(&[&[0.1; 50], &[0.1; 50]]), None);
        assert_eq!(autocorrelation_time(&[2.0; 50]), 1.0);
    }
}
