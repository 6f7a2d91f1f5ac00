//! One mail from the ledger to the mail server, and what is noted on the way.

mod after_sending;
pub(crate) mod compose;
pub mod deliverability;
pub mod dispatch;
pub(crate) mod invited;
pub mod ledger;
pub mod loader;
pub mod sending;
pub(crate) mod slots;
pub mod smtp_pool;
pub mod throttle;
pub mod untaken;

use std::{ops::Deref, sync::Arc};

use chrono::{DateTime, Utc};

use crate::responses::Responses;
use deliverability::Watch;
use ledger::Ledger;
use loader::Loader;
use smtp_pool::{Outage, SmtpPool};
use throttle::Throttle;

/// The context with all that sending remembers and shares.
#[derive(Debug, Clone)]
pub struct Delivery {
    inner: Responses,
    /// Open ways to the mail server.
    pub smtp_pool: Arc<SmtpPool>,
    /// How fast mail leaves.
    pub(crate) throttle: Arc<Throttle>,
    /// What is known of trouble with mail.
    pub(crate) watch: Arc<Watch>,
    /// Where sending is noted, together.
    pub(crate) ledger: Ledger,
    /// What mails say, read together.
    pub(crate) loader: Loader,
}

impl Delivery {
    /// Opens the pool and starts those who read and note for all mails. Must be called inside a tokio runtime.
    pub(crate) fn start(inner: Responses) -> Self {
        let smtp_pool = Arc::new(SmtpPool::new(inner.transport.clone(), inner.settings.mail_connections));
        let throttle = Arc::new(Throttle::new(inner.settings.dispatch.pace));
        let ((ledger, noted), (loader, asked)) = (Ledger::new(), Loader::new());
        let pool = Arc::clone(&smtp_pool);
        noted.start(&inner, move || pool.under_way());
        asked.start(&inner, &smtp_pool);
        Self { inner, smtp_pool, throttle, watch: Arc::default(), ledger, loader }
    }

    /// An outage of the mail server that somebody has to know of.
    pub(crate) fn outage(&self, now: DateTime<Utc>) -> Option<Outage> {
        self.smtp_pool.standing(now)
    }
}

impl Deref for Delivery {
    type Target = Responses;

    fn deref(&self) -> &Responses {
        &self.inner
    }
}
