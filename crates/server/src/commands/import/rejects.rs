//! Rows that were not taken: the first ones on standard error, all of them in a file when one is asked for.

use std::{fs::File, path::Path, process::ExitCode};

use anyhow::Context as _;
use hearback_core::text;
use hearback_tables::{Next, cell};
use indicatif::ProgressBar;
use serde::Serialize;

use crate::output::{complain, say, say_json};

/// How many are shown on standard error.
const SHOWN: usize = 20;
/// Characters of a value that are shown.
const MAX_VALUE: usize = 80;

/// One row that was not taken, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reject {
    /// The line of the file where the row starts; the header is line 1.
    pub row: u64,
    /// The column, by name or number; empty when it is the whole row.
    pub column: String,
    /// What stands there, cut to 80 characters.
    pub value: String,
    /// What is wrong with it and what was expected.
    pub reason: String,
}

impl Reject {
    /// A rejected row.
    pub fn new(row: u64, column: String, value: &str, reason: impl Into<String>) -> Self {
        let mut value: String = text::clean_line(value);
        if let Some((cut, _)) = value.char_indices().nth(MAX_VALUE) {
            value.truncate(cut);
            value.push('…');
        }
        Self { row, column, value, reason: reason.into() }
    }

    /// A row that can't be read, if that is what comes next.
    pub fn unread(next: Next) -> Option<Self> {
        match next {
            Next::OpenQuote { line } => Some(Self::new(line, String::new(), "", format!("a quote opens in line {line} and is not closed"))),
            Next::Broken { line, why } => Some(Self::new(line, String::new(), "", why)),
            Next::Row | Next::End => None,
        }
    }

    fn line(&self) -> String {
        match (self.column.as_str(), self.value.as_str()) {
            ("", "") => return format!("row {}: {}", self.row, self.reason),
            ("", value) => return format!("row {}, `{value}`: {}", self.row, self.reason),
            _ => {}
        }
        format!("row {}, column `{}`, value `{}`: {}", self.row, self.column, self.value, self.reason)
    }
}

/// All rejected rows of one import.
pub struct Rejects {
    /// How many.
    pub count: u64,
    /// The first ones.
    pub first: Vec<Reject>,
    file: Option<csv::Writer<File>>,
    bar: ProgressBar,
}

impl Rejects {
    /// Reports on standard error, above the bar, and into the file.
    pub fn new(path: Option<&Path>, bar: ProgressBar) -> anyhow::Result<Self> {
        let file = match path {
            None => None,
            Some(path) => {
                let write = || format!("can't write `{}`; choose another file with --rejects", path.display());
                let mut file = csv::Writer::from_path(path).with_context(write)?;
                file.write_record(["row", "column", "value", "reason"]).with_context(write)?;
                Some(file)
            }
        };
        Ok(Self { count: 0, first: Vec::new(), file, bar })
    }

    /// Takes note of one.
    pub fn add(&mut self, reject: Reject) -> anyhow::Result<()> {
        self.count += 1;
        if let Some(file) = &mut self.file {
            let [column, value, reason] = [&reject.column, &reject.value, &reject.reason].map(|text| cell::write(text));
            file.write_record([reject.row.to_string().as_str(), &column, &value, &reason])
                .context("the file of rejected rows can't be written")?;
        }
        if self.first.len() < SHOWN {
            self.bar.suspend(|| complain(&reject.line()));
            self.first.push(reject);
        } else if self.count == SHOWN as u64 + 1 {
            let rest = if self.file.is_some() { "more are in the file of --rejects" } else { "--rejects FILE lists them all" };
            self.bar.suspend(|| complain(&format!("and more; {rest}")));
        }
        Ok(())
    }

    /// Takes note of those of one batch, in the order of the file.
    pub fn add_all(&mut self, mut batch: Vec<Reject>) -> anyhow::Result<()> {
        batch.sort_by_key(|reject| reject.row);
        batch.into_iter().try_for_each(|reject| self.add(reject))
    }

    /// Writes out what is left.
    pub fn finish(&mut self) -> anyhow::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.flush().context("the file of rejected rows can't be written"))
    }
}

/// What came of an import.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Taken {
    /// Rows that are new or changed something.
    pub imported: u64,
    /// Rows that were stored before.
    pub unchanged: u64,
    /// Rows that were not taken.
    pub rejected: u64,
    /// The first of them.
    pub rejects: Vec<Reject>,
}

impl Taken {
    /// Says it on standard output. The exit code is 1 when no row at all could be taken.
    pub fn tell(&self, dry_run: bool, json: bool) -> anyhow::Result<ExitCode> {
        if dry_run {
            complain("dry run: nothing was stored; the counts say what would have been imported");
        }
        let Self { imported, unchanged, rejected, .. } = self;
        if json {
            say_json(self)?;
        } else {
            say(format!("imported {imported}, unchanged {unchanged}, rejected {rejected}"));
        }
        Ok(if *rejected > 0 && imported + unchanged == 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_cut_cleaned_and_no_formulas() {
        let reject = Reject::new(7, "c".into(), &format!("=1+1\u{1}{}", "x".repeat(100)), "is wrong");
        assert_eq!(reject.value.chars().count(), 81);
        assert_eq!(cell::write(&reject.value).chars().next(), Some('\''));
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("r.csv");
        let mut rejects = Rejects::new(Some(&path), ProgressBar::hidden()).unwrap();
        (0..30).for_each(|row| rejects.add(Reject::new(row, "c".into(), "v", "r")).unwrap());
        rejects.finish().unwrap();
        assert_eq!((rejects.count, rejects.first.len()), (30, SHOWN));
        assert_eq!(std::fs::read_to_string(path).unwrap().lines().count(), 31);
    }
}
