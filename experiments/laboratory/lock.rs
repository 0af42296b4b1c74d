//! A lock on a place where a run writes: held by the system, so that a run that is killed does not leave it behind.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// Held until it is dropped, or the process ends in whatever way.
pub struct Lock {
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock that is kept in the file `path`, for what the user knows as `what`; refused where another run has it.
    pub fn take(path: &Path, what: &str) -> Result<Self> {
        let refuse = |source| Error::cannot_write(path, "write the file", source);
        loop {
            let mut file = File::options();
            let file = file.create(true).read(true).write(true).truncate(false);
            let mut file = file.open(path).map_err(refuse)?;
            if file.try_lock().is_err() {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(Error::invalid(
                    what,
                    format!("another run ({}) is working there", holder.trim()),
                    "let it finish, or name another",
                ));
            }
            // Whoever held it before may have removed the file after it was opened here.
            if !is_at(&file, path) {
                continue;
            }
            file.set_len(0).map_err(refuse)?;
            write!(file, "process {}", std::process::id()).map_err(refuse)?;
            return Ok(Self { _file: file, path: path.to_path_buf() });
        }
    }

    /// Removes the file, and gives the lock back.
    pub fn remove(self) {
        // What cannot be removed harms nobody.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Whether an open file is still the one that has this name.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (open, named) = (file.metadata(), std::fs::metadata(path));
    open.is_ok_and(|open| named.is_ok_and(|named| (open.dev(), open.ino()) == (named.dev(), named.ino())))
}

/// Other systems do not remove a file that is open.
#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_refused_until_the_first_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let first = Lock::take(&path, "--out here").unwrap();
        let message = Lock::take(&path, "--out here").err().unwrap().to_string();
        let expected = format!("--out here: another run (process {}) is working there; ", std::process::id());
        assert!(message.starts_with(&expected), "{message}");
        drop(first);
        Lock::take(&path, "--out here").unwrap().remove();
        assert!(!path.exists());
        Lock::take(&path, "--out here").unwrap();
    }
}
