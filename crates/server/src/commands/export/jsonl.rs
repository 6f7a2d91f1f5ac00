//! Rows as one JSON object a line, every value as it is stored.

use std::io::{self, Write};

use hearback_store::export::{Cell, Export, Row};
use serde::Serializer as _;
use serde_json::{Serializer, Value};

use super::super::times::time_text;

/// One object a line.
pub struct Lines<W: Write> {
    out: W,
    export: Export,
}

impl<W: Write> Lines<W> {
    /// No line yet.
    pub const fn new(out: W, export: Export) -> Self {
        Self { out, export }
    }

    /// One row.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        let cells = self.export.columns().iter().zip(&row.cells);
        Serializer::new(&mut self.out).collect_map(cells.map(|(column, cell)| (column.0, value(cell))))?;
        self.out.write_all(b"\n")
    }

    /// Everything is written.
    pub fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn value(cell: &Cell) -> Value {
    match cell {
        Cell::Empty => Value::Null,
        Cell::Id(id) => id.to_string().into(),
        Cell::Text(text) => text.as_str().into(),
        Cell::Number(number) => (*number).into(),
        Cell::Time(at) => time_text(*at).into(),
        Cell::Flag(flag) => (*flag).into(),
        Cell::Json(json) => serde_json::from_str(json).unwrap_or(Value::Null),
    }
}
