//! A hundred thousand seeded mutants of a file of every format: no panic, no hang, no memory beyond the file's size and a
//! constant.

use gibbsite::configuration::set_bit;
use gibbsite::prelude::*;
use gibbsite::training::trainer::{Trainer, TrainerState};
use gibbsite_files::data::{self, Column, Format, Reading, Writing, read_bytes};
use gibbsite_files::model::{About, Stage, machine_of_bytes, machine_to_bytes};
use gibbsite_files::{checkpoint, couplings};
use peak_alloc::PeakAlloc;
use std::path::Path;
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const MUTANTS: usize = 100_000;

/// Bytes that a reader may take beside a multiple of the file's size.
const CONSTANT: usize = 1 << 20;

/// Bits of rows of one site take a word each, as many bytes as 64 sites, and a growing list is copied.
const FACTOR: usize = 40;

/// Where trouble hides.
const WORDS: [&[u8]; 14] = [
    b"9223372036854775808",
    b"18446744073709551615",
    b"-1",
    b"nan",
    b"1e999",
    b"\xff\xff\xff\xff\xff\xff\xff\x7f",
    b"\x00\x00\x00\x00\x00\x00\x00\x80",
    b"\n",
    b",",
    b"\"",
    b"{",
    b"(",
    b"\x93NUMPY\x02\x00\xff\xff\xff\xff",
    b"#",
];

/// A few random changes.
fn mutate(bytes: &[u8], words: &mut gibbsite::random::Words) -> Vec<u8> {
    let mut mutant = bytes.to_vec();
    let mut below = |limit: usize| (words.next_word() % limit.max(1) as u64) as usize;
    for _ in 0..=below(4) {
        let at = below(mutant.len());
        match below(7) {
            0 if !mutant.is_empty() => mutant[at] ^= 1 << below(8),
            1 if !mutant.is_empty() => mutant[at] = below(256) as u8,
            2 => mutant.truncate(at),
            3 => drop(mutant.splice(at..at, WORDS[below(WORDS.len())].iter().copied())),
            4 => {
                let end = (at + 1 + below(16)).min(mutant.len());
                drop(mutant.drain(at.min(end)..end));
            }
            5 => {
                let piece: Vec<u8> = mutant[at..(at + 1 + below(32)).min(mutant.len())].to_vec();
                drop(mutant.splice(at..at, piece));
            }
            _ => {
                let word = WORDS[below(WORDS.len())];
                let end = (at + word.len()).min(mutant.len());
                mutant[at..end].copy_from_slice(&word[..end - at]);
            }
        }
    }
    mutant
}

/// Reads every mutant; the reader says whether it took the file for whole.
fn torment(name: &str, bytes: &[u8], seed: u64, mutants: usize, read: &mut dyn FnMut(&[u8]) -> bool) {
    assert!(read(bytes), "{name}: the file itself is read");
    let (mut words, mut taken, mut most, mut longest) = (Seed::root(seed).words(), 0, 0, Duration::ZERO);
    let start = Instant::now();
    for number in 0..mutants {
        let mutant = mutate(bytes, &mut words);
        MEMORY.reset_peak_usage();
        let (before, began) = (MEMORY.current_usage(), Instant::now());
        taken += usize::from(read(&mutant));
        let used = MEMORY.peak_usage().saturating_sub(before);
        longest = longest.max(began.elapsed());
        most = most.max(used);
        assert!(used <= FACTOR * mutant.len() + CONSTANT, "{name}, mutant {number}: {used} bytes for {}", mutant.len());
        assert!(longest < Duration::from_secs(5), "{name}, mutant {number} took {longest:?}");
    }
    let all = start.elapsed();
    println!(
        "{name}: {mutants} mutants in {all:.1?}, {taken} taken for whole, {most} bytes at most, {longest:.1?} at longest"
    );
    assert!(taken < mutants, "{name}: nothing was refused");
}

/// One test, since what memory is used belongs to the whole program.
#[test]
fn no_mutant_makes_a_reader_panic_hang_or_take_memory() {
    let path = Path::new("mutant");
    let mut rows = Configurations::zeros(9, 12);
    let mut words = Seed::root(1).words();
    (0..12).for_each(|s| (0..9).for_each(|i| set_bit(rows.row_mut(s), i, words.next_word() % 2 == 1)));
    let written = |format, separator, spins| {
        let mut bytes = Vec::new();
        data::write(&mut bytes, &rows, Writing { format, separator, spins }).unwrap();
        bytes
    };
    let plain = Reading::default();
    let weighted = Reading { weights: Some(Column::Last), ..Reading::default() };
    let spins = Reading { spins: true, ..Reading::default() };
    let text = written(Format::Text, b' ', false);
    torment("text", &text, 2, MUTANTS, &mut |bytes| read_bytes(path, bytes, &plain).is_ok());
    let csv = [b"a,b,c,d,e,f,g,h,count\r\n".to_vec(), written(Format::Text, b',', false)].concat();
    torment("csv with weights", &csv, 3, MUTANTS, &mut |bytes| read_bytes(path, bytes, &weighted).is_ok());
    let npy = written(Format::Npy, b' ', true);
    torment("npy", &npy, 4, MUTANTS, &mut |bytes| read_bytes(path, bytes, &spins).is_ok());
    let turned = String::from_utf8_lossy(&npy[10..127]).replace("False", "True ").replace("i1", "u1");
    let columns = [&npy[..10], turned.as_bytes(), b"\n", &[1; 108]].concat();
    torment("npy by columns", &columns, 5, MUTANTS, &mut |bytes| read_bytes(path, bytes, &plain).is_ok());
    let list = b"i,j,J,standard_error\n0,1,0.5,0.1\n1,2,-0.25,0.1\n2,,0.125,0.1\n";
    torment("couplings", list, 6, MUTANTS, &mut |bytes| couplings::of_bytes(path, bytes).is_ok());

    let mut machine = Rbm::new(9, 4).unwrap();
    machine.initialize(InitialWeights::Gaussian(0.1), Seed::root(7)).unwrap();
    let about = About::new(vec![Stage { epochs: 3, updates: 9, ..Stage::default() }]);
    let file = machine_to_bytes(&machine, &about).unwrap();
    torment("safetensors", &file, 8, MUTANTS, &mut |bytes| machine_of_bytes(path, bytes).is_ok());

    // Checkpoints: torn ones, and ones whose checksum somebody has made right.
    let settings = Training { batch: 4, momentum: 0.5, average: 10, ..Training::default() };
    let recipe: Recipe = "pcd:1:chains=6".parse().unwrap();
    let trainer = || {
        let estimator = recipe.estimator(&rows, 6, 4, Seed::root(9)).unwrap();
        Trainer::new(machine.clone(), estimator, rows.clone(), &settings, Seed::root(10)).unwrap()
    };
    let mut run = trainer();
    run.update().unwrap();
    let file = checkpoint::to_bytes(&run.state().unwrap()).unwrap();
    torment("checkpoint", &file, 11, MUTANTS, &mut |bytes| {
        checkpoint::of_bytes::<TrainerState>(path, bytes).is_ok_and(|state| trainer().set_state(&state).is_ok())
    });
    let start = file.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let (head, content) = (file[..start].to_vec(), file[start + 16..].to_vec());
    torment("checkpoint with a right checksum", &content, 12, MUTANTS, &mut |content| {
        let sum = twox_hash::XxHash3_64::oneshot(content).to_le_bytes();
        let bytes = [&head, &(content.len() as u64).to_le_bytes()[..], &sum, content].concat();
        let Ok(state) = checkpoint::of_bytes::<TrainerState>(path, &bytes) else {
            return false;
        };
        let mut run = trainer();
        // What is taken goes on without a panic.
        run.set_state(&state).is_ok() && run.update().is_ok()
    });
}
