//! Ising models as lists: a line `i, j, J` for every coupling and a line `i, h` for a field, sites counted from 0.
//!
//! Values stand between commas, spaces or tabs; a line of names may come first, and a fourth column of standard errors, as
//! `gibbsite couplings` writes them, is passed over. There a field has no j: `i,,h,standard_error`.

use crate::error::{Error, Result};
use crate::source::Source;
use gibbsite::targets::ising::Coupling;
use std::collections::HashMap;
use std::io::BufRead;
use std::path::Path;

/// Couplings and fields of an Ising model.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CouplingList {
    /// One more than the largest site.
    pub sites: usize,
    /// Every pair once.
    pub couplings: Vec<Coupling>,
    /// (i, h_i), every site at most once.
    pub fields: Vec<(usize, f64)>,
}

/// Most sites: each is a few words of memory, whoever names it.
const MOST_SITES: usize = 1 << 20;

/// Longest line that is read.
const LONGEST_LINE: u64 = 1 << 12;

/// Reads a list.
pub fn read(source: &Source) -> Result<CouplingList> {
    of_lines(source.path(), &mut *source.open()?.bytes)
}

/// The same from bytes in memory, named `path` in messages.
pub fn of_bytes(path: &Path, mut bytes: &[u8]) -> Result<CouplingList> {
    of_lines(path, &mut bytes)
}

fn of_lines(path: &Path, input: &mut dyn BufRead) -> Result<CouplingList> {
    let mut list = CouplingList::default();
    let mut pairs: HashMap<(usize, usize), usize> = HashMap::new();
    let mut sites: HashMap<usize, usize> = HashMap::new();
    let (mut bytes, mut number, mut columns) = (Vec::new(), 0, None);
    loop {
        bytes.clear();
        let line = std::io::Read::take(&mut *input, LONGEST_LINE).read_until(b'\n', &mut bytes);
        if line.map_err(|reason| Error::cannot_read(path, reason))? == 0 {
            break;
        }
        number += 1;
        let refuse = |problem: String, mend: &str| Error::at_line(path, number, problem, mend);
        let Ok(text) = std::str::from_utf8(&bytes) else {
            return Err(refuse("it is not text".to_string(), FORM));
        };
        if text.len() as u64 == LONGEST_LINE {
            return Err(refuse("the line is too long".to_string(), FORM));
        }
        let text = text.trim_start_matches('\u{feff}').split('#').next().unwrap_or_default().trim();
        if text.is_empty() {
            continue;
        }
        let words: Vec<&str> = if text.contains([',', ';']) {
            text.split([',', ';']).map(|word| word.trim().trim_matches('"')).collect()
        } else {
            text.split_whitespace().collect()
        };
        let shown: String = text.chars().filter(|c| !c.is_control()).take(40).collect();
        if columns.is_none() {
            let header = words.iter().all(|word| word.parse::<f64>().is_err());
            columns = Some(if header { words.len() } else { 3 });
            if header {
                continue;
            }
        }
        let site = |word: &str| match word.parse::<usize>() {
            Ok(site) if site < MOST_SITES => Ok(site),
            Ok(_) => Err(refuse(format!("site {word} is beyond {MOST_SITES} sites"), "count sites from 0")),
            Err(_) => Err(refuse(format!("`{shown}` names no site"), FORM)),
        };
        let value = |word: &str| match word.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(refuse(format!("`{shown}` has no finite value"), FORM)),
        };
        let words = if columns == Some(4) && words.len() == 4 { &words[..3] } else { &words[..] };
        match words {
            [i, h] | [i, "", h] => {
                let (i, h) = (site(i)?, value(h)?);
                if let Some(before) = sites.insert(i, number) {
                    return Err(refuse(
                        format!("site {i} has a field in line {before} already"),
                        "list every field once",
                    ));
                }
                list.fields.push((i, h));
                list.sites = list.sites.max(i + 1);
            }
            [i, j, strength] => {
                let (i, j, strength) = (site(i)?, site(j)?, value(strength)?);
                if i == j {
                    return Err(refuse(format!("site {i} is coupled to itself"), "couple two different sites"));
                }
                if let Some(before) = pairs.insert((i.min(j), i.max(j)), number) {
                    let problem = format!("sites {i} and {j} are coupled in line {before} already");
                    return Err(refuse(problem, "list every pair once: J_ij s_i s_j counts once"));
                }
                list.couplings.push(Coupling { i, j, strength });
                list.sites = list.sites.max(i.max(j) + 1);
            }
            _ => return Err(refuse(format!("`{shown}` has {} values", words.len()), FORM)),
        }
    }
    if list.sites == 0 {
        return Err(Error::content(path, "it holds no coupling", FORM));
    }
    Ok(list)
}

const FORM: &str = "write lines i,j,J for couplings and i,h for fields";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn couplings_and_fields_are_read_as_people_write_them() {
        let expected = CouplingList {
            sites: 4,
            couplings: vec![Coupling { i: 0, j: 1, strength: 1.0 }, Coupling { i: 3, j: 1, strength: -0.5 }],
            fields: vec![(2, 0.25)],
        };
        for text in [
            "0,1,1\n3,1,-0.5\n2,0.25\n",
            "# i j J\n0 1 1.0\n3\t1\t-5e-1\n\n2 0.25",
            "i,j,J\r\n0,1,1\r\n3,1,-0.5\r\n2,,0.25\r\n",
            "i,j,value,standard_error\n0,1,1,0.1\n3,1,-0.5,0.1\n2,,0.25,0.2\n",
        ] {
            assert_eq!(of_bytes(Path::new("J.csv"), text.as_bytes()).unwrap(), expected, "{text}");
        }
    }
    /// A site may have a field and no coupling, beyond all that are coupled; one line is enough.
    #[test]
    fn a_field_makes_a_site() {
        for (text, sites) in [("0,1,1.0\n5,0.5\n", 6), ("3,0.5\n", 4), ("0,0.5\n4,2,1.0\n", 5)] {
            assert_eq!(of_bytes(Path::new("J.csv"), text.as_bytes()).unwrap().sites, sites, "{text}");
        }
    }
}
