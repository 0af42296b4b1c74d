#![no_main]
//! Checkpoints whose checksum is right.

use gibbsite::training::trainer::TrainerState;
use gibbsite_files::checkpoint::{checksum, of_bytes, to_bytes};
use libfuzzer_sys::fuzz_target;
use std::path::Path;

fuzz_target!(|content: &[u8]| {
    let whole = to_bytes(&()).unwrap_or_default();
    let line = whole.iter().position(|byte| *byte == b'\n').map_or(0, |end| end + 1);
    let length = (content.len() as u64).to_le_bytes();
    let bytes = [&whole[..line], &length, &checksum(content).to_le_bytes(), content].concat();
    let _ = of_bytes::<TrainerState>(Path::new("x"), &bytes);
});
