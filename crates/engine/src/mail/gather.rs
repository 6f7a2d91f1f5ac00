//! Waiting a moment so that work can be done for many at once.
//!
//! Owns: when the wait is over. Refuses to know: what is gathered.

use std::time::Duration;

use tokio::{
    sync::mpsc::Receiver,
    time::{Instant, timeout_at},
};

/// Adds what comes to the batch until there is enough, the batch is full, the wait is over, or nothing can come any more.
pub(crate) async fn gather<T>(queue: &mut Receiver<T>, batch: &mut Vec<T>, most: usize, wait: Duration, is_enough: impl Fn(&[T]) -> bool) {
    let until = Instant::now() + wait;
    while batch.len() < most && !is_enough(batch) {
        let room = most - batch.len();
        match timeout_at(until, queue.recv_many(batch, room)).await {
            Ok(1..) => {}
            Ok(0) | Err(_) => break,
        }
    }
}
