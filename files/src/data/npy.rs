//! NumPy's arrays (NEP 1): of bool, integers or floats, row after row or column after column.
//!
//! Read by our own few lines: npyz 0.9 and ndarray-npy 0.10 allocate as many bytes as the header claims to be long, up to 4 GB,
//! and npyz multiplies a shape that may overflow.

use super::{Reading, Report, Rows, Writing, neither, push_row};
use crate::error::{Error, Result};
use crate::source::Input;
use gibbsite::configuration::{Configurations, bit, copy_bits, words_for};
use std::io::{self, BufRead, Read, Write};
use std::path::Path;

/// Longest header that is read; that of an array of bits has about 100 bytes.
const LONGEST_HEADER: usize = 1 << 16;

/// Most sites of a row: of standard input nobody knows the length, and a row is allocated on the header's word.
const MOST_COLUMNS: usize = 1 << 22;

/// A type of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kind {
    /// b, u, i or f.
    letter: u8,
    size: usize,
    big_endian: bool,
}

impl Kind {
    fn parse(text: &str) -> Option<Self> {
        let mut letters = text.bytes();
        let (order, letter, size) = (letters.next()?, letters.next()?, letters.next()?);
        let known =
            matches!((letter, size), (b'b', b'1') | (b'u' | b'i', b'1' | b'2' | b'4' | b'8') | (b'f', b'4' | b'8'));
        let order_is_known = matches!(order, b'<' | b'>' | b'|' | b'=');
        (known && order_is_known && letters.next().is_none()).then(|| Self {
            letter,
            size: usize::from(size - b'0'),
            big_endian: order == b'>',
        })
    }

    /// The bytes of an integer, or of the float of its value.
    fn bytes_of(self, value: i8) -> u64 {
        let mut bytes = match (self.letter, self.size) {
            (b'f', 4) => u64::from(f32::from(value).to_bits()),
            (b'f', _) => f64::from(value).to_bits(),
            (_, 8) => i64::from(value) as u64,
            (_, size) => i64::from(value) as u64 & ((1 << (8 * size)) - 1),
        }
        .to_le_bytes();
        if self.big_endian {
            bytes[..self.size].reverse();
        }
        u64::from_le_bytes(bytes)
    }

    /// What stands for 1 and for the other value, in two ways: floats have two zeros.
    fn patterns(self, spins: bool) -> [u64; 3] {
        let up = self.bytes_of(1);
        // No unsigned number is the spin -1, though its bytes could be.
        let down = match (spins, self.letter) {
            (true, b'u' | b'b') => up,
            (true, _) => self.bytes_of(-1),
            (false, _) => self.bytes_of(0),
        };
        let negative_zero = match (self.letter, spins, self.big_endian) {
            (b'f', false, true) => 0x80,
            (b'f', false, false) => 0x80 << (8 * (self.size - 1)),
            _ => down,
        };
        [up, down, negative_zero]
    }

    /// The value of so many bytes, for messages.
    fn value(self, bytes: &[u8]) -> f64 {
        let mut all = [0; 8];
        let own = &mut all[..self.size];
        own.copy_from_slice(bytes);
        if self.big_endian {
            own.reverse();
        }
        let [a, b, c, d, ..] = all;
        match (self.letter, self.size) {
            (b'f', 4) => f64::from(f32::from_le_bytes([a, b, c, d])),
            (b'f', _) => f64::from_le_bytes(all),
            (b'i', 1) => f64::from(a as i8),
            (b'i', 2) => f64::from(i16::from_le_bytes([a, b])),
            (b'i', 4) => f64::from(i32::from_le_bytes([a, b, c, d])),
            (b'i', _) => i64::from_le_bytes(all) as f64,
            _ => u64::from_le_bytes(all) as f64,
        }
    }

    /// Numbers as bits, 64 a word; the place of the first that stands for neither value.
    fn pack(self, spins: bool, bytes: &[u8], words: &mut [u64]) -> std::result::Result<(), usize> {
        let patterns = self.patterns(spins);
        match self.size {
            1 => pack::<1>(patterns, bytes, words, |[a]| u64::from(a)),
            2 => pack::<2>(patterns, bytes, words, |bytes| u64::from(u16::from_le_bytes(bytes))),
            4 => pack::<4>(patterns, bytes, words, |bytes| u64::from(u32::from_le_bytes(bytes))),
            _ => pack::<8>(patterns, bytes, words, u64::from_le_bytes),
        }
    }
}

fn pack<const SIZE: usize>(
    [up, down, other]: [u64; 3],
    bytes: &[u8],
    words: &mut [u64],
    number: impl Fn([u8; SIZE]) -> u64,
) -> std::result::Result<(), usize> {
    let numbers = bytes.as_chunks::<SIZE>().0;
    let is_known = |x: u64| x == up || x == down || x == other;
    for (place, (word, numbers)) in words.iter_mut().zip(numbers.chunks(64)).enumerate() {
        let (mut bits, mut known) = (0, true);
        for (k, bytes) in numbers.iter().enumerate() {
            let x = number(*bytes);
            bits |= u64::from(x == up) << k;
            known &= is_known(x);
        }
        if !known {
            let first = numbers.iter().position(|bytes| !is_known(number(*bytes)));
            return Err(64 * place + first.unwrap_or(0));
        }
        *word = bits;
    }
    Ok(())
}

/// What a header says.
#[derive(Debug, PartialEq)]
struct Header {
    kind: Kind,
    by_columns: bool,
    shape: Vec<usize>,
    /// Bytes before the numbers.
    length: u64,
}

/// A Python dictionary with three keys, as numpy writes it and any other that Python reads as the same.
fn parse_dictionary(text: &str) -> Option<(&str, bool, Vec<usize>)> {
    let mut rest = text.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let (mut kind, mut by_columns, mut shape) = (None, None, None);
    while !rest.is_empty() {
        let quote = rest.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (key, after) = rest[1..].split_once(quote)?;
        let after = after.trim_start().strip_prefix(':')?.trim_start();
        let after = match key {
            "descr" => {
                let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
                let (text, after) = after[1..].split_once(quote)?;
                kind = Some(text);
                after
            }
            "fortran_order" => {
                let (value, after) = match after.strip_prefix("True") {
                    Some(after) => (true, after),
                    None => (false, after.strip_prefix("False")?),
                };
                by_columns = Some(value);
                after
            }
            "shape" => {
                let (numbers, after) = after.strip_prefix('(')?.split_once(')')?;
                let numbers = numbers.split(',').map(str::trim).filter(|number| !number.is_empty());
                shape = Some(numbers.map(|number| number.parse().ok()).collect::<Option<Vec<usize>>>()?);
                after
            }
            _ => return None,
        };
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if after.is_empty() => after,
            None => return None,
        };
    }
    Some((kind?, by_columns?, shape?))
}

fn read_exactly(path: &Path, input: &mut dyn BufRead, length: usize, at: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = input.take(length as u64).read_to_end(&mut bytes).map_err(|reason| Error::cannot_read(path, reason))?;
    if read < length {
        return Err(Error::at_byte(path, at + read as u64, "it ends in the header", "save the array again"));
    }
    Ok(bytes)
}

fn read_header(path: &Path, input: &mut dyn BufRead) -> Result<Header> {
    let start = read_exactly(path, input, 8, 0)?;
    let (version, width) = match start[6] {
        1 => (1, 2),
        version @ (2 | 3) => (version, 4),
        version => {
            let problem = format!("version {version} of the format is not known");
            return Err(Error::at_byte(path, 6, problem, "save the array with numpy.save"));
        }
    };
    let digits = read_exactly(path, input, width, 8)?;
    let length = digits.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
    if length > LONGEST_HEADER {
        let problem = format!("its header of version {version} claims to be {length} bytes long");
        return Err(Error::at_byte(path, 8, problem, "save a plain array with numpy.save"));
    }
    let at = 8 + width as u64;
    let text = read_exactly(path, input, length, at)?;
    let broken = |problem: &str| Error::at_byte(path, at, problem, "save a plain array with numpy.save");
    let text = std::str::from_utf8(&text).map_err(|_| broken("the header is not text"))?;
    let Some((kind, by_columns, shape)) = parse_dictionary(text) else {
        return Err(broken("the header is not that of a plain array"));
    };
    let Some(kind) = Kind::parse(kind) else {
        let shown: String = kind.chars().filter(|c| !c.is_control()).take(16).collect();
        let problem = format!("numbers of type {shown} are not read");
        return Err(Error::at_byte(path, at, problem, "save bool, integers or floats: array.astype('uint8')"));
    };
    Ok(Header { kind, by_columns, shape, length: at + length as u64 })
}

/// `(5000, 6, 6)`.
fn in_words(shape: &[usize]) -> String {
    let numbers: Vec<String> = shape.iter().take(8).map(usize::to_string).collect();
    format!("({}{})", numbers.join(", "), if shape.len() == 1 { "," } else { "" })
}

/// Numbers that are read at once; a multiple of 64.
const BLOCK: usize = 1 << 15;

/// Reads an array: the first axis counts configurations, all others sites, the last of them fastest.
pub(super) fn read(path: &Path, mut input: Input, reading: &Reading, report: &mut Report) -> Result<Configurations> {
    let header = read_header(path, &mut *input.bytes)?;
    let Header { kind, by_columns, ref shape, length } = header;
    let refuse = |problem: String, mend: &str| Error::at_byte(path, length, problem, mend);
    let shown = in_words(shape);
    if shape.len() < 2 || shape.len() > 8 {
        let problem = format!("an array of shape {shown} is not configurations x sites");
        return Err(refuse(problem, "save an array of two axes; one configuration is array.reshape(1, -1)"));
    }
    let product = |axes: &[usize]| axes.iter().try_fold(1_usize, |product, axis| product.checked_mul(*axis));
    let (count, columns) = (shape[0], product(&shape[1..]));
    let numbers = columns.and_then(|columns| columns.checked_mul(count));
    let bytes = numbers.and_then(|numbers| numbers.checked_mul(kind.size));
    let (Some(columns), Some(numbers), Some(bytes)) = (columns, numbers, bytes) else {
        let problem = format!("the header claims a shape {shown} that no memory holds");
        return Err(refuse(problem, "save the array again"));
    };
    if numbers == 0 {
        return Err(refuse(format!("an array of shape {shown} holds no configuration"), "save at least one"));
    }
    if columns > MOST_COLUMNS {
        let problem =
            format!("configurations of shape {} are more than this program works with", in_words(&shape[1..]));
        return Err(refuse(problem, "give at most 4,194,304 sites"));
    }
    if input.length.is_some_and(|all| all != length + bytes as u64) {
        let there = input.length.unwrap_or(0).saturating_sub(length);
        let problem = format!("shape {shown} takes {bytes} bytes, and {there} are there");
        return Err(refuse(problem, "save the array again; it may have been cut"));
    }
    if reading.weights.is_some() {
        return Err(refuse("an array of bits has no column of weights".to_string(), "give text with such a column"));
    }
    let mut rows = Rows::new(path, columns, reading, |problem, mend| refuse(problem, &mend))?;
    // A line is a row, or all columns one after another.
    let line = if by_columns { numbers } else { columns };
    let mut row = vec![0; words_for(columns)];
    let mut by_column: Vec<u64> = Vec::new();
    let mut words = vec![0; words_for(line.min(BLOCK))];
    let lines_at_once = (BLOCK / line).max(1);
    let mut buffer = vec![0; (lines_at_once * line.min(BLOCK)).min(numbers) * kind.size];
    let mut done = 0;
    while done < numbers {
        // Some whole lines, or a piece of one.
        let at = done % line;
        let piece = (line - at).min(BLOCK);
        let block = if line <= BLOCK { (lines_at_once * line).min(numbers - done) } else { piece };
        let bytes = &mut buffer[..block * kind.size];
        input.bytes.read_exact(bytes).map_err(|reason| match reason.kind() {
            io::ErrorKind::UnexpectedEof => {
                refuse(format!("shape {shown} takes more bytes than are there"), "save the array again")
            }
            _ => Error::cannot_read(path, reason),
        })?;
        for (number, bytes) in bytes.chunks(piece * kind.size).enumerate() {
            kind.pack(reading.spins, bytes, &mut words).map_err(|place| {
                let index = done + number * piece + place;
                let value = kind.value(&bytes[place * kind.size..(place + 1) * kind.size]);
                let places =
                    if by_columns { [index % count, index / count] } else { [index / columns, index % columns] };
                let what = format!("[{}, {}] of the array", places[0], places[1]);
                let (problem, mend) = neither(&what, &value.to_string(), Some(value), reading.spins);
                Error::at_byte(path, length + (index * kind.size) as u64, problem, mend)
            })?;
            let words = &words[..words_for(bytes.len() / kind.size)];
            if by_columns {
                by_column.extend_from_slice(words);
            } else if line <= BLOCK {
                push_row(&mut rows.bits, words, columns);
            } else {
                row[at / 64..at / 64 + words.len()].copy_from_slice(words);
                if at + piece == line {
                    push_row(&mut rows.bits, &row, columns);
                }
            }
        }
        done += block;
        report(length + (done * kind.size) as u64, input.length);
    }
    if by_columns {
        let places = sites_by_columns(&shape[1..]);
        for s in 0..count {
            row.fill(0);
            for (column, site) in places.iter().enumerate() {
                copy_bits(&by_column, column * count + s, 1, &mut row, *site);
            }
            push_row(&mut rows.bits, &row, columns);
        }
    }
    if input.bytes.fill_buf().is_ok_and(|rest| !rest.is_empty()) {
        let problem = format!("there is more than the array of shape {shown}");
        return Err(refuse(problem, "save one array a file"));
    }
    rows.finish()
}

/// Which site every column of a file is that counts the first axes fastest.
fn sites_by_columns(axes: &[usize]) -> Vec<usize> {
    let mut places = vec![0];
    let mut strides: Vec<usize> = vec![1; axes.len()];
    for k in (0..axes.len().saturating_sub(1)).rev() {
        strides[k] = strides[k + 1] * axes[k + 1];
    }
    for (axis, stride) in axes.iter().zip(strides) {
        places = (0..*axis).flat_map(|k| places.iter().map(move |place| place + k * stride)).collect();
    }
    places
}

/// Writes an array of u1, or of i1 for spins.
pub(super) fn write(output: &mut dyn Write, data: &Configurations, writing: Writing) -> io::Result<()> {
    let kind = if writing.spins { "|i1" } else { "|u1" };
    let mut text =
        format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({}, {}), }}", data.len(), data.sites());
    // The numbers begin at a multiple of 64.
    let length = (10 + text.len() + 1).next_multiple_of(64) - 10;
    while text.len() < length - 1 {
        text.push(' ');
    }
    text.push('\n');
    output.write_all(b"\x93NUMPY\x01\x00")?;
    output.write_all(&(length as u16).to_le_bytes())?;
    output.write_all(text.as_bytes())?;
    let down = if writing.spins { u8::MAX } else { 0 };
    let mut line = vec![0; data.sites()];
    for s in 0..data.len() {
        let row = data.row(s);
        line.iter_mut().enumerate().for_each(|(i, value)| *value = if bit(row, i) { 1 } else { down });
        output.write_all(&line)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::read_bytes;
    use super::*;

    /// An array as numpy writes it; `value` of every index in the order of the file.
    fn array(kind: &str, by_columns: bool, shape: &[usize], bytes: &[u8]) -> Vec<u8> {
        let order = if by_columns { "True" } else { "False" };
        let text = format!("{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {}, }}\n", in_words(shape));
        let mut all = b"\x93NUMPY\x01\x00".to_vec();
        all.extend((text.len() as u16).to_le_bytes());
        all.extend(text.bytes());
        all.extend(bytes);
        all
    }

    fn number(kind: &str, up: bool, down: i8) -> Vec<u8> {
        let value = if up { 1 } else { down };
        let mut bytes = match &kind[1..] {
            "f4" => f32::from(value).to_le_bytes().to_vec(),
            "f8" => f64::from(value).to_le_bytes().to_vec(),
            other => {
                let size = usize::from(other.as_bytes()[1] - b'0');
                i64::from(value).to_le_bytes()[..size].to_vec()
            }
        };
        if kind.starts_with('>') {
            bytes.reverse();
        }
        bytes
    }

    /// Rows 101 and 010 in every type and both orders.
    #[test]
    fn every_type_and_order_reads_alike() {
        let expected = Configurations::from_bits(3, vec![5, 2]).unwrap();
        let rows = [[true, false, true], [false, true, false]];
        for kind in
            ["|b1", "|u1", "|i1", "<i2", "<u2", "<i4", ">i4", "<u4", "<i8", "<u8", ">u8", "<f4", ">f4", "<f8", ">f8"]
        {
            for spins in [false, true] {
                if spins && matches!(kind.as_bytes()[1], b'u' | b'b') {
                    continue;
                }
                let down = if spins { -1 } else { 0 };
                let reading = Reading { spins, ..Reading::default() };
                let by_rows: Vec<u8> = rows.iter().flatten().flat_map(|up| number(kind, *up, down)).collect();
                let by_columns: Vec<u8> =
                    (0..3).flat_map(|i| rows.map(|row| number(kind, row[i], down)).concat()).collect();
                for (order, bytes) in [(false, by_rows), (true, by_columns)] {
                    let file = array(kind, order, &[2, 3], &bytes);
                    assert_eq!(read_bytes(Path::new("x"), &file, &reading).unwrap(), expected, "{kind} {order}");
                }
            }
        }
    }

    /// 70 lattices of 3 x 5 sites: site 5 r + c is that in row r and column c, in both orders.
    #[test]
    fn further_axes_are_sites() {
        let up = |s: usize, r: usize, c: usize| (7 * s + 3 * r + c * c + s * r * c).is_multiple_of(3);
        let mut by_rows = Vec::new();
        for s in 0..70 {
            (0..3).for_each(|r| by_rows.extend((0..5).map(|c| u8::from(up(s, r, c)))));
        }
        let mut by_columns = Vec::new();
        for c in 0..5 {
            (0..3).for_each(|r| by_columns.extend((0..70).map(|s| u8::from(up(s, r, c)))));
        }
        let one = read_bytes(Path::new("x"), &array("|u1", false, &[70, 3, 5], &by_rows), &Reading::default()).unwrap();
        let two =
            read_bytes(Path::new("x"), &array("|u1", true, &[70, 3, 5], &by_columns), &Reading::default()).unwrap();
        assert_eq!(one, two);
        assert_eq!((one.len(), one.sites()), (70, 15));
        assert!((0..70).all(|s| (0..15).all(|i| bit(one.row(s), i) == up(s, i / 5, i % 5))));
    }

    /// A 7 in the third row and the second column is named by its place, whichever order the file has.
    #[test]
    fn what_is_no_value_is_named_by_row_and_column() {
        let value = |row: usize, column: usize| if (row, column) == (2, 1) { 7 } else { 1 };
        let by_rows: Vec<u8> = (0..12).map(|k| value(k / 4, k % 4)).collect();
        let by_columns: Vec<u8> = (0..12).map(|k| value(k % 3, k / 3)).collect();
        for (order, bytes) in [(false, by_rows), (true, by_columns)] {
            let refused = read_bytes(Path::new("x"), &array("|u1", order, &[3, 4], &bytes), &Reading::default());
            let refused = refused.unwrap_err().to_string();
            assert!(refused.contains("[2, 1] of the array"), "{order}: {refused}");
        }
    }

    /// Rows that are longer than what is read at once, and just as long.
    #[test]
    fn long_rows_are_put_together() {
        for sites in [BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 77] {
            let up = |k: usize| (k * k + k / 7).is_multiple_of(3);
            let bytes: Vec<u8> = (0..2 * sites).map(|k| u8::from(up(k))).collect();
            let file = array("|u1", false, &[2, sites], &bytes);
            let rows = read_bytes(Path::new("x"), &file, &Reading::default()).unwrap();
            assert!((0..2 * sites).all(|k| bit(rows.row(k / sites), k % sites) == up(k)), "{sites}");
        }
    }

    /// Zeros of both signs are 0, and 255 is no spin.
    #[test]
    fn only_what_is_the_value_counts() {
        for kind in ["<f4", ">f4", "<f8", ">f8"] {
            let zero =
                if kind.ends_with('4') { (-0.0_f32).to_le_bytes().to_vec() } else { (-0.0_f64).to_le_bytes().to_vec() };
            let zero: Vec<u8> = if kind.starts_with('>') { zero.into_iter().rev().collect() } else { zero };
            let file = array(kind, false, &[1, 2], &[zero, number(kind, true, 0)].concat());
            let rows = read_bytes(Path::new("x"), &file, &Reading::default()).unwrap();
            assert_eq!(rows.bits(), [2], "{kind}");
        }
        let spins = Reading { spins: true, ..Reading::default() };
        for kind in ["|u1", "|b1"] {
            assert!(read_bytes(Path::new("x"), &array(kind, false, &[1, 2], &[255, 1]), &spins).is_err());
        }
    }
}
