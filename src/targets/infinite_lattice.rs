//! Onsager's and Yang's exact results for the infinite square lattice.

use std::f64::consts::{FRAC_PI_2, PI};

/// The critical temperature of the square lattice in units of J: 2 / ln(1 + sqrt 2).
pub const CRITICAL_TEMPERATURE: f64 = 2.269_185_314_213_022;

/// The infinite square lattice with J = 1 and no field, per spin (Onsager 1944, Phys. Rev. 65, 117).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InfiniteLattice {
    /// The free energy -T ln Z / N.
    pub free_energy: f64,
    /// The energy.
    pub energy: f64,
    /// The specific heat; infinite at the critical temperature.
    pub specific_heat: f64,
    /// The spontaneous magnetisation (Yang 1952, Phys. Rev. 85, 808): (1 - sinh^-4 2K)^(1/8) below the critical
    /// temperature, else 0.
    pub magnetization: f64,
}

impl InfiniteLattice {
    /// At temperature T > 0. With K = 1/T and k = 2 sinh 2K / cosh^2 2K:
    /// -f/T = ln(2 cosh 2K) + (1/pi) int_0^{pi/2} ln((1 + sqrt(1 - k^2 sin^2 x)) / 2) dx,
    /// u = -coth 2K (1 + (2/pi) (2 tanh^2 2K - 1) K(k)),
    /// C = (4/pi) (K coth 2K)^2 (K(k) - E(k) - (1 - tanh^2 2K) (pi/2 + (2 tanh^2 2K - 1) K(k))).
    pub fn new(temperature: f64) -> Self {
        let k = 1.0 / temperature;
        let tanh = (2.0 * k).tanh();
        // sinh overflows, its inverse does not.
        let sech = 1.0 / (2.0 * k).cosh();
        let csch = 1.0 / (2.0 * k).sinh();
        let modulus = 2.0 * tanh * sech;
        // k'^2 = 1 - k^2 = (2 tanh^2 2K - 1)^2, without cancellation.
        let complement = 2.0 * tanh * tanh - 1.0;
        let (first, second) = complete_elliptic_integrals(modulus, complement.abs());
        // At the critical temperature 0 x infinity is 0.
        let product = if complement == 0.0 { 0.0 } else { complement * first };
        let log_cosh = 2.0 * k + (-4.0 * k).exp().ln_1p();
        let integral = integrate(|x| {
            // 1 - k^2 sin^2 = k'^2 + k^2 cos^2.
            let root = (complement.powi(2) + (modulus * x.cos()).powi(2)).sqrt();
            ((1.0 + root) / 2.0).ln()
        });
        let heat = first - second - (1.0 - tanh * tanh) * (FRAC_PI_2 + product);
        Self {
            free_energy: -temperature * (log_cosh + integral / PI),
            energy: -(1.0 + 2.0 / PI * product) / tanh,
            specific_heat: 4.0 / PI * (k / tanh).powi(2) * heat,
            magnetization: (1.0 - csch.powi(4)).max(0.0).powf(0.125),
        }
    }
}

/// K(k) and E(k) by the arithmetic-geometric mean (Abramowitz and Stegun 17.6), given k and sqrt(1 - k^2).
fn complete_elliptic_integrals(modulus: f64, complement: f64) -> (f64, f64) {
    if complement == 0.0 {
        return (f64::INFINITY, 1.0);
    }
    let (mut a, mut b, mut c) = (1.0_f64, complement, modulus);
    let (mut power, mut sum) = (0.5, 0.5 * c * c);
    while c.abs() > 1e-16 * a {
        (a, b, c) = ((a + b) / 2.0, (a * b).sqrt(), (a - b) / 2.0);
        power *= 2.0;
        sum += power * c * c;
    }
    let first = PI / (2.0 * a);
    (first, first * (1.0 - sum))
}

/// The integral over [0, pi/2] of a function that may have a kink at pi/2: the tanh-sinh rule (Takahasi and Mori
/// 1974), whose points crowd at both ends.
fn integrate(f: impl Fn(f64) -> f64) -> f64 {
    const STEP: f64 = 1.0 / 64.0;
    let term = |k: i32| {
        let t = f64::from(k) * STEP;
        let inner = FRAC_PI_2 * t.sinh();
        let weight = FRAC_PI_2 * t.cosh() / inner.cosh().powi(2);
        PI / 4.0 * weight * f(PI / 4.0 * (1.0 + inner.tanh()))
    };
    STEP * (-256..=256).map(term).sum::<f64>()
}
