//! Tables as other programs write them: CSV of any delimiter and encoding, one or more header rows, JSON lines.
//!
//! Owns: from bytes to rows of cells with the names of their columns, and cells that no spreadsheet runs. Refuses to know what a
//! column means.

pub mod cell;
mod encoding;
mod header;
mod language;
mod lines;
mod records;
mod shape;
mod source;
mod table;

pub use header::Header;
pub use records::{Next, Record};
pub use source::Source;
pub use table::{Rows, Table, TableError};
