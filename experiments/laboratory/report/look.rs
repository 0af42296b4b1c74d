//! How a thing looks wherever it is drawn: a colour and a shape.

/// A colour (red, green, blue) and the shape of points: disc, square, triangle, diamond, triangle on its tip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// The colour.
    pub color: (u8, u8, u8),
    /// The number of the shape.
    pub shape: usize,
}

/// Okabe and Ito 2008, told apart by colour-blind readers too; in place of the yellow, which is too pale for lines, a dark
/// brown.
const COLORS: [(u8, u8, u8); 8] = [
    (0, 0, 0),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (213, 94, 0),
    (0, 114, 178),
    (204, 121, 167),
    (112, 72, 40),
];

impl Look {
    /// Black, orange, sky, green, vermilion, blue, purple, brown.
    pub const fn numbered(number: usize) -> Self {
        Self { color: COLORS[number % COLORS.len()], shape: number % 5 }
    }

    /// A share of the way along a scale of colours.
    pub fn along(scale: &[(u8, u8, u8)], share: f64, shape: usize) -> Self {
        let place = share.clamp(0.0, 1.0) * (scale.len() - 1) as f64;
        let (from, to) = (scale[place.floor() as usize], scale[place.ceil() as usize]);
        let mixed = |a: u8, b: u8| (f64::from(a) + (f64::from(b) - f64::from(a)) * place.fract()).round() as u8;
        Self { color: (mixed(from.0, to.0), mixed(from.1, to.1), mixed(from.2, to.2)), shape }
    }
}
