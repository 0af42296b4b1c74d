//! How often does a sampler carry a trained machine from phase to phase, for the units that it draws?

use gibbsite::enumerate::WHOLE_LAW_LIMIT;
use gibbsite::log_partition::betas::Betas;
use gibbsite::model::rbm_path::RbmPath;
use gibbsite::monitor::ladder_mean::drawn_mean;
use gibbsite::monte_carlo::ladder::{AlongPath, Ladder};
use gibbsite::monte_carlo::tempering::ParallelTempering;
use gibbsite::prelude::*;
use gibbsite::statistics::autocorrelation::integrated_time;
use gibbsite::targets::ising::phase;
use gibbsite::training::gradient::TrajectoryTempering;
use laboratory::prelude::*;

/// How often does a sampler carry a trained machine from phase to phase, for the units that it draws?
///
/// A machine learns an Ising law by trajectory tempering. Then plain Gibbs sampling, parallel tempering and the machines kept along the trajectory
/// sample it, and flips of the magnetisation's sign are counted for all the units drawn on all rungs.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct Mixing {
    #[command(flatten)]
    #[serde(flatten)]
    learning: LessonOptions,
    /// Samplers: gibbs, tempering (along inverse temperatures) or ptt (along the machines kept in training)
    #[arg(long, value_name = "LIST", default_value = "gibbs,tempering,ptt", help_heading = "Sweep")]
    samplers: List<Sampler>,
    /// Rounds measured on each of 64 ladders
    #[arg(long, value_name = "NUMBER", default_value_t = 5000, value_parser = at_least_one, help_heading = "Measuring")]
    rounds: usize,
    #[command(flatten)]
    #[serde(flatten)]
    common: CommonOptions,
}

const EXAMPLES: &str = "\
Examples:
  mixing                                           flips of machines that learned the 8x8 Ising model
  mixing --quick                                   every file in seconds
  mixing --temperatures 2.1,2.2 --hidden 32";

choice! {
    /// What samples the machine.
    Sampler { Gibbs = "gibbs", Tempering = "tempering", Ptt = "ptt" }
}

impl Sampler {
    fn in_words(self) -> &'static str {
        match self {
            Sampler::Gibbs => "Gibbs sampling",
            Sampler::Tempering => "parallel tempering",
            Sampler::Ptt => "trajectory tempering",
        }
    }
}

/// Ladders, or plain chains.
const LADDERS: usize = 64;

/// Autocorrelation times that a run must be long.
const TIMES: f64 = 10.0;

/// Rungs of parallel tempering.
const RUNGS: usize = 16;

/// One sampler on one machine.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Cell {
    /// What samples.
    sampler: Sampler,
    /// The lattice of the Ising model that was learned.
    lattice: Lattice,
    /// Its temperature, in units of J.
    temperature: f64,
    /// Hidden units.
    hidden: usize,
    /// Replicas have data, weights and chains of their own.
    replica: usize,
}

/// What the sampler did.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// Rungs of a ladder: replicas that are all paid for.
    replicas: usize,
    /// Units drawn in all.
    gibbs_updates: u64,
    /// Changes of the magnetisation's sign from round to round, over all ladders; states without a sign are passed over.
    flips: u64,
    /// flips / gibbs_updates.
    flips_per_update: f64,
    /// Autocorrelation time of the sign, in rounds; empty where it cannot be told.
    tau: Option<f64>,
    /// The same in units drawn.
    tau_updates: Option<f64>,
    /// The weight of the phase up.
    weight_up: f64,
    /// Its standard error, from the scatter of the ladders; empty where the sign does not change often enough for one.
    standard_error: Option<f64>,
    /// The machine's own, by 20,000 exact draws where a layer can be enumerated.
    exact_weight_up: Option<f64>,
}

impl Experiment for Mixing {
    type Cell = Cell;
    type Row = Row;
    const NAME: &'static str = "mixing";
    const AXES: &'static [&'static str] = &["samplers", "lattices", "temperatures", "hidden", "replicas"];
    const DEFAULTS: Preset = "\
        --lattices square:8x8 --temperatures 1.8,2.0,2.04,2.1,2.269,2.6 --epochs 100 --batch 100 \
        --learning-rate 0.05 --decay exponential:10000";
    const QUICK: Preset = "\
        --lattices square:4x4 --temperatures 2.269 --hidden 4 --samples 500 --epochs 20 --rounds 200 --average 20 \
        --decay exponential:500";
    const PAPER: Preset = "--replicas 5 --epochs 500 --hidden 16,64 --rounds 50000";

    fn common(&self) -> &CommonOptions {
        &self.common
    }

    fn check(&self) -> Result<()> {
        check_at_most("--rounds", self.rounds, 10_000_000)?;
        self.learning.check(1024)
    }

    fn cells(&self) -> Result<Vec<Cell>> {
        let cell = |&sampler: &_| {
            let all = self.learning.all();
            all.map(move |((lattice, temperature), hidden, replica)| Cell {
                sampler,
                lattice,
                temperature,
                hidden,
                replica,
            })
        };
        Ok(self.samplers.iter().flat_map(cell).collect())
    }

    fn run(&self, cell: &Cell, lab: &Lab) -> Result<Vec<Row>> {
        let &Cell { sampler, lattice, temperature, hidden, replica } = cell;
        let seed = lab.seed(&format!("{lattice} T={temperature}"), replica as u64).child("hidden", hidden as u64);
        let ising = Ising::on_lattice(lattice, 1.0, 0.0, temperature)?;
        let data = self.learning.data.configurations(&ising, seed.child("data", 0))?;
        // All samplers meet the same machine.
        let trained = lab.shared(format!("{lattice} T={temperature} h={hidden} {replica}"), || {
            let mut machine = Rbm::new(lattice.sites(), hidden)?;
            machine.initialize(self.learning.training.initial_weights, seed.child("weights", 0))?;
            let starts = RowSampler::new(&data)?.draw(self.learning.training.batch, seed.child("starts", 0));
            let how = HiddenStatistics::default();
            let mut ptt = TrajectoryTempering::new(1, how, 0.3, &starts, hidden, seed.child("chains", 0))?;
            let settings = self.learning.training.training();
            train(&mut machine, &mut ptt, &data, &settings, seed.child("training", 0), &mut |epoch, _, _| {
                lab.progress(epoch, 2 * settings.epochs);
                Ok(())
            })?;
            Ok((machine, ptt))
        })?;
        let (machine, ptt) = &*trained;
        let path = RbmPath::from_uniform(machine)?;
        let betas = match sampler {
            Sampler::Gibbs => vec![1.0],
            _ => Betas::Adaptive(RUNGS).resolve(&path, seed.child("betas", 0))?.betas,
        };
        let along = AlongPath::new(&path, &betas)?;
        let rungs = ptt.trajectory().map(|trajectory| trajectory.up_to(machine)).transpose()?;
        let ladder: &dyn Ladder = match &rungs {
            Some(rungs) if sampler == Sampler::Ptt => rungs,
            _ => &along,
        };
        let starts = RowSampler::new(&data)?.draw(LADDERS, seed.child("sampled", 0)).widened(hidden);
        let mut chains = ParallelTempering::new(ladder, &starts, seed.child(&sampler.to_string(), 0))?;
        let burn_in = self.rounds / 5;
        let mut signs = vec![Vec::new(); LADDERS];
        for round in 0..burn_in + self.rounds {
            chains.advance(ladder, 1);
            if round >= burn_in {
                let states = chains.last().states();
                signs.iter_mut().enumerate().for_each(|(s, signs)| signs.push(phase(states.row(s), lattice.sites())));
            }
            lab.progress(burn_in + self.rounds + round, 2 * (burn_in + self.rounds));
        }
        let flips: u64 = signs.iter().map(|signs| flips(signs)).sum();
        let means: Vec<f64> =
            signs.iter().map(|signs| 0.5 + 0.5 * signs.iter().sum::<f64>() / signs.len() as f64).collect();
        let (weight_up, error) = mean_and_error(&means);
        let a_round = (ladder.rungs() * ladder.units() * LADDERS) as u64;
        let gibbs_updates = a_round * self.rounds as u64;
        let views: Vec<&[f64]> = signs.iter().map(|signs| &signs[..]).collect();
        let tau = integrated_time(&views).map(|time| time.tau).filter(|tau| is_known(*tau, self.rounds));
        let known = lattice.sites().min(hidden) <= WHOLE_LAW_LIMIT;
        let up = |row: &[u64]| 0.5 + 0.5 * phase(row, lattice.sites());
        let exact = || drawn_mean(&path, 20_000, seed.child("exact", 0), &up);
        let exact_weight_up = known.then(exact).transpose()?;
        Ok(vec![Row {
            replicas: ladder.rungs(),
            gibbs_updates,
            flips,
            flips_per_update: flips as f64 / gibbs_updates as f64,
            tau,
            tau_updates: tau.map(|tau| tau * a_round as f64 / LADDERS as f64),
            weight_up,
            standard_error: tau.map(|_| error),
            exact_weight_up,
        }])
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let x =
            (Axis::linear("temperature of the Ising model that was learned"), |cell: &Cell, _: &Row| cell.temperature);
        let flips = rows.plot(
            x,
            (Axis::log("flips of the sign per million units drawn"), |_, row| match row.flips {
                0 => f64::NAN,
                _ => 1e6 * row.flips_per_update,
            }),
        );
        let flips = flips.panel(|cell, _| format!("{}, {}", cell.lattice.description(), units(cell.hidden)));
        let flips = flips.series(|cell, _| cell.sampler.in_words().to_string()).mark(Mark::Bars);
        let about = format!(
            "all rungs of a ladder are paid for; no flip, no point; {}",
            self.learning.machines.replicas_in_words("median and range")
        );
        publication.figure("flips", &flips.titled("From phase to phase", about).figure())?;
        let table = Table::of("Flips of the magnetisation's sign, all rungs paid for:", rows.iter())
            .column("lattice", |(cell, _)| cell.lattice)
            .column("T", |(cell, _)| cell.temperature)
            .column("hidden", |(cell, _)| cell.hidden)
            .column("sampler", |(cell, _)| cell.sampler)
            .column("rungs", |(_, row)| row.replicas)
            .column("flips", |(_, row)| row.flips)
            .column("per 1e6 units", |(_, row)| digits(1e6 * row.flips_per_update))
            .column("tau (units)", |(_, row)| known(row.tau_updates))
            .column("weight up", |(_, row)| format!("{:.4}", row.weight_up))
            .column("error", |(_, row)| or_empty(row.standard_error.map(|error| format!("{error:.4}"))))
            .column("exact", |(_, row)| or_empty(row.exact_weight_up.map(|weight| format!("{weight:.4}"))));
        publication.print(table);
        Ok(())
    }
}

/// Of a run that is not many times as long nothing is known.
fn is_known(tau: f64, rounds: usize) -> bool {
    TIMES * tau < rounds as f64
}

/// Changes of sign from one entry to the next that has one.
fn flips(signs: &[f64]) -> u64 {
    let signs = signs.iter().filter(|sign| **sign != 0.0);
    signs.clone().zip(signs.skip(1)).map(|(a, b)| u64::from(a != b)).sum()
}

/// The mean of independent numbers, and its standard error.
fn mean_and_error(numbers: &[f64]) -> (f64, f64) {
    let count = numbers.len() as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|x| (x - mean).powi(2)).sum();
    (mean, (squares / (count - 1.0) / count).sqrt())
}

laboratory::main!(Mixing);

#[cfg(test)]
mod tests {
    use super::*;
    use laboratory::contract::run;

    /// A machine that hardly moves, whose signs forget each other at once: its weight up within five errors of the sum over all
    /// states, every unit of every rung paid for.
    #[test]
    fn a_row_is_what_its_columns_say() {
        let words = "--lattices square:3x3 --temperatures 2.5 --hidden 2 --samples 200 --epochs 1 --rounds 2000 --replicas 1 \
                     --learning-rate 1e-300 --initial-weights gaussian:1 --average 0 --samplers gibbs,tempering";
        let (_, rows) = run::<Mixing>(&words.split_whitespace().collect::<Vec<_>>());
        let seed = Seed::root(1).child("square:3x3 T=2.5", 0).child("hidden", 2);
        let mut machine = Rbm::new(9, 2).unwrap();
        machine.initialize(InitialWeights::Gaussian(1.0), seed.child("weights", 0)).unwrap();
        let of_model = log_probabilities(&machine).unwrap();
        let up = |(state, log_p): (usize, &f64)| if state.count_ones() > 4 { log_p.exp() } else { 0.0 };
        let up: f64 = of_model.iter().enumerate().map(up).sum();
        assert_eq!(rows.len(), 2);
        for (cell, row) in rows {
            let rungs = if cell.sampler == Sampler::Gibbs { 1 } else { RUNGS + 1 };
            assert_eq!((row.replicas, row.gibbs_updates), (rungs, (rungs * 11 * 64 * 2000) as u64));
            assert!((row.weight_up - up).abs() < 5.0 * row.standard_error.unwrap(), "{row:?}, {up}");
            assert!((row.exact_weight_up.unwrap() - up).abs() < 5.0 * (0.25_f64 / 20_000.0).sqrt(), "{row:?}, {up}");
            // Signs of independent rounds change with probability 2 p (1 - p), and a round is what tau is counted in.
            let tau = row.tau.unwrap();
            let change = row.flips as f64 / (64.0 * 2000.0) / (2.0 * up * (1.0 - up));
            assert!((1.0..6.0).contains(&tau) && (0.2..=1.1).contains(&change), "{row:?}");
            assert!((row.flips_per_update * row.gibbs_updates as f64 - row.flips as f64).abs() < 1e-6);
            assert!((row.tau_updates.unwrap() / (tau * (rungs * 11) as f64) - 1.0).abs() < 1e-12);
        }
    }

    /// Of 1, 2 and 6: the mean 3, squares 4 + 1 + 9 over two degrees of freedom and three numbers.
    #[test]
    fn the_error_is_that_of_the_mean() {
        let (mean, error) = mean_and_error(&[1.0, 2.0, 6.0]);
        assert!((mean - 3.0).abs() < 1e-12 && (error - (14.0_f64 / 6.0).sqrt()).abs() < 1e-12);
    }

    #[test]
    fn a_run_is_many_times_as_long_as_what_is_known_of_it() {
        assert_eq!([29.9, 30.0, 299.0].map(|tau| is_known(tau, 300)), [true, false, false]);
    }

    #[test]
    fn states_without_a_sign_are_passed_over() {
        assert_eq!(flips(&[1.0, 1.0, 0.0, -1.0, 0.0, 0.0, -1.0, 1.0]), 2);
        assert_eq!(flips(&[0.0, 0.0]), 0);
        assert_eq!(flips(&[]), 0);
    }
}
