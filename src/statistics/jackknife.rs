//! Bins of correlated measurements, and the jackknife over them.

/// The jackknife (Quenouille 1949; Tukey 1958): a function of means, its bias of order 1/n taken away, and its
/// standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jackknife {
    /// B f(all) - (B - 1) mean_k f(all but bin k).
    pub value: f64,
    /// sqrt((B - 1) / B sum_k (f(all but k) - their mean)^2).
    pub standard_error: f64,
}

/// The jackknife's standard error of a value, from what the value is without each of the independent parts in turn:
/// sqrt((n - 1) / n sum_k (x_k - mean)^2). `None` with fewer than two, or where one is not finite.
pub fn left_out_error(without: &[f64]) -> Option<f64> {
    let count = without.len() as f64;
    let mean = without.iter().sum::<f64>() / count;
    let squares: f64 = without.iter().map(|x| (x - mean).powi(2)).sum();
    let error = ((count - 1.0) / count * squares).sqrt();
    (without.len() >= 2 && error.is_finite()).then_some(error)
}

/// The means of bins of `length` successive measurements of several quantities. `rows` holds a measurement after
/// another, `quantities` numbers each; what does not fill a bin is left out.
pub fn bins(rows: &[f64], quantities: usize, length: usize) -> Vec<Vec<f64>> {
    rows.chunks_exact(quantities * length)
        .map(|bin| {
            let mut sums = vec![0.0; quantities];
            for row in bin.chunks_exact(quantities) {
                for (sum, x) in sums.iter_mut().zip(row) {
                    *sum += x;
                }
            }
            sums.iter().map(|sum| sum / length as f64).collect()
        })
        .collect()
}

/// The jackknife of `f(means)` over bins that are long compared with the autocorrelation time. `None` with fewer
/// than two bins, or where `f` is not finite.
pub fn jackknife(bins: &[Vec<f64>], f: &dyn Fn(&[f64]) -> f64) -> Option<Jackknife> {
    let count = bins.len() as f64;
    let first = bins.first().filter(|_| bins.len() >= 2)?;
    let mut sums = vec![0.0; first.len()];
    for bin in bins {
        for (sum, x) in sums.iter_mut().zip(bin) {
            *sum += x;
        }
    }
    let all: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
    let without: Vec<f64> = bins
        .iter()
        .map(|bin| {
            let rest: Vec<f64> = sums.iter().zip(bin).map(|(sum, x)| (sum - x) / (count - 1.0)).collect();
            f(&rest)
        })
        .collect();
    let standard_error = left_out_error(&without)?;
    let mean = without.iter().sum::<f64>() / count;
    let value = count * f(&all) - (count - 1.0) * mean;
    value.is_finite().then_some(Jackknife { value, standard_error })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_mean_it_is_the_usual_error_and_of_a_square_it_takes_the_bias() {
        let numbers = [1.0, 4.0, 2.0, 7.0, 6.0];
        let single: Vec<Vec<f64>> = numbers.iter().map(|x| vec![*x]).collect();
        let mean = jackknife(&single, &|m| m[0]).unwrap();
        // Mean 4, squared deviations 9 + 0 + 4 + 9 + 4 = 26, over 4, over 5.
        assert!((mean.value - 4.0).abs() < 1e-12);
        assert!((mean.standard_error - 1.3_f64.sqrt()).abs() < 1e-12);
        // The square of a mean is too large by its variance, 26 / 20.
        let square = jackknife(&single, &|m| m[0] * m[0]).unwrap();
        assert!((square.value - (16.0 - 1.3)).abs() < 1e-12);
        assert_eq!(jackknife(&single[..1], &|m| m[0]), None);
        assert_eq!(jackknife(&single, &|_| f64::NAN), None);
    }

    #[test]
    fn bins_are_means_of_successive_rows() {
        let rows = [1.0, 10.0, 3.0, 30.0, 5.0, 50.0];
        assert_eq!(bins(&rows, 2, 2), [vec![2.0, 20.0]]);
        assert_eq!(bins(&rows, 2, 1).len(), 3);
    }
}
