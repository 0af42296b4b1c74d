//! A number with what is known of its error.

use super::doubt::Doubt;

/// A value, and how well it is known. What is not known is missing, never 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The value.
    pub value: f64,
    /// Its standard error; missing for an exact value, and where there is a doubt.
    pub standard_error: Option<f64>,
    /// The integrated autocorrelation time tau = 1 + 2 sum rho(t), in steps between measurements.
    pub tau: Option<f64>,
    /// Measurements / tau: what as many independent ones would be worth.
    pub effective_samples: Option<f64>,
    /// Why no error is to be believed; none for an exact value.
    pub doubt: Option<Doubt>,
}

impl Estimate {
    /// A value without error.
    pub fn exact(value: f64) -> Self {
        Self { value, standard_error: None, tau: None, effective_samples: None, doubt: None }
    }

    /// Whether nothing speaks against the error.
    pub fn converged(&self) -> bool {
        self.doubt.is_none()
    }

    /// (value - truth) / standard error, where there is one.
    pub fn z(&self, truth: f64) -> Option<f64> {
        self.standard_error.map(|error| (self.value - truth) / error)
    }

    /// The mean of independent estimates (replicas), each with the same weight, and the standard error of that mean
    /// from their scatter; the doubt of the first that has one. `None` without any.
    pub fn over_replicas(estimates: &[Self]) -> Option<Self> {
        let n = estimates.len() as f64;
        let value = estimates.iter().map(|estimate| estimate.value).sum::<f64>() / n;
        let squares = estimates.iter().map(|estimate| (estimate.value - value).powi(2));
        let scatter = (squares.sum::<f64>() / (n - 1.0) / n).sqrt();
        (!estimates.is_empty()).then(|| Self {
            value,
            standard_error: (estimates.len() > 1).then_some(scatter),
            tau: None,
            effective_samples: None,
            doubt: estimates.iter().find_map(|estimate| estimate.doubt),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_judged_by_their_scatter() {
        let estimates = [1.0, 2.0, 6.0].map(Estimate::exact);
        let mean = Estimate::over_replicas(&estimates).unwrap();
        assert_eq!(mean.value, 3.0);
        // Squares 4 + 1 + 9, over 2, over 3.
        assert!((mean.standard_error.unwrap() - (14.0_f64 / 6.0).sqrt()).abs() < 1e-15);
        assert_eq!(Estimate::over_replicas(&estimates[..1]).unwrap().standard_error, None);
        assert_eq!(Estimate::over_replicas(&[]), None);
        let unsure = Estimate { doubt: Some(Doubt::SlowChains), ..estimates[0] };
        let mean = Estimate::over_replicas(&[estimates[1], unsure]).unwrap();
        assert_eq!(mean.doubt, Some(Doubt::SlowChains));
        assert!(!mean.converged());
    }
}
