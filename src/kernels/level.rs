//! Which vector registers the kernels use: chosen at run time, or by the environment for tests.

use super::registers::{Plain, Registers};
use std::sync::OnceLock;

/// A set of processor features that kernels are compiled for.
#[derive(Clone, Copy, Debug)]
pub enum Level {
    /// What every processor of the architecture has (x86-64: 128-bit registers).
    Baseline,
    /// 256-bit registers (x86-64-v3).
    #[cfg(target_arch = "x86_64")]
    Avx2(pulp::x86::V3),
    /// 512-bit registers (x86-64-v4).
    #[cfg(target_arch = "x86_64")]
    Avx512(pulp::x86::V4),
}

impl Level {
    /// The level of this process: the best that the processor has, or at most what
    /// `GIBBSITE_KERNEL=baseline|avx2|avx512` names.
    pub fn get() -> Self {
        static LEVEL: OnceLock<Level> = OnceLock::new();
        *LEVEL.get_or_init(|| Self::at_most(std::env::var("GIBBSITE_KERNEL").ok().as_deref()))
    }

    #[cfg(target_arch = "x86_64")]
    fn at_most(wish: Option<&str>) -> Self {
        let avx2 = || pulp::x86::V3::try_new().map(Level::Avx2);
        let avx512 = || pulp::x86::V4::try_new().map(Level::Avx512);
        match wish {
            Some("baseline") => Level::Baseline,
            Some("avx2") => avx2().unwrap_or(Level::Baseline),
            _ => avx512().or_else(avx2).unwrap_or(Level::Baseline),
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn at_most(_wish: Option<&str>) -> Self {
        Level::Baseline
    }

    /// Whether `GIBBSITE_KERNEL` is unset or names a level.
    pub fn environment_is_valid() -> bool {
        std::env::var("GIBBSITE_KERNEL").map_or(true, |wish| ["baseline", "avx2", "avx512"].contains(&wish.as_str()))
    }

    /// The level's name, as `GIBBSITE_KERNEL` spells it.
    pub fn name(self) -> &'static str {
        match self {
            Level::Baseline => "baseline",
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(_) => "avx512",
        }
    }

    /// Runs `kernel` compiled for this level. A kernel is a struct of its arguments rather than a
    /// closure because only a method can be `#[inline(always)]`, and what is not inlined is compiled
    /// for the baseline.
    #[inline(always)]
    pub fn run<K: pulp::NullaryFnOnce>(self, kernel: K) -> K::Output {
        match self {
            Level::Baseline => kernel.call(),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(features) => features.vectorize(kernel),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(features) => features.vectorize(kernel),
        }
    }

    /// Runs `kernel` compiled for this level, with its vector operations.
    #[inline(always)]
    pub fn run_with<K: VectorKernel>(self, kernel: K) -> K::Output {
        match self {
            Level::Baseline => kernel.call(Plain),
            #[cfg(target_arch = "x86_64")]
            Level::Avx2(features) => features.vectorize(Bound(kernel, features)),
            #[cfg(target_arch = "x86_64")]
            Level::Avx512(features) => features.vectorize(Bound(kernel, features)),
        }
    }
}

/// A kernel written in vector operations.
pub trait VectorKernel {
    /// What it returns.
    type Output;

    /// Runs it; `#[inline(always)]`, as everything that it calls.
    fn call<R: Registers>(self, registers: R) -> Self::Output;
}

/// A kernel with the operations of a level.
struct Bound<K, R>(K, R);

impl<K: VectorKernel, R: Registers> pulp::NullaryFnOnce for Bound<K, R> {
    type Output = K::Output;

    #[inline(always)]
    fn call(self) -> K::Output {
        self.0.call(self.1)
    }
}
