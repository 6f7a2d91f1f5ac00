//! Giving codes and taking them back, inside the transaction that caused it.

use chrono::{DateTime, Utc};
use hearback_core::{
    id::{CaseId, WorkspaceId},
    timeline::Entry,
};
use hearback_store::{
    StoreError, Tx, events, incentive_codes,
    incentive_waits::{self, Model as Wait},
    pools,
    time::millis,
};

use crate::{
    Actor, Ctx,
    alerts::{self, Alert, AlertKind},
    rows::event_of,
};

/// Why a case got no code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shortage {
    /// Nobody ever filled such a pool: no promise is made, the mail goes without a code.
    NoPool,
    /// All codes are given: the case waits, and so does the mail that should carry the code.
    Empty,
}

impl Shortage {
    const fn reason(self) -> &'static str {
        match self {
            Self::NoPool => "there is no such pool yet: import codes to make it",
            Self::Empty => "the pool is empty: import more codes; the mail waits for them",
        }
    }
}

/// Gives each case one code of the pool, as far as they last. The timeline says which got none; those wait.
pub(crate) async fn give(
    tx: &Tx,
    ws: uuid::Uuid,
    key: &str,
    wanted: &[CaseId],
    now: DateTime<Utc>,
) -> Result<Vec<events::Model>, StoreError> {
    let pool = pools::lock(tx, ws, key).await?;
    let shortage = if pool.is_some() { Shortage::Empty } else { Shortage::NoPool };
    let given = match &pool {
        Some(_) => incentive_codes::give(tx, ws, key, wanted, now).await?,
        None => std::collections::HashSet::new(),
    };
    let mut entries = Vec::with_capacity(wanted.len());
    let mut waits = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for case in wanted.iter().filter(|case| seen.insert(**case)) {
        let entry = if given.contains(case) {
            Entry::IncentiveGiven { pool: key.to_owned() }
        } else {
            waits.push(Wait {
                workspace_id: ws,
                case_id: case.uuid(),
                pool: key.to_owned(),
                asked_at: millis(now),
                told_at: None,
                ended_at: None,
                outcome: None,
            });
            Entry::IncentiveMissing { pool: key.to_owned(), reason: shortage.reason().to_owned() }
        };
        entries.push(event_of(ws, case.uuid(), &Actor::System, &entry, now));
    }
    if let Some(pool) = pool {
        incentive_waits::begin(tx, &waits).await?;
        // Once it is known to be empty, asking in vain changes nothing about that.
        if pool.empty_since.is_none() || !given.is_empty() {
            look(tx, pool, now).await?;
        }
    }
    Ok(entries)
}

/// Notes whether a pool that is held runs low or is empty, and tells so once.
pub(crate) async fn look(tx: &Tx, pool: pools::Model, now: DateTime<Utc>) -> Result<(), StoreError> {
    let free = incentive_codes::free_up_to(&**tx, pool.workspace_id, &pool.key, millis(now), pool.low_stock.max(0) + 1).await?;
    let (is_low, is_empty) = (free <= pool.low_stock, free == 0);
    let since = |is_so: bool, before: Option<i64>| if is_so { before.or(Some(millis(now))) } else { None };
    let after = pools::Model { low_since: since(is_low, pool.low_since), empty_since: since(is_empty, pool.empty_since), ..pool.clone() };
    let raised = if is_empty && pool.empty_since.is_none() {
        let message = format!("The pool {} has no code left: import more. Customers who are promised one wait for it.", pool.key);
        Some(Alert::new(AlertKind::PoolEmpty, &pool.key, message))
    } else if is_low && pool.low_since.is_none() {
        let message = format!("The pool {} has {free} codes left: import more before it is empty.", pool.key);
        Some(Alert::new(AlertKind::PoolLow, &pool.key, message))
    } else {
        None
    };
    let ws = WorkspaceId::from_uuid(pool.workspace_id);
    for (kind, is_over) in
        [(AlertKind::PoolEmpty, pool.empty_since.is_some() && !is_empty), (AlertKind::PoolLow, pool.low_since.is_some() && !is_low)]
    {
        if is_over {
            alerts::over(tx, ws, kind, &pool.key, now).await?;
        }
    }
    if after != pool {
        pools::save(tx, after).await?;
    }
    alerts::raise(tx, ws, raised.as_slice(), now).await
}

/// Mails of these cases that could carry a code ended unsent: codes that certainly never left go
/// back, and who waited for one waits no more. Timeline entries of what was put back.
pub(crate) async fn take_back(
    cx: &Ctx,
    tx: &Tx,
    ws: uuid::Uuid,
    cases: &[uuid::Uuid],
    now: DateTime<Utc>,
) -> Result<Vec<events::Model>, StoreError> {
    let kinds: Vec<&str> = cx.templates.with_code().iter().map(String::as_str).collect();
    let back = incentive_codes::take_back(tx, ws, cases, &kinds, millis(now)).await?;
    incentive_waits::end(tx, ws, cases, None, "the mail that was to carry the code is not sent any more", millis(now)).await?;
    let entry = |(case, pool): (uuid::Uuid, String)| {
        let entry = Entry::IncentiveTakenBack { pool, reason: "the mail with the code never left".to_owned() };
        event_of(ws, case, &Actor::System, &entry, now)
    };
    Ok(back.into_iter().map(entry).collect())
}
