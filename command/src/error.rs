//! What can go wrong, in one line, and the exit code that says so.

use std::io::ErrorKind;
use std::process::ExitCode;

/// What can go wrong, in words a user can act on. Displayed on one line.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An option that the parser refuses.
    #[error("{0}")]
    Options(String),
    /// What the library refuses.
    #[error(transparent)]
    Science(#[from] gibbsite::error::Error),
    /// What is wrong with a file.
    #[error(transparent)]
    File(#[from] gibbsite_files::error::Error),
    /// What the laboratory refuses: figures, locks.
    #[error(transparent)]
    Laboratory(#[from] laboratory::error::Error),
    /// Standard output that takes no more.
    #[error("standard output: cannot write ({0}); name a file with --out")]
    Output(#[from] std::io::Error),
    /// Ended by Ctrl-C, with what is kept.
    #[error("{0}")]
    Stopped(String),
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An option or a combination of options that cannot be used: what, what is wrong with it, and the mend.
    pub fn invalid(what: impl Into<String>, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        gibbsite::error::Error::invalid(what, problem, mend).into()
    }

    /// Says it, and returns the exit code. A reader that went away has seen enough.
    pub fn report(&self) -> ExitCode {
        match self {
            Error::Output(reason) if reason.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Error::Stopped(text) => {
                eprintln!("{text}");
                ExitCode::from(130)
            }
            _ => {
                eprintln!("error: {self}");
                ExitCode::from(2)
            }
        }
    }
}

/// What the parser says, in one line: the problem, its tips, and where there is more.
pub fn one_line(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n").map(|lines| {
        let words: Vec<&str> = lines.split_whitespace().collect();
        words.join(" ")
    });
    let problem = paragraphs.next().unwrap_or_default();
    let problem = problem.strip_prefix("error: ").unwrap_or(&problem).to_string();
    let tips = paragraphs.filter(|text| text.starts_with("tip: ")).map(|tip| tip.replace("tip: ", "; "));
    format!("{problem}{}; see --help", tips.collect::<String>())
}
