//! Mail that came in.

use hearback_core::{
    Word as _,
    id::{MessageId, WorkspaceId},
    state::MessageState,
};
use sea_orm::{
    Condition, ConnectionTrait, PaginatorTrait as _, QueryOrder, QuerySelect, Statement, Value,
    entity::prelude::*,
    sea_query::{ExprTrait as _, Func, LikeExpr},
};
use serde::{Deserialize, Serialize};

use crate::{
    Db, StoreError, Tx, bulk,
    cursor::{Cursor, Listed, Page},
    stored::{Stored, quoted},
};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "messages")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    /// `reply`, `auto_reply`, `bounce`, `delayed`, `delivered`, `complaint`, `opt_out` or `unknown`.
    pub kind: String,
    pub state: Stored<MessageState>,
    /// Of the whole content: the same message is taken once.
    pub hash: String,
    pub from_address: String,
    pub subject: String,
    /// What its writer wrote anew; of what no person wrote all of its text.
    pub text: String,
    /// All of its text; empty where that is `text`.
    pub whole_text: String,
    /// A list of [`Attachment`], as JSON.
    pub attachments: String,
    /// As it came, base64; empty where it was too large to keep, or says nothing beyond the other columns.
    pub raw: String,
    pub message_id: Option<String>,
    pub reason: Option<String>,
    pub case_id: Option<Uuid>,
    pub delivery_id: Option<Uuid>,
    pub person_id: Option<Uuid>,
    pub received_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What was sent along with a message; its content is not kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: String,
    /// The media type that the sender names.
    #[serde(rename = "type")]
    pub media_type: String,
    /// In bytes.
    pub size: u64,
}

impl Model {
    /// All of its text, with what is folded away in `text`.
    pub fn whole(&self) -> &str {
        if self.whole_text.is_empty() { &self.text } else { &self.whole_text }
    }

    /// What was sent along.
    pub fn attachments(&self) -> Vec<Attachment> {
        serde_json::from_str(&self.attachments).unwrap_or_default()
    }
}

/// Stores a message once; whether it is new. Two nodes that bring it at once meet here: the second waits, and finds it stored.
pub async fn store(tx: &Tx, row: Model) -> Result<bool, StoreError> {
    Ok(bulk::insert_missing::<Entity>(tx, &[row]).await? > 0)
}

/// Writes the whole row back; only for a row that was stored in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// One message.
pub async fn by_id(conn: &impl ConnectionTrait, ws: WorkspaceId, id: MessageId) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find_by_id((ws.uuid(), id.uuid())).one(conn).await?)
}

/// The messages, of the whole workspace, that are from one of these addresses or name it.
pub async fn naming(conn: &impl ConnectionTrait, ws: Uuid, addresses: &[String]) -> Result<Vec<Uuid>, StoreError> {
    let mut found = Vec::new();
    for address in addresses {
        let part = LikeExpr::new(format!("%{}%", like_literally(address))).escape('\\');
        let columns = [Column::FromAddress, Column::Subject, Column::Text, Column::WholeText, Column::Attachments];
        let holds = columns
            .into_iter()
            .fold(Condition::any(), |any, column| any.add(Expr::expr(Func::lower(Expr::col(column))).like(part.clone())));
        let rows = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(holds).all(conn).await?;
        let texts =
            |row: &Model| [&row.from_address, &row.subject, &row.text, &row.whole_text, &row.attachments].map(|text| names(text, address));
        let named = rows.into_iter().filter(|row| texts(row).contains(&true));
        found.extend(named.map(|row| row.id));
    }
    Ok(found)
}

/// The messages from these addresses of which nobody could say whose they are.
pub async fn unattached_from(conn: &impl ConnectionTrait, ws: Uuid, addresses: &[String]) -> Result<Vec<Model>, StoreError> {
    let from = Expr::expr(Func::lower(Expr::col(Column::FromAddress))).is_in(addresses.iter().cloned());
    let rest = Entity::find().filter(Column::WorkspaceId.eq(ws)).filter(Column::PersonId.is_null()).filter(from);
    Ok(rest.order_by_asc(Column::ReceivedAt).all(conn).await?)
}

/// A text in which a pattern's signs mean themselves.
pub(crate) fn like_literally(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}

/// Whether this address stands in the text, and not as a part of a longer one.
fn names(text: &str, address: &str) -> bool {
    let text = text.to_lowercase();
    let is_of_address = |c: char| c.is_alphanumeric() || matches!(c, '_' | '%' | '+' | '-');
    text.match_indices(address).any(|(at, _)| {
        let before = text.get(..at).and_then(|before| before.chars().next_back());
        let mut after = text.get(at + address.len()..).unwrap_or_default().chars();
        let goes_on = match after.next() {
            // The end of a sentence, or of the name of a host?
            Some('.') => after.next().is_some_and(char::is_alphanumeric),
            Some(c) => is_of_address(c),
            None => false,
        };
        !before.is_some_and(|c| is_of_address(c) || c == '.') && !goes_on
    })
}

/// What a message belongs to, for counting how much comes in.
#[derive(Debug, Clone, Copy)]
pub enum Thread {
    /// A case.
    Case(Uuid),
    /// Somebody who has none.
    Person(Uuid),
}

/// How many replies and automatic answers came in this thread since then, other than this one.
pub async fn lately(tx: &Tx, ws: WorkspaceId, thread: Thread, but: Uuid, since: i64) -> Result<u64, StoreError> {
    let of_thread = match thread {
        Thread::Case(case) => Column::CaseId.eq(case),
        Thread::Person(person) => Condition::all().add(Column::PersonId.eq(person)).add(Column::CaseId.is_null()).into(),
    };
    let theirs = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(of_thread).filter(Column::Id.ne(but));
    Ok(theirs.filter(Column::Kind.is_in(["reply", "auto_reply"])).filter(Column::ReceivedAt.gt(since)).count(&**tx).await?)
}

/// How many mails to this address came back since then for reasons that may pass (`reason` begins with this word).
pub async fn came_back(tx: &Tx, ws: WorkspaceId, address: &str, word: &str, since: i64) -> Result<u64, StoreError> {
    let sql = format!(
        "SELECT COUNT(DISTINCT m.delivery_id) FROM deliveries d CROSS JOIN messages m WHERE d.workspace_id = $1 \
         AND d.to_address = $2 AND m.workspace_id = d.workspace_id AND m.delivery_id = d.id AND m.kind = 'bounce' \
         AND m.state = {} AND m.received_at > $3 AND m.reason LIKE $4",
        quoted(MessageState::Done)
    );
    let values: [Value; 4] = [ws.uuid().into(), address.into(), since.into(), format!("{word}%").into()];
    let row = tx.query_one_raw(Statement::from_sql_and_values(tx.get_database_backend(), sql, values)).await?;
    let n = row.map(|row| row.try_get_by_index::<i64>(0)).transpose()?.unwrap_or_default();
    Ok(u64::try_from(n).unwrap_or_default())
}

/// Which messages are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// `reply`, `bounce`, ...
    pub kind: Option<String>,
    /// What became of it.
    pub state: Option<MessageState>,
}

/// One page, the newest first.
pub async fn list(conn: &impl ConnectionTrait, ws: WorkspaceId, filter: &Filter, page: Page) -> Result<Listed<Model>, StoreError> {
    let fits = Condition::all()
        .add(Column::WorkspaceId.eq(ws.uuid()))
        .add_option(filter.kind.as_ref().map(|kind| Column::Kind.eq(kind)))
        .add_option(filter.state.map(|state| Column::State.eq(state.as_str())))
        .add(page.below(Expr::col(Column::ReceivedAt), Column::Id));
    let found = Entity::find().filter(fits).order_by_desc(Column::ReceivedAt).order_by_desc(Column::Id);
    let rows = found.limit(page.limit + 1).all(conn).await?;
    Ok(Listed::of(rows, page.limit, |row| Cursor { sort: row.received_at, id: row.id }))
}

/// What came in a case, the oldest first; the newest `limit`.
pub async fn of_case(conn: &impl ConnectionTrait, ws: WorkspaceId, case: Uuid, limit: u64) -> Result<Vec<Model>, StoreError> {
    let theirs = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::CaseId.eq(case));
    let mut rows = theirs.order_by_desc(Column::ReceivedAt).order_by_desc(Column::Id).limit(limit).all(conn).await?;
    rows.reverse();
    Ok(rows)
}

/// Deletes what has lain in quarantine since before then; at most `limit`.
pub async fn prune(db: &Db, ws: WorkspaceId, before: i64, limit: u64) -> Result<u64, StoreError> {
    let quarantined = Condition::all().add(Column::WorkspaceId.eq(ws.uuid())).add(Column::State.eq(MessageState::Quarantined.as_str()));
    let old = Entity::find().select_only().column(Column::Id).filter(quarantined).filter(Column::ReceivedAt.lt(before));
    let old = old.order_by_asc(Column::ReceivedAt).limit(limit).into_tuple::<Uuid>().all(db.read()).await?;
    if old.is_empty() {
        return Ok(0);
    }
    let tx = db.write().await?;
    let gone = Entity::delete_many().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Id.is_in(old)).exec(&*tx).await?;
    tx.commit().await?;
    Ok(gone.rows_affected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_named_where_it_stands_alone() {
        for text in ["a@x.lt", "Write to A@X.LT.", "<a@x.lt>, who is away", "mailto:a@x.lt?subject=x", "(a@x.lt)", "a@x.lt. Thanks"] {
            assert!(names(text, "a@x.lt"), "{text}");
        }
        for text in ["maria@x.lt", "a@x.lt.example", "a@x.ltd", "m.a@x.lt", "a+b@x.lt", ""] {
            assert!(!names(text, "a@x.lt"), "{text}");
        }
    }
}
