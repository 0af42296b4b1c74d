//! Digits: where they come from, and how grey pictures become configurations of binary units.

use gibbsite::configuration::set_bit;
use gibbsite::prelude::*;
use gibbsite::random::uniform;
use gibbsite_files::idx::{Images, read_images, read_labels};
use laboratory::prelude::*;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

/// Labels, 0 to 9.
pub const LABELS: usize = 10;

choice! {
    /// How a grey value g of 0 to 255 becomes a unit.
    pub Binarisation { Stochastic = "stochastic", Threshold = "threshold" }
}

/// Pictures with their labels.
pub struct Digits {
    images: Images,
    labels: Vec<u8>,
}

/// The digits to learn from, and those to test with.
pub struct Database {
    /// To learn from.
    pub training: Digits,
    /// Never learned from.
    pub test: Digits,
}

/// The names of the files begin like this, and end in -ubyte and perhaps .gz.
const FILES: [&str; 4] = ["train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"];

/// The file of a name in a folder: compressed where there is such a one.
fn file_of(folder: &Path, name: &str) -> PathBuf {
    let packed = folder.join(format!("{name}-ubyte.gz"));
    if packed.exists() { packed } else { folder.join(format!("{name}-ubyte")) }
}

/// Serialises a folder with a hash of its files, so that results of other contents are other results.
pub fn with_contents<S: serde::Serializer>(
    folder: &Option<PathBuf>,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    let Some(folder) = folder else {
        return serializer.serialize_none();
    };
    let mut hash = DefaultHasher::new();
    // A file that cannot be read is refused when it is.
    FILES.map(|name| std::fs::read(file_of(folder, name)).unwrap_or_default()).hash(&mut hash);
    serializer.collect_str(&format_args!("{} ({:016x})", folder.display(), hash.finish()))
}

/// The files of a folder that does not say otherwise: those that come with the program.
fn own_folder() -> PathBuf {
    let here = Path::new("data/mnist");
    match here.is_dir() {
        true => here.to_path_buf(),
        false => Path::new(env!("CARGO_MANIFEST_DIR")).join("../data/mnist"),
    }
}

impl Database {
    /// Reads the four files of a folder, compressed or not.
    pub fn read(folder: Option<&Path>) -> Result<Self> {
        let folder = folder.map_or_else(own_folder, Path::to_path_buf);
        let [training, test] = ["train", "t10k"].map(|part| Digits::read(&folder, part));
        let (training, test) = (training?, test?);
        let size = |digits: &Digits| (digits.images.rows(), digits.images.columns());
        if size(&training) != size(&test) {
            let problem = format!(
                "its pictures to learn from are of {:?} pixels, and those to test with of {:?}",
                size(&training),
                size(&test)
            );
            return Err(Error::invalid(
                folder.display().to_string(),
                problem,
                "name a folder of files that belong together",
            ));
        }
        Ok(Self { training, test })
    }
}

impl Digits {
    fn read(folder: &Path, part: &str) -> Result<Self> {
        let path = |kind: &str| file_of(folder, &format!("{part}-{kind}"));
        let (images, labels) = (path("images-idx3"), path("labels-idx1"));
        let refuse = |path: &Path, problem: String| {
            Error::invalid(
                path.display().to_string(),
                problem,
                "name a folder of files that belong together with --data",
            )
        };
        let read = Self { images: read_images(&images)?, labels: read_labels(&labels)? };
        if read.labels.len() != read.images.len() {
            let problem = format!("it has {} labels for {} images", read.labels.len(), read.images.len());
            return Err(refuse(&labels, problem));
        }
        if let Some(label) = read.labels.iter().find(|label| usize::from(**label) >= LABELS) {
            return Err(refuse(&labels, format!("a label is {label}, and they are 0 to 9")));
        }
        Ok(read)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Pixels of a picture.
    pub fn pixels(&self) -> usize {
        self.images.rows() * self.images.columns()
    }

    /// Pixels from left to right.
    pub fn width(&self) -> usize {
        self.images.columns()
    }

    /// What a picture shows.
    pub fn label(&self, number: usize) -> usize {
        usize::from(self.labels[number])
    }

    /// The first `count` digits as rows, with a unit a label behind the pixels where labels are asked for. Stochastic: a unit
    /// is 1 with probability g / 255, drawn anew by every seed. By threshold: where g >= 128.
    pub fn rows(&self, count: usize, how: Binarisation, labelled: bool, seed: Seed) -> Configurations {
        let pixels = self.pixels();
        let mut rows = Configurations::zeros(pixels + if labelled { LABELS } else { 0 }, count);
        for s in 0..count {
            let (mut generator, row) = (seed.child("digit", s as u64).generator(), rows.row_mut(s));
            for (i, grey) in self.images.image(s).iter().enumerate() {
                let on = match (how, grey) {
                    (Binarisation::Threshold, grey) => *grey >= 128,
                    (_, 0) => false,
                    (_, 255) => true,
                    (_, grey) => uniform(&mut generator) * 255.0 < f64::from(*grey),
                };
                if on {
                    set_bit(row, i, true);
                }
            }
            if labelled {
                set_bit(row, pixels + self.label(s), true);
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gibbsite::configuration::bit;

    /// The files of the repository: how many digits, the labels of the first ten, and how often a pixel of some grey is on.
    #[test]
    fn the_database_is_read_and_made_binary() {
        let database = Database::read(None).unwrap();
        let (training, test) = (&database.training, &database.test);
        assert_eq!((training.len(), test.len(), training.pixels(), training.width()), (60_000, 10_000, 784, 28));
        assert_eq!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].map(|s| training.label(s)), [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]);
        assert_eq!([0, 1, 2, 3].map(|s| test.label(s)), [7, 2, 1, 0]);
        let image = training.images.image(0);
        let on = |how, seed| training.rows(1, how, true, Seed::root(seed));
        let threshold = on(Binarisation::Threshold, 1);
        assert!((0..784).all(|i| bit(threshold.row(0), i) == (image[i] > 127)));
        assert!((0..10).all(|l| bit(threshold.row(0), 784 + l) == (l == 5)));
        const DRAWS: u64 = 2000;
        let mut counts = vec![0.0; 784];
        for seed in 0..DRAWS {
            let rows = on(Binarisation::Stochastic, seed);
            counts.iter_mut().enumerate().for_each(|(i, count)| *count += f64::from(u8::from(bit(rows.row(0), i))));
        }
        // 784 pixels, a false alarm in 1e6: 6.1 standard errors.
        for (count, grey) in counts.iter().zip(image) {
            let p = f64::from(*grey) / 255.0;
            let error = (p * (1.0 - p) * DRAWS as f64).sqrt();
            assert!((count - p * DRAWS as f64).abs() <= 6.1 * error, "{count} of {DRAWS} for grey {grey}");
        }
    }

    #[test]
    fn folders_that_do_not_belong_together_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        let refused = || Database::read(Some(folder.path())).err().expect("a fault").to_string();
        assert!(refused().contains("train-images-idx3-ubyte: cannot read the file"), "{}", refused());
        let image = [0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 2, 7, 8];
        let label = |label| [0, 0, 8, 1, 0, 0, 0, 1, label];
        write("train-images-idx3-ubyte", &image);
        write("train-labels-idx1-ubyte", &[0, 0, 8, 1, 0, 0, 0, 2, 1, 2]);
        assert!(refused().contains("it has 2 labels for 1 images"), "{}", refused());
        write("train-labels-idx1-ubyte", &label(10));
        assert!(refused().contains("a label is 10"), "{}", refused());
        write("train-labels-idx1-ubyte", &label(9));
        write("t10k-images-idx3-ubyte", &[0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 7, 8]);
        write("t10k-labels-idx1-ubyte", &label(0));
        assert!(refused().contains("(1, 2) pixels, and those to test with of (2, 1)"), "{}", refused());
        write("t10k-images-idx3-ubyte", &image);
        assert_eq!(Database::read(Some(folder.path())).unwrap().test.label(0), 0);
    }
    /// run.json and the stamp of a cell tell contents apart.
    #[test]
    fn a_folder_is_written_down_with_its_contents() {
        #[derive(Serialize)]
        struct Options {
            #[serde(serialize_with = "with_contents")]
            data: Option<PathBuf>,
        }
        let folder = tempfile::tempdir().unwrap();
        let written = || serde_json::to_string(&Options { data: Some(folder.path().to_path_buf()) }).unwrap();
        let before = written();
        std::fs::write(folder.path().join("train-labels-idx1-ubyte"), [1]).unwrap();
        assert!(written() != before && written() == written());
        assert!(before.contains(folder.path().to_str().unwrap()), "{before}");
        assert_eq!(serde_json::to_string(&Options { data: None }).unwrap(), "{\"data\":null}");
    }
}
