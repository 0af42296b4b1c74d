//! ln of a sum over all states.

use super::factors::Factors;
use super::{HIGH, Tables};
use crate::kernels::level::VectorKernel;
use crate::kernels::registers::{Eight, Registers};
use std::f64::consts::LN_2;
use std::ops::Range;

/// ln of the sum of the weights of some states of the high units.
pub(super) struct LogSum<'a> {
    pub tables: &'a Tables<'a>,
    pub states: Range<usize>,
}

impl VectorKernel for LogSum<'_> {
    type Output = f64;

    #[inline(always)]
    fn call<R: Registers>(self, registers: R) -> f64 {
        let mut factors = Factors::new(self.tables);
        let (mut largest, mut sum) = (f64::NEG_INFINITY, 0.0);
        for first in self.states.clone().step_by(HIGH) {
            factors.prepare(self.tables, first);
            factors.multiply(registers, self.tables);
            for h in 0..HIGH.min(self.states.end - first) {
                let (mut scale, mut total) = (factors.scale[h], 0.0);
                if factors.exponents.is_empty() {
                    let mut totals = Eight::ZERO;
                    for products in &factors.products {
                        let [a, b] = &products[h];
                        for (total, (a, b)) in totals.0.iter_mut().zip(a.0.iter().zip(&b.0)) {
                            *total += a + b;
                        }
                    }
                    total += totals.0.iter().sum::<f64>();
                } else {
                    // The largest exponent is taken out, so that no term overflows.
                    let power = factors.exponents(h).fold(f64::MIN, f64::max);
                    for (x, exponent) in factors.products(h).zip(factors.exponents(h)) {
                        total += x * (exponent - power).exp2();
                    }
                    scale += power * LN_2;
                }
                if scale > largest {
                    sum *= (largest - scale).exp();
                    largest = scale;
                }
                sum += total * (scale - largest).exp();
            }
        }
        largest + sum.ln()
    }
}
