//! What ARCHITECTURE.md promises about the source itself, read from the files.

mod crates;
mod doors;
mod foreign;
pub(crate) mod looking;
mod persons;
mod queries;
mod rooms;
mod sources;
mod states;

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A source file of the product.
struct Source {
    /// From the root of the project: `crates/core/src/clock.rs`.
    path: String,
    /// As it stands.
    text: String,
    /// Without comments and without its tests: what runs.
    code: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// Every Rust file of the crates and of the migrations.
fn sources() -> Vec<Source> {
    let mut sources = Vec::new();
    for folder in ["crates", "migrations"] {
        collect(&root().join(folder), &mut sources);
    }
    assert!(sources.len() > 100, "found only {} files", sources.len());
    sources
}

fn collect(folder: &Path, sources: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().unwrap().to_string_lossy();
        // Tests of a crate may do what the product must not.
        if path.is_dir() && name != "tests" && name != "target" {
            collect(&path, sources);
        } else if path.extension().is_some_and(|end| end == "rs") && name != "tests.rs" && !name.ends_with("_tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            sources.push(Source { code: code(&text), path, text });
        }
    }
}

/// What is left without whole-line comments and without the test module at the end.
fn code(text: &str) -> String {
    let runs = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    runs.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// The functions of a file: name and text up to the next one.
fn functions(code: &str) -> Vec<(&str, String)> {
    let mut found: Vec<(&str, String)> = Vec::new();
    for line in code.lines() {
        if let Some(name) = function_name(line) {
            found.push((name, String::new()));
        }
        if let Some((_, body)) = found.last_mut() {
            body.push_str(line);
            body.push('\n');
        }
    }
    found
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    for word in ["pub(crate) ", "pub(super) ", "pub ", "const ", "async "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let rest = rest.strip_prefix("fn ")?;
    rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
}

#[test]
fn functions_are_found() {
    let code = "impl X {\n    pub(crate) async fn one<T>(a: u8) {\n        two()\n    }\n}\nconst fn two() -> fn() {}\n";
    let found = functions(code);
    assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["one", "two"]);
    assert!(found[0].1.contains("two()") && !found[0].1.contains("const"));
    assert_eq!(super::invariants::code("//! a\nx\n  // y\n#[cfg(test)]\nmod tests {\n z\n}"), "x");
}
