//! The one error type: every message names what was wrong and how to mend it.

/// What can go wrong, in words a user can act on. Displayed on one line.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value that cannot be used: an option, a parameter, a shape.
    #[error("{what}: {problem}; {mend}")]
    Invalid {
        /// The option, parameter or quantity at fault, as the user wrote it.
        what: String,
        /// What is wrong with it.
        problem: String,
        /// What to do instead.
        mend: String,
    },

    /// An exact sum over more states than we are willing to visit.
    #[error("{what} would visit 2^{units} states (the limit is 2^{limit}); {alternative}")]
    TooLarge {
        /// The computation that was asked for.
        what: String,
        /// Number of binary units summed over.
        units: usize,
        /// Largest number of units allowed.
        limit: usize,
        /// What to do instead.
        alternative: String,
    },

    /// Training left the real numbers. The model still holds the parameters from before the update.
    #[error(
        "update {update} would make the parameter {parameter} {value}: training stopped with the \
         parameters as they were after update {last_good}; lower the learning rate"
    )]
    NotFinite {
        /// The update, counted from 1, that was not applied.
        update: u64,
        /// The parameter's name, such as `W[3,7]`.
        parameter: String,
        /// The value that it would have taken.
        value: f64,
        /// The last update whose parameters are finite; the model still holds them.
        last_good: u64,
    },
}

impl Error {
    /// An [`Error::Invalid`] from its three parts.
    pub fn invalid(what: impl Into<String>, problem: impl Into<String>, mend: impl Into<String>) -> Self {
        Error::Invalid { what: what.into(), problem: problem.into(), mend: mend.into() }
    }
}

/// The result of everything here that can fail.
pub type Result<T> = std::result::Result<T, Error>;
