//! A fresh database for each test: an SQLite file, or a database of its own on a PostgreSQL server.
//!
//! With the feature `servers` the server is the one of the environment variable `HEARBACK_TEST_POSTGRES`
//! (`postgres://USER:PASSWORD@HOST:PORT/postgres`); a test that needs it fails when there is none.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test that has no database must fail loudly")]

use chrono::DateTime;
use hearback_core::id::RecordId;
use hearback_store::{ConnectionTrait, Db};
use tempfile::TempDir;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A file.
    Sqlite,
    /// A database on the server of `HEARBACK_TEST_POSTGRES`.
    Postgres,
}

/// What this build tests on: SQLite, and PostgreSQL with the feature `servers`.
pub const EVERY: &[Kind] = if cfg!(feature = "servers") { &[Kind::Sqlite, Kind::Postgres] } else { &[Kind::Sqlite] };

/// A database that nobody else knows. An SQLite file goes with the value; a PostgreSQL database goes with its server.
#[derive(Debug)]
pub struct Fresh {
    /// What the product connects to.
    pub url: String,
    /// Which database it is.
    pub kind: Kind,
    /// A folder for this test alone; the SQLite file is in it.
    pub folder: TempDir,
    name: String,
}

impl Fresh {
    /// Makes an empty database.
    pub async fn make(kind: Kind) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let name = format!("test_{}", RecordId::new(DateTime::UNIX_EPOCH).uuid().simple());
        let url = match kind {
            Kind::Sqlite => format!("sqlite://{}", folder.path().join("hearback.db").display()),
            Kind::Postgres => {
                run(&format!("CREATE DATABASE {name}")).await;
                let server = server();
                let (place, _) = server.rsplit_once('/').expect("HEARBACK_TEST_POSTGRES ends in the name of a database");
                format!("{place}/{name}")
            }
        };
        Self { url, kind, folder, name }
    }

    /// Connects, with the schema of this version.
    pub async fn open(&self) -> Db {
        let db = Db::connect(&self.url, 10).await.expect("the database that was just made");
        db.migrate().await.expect("the schema on an empty database");
        db
    }

    /// Takes the database away from the server, whoever is connected still. Takes longer than most tests: for those whose
    /// database grows.
    pub async fn remove(self) {
        if self.kind == Kind::Postgres {
            run(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
        }
    }
}

async fn run(sql: &str) {
    let server = Db::connect(&server(), 2).await.expect("the server of HEARBACK_TEST_POSTGRES; `./test.sh` starts one");
    server.read().execute_unprepared(sql).await.expect("a server on which databases may be made");
    server.close().await.expect("a connection that ends");
}

#[expect(clippy::disallowed_methods, reason = "the product never reads the environment outside its configuration; the tests have none")]
fn server() -> String {
    std::env::var("HEARBACK_TEST_POSTGRES").expect("HEARBACK_TEST_POSTGRES is not set: run ./test.sh, which starts a PostgreSQL server")
}
