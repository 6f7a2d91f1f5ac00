//! Rows as CSV that a spreadsheet can open without harm: customers write the cells, so none may become a formula.

use std::io::{self, Write};

use csv::{QuoteStyle, Writer, WriterBuilder};
use hearback_store::export::{Cell, Export, Row};
use hearback_tables::cell as safe;
use serde_json::{Map, Value};

use super::super::times::time_text;

/// A CSV file with a header. Free properties have a column each, `property.NAME`.
pub struct Sheet<W: Write> {
    out: Writer<W>,
    export: Export,
    properties: Vec<String>,
}

impl<W: Write> Sheet<W> {
    /// A sheet in which these properties have a column.
    pub fn new(out: W, export: Export, properties: Vec<String>) -> Self {
        Self { out: WriterBuilder::new().quote_style(QuoteStyle::NonNumeric).from_writer(out), export, properties }
    }

    /// Names of the columns.
    pub fn header(&mut self) -> io::Result<()> {
        let fixed =
            self.export.columns().iter().map(|column| column.0).filter(|name| !self.export.has_properties() || *name != "properties");
        let names = fixed.map(str::to_owned).chain(self.properties.iter().map(|name| format!("property.{name}")));
        Ok(self.out.write_record(names.map(|name| safe::write(&name).into_owned()))?)
    }

    /// One row.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        for (column, cell) in self.export.columns().iter().zip(&row.cells) {
            match cell {
                Cell::Json(json) if column.0 == "properties" => {
                    let properties: Map<String, Value> = serde_json::from_str(json).unwrap_or_default();
                    for name in &self.properties {
                        self.out.write_field(properties.get(name).map(property).unwrap_or_default())?;
                    }
                }
                cell => self.out.write_field(text(cell))?,
            }
        }
        Ok(self.out.write_record(None::<&[u8]>)?)
    }

    /// Everything is written.
    pub fn end(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

fn text(cell: &Cell) -> String {
    match cell {
        Cell::Empty => String::new(),
        Cell::Id(id) => id.to_string(),
        Cell::Number(number) => number.to_string(),
        Cell::Time(at) => time_text(*at),
        Cell::Flag(flag) => flag.to_string(),
        Cell::Text(text) | Cell::Json(text) => safe::write(text).into_owned(),
    }
}

/// A number as the import reads it back: 3, not 3.0.
fn property(value: &Value) -> String {
    match value {
        Value::String(text) => safe::write_value(text).into_owned(),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
