//! Files that are whole or absent: written to a temporary neighbour, synced, renamed, and their folder synced.
//!
//! All that changes something on disk goes through [`Disk`], so that a test can make any single operation fail and see that
//! what was there before is still there.

use crate::error::{Error, Result};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How the names of temporary files begin.
pub const TEMPORARY: &str = ".tmp-gibbsite-";

/// What a writer asks of the system.
pub trait Disk: Send + Sync {
    /// Opens a file for writing; one that is there is emptied.
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>>;

    /// Gives a file another name; one that has it is replaced.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Waits until the names in a folder are on the medium.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, path: &Path) -> io::Result<()>;
}

/// A file that is open for writing.
pub trait Output: Write {
    /// Waits until what has been written is on the medium.
    fn sync(&mut self) -> io::Result<()>;
}

/// The disk of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

impl Disk for System {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        Ok(Box::new(File::create(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Only Unix opens folders.
    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

impl Output for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// The folder that holds a file.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A neighbour with this prefix and this further ending: `.m.safetensors.lock` of `m.safetensors`.
pub fn neighbour(path: &Path, prefix: &str, ending: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(prefix);
    name.push(path.file_name().unwrap_or_default());
    name.push(ending);
    path.with_file_name(name)
}

/// Writes a file at once: `content` fills a temporary neighbour, which takes the name in the end. A device or a pipe has no
/// neighbour and is written as it is.
pub fn write(disk: &dyn Disk, path: &Path, content: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>) -> Result<()> {
    let refuse = |source| Error::cannot_write(path, source);
    // What a symbolic link points to is written, and the link stays.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_path_buf());
    match fs::metadata(&path) {
        Ok(there) if there.is_dir() => return Err(refuse(io::ErrorKind::IsADirectory.into())),
        Ok(there) if !there.is_file() => {
            let output = disk.create(&path).map_err(refuse)?;
            let mut output = BufWriter::new(output);
            return content(&mut output).and_then(|()| output.flush()).map_err(refuse);
        }
        _ => {}
    }
    let temporary = neighbour(&path, &format!("{TEMPORARY}{}-", std::process::id()), "");
    let whole = fill(disk, &temporary, content).and_then(|()| disk.rename(&temporary, &path));
    if let Err(reason) = whole {
        // What cannot be removed harms nobody.
        let _ = disk.remove(&temporary);
        return Err(refuse(reason));
    }
    disk.sync_folder(folder_of(&path)).map_err(refuse)
}

fn fill(
    disk: &dyn Disk,
    temporary: &Path,
    content: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut output = BufWriter::with_capacity(1 << 16, disk.create(temporary)?);
    content(&mut output)?;
    output.flush()?;
    output.get_mut().sync()
}

/// The same for bytes.
pub fn write_bytes(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    write(disk, path, &mut |output| output.write_all(bytes))
}

/// Removes what killed writers have left beside `path`; for whoever holds the lock on it.
pub fn remove_leftovers(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_string();
    for entry in fs::read_dir(folder_of(path)).into_iter().flatten().flatten() {
        let found = entry.file_name().to_string_lossy().to_string();
        let process_and_name = found.strip_prefix(TEMPORARY).and_then(|rest| rest.split_once('-'));
        if process_and_name.is_some_and(|(process, rest)| process.parse::<u32>().is_ok() && rest.starts_with(&name)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// A disk whose `fails`-th operation, counted from 1, is refused as a full disk refuses it; a write is torn in the middle.
/// Operations that follow succeed again, or all fail where it has `crashed`.
#[derive(Debug)]
pub struct Faulty {
    fails: usize,
    crashes: bool,
    done: std::sync::Arc<AtomicUsize>,
}

impl Faulty {
    /// One operation fails.
    pub fn once(fails: usize) -> Self {
        Self { fails, crashes: false, done: Default::default() }
    }

    /// Nothing reaches the disk from there on.
    pub fn crash(fails: usize) -> Self {
        Self { crashes: true, ..Self::once(fails) }
    }

    /// Operations that were asked for.
    pub fn operations(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    fn next(&self) -> io::Result<()> {
        next(&self.done, self.fails, self.crashes)
    }
}

fn next(done: &AtomicUsize, fails: usize, crashes: bool) -> io::Result<()> {
    let number = done.fetch_add(1, Ordering::SeqCst) + 1;
    if number == fails || (crashes && number > fails) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
}

struct FaultyOutput {
    inner: Box<dyn Output>,
    fails: usize,
    crashes: bool,
    done: std::sync::Arc<AtomicUsize>,
}

impl Write for FaultyOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match next(&self.done, self.fails, self.crashes) {
            Ok(()) => self.inner.write(bytes),
            Err(reason) => {
                if self.done.load(Ordering::SeqCst) == self.fails {
                    self.inner.write_all(&bytes[..bytes.len() / 2])?;
                }
                Err(reason)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl Output for FaultyOutput {
    fn sync(&mut self) -> io::Result<()> {
        next(&self.done, self.fails, self.crashes)?;
        self.inner.sync()
    }
}

impl Disk for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        self.next()?;
        let inner = System.create(path)?;
        Ok(Box::new(FaultyOutput { inner, fails: self.fails, crashes: self.crashes, done: self.done.clone() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.next()?;
        System.rename(from, to)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.next()?;
        System.sync_folder(folder)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.next()?;
        System.remove(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every operation fails once: what is there afterwards is the old file or the new one, and no third.
    #[test]
    fn a_write_that_fails_leaves_the_old_file_or_the_new_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let new = vec![b'n'; 200_000];
        let mut failures = 0;
        for n in 1.. {
            fs::write(&path, b"old").unwrap();
            let disk = Faulty::once(n);
            let written = write_bytes(&disk, &path, &new);
            let there = fs::read(&path).unwrap();
            if disk.operations() < n {
                assert!(written.is_ok() && there == new);
                break;
            }
            failures += 1;
            // After the rename the new file is there, and only that it has reached the medium is not known.
            let renamed = n + 1 > disk.operations() && there == new;
            assert!(written.is_err() && (there == b"old" || renamed), "operation {n}");
            assert!(written.unwrap_err().to_string().contains("cannot write"));
            let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
            assert_eq!(left.len(), 1, "operation {n} leaves a temporary file");
        }
        assert!(failures >= 5, "create, write, sync, rename, sync of the folder: {failures}");
    }

    #[test]
    fn devices_are_written_as_they_are_and_links_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        if cfg!(target_os = "linux") {
            write_bytes(&System, Path::new("/dev/null"), b"x").unwrap();
            let message = write_bytes(&System, Path::new("/dev/full"), b"x").unwrap_err().to_string();
            assert!(message.starts_with("/dev/full: cannot write the file"), "{message}");
        }
        #[cfg(unix)]
        {
            fs::write(&file, b"old").unwrap();
            std::os::unix::fs::symlink(&file, &link).unwrap();
            write_bytes(&System, &link, b"new").unwrap();
            assert_eq!(fs::read(&file).unwrap(), b"new");
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        }
        assert!(write_bytes(&System, folder.path(), b"x").is_err());
    }

    #[test]
    fn leftovers_of_a_file_are_removed_and_others_stay() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".tmp-gibbsite-17-m.safetensors", ".tmp-gibbsite-17-other", ".tmp-gibbsite-x", "m.safetensors"] {
            fs::write(folder.path().join(name), b"").unwrap();
        }
        remove_leftovers(&folder.path().join("m.safetensors"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
        assert!(!folder.path().join(".tmp-gibbsite-17-m.safetensors").exists());
    }
}
