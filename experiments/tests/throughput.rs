//! The experiment throughput as its user runs it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_throughput")).args(arguments).output().expect("the binary starts")
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).expect("the file is there")
}

/// --quick writes every file with the promised columns, every size that is not left out, and times that are
/// positive; a file of other programs' times turns into ratios.
#[test]
fn quick_measures_every_size_and_compares() {
    let folder = TempDir::new().unwrap();
    let out = folder.path().to_str().unwrap();
    let peers = folder.path().join("peers.csv");
    fs::write(
        &peers,
        "peer,version,kernel,visible,hidden,batch,gibbs_steps,threads,unit,microseconds\n\
         slow,1,cd,16,16,100,10,1,sample,1000000\n\
         slower,1,cd,16,16,100,10,1,sample,3000000\n\
         other threads,1,cd,16,16,100,10,2,sample,0.001\n",
    )
    .unwrap();
    let peers = peers.to_str().unwrap();
    let output = run(&["--quick", "--threads", "1", "--out", out, "--peers", peers]);
    assert!(output.status.success(), "{output:?}");
    let rows = text(&folder.path().join("rows.csv"));
    let mut lines = rows.lines();
    assert_eq!(lines.next(), Some("threads,kernel,visible,hidden,batch,gibbs_steps,unit,microseconds"));
    let cells: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    assert!(cells.iter().all(|row| row[7].parse::<f64>().unwrap() > 0.0));
    let names: Vec<String> = cells.iter().map(|row| row[..7].join(",")).collect();
    assert_eq!(
        names,
        [
            "1,cd,784,500,100,1,sample",
            "1,cd,784,500,100,10,sample",
            "1,pcd,784,500,20,15,sample",
            "1,cd,100,400,100,10,sample",
            "1,cd,64,64,100,10,sample",
            "1,cd,16,16,100,10,sample",
            "1,log_partition,16,16,,,state",
            "1,log_partition,20,20,,,state",
            "1,log_partition,24,20,,,state",
            "1,log_partition,784,20,,,state",
            "1,exact_gradient,16,16,,,state",
            "1,exact_gradient,20,20,,,state",
            "1,ais,784,500,100,1,temperature",
            "1,ais,64,64,100,1,temperature",
            "1,metropolis,4096,,1024,100,update",
            "1,metropolis,4096,,1,5000,update",
        ]
    );
    for name in ["throughput.png", "throughput.svg", "run.json"] {
        assert!(fs::metadata(folder.path().join(name)).unwrap().len() > 0);
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let line = printed.lines().find(|line| line.contains("CD-10, 16x16")).unwrap();
    assert!(
        line.contains("1000 ms") && line.contains("slow ") && line.ends_with(|c: char| c.is_ascii_digit()),
        "{line}"
    );
}

/// Mistakes end with code 2, one line that names the option, and no file.
#[test]
fn mistakes_are_named() {
    for (arguments, word) in [
        (&["--kernels", "cd,qcd"][..], "qcd"),
        (&["--rounds", "0"], "--rounds"),
        (&["--peers", "no such file"], "no such file"),
    ] {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("out");
        let output = run(&[arguments, &["--out", out.to_str().unwrap()]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(word), "{said}");
        assert!(!out.join("rows.csv").exists());
    }
}
