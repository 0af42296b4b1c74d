//! The integrated autocorrelation time of a series.

/// tau = 1 + 2 sum_{t >= 1} rho(t), in steps of the series: so many steps are worth one independent
/// draw. 1 for a series that never changes.
///
/// The sum stops at the first lag t >= 3 tau(t) (Sokal 1997, section 3; his tau is half of ours, so
/// that his c is 6): the bias is about e^-6 of tau for an exponential decay, and the relative standard
/// error about sqrt(12 tau / length).
pub fn autocorrelation_time(series: &[f64]) -> f64 {
    let length = series.len();
    let mean = series.iter().sum::<f64>() / length as f64;
    let deviations: Vec<f64> = series.iter().map(|x| x - mean).collect();
    let covariance = |lag: usize| -> f64 {
        let products = deviations.iter().zip(&deviations[lag..]);
        products.map(|(x, y)| x * y).sum::<f64>() / (length - lag) as f64
    };
    let variance = covariance(0);
    if variance.is_nan() || variance <= 0.0 {
        return 1.0;
    }
    let mut tau = 1.0;
    for lag in 1..length {
        tau += 2.0 * covariance(lag) / variance;
        if lag as f64 >= 3.0 * tau {
            break;
        }
    }
    tau.max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Seed;
    use rand_distr::{Distribution, StandardNormal};

    /// An autoregressive series with coefficient phi has tau = (1 + phi) / (1 - phi).
    #[test]
    fn autoregressive_series_have_their_known_time() {
        for (phi, exact) in [(0.9, 19.0), (0.5, 3.0), (0.0, 1.0)] {
            let taus: Vec<f64> = (0..32)
                .map(|run| {
                    let mut generator = Seed::root(3).child("series", run).generator();
                    let mut draw = || -> f64 { StandardNormal.sample(&mut generator) };
                    let mut x: f64 = draw() / (1.0_f64 - phi * phi).sqrt();
                    let series: Vec<f64> = (0..40_000)
                        .map(|_| {
                            x = phi * x + draw();
                            x
                        })
                        .collect();
                    autocorrelation_time(&series)
                })
                .collect();
            let mean = taus.iter().sum::<f64>() / 32.0;
            let variance = taus.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / 31.0;
            let t = (mean - exact) / (variance / 32.0).sqrt();
            // Student's threshold for 31 degrees of freedom at 1e-6, and a bound on the bias.
            assert!(t.abs() < 6.08, "phi = {phi}: tau = {mean}, t = {t}");
            assert!(
                (mean / exact - 1.0).abs() < 0.03,
                "phi = {phi}: tau = {mean}"
            );
        }
    }

    #[test]
    fn a_constant_series_has_time_one() {
        assert_eq!(autocorrelation_time(&[2.0; 50]), 1.0);
    }
}
