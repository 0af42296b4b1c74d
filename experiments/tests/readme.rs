//! The pages say what the programs say: each experiment has its page with its columns, its entry in the gallery and its place
//! in .ci/run, and no link leads nowhere.

mod common;

use common::run_binary;
use std::fs;
use std::path::{Path, PathBuf};

/// The head of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What stands between `start` and the next `end` after it.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(start)?;
    rest.split_once(end).map(|(inside, _)| inside)
}

/// Every experiment: the names of the binaries of the package.
fn experiments() -> Vec<String> {
    let package = read("experiments/Cargo.toml");
    let name = |entry: &str| between(entry, "name = \"", "\"").expect("a binary has a name").to_string();
    let names: Vec<String> = package.split("[[bin]]").skip(1).map(name).collect();
    assert!(!names.is_empty(), "experiments/Cargo.toml names no binary");
    names
}

/// Its binary lies beside that of another, since cargo builds all of a package for its tests.
fn columns(name: &str) -> String {
    let binary = Path::new(env!("CARGO_BIN_EXE_ising_kl"));
    let binary = binary.with_file_name(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let output = run_binary(binary.to_str().expect("a plain path"), &["--columns"]);
    assert!(output.status.success(), "{name} --columns");
    String::from_utf8(output.stdout).expect("text")
}

/// The page of an experiment has the table that `--columns` prints, and not a line more.
#[test]
fn columns_on_the_pages_are_those_of_the_programs() {
    for name in experiments() {
        let (columns, page) = (columns(&name), read(&format!("experiments/{name}/README.md")));
        assert!(columns.lines().count() > 3, "{name}: {columns}");
        let table = format!("\n\n{columns}\n");
        assert!(
            format!("{page}\n").contains(&table),
            "experiments/{name}/README.md does not have the table of `{name} --columns`:\n{columns}"
        );
    }
}

/// An entry of the gallery: what stands below a third-order headline of README.md, up to the next headline.
fn gallery_entry(readme: &str, page: &str) -> Option<String> {
    let headline = |line: &str| line.starts_with('#');
    let mut lines =
        readme.lines().skip_while(|line| !(line.starts_with("### [") && line.ends_with(&format!("]({page})"))));
    let first = lines.next()?;
    let rest = lines.take_while(|line| !headline(line));
    Some([first].into_iter().chain(rest).collect::<Vec<_>>().join("\n"))
}

/// The question, linked to the page; one of its figures; the command.
#[test]
fn every_experiment_is_in_the_gallery() {
    let readme = read("README.md");
    for name in experiments() {
        let page = format!("experiments/{name}/README.md");
        let entry = gallery_entry(&readme, &page);
        let entry = entry.unwrap_or_else(|| panic!("README.md has no headline `### [QUESTION]({page})`"));
        let figure = |target: &String| target.starts_with(&format!("results/{name}/")) && target.ends_with(".png");
        assert!(targets(&entry).iter().any(figure), "no figure of results/{name} below {page} in README.md:\n{entry}");
        let command = format!("`cargo run --release --bin {name}`");
        assert!(entry.contains(&command), "no {command} below {page} in README.md:\n{entry}");
    }
}

/// .ci/run takes every folder with a main.rs.
#[test]
fn every_experiment_is_run_on_every_change() {
    assert!(read(".ci/run").contains("for main in experiments/*/main.rs; do"));
    for name in experiments() {
        assert!(root().join(format!("experiments/{name}/main.rs")).exists(), "{name} is not in a folder of its name");
    }
}

/// Where the links and images of a text lead; code and commands have none.
fn targets(text: &str) -> Vec<String> {
    let mut fenced = false;
    let prose = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence && !line.starts_with("    ")
    });
    // What stands between backticks is code: every second piece.
    let prose =
        prose.map(|line| line.split('`').step_by(2).collect::<Vec<_>>().join("`")).collect::<Vec<_>>().join("\n");
    let of = |start: &str, end: char| -> Vec<String> {
        let pieces = prose.split(start).skip(1).filter_map(|rest| rest.split_once(end));
        pieces.map(|(target, _)| target.trim().to_string()).collect()
    };
    [of("](", ')'), of("src=\"", '"'), of("href=\"", '"')].concat()
}

/// README.md, CONTRIBUTING.md, and the pages in docs/ and of the experiments.
fn pages() -> Vec<String> {
    let docs = fs::read_dir(root().join("docs")).expect("docs/").flatten();
    let docs = docs.map(|entry| format!("docs/{}", entry.file_name().to_string_lossy()));
    let own = experiments().into_iter().map(|name| format!("experiments/{name}/README.md"));
    let first = ["README.md", "CONTRIBUTING.md"].map(str::to_string).into_iter();
    let pages: Vec<String> = first.chain(docs.filter(|name| name.ends_with(".md"))).chain(own).collect();
    assert!(pages.len() > 8, "{pages:?}");
    pages
}

#[test]
fn links_and_figures_are_there() {
    let mut links = 0;
    for page in pages() {
        let folder = root().join(&page).parent().expect("a page is in a folder").to_path_buf();
        for target in targets(&read(&page)) {
            let elsewhere = ["https://", "http://", "mailto:", "#"].iter().any(|start| target.starts_with(start));
            if !elsewhere {
                let path = target.split('#').next().unwrap_or_default();
                assert!(folder.join(path).exists(), "{page} leads to {target}, which is not there");
                links += 1;
            }
        }
    }
    assert!(links > 100, "only {links} links were found: they are no longer read");
}

#[test]
fn the_readme_is_short() {
    let lines = read("README.md").lines().count();
    assert!(lines <= 200, "README.md has {lines} lines, and should have 200 at most");
}
