//! The two figures: four observables against temperature with their deviations from the exact values, and the energies that
//! machines dream of.

use super::exact::Exact;
use super::{Cell, Energy, IsingObservables, Row, Source, energies, summary};
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::observable::Observable;
use laboratory::prelude::*;

/// Names in legends.
const MONTE_CARLO: &str = "Monte Carlo";
const EXACT: &str = "exact";

fn machine(hidden: usize) -> String {
    format!("RBM, {hidden} hidden")
}

fn line(label: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    let (look, points) = (look(label), points.into_iter().map(|(x, y)| Point::at(x, y)).collect());
    Series { label: label.to_string(), look, mark: Mark::Band, points }
}

fn look(label: &str) -> Look {
    look_of(label).unwrap_or(Look::numbered(0))
}

/// The mean over replicas with its error.
fn mean(x: f64, rows: &Rows<IsingObservables>) -> Option<Point> {
    let (found, _) = summary(rows)?;
    Some(Point::with_error(x, found.value, found.standard_error.unwrap_or(0.0)))
}

impl IsingObservables {
    fn protocol(&self) -> String {
        let (k, samples, epochs) = (self.gibbs_steps, self.learning.data.samples, self.learning.training.epochs);
        let (samples, epochs) = (grouped(samples), grouped(epochs));
        format!("CD-{k}, {samples} configurations, {epochs} epochs; {}", self.learning.machines.count_in_words())
    }

    /// The lattice as the title of a panel, where there are several.
    fn panel_title(&self, lattice: Lattice) -> String {
        if self.learning.target.lattices.len() > 1 { lattice.description() } else { String::new() }
    }

    /// Observables against temperature, and under each its deviation where the exact value is known; four observables beside
    /// each other for each of several lattices.
    pub fn observables(&self, rows: &Rows<Self>) -> Result<Figure> {
        let temperatures = self.learning.target.temperatures.iter().map(|t| t.0);
        let span = (temperatures.clone().fold(f64::INFINITY, f64::min), temperatures.fold(0.0, f64::max));
        let columns = if self.learning.target.lattices.len() > 1 { 4 } else { 2 };
        let mut panels = Vec::new();
        for &lattice in self.learning.target.lattices.iter() {
            let exact = Exact::of(lattice)?;
            for observables in OBSERVABLES.chunks(columns) {
                let of = |observable: Observable| {
                    rows.filter(|cell, row| cell.lattice == lattice && row.observable == observable.name())
                };
                for (observable, label) in observables {
                    let (title, y) = (self.panel_title(lattice), Some(Axis::linear(*label)));
                    let panel = observable_panel(&of(*observable), exact.line(*observable, span)?);
                    panels.push(Panel { title, y, ..panel });
                }
                panels.extend(observables.iter().map(|(observable, _)| deviation_panel(&of(*observable))));
            }
        }
        Ok(Figure {
            title: format!("What RBMs have learned of the Ising model on {}", self.learning.target.lattices_in_words()),
            subtitle: format!("{}: mean and standard error; below each observable its error", self.protocol()),
            columns,
            panels,
            x: Axis::linear("temperature T (J)"),
            y: Axis::linear(""),
        })
    }

    /// Probabilities of energies at one temperature.
    pub fn energies(&self, rows: &Rows<Self>, histogram: &[(Cell, Energy)]) -> Figure {
        let panel = |&lattice: &Lattice| {
            let own = rows.filter(|cell, _| cell.lattice == lattice);
            let histogram: Vec<_> = histogram.iter().filter(|(cell, _)| cell.lattice == lattice).collect();
            let series = self.energy_series(lattice, &own, &histogram);
            Panel { title: self.panel_title(lattice), series, ..Panel::default() }
        };
        let temperature = (self.histogram_temperature() * 1e4).round() / 1e4;
        Figure {
            title: format!("Energies at T = {temperature} on {}", self.learning.target.lattices_in_words()),
            subtitle: format!("{}: mean and range", self.protocol()),
            columns: self.learning.target.lattices.len().min(3),
            panels: self.learning.target.lattices.iter().map(panel).collect(),
            x: Axis::linear("energy per spin E/N (J)"),
            y: Axis::log("probability P(E)"),
        }
    }

    /// The law, and the best and the worst machine by the deviation of its specific heat from Monte Carlo's.
    pub fn energy_series(&self, lattice: Lattice, rows: &Rows<Self>, histogram: &[&(Cell, Energy)]) -> Vec<Series> {
        let sites = lattice.sites() as f64;
        let law = |source, least| {
            let rows = histogram.iter().filter(move |(_, row)| row.source == source && row.probability >= least);
            rows.map(|(_, row)| (row.energy / sites, row.probability))
        };
        // What no run could have seen is left out.
        let (sampling, replicas) = (self.measuring.sampling(), self.learning.machines.replicas);
        let least = 0.1 / (sampling.chains * sampling.measured * replicas) as f64;
        let mut series = vec![line(EXACT, law(Source::Exact, least))];
        if series[0].points.is_empty() {
            series = vec![line(MONTE_CARLO, law(Source::MonteCarlo, 0.0))];
        }
        let heat = |source, hidden| {
            let own = rows.filter(|cell, row| {
                (row.source, cell.hidden) == (source, hidden) && row.observable == Observable::SpecificHeat.name()
            });
            summary(&own).map_or(f64::NAN, |(found, _)| found.value)
        };
        let off = |hidden| (heat(Source::Rbm, Some(hidden)) - heat(Source::MonteCarlo, None)).abs();
        let mut order: Vec<usize> = self.learning.machines.hidden().collect();
        order.sort_by(|a, b| off(*a).total_cmp(&off(*b)));
        let best_and_worst = order.first().into_iter().chain(order.last()).zip(["best", "worst"]);
        for (&hidden, rank) in best_and_worst.take(order.len()) {
            let point = |energy: f64| {
                let own = histogram.iter().filter(|(cell, row)| cell.hidden == Some(hidden) && row.energy == energy);
                let seen: Vec<f64> = own.map(|(_, row)| row.probability).collect();
                // What a replica has not seen has no row.
                let low = if seen.len() < replicas { 0.0 } else { seen.iter().copied().fold(1.0, f64::min) };
                let y = seen.iter().sum::<f64>() / replicas as f64;
                (y > 0.0).then(|| Point { x: energy / sites, y, low, high: seen.into_iter().fold(0.0, f64::max) })
            };
            let label = format!("{} ({rank} specific heat)", machine(hidden));
            let points = energies(lattice).filter_map(point).collect();
            series.push(Series { look: look(&machine(hidden)), label, mark: Mark::Band, points });
        }
        series
    }
}

/// One observable of one lattice, with its exact curve: where there is no smooth one, through the temperatures measured.
fn observable_panel(rows: &Rows<IsingObservables>, mut curve: Vec<(f64, f64)>) -> Panel {
    let exact = rows.filter(|_, row| row.source == Source::Exact);
    if curve.is_empty() {
        curve = exact.iter().map(|(cell, row)| (cell.temperature, row.value)).collect();
        curve.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    let mut panel = sampled_panel(rows, |_| Some(0.0));
    // Small dots over the machines: of Monte Carlo.
    panel.series.sort_by_key(|series| (series.mark == Mark::Open, series.label == MONTE_CARLO));
    let monte_carlo = |series: &&mut Series| series.label == MONTE_CARLO;
    panel.series.iter_mut().filter(monte_carlo).for_each(|series| series.mark = Mark::Dots);
    match curve[..] {
        [] => {}
        // A single temperature has no line.
        [(_, y)] => panel.levels.push(Level::across(EXACT, y)),
        _ => panel.series.insert(0, line(EXACT, curve)),
    }
    panel
}

/// Monte Carlo and the machines, less a number of each temperature; temperatures without one are left out.
fn sampled_panel(rows: &Rows<IsingObservables>, zero: impl Fn(f64) -> Option<f64>) -> Panel {
    let sampled = rows.filter(|_, row| matches!(row.source, Source::MonteCarlo | Source::Rbm));
    let x = (Axis::linear(""), |cell: &Cell, _: &Row| cell.temperature);
    let plot = sampled.plot(x, (Axis::linear(""), |_, row| row.value)).mark(Mark::Points);
    let plot = plot.points(|x, rows| {
        let (Point { y, low, high, .. }, zero) = (mean(x, rows)?, zero(x)?);
        Some(Point { x, y: y - zero, low: low - zero, high: high - zero })
    });
    let plot = plot.series(|cell, _| cell.hidden.map_or(MONTE_CARLO.to_string(), machine));
    let figure = plot.doubtful("not converged", |_, row| row.doubt.is_some()).figure();
    figure.panels.into_iter().next().unwrap_or_default()
}

/// Errors of one observable of one lattice, on an axis that is linear within a power of ten below those of Monte Carlo.
pub fn deviation_panel(rows: &Rows<IsingObservables>) -> Panel {
    let exact = rows.filter(|_, row| row.source == Source::Exact);
    let at = |x: f64| exact.iter().find(|(cell, _)| cell.temperature == x).map(|(_, row)| row.value);
    let mut panel = sampled_panel(rows, at);
    let all = || panel.series.iter().filter(|series| series.mark != Mark::Open);
    let size = |series: &Series| series.points.iter().map(|p| p.low.abs().max(p.high.abs())).fold(0.0, f64::max);
    let smallest = all().map(size).filter(|size| *size > 0.0).fold(f64::INFINITY, f64::min);
    let linear = if smallest.is_finite() { 10_f64.powf(smallest.log10().floor()) } else { 1.0 };
    panel.y = Some(Axis::symlog("deviation from the exact value", linear));
    panel.levels = vec![Level::across("", 0.0)];
    panel
}

/// What is drawn.
const OBSERVABLES: [(Observable, &str); 4] = [
    (Observable::Energy, "energy per spin ⟨E⟩/N (J)"),
    (Observable::SpecificHeat, "specific heat per spin"),
    (Observable::Magnetization, "magnetisation ⟨|m|⟩"),
    (Observable::Susceptibility, "susceptibility N(⟨m²⟩−⟨|m|⟩²)/T"),
];
