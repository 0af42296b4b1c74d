//! How far is a sampled gradient from the exact one: by how much is it biased, and how noisy is it?
//!
//! Carreira-Perpinan and Hinton, AISTATS 2005; Fischer and Igel, ICANN 2010 and Neural Computation 23, 664 (2011).

use gibbsite::monitor::gradients::{ExpectedContrastiveDivergence, GradientErrors, LAYER_LIMIT, gradient, gradients};
use gibbsite::prelude::*;
use laboratory::prelude::*;

/// How biased, and how noisy, is a sampled gradient, and what do analytic hidden statistics save?
///
/// Machines follow the exact gradient of an Ising law. At every measured update each estimator gives many independent
/// gradients at the same parameters: contrastive divergence from draws of the law, persistent chains that have followed
/// the machine, and two Gibbs runs from random states, with hidden units in closed form or drawn in each phase.
#[derive(Clone, Debug, Parser, Serialize)]
#[command(after_help = EXAMPLES)]
struct GradientBias {
    #[command(flatten)]
    #[serde(flatten)]
    learning: LearningOptions,
    /// Updates between measurements
    #[arg(long, value_name = "NUMBER", default_value_t = 50, value_parser = at_least_one, help_heading = "Measuring")]
    every: usize,
    /// Independent estimates behind every mean, each of --batch chains
    #[arg(long, value_name = "NUMBER", default_value_t = 200, value_parser = at_least_two, help_heading = "Measuring")]
    estimates: usize,
}

const EXAMPLES: &str = "Examples:
  gradient_bias                                    CD, PCD and two Gibbs runs at k = 1, 10, 100
  gradient_bias --lattices ring:6 --temperatures 1,2 --gibbs-steps 1,3,10,30";

/// An estimator at one machine. Lengths are in units of that of the exact gradient.
#[derive(Clone, Debug, Serialize, Deserialize, DocumentedFields)]
struct Row {
    /// Updates by the exact gradient so far.
    updates: u64,
    /// D_KL(P || P_model) in nats.
    kl: f64,
    /// Length of the mean estimate's difference from the exact gradient.
    bias: f64,
    /// What noise alone makes of it: not biased if the two are alike.
    bias_floor: f64,
    /// Standard deviation of one estimate, over all components together.
    noise: f64,
    /// Angle between the mean estimate and the exact gradient.
    angle_degrees: f64,
    /// Length of the mean estimate.
    norm_ratio: f64,
    /// The bias of contrastive divergence by its transition matrix, for up to ten units a layer: no noise.
    expected_bias: Option<f64>,
    /// Its largest component, in the gradient's own units.
    largest_component: Option<f64>,
    /// Fischer and Igel's bound on that component.
    bound: Option<f64>,
}

impl Experiment for GradientBias {
    type Cell = LearningCell;
    type Row = Row;
    const NAME: &'static str = "gradient_bias";
    const AXES: &'static [&'static str] = LEARNING_AXES;
    const DEFAULTS: Preset = "--estimators cd,pcd,two-runs --gibbs-steps 1,10,100 --hidden-statistics analytic,sampled \
        --hidden 2,8 --epochs 400 --batch 100 --learning-rate 0.2 --initial-weights gaussian:0.1";
    const QUICK: Preset = "--epochs 100 --every 50 --estimates 50 --gibbs-steps 1,10";
    const PAPER: Preset = "--gibbs-steps 1,3,10,30,100,300,1000 --estimates 1000 --epochs 4000 --replicas 5 \
        --hidden-statistics analytic,sampled,analytic/sampled,sampled/analytic";

    fn common(&self) -> &CommonOptions {
        &self.learning.common
    }

    fn check(&self) -> Result<()> {
        self.learning.check_enumerable("the exact gradient", 16)
    }

    fn cells(&self) -> Result<Vec<LearningCell>> {
        Ok(self.learning.cells())
    }

    fn work(&self, cell: &LearningCell) -> f64 {
        cell.gibbs_steps.unwrap_or(0) as f64 * if cell.estimator.is_persistent() { self.every as f64 } else { 1.0 }
    }

    fn run(&self, cell: &LearningCell, lab: &Lab) -> Result<Vec<Row>> {
        let (ising, settings) = (cell.ising()?, self.learning.training.training());
        let (target, law) = (ExactTarget::new(&ising)?, whole_law(&ising)?);
        let batch = Batch::Law { law: &law, sampler: &RowSampler::new(&law)?, chains: settings.batch };
        let mut machine = cell.machine(self.learning.training.initial_weights, lab)?;
        let seed = cell.machine_seed(lab).child(&identity(&cell.without_replica()), 0);
        let one = |n| cell.recipe().estimator(&law, settings.batch, cell.hidden, seed.child("estimator", n));
        let mut estimators = (0..self.estimates as u64).map(one).collect::<gibbsite::error::Result<Vec<_>>>()?;
        let (mut now, mut rows, k) = (machine.clone(), Vec::new(), cell.gibbs_steps.unwrap_or(0));
        train(&mut machine, &mut Exact, &law, &settings, seed, &mut |epoch, updates, model| {
            let measured = epoch.is_multiple_of(self.every) || epoch == settings.epochs;
            // Persistent chains follow the machine through every update; the others have no memory.
            if !measured && !cell.estimator.is_persistent() {
                return Ok(());
            }
            let all = gradients(&mut estimators, model, &batch, seed.child("estimates", updates))?;
            lab.progress(epoch, settings.epochs);
            if measured {
                now.parameters_mut().copy_from_slice(model.parameters());
                let (exact, kl) = (gradient(&mut Exact, model, &batch, seed)?, target.measure(&now, None)?.kl);
                let GradientErrors { bias, bias_floor, noise, angle_degrees, norm_ratio } =
                    GradientErrors::of(&all, &exact)?;
                let known = now.visible().max(now.hidden()) <= LAYER_LIMIT && cell.estimator == EstimatorName::Cd;
                let mean = || ExpectedContrastiveDivergence::new(&now, law.weights().unwrap_or(&[]))?.bias(k, &exact);
                let [expected_bias, largest_component, bound] = if known { mean()?.map(Some) } else { [None; 3] };
                #[rustfmt::skip]
                rows.push(Row {
                    updates, kl, bias, bias_floor, noise, angle_degrees, norm_ratio, expected_bias, largest_component, bound,
                });
            }
            Ok(())
        })?;
        Ok(rows)
    }

    fn show(&self, rows: &Rows<Self>, publication: &mut Publication) -> Result<()> {
        let about = self.learning.machines.replicas_in_words("in units of the exact gradient's, median and range");
        let x = || (Axis::linear("updates by the exact gradient"), |_: &LearningCell, row: &Row| row.updates as f64);
        let panel = |cell: &LearningCell, _: &Row| format!("{}, {}", cell.estimator.about(), units(cell.hidden));
        let analytic = rows.filter(|cell, _| cell.hidden_statistics == HiddenStatistics::default());
        let bias = analytic.plot(x(), (Axis::log("bias"), |_, row| row.bias)).dots(|_, row| row.bias_floor);
        let bias = bias.panel(panel).series(|cell, _| format!("k = {}", or_empty(cell.gibbs_steps))).columns(2);
        let bias = bias.titled("How biased is a sampled gradient? Dots: what noise alone makes of it", &about);
        publication.figure("bias", &bias.figure())?;
        let noise = rows.plot(x(), (Axis::log("noise"), |_, row| row.noise)).panel(panel).columns(2);
        let noise = noise.series(|cell, _| format!("hidden units {}", cell.hidden_statistics));
        publication.figure("noise", &noise.titled("How noisy is one estimate, whichever k?", &about).figure())?;
        let last = rows.filter(|_, row| row.updates == self.learning.training.epochs as u64);
        let lines = last.groups(|cell, _| (cell.hidden, cell.recipe().label(), cell.hidden_statistics.to_string()));
        let table =
            Table::of(format!("After {} updates, medians over replicas:", self.learning.training.epochs), lines)
                .column("hidden", |own| own.cell.hidden)
                .column("estimator", |own| own.cell.recipe().label())
                .column("hidden statistics", |own| own.cell.hidden_statistics)
                .median("bias", |row| row.bias)
                .median("noise's part", |row| row.bias_floor)
                .median("noise", |row| row.noise)
                .median("expected bias", |row| row.expected_bias.unwrap_or(f64::NAN))
                .median("angle (degrees)", |row| row.angle_degrees)
                .median("norm", |row| row.norm_ratio);
        publication.print(table);
        Ok(())
    }
}

laboratory::main!(GradientBias);

#[cfg(test)]
mod tests {
    use super::*;
    use laboratory::contract::{in_a_lab, parsed, run};

    /// A small machine that stays as it is, since it hardly learns.
    const SMALL: &str = "--lattices ring:4 --temperatures 2 --estimators cd --gibbs-steps 1 --hidden-statistics analytic \
                         --hidden 2 --replicas 1 --epochs 2 --every 1 --estimates 3 --batch 5 --learning-rate 1e-300";

    fn small() -> (Vec<&'static str>, Vec<(LearningCell, Row)>) {
        let words: Vec<&str> = SMALL.split_whitespace().collect();
        let (_, rows) = run::<GradientBias>(&words);
        (words, rows)
    }

    /// The bias of one step, computed anew for the machine with its first weights.
    #[test]
    fn the_expected_bias_is_that_of_as_many_steps() {
        let (words, rows) = small();
        let (cell, row) = &rows[0];
        let how = parsed::<GradientBias>(&words).learning.training.initial_weights;
        let machine = in_a_lab(|lab| cell.machine(how, lab)).unwrap();
        let ising = cell.ising().unwrap();
        let start: Vec<f64> = log_probabilities(&ising).unwrap().iter().map(|log_p| log_p.exp()).collect();
        let law = whole_law(&ising).unwrap();
        let batch = Batch::Rows(law);
        let exact = gradient(&mut Exact, &machine, &batch, Seed::root(1)).unwrap();
        let expected = ExpectedContrastiveDivergence::new(&machine, &start).unwrap().bias(1, &exact).unwrap();
        let found = [row.expected_bias, row.largest_component, row.bound].map(Option::unwrap);
        for (found, expected) in found.into_iter().zip(expected) {
            assert!((found / expected - 1.0).abs() < 1e-9, "{found} for {expected}");
        }
    }

    /// Every number of the table is that of its column in the last row.
    #[test]
    fn the_table_tells_the_last_row() {
        let (text, rows) = run::<GradientBias>(&SMALL.split_whitespace().collect::<Vec<_>>());
        let Row { bias, bias_floor, noise, expected_bias, angle_degrees, norm_ratio, .. } = rows.last().unwrap().1;
        let numbers = [bias, bias_floor, noise, expected_bias.unwrap(), angle_degrees, norm_ratio].map(digits);
        let told: Vec<&str> = text.lines().last().unwrap().split_whitespace().collect();
        assert_eq!(told, [&["2", "CD-1", "analytic"][..], &numbers.each_ref().map(String::as_str)].concat());
    }

    /// A machine that stays as it is has other estimates at every update, and the same expectation.
    #[test]
    fn every_update_has_estimates_of_its_own() {
        let (_, rows) = small();
        let mut noise: Vec<u64> = rows.iter().map(|(_, row)| row.noise.to_bits()).collect();
        noise.dedup();
        assert_eq!((rows.len(), noise.len()), (3, 3));
        assert!(rows.iter().all(|(_, row)| row.expected_bias == rows[0].1.expected_bias));
    }
}
