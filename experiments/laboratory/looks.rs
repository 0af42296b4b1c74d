//! Which look a thing has, by its name in a legend: the same in every figure of every experiment.

use crate::report::look::Look;

/// Black and blue, vermilion and so on as [`Look::numbered`] has them; black is for what is exact alone.
const NAMED: [(&str, Look); 23] = [
    ("exact", Look::numbered(0)),
    ("exact gradient", Look::numbered(0)),
    ("natural gradient", Look { color: (130, 130, 130), shape: 3 }),
    ("Monte Carlo", Look { shape: 0, ..Look::numbered(2) }),
    ("Gibbs sampling", Look::numbered(5)),
    ("parallel tempering", Look { shape: 3, ..Look::numbered(3) }),
    ("trajectory tempering", Look { shape: 4, ..Look::numbered(6) }),
    ("pseudo-likelihood", Look { shape: 2, ..Look::numbered(4) }),
    ("fully visible machine", Look { shape: 2, ..Look::numbered(3) }),
    ("general machine with hidden units", Look { shape: 1, ..Look::numbered(4) }),
    ("restricted machine", Look { shape: 0, ..Look::numbered(5) }),
    ("forward AIS, linear", Look { shape: 0, ..Look::numbered(5) }),
    ("forward AIS, geometric", Look { shape: 1, ..Look::numbered(2) }),
    ("forward AIS, adaptive", Look { color: (0, 45, 95), shape: 2 }),
    ("forward AIS, 14,500 temperatures", Look { color: (120, 120, 120), shape: 3 }),
    ("reverse AIS, linear, exact starts", Look { shape: 4, ..Look::numbered(4) }),
    ("forward and reverse AIS together", Look { shape: 0, ..Look::numbered(3) }),
    ("the same, 14,500 temperatures", Look { shape: 3, ..Look::numbered(3) }),
    ("Bennett's ratio, tempering", Look { shape: 1, ..Look::numbered(6) }),
    ("thermodynamic integration", Look { shape: 2, ..Look::numbered(7) }),
    ("hidden units analytic", Look::numbered(5)),
    ("hidden units sampled", Look { shape: 1, ..Look::numbered(4) }),
    ("pairs of sites", Look::numbered(5)),
];

/// Scales of gradients by the start of their names, from one Gibbs step to a hundred.
type Scale = [(u8, u8, u8); 3];
const GRADIENTS: [(&str, Scale, usize); 6] = [
    ("CD-", [(86, 180, 233), (0, 114, 178), (0, 45, 95)], 1),
    ("PCD-", [(230, 159, 0), (213, 94, 0), (110, 35, 0)], 2),
    ("FPCD-", [(160, 110, 70), (112, 72, 40), (60, 35, 15)], 0),
    ("tempering-", [(0, 158, 115), (0, 100, 75), (0, 60, 45)], 3),
    ("PTT-", [(204, 121, 167), (150, 60, 115), (80, 20, 60)], 4),
    ("two runs of ", [(170, 170, 170), (110, 110, 110), (50, 50, 50)], 0),
];

/// Of what is ordered by size, from few to many: also lighter and darker in grey.
const ORDERED: [(u8, u8, u8); 4] = [(240, 165, 40), (215, 75, 75), (140, 30, 120), (45, 20, 90)];

/// The same for the sides of lattices.
const SIDES: [(u8, u8, u8); 3] = [(120, 200, 195), (0, 140, 140), (0, 60, 70)];

/// The look of a name, if it has one.
pub fn look_of(name: &str) -> Option<Look> {
    if let Some((_, look)) = NAMED.iter().find(|(known, _)| *known == name) {
        return Some(*look);
    }
    let number = |text: &str| -> Option<f64> {
        let digits: String = text.chars().take_while(|c| c.is_ascii_digit()).collect();
        digits.parse().ok()
    };
    for (start, scale, shape) in GRADIENTS {
        if let Some(steps) = name.strip_prefix(start).and_then(number) {
            // More chains of the same gradient are darker too.
            let chains = if name.contains("chains=") { 0.5 } else { 0.0 };
            return Some(Look::along(&scale, steps.log10() / 2.0 + chains, shape));
        }
    }
    let ordered = |scale: &[(u8, u8, u8)], size: f64, largest: f64| {
        let doublings = size.log2();
        Look::along(scale, doublings / largest.log2(), doublings as usize % 5)
    };
    if let Some(steps) = name.strip_prefix("k = ").and_then(number) {
        return Some(ordered(&ORDERED, steps, 128.0));
    }
    // So many hidden units and nothing else, which would look alike.
    let size = name.strip_prefix("RBM, ").unwrap_or(name);
    if let Some(units) =
        size.strip_suffix(" hidden").or(size.strip_suffix(" hidden units")).or(size.strip_suffix(" hidden unit"))
    {
        return Some(ordered(&ORDERED, units.parse().ok()?, 256.0));
    }
    let side = number(name.strip_prefix("periodic ")?)?;
    Some(ordered(&SIDES, side / 8.0, 4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How bright a colour is in grey (ITU-R BT.601).
    fn grey(name: &str) -> f64 {
        let (red, green, blue) = look_of(name).unwrap().color;
        0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue)
    }

    /// More hidden units, steps and sites are darker, on paper without colours too; whoever writes the name.
    #[test]
    fn what_is_ordered_is_ordered_in_grey() {
        for (names, least) in [
            (["1 hidden unit", "4 hidden units", "16 hidden units", "64 hidden units", "256 hidden units"], 15.0),
            (["CD-1", "CD-2", "CD-4", "CD-10", "CD-100"], 9.0),
            (["k = 1", "k = 3", "k = 10", "k = 30", "k = 100"], 9.0),
        ] {
            assert!(names.windows(2).all(|two| grey(two[0]) > grey(two[1]) + least), "{names:?}");
        }
        let sides = [8, 16, 32].map(|side| grey(&format!("periodic {side}x{side} square lattice")));
        assert!(sides[0] > sides[1] && sides[1] > sides[2]);
        assert_eq!(look_of("RBM, 16 hidden"), look_of("16 hidden units"));
        assert_eq!(look_of("PCD-1, centred=data"), look_of("PCD-1"));
        assert_ne!(look_of("tempering-1, chains=500"), look_of("tempering-1"));
        assert_eq!(look_of("something else"), None);
        assert_eq!(look_of("small, PCD-1, 16 hidden units"), None);
    }
}
