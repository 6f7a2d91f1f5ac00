//! Whole imports into a real database.

use std::path::Path;

use clap::Parser;

use super::responses::{self, Summary, import_file};
use crate::config::Config;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: responses::Args,
}

/// Imports these bytes as a file with these arguments.
async fn import(dir: &Path, bytes: &[u8], arguments: &[&str]) -> Result<Summary, String> {
    let file = dir.join("answers.csv");
    std::fs::write(&file, bytes).unwrap();
    let line = [&["import", file.to_str().unwrap(), "--survey", "nps"], arguments].concat();
    let Line { args } = Line::try_parse_from(line).unwrap();
    let config = Config::demo(&dir.join("data"), "127.0.0.1:1".parse().unwrap()).unwrap();
    import_file(&args, &config).await.map_err(|error| format!("{error:#}"))
}

fn counts(summary: &Summary) -> (u64, u64, u64) {
    (summary.imported, summary.unchanged, summary.rejected)
}

fn reasons(summary: &Summary) -> Vec<String> {
    summary.rejects.iter().map(|reject| format!("{} {} {}", reject.row, reject.column, reject.reason)).collect()
}

const MAP: [&str; 2] = ["--map", "external_id=id,score=nps,comment=why,email=mail"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_rows_go_in_bad_rows_say_why_and_nothing_doubles() {
    let dir = tempfile::tempdir().unwrap();
    let text = "id,nps,why,mail\n1,9,\"fine, thanks\",a@x.lt\n2,NA,,\n3,12,,\n4,7,,nobody\n5,8,two\n6,6,\"open,b@x.lt\n7,10,\"line\nbreak\",c@x.lt\n8,3,\x01odd\u{82},d@x.lt\n9,4.5,,\n,4,,\n";
    let first = import(dir.path(), text.as_bytes(), &MAP).await.unwrap();
    assert_eq!(counts(&first), (3, 0, 7), "{first:#?}");
    let expected = [
        "3 nps score: missing",
        "4 nps score: must be a whole number from 0 to 10, got 12",
        "5 mail email:",
        "6  has 3 columns, but the header has 4",
        "7  a quote opens in line 7 and is not closed",
        "11 nps score: must be a whole number",
        "12 id external_id: missing",
    ];
    let reasons = reasons(&first);
    assert!(reasons.len() == expected.len() && reasons.iter().zip(expected).all(|(got, wanted)| got.starts_with(wanted)), "{reasons:#?}");
    let again = import(dir.path(), text.as_bytes(), &MAP).await.unwrap();
    assert_eq!(counts(&again), (0, 3, 7));
    let changed = import(dir.path(), text.replace("\n8,3,", "\n8,4,").as_bytes(), &MAP).await.unwrap();
    assert_eq!(counts(&changed), (0, 2, 8), "another answer under a known id is not taken silently");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_as_spreadsheets_write_them_are_understood() {
    let dir = tempfile::tempdir().unwrap();
    let utf16: Vec<u8> = "\u{FEFF}id\tnps\nu1\t9\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, arguments, name) in [
        ("\u{FEFF}id;nps\nb1;9\n".as_bytes(), &["--map", "external_id=id,score=nps"][..], "byte order mark, semicolons"),
        (utf16.as_slice(), &["--map", "external_id=id,score=nps"], "UTF-16, tabs"),
        (b"id|nps\rc1|9\r", &["--map", "external_id=id,score=nps"], "bars, carriage returns"),
        (b"id,nps,why\nd1,9,\xE0\xFE\n", &["--map", "external_id=id,score=nps,comment=why", "--encoding", "windows-1257"], "Windows-1257"),
        (b",nps,nps\ne1,9,2\n", &["--map", "external_id=1,score=2"], "columns by number"),
        (b"ID,NPS,Date\nf1,9,01/09/21\n", &["--map", "external_id=ID,score=NPS,responded_at=Date", "--date-format", "%d/%m/%y"], "dates"),
        (b"ID,NPS\ng1,9\n", &["--map", "external_id=ID,score=NPS", "--email-template", "{ID}@x.example"], "made-up addresses"),
    ] {
        let done = import(dir.path(), bytes, arguments).await;
        assert_eq!(done.as_ref().map(counts), Ok((1, 0, 0)), "{name}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_use_is_explained_before_anything_is_stored() {
    let dir = tempfile::tempdir().unwrap();
    let nps = "id,nps,nps\n1,2,3\n".as_bytes();
    for (bytes, arguments, expected) in [
        (nps, &["--map", "score=nps"][..], "columns 2 and 3 are both called `nps`"),
        (nps, &["--map", "external_id=id"], "score=COLUMN"),
        (nps, &["--map", "score=2", "--encoding", "morse"], "no encoding `morse`"),
        (nps, &["--map", "score=2", "--email-template", "{mail}@x"], "no column `mail`"),
        (b"", &["--map", "score=1"], "is empty"),
    ] {
        let error = import(dir.path(), bytes, arguments).await.unwrap_err();
        assert!(error.contains(expected), "{arguments:?}: {error}");
    }
    assert!(!dir.path().join("data").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_checks_and_rows_without_ids_are_known_by_their_place() {
    let dir = tempfile::tempdir().unwrap();
    let rows = b"nps\n9\n9\n11\n";
    let dry = import(dir.path(), rows, &["--map", "score=nps", "--dry-run"]).await.unwrap();
    assert_eq!(counts(&dry), (2, 0, 1));
    let first = import(dir.path(), rows, &["--map", "score=nps"]).await.unwrap();
    assert_eq!(counts(&first), (2, 0, 1), "equal rows are two answers");
    let again = import(dir.path(), rows, &["--map", "score=nps"]).await.unwrap();
    assert_eq!(counts(&again), (0, 2, 1));
}
