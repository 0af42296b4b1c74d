//! Lines of values, with spaces, tabs, commas or semicolons between them; or one word of 0 and 1 a line.

use super::{Column, Reading, Report, Rows, Writing, neither, push_row, up};
use crate::error::{Error, Result};
use crate::source::Input;
use gibbsite::configuration::{Configurations, bit, words_for};
use std::io::{self, BufRead, Write};
use std::path::Path;

/// Where a line stands: for messages.
struct Line<'a> {
    path: &'a Path,
    number: usize,
}

impl Line<'_> {
    fn refuse(&self, problem: impl Into<String>, mend: impl Into<String>) -> Error {
        Error::at_line(self.path, self.number, problem, mend)
    }
}

/// A word of the file as messages show it.
fn shown(word: &[u8]) -> String {
    let text: String = String::from_utf8_lossy(&word[..word.len().min(96)]).chars().take(24).collect();
    let text: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if word.len() > text.len() { format!("`{text}...`") } else { format!("`{text}`") }
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_separator(byte: u8) -> bool {
    byte == b',' || byte == b';'
}

/// The words of a line. Spaces and tabs join; between two commas, and after one, there must be a word.
struct Words<'a> {
    rest: &'a [u8],
    after_separator: bool,
}

impl<'a> Words<'a> {
    fn of(line: &'a [u8]) -> Self {
        Self { rest: line, after_separator: false }
    }

    /// The next word; empty where there is none between separators; `None` at the end.
    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest;
        let start = rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len());
        if start == rest.len() && !self.after_separator {
            return None;
        }
        let word = &rest[start..];
        let end = word.iter().position(|byte| is_space(*byte) || is_separator(*byte)).unwrap_or(word.len());
        let (word, rest) = word.split_at(end);
        let gap = rest.iter().position(|byte| !is_space(*byte)).unwrap_or(rest.len());
        self.after_separator = rest.get(gap).is_some_and(|byte| is_separator(*byte));
        self.rest = &rest[gap + usize::from(self.after_separator)..];
        Some(word)
    }
}

fn number(word: &[u8]) -> Option<f64> {
    let word = word.strip_prefix(b"\"").and_then(|word| word.strip_suffix(b"\"")).unwrap_or(word);
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// A word of 0 and 1 alone that is longer than one of them.
fn is_packed(word: &[u8]) -> bool {
    word.len() > 1 && word.iter().all(|byte| matches!(byte, b'0' | b'1'))
}

/// A line without its end and its comment.
fn content(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let end = line.iter().position(|byte| *byte == b'#').unwrap_or(line.len());
    let line = &line[..end];
    let end = line.iter().rposition(|byte| !is_space(*byte)).map_or(0, |last| last + 1);
    &line[..end]
}

/// Whether the first line names columns: a word that is no number, or 0, 1, 2, ... as other programs name them.
fn names_columns(line: &[u8]) -> bool {
    let (mut words, mut count, mut in_order, mut all) = (Words::of(line), 0, true, true);
    while let Some(word) = words.next() {
        let value = number(word);
        all &= value.is_some();
        in_order &= value == Some(count as f64);
        count += 1;
    }
    !all || (in_order && count > 2)
}

/// What the first line of values says of all others.
struct Shape {
    /// Values of a row, its weight included.
    columns: usize,
    /// Which of them is the weight.
    weight: Option<usize>,
    /// Whether the sites are one word.
    packed: bool,
    spins: bool,
    /// Whether every value is a 0 or a 1 of a column of its own.
    plain: bool,
}

impl Shape {
    fn of(line: &[u8], names: Option<&[String]>, reading: &Reading, place: &Line) -> Result<(Self, usize)> {
        let mut words = Words::of(line);
        let mut first = Vec::new();
        while let Some(word) = words.next() {
            first.push(word);
        }
        let columns = first.len();
        let weight = match &reading.weights {
            None => None,
            Some(Column::Last) => Some(columns - 1),
            Some(Column::Number(number)) if *number <= columns => Some(number - 1),
            Some(Column::Number(number)) => {
                let problem = format!("there are {columns} columns, and weights should stand in number {number}");
                return Err(place.refuse(problem, "name another with --weights"));
            }
            Some(Column::Name(name)) => match names.map(|names| names.iter().position(|known| known == name)) {
                Some(Some(column)) if column < columns => Some(column),
                Some(_) => {
                    let known = names.unwrap_or_default().iter().take(8).cloned().collect::<Vec<_>>().join(", ");
                    let problem = format!("no column is named {name} ({known})");
                    return Err(place.refuse(problem, "name one of the header with --weights"));
                }
                None => {
                    let problem = format!("weights should stand in the column {name}, and no header names any");
                    return Err(place.refuse(problem, "give the number of the column with --weights"));
                }
            },
        };
        let values: Vec<&[u8]> =
            first.iter().enumerate().filter(|(k, _)| Some(*k) != weight).map(|(_, word)| *word).collect();
        let packed = matches!(values[..], [word] if is_packed(word)) && !reading.spins;
        let sites = if packed { values[0].len() } else { values.len() };
        let plain = weight.is_none() && !packed && !reading.spins;
        Ok((Self { columns, weight, packed, spins: reading.spins, plain }, sites))
    }
}

/// Reads them.
pub(super) fn read(path: &Path, mut input: Input, reading: &Reading, report: &mut Report) -> Result<Configurations> {
    let (mut line, mut place, mut done, mut told) = (Vec::new(), Line { path, number: 0 }, 0_u64, 0_u64);
    let mut names: Option<Vec<String>> = None;
    let mut found: Option<(Shape, Rows)> = None;
    let mut row: Vec<u64> = Vec::new();
    let mut header = reading.header;
    loop {
        line.clear();
        let length = input.bytes.read_until(b'\n', &mut line).map_err(|reason| Error::cannot_read(path, reason))?;
        if length == 0 {
            break;
        }
        place.number += 1;
        done += length as u64;
        if done - told > 1 << 24 {
            told = done;
            report(done, input.length);
        }
        let start = if place.number == 1 && line.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let words = content(&line[start..]);
        if words.is_empty() {
            continue;
        }
        if found.is_none() {
            if words.contains(&0) {
                let mend = "give text, or an array saved with numpy.save";
                return Err(place.refuse("it is not text", mend));
            }
            if header.unwrap_or_else(|| names_columns(words)) {
                header = Some(false);
                let mut all = Words::of(words);
                let of_word = |word: &[u8]| String::from_utf8_lossy(word).trim_matches('"').to_string();
                names = Some(std::iter::from_fn(|| all.next()).map(of_word).collect());
                continue;
            }
            header = Some(false);
        }
        let (shape, rows) = match &mut found {
            Some(found) => found,
            None => {
                let (shape, sites) = Shape::of(words, names.as_deref(), reading, &place)?;
                let rows = Rows::new(path, sites, reading, |problem, mend| place.refuse(problem, mend))?;
                row = vec![0; words_for(sites)];
                found.insert((shape, rows))
            }
        };
        read_row(words, shape, rows, &mut row, &place)?;
    }
    report(done, input.length);
    match found {
        Some((_, rows)) => rows.finish(),
        None => Err(Error::content(path, "it holds no configuration", "give at least one line of values")),
    }
}

/// A line of single 0 and 1 with one separator between them, as most files have it; whether it is one.
fn read_plain(line: &[u8], columns: usize, row: &mut [u64]) -> bool {
    if line.len() + 1 != 2 * columns {
        return false;
    }
    let mut all = true;
    for (word, values) in row.iter_mut().zip(line.chunks(128)) {
        let mut bits = 0;
        for (k, pair) in values.chunks(2).enumerate() {
            let digit = pair[0] ^ b'0';
            all &= digit < 2 && pair.get(1).is_none_or(|byte| is_space(*byte) || is_separator(*byte));
            bits |= u64::from(digit & 1) << k;
        }
        *word = bits;
    }
    all
}

/// One line of values.
fn read_row(line: &[u8], shape: &Shape, rows: &mut Rows, row: &mut [u64], place: &Line) -> Result<()> {
    let sites = rows.sites;
    if shape.plain && read_plain(line, sites, row) {
        push_row(&mut rows.bits, row, sites);
        return Ok(());
    }
    let (mut words, mut column, mut site) = (Words::of(line), 0, 0);
    row.fill(0);
    while let Some(word) = words.next() {
        if column == shape.columns {
            column += 1;
            continue;
        }
        if Some(column) == shape.weight {
            let weight = number(word).filter(|weight| weight.is_finite() && *weight >= 0.0).ok_or_else(|| {
                let problem = format!("the weight {} is no number of 0 or more", shown(word));
                place.refuse(problem, "give finite weights that are not negative, such as counts")
            })?;
            rows.weights.iter_mut().for_each(|weights| weights.push(weight));
        } else if shape.packed {
            if word.len() != sites || !is_packed(word) && sites > 1 {
                let problem = format!("{} is no word of {sites} characters 0 and 1 as the first row has", shown(word));
                return Err(place.refuse(problem, "give rows of equal length"));
            }
            for (site, byte) in word.iter().enumerate() {
                row[site / 64] |= u64::from(*byte == b'1') << (site % 64);
            }
        } else {
            let up = match word {
                b"1" => true,
                b"0" if !shape.spins => false,
                b"-1" if shape.spins => false,
                _ => read_value(word, site, shape.spins, place)?,
            };
            row[site / 64] |= u64::from(up) << (site % 64);
            site += 1;
        }
        column += 1;
    }
    if column != shape.columns {
        let mut words = Words::of(line);
        let count = std::iter::from_fn(|| words.next()).count();
        let problem = format!("{count} values, and the first row has {}", shape.columns);
        return Err(place.refuse(problem, "give rows of equal length"));
    }
    push_row(&mut rows.bits, row, sites);
    Ok(())
}

/// A value that is not written in the shortest way.
#[cold]
fn read_value(word: &[u8], site: usize, spins: bool, place: &Line) -> Result<bool> {
    if word.is_empty() {
        let problem = format!("value {} is missing", site + 1);
        return Err(place.refuse(problem, "give every value, and no comma after the last"));
    }
    let value = number(word);
    value.and_then(|value| up(value, spins)).ok_or_else(|| {
        let (problem, mend) = neither(&format!("value {}", site + 1), &shown(word), value, spins);
        let header = place.number == 1;
        let mend = if header { format!("{mend}; a line of names needs --header yes") } else { mend };
        place.refuse(problem, mend)
    })
}

/// Writes them.
pub(super) fn write(output: &mut dyn Write, data: &Configurations, writing: Writing) -> io::Result<()> {
    let mut line = Vec::new();
    for s in 0..data.len() {
        let row = data.row(s);
        line.clear();
        for site in 0..data.sites() {
            match (bit(row, site), writing.spins) {
                (true, _) => line.extend_from_slice(&[b'1', writing.separator]),
                (false, false) => line.extend_from_slice(&[b'0', writing.separator]),
                (false, true) => line.extend_from_slice(&[b'-', b'1', writing.separator]),
            }
        }
        if data.weights().is_some() {
            line.extend_from_slice(data.weight(s).to_string().as_bytes());
        } else {
            line.pop();
        }
        line.push(b'\n');
        output.write_all(&line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Format, read_bytes};
    use super::*;
    use gibbsite::random::Seed;

    fn read_text(text: &str, reading: &Reading) -> Result<Configurations> {
        read_bytes(Path::new("data.txt"), text.as_bytes(), reading)
    }

    /// Three rows, 101, 010 and 111, as people write them.
    #[test]
    fn every_way_to_write_rows_reads_alike() {
        let expected = Configurations::from_bits(3, vec![5, 2, 7]).unwrap();
        let plain = Reading::default();
        for text in [
            "1 0 1\n0 1 0\n1 1 1\n",
            "1,0,1\r\n0,1,0\r\n1,1,1",
            "\n# a comment\n1\t0\t1 # and one more\n\n0\t1\t0\n  1 1 1  \n",
            "1; 0; 1\n0 ;1 ;0\n1 , 1 , 1\n",
            "a,b,c\n1,0,1\n0,1,0\n1,1,1\n",
            "0,1,2\n1,0,1\n0,1,0\n1,1,1\n",
            "\u{feff}1 0 1\n0 1 0\n1 1 1\n",
            "1.000000000000000000e+00 0.0 1.0\n0 +1 -0\n1. 1 1e0\n",
            "\"1\",\"0\",\"1\"\n\"0\",\"1\",\"0\"\n1,1,1\n",
            "101\n010\n111\n",
        ] {
            assert_eq!(read_text(text, &plain).unwrap(), expected, "{text:?}");
        }
        let spins = Reading { spins: true, ..Reading::default() };
        assert_eq!(read_text("1 -1 +1\n-1 1 -1\n1.0 1 1\n", &spins).unwrap(), expected);
    }

    #[test]
    fn weights_stand_in_any_column() {
        let reading = |column: &str| Reading { weights: Some(column.parse().unwrap()), ..Reading::default() };
        let expected = Configurations::weighted(2, vec![1, 2], vec![0.25, 0.75]).unwrap();
        for (text, column) in [
            ("1 0 10\n0 1 30\n", "last"),
            ("10 1 0\n30 0 1\n", "1"),
            ("a,count,b\n1,0.5,0\n0,1.5,1\n", "count"),
            ("10 1e300\n01 3e300\n", "last"),
            ("10 5e-324\n01 15e-324\n", "2"),
        ] {
            assert_eq!(read_text(text, &reading(column)).unwrap(), expected, "{text}");
        }
    }

    /// Widths around those of words, with weights and without, as 0 and 1 and as spins.
    #[test]
    fn what_is_written_is_read() {
        let mut words = Seed::root(1).words();
        for sites in [1, 2, 63, 64, 65, 200] {
            let mut data = Configurations::zeros(sites, 7);
            for s in 0..7 {
                for i in 0..sites {
                    gibbsite::configuration::set_bit(data.row_mut(s), i, words.next_word() % 2 == 1);
                }
            }
            for (format, separator, spins) in [
                (Format::Text, b' ', false),
                (Format::Text, b',', true),
                (Format::Npy, b' ', false),
                (Format::Npy, b' ', true),
            ] {
                let mut bytes = Vec::new();
                super::super::write(&mut bytes, &data, Writing { format, separator, spins }).unwrap();
                let reading = Reading { spins, header: Some(false), ..Reading::default() };
                assert_eq!(read_bytes(Path::new("x"), &bytes, &reading).unwrap(), data, "{sites} {format:?} {spins}");
            }
            let weighted = Configurations::weighted(sites, data.bits().to_vec(), vec![1.0 / 7.0; 7]).unwrap();
            let mut bytes = Vec::new();
            let writing = Writing { format: Format::Text, separator: b' ', spins: false };
            super::super::write(&mut bytes, &weighted, writing).unwrap();
            let reading = Reading { weights: Some(Column::Last), ..Reading::default() };
            let back = read_bytes(Path::new("x"), &bytes, &reading).unwrap();
            assert_eq!(back.bits(), weighted.bits());
            assert!(back.weights().unwrap().iter().all(|weight| (weight - 1.0 / 7.0).abs() < 1e-15));
        }
    }
}
