//! Machines as safetensors: `weights` [visible, hidden], `visible_bias` [visible], `hidden_bias` [hidden], in F64.
//!
//! In Python:
//!
//! ```python
//! from safetensors.numpy import load_file
//! W = load_file("m.safetensors")["weights"]
//! ```
//!
//! The metadata are one entry, `gibbsite`, in JSON ([`About`]); one, since the format leaves their order open, and the same
//! machine is to be the same bytes.

use crate::error::{Error, Result};
use crate::source::read_whole;
use crate::write::{Disk, write_bytes};
use gibbsite::model::Model;
use gibbsite::model::rbm::Rbm;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::path::Path;

/// What a file says about its machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct About {
    /// Of this metadata; 1.
    pub format: u32,
    /// The program that wrote it.
    pub version: String,
    /// What the numbers mean.
    pub units: String,
    /// The training runs that made the machine, the first one first.
    #[serde(default)]
    pub history: Vec<Stage>,
}

/// A training run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Its options.
    pub options: Map<String, Value>,
    /// Passes over the data.
    pub epochs: usize,
    /// Updates.
    pub updates: u64,
    /// What was measured at its end.
    #[serde(default)]
    pub end: Map<String, Value>,
}

/// A machine and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineFile {
    /// The machine.
    pub machine: Rbm,
    /// `None` where another program wrote it.
    pub about: Option<About>,
}

/// The entry of the metadata.
const KEY: &str = "gibbsite";

/// What the numbers mean.
const UNITS: &str = "units 0 and 1; E(v,h) = - visible_bias.v - hidden_bias.h - v.weights.h, p = exp(-E)/Z";

impl About {
    /// Of a machine with this history.
    pub fn new(history: Vec<Stage>) -> Self {
        Self { format: 1, version: env!("CARGO_PKG_VERSION").to_string(), units: UNITS.to_string(), history }
    }
}

fn as_bytes(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// Tensors with these names and shapes as the bytes of a file.
pub fn to_bytes(tensors: &[(&str, Vec<usize>, &[f64])], about: Option<&str>) -> Result<Vec<u8>> {
    let refuse = |reason| gibbsite::error::Error::invalid("tensors", format!("{reason}"), "give shapes that fit");
    let bytes: Vec<Vec<u8>> = tensors.iter().map(|(.., numbers)| as_bytes(numbers)).collect();
    let views = tensors.iter().zip(&bytes).map(|((name, shape, _), bytes)| {
        TensorView::new(Dtype::F64, shape.clone(), bytes).map(|view| (*name, view)).map_err(refuse)
    });
    let views = views.collect::<std::result::Result<Vec<_>, _>>()?;
    let about = about.map(|text| HashMap::from([(KEY.to_string(), text.to_string())]));
    Ok(safetensors::serialize(views, about).map_err(refuse)?)
}

/// The bytes of a machine's file.
pub fn machine_to_bytes(machine: &Rbm, about: &About) -> Result<Vec<u8>> {
    let (n, m) = (machine.visible(), machine.hidden());
    let tensors = [
        ("weights", vec![n, m], &machine.parameters()[..n * m]),
        ("visible_bias", vec![n], machine.visible_bias()),
        ("hidden_bias", vec![m], machine.hidden_bias()),
    ];
    let refuse = |reason| gibbsite::error::Error::invalid("metadata", format!("{reason}"), "give plain values");
    let about = serde_json::to_string(about).map_err(refuse)?;
    to_bytes(&tensors, Some(&about))
}

/// Writes a machine.
pub fn write_machine(disk: &dyn Disk, path: &Path, machine: &Rbm, about: &About) -> Result<()> {
    write_bytes(disk, path, &machine_to_bytes(machine, about)?)
}

/// Reads a machine, of F64 or F32.
pub fn read_machine(path: &Path) -> Result<MachineFile> {
    machine_of_bytes(path, &read_whole(path)?)
}

/// The same from bytes in memory, named `path` in messages.
pub fn machine_of_bytes(path: &Path, bytes: &[u8]) -> Result<MachineFile> {
    let refuse = |problem: String, mend: &str| Error::content(path, problem, mend);
    if bytes.is_empty() {
        return Err(refuse("it is empty".to_string(), "name a machine"));
    }
    let mend = "name a machine, a safetensors file with weights, visible_bias and hidden_bias";
    let not_one = |reason| refuse(format!("it is no safetensors file ({})", one_line(&format!("{reason}"))), mend);
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(not_one)?;
    let file = SafeTensors::deserialize(bytes).map_err(not_one)?;
    let tensor = |name: &str, axes: usize| -> Result<(Vec<usize>, Vec<f64>)> {
        let Ok(view) = file.tensor(name) else {
            let mut names = file.names();
            names.sort_unstable();
            names.truncate(8);
            let names = one_line(&names.join(", "));
            return Err(refuse(format!("there is no tensor {name} among {names}"), mend));
        };
        if view.shape().len() != axes {
            let problem = format!("{name} has {} axes", view.shape().len());
            return Err(refuse(problem, "give weights two axes, [visible, hidden], and biases one"));
        }
        let numbers = match view.dtype() {
            Dtype::F64 => view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
            Dtype::F32 => view.data().as_chunks().0.iter().map(|bytes| f64::from(f32::from_le_bytes(*bytes))).collect(),
            other => return Err(refuse(format!("{name} is of type {other}"), "save F64 or F32")),
        };
        Ok((view.shape().to_vec(), numbers))
    };
    let ((shape, weights), (_, b), (_, c)) =
        (tensor("weights", 2)?, tensor("visible_bias", 1)?, tensor("hidden_bias", 1)?);
    let (n, m) = (shape[0], shape[1]);
    if b.len() != n || c.len() != m {
        let problem = format!("weights are {n} x {m}, visible_bias has {} and hidden_bias {} values", b.len(), c.len());
        return Err(refuse(problem, "give weights as [visible, hidden]: transpose them if need be"));
    }
    if n == 0 || m == 0 {
        return Err(refuse(format!("its weights are {n} x {m}"), "give each layer at least one unit"));
    }
    let mut machine = Rbm::new(n, m)?;
    let parameters = [weights, b, c].concat();
    if let Some(index) = parameters.iter().position(|x| !x.is_finite()) {
        let problem = format!("{} is {}", machine.parameter_name(index), parameters[index]);
        return Err(refuse(problem, "train again with a lower learning rate"));
    }
    machine.parameters_mut().copy_from_slice(&parameters);
    let about = metadata.metadata().as_ref().and_then(|entries| entries.get(KEY));
    let about = about.map(|text| serde_json::from_str::<About>(text));
    let about = about.transpose().map_err(|reason| {
        let problem = format!("its metadata are not understood ({})", one_line(&reason.to_string()));
        refuse(problem, "remove the entry gibbsite of the metadata, or take the program that wrote it")
    })?;
    match about {
        Some(About { format, .. }) if format != 1 => {
            Err(refuse(format!("its metadata have format {format}, and this program knows 1"), "take a newer gibbsite"))
        }
        about => Ok(MachineFile { machine, about }),
    }
}

/// Foreign text for a message of one line.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(160).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::write::System;
    use gibbsite::model::rbm::InitialWeights;
    use gibbsite::random::Seed;

    fn machine() -> Rbm {
        let mut machine = Rbm::new(5, 3).unwrap();
        machine.initialize(InitialWeights::Gaussian(1.0), Seed::root(1)).unwrap();
        machine.parameters_mut()[15..].iter_mut().enumerate().for_each(|(k, x)| *x = k as f64 / 7.0);
        machine
    }

    #[test]
    fn a_machine_comes_back_to_the_last_bit_and_is_always_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.safetensors");
        let mut stage = Stage { epochs: 3, ..Stage::default() };
        stage.options.insert("learning_rate".to_string(), 0.1.into());
        let about = About::new(vec![stage]);
        write_machine(&System, &path, &machine(), &about).unwrap();
        let read = read_machine(&path).unwrap();
        assert_eq!(read.machine, machine());
        assert_eq!(read.about, Some(about.clone()));
        let bytes = std::fs::read(&path).unwrap();
        for _ in 0..10 {
            assert_eq!(machine_to_bytes(&machine(), &about).unwrap(), bytes);
        }
        // What another program reads: a header in JSON after its length, then W row by row.
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let header: Value = serde_json::from_slice(&bytes[8..8 + length]).unwrap();
        assert_eq!(header["weights"]["shape"], serde_json::json!([5, 3]));
        assert_eq!(header["weights"]["dtype"], "F64");
        let from = 8 + length + header["weights"]["data_offsets"][0].as_u64().unwrap() as usize;
        let w11 = f64::from_le_bytes(bytes[from + 8 * 4..][..8].try_into().unwrap());
        assert_eq!(w11, machine().weights()[(1, 1)]);
    }

    #[test]
    fn single_precision_of_other_programs_is_read() {
        let (weights, b, c) = ([0.5_f32, -1.25, 3.0, 0.0, 1.0, 2.0], [0.25_f32, 0.5], [1.0_f32, 2.0, -3.0]);
        let bytes = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let (weights, b, c) = (bytes(&weights), bytes(&b), bytes(&c));
        let views = [
            ("weights", TensorView::new(Dtype::F32, vec![2, 3], &weights).unwrap()),
            ("visible_bias", TensorView::new(Dtype::F32, vec![2], &b).unwrap()),
            ("hidden_bias", TensorView::new(Dtype::F32, vec![3], &c).unwrap()),
        ];
        let file = machine_of_bytes(Path::new("m"), &safetensors::serialize(views, None).unwrap()).unwrap();
        assert_eq!(file.about, None);
        assert_eq!(file.machine.parameters(), [0.5, -1.25, 3.0, 0.0, 1.0, 2.0, 0.25, 0.5, 1.0, 2.0, -3.0]);
    }
}
