//! All rooms put together: what a process holds, once. It gives every use case the layer that it takes.
//!
//! Owns: the order in which the layers are built. Refuses to know: what any of them does.

use std::{ops::Deref, sync::Arc};

use hearback_core::Clock;
use hearback_mailer::{Templates, Transport};
use hearback_store::Db;

use crate::{
    Ctx, Settings, access::Access, health::Monitoring, inbound::InboundMail, mail::Delivery, metrics::Metrics, responses::Responses,
};

/// Shared by everything that runs; cheap to clone.
#[derive(Debug, Clone)]
pub struct Engine(Monitoring);

impl Engine {
    /// Puts the parts together and starts those who work for all. Must be called inside a tokio runtime.
    pub fn new(db: Db, clock: Arc<dyn Clock>, settings: Settings, templates: Templates, transport: Transport) -> Self {
        let cx = Ctx::new(db, clock, settings, templates, transport);
        let responses = Responses::start(Metrics::new(Access::new(cx)));
        Self(Monitoring::new(InboundMail::new(Delivery::start(responses))))
    }
}

impl Deref for Engine {
    type Target = Monitoring;

    fn deref(&self) -> &Monitoring {
        &self.0
    }
}
