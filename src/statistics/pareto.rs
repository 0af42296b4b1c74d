//! How heavy the upper tail of a sample is.

/// Exceedances below which no shape is fitted.
const LEAST: usize = 5;

/// The shape k of the generalised Pareto law that fits what the largest min(0.2 S, 3 sqrt(S)) of S values exceed the next
/// one by: moments of order 1/k and above do not exist, so that a mean has a finite variance below k = 1/2, and above
/// about 0.7 too few values decide it for its error bar to know (Vehtari, Simpson, Gelman, Yao and Gabry 2024).
///
/// The fit is Zhang and Stephens's of 2009: with p(x) proportional to (1 - theta x)^{-1 - 1/k} the likelihood is largest
/// at k(theta) = mean ln(1 - theta x), and theta is a mean over the profile likelihood on a grid of 30 + sqrt(n) points.
/// Of n exceedances n / (n + 10) of that k is taken, and 10 / (n + 10) of 1/2 (Vehtari et al., appendix G).
///
/// `None` with fewer than 25 values, which have no tail of five, where nothing exceeds the threshold by more than
/// rounding, and where a quarter of the tail ties with the threshold.
pub fn pareto_shape(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let tail = (0.2 * count).min(3.0 * count.sqrt()) as usize;
    if tail < LEAST {
        return None;
    }
    let (rest, tail) = sorted.split_at(sorted.len() - tail);
    let threshold = *rest.last()?;
    let largest = tail.last()? - threshold;
    if !largest.is_finite() || largest <= 1e-12 * threshold.abs() {
        return None;
    }
    // In units of the largest.
    let exceedances: Vec<f64> = tail.iter().map(|x| (x - threshold) / largest).collect();
    let n = exceedances.len() as f64;
    let quartile = exceedances[((n / 4.0 + 0.5) as usize).max(1) - 1];
    // Discrete numbers, such as energies, may tie there; the fit is one of continuous laws, and has no scale then.
    if quartile <= 0.0 {
        return None;
    }
    let shape = |theta: f64| exceedances.iter().map(|x| (-theta * x).ln_1p()).sum::<f64>() / n;
    let points = 30.0 + n.sqrt().floor();
    let grid = (1..=points as usize).map(|j| {
        let theta = 1.0 + (1.0 - (points / (j as f64 - 0.5)).sqrt()) / (3.0 * quartile);
        let k = shape(theta);
        (theta, n * ((-theta / k).ln() - k - 1.0))
    });
    let grid: Vec<(f64, f64)> = grid.filter(|(_, l)| l.is_finite()).collect();
    let best = grid.iter().map(|(_, l)| *l).fold(f64::NEG_INFINITY, f64::max);
    let (mut sum, mut total) = (0.0, 0.0);
    for (theta, likelihood) in &grid {
        let weight = (likelihood - best).exp();
        sum += weight * theta;
        total += weight;
    }
    let k = shape(sum / total);
    let k = (n * k + 10.0 * 0.5) / (n + 10.0);
    k.is_finite().then_some(k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Seed, uniform};

    /// Numbers of heads among 8 coins: no tail that a continuous law fits.
    #[test]
    fn discrete_numbers_have_no_shape() {
        let mut words = Seed::root(5).words();
        let heads: Vec<f64> = (0..64_000).map(|_| f64::from((words.next_word() & 255).count_ones())).collect();
        assert_eq!(pareto_shape(&heads), None);
    }

    /// Laws whose tail is a generalised Pareto law from any threshold on: uniform (k = -1), exponential (0) and Pareto's
    /// with exponents 2 (k = 1/2) and 1 (k = 1). A tail of n = 3 sqrt(10^4) = 300 has a likeliest k with the standard
    /// error (1 + k) / sqrt(n) above k = -1/2 (Smith 1987); over 400 samples the mean deviation, once the prior is taken
    /// back, is within 0.04, the bias of the fit at this n, and the scatter is what it should be.
    #[test]
    fn known_tails_have_their_shapes() {
        type Quantile = fn(f64) -> f64;
        let laws: [(f64, Quantile); 4] =
            [(-1.0, |u| u), (0.0, |u| -u.ln()), (0.5, |u| u.powf(-0.5)), (1.0, |u| 1.0 / u)];
        for (number, (k, quantile)) in laws.into_iter().enumerate() {
            let mut generator = Seed::root(1).child("law", number as u64).generator();
            let found: Vec<f64> = (0..400)
                .map(|_| {
                    let values: Vec<f64> = (0..10_000).map(|_| quantile(1.0 - uniform(&mut generator))).collect();
                    (310.0 * pareto_shape(&values).unwrap() - 5.0) / 300.0
                })
                .collect();
            let mean = found.iter().sum::<f64>() / 400.0;
            let scatter = (found.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 399.0).sqrt();
            println!("k = {k}: {mean:.3} +- {scatter:.3}");
            assert!((mean - k).abs() < 0.04, "k = {k}: {mean}");
            let expected = (1.0 + k) / 300_f64.sqrt();
            if k > -0.5 {
                // A scatter of 400 is known to 3.5 per cent.
                assert!((scatter / expected - 1.0).abs() < 0.2, "k = {k}: {scatter}");
            }
        }
    }

    /// Of 100 values twenty are the tail: a third of the shrinkage is the prior's.
    #[test]
    fn few_values_are_drawn_towards_one_half() {
        let values: Vec<f64> = (0..100).map(f64::from).collect();
        let k = pareto_shape(&values).unwrap();
        // 2/3 of about -1, and 1/3 of 1/2.
        assert!((k + 0.5).abs() < 0.15, "{k}");
    }

    /// Shifts and factors change nothing; a sample without a tail has no shape.
    #[test]
    fn only_the_form_of_the_tail_counts() {
        let mut generator = Seed::root(2).generator();
        let values: Vec<f64> = (0..500).map(|_| 1.0 / (1.0 - uniform(&mut generator))).collect();
        let moved: Vec<f64> = values.iter().map(|x| 1e-3 * x - 1.0).collect();
        let (k, same) = (pareto_shape(&values).unwrap(), pareto_shape(&moved).unwrap());
        assert!((k - same).abs() < 1e-8, "{k}, {same}");
        assert_eq!(pareto_shape(&values[..24]), None);
        assert!(pareto_shape(&values[..25]).is_some());
        assert_eq!(pareto_shape(&[3.0; 100]), None);
        let mut one = vec![0.0; 100];
        one[17] = 1.0;
        assert_eq!(pareto_shape(&one), None);
        assert_eq!(pareto_shape(&[f64::NAN; 100]), None);
    }
}
