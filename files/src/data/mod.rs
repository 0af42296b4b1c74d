//! Configurations: text, .npy files and images, read in one pass into bits.
//!
//! A new format has a file here, the bytes that it begins with in `reader_of`.

mod images;
mod npy;
mod text;

use crate::error::{Error, Result};
use crate::source::{Input, Source};
use gibbsite::configuration::{Configurations, words_for};
use std::fmt;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::str::FromStr;

/// What the reader of a data file is told.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Whether values are -1 and 1, not 0 and 1.
    pub spins: bool,
    /// The column of a text that holds the weights of the rows, where there is one.
    pub weights: Option<Column>,
    /// Whether a text begins with a line of names; found out where nothing is said.
    pub header: Option<bool>,
    /// How many sites a row must have, and what says so: "the machine m.safetensors".
    pub sites: Option<(usize, String)>,
}

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Column {
    /// Counted from 1.
    Number(usize),
    /// The last one.
    Last,
    /// By its name in the header.
    Name(String),
}

impl FromStr for Column {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match (text, text.parse()) {
            ("", _) | (_, Ok(0)) => Err("write last, the number of a column from 1 on, or its name".to_string()),
            ("last", _) => Ok(Column::Last),
            (_, Ok(number)) => Ok(Column::Number(number)),
            _ => Ok(Column::Name(text.to_string())),
        }
    }
}

impl fmt::Display for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Column::Number(number) => number.fmt(f),
            Column::Last => f.write_str("last"),
            Column::Name(name) => f.write_str(name),
        }
    }
}

/// A format of data files that are read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines of values.
    Text,
    /// NumPy's array.
    Npy,
}

/// A reader of files that begin in its way.
type Reader = fn(&Path, Input, &Reading, &mut Report) -> Result<Configurations>;

/// What a file begins with that is no data file, what it is, and how it becomes one.
const OTHERS: [(&[u8], &str, &str); 6] = [
    (b"PK\x03\x04", "a zip archive, such as .npz or .xlsx", "save one array with numpy.save, or text"),
    (b"\x1f\x8b", "compressed by gzip", "unpack it: gunzip -c FILE | gibbsite ... -"),
    (b"\x89HDF", "an HDF5 file", "save the array of configurations with numpy.save"),
    (b"\x80\x04", "a Python pickle", "save the array with numpy.save"),
    (b"\xff\xfe", "UTF-16 text", "save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text", "save it as UTF-8"),
];

/// The reader, by the bytes that a file begins with.
fn reader_of(path: &Path, start: &[u8]) -> Result<Reader> {
    if start.starts_with(b"\x93NUMPY") {
        return Ok(npy::read);
    }
    if start.starts_with(&images::MAGIC) {
        return Ok(images::read);
    }
    if let Some((_, what, mend)) = OTHERS.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return Err(Error::content(path, format!("it is {what}"), *mend));
    }
    if start.len() > 8 && start[8] == b'{' && start[3..8].iter().all(|byte| *byte == 0) {
        return Err(Error::content(path, "it is a safetensors file, a machine perhaps", "name a file of data"));
    }
    Ok(text::read)
}

impl Format {
    /// By the name of a file that is to be written.
    pub fn of_name(path: &Path) -> Self {
        let npy = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("npy"));
        if npy { Format::Npy } else { Format::Text }
    }
}

/// Called now and then while a file is read: bytes so far, and bytes in all where that is known.
pub type Report<'a> = dyn FnMut(u64, Option<u64>) + 'a;

/// Reads configurations, of whichever format.
pub fn read(source: &Source, reading: &Reading, report: &mut Report) -> Result<Configurations> {
    let mut input = source.open()?;
    let path = source.path();
    let start = input.bytes.fill_buf().map_err(|reason| Error::cannot_read(path, reason))?;
    if start.is_empty() {
        return Err(Error::content(path, "it is empty", "give at least one configuration"));
    }
    reader_of(path, start)?(path, input, reading, report)
}

/// The same from bytes in memory, named `path` in messages.
pub fn read_bytes(path: &Path, bytes: &[u8], reading: &Reading) -> Result<Configurations> {
    if bytes.is_empty() {
        return Err(Error::content(path, "it is empty", "give at least one configuration"));
    }
    let reader = reader_of(path, &bytes[..bytes.len().min(16)])?;
    let input = Input { bytes: Box::new(io::Cursor::new(bytes.to_vec())), length: Some(bytes.len() as u64) };
    reader(path, input, reading, &mut |_, _| {})
}

/// Configurations that are being read: a bit at a time, a row at a time.
struct Rows<'a> {
    path: &'a Path,
    sites: usize,
    bits: Vec<u64>,
    weights: Option<Vec<f64>>,
}

impl<'a> Rows<'a> {
    /// Of so many sites, which must be as many as are wanted.
    fn new(
        path: &'a Path,
        sites: usize,
        reading: &Reading,
        place: impl FnOnce(String, String) -> Error,
    ) -> Result<Self> {
        if sites == 0 {
            return Err(place(
                "a row has no site".to_string(),
                "give at least one value beside the weight".to_string(),
            ));
        }
        match &reading.sites {
            Some((wanted, who)) if *wanted != sites => Err(place(
                format!("a row has {sites} site{}, and {who} has {wanted}", if sites == 1 { "" } else { "s" }),
                format!("give rows of {wanted} values"),
            )),
            _ => Ok(Self { path, sites, bits: Vec::new(), weights: reading.weights.as_ref().map(|_| Vec::new()) }),
        }
    }

    /// All that was read.
    fn finish(self) -> Result<Configurations> {
        let refuse = |problem: &str, mend: &str| Err(Error::content(self.path, problem, mend));
        if self.bits.is_empty() {
            return refuse("it holds no configuration", "give at least one row of values");
        }
        let Some(mut weights) = self.weights else {
            return Ok(Configurations::from_bits(self.sites, self.bits)?);
        };
        let largest = weights.iter().copied().fold(0.0, f64::max);
        if largest == 0.0 {
            return refuse("all weights are 0", "give one row at least a positive weight");
        }
        // Large and small weights alike are first brought near 1, where their sum is finite.
        weights.iter_mut().for_each(|weight| *weight /= largest);
        let total: f64 = weights.iter().sum();
        weights.iter_mut().for_each(|weight| *weight /= total);
        Ok(Configurations::weighted(self.sites, self.bits, weights)?)
    }
}

/// Whether a value is up; `None` where it is neither of both.
fn up(value: f64, spins: bool) -> Option<bool> {
    match value {
        1.0 => Some(true),
        0.0 if !spins => Some(false),
        -1.0 if spins => Some(false),
        _ => None,
    }
}

/// What is wrong with a value, and the mend.
fn neither(what: &str, value: &str, number: Option<f64>, spins: bool) -> (String, String) {
    let (values, mend) = match (spins, number) {
        (true, Some(0.0)) => ("neither -1 nor 1", "leave --spins away where data are 0 and 1"),
        (true, _) => ("neither -1 nor 1", "give spins of -1 and 1 with --spins"),
        (false, Some(-1.0)) => ("neither 0 nor 1", "give --spins where data are -1 and 1"),
        (false, _) => ("neither 0 nor 1", "give data of 0 and 1, or of -1 and 1 with --spins"),
    };
    (format!("{what} is {value}, {values}"), mend.to_string())
}

/// How data are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Writing {
    /// The format.
    pub format: Format,
    /// Between the values of a line: a space or a comma.
    pub separator: u8,
    /// Whether values are -1 and 1.
    pub spins: bool,
}

impl Writing {
    /// By the name of the file: .npy, .csv with commas, anything else text with spaces.
    pub fn of_name(path: &Path, spins: bool) -> Self {
        let csv = path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("csv"));
        Self { format: Format::of_name(path), separator: if csv { b',' } else { b' ' }, spins }
    }
}

/// Writes configurations; text has the weights in a last column, where there are weights. An array has none.
pub fn write(output: &mut dyn Write, data: &Configurations, writing: Writing) -> io::Result<()> {
    match writing.format {
        Format::Text => text::write(output, data, writing),
        Format::Npy => npy::write(output, data, writing),
    }
}

/// A checksum of data sets, missing ones included: the same data have the same.
pub fn fingerprint(all: &[Option<&Configurations>]) -> u64 {
    let mut bytes = Vec::new();
    for data in all {
        let (sites, bits, weights) = match data {
            Some(data) => (data.sites(), data.bits(), data.weights().unwrap_or_default()),
            None => (0, &[][..], &[][..]),
        };
        bytes.extend((sites as u64).to_le_bytes());
        bytes.extend(checksum_of_words(bits.iter().copied()).to_le_bytes());
        bytes.extend(checksum_of_words(weights.iter().map(|weight| weight.to_bits())).to_le_bytes());
    }
    crate::checkpoint::checksum(&bytes)
}

/// In pieces, so that no second copy is made of large data.
fn checksum_of_words(words: impl Iterator<Item = u64>) -> u64 {
    let mut hasher = twox_hash::XxHash3_64::default();
    words.for_each(|word| std::hash::Hasher::write(&mut hasher, &word.to_le_bytes()));
    std::hash::Hasher::finish(&hasher)
}

/// Appends the bits of rows that are complete.
fn push_row(bits: &mut Vec<u64>, row: &[u64], sites: usize) {
    bits.extend_from_slice(&row[..words_for(sites)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bits, weights, sizes and which of several sets is missing.
    #[test]
    fn fingerprints_tell_data_apart() {
        let weighted = |weights: [f64; 2]| Configurations::weighted(3, vec![0b101, 0b010], weights.to_vec()).unwrap();
        let plain = |bits: [u64; 2]| {
            let mut rows = Configurations::zeros(3, 2);
            bits.iter().enumerate().for_each(|(s, bits)| rows.row_mut(s)[0] = *bits);
            rows
        };
        let (a, b, c, d) = (plain([5, 2]), plain([5, 3]), weighted([0.5, 0.5]), weighted([0.25, 0.75]));
        let all = [
            &[Some(&a)][..],
            &[Some(&b)],
            &[Some(&c)],
            &[Some(&d)],
            &[Some(&a), None],
            &[None, Some(&a)],
            &[Some(&a), Some(&b)],
        ];
        let mut found: Vec<u64> = all.iter().map(|data| fingerprint(data)).collect();
        assert_eq!(fingerprint(&[Some(&a.clone())]), found[0]);
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), all.len());
    }
}
