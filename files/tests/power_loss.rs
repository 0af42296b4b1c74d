//! A disk that loses power after any operation: what was not synced may be there, torn or gone.

use gibbsite_files::checkpoint::Store;
use gibbsite_files::write::{Disk, Output};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

type Content = (u64, Vec<f64>);

fn content(number: u64) -> Content {
    (number, (0..30_000).map(|k| k as f64 / 3.0).collect())
}

/// A file on the medium: what is sure to be there, and what has been written since.
#[derive(Clone, Default)]
struct Node {
    synced: Vec<u8>,
    written: Vec<u8>,
}

/// A change of a name that is not on the medium yet.
#[derive(Clone)]
enum Change {
    Create(PathBuf, usize),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
}

#[derive(Clone, Default)]
struct Medium {
    nodes: Vec<Node>,
    /// Names as the running system sees them.
    names: BTreeMap<PathBuf, usize>,
    /// Names that are sure to be there.
    synced_names: BTreeMap<PathBuf, usize>,
    /// In order; a file system keeps their order and may keep only the first ones.
    pending: Vec<Change>,
    operations: usize,
    fails: usize,
}

/// Loses power at its `fails`-th operation.
struct Simulated(Arc<Mutex<Medium>>);

impl Simulated {
    fn new(fails: usize) -> Self {
        Self(Arc::new(Mutex::new(Medium { fails, ..Medium::default() })))
    }

    /// The medium, unless power is gone.
    fn step(&self) -> io::Result<std::sync::MutexGuard<'_, Medium>> {
        let mut medium = self.0.lock().unwrap();
        medium.operations += 1;
        if medium.operations >= medium.fails { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(medium) }
    }
}

impl Disk for Simulated {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
        let mut medium = self.step()?;
        let number = medium.nodes.len();
        medium.nodes.push(Node::default());
        medium.names.insert(path.to_path_buf(), number);
        medium.pending.push(Change::Create(path.to_path_buf(), number));
        Ok(Box::new(Open { disk: Simulated(self.0.clone()), number }))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut medium = self.step()?;
        let number = medium.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        medium.names.insert(to.to_path_buf(), number);
        medium.pending.push(Change::Rename(from.to_path_buf(), to.to_path_buf()));
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        let mut medium = self.step()?;
        medium.synced_names = medium.names.clone();
        medium.pending.clear();
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut medium = self.step()?;
        medium.names.remove(path).ok_or(io::ErrorKind::NotFound)?;
        medium.pending.push(Change::Remove(path.to_path_buf()));
        Ok(())
    }
}

struct Open {
    disk: Simulated,
    number: usize,
}

impl Write for Open {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let number = self.number;
        self.disk.step()?.nodes[number].written.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output for Open {
    fn sync(&mut self) -> io::Result<()> {
        let number = self.number;
        let mut medium = self.disk.step()?;
        medium.nodes[number].synced = medium.nodes[number].written.clone();
        Ok(())
    }
}

/// Every way in which the medium may be found: so many of the pending changes, and of what was not synced nothing, half, or
/// all.
fn outcomes(medium: &Medium) -> Vec<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = Vec::new();
    for kept in 0..=medium.pending.len() {
        let mut names = medium.synced_names.clone();
        for change in &medium.pending[..kept] {
            match change {
                Change::Create(path, number) => drop(names.insert(path.clone(), *number)),
                Change::Rename(from, to) => {
                    if let Some(number) = names.remove(from) {
                        names.insert(to.clone(), number);
                    }
                }
                Change::Remove(path) => drop(names.remove(path)),
            }
        }
        for part in 0..3 {
            let content = |node: &Node| {
                let more = &node.written[node.synced.len()..];
                [&node.synced[..], &more[..part * more.len() / 2]].concat()
            };
            found.push(names.iter().map(|(path, number)| (path.clone(), content(&medium.nodes[*number]))).collect());
        }
    }
    found
}

/// Saves five checkpoints and loses power at every operation; counts what was found, and what was found wanting.
fn saved_with(disk_for: &dyn Fn(usize) -> (Box<dyn Disk>, Arc<Mutex<Medium>>)) -> (usize, usize) {
    let (mut looks, mut lost) = (0, 0);
    for fails in 1.. {
        let (disk, medium) = disk_for(fails);
        // The simulated disk lives in an empty folder: the writer asks the real one only what is at a name.
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::new(folder.path().join("m.checkpoint"));
        let mut saved = 0;
        for number in 1..6 {
            match store.save(&*disk, &content(number)) {
                Ok(()) => saved = number,
                Err(_) => break,
            }
        }
        let medium = medium.lock().unwrap();
        for outcome in outcomes(&medium) {
            looks += 1;
            let after = tempfile::tempdir().unwrap();
            for (path, bytes) in outcome {
                std::fs::write(after.path().join(path.file_name().unwrap()), bytes).unwrap();
            }
            let mut store = Store::new(after.path().join("m.checkpoint"));
            let whole = match store.load::<Content>() {
                Ok((found, _)) => found.0 >= saved && found == content(found.0),
                Err(_) => saved == 0,
            };
            lost += usize::from(!whole);
        }
        if saved == 5 {
            return (looks, lost);
        }
    }
    unreachable!("a run ends once no operation fails");
}

#[test]
fn a_checkpoint_that_was_reported_as_saved_is_there_whenever_power_goes() {
    let (looks, lost) = saved_with(&|fails| {
        let disk = Simulated::new(fails);
        let medium = disk.0.clone();
        (Box::new(disk), medium)
    });
    println!("{looks} states of the medium after a loss of power, {lost} without the last checkpoint");
    assert!(looks > 150 && lost == 0);
}

/// What the check is worth: a disk that only says that it syncs loses checkpoints.
#[test]
fn without_syncs_checkpoints_are_lost() {
    struct Careless(Simulated);
    struct NotSynced(Box<dyn Output>);
    impl Write for NotSynced {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }
    impl Output for NotSynced {
        fn sync(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    impl Disk for Careless {
        fn create(&self, path: &Path) -> io::Result<Box<dyn Output>> {
            Ok(Box::new(NotSynced(self.0.create(path)?)))
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.0.rename(from, to)
        }
        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            self.0.sync_folder(folder)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            self.0.remove(path)
        }
    }
    let (_, lost) = saved_with(&|fails| {
        let disk = Simulated::new(fails);
        let medium = disk.0.clone();
        (Box::new(Careless(disk)), medium)
    });
    assert!(lost > 0);
}
