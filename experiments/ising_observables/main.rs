//! Does a machine that dreams of spins have their energy, specific heat, magnetisation and susceptibility?
//!
//! One RBM a temperature is trained on configurations of the Ising model and generates its own; their observables are
//! held against Monte Carlo and against the exact solution. The second figure of the field after KL: Torlai and Melko,
//! Phys. Rev. B 94, 165134 (2016); Morningstar and Melko, JMLR 18, 163 (2018).

mod exact;
mod figures;

use exact::Exact;
use gibbsite::enumerate::VISIBLE_LIMIT;
use gibbsite::monitor::observables::{
    Coordinates, HIDDEN_LIMIT, Sampled, exact_moments, random_and_up, sample, sample_model,
};
use gibbsite::monte_carlo::cluster::Wolff;
use gibbsite::monte_carlo::coloured::multi_spin_metropolis;
use gibbsite::monte_carlo::schedule::Schedule;
use gibbsite::prelude::*;
use gibbsite::statistics::doubt::Doubt;
use gibbsite::statistics::estimate::Estimate;
use gibbsite::targets::density_of_states::SIDE_LIMIT;
use gibbsite::targets::infinite_lattice::CRITICAL_TEMPERATURE;
use gibbsite::targets::observable::Observable;
use laboratory::prelude::*;
use std::collections::HashMap;

/// Does a machine that dreams of spins have their energy, specific heat, magnetisation and susceptibility?
///
/// For every lattice (J = 1; cubic:LxMxN too) and temperature: samples the Ising model (Wolff clusters and Metropolis
/// sweeps), trains one RBM for each number of hidden units and replica by contrastive divergence, lets it generate
/// configurations by block Gibbs, and holds its observables against Monte Carlo and against the exact solution. Error
/// bars know autocorrelation; where the hidden units can be enumerated (18 or fewer) the exact observables of the
/// machine are there too.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct IsingObservables {
    #[command(flatten)]
    #[serde(flatten)]
    learning: LessonOptions,

    /// Gibbs steps k of contrastive divergence
    #[arg(long, value_name = "NUMBER", default_value_t = 20, value_parser = at_least_one, help_heading = "Training")]
    gibbs_steps: usize,

    #[command(flatten)]
    #[serde(flatten)]
    measuring: SamplingOptions,

    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  ising_observables              the figures of its page, a few minutes on two cores
  ising_observables --quick      every file in seconds
  ising_observables --lattices square:16x16 --temperatures 2,2.269,2.6 --hidden 64,256
  ising_observables --lattices triangular:6x6 --temperatures 3,3.641,4.5 --hidden 16
  ising_observables --paper --temperatures 2.269185314213022 --hidden 16,64 --replicas 5
                                 the critical point of Torlai and Melko's protocol, an hour
  ising_observables --paper      all of it: 21 temperatures, four sizes, most of a day";

choice! {
    /// Whose observables.
    Source { Exact = "exact", MonteCarlo = "monte_carlo", Rbm = "rbm", RbmExact = "rbm_exact" }
}

/// The Ising model, or one machine that has learned it.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// The lattice of the Ising model; J = 1.
    lattice: Lattice,
    /// Its temperature, in units of J.
    temperature: f64,
    /// Hidden units of the machine; empty for the Ising model itself.
    hidden: Option<usize>,
    /// Replicas have data, weights and chains of their own; empty for the Ising model itself.
    replica: Option<usize>,
}

/// An observable of one source.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// exact and monte_carlo: of the Ising model; rbm: of a machine, by its block Gibbs sampler; rbm_exact: by enumeration
    /// of its hidden units.
    source: Source,
    /// energy, specific_heat, magnetization, susceptibility, susceptibility_full or binder, a spin.
    observable: String,
    /// In units of J with k_B = 1.
    value: f64,
    /// Of sampling, not of training; empty for an exact value, and where there is a doubt.
    standard_error: Option<f64>,
    /// The integrated autocorrelation time, in steps of the sampler.
    tau: Option<f64>,
    /// Measurements / tau.
    effective_samples: Option<f64>,
    /// Whether nothing speaks against the error.
    converged: bool,
    /// Why there is no standard error.
    doubt: Option<Doubt>,
}

impl Row {
    fn new(source: Source, observable: Observable, estimate: Estimate) -> Self {
        let Estimate { value, standard_error, tau, effective_samples, doubt } = estimate;
        let (observable, converged) = (observable.name().to_string(), estimate.converged());
        Self { source, observable, value, standard_error, tau, effective_samples, converged, doubt }
    }

    fn estimate(&self) -> Estimate {
        let Self { value, standard_error, tau, effective_samples, doubt, .. } = *self;
        Estimate { value, standard_error, tau, effective_samples, doubt }
    }
}

/// A row of energy_histogram.csv; energies that were not seen have none.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Energy {
    /// exact, monte_carlo or rbm.
    source: Source,
    /// E of the whole lattice, in units of J.
    energy: f64,
    /// P(E).
    probability: f64,
}

impl Experiment for IsingObservables {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "ising_observables";
    const AXES: &'static [&'static str] = &["lattices", "temperatures", "hidden", "replicas"];
    const DEFAULTS: Preset = "\
        --lattices square:8x8 --temperatures 1,1.5,2,2.269,2.5,3,3.54 --hidden 4,16,64 --epochs 250 \
        --learning-rate 0.05 --decay exponential:25000 --sweeps 5000";
    const QUICK: Preset = "\
        --temperatures 2.269,3.54 --hidden 4,16 --samples 5000 --replicas 2 --epochs 100 --decay exponential:3000 \
        --sweeps 2000";
    /// Torlai and Melko 2016, with a fall of the learning rate at the end of the 4,000,000 updates.
    const PAPER: Preset = "\
        --temperatures 1,1.127,1.254,1.381,1.508,1.635,1.762,1.889,2.016,2.143,2.27,2.397,2.524,2.651,2.778,2.905,3.032,\
        3.159,3.286,3.413,3.54 \
        --hidden 4,16,64,256 --samples 100000 --replicas 1 --epochs 2000 --gibbs-steps 20 --batch 50 \
        --learning-rate 0.01 --decay exponential:1000000 --sweeps 20000";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        self.measuring.check(1_000_000)?;
        check_at_most("--gibbs-steps", self.gibbs_steps, 1_000_000)?;
        self.learning.check(1 << 16)
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        let machines = iproduct!(self.learning.machines.hidden(), 0..self.learning.machines.replicas);
        let all = |(lattice, temperature)| {
            let machines = machines.clone().map(|(hidden, replica)| (Some(hidden), Some(replica)));
            let all = std::iter::once((None, None)).chain(machines);
            all.map(move |(hidden, replica)| Cell { lattice, temperature, hidden, replica })
        };
        Ok(self.learning.target.all().flat_map(all).collect())
    }

    fn work(&self, cell: &Cell) -> f64 {
        let sampling = self.measuring.sampling();
        let steps = (sampling.equilibration + sampling.measured) * sampling.chains;
        // To measure a state costs more than to move it.
        self.work_before_sampling(cell) + 100.0 * (steps * cell.lattice.sites()) as f64
    }

    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let (Some(hidden), Some(replica)) = (cell.hidden, cell.replica) else {
            return self.target(cell, lab);
        };
        let lesson = self.learning.begin((cell.lattice, cell.temperature), hidden, replica, lab)?;
        let Lesson { ising, data, machine: mut model, seed } = lesson;
        let mut estimator = self.learning.training.contrastive_divergence(self.gibbs_steps);
        let settings = self.learning.training.training();
        let observe = &mut |epoch, _, _: &dyn Model| {
            // Sampling takes little beside: as long as an epoch.
            lab.progress(epoch, settings.epochs + 1);
            Ok(())
        };
        train(&mut model, &mut estimator, &data, &settings, seed.child("training", 0), observe)?;
        let sampling = self.measuring.sampling();
        let epochs = settings.epochs;
        let report = &mut |done, of| lab.progress(epochs * of + done, (epochs + 1) * of);
        let sampled = sample_model(&ising, &model, &data, sampling, seed.child("sampling", 0), report)?;
        let mut rows = rows_of(&sampled, Source::Rbm);
        if hidden <= HIDDEN_LIMIT {
            let expectations = exact_moments(&ising, &model)?;
            rows.extend(Observable::ALL.map(|observable| {
                let value = observable.exactly(&expectations, ising.sites(), cell.temperature);
                Row::new(Source::RbmExact, observable, Estimate::exact(value))
            }));
        }
        lab.table("energy_histogram", cell, &histogram_of(&sampled, Source::Rbm, cell.lattice))?;
        Ok(rows)
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let temperature = self.histogram_temperature();
        let mut histogram: Vec<(Cell, Energy)> = rows.table("energy_histogram")?;
        histogram.retain(|(cell, _)| cell.temperature == temperature);
        publication.table("energy_histogram", histogram.iter().map(|(cell, row)| (cell, row)))?;
        publication.figure("observables", &self.observables(rows)?)?;
        let here = rows.filter(|cell, _| cell.temperature == temperature);
        publication.figure("energy_histogram", &self.energies(&here, &histogram))?;
        for (lattice, own) in here.group_by(|cell, _| cell.lattice.to_string()) {
            publication.print(self.table(&lattice, &own));
        }
        let unsure = rows.filter(|_, row| row.doubt.is_some());
        if !unsure.is_empty() {
            let (some, all) = (unsure.len(), rows.len());
            let mut text = format!("{some} of {all} estimates have no error, for these reasons (column doubt):");
            for own in unsure.group_by(|_, row| row.doubt.map(Doubt::name)).values() {
                if let Some(doubt) = own.iter().find_map(|(_, row)| row.doubt) {
                    text += &format!("\n{:>5} {doubt}: {}", own.len(), doubt.mend());
                }
            }
            publication.say(text);
        }
        Ok(())
    }
}

impl IsingObservables {
    /// Of training, or of what is known exactly: multiplications with a weight, roughly.
    fn work_before_sampling(&self, cell: &Cell) -> f64 {
        let sites = cell.lattice.sites();
        match (cell.hidden, cell.lattice) {
            // A step of a machine costs a constant beside its weights.
            (Some(hidden), _) => {
                let steps = self.learning.training.epochs as f64
                    * self.learning.data.samples as f64
                    * (self.gibbs_steps + 3) as f64;
                steps * ((sites * hidden) as f64 + 1500.0) / 8.0
            }
            (None, Lattice::Square(rows, columns)) if rows.max(columns) <= SIDE_LIMIT => {
                ((50 * sites * sites) << (2 * columns)) as f64
            }
            (None, _) if sites <= VISIBLE_LIMIT => (30_u64 << sites) as f64,
            (None, _) => 0.0,
        }
    }

    /// The temperature of the energy histogram: the one nearest to the critical one of the square lattice.
    fn histogram_temperature(&self) -> f64 {
        let distance = |t: f64| (t - CRITICAL_TEMPERATURE).abs();
        let all = self.learning.target.temperatures.iter().map(|t| t.0);
        all.fold(f64::INFINITY, |best, t| if distance(t) < distance(best) { t } else { best })
    }

    /// The Ising model: what is known exactly, and Monte Carlo by one Wolff cluster and one Metropolis sweep in turn, from
    /// random states and from all spins up.
    fn target(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let ising = &Ising::on_lattice(cell.lattice, 1.0, 0.0, cell.temperature)?;
        let exact = Exact::of(cell.lattice)?;
        let source = Source::Exact;
        let known = exact.observables(cell.temperature)?.into_iter();
        let row = |(observable, value)| Row::new(source, observable, Estimate::exact(value));
        let law = exact.energy_law(cell.temperature).into_iter();
        let energy = |(energy, probability)| Energy { source, energy, probability };
        let (mut rows, mut histogram) = (known.map(row).collect::<Vec<_>>(), law.map(energy).collect::<Vec<_>>());
        let seed = lab.seed(&self.learning.data.name(cell.lattice, cell.temperature), 0).child("monte carlo", 0);
        let steps = vec![(Box::new(Wolff::new(ising)) as _, 1), (Box::new(multi_spin_metropolis(ising)?) as _, 1)];
        let (kernel, sites) = (Schedule::new(steps), ising.sites());
        let sampling = self.measuring.sampling();
        let (starts, kinds) = random_and_up(sites, sampling.chains, seed.child("starts", 0))?;
        let mut chains = Chains::new(starts, seed.child("chains", 0));
        let (chains, coordinates) = ((&mut chains, &kinds[..]), Coordinates::of_law(ising));
        let (before, total) = (self.work_before_sampling(cell), self.work(cell));
        let report = &mut |done, of| {
            lab.progress((before + (total - before) * done as f64 / of as f64) as usize, total as usize);
        };
        let sampled = sample(ising, &kernel, chains, &coordinates, sampling, report);
        rows.extend(rows_of(&sampled, Source::MonteCarlo));
        histogram.extend(histogram_of(&sampled, Source::MonteCarlo, cell.lattice));
        lab.table("energy_histogram", cell, &histogram)?;
        Ok(rows)
    }

    /// What the machines have learned at one temperature, in numbers: means over replicas, with both errors.
    fn table<'a>(&self, lattice: &str, rows: &Rows<'a, Self>) -> Table<(Found, Group<'a, Self>)> {
        let (temperature, replicas) = (self.histogram_temperature(), self.learning.machines.replicas);
        let headline = format!(
            "{lattice} at T = {temperature}, {replicas} replica(s); +- is the scatter of replicas, then the error of sampling \
             alone:"
        );
        let exact: HashMap<_, _> = rows
            .filter(|_, row| row.source == Source::Exact)
            .iter()
            .map(|(_, row)| (row.observable.clone(), row.value))
            .collect();
        let observables = rows.group_by(|_, row| row.observable.clone()).into_values();
        let lines = observables.flat_map(|own| own.groups(|cell, row| (row.source, cell.hidden)));
        let lines = lines.filter_map(|own| Some((summary(&own.rows)?, own)));
        let error = |error: Option<f64>| or_empty(error.map(|e| format!("{e:.5}")));
        Table::of(headline, lines)
            .column("observable", |(_, own)| own.row.observable.clone())
            .column("source", |(_, own)| own.row.source)
            .column("hidden", |(_, own)| or_empty(own.cell.hidden))
            .column("value", |((found, _), _)| format!("{:.5}", found.value))
            .column("+-", |((found, _), _)| error(found.standard_error))
            .column("+- sampling", |((_, sampling), own)| error(sampling.filter(|_| own.cell.hidden.is_some())))
            .column("deviation", |((found, _), own)| {
                let exact = exact.get(&own.row.observable).filter(|_| own.row.source != Source::Exact);
                or_empty(exact.map(|exact| format!("{:+.2} %", 100.0 * (found.value / exact - 1.0))))
            })
            .column("doubt", |((found, _), _)| or_empty(found.doubt.map(|doubt| format!("not converged: {doubt}"))))
    }
}

/// Energies that a lattice may have: a broken bond costs 2.
fn energies(lattice: Lattice) -> impl Iterator<Item = f64> {
    let bonds = lattice.bonds().len() as i64;
    (0..=bonds).map(move |broken| (2 * broken - bonds) as f64)
}

fn rows_of(sampled: &Sampled, source: Source) -> Vec<Row> {
    Observable::ALL.map(|observable| Row::new(source, observable, sampled.estimate(observable))).to_vec()
}

fn histogram_of(sampled: &Sampled, source: Source, lattice: Lattice) -> Vec<Energy> {
    let row = |energy| Energy { source, energy, probability: sampled.energy_probability(energy) };
    energies(lattice).map(row).filter(|row| row.probability > 0.0).collect()
}

/// The mean over the replicas of a source with the standard error from their scatter (a single replica's own), and the
/// standard error of the mean from sampling alone.
type Found = (Estimate, Option<f64>);

/// What the rows of a source make together; `None` without a row.
fn summary(rows: &Rows<IsingObservables>) -> Option<Found> {
    let estimates: Vec<Estimate> = rows.iter().map(|(_, row)| row.estimate()).collect();
    let errors: Option<Vec<f64>> = estimates.iter().map(|estimate| estimate.standard_error).collect();
    let sampling = errors.map(|errors| errors.iter().map(|e| e * e).sum::<f64>().sqrt() / errors.len() as f64);
    match estimates[..] {
        [single] => Some((single, sampling)),
        _ => Some((Estimate::over_replicas(&estimates)?, sampling)),
    }
}

laboratory::main!(IsingObservables);

#[cfg(test)]
mod tests {
    use super::*;
    use laboratory::contract::{in_a_lab, parsed};

    const CELL: Cell = Cell { lattice: Lattice::Ring(5), temperature: 2.269, hidden: None, replica: None };

    fn machine(replica: usize) -> Cell {
        Cell { hidden: Some(4), replica: Some(replica), ..CELL }
    }

    /// Every number of an estimate has a column of its own.
    #[test]
    fn a_row_holds_its_estimate() {
        let (tau, effective_samples) = (Some(3.0), Some(70.0));
        let estimate = Estimate { standard_error: Some(0.25), tau, effective_samples, ..Estimate::exact(1.5) };
        let row = Row::new(Source::Rbm, Observable::Energy, estimate);
        assert_eq!(
            (row.value, row.standard_error, row.tau, row.effective_samples),
            (1.5, Some(0.25), tau, effective_samples)
        );
        assert_eq!((row.estimate(), row.converged, row.doubt), (estimate, true, None));
    }

    /// Two machines at 3, each with an error of 0.3, where the exact value is 2: half too much, and an error of sampling of
    /// 0.3 / sqrt 2; they do not scatter.
    #[test]
    fn the_table_tells_deviations_and_errors() {
        let row = |source, value, standard_error| {
            Row::new(source, Observable::SpecificHeat, Estimate { standard_error, ..Estimate::exact(value) })
        };
        let pairs = [
            (CELL, row(Source::Exact, 2.0, None)),
            (machine(0), row(Source::Rbm, 3.0, Some(0.3))),
            (machine(1), row(Source::Rbm, 3.0, Some(0.3))),
        ];
        let experiment = parsed::<IsingObservables>(&[]);
        let text = experiment.table("ring:5", &Rows::of_pairs(&pairs)).text().unwrap();
        let line = |source: &str| {
            let mut lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
            lines.find(|words| words.get(1) == Some(&source)).unwrap()
        };
        assert_eq!(line("exact"), ["specific_heat", "exact", "2.00000"]);
        assert_eq!(line("rbm"), ["specific_heat", "rbm", "4", "3.00000", "0.00000", "0.21213", "+50.00", "%"]);
    }

    /// A machine at 3 +- 0.3 where the exact value is 2 stands at 1 +- 0.3, Monte Carlo at 2.004 at 0.004, on an axis that is
    /// linear within 0.001; at a temperature without an exact value nothing stands.
    #[test]
    fn deviations_are_from_the_exact_value() {
        let row = |source, value, standard_error| {
            Row::new(source, Observable::Energy, Estimate { standard_error, ..Estimate::exact(value) })
        };
        let pairs = [
            (CELL, row(Source::Exact, 2.0, None)),
            (CELL, row(Source::MonteCarlo, 2.004, None)),
            (machine(0), row(Source::Rbm, 3.0, Some(0.3))),
            (Cell { temperature: 5.0, ..machine(0) }, row(Source::Rbm, 9.0, Some(0.3))),
        ];
        let panel = figures::deviation_panel(&Rows::of_pairs(&pairs));
        let points = |label: &str| &panel.series.iter().find(|series| series.label == label).unwrap().points;
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        let [machine] = points("RBM, 4 hidden")[..] else { panic!("{panel:?}") };
        assert!(close(machine.y, 1.0) && close(machine.low, 0.7) && close(machine.high, 1.3), "{machine:?}");
        assert!(close(points("Monte Carlo")[0].y, 0.004));
        let Some(Axis { scale: laboratory::report::figure::Scale::Symlog(linear), .. }) = panel.y else { panic!() };
        assert!(close(linear, 0.001));
    }

    /// An energy that one of two replicas has not seen has a probability of 0 there: of 0.4 the mean is 0.2, from 0 on.
    #[test]
    fn energies_that_were_not_seen_count_as_such() {
        let experiment = parsed::<IsingObservables>(&["--lattices", "ring:5", "--hidden", "4", "--replicas", "2"]);
        let seen =
            |replica, energy, probability| (machine(replica), Energy { source: Source::Rbm, energy, probability });
        let histogram = [seen(0, -5.0, 0.6), seen(0, -1.0, 0.4), seen(1, -5.0, 1.0)];
        let histogram: Vec<&(Cell, Energy)> = histogram.iter().collect();
        let series = experiment.energy_series(Lattice::Ring(5), &Rows::of_pairs(&[]), &histogram);
        let points: Vec<_> = series.last().unwrap().points.iter().map(|p| (p.x, p.y, p.low, p.high)).collect();
        assert_eq!(points, [(-1.0, 0.8, 0.6, 1.0), (-0.2, 0.2, 0.0, 0.4)]);
    }

    /// Replicas learn configurations of their own, machines of another size the same.
    #[test]
    fn replicas_have_data_of_their_own() {
        let experiment = parsed::<IsingObservables>(&["--samples", "50"]);
        in_a_lab(|lab| {
            let data = |cell: Cell| {
                experiment.learning.data.shared(cell.lattice, cell.temperature, cell.replica.unwrap(), lab).unwrap()
            };
            assert!(*data(machine(0)) != *data(machine(1)));
            assert!(*data(machine(0)) != *data(Cell { temperature: 3.0, ..machine(0) }));
            assert!(*data(machine(0)) == *data(Cell { hidden: Some(5), ..machine(0) }));
        });
    }

    /// Of machines whose specific heats are 0.5 too low, 0.1 too high and 0.2 too low the second is the best and the first the
    /// worst.
    #[test]
    fn the_best_machine_is_the_nearest() {
        let experiment = parsed::<IsingObservables>(&["--lattices", "ring:5", "--hidden", "2,3,4", "--replicas", "1"]);
        let row = |source, value| Row::new(source, Observable::SpecificHeat, Estimate::exact(value));
        let machine = |hidden| Cell { hidden: Some(hidden), replica: Some(0), ..CELL };
        let mut pairs = vec![(CELL, row(Source::MonteCarlo, 1.0))];
        pairs.extend([(2, 0.5), (3, 1.1), (4, 0.8)].map(|(hidden, heat)| (machine(hidden), row(Source::Rbm, heat))));
        let seen = |hidden| (machine(hidden), Energy { source: Source::Rbm, energy: -5.0, probability: 1.0 });
        let histogram = [2, 3, 4].map(seen);
        let histogram: Vec<&(Cell, Energy)> = histogram.iter().collect();
        let series = experiment.energy_series(Lattice::Ring(5), &Rows::of_pairs(&pairs), &histogram);
        let labels: Vec<&str> = series.iter().skip(1).map(|series| &*series.label).collect();
        assert_eq!(labels, ["RBM, 3 hidden (best specific heat)", "RBM, 2 hidden (worst specific heat)"]);
        // In the colours that they have elsewhere.
        let looks: Vec<Look> = series.iter().skip(1).map(|series| series.look).collect();
        assert_eq!(looks, ["RBM, 3 hidden", "RBM, 2 hidden"].map(|name| look_of(name).unwrap()));
    }
}
