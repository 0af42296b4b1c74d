//! The directions in which configurations differ most.

use crate::configuration::{Configurations, bit};
use crate::error::Result;
use crate::random::Seed;
use crate::row_sampler::RowSampler;
use nalgebra::{DMatrix, SymmetricEigen};

/// Rows that are compared: enough to meet a mode of some per cent of the weight, and few enough for a tenth of a second.
const ROWS: usize = 256;

/// Eigenvalues below this share of the largest are rounding.
const RANK: f64 = 1e-9;

/// The first `count` principal directions (Pearson 1901; Hotelling 1933) of configurations as spins +-1: unit vectors
/// along which their variance is largest, fewer where there are fewer. From 256 rows drawn by weight, by the eigenvectors
/// of their matrix of products, which is as small as the rows are few.
pub fn principal_directions(data: &Configurations, count: usize) -> Result<Vec<Vec<f64>>> {
    let seed = Seed::root(0).child("principal directions", 0);
    let rows = RowSampler::new(data)?.draw(ROWS.min(data.len()), seed);
    let (sites, total) = (data.sites(), rows.len());
    let mut spins: DMatrix<f64> =
        DMatrix::from_fn(
            total,
            sites,
            |s, i| {
                if bit(rows.row(s), i) { 1.0 } else { -1.0 }
            },
        );
    let mean = spins.row_mean();
    spins.row_iter_mut().for_each(|mut row| row -= &mean);
    let products = SymmetricEigen::new(&spins * spins.transpose());
    let mut order: Vec<usize> = (0..total).collect();
    order.sort_by(|a, b| products.eigenvalues[*b].total_cmp(&products.eigenvalues[*a]));
    let largest: f64 = order.first().map_or(0.0, |k| products.eigenvalues[*k]);
    let directions = order
        .iter()
        .take(count)
        .filter(|k| products.eigenvalues[**k] > RANK * largest.max(1.0))
        .map(|k| {
            let direction = spins.transpose() * products.eigenvectors.column(*k);
            direction.normalize().as_slice().to_vec()
        });
    Ok(directions.collect())
}

/// sum_i d_i s_i of a configuration.
pub fn projection(direction: &[f64], state: &[u64]) -> f64 {
    let spin = |(i, d): (usize, &f64)| if bit(state, i) { *d } else { -d };
    direction.iter().enumerate().map(spin).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::configuration::set_bit;
    use crate::random::uniform;

    /// Two modes on sites 0 to 9 and weak noise on the others: the first direction is that of the modes; a direction
    /// that does not vary is left out.
    #[test]
    fn modes_are_found() {
        let mut generator = Seed::root(3).generator();
        let mut data = Configurations::zeros(70, 500);
        for s in 0..500 {
            let up = uniform(&mut generator) < 0.2;
            for i in 0..10 {
                set_bit(data.row_mut(s), i, up);
            }
            for i in 60..69 {
                let up = uniform(&mut generator) < 0.1;
                set_bit(data.row_mut(s), i, up);
            }
        }
        let directions = principal_directions(&data, 2).unwrap();
        assert_eq!(directions.len(), 2);
        let own: f64 = directions[0][..10].iter().sum::<f64>() / 10_f64.sqrt();
        assert!(own.abs() > 0.98, "{own}");
        let product: f64 = directions[0]
            .iter()
            .zip(&directions[1])
            .map(|(a, b)| a * b)
            .sum();
        assert!(product.abs() < 1e-9);
        let squares: f64 = directions[1].iter().map(|d| d * d).sum();
        assert!((squares - 1.0).abs() < 1e-12 && directions[1][69].abs() < 1e-12);
        assert_eq!(projection(&[1.0, 2.0, 4.0], &[0b101]), 3.0);
        let constant = Configurations::zeros(5, 4);
        assert!(principal_directions(&constant, 3).unwrap().is_empty());
        assert!(principal_directions(&Configurations::zeros(5, 0), 3).is_err());
    }
}
