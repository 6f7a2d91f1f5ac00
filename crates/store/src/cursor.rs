//! Lists in pages: a cursor is the sort value and id of the last row, so that rows that come or go
//! meanwhile neither repeat nor hide others.

use sea_orm::{
    ColumnTrait, Condition,
    sea_query::{Expr, ExprTrait as _},
};
use uuid::Uuid;

/// Which page to read.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// At most this many rows, 1-500.
    pub limit: u64,
    /// After this row; from the start when absent.
    pub after: Option<Cursor>,
}

/// The place of a row in a list: its sort value and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// What the list is sorted by.
    pub sort: i64,
    /// Breaks ties.
    pub id: Uuid,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Listed<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<Cursor>,
}

impl Page {
    /// The first `limit` rows.
    pub const fn first(limit: u64) -> Self {
        Self { limit, after: None }
    }

    /// The rows after the cursor in a list that falls, by `sort`, then by `id`.
    pub(crate) fn below(self, sort: Expr, id: impl ColumnTrait) -> Condition {
        match self.after {
            None => Condition::all(),
            // The first half says nothing new, but an index can start from it.
            Some(after) => Condition::all()
                .add(sort.clone().lte(after.sort))
                .add(Condition::any().add(sort.clone().lt(after.sort)).add(Condition::all().add(sort.eq(after.sort)).add(id.lt(after.id)))),
        }
    }

    /// The rows after the cursor in a list that rises, by `sort`, then by `id`.
    pub(crate) fn above(self, sort: Expr, id: impl ColumnTrait) -> Condition {
        match self.after {
            None => Condition::all(),
            // The first half says nothing new, but an index can start from it.
            Some(after) => Condition::all()
                .add(sort.clone().gte(after.sort))
                .add(Condition::any().add(sort.clone().gt(after.sort)).add(Condition::all().add(sort.eq(after.sort)).add(id.gt(after.id)))),
        }
    }
}

impl Cursor {
    /// As text for a URL.
    pub fn encode(self) -> String {
        format!("{:x}.{}", self.sort, self.id.simple())
    }

    /// Reads it back; `None` for anything that [`Cursor::encode`] did not write.
    pub fn decode(text: &str) -> Option<Self> {
        let (sort, id) = text.split_once('.')?;
        // `{:x}` writes negative numbers in two's complement.
        let sort = u64::from_str_radix(sort, 16).ok()?.cast_signed();
        Some(Self { sort, id: Uuid::parse_str(id).ok()? })
    }
}

impl<T> Listed<T> {
    /// Makes a page of rows that were read with `limit + 1`.
    pub fn of(mut rows: Vec<T>, limit: u64, place: impl Fn(&T) -> Cursor) -> Self {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        rows.truncate(limit);
        let next = if more { rows.last().map(place) } else { None };
        Self { items: rows, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, f: impl FnMut(T) -> U) -> Listed<U> {
        Listed { items: self.items.into_iter().map(f).collect(), next: self.next }
    }
}
