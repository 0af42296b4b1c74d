//! What can be wrong with a file.

use std::path::{Path, PathBuf};

/// What can go wrong, in words a user can act on. Displayed on one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What the library refuses.
    #[error(transparent)]
    Science(#[from] gibbsite::error::Error),

    /// A file that could not be read or written.
    #[error("{path}: cannot {action} ({source}); {mend}", path = path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What was attempted: "read the file", "write the file".
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
        /// What to do instead.
        mend: &'static str,
    },

    /// A file that is not what it should be.
    #[error("{path}{place}: {problem}; {mend}", path = path.display())]
    Content {
        /// Where.
        path: PathBuf,
        /// The line or byte, as ", line 3" or ", byte 16"; empty where the whole file is meant.
        place: String,
        /// What is wrong there.
        problem: String,
        /// What to do instead.
        mend: String,
    },
}

impl Error {
    /// An [`Error::File`] for a failed attempt to write.
    pub fn cannot_write(path: &Path, source: std::io::Error) -> Self {
        let mend = match source.kind() {
            std::io::ErrorKind::StorageFull => "make room on the disk; what was there before is unharmed",
            _ => "name a place that you may write to; what was there before is unharmed",
        };
        Error::File { path: path.to_path_buf(), action: "write the file", source, mend }
    }

    /// An [`Error::File`] for a failed attempt to read.
    pub fn cannot_read(path: &Path, source: std::io::Error) -> Self {
        let mend = "see that it is there and that you may read it";
        Error::File { path: path.to_path_buf(), action: "read the file", source, mend }
    }

    /// An [`Error::Content`] of the whole file.
    pub fn content(path: &Path, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        let (problem, mend) = (problem.into(), mend.into());
        Error::Content { path: path.to_path_buf(), place: String::new(), problem, mend }
    }

    /// An [`Error::Content`] at a line, counted from 1.
    pub fn at_line(path: &Path, line: usize, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        let (problem, mend) = (problem.into(), mend.into());
        Error::Content { path: path.to_path_buf(), place: format!(", line {line}"), problem, mend }
    }

    /// An [`Error::Content`] at a byte, counted from 0.
    pub fn at_byte(path: &Path, byte: u64, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        let (problem, mend) = (problem.into(), mend.into());
        Error::Content { path: path.to_path_buf(), place: format!(", byte {byte}"), problem, mend }
    }
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;
