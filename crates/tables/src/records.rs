//! Rows of a CSV file, one at a time, with bounded memory.
//!
//! A quote that never closes would swallow the rest of the file. It is recognised (a field of more than 64 KiB,
//! a row over several lines with more filled columns than the header or with text behind a closing quote), the row
//! is given up, and reading goes on with the next line. Spreadsheets leave out empty cells at the end of a row, or write a delimiter
//! too many. Refuses to know what a column means.

use std::io;

use csv_core::{ReadRecordResult, Reader, ReaderBuilder};

use crate::encoding::Text;

/// Longest field, in bytes.
const MAX_FIELD: usize = 64 * 1024;

/// One row.
#[derive(Debug, Clone, Default)]
pub struct Record {
    /// The line of the file where it starts, from 1.
    pub line: u64,
    bytes: Vec<u8>,
    ends: Vec<usize>,
    len: usize,
}

/// What comes next in a file.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// A row, which the reader holds until the next.
    Row,
    /// A quote that opens in this line is not closed; reading goes on behind the line.
    OpenQuote {
        /// Where.
        line: u64,
    },
    /// The row that starts in this line can't be read.
    Broken {
        /// Where.
        line: u64,
        /// Why, and what was expected.
        why: String,
    },
    /// The end.
    End,
}

impl Record {
    /// How many columns it has.
    #[expect(clippy::len_without_is_empty, reason = "a row has at least one column")]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// A column, from 0; `None` when the row is shorter.
    pub fn get(&self, column: usize) -> Option<&[u8]> {
        if column >= self.len {
            return None;
        }
        let start = if column == 0 { 0 } else { *self.ends.get(column - 1)? };
        self.bytes.get(start..*self.ends.get(column)?)
    }

    /// Whether no column holds anything.
    pub fn is_blank(&self) -> bool {
        self.iter().all(|cell| cell.trim_ascii().is_empty())
    }

    /// Whether something stands behind the first `columns` columns.
    pub fn is_wider_than(&self, columns: usize) -> bool {
        (columns..self.len).filter_map(|column| self.get(column)).any(|cell| !cell.trim_ascii().is_empty())
    }

    /// Becomes the row of this line with these cells.
    pub(crate) fn fill(&mut self, line: u64, cells: &[String]) {
        self.line = line;
        self.bytes = cells.concat().into_bytes();
        self.ends = cells
            .iter()
            .scan(0, |end, cell| {
                *end += cell.len();
                Some(*end)
            })
            .collect();
        self.len = cells.len();
    }

    /// All columns in order.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len).filter_map(|column| self.get(column))
    }
}

/// The rows of a text.
pub(crate) struct Records {
    text: Text,
    parser: Reader,
    delimiter: u8,
    record: Record,
    /// What was read; finished rows stay in front until more is read.
    buffer: Vec<u8>,
    /// Where the present row starts.
    start: usize,
    /// Parsed up to here.
    position: usize,
    at_end: bool,
    /// The line at `start`.
    line: u64,
    /// The last byte of the row before, to count CR LF once.
    last: u8,
    /// Columns of the header; 0 while it is not known.
    columns: usize,
    /// Bytes of the file that were read.
    pub consumed: u64,
}

impl Records {
    /// The rows of the text, split at the delimiter.
    pub fn new(text: Text, delimiter: u8) -> Self {
        Self {
            text,
            parser: ReaderBuilder::new().delimiter(delimiter).build(),
            delimiter,
            record: Record { line: 1, bytes: vec![0; 1024], ends: vec![0; 64], len: 0 },
            buffer: Vec::new(),
            start: 0,
            position: 0,
            at_end: false,
            line: 1,
            last: 0,
            columns: 0,
            consumed: 0,
        }
    }

    /// The present row.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// From now on a row has this many columns.
    pub const fn set_columns(&mut self, columns: usize) {
        self.columns = columns;
    }

    /// Reads the next row.
    pub fn advance(&mut self) -> io::Result<Next> {
        self.drop_finished();
        self.skip_line_ends()?;
        self.record.line = self.line;
        self.parser.reset();
        let mut written = 0;
        let mut fields = 0;
        loop {
            let input = self.buffer.get(self.position..).unwrap_or_default();
            if input.is_empty() && !self.at_end {
                self.fill()?;
                continue;
            }
            let output = self.record.bytes.get_mut(written..).unwrap_or_default();
            let ends = self.record.ends.get_mut(fields..).unwrap_or_default();
            let (result, read, wrote, ended) = self.parser.read_record(input, output, ends);
            self.position += read;
            written += wrote;
            fields += ended;
            match result {
                ReadRecordResult::InputEmpty | ReadRecordResult::OutputFull => {
                    if written - self.field_start(fields) > MAX_FIELD {
                        return self.give_up();
                    }
                    if matches!(result, ReadRecordResult::OutputFull) {
                        self.record.bytes.resize(self.record.bytes.len() * 2, 0);
                    }
                }
                ReadRecordResult::OutputEndsFull => self.record.ends.resize(self.record.ends.len() * 2, 0),
                ReadRecordResult::Record => return self.finish(fields),
                ReadRecordResult::End => return Ok(Next::End),
            }
        }
    }

    fn field_start(&self, fields: usize) -> usize {
        fields.checked_sub(1).and_then(|last| self.record.ends.get(last)).copied().unwrap_or(0)
    }

    /// A whole row was parsed: is it one, or did an open quote run over line ends?
    fn finish(&mut self, fields: usize) -> io::Result<Next> {
        self.record.len = fields;
        let too_long = (0..fields).any(|column| self.record.get(column).is_some_and(|field| field.len() > MAX_FIELD));
        let parsed = self.buffer.get(self.start..self.position).unwrap_or_default();
        let spans_lines = parsed.trim_ascii_end().iter().any(|byte| matches!(byte, b'\n' | b'\r'));
        let wrong_shape = self.columns != 0 && self.record.is_wider_than(self.columns);
        if too_long || (spans_lines && (wrong_shape || !is_well_quoted(parsed, self.delimiter))) {
            return self.give_up();
        }
        Ok(Next::Row)
    }

    /// Goes on behind the first line of the present row.
    fn give_up(&mut self) -> io::Result<Next> {
        let row = self.buffer.get(self.start..).unwrap_or_default();
        let Some(end) = row.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
            return Err(io::Error::other(format!(
                "the line {} has a field of more than {MAX_FIELD} bytes and no end; is this a CSV file?",
                self.record.line
            )));
        };
        self.position = self.start + end;
        Ok(Next::OpenQuote { line: self.record.line })
    }

    /// Done with everything up to the position; counts its lines.
    fn drop_finished(&mut self) {
        for &byte in self.buffer.get(self.start..self.position).unwrap_or_default() {
            self.line += u64::from(byte == b'\r' || (byte == b'\n' && self.last != b'\r'));
            self.last = byte;
        }
        self.start = self.position;
    }

    /// Empty lines are no rows.
    fn skip_line_ends(&mut self) -> io::Result<()> {
        loop {
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            self.position = self.start + rest.iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
            self.drop_finished();
            if self.start < self.buffer.len() || self.at_end {
                return Ok(());
            }
            self.fill()?;
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.position -= self.start;
        self.start = 0;
        let read = self.text.read_into(&mut self.buffer)?;
        self.consumed += read as u64;
        self.at_end = read == 0;
        Ok(())
    }
}

/// Whether every quoted field of the row ends in a quote, with a delimiter or a line end behind it.
fn is_well_quoted(row: &[u8], delimiter: u8) -> bool {
    let mut bytes = row.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == b'"' {
            loop {
                match bytes.next() {
                    None => return false,
                    Some(b'"') if bytes.next_if_eq(&b'"').is_none() => break,
                    Some(_) => {}
                }
            }
            if bytes.peek().is_some_and(|next| *next != delimiter && !matches!(next, b'\n' | b'\r')) {
                return false;
            }
        } else if byte != delimiter && !matches!(byte, b'\n' | b'\r') {
            // Inside a field that did not start with a quote, quotes are letters.
            while bytes.next_if(|next| *next != delimiter && !matches!(next, b'\n' | b'\r')).is_some() {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Source, encoding::detect};

    fn rows(text: &str) -> Vec<(u64, Result<Vec<String>, ()>)> {
        let source = Source::Bytes(text.as_bytes().into());
        let text = Text::open(&source, detect(&source, None).unwrap()).unwrap();
        let mut records = Records::new(text, b',');
        records.set_columns(2);
        let mut rows = Vec::new();
        loop {
            match records.advance().unwrap() {
                Next::Row => {
                    let record = records.record();
                    rows.push((record.line, Ok(record.iter().map(|field| String::from_utf8_lossy(field).into_owned()).collect())));
                }
                Next::OpenQuote { line } | Next::Broken { line, .. } => rows.push((line, Err(()))),
                Next::End => return rows,
            }
        }
    }

    fn row(line: u64, fields: &[&str]) -> (u64, Result<Vec<String>, ()>) {
        (line, Ok(fields.iter().map(|field| (*field).to_owned()).collect()))
    }

    #[test]
    fn all_line_ends_and_quoted_ones_are_understood() {
        for end in ["\n", "\r\n", "\r"] {
            let text = ["a,b", "", "1,\"x", "y\"", "2,\"\"\"q\"\"\""].join(end);
            assert_eq!(rows(&text), [row(1, &["a", "b"]), row(3, &["1", &format!("x{end}y")]), row(5, &["2", "\"q\""])], "{end:?}");
        }
    }

    #[test]
    fn an_open_quote_costs_one_line_and_names_it() {
        let long = "9,fine\n".repeat(20_000);
        let text = format!("a,b\n1,\"open\n{long}");
        let rows = rows(&text);
        assert_eq!(rows.get(1), Some(&(2, Err(()))));
        assert_eq!(rows.len(), 20_002);
        assert_eq!(rows.last(), Some(&row(20_002, &["9", "fine"])));
    }

    #[test]
    fn an_open_quote_that_a_later_row_closes_or_nobody_costs_one_line() {
        assert_eq!(rows("a,b\n1,\"x\n2,y\n3,\"z\"\n"), [row(1, &["a", "b"]), (2, Err(())), row(3, &["2", "y"]), row(4, &["3", "z"])]);
        assert_eq!(rows("a,b\n1,\"x\n2,y\n"), [row(1, &["a", "b"]), (2, Err(())), row(3, &["2", "y"])]);
    }

    #[test]
    fn cells_may_be_left_out_or_added_at_the_end_of_a_row() {
        let text = "a,b\n1,\"two\nlines\",\n\"only\none\"\n2\n3,x,,\n";
        assert_eq!(
            rows(text),
            [row(1, &["a", "b"]), row(2, &["1", "two\nlines", ""]), row(4, &["only\none"]), row(6, &["2"]), row(7, &["3", "x", "", ""])]
        );
    }
}
