//! Which policy holds for a case: that of its survey and segment, that of its segment, or the usual one.
//!
//! Owns: finding it. Refuses to know: what a policy says (that is `core`), and how one is changed.

use std::collections::HashMap;

use hearback_core::{Policy, Segment, id::WorkspaceId};
use hearback_store::{ConnectionTrait, StoreError, policies, unreadable::read_all};

use crate::{Settings, reading};

/// The policies of a workspace.
#[derive(Debug, Clone)]
pub struct Policies {
    /// By survey (empty: every survey), as stored.
    pub(crate) stored: HashMap<Segment, HashMap<String, Policy>>,
    pub(crate) usual: Defaults,
}

/// What holds where a workspace says nothing.
#[derive(Debug, Clone)]
pub struct Defaults {
    detractor: Policy,
    passive: Policy,
    promoter: Policy,
}

impl Defaults {
    /// With the clocks of the settings.
    pub fn of(settings: &Settings) -> Self {
        let policy = |segment| Policy {
            first_contact: settings.first_contact,
            close: settings.close,
            warn_before: settings.warn_before,
            ..Policy::of_segment(segment)
        };
        Self { detractor: policy(Segment::Detractor), passive: policy(Segment::Passive), promoter: policy(Segment::Promoter) }
    }

    /// That of a segment.
    pub const fn segment(&self, segment: Segment) -> &Policy {
        match segment {
            Segment::Detractor => &self.detractor,
            Segment::Passive => &self.passive,
            Segment::Promoter => &self.promoter,
        }
    }
}

impl Policies {
    /// Those of a workspace that has none of its own.
    #[cfg(test)]
    pub(crate) fn usual(settings: &Settings) -> Self {
        Self { stored: HashMap::new(), usual: Defaults::of(settings) }
    }

    /// Reads those of a workspace; in place of one that can't be read holds what would without it.
    pub async fn load(conn: &impl ConnectionTrait, ws: WorkspaceId, usual: Defaults) -> Result<Self, StoreError> {
        let (policies, _) = read_all(&policies::all(conn, ws).await?, reading::policy);
        let mut stored: HashMap<Segment, HashMap<String, Policy>> = HashMap::new();
        for (survey, segment, policy) in policies {
            stored.entry(segment).or_default().insert(survey, policy);
        }
        Ok(Self { stored, usual })
    }

    /// The one that holds for this survey and segment.
    pub fn of(&self, survey: &str, segment: Segment) -> &Policy {
        let own = self.stored.get(&segment).and_then(|of_segment| of_segment.get(survey).or_else(|| of_segment.get("")));
        own.unwrap_or_else(|| self.usual.segment(segment))
    }
}
