//! ln Z of a machine: by enumeration where that reaches, and from both sides where it does not.

use crate::context::Context;
use crate::error::Result;
use gibbsite::configuration::Configurations;
use gibbsite::enumerate::{SMALLER_LIMIT, check_limit, log_partition};
use gibbsite::log_partition::annealing::Tempering;
use gibbsite::log_partition::betas::Betas;
use gibbsite::log_partition::bracket::{Bracket, Bracketing};
use gibbsite::log_partition::{Doubt, Side};
use gibbsite::model::Model;
use gibbsite::model::rbm::Rbm;
use laboratory::options::check_at_most;
use laboratory::value::at_least_two;

/// How ln Z is measured.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "ln Z")]
pub struct LikelihoodOptions {
    /// Sum over all states of the smaller layer, of up to 30 units [default: up to 22]
    #[arg(long, conflicts_with_all = ["ais", "ais_temperatures", "ais_chains", "ais_rungs", "ais_rounds"])]
    pub exact: bool,

    /// Anneal from both sides, also where a sum would reach
    #[arg(long)]
    pub ais: bool,

    /// Temperatures of annealed importance sampling, placed by a pilot run
    #[arg(long, value_name = "NUMBER", default_value_t = 3000, value_parser = at_least_two)]
    pub ais_temperatures: usize,

    /// Chains of each of its runs: forward, reverse, and reverse from the data
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = at_least_two)]
    pub ais_chains: usize,

    /// Rungs of the tempering that starts reverse annealing where no layer can be summed
    #[arg(long, value_name = "NUMBER", default_value_t = 16, value_parser = at_least_two)]
    pub ais_rungs: usize,

    /// Rounds of that tempering: more, where the doubts say that states make few round trips
    #[arg(long, value_name = "NUMBER", default_value_t = 175, value_parser = at_least_two)]
    pub ais_rounds: usize,
}

/// Most units of the smaller layer that are enumerated unless --exact asks for more: a second or two.
const USUAL: usize = 22;

/// Steps of the machine on data before reverse annealing starts there.
const DATA_STEPS: usize = 1000;

/// ln Z as it is known.
pub enum LogPartition {
    /// Exactly, to rounding.
    Exact(f64),
    /// From both sides.
    Bracket(Box<Bracket>),
}

impl LikelihoodOptions {
    /// ln Z of a machine; data, where there are any, start a third run of annealing.
    pub fn measure(&self, machine: &Rbm, data: Option<&Configurations>, context: &Context) -> Result<LogPartition> {
        let smaller = machine.visible().min(machine.hidden());
        if self.exact || (!self.ais && smaller <= USUAL) {
            check_limit("--exact", smaller, SMALLER_LIMIT, "leave it away: annealing from both sides takes minutes")?;
            return Ok(LogPartition::Exact(log_partition(machine)?));
        }
        check_at_most("--ais-temperatures", self.ais_temperatures, 10_000_000)?;
        check_at_most("--ais-chains", self.ais_chains, 1_000_000)?;
        check_at_most("--ais-rungs", self.ais_rungs, 10_000)?;
        check_at_most("--ais-rounds", self.ais_rounds, 10_000_000)?;
        let bracketing = Bracketing {
            betas: Betas::Adaptive(self.ais_temperatures),
            chains: self.ais_chains,
            tempering: Tempering { rungs: self.ais_rungs, rounds: self.ais_rounds },
            data: data.map(|data| (data, DATA_STEPS)),
        };
        let (path, mut live) = (machine.path(data)?, context.live());
        let mut report = |done: usize, of: usize| live.at(done as f64 / of.max(1) as f64, "ln Z from both sides");
        let seed = context.seed.child("log_partition", 0);
        Ok(LogPartition::Bracket(Box::new(bracketing.measure(&*path, seed, &mut report)?)))
    }
}

impl LogPartition {
    /// The value.
    pub fn value(&self) -> f64 {
        match self {
            LogPartition::Exact(value) => *value,
            LogPartition::Bracket(bracket) => bracket.value,
        }
    }

    /// Its standard error: none of an exact value, and none where it cannot be told.
    pub fn standard_error(&self) -> Option<f64> {
        match self {
            LogPartition::Exact(_) => None,
            LogPartition::Bracket(bracket) => bracket.standard_error,
        }
    }

    /// The smallest and the largest ln Z of the runs.
    pub fn sides(&self) -> (f64, f64) {
        match self {
            LogPartition::Exact(value) => (*value, *value),
            LogPartition::Bracket(bracket) => (bracket.lower(), bracket.upper()),
        }
    }

    /// Whether the largest bounds ln Z in expectation, by exact starts, and is no estimate.
    pub fn upper_is_bound(&self) -> bool {
        match self {
            LogPartition::Exact(_) => true,
            LogPartition::Bracket(bracket) => bracket.reverse.side == Side::Above,
        }
    }

    /// Draws that both sides share.
    pub fn effective_samples(&self) -> Option<f64> {
        match self {
            LogPartition::Exact(_) => None,
            LogPartition::Bracket(bracket) => Some(bracket.shared),
        }
    }

    /// Whether the error bar is right.
    pub fn trusted(&self) -> bool {
        match self {
            LogPartition::Exact(_) => true,
            LogPartition::Bracket(bracket) => bracket.trusted(),
        }
    }

    /// What speaks against that.
    pub fn doubts(&self) -> Vec<String> {
        match self {
            LogPartition::Exact(_) => Vec::new(),
            LogPartition::Bracket(bracket) => bracket.doubts.iter().map(Doubt::to_string).collect(),
        }
    }
}
