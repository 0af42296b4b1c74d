//! A run: updates, rows, checkpoints, and the files at its end.

use super::beginning::{Lessons, Saved, fingerprint_of};
use super::record::{Measured, Row, figure, table};
use super::{Places, Train};
use crate::context::{Context, is_stopped, stop_in_order};
use crate::error::{Error, Result};
use gibbsite::model::rbm::Rbm;
use gibbsite::training::trainer::Trainer;
use gibbsite_files::checkpoint::Store;
use gibbsite_files::model::{About, Stage, write_machine};
use gibbsite_files::write::{Disk, write_bytes};
use serde_json::{Map, Value};
use std::time::{Duration, Instant};

/// Between two checkpoints, where nothing else is asked for.
const PERIOD: Duration = Duration::from_secs(30);

/// A run on its way.
pub(super) struct Run<'a> {
    pub options: &'a Train,
    pub places: &'a Places,
    pub lessons: Lessons,
    pub identity: Map<String, Value>,
    pub store: Store,
    pub trainer: Trainer<Rbm>,
    pub rows: Vec<Row>,
    pub epochs_before: (usize, usize),
    pub history: Vec<Stage>,
    pub sizes: (usize, usize),
}

impl Run<'_> {
    /// Takes all updates that are left, and leaves the files.
    pub(super) fn conduct(mut self, context: &mut Context) -> Result<()> {
        stop_in_order();
        let disk = context.disk;
        let epochs = self.options.training.epochs;
        let every = self.options.rows_every.unwrap_or(epochs.div_ceil(100)).max(1);
        let (mut kept, mut live) = (Instant::now(), context.live());
        // What cannot be written then cannot be written in an hour either.
        self.save(disk, None)?;
        loop {
            let done = self.trainer.epochs() - self.epochs_before.0;
            // An epoch that has ended has its row before anything else happens, whatever stopped the run after it.
            let due = done.is_multiple_of(every) || done == epochs;
            if due && self.rows.last().is_none_or(|row| row.epoch < self.epoch()) {
                let row = self.measure()?;
                self.rows.push(row);
            }
            if done >= epochs {
                break;
            }
            let epoch = self.trainer.epochs();
            while self.trainer.epochs() == epoch {
                if is_stopped() {
                    live.finish();
                    return self.stop(disk);
                }
                self.trainer.update()?;
                if live.is_due() {
                    let share = done as f64 / epochs as f64;
                    let words = self.rows.last().map(Row::words).unwrap_or_default();
                    live.at(share, &format!("epoch {done} of {epochs} · {words}"));
                }
                if self.options.checkpoint_every.is_none() && kept.elapsed() > PERIOD {
                    self.save(disk, None)?;
                    kept = Instant::now();
                }
            }
            let asked = self.options.checkpoint_every.is_some_and(|every| (done + 1).is_multiple_of(every));
            if asked && done + 1 < epochs {
                self.save(disk, None)?;
            }
        }
        live.finish();
        self.finish(context)
    }

    /// Passes over data, those of runs before this one included.
    fn epoch(&self) -> usize {
        self.trainer.epochs() + self.epochs_before.1
    }

    fn measure(&mut self) -> Result<Row> {
        let counts = (self.epoch(), self.trainer.updates(), self.trainer.gibbs_updates());
        let mixing = self.trainer.estimator().mixing();
        let measured = Measured::new(&self.lessons.data, self.lessons.validation.as_ref());
        Ok(measured.row(self.trainer.model(), mixing, counts)?)
    }

    fn save(&mut self, disk: &dyn Disk, finished: Option<u64>) -> Result<()> {
        let as_json = |value: serde_json::Result<String>| {
            value.map_err(|reason| Error::invalid("a checkpoint", format!("{reason}"), "report this"))
        };
        let saved = Saved {
            options: as_json(serde_json::to_string(&self.identity))?,
            fingerprint: self.lessons.fingerprint,
            continued: self.lessons.continued.as_ref().map(|file| fingerprint_of(&file.machine)),
            sizes: self.sizes,
            epochs_before: self.epochs_before,
            history: as_json(serde_json::to_string(&self.history))?,
            rows: self.rows.clone(),
            state: self.trainer.state()?,
            finished,
        };
        Ok(self.store.save(disk, &saved)?)
    }

    fn stop(mut self, disk: &dyn Disk) -> Result<()> {
        self.save(disk, None)?;
        Err(Error::Stopped(format!(
            "stopped after epoch {}, update {}; the same command with --resume goes on from {}",
            self.trainer.epochs(),
            self.trainer.updates(),
            self.store.path().display()
        )))
    }

    /// The files, the machine last but for the checkpoint that says that it is there.
    fn finish(mut self, context: &mut Context) -> Result<()> {
        let bytes = table(&self.rows).map_err(|reason| Error::Output(reason.into()))?;
        write_bytes(context.disk, &self.places.beside("rows.csv"), &bytes)?;
        let (visible, hidden) = self.sizes;
        let subtitle = format!(
            "{visible} visible and {hidden} hidden units, {} configurations, {}, learning rate {}",
            self.lessons.data.len(),
            self.options.estimator.label(),
            self.options.training.learning_rate
        );
        let figure = figure(&self.rows, subtitle);
        context.figure(&self.places.stem, &|folder, name| figure.write(folder, name))?;
        let end = match self.rows.last().map(serde_json::to_value) {
            Some(Ok(Value::Object(map))) => map,
            _ => Map::new(),
        };
        let mut options = self.identity.clone();
        options.insert("data_fingerprint".to_string(), format!("{:016x}", self.lessons.fingerprint).into());
        let epochs = self.trainer.epochs() - self.epochs_before.0;
        let stage = Stage { options, epochs, updates: self.trainer.updates(), end };
        let history: Vec<Stage> = self.history.iter().cloned().chain([stage]).collect();
        let machine = self.trainer.model().clone();
        write_machine(context.disk, &self.places.model, &machine, &About::new(history))?;
        self.save(context.disk, Some(fingerprint_of(&machine)))?;
        if context.quiet {
            return Ok(());
        }
        let words = self.rows.last().map(Row::words).unwrap_or_default();
        let name = self.places.model.display();
        let beside = |ending: &str| self.places.beside(ending).display().to_string();
        let (rows, png) = (beside("rows.csv"), beside("png"));
        Ok(writeln!(
            context.output,
            "Wrote {name}, {rows} and {png} (.svg) after {} epochs: {words}.\nNext: gibbsite evaluate {name} --data {}",
            self.epoch(),
            self.options.data.display()
        )?)
    }
}
