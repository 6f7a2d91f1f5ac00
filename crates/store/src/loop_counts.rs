//! Where loops stand and how long they took, counted by survey, segment and day of the answer: moved in the transaction that changes a
//! case, so that a question adds days up, whatever the number of answers.
//!
//! What must stay true: whoever writes a case says so to its transaction ([`Tx::case_moved`]), which moves the counts as it commits: two
//! nodes that meet on the same counts hold everything else already, and wait for each other, never in a circle. `fsck` counts the cases again.

use std::collections::BTreeMap;

use hearback_core::LoopStatus;
use sea_orm::entity::prelude::*;

use crate::{
    StoreError, Tx, cases, durations,
    measures::{DAY, Milestone},
    script::Script,
    stored::Stored,
};

/// Days of a block: durations are counted by day and by block, so that a long span adds few rows.
pub const BLOCK: i64 = 32;

/// A row, as stored.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "loop_counts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub workspace_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub survey_id: Uuid,
    /// Days since 1970, UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i64,
    #[sea_orm(primary_key, auto_increment = false)]
    pub segment: String,
    #[sea_orm(primary_key, auto_increment = false)]
    pub loop_status: Stored<LoopStatus>,
    pub cases: i64,
    /// With a time for the first contact.
    pub with_due: i64,
    /// Contacted by then.
    pub contacted_in_time: i64,
}

/// Joins are written where they are needed.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// Cases by how long they took to a milestone.
pub mod taken {
    use sea_orm::entity::prelude::*;

    /// A row, as stored.
    #[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
    #[sea_orm(table_name = "loop_durations")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub workspace_id: Uuid,
        #[sea_orm(primary_key, auto_increment = false)]
        pub survey_id: Uuid,
        /// How many days are counted together: 1 or [`super::BLOCK`].
        #[sea_orm(primary_key, auto_increment = false)]
        pub days: i64,
        #[sea_orm(primary_key, auto_increment = false)]
        pub milestone: String,
        /// The first of them, in days since 1970, UTC.
        #[sea_orm(primary_key, auto_increment = false)]
        pub start: i64,
        /// One of [`crate::durations`].
        #[sea_orm(primary_key, auto_increment = false)]
        pub bucket: i64,
        pub cases: i64,
    }

    /// Joins are written where they are needed.
    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

/// A row of counts: workspace, survey, day, segment, state.
type CountKey = (Uuid, Uuid, i64, String, &'static str);
/// A row of durations: workspace, survey, days, milestone, start, bucket.
type TakenKey = (Uuid, Uuid, i64, &'static str, i64, i64);

/// How the counts change, each row once and in one order.
#[derive(Debug, Default)]
pub(crate) struct LoopChanges {
    counts: BTreeMap<CountKey, (LoopStatus, [i64; 3])>,
    taken: BTreeMap<TakenKey, i64>,
}

impl LoopChanges {
    /// A case was as `before` says (not there), and is as `after` says.
    pub(crate) fn moved(&mut self, before: Option<&cases::Model>, after: &cases::Model) {
        if let Some(before) = before {
            self.count(before, -1);
        }
        self.count(after, 1);
    }

    fn count(&mut self, case: &cases::Model, by: i64) {
        let day = case.answered_at.div_euclid(DAY);
        let in_time = matches!((case.first_contact_at, case.first_contact_due_at), (Some(at), Some(due)) if at <= due);
        let key = (case.workspace_id, case.survey_id, day, case.segment.clone(), case.loop_status.as_str());
        let (_, counts) = self.counts.entry(key).or_insert((*case.loop_status, [0; 3]));
        for (count, is_one) in counts.iter_mut().zip([true, case.first_contact_due_at.is_some(), in_time]) {
            *count += by * i64::from(is_one);
        }
        for milestone in Milestone::ALL {
            let Some(minutes) = milestone.minutes(case) else { continue };
            for (days, start) in [(1, day), (BLOCK, day.div_euclid(BLOCK) * BLOCK)] {
                let key = (case.workspace_id, case.survey_id, days, milestone.as_str(), start, durations::bucket(minutes));
                *self.taken.entry(key).or_default() += by;
            }
        }
    }

    fn put(&self, script: &mut Script) {
        const ADD: &str = " ON CONFLICT (workspace_id, survey_id, day, segment, loop_status) DO UPDATE SET \
             cases = loop_counts.cases + excluded.cases, with_due = loop_counts.with_due + excluded.with_due, \
             contacted_in_time = loop_counts.contacted_in_time + excluded.contacted_in_time";
        const ADD_TAKEN: &str = " ON CONFLICT (workspace_id, survey_id, days, milestone, start, bucket) DO UPDATE SET \
             cases = loop_durations.cases + excluded.cases";
        let counts = self.counts.iter().filter(|(_, (_, counts))| *counts != [0; 3]);
        let counts = counts.map(|((workspace_id, survey_id, day, segment, _), (status, [cases, with_due, contacted_in_time]))| Model {
            workspace_id: *workspace_id,
            survey_id: *survey_id,
            day: *day,
            segment: segment.clone(),
            loop_status: (*status).into(),
            cases: *cases,
            with_due: *with_due,
            contacted_in_time: *contacted_in_time,
        });
        script.insert_with::<Entity>(&counts.collect::<Vec<_>>(), ADD);
        let taken = self.taken.iter().filter(|(_, cases)| **cases != 0);
        let taken = taken.map(|((workspace_id, survey_id, days, milestone, start, bucket), cases)| taken::Model {
            workspace_id: *workspace_id,
            survey_id: *survey_id,
            days: *days,
            milestone: (*milestone).to_owned(),
            start: *start,
            bucket: *bucket,
            cases: *cases,
        });
        script.insert_with::<taken::Entity>(&taken.collect::<Vec<_>>(), ADD_TAKEN);
    }

    pub(crate) async fn write(&self, tx: &Tx) -> Result<(), StoreError> {
        let mut script = Script::new(tx);
        self.put(&mut script);
        script.run(tx).await
    }
}

/// The statements that count all cases of a workspace (`$1`) anew: for tables that were filled beside the product.
pub fn recount_sql() -> Vec<String> {
    let mut all = vec![
        "DELETE FROM loop_counts WHERE workspace_id = $1".to_owned(),
        "DELETE FROM loop_durations WHERE workspace_id = $1".to_owned(),
        format!(
            "INSERT INTO loop_counts (workspace_id, survey_id, day, segment, loop_status, cases, with_due, contacted_in_time) {} \
             WHERE workspace_id = $1 GROUP BY 1, 2, 3, 4, 5",
            counts_select()
        ),
    ];
    for (milestone, days) in Milestone::ALL.into_iter().flat_map(|milestone| [(milestone, 1), (milestone, BLOCK)]) {
        all.push(format!(
            "INSERT INTO loop_durations (workspace_id, survey_id, days, milestone, start, bucket, cases) {} AND workspace_id = $1 \
             GROUP BY 1, 2, 3, 4, 5, 6",
            taken_select(milestone, days)
        ));
    }
    all
}

/// Counts of `cases` in the columns of `loop_counts`; to be grouped by the first five.
pub(crate) fn counts_select() -> String {
    format!(
        "SELECT workspace_id, survey_id, answered_at / {DAY} AS day, segment, loop_status, COUNT(*) AS cases, COUNT(first_contact_due_at) AS with_due, \
         CAST(SUM(CASE WHEN first_contact_at <= first_contact_due_at THEN 1 ELSE 0 END) AS BIGINT) AS contacted_in_time FROM cases"
    )
}

/// Counts of `cases` in the columns of `loop_durations`; to be grouped by the first six. Ends in a condition.
pub(crate) fn taken_select(milestone: Milestone, days: i64) -> String {
    format!(
        "SELECT workspace_id, survey_id, CAST({days} AS BIGINT) AS days, '{}' AS milestone, answered_at / {DAY} / {days} * {days} AS start, {} AS bucket, \
         COUNT(*) AS cases FROM cases WHERE {}",
        milestone.as_str(),
        durations::bucket_sql(&milestone.minutes_sql()),
        milestone.reached_sql(),
    )
}
