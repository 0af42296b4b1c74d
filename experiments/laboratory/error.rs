//! What can go wrong in a laboratory: what the science refuses, files, tables and figures.

use gibbsite::error::Error as Science;
use std::path::{Path, PathBuf};

/// What can go wrong, in words a user can act on. Displayed on one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// What the library refuses.
    #[error("{0}{hint}", hint = option_of(.0))]
    Science(#[from] Science),

    /// A file of data that cannot be used.
    #[error(transparent)]
    Data(#[from] gibbsite_files::error::Error),

    /// A cell of a sweep that could not be computed.
    #[error("{cell}: {source}")]
    InCell {
        /// The cell's name.
        cell: String,
        /// What happened there.
        source: Box<Error>,
    },

    /// A file or folder that could not be read or written.
    #[error("{path}: cannot {action} ({source}); {mend}", path = path.display())]
    File {
        /// Where.
        path: PathBuf,
        /// What was attempted: "write the file", "create the folder".
        action: &'static str,
        /// The system's reason.
        source: std::io::Error,
        /// What to do instead.
        mend: &'static str,
    },

    /// A table that could not be read or written.
    #[error("{path}: {source}; remove the file and run again", path = path.display())]
    Table {
        /// Where.
        path: PathBuf,
        /// The reader's or writer's reason, with the line where it knows one.
        source: csv::Error,
    },

    /// A figure that could not be drawn.
    #[error("{path}: cannot draw the figure ({reason}); the rows are unharmed in rows.csv", path = path.display())]
    Figure {
        /// Where.
        path: PathBuf,
        /// The drawing library's reason.
        reason: String,
    },
}

/// The option that mends what the library refuses, where it does not say so itself.
fn option_of(error: &Science) -> &'static str {
    match error {
        Science::NotFinite { .. } => " (--learning-rate)",
        _ => "",
    }
}

impl Error {
    /// An option or a combination of options that cannot be used: what, what is wrong with it, and the mend.
    pub fn invalid(what: impl Into<String>, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Science::invalid(what, problem, mend).into()
    }

    /// An [`Error::File`] for a failed attempt to write at `path`.
    pub fn cannot_write(path: &Path, action: &'static str, source: std::io::Error) -> Self {
        Error::File { path: path.to_path_buf(), action, source, mend: "name a folder that you may write to with --out" }
    }

    /// An [`Error::File`] for a failed attempt to read at `path`.
    pub fn cannot_read(path: &Path, source: std::io::Error) -> Self {
        Error::File {
            path: path.to_path_buf(),
            action: "read the file",
            source,
            mend: "see that it is there and that you may read it",
        }
    }
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;
