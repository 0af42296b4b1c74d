//! The directions in which configurations differ most.

use crate::configuration::{Configurations, bit};
use crate::error::Result;
use crate::random::Seed;
use crate::row_sampler::RowSampler;
use nalgebra::{DMatrix, SymmetricEigen};

/// Rows that are compared: enough that a mode of one per cent of the weight stands out of the noise.
const ROWS: usize = 4096;

/// Sites up to which so many are; of wider rows no more than this number, since an eigenvalue problem as large as the
/// smaller of the two is solved, in less than a tenth of a second.
const WIDTH: usize = 256;

/// Eigenvalues below this share of the largest are rounding.
const RANK: f64 = 1e-9;

/// The first `count` principal directions (Pearson 1901; Hotelling 1933) of configurations as spins +-1: unit vectors
/// along which their variance is largest, fewer where there are fewer. Of at most 4,096 rows (256 of more than 256 sites),
/// which are drawn by weight, by the eigenvectors of the covariance of sites or of the products of rows, whichever is the
/// smaller matrix.
pub fn principal_directions(data: &Configurations, count: usize) -> Result<Vec<Vec<f64>>> {
    Ok(directions_of(&drawn(data)?, count))
}

/// The rows at both ends of the first `count` principal directions, farthest first along each: where a mode that few
/// rows are in may be met. None where the data do not vary.
pub fn extremes(data: &Configurations, count: usize) -> Result<Configurations> {
    let rows = drawn(data)?;
    let ends = directions_of(&rows, count).into_iter().flat_map(|direction| {
        let along: Vec<f64> = (0..rows.len()).map(|s| projection(&direction, rows.row(s))).collect();
        let end = |sign: f64| (0..along.len()).max_by(|a, b| (sign * along[*a]).total_cmp(&(sign * along[*b])));
        [end(1.0), end(-1.0)]
    });
    let ends: Vec<usize> = ends.flatten().collect();
    Ok(rows.select(&ends))
}

/// The rows that are compared: all where they are few and equal, or drawn by weight.
fn drawn(data: &Configurations) -> Result<Configurations> {
    let rows = if data.sites() > WIDTH { WIDTH } else { ROWS };
    let sampler = RowSampler::new(data)?;
    Ok(match data.weights() {
        None if data.len() <= rows => data.clone(),
        _ => sampler.draw(rows, Seed::root(0).child("principal directions", 0)),
    })
}

fn directions_of(rows: &Configurations, count: usize) -> Vec<Vec<f64>> {
    let (sites, total) = (rows.sites(), rows.len());
    let mut spins: DMatrix<f64> = DMatrix::from_fn(total, sites, |s, i| if bit(rows.row(s), i) { 1.0 } else { -1.0 });
    let mean = spins.row_mean();
    spins.row_iter_mut().for_each(|mut row| row -= &mean);
    let by_site = sites <= total;
    let products = SymmetricEigen::new(match by_site {
        true => spins.transpose() * &spins,
        false => &spins * spins.transpose(),
    });
    let mut order: Vec<usize> = (0..products.eigenvalues.len()).collect();
    order.sort_by(|a, b| products.eigenvalues[*b].total_cmp(&products.eigenvalues[*a]));
    let largest: f64 = order.first().map_or(0.0, |k| products.eigenvalues[*k]);
    let directions =
        order.iter().take(count).filter(|k| products.eigenvalues[**k] > RANK * largest.max(1.0)).map(|k| {
            let vector = products.eigenvectors.column(*k).clone_owned();
            let direction = match by_site {
                true => vector,
                false => (spins.transpose() * vector).normalize(),
            };
            direction.as_slice().to_vec()
        });
    directions.collect()
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

    /// One row of fifty is far away: it is an end of the first direction. A row without weight is none.
    #[test]
    fn extremes_meet_a_small_mode() {
        let mut generator = Seed::root(5).generator();
        let mut data = Configurations::zeros(40, 1000);
        for s in 0..1000 {
            for i in 0..40 {
                let up = s % 50 == 0 || uniform(&mut generator) < 0.5;
                set_bit(data.row_mut(s), i, up);
            }
        }
        let ends = extremes(&data, 2).unwrap();
        assert_eq!(ends.len(), 4);
        let all_up = |row: &[u64]| (0..40).all(|i| bit(row, i));
        let met = (0..2).filter(|k| all_up(ends.row(*k))).count();
        assert_eq!(met, 1, "one end of the first direction");
        assert!(!all_up(ends.row(2)) || !all_up(ends.row(3)));
        let weights: Vec<f64> = (0..1000).map(|s| if s % 50 == 0 { 0.0 } else { 1.0 / 980.0 }).collect();
        let bits = (0..1000).flat_map(|s| data.row(s).to_vec()).collect();
        let weighted = Configurations::weighted(40, bits, weights).unwrap();
        let without = extremes(&weighted, 2).unwrap();
        assert!((0..4).all(|k| !all_up(without.row(k))));
        assert!(extremes(&Configurations::zeros(5, 4), 2).unwrap().is_empty());
    }

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
        // By the covariance of sites, and of 50 rows by their products.
        let few = data.select(&(0..50).collect::<Vec<usize>>());
        let of_few = principal_directions(&few, 2).unwrap();
        let own: f64 = of_few[0][..10].iter().sum::<f64>() / 10_f64.sqrt();
        assert!(own.abs() > 0.97, "{own}");
        let directions = principal_directions(&data, 2).unwrap();
        assert_eq!(directions.len(), 2);
        let own: f64 = directions[0][..10].iter().sum::<f64>() / 10_f64.sqrt();
        assert!(own.abs() > 0.98, "{own}");
        let product: f64 = directions[0].iter().zip(&directions[1]).map(|(a, b)| a * b).sum();
        assert!(product.abs() < 1e-9);
        let squares: f64 = directions[1].iter().map(|d| d * d).sum();
        assert!((squares - 1.0).abs() < 1e-12 && directions[1][69].abs() < 1e-12);
        assert_eq!(projection(&[1.0, 2.0, 4.0], &[0b101]), 3.0);
        let constant = Configurations::zeros(5, 4);
        assert!(principal_directions(&constant, 3).unwrap().is_empty());
        assert!(principal_directions(&Configurations::zeros(5, 0), 3).is_err());
    }
}
