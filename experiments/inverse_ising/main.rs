//! How well are the couplings of an Ising model learned back from its configurations?
//!
//! The inverse Ising problem (Nguyen, Zecchina and Berg, Advances in Physics 66, 197 (2017)): a fully visible Boltzmann
//! machine learns by the exact gradient (Ackley, Hinton and Sejnowski 1985), by Gibbs sampling, and by pseudo-likelihood
//! (Besag 1975).

use gibbsite::model::boltzmann_machine::{BoltzmannMachine, full_graph};
use gibbsite::monitor::couplings::{Criterion, learned_couplings};
use gibbsite::monitor::gradients::gradient;
use gibbsite::prelude::*;
use gibbsite::training::gradient::{PersistentContrastiveDivergence, PseudoLikelihood};
use laboratory::prelude::*;

/// The inverse Ising problem: how well are couplings learned back from configurations?
///
/// A fully visible machine, with a coupling for every pair of sites, learns from configurations of an Ising model by the
/// exact gradient (up to 16 sites), by Gibbs sampling and by pseudo-likelihood. Errors are told where there are more
/// configurations than parameters, or for pseudo-likelihood than sites; fewer make no cell.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct InverseIsing {
    #[command(flatten)]
    #[serde(flatten)]
    target: IsingOptions,
    /// Numbers of configurations to learn from
    #[arg(long, value_name = "LIST", default_value = "1000,10000,100000", help_heading = "Target")]
    samples: List<Positive>,
    /// Estimators of the couplings: exact, gibbs (persistent free chains), pseudo-likelihood
    #[arg(long, value_name = "LIST", default_value = "exact,gibbs,pseudo-likelihood", help_heading = "Sweep")]
    estimators: List<Estimator>,
    /// Full-batch updates of each fit
    #[arg(long, value_name = "NUMBER", default_value_t = 2000, value_parser = at_least_one, help_heading = "Training")]
    updates: usize,
    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  inverse_ising                the figures of its page
  inverse_ising --quick        every file in seconds
  inverse_ising --paper        all 2,016 couplings of an 8x8 lattice from 100,000 configurations";

choice! {
    /// An estimator of couplings by name.
    Estimator { Exact = "exact", Gibbs = "gibbs", PseudoLikelihood = "pseudo-likelihood" }
}

impl Estimator {
    fn in_words(self) -> &'static str {
        match self {
            Estimator::Exact => "exact gradient",
            Estimator::Gibbs => "Gibbs sampling",
            Estimator::PseudoLikelihood => "pseudo-likelihood",
        }
    }
}

/// Most sites of a lattice whose couplings are learned: 5,050 parameters, whose covariance takes 200 MB.
const MOST_SITES: usize = 100;

/// Most sites whose couplings the exact gradient learns: 2^16 states an update.
const EXACT_SITES: usize = 16;

/// Free chains of the Gibbs estimator, and their steps an update: many, for little noise.
const CHAINS: usize = 2000;
const GIBBS_STEPS: usize = 3;

/// One fit.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// The lattice of the Ising model; J = 1.
    lattice: Lattice,
    /// Its temperature, in units of J.
    temperature: f64,
    /// exact, gibbs or pseudo-likelihood.
    estimator: Estimator,
    /// Configurations that are learned from.
    samples: usize,
}

/// One coupling J_ij / T, or one field h_i / T, for spins +-1.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// A site.
    i: usize,
    /// Another one; empty for a field.
    j: Option<usize>,
    /// What the configurations come from.
    true_coupling: f64,
    /// What is learned from them.
    learned_coupling: f64,
    /// Of the learned one; empty for Gibbs sampling, whose chains add noise that no formula here knows.
    standard_error: Option<f64>,
}

impl Row {
    fn error(&self) -> f64 {
        self.learned_coupling - self.true_coupling
    }
}

/// Where a fit has ended.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct End {
    /// The largest component of the gradient, which is 0 at the maximum.
    largest_gradient: f64,
}

impl End {
    fn of(gradient: &[f64]) -> Self {
        Self { largest_gradient: gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs())) }
    }

    /// A standard error is that of a maximum: the gradient there is small against its own error, at most 1 / sqrt(4 M).
    fn has_converged(&self, cell: &Cell) -> bool {
        self.largest_gradient <= 0.02 / (4.0 * cell.samples as f64).sqrt()
    }
}

impl Experiment for InverseIsing {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "inverse_ising";
    const AXES: &'static [&'static str] = &["lattices", "temperatures", "samples", "estimators"];
    const DEFAULTS: Preset = "--lattices square:4x4 --temperatures 3";
    const QUICK: Preset = "--lattices ring:5,square:3x3 --samples 300,1000 --updates 300";
    const PAPER: Preset = "--lattices square:4x4,square:8x8 --estimators exact,pseudo-likelihood";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        self.samples.iter().try_for_each(|samples| check_at_most("--samples", samples.0, 100_000_000))?;
        self.target.check(MOST_SITES, (1.0, 0.0))
    }

    /// Fits of the likelihood need more configurations than parameters for their standard errors.
    fn cells(&self) -> Result<Vec<Cell>> {
        let all = iproduct!(self.target.all(), self.estimators.iter(), self.samples.iter());
        let cells = all.map(|((lattice, temperature), &estimator, &Positive(samples))| Cell {
            lattice,
            temperature,
            estimator,
            samples,
        });
        let possible = |cell: &Cell| {
            let sites = cell.lattice.sites();
            match cell.estimator {
                Estimator::Exact if sites > EXACT_SITES => false,
                Estimator::PseudoLikelihood => cell.samples > sites,
                Estimator::Exact | Estimator::Gibbs => cell.samples > sites * (sites + 1) / 2,
            }
        };
        Ok(cells.filter(possible).collect())
    }

    fn work(&self, cell: &Cell) -> f64 {
        let sites = cell.lattice.sites();
        let states = if cell.estimator == Estimator::Exact { 1 << sites } else { 0 };
        ((cell.samples + states) * sites * sites) as f64
    }

    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let &Cell { lattice, temperature, estimator: name, samples } = cell;
        let (ising, sites) = (Ising::on_lattice(lattice, 1.0, 0.0, temperature)?, lattice.sites());
        // The same chain for every fit: fewer samples are the beginning of more.
        let seed = lab.seed(&format!("couplings {lattice} T={temperature}"), 0);
        let sample = draw_configurations(&ising, samples, seed.child("data", 0))?.configurations;
        let data = sample.distinct();
        let mut machine = BoltzmannMachine::new(sites, 0, &full_graph(sites))?;
        let seed = seed.child(&name.to_string(), samples as u64);
        let (mut estimator, criterion): (Box<dyn GradientEstimator>, Criterion) = match name {
            Estimator::Exact => (Box::new(Exact), Criterion::Likelihood),
            Estimator::PseudoLikelihood => (Box::new(PseudoLikelihood), Criterion::PseudoLikelihood),
            Estimator::Gibbs => {
                let starts = RowSampler::new(&data)?.draw(CHAINS, seed.child("starts", 0));
                let (how, seed) = (HiddenStatistics::default(), seed.child("chains", 0));
                let chains = PersistentContrastiveDivergence::new(GIBBS_STEPS, how, &starts, 0, seed)?;
                (Box::new(chains), Criterion::Likelihood)
            }
        };
        let training = Training {
            epochs: self.updates,
            batch: samples,
            // The largest curvature is about half the number of sites, that of the total magnetisation.
            learning_rate: 2.0 / sites as f64,
            // Late updates average the noise of the chains; falling sooner would leave slow directions short.
            decay: match name {
                Estimator::Gibbs => Decay::Exponential(self.updates as f64 / 2.0),
                _ => Decay::None,
            },
            momentum: 0.9,
            ..Training::default()
        };
        train(&mut machine, &mut *estimator, &data, &training, seed.child("training", 0), &mut |epoch, _, _| {
            lab.progress(epoch, self.updates);
            Ok(())
        })?;
        if name != Estimator::Gibbs {
            let sampler = RowSampler::new(&data)?;
            let batch = Batch::Law { law: &data, sampler: &sampler, chains: 1 };
            let gradient = gradient(&mut *estimator, &machine, &batch, seed.child("converged", 0))?;
            lab.table("end", cell, &[End::of(&gradient)])?;
        }
        let bonds = lattice.bonds();
        let coupled = |i: usize, j: usize| bonds.contains(&(i, j)) || bonds.contains(&(j, i));
        let rows = learned_couplings(&machine, &sample, criterion)?.into_iter().map(|learned| Row {
            i: learned.i,
            j: learned.j,
            true_coupling: match learned.j {
                Some(j) if coupled(learned.i, j) => 1.0 / temperature,
                _ => 0.0,
            },
            learned_coupling: learned.value,
            standard_error: (name != Estimator::Gibbs).then_some(learned.standard_error),
        });
        Ok(rows.collect())
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let pairs = rows.filter(|_, row| row.j.is_some());
        let one = self.target.temperatures.len() == 1;
        let with =
            |lattice: String, cell: &Cell| if one { lattice } else { format!("{lattice}, T = {}", cell.temperature) };
        let words = |cell: &Cell| with(cell.lattice.description(), cell);
        let place = |cell: &Cell| with(cell.lattice.to_string(), cell);
        let temperature = if one { format!(", {}", self.target.one_temperature()) } else { String::new() };
        publication.figure("couplings", &self.couplings(&pairs, &words))?;
        let mut error = pairs
            .plot(
                (Axis::log("configurations M"), |cell, _| cell.samples as f64),
                (Axis::log("rms error of J/T"), |_, row| row.error()),
            )
            .points(|x, pairs| errors(pairs).map(|(y, _)| Point::at(x, y)))
            .panel(|cell, _| words(cell))
            .series(|cell, _| cell.estimator.in_words().to_string())
            .mark(Mark::Bars)
            .titled(
                "How many configurations do couplings need?",
                format!("root mean square error over all pairs of sites{temperature}"),
            )
            .figure();
        error.panels.iter_mut().for_each(|panel| panel.series.extend(guide(&panel.series)));
        publication.figure("coupling_error", &error)?;
        let fits = pairs.groups(|cell, _| (place(cell), cell.estimator, cell.samples)).into_iter();
        let fits = fits.filter_map(|fit| Some((errors(&fit.rows)?, fit)));
        let table = Table::of("Couplings of the inverse Ising problem, over all pairs:", fits)
            .column("lattice", |(_, fit)| place(fit.cell))
            .column("estimator", |(_, fit)| fit.cell.estimator)
            .column("samples", |(_, fit)| fit.cell.samples)
            .column("rms error", |((rms, _), _)| digits(*rms))
            .column("mean z^2", |((_, z2), _)| z2.map_or(String::new(), digits));
        publication.print(table);
        let unfinished = rows.table::<End>("end")?.into_iter().filter(|(cell, end)| !end.has_converged(cell));
        let unfinished = unfinished.map(|(cell, End { largest_gradient })| {
            format!("\n{}, {}, {} configurations: {largest_gradient:.1e}", place(&cell), cell.estimator, cell.samples)
        });
        let unfinished: String = unfinished.collect();
        if !unfinished.is_empty() {
            publication.say(format!("Not converged (largest gradient); raise --updates:{unfinished}"));
        }
        Ok(())
    }
}

impl InverseIsing {
    /// Errors of all couplings from the most configurations, with their standard errors.
    fn couplings(&self, pairs: &Rows<Self>, place: &dyn Fn(&Cell) -> String) -> Figure {
        let most = self.samples.iter().map(|samples| samples.0).max().unwrap_or(0);
        let pairs = pairs.filter(|cell, _| cell.samples == most);
        let (axis, temperature) =
            (Axis::linear("true coupling J/T, pairs side by side"), self.target.one_temperature());
        let axis = match self.target.temperatures[..] {
            [one] => axis.with_ticks(vec![0.0, 1.0 / one.0]),
            _ => axis,
        };
        let panel = |cell: &Cell| format!("{}, {}", cell.estimator.in_words(), place(cell));
        // Bars of thousands of pairs would hide all of them.
        let bars = pairs.group_by(|cell, _| panel(cell)).values().all(|own| own.len() <= MOST_BARS);
        let mut figure = pairs
            .plot((axis, side_by_side), (Axis::linear("learned less true coupling"), |_, row| row.error()))
            .points(|x, rows| {
                let (_, row) = rows.iter().next()?;
                Some(Point::with_error(x, row.error(), row.standard_error.filter(|_| bars).unwrap_or(0.0)))
            })
            .panel(|cell, _| panel(cell))
            .series(|_, _| "pairs of sites".to_string())
            .levels(|_| vec![Level::across("as it should be", 0.0)])
            .mark(Mark::Dots)
            .titled(
                "The inverse Ising problem: errors of the couplings learned back",
                [
                    format!("all pairs of sites, {} configurations", grouped(most)),
                    temperature,
                    if bars { "bars: one standard error, where it is known".to_string() } else { String::new() },
                ]
                .into_iter()
                .filter(|words| !words.is_empty())
                .collect::<Vec<_>>()
                .join(", "),
            )
            .figure();
        for (drawn, own) in figure.panels.iter_mut().zip(pairs.group_by(|cell, _| panel(cell)).values()) {
            let squares = errors(own).and_then(|(_, z2)| z2);
            let note = squares.map(|z2| (format!("mean of (error / standard error)²: {z2:.2}"), Look::numbered(0)));
            drawn.notes.extend(note);
        }
        figure
    }
}

/// Pairs of a panel that are drawn with their standard errors.
const MOST_BARS: usize = 500;

/// A line of slope -1/2 in logarithms, a little below the series whose last point is the lowest.
fn guide(series: &[Series]) -> Option<Series> {
    let last = series.iter().filter_map(|series| series.points.last());
    let Point { x: most, y: lowest, .. } = *last.min_by(|a, b| a.y.total_cmp(&b.y))?;
    let fewest = series.iter().flat_map(|series| &series.points).map(|point| point.x).fold(most, f64::min);
    let point = |x: f64| Point::at(x, 0.75 * lowest * (most / x).sqrt());
    let points = [fewest, most].map(point).to_vec();
    Some(Series { label: "as 1/√M".to_string(), look: Look::numbered(0), mark: Mark::Guide, points })
}

/// Only two true values occur: each is spread over a strip, a place for every pair, or the points would hide each other.
fn side_by_side(cell: &Cell, row: &Row) -> f64 {
    let (sites, i, j) = (cell.lattice.sites(), row.i, row.j.unwrap_or(0));
    let (pairs, before) = (sites * (sites - 1) / 2, i * (2 * sites - i - 1) / 2 + j - i - 1);
    row.true_coupling + 0.7 / cell.temperature * ((before as f64 + 0.5) / pairs as f64 - 0.5)
}

/// Over pairs of sites: rms error of the couplings, and the mean of ((learned - true) / standard error)^2 where there are
/// standard errors.
fn errors(pairs: &Rows<InverseIsing>) -> Option<(f64, Option<f64>)> {
    let mean = |values: Vec<f64>| values.iter().sum::<f64>() / values.len() as f64;
    let z2: Option<Vec<f64>> =
        pairs.iter().map(|(_, row)| row.standard_error.map(|s| (row.error() / s).powi(2))).collect();
    let square = mean(pairs.values(|_, row| row.error().powi(2)));
    (!pairs.is_empty()).then_some((square.sqrt(), z2.map(mean)))
}

laboratory::main!(InverseIsing);

#[cfg(test)]
mod tests {
    use super::*;

    /// A hundred times as many configurations have a tenth of the error, three quarters below the lowest series.
    #[test]
    fn the_guide_falls_as_the_root() {
        let series = |last: f64| Series {
            label: String::new(),
            look: Look::numbered(0),
            mark: Mark::Bars,
            points: [(100.0, 9.0), (10_000.0, last)].map(|(x, y)| Point::at(x, y)).to_vec(),
        };
        let points = guide(&[series(0.8), series(0.4)]).unwrap().points;
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(points[0].x == 100.0 && close(points[0].y, 3.0) && points[1].x == 10_000.0 && close(points[1].y, 0.3));
    }

    /// Errors are drawn, not couplings: one of 0.6 for 0.5 stands at 0.1, with its standard error about it.
    #[test]
    fn the_figure_is_of_errors() {
        let cell = Cell { lattice: Lattice::Ring(5), temperature: 2.0, estimator: Estimator::Exact, samples: 100_000 };
        let row = Row { i: 0, j: Some(1), true_coupling: 0.5, learned_coupling: 0.6, standard_error: Some(0.05) };
        let pairs = [(cell, row)];
        let experiment = laboratory::contract::parsed::<InverseIsing>(&[]);
        let figure = experiment.couplings(&Rows::of_pairs(&pairs), &|_| String::new());
        let Point { y, low, high, .. } = figure.panels[0].series[0].points[0];
        assert!([(y, 0.1), (low, 0.05), (high, 0.15)].iter().all(|(a, b)| (a - b).abs() < 1e-12));
        assert!(figure.panels[0].notes[0].0.ends_with("4.00"), "{:?}", figure.panels[0].notes);
    }

    /// Bars are drawn where every panel has few pairs: beside a lattice of many no lattice has any.
    #[test]
    fn bars_are_drawn_in_every_panel_or_in_none() {
        let pairs = |lattice, count: usize| {
            let cell = Cell { lattice, temperature: 2.0, estimator: Estimator::Exact, samples: 100_000 };
            let row = Row { i: 0, j: Some(1), true_coupling: 0.5, learned_coupling: 0.6, standard_error: Some(0.05) };
            std::iter::repeat_n((cell, row), count)
        };
        let experiment = laboratory::contract::parsed::<InverseIsing>(&["--lattices", "ring:5,square:8x8"]);
        for (many, bars) in [(MOST_BARS, true), (MOST_BARS + 1, false)] {
            let all: Vec<_> = pairs(Lattice::Ring(5), 1).chain(pairs(Lattice::Square(8, 8), many)).collect();
            let figure = experiment.couplings(&Rows::of_pairs(&all), &|cell| cell.lattice.to_string());
            let Point { y, low, .. } = figure.panels[0].series[0].points[0];
            assert_eq!((figure.panels.len(), low < y), (2, bars));
        }
    }

    /// Couplings that are one and three standard errors off: z^2 is (1 + 9) / 2 on average, and a fit without standard errors
    /// has none.
    #[test]
    fn errors_are_held_against_standard_errors_in_squares() {
        let cell = Cell { lattice: Lattice::Ring(5), temperature: 2.0, estimator: Estimator::Exact, samples: 100 };
        let row = |errors: f64, standard_error| {
            let (true_coupling, learned_coupling) = (0.5, 0.5 + 0.1 * errors);
            (cell.clone(), Row { i: 0, j: Some(1), true_coupling, learned_coupling, standard_error })
        };
        let pairs = [row(1.0, Some(0.1)), row(-3.0, Some(0.1))];
        let (rms, z2) = errors(&Rows::of_pairs(&pairs)).unwrap();
        assert!((rms - 0.05_f64.sqrt()).abs() < 1e-12 && (z2.unwrap() - 5.0).abs() < 1e-12);
        let pairs = [row(1.0, Some(0.1)), row(-3.0, None)];
        assert_eq!(errors(&Rows::of_pairs(&pairs)).unwrap().1, None);
        assert!(errors(&Rows::of_pairs(&[])).is_none());
    }

    /// The exact gradient takes small lattices, both fits of the likelihood more configurations than parameters, of which 5 sites
    /// have 15, and pseudo-likelihood more than sites.
    #[test]
    fn fits_without_errors_make_no_cell() {
        let words = ["--lattices", "ring:5,square:5x5", "--samples", "5,6,15,16,400"];
        let cells = laboratory::contract::parsed::<InverseIsing>(&words).cells().unwrap();
        let of = |lattice: &str, estimator| {
            let own = cells
                .iter()
                .filter(|cell| (cell.lattice.to_string(), cell.estimator) == (lattice.to_string(), estimator));
            own.map(|cell| cell.samples).collect::<Vec<_>>()
        };
        assert_eq!(of("ring:5", Estimator::Exact), [16, 400]);
        assert_eq!(of("ring:5", Estimator::Gibbs), [16, 400]);
        assert_eq!(of("ring:5", Estimator::PseudoLikelihood), [6, 15, 16, 400]);
        assert_eq!(of("square:5x5", Estimator::Exact), [0; 0]);
        assert_eq!(of("square:5x5", Estimator::Gibbs), [400]);
        assert_eq!(of("square:5x5", Estimator::PseudoLikelihood), [400]);
    }

    /// 10,000 configurations have errors of 0.005 at most: a gradient of a fiftieth of that is small, a larger one is not.
    #[test]
    fn a_fit_has_converged_by_its_own_error() {
        let cell = Cell { lattice: Lattice::Ring(5), temperature: 2.0, estimator: Estimator::Exact, samples: 10_000 };
        let has = |largest_gradient| End { largest_gradient }.has_converged(&cell);
        assert_eq!([0.9e-4, 1.1e-4].map(has), [true, false]);
        let fewer = Cell { samples: 100, ..cell };
        assert!(End { largest_gradient: 0.9e-3 }.has_converged(&fewer));
        // A component of either sign counts.
        assert_eq!(End::of(&[1.0, -3.0, 2.0]).largest_gradient, 3.0);
    }
}
