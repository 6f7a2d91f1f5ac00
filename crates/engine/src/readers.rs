//! How many lists, reports and exports are read at a time: fewer than there are connections to the database, so that an answer that comes
//! in, a page of a customer and the work that is due always find one, however many read and however long that takes.
//!
//! A place is held only while the database is read: whoever is slow to take what was read holds none.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::{EngineError, faults};

/// How long somebody waits for a place.
const PATIENCE: Duration = Duration::from_secs(20);

/// The places.
#[derive(Debug)]
pub struct Readers(Arc<Semaphore>);

/// One of them, for as long as this lives.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "given back when dropped")] Option<OwnedSemaphorePermit>);

impl Readers {
    pub(crate) fn new(most: usize) -> Self {
        Self(Arc::new(Semaphore::new(most)))
    }

    /// A place, once there is one: whoever was first is first. Busy when that takes too long.
    pub async fn place(&self) -> Result<Place, EngineError> {
        timeout(PATIENCE, self.wait()).await.unwrap_or(Err(EngineError::Busy))
    }

    /// The same for what nobody waits for.
    pub(crate) async fn wait(&self) -> Result<Place, EngineError> {
        if faults::readers_are_not_counted() {
            return Ok(Place(None));
        }
        let permit = Arc::clone(&self.0).acquire_owned().await.map_err(|_| EngineError::Busy)?;
        Ok(Place(Some(permit)))
    }
}
