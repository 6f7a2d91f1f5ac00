//! One JSON object a line, as a table: a column for each key that any line has.
//!
//! What stands under `person` and `properties` gets columns of its own, `name` and `property.NAME` for instance. A value becomes the
//! cell that a CSV of ours would have ([`crate::cell`]), so that a text that looks like a number stays a text.

use std::{collections::HashMap, io};

use serde_json::{Map, Value};

use crate::{
    Header, Next, Record, Source, cell,
    encoding::{Detected, Text},
};

/// Longest line, in bytes.
const MAX_LINE: usize = 1024 * 1024;
/// Most columns.
const MAX_COLUMNS: usize = 2_000;

/// The lines of a text.
pub(crate) struct Lines {
    reader: Reader,
    columns: HashMap<String, usize>,
    record: Record,
    /// Bytes that were read.
    pub consumed: u64,
}

impl Lines {
    /// Reads the keys of all lines, then starts again at the first.
    pub fn open(source: &Source, detected: Detected) -> io::Result<(Self, Header)> {
        let mut reader = Reader::new(Text::open(source, detected)?);
        let mut names: Vec<String> = Vec::new();
        let mut columns = HashMap::new();
        while let Some((_, line)) = reader.next()? {
            for (name, _) in cells(&line).unwrap_or_default() {
                if names.len() < MAX_COLUMNS && !columns.contains_key(&name) {
                    columns.insert(name.clone(), names.len());
                    names.push(name);
                }
            }
        }
        let header = Header::of(&[names]);
        Ok((Self { reader: Reader::new(Text::open(source, detected)?), columns, record: Record::default(), consumed: 0 }, header))
    }

    /// Reads the next line that holds anything.
    pub fn advance(&mut self) -> io::Result<Next> {
        let Some((number, line)) = self.reader.next()? else { return Ok(Next::End) };
        self.consumed = self.reader.consumed;
        let found = match cells(&line) {
            Ok(found) => found,
            Err(why) => return Ok(Next::Broken { line: number, why }),
        };
        let mut row = vec![String::new(); self.columns.len()];
        for (name, text) in found {
            if let Some(slot) = self.columns.get(&name).and_then(|place| row.get_mut(*place)) {
                *slot = text;
            }
        }
        self.record.fill(number, &row);
        Ok(Next::Row)
    }

    /// The present line.
    pub const fn record(&self) -> &Record {
        &self.record
    }
}

/// Lines that are not empty, with their numbers from 1.
struct Reader {
    text: Text,
    buffer: Vec<u8>,
    position: usize,
    number: u64,
    at_end: bool,
    consumed: u64,
}

impl Reader {
    const fn new(text: Text) -> Self {
        Self { text, buffer: Vec::new(), position: 0, number: 0, at_end: false, consumed: 0 }
    }

    fn next(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        loop {
            let rest = self.buffer.get(self.position..).unwrap_or_default();
            let end = rest.iter().position(|byte| *byte == b'\n');
            if end.is_none() && !self.at_end {
                if rest.len() > MAX_LINE {
                    return Err(io::Error::other(format!(
                        "line {} is longer than {MAX_LINE} bytes; are these JSON lines?",
                        self.number + 1
                    )));
                }
                self.buffer.drain(..self.position);
                self.position = 0;
                let read = self.text.read_into(&mut self.buffer)?;
                self.consumed += read as u64;
                self.at_end = read == 0;
                continue;
            }
            if rest.is_empty() {
                return Ok(None);
            }
            let line = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().trim_ascii().to_vec();
            self.position += end.map_or(rest.len(), |end| end + 1);
            self.number += 1;
            if !line.is_empty() {
                return Ok(Some((self.number, line)));
            }
        }
    }
}

/// The columns that a line fills.
fn cells(line: &[u8]) -> Result<Vec<(String, String)>, String> {
    match serde_json::from_slice(line) {
        Ok(Value::Object(object)) => Ok(flat(object, false)),
        Ok(_) => Err("expected a JSON object, as in {\"email\":\"a@example.com\"}".to_owned()),
        Err(error) => Err(format!("is no JSON object: {error}")),
    }
}

fn flat(object: Map<String, Value>, of_person: bool) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (name, value) in object {
        match (name.as_str(), value) {
            ("person", Value::Object(person)) => found.extend(flat(person, true)),
            ("properties", Value::Object(properties)) => {
                found.extend(properties.into_iter().map(|(name, value)| (format!("property.{name}"), text(value, true))));
            }
            ("external_id" | "id", value) if of_person => found.push((format!("person_{name}"), text(value, false))),
            (_, value) => found.push((name, text(value, false))),
        }
    }
    found
}

fn text(value: Value, is_property: bool) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) if is_property => cell::write_value(&text).into_owned(),
        Value::String(text) => cell::write(&text).into_owned(),
        Value::Number(number) => number.as_f64().filter(|_| is_property).map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::detect;

    #[test]
    fn every_key_is_a_column_and_a_bad_line_says_why() {
        let text = "{\"id\":\"r1\",\"score\":9,\"person\":{\"email\":\"a@x\",\"external_id\":\"c1\",\"properties\":{\"zip\":\"007\",\"n\":3.0}}}\n\n\
             {\"score\":null,\"comment\":\"=1+1\",\"answers\":{\"why\":[\"price\"]},\"ok\":true}\r\n[1]\n{\"score\":\n";
        let source = Source::Bytes(text.as_bytes().into());
        let (mut lines, header) = Lines::open(&source, detect(&source, None).unwrap()).unwrap();
        let names: Vec<&str> = header.names().map(|(_, name)| name).collect();
        assert_eq!(names, ["id", "email", "person_external_id", "property.n", "property.zip", "score", "answers", "comment", "ok"]);
        let mut row = |line: u64, cells: &[&str]| {
            assert_eq!(lines.advance().unwrap(), Next::Row);
            let found: Vec<String> = lines.record().iter().map(|cell| String::from_utf8_lossy(cell).into_owned()).collect();
            assert_eq!((lines.record().line, found), (line, cells.iter().map(|cell| (*cell).to_owned()).collect()));
        };
        row(1, &["r1", "a@x", "c1", "3", "'007", "9", "", "", ""]);
        row(3, &["", "", "", "", "", "", "{\"why\":[\"price\"]}", "'=1+1", "true"]);
        for line in [4, 5] {
            assert!(matches!(lines.advance().unwrap(), Next::Broken { line: found, .. } if found == line));
        }
        assert_eq!(lines.advance().unwrap(), Next::End);
    }
}
