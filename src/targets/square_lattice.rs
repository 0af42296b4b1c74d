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
///
/// Far from the critical point what is left of the lattice is small beside what cancels: Z = 2^N cosh^{2N} K (1 + O(v^3))
/// with v = tanh K in the heat, and Z = 2 e^{2 N K} (1 + N v^4 + ..) with v = e^{-2K} in the cold (Kramers and Wannier
/// 1941). There the leading factor is taken out by hand, and the rest summed as a power series in v: with
/// P_l = (1 + v^2)^2 - 2 v (1 - v^2) cos(l pi / L) and Q = 2 v (1 - v^2), either temperature has
/// e^{gamma_l} = 2 G_l / Q, G_l = (P_l + sqrt(P_l^2 - Q^2)) / 2 = 1 + O(v).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SquareLattice {
    /// ln Z.
    pub log_partition: f64,
    /// -(d ln Z / dK) / N: the energy per spin in units of J.
    pub energy: f64,
    /// K^2 (d^2 ln Z / dK^2) / N: the specific heat per spin.
    pub specific_heat: f64,
}

/// No K beyond has a lattice that differs from its ground states in double precision: e^{-8 K} < 1e-347.
const COLD: f64 = 100.0;

/// The largest v whose power series are summed. At it the closed formula has lost a factor of 1/v^4 of its precision.
const SMALL: f64 = 0.05;

/// Terms of the power series. They converge up to v = sqrt(2) - 1, so what is left out is (0.05 / 0.41)^24 = 1e-22, where
/// the smallest term that counts is v^4 = 6e-6.
const TERMS: usize = 24;

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

    fn product(self, other: Self) -> Self {
        Self(
            self.0 * other.0,
            self.1 * other.0 + self.0 * other.1,
            self.2 * other.0 + 2.0 * self.1 * other.1 + self.0 * other.2,
        )
    }

    /// ln cosh x, exact to its last digits where x is small.
    fn log_cosh(self) -> Self {
        let size = self.0.abs();
        let value = if size < 1.0 {
            let sinh = (size / 2.0).sinh();
            (2.0 * sinh * sinh).ln_1p()
        } else {
            size + ((-2.0 * size).exp().ln_1p() - std::f64::consts::LN_2)
        };
        let (tanh, cosh) = (self.0.tanh(), self.0.cosh());
        self.apply(value, tanh, 1.0 / (cosh * cosh))
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
            return Some(Self { log_partition, energy: 0.0, specific_heat: 0.0 });
        }
        if k > COLD {
            let log_partition = 2.0 * sites * k + std::f64::consts::LN_2;
            return Some(Self { log_partition, energy: -2.0, specific_heat: 0.0 });
        }
        let Jet(value, slope, curvature) = if k.tanh() <= SMALL {
            hot(rows, columns as f64, k)
        } else if (-2.0 * k).exp() <= SMALL {
            cold(rows, columns as f64, k)
        } else {
            log_partition(rows, columns as f64, k)
        };
        Some(Self { log_partition: value, energy: -slope / sites, specific_heat: k * k * curvature / sites })
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
    let half_gamma_0 = Jet(2.0 * k + k.tanh().ln(), 2.0 + 2.0 / sinh, -4.0 * cosh / (sinh * sinh)).times(columns / 2.0);

    let zero = Jet(0.0, 0.0, 0.0);
    let product = |first: usize, factor: fn(Jet) -> Jet| {
        let factors = (first..2 * rows).step_by(2).map(|l| factor(half_gamma(l)));
        factors.fold(zero, Jet::plus)
    };
    // The last product holds sinh(M gamma_0 / 2), which changes its sign: it stands apart, divided by e^{|x|}.
    let size = half_gamma_0.0.abs();
    let (growing, falling) = ((half_gamma_0.0 - size).exp(), (-half_gamma_0.0 - size).exp());
    let signed = half_gamma_0.apply(growing - falling, growing + falling, growing - falling);
    let last = product(2, Jet::log_two_sinh);
    let one = Jet(1.0, 0.0, 0.0);
    // Terms factor x e^{exponent}; the size taken out of the signed factor is a number, not a function of K.
    let terms = [
        (one, product(1, Jet::log_two_cosh)),
        (one, product(1, Jet::log_two_sinh)),
        (one, half_gamma_0.log_two_cosh().plus(product(2, Jet::log_two_cosh))),
        (signed, Jet(last.0 + size, last.1, last.2)),
    ];
    let largest = terms.iter().map(|(_, exponent)| exponent.0).fold(f64::NEG_INFINITY, f64::max);
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
    let log_sum = Jet(largest + (sum.0 / 2.0).ln(), about + first, second - first * first);
    bulk.times(rows as f64 * columns / 2.0).plus(log_sum)
}

/// What is left of the lattice where v is small. With y_l = e^{-M |gamma_l|}, prod (1 + y) + prod (1 - y) is
/// 2 cosh(sum artanh y) prod sqrt(1 - y^2), and the difference is the same with sinh: nothing cancels.
struct Rest {
    /// M/2 times the mean over the two products of sum_l ln G_l, in which v to v^3 cancel.
    mean: Jet,
    /// M/4 times the sum of ln G_l over odd l less that over even l: of order v^L.
    half: Jet,
    /// sum artanh y_l over odd l and over even l: paths that wind round the columns once, of order v^M.
    windings: [Jet; 2],
    /// sum ln(1 - y_l^2) / 2 over odd l and over even l.
    exclusion: [Jet; 2],
}

impl Rest {
    fn new(rows: usize, columns: f64, v: Jet) -> Self {
        let zero = Jet(0.0, 0.0, 0.0);
        let mut sums = [[0.0; TERMS]; 2];
        let (mut windings, mut exclusion) = ([zero; 2], [zero; 2]);
        let square = v.product(v);
        let log_half_q = v.apply(v.0.ln(), 1.0 / v.0, -1.0 / (v.0 * v.0)).plus(square.apply(
            (-square.0).ln_1p(),
            -1.0 / (1.0 - square.0),
            -1.0 / ((1.0 - square.0) * (1.0 - square.0)),
        ));
        for l in 0..2 * rows {
            let series = log_g((l as f64 * PI / rows as f64).cos());
            let parity = usize::from(l.is_multiple_of(2));
            let kept = sums[parity].iter_mut().zip(series);
            kept.for_each(|(sum, coefficient)| *sum += coefficient);
            let log_y = log_half_q.plus(polynomial(&series, 1, v).times(-1.0)).times(columns);
            let y = log_y.0.exp();
            // Slopes of a y that underflows would be 0 times infinity.
            if y > 0.0 {
                let y = log_y.apply(y, y, y);
                let rest = (1.0 - y.0) * (1.0 + y.0);
                let artanh = y.apply(y.0.atanh(), 1.0 / rest, 2.0 * y.0 / (rest * rest));
                let root = y.apply(0.5 * (-y.0 * y.0).ln_1p(), -y.0 / rest, -(1.0 + y.0 * y.0) / (rest * rest));
                windings[parity] = windings[parity].plus(artanh);
                exclusion[parity] = exclusion[parity].plus(root);
            }
        }
        let [odd, even] = sums;
        let mean: [f64; TERMS] = std::array::from_fn(|n| columns / 4.0 * (odd[n] + even[n]));
        let half: [f64; TERMS] = std::array::from_fn(|n| columns / 4.0 * (odd[n] - even[n]));
        // ln G has no harmonic above n in v^n, and no constant below v^4: these sums are exactly 0, with sides from 3.
        Self { mean: polynomial(&mean, 4, v), half: polynomial(&half, 3, v), windings, exclusion }
    }

    /// Half of ln[(prod (1 + y) + prod (1 - y)) / 2] over odd l, plus and less that over even l.
    fn even_windings(&self) -> [Jet; 2] {
        let [odd, even] = [0, 1].map(|parity| self.windings[parity].log_cosh().plus(self.exclusion[parity]));
        [1.0, -1.0].map(|sign| odd.plus(even.times(sign)).times(0.5))
    }
}

/// The power series of ln G in v.
fn log_g(cosine: f64) -> [f64; TERMS] {
    let product = |a: &[f64; TERMS], b: &[f64; TERMS]| -> [f64; TERMS] {
        std::array::from_fn(|n| (0..=n).map(|k| a[k] * b[n - k]).sum())
    };
    let (mut p, mut q) = ([0.0; TERMS], [0.0; TERMS]);
    p[..5].copy_from_slice(&[1.0, -2.0 * cosine, 2.0, 2.0 * cosine, 1.0]);
    q[1] = 2.0;
    q[3] = -2.0;
    let (p_squared, q_squared) = (product(&p, &p), product(&q, &q));
    // r^2 = P^2 - Q^2, term by term.
    let mut root = [0.0; TERMS];
    root[0] = 1.0;
    for n in 1..TERMS {
        let known: f64 = (1..n).map(|k| root[k] * root[n - k]).sum();
        root[n] = 0.5 * (p_squared[n] - q_squared[n] - known);
    }
    // From G' = G (ln G)'.
    let g: [f64; TERMS] = std::array::from_fn(|n| 0.5 * (p[n] + root[n]));
    let mut log = [0.0; TERMS];
    for n in 1..TERMS {
        let known: f64 = (1..n).map(|k| k as f64 * log[k] * g[n - k]).sum();
        log[n] = g[n] - known / n as f64;
    }
    log
}

/// sum_{n >= first} c_n v^n, first > 0.
fn polynomial(coefficients: &[f64; TERMS], first: usize, v: Jet) -> Jet {
    let mut sums = [0.0; 3];
    for (n, coefficient) in coefficients.iter().enumerate().skip(first).rev() {
        let n = n as f64;
        let factors = [1.0, n, n * (n - 1.0)];
        for (sum, factor) in sums.iter_mut().zip(factors) {
            *sum = *sum * v.0 + factor * coefficient;
        }
    }
    let power = v.0.powi(first as i32 - 1);
    let second = if first > 1 {
        sums[2] * v.0.powi(first as i32 - 2)
    } else {
        // c_1 v has no curvature: the sum starts with v^2.
        sums[2] / v.0
    };
    v.apply(sums[0] * v.0 * power, sums[1] * power, second)
}

/// ln Z where v = tanh K is small. gamma_0 is negative, so the last product is subtracted:
/// Z = 2^N cosh^{2N} K (prod_odd G^{M/2} (prod (1 + y) + prod (1 - y)) / 2
///   + prod_even G^{M/2} (prod (1 + y) - prod (1 - y)) / 2).
fn hot(rows: usize, columns: f64, k: f64) -> Jet {
    let sites = rows as f64 * columns;
    let v = k.tanh();
    let slope = 1.0 - v * v;
    let rest = Rest::new(rows, columns, Jet(v, slope, -2.0 * v * slope));
    let [odd, even] = rest.windings;
    let first = odd.log_cosh().plus(rest.exclusion[0]);
    let (sinh, cosh) = (even.0.sinh(), even.0.cosh());
    let exponent = rest.half.times(-2.0).plus(rest.exclusion[1]).plus(first.times(-1.0));
    let e = exponent.0.exp();
    // The second product over the first.
    let ratio = even.apply(sinh, cosh, sinh).product(exponent.apply(e, e, e));
    let share = 1.0 / (1.0 + ratio.0);
    let bonds = Jet(k, 1.0, 0.0).log_cosh().times(2.0 * sites);
    Jet(sites * std::f64::consts::LN_2, 0.0, 0.0)
        .plus(bonds)
        .plus(rest.mean)
        .plus(rest.half)
        .plus(first)
        .plus(ratio.apply(ratio.0.ln_1p(), share, -share * share))
}

/// ln Z where v = e^{-2K} is small: Z = e^{2 N K} times the sum over odd and over even of
/// prod G^{M/2} (prod (1 + y) + prod (1 - y)) / 2. Their mean and difference stand apart, since what is of order v^L
/// cancels between the two: a wall that winds once round the lattice has no other side.
fn cold(rows: usize, columns: f64, k: f64) -> Jet {
    let sites = rows as f64 * columns;
    let v = (-2.0 * k).exp();
    let rest = Rest::new(rows, columns, Jet(v, -2.0 * v, 4.0 * v));
    let [mean, half] = rest.even_windings();
    Jet(2.0 * sites * k + std::f64::consts::LN_2, 2.0 * sites, 0.0)
        .plus(rest.mean)
        .plus(mean)
        .plus(rest.half.plus(half).log_cosh())
}
