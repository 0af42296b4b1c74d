//! Where data come from: a file, or standard input.

use crate::error::{Error, Result};
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

/// A file, or standard input where it is written `-`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Standard input.
    Standard,
    /// A file.
    File(PathBuf),
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        if path == Path::new("-") { Source::Standard } else { Source::File(path.to_path_buf()) }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.path().display().fmt(f)
    }
}

/// An open source.
pub struct Input {
    /// Its bytes.
    pub bytes: Box<dyn io::BufRead>,
    /// How many they are, where that is known before they are read.
    pub length: Option<u64>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input").field("length", &self.length).finish_non_exhaustive()
    }
}

/// Bytes that are read at once.
const BUFFER: usize = 1 << 18;

impl Source {
    /// The name in messages.
    pub fn path(&self) -> &Path {
        match self {
            Source::Standard => Path::new("standard input"),
            Source::File(path) => path,
        }
    }

    /// Opens it.
    pub fn open(&self) -> Result<Input> {
        let refuse = |source| Error::cannot_read(self.path(), source);
        let Source::File(path) = self else {
            return Ok(Input { bytes: Box::new(BufReader::with_capacity(BUFFER, io::stdin())), length: None });
        };
        let file = File::open(path).map_err(refuse)?;
        let about = file.metadata().map_err(refuse)?;
        if about.is_dir() {
            return Err(refuse(io::ErrorKind::IsADirectory.into()));
        }
        let length = about.is_file().then_some(about.len());
        Ok(Input { bytes: Box::new(BufReader::with_capacity(BUFFER, file)), length })
    }
}

/// All bytes of a regular file: what is not one, such as a device, may never end.
pub(crate) fn read_whole(path: &Path) -> Result<Vec<u8>> {
    let refuse = |source| Error::cannot_read(path, source);
    let file = File::open(path).map_err(refuse)?;
    let about = file.metadata().map_err(refuse)?;
    if about.is_dir() {
        return Err(refuse(io::ErrorKind::IsADirectory.into()));
    }
    if !about.is_file() {
        return Err(Error::content(path, "it is no regular file", "name a file on disk"));
    }
    let mut bytes = Vec::new();
    file.take(about.len()).read_to_end(&mut bytes).map_err(refuse)?;
    Ok(bytes)
}
