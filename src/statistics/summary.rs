//! Median and range of a quantity over replicas.

/// Median, smallest and largest of some values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// The middle value, or the mean of the two middle ones.
    pub median: f64,
    /// The smallest value.
    pub smallest: f64,
    /// The largest value.
    pub largest: f64,
}

impl Summary {
    /// The summary of at least one value.
    pub fn of(mut values: Vec<f64>) -> Self {
        assert!(!values.is_empty(), "a summary needs a value");
        values.sort_by(f64::total_cmp);
        let n = values.len();
        Self { median: (values[(n - 1) / 2] + values[n / 2]) / 2.0, smallest: values[0], largest: values[n - 1] }
    }
}

#[cfg(test)]
mod tests {
    use super::Summary;

    #[test]
    fn medians_of_odd_and_even_numbers() {
        let odd = Summary::of(vec![3.0, -1.0, 2.0]);
        assert_eq!((odd.median, odd.smallest, odd.largest), (2.0, -1.0, 3.0));
        assert_eq!(Summary::of(vec![4.0, 1.0, 2.0, 8.0]).median, 3.0);
    }
}
