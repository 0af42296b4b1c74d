//! Tables of real numbers as NumPy arrays.

use std::io::{self, Write};

/// Writes `shape.0` rows of `shape.1` numbers as a .npy array of float32, rows one after another as `row` gives them.
pub fn write(output: &mut dyn Write, shape: (usize, usize), row: &mut dyn FnMut(usize) -> Vec<f64>) -> io::Result<()> {
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", shape.0, shape.1);
    // 10 bytes stand before it, and numbers begin at a multiple of 64.
    let length = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header += &" ".repeat(length - header.len() - 1);
    header.push('\n');
    output.write_all(b"\x93NUMPY\x01\x00")?;
    output.write_all(&(header.len() as u16).to_le_bytes())?;
    output.write_all(header.as_bytes())?;
    for s in 0..shape.0 {
        let numbers = row(s);
        assert_eq!(numbers.len(), shape.1, "a number a column");
        let bytes: Vec<u8> = numbers.iter().flat_map(|x| (*x as f32).to_le_bytes()).collect();
        output.write_all(&bytes)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Byte for byte what numpy.save writes of numpy.array([[0, 0.5, -1], [2, 0.25, 3]], dtype="<f4").
    #[test]
    fn arrays_are_those_of_numpy() {
        let mut bytes = Vec::new();
        let rows = [vec![0.0, 0.5, -1.0], vec![2.0, 0.25, 3.0]];
        write(&mut bytes, (2, 3), &mut |s| rows[s].clone()).unwrap();
        let header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        let mut expected = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        expected.extend(format!("{header:<117}\n").into_bytes());
        expected.extend([0, 0, 0, 0, 0, 0, 0, 0x3f, 0, 0, 0x80, 0xbf]);
        expected.extend([0, 0, 0, 0x40, 0, 0, 0x80, 0x3e, 0, 0, 0x40, 0x40]);
        assert_eq!(bytes, expected);
    }
}
