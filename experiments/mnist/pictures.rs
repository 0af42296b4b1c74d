//! Pictures of a machine of digits: what it has learned, dreams and fills in.

use super::digits::LABELS;
use super::measuring::{Exam, Machine};
use gibbsite::configuration::{bit, copy_bits, set_bit, words_for};
use gibbsite::model::labelled_rbm::LabelledRbm;
use gibbsite::path::uniform_configurations;
use gibbsite::prelude::*;
use laboratory::prelude::*;
use laboratory::report::tiles::{Tile, Tiles};
use std::fmt::Write;

/// A small picture as a line of a table.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, DocumentedFields)]
pub struct Line {
    /// The picture that it is part of.
    pub picture: String,
    /// The row that it stands in.
    pub row: String,
    /// The column that it stands in.
    pub column: String,
    /// What stands in its middle.
    pub text: String,
    /// Pixels from left to right.
    pub width: usize,
    /// Two hexadecimal digits a pixel: 128 + 127 value, a value within -1 and 1.
    pub pixels: String,
}

fn encode(values: impl IntoIterator<Item = f64>) -> String {
    values.into_iter().fold(String::new(), |mut text, value| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{:02x}", (128.0 + 127.0 * value.clamp(-1.0, 1.0)).round() as u8);
        text
    })
}

fn decode(text: &str) -> Vec<f64> {
    let byte = |at: usize| text.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
    (0..text.len()).step_by(2).map(|at| (f64::from(byte(at).unwrap_or(128)) - 128.0) / 127.0).collect()
}

/// Hidden units that are shown.
const FILTERS: usize = 100;
/// Filters in a row.
const FILTERS_A_ROW: usize = 20;
/// Chains, and Gibbs steps between two of their pictures, as in the Deep Learning Tutorial.
const CHAINS: usize = 20;
const STEPS_BETWEEN: usize = 1000;
const PICTURES_A_CHAIN: usize = 10;
/// Dreams of a label, and Gibbs steps from random pixels to a dream.
const DREAMS: usize = 20;
const STEPS_TO_DREAM: usize = 2000;
/// Ways to fill a digit in: those that are shown, and those that their mean is taken over.
const SHOWN: usize = 4;
const FILLED: usize = 20;
const STEPS_TO_FILL: usize = 1000;

/// The picture's lines, each by its place.
struct Sheet<'a> {
    width: usize,
    picture: &'a str,
    lines: Vec<Line>,
}

impl<'a> Sheet<'a> {
    fn new(picture: &'a str, width: usize) -> Self {
        Self { width, picture, lines: Vec::new() }
    }

    fn add(&mut self, row: impl ToString, column: impl ToString, values: impl IntoIterator<Item = f64>) {
        self.lines.push(Line {
            picture: self.picture.to_string(),
            row: row.to_string(),
            column: column.to_string(),
            text: String::new(),
            width: self.width,
            pixels: encode(values),
        });
    }
}

/// p(v_i = 1 | h) of the first `pixels` visible units, with the hidden units of a row.
fn expected_pixels(rbm: &Rbm, row: &[u64], pixels: usize) -> Vec<f64> {
    let (n, m) = (rbm.visible(), rbm.hidden());
    let mut hidden = vec![0; words_for(m)];
    copy_bits(row, n, m, &mut hidden, 0);
    (0..pixels).map(|i| rbm.visible_probability(&hidden, i)).collect()
}

/// Every picture of a machine; rows of the table.
pub fn all<M: Machine>(machine: &M, exam: &Exam, width: usize, seed: Seed) -> Result<Vec<Line>> {
    let mut lines = filters(machine, exam, width);
    lines.extend(chains(machine, exam, width, seed.child("chains", 0)));
    lines.extend(filled_in(machine, exam, width, seed.child("filled in", 0))?);
    if let Some(labelled) = machine.labelled() {
        lines.extend(dreams(labelled, width, seed.child("dreams", 0))?);
        lines.extend(confusion(&exam.labels, &exam.recognised(labelled)));
    }
    Ok(lines)
}

/// The weights of the hidden units with the longest ones, each in units of its largest.
fn filters<M: Machine>(machine: &M, exam: &Exam, width: usize) -> Vec<Line> {
    let (weights, pixels) = (machine.rbm().weights(), exam.pixels);
    let norm = |j: usize| (0..pixels).map(|i| weights[(i, j)].powi(2)).sum::<f64>();
    let mut order: Vec<(f64, usize)> = (0..machine.hidden()).map(|j| (norm(j), j)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut sheet = Sheet::new("filters", width);
    for (place, (_, j)) in order.into_iter().take(FILTERS).enumerate() {
        let largest = (0..pixels).map(|i| weights[(i, j)].abs()).fold(1e-300, f64::max);
        let values = (0..pixels).map(|i| weights[(i, j)] / largest);
        sheet.add(format!("row {}", place / FILTERS_A_ROW), format!("column {}", place % FILTERS_A_ROW), values);
    }
    sheet.lines
}

/// Chains from test digits, 1000 Gibbs steps from picture to picture.
fn chains<M: Machine>(machine: &M, exam: &Exam, width: usize, seed: Seed) -> Vec<Line> {
    let starts = exam.first(machine, CHAINS);
    let (kernel, mut sheet) = (machine.kernel(), Sheet::new("chains", width));
    let mut chains = Chains::new(starts.widened(machine.hidden()), seed);
    for picture in 0..PICTURES_A_CHAIN {
        for s in 0..starts.len() {
            let (row, column) = (picture * STEPS_BETWEEN, format!("chain {s}"));
            match picture {
                0 => sheet.add(row, column, (0..exam.pixels).map(|i| f64::from(u8::from(bit(starts.row(s), i))))),
                _ => sheet.add(row, column, expected_pixels(machine.rbm(), chains.states().row(s), exam.pixels)),
            }
        }
        if picture + 1 < PICTURES_A_CHAIN {
            kernel.advance(&mut chains, 1.0, STEPS_BETWEEN, Clamp::Nothing);
        }
    }
    sheet.lines
}

/// Chains from random pixels with a label held.
fn dreams(machine: &LabelledRbm, width: usize, seed: Seed) -> Result<Vec<Line>> {
    let units = machine.visible() + machine.hidden();
    let mut starts = uniform_configurations(units, LABELS * DREAMS, seed.child("starts", 0));
    (0..starts.len()).for_each(|s| machine.set_label(starts.row_mut(s), s / DREAMS));
    let mut held = vec![0; words_for(units)];
    (machine.pixels()..machine.visible()).for_each(|i| set_bit(&mut held, i, true));
    let mut chains = Chains::new(starts, seed);
    machine.kernel().advance_holding(&mut chains, 1.0, STEPS_TO_DREAM, &held)?;
    let mut sheet = Sheet::new("dreams", width);
    for s in 0..LABELS * DREAMS {
        let values = expected_pixels(machine.rbm(), chains.states().row(s), machine.pixels());
        sheet.add(s / DREAMS, format!("dream {}", s % DREAMS), values);
    }
    Ok(sheet.lines)
}

/// The first test digit of every label with its lower half missing, and what chains with the upper half held put there.
fn filled_in<M: Machine>(machine: &M, exam: &Exam, width: usize, seed: Seed) -> Result<Vec<Line>> {
    let (pixels, units) = (exam.pixels, machine.visible() + machine.hidden());
    let given = pixels / width / 2 * width;
    let first = |label: usize| exam.labels.iter().position(|of_digit| *of_digit == label);
    let digits: Vec<usize> = (0..LABELS).filter_map(first).collect();
    let mut starts = uniform_configurations(units, digits.len() * FILLED, seed.child("starts", 0));
    for (s, digit) in digits.iter().flat_map(|digit| [digit; FILLED]).enumerate() {
        (0..given).for_each(|i| set_bit(starts.row_mut(s), i, bit(exam.test.row(*digit), i)));
    }
    let mut held = vec![0; words_for(units)];
    (0..given).for_each(|i| set_bit(&mut held, i, true));
    let mut chains = Chains::new(starts, seed);
    machine.kernel().advance_holding(&mut chains, 1.0, STEPS_TO_FILL, &held)?;
    let mut sheet = Sheet::new("filled_in", width);
    let ink = |digit: usize, i: usize| f64::from(u8::from(bit(exam.test.row(digit), i)));
    for (place, &digit) in digits.iter().enumerate() {
        let column = exam.labels[digit];
        let whole = |chain: usize| -> Vec<f64> {
            let expected = expected_pixels(machine.rbm(), chains.states().row(place * FILLED + chain), pixels);
            let part = |(i, p): (usize, f64)| if i < given { ink(digit, i) } else { p };
            expected.into_iter().enumerate().map(part).collect()
        };
        sheet.add("test digit", column, (0..pixels).map(|i| ink(digit, i)));
        sheet.add("what is given", column, (0..pixels).map(|i| if i < given { ink(digit, i) } else { MISSING }));
        let all: Vec<Vec<f64>> = (0..FILLED).map(whole).collect();
        for (number, values) in all.iter().take(SHOWN).enumerate() {
            sheet.add(format!("filled in {}", number + 1), column, values.iter().copied());
        }
        let mean = |i: usize| all.iter().map(|values| values[i]).sum::<f64>() / FILLED as f64;
        sheet.add(format!("mean of {FILLED}"), column, (0..pixels).map(mean));
    }
    Ok(sheet.lines)
}

/// The value, and so the colour, of a pixel that is missing.
const MISSING: f64 = -0.3;

/// How often digits of a label are taken for another.
fn confusion(labels: &[usize], recognised: &[usize]) -> Vec<Line> {
    let mut counts = [[0_usize; LABELS]; LABELS];
    for (label, found) in labels.iter().zip(recognised) {
        counts[*label][*found] += 1;
    }
    let mut sheet = Sheet::new("confusion", 1);
    for (label, row) in counts.iter().enumerate() {
        let total = row.iter().sum::<usize>().max(1) as f64;
        for (found, &count) in row.iter().enumerate() {
            // A few mistakes are to be seen beside a thousand hits; hits pale.
            let share = count as f64 / total;
            let value = if found == label { 0.25 * share } else { -(5.0 * share).min(1.0) };
            sheet.add(label, found, [value]);
            if let Some(line) = sheet.lines.last_mut().filter(|_| count > 0) {
                line.text = count.to_string();
            }
        }
    }
    sheet.lines
}

/// A picture of its lines.
pub fn sheet(
    lines: &[&Line],
    title: &str,
    subtitle: &str,
    zoom: u32,
    (rows_named, columns_named): (bool, bool),
) -> Tiles {
    let mut rows: Vec<(String, Vec<Tile>)> = Vec::new();
    let mut columns: Vec<String> = Vec::new();
    // In-painting comes digit by digit, and all others row by row: a row is found by its name.
    for line in lines {
        if !columns.contains(&line.column) {
            columns.push(line.column.clone());
        }
        let tile = Tile { width: line.width, pixels: decode(&line.pixels), text: line.text.clone() };
        match rows.iter_mut().find(|(name, _)| *name == line.row) {
            Some((_, tiles)) => tiles.push(tile),
            None => rows.push((line.row.clone(), vec![tile])),
        }
    }
    if !rows_named {
        rows.iter_mut().for_each(|(name, _)| name.clear());
    }
    let columns = if columns_named { columns } else { Vec::new() };
    Tiles { title: title.to_string(), subtitle: subtitle.to_string(), columns, rows, zoom }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_are_read_as_they_were_written() {
        let text = encode([0.0, 1.0, -1.0, 0.5, 7.0]);
        assert_eq!(text, "80ff01c0ff");
        let values = decode(&text);
        assert_eq!(values[..3], [0.0, 1.0, -1.0]);
        assert!((values[3] - 0.5).abs() < 1.0 / 127.0 && values.len() == 5);
    }

    /// A 3 that is read as an 8 stands in the row of the threes and the column of the eights, a mistake in half of them.
    #[test]
    fn digits_stand_in_the_rows_of_what_they_are() {
        let lines = confusion(&[3, 3, 8], &[8, 3, 8]);
        let of =
            |row: &str, column: &str| lines.iter().find(|line| (&*line.row, &*line.column) == (row, column)).unwrap();
        assert_eq!(
            [of("3", "8"), of("3", "3"), of("8", "8"), of("8", "3")].map(|line| &*line.text),
            ["1", "1", "1", ""]
        );
        let value = |line: &Line| decode(&line.pixels)[0];
        assert!(value(of("3", "8")) < -0.9 && value(of("8", "8")) > value(of("3", "3")) && value(of("8", "3")) == 0.0);
    }

    /// Lines that come column by column make rows all the same.
    #[test]
    fn a_sheet_has_its_rows() {
        let mut sheet_lines = Sheet::new("filled_in", 1);
        for (row, column, value) in [("a", 0, 0.0), ("b", 0, 1.0), ("a", 1, -1.0), ("b", 1, 0.0)] {
            sheet_lines.add(row, column, [value]);
        }
        let lines: Vec<&Line> = sheet_lines.lines.iter().collect();
        let tiles = sheet(&lines, "title", "subtitle", 2, (true, true));
        let first: Vec<f64> = tiles.rows[0].1.iter().map(|tile| tile.pixels[0]).collect();
        assert_eq!(
            (tiles.columns, tiles.rows[1].0.as_str(), first),
            (vec!["0".into(), "1".into()], "b", vec![0.0, -1.0])
        );
    }
}
