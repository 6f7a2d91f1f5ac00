//! Where template and language files come from: the binary, or a folder that overrides it.
//!
//! Knows files and their names only; refuses to know what is in them.

use std::{fs, io, path::Path};

use rust_embed::RustEmbed;
use thiserror::Error;

/// A template or language file that can't be used. Nothing of it is used then.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}{}: {problem}", .file, .line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct TemplateError {
    /// The file, relative to `templates/` when it is one of ours.
    pub file: String,
    /// The line, from 1, where one can be named.
    pub line: Option<usize>,
    /// What is wrong and what to write instead.
    pub problem: String,
}

impl TemplateError {
    pub(crate) fn new(file: &str, line: Option<usize>, problem: &str) -> Self {
        Self { file: file.to_owned(), line, problem: problem.to_owned() }
    }
}

/// Largest file that is read.
const MAX_FILE: u64 = 64 * 1024;

/// The embedded files: (name, text).
pub(crate) fn embedded<E: RustEmbed>() -> Result<Vec<(String, String)>, TemplateError> {
    E::iter()
        .filter_map(|name| E::get(&name).map(|file| (name.into_owned(), file.data)))
        .map(|(name, data)| match String::from_utf8(data.into_owned()) {
            Ok(text) => Ok((name, text)),
            Err(_) => Err(TemplateError::new(&name, None, "is not UTF-8 text")),
        })
        .collect()
}

/// The files with this extension right inside `folder`: (path, name, text). No folder, no files.
pub(crate) fn folder(folder: Option<&Path>, extension: &str) -> Result<Vec<(String, String, String)>, TemplateError> {
    let mut files = Vec::new();
    for (path, name) in entries(folder)? {
        if path.is_file() && path.extension().is_some_and(|found| found == extension) {
            files.push((path.display().to_string(), name, read(&path)?));
        }
    }
    Ok(files)
}

/// The names of the folders right inside `folder`.
pub(crate) fn subfolders(folder: Option<&Path>) -> Result<Vec<String>, TemplateError> {
    Ok(entries(folder)?.into_iter().filter(|(path, _)| path.is_dir()).map(|(_, name)| name).collect())
}

fn entries(folder: Option<&Path>) -> Result<Vec<(std::path::PathBuf, String)>, TemplateError> {
    let Some(folder) = folder.filter(|folder| folder.exists()) else { return Ok(Vec::new()) };
    let unreadable = |error: &io::Error| TemplateError::new(&folder.display().to_string(), None, &format!("can't be read: {error}"));
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(&error))? {
        let entry = entry.map_err(|error| unreadable(&error))?;
        entries.push((entry.path(), entry.file_name().to_string_lossy().into_owned()));
    }
    entries.sort();
    Ok(entries)
}

fn read(path: &Path) -> Result<String, TemplateError> {
    let refuse = |problem: &str| TemplateError::new(&path.display().to_string(), None, problem);
    let size = fs::metadata(path).map_err(|error| refuse(&format!("can't be read: {error}")))?.len();
    if size > MAX_FILE {
        return Err(refuse(&format!("has {size} bytes; at most {MAX_FILE} are allowed")));
    }
    fs::read_to_string(path).map_err(|error| refuse(&format!("can't be read as UTF-8 text: {error}")))
}
