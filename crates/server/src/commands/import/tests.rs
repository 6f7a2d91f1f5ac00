//! Whole imports into a real database.

use std::path::Path;

use clap::Parser;

use super::{
    rejects::Taken,
    responses::{self, import_file},
};
use crate::config::Config;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: responses::Args,
}

/// Imports these bytes as a file with these arguments.
async fn import(dir: &Path, bytes: &[u8], arguments: &[&str]) -> Result<Taken, String> {
    let file = dir.join("answers.csv");
    std::fs::write(&file, bytes).unwrap();
    let line = [&["import", file.to_str().unwrap(), "--survey", "nps"], arguments].concat();
    let Line { args } = Line::try_parse_from(line).unwrap();
    let config = Config::demo(&dir.join("data"), "127.0.0.1:1".parse().unwrap()).unwrap();
    import_file(&args, &config).await.map_err(|error| format!("{error:#}"))
}

fn counts(summary: &Taken) -> (u64, u64, u64) {
    (summary.imported, summary.unchanged, summary.rejected)
}

fn reasons(summary: &Taken) -> Vec<String> {
    summary.rejects.iter().map(|reject| format!("{} {} {}", reject.row, reject.column, reject.reason)).collect()
}

const MAP: [&str; 2] = ["--map", "external_id=id,score=nps,comment=why,email=mail"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn good_rows_go_in_bad_rows_say_why_and_nothing_doubles() {
    let dir = tempfile::tempdir().unwrap();
    let text = "id,nps,why,mail\n1,9,\"fine, thanks\",a@x.lt\n2,NA,,\n3,12,,\n4,7,,nobody\n5,8,two,e@x.lt,more\n6,6,\"open,b@x.lt\n7,10,\"line\nbreak\",c@x.lt\n8,3,\x01odd\u{82},d@x.lt\n9,4.5,,\n,4,,\n";
    let first = import(dir.path(), text.as_bytes(), &MAP).await.unwrap();
    assert_eq!(counts(&first), (3, 0, 7), "{first:#?}");
    let expected = [
        "3 nps score: missing",
        "4 nps score: must be a whole number from 0 to 10, got 12",
        "5 mail email:",
        "6  has 5 columns, but the header has 4",
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spreadsheets_and_survey_tools_are_read_as_they_mean_it() {
    let dir = tempfile::tempdir().unwrap();
    let (baltic, ..) = encoding_rs::WINDOWS_1257.encode("ID,Score,Mail,Name\r\nw1,9,w1@x.example,Živilė Ąžuolė\r\n");
    let wide: Vec<u8> = "ID\tScore\tMail\r\nv1\t9\tv1@x.example\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let map = ["--map", "external_id=ID,score=Score,email=Mail"];
    let qualtrics = "StartDate,ID,Score\nStart Date,Response ID,How likely?\n\
         \"{\"\"ImportId\"\":\"\"startDate\"\"}\",\"{\"\"ImportId\"\":\"\"_recordId\"\"}\",\"{\"\"ImportId\"\":\"\"QID1\"\"}\"\n2026-04-01 10:00:00,R_1,9\n";
    for (bytes, arguments, name) in [
        (b"ID,Score,Mail,Why,Tag\r\ns1,9,s1@x.example\r\n".as_slice(), &map[..], "cells left out at the end"),
        (b"ID,Score,Mail\r\nt1,9,t1@x.example,\r\n,,\r\n", &map, "a delimiter too many, a row of nothing"),
        (b"sep=;\r\nID;Score;Mail\r\nu1;9;u1@x.example\r\n", &map, "sep="),
        (&wide, &map, "UTF-16 without a mark"),
        (&baltic, &map, "Windows-1257"),
        (qualtrics.as_bytes(), &["--map", "external_id=ID,score=Score"], "three header rows"),
        (
            b"Respondent ID,Collector ID,How likely?,Mail\n,,Response,\n11,4,9,x@x.example\n".as_slice(),
            &["--map", "external_id=Respondent ID,score=Response,email=Mail"],
            "two header rows",
        ),
        (b"{\"external_id\":\"j1\",\"score\":9,\"person\":{\"email\":\"j@x.example\"}}\n", &[], "JSON lines"),
    ] {
        let done = import(dir.path(), bytes, arguments).await;
        assert_eq!(done.as_ref().map(counts), Ok((1, 0, 0)), "{name}: {done:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_another_survey_goes_there_or_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    let rows = b"external_id,score,survey\na,9,nps\nb,5,csat\nc,5,delivery\nd,7,\n";
    for arguments in [&[][..], &["--map", "external_id=external_id,score=score"]] {
        let done = import(dir.path(), rows, arguments).await.unwrap();
        assert_eq!(done.imported + done.unchanged, 3);
        assert!(reasons(&done)[0].starts_with("4 survey survey: there is no published survey `delivery`"), "{done:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let meant_otherwise =
        import(dir.path(), rows, &["--map", "external_id=external_id,score=score,property.shop=survey", "--dry-run"]).await.unwrap();
    assert_eq!(counts(&meant_otherwise), (4, 0, 0), "all of them are answers to --survey");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_counts_as_the_real_one() {
    let dir = tempfile::tempdir().unwrap();
    let first = b"external_id,score,email\nz1,9,z1@x.example\nz2,3,z2@x.example\nz2,3,z2@x.example\nz2,4,z2@x.example\n,3,\n";
    let changed = b"external_id,score,email\nz1,4,z1@x.example\nz3,9,\n";
    for file in [first.as_slice(), first, changed, changed] {
        let dry = import(dir.path(), file, &["--dry-run"]).await.unwrap();
        let real = import(dir.path(), file, &[]).await.unwrap();
        assert_eq!(counts(&dry), counts(&real));
    }
}
