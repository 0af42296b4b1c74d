//! IDX files: images and labels as the MNIST database has them, plain or compressed by gzip.
//!
//! A file begins with 0, 0, the type of its numbers (8: unsigned bytes) and how many dimensions it has; then come the
//! dimensions, as 32-bit numbers with the highest byte first, and the numbers, the last dimension fastest (LeCun, Cortes and
//! Burges, "The MNIST database of handwritten digits").

use crate::error::{Error, Result};
use flate2::bufread::GzDecoder;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// Most bytes that are read after a header: 1 GiB, twenty times the 60,000 digits of MNIST.
pub const LARGEST: u64 = 1 << 30;

/// Images of one size, in grey values from 0 to 255.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    rows: usize,
    columns: usize,
    pixels: Vec<u8>,
}

impl Images {
    /// Pixels from top to bottom.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Pixels from left to right.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Number of images, at least one.
    pub fn len(&self) -> usize {
        self.pixels.len() / (self.rows * self.columns)
    }

    /// Never: a file without an image is refused.
    pub fn is_empty(&self) -> bool {
        self.pixels.is_empty()
    }

    /// The grey values of an image, row by row.
    pub fn image(&self, number: usize) -> &[u8] {
        let size = self.rows * self.columns;
        &self.pixels[number * size..(number + 1) * size]
    }
}

/// Reads a file of images (three dimensions: images, rows, columns).
pub fn read_images(path: &Path) -> Result<Images> {
    images(path, open(path)?)
}

/// Reads a file of labels (one dimension), a number from 0 to 255 each.
pub fn read_labels(path: &Path) -> Result<Vec<u8>> {
    labels(path, open(path)?)
}

fn open(path: &Path) -> Result<BufReader<File>> {
    File::open(path).map(BufReader::new).map_err(|source| unreadable(path, source))
}

fn unreadable(path: &Path, source: io::Error) -> Error {
    let mend = "see that it is there and that you may read it";
    Error::File { path: path.to_path_buf(), action: "read the file", source, mend }
}

pub(crate) fn images(path: &Path, bytes: impl BufRead) -> Result<Images> {
    let ([_, rows, columns], pixels) = numbers(path, bytes)?;
    Ok(Images { rows: rows as usize, columns: columns as usize, pixels })
}

fn labels(path: &Path, bytes: impl BufRead) -> Result<Vec<u8>> {
    Ok(numbers::<1>(path, bytes)?.1)
}

/// The first bytes of every gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// The dimensions and the numbers of a file, which is compressed or not.
fn numbers<const D: usize>(path: &Path, mut bytes: impl BufRead) -> Result<([u32; D], Vec<u8>)> {
    let start = bytes.fill_buf().map_err(|source| unreadable(path, source))?;
    if !start.starts_with(&GZIP) {
        return plain_numbers(path, &mut bytes);
    }
    let mut inside = GzDecoder::new(bytes);
    let found = plain_numbers(path, &mut inside)?;
    let mut rest = inside.into_inner();
    match rest.fill_buf().map_err(|source| unreadable(path, source))? {
        [] => Ok(found),
        _ => Err(Error::content(path, "bytes follow the end of its compressed part", FETCH)),
    }
}

const FETCH: &str = "fetch the file anew";

/// The same of a file that is not compressed, or no longer.
fn plain_numbers<const D: usize>(path: &Path, bytes: &mut impl Read) -> Result<([u32; D], Vec<u8>)> {
    let magic: [u8; 4] = word(path, bytes, "its first four bytes")?;
    let kind = ["labels", "", "images"][D - 1];
    if magic != [0, 0, 8, D as u8] {
        let problem = format!("it begins with {magic:?}, and {kind} in unsigned bytes begin with [0, 0, 8, {D}]");
        return Err(Error::at_byte(path, 0, problem, format!("name an IDX file of {kind}")));
    }
    let mut dimensions = [0; D];
    for dimension in &mut dimensions {
        *dimension = u32::from_be_bytes(word(path, bytes, "its dimensions")?);
    }
    // Three 32-bit numbers fit into 96 bits.
    let claimed: u128 = dimensions.iter().map(|dimension| u128::from(*dimension)).product();
    let sizes = dimensions.map(|dimension| dimension.to_string()).join(" x ");
    if claimed == 0 || claimed > u128::from(LARGEST) {
        let problem = format!("it says that it holds {sizes} {kind}");
        let most = format!("name a file of 1 to {LARGEST} bytes of {kind}");
        return Err(Error::at_byte(path, 4, problem, most));
    }
    // Memory grows with the bytes that come; one more than claimed shows that more come.
    let (claimed, mut numbers) = (claimed as u64, Vec::new());
    bytes.take(claimed + 1).read_to_end(&mut numbers).map_err(|source| damaged(path, &source))?;
    let found = numbers.len() as u64;
    if found < claimed {
        let problem = format!("it ends after {found} of the {claimed} bytes that its {sizes} {kind} take");
        return Err(Error::content(path, problem, FETCH));
    }
    if found > claimed {
        let problem = format!("bytes follow the {claimed} that its {sizes} {kind} take");
        return Err(Error::at_byte(path, 4 + 4 * D as u64 + claimed, problem, FETCH));
    }
    Ok((dimensions, numbers))
}

/// The next four bytes.
fn word(path: &Path, bytes: &mut impl Read, what: &str) -> Result<[u8; 4]> {
    let mut word = [0; 4];
    bytes.read_exact(&mut word).map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => Error::content(path, format!("it ends within {what}"), FETCH),
        _ => damaged(path, &source),
    })?;
    Ok(word)
}

/// A file that the system, or the decompression, gives up on.
fn damaged(path: &Path, source: &io::Error) -> Error {
    Error::content(path, format!("its bytes cannot be read ({source})"), FETCH)
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use gibbsite::random::{Generator, Seed, uniform};
    use std::io::Write;

    /// Two images of 2 x 3 pixels.
    const IMAGES: [u8; 28] =
        [0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 250, 251, 252, 253, 254, 255];
    const LABELS: [u8; 12] = [0, 0, 8, 1, 0, 0, 0, 4, 7, 2, 1, 0];

    fn compressed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn read(bytes: &[u8]) -> Result<Images> {
        images(Path::new("digits"), bytes)
    }

    fn message(bytes: &[u8]) -> String {
        read(bytes).unwrap_err().to_string()
    }

    #[test]
    fn images_and_labels_are_read_compressed_or_not() {
        let folder = tempfile::tempdir().unwrap();
        for (ending, bytes) in [("", IMAGES.to_vec()), (".gz", compressed(&IMAGES))] {
            let path = folder.path().join(format!("images{ending}"));
            std::fs::write(&path, bytes).unwrap();
            let images = read_images(&path).unwrap();
            assert_eq!((images.len(), images.rows(), images.columns(), images.is_empty()), (2, 2, 3, false));
            assert_eq!([images.image(0), images.image(1)], [[1, 2, 3, 4, 5, 6], [250, 251, 252, 253, 254, 255]]);
        }
        for (ending, bytes) in [("", LABELS.to_vec()), (".gz", compressed(&LABELS))] {
            let path = folder.path().join(format!("labels{ending}"));
            std::fs::write(&path, bytes).unwrap();
            assert_eq!(read_labels(&path).unwrap(), [7, 2, 1, 0]);
        }
        let missing = folder.path().join("nothing");
        let refused = read_images(&missing).unwrap_err().to_string();
        assert!(refused.starts_with(&missing.display().to_string()) && refused.contains("see that it is there"));
    }

    /// Every fault by its name, with the file, in one line.
    #[test]
    fn faults_are_named() {
        let changed = |at: usize, byte: u8| {
            let mut bytes = IMAGES;
            bytes[at] = byte;
            message(&bytes)
        };
        let mut wrong_checksum = compressed(&IMAGES);
        let checksum = wrong_checksum.len() - 8;
        wrong_checksum[checksum] ^= 1;
        for (message, words) in [
            (message(&[]), "it ends within its first four bytes"),
            (message(&IMAGES[..9]), "it ends within its dimensions"),
            (message(&LABELS), "byte 0: it begins with [0, 0, 8, 1], and images in unsigned bytes begin with"),
            (changed(2, 0x0d), "it begins with [0, 0, 13, 3]"),
            (message(&IMAGES[..27]), "it ends after 11 of the 12 bytes that its 2 x 2 x 3 images take"),
            (message(&[&IMAGES[..], &[0]].concat()), "byte 28: bytes follow the 12 that its 2 x 2 x 3 images take"),
            (changed(7, 0), "byte 4: it says that it holds 0 x 2 x 3 images"),
            // 3.2 billion images, of which there are two.
            (changed(4, 0xc0), "it says that it holds 3221225474 x 2 x 3 images"),
            (changed(5, 0x08), "it ends after 12 of the 3145740 bytes"),
            (message(&[0x1f, 0x8b, 8]), "it ends within its first four bytes"),
            (message(&wrong_checksum), "its bytes cannot be read"),
            (message(&compressed(&IMAGES[..20])), "it ends after 4 of the 12 bytes"),
            (message(&[compressed(&IMAGES), vec![0]].concat()), "bytes follow the end of its compressed part"),
        ] {
            assert!(message.starts_with("digits") && message.contains(words), "{message} for {words}");
            assert!(message.contains("; ") && !message.contains('\n'), "{message}");
        }
        let refused = labels(Path::new("digits"), &IMAGES[..]).unwrap_err().to_string();
        assert!(refused.contains("name an IDX file of labels"), "{refused}");
    }

    /// Some bytes changed, taken out or put in.
    fn mutant(bytes: &[u8], generator: &mut Generator) -> Vec<u8> {
        let mut mutant = bytes.to_vec();
        let mut below = |limit: usize| (uniform(generator) * limit as f64) as usize;
        for _ in 0..=below(3) {
            let (at, byte) = (below(mutant.len() + 1), [0, 1, 2, 3, 255, below(256) as u8][below(6)]);
            match below(4) {
                0 => mutant.truncate(at),
                1 => mutant.insert(at, byte),
                2 if at < mutant.len() => drop(mutant.remove(at)),
                _ if at < mutant.len() => mutant[at] = byte,
                _ => {}
            }
        }
        mutant
    }

    /// Plain mutants are taken exactly where a header of 16 bytes tells their length; compressed ones only where what is
    /// inside is unharmed, which its checksum sees.
    #[test]
    fn a_hundred_thousand_mutants_are_judged_rightly() {
        let mut generator = Seed::root(1).generator();
        let packed = compressed(&IMAGES);
        let original = read(&IMAGES).unwrap();
        let mut taken = [0, 0];
        for _ in 0..60_000 {
            let bytes = mutant(&IMAGES, &mut generator);
            let number = |at: usize| u128::from(u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()));
            let fits = || number(4) * number(8) * number(12) == bytes.len() as u128 - 16;
            let right = bytes.len() > 16 && bytes[..4] == [0, 0, 8, 3] && fits();
            let found = read(&bytes);
            assert_eq!(found.is_ok(), right, "{bytes:?}");
            if let Ok(images) = found {
                assert_eq!([images.len(), images.rows(), images.columns()].map(|n| n as u128), [4, 8, 12].map(number));
                assert!((0..images.len()).flat_map(|number| images.image(number)).eq(&bytes[16..]));
                taken[0] += 1;
            }
        }
        for _ in 0..40_000 {
            if let Ok(images) = read(&mutant(&packed, &mut generator)) {
                assert_eq!(images, original);
                taken[1] += 1;
            }
        }
        // Neither test is empty.
        assert!(taken.iter().all(|taken| *taken > 500), "{taken:?}");
    }
}
