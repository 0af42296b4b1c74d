//! Kaufman's exact solution of the Ising model on a periodic square lattice of any size.

use std::f64::consts::PI;

/// Kaufman's solution (Kaufman 1949, Phys. Rev. 76, 1232; Ferdinand and Fisher 1969, Phys. Rev. 185, 832, section
/// II) on L x M sites without field. With K = J/T, s = sinh 2K and
/// cosh gamma_l = cosh 2K coth 2K - cos(l pi / L), gamma_0 = 2K + ln tanh K (negative above the critical
/// temperature),
/// Z = 1/2 (2 s)^{L M / 2} (prod_r 2 cosh(M gamma_{2r+1} / 2) + prod_r 2 sinh(M gamma_{2r+1} / 2)
///   + prod_r 2 cosh(M gamma_{2r} / 2) + prod_r 2 sinh(M gamma_{2r} / 2)), r = 0 .. L - 1.
///
/// Everything is summed on the logarithmic scale, and derivatives are taken term by term about a common slope, so
/// that nothing overflows or cancels up to L = M = 1024 and beyond.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquareLattice {
    /// ln Z.
    pub log_partition: f64,
    /// -(d ln Z / dK) / N: the energy per spin in units of J.
    pub energy: f64,
    /// K^2 (d^2 ln Z / dK^2) / N: the specific heat per spin.
    pub specific_heat: f64,
}

/// The largest K at which a factor differs from its ground state in double precision: e^{-8 K} < 1e-170.
const COLD: f64 = 50.0;

/// A function of K with its first two derivatives.
#[derive(Clone, Copy)]
struct Jet(f64, f64, f64);

impl Jet {
    fn plus(self, other: Self) -> Self {
        Self(self.0 + other.0, self.1 + other.1, self.2 + other.2)
    }

    /// f(self), given f and its two derivatives there.
    fn apply(self, f: f64, first: f64, second: f64) -> Self {
        Self(f, first * self.1, second * self.1 * self.1 + first * self.2)
    }

    fn times(self, factor: f64) -> Self {
        Self(factor * self.0, factor * self.1, factor * self.2)
    }

    /// ln(2 cosh x).
    fn log_two_cosh(self) -> Self {
        let tanh = self.0.tanh();
        let value = self.0.abs() + (-2.0 * self.0.abs()).exp().ln_1p();
        self.apply(value, tanh, 1.0 - tanh * tanh)
    }

    /// ln(2 sinh x), x > 0.
    fn log_two_sinh(self) -> Self {
        let value = self.0 + (-(-2.0 * self.0).exp_m1()).ln();
        let (coth, sinh) = (1.0 / self.0.tanh(), self.0.sinh());
        self.apply(value, coth, -1.0 / (sinh * sinh))
    }
}

impl SquareLattice {
    /// At coupling `k` = J/T and field `b` = h/T. `None` where the formula does not hold: with a field, and for
    /// antiferromagnetic couplings on an odd side (where Z(-K) is not Z(K)).
    pub fn new(rows: usize, columns: usize, k: f64, b: f64) -> Option<Self> {
        assert!(rows >= 3 && columns >= 3, "sides below 3 have double bonds");
        let even = rows.is_multiple_of(2) && columns.is_multiple_of(2);
        if b != 0.0 || (k < 0.0 && !even) {
            return None;
        }
        let sites = (rows * columns) as f64;
        let k = k.abs();
        if k == 0.0 {
            let log_partition = sites * std::f64::consts::LN_2;
            return Some(Self {
                log_partition,
                energy: 0.0,
                specific_heat: 0.0,
            });
        }
        if k > COLD {
            let log_partition = 2.0 * sites * k + std::f64::consts::LN_2;
            return Some(Self {
                log_partition,
                energy: -2.0,
                specific_heat: 0.0,
            });
        }
        let Jet(value, slope, curvature) = log_partition(rows, columns as f64, k);
        Some(Self {
            log_partition: value,
            energy: -slope / sites,
            specific_heat: k * k * curvature / sites,
        })
    }
}

fn log_partition(rows: usize, columns: f64, k: f64) -> Jet {
    let (sinh, cosh) = ((2.0 * k).sinh(), (2.0 * k).cosh());
    // ln(2 sinh 2K).
    let bulk = Jet((2.0 * sinh).ln(), 2.0 * cosh / sinh, -4.0 / (sinh * sinh));
    // M gamma_l / 2 for l > 0. 1 + x = cosh gamma, where x = (1 - s)^2 / s + 2 sin^2(l pi / 2L) does not cancel.
    let half_gamma = |l: usize| {
        let sine = (l as f64 * PI / (2 * rows) as f64).sin();
        let x = (1.0 - sinh) / sinh * (1.0 - sinh) + 2.0 * sine * sine;
        let gamma = 2.0 * (x / 2.0).sqrt().asinh();
        let sinh_gamma = (x * (x + 2.0)).sqrt();
        let inner = 1.0 - 1.0 / (sinh * sinh);
        let first = 2.0 * cosh * inner;
        let second = 4.0 * sinh * inner + 8.0 * cosh * cosh / (sinh * sinh * sinh);
        let slope = first / sinh_gamma;
        let curvature = (second - (1.0 + x) * slope * slope) / sinh_gamma;
        Jet(gamma, slope, curvature).times(columns / 2.0)
    };
    let half_gamma_0 = Jet(
        2.0 * k + k.tanh().ln(),
        2.0 + 2.0 / sinh,
        -4.0 * cosh / (sinh * sinh),
    )
    .times(columns / 2.0);

    let zero = Jet(0.0, 0.0, 0.0);
    let product = |first: usize, factor: fn(Jet) -> Jet| {
        let factors = (first..2 * rows).step_by(2).map(|l| factor(half_gamma(l)));
        factors.fold(zero, Jet::plus)
    };
    // The last product holds sinh(M gamma_0 / 2), which changes its sign: it stands apart, divided by e^{|x|}.
    let size = half_gamma_0.0.abs();
    let (growing, falling) = (
        (half_gamma_0.0 - size).exp(),
        (-half_gamma_0.0 - size).exp(),
    );
    let signed = half_gamma_0.apply(growing - falling, growing + falling, growing - falling);
    let last = product(2, Jet::log_two_sinh);
    let one = Jet(1.0, 0.0, 0.0);
    // Terms factor x e^{exponent}; the size taken out of the signed factor is a number, not a function of K.
    let terms = [
        (one, product(1, Jet::log_two_cosh)),
        (one, product(1, Jet::log_two_sinh)),
        (
            one,
            half_gamma_0
                .log_two_cosh()
                .plus(product(2, Jet::log_two_cosh)),
        ),
        (signed, Jet(last.0 + size, last.1, last.2)),
    ];
    let largest = terms
        .iter()
        .map(|(_, exponent)| exponent.0)
        .fold(f64::NEG_INFINITY, f64::max);
    // About the slope of the first term, so that no large squares cancel.
    let about = terms[0].1.1;
    let mut sum = zero;
    for (factor, exponent) in terms {
        let weight = (exponent.0 - largest).exp();
        let slope = exponent.1 - about;
        let first = factor.1 + factor.0 * slope;
        let second = factor.2 + 2.0 * factor.1 * slope + factor.0 * (exponent.2 + slope * slope);
        sum = sum.plus(Jet(factor.0, first, second).times(weight));
    }
    let (first, second) = (sum.1 / sum.0, sum.2 / sum.0);
    let log_sum = Jet(
        largest + (sum.0 / 2.0).ln(),
        about + first,
        second - first * first,
    );
    bulk.times(rows as f64 * columns / 2.0).plus(log_sum)
}
