//! Images in the IDX format of the MNIST database, as configurations.

use super::{Reading, Report, Rows, push_row};
use crate::error::{Error, Result};
use crate::idx;
use crate::source::Input;
use gibbsite::configuration::{Configurations, set_bit, words_for};
use std::path::Path;

/// How a file of images in unsigned bytes begins.
pub(super) const MAGIC: [u8; 4] = [0, 0, 8, 3];

/// Reads images: every pixel is a site, row by row, and 1 where its grey value is above 127; where no value is above 1 they are
/// bits already.
pub(super) fn read(path: &Path, input: Input, reading: &Reading, report: &mut Report) -> Result<Configurations> {
    let refuse = |problem: &str, mend: &str| Err(Error::at_byte(path, 0, problem, mend));
    if reading.spins {
        return refuse("the grey values of images are no spins", "leave --spins away: pixels above 127 are 1");
    }
    if reading.weights.is_some() {
        return refuse("images have no column of weights", "give text with such a column");
    }
    let length = input.length;
    let images = idx::images(path, input.bytes)?;
    let sites = images.rows() * images.columns();
    let mut rows = Rows::new(path, sites, reading, |problem, mend| Error::at_byte(path, 8, problem, mend))?;
    let bits = (0..images.len()).all(|s| images.image(s).iter().all(|grey| *grey <= 1));
    let threshold = if bits { 0 } else { 127 };
    let mut row = vec![0; words_for(sites)];
    for s in 0..images.len() {
        for (i, grey) in images.image(s).iter().enumerate() {
            set_bit(&mut row, i, *grey > threshold);
        }
        push_row(&mut rows.bits, &row, sites);
    }
    report(length.unwrap_or(0), length);
    rows.finish()
}

#[cfg(test)]
mod tests {
    use super::super::read_bytes;
    use super::*;

    fn file(pixels: &[u8]) -> Vec<u8> {
        let header = [&MAGIC[..], &2_u32.to_be_bytes(), &2_u32.to_be_bytes(), &3_u32.to_be_bytes()].concat();
        [header.as_slice(), pixels].concat()
    }

    #[test]
    fn pixels_above_the_middle_are_one_and_bits_are_bits() {
        let read = |pixels: &[u8]| {
            read_bytes(Path::new("images"), &file(pixels), &Reading::default()).unwrap().to_rows::<u8>()
        };
        let grey = [0, 127, 128, 255, 1, 200, 0, 0, 0, 129, 127, 0];
        assert_eq!(read(&grey), [[0, 0, 1, 1, 0, 1], [0, 0, 0, 1, 0, 0]]);
        let bits = [0, 1, 1, 0, 0, 1, 1, 0, 0, 0, 0, 1];
        assert_eq!(read(&bits), [[0, 1, 1, 0, 0, 1], [1, 0, 0, 0, 0, 1]]);
        // A single image decides: of a blank one nothing can be told.
        assert_eq!(read(&[0, 0, 0, 0, 0, 0, 0, 1, 100, 200, 0, 0]), [[0; 6], [0, 0, 0, 1, 0, 0]]);
        assert_eq!(read(&[0, 1, 100, 200, 0, 0, 1, 0, 1, 0, 0, 0]), [[0, 0, 0, 1, 0, 0], [0; 6]]);
    }
}
