//! Erased text that SQLite leaves behind: when a page splits, the rows that moved away stay as bytes in the gap between the page's
//! index of cells and its cells, and `secure_delete`, which overwrites what is deleted, does not reach them. Here the gaps are.
//!
//! Refuses to know: what stands in a cell. The form of a page is that of <https://sqlite.org/fileformat2.html>, section 1.6.

use sea_orm::{ConnectionTrait as _, DbBackend, FromQueryResult, Statement};

use crate::{Db, StoreError};

/// Pages that are looked at together: 2 MiB of the usual size.
const CHUNK: i64 = 512;
/// From here on a page that is no page of a tree may begin as if it were one.
const MOST_PAGES: i64 = 1 << 24;
/// Of the file, before the first page's own header.
const FILE_HEADER: usize = 100;

#[derive(FromQueryResult)]
struct Page {
    pgno: i64,
    data: Vec<u8>,
}

impl Db {
    /// SQLite: overwrites whatever stands in the gaps of all pages, a few at a time, so that others can write in between. Reads the
    /// whole file. False where that can't be done: more than 2^24 pages, or an SQLite that shows no pages. Nothing happens on PostgreSQL.
    pub async fn clear_gaps(&self) -> Result<bool, StoreError> {
        if self.backend() != DbBackend::Sqlite {
            return Ok(true);
        }
        let row = self.read.query_one_raw(Statement::from_string(DbBackend::Sqlite, "PRAGMA page_count")).await?;
        let pages: i64 = row.map(|row| row.try_get_by_index(0)).transpose()?.unwrap_or_default();
        if pages >= MOST_PAGES || !self.shows_pages().await? {
            return Ok(false);
        }
        let mut from = 1;
        while from <= pages {
            let found = Page::find_by_statement(these(from, from + CHUNK - 1)).all(&self.read).await?;
            let unclean = found.into_iter().filter_map(|mut page| clear(&mut page.data, page.pgno == 1).then_some(page.pgno));
            let unclean: Vec<i64> = unclean.collect();
            if !unclean.is_empty() {
                self.clear_these(&unclean).await?;
            }
            from += CHUNK;
        }
        Ok(true)
    }

    /// The pages as they are now, under the lock of those who write.
    async fn clear_these(&self, numbers: &[i64]) -> Result<(), StoreError> {
        const WRITE: &str = "UPDATE sqlite_dbpage SET data = $1 WHERE pgno = $2";
        let tx = self.write().await?;
        for &number in numbers {
            let Some(mut page) = Page::find_by_statement(these(number, number)).one(&*tx).await? else { continue };
            if clear(&mut page.data, number == 1) {
                tx.execute_raw(Statement::from_sql_and_values(DbBackend::Sqlite, WRITE, [page.data.into(), number.into()])).await?;
            }
        }
        tx.commit().await
    }

    /// Whether this SQLite was built with the table of pages (`.cargo/config.toml` asks for it).
    async fn shows_pages(&self) -> Result<bool, StoreError> {
        let known = "SELECT COUNT(*) FROM pragma_module_list WHERE name = 'sqlite_dbpage'";
        let row = self.read.query_one_raw(Statement::from_string(DbBackend::Sqlite, known)).await?;
        Ok(row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.is_some_and(|n| n > 0))
    }
}

fn these(from: i64, to: i64) -> Statement {
    // The table of pages finds one page by its number, and no range without reading the whole file.
    const READ: &str = "WITH RECURSIVE n(i) AS (SELECT $1 UNION ALL SELECT i + 1 FROM n WHERE i < $2) \
         SELECT p.pgno, p.data FROM n CROSS JOIN sqlite_dbpage p ON p.pgno = n.i";
    Statement::from_sql_and_values(DbBackend::Sqlite, READ, [from.into(), to.into()])
}

/// Overwrites the gap of a page of a tree; whether there was anything in it. A page that is none is left as it is, and so is one
/// whose cells are not where they should be.
fn clear(page: &mut [u8], is_first: bool) -> bool {
    let Some((from, to)) = gap(page, if is_first { FILE_HEADER } else { 0 }) else { return false };
    let Some(gap) = page.get_mut(from..to) else { return false };
    let had = gap.iter().any(|byte| *byte != 0);
    gap.fill(0);
    had
}

/// Where the gap of a page begins and ends.
fn gap(page: &[u8], at: usize) -> Option<(usize, usize)> {
    let header = match page.get(at)? {
        // Inner pages say where the last of their children is.
        2 | 5 => 12,
        10 | 13 => 8,
        _ => return None,
    };
    let number = |from: usize| Some(usize::from(u16::from_be_bytes(page.get(from..from + 2)?.try_into().ok()?)));
    let cells = number(at + 3)?;
    let content = match number(at + 5)? {
        0 => 65_536,
        content => content,
    };
    let index = at + header;
    let end = index + 2 * cells;
    let is_sound = (0..cells).all(|cell| number(index + 2 * cell).is_some_and(|start| start >= content && start < page.len()));
    (is_sound && end <= content && content <= page.len()).then_some((end, content))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A leaf with one cell at its end and rubbish before it.
    fn leaf() -> Vec<u8> {
        let mut page = vec![7; 512];
        page[..10].copy_from_slice(&[13, 0, 0, 0, 1, 0x01, 0xf0, 0, 0x01, 0xf0]);
        page
    }

    #[test]
    fn the_gap_is_overwritten_and_nothing_else() {
        let mut page = leaf();
        assert!(clear(&mut page, false), "there was something");
        assert_eq!(page[..10], leaf()[..10]);
        assert!(page[10..0x1f0].iter().all(|byte| *byte == 0));
        assert!(page[0x1f0..].iter().all(|byte| *byte == 7));
        assert!(!clear(&mut page, false), "now it is clean");
    }

    #[test]
    fn what_is_no_page_of_a_tree_is_left_alone() {
        for (at, byte) in [(0, 0), (4, 200), (8, 0)] {
            let mut page = leaf();
            page[at] = byte;
            let before = page.clone();
            assert!(!clear(&mut page, false) && page == before, "byte {at}");
        }
        assert!(!clear(&mut [13, 0, 0], false));
    }
}
