//! `gibbsite couplings`: the inverse Ising problem.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::options::ReadingOptions;
use gibbsite::configuration::{Configurations, bit};
use gibbsite::enumerate::check_limit;
use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
use gibbsite::monitor::couplings::{Criterion, LearnedCoupling, learned_couplings};
use gibbsite::monitor::gradients::gradient;
use gibbsite::row_sampler::RowSampler;
use gibbsite::training::batch::Batch;
use gibbsite::training::gradient::{Exact, GradientEstimator, PseudoLikelihood};
use gibbsite::training::trainer::{Trainer, Training};
use laboratory::choice;
use laboratory::options::check_at_most;
use laboratory::report::matrices::{Matrices, Matrix};
use laboratory::value::at_least_one;
use serde::Serialize;
use std::path::PathBuf;

/// The inverse Ising problem: couplings and fields behind your data, with standard errors
///
/// Finds the Ising model with a coupling for every pair of sites that is likeliest to have drawn the data, by the exact
/// likelihood (up to 16 sites) or the pseudo-likelihood (Besag 1975). What is written are J_ij/T and h_i/T of spins -1 and 1 as a
/// table i,j,J,standard_error, which --couplings of other subcommands reads. Errors take the configurations to be independent.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Couplings {
    /// The data; - is standard input
    #[arg(long, value_name = "FILE")]
    pub data: PathBuf,

    /// Where the table goes, with a figure beside it; - is standard output, without one
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub out: PathBuf,

    /// What is maximised: likelihood, pseudo-likelihood, or auto: the likelihood up to 12 sites
    #[arg(long, value_name = "CRITERION", default_value = "auto")]
    pub criterion: CriterionName,

    /// Updates at most
    #[arg(long, value_name = "NUMBER", default_value_t = 20_000, value_parser = at_least_one)]
    pub updates: usize,

    /// JSON, not a table
    #[arg(long)]
    pub json: bool,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub reading: ReadingOptions,
}

const EXAMPLES: &str = "\
Examples:
  gibbsite couplings --data spins.txt --out couplings.csv
  gibbsite couplings --data spins.npy --spins | sort -t, -k3 -g | tail
  gibbsite sample --couplings couplings.csv --count 1000 --out again.txt";

choice! {
    /// What is maximised.
    pub CriterionName { Auto = "auto", Likelihood = "likelihood", PseudoLikelihood = "pseudo-likelihood" }
}

/// Most sites: 5,050 parameters, whose covariance takes 200 MB.
const MOST_SITES: usize = 100;
/// Most sites of the exact likelihood: 2^16 states an update.
const EXACT_SITES: usize = 16;
/// Where the exact likelihood is chosen.
const USUALLY_EXACT: usize = 12;
/// Updates between two looks at the gradient.
const SECTION: usize = 100;

impl Couplings {
    /// Fits, and writes.
    pub fn run(&self, context: &mut Context) -> Result<()> {
        let data = self.reading.read(&self.data, None, context)?;
        let sites = data.sites();
        check_at_most("the sites of --data", sites, MOST_SITES)?;
        if data.weights().is_some() {
            let problem = "standard errors need to know how many draws there were";
            return Err(Error::invalid("--weights", problem, "give every configuration as often as it was drawn"));
        }
        let criterion = match self.criterion {
            CriterionName::Likelihood => Criterion::Likelihood,
            CriterionName::Auto if sites <= USUALLY_EXACT => Criterion::Likelihood,
            _ => Criterion::PseudoLikelihood,
        };
        if criterion == Criterion::Likelihood {
            check_limit("--criterion likelihood", sites, EXACT_SITES, "take pseudo-likelihood")?;
        }
        // Refused before the fit, not after it.
        let needed = if criterion == Criterion::Likelihood { sites * (sites + 1) / 2 } else { sites };
        if data.len() <= needed {
            return Err(Error::invalid(
                format!("--data {}", self.data.display()),
                format!("{} configurations do not determine the couplings of {sites} sites", data.len()),
                format!("give more than {needed}"),
            ));
        }
        let varies = |i: usize| (1..data.len()).any(|s| bit(data.row(s), i) != bit(data.row(0), i));
        if let Some(still) = (0..sites).find(|i| !varies(*i)) {
            return Err(Error::invalid(
                format!("--data {}", self.data.display()),
                format!("site {still} never varies, and has no finite field"),
                "leave its column away",
            ));
        }
        let machine = self.fit(&data, criterion, context)?;
        let found = learned_couplings(&machine, &data, criterion)?;
        if self.json {
            return context.json(&found.iter().map(Line::of).collect::<Vec<_>>());
        }
        context.write(&self.out, &mut |output| {
            writeln!(output, "i,j,J,standard_error")?;
            found.iter().try_for_each(|LearnedCoupling { i, j, value, standard_error }| {
                let j = j.map_or(String::new(), |j| j.to_string());
                writeln!(output, "{i},{j},{value},{standard_error}")
            })
        })?;
        if self.out.as_os_str() == "-" {
            return Ok(());
        }
        let figure = figure(&found, sites, data.len(), criterion);
        context.figure(&self.out.with_extension(""), &|folder, name| figure.write(folder, name))
    }

    /// The fully visible machine at the maximum.
    fn fit(&self, data: &Configurations, criterion: Criterion, context: &Context) -> Result<BoltzmannMachine> {
        let (sites, distinct) = (data.sites(), data.distinct());
        let estimator = || -> Box<dyn GradientEstimator> {
            match criterion {
                Criterion::Likelihood => Box::new(Exact),
                Criterion::PseudoLikelihood => Box::new(PseudoLikelihood),
            }
        };
        check_finite_maximum(&distinct)?;
        // The largest curvature is that of the total magnetisation: about half the number of sites for the pseudo-likelihood,
        // and for the likelihood that of all n (n + 1) / 2 statistics which turn over together in an ordered phase.
        let n = sites as f64;
        let learning_rate = match criterion {
            Criterion::Likelihood => (8.0 / (n * (n + 1.0))).min(2.0 / n),
            Criterion::PseudoLikelihood => 2.0 / n,
        };
        let settings = Training { batch: data.len(), learning_rate, momentum: 0.9, ..Training::default() };
        let machine = BoltzmannMachine::new(sites, 0, &full_graph(sites))?;
        let seed = context.seed.child("couplings", 0);
        let mut trainer = Trainer::new(machine, estimator(), distinct.clone(), &settings, seed)?;
        let sampler = RowSampler::new(&distinct)?;
        let mut live = context.live();
        // Far below the error of a mean of M draws.
        let enough = 0.005 / (data.len() as f64).sqrt();
        let mut largest = f64::INFINITY;
        for done in (0..self.updates).step_by(SECTION) {
            trainer.train(SECTION.min(self.updates - done))?;
            let batch = Batch::Law { law: &distinct, sampler: &sampler, chains: 1 };
            let slope = gradient(&mut *estimator(), trainer.model(), &batch, seed)?;
            largest = slope.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
            if largest < enough {
                return Ok(trainer.into_model());
            }
            live.at(done as f64 / self.updates as f64, &format!("gradient {largest:.1e}, wanted {enough:.1e}"));
        }
        Err(Error::invalid(
            format!("--updates {}", self.updates),
            format!("the largest gradient is still {largest:.1e}, and {enough:.1e} is wanted"),
            "give more updates, or more data: sites that decide each other have no finite couplings",
        ))
    }
}

/// A line of the table as JSON.
#[derive(Serialize)]
struct Line {
    i: usize,
    j: Option<usize>,
    value: f64,
    standard_error: f64,
}

impl Line {
    fn of(found: &LearnedCoupling) -> Self {
        Self { i: found.i, j: found.j, value: found.value, standard_error: found.standard_error }
    }
}

/// The matrices of couplings and of their errors; fields stand on the diagonal.
fn figure(found: &[LearnedCoupling], sites: usize, rows: usize, criterion: Criterion) -> Matrices {
    let matrix = |title: &str, of: &dyn Fn(&LearnedCoupling) -> Option<f64>| {
        let mut values = vec![None; sites * sites];
        for coupling in found {
            let (i, j) = (coupling.i, coupling.j.unwrap_or(coupling.i));
            values[i * sites + j] = of(coupling);
            values[j * sites + i] = of(coupling);
        }
        Matrix { title: title.to_string(), width: sites, values }
    };
    let by = match criterion {
        Criterion::Likelihood => "likelihood",
        Criterion::PseudoLikelihood => "pseudo-likelihood",
    };
    Matrices {
        title: "Couplings and fields behind the data".to_string(),
        subtitle: format!("maximum {by} of {rows} configurations; J/T of pairs of sites, h/T on the diagonal"),
        label: "J/T, h/T".to_string(),
        panels: vec![
            matrix("all", &|found| Some(found.value)),
            matrix("more than three standard errors from 0", &|found| {
                (found.value.abs() > 3.0 * found.standard_error).then_some(found.value)
            }),
        ],
        columns: 2,
    }
}

/// Refuses two sites that are always alike or always different: descent would show where it was stopped, and no maximum.
fn check_finite_maximum(distinct: &Configurations) -> Result<()> {
    for i in 0..distinct.sites() {
        for j in 0..i {
            let alike = |s: usize| bit(distinct.row(s), i) == bit(distinct.row(s), j);
            if (1..distinct.len()).all(|s| alike(s) == alike(0)) {
                let what = format!("sites {j} and {i}");
                let mend = "leave one of them away: their coupling has no finite value";
                return Err(Error::invalid(what, "they are always alike, or always different", mend));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Couplings of either sign that are ten standard errors from 0 are in both panels, one of a single standard error in the
    /// first alone; each stands on both sides of the diagonal, a field on it.
    #[test]
    fn the_second_panel_has_what_is_far_from_nothing() {
        let found = |i, j, value| LearnedCoupling { i, j, value, standard_error: 0.1 };
        let all = [found(0, Some(1), -1.0), found(0, Some(2), 1.0), found(1, Some(2), 0.1), found(2, None, -0.1)];
        let panels = figure(&all, 3, 100, Criterion::Likelihood).panels;
        let none = None;
        let first = [none, Some(-1.0), Some(1.0), Some(-1.0), none, Some(0.1), Some(1.0), Some(0.1), Some(-0.1)];
        let second = [none, Some(-1.0), Some(1.0), Some(-1.0), none, none, Some(1.0), none, none];
        assert_eq!((&panels[0].values[..], &panels[1].values[..]), (&first[..], &second[..]));
    }
}
