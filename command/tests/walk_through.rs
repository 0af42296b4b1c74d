//! The page of the command: every command on it runs, in order, and does what is said there.

mod common;

use common::files;
use std::path::Path;
use std::process::Command;

const PAGE: &str = include_str!("../README.md");

/// The blocks of a language.
fn blocks(language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let blocks = PAGE.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap().to_string());
    blocks.collect()
}

/// A Python with numpy and safetensors, where there is one.
fn python() -> Option<String> {
    let python = std::env::var("GIBBSITE_PYTHON").unwrap_or("python3".to_string());
    let found = Command::new(&python).args(["-c", "import numpy, safetensors.numpy"]).output();
    found.is_ok_and(|output| output.status.success()).then_some(python)
}

fn number(json: &serde_json::Value, name: &str) -> f64 {
    json[name].as_f64().unwrap_or_else(|| panic!("{name} in {json}"))
}

fn json(folder: &Path, name: &str) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(folder.join(name)).unwrap()).unwrap()
}

#[test]
fn every_command_of_the_page_runs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("example/glass.csv");
    std::fs::copy(example, path.join("glass.csv")).unwrap();
    let own = Path::new(env!("CARGO_BIN_EXE_gibbsite")).parent().unwrap();
    let search = format!("{}:{}", own.display(), std::env::var("PATH").unwrap_or_default());
    let all = blocks("sh");
    assert!(all.len() >= 8);
    for block in &all {
        let output = Command::new("sh").args(["-euc", block]).current_dir(path).env("PATH", &search).output().unwrap();
        assert!(output.status.success(), "{block}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    // What the page says of them.
    let (exact, both) = (json(path, "exact.json"), json(path, "both_sides.json"));
    let (value, error) = (number(&both, "log_partition"), number(&both, "log_partition_standard_error"));
    assert!((number(&exact, "log_partition") - value).abs() < 4.9 * error && both["trusted"] == true);
    assert!(exact["log_partition_standard_error"].is_null());
    assert!(number(&exact, "mean_log_likelihood") > -14.5);
    let names: Vec<String> = files(path).iter().map(|(name, _)| name.display().to_string()).collect();
    for name in ["m.safetensors", "m.rows.csv", "m.png", "m.svg", "new.npy", "filters.png", "found.csv", "found.png"] {
        assert!(names.iter().any(|found| found == name), "{name} among {names:?}");
    }

    let Some(python) = python() else {
        println!("skipped: no Python with numpy and safetensors here (GIBBSITE_PYTHON names one)");
        return;
    };
    let checks = "
import numpy
tensors = load_file('m.safetensors')
assert W.shape == (36, 16) and W.dtype == numpy.float64
assert tensors['visible_bias'].shape == (36,) and tensors['hidden_bias'].shape == (16,)
new = numpy.load('new.npy')
assert new.shape == (1000, 36) and set(numpy.unique(new)) == {0, 1}
glass = numpy.load('glass.npy')
assert glass.shape == (10000, 20) and set(numpy.unique(glass)) == {-1, 1}
# The likelihood by another hand: all states of the hidden layer, and -F of the data.
b, c = tensors['visible_bias'], tensors['hidden_bias']
h = (numpy.arange(2**16)[:, None] >> numpy.arange(16)) & 1
log_weights = h @ c + numpy.logaddexp(0, h @ W.T + b).sum(axis=1)
ln_z = numpy.logaddexp.reduce(log_weights)
v = numpy.loadtxt('spins.txt')
mean = (v @ b + numpy.logaddexp(0, v @ W + c).sum(axis=1)).mean() - ln_z
import json
told = json.load(open('exact.json'))
assert abs(told['log_partition'] - ln_z) < 1e-9 and abs(told['mean_log_likelihood'] - mean) < 1e-9
# And what numpy writes is read.
numpy.save('a.npy', v.astype(bool)); numpy.save('b.npy', numpy.asfortranarray(v.astype('>f4')))
numpy.save('c.npy', v.reshape(-1, 6, 6).astype('i8')); numpy.savetxt('d.txt', v); numpy.savetxt('e.csv', v, fmt='%d', delimiter=',', header='spins')
numpy.save('f.npy', numpy.asfortranarray(v.reshape(-1, 6, 6).astype('u2')))
import subprocess
for name in ['a.npy', 'b.npy', 'c.npy', 'd.txt', 'e.csv', 'f.npy']:
    subprocess.run(['gibbsite', 'convert', name, 'back.txt'], check=True)
    assert open('back.txt').read() == open('spins.txt').read(), name
";
    let script = format!("{}{checks}", blocks("python").concat());
    let output = Command::new(python).args(["-c", &script]).current_dir(path).env("PATH", &search).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    println!("Python reads the machine, finds the same likelihood, and what numpy writes is read");
}
