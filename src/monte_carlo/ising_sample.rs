//! Training configurations of an Ising model: from chains that started in different places and agree, spaced, and without
//! a preferred sign.

use super::cluster::Wolff;
use super::coloured::coloured_heat_bath;
use super::ladder::AlongPath;
use super::sampler::Sampler;
use super::schedule::Schedule;
use super::single_site::Metropolis;
use super::tempering::ParallelTempering;
use crate::configuration::{Configurations, set_bit, used_bits};
use crate::error::{Error, Result};
use crate::law::{Chains, Clamp, Kernel, Law};
use crate::path::{GeometricPath, uniform_configurations};
use crate::random::Seed;
use crate::statistics::autocorrelation::integrated_time;
use crate::statistics::chains::judge_law;
use crate::statistics::directions::{principal_directions, projection};
use crate::statistics::doubt::Doubt;
use crate::targets::ising::Ising;
use rand::RngExt;

/// Configurations drawn from an Ising model, and how.
#[derive(Clone, Debug)]
pub struct IsingSample {
    /// The configurations, equally weighted.
    pub configurations: Configurations,
    /// The longest autocorrelation time among the coordinates, in steps.
    pub tau: f64,
    /// Steps of each chain between its configurations: at least 2 tau.
    pub spacing: usize,
    /// Steps of each chain before its first configuration: at least 100 tau.
    pub equilibration: usize,
}

/// Chains, each from a place of its own.
const CHAINS: usize = 8;
/// The kinds of those places: all up and all down, along all couplings of a tree and against that, and four at random.
const KINDS: [usize; CHAINS] = [0, 0, 1, 1, 2, 2, 2, 2];
/// Steps of a pilot run, which is doubled while chains disagree.
const SHORTEST: usize = 256;
/// Steps of a pilot run whose chains still disagree at which nothing is drawn.
const LONGEST: usize = 1 << 15;
/// A pilot run counts as equilibrated and its tau as known when every chain is this many tau long.
const PILOT_TAUS: f64 = 100.0;
/// Rungs of a ladder of tempering, doubled while a pair exchanges less often than [`EXCHANGES`].
const RUNGS: usize = 8;
const MOST_RUNGS: usize = 128;
const EXCHANGES: f64 = 0.2;
/// Principal directions that are watched.
const DIRECTIONS: usize = 2;

/// Draws `count` configurations from eight chains that started in different places: all up, all down, along the couplings
/// of a spanning tree, against them, and at random.
///
/// Where couplings are not frustrated a step is one Wolff cluster (with a ghost spin where there is a field) and one sweep
/// of random-site Metropolis, so that neither the critical point nor the two signs below it slow a chain. Frustrated
/// couplings, and antiferromagnetic ones in a field, are moved by parallel tempering, a ladder a chain, from beta = 0.
///
/// A pilot run is doubled until the chains agree ([`judge_law`]) in energy, magnetisation with and without its sign, the
/// order along the tree (for an antiferromagnet the staggered magnetisation) and the first two principal directions of
/// what they have seen, and every chain is 100 tau of the slowest of them long. Where they do not agree after 32,768
/// steps there is an error that says in what. Configurations then follow every 2 tau from all chains in turn; without a
/// field each is multiplied by a random sign, since E(s) = E(-s).
///
/// Limits: a well that none of the eight chains has entered is not seen. On ladders tau may be found too short, where a weak
/// but long memory hides behind exchanges: of the configurations of a cold glass (8 x 8 sites of couplings +-1 at T = 0.3)
/// two to four were worth one independent draw.
pub fn draw_configurations(ising: &Ising, count: usize, seed: Seed) -> Result<IsingSample> {
    draw_within(ising, count, LONGEST, seed)
}

/// The same with chains that are moved by a sampler of one's choice, frustrated or not: refused where they do not agree, as
/// those of a single-site sampler in an ordered phase may not.
pub fn draw_configurations_by(ising: &Ising, sampler: &Sampler, count: usize, seed: Seed) -> Result<IsingSample> {
    let gauge = Gauge::of(ising);
    let starts = starts(ising, &gauge, seed.child("starts", 0));
    let mut moved = Moved { kernel: sampler.kernel(ising)?, chains: Chains::new(starts, seed.child("chain", 0)) };
    draw(ising, &gauge, &mut moved, count, LONGEST, seed)
}

fn draw_within(ising: &Ising, count: usize, longest: usize, seed: Seed) -> Result<IsingSample> {
    let gauge = Gauge::of(ising);
    let starts = starts(ising, &gauge, seed.child("starts", 0));
    let competing = gauge.frustrated || (ising.field() != 0.0 && !gauge.uniform());
    let seed_of_chains = seed.child("chain", 0);
    if competing {
        let kernel = coloured_heat_bath(ising);
        let path = GeometricPath::new(ising, &kernel)?;
        let mut ladders = Ladders::new(&path, &starts, seed_of_chains)?;
        return draw(ising, &gauge, &mut ladders, count, longest, seed);
    }
    let parts: Vec<(Box<dyn Kernel>, usize)> =
        vec![(Box::new(Wolff::new(ising)), 1), (Box::new(Metropolis::new(ising)?), 1)];
    let kernel: Box<dyn Kernel> = Box::new(Schedule::new(parts));
    let mut clusters = Moved { kernel, chains: Chains::new(starts, seed_of_chains) };
    draw(ising, &gauge, &mut clusters, count, longest, seed)
}

/// What moves the eight chains.
trait Walk {
    fn advance(&mut self, steps: usize);
    fn states(&self) -> &Configurations;
    /// Whether every chain has been renewed.
    fn renewed(&self) -> bool {
        true
    }
}

struct Moved<'a> {
    kernel: Box<dyn Kernel + 'a>,
    chains: Chains,
}

impl Walk for Moved<'_> {
    fn advance(&mut self, steps: usize) {
        self.kernel.advance(&mut self.chains, 1.0, steps, Clamp::Nothing);
    }

    fn states(&self) -> &Configurations {
        self.chains.states()
    }
}

struct Ladders<'a> {
    ladder: AlongPath<'a>,
    tempering: ParallelTempering,
}

impl<'a> Ladders<'a> {
    /// With as many rungs as exchange often enough.
    fn new(path: &'a GeometricPath<'a>, starts: &Configurations, seed: Seed) -> Result<Self> {
        let mut rungs = RUNGS;
        loop {
            let betas: Vec<f64> = (0..=rungs).map(|k| k as f64 / rungs as f64).collect();
            let seed = seed.child("rungs", rungs as u64);
            let ladder = AlongPath::new(path, &betas)?;
            let mut tempering = ParallelTempering::new(&ladder, starts, seed)?;
            (0..SHORTEST).for_each(|_| tempering.advance(&ladder, 1));
            let acceptance = tempering.acceptance();
            let often = |share: &Option<f64>| share.is_some_and(|share| share >= EXCHANGES);
            if acceptance.iter().all(often) || rungs >= MOST_RUNGS {
                return Ok(Self { ladder, tempering });
            }
            rungs *= 2;
        }
    }
}

impl Walk for Ladders<'_> {
    fn advance(&mut self, steps: usize) {
        (0..steps).for_each(|_| self.tempering.advance(&self.ladder, 1));
    }

    fn states(&self) -> &Configurations {
        self.tempering.last().states()
    }

    fn renewed(&self) -> bool {
        self.tempering.round_trips().iter().all(|trips| *trips > 0)
    }
}

/// The signs that a spanning forest of the couplings gives to the sites: along every coupling of the forest
/// J_ij g_i g_j > 0.
struct Gauge {
    signs: Vec<f64>,
    /// Whether some coupling contradicts the forest: no state satisfies all (Toulouse 1977).
    frustrated: bool,
}

impl Gauge {
    fn of(ising: &Ising) -> Self {
        let sites = ising.sites();
        let mut signs = vec![0.0; sites];
        let mut waiting = Vec::new();
        for root in 0..sites {
            if signs[root] != 0.0 {
                continue;
            }
            signs[root] = 1.0;
            waiting.push(root);
            while let Some(site) = waiting.pop() {
                for &(other, strength) in ising.neighbours(site) {
                    if signs[other] == 0.0 && strength != 0.0 {
                        signs[other] = signs[site] * f64::signum(strength);
                        waiting.push(other);
                    }
                }
            }
        }
        let contradicts = |site: usize| {
            let ends = ising.neighbours(site).iter();
            let mut products = ends.map(|(other, j)| j * signs[site] * signs[*other]);
            products.any(|product| product < 0.0)
        };
        let frustrated = (0..sites).any(contradicts);
        Self { signs, frustrated }
    }

    fn uniform(&self) -> bool {
        self.signs.iter().all(|sign| *sign > 0.0)
    }
}

/// A place for each chain, by [`KINDS`].
fn starts(ising: &Ising, gauge: &Gauge, seed: Seed) -> Configurations {
    let sites = ising.sites();
    let mut rows = uniform_configurations(sites, CHAINS, seed);
    for site in 0..sites {
        let along = gauge.signs[site] > 0.0;
        for (chain, up) in [true, false, along, !along].into_iter().enumerate() {
            set_bit(rows.row_mut(chain), site, up);
        }
    }
    rows
}

fn draw(
    ising: &Ising,
    gauge: &Gauge,
    sampler: &mut dyn Walk,
    count: usize,
    longest: usize,
    seed: Seed,
) -> Result<IsingSample> {
    let sites = ising.sites();
    let mut pilot = Pilot::default();
    let mut length = SHORTEST.min(longest);
    let tau = loop {
        pilot.go_on(sampler, length);
        let problem = match pilot.judge(ising, gauge)? {
            Verdict::Agreed(tau) if length as f64 >= PILOT_TAUS * tau && sampler.renewed() => {
                break tau;
            }
            Verdict::Agreed(tau) => format!("its chains move slowly (tau is {tau:.0} steps)"),
            Verdict::Doubted(coordinate, doubt) => {
                format!("chains from different places have no common {coordinate} ({doubt})")
            }
        };
        if length >= longest {
            return Err(Error::invalid(
                "configurations of the Ising model",
                format!("after {length} steps {problem}"),
                "take a higher temperature or a smaller lattice",
            ));
        }
        length *= 2;
    };

    let spacing = (2.0 * tau).ceil() as usize;
    let mut configurations = Configurations::zeros(sites, count);
    let mut signs = seed.child("sign", 0).generator();
    for s in 0..count {
        if s % CHAINS == 0 {
            sampler.advance(spacing);
        }
        let row = configurations.row_mut(s);
        row.copy_from_slice(sampler.states().row(s % CHAINS));
        if ising.field() == 0.0 && signs.random::<bool>() {
            for (word, bits) in row.iter_mut().enumerate() {
                *bits ^= used_bits(sites, word);
            }
        }
    }
    Ok(IsingSample { configurations, tau, spacing, equilibration: length })
}

/// Every state of every chain so far.
#[derive(Default)]
struct Pilot {
    states: [Vec<u64>; CHAINS],
    steps: usize,
}

/// What is watched of a state.
type Coordinate<'a> = Box<dyn Fn(&[u64]) -> f64 + 'a>;

enum Verdict {
    /// The longest tau.
    Agreed(f64),
    /// In which coordinate the chains do not agree, and how.
    Doubted(String, Doubt),
}

impl Pilot {
    fn go_on(&mut self, sampler: &mut dyn Walk, length: usize) {
        while self.steps < length {
            sampler.advance(1);
            for (chain, states) in self.states.iter_mut().enumerate() {
                states.extend(sampler.states().row(chain));
            }
            self.steps += 1;
        }
    }

    /// Without the first fifth, which may not be equilibrated yet.
    fn judge(&self, ising: &Ising, gauge: &Gauge) -> Result<Verdict> {
        let words = self.states[0].len() / self.steps;
        let first = self.steps / 5;
        let seen: Vec<&[u64]> = self.states.iter().map(|s| &s[first * words..]).collect();
        let mut pooled = Configurations::zeros(ising.sites(), CHAINS * (self.steps - first));
        pooled.bits_mut().copy_from_slice(&seen.concat());
        let directions = principal_directions(&pooled, DIRECTIONS)?;
        let magnetization = |row: &[u64]| ising.magnetization(row);
        let mut coordinates: Vec<(String, Coordinate)> = vec![
            ("energy".to_string(), Box::new(|row| ising.energy(row))),
            ("magnetisation".to_string(), Box::new(magnetization)),
            ("size of the magnetisation".to_string(), Box::new(move |row| magnetization(row).abs())),
            ("order along the couplings".to_string(), Box::new(|row| projection(&gauge.signs, row))),
        ];
        for (number, direction) in directions.iter().enumerate() {
            coordinates
                .push((format!("principal direction {}", number + 1), Box::new(|row| projection(direction, row))));
        }
        let mut longest: f64 = 1.0;
        for (name, coordinate) in coordinates {
            let series: Vec<Vec<f64>> =
                seen.iter().map(|states| states.chunks_exact(words).map(&coordinate).collect()).collect();
            let views: Vec<&[f64]> = series.iter().map(|chain| &chain[..]).collect();
            match judge_law(&views, &KINDS) {
                // As in a ground state that is never left, or seldom: its tail looks heavy, but every coordinate is bounded.
                None | Some(Doubt::Constant | Doubt::HeavyTail) => {}
                Some(doubt) => return Ok(Verdict::Doubted(name, doubt)),
            }
            longest = integrated_time(&views).map_or(longest, |time| longest.max(time.tau));
        }
        Ok(Verdict::Agreed(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::targets::lattice::Lattice;

    #[test]
    fn frustration_is_told() {
        let of = |name: &str, strength: f64| {
            let lattice: Lattice = name.parse().unwrap();
            Gauge::of(&Ising::on_lattice(lattice, strength, 0.0, 1.0).unwrap())
        };
        assert!(!of("square:3x3", 1.0).frustrated && of("square:3x3", 1.0).uniform());
        assert!(!of("square:4x4", -1.0).frustrated && !of("square:4x4", -1.0).uniform());
        assert!(of("square:3x4", -1.0).frustrated);
        assert!(of("ring:7", -1.0).frustrated && !of("ring:8", -1.0).frustrated);
        assert!(of("triangular:3x3", -1.0).frustrated);
        assert_eq!(of("ring:4", -1.0).signs, [1.0, -1.0, 1.0, -1.0]);
    }

    /// Within a few steps of a cold lattice, chains from the ground states and from anywhere cannot agree.
    #[test]
    fn chains_that_disagree_are_an_error_that_says_in_what() {
        let ising = Ising::on_lattice("square:16x16".parse().unwrap(), 1.0, 0.0, 2.269).unwrap();
        let error = draw_within(&ising, 10, 32, Seed::root(1)).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("chains from different places have no common"), "{message}");
        assert!(message.contains("; take a higher temperature"), "{message}");
        assert_eq!(draw_configurations(&ising, 20, Seed::root(1)).unwrap().configurations.len(), 20);
    }

    /// Spins that follow a sign which changes every twentieth step, so that a tenth of its memory is lost in a step: of the
    /// coordinates the magnetisation remembers it longest, and the second principal direction, which is noise, forgets at once.
    #[test]
    fn tau_is_that_of_the_slowest_coordinate() {
        let ising = Ising::on_lattice(Lattice::Square(4, 4), 1.0, 0.0, 3.0).unwrap();
        let mut pilot = Pilot { steps: 20_000, ..Pilot::default() };
        for (chain, states) in pilot.states.iter_mut().enumerate() {
            let mut generator = Seed::root(3).child("chain", chain as u64).generator();
            let mut up = generator.random::<bool>();
            states.extend((0..20_000).map(|_| {
                up ^= generator.random_bool(0.05);
                (0..16).map(|site| u64::from(generator.random_bool(if up { 0.8 } else { 0.2 })) << site).sum::<u64>()
            }));
        }
        let Verdict::Agreed(tau) = pilot.judge(&ising, &Gauge::of(&ising)).unwrap() else { panic!() };
        // 1 + 2 sum_t c 0.9^t, where c = 0.36 / (0.36 + 0.64 / 16) is the sign's share of the variance.
        assert!((tau / 17.2 - 1.0).abs() < 0.2, "{tau}");
    }

    /// Against a pilot run that is judged with its beginning: a fifth of all spins up, and then independent random
    /// states, of which nothing disagrees and nothing is remembered.
    #[test]
    fn the_first_fifth_of_a_pilot_run_does_not_count() {
        let ising = Ising::on_lattice(Lattice::Square(4, 4), 1.0, 0.0, 3.0).unwrap();
        let judged = |up: usize| {
            let mut pilot = Pilot { steps: 1000, ..Pilot::default() };
            for (chain, states) in pilot.states.iter_mut().enumerate() {
                let noise = uniform_configurations(16, 1000 - up, Seed::root(2).child("chain", chain as u64));
                states.extend(std::iter::repeat_n(0xffff, up).chain(noise.bits().iter().copied()));
            }
            pilot.judge(&ising, &Gauge::of(&ising)).unwrap()
        };
        assert!(matches!(judged(200), Verdict::Agreed(tau) if tau < 2.0));
        // One part in twenty of what counts.
        assert!(!matches!(judged(240), Verdict::Agreed(tau) if tau < 2.0));
    }
}
