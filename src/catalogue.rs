//! Everything that can be learned, by name.

use crate::configuration::Configurations;
use crate::enumerate::whole_law;
use crate::error::{Error, Result};
use crate::law::Law;
use crate::monte_carlo::ising_sample::draw_configurations;
use crate::random::Seed;
use crate::row_sampler::RowSampler;
use crate::targets::bars_and_stripes::BarsAndStripes;
use crate::targets::ising::Ising;
use crate::targets::labelled_shifter::LabelledShifter;
use crate::targets::lattice::Lattice;
use std::fmt;
use std::str::FromStr;

/// What is to be learned: a law with draws, and with a list of patterns where it is made of few.
pub trait Target: Law + Send {
    /// `count` rows that are independent, or far apart along a Markov chain.
    fn draw(&self, count: usize, seed: Seed) -> Result<Configurations>;

    /// Every pattern of the law once, with its probability as its weight; `None` where the law is no list of patterns.
    fn patterns(&self) -> Option<Configurations> {
        None
    }

    /// How many patterns are generated, repeats counted: what a sum of ln p over the data set is a sum over.
    fn generated(&self) -> Option<usize> {
        None
    }

    /// The whole law as weighted rows: its patterns, or every state.
    fn data(&self) -> Result<Configurations> {
        match self.patterns() {
            Some(patterns) => Ok(patterns),
            None => whole_law(&self),
        }
    }
}

impl Target for Ising {
    fn draw(&self, count: usize, seed: Seed) -> Result<Configurations> {
        Ok(draw_configurations(self, count, seed)?.configurations)
    }
}

impl Target for BarsAndStripes {
    fn draw(&self, count: usize, seed: Seed) -> Result<Configurations> {
        Ok(BarsAndStripes::draw(self, count, seed))
    }

    fn patterns(&self) -> Option<Configurations> {
        self.patterns()
    }

    fn generated(&self) -> Option<usize> {
        Some(self.number_of_patterns() as usize)
    }
}

impl Target for LabelledShifter {
    fn draw(&self, count: usize, seed: Seed) -> Result<Configurations> {
        Ok(RowSampler::new(&self.patterns())?.draw(count, seed))
    }

    fn patterns(&self) -> Option<Configurations> {
        Some(self.patterns())
    }

    fn generated(&self) -> Option<usize> {
        Some(self.patterns().len())
    }
}

/// Numbers that belong to Ising models; what has no temperature does not ask for them.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surroundings {
    /// J of every bond.
    pub coupling: f64,
    /// h on every site.
    pub field: f64,
    /// T in units of J.
    pub temperature: f64,
}

/// J = 1, h = 0, and the critical temperature of the infinite square lattice, 2 / ln(1 + sqrt 2).
impl Default for Surroundings {
    fn default() -> Self {
        Self { coupling: 1.0, field: 0.0, temperature: 2.0 / (1.0 + std::f64::consts::SQRT_2).ln() }
    }
}

/// A family of targets. A new one has an entry in [`KINDS`], and every experiment with targets knows it.
pub struct Kind {
    /// How its name is written.
    pub form: &'static str,
    /// What it is, for --help.
    pub about: &'static str,
    /// Whether it has a temperature, a coupling and a field.
    pub thermal: bool,
    /// Reads a name that begins like one of its kind, and writes it as it is displayed.
    read: fn(&str) -> Result<String>,
    /// Makes what such a name stands for.
    make: fn(&str, &Surroundings) -> Result<Box<dyn Target>>,
}

/// Reads and writes a name.
fn reread<T: FromStr<Err = Error> + fmt::Display>(text: &str) -> Result<String> {
    text.parse().map(|name: T| name.to_string())
}

const fn lattice(form: &'static str, about: &'static str) -> Kind {
    let make = |text: &str, at: &Surroundings| -> Result<Box<dyn Target>> {
        Ok(Box::new(Ising::on_lattice(text.parse()?, at.coupling, at.field, at.temperature)?))
    };
    Kind { form, about, thermal: true, read: reread::<Lattice>, make }
}

const fn data_set<T: Target + FromStr<Err = Error> + fmt::Display + 'static>(
    form: &'static str,
    about: &'static str,
) -> Kind {
    let make = |text: &str, _: &Surroundings| -> Result<Box<dyn Target>> { Ok(Box::new(text.parse::<T>()?)) };
    Kind { form, about, thermal: false, read: reread::<T>, make }
}

/// Every kind of target.
pub const KINDS: [Kind; 9] = [
    lattice("chain:N", "open Ising chain"),
    lattice("ring:N", "Ising ring"),
    lattice("square:LxM", "periodic square lattice"),
    lattice("square-open:LxM", "square lattice with open borders"),
    lattice("triangular:LxM", "periodic triangular lattice"),
    lattice("cubic:LxMxN", "periodic cubic lattice"),
    data_set::<BarsAndStripes>("bars:RxC", "bars and stripes, 2^R + 2^C patterns with their repeats"),
    data_set::<BarsAndStripes>("bars-distinct:RxC", "bars and stripes, each pattern once"),
    data_set::<LabelledShifter>("labelled_shifter:N", "shifted patterns with a label, 2N + 3 sites"),
];

/// The name of a target, such as `square:8x8`, `bars:4x4` or `labelled_shifter:4`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TargetName {
    text: String,
    kind: usize,
}

impl TargetName {
    /// Whether it has a temperature, a coupling and a field.
    pub fn is_thermal(&self) -> bool {
        KINDS[self.kind].thermal
    }

    /// What the name stands for; surroundings matter to Ising models only.
    pub fn target(&self, at: &Surroundings) -> Result<Box<dyn Target>> {
        (KINDS[self.kind].make)(&self.text, at)
    }

    /// The target at J = 1, h = 0 and this temperature, where it has one.
    pub fn at(&self, temperature: Option<f64>) -> Result<Box<dyn Target>> {
        let usual = Surroundings::default();
        self.target(&Surroundings { temperature: temperature.unwrap_or(usual.temperature), ..usual })
    }
}

impl fmt::Display for TargetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl FromStr for TargetName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let word = |text: &str| text.split(':').next().map(str::to_string);
        match KINDS.iter().position(|kind| word(kind.form) == word(text)) {
            Some(kind) => Ok(Self { text: (KINDS[kind].read)(text)?, kind }),
            None => {
                let forms = KINDS.map(|kind| kind.form).join(", ");
                Err(Error::invalid(format!("target {text}"), "there is no such target", format!("take one of {forms}")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract;

    /// The smallest of each kind, and whether it can be told from its name.
    #[test]
    fn every_target_keeps_its_contract() {
        for kind in KINDS.iter().filter(|kind| !kind.form.starts_with("cubic")) {
            let small = kind.form.replace("LxM", "3x3").replace("RxC", "3x3").replace('N', "5");
            let name: TargetName = small.parse().unwrap();
            assert_eq!((name.to_string(), name.is_thermal()), (small, kind.thermal));
            let target = name.at(Some(2.5)).unwrap();
            contract::target(&*target, 5).unwrap_or_else(|problem| panic!("{name}: {problem}"));
        }
        // The smallest cubic lattice has 27 sites, too many to visit.
        let cubic: TargetName = "cubic:3x3x3".parse().unwrap();
        assert_eq!(cubic.at(Some(4.5)).unwrap().sites(), 27);
    }

    #[test]
    fn surroundings_reach_ising_models_and_nothing_else() {
        let at = Surroundings { coupling: -0.5, field: 0.25, temperature: 1.5 };
        let ring: TargetName = "ring:5".parse().unwrap();
        // E = +5 x 0.5 - 0.25 x 5 with every spin up.
        assert!((ring.target(&at).unwrap().log_weight(&[31]) + (2.5 - 1.25) / 1.5).abs() < 1e-12);
        let bars: TargetName = "bars:3x3".parse().unwrap();
        assert_eq!(bars.target(&at).unwrap().log_weight(&[7]), 0.0);
        assert_eq!((ring.is_thermal(), bars.is_thermal()), (true, false));
    }

    #[test]
    fn an_unknown_name_is_refused_with_all_that_are_known() {
        for text in ["", "torus:3x3", "bars", "square:2x3", "ring"] {
            let message = text.parse::<TargetName>().unwrap_err().to_string();
            assert!(message.contains("; "), "{message}");
        }
        let message = "torus:3x3".parse::<TargetName>().unwrap_err().to_string();
        assert!(KINDS.iter().all(|kind| message.contains(kind.form)), "{message}");
    }

    /// Against names whose temperature is lost, and against the critical one where none is said: -E of 3x3 spins up is
    /// 18.
    #[test]
    fn a_temperature_reaches_the_law() {
        let square: TargetName = "square:3x3".parse().unwrap();
        let critical = 2.0 / 1.0_f64.asinh();
        for (said, temperature) in [(Some(2.5), 2.5), (Some(1.0), 1.0), (None, critical)] {
            let weight = square.at(said).unwrap().log_weight(&[511]);
            assert!((weight - 18.0 / temperature).abs() < 1e-12, "{said:?}: {weight}");
        }
    }

    /// Against counts by hand: 2^3 + 2^3 bars and stripes of 3x3 sites, of which those all 0 and all 1 come twice; 2^5
    /// patterns shifted in three ways.
    #[test]
    fn lists_of_patterns_are_as_long_as_their_targets_say() {
        for (name, generated, patterns) in [
            ("bars:3x3", Some(16), Some(14)),
            ("bars-distinct:3x3", Some(14), Some(14)),
            ("labelled_shifter:5", Some(96), Some(96)),
            ("ring:5", None, None),
        ] {
            let target = name.parse::<TargetName>().unwrap().at(None).unwrap();
            assert_eq!(target.generated(), generated, "{name}");
            assert_eq!(target.patterns().map(|rows| rows.len()), patterns, "{name}");
            assert_eq!(target.data().unwrap().len(), patterns.unwrap_or(32), "{name}");
        }
    }
}
