//! What is refused: exit code 2, one line that names the file or option, its place and the mend, and nothing written.

mod common;

use common::{done, files, gibbsite, run, spins, told};
use std::io::Read;
use std::path::Path;
use std::process::Stdio;

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).unwrap();
}

#[test]
fn what_is_wrong_is_said_in_one_line_and_nothing_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    spins(path, "ring:6", 200);
    done(path, "train --data spins.txt --hidden 3 --epochs 1 --out m.safetensors --quiet");
    done(path, "sample ring:6 --count 5 --as spins --out pm.txt");
    write(path, "five.txt", "0 1 0 1 1\n");
    write(path, "wide.txt", "0 1 0 1 1 0 1\n");
    write(path, "two.txt", "0 1 0 1 1 0\n0 1 2 1 1 0\n");
    write(path, "empty.txt", "");
    write(path, "pair.csv", "0,1,1\n1,1,2\n");
    write(path, "held.txt", "0 1 ? ? 1 x\n");
    write(path, "short.txt", "0 1 ?\n");
    write(path, "twins.txt", &"0 1 1\n1 0 0\n0 0 1\n1 1 0\n".repeat(50));
    write(path, "still.txt", &"0 1 1\n0 0 1\n".repeat(50));
    write(path, "0.5", "0 1 0 1 1 0\n");
    let mut wide = gibbsite::model::rbm::Rbm::new(40, 35).unwrap();
    let about = gibbsite_files::model::About::new(Vec::new());
    let machine = |name: &str, machine: &gibbsite::model::rbm::Rbm| {
        gibbsite_files::model::write_machine(&gibbsite_files::write::System, &path.join(name), machine, &about)
            .unwrap();
    };
    machine("wide.safetensors", &wide);
    gibbsite::model::Model::parameters_mut(&mut wide)[7] = f64::NAN;
    machine("nan.safetensors", &wide);
    let before = files(path);
    let cases = [
        // Options.
        (
            "train --data spins.txt --hiden 3 --out n.st",
            "unexpected argument '--hiden' found; a similar argument exists: '--hidden'; see --help",
        ),
        (
            "train --data spins.txt --hidden 3",
            "the following required arguments were not provided: --out <MODEL>; see --help",
        ),
        (
            "train --data spins.txt --hidden 0 --out n.st",
            "invalid value '0' for '--hidden <NUMBER>': take a whole number from 1 to 1,000,000,000; see --help",
        ),
        (
            "train --data spins.txt --hidden 3 --estimator qcd --out n.st",
            "invalid value 'qcd' for '--estimator <RECIPE>': estimator qcd: there is no such estimator; take one of exact, cd, pcd, two-runs, fpcd, tempering, ptt; see --help",
        ),
        (
            "train --data spins.txt --hidden 3 --out -",
            "--out -: a run leaves several files; name a file, such as m.safetensors",
        ),
        ("train --data spins.txt --hidden 3 --out .", "--out .: it is a folder; name a file in it"),
        (
            "train --data spins.txt --hidden 3 --out nowhere/m.st",
            "nowhere/.m.st.lock: cannot write the file (No such file or directory (os error 2)); name a folder that you may write to with --out",
        ),
        (
            "train --data spins.txt --hidden 3 --out m.safetensors",
            "--out m.safetensors: a finished run is there; name another file; its machine goes on with --continue",
        ),
        (
            "train --data spins.txt --hidden 3 --validation 1.5 --out n.st",
            "--validation 1.5: it is no share of the rows; give a number between 0 and 1",
        ),
        (
            "train --data spins.txt --hidden 3 --validation 0.5 --out n.st",
            "--validation 0.5: it is the name of a file and the number 0.5; write the file as ./NAME",
        ),
        (
            "train --data spins.txt --hidden 3 --validation five.txt --out n.st",
            "five.txt, line 1: a row has 5 sites, and --data spins.txt has 6; give rows of 6 values",
        ),
        (
            "train --data spins.txt --continue m.safetensors --hidden 4 --out n.st",
            "--hidden 4: the machine that goes on has 3 hidden units; leave it away",
        ),
        (
            "train --data five.txt --continue m.safetensors --out n.st",
            "five.txt, line 1: a row has 5 sites, and m.safetensors has 6; give rows of 6 values",
        ),
        (
            "train --data spins.txt --hidden 3 --learning-rate 1e300 --out n.st",
            "no machine learns by such leaps; take at most 1e6",
        ),
        (
            "--threads 4000 inspect m.safetensors",
            "--threads 4000: it is more than this program can work with; take at most 1024",
        ),
        // Data.
        (
            "train --data missing.txt --hidden 3 --out n.st",
            "missing.txt: cannot read the file (No such file or directory (os error 2)); see that it is there and that you may read it",
        ),
        ("train --data empty.txt --hidden 3 --out n.st", "empty.txt: it is empty; give at least one configuration"),
        (
            "train --data two.txt --hidden 3 --out n.st",
            "two.txt, line 2: value 3 is `2`, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins",
        ),
        ("train --data pm.txt --hidden 3 --out n.st", ", neither 0 nor 1; give --spins where data are -1 and 1"),
        (
            "train --data spins.txt --spins --hidden 3 --out n.st",
            ", neither -1 nor 1; leave --spins away where data are 0 and 1",
        ),
        (
            "train --data m.safetensors --hidden 3 --out n.st",
            "m.safetensors: it is a safetensors file, a machine perhaps; name a file of data",
        ),
        // Machines.
        (
            "evaluate spins.txt",
            "spins.txt: it is no safetensors file (header too large); name a machine, a safetensors file with weights, visible_bias and hidden_bias",
        ),
        ("evaluate nan.safetensors", "nan.safetensors: W[0,7] is NaN; train again with a lower learning rate"),
        (
            "evaluate m.safetensors --data five.txt",
            "five.txt, line 1: a row has 5 sites, and m.safetensors has 6; give rows of 6 values",
        ),
        (
            "evaluate m.safetensors --target ring:7",
            "the law to compare with: it has 7 sites, and m.safetensors has 6 visible units; name a law of as many sites",
        ),
        (
            "evaluate m.safetensors --temperature 2",
            "--temperature: it means nothing to evaluate without --target or --couplings; leave it away",
        ),
        (
            "evaluate m.safetensors --target bars:2x3 --temperature 2",
            "--temperature: it means nothing to bars:2x3, which has no temperature; leave it away",
        ),
        ("evaluate m.safetensors --spins", "--spins: it means nothing to evaluate without --data; leave it away"),
        (
            "evaluate wide.safetensors --exact",
            "--exact would visit 2^35 states (the limit is 2^30); leave it away: annealing from both sides takes minutes",
        ),
        (
            "evaluate m.safetensors --moments x.st",
            "the following required arguments were not provided: --data <FILE>; see --help",
        ),
        (
            "inspect m.safetensors --shape 2x2",
            "--shape 2x2: the machine has 6 visible units; give sides whose product they are",
        ),
        (
            "features m.safetensors --data five.txt --out x.npy",
            "five.txt: it has 5 columns, and the machine 6 visible units; take the rest for 0 with --absent-off",
        ),
        (
            "features m.safetensors --data wide.txt --absent-off --out x.npy",
            "wide.txt: it has 7 columns, and the machine 6 visible units; take data of the machine",
        ),
        (
            "sample bars:3x3 --count 5 --sampler wolff --out x.txt",
            "--sampler wolff: it moves Ising models with one field on all sites; take --sampler chains",
        ),
        (
            "sample ring:9 --count 5 --sampler wolf --out x.txt",
            "there is no such choice; take auto, exact, chains, metropolis, heat_bath, coloured_heat_bath, multi_spin, wolff or swendsen_wang; see --help",
        ),
        (
            "sample m.safetensors --count 5 --weights last --out x.txt",
            "--weights: it means nothing to a machine without --start FILE; leave it away",
        ),
        // Laws.
        ("sample tor:3x3 --count 5 --out x.txt", "target tor:3x3: there is no such target; take one of chain:N"),
        (
            "sample square:6x6 --temperature 0 --count 5 --out x.txt",
            "invalid value '0' for '--temperature <T>': take a number above 0; see --help",
        ),
        (
            "sample square:6x6 --count 5 --sampler exact --out x.txt",
            "--sampler exact would visit 2^36 states (the limit is 2^20); take --sampler chains",
        ),
        ("sample --count 5 --out x.txt", "the law: none is named; name one, or give --couplings FILE"),
        (
            "sample --couplings pair.csv --count 5 --out x.txt",
            "pair.csv, line 2: site 1 is coupled to itself; couple two different sites",
        ),
        (
            "sample ring:6 --couplings pair.csv --count 5 --out x.txt",
            "ring:6 with --couplings: both say which Ising model is meant; leave one of them away",
        ),
        (
            "sample ring:6 --gibbs-steps 5 --count 5 --out x.txt",
            "--gibbs-steps: it means nothing to a law; leave it away",
        ),
        (
            "sample m.safetensors --temperature 2 --count 5 --out x.txt",
            "--temperature: it means nothing to a machine; leave it away",
        ),
        (
            "sample m.safetensors --count 5 --clamp held.txt --out x.txt",
            "held.txt, line 1: `x` is neither 0, 1 nor ?; write 0, 1 or ? for every visible unit",
        ),
        (
            "sample m.safetensors --count 5 --clamp short.txt --out x.txt",
            "short.txt, line 1: 3 values, and m.safetensors has 6 visible units; write 0, 1 or ? for every visible unit",
        ),
        (
            "sample m.safetensors --count 1000000000000 --out x.txt",
            "invalid value '1000000000000' for '--count <NUMBER>': take a whole number from 1 to 1,000,000,000; see --help",
        ),
        (
            "sample missing --count 5 --out x.txt",
            "missing: cannot read the file (No such file or directory (os error 2)); see that it is there and that you may read it",
        ),
        // Couplings.
        (
            "couplings --data five.txt --out x.csv",
            "--data five.txt: 1 configurations do not determine the couplings of 5 sites; give more than 15",
        ),
        (
            "couplings --data still.txt --updates 200 --out x.csv",
            "--data still.txt: site 0 never varies, and has no finite field; leave its column away",
        ),
        (
            "couplings --data twins.txt --out x.csv",
            "sites 0 and 2: they are always alike, or always different; leave one of them away: their coupling has no finite value",
        ),
        (
            "couplings --data spins.txt --weights last --out x.csv",
            "--weights: standard errors need to know how many draws there were; give every configuration as often as it was drawn",
        ),
        // Files.
        (
            "convert spins.txt m.safetensors",
            "spins.txt to m.safetensors: one is a machine and the other is not; name two files of one kind",
        ),
        (
            "convert spins.txt nowhere/x.txt",
            "nowhere/x.txt: cannot write the file (No such file or directory (os error 2)); name a place that you may write to; what was there before is unharmed",
        ),
        (
            "convert spins.txt rows.npy --weights last",
            "--out rows.npy: an array of bits has no place for weights; write text, whose last column they are",
        ),
        ("man nonsense", "nonsense: there is no such subcommand; take one of sample"),
    ];
    for (words, expected) in cases {
        let (code, output, error) = run(path, words);
        assert_eq!(code, 2, "gibbsite {words}: {error}");
        assert!(error.starts_with("error: ") && error.contains(expected), "gibbsite {words}: {error}");
        assert_eq!(error.matches('\n').count(), 1, "gibbsite {words}: {error}");
        assert_eq!(output, "", "gibbsite {words}");
        assert!(files(path) == before, "gibbsite {words} left something");
    }
    println!("{} wrong command lines and files refused in one line", cases.len());
}

/// A learning rate that diverges stops with the update, the parameter and the mend.
#[test]
fn training_that_diverges_says_so() {
    let folder = tempfile::tempdir().unwrap();
    spins(folder.path(), "ring:6", 100);
    let words =
        "train --data spins.txt --hidden 3 --epochs 400 --learning-rate 1000000 --weight-decay 10 --out m.st --quiet";
    let (code, _, error) = run(folder.path(), words);
    assert_eq!(code, 2, "{error}");
    assert!(error.contains("lower the learning rate") && !folder.path().join("m.st").exists(), "{error}");
}

/// A reader that goes away is no error; a full device is.
#[cfg(target_os = "linux")]
#[test]
fn closed_pipes_are_no_error_and_full_devices_are() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = gibbsite(folder.path(), "sample ring:6 --count 1000000")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 12];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let (code, _, error) = told(&child.wait_with_output().unwrap());
    assert_eq!((code, error.as_str()), (0, ""));
    for words in ["completions bash", "man", "--help"] {
        let mut child = gibbsite(folder.path(), words).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let (code, _, error) = told(&child.wait_with_output().unwrap());
        assert_eq!((code, error.as_str()), (0, ""), "{words}");
    }
    let full = || Stdio::from(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let (code, _, error) = told(&gibbsite(folder.path(), "sample ring:6 --count 10").stdout(full()).output().unwrap());
    assert_eq!(code, 2);
    assert!(error.starts_with("error: standard output: cannot write (No space left on device"), "{error}");
    let (code, _, error) = run(folder.path(), "sample ring:6 --count 10 --out /dev/full");
    assert_eq!(code, 2);
    assert!(error.starts_with("error: /dev/full: cannot write the file (No space left on device"), "{error}");
}

/// A real disk of 1 MiB, where the system lets the test have one: what was whole stays whole, and there is one line.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let disk = folder.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = std::process::Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&disk).output();
    if !mount.is_ok_and(|done| done.status.success()) {
        println!("skipped: this system lets nobody mount a disk of 1 MiB");
        return;
    }
    let tested = std::panic::catch_unwind(|| {
        done(&disk, "sample ring:10 --count 40000 --out spins.npy");
        let before = files(&disk);
        for (words, name) in [
            ("sample ring:10 --seed 2 --count 90000 --out spins.npy", "spins.npy"),
            ("sample ring:10 --seed 2 --count 90000 --out other.npy", "other.npy"),
            ("convert spins.npy spins.csv --as spins", "spins.csv"),
            // The checkpoint alone takes more than is left.
            ("train --data spins.npy --hidden 20000 --epochs 1 --out m.safetensors --quiet", "m.checkpoint"),
        ] {
            let (code, _, error) = run(&disk, words);
            assert_eq!(code, 2, "gibbsite {words}: {error}");
            let expected = format!(
                "error: {name}: cannot write the file (No space left on device (os error 28)); make room on the disk"
            );
            assert!(error.starts_with(&expected), "{error}");
            assert_eq!(error.matches('\n').count(), 1, "{error}");
            assert!(files(&disk) == before, "gibbsite {words}");
        }
    });
    let _ = std::process::Command::new("umount").arg(&disk).status();
    assert!(tested.is_ok());
    println!("a disk of 1 MiB was filled four times, and kept what it had");
}
