//! Files that are not what they should be, each with the one line that is said of it.

use gibbsite_files::data::{Column, Reading, read_bytes};
use gibbsite_files::{checkpoint, couplings, model};
use safetensors::tensor::{Dtype, TensorView};
use std::path::Path;

fn plain() -> Reading {
    Reading::default()
}

fn weighted(column: &str) -> Reading {
    Reading { weights: Some(column.parse::<Column>().unwrap()), ..plain() }
}

fn spins() -> Reading {
    Reading { spins: true, ..plain() }
}

fn four_sites() -> Reading {
    Reading { sites: Some((4, "the machine m.safetensors".to_string())), ..plain() }
}

fn header() -> Reading {
    Reading { header: Some(false), ..plain() }
}

/// What is read, the bytes, how it is read, and what is said after the name of the file.
type Case = (&'static [u8], fn() -> Reading, &'static str);

const TEXTS: &[Case] = &[
    (b"", plain, ": it is empty; give at least one configuration"),
    (b"\n\n  \n", plain, ": it holds no configuration; give at least one line of values"),
    (b"# only a comment\n", plain, ": it holds no configuration; give at least one line of values"),
    (b"a,b,c\n", plain, ": it holds no configuration; give at least one line of values"),
    (
        b"0 1 0\n0 2 0\n",
        plain,
        ", line 2: value 2 is `2`, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins",
    ),
    (b"0 1 0\n0 -1 0\n", plain, ", line 2: value 2 is `-1`, neither 0 nor 1; give --spins where data are -1 and 1"),
    (
        b"1 -1 1\n1 0 1\n",
        spins,
        ", line 2: value 2 is `0`, neither -1 nor 1; leave --spins away where data are 0 and 1",
    ),
    (b"1 -1 1\n1 7 1\n", spins, ", line 2: value 2 is `7`, neither -1 nor 1; give spins of -1 and 1 with --spins"),
    (
        b"0 1 0\n0 0.5 0\n",
        plain,
        ", line 2: value 2 is `0.5`, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins",
    ),
    (
        b"0 1 0\n0 nan 0\n",
        plain,
        ", line 2: value 2 is `nan`, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins",
    ),
    (
        b"nan inf 0\n",
        plain,
        ", line 1: value 1 is `nan`, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins; a line of names needs --header yes",
    ),
    (
        b"0 1 0\nx 1 0\n",
        plain,
        ", line 2: value 1 is `x`, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins",
    ),
    (
        b"x y z\n",
        header,
        ", line 1: value 1 is `x`, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins; a line of names needs --header yes",
    ),
    (b"0 1 0\n0 1\n", plain, ", line 2: 2 values, and the first row has 3; give rows of equal length"),
    (b"0 1 0\n\n0 1 0 1\n", plain, ", line 3: 4 values, and the first row has 3; give rows of equal length"),
    (b"0,1,0\n0,,0\n", plain, ", line 2: value 2 is missing; give every value, and no comma after the last"),
    (b"0,1,0,\n", header, ", line 1: value 4 is missing; give every value, and no comma after the last"),
    (
        b"0110\n01x0\n",
        plain,
        ", line 2: `01x0` is no word of 4 characters 0 and 1 as the first row has; give rows of equal length",
    ),
    (
        b"0110\n011\n",
        plain,
        ", line 2: `011` is no word of 4 characters 0 and 1 as the first row has; give rows of equal length",
    ),
    (
        b"0 1\n0 1\x00 \n",
        plain,
        ", line 2: value 2 is `1\u{fffd}`, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins",
    ),
    (b"\x00\x01\x02\x7f", plain, ", line 1: it is not text; give text, or an array saved with numpy.save"),
    (
        b"0 1 0\n0 1 0\n",
        four_sites,
        ", line 1: a row has 3 sites, and the machine m.safetensors has 4; give rows of 4 values",
    ),
    (
        b"0 1 3\n1 0 -2\n",
        || weighted("last"),
        ", line 2: the weight `-2` is no number of 0 or more; give finite weights that are not negative, such as counts",
    ),
    (
        b"0 1 nan\n",
        || weighted("last"),
        ", line 1: the weight `nan` is no number of 0 or more; give finite weights that are not negative, such as counts",
    ),
    (
        b"0 1 inf\n",
        || weighted("3"),
        ", line 1: the weight `inf` is no number of 0 or more; give finite weights that are not negative, such as counts",
    ),
    (b"0 1 0\n1 1 0\n", || weighted("last"), ": all weights are 0; give one row at least a positive weight"),
    (
        b"0 1 0\n",
        || weighted("5"),
        ", line 1: there are 3 columns, and weights should stand in number 5; name another with --weights",
    ),
    (
        b"a,b,c\n0,1,0\n",
        || weighted("count"),
        ", line 2: no column is named count (a, b, c); name one of the header with --weights",
    ),
    (
        b"0,1,0\n",
        || weighted("count"),
        ", line 1: weights should stand in the column count, and no header names any; give the number of the column with --weights",
    ),
    (b"5\n6\n", || weighted("1"), ", line 1: a row has no site; give at least one value beside the weight"),
    (b"PK\x03\x04....", plain, ": it is a zip archive, such as .npz or .xlsx; save one array with numpy.save, or text"),
    (b"\x1f\x8b\x08", plain, ": it is compressed by gzip; unpack it: gunzip -c FILE | gibbsite ... -"),
    (b"\x89HDF\r\n", plain, ": it is an HDF5 file; save the array of configurations with numpy.save"),
    (b"\x80\x04\x95", plain, ": it is a Python pickle; save the array with numpy.save"),
    (b"\xff\xfe0\x00", plain, ": it is UTF-16 text; save it as UTF-8"),
];

/// An array with this dictionary and these numbers.
fn npy(dictionary: &str, numbers: &[u8]) -> Vec<u8> {
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend((dictionary.len() as u16).to_le_bytes());
    bytes.extend(dictionary.bytes());
    bytes.extend(numbers);
    bytes
}

fn header_of(kind: &str, shape: &str) -> String {
    format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}")
}

#[test]
fn every_bad_text_is_refused_in_one_line_with_its_place_and_the_mend() {
    for (bytes, reading, expected) in TEXTS {
        said(&read_bytes(Path::new("data.txt"), bytes, &reading()).unwrap_err(), &format!("data.txt{expected}"));
    }
    println!("{} bad texts", TEXTS.len());
}

#[track_caller]
fn said(error: &gibbsite_files::error::Error, expected: &str) {
    let message = error.to_string();
    assert_eq!(message, expected);
    assert!(!message.contains('\n'));
}

#[test]
fn every_bad_array_is_refused_in_one_line_with_its_place_and_the_mend() {
    let again = "save a plain array with numpy.save";
    let huge = "9223372036854775808";
    let cases: Vec<(Vec<u8>, Reading, String)> = vec![
        (b"\x93NUMPY".to_vec(), plain(), ", byte 6: it ends in the header; save the array again".into()),
        (b"\x93NUMPY\x01\x00\xff".to_vec(), plain(), ", byte 9: it ends in the header; save the array again".into()),
        (npy("{'descr", &[])[..14].to_vec(), plain(), ", byte 14: it ends in the header; save the array again".into()),
        (
            b"\x93NUMPY\x09\x00\x00\x00".to_vec(),
            plain(),
            ", byte 6: version 9 of the format is not known; save the array with numpy.save".into(),
        ),
        (
            b"\x93NUMPY\x02\x00\xff\xff\xff\xff{".to_vec(),
            plain(),
            format!(", byte 8: its header of version 2 claims to be 4294967295 bytes long; {again}"),
        ),
        (npy("nonsense", &[]), plain(), format!(", byte 10: the header is not that of a plain array; {again}")),
        (npy("{}", &[]), plain(), format!(", byte 10: the header is not that of a plain array; {again}")),
        (
            npy(&header_of("|u1", "(-1, 3)"), &[]),
            plain(),
            format!(", byte 10: the header is not that of a plain array; {again}"),
        ),
        (
            npy("\u{7f}\u{80}", &[])[..11].iter().copied().chain([0xff, 0xff]).collect(),
            plain(),
            format!(", byte 10: the header is not text; {again}"),
        ),
        (
            npy(&header_of("<c16", "(2, 2)"), &[0; 64]),
            plain(),
            ", byte 10: numbers of type <c16 are not read; save bool, integers or floats: array.astype('uint8')".into(),
        ),
        (
            npy(&header_of("|O", "(2, 2)"), &[0; 64]),
            plain(),
            ", byte 10: numbers of type |O are not read; save bool, integers or floats: array.astype('uint8')".into(),
        ),
        (
            npy(&header_of("|u1", "(3,)"), &[0; 3]),
            plain(),
            ", byte 65: an array of shape (3,) is not configurations x sites; save an array of two axes; one configuration \
             is array.reshape(1, -1)"
                .into(),
        ),
        (
            npy(&header_of("|u1", "()"), &[0]),
            plain(),
            ", byte 63: an array of shape () is not configurations x sites; save an array of two axes; one configuration is \
             array.reshape(1, -1)"
                .into(),
        ),
        (
            npy(&header_of("|u1", &format!("({huge}, 4)")), &[0; 4]),
            plain(),
            ", byte 85: the header claims a shape (9223372036854775808, 4) that no memory holds; save the array again".into(),
        ),
        (
            npy(&header_of("|u1", &format!("({huge}, 1)")), &[0; 4]),
            plain(),
            ", byte 85: shape (9223372036854775808, 1) takes 9223372036854775808 bytes, and 4 are there; save the array \
             again; it may have been cut"
                .into(),
        ),
        (
            npy(&header_of("|u1", "(1, 99999999)"), &[0; 4]),
            plain(),
            ", byte 74: configurations of shape (99999999,) are more than this program works with; give at most 4,194,304 \
             sites"
                .into(),
        ),
        (
            npy(&header_of("|u1", "(0, 4)"), &[]),
            plain(),
            ", byte 67: an array of shape (0, 4) holds no configuration; save at least one".into(),
        ),
        (
            npy(&header_of("<f8", "(2, 2)"), &[0; 31]),
            plain(),
            ", byte 67: shape (2, 2) takes 32 bytes, and 31 are there; save the array again; it may have been cut".into(),
        ),
        (
            npy(&header_of("|u1", "(2, 2)"), &[0, 1, 2, 1]),
            plain(),
            ", byte 69: [1, 0] of the array is 2, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins".into(),
        ),
        (
            npy(&header_of("<f4", "(1, 2)"), &[0, 0, 0x80, 0x3f, 0, 0, 0xc0, 0x7f]),
            plain(),
            ", byte 71: [0, 1] of the array is NaN, neither 0 nor 1; give data of 0 and 1, or of -1 and 1 with --spins".into(),
        ),
        (
            npy(&header_of("|i1", "(1, 2)"), &[255, 1]),
            plain(),
            ", byte 67: [0, 0] of the array is -1, neither 0 nor 1; give --spins where data are -1 and 1".into(),
        ),
        (
            npy(&header_of("|u1", "(1, 3)"), &[0; 3]),
            four_sites(),
            ", byte 67: a row has 3 sites, and the machine m.safetensors has 4; give rows of 4 values".into(),
        ),
        (
            npy(&header_of("|u1", "(1, 3)"), &[0; 3]),
            weighted("last"),
            ", byte 67: an array of bits has no column of weights; give text with such a column".into(),
        ),
        (
            npy(&header_of("|u1", "(1, 2)"), &[255, 1]),
            spins(),
            ", byte 67: [0, 0] of the array is 255, neither -1 nor 1; give spins of -1 and 1 with --spins".into(),
        ),
        (
            npy(&header_of("|u1", "(1, 2)"), &[0, 1, 1]),
            plain(),
            ", byte 67: shape (1, 2) takes 2 bytes, and 3 are there; save the array again; it may have been cut".into(),
        ),
    ];
    println!("{} bad arrays", cases.len());
    for (bytes, reading, expected) in cases {
        said(&read_bytes(Path::new("data.npy"), &bytes, &reading).unwrap_err(), &format!("data.npy{expected}"));
    }
}

/// Its name, shape and numbers.
type Tensor<'a> = (&'a str, &'a [usize], &'a [f64]);

/// A machine's file with these tensors.
fn tensors(all: &[Tensor]) -> Vec<u8> {
    let all: Vec<_> = all.iter().map(|(name, shape, numbers)| (*name, shape.to_vec(), *numbers)).collect();
    model::to_bytes(&all, None).unwrap()
}

#[test]
fn every_bad_machine_is_refused_in_one_line_with_the_mend() {
    let b: Tensor = ("visible_bias", &[2], &[0.0, 0.0]);
    let c: Tensor = ("hidden_bias", &[1], &[0.0]);
    let weights: Tensor = ("weights", &[2, 1], &[0.5, 0.25]);
    let mend = "name a machine, a safetensors file with weights, visible_bias and hidden_bias";
    let whole = tensors(&[weights, b, c]);
    let half = {
        let view = |shape: &[usize], bytes: &'static [u8]| TensorView::new(Dtype::F16, shape.to_vec(), bytes).unwrap();
        let all = [
            ("weights", view(&[2, 1], &[0; 4])),
            ("visible_bias", view(&[2], &[0; 4])),
            ("hidden_bias", view(&[1], &[0; 2])),
        ];
        safetensors::serialize(all, None).unwrap()
    };
    let about = |text: &str| {
        let all = [
            ("weights", vec![2, 1], &[0.5, 0.25][..]),
            ("visible_bias", vec![2], &[0.0; 2]),
            ("hidden_bias", vec![1], &[0.0]),
        ];
        model::to_bytes(&all, Some(text)).unwrap()
    };
    let header = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    let cases: Vec<(Vec<u8>, String)> = vec![
        (vec![], "it is empty; name a machine".into()),
        (b"0 1 0".to_vec(), format!("it is no safetensors file (header too small); {mend}")),
        (b"0 1 0 1 0 1 0 1\n".to_vec(), format!("it is no safetensors file (header too large); {mend}")),
        (vec![255; 16], format!("it is no safetensors file (header too large); {mend}")),
        (whole[..40].to_vec(), format!("it is no safetensors file (invalid header length); {mend}")),
        (
            whole[..whole.len() - 1].to_vec(),
            format!("it is no safetensors file (incomplete metadata, file not fully covered); {mend}"),
        ),
        (
            header(r#"{"weights":{"dtype":"F64","shape":[9223372036854775807,9],"data_offsets":[0,8]}}"#),
            format!("it is no safetensors file (overflow computing buffer size from shape and/or element type); {mend}"),
        ),
        (header("{}"), format!("there is no tensor weights among ; {mend}")),
        (tensors(&[weights, b]), format!("there is no tensor hidden_bias among visible_bias, weights; {mend}")),
        (
            tensors(&[("weights", &[2], &[0.5, 0.25]), b, c]),
            "weights has 1 axes; give weights two axes, [visible, hidden], and biases one".into(),
        ),
        (
            tensors(&[("weights", &[1, 2], &[0.5, 0.25]), b, c]),
            "weights are 1 x 2, visible_bias has 2 and hidden_bias 1 values; give weights as [visible, hidden]: transpose them \
             if need be"
                .into(),
        ),
        (
            tensors(&[("weights", &[2, 1], &[0.5, f64::NAN]), b, c]),
            "W[1,0] is NaN; train again with a lower learning rate".into(),
        ),
        (
            tensors(&[weights, b, ("hidden_bias", &[1], &[f64::NEG_INFINITY])]),
            "c[0] is -inf; train again with a lower learning rate".into(),
        ),
        (
            tensors(&[("weights", &[0, 0], &[]), ("visible_bias", &[0], &[]), ("hidden_bias", &[0], &[])]),
            "its weights are 0 x 0; give each layer at least one unit".into(),
        ),
        (half, "weights is of type F16; save F64 or F32".into()),
        (
            about("{"),
            "its metadata are not understood (EOF while parsing an object at line 1 column 1); remove the entry gibbsite of \
             the metadata, or take the program that wrote it"
                .into(),
        ),
        (
            about(r#"{"format":2,"version":"9","units":""}"#),
            "its metadata have format 2, and this program knows 1; take a newer gibbsite".into(),
        ),
    ];
    println!("{} bad machines", cases.len());
    for (bytes, expected) in cases {
        let found = model::machine_of_bytes(Path::new("m.safetensors"), &bytes).unwrap_err();
        said(&found, &format!("m.safetensors: {expected}"));
    }
}

#[test]
fn every_bad_list_of_couplings_is_refused_in_one_line_with_its_place_and_the_mend() {
    let form = "write lines i,j,J for couplings and i,h for fields";
    let cases: Vec<(&[u8], String)> = vec![
        (b"", format!(": it holds no coupling; {form}")),
        (b"i,j,J\n", format!(": it holds no coupling; {form}")),
        (b"0,1,1\n0 1 2 3 4\n", format!(", line 2: `0 1 2 3 4` has 5 values; {form}")),
        (b"0\n", format!(", line 1: `0` has 1 values; {form}")),
        (b"0,1,x\n", format!(", line 1: `0,1,x` has no finite value; {form}")),
        (b"0,1,nan\n", format!(", line 1: `0,1,nan` has no finite value; {form}")),
        (b"0,inf\n", format!(", line 1: `0,inf` has no finite value; {form}")),
        (b"0,-1,1\n", format!(", line 1: `0,-1,1` names no site; {form}")),
        (b"0,1.5,1\n", format!(", line 1: `0,1.5,1` names no site; {form}")),
        (b"0,4000000000,1\n", ", line 1: site 4000000000 is beyond 1048576 sites; count sites from 0".into()),
        (b"2,2,1\n", ", line 1: site 2 is coupled to itself; couple two different sites".into()),
        (
            b"0,1,1\n1,0,1\n",
            ", line 2: sites 1 and 0 are coupled in line 1 already; list every pair once: J_ij s_i s_j counts once"
                .into(),
        ),
        (b"0,1\n0,2\n", ", line 2: site 0 has a field in line 1 already; list every field once".into()),
        (b"0,1,1,7\n", format!(", line 1: `0,1,1,7` has 4 values; {form}")),
        (b"\xff\xfe0,1", format!(", line 1: it is not text; {form}")),
    ];
    println!("{} bad lists", cases.len());
    for (bytes, expected) in cases {
        said(&couplings::of_bytes(Path::new("J.csv"), bytes).unwrap_err(), &format!("J.csv{expected}"));
    }
}

#[test]
fn files_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let mend = "see that it is there and that you may read it";
    let missing = folder.path().join("missing");
    let name = missing.display();
    let problem = format!("{name}: cannot read the file (No such file or directory (os error 2)); {mend}");
    said(&model::read_machine(&missing).unwrap_err(), &problem);
    said(&checkpoint::read::<u8>(&missing).unwrap_err(), &problem);
    said(&couplings::read(&missing.as_path().into()).unwrap_err(), &problem);
    let problem = format!("{}: cannot read the file (is a directory); {mend}", folder.path().display());
    said(&model::read_machine(folder.path()).unwrap_err(), &problem);
    if cfg!(target_os = "linux") {
        let problem = "/dev/zero: it is no regular file; name a file on disk";
        said(&model::read_machine(Path::new("/dev/zero")).unwrap_err(), problem);
    }
}
