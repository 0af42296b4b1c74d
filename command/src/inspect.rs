//! `gibbsite inspect`: what is in a machine's file.

use crate::context::Context;
use crate::error::{Error, Result};
use gibbsite::model::Model;
use gibbsite::model::rbm::Rbm;
use gibbsite_files::model::{About, read_machine};
use laboratory::report::matrices::{Matrices, Matrix};
use serde::Serialize;
use std::fmt::Write;
use std::path::PathBuf;

/// Shapes, norms, history and filters of a machine
///
/// A filter is the column of the weights that belongs to a hidden unit; those of largest norm are drawn first, each over the
/// lattice of the visible units where that is a square or --shape says what it is.
#[derive(Clone, Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  gibbsite inspect m.safetensors\n  gibbsite inspect m.safetensors --figure filters --shape 6x6\n  gibbsite inspect m.safetensors --json"
)]
pub struct Inspect {
    /// The machine
    #[arg(value_name = "MODEL")]
    pub model: PathBuf,

    /// Draw the filters as STEM.png and STEM.svg
    #[arg(long, value_name = "STEM")]
    pub figure: Option<PathBuf>,

    /// Rows and columns of the visible units [default: a square where they fill one, else one row]
    #[arg(long, value_name = "RxC", value_parser = shape)]
    pub shape: Option<(usize, usize)>,

    /// JSON, not a table
    #[arg(long)]
    pub json: bool,
}

fn shape(text: &str) -> std::result::Result<(usize, usize), String> {
    let sides = text.split_once('x').and_then(|(rows, columns)| Some((rows.parse().ok()?, columns.parse().ok()?)));
    sides.filter(|(rows, columns)| *rows > 0 && *columns > 0).ok_or("write ROWSxCOLUMNS, such as 6x6".to_string())
}

/// Most filters of a figure, and of the terminal.
const DRAWN: usize = 64;
const PRINTED: usize = 6;

/// What is told of some numbers.
#[derive(Serialize)]
struct Numbers {
    count: usize,
    mean: f64,
    root_mean_square: f64,
    smallest: f64,
    largest: f64,
}

impl Numbers {
    fn of(numbers: &[f64]) -> Self {
        let count = numbers.len();
        let mean = |of: &dyn Fn(f64) -> f64| numbers.iter().map(|x| of(*x)).sum::<f64>() / count as f64;
        Self {
            count,
            mean: mean(&|x| x),
            root_mean_square: mean(&|x| x * x).sqrt(),
            smallest: numbers.iter().copied().fold(f64::INFINITY, f64::min),
            largest: numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        }
    }
}

#[derive(Serialize)]
struct Inspection<'a> {
    visible: usize,
    hidden: usize,
    parameters: usize,
    weights: Numbers,
    visible_bias: Numbers,
    hidden_bias: Numbers,
    /// |W| of every hidden unit.
    filter_norms: Vec<f64>,
    about: Option<&'a About>,
}

impl Inspect {
    /// Reads, and tells.
    pub fn run(&self, context: &mut Context) -> Result<()> {
        let file = read_machine(&self.model)?;
        let machine = &file.machine;
        let (n, m) = (machine.visible(), machine.hidden());
        let (rows, columns) = match self.shape {
            Some((rows, columns)) if rows.checked_mul(columns) != Some(n) => {
                return Err(Error::invalid(
                    format!("--shape {rows}x{columns}"),
                    format!("the machine has {n} visible units"),
                    "give sides whose product they are",
                ));
            }
            Some(sides) => sides,
            None => match n.isqrt() {
                side if side * side == n => (side, side),
                _ => (1, n),
            },
        };
        let norm = |j: usize| machine.weights().column(j).norm();
        let norms: Vec<f64> = (0..m).map(norm).collect();
        let mut order: Vec<usize> = (0..m).collect();
        order.sort_by(|a, b| norms[*b].total_cmp(&norms[*a]));
        if let Some(stem) = &self.figure {
            let figure = filters(machine, &order, &norms, columns);
            context.figure(stem, &|folder, name| figure.write(folder, name))?;
        }
        let found = Inspection {
            visible: n,
            hidden: m,
            parameters: machine.parameters().len(),
            weights: Numbers::of(&machine.parameters()[..n * m]),
            visible_bias: Numbers::of(machine.visible_bias()),
            hidden_bias: Numbers::of(machine.hidden_bias()),
            filter_norms: norms,
            about: file.about.as_ref(),
        };
        if self.json {
            return context.json(&found);
        }
        let mut text =
            format!("{}: {n} visible and {m} hidden units, {} parameters\n", self.model.display(), found.parameters);
        text.push_str(&table(&found));
        text.push_str(&history(&found));
        text.push_str(&printed(machine, &order, (rows, columns)));
        Ok(context.output.write_all(text.as_bytes())?)
    }
}

fn table(found: &Inspection) -> String {
    let mut text =
        format!("\n{:<14}{:>8}{:>12}{:>12}{:>12}{:>12}\n", "", "count", "mean", "rms", "smallest", "largest");
    let all = [("weights", &found.weights), ("visible_bias", &found.visible_bias), ("hidden_bias", &found.hidden_bias)];
    for (name, numbers) in all {
        let Numbers { count, mean, root_mean_square, smallest, largest } = numbers;
        let _ =
            writeln!(text, "{name:<14}{count:>8}{mean:>12.4}{root_mean_square:>12.4}{smallest:>12.4}{largest:>12.4}");
    }
    text
}

fn history(found: &Inspection) -> String {
    let Some(about) = found.about else {
        return "\nWritten by another program: no history.\n".to_string();
    };
    let mut text = format!("\nWritten by gibbsite {}; {}\n", about.version, about.units);
    for (number, stage) in about.history.iter().enumerate() {
        let said = |name: &str| {
            stage.options.get(name).map(|value| match value.as_str() {
                Some(word) => word.to_string(),
                None => value.to_string(),
            })
        };
        let words = ["estimator", "learning_rate", "decay", "momentum", "batch", "average", "data"]
            .into_iter()
            .filter_map(|name| said(name).map(|value| format!("{} {value}", name.replace('_', "-"))));
        let words: Vec<String> = words.collect();
        let _ = writeln!(
            text,
            "run {}: {} epochs, {} updates; {}",
            number + 1,
            stage.epochs,
            stage.updates,
            words.join(", ")
        );
        let likelihood =
            ["log_likelihood", "validation_log_likelihood", "pseudo_log_likelihood"].into_iter().filter_map(|name| {
                stage.end.get(name).and_then(|x| x.as_f64()).map(|x| format!("{} {x:.4}", name.replace('_', " ")))
            });
        let likelihood: Vec<String> = likelihood.collect();
        if !likelihood.is_empty() {
            let _ = writeln!(text, "       at its end: {}", likelihood.join(", "));
        }
    }
    text
}

/// The filters of largest norm in letters: # and + are positive weights, = and - negative ones.
fn printed(machine: &Rbm, order: &[usize], (rows, columns): (usize, usize)) -> String {
    if columns > 40 || rows > 40 {
        return String::new();
    }
    let weights = machine.weights();
    let shown = &order[..order.len().min(PRINTED).min(80 / (columns + 2)).max(1)];
    let largest = shown.iter().flat_map(|j| weights.column(*j).iter().map(|w| w.abs()).collect::<Vec<_>>());
    let largest = largest.fold(f64::MIN_POSITIVE, f64::max);
    let mut text = format!(
        "\nFilters of largest norm (hidden units {}); # and + positive, = and - negative, . below {:.2}:\n",
        shown.iter().map(usize::to_string).collect::<Vec<_>>().join(", "),
        0.15 * largest
    );
    for row in 0..rows {
        for j in shown {
            for column in 0..columns {
                text.push(match weights[(row * columns + column, *j)] / largest {
                    share if share > 0.5 => '#',
                    share if share > 0.15 => '+',
                    share if share < -0.5 => '=',
                    share if share < -0.15 => '-',
                    _ => '.',
                });
            }
            text.push_str("  ");
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}

fn filters(machine: &Rbm, order: &[usize], norms: &[f64], columns: usize) -> Matrices {
    let panel = |j: &usize| Matrix {
        title: format!("h{j}, |W| = {:.2}", norms[*j]),
        width: columns,
        values: machine.weights().column(*j).iter().map(|w| Some(*w)).collect(),
    };
    let panels: Vec<Matrix> = order.iter().take(DRAWN).map(panel).collect();
    let width = panels.len().isqrt().max(1);
    let width = if width * width < panels.len() { width + 1 } else { width };
    Matrices {
        title: format!("Filters of a machine of {} visible and {} hidden units", machine.visible(), machine.hidden()),
        subtitle: "weights of a hidden unit to every visible one, by decreasing norm".to_string(),
        label: "W_ij".to_string(),
        panels,
        columns: width,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The second hidden unit has the longest weights: its panel comes first, and says whose it is.
    #[test]
    fn filters_are_named_by_their_units() {
        let mut machine = Rbm::new(2, 2).unwrap();
        machine.parameters_mut()[..4].copy_from_slice(&[0.5, 3.0, -0.25, -4.0]);
        let panels = filters(&machine, &[1, 0], &[0.56, 5.0], 2).panels;
        let told: Vec<_> = panels.iter().map(|panel| (&*panel.title, &panel.values[..])).collect();
        assert_eq!(told[0], ("h1, |W| = 5.00", &[Some(3.0), Some(-4.0)][..]));
        assert_eq!(told[1], ("h0, |W| = 0.56", &[Some(0.5), Some(-0.25)][..]));
    }
}
