//! Long files in which one row in a hundred is bad or odd, imported by a process that is killed in the middle: each good row is there once,
//! each bad one is told with its row, column and reason, and memory does not grow with the file.

use std::{collections::BTreeSet, path::Path};

use hearback_store::{Db, EntityTrait as _, persons, responses};
use hearback_tests::{
    database::{EVERY, Fresh, Kind},
    process::Setup,
};
use serde_json::Value;

/// Rows of the shorter file; the longer one has four times as many.
const ROWS: usize = 6_000;
/// How much more memory the longer file may take, and how much any file, in KiB.
const MORE: u64 = 24 * 1024;
const MOST: u64 = 256 * 1024;

/// What a file tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Answers,
    People,
}

/// A file and what is to come of it.
#[derive(Default)]
struct Sheet {
    bytes: Vec<u8>,
    /// Ids of the rows that can be taken.
    good: BTreeSet<String>,
    /// Row, column, and what the reason has in it, of the others.
    bad: Vec<(u64, &'static str, String)>,
}

impl What {
    const fn header(self) -> &'static str {
        match self {
            Self::Answers => "id,score,comment,email\n",
            Self::People => "id,locale,name,email\n",
        }
    }

    const fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Answers => &["responses", "--survey", "nps", "--map", "external_id=id,score=score,comment=comment,email=email"],
            Self::People => &["people", "--map", "external_id=id,locale=locale,name=name,email=email"],
        }
    }

    /// A row; the second cell is a score or a language, the third words of a customer.
    fn row(self, n: usize) -> [Vec<u8>; 4] {
        let second = if self == Self::Answers { (n % 11).to_string() } else { "lt".to_owned() };
        [format!("r{n}"), second, format!("\"Ačiū, Živile {n}\""), format!("person{n}@example.com")].map(String::into_bytes)
    }

    fn sheet(self, rows: usize) -> Sheet {
        let mut sheet = Sheet { bytes: self.header().as_bytes().to_vec(), ..Sheet::default() };
        for n in 0..rows {
            let (mut cells, line) = (self.row(n), n as u64 + 2);
            let fault = if n % 100 == 50 { self.spoil(&mut cells, n, n / 100 % 7) } else { None };
            match fault {
                None => drop(sheet.good.insert(format!("r{n}"))),
                Some((column, reason)) => sheet.bad.push((line, column, reason.replace("LINE", &line.to_string()))),
            }
            sheet.bytes.extend(cells.join(&b','));
            sheet.bytes.push(b'\n');
        }
        sheet
    }

    /// Makes a row bad in one of the ways in which rows are; what is to be told of it: `None` where it is odd and can be taken.
    fn spoil(self, cells: &mut [Vec<u8>; 4], n: usize, way: usize) -> Option<(&'static str, &'static str)> {
        let [id, second, words, email] = cells;
        match (way, self) {
            (0, _) => {
                *email = b"nobody".to_vec();
                Some(("email", "email: "))
            }
            (1, Self::Answers) => {
                // The id of the row before, with another score.
                *id = format!("r{}", n - 1).into_bytes();
                Some(("id", "external_id"))
            }
            (1, Self::People) => {
                *second = b"no language".to_vec();
                Some(("locale", "locale: must be a language tag"))
            }
            (2, _) => {
                email.extend(b",more,and more");
                Some(("", "has 6 columns, but the header has 4"))
            }
            (3, Self::Answers) => {
                second.push(0);
                Some(("score", "score: must be a whole number"))
            }
            (4, _) => {
                words.splice(1..1, *b"\xFF\xFE");
                Some((if self == Self::Answers { "comment" } else { "name" }, "is not valid UTF-8"))
            }
            (5, _) => {
                words.pop();
                Some(("", "a quote opens in line LINE and is not closed"))
            }
            // A sign that nobody sees is not kept.
            _ => {
                words.insert(words.len() - 1, 0);
                None
            }
        }
    }

    /// Ids of what is stored, each as often as it is.
    async fn stored(self, db: &Db) -> Vec<String> {
        match self {
            Self::Answers => {
                responses::Entity::find().all(db.read()).await.unwrap().into_iter().filter_map(|row| row.external_id).collect()
            }
            Self::People => persons::Entity::find().all(db.read()).await.unwrap().into_iter().filter_map(|row| row.external_id).collect(),
        }
    }

    async fn words(self, db: &Db) -> Vec<String> {
        match self {
            Self::Answers => responses::Entity::find().all(db.read()).await.unwrap().into_iter().filter_map(|row| row.comment).collect(),
            Self::People => persons::Entity::find().all(db.read()).await.unwrap().into_iter().filter_map(|row| row.name).collect(),
        }
    }
}

struct House {
    database: Fresh,
    setup: Setup,
    db: Db,
}

impl House {
    async fn make(kind: Kind) -> Self {
        let database = Fresh::make(kind).await;
        let mail = format!("file://{}", database.folder.path().join("mail").display());
        let setup = Setup::new(&database.url, database.folder.path(), &mail);
        let db = database.open().await;
        Self { database, setup, db }
    }

    async fn end(self) {
        assert_eq!(self.setup.fsck().await, "");
        self.db.close().await.unwrap();
        self.database.remove().await;
    }
}

/// Imports the file to its end: how many rows were new, unchanged and rejected, and the most memory that it took.
async fn import(house: &House, what: What, file: &str, rejects: &str) -> ([u64; 3], u64) {
    let arguments = [&["import"], what.arguments(), &["--json", "--rejects", rejects, file]].concat();
    let (status, text, peak) = house.setup.run_measured(&arguments).await;
    assert!(status.success(), "{text}");
    let taken: Value = serde_json::from_str(&text).unwrap();
    (["imported", "unchanged", "rejected"].map(|count| taken[count].as_u64().unwrap()), peak)
}

/// The rejected rows as the report has them.
fn told(report: &Path) -> Vec<(u64, String, String)> {
    let mut rows = csv::Reader::from_path(report).unwrap();
    rows.records().map(|row| row.unwrap()).map(|row| (row[0].parse().unwrap(), row[1].to_owned(), row[3].to_owned())).collect()
}

async fn killed_and_run_again(kind: Kind, what: What) {
    let house = House::make(kind).await;
    let sheet = what.sheet(ROWS);
    let (file, report) = (house.database.folder.path().join("rows.csv"), house.database.folder.path().join("rejects.csv"));
    std::fs::write(&file, &sheet.bytes).unwrap();
    let (file, rejects) = (file.display().to_string(), report.display().to_string());
    let arguments = [&["import"], what.arguments(), &[file.as_str()]].concat();
    house.setup.kill_when(&arguments, async || what.stored(&house.db).await.len() >= ROWS / 6).await;
    let before = what.stored(&house.db).await.len();
    assert!(before < sheet.good.len(), "it was not killed in the middle");

    let good = sheet.good.len() as u64;
    let (taken, peak) = import(&house, what, &file, &rejects).await;
    assert_eq!(taken, [good - before as u64, before as u64, sheet.bad.len() as u64], "{what:?}, {kind:?}");
    let mut stored = what.stored(&house.db).await;
    stored.sort_unstable();
    assert_eq!(stored, sheet.good.iter().cloned().collect::<Vec<_>>(), "each good row once");
    assert!(
        what.words(&house.db).await.iter().all(|words| words.starts_with("Ačiū, Živile ") && !words.contains('\0')),
        "words as they were written"
    );
    let told = told(&report);
    assert_eq!(told.len(), sheet.bad.len());
    for ((row, column, reason), wanted) in told.iter().zip(&sheet.bad) {
        assert!((*row, column.as_str()) == (wanted.0, wanted.1) && reason.contains(&wanted.2), "{row}, {column}, {reason}: {wanted:?}");
    }
    let (again, _) = import(&house, what, &file, &rejects).await;
    assert_eq!(again, [0, good, sheet.bad.len() as u64]);
    house.end().await;

    let house = House::make(kind).await;
    let sheet = what.sheet(4 * ROWS);
    let file = house.database.folder.path().join("rows.csv");
    std::fs::write(&file, &sheet.bytes).unwrap();
    let (taken, peak_of_four) = import(&house, what, &file.display().to_string(), &rejects_in(&house)).await;
    assert_eq!(taken, [sheet.good.len() as u64, 0, sheet.bad.len() as u64]);
    eprintln!("{what:?}, {kind:?}: {peak} KiB for {ROWS} rows, {peak_of_four} KiB for four times as many");
    assert!(
        peak > 0 && peak_of_four < MOST && peak_of_four < peak + MORE,
        "{peak} KiB for {ROWS} rows, {peak_of_four} KiB for four times as many"
    );
    house.end().await;
}

fn rejects_in(house: &House) -> String {
    house.database.folder.path().join("rejects.csv").display().to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_imported_once_and_bad_rows_are_told() {
    for kind in EVERY {
        killed_and_run_again(*kind, What::Answers).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_imported_once_and_bad_rows_are_told() {
    for kind in EVERY {
        killed_and_run_again(*kind, What::People).await;
    }
}
