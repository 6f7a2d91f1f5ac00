//! What storing answers would say, without storing any.
//!
//! What must stay true: answer by answer the same verdict as [`crate::responses::submit::submit_responses`], whatever is stored and whatever was
//! rehearsed before.

use std::{
    collections::{HashMap, hash_map::DefaultHasher},
    hash::{Hash, Hasher as _},
};

use hearback_core::id::{ResponseId, WorkspaceId};
use hearback_store::responses;

use crate::{
    Ctx, EngineError,
    error::fail_all,
    responses::{
        intake::repeats::{Said, is_another, keys, rows_of},
        submit::{CheckedResponse, NewResponse, check, own_key},
    },
};

/// The answers that would have been stored so far, as small prints: a million need no more than some 100 MB.
#[derive(Debug, Default)]
pub struct Rehearsal(HashMap<u64, Print>);

/// An answer, told from others.
#[derive(Debug, Clone, Copy)]
struct Print {
    body: u64,
    said: u64,
    id: Option<ResponseId>,
}

impl Print {
    fn sent(new: &CheckedResponse) -> Self {
        Self { body: print(&new.body_hash), said: print(&Said::sent(new)), id: new.past.as_ref().map(|past| past.id) }
    }

    fn stored(row: &responses::Model) -> Self {
        Self { body: print(&row.body_hash), said: print(&Said::of(row)), id: Some(ResponseId::from_uuid(row.id)) }
    }

    fn is_same_as(self, sent: Self) -> bool {
        self.body == sent.body || (sent.id.is_some() && self.id == sent.id && self.said == sent.said)
    }
}

/// Whether each answer would be new.
pub async fn rehearse(cx: &Ctx, ws: WorkspaceId, items: Vec<NewResponse>, before: &mut Rehearsal) -> Vec<Result<bool, EngineError>> {
    let (count, now) = (items.len(), cx.now());
    let workspace = match cx.workspaces.get(cx.db.read(), ws).await {
        Ok(workspace) => workspace,
        Err(error) => return fail_all(count, &error),
    };
    let checked: Vec<Result<CheckedResponse, EngineError>> = items.into_iter().map(|item| check(&workspace, item, now)).collect();
    let rows = match rows_of(cx.db.read(), ws, checked.iter().filter_map(|checked| checked.as_ref().ok())).await {
        Ok(rows) => rows,
        Err(error) => return fail_all(count, &error.into()),
    };
    for row in &rows {
        for key in [&row.idem_key, &own_key(ResponseId::from_uuid(row.id))] {
            before.0.insert(print(key), Print::stored(row));
        }
    }
    checked.into_iter().map(|checked| before.verdict(&checked?)).collect()
}

impl Rehearsal {
    fn verdict(&mut self, new: &CheckedResponse) -> Result<bool, EngineError> {
        let (keys, sent) = (keys(new), Print::sent(new));
        match keys.iter().find_map(|key| self.0.get(&print(key))) {
            Some(known) if known.is_same_as(sent) => Ok(false),
            Some(_) => Err(is_another(new, "has it, here or earlier in the file; correct that one, or give a new id")),
            None => {
                self.0.extend(keys.iter().map(|key| (print(key), sent)));
                Ok(true)
            }
        }
    }
}

fn print(of: &(impl Hash + ?Sized)) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
