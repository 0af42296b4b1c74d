//! What a run has become, on disk: the newest checkpoint and the one before it.
//!
//! A file is a line `gibbsite checkpoint VERSION`, the length of the content, its XXH3 checksum (both eight bytes, little-endian)
//! and the content, by postcard. The newest takes its place by a rename once it is on the medium, and the one before is kept under
//! another name, so that whatever stops the writer, one whole checkpoint is there.

use crate::error::{Error, Result};
use crate::source::read_whole;
use crate::write::{Disk, neighbour, write_bytes};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use twox_hash::XxHash3_64;

/// How a file of this version begins; what an estimator remembers may change with every version of the crate.
fn first_line() -> String {
    format!("{MAGIC}{}\n", env!("CARGO_PKG_VERSION"))
}

const MAGIC: &str = "gibbsite checkpoint ";

/// Where a run keeps its checkpoints.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    /// Whether the newest is whole, so that it may take the place of the one before.
    newest_is_whole: bool,
}

impl Store {
    /// In the file `path`, and in its neighbour for the one before.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), newest_is_whole: false }
    }

    /// The newest.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The one before.
    pub fn previous(&self) -> PathBuf {
        neighbour(&self.path, "", ".previous")
    }

    /// Whether there is one, whole or not.
    pub fn exists(&self) -> bool {
        self.path.exists() || self.previous().exists()
    }

    /// Keeps `value`.
    pub fn save(&mut self, disk: &dyn Disk, value: &impl Serialize) -> Result<()> {
        let bytes = to_bytes(value)?;
        if self.newest_is_whole {
            let kept = disk.rename(&self.path, &self.previous());
            // From here on, until the next is in place, only the one before is there.
            self.newest_is_whole = false;
            kept.map_err(|reason| Error::cannot_write(&self.previous(), reason))?;
        }
        write_bytes(disk, &self.path, &bytes)?;
        self.newest_is_whole = true;
        Ok(())
    }

    /// The newest that is whole, and what is wrong with a newer one. Where none is whole, what is wrong with the newest.
    pub fn load<T: DeserializeOwned>(&mut self) -> Result<(T, Option<Error>)> {
        match read(&self.path) {
            Ok(value) => {
                self.newest_is_whole = true;
                Ok((value, None))
            }
            Err(reason) => {
                self.newest_is_whole = false;
                match read(&self.previous()) {
                    Ok(value) => Ok((value, Some(reason))),
                    Err(_) => Err(reason),
                }
            }
        }
    }

    /// Removes both, once they are of no more use.
    pub fn remove(&mut self, disk: &dyn Disk) -> Result<()> {
        for path in [self.previous(), self.path.clone()] {
            if path.exists() {
                disk.remove(&path).map_err(|reason| Error::cannot_write(&path, reason))?;
            }
        }
        self.newest_is_whole = false;
        Ok(())
    }
}

/// XXH3 of bytes: tells by accident different contents apart, not those that somebody has made alike.
pub fn checksum(bytes: &[u8]) -> u64 {
    XxHash3_64::oneshot(bytes)
}

/// A checkpoint's bytes.
pub fn to_bytes(value: &impl Serialize) -> Result<Vec<u8>> {
    let refuse = |reason| gibbsite::error::Error::invalid("a checkpoint", format!("{reason}"), "keep plain values");
    let content = postcard::to_stdvec(value).map_err(refuse)?;
    let mut bytes = first_line().into_bytes();
    bytes.extend((content.len() as u64).to_le_bytes());
    bytes.extend(checksum(&content).to_le_bytes());
    bytes.extend(content);
    Ok(bytes)
}

/// Reads a checkpoint.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    of_bytes(path, &read_whole(path)?)
}

/// The same from bytes in memory, named `path` in messages.
pub fn of_bytes<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    let refuse = |problem: String| Error::content(path, problem, "take the one before, or begin the run anew");
    let Some(rest) = bytes.strip_prefix(first_line().as_bytes()) else {
        let line = bytes.split(|byte| *byte == b'\n').next().and_then(|line| line.strip_prefix(MAGIC.as_bytes()));
        return Err(match line {
            Some(version) if version.len() < 32 && version.iter().all(u8::is_ascii_graphic) => {
                let (theirs, own) = (String::from_utf8_lossy(version), env!("CARGO_PKG_VERSION"));
                let problem = format!("it is a checkpoint of gibbsite {theirs}, and this is {own}");
                Error::content(path, problem, "go on with the program that wrote it, or begin the run anew")
            }
            _ if bytes.is_empty() => refuse("it is empty".to_string()),
            _ => refuse("it is no checkpoint".to_string()),
        });
    };
    let torn = |there: usize, wanted: u64| refuse(format!("it is torn: {there} of {wanted} bytes are there"));
    let Some((length, rest)) = rest.split_first_chunk::<8>() else {
        return Err(torn(rest.len(), 16));
    };
    let Some((expected, content)) = rest.split_first_chunk::<8>() else {
        return Err(torn(rest.len() + 8, 16));
    };
    let length = u64::from_le_bytes(*length);
    if content.len() as u64 != length {
        return Err(torn(content.len(), length));
    }
    if checksum(content) != u64::from_le_bytes(*expected) {
        return Err(refuse("its checksum is wrong".to_string()));
    }
    let other = |reason| refuse(format!("it belongs to something else ({reason})"));
    let (value, rest) = postcard::take_from_bytes(content).map_err(other)?;
    if rest.is_empty() { Ok(value) } else { Err(refuse(format!("it has {} bytes too many", rest.len()))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::{Faulty, System};
    use std::fs;

    type Content = (u64, Vec<f64>, String);

    fn content(number: u64) -> Content {
        (number, (0..50_000).map(|k| k as f64 / 3.0).collect(), "word".to_string())
    }

    #[test]
    fn the_newest_comes_back_and_the_one_before_where_it_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path().join("m.checkpoint"));
        assert!(!store.exists());
        for number in 1..4 {
            store.save(&System, &content(number)).unwrap();
        }
        let (found, problem) = store.load::<Content>().unwrap();
        assert!(found == content(3) && problem.is_none());
        // Torn: the one before, and the name of the torn one.
        let bytes = fs::read(store.path()).unwrap();
        fs::write(store.path(), &bytes[..bytes.len() - 1]).unwrap();
        let (found, problem) = store.load::<Content>().unwrap();
        let problem = problem.unwrap().to_string();
        assert!(found == content(2) && problem.contains("m.checkpoint: it is torn"), "{problem}");
        // Saved over the torn one, which must not take the place of the whole one before.
        store.save(&Faulty::once(4), &content(3)).unwrap_err();
        assert_eq!(store.load::<Content>().unwrap().0, content(2));
        store.save(&System, &content(3)).unwrap();
        assert_eq!(read::<Content>(&store.previous()).unwrap(), content(2));
        store.remove(&System).unwrap();
        assert!(!store.exists());
    }

    #[test]
    fn what_is_no_checkpoint_is_refused_by_name() {
        let whole = to_bytes(&content(1)).unwrap();
        let start = first_line().len();
        let changed = |at: usize| {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            bytes
        };
        for (bytes, problem) in [
            (vec![], "it is empty"),
            (b"something".to_vec(), "it is no checkpoint"),
            (whole[..start].to_vec(), "it is torn: 0 of 16 bytes"),
            (whole[..start + 9].to_vec(), "it is torn: 9 of 16 bytes"),
            (whole[..start + 20].to_vec(), "it is torn: 4 of 400"),
            (changed(start), "it is torn"),
            (changed(start + 9), "its checksum is wrong"),
            (changed(whole.len() - 1), "its checksum is wrong"),
            (b"gibbsite checkpoint 99.1\nx".to_vec(), "it is a checkpoint of gibbsite 99.1, and this is "),
            (to_bytes(&7_u8).unwrap(), "it belongs to something else"),
            (to_bytes(&(content(1), 7_u8)).unwrap(), "it has 1 bytes too many"),
        ] {
            let message = of_bytes::<Content>(Path::new("m.checkpoint"), &bytes).unwrap_err().to_string();
            assert!(message.contains(&format!("m.checkpoint: {problem}")), "{message}");
        }
    }

    /// Every operation of five saves fails, once or from there on: the last checkpoint that was reported as saved, or a
    /// newer one, is there.
    #[test]
    fn no_failure_loses_the_last_checkpoint() {
        for crash in [false, true] {
            for n in 1.. {
                let folder = tempfile::tempdir().unwrap();
                let disk = if crash { Faulty::crash(n) } else { Faulty::once(n) };
                let mut store = Store::new(folder.path().join("m.checkpoint"));
                let mut saved = 0;
                for number in 1..6 {
                    match store.save(&disk, &content(number)) {
                        Ok(()) => saved = number,
                        Err(_) if crash => break,
                        Err(_) => {}
                    }
                }
                let mut after = Store::new(store.path());
                match after.load::<Content>() {
                    Ok((found, _)) => {
                        assert!(found.0 >= saved && found == content(found.0), "operation {n}: {} < {saved}", found.0);
                    }
                    Err(reason) => assert_eq!(saved, 0, "operation {n}: {reason}"),
                }
                if disk.operations() < n {
                    assert!(n > 5 * 5, "five operations a save at least: {n}");
                    break;
                }
            }
        }
    }
}
