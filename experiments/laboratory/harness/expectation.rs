//! How long a job will take, said before it starts.

use crate::error::Result;
use gibbsite::law::Chains;
use gibbsite::model::rbm::{InitialWeights, Rbm};
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::path::Path;
use gibbsite::random::Seed;
use std::time::{Duration, Instant};

/// Jobs longer than this are announced.
const LONG: Duration = Duration::from_secs(60);

/// What a block-Gibbs step of an RBM costs, in units drawn in a small machine: the products with its weights grow faster
/// than its units (measured at 64x64 and 784x500).
pub fn step_work(visible: usize, hidden: usize) -> u64 {
    (visible + hidden + visible * hidden / WEIGHTS_A_UNIT) as u64
}

/// Weights that are passed in the time of a unit's draw.
const WEIGHTS_A_UNIT: usize = 120;

/// Says on standard error about how long drawing so many units will take, where that is more than a minute. The speed is
/// measured by drawing a few million first.
pub fn announce(unit_draws: u64) {
    let Ok(one) = seconds_per_draw() else {
        return;
    };
    let seconds = one * unit_draws as f64 / rayon::current_num_threads() as f64;
    if seconds > LONG.as_secs_f64() {
        eprintln!("this will take about {}; --quick takes seconds", words(seconds));
    }
}

/// The time of a unit's draw within annealing, on one thread.
fn seconds_per_draw() -> Result<f64> {
    let (visible, hidden) = (32, 16);
    let mut machine = Rbm::new(visible, hidden)?;
    machine.initialize(InitialWeights::Gaussian(0.1), Seed::root(1))?;
    let path = RbmPath::from_uniform(&machine)?;
    // One block of chains: no second thread helps.
    const CHAINS: usize = 64;
    let mut chains = Chains::new(path.draw_base(CHAINS, Seed::root(2)), Seed::root(3));
    let betas: Vec<f64> = (0..=500).map(|k| f64::from(k) / 500.0).collect();
    let clock = Instant::now();
    path.anneal(&mut chains, &betas, &mut [0.0; CHAINS]);
    Ok(clock.elapsed().as_secs_f64() / (500 * CHAINS as u64 * step_work(visible, hidden)) as f64)
}

/// A duration to two digits: `4 min`, `2 h 30 min`, `3 days`.
fn words(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil() as u64;
    if minutes < 60 {
        return format!("{minutes} min");
    }
    let rounded = minutes.next_multiple_of(5);
    match (rounded / 60, rounded % 60) {
        (hours @ ..48, minutes) => format!("{hours} h {minutes} min"),
        (hours, _) => format!("{} days", hours.div_ceil(24)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, text) in [
            (61.0, "2 min"),
            (3_500.0, "59 min"),
            (3_580.0, "1 h 0 min"),
            (3_900.0, "1 h 5 min"),
            (9_000.0, "2 h 30 min"),
            (300_000.0, "4 days"),
        ] {
            assert_eq!(words(seconds), text);
        }
        assert!((1e-12..1e-5).contains(&seconds_per_draw().unwrap()));
    }
}
