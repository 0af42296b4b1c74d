//! Tests of fit: do draws follow a law, do means agree with what they should be?

use statrs::distribution::{ChiSquared, ContinuousCDF, StudentsT};

/// Smallest expected count of a cell of Pearson's test; rarer outcomes are pooled. Larger than the
/// usual 5, since the tails matter at the small false-alarm levels used here.
const SMALLEST_EXPECTED: f64 = 25.0;

/// The p-value of Pearson's chi-square test that independent draws, counted by outcome, follow
/// `probabilities` (which sum to 1). Outcomes expected fewer than 25 times are pooled, and the pool
/// joins a cell of its own or the last one; an outcome of probability 0 that was drawn gives 0.
pub fn chi_square_p_value(counts: &[u64], probabilities: &[f64]) -> f64 {
    assert_eq!(counts.len(), probabilities.len());
    let draws = counts.iter().sum::<u64>() as f64;
    let mut cells: Vec<(f64, f64)> = Vec::new();
    let mut pool = (0.0, 0.0);
    for (&count, &p) in counts.iter().zip(probabilities) {
        if p <= 0.0 && count > 0 {
            return 0.0;
        }
        let expected = p * draws;
        if expected >= SMALLEST_EXPECTED {
            cells.push((count as f64, expected));
        } else {
            pool = (pool.0 + count as f64, pool.1 + expected);
        }
    }
    match cells.last_mut() {
        Some(last) if pool.1 < SMALLEST_EXPECTED => *last = (last.0 + pool.0, last.1 + pool.1),
        _ => cells.push(pool),
    }
    let statistic: f64 = cells.iter().map(|(count, e)| (count - e).powi(2) / e).sum();
    match ChiSquared::new((cells.len() - 1) as f64) {
        Ok(law) => law.sf(statistic),
        // A single cell always fits.
        Err(_) => 1.0,
    }
}

/// Student's t of the mean of `values` against `expected`: (mean - expected) / standard error. Where
/// all values are equal: 0 if they agree with `expected` to rounding (1e-10 relative to `scale`),
/// else infinite.
pub fn student_t(values: &[f64], expected: f64, scale: f64) -> f64 {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (n - 1.0);
    let difference = mean - expected;
    if difference.abs() <= 1e-10 * scale {
        return 0.0;
    }
    difference / (variance / n).sqrt()
}

/// The |t| that `comparisons` t-values with `values - 1` degrees of freedom exceed together with
/// probability at most `false_alarm` (Bonferroni).
pub fn student_threshold(values: usize, comparisons: usize, false_alarm: f64) -> f64 {
    match StudentsT::new(0.0, 1.0, (values - 1) as f64) {
        Ok(law) => law.inverse_cdf(1.0 - false_alarm / comparisons as f64 / 2.0),
        Err(_) => f64::INFINITY,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Thresholds from independent tables at a false-alarm level of 1e-6.
    #[test]
    fn thresholds_agree_with_tables() {
        for (freedom, threshold) in [(31, 6.071_975_924_7), (63, 5.420_029_671_0)] {
            let ours = student_threshold(freedom + 1, 1, 1e-6);
            assert!((ours - threshold).abs() < 1e-4, "{ours}");
        }
        for (freedom, threshold) in [(9.0, 44.810_937_070_7), (63.0, 131.369_702_051_7)] {
            let law = ChiSquared::new(freedom).unwrap();
            assert!((law.sf(threshold) / 1e-6 - 1.0).abs() < 1e-6);
        }
    }

    #[test]
    fn a_fit_is_told_from_a_misfit() {
        let fair = [0.25; 4];
        assert!(chi_square_p_value(&[250, 255, 245, 250], &fair) > 0.9);
        assert!(chi_square_p_value(&[350, 150, 250, 250], &fair) < 1e-10);
        // 60 heads of 100: chi-square 4 with one degree of freedom.
        assert!((chi_square_p_value(&[60, 40], &[0.5, 0.5]) - 0.0455).abs() < 1e-4);
        assert_eq!(chi_square_p_value(&[10, 1], &[1.0, 0.0]), 0.0);
        assert_eq!(chi_square_p_value(&[10, 0], &[1.0, 0.0]), 1.0);
        // 3, 4 and 993 expected: the rare two are pooled with the last.
        assert_eq!(chi_square_p_value(&[0, 0, 1000], &[0.003, 0.004, 0.993]), 1.0);
        assert_eq!(student_t(&[1.0, 1.0, 1.0], 1.0, 1.0), 0.0);
        assert!(student_t(&[1.0, 1.0, 1.0], 2.0, 1.0).is_infinite());
        assert!((student_t(&[1.0, 2.0, 3.0], 1.0, 1.0) - 3_f64.sqrt()).abs() < 1e-12);
    }
}
