//! One worker's way to a relay: a connection that is renewed when it is worn out or was closed meanwhile.

use std::sync::Arc;

use super::{Conn, Fail, Limits, Reply};
use crate::{
    message::{Envelope, Message},
    relay::Relay,
};

/// Sends one mail after the other; belongs to one worker.
#[derive(Debug)]
pub struct SmtpSession {
    relay: Arc<Relay>,
    limits: Limits,
    conn: Option<Conn>,
    /// False once the server took no notice of a mail that was announced, or refused to.
    announces: bool,
}

impl SmtpSession {
    pub(crate) async fn open(relay: Arc<Relay>, limits: Limits) -> Result<Self, Fail> {
        let conn = Box::pin(Conn::connect(&relay, &limits)).await?;
        Ok(Self { relay, limits, conn: Some(conn), announces: true })
    }

    pub(crate) async fn begin(&mut self, message: &Message) -> Result<(), Fail> {
        let envelope = message.envelope();
        if let Some(mut conn) = self.conn.take() {
            let is_announced = conn.expects(&envelope);
            if is_announced || conn.is_reusable() {
                let outcome = conn.begin(&envelope, &message.bytes).await;
                if !outcome.as_ref().is_err_and(Fail::is_stale) {
                    self.conn = Some(conn);
                    return outcome;
                }
                // The server had hung up meanwhile: not this mail's fault and not an attempt.
                self.announces &= !(is_announced && outcome.is_err_and(|fail| fail.is_deaf()));
            } else {
                conn.quit().await;
            }
        }
        // Rare, and large: apart, so that it is not carried about with each mail.
        let mut conn = Box::pin(Conn::connect(&self.relay, &self.limits)).await?;
        let outcome = conn.begin(&envelope, &message.bytes).await;
        self.conn = Some(conn);
        outcome
    }

    pub(crate) async fn finish(&mut self, next: Option<&Envelope>) -> Result<Reply, Fail> {
        match &mut self.conn {
            Some(conn) => conn.finish(next.filter(|_| self.announces)).await,
            None => Err(Fail::new(super::Stage::Body, super::Cause::Closed)),
        }
    }

    pub(crate) async fn reset(&mut self) {
        if let Some(conn) = &mut self.conn
            && conn.reset().await.is_err()
        {
            self.conn = None;
        }
    }

    pub(crate) async fn close(self) {
        if let Some(conn) = self.conn {
            conn.quit().await;
        }
    }
}
