//! Ising models and other laws: by name, or from a list of couplings.

use crate::error::{Error, Result};
use gibbsite::catalogue::{Surroundings, Target, TargetName};
use gibbsite::configuration::Configurations;
use gibbsite::enumerate::{WHOLE_LAW_LIMIT, check_limit, whole_law};
use gibbsite::law::Law;
use gibbsite::monte_carlo::ising_sample::draw_configurations_by;
use gibbsite::monte_carlo::sampler::{SAMPLERS, Sampler};
use gibbsite::random::Seed;
use gibbsite::row_sampler::RowSampler;
use gibbsite::targets::ising::Ising;
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::site_fields::SiteFields;
use gibbsite_files::couplings::{self, CouplingList};
use gibbsite_files::source::Source;
use laboratory::value::{finite, positive};
use std::path::PathBuf;
use std::str::FromStr;

/// The law that something is compared with, or drawn from.
pub enum Subject {
    /// An Ising model with one field, or none.
    Ising(Box<Ising>),
    /// With a field of its own on every site.
    Fields(Box<SiteFields>),
    /// Any other.
    Other(Box<dyn Target>),
}

/// What belongs to Ising models.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Ising models")]
pub struct IsingOptions {
    /// List of couplings: lines i,j,J, and i,h for fields, sites counted from 0; - is standard input
    #[arg(long, value_name = "FILE")]
    pub couplings: Option<PathBuf>,

    /// Temperature T > 0 in units of J (k_B = 1); the infinite square lattice is critical at 2.269 [default: 2.269185; 1 with
    /// --couplings]
    #[arg(long, value_name = "T", value_parser = positive)]
    pub temperature: Option<f64>,

    /// Coupling J of every bond of a lattice; positive aligns [default: 1]
    #[arg(long, value_name = "J", value_parser = finite)]
    pub coupling: Option<f64>,

    /// Uniform field h of a lattice [default: 0]
    #[arg(long, value_name = "h", value_parser = finite)]
    pub field: Option<f64>,
}

/// The largest |E|/T of a state: beyond it sums of weights leave the real numbers.
const LARGEST: f64 = 1e100;

/// How configurations of a law are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Drawing {
    /// From the enumerated law where that is small, else from chains.
    Auto,
    /// From the enumerated law.
    Exact,
    /// From chains that the library chooses.
    Chains,
    /// From chains that this sampler moves.
    By(&'static Sampler),
}

impl FromStr for Drawing {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "auto" => Ok(Drawing::Auto),
            "exact" => Ok(Drawing::Exact),
            "chains" => Ok(Drawing::Chains),
            name => Sampler::named(name).map(Drawing::By).map_err(|_| {
                let names: Vec<&str> =
                    ["auto", "exact", "chains"].into_iter().chain(SAMPLERS.map(|s| s.name)).collect();
                laboratory::choices::no_such_choice(&names)
            }),
        }
    }
}

impl IsingOptions {
    /// Whether a law is asked for, by its name or a list.
    pub fn is_asked(&self, name: Option<&str>) -> bool {
        name.is_some() || self.couplings.is_some()
    }

    /// Refuses options that mean nothing to `what`.
    pub fn check_unused(&self, what: &str) -> Result<()> {
        let said = [
            ("--couplings", self.couplings.is_some()),
            ("--temperature", self.temperature.is_some()),
            ("--coupling", self.coupling.is_some()),
            ("--field", self.field.is_some()),
        ];
        refuse_said(&said, what)
    }

    /// The law of this name, or of the list.
    pub fn subject(&self, name: Option<&str>) -> Result<Subject> {
        let usual = Surroundings::default();
        let at = Surroundings {
            coupling: self.coupling.unwrap_or(usual.coupling),
            field: self.field.unwrap_or(usual.field),
            temperature: self.temperature.unwrap_or(usual.temperature),
        };
        match (name, &self.couplings) {
            (Some(name), Some(_)) => Err(Error::invalid(
                format!("{name} with --couplings"),
                "both say which Ising model is meant",
                "leave one of them away",
            )),
            (None, Some(path)) => {
                refuse_said(
                    &[("--coupling", self.coupling.is_some()), ("--field", self.field.is_some())],
                    "--couplings",
                )?;
                of_list(&couplings::read(&Source::from(path.as_path()))?, self.temperature.unwrap_or(1.0))
            }
            (Some(name), None) => {
                let target: TargetName = name.parse()?;
                if !target.is_thermal() {
                    self.check_unused(&format!("{target}, which has no temperature"))?;
                    return Ok(Subject::Other(target.target(&at)?));
                }
                let lattice: Lattice = name.parse()?;
                let largest =
                    at.coupling.abs() * lattice.bonds().len() as f64 + at.field.abs() * lattice.sites() as f64;
                check_range(largest, at.temperature)?;
                let ising = Ising::on_lattice(lattice, at.coupling, at.field, at.temperature)?;
                Ok(Subject::Ising(Box::new(ising)))
            }
            (None, None) => Err(Error::invalid("the law", "none is named", "name one, or give --couplings FILE")),
        }
    }
}

/// Refuses options that were said and mean nothing to `what`.
pub fn refuse_said(said: &[(&str, bool)], what: &str) -> Result<()> {
    match said.iter().find(|(_, said)| *said) {
        Some((option, _)) => Err(Error::invalid(*option, format!("it means nothing to {what}"), "leave it away")),
        None => Ok(()),
    }
}

fn check_range(largest: f64, temperature: f64) -> Result<()> {
    if largest / temperature <= LARGEST {
        return Ok(());
    }
    Err(Error::invalid(
        format!("--temperature {temperature}"),
        "E/T leaves the range in which probabilities can be told apart",
        "take a higher temperature, or weaker couplings",
    ))
}

fn of_list(list: &CouplingList, temperature: f64) -> Result<Subject> {
    let strengths = list.couplings.iter().map(|coupling| coupling.strength.abs());
    check_range(strengths.chain(list.fields.iter().map(|(_, h)| h.abs())).sum(), temperature)?;
    if list.fields.iter().all(|(_, h)| *h == 0.0) {
        let ising = Ising::new(list.sites, &list.couplings, 0.0, temperature)?;
        return Ok(Subject::Ising(Box::new(ising)));
    }
    let with_fields = SiteFields::new(list.sites, &list.couplings, &list.fields, temperature)?;
    Ok(Subject::Fields(Box::new(with_fields)))
}

impl Subject {
    /// As a law.
    pub fn law(&self) -> &dyn Law {
        match self {
            Subject::Ising(ising) => &**ising,
            Subject::Fields(with_fields) => &**with_fields,
            Subject::Other(target) => &**target,
        }
    }

    /// The Ising model with one field or none, where it is one: observables are its own.
    pub fn ising(&self) -> Option<&Ising> {
        match self {
            Subject::Ising(ising) => Some(ising),
            _ => None,
        }
    }

    /// `count` configurations.
    pub fn draw(&self, count: usize, drawing: Drawing, seed: Seed) -> Result<Configurations> {
        let law = self.law();
        let small = law.sites() <= WHOLE_LAW_LIMIT && matches!(self, Subject::Ising(_) | Subject::Fields(_));
        match drawing {
            Drawing::Exact => {
                let what = "--sampler exact";
                check_limit(what, law.sites(), WHOLE_LAW_LIMIT, "take --sampler chains")?;
                Ok(RowSampler::new(&whole_law(law)?)?.draw(count, seed))
            }
            Drawing::Auto if small => Ok(RowSampler::new(&whole_law(law)?)?.draw(count, seed)),
            Drawing::By(sampler) => match self {
                Subject::Ising(ising) => Ok(draw_configurations_by(ising, sampler, count, seed)?.configurations),
                _ => Err(Error::invalid(
                    format!("--sampler {}", sampler.name),
                    "it moves Ising models with one field on all sites",
                    "take --sampler chains",
                )),
            },
            _ => Ok(match self {
                Subject::Ising(ising) => Target::draw(&**ising, count, seed)?,
                Subject::Fields(with_fields) => with_fields.draw(count, seed)?,
                Subject::Other(target) => target.draw(count, seed)?,
            }),
        }
    }
}
