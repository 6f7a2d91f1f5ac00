//! A CSV file that is ready to be read: its encoding, delimiter and header are known.

use std::{io, path::Path};

use anyhow::Context as _;
use encoding_rs::Encoding;

use super::{
    encoding::{Text, detect},
    mapping::Header,
    records::{Next, Records, sniff},
};
use crate::output::{complain, usage};

/// How much is looked at to find the delimiter.
const START: usize = 64 * 1024;

/// A file with its header read.
pub struct Table {
    /// Behind the header.
    pub records: Records,
    /// The names of the columns.
    pub header: Header,
    /// Size of the file in bytes.
    pub size: u64,
}

impl Table {
    /// Opens a file; `encoding` as named by the user, if at all.
    pub fn open(path: &Path, encoding: Option<&str>) -> anyhow::Result<Self> {
        let named = encoding.map(named).transpose()?;
        let reading = || format!("can't read `{}`; give the path of a CSV file", path.display());
        let size = std::fs::metadata(path).with_context(reading)?.len();
        let detected = detect(path, named).with_context(reading)?;
        if detected.guessed {
            complain(&format!("the file is not UTF-8: it is read as {}; --encoding NAME reads it otherwise", detected.encoding.name()));
        }
        let delimiter = sniff(&start(Text::open(path, detected)?)?);
        let mut records = Records::new(Text::open(path, detected)?, delimiter);
        match records.advance().with_context(reading)? {
            Next::Row => {}
            Next::OpenQuote { line } => {
                return Err(usage(format!("the header has a quote in line {line} that is not closed; correct the file")));
            }
            Next::End => return Err(usage(format!("`{}` is empty; the first row must name the columns", path.display()))),
        }
        let header = Header(records.record().iter().map(|name| String::from_utf8_lossy(name).trim().to_owned()).collect());
        Ok(Self { records, header, size })
    }
}

fn named(name: &str) -> anyhow::Result<&'static Encoding> {
    Encoding::for_label(name.as_bytes()).ok_or_else(|| {
        usage(format!("--encoding: there is no encoding `{name}`; for instance utf-8, utf-16le, windows-1252, windows-1257"))
    })
}

fn start(mut text: Text) -> io::Result<Vec<u8>> {
    let mut start = Vec::new();
    while start.len() < START && text.read_into(&mut start)? > 0 {}
    Ok(start)
}
