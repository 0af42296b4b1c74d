//! The two figures: four observables against temperature, and the energies that machines dream of.

use super::exact::Exact;
use super::{Cell, Energy, IsingObservables, Row, Source, energies, summary};
use gibbsite::targets::lattice::Lattice;
use gibbsite::targets::observable::Observable;
use laboratory::prelude::*;

/// Colours: 0 exact, 1 not converged, 2 Monte Carlo, from 3 on machines.
const NOT_CONVERGED: usize = 1;
const MONTE_CARLO: usize = 2;

fn machine(hidden: usize) -> String {
    format!("RBM, {hidden} hidden")
}

fn line(label: &str, look: usize, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    let point = |(x, y)| Point { x, y, low: y, high: y };
    Series { label: label.to_string(), look, mark: Mark::Band, points: points.into_iter().map(point).collect() }
}

/// The mean over replicas with its error.
fn mean(x: f64, rows: &Rows<IsingObservables>) -> Option<Point> {
    let (found, _) = summary(rows)?;
    let (y, error) = (found.value, found.standard_error.unwrap_or(0.0));
    Some(Point { x, y, low: y - error, high: y + error })
}

impl IsingObservables {
    fn protocol(&self) -> String {
        let (k, samples, epochs) = (self.gibbs_steps, self.lessons.samples, self.training.epochs);
        format!("CD-{k}, {samples} configurations, {epochs} epochs; {}", self.machines.count_in_words())
    }

    /// The lattice as the title of a panel, where there are several.
    fn panel_title(&self, lattice: Lattice) -> String {
        if self.target.lattices.len() > 1 { lattice.description() } else { String::new() }
    }

    /// Observables against temperature: a row of panels for each of several lattices.
    pub fn observables(&self, rows: &Rows<Self>) -> Result<Figure> {
        let temperatures = self.target.temperatures.iter().map(|t| t.0);
        let span = (temperatures.clone().fold(f64::INFINITY, f64::min), temperatures.fold(0.0, f64::max));
        let mut panels = Vec::new();
        for &lattice in self.target.lattices.iter() {
            let exact = Exact::of(lattice)?;
            for (observable, label) in [
                (Observable::Energy, "energy per spin ⟨E⟩/N (J)"),
                (Observable::SpecificHeat, "specific heat per spin"),
                (Observable::Magnetization, "magnetisation ⟨|m|⟩"),
                (Observable::Susceptibility, "susceptibility N(⟨m²⟩−⟨|m|⟩²)/T"),
            ] {
                let own = rows.filter(|cell, row| cell.lattice == lattice && row.observable == observable.name());
                let (title, y) = (self.panel_title(lattice), Some(Axis::linear(label)));
                panels.push(Panel { title, y, ..observable_panel(&own, exact.line(observable, span)?) });
            }
        }
        Ok(Figure {
            title: format!("What RBMs have learned of the Ising model on {}", self.target.lattices_in_words()),
            subtitle: format!("{}: mean and standard error", self.protocol()),
            columns: if self.target.lattices.len() > 1 { 4 } else { 2 },
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
            title: format!("Energies at T = {temperature} on {}", self.target.lattices_in_words()),
            subtitle: format!("{}: mean and range", self.protocol()),
            columns: self.target.lattices.len().min(3),
            panels: self.target.lattices.iter().map(panel).collect(),
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
        let (sampling, replicas) = (self.measuring.sampling(), self.machines.replicas);
        let least = 0.1 / (sampling.chains * sampling.measured * replicas) as f64;
        let mut series = vec![line("exact", 0, law(Source::Exact, least))];
        if series[0].points.is_empty() {
            series = vec![line("Monte Carlo", MONTE_CARLO, law(Source::MonteCarlo, 0.0))];
        }
        let heat = |source, hidden| {
            let own = rows.filter(|cell, row| {
                (row.source, cell.hidden) == (source, hidden) && row.observable == Observable::SpecificHeat.name()
            });
            summary(&own).map_or(f64::NAN, |(found, _)| found.value)
        };
        let off = |hidden| (heat(Source::Rbm, Some(hidden)) - heat(Source::MonteCarlo, None)).abs();
        let mut order: Vec<(usize, usize)> = self.machines.hidden().enumerate().collect();
        order.sort_by(|a, b| off(a.1).total_cmp(&off(b.1)));
        let best_and_worst = order.first().into_iter().chain(order.last()).zip(["best", "worst"]);
        for (&(place, hidden), rank) in best_and_worst.take(order.len()) {
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
            series.push(Series { label, look: MONTE_CARLO + 1 + place, mark: Mark::Band, points });
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
    let sampled = rows.filter(|_, row| matches!(row.source, Source::MonteCarlo | Source::Rbm));
    let x = (Axis::linear(""), |cell: &Cell, _: &Row| cell.temperature);
    let plot = sampled.plot(x, (Axis::linear(""), |_, row| row.value)).points(mean).mark(Mark::Points);
    let plot = plot.series(|cell, _| cell.hidden.map_or("Monte Carlo".to_string(), machine)).first_look(MONTE_CARLO);
    let figure = plot.doubtful("not converged", |_, row| row.doubt.is_some()).figure();
    let mut panel = figure.panels.into_iter().next().unwrap_or_default();
    // Small dots over the machines: of Monte Carlo, then of what is not converged.
    panel.series.sort_by_key(|series| (series.look == 0, series.look == MONTE_CARLO));
    for series in &mut panel.series {
        match series.look {
            0 => series.look = NOT_CONVERGED,
            MONTE_CARLO => series.mark = Mark::Dots,
            _ => {}
        }
    }
    match curve[..] {
        [] => {}
        // A single temperature has no line.
        [(_, y)] => panel.levels.push(Level { label: "exact".to_string(), y, span: None }),
        _ => panel.series.insert(0, line("exact", 0, curve)),
    }
    panel
}
