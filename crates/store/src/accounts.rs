//! Companies that persons belong to.

use std::collections::HashMap;

use hearback_core::{Counts, LoopStatus, id::WorkspaceId};
use sea_orm::{Condition, JoinType, QueryOrder, QuerySelect, entity::prelude::*};

use crate::{StoreError, Tx, cases, persons, responses, stored::words};

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "accounts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub key: String,
    pub name: String,
    pub owner: Option<String>,
    pub value: Option<i64>,
    pub properties: String,
    pub created_at: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// The account with this key.
pub async fn by_key(conn: &impl ConnectionTrait, ws: WorkspaceId, key: &str) -> Result<Option<Model>, StoreError> {
    Ok(Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Key.eq(key)).one(conn).await?)
}

/// The same, held until the transaction ends.
pub async fn lock(tx: &Tx, ws: WorkspaceId, key: &str) -> Result<Option<Model>, StoreError> {
    let of_key = Entity::find().filter(Column::WorkspaceId.eq(ws.uuid())).filter(Column::Key.eq(key));
    Ok(of_key.lock_exclusive().one(&**tx).await?)
}

/// Writes the whole row back; only for a row that was locked in this transaction.
pub async fn save(tx: &Tx, row: Model) -> Result<(), StoreError> {
    Entity::update(ActiveModel::from(row).reset_all()).exec(&**tx).await?;
    Ok(())
}

/// The accounts after a key, by key.
pub async fn list(conn: &impl ConnectionTrait, ws: WorkspaceId, after: Option<&str>, limit: u64) -> Result<Vec<Model>, StoreError> {
    let rest = Condition::all().add(Column::WorkspaceId.eq(ws.uuid())).add_option(after.map(|after| Column::Key.gt(after)));
    Ok(Entity::find().filter(rest).order_by_asc(Column::Key).limit(limit).all(conn).await?)
}

/// What is known of an account's people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollUp {
    /// How many they are.
    pub people: i64,
    /// Their cases in which somebody still has to do something.
    pub open_cases: i64,
    /// Their answers to the survey.
    pub counts: Counts,
}

/// The roll-ups of these accounts, by key; the answers are those to these versions of one survey.
pub async fn roll_up(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    keys: &[String],
    surveys: &[Uuid],
) -> Result<HashMap<String, RollUp>, StoreError> {
    let people = || {
        let ours = persons::Entity::find().filter(persons::Column::WorkspaceId.eq(ws.uuid()));
        let of_keys = ours.filter(persons::Column::AccountKey.is_in(keys.iter().cloned()));
        of_keys.select_only().column(persons::Column::AccountKey).group_by(persons::Column::AccountKey)
    };
    let mut found: HashMap<String, RollUp> = HashMap::new();
    let counted = people().column_as(persons::Column::Id.count(), "n").into_tuple::<(String, i64)>();
    for (key, n) in counted.all(conn).await? {
        found.entry(key).or_default().people = n;
    }
    let answered = || people().join(JoinType::InnerJoin, answers());
    let open = answered().join(JoinType::InnerJoin, follow_up()).filter(cases::Column::LoopStatus.is_in(words(&LoopStatus::ACTIVE)));
    let counted = open.column_as(cases::Column::Id.count(), "n").into_tuple::<(String, i64)>();
    for (key, n) in counted.all(conn).await? {
        found.entry(key).or_default().open_cases = n;
    }
    let scored = answered().filter(responses::Column::SurveyId.is_in(surveys.iter().copied()));
    let scored = scored.column(responses::Column::Score).group_by(responses::Column::Score);
    let counted = scored.column_as(responses::Column::Id.count(), "n").into_tuple::<(String, i64, i64)>();
    for (key, score, n) in counted.all(conn).await? {
        let roll_up = found.entry(key).or_default();
        if let Some(bin) = usize::try_from(score).ok().and_then(|score| roll_up.counts.bins.get_mut(score)) {
            *bin += n;
        }
    }
    Ok(found)
}

fn answers() -> RelationDef {
    let person = (persons::Column::WorkspaceId, persons::Column::Id);
    let answer = (responses::Column::WorkspaceId, responses::Column::PersonId);
    persons::Entity::belongs_to(responses::Entity).from(person).to(answer).into()
}

fn follow_up() -> RelationDef {
    let answer = (responses::Column::WorkspaceId, responses::Column::Id);
    let case = (cases::Column::WorkspaceId, cases::Column::ResponseId);
    responses::Entity::belongs_to(cases::Entity).from(answer).to(case).into()
}
