//! Which cases there are, for the API and the pages: filters, two orders, pages.

use chrono::{DateTime, Utc};
use hearback_core::{
    LoopStatus, Segment, Word as _,
    id::{PersonId, WorkspaceId},
};
use hearback_migrations::DUE;
use sea_orm::{
    Condition, QueryOrder, QuerySelect, QueryTrait as _,
    entity::prelude::*,
    sea_query::{ExprTrait as _, SelectStatement},
};

use crate::{
    StoreError,
    cases::{Column, Entity, Model, active},
    cursor::{Cursor, Listed, Page},
    responses,
    time::millis,
};

/// Which cases to list; what is `None`, false or empty does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaseFilter {
    /// Where the loop stands.
    pub loop_status: Option<LoopStatus>,
    /// Only those in which somebody still has to do something.
    pub active: bool,
    /// Segment of the answer.
    pub segment: Option<Segment>,
    /// Any of these owners, as stored.
    pub owners: Vec<String>,
    /// Past a due time at this moment (`true`), or not (`false`).
    pub overdue: Option<(bool, DateTime<Utc>)>,
    /// Any of these survey versions.
    pub surveys: Option<Vec<Uuid>>,
    /// Answers of one person.
    pub person: Option<PersonId>,
    /// Answered from then on.
    pub since: Option<DateTime<Utc>>,
    /// Answered before then.
    pub until: Option<DateTime<Utc>>,
}

/// How a list of cases is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseOrder {
    /// The newest answer first.
    Newest,
    /// What is due first comes first; what has no due time comes last.
    Due,
}

/// In the place of a time that never comes.
pub(crate) const NEVER: i64 = 9_000_000_000_000_000;

/// When the next thing in a case is due: the first contact while there was none, then closing. `None` when nothing is.
pub fn due_at(case: &Model) -> Option<i64> {
    contact_due(case).or(case.close_due_at)
}

/// When the first contact is due, while there was none.
fn contact_due(case: &Model) -> Option<i64> {
    let untouched = case.loop_status == LoopStatus::Open && case.first_contact_at.is_none();
    if untouched { case.first_contact_due_at } else { None }
}

/// Whether a case that still needs somebody is past what is due in it.
pub fn is_overdue(case: &Model, now: i64) -> bool {
    late_at(case).is_some_and(|late| late < now)
}

/// From when a case that still needs somebody is late: its first contact while there was none, or its close, whichever comes first.
/// While we wait for the customer the clock for closing stands still.
pub(crate) fn late_at(case: &Model) -> Option<i64> {
    let close = case.close_due_at.filter(|due| case.waiting_since.is_none_or(|since| *due < since));
    contact_due(case).into_iter().chain(close).min().filter(|_| case.loop_status.is_active())
}

/// One page of the cases that fit.
pub async fn list(
    conn: &impl ConnectionTrait,
    ws: WorkspaceId,
    filter: &CaseFilter,
    order: CaseOrder,
    page: Page,
) -> Result<Listed<Model>, StoreError> {
    let found = Entity::find().filter(filter.condition(ws)).limit(page.limit + 1);
    let sorted = match order {
        CaseOrder::Newest => {
            // One customer has few cases: sort those, instead of looking through all cases in order of time for them.
            let by_time = if filter.person.is_some() { Expr::cust("+answered_at") } else { Expr::col(Column::AnsweredAt) };
            let rest = found.filter(page.below(by_time.clone(), Column::Id));
            rest.order_by_desc(by_time).order_by_desc(Column::Id)
        }
        CaseOrder::Due => {
            let rest = found.filter(page.above(Expr::cust(DUE), Column::Id));
            rest.order_by_asc(Expr::cust(DUE)).order_by_asc(Column::Id)
        }
    };
    Ok(Listed::of(sorted.all(conn).await?, page.limit, |case| place(case, order)))
}

/// How many cases fit, counted up to `most`.
pub async fn count(conn: &impl ConnectionTrait, ws: WorkspaceId, filter: &CaseFilter, most: u64) -> Result<usize, StoreError> {
    let ids = Entity::find().select_only().column(Column::Id).filter(filter.condition(ws)).limit(most);
    Ok(ids.into_tuple::<Uuid>().all(conn).await?.len())
}

fn place(case: &Model, order: CaseOrder) -> Cursor {
    let sort = match order {
        CaseOrder::Newest => case.answered_at,
        CaseOrder::Due => due_at(case).unwrap_or(NEVER),
    };
    Cursor { sort, id: case.id }
}

/// Answers are found by person, cases by answer.
fn responses_of(ws: WorkspaceId, person: PersonId) -> SelectStatement {
    let of_person = responses::Entity::find()
        .select_only()
        .column(responses::Column::Id)
        .filter(responses::Column::WorkspaceId.eq(ws.uuid()))
        .filter(responses::Column::PersonId.eq(person.uuid()));
    of_person.into_query()
}

impl CaseFilter {
    fn condition(&self, ws: WorkspaceId) -> Condition {
        let overdue = self.overdue.map(|(wanted, now)| {
            // Not by the index of late cases: those would have to be sorted.
            let late = Condition::all().add(Expr::cust(active())).add(Expr::cust("COALESCE(late_at, 9000000000000000)").lt(millis(now)));
            if wanted { late } else { late.not() }
        });
        Condition::all()
            .add(Column::WorkspaceId.eq(ws.uuid()))
            .add_option(self.loop_status.map(|status| Column::LoopStatus.eq(status.as_str())))
            .add_option(self.active.then(|| Expr::cust(active())))
            .add_option(self.segment.map(|segment| Column::Segment.eq(segment.as_str())))
            .add_option((!self.owners.is_empty()).then(|| Column::Owner.is_in(self.owners.iter().cloned())))
            .add_option(overdue)
            .add_option(self.surveys.clone().map(|surveys| Column::SurveyId.is_in(surveys)))
            .add_option(self.person.map(|person| Column::ResponseId.in_subquery(responses_of(ws, person))))
            .add_option(self.since.map(|since| Column::AnsweredAt.gte(millis(since))))
            .add_option(self.until.map(|until| Column::AnsweredAt.lt(millis(until))))
    }
}
