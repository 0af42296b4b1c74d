//! When threads share a piece of work: where it takes one of them longer than waking another, about 50 us. Results do not depend
//! on it.

use rayon::prelude::*;

/// Rows times weights of a product with bits.
pub const PRODUCT: usize = 1 << 22;

/// Weights of an update.
pub const UPDATE: usize = 50_000;

/// Factors of an enumeration.
pub const ENUMERATION: usize = 1 << 18;

/// Elementary operations on chains, which threads share block by block.
pub const CHAINS: usize = 100_000;

/// Weights from which on the threads share each half step of block Gibbs, a tile of units each: tables serve every chain then.
/// Below, each thread takes chains of its own and no thread waits for another.
pub const LAYER: usize = 100_000;

/// Does every task, on the threads if `parallel`.
pub(super) fn for_each<T: Send>(parallel: bool, tasks: Vec<T>, work: impl Fn(T) + Sync + Send) {
    if parallel {
        tasks.into_par_iter().for_each(work);
    } else {
        tasks.into_iter().for_each(work);
    }
}
