//! Where a run begins: with data and a new machine, with a trained one, or with a checkpoint.

use super::record::Row;
use super::run::Run;
use super::{FirstBias, Places, Train};
use crate::context::Context;
use crate::error::{Error, Result};
use gibbsite::configuration::Configurations;
use gibbsite::model::Model;
use gibbsite::model::rbm::Rbm;
use gibbsite::random::{Seed, uniform};
use gibbsite::training::trainer::{Trainer, TrainerState};
use gibbsite_files::checkpoint::{self, Store};
use gibbsite_files::data::fingerprint;
use gibbsite_files::model::{MachineFile, Stage, read_machine};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::Path;

/// What is learned.
pub(super) struct Lessons {
    pub data: Configurations,
    pub validation: Option<Configurations>,
    /// The machine that goes on, with the bytes of its file.
    pub continued: Option<MachineFile>,
    /// Of all data.
    pub fingerprint: u64,
}

/// What a checkpoint keeps.
#[derive(Serialize, Deserialize)]
pub(super) struct Saved {
    /// The options, as JSON.
    pub options: String,
    /// Of the data.
    pub fingerprint: u64,
    /// Of the machine that was continued.
    pub continued: Option<u64>,
    pub sizes: (usize, usize),
    /// Epochs that the trainer had behind it when the run began, and that the machine had beside those.
    pub epochs_before: (usize, usize),
    /// Runs before this one, as JSON.
    pub history: String,
    pub rows: Vec<Row>,
    pub state: TrainerState,
    /// The parameters of the machine that the run has left, once it has ended.
    pub finished: Option<u64>,
}

/// Reads what a run learns.
pub(super) fn read(options: &Train, context: &mut Context) -> Result<Lessons> {
    let continued = options.continued.as_deref().map(read_machine).transpose()?;
    let wanted = continued.as_ref().zip(options.continued.as_ref());
    let wanted = wanted.map(|(file, path)| (file.machine.visible(), path.display().to_string()));
    if let Some((file, hidden)) = continued.as_ref().zip(options.hidden)
        && file.machine.hidden() != hidden
    {
        return Err(Error::invalid(
            format!("--hidden {hidden}"),
            format!("the machine that goes on has {} hidden units", file.machine.hidden()),
            "leave it away",
        ));
    }
    let mut data = options.reading.read(&options.data, wanted, context)?;
    let mut validation = None;
    if let Some(text) = &options.validation {
        match text.parse::<f64>() {
            Ok(share) if Path::new(text).exists() => {
                let problem = format!("it is the name of a file and the number {share}");
                return Err(Error::invalid(format!("--validation {text}"), problem, "write the file as ./NAME"));
            }
            Ok(share) if share > 0.0 && share < 1.0 => {
                let (rest, held) = split(&data, share, context.seed.child("validation", 0))?;
                (data, validation) = (rest, Some(held));
            }
            Ok(_) => {
                let problem = "it is no share of the rows";
                return Err(Error::invalid(format!("--validation {text}"), problem, "give a number between 0 and 1"));
            }
            Err(_) => {
                let wanted = (data.sites(), format!("--data {}", options.data.display()));
                validation = Some(options.reading.read(Path::new(text), Some(wanted), context)?);
            }
        }
    }
    let hidden = continued.as_ref().map_or(options.hidden.unwrap_or(1), |file| file.machine.hidden());
    options.check_exact(data.sites(), hidden)?;
    let fingerprint = fingerprint(&[Some(&data), validation.as_ref()]);
    Ok(Lessons { data, validation, continued, fingerprint })
}

/// The rows that are learned, and those that are held back.
fn split(data: &Configurations, share: f64, seed: Seed) -> Result<(Configurations, Configurations)> {
    let refuse = |problem: &str| Err(Error::invalid("--validation", problem, "give a file of its own"));
    if data.weights().is_some() {
        return refuse("a share of weighted rows is not drawn");
    }
    let wanted = (share * data.len() as f64).round() as usize;
    if wanted == 0 || wanted >= data.len() {
        return refuse("the share leaves no row on one side");
    }
    // Selection sampling: every set of so many rows is as likely, and both keep the order of the file.
    let (mut generator, mut held, mut rest) = (seed.generator(), Vec::new(), Vec::new());
    for s in 0..data.len() {
        let left = (wanted - held.len()) as f64 / (data.len() - s) as f64;
        if uniform(&mut generator) < left { held.push(s) } else { rest.push(s) }
    }
    Ok((data.select(&rest), data.select(&held)))
}

/// The run, from its beginning or from where it was stopped; `None` where it has ended before.
pub(super) fn begin<'a>(
    options: &'a Train,
    places: &'a Places,
    lessons: Lessons,
    context: &mut Context,
) -> Result<Option<Run<'a>>> {
    let identity = options.identity()?;
    let mut store = Store::new(places.beside("checkpoint"));
    if store.exists() {
        let (saved, torn) = store.load::<Saved>()?;
        if let Some(torn) = torn {
            context.note(&format!("{torn}: went back to the one before"));
        }
        return resume(options, places, lessons, identity, (store, saved), context);
    }
    refuse_to_overwrite(places)?;
    if options.resume {
        context.note("there is no checkpoint yet: the run begins");
    }
    let (machine, trainer, epochs_before, history) = match &lessons.continued {
        None => {
            let machine = new_machine(options, &lessons, context.seed)?;
            (machine.clone(), trainer(options, machine, &lessons, context.seed)?, (0, 0), Vec::new())
        }
        Some(file) => {
            let history = file.about.as_ref().map_or(Vec::new(), |about| about.history.clone());
            let trainer = go_on(options, file, &lessons, context)?;
            let behind: usize = history.iter().map(|stage| stage.epochs).sum();
            let before = trainer.epochs();
            (file.machine.clone(), trainer, (before, behind.saturating_sub(before)), history)
        }
    };
    let sizes = (machine.visible(), machine.hidden());
    Ok(Some(Run {
        options,
        places,
        lessons,
        identity,
        store,
        trainer,
        rows: Vec::new(),
        epochs_before,
        history,
        sizes,
    }))
}

/// Nothing that another run has left is written over.
fn refuse_to_overwrite(places: &Places) -> Result<()> {
    let others = ["rows.csv", "png", "svg"].map(|ending| places.beside(ending));
    let there = std::iter::once(&places.model).chain(&others).find(|path| path.exists());
    match there {
        None => Ok(()),
        Some(path) => Err(Error::invalid(
            format!("--out {}", places.model.display()),
            format!("{} is there already", path.display()),
            "name another file; a machine goes on with --continue",
        )),
    }
}

fn new_machine(options: &Train, lessons: &Lessons, seed: Seed) -> Result<Rbm> {
    let mut machine = Rbm::new(lessons.data.sites(), options.hidden.unwrap_or(1))?;
    machine.initialize(options.training.initial_weights, seed.child("weights", 0))?;
    if options.visible_bias == FirstBias::Data {
        machine.set_visible_bias_from(&lessons.data);
    }
    Ok(machine)
}

fn trainer(options: &Train, machine: Rbm, lessons: &Lessons, seed: Seed) -> Result<Trainer<Rbm>> {
    let (data, hidden) = (&lessons.data, machine.hidden());
    let estimator = options.estimator.estimator(data, options.training.batch, hidden, seed.child("estimator", 0))?;
    Ok(Trainer::new(machine, estimator, data.clone(), &options.settings(), seed.child("training", 0))?)
}

/// A trained machine with all that its run had become, where that is beside it and fits; else the machine alone.
fn go_on(options: &Train, file: &MachineFile, lessons: &Lessons, context: &Context) -> Result<Trainer<Rbm>> {
    let fresh = || trainer(options, file.machine.clone(), lessons, context.seed);
    let places = Places::of(options.continued.as_deref().unwrap_or(Path::new("")));
    let mut store = Store::new(places.beside("checkpoint"));
    let alone = |reason: String| {
        context.note(&format!("velocity, chains and schedule begin anew: {reason}"));
        fresh()
    };
    if !store.exists() {
        return alone(format!("there is no {}", store.path().display()));
    }
    match store.load::<Saved>() {
        Err(reason) => alone(reason.to_string()),
        Ok((saved, _)) if saved.finished != Some(fingerprint_of(&file.machine)) => {
            alone(format!("{} is not of this machine", store.path().display()))
        }
        Ok((saved, _)) => {
            let mut trainer = fresh()?;
            match trainer.set_state(&saved.state) {
                Ok(()) => Ok(trainer),
                Err(reason) => alone(reason.to_string()),
            }
        }
    }
}

/// Of a machine's parameters.
pub(super) fn fingerprint_of(machine: &Rbm) -> u64 {
    let bytes: Vec<u8> = machine.parameters().iter().flat_map(|x| x.to_le_bytes()).collect();
    checkpoint::checksum(&bytes)
}

/// The run of a checkpoint.
fn resume<'a>(
    options: &'a Train,
    places: &'a Places,
    lessons: Lessons,
    identity: Map<String, Value>,
    (store, saved): (Store, Saved),
    context: &mut Context,
) -> Result<Option<Run<'a>>> {
    let out = || format!("--out {}", places.model.display());
    if !options.resume {
        let (problem, mend) = match saved.finished {
            None => ("a run that was stopped is there", "go on with it by --resume, or name another file"),
            Some(_) => ("a finished run is there", "name another file; its machine goes on with --continue"),
        };
        return Err(Error::invalid(out(), problem, mend));
    }
    let refuse = |problem: String| {
        let mend = "give the options and data that the run was begun with, or name another file";
        Err(Error::invalid(out(), problem, mend))
    };
    let theirs: Map<String, Value> = serde_json::from_str(&saved.options).unwrap_or_default();
    let shown = |value: Option<&Value>| value.map_or("nothing".to_string(), Value::to_string);
    for name in theirs.keys().chain(identity.keys()) {
        if theirs.get(name) != identity.get(name) {
            let (theirs, own) = (shown(theirs.get(name)), shown(identity.get(name)));
            return refuse(format!("the run there was begun with --{} {theirs}, not {own}", name.replace('_', "-")));
        }
    }
    let continued = lessons.continued.as_ref().map(|file| fingerprint_of(&file.machine));
    if saved.fingerprint != lessons.fingerprint || saved.continued != continued {
        return refuse("the run there was begun with other data".to_string());
    }
    let mut trainer = trainer(options, Rbm::new(saved.sizes.0, saved.sizes.1)?, &lessons, context.seed)?;
    trainer.set_state(&saved.state)?;
    let whole = || read_machine(&places.model).is_ok_and(|file| Some(fingerprint_of(&file.machine)) == saved.finished);
    if saved.finished.is_some() && whole() {
        context.note(&format!("{} is finished", places.model.display()));
        return Ok(None);
    }
    context.note(&format!("goes on after epoch {}, update {}", trainer.epochs(), trainer.updates()));
    let history: Vec<Stage> = serde_json::from_str(&saved.history).unwrap_or_default();
    let Saved { rows, epochs_before, sizes, .. } = saved;
    Ok(Some(Run { options, places, lessons, identity, store, trainer, rows, epochs_before, history, sizes }))
}
