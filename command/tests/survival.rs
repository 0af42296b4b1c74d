//! Runs that are killed, stopped, refused a disk, or begun twice: nothing is lost that was reported as kept, and a run that goes
//! on ends at the same bytes.

mod common;

use common::{done, files, gibbsite, results, run, spins, told};
use gibbsite::random::Seed;
use gibbsite_command::context::is_stopped;
use gibbsite_files::write::{Faulty, System};
use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A run of a second, with persistent chains, momentum, averages, validation data and a centred gradient: all that a checkpoint
/// must keep.
const TRAIN: &str = "train --data spins.txt --hidden 6 --estimator pcd:2:chains=40:centred=mean --momentum 0.5 --average 20 \
                     --epochs 60 --batch 20 --validation 0.2 --rows-every 3 --out m.safetensors --quiet --threads 1";

/// A folder with data, and what an undisturbed run leaves there.
fn reference() -> (tempfile::TempDir, Vec<(std::path::PathBuf, Vec<u8>)>) {
    let folder = tempfile::tempdir().unwrap();
    spins(folder.path(), "square:4x4", 400);
    done(folder.path(), TRAIN);
    let results = results(folder.path());
    let names: Vec<String> = results.iter().map(|(path, _)| path.display().to_string()).collect();
    assert_eq!(names, ["m.checkpoint", "m.png", "m.rows.csv", "m.safetensors", "m.svg", "spins.txt"]);
    (folder, results)
}

fn fresh(reference: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(reference.join("spins.txt"), folder.path().join("spins.txt")).unwrap();
    folder
}

#[track_caller]
fn same(found: &[(std::path::PathBuf, Vec<u8>)], expected: &[(std::path::PathBuf, Vec<u8>)], what: &str) {
    let names = |all: &[(std::path::PathBuf, Vec<u8>)]| all.iter().map(|(path, _)| path.clone()).collect::<Vec<_>>();
    assert_eq!(names(found), names(expected), "{what}");
    for ((path, bytes), (_, wanted)) in found.iter().zip(expected) {
        assert!(bytes == wanted, "{what}: {} differs", path.display());
    }
}

/// A run whose rows or figure would stand in the place of another's begins nothing.
#[test]
fn nothing_that_another_run_has_left_is_written_over() {
    let folder = tempfile::tempdir().unwrap();
    spins(folder.path(), "ring:4", 50);
    for name in ["m.safetensors", "m.rows.csv", "m.png", "m.svg"] {
        let path = folder.path().join(name);
        std::fs::write(&path, "of another run").unwrap();
        let before = files(folder.path());
        let words = "train --data spins.txt --hidden 2 --epochs 1 --out m.safetensors --quiet";
        let (code, _, said) = run(folder.path(), words);
        assert!(code == 2 && said.contains(&format!("{name} is there already")), "{said}");
        assert_eq!(files(folder.path()), before);
        std::fs::remove_file(path).unwrap();
    }
}

/// 200 kills at random times, each run going on from where the last was killed.
#[test]
fn two_hundred_kills_end_at_the_same_bytes() {
    const KILLS: usize = 200;
    let (first, expected) = reference();
    let mut words = Seed::root(1).words();
    let (mut kills, mut runs, mut folder) = (0, 0, fresh(first.path()));
    let begin = Instant::now();
    while kills < KILLS {
        let mut child = gibbsite(folder.path(), TRAIN)
            .args(["--resume", "--checkpoint-every", "1"])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(words.next_word() % 100_000));
        match child.try_wait().unwrap() {
            None => {
                // SIGKILL.
                child.kill().unwrap();
                kills += usize::from(!child.wait().unwrap().success());
            }
            Some(status) => assert!(status.success(), "{}", told(&child.wait_with_output().unwrap()).2),
        }
        if folder.path().join("m.safetensors").exists() {
            // Also where the kill came between the machine and the last checkpoint.
            done(folder.path(), &format!("{TRAIN} --resume"));
            let _ = std::fs::remove_file(folder.path().join(".m.lock"));
            same(&results(folder.path()), &expected, &format!("after {kills} kills"));
            (runs, folder) = (runs + 1, fresh(first.path()));
        }
    }
    done(folder.path(), &format!("{TRAIN} --resume"));
    same(&results(folder.path()), &expected, "at last");
    println!("{kills} kills in {:.1?}, {} runs ended at the same bytes", begin.elapsed(), runs + 1);
}

fn words(folder: &Path, text: &str) -> Vec<OsString> {
    let here = |word: &str| {
        let file = ["spins.txt", "m.safetensors", "out.npy"].contains(&word);
        if file { folder.join(word).into_os_string() } else { word.into() }
    };
    std::iter::once("gibbsite".into()).chain(text.split_whitespace().map(here)).collect()
}

/// Every operation on disk of a whole run fails, once or from there on as if the program had crashed; then the run goes on.
#[test]
fn every_crash_point_of_a_run_ends_at_the_same_bytes() {
    const SMALL: &str = "train --data spins.txt --hidden 3 --estimator pcd:1:chains=10 --epochs 3 --batch 50 --out m.safetensors \
                         --quiet --threads 1 --checkpoint-every 1";
    let first = tempfile::tempdir().unwrap();
    spins(first.path(), "ring:6", 100);
    let train = |folder: &Path, resume: bool, disk: &dyn gibbsite_files::write::Disk| {
        let text = if resume { format!("{SMALL} --resume") } else { SMALL.to_string() };
        gibbsite_command::run(&words(folder, &text), disk, &mut Vec::new())
    };
    // The metadata name the data as they were named: one folder for all, emptied between.
    let folder = first.path();
    let empty = || {
        files(folder).iter().filter(|(path, _)| path != Path::new("spins.txt")).for_each(|(path, _)| {
            std::fs::remove_file(folder.join(path)).unwrap();
        })
    };
    train(folder, false, &System).unwrap();
    let expected = results(folder);
    let mut points = 0;
    for crash in [false, true] {
        for n in 1.. {
            empty();
            let disk = if crash { Faulty::crash(n) } else { Faulty::once(n) };
            let ended = train(folder, false, &disk);
            assert!(!is_stopped());
            if disk.operations() < n {
                ended.unwrap();
                break;
            }
            points += 1;
            let message = ended.unwrap_err().to_string();
            assert!(message.contains("make room on the disk") && !message.contains('\n'), "{message}");
            train(folder, true, &System).unwrap();
            // What a crashed program left is removed by the next.
            same(&results(folder), &expected, &format!("operation {n}, crash {crash}"));
        }
    }
    println!("{points} crash points of a run, each resumed to the same bytes");
    assert!(points > 60, "{points}");
}

/// What other subcommands write over is the old file or the new one.
#[test]
fn every_failure_of_a_writer_leaves_the_old_file_or_the_new_one() {
    let folder = tempfile::tempdir().unwrap();
    spins(folder.path(), "ring:5", 300);
    done(folder.path(), "train --data spins.txt --hidden 2 --epochs 1 --out m.safetensors --quiet");
    let mut points = 0;
    for text in [
        "sample ring:5 --count 70000 --out out.npy",
        "convert spins.txt out.npy",
        "evaluate m.safetensors --data spins.txt --moments out.npy",
        "couplings --data spins.txt --out out.npy",
    ] {
        let out = folder.path().join("out.npy");
        let run = |disk: &dyn gibbsite_files::write::Disk| {
            gibbsite_command::run(&words(folder.path(), text), disk, &mut Vec::new())
        };
        run(&System).unwrap();
        let new = std::fs::read(&out).unwrap();
        for n in 1.. {
            std::fs::write(&out, b"old").unwrap();
            let disk = Faulty::once(n);
            let ended = run(&disk);
            if disk.operations() < n {
                ended.unwrap();
                break;
            }
            points += 1;
            assert!(ended.is_err());
            let there = std::fs::read(&out).unwrap();
            assert!(there == b"old" || there == new, "{text}, operation {n}");
            assert!(files(folder.path()).iter().all(|(path, _)| !path.to_string_lossy().starts_with(".tmp")));
        }
    }
    assert!(points >= 4 * 5, "{points}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_writes_a_checkpoint_and_says_how_to_go_on() {
    let (first, expected) = reference();
    let folder = fresh(first.path());
    for signal in ["-INT", "-TERM"] {
        let child = gibbsite(folder.path(), TRAIN).arg("--resume").stderr(Stdio::piped()).spawn().unwrap();
        // It has begun once its first checkpoint is there.
        let begin = Instant::now();
        while !folder.path().join("m.checkpoint").exists() && begin.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(30));
        let killed = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        let (code, _, error) = told(&child.wait_with_output().unwrap());
        if killed.success() && code != 0 {
            assert_eq!(code, 130, "{error}");
            assert!(error.contains("stopped after epoch") && error.contains("--resume"), "{error}");
        }
    }
    done(folder.path(), &format!("{TRAIN} --resume"));
    same(&results(folder.path()), &expected, "after Ctrl-C");
}

#[test]
fn a_second_run_is_refused_and_a_killed_one_leaves_no_lock() {
    let folder = tempfile::tempdir().unwrap();
    spins(folder.path(), "square:4x4", 400);
    let endless = TRAIN.replace("--epochs 60", "--epochs 1000000");
    let mut child = gibbsite(folder.path(), &endless).spawn().unwrap();
    let begin = Instant::now();
    while !folder.path().join("m.checkpoint").exists() && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let (code, _, error) = run(folder.path(), &format!("{endless} --resume"));
    let expected = format!(
        "error: --out m.safetensors: another run (process {}) is working there; let it finish, or name another\n",
        child.id()
    );
    assert_eq!((code, error), (2, expected));
    child.kill().unwrap();
    child.wait().unwrap();
    // The lock went with the process: the same place is free, and what is there is a run that was stopped.
    let (code, _, error) = run(folder.path(), &endless);
    assert_eq!(code, 2);
    assert!(error.contains("a run that was stopped is there; go on with it by --resume"), "{error}");
}

#[test]
fn a_torn_checkpoint_is_named_and_the_one_before_goes_on() {
    let (first, expected) = reference();
    let folder = fresh(first.path());
    let mut child = gibbsite(folder.path(), TRAIN).args(["--resume", "--checkpoint-every", "1"]).spawn().unwrap();
    let begin = Instant::now();
    while !folder.path().join("m.checkpoint.previous").exists() && begin.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(2));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let (newest, previous) = (folder.path().join("m.checkpoint"), folder.path().join("m.checkpoint.previous"));
    if !newest.exists() {
        std::fs::copy(&previous, &newest).unwrap();
    }
    let bytes = std::fs::read(&newest).unwrap();
    std::fs::write(&newest, &bytes[..bytes.len() / 2]).unwrap();
    let (code, _, error) = run(folder.path(), &format!("{} --resume", TRAIN.replace("--quiet ", "")));
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("m.checkpoint: it is torn") && error.contains("went back to the one before"), "{error}");
    same(&results(folder.path()), &expected, "from the one before");
    // Both torn: refused by name, and nothing changed.
    for path in [&newest, &previous] {
        std::fs::write(path, b"something else").unwrap();
    }
    let before = files(folder.path());
    let (code, _, error) = run(folder.path(), &format!("{TRAIN} --resume"));
    assert_eq!(code, 2);
    assert!(error.contains("m.checkpoint: it is no checkpoint"), "{error}");
    same(&files(folder.path()), &before, "after a refusal");
}

/// Other options, other data: named, and nothing changed.
#[test]
fn a_run_goes_on_with_its_own_options_and_data_only() {
    let (folder, _) = reference();
    let before = files(folder.path());
    for (from, to, said) in [
        ("--hidden 6", "--hidden 7", "the run there was begun with --hidden 6, not 7"),
        ("--momentum 0.5", "--momentum 0.6", "the run there was begun with --momentum 0.5, not 0.6"),
        ("--epochs 60", "--epochs 61", "the run there was begun with --epochs 60, not 61"),
    ] {
        let (code, _, error) = run(folder.path(), &format!("{} --resume", TRAIN.replace(from, to)));
        assert_eq!(code, 2);
        assert!(error.contains(said), "{error}");
    }
    same(&files(folder.path()), &before, "after refusals");
    spins(folder.path(), "square:4x4", 401);
    let (code, _, error) = run(folder.path(), &format!("{TRAIN} --resume"));
    assert_eq!(code, 2);
    assert!(error.contains("begun with other data"), "{error}");
    // Validation data in a file of their own are data too.
    let folder = tempfile::tempdir().unwrap();
    spins(folder.path(), "square:4x4", 100);
    std::fs::copy(folder.path().join("spins.txt"), folder.path().join("held.txt")).unwrap();
    spins(folder.path(), "square:4x4", 400);
    let train = TRAIN.replace("--validation 0.2", "--validation held.txt");
    done(folder.path(), &train);
    done(folder.path(), &format!("{train} --resume"));
    std::fs::copy(folder.path().join("spins.txt"), folder.path().join("held.txt")).unwrap();
    let (code, _, error) = run(folder.path(), &format!("{train} --resume"));
    assert_eq!(code, 2);
    assert!(error.contains("begun with other data"), "{error}");
}

/// A trained machine goes on with velocity, chains and schedule: 30 epochs and 30 more are 60 at once.
#[test]
fn a_machine_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    spins(folder.path(), "square:4x4", 400);
    let train = |options: &str| {
        let base =
            "train --data spins.txt --estimator pcd:2:chains=40 --momentum 0.5 --batch 20 --decay inverse:300 --quiet";
        done(folder.path(), &format!("{base} --rows-every 30 {options}"))
    };
    train("--hidden 6 --epochs 60 --out whole.safetensors");
    train("--hidden 6 --epochs 30 --out half.safetensors");
    train("--continue half.safetensors --epochs 30 --out rest.safetensors");
    let machine = |name: &str| gibbsite_files::model::read_machine(&folder.path().join(name)).unwrap();
    assert_eq!(machine("whole.safetensors").machine, machine("rest.safetensors").machine);
    let history = machine("rest.safetensors").about.unwrap().history;
    assert_eq!(history.iter().map(|stage| stage.epochs).collect::<Vec<_>>(), [30, 30]);
    let rows = std::fs::read_to_string(folder.path().join("rest.rows.csv")).unwrap();
    let epochs: Vec<&str> = rows.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(epochs, ["30", "60"]);
    // Without its checkpoint it goes on too, and says what is lost.
    std::fs::remove_file(folder.path().join("half.checkpoint")).unwrap();
    std::fs::remove_file(folder.path().join("half.checkpoint.previous")).unwrap();
    let words = "train --data spins.txt --continue half.safetensors --epochs 1 --out alone.safetensors";
    let (code, _, error) = run(folder.path(), words);
    assert_eq!(code, 0, "{error}");
    assert!(error.contains("velocity, chains and schedule begin anew: there is no half.checkpoint"), "{error}");
}

#[test]
fn threads_change_nothing() {
    let (folder, expected) = reference();
    let other = fresh(folder.path());
    done(other.path(), &TRAIN.replace("--threads 1", "--threads 3"));
    same(&results(other.path()), &expected, "three threads");
}
