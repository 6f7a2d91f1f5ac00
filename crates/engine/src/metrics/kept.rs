//! What takes long to count is counted once and kept for a while: groups and loops are counted row by row, over millions
//! of rows that is seconds. What is quick is never kept, so that a small database always shows the present.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use hearback_core::Scale;
use hearback_store::measures::Scope;
use uuid::Uuid;

use super::{Group, Loops, groups, loops::loops};
use crate::{Ctx, EngineError};

/// Counting that takes longer than this is kept.
const LONG: Duration = Duration::from_secs(1);
/// It is kept for this many times as long as it took, so that counting costs at most this share of one processor.
const SHARE: u32 = 20;
/// At most for this long.
const LONGEST: Duration = Duration::from_mins(10);
/// Most counts that are kept.
const MOST: usize = 256;

/// The parts of a report that are counted row by row.
#[derive(Debug, Clone)]
pub(super) struct Counted {
    pub groups: Vec<Group>,
    pub more_groups: bool,
    pub loops: Loops,
    pub as_of: DateTime<Utc>,
}

/// Counts by what was asked.
#[derive(Debug, Default)]
pub struct Kept(Mutex<HashMap<Asked, Entry>>);

/// What was asked: surveys, span, property.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Asked(Uuid, Vec<Uuid>, i64, i64, Option<String>);

#[derive(Debug)]
struct Entry {
    counted: Counted,
    stale_from: Instant,
    being_renewed: bool,
}

/// The counts, freshly made unless that takes long. Kept ones that are too old are still given out, and renewed meanwhile.
pub(super) async fn counted(cx: &Ctx, scope: Scope, scale: Scale, by: Option<String>) -> Result<Counted, EngineError> {
    let asked = Asked(scope.workspace.uuid(), scope.surveys.clone(), scope.answered.start, scope.answered.end, by.clone());
    match cx.kept.look(&asked) {
        Look::Nothing => count(cx, scope, scale, by, asked).await,
        Look::Fresh(counted) => Ok(*counted),
        Look::Stale(counted) => {
            let cx = cx.clone();
            tokio::spawn(async move {
                if let Err(error) = count(&cx, scope, scale, by, asked.clone()).await {
                    tracing::warn!(%error, "the metrics could not be counted anew; older counts are shown");
                    cx.kept.forget(&asked);
                }
            });
            Ok(*counted)
        }
    }
}

async fn count(cx: &Ctx, scope: Scope, scale: Scale, by: Option<String>, asked: Asked) -> Result<Counted, EngineError> {
    let (begun, as_of) = (Instant::now(), cx.now());
    let (groups, more_groups) = match &by {
        Some(property) => groups(cx, &scope, scale, property).await?,
        None => (Vec::new(), false),
    };
    let counted = Counted { groups, more_groups, loops: loops(cx, &scope).await?, as_of };
    cx.kept.keep(asked, &counted, begun.elapsed());
    Ok(counted)
}

/// What is kept of a question.
enum Look {
    Nothing,
    Fresh(Box<Counted>),
    Stale(Box<Counted>),
}

impl Kept {
    fn look(&self, asked: &Asked) -> Look {
        let mut all = self.lock();
        let Some(entry) = all.get_mut(asked) else { return Look::Nothing };
        let counted = Box::new(entry.counted.clone());
        if entry.being_renewed || Instant::now() < entry.stale_from {
            return Look::Fresh(counted);
        }
        entry.being_renewed = true;
        Look::Stale(counted)
    }

    fn keep(&self, asked: Asked, counted: &Counted, took: Duration) {
        let mut all = self.lock();
        if took < LONG {
            all.remove(&asked);
            return;
        }
        if all.len() >= MOST {
            all.retain(|_, entry| entry.being_renewed || Instant::now() < entry.stale_from);
        }
        if all.len() < MOST {
            let stale_from = Instant::now() + (took * SHARE).min(LONGEST);
            all.insert(asked, Entry { counted: counted.clone(), stale_from, being_renewed: false });
        }
    }

    fn forget(&self, asked: &Asked) {
        self.lock().remove(asked);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Asked, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(by: &str) -> Asked {
        Asked(Uuid::nil(), Vec::new(), 0, 1, Some(by.to_owned()))
    }

    fn some() -> Counted {
        Counted { groups: Vec::new(), more_groups: false, loops: Loops::default(), as_of: DateTime::UNIX_EPOCH }
    }

    #[test]
    fn only_what_took_long_is_kept_and_one_asker_renews_it() {
        let kept = Kept::default();
        kept.keep(asked("quick"), &some(), Duration::from_millis(10));
        assert!(matches!(kept.look(&asked("quick")), Look::Nothing));
        kept.keep(asked("slow"), &some(), LONG);
        assert!(matches!(kept.look(&asked("slow")), Look::Fresh(_)));
        kept.lock().get_mut(&asked("slow")).unwrap().stale_from = Instant::now();
        assert!(matches!(kept.look(&asked("slow")), Look::Stale(_)));
        assert!(matches!(kept.look(&asked("slow")), Look::Fresh(_)), "somebody else renews it already");
        kept.keep(asked("slow"), &some(), Duration::from_millis(10));
        assert!(matches!(kept.look(&asked("slow")), Look::Nothing), "it became quick");
    }
}
