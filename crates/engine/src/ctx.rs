//! What every use case needs: the database, the clock, the settings, the way to wake the worker.
//!
//! Refuses to know: what a single room remembers. A room that has a state of its own holds it in a layer over this (such as
//! [`crate::mail::Delivery`]), and its functions that need the state take that layer.

use std::{
    fmt,
    sync::{Arc, atomic::AtomicU32},
};

use chrono::{DateTime, Utc};
use hearback_core::Clock;
use hearback_mailer::{Templates, Transport};
use hearback_store::{
    Db,
    time::{from_millis, millis},
};
use tokio::sync::Notify;

use crate::{
    Settings,
    readers::Readers,
    workspace::{WorkspaceCache, policies::Defaults},
};

/// Shared by everything that runs; cheap to clone.
#[derive(Clone)]
pub struct Ctx(Arc<Parts>);

/// What a [`Ctx`] points to.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// See [`Settings`].
    pub settings: Settings,
    /// Mail templates, compiled.
    pub templates: Templates,
    /// Told after each commit that queued something: a hint to look, never the only way to find out.
    pub wake: Arc<Notify>,
    /// How workspaces are set up.
    pub workspaces: WorkspaceCache,
    /// The way mail leaves, and where it lies when it is captured.
    pub transport: Transport,
    /// How many jumps of the clock this process has told of.
    pub(crate) jumps_told: AtomicU32,
    /// Who reads much.
    pub readers: Readers,
}

impl Ctx {
    /// Puts the parts together.
    pub fn new(db: Db, clock: Arc<dyn Clock>, settings: Settings, templates: Templates, transport: Transport) -> Self {
        let workspaces = WorkspaceCache::new(Defaults::of(&settings));
        let readers = Readers::new(db.readers());
        let (wake, jumps_told) = (Arc::new(Notify::new()), AtomicU32::new(0));
        Self(Arc::new(Parts { db, clock, settings, templates, wake, workspaces, transport, jumps_told, readers }))
    }

    /// The present moment, to the millisecond: as exact as it is stored, so that a decision can be recomputed.
    pub fn now(&self) -> DateTime<Utc> {
        from_millis(millis(self.0.clock.now()))
    }

    /// The same for jobs, which may be under way when somebody sets the clock: they end by the clock of before.
    pub(crate) fn guarded_now(&self) -> DateTime<Utc> {
        from_millis(millis(self.0.clock.guarded_now()))
    }

    /// A weak handle, for background tasks that must not keep the rest alive.
    pub(crate) fn downgrade(&self) -> std::sync::Weak<Parts> {
        Arc::downgrade(&self.0)
    }

    /// Back from [`Ctx::downgrade`], while somebody still holds the context.
    pub(crate) fn upgrade(weak: &std::sync::Weak<Parts>) -> Option<Self> {
        weak.upgrade().map(Self)
    }
}

impl std::ops::Deref for Ctx {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl fmt::Debug for Ctx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ctx(..)")
    }
}
