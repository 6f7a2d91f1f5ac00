//! How much came in since this process started: for monitoring.

use hearback_core::state::MessageState;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Mails by kind and state.
#[derive(Debug, Default)]
pub struct Counters(Mutex<BTreeMap<(String, MessageState), u64>>);

impl Counters {
    /// One more.
    pub(super) fn count(&self, kind: &str, state: MessageState) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counted.entry((kind.to_owned(), state)).or_default() += 1;
    }

    /// All of them: kind, state, how many.
    pub fn all(&self) -> Vec<(String, MessageState, u64)> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.iter().map(|((kind, state), n)| (kind.clone(), *state, *n)).collect()
    }
}
