//! Exact sums over all configurations, in blocks, for any [`Law`].

use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::law::Law;
use crate::numerics::log_sum_exp;
use rayon::prelude::*;

/// Most visible units that are enumerated. A table of this size takes 256 MiB.
pub const VISIBLE_LIMIT: usize = 25;

/// Most units of the smaller layer that are enumerated for ln Z: about 10^9 states, no table.
pub const SMALLER_LIMIT: usize = 30;

/// Most sites of a law that is turned into a weighted data set: 10^6 rows.
pub const WHOLE_LAW_LIMIT: usize = 20;

/// log2 of the states that one task sums: 32 KiB of weights, whatever the law's size.
const BLOCK_BITS: usize = 12;

/// Refuses an enumeration of more than `limit` units, naming its cost and the alternative.
pub fn check_limit(what: &str, units: usize, limit: usize, alternative: &str) -> Result<()> {
    if units <= limit {
        return Ok(());
    }
    Err(Error::TooLarge { what: what.to_string(), units, limit, alternative: alternative.to_string() })
}

/// Evaluates `sum` on the log weights of every block of states, in parallel, results in order.
fn map_blocks<T: Send>(law: &dyn Law, sum: impl Fn(u64, &[f64]) -> T + Sync) -> Vec<T> {
    let bits = law.sites().min(BLOCK_BITS);
    let block = |number: u64| {
        let mut log_weights = vec![0.0; 1 << bits];
        law.log_weights(number << bits, &mut log_weights);
        sum(number << bits, &log_weights)
    };
    match law.sites() - bits {
        0 => vec![block(0)],
        rest => (0..1_u64 << rest).into_par_iter().map(block).collect(),
    }
}

/// ln Z = ln sum_x f(x), over the law with fewer sites where there is one.
pub fn log_partition(law: &dyn Law) -> Result<f64> {
    let alternative = "use fewer units in the smaller layer, or an estimate of ln Z";
    if let Some(smaller) = law.smaller() {
        check_limit("ln Z", smaller.sites(), SMALLER_LIMIT, alternative)?;
        return Ok(log_sum_of_weights(&*smaller));
    }
    check_limit("ln Z", law.sites(), VISIBLE_LIMIT, alternative)?;
    Ok(log_sum_of_weights(law))
}

fn log_sum_of_weights(law: &dyn Law) -> f64 {
    law.log_sum().unwrap_or_else(|| log_sum_exp(&map_blocks(law, |_, log_weights| log_sum_exp(log_weights))))
}

/// ln p(x) of every configuration x = 0 .. 2^sites - 1, normalised by its own sum.
pub fn log_probabilities(law: &dyn Law) -> Result<Vec<f64>> {
    check_limit("a table of probabilities", law.sites(), VISIBLE_LIMIT, "use a smaller lattice")?;
    let mut table = map_blocks(law, |_, log_weights| log_weights.to_vec()).concat();
    let log_partition = log_sum_exp(&table);
    table.iter_mut().for_each(|x| *x -= log_partition);
    Ok(table)
}

/// The law as a weighted data set: its configurations of positive probability, in order of their bits.
pub fn whole_law(law: &dyn Law) -> Result<Configurations> {
    check_limit(
        "the whole law as a data set",
        law.sites(),
        WHOLE_LAW_LIMIT,
        "use a smaller lattice, or draw configurations from the law",
    )?;
    let probabilities = log_probabilities(law)?.into_iter().map(f64::exp);
    let (states, weights) = (0..).zip(probabilities).filter(|(_, probability)| *probability != 0.0).unzip();
    Configurations::weighted(law.sites(), states, weights)
}

/// D_KL(P||p) = sum_x P(x) [ln P(x) - ln p(x)] in nats, p = f/Z the law `model`.
///
/// `targets` holds ln P(x) as [`log_probabilities`] gives it; configurations with P(x) = 0 add
/// nothing; the result is +inf where P(x) > 0 = p(x).
pub fn kl_divergence(target: &[f64], model: &dyn Law, model_log_partition: f64) -> f64 {
    assert_eq!(target.len(), 1 << model.sites(), "one entry a configuration");
    let blocks = map_blocks(model, |first, log_weights| {
        let target = &target[first as usize..][..log_weights.len()];
        target
            .iter()
            .zip(log_weights)
            .filter(|(log_p, _)| **log_p > f64::NEG_INFINITY)
            .map(|(log_p, log_f)| log_p.exp() * (log_p - (log_f - model_log_partition)))
            .sum::<f64>()
    });
    blocks.iter().sum()
}

/// sum_s w_s ln f(x_s) over a data set's rows.
pub fn mean_log_weight(law: &dyn Law, rows: &Configurations) -> f64 {
    let block =
        |s: usize| (s..(s + 1024).min(rows.len())).map(|s| rows.weight(s) * law.log_weight(rows.row(s))).sum::<f64>();
    let starts: Vec<usize> = (0..rows.len()).step_by(1024).collect();
    let sums: Vec<f64> = match starts.len() {
        1 => vec![block(0)],
        _ => starts.into_par_iter().map(block).collect(),
    };
    sums.iter().sum()
}
