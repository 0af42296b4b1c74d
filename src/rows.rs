//! Configurations from rows of values, and back.

use crate::configuration::{Configurations, bit, set_bit};
use crate::error::{Error, Result};
use nalgebra::DMatrix;
use std::fmt::Debug;

/// A value that stands for a unit: false and true, the bytes 0 and 1, the numbers 0.0 and 1.0; as an `i8` a spin, -1 and 1.
pub trait Unit: Copy + PartialEq + Debug {
    /// What a unit that is 0 is written as: spin down.
    const ZERO: Self;
    /// What a unit that is 1 is written as: spin up.
    const ONE: Self;
}

impl Unit for bool {
    const ZERO: Self = false;
    const ONE: Self = true;
}

impl Unit for u8 {
    const ZERO: Self = 0;
    const ONE: Self = 1;
}

impl Unit for i8 {
    const ZERO: Self = -1;
    const ONE: Self = 1;
}

impl Unit for f64 {
    const ZERO: Self = 0.0;
    const ONE: Self = 1.0;
}

impl Configurations {
    /// From rows of equal length, each with the same weight.
    ///
    /// ```
    /// use gibbsite::configuration::Configurations;
    ///
    /// # fn main() -> gibbsite::error::Result<()> {
    /// let bits = Configurations::from_rows(&[[false, true, true], [true, false, true]])?;
    /// let spins = Configurations::from_rows(&[vec![-1_i8, 1, 1], vec![1, -1, 1]])?;
    /// assert_eq!(bits, spins);
    /// assert_eq!(bits.to_rows::<u8>(), [[0, 1, 1], [1, 0, 1]]);
    /// let wrong = Configurations::from_rows(&[[0_u8, 1], [1, 2]]).unwrap_err();
    /// assert!(wrong.to_string().contains("row 1, site 1: 2 is neither 0 nor 1"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_rows<T: Unit>(rows: &[impl AsRef<[T]>]) -> Result<Self> {
        let sites = rows.first().map_or(0, |row| row.as_ref().len());
        Self::from_values(rows.len(), sites, rows.iter().map(|row| row.as_ref().iter().copied()))
    }

    /// Row by row. Weights are lost: [`Self::weights`] has them.
    pub fn to_rows<T: Unit>(&self) -> Vec<Vec<T>> {
        let value = |s, i| if bit(self.row(s), i) { T::ONE } else { T::ZERO };
        (0..self.len()).map(|s| (0..self.sites()).map(|i| value(s, i)).collect()).collect()
    }

    /// From a matrix of configurations x sites.
    pub fn from_matrix<T: Unit + nalgebra::Scalar>(matrix: &DMatrix<T>) -> Result<Self> {
        let row = |s| (0..matrix.ncols()).map(move |i| matrix[(s, i)]);
        Self::from_values(matrix.nrows(), matrix.ncols(), (0..matrix.nrows()).map(row))
    }

    /// As a matrix of configurations x sites.
    pub fn to_matrix<T: Unit + nalgebra::Scalar>(&self) -> DMatrix<T> {
        let value = |s, i| if bit(self.row(s), i) { T::ONE } else { T::ZERO };
        DMatrix::from_fn(self.len(), self.sites(), value)
    }

    fn from_values<T: Unit>(
        count: usize,
        sites: usize,
        rows: impl Iterator<Item = impl ExactSizeIterator<Item = T>>,
    ) -> Result<Self> {
        let refuse = |problem: String, mend: &str| Err(Error::invalid("configurations", problem, mend));
        if sites == 0 || count == 0 {
            return refuse("there is no row, or a row has no site".to_string(), "give rows of at least one site");
        }
        let mut configurations = Self::zeros(sites, count);
        for (s, row) in rows.enumerate() {
            if row.len() != sites {
                let problem = format!("row {s} has {} sites and row 0 has {sites}", row.len());
                return refuse(problem, "give every row the same number of sites");
            }
            for (i, value) in row.enumerate() {
                if value != T::ZERO && value != T::ONE {
                    let problem = format!("row {s}, site {i}: {value:?} is neither {:?} nor {:?}", T::ZERO, T::ONE);
                    return refuse(problem, "write units as false and true, as 0 and 1, or spins as the i8 -1 and 1");
                }
                set_bit(configurations.row_mut(s), i, value == T::ONE);
            }
        }
        Ok(configurations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against site i of row s being 1 where (s + i^2) mod 3 = 0: every kind of value there and back, over several words.
    #[test]
    fn rows_and_matrices_come_back() {
        let rule = |s: usize, i: usize| (s + i * i).is_multiple_of(3);
        let rows: Vec<Vec<bool>> = (0..5).map(|s| (0..70).map(|i| rule(s, i)).collect()).collect();
        let configurations = Configurations::from_rows(&rows).unwrap();
        for s in 0..5 {
            assert!((0..70).all(|i| bit(configurations.row(s), i) == rule(s, i)));
        }
        assert_eq!(configurations.to_rows::<bool>(), rows);
        assert_eq!(Configurations::from_rows(&configurations.to_rows::<u8>()).unwrap(), configurations);
        assert_eq!(Configurations::from_rows(&configurations.to_rows::<i8>()).unwrap(), configurations);
        let matrix = configurations.to_matrix::<f64>();
        assert_eq!((matrix.shape(), matrix[(1, 1)], matrix[(2, 1)]), ((5, 70), 0.0, 1.0));
        assert_eq!(Configurations::from_matrix(&matrix).unwrap(), configurations);
    }

    #[test]
    fn what_is_no_unit_is_named_with_its_place() {
        let message = |found: Result<Configurations>| found.unwrap_err().to_string();
        assert!(message(Configurations::from_rows(&[[1.0, f64::NAN]])).contains("row 0, site 1: NaN"));
        assert!(message(Configurations::from_rows(&[[1_i8, 0]])).contains("0 is neither -1 nor 1"));
        assert!(message(Configurations::from_rows(&[vec![0_u8], vec![0, 1]])).contains("row 1 has 2 sites"));
        assert!(message(Configurations::from_rows::<u8>(&[[]])).contains("no site"));
        assert!(message(Configurations::from_rows::<u8>(&Vec::<Vec<u8>>::new())).contains("no row"));
    }
}
