//! How far a run is, and how long it will take.

use indicatif::{ProgressBar, ProgressStyle};
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// Steps of the bar.
const STEPS: u64 = 10_000;
/// After so long the time left is told.
const ENOUGH: Duration = Duration::from_secs(3);
/// After so long a forecast of the whole run is worth a line.
const SURE: Duration = Duration::from_secs(10);
/// Runs longer than this are announced in a line of their own, also where there is no terminal.
const LONG: Duration = Duration::from_secs(60);

/// The progress of all cells.
pub struct Progress {
    bar: ProgressBar,
    start: Instant,
    state: Mutex<State>,
}

struct State {
    /// The share of the work that is done.
    done: f64,
    announced: bool,
    /// What the work under way says of itself.
    note: String,
}

impl Progress {
    /// Nothing done yet.
    pub fn new() -> Self {
        let bar = ProgressBar::new(STEPS);
        if let Ok(style) = ProgressStyle::with_template("{wide_bar} {percent:>3} %  {msg}") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(500));
        Self {
            bar,
            start: Instant::now(),
            state: Mutex::new(State { done: 0.0, announced: false, note: String::new() }),
        }
    }

    /// Adds a share of the whole work.
    pub fn add(&self, share: f64) {
        // A poisoned lock only means that another cell failed.
        let mut state = self.state.lock().unwrap_or_else(|error| error.into_inner());
        state.done += share;
        self.bar.set_position((state.done * STEPS as f64) as u64);
        let elapsed = self.start.elapsed();
        if elapsed < ENOUGH || state.done < 1e-3 {
            return;
        }
        let left = elapsed.mul_f64((1.0 - state.done).max(0.0) / state.done);
        let comma = if state.note.is_empty() { "" } else { ", " };
        self.bar.set_message(format!("{}{comma}{} left", state.note, words(left)));
        if !state.announced && elapsed > SURE {
            state.announced = true;
            if elapsed + left > LONG {
                let line = format!("this will take about {}; --quick takes seconds", words(elapsed + left));
                self.bar.suspend(|| eprintln!("{line}"));
            }
        }
    }

    /// What stands before the time left from now on, such as the speed of the work.
    pub fn note(&self, text: String) {
        self.state.lock().unwrap_or_else(|error| error.into_inner()).note = text;
    }

    /// Takes the bar away.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

/// A duration to two digits: `40 s`, `4 min`, `2 h 30 min`, `3 days`.
pub fn words(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 99.5 {
        return format!("{} s", seconds.round().max(1.0));
    }
    let minutes = (seconds / 60.0).ceil() as u64;
    if minutes < 60 {
        return format!("{minutes} min");
    }
    let rounded = minutes.next_multiple_of(5);
    match (rounded / 60, rounded % 60) {
        (hours @ ..48, minutes) => format!("{hours} h {minutes} min"),
        (hours, _) => format!("{} days", hours.div_ceil(24)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, text) in [
            (0.0, "1 s"),
            (61.4, "61 s"),
            (100.0, "2 min"),
            (3_500.0, "59 min"),
            (3_580.0, "1 h 0 min"),
            (3_900.0, "1 h 5 min"),
            (9_000.0, "2 h 30 min"),
            (300_000.0, "4 days"),
        ] {
            assert_eq!(words(Duration::from_secs_f64(seconds)), text);
        }
    }
}
