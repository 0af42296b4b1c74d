//! `gibbsite evaluate`: how good a machine is, as JSON.

use crate::context::Context;
use crate::error::{Error, Result};
use crate::likelihood::{LikelihoodOptions, LogPartition};
use crate::options::ReadingOptions;
use crate::subject::{IsingOptions, Subject, refuse_said};
use gibbsite::configuration::Configurations;
use gibbsite::enumerate::{
    SMALLER_LIMIT, VISIBLE_LIMIT, check_limit, kl_divergence, log_probabilities, mean_log_weight,
};
use gibbsite::law::{Chains, Kernel, Law};
use gibbsite::model::Model;
use gibbsite::model::rbm::Rbm;
use gibbsite::monitor::observables::{
    Coordinates, HIDDEN_LIMIT, Sampling, enumerated_moments, exact_moments, random_and_up, sample, sample_model,
};
use gibbsite::monitor::pseudo_likelihood::pseudo_log_likelihood_of_rbm;
use gibbsite::monitor::sampled_kl::SampledTarget;
use gibbsite::monitor::{data_set_kl, entropy};
use gibbsite::monte_carlo::cluster::Wolff;
use gibbsite::monte_carlo::coloured::{coloured_heat_bath, multi_spin_metropolis};
use gibbsite::monte_carlo::schedule::Schedule;
use gibbsite::random::Seed;
use gibbsite::statistics::estimate::Estimate;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::observable::Observable;
use gibbsite_files::model::{read_machine, to_bytes};
use gibbsite_files::write::write_bytes;
use laboratory::groups::targets_in_words;
use serde::Serialize;
use std::path::PathBuf;

/// ln Z, likelihood and divergences of a machine, as JSON
///
/// ln Z is exact where the smaller layer has at most 22 units (--exact: 30); beyond, it comes from annealing from both sides with
/// its error, and `trusted` says whether to believe that. Everything is in nats. An error of ln Z is null where ln Z is exact, and
/// where it cannot be told: `trusted` tells these apart.
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Evaluate {
    /// The machine
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,

    /// Data whose likelihood is told; - is standard input
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,

    /// Write data and model moments (v, h, vh) and the gradient of the KL divergence there, as safetensors
    #[arg(long, value_name = "FILE", requires = "data")]
    pub moments: Option<PathBuf>,

    /// A law to compare with, by name
    #[arg(long, value_name = "TARGET", help = format!("A law to compare with: {}", targets_in_words(|_| true)))]
    pub target: Option<String>,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub ising: IsingOptions,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub likelihood: LikelihoodOptions,

    #[command(flatten)]
    #[allow(missing_docs)]
    pub reading: ReadingOptions,
}

const EXAMPLES: &str = "\
Examples:
  gibbsite evaluate m.safetensors --data spins.txt
  gibbsite evaluate m.safetensors --target square:6x6 --temperature 2.5
  gibbsite evaluate m.safetensors --couplings glass.csv --temperature 0.8
  gibbsite evaluate m.safetensors --data spins.txt --moments moments.safetensors";

/// All that is told of a machine.
#[derive(Serialize)]
struct Evaluation {
    visible: usize,
    hidden: usize,
    log_partition: f64,
    /// null where ln Z is exact, or where the error cannot be told; `trusted` tells these apart.
    log_partition_standard_error: Option<f64>,
    log_partition_lower: f64,
    log_partition_upper: f64,
    /// Whether the upper end bounds ln Z in expectation; the lower one always does.
    log_partition_upper_is_bound: bool,
    effective_samples: Option<f64>,
    trusted: bool,
    doubts: Vec<String>,
    #[serde(flatten)]
    data: Option<OnData>,
    #[serde(flatten)]
    law: Option<OnLaw>,
}

/// What data say.
#[derive(Serialize)]
struct OnData {
    configurations: usize,
    mean_log_likelihood: f64,
    mean_log_likelihood_standard_error: Option<f64>,
    mean_log_likelihood_lower: f64,
    mean_log_likelihood_upper: f64,
    mean_free_energy: f64,
    entropy_of_data: f64,
    kl_from_data: f64,
    pseudo_log_likelihood: f64,
}

/// What a law says.
#[derive(Serialize)]
struct OnLaw {
    /// D_KL(law || machine); null where it cannot be told.
    kl_from_law: Option<f64>,
    kl_from_law_standard_error: Option<f64>,
    kl_from_law_lower: Option<f64>,
    kl_from_law_upper: Option<f64>,
    kl_from_law_doubts: Vec<String>,
    entropy_of_law: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    observables: Vec<Compared>,
}

/// An observable per spin of the law beside that of the machine.
#[derive(Serialize)]
struct Compared {
    name: &'static str,
    law: f64,
    law_standard_error: Option<f64>,
    machine: f64,
    machine_standard_error: Option<f64>,
}

/// Sites up to which a law is visited state by state.
const ENUMERATED: usize = 20;

/// How averages beyond that are measured.
const SAMPLING: Sampling = Sampling { chains: 64, equilibration: 500, measured: 2000 };

impl Evaluate {
    /// Measures, and prints.
    pub fn run(&self, context: &mut Context) -> Result<()> {
        let machine = read_machine(&self.model)?.machine;
        let name = self.model.display().to_string();
        let data = match &self.data {
            Some(path) => Some(self.reading.read(path, Some((machine.visible(), name.clone())), context)?),
            None => {
                let said = [
                    ("--spins", self.reading.spins),
                    ("--weights", self.reading.weights.is_some()),
                    ("--header", self.reading.header.is_some()),
                ];
                refuse_said(&said, "evaluate without --data")?;
                None
            }
        };
        let subject = match self.ising.is_asked(self.target.as_deref()) {
            true => Some(self.ising.subject(self.target.as_deref())?),
            false => {
                self.ising.check_unused("evaluate without --target or --couplings")?;
                None
            }
        };
        if let Some(sites) = subject.as_ref().map(|subject| subject.law().sites()).filter(|n| *n != machine.visible()) {
            return Err(Error::invalid(
                "the law to compare with",
                format!("it has {sites} sites, and {name} has {} visible units", machine.visible()),
                "name a law of as many sites",
            ));
        }
        if self.moments.is_some() {
            let smaller = machine.visible().min(machine.hidden());
            check_limit("--moments", smaller, SMALLER_LIMIT, "use a machine with a smaller layer")?;
        }
        let ln_z = self.likelihood.measure(&machine, data.as_ref(), context)?;
        let law = match &subject {
            Some(subject) => Some(on_law(subject, &machine, &ln_z, data.as_ref(), context)?),
            None => None,
        };
        if let (Some(path), Some(data)) = (&self.moments, &data) {
            write_bytes(context.disk, path, &moments(&machine, data)?)?;
        }
        let (lower, upper) = ln_z.sides();
        context.json(&Evaluation {
            visible: machine.visible(),
            hidden: machine.hidden(),
            log_partition: ln_z.value(),
            log_partition_standard_error: ln_z.standard_error(),
            log_partition_lower: lower,
            log_partition_upper: upper,
            log_partition_upper_is_bound: ln_z.upper_is_bound(),
            effective_samples: ln_z.effective_samples(),
            trusted: ln_z.trusted(),
            doubts: ln_z.doubts(),
            data: data.as_ref().map(|data| on_data(data, &machine, &ln_z)),
            law,
        })
    }
}

fn on_data(data: &Configurations, machine: &Rbm, ln_z: &LogPartition) -> OnData {
    let mean = mean_log_weight(machine, data);
    let (lower, upper) = ln_z.sides();
    let distinct = data.distinct();
    let weights = (0..distinct.len()).map(|s| distinct.weight(s)).filter(|weight| *weight > 0.0);
    OnData {
        configurations: data.len(),
        mean_log_likelihood: mean - ln_z.value(),
        mean_log_likelihood_standard_error: ln_z.standard_error(),
        mean_log_likelihood_lower: mean - upper,
        mean_log_likelihood_upper: mean - lower,
        mean_free_energy: -mean,
        entropy_of_data: -weights.map(|weight| weight * weight.ln()).sum::<f64>(),
        kl_from_data: data_set_kl(data, machine, ln_z.value()),
        pseudo_log_likelihood: pseudo_log_likelihood_of_rbm(machine, data),
    }
}

/// Moments of data and model, and dKL/d theta = model - data.
fn moments(machine: &Rbm, data: &Configurations) -> Result<Vec<u8>> {
    let (n, m) = (machine.visible(), machine.hidden());
    let (mut of_data, mut of_model) = (vec![0.0; n * m + n + m], vec![0.0; n * m + n + m]);
    machine.add_expected_statistics(data, &mut of_data)?;
    machine.add_model_statistics(&mut of_model)?;
    let gradient: Vec<f64> = of_model.iter().zip(&of_data).map(|(model, data)| model - data).collect();
    let parts = |all: &[f64]| [all[..n * m].to_vec(), all[n * m..n * m + n].to_vec(), all[n * m + n..].to_vec()];
    let ([data_vh, data_v, data_h], [model_vh, model_v, model_h]) = (parts(&of_data), parts(&of_model));
    let [weights, visible_bias, hidden_bias] = parts(&gradient);
    let tensors = [
        ("data_vh", vec![n, m], &data_vh[..]),
        ("data_v", vec![n], &data_v),
        ("data_h", vec![m], &data_h),
        ("model_vh", vec![n, m], &model_vh),
        ("model_v", vec![n], &model_v),
        ("model_h", vec![m], &model_h),
        ("gradient_weights", vec![n, m], &weights),
        ("gradient_visible_bias", vec![n], &visible_bias),
        ("gradient_hidden_bias", vec![m], &hidden_bias),
    ];
    Ok(to_bytes(&tensors, None)?)
}

fn on_law(
    subject: &Subject,
    machine: &Rbm,
    ln_z: &LogPartition,
    data: Option<&Configurations>,
    context: &Context,
) -> Result<OnLaw> {
    let (law, seed) = (subject.law(), context.seed.child("law", 0));
    let observables = match subject.ising() {
        Some(ising) => observables(ising, machine, data, seed.child("observables", 0), context)?,
        None => Vec::new(),
    };
    let mut found = OnLaw {
        kl_from_law: None,
        kl_from_law_standard_error: None,
        kl_from_law_lower: None,
        kl_from_law_upper: None,
        kl_from_law_doubts: Vec::new(),
        entropy_of_law: None,
        observables,
    };
    if law.sites() <= VISIBLE_LIMIT {
        let table = log_probabilities(law)?;
        let (lower, upper) = ln_z.sides();
        let kl = |ln_z: f64| kl_divergence(&table, machine, ln_z);
        let value = kl(ln_z.value());
        found.kl_from_law = Some(value);
        found.kl_from_law_standard_error = match ln_z {
            LogPartition::Exact(_) => Some(0.0),
            LogPartition::Bracket(_) => ln_z.standard_error(),
        };
        // ln Z enters as it stands.
        found.kl_from_law_lower = Some(value + (lower - ln_z.value()));
        found.kl_from_law_upper = Some(value + (upper - ln_z.value()));
        found.entropy_of_law = Some(entropy(&table));
        return Ok(found);
    }
    match subject.ising().filter(|ising| ising.log_partition().is_some()) {
        Some(ising) => {
            let target = SampledTarget::of_ising(ising, SAMPLING, seed.child("kl", 0))?;
            let kl = match ln_z {
                LogPartition::Exact(value) => {
                    target.measure(machine, &gibbsite::log_partition::LogPartition::exact(*value))
                }
                LogPartition::Bracket(bracket) => target.measure_between(machine, bracket),
            };
            found.kl_from_law = Some(kl.value);
            found.kl_from_law_standard_error = kl.standard_error;
            found.kl_from_law_lower = Some(kl.lower);
            found.kl_from_law_upper = Some(kl.upper);
            found.kl_from_law_doubts = kl.doubts.iter().map(|doubt| (*doubt).to_string()).collect();
        }
        None => {
            let problem =
                format!("ln Z of the law of {} sites is known neither in closed form nor by enumeration", law.sites());
            found.kl_from_law_doubts.push(problem);
        }
    }
    Ok(found)
}

/// Observables per spin: exact where a few states tell them, by Monte Carlo elsewhere.
fn observables(
    ising: &Ising,
    machine: &Rbm,
    data: Option<&Configurations>,
    seed: Seed,
    context: &Context,
) -> Result<Vec<Compared>> {
    let (sites, temperature) = (ising.sites(), ising.temperature());
    let mut live = context.live();
    let mut report = |done: usize, of: usize| live.at(done as f64 / of.max(1) as f64, "observables");
    let exactly = |expectations| {
        Observable::ALL.map(|observable| (observable.exactly(&expectations, sites, temperature), Some(0.0)))
    };
    let estimated = |estimate: &dyn Fn(Observable) -> Estimate| {
        Observable::ALL.map(|observable| {
            let found = estimate(observable);
            (found.value, found.standard_error.filter(|_| found.converged()))
        })
    };
    let of_law = if sites <= ENUMERATED {
        exactly(enumerated_moments(ising, ising)?)
    } else {
        let seed = seed.child("law", 0);
        let (starts, kinds) = random_and_up(sites, SAMPLING.chains, seed.child("starts", 0))?;
        let sweep: Box<dyn Kernel + '_> = match multi_spin_metropolis(ising) {
            Ok(kernel) => Box::new(kernel),
            Err(_) => Box::new(coloured_heat_bath(ising)),
        };
        let kernel = Schedule::new(vec![(Box::new(Wolff::new(ising)), 1), (sweep, 1)]);
        let mut chains = Chains::new(starts, seed.child("chains", 0));
        let coordinates = Coordinates::of_law(ising);
        let sampled = sample(ising, &kernel, (&mut chains, &kinds), &coordinates, SAMPLING, &mut report);
        estimated(&|observable| sampled.estimate(observable))
    };
    let of_machine = if machine.hidden() <= HIDDEN_LIMIT {
        exactly(exact_moments(ising, machine)?)
    } else if sites <= ENUMERATED {
        exactly(enumerated_moments(ising, machine)?)
    } else {
        // Chains start in the data too, so that a mode which they have is not missed; in draws of the law where there are none.
        let drawn = match data {
            Some(_) => None,
            None => Some(gibbsite::monte_carlo::ising_sample::draw_configurations(ising, 1000, seed.child("data", 0))?),
        };
        let starts = data.or(drawn.as_ref().map(|drawn| &drawn.configurations));
        let Some(starts) = starts else {
            return Ok(Vec::new());
        };
        let sampled = sample_model(ising, machine, starts, SAMPLING, seed.child("machine", 0), &mut report)?;
        estimated(&|observable| sampled.estimate(observable))
    };
    let pairs = Observable::ALL.iter().zip(of_law).zip(of_machine);
    let compared = pairs.map(|((observable, law), machine)| Compared {
        name: observable.name(),
        law: law.0,
        law_standard_error: law.1,
        machine: machine.0,
        machine_standard_error: machine.1,
    });
    Ok(compared.collect())
}
