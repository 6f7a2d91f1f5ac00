//! A table that is ready to be read: its encoding, delimiter and header are known.

use std::io;

use encoding_rs::Encoding;
use thiserror::Error;

use crate::{
    Header, Next, Record, Source,
    encoding::{Detected, Text, detect},
    lines::Lines,
    records::Records,
    shape::Shape,
};

/// How much is looked at to find the layout.
const START: usize = 64 * 1024;

/// Why a table can't be read.
#[derive(Debug, Error)]
pub enum TableError {
    /// The disk said so.
    #[error("can't read {name}: {cause}")]
    Read {
        /// What was read.
        name: String,
        /// What went wrong.
        #[source]
        cause: io::Error,
    },
    /// Not one row.
    #[error("{name} is empty; the first row must name the columns")]
    Empty {
        /// What was read.
        name: String,
    },
    /// The names of the columns have a quote that nobody closes.
    #[error("the header has a quote in line {line} that is not closed; correct the file")]
    OpenHeader {
        /// Where it opens.
        line: u64,
    },
    /// There is no such encoding.
    #[error("there is no encoding `{0}`; for instance utf-8, utf-16le, windows-1252, windows-1257")]
    NoEncoding(String),
    /// No column is called so.
    #[error("there is no column `{name}`; the table has {all}")]
    NoColumn {
        /// What was looked for.
        name: String,
        /// What there is.
        all: String,
    },
    /// Two columns are called so.
    #[error("columns {first} and {second} are both called `{name}`; write the number of the one you mean in place of the name")]
    TwoColumns {
        /// Their name.
        name: String,
        /// The place of one, from 1.
        first: usize,
        /// The place of another.
        second: usize,
    },
}

/// A table whose header is read.
pub struct Table {
    /// Behind the header.
    pub rows: Rows,
    /// The names of the columns; empty where the table names none.
    pub header: Header,
    /// Its size in bytes.
    pub size: u64,
    /// The encoding, where it had to be guessed.
    pub guessed: Option<&'static str>,
    /// The text that it starts with, at most 64 KiB of it.
    start: Vec<u8>,
    shape: Option<Shape>,
}

impl Table {
    /// Opens a table whose first row names the columns; `encoding` as named by the user, if at all.
    pub fn open(source: &Source, encoding: Option<&str>) -> Result<Self, TableError> {
        Self::open_where(source, encoding, |_| true)
    }

    /// The same where the first row may be one of data: `has_names` says of it whether it names the columns.
    pub fn open_where(source: &Source, encoding: Option<&str>, has_names: impl Fn(&[String]) -> bool) -> Result<Self, TableError> {
        let read = |cause| TableError::Read { name: source.name(), cause };
        let named = encoding.map(named).transpose()?;
        let size = source.size().map_err(read)?;
        let detected = detect(source, named).map_err(read)?;
        let guessed = detected.guessed.then(|| detected.encoding.name());
        let start = start(source, detected).map_err(read)?;
        if start.trim_ascii_start().first() == Some(&b'{') {
            let (lines, header) = Lines::open(source, detected).map_err(read)?;
            return Ok(Self { rows: Rows(Kind::Lines(Box::new(lines))), header, size, guessed, start, shape: None });
        }
        let shape = Shape::of(&start, has_names);
        let mut records = Records::new(Text::open(source, detected).map_err(read)?, shape.delimiter);
        for row in 0..shape.above + shape.names.len() {
            match next_filled(&mut records).map_err(read)? {
                Next::OpenQuote { line } if row >= shape.above => return Err(TableError::OpenHeader { line }),
                Next::End => break,
                _ => {}
            }
        }
        let header = Header::of(&shape.names);
        records.set_columns(header.len());
        Ok(Self { rows: Rows(Kind::Csv(Box::new(records))), header, size, guessed, start, shape: Some(shape) })
    }

    /// Refuses a table without any row.
    pub fn not_empty(self, source: &Source) -> Result<Self, TableError> {
        if self.start.trim_ascii().is_empty() { Err(TableError::Empty { name: source.name() }) } else { Ok(self) }
    }

    /// The first rows behind the header, at most some twenty: enough to see what a column holds.
    pub fn first_rows(&self) -> Vec<Vec<String>> {
        match &self.shape {
            Some(shape) => shape.first_rows(&self.start),
            None => Vec::new(),
        }
    }
}

/// The rows of a table, one at a time.
pub struct Rows(Kind);

enum Kind {
    Csv(Box<Records>),
    Lines(Box<Lines>),
}

impl Rows {
    /// Reads the next row that holds anything.
    pub fn advance(&mut self) -> io::Result<Next> {
        match &mut self.0 {
            Kind::Csv(records) => next_filled(records),
            Kind::Lines(lines) => lines.advance(),
        }
    }

    /// The present row.
    pub fn record(&self) -> &Record {
        match &self.0 {
            Kind::Csv(records) => records.record(),
            Kind::Lines(lines) => lines.record(),
        }
    }

    /// How many bytes were read.
    pub fn consumed(&self) -> u64 {
        match &self.0 {
            Kind::Csv(records) => records.consumed,
            Kind::Lines(lines) => lines.consumed,
        }
    }
}

/// Spreadsheets write rows of nothing but delimiters: these are no rows.
fn next_filled(records: &mut Records) -> io::Result<Next> {
    loop {
        let next = records.advance()?;
        if next != Next::Row || !records.record().is_blank() {
            return Ok(next);
        }
    }
}

fn named(name: &str) -> Result<&'static Encoding, TableError> {
    Encoding::for_label(name.as_bytes()).ok_or_else(|| TableError::NoEncoding(name.to_owned()))
}

fn start(source: &Source, detected: Detected) -> io::Result<Vec<u8>> {
    let mut text = Text::open(source, detected)?;
    let mut start = Vec::new();
    while start.len() < START && text.read_into(&mut start)? > 0 {}
    Ok(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(bytes: &[u8]) -> (Header, Vec<(u64, Vec<String>)>) {
        let source = Source::Bytes(bytes.into());
        let mut table = Table::open(&source, None).unwrap();
        let mut rows = Vec::new();
        while table.rows.advance().unwrap() == Next::Row {
            let record = table.rows.record();
            rows.push((record.line, record.iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect()));
        }
        (table.header, rows)
    }

    #[test]
    fn every_shape_comes_to_the_same_table() {
        let wide = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        let (baltic, ..) = encoding_rs::WINDOWS_1257.encode("ID,Name\n1,Živilė Ąžuolė\n");
        for (name, bytes, line) in [
            ("plain", "ID,Name\n1,Živilė Ąžuolė\n".as_bytes().to_vec(), 2),
            ("sep= and semicolons", "sep=;\r\nID;Name\r\n1;Živilė Ąžuolė\r\n".into(), 3),
            ("UTF-16 without a mark", wide("ID\tName\r\n1\tŽivilė Ąžuolė\r\n"), 2),
            ("UTF-16 with sep=", wide("\u{feff}sep=;\r\nID;Name\r\n1;Živilė Ąžuolė\r\n"), 3),
            ("Windows-1257", baltic.into_owned(), 2),
            ("rows of nothing", ",\nID,Name\n,\n1,Živilė Ąžuolė\n,\n , \n".into(), 4),
            ("JSON lines", "{\"ID\":1,\"Name\":\"Živilė Ąžuolė\"}\n".into(), 1),
        ] {
            let (header, rows) = table(&bytes);
            assert_eq!(["ID", "Name"].map(|name| header.find(name).unwrap()), [0, 1], "{name}");
            assert_eq!(rows, [(line, vec!["1".to_owned(), "Živilė Ąžuolė".to_owned()])], "{name}");
        }
    }

    #[test]
    fn a_table_without_names_starts_with_its_data() {
        let source = Source::Bytes(b"a@x.example\nb@x.example\n".as_slice().into());
        let mut table = Table::open_where(&source, None, |row| !row.iter().any(|cell| cell.contains('@'))).unwrap();
        assert!(table.header.is_empty());
        assert_eq!(table.rows.advance().unwrap(), Next::Row);
        assert_eq!((table.rows.record().line, table.rows.record().get(0)), (1, Some(b"a@x.example".as_slice())));
    }

    #[test]
    fn nothing_is_no_table() {
        let source = Source::Bytes(b" \n".as_slice().into());
        let empty = Table::open(&source, None).and_then(|table| table.not_empty(&source));
        assert_eq!(empty.err().map(|error| error.to_string()).as_deref(), Some("the table is empty; the first row must name the columns"));
    }
}
