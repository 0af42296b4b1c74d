//! Files that are whole or absent: written to a temporary neighbour, synced, then renamed.

use crate::error::{Error, Result};
use serde::Serialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How the names of temporary files begin.
pub const TEMPORARY: &str = ".tmp-gibbsite-";

/// A path with a further ending.
pub fn ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

/// Creates a folder and makes sure that files can be written into it.
pub fn create_folder(path: &Path) -> Result<()> {
    let refuse = |source| Error::cannot_write(path, "write into the folder", source);
    std::fs::create_dir_all(path).map_err(refuse)?;
    tempfile::tempfile_in(path).map_err(refuse)?;
    Ok(())
}

/// Writes a file at once.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let refuse = |source| Error::cannot_write(path, "write the file", source);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file =
        tempfile::Builder::new().prefix(TEMPORARY).permissions_like_a_new_file().tempfile_in(folder).map_err(refuse)?;
    file.write_all(bytes).map_err(refuse)?;
    file.as_file().sync_all().map_err(refuse)?;
    file.persist(path).map_err(|error| refuse(error.error))?;
    Ok(())
}

/// Reads a table whose header names the fields of a record.
pub fn read_table<Row: serde::de::DeserializeOwned>(path: &Path) -> Result<Vec<Row>> {
    let refuse = |source| Error::Table { path: path.to_path_buf(), source };
    let mut table = csv::Reader::from_path(path).map_err(refuse)?;
    table.deserialize().map(|row| row.map_err(refuse)).collect()
}

/// Temporary files are private by default; results should be as readable as any other new file.
trait PermissionsLikeANewFile {
    fn permissions_like_a_new_file(&mut self) -> &mut Self;
}

impl PermissionsLikeANewFile for tempfile::Builder<'_, '_> {
    #[cfg(unix)]
    fn permissions_like_a_new_file(&mut self) -> &mut Self {
        use std::os::unix::fs::PermissionsExt;
        // The system takes the user's umask off.
        self.permissions(std::fs::Permissions::from_mode(0o666))
    }

    #[cfg(not(unix))]
    fn permissions_like_a_new_file(&mut self) -> &mut Self {
        self
    }
}

/// Writes a value as indented JSON.
pub fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<()> {
    let mut text =
        serde_json::to_vec_pretty(value).map_err(|error| Error::cannot_write(path, "write the file", error.into()))?;
    text.push(b'\n');
    write(path, &text)
}

/// Reads a value from JSON.
pub fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    let refuse = |source| Error::File { path: path.to_path_buf(), action: "read the file", source, mend: "remove it" };
    let text = std::fs::read(path).map_err(refuse)?;
    serde_json::from_slice(&text).map_err(|error| refuse(error.into()))
}
