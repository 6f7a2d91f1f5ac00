//! How a table is written down here: a name, columns with types, keys. One function per notion,
//! so that a migration reads like the schema it makes.

use sea_orm_migration::{prelude::*, sea_orm::DbBackend};

/// What a column holds.
#[derive(Clone, Copy)]
pub enum Kind {
    Uuid,
    Text,
    Int,
    Flag,
}

/// A table to be created.
pub struct Table {
    name: &'static str,
    create: TableCreateStatement,
    indexes: Vec<String>,
    clustered: bool,
}

impl Table {
    /// A table whose primary key is `workspace_id` and `key`. That its workspace exists follows from its parents; `fsck`
    /// looks at the rest.
    pub fn in_workspace(name: &'static str, key: &[(&'static str, Kind)]) -> Self {
        let mut table = Self::bare(name).required("workspace_id", Kind::Uuid);
        let mut primary = Index::create();
        primary.name(format!("pk_{name}")).col("workspace_id");
        for (column, kind) in key {
            table = table.required(column, *kind);
            primary.col(*column);
        }
        table.create.primary_key(&mut primary);
        table
    }

    /// A table with no columns yet.
    pub fn bare(name: &'static str) -> Self {
        Self { name, create: sea_orm_migration::prelude::Table::create().table(name).to_owned(), indexes: Vec::new(), clustered: true }
    }

    /// For large rows: SQLite keeps them apart from the primary key, which would otherwise spill over its pages.
    pub fn of_large_rows(mut self) -> Self {
        self.clustered = false;
        self
    }

    /// A column that is never null.
    pub fn required(mut self, name: &'static str, kind: Kind) -> Self {
        self.create.col(column(name, kind).not_null());
        self
    }

    /// Columns that are never null.
    pub fn all(self, kind: Kind, names: &[&'static str]) -> Self {
        names.iter().fold(self, |table, name| table.required(name, kind))
    }

    /// Columns that may be null.
    pub fn maybe(mut self, kind: Kind, names: &[&'static str]) -> Self {
        for name in names {
            self.create.col(column(name, kind).null());
        }
        self
    }

    /// A primary key for a table made by [`Table::bare`].
    pub fn primary(mut self, column: &'static str) -> Self {
        self.create.primary_key(Index::create().name(format!("pk_{}", self.name)).col(column));
        self
    }

    /// The columns point to a row of another table, in the same workspace.
    pub fn references(mut self, columns: &[&'static str], table: &'static str, target: &[&'static str]) -> Self {
        let mut key = ForeignKey::create();
        key.name(format!("fk_{}_{}", self.name, columns.join("_"))).from_tbl(self.name).to_tbl(table);
        for (from, to) in columns.iter().zip(target) {
            key.from_col(*from).to_col(*to);
        }
        self.create.foreign_key(&mut key);
        self
    }

    /// `column` points to a row of `table` in the same workspace.
    pub fn belongs(self, column: &'static str, table: &'static str) -> Self {
        self.references(&["workspace_id", column], table, &["workspace_id", "id"])
    }

    /// An index over `columns`, which may end in `DESC`; `unique` refuses a second row.
    pub fn index(self, unique: bool, columns: &str) -> Self {
        self.index_where(unique, columns, "")
    }

    /// A partial index.
    pub fn index_where(self, unique: bool, columns: &str, condition: &str) -> Self {
        let suffix: String = columns.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
        self.made(unique, &suffix, columns, condition)
    }

    /// A partial index over expressions, whose text would be too long a name.
    pub fn named_index(self, suffix: &str, columns: &str, condition: &str) -> Self {
        self.made(false, suffix, columns, condition)
    }

    fn made(mut self, unique: bool, suffix: &str, columns: &str, condition: &str) -> Self {
        let kind = if unique { "UNIQUE INDEX" } else { "INDEX" };
        let condition = if condition.is_empty() { String::new() } else { format!(" WHERE {condition}") };
        self.indexes.push(format!("CREATE {kind} ix_{}_{suffix} ON {} ({columns}){condition}", self.name, self.name));
        self
    }

    /// Makes it.
    pub async fn make(self, manager: &SchemaManager<'_>) -> Result<(), DbErr> {
        let mut create = self.create;
        if self.clustered && manager.get_database_backend() == DbBackend::Sqlite {
            // One b-tree a table instead of two: the rows live in the primary key.
            create.extra("WITHOUT ROWID");
        }
        manager.create_table(create).await?;
        for index in self.indexes {
            manager.get_connection().execute_unprepared(&index).await?;
        }
        Ok(())
    }
}

fn column(name: &'static str, kind: Kind) -> ColumnDef {
    let mut column = ColumnDef::new(name);
    match kind {
        Kind::Uuid => column.uuid(),
        Kind::Text => column.text(),
        Kind::Int => column.big_integer(),
        Kind::Flag => column.boolean(),
    };
    column
}

/// Adds columns that may be null to a table that is there already.
pub async fn add_columns(manager: &SchemaManager<'_>, table: &'static str, kind: Kind, names: &[&'static str]) -> Result<(), DbErr> {
    for name in names {
        let mut change = sea_orm_migration::prelude::Table::alter();
        manager.alter_table(change.table(table).add_column(column(name, kind).null()).to_owned()).await?;
    }
    Ok(())
}

/// PostgreSQL keeps no samples of these columns, which hold words or addresses of customers. It would keep the last ones when the table is
/// empty after somebody was erased (`ANALYZE` leaves an empty table alone), and plans nothing by them.
pub async fn keep_no_samples(manager: &SchemaManager<'_>, table: &str, columns: &[&str]) -> Result<(), DbErr> {
    for column in columns {
        on_postgres(manager, &format!("ALTER TABLE {table} ALTER COLUMN {column} SET STATISTICS 0")).await?;
    }
    Ok(())
}

/// Runs a statement that only PostgreSQL understands or needs.
pub async fn on_postgres(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}

/// Tells SQLite what the tables will be like: a million rows in one workspace, few of one case or person. Without that it believes
/// that a workspace has ten rows, and reads all of them, in the order of the primary key, where an index would have found three.
/// (PostgreSQL looks for itself, see `Db::grew` in the store.)
pub async fn expect_growth(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    const EXPECTED: &str = "INSERT INTO sqlite_stat1 (tbl, idx, stat) \
         SELECT t.name, CASE WHEN t.wr = 1 AND i.origin = 'pk' THEN t.name ELSE i.name END, \
           (CASE WHEN i.partial THEN 10000 ELSE 1000000 END) || (SELECT group_concat(' ' || CASE \
             WHEN c.seqno = 0 AND c.name = 'workspace_id' THEN CASE WHEN i.partial THEN 10000 ELSE 1000000 END \
             WHEN c.seqno < (SELECT MAX(l.seqno) FROM pragma_index_info(i.name) AS l) THEN 1000 \
             WHEN i.\"unique\" THEN 1 ELSE 10 END, '') FROM pragma_index_info(i.name) AS c) \
         FROM pragma_table_list AS t, pragma_index_list(t.name) AS i WHERE t.schema = 'main' AND t.name NOT LIKE 'sqlite_%'";
    if manager.get_database_backend() == DbBackend::Sqlite {
        let connection = manager.get_connection();
        // Makes the table of statistics; at the end, reads it.
        connection.execute_unprepared("ANALYZE sqlite_schema").await?;
        connection.execute_unprepared("DELETE FROM sqlite_stat1").await?;
        connection.execute_unprepared(EXPECTED).await?;
        connection.execute_unprepared("ANALYZE sqlite_schema").await?;
    }
    Ok(())
}
