//! The whole database as one file, and back into an empty database of either kind.
//!
//! Owns: the format. It is text, one JSON value a line: a header; for each table its shape and then its rows; at the end
//! the number of rows and the SHA-256 of all lines before. What must stay true: the rows are of one moment, whatever is
//! written meanwhile; a file that was cut or changed is refused before anything is stored; a restored database sends
//! nothing until somebody says so. Refuses to know: files and disks.

use std::io::{self, BufRead, Write};

use chrono::{DateTime, SecondsFormat, Utc};
use hearback_store::{
    Db, StoreError,
    backup::{self, Shape},
    time::millis,
    workspaces,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Format of the file.
const FORMAT: u32 = 1;
/// Rows that are stored together.
const BATCH: usize = 500;
/// And at most this much text of them.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// Why a backup was not made or not restored. Nothing was stored.
#[derive(Debug, Error)]
pub enum BackupError {
    /// The file can't be written or read.
    #[error("the backup file: {0}")]
    File(#[from] io::Error),
    /// The file is no whole backup.
    #[error("the file is not a whole backup: {0}; take another one")]
    Broken(String),
    /// It was made by another version.
    #[error("the backup was made by version {theirs} with another schema; restore it with that version, then upgrade")]
    OtherVersion {
        /// Which.
        theirs: String,
    },
    /// There is something in the database already.
    #[error("the database is not empty, its table {0} has rows; a backup is restored only into an empty one")]
    NotEmpty(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What was written or restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Tables.
    pub tables: usize,
    /// Rows of all of them.
    pub rows: u64,
    /// When the backup was made.
    pub made_at: String,
    /// Id of the secret key that its secrets need; nothing where it was not known.
    #[serde(skip)]
    pub secret_key: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Header {
    hearback_backup: u32,
    version: String,
    schema: Vec<String>,
    made_at: String,
    /// Id of the secret key that sealed what is sealed; nothing where it was not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    secret_key: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
struct End {
    rows: u64,
    sha256: String,
}

/// What a line is.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Line {
    Header(Header),
    Table(Shape),
    End(End),
}

/// Writes all rows as they are at one moment; `seen` is told of each row.
pub async fn write(
    db: &Db,
    now: DateTime<Utc>,
    secret_key: Option<String>,
    out: impl Write,
    seen: impl Fn(),
) -> Result<Summary, BackupError> {
    let snapshot = db.snapshot().await?;
    let shapes = backup::shapes(&*snapshot).await?;
    let made_at = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    let header = Header {
        hearback_backup: FORMAT,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        schema: Db::schema(),
        made_at: made_at.clone(),
        secret_key: secret_key.clone(),
    };
    let mut out = Hashing { out, hash: Sha256::new() };
    out.line(&json(&Line::Header(header))?)?;
    let (tables, mut rows) = (shapes.len(), 0);
    for shape in shapes {
        out.line(&json(&Line::Table(shape.clone()))?)?;
        backup::each_row(&snapshot, &shape, |row| -> Result<(), BackupError> {
            rows += 1;
            seen();
            Ok(out.line(row)?)
        })
        .await?;
    }
    let end = End { rows, sha256: hex(out.hash.clone()) };
    out.line(&json(&Line::End(end))?)?;
    out.out.flush()?;
    Ok(Summary { tables, rows, made_at, secret_key })
}

/// Reads the whole file and says whether it is one; nothing else is done.
pub fn verify(file: impl BufRead) -> Result<Summary, BackupError> {
    let mut hash = Sha256::new();
    let (mut header, mut tables, mut rows) = (None, 0, 0);
    for line in file.lines() {
        let line = line?;
        if !line.starts_with('[') {
            match (read(&line)?, &header) {
                (Line::Header(found), None) => header = Some(check(found)?),
                (Line::Table(_), Some(_)) => tables += 1,
                (Line::End(end), Some(Header { made_at, secret_key, .. })) if end.rows == rows && end.sha256 == hex(hash.clone()) => {
                    return Ok(Summary { tables, rows, made_at: made_at.clone(), secret_key: secret_key.clone() });
                }
                (Line::End(_), _) => return Err(BackupError::Broken("its checksum does not fit".to_owned())),
                _ => return Err(BackupError::Broken("its lines are not in order".to_owned())),
            }
        } else if header.is_some() {
            rows += 1;
        }
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    Err(BackupError::Broken("its end is missing".to_owned()))
}

fn check(header: Header) -> Result<Header, BackupError> {
    if header.hearback_backup == FORMAT && header.schema == Db::schema() {
        return Ok(header);
    }
    Err(BackupError::OtherVersion { theirs: header.version })
}

/// Stores all rows of a file that [`verify`] found whole, in one transaction, and holds sending. The database must have
/// its schema and nothing else.
pub async fn restore(db: &Db, now: DateTime<Utc>, file: impl BufRead, seen: impl Fn(u64)) -> Result<(), BackupError> {
    let tx = db.write().await?;
    let shapes = backup::shapes(&*tx).await?;
    if let Some(table) = backup::first_filled(&*tx, &shapes).await? {
        return Err(BackupError::NotEmpty(table));
    }
    let (mut current, mut batch, mut bytes, mut made_at) = (None, Vec::with_capacity(BATCH), 0, String::new());
    for line in file.lines() {
        let line = line?;
        let is_row = line.starts_with('[');
        if (!is_row || batch.len() >= BATCH || bytes >= BATCH_BYTES)
            && let Some(shape) = &current
            && !batch.is_empty()
        {
            backup::put(&tx, shape, &batch).await?;
            seen(batch.len() as u64);
            (batch, bytes) = (Vec::with_capacity(BATCH), 0);
        }
        if is_row {
            bytes += line.len();
            batch.push(line);
            continue;
        }
        match read(&line)? {
            Line::Header(header) => made_at = header.made_at,
            Line::Table(shape) => current = Some(known(&shapes, shape)?),
            Line::End(_) => break,
        }
    }
    backup::end_claims(&tx).await?;
    let why = format!("this database was restored from the backup of {made_at}: what waits may have been sent already");
    workspaces::hold_all_sending(&tx, millis(now), &why).await?;
    tx.commit().await?;
    Ok(db.refresh_statistics().await?)
}

/// The shape as the file has it, if the database has these columns.
fn known(shapes: &[Shape], shape: Shape) -> Result<Shape, BackupError> {
    let ours = shapes.iter().find(|ours| ours.table == shape.table);
    match ours {
        Some(ours) if shape.columns.iter().all(|column| ours.columns.contains(column)) => Ok(shape),
        _ => Err(BackupError::Broken(format!("its table {} is not what this version has", shape.table))),
    }
}

fn read(line: &str) -> Result<Line, BackupError> {
    serde_json::from_str(line).map_err(|_| BackupError::Broken("a line is neither a row nor a table".to_owned()))
}

fn json(line: &Line) -> Result<String, BackupError> {
    serde_json::to_string(line).map_err(|error| BackupError::Broken(error.to_string()))
}

fn hex(hash: Sha256) -> String {
    use std::fmt::Write as _;
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Counts what is written into the checksum.
struct Hashing<W: Write> {
    out: W,
    hash: Sha256,
}

impl<W: Write> Hashing<W> {
    fn line(&mut self, line: &str) -> io::Result<()> {
        self.hash.update(line.as_bytes());
        self.hash.update(b"\n");
        self.out.write_all(line.as_bytes())?;
        self.out.write_all(b"\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn empty(folder: &std::path::Path, name: &str) -> Db {
        let db = Db::connect(&format!("sqlite://{}", folder.join(name).display()), 2).await.unwrap();
        db.migrate().await.unwrap();
        db
    }

    #[tokio::test]
    async fn a_file_that_was_cut_or_changed_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let db = empty(folder.path(), "a.db").await;
        let mut whole = Vec::new();
        let written = write(&db, DateTime::UNIX_EPOCH, Some("0a1b2c3d".to_owned()), &mut whole, || ()).await.unwrap();
        assert_eq!(verify(whole.as_slice()).unwrap(), written);
        let text = String::from_utf8(whole).unwrap();
        let without_end = text.trim_end().rsplit_once('\n').unwrap().0;
        assert!(verify(without_end.as_bytes()).unwrap_err().to_string().contains("its end is missing"));
        let changed = text.replacen("persons", "personz", 1);
        assert!(verify(changed.as_bytes()).unwrap_err().to_string().contains("checksum"));
        let other = text.replacen(env!("CARGO_PKG_VERSION"), "99.0", 1).replacen("m0001", "m0002", 1);
        assert!(verify(other.as_bytes()).unwrap_err().to_string().contains("version 99.0"));
        for no_backup in ["", "\n", "hello", "{}", "[1]\n"] {
            assert!(verify(no_backup.as_bytes()).is_err(), "{no_backup}");
        }
    }

    #[tokio::test]
    async fn a_file_can_not_name_what_the_database_does_not_have() {
        let folder = tempfile::tempdir().unwrap();
        let db = empty(folder.path(), "a.db").await;
        let table = r#"{"table":"persons; DROP TABLE persons","columns":[["id","uuid"]]}"#;
        let refused = restore(&db, DateTime::UNIX_EPOCH, table.as_bytes(), |_| ()).await.unwrap_err();
        assert!(matches!(refused, BackupError::Broken(_)), "{refused}");
    }
}
