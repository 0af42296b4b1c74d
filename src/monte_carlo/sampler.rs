//! Samplers of Ising models by name.

use super::cluster::{SwendsenWang, Wolff};
use super::coloured::{coloured_heat_bath, multi_spin_metropolis};
use super::single_site::{HeatBath, Metropolis};
use crate::error::{Error, Result};
use crate::law::Kernel;
use crate::targets::ising::Ising;
use std::fmt;

/// What moves the spins of an Ising model. A new one has an entry in [`SAMPLERS`], which its contract's test runs through.
pub struct Sampler {
    /// Its name.
    pub name: &'static str,
    /// What a step is, for --help.
    pub about: &'static str,
    make: for<'a> fn(&'a Ising) -> Result<Box<dyn Kernel + 'a>>,
}

/// Every sampler.
pub const SAMPLERS: [Sampler; 6] = [
    Sampler {
        name: "metropolis",
        about: "a sweep of Metropolis over sites at random",
        make: |ising| Ok(Box::new(Metropolis::new(ising)?)),
    },
    Sampler {
        name: "heat_bath",
        about: "a sweep of the heat bath over sites at random",
        make: |ising| Ok(Box::new(HeatBath::new(ising)?)),
    },
    Sampler {
        name: "coloured_heat_bath",
        about: "the heat bath colour by colour",
        make: |ising| Ok(Box::new(coloured_heat_bath(ising))),
    },
    Sampler {
        name: "multi_spin",
        about: "Metropolis with a bit a spin, for couplings +-J without field",
        make: |ising| Ok(Box::new(multi_spin_metropolis(ising)?)),
    },
    Sampler { name: "wolff", about: "one Wolff cluster", make: |ising| Ok(Box::new(Wolff::new(ising))) },
    Sampler {
        name: "swendsen_wang",
        about: "all clusters of Swendsen and Wang",
        make: |ising| Ok(Box::new(SwendsenWang::new(ising))),
    },
];

impl Sampler {
    /// The sampler of this name.
    pub fn named(name: &str) -> Result<&'static Self> {
        SAMPLERS.iter().find(|sampler| sampler.name == name).ok_or_else(|| {
            let names = SAMPLERS.map(|sampler| sampler.name).join(", ");
            Error::invalid(format!("the sampler {name}"), "there is none", format!("take one of {names}"))
        })
    }

    /// Of an Ising model. Refused where it is not for such a one.
    pub fn kernel<'a>(&self, ising: &'a Ising) -> Result<Box<dyn Kernel + 'a>> {
        (self.make)(ising)
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Sampler {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}
