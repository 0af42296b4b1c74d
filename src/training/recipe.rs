//! Gradient estimators by name.

use super::direction::Offsets;
use super::gradient::{
    ContrastiveDivergence, Exact, FastPersistentContrastiveDivergence, GradientEstimator, HiddenStatistics,
    PersistentContrastiveDivergence, Tempering, TrajectoryTempering, TwoGibbsRuns,
};
use super::trainer::Training;
use crate::configuration::Configurations;
use crate::error::{Error, Result};
use crate::random::Seed;
use crate::row_sampler::RowSampler;
use std::fmt;
use std::str::FromStr;

/// The name of a gradient estimator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EstimatorName {
    /// By enumeration.
    Exact,
    /// Contrastive divergence.
    Cd,
    /// Persistent contrastive divergence.
    Pcd,
    /// Free runs from random states.
    TwoRuns,
    /// Persistent contrastive divergence with fast weights.
    Fpcd,
    /// Parallel tempering.
    Tempering,
    /// Parallel trajectory tempering.
    Ptt,
}

/// An estimator as recipes know it.
struct Kind {
    name: EstimatorName,
    text: &'static str,
    about: &'static str,
    /// What it can be told beside k, chains and the hidden units: name, value where nothing is said, what it is.
    settings: &'static [(&'static str, f64, &'static str)],
    make: fn(&Recipe, &Ingredients) -> Result<Box<dyn GradientEstimator>>,
}

/// What an estimator is made from beside its recipe.
struct Ingredients<'a> {
    data: &'a Configurations,
    chains: usize,
    hidden: usize,
    seed: Seed,
}

impl Ingredients<'_> {
    /// Draws of the data, from which persistent chains start.
    fn starts(&self) -> Result<Configurations> {
        Ok(RowSampler::new(self.data)?.draw(self.chains, self.seed.child("starts", 0)))
    }

    fn chains_seed(&self) -> Seed {
        self.seed.child("chains", 0)
    }
}

/// Every estimator. A new one has its name above and its entry here, and every experiment that sweeps over estimators, its
/// --help and the contract's test know it.
const KINDS: [Kind; 7] = [
    Kind {
        name: EstimatorName::Exact,
        text: "exact",
        about: "enumeration",
        settings: &[],
        make: |_, _| Ok(Box::new(Exact)),
    },
    Kind {
        name: EstimatorName::Cd,
        text: "cd",
        about: "contrastive divergence",
        settings: &[],
        make: |recipe, _| {
            let (gibbs_steps, hidden_statistics) = (recipe.steps(), recipe.hidden_statistics);
            Ok(Box::new(ContrastiveDivergence::new(gibbs_steps, 0, hidden_statistics)))
        },
    },
    Kind {
        name: EstimatorName::Pcd,
        text: "pcd",
        about: "persistent contrastive divergence",
        settings: &[],
        make: |recipe, with| {
            let (k, how, starts) = (recipe.steps(), recipe.hidden_statistics, with.starts()?);
            let pcd = PersistentContrastiveDivergence::new(k, how, &starts, with.hidden, with.chains_seed())?;
            Ok(Box::new(pcd))
        },
    },
    Kind {
        name: EstimatorName::TwoRuns,
        text: "two-runs",
        about: "Gibbs runs from random states",
        settings: &[],
        make: |recipe, with| {
            let (burn_in, hidden_statistics) = (recipe.steps(), recipe.hidden_statistics);
            Ok(Box::new(TwoGibbsRuns::new(with.chains, burn_in, hidden_statistics)))
        },
    },
    Kind {
        name: EstimatorName::Fpcd,
        text: "fpcd",
        about: "pcd with fast weights",
        settings: &[
            ("fast-rate", 0.01, "learning rate of the fast weights"),
            ("fast-decay", 0.95, "share of the fast weights that an update keeps"),
        ],
        make: |recipe, with| {
            let (k, how, starts) = (recipe.steps(), recipe.hidden_statistics, with.starts()?);
            let pcd = PersistentContrastiveDivergence::new(k, how, &starts, with.hidden, with.chains_seed())?;
            let (rate, decay) = (recipe.setting("fast-rate"), recipe.setting("fast-decay"));
            Ok(Box::new(FastPersistentContrastiveDivergence::new(pcd, rate, decay)?))
        },
    },
    Kind {
        name: EstimatorName::Tempering,
        text: "tempering",
        about: "parallel tempering",
        settings: &[
            ("temperatures", 10.0, "rungs of a ladder, from the uniform law to the machine"),
            ("swap", 0.0, "share of exchanges for which rungs are put in or taken out; 0 leaves their number"),
        ],
        make: |recipe, with| {
            let (rungs, swap) = (recipe.setting("temperatures") as usize, recipe.setting("swap"));
            let (k, how, starts) = (recipe.steps(), recipe.hidden_statistics, with.starts()?);
            Ok(Box::new(Tempering::new(k, how, rungs, swap, &starts, with.hidden, with.chains_seed())?))
        },
    },
    Kind {
        name: EstimatorName::Ptt,
        text: "ptt",
        about: "tempering along the machine's own trajectory",
        settings: &[("swap", 0.3, "share of exchanges below which the machine is kept as a rung of its own")],
        make: |recipe, with| {
            let (k, how, starts) = (recipe.steps(), recipe.hidden_statistics, with.starts()?);
            let swap = recipe.setting("swap");
            Ok(Box::new(TrajectoryTempering::new(k, how, swap, &starts, with.hidden, with.chains_seed())?))
        },
    },
];

impl EstimatorName {
    /// Every estimator.
    pub fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|kind| kind.name)
    }

    fn kind(self) -> &'static Kind {
        // Each name has its entry, as a test holds; the first is never taken in its place.
        KINDS.iter().find(|kind| kind.name == self).unwrap_or(&KINDS[0])
    }

    /// What it does, in a few words.
    pub fn about(self) -> &'static str {
        self.kind().about
    }

    /// Whether it takes Gibbs steps.
    pub fn samples(self) -> bool {
        self != Self::Exact
    }

    /// Whether its chains live on from update to update.
    pub fn is_persistent(self) -> bool {
        !matches!(self, Self::Exact | Self::Cd | Self::TwoRuns)
    }
}

impl fmt::Display for EstimatorName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.kind().text)
    }
}

impl FromStr for EstimatorName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let found = KINDS.iter().find(|kind| kind.text == text);
        found.map(|kind| kind.name).ok_or_else(|| {
            let names = KINDS.map(|kind| kind.text).join(", ");
            Error::invalid(format!("estimator {text}"), "there is no such estimator", format!("take one of {names}"))
        })
    }
}

/// An estimator with its settings, written `NAME:k` and then `:KEY=VALUE` where a setting is not the usual one: `exact`,
/// `cd:10`, `pcd:1:chains=500`, `cd:1:hidden=sampled/analytic`, `pcd:1:centred=data`, `tempering:1:temperatures=20`.
#[derive(Clone, Debug, PartialEq)]
pub struct Recipe {
    /// Which one.
    pub name: EstimatorName,
    /// Gibbs steps k; none where nothing is sampled.
    pub gibbs_steps: Option<usize>,
    /// Hidden units in closed form or drawn.
    pub hidden_statistics: HiddenStatistics,
    /// Chains, where the recipe says how many.
    pub chains: Option<usize>,
    /// Offsets of its gradient, where the recipe has it centred.
    pub centred: Offsets,
    /// Its own settings, where they are not the usual ones.
    settings: Vec<(&'static str, f64)>,
}

impl Recipe {
    /// With k, closed-form or drawn hidden units, and all else as usual.
    pub fn new(name: EstimatorName, gibbs_steps: Option<usize>, hidden_statistics: HiddenStatistics) -> Self {
        Self { name, gibbs_steps, hidden_statistics, chains: None, centred: Offsets::None, settings: Vec::new() }
    }

    fn steps(&self) -> usize {
        self.gibbs_steps.unwrap_or(1)
    }

    /// A setting of its own.
    fn setting(&self, key: &str) -> f64 {
        let usual = self.name.kind().settings.iter().map(|(key, value, _)| (*key, *value));
        let mut said = self.settings.iter().copied().chain(usual);
        said.find(|(known, _)| *known == key).map_or(0.0, |(_, value)| value)
    }

    /// The estimator for a machine of `hidden` hidden units. Chains of its own (persistent ones, and how many start at random)
    /// are `chains` unless the recipe says otherwise, and persistent ones start from draws of `data`.
    pub fn estimator(
        &self,
        data: &Configurations,
        chains: usize,
        hidden: usize,
        seed: Seed,
    ) -> Result<Box<dyn GradientEstimator>> {
        let with = Ingredients { data, chains: self.chains.unwrap_or(chains), hidden, seed };
        (self.name.kind().make)(self, &with)
    }

    /// The settings of a training run with the offsets of the recipe, where it has any.
    pub fn training(&self, settings: Training) -> Training {
        match self.centred {
            Offsets::None => settings,
            centred => Training { centred, ..settings },
        }
    }

    /// For figures: `exact gradient`, `CD-10`, `PCD-1`, `two runs of 10`, `tempering-1, temperatures=20`.
    pub fn label(&self) -> String {
        let k = self.steps();
        let name = match self.name {
            EstimatorName::Exact => "exact gradient".to_string(),
            EstimatorName::TwoRuns => format!("two runs of {k}"),
            EstimatorName::Tempering => format!("tempering-{k}"),
            name => format!("{}-{k}", name.to_string().to_uppercase()),
        };
        let said = self.said();
        if said.is_empty() { name } else { format!("{name}, {}", said.join(", ")) }
    }

    /// `KEY=VALUE` of what is not as usual.
    fn said(&self) -> Vec<String> {
        let how = self.hidden_statistics;
        let hidden = (how != HiddenStatistics::default()).then(|| format!("hidden={how}"));
        let chains = self.chains.map(|chains| format!("chains={chains}"));
        let centred = (self.centred != Offsets::None).then(|| format!("centred={}", self.centred));
        let own = self.settings.iter().map(|(key, value)| format!("{key}={value}"));
        hidden.into_iter().chain(chains).chain(centred).chain(own).collect()
    }
}

impl fmt::Display for Recipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let steps = self.gibbs_steps.map(|k| k.to_string());
        let words: Vec<String> = [self.name.to_string()].into_iter().chain(steps).chain(self.said()).collect();
        f.pad(&words.join(":"))
    }
}

impl FromStr for Recipe {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |problem: String, mend: String| Err(Error::invalid(format!("estimator {text}"), problem, mend));
        let mut words = text.split(':');
        let name: EstimatorName = words.next().unwrap_or("").parse()?;
        let mut recipe = Self::new(name, name.samples().then_some(1), HiddenStatistics::default());
        for (place, word) in words.enumerate() {
            match (word.split_once('='), word.parse()) {
                (None, Ok(steps)) if place == 0 && name.samples() && steps > 0 => recipe.gibbs_steps = Some(steps),
                (Some(("hidden", how)), _) if name.samples() => recipe.hidden_statistics = how.parse()?,
                (Some(("centred", offsets)), _) => recipe.centred = offsets.parse()?,
                (Some(("chains", count)), _) if name.samples() && name != EstimatorName::Cd => match count.parse() {
                    Ok(chains) if (1..=10_000_000).contains(&chains) => recipe.chains = Some(chains),
                    _ => return refuse(format!("{count} is no number of chains"), "take 1 or more".to_string()),
                },
                (Some((key, value)), _) => {
                    let settings = name.kind().settings;
                    let Some((known, usual, about)) = settings.iter().find(|(known, ..)| *known == key) else {
                        let keys: Vec<&str> = settings.iter().map(|(key, ..)| *key).collect();
                        let mend =
                            format!("{name} knows k, hidden, centred, chains where it has any, {}", keys.join(", "));
                        return refuse(format!("there is no setting {key}"), mend);
                    };
                    match value.parse::<f64>() {
                        Ok(number) if number.is_finite() && number >= 0.0 => {
                            recipe.settings.retain(|(said, _)| said != known);
                            recipe.settings.extend((number != *usual).then_some((*known, number)));
                        }
                        _ => {
                            return refuse(format!("{value} is no {about}"), "take 0 or a number above it".to_string());
                        }
                    }
                }
                _ => {
                    let mend = "write NAME:k:KEY=VALUE, such as cd:10 or pcd:1:chains=500".to_string();
                    return refuse(format!("`{word}` is not understood"), mend);
                }
            }
        }
        Ok(recipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_read_as_they_are_written() {
        let recipe: Recipe = "pcd:5:chains=500".parse().unwrap();
        let how = HiddenStatistics::default();
        let expected = Recipe {
            name: EstimatorName::Pcd,
            gibbs_steps: Some(5),
            hidden_statistics: how,
            chains: Some(500),
            centred: Offsets::None,
            settings: vec![],
        };
        assert_eq!(recipe, expected);
        for text in [
            "exact",
            "cd:10",
            "pcd:1:chains=500",
            "two-runs:20:hidden=sampled",
            "cd:1:hidden=sampled/analytic",
            "fpcd:1:fast-rate=0.1:fast-decay=0.9",
            "tempering:2:chains=10:temperatures=20",
            "ptt:1:swap=0.2",
            "exact:centred=mean",
            "pcd:1:chains=7:centred=data",
        ] {
            let recipe: Recipe = text.parse().unwrap();
            assert_eq!(recipe.to_string(), text);
            assert_eq!(recipe.to_string().parse::<Recipe>().unwrap(), recipe);
        }
        // What is usual is not written; k is 1 where nothing is said.
        assert_eq!("fpcd:fast-rate=0.01".parse::<Recipe>().unwrap().to_string(), "fpcd:1");
        let fast: Recipe = "fpcd:1:fast-rate=0.5:fast-rate=0.25".parse().unwrap();
        assert_eq!((fast.setting("fast-rate"), fast.setting("fast-decay")), (0.25, 0.95));
        let labels = ["exact", "cd:10", "two-runs:3", "fpcd", "tempering:1:temperatures=20"];
        let labels = labels.map(|text| text.parse::<Recipe>().unwrap().label());
        assert_eq!(labels, ["exact gradient", "CD-10", "two runs of 3", "FPCD-1", "tempering-1, temperatures=20"]);
    }

    #[test]
    fn what_is_no_recipe_is_refused_with_a_mend() {
        for text in [
            "",
            "cd:0",
            "cd:x",
            "cd:1:2",
            "exact:1",
            "exact:hidden=sampled",
            "cd:1:chains=5",
            "pcd:1:chains=0",
            "pcd:1:rate=2",
            "fpcd:1:fast-rate=-1",
            "fpcd:1:fast-rate=nan",
            "cd:1:hidden=often",
            "magic",
        ] {
            let message = text.parse::<Recipe>().unwrap_err().to_string();
            assert!(message.contains("; "), "{text}: {message}");
        }
    }

    #[test]
    fn every_name_has_its_entry() {
        for name in EstimatorName::all() {
            assert_eq!(name.kind().name, name);
            assert_eq!(name.to_string().parse::<EstimatorName>().unwrap(), name);
        }
        let texts: std::collections::BTreeSet<_> = KINDS.iter().map(|kind| kind.text).collect();
        assert_eq!(texts.len(), KINDS.len());
    }
}
