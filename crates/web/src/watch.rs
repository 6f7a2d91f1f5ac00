//! What a connection is doing and since when, so that one that stalls can be ended.
//!
//! Knows phases and times; refuses to know what is sent.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::rt::{Read, ReadBufCursor, Write};
use tokio::time::Instant;

/// How long a connection may stay in each phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the first byte of a request to the end of its header; also from connecting to there.
    pub header: Duration,
    /// From the header to an answer that is ready to be sent.
    pub request: Duration,
    /// Between an answer that is ready and the next request: sending the answer, and idling.
    pub idle: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { header: Duration::from_secs(10), request: Duration::from_secs(90), idle: Duration::from_mins(1) }
    }
}

/// The phase of one connection and when it began, in one word.
#[derive(Debug)]
pub struct Watch {
    start: Instant,
    /// Milliseconds since `start`, times four, plus the phase.
    state: AtomicU64,
}

const HEADER: u64 = 0;
const REQUEST: u64 = 1;
const IDLE: u64 = 2;

impl Watch {
    /// A fresh connection: its first header is awaited.
    pub fn new() -> Self {
        Self { start: Instant::now(), state: AtomicU64::new(HEADER) }
    }

    /// A request is being worked on.
    pub fn busy(&self) {
        self.enter(REQUEST);
    }

    /// An answer is ready.
    pub fn idle(&self) {
        self.enter(IDLE);
    }

    /// Whether the present phase has lasted too long.
    pub fn is_over(&self, patience: Patience) -> bool {
        let state = self.state.load(Ordering::Relaxed);
        let allowed = match state & 3 {
            HEADER => patience.header,
            REQUEST => patience.request,
            _ => patience.idle,
        };
        self.start.elapsed() > Duration::from_millis(state >> 2) + allowed
    }

    fn enter(&self, phase: u64) {
        let since = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX >> 2);
        self.state.store(since << 2 | phase, Ordering::Relaxed);
    }

    fn bytes_came(&self) {
        if self.state.load(Ordering::Relaxed) & 3 == IDLE {
            self.enter(HEADER);
        }
    }
}

impl Default for Watch {
    fn default() -> Self {
        Self::new()
    }
}

/// A stream that tells its [`Watch`] when the next request begins.
#[derive(Debug)]
pub struct Watched<S> {
    stream: S,
    watch: Arc<Watch>,
}

impl<S> Watched<S> {
    /// Wraps a stream.
    pub const fn new(stream: S, watch: Arc<Watch>) -> Self {
        Self { stream, watch }
    }
}

impl<S: Read + Unpin> Read for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if read.is_ready() {
            self.watch.bytes_came();
        }
        read
    }
}

impl<S: Write + Unpin> Write for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }
    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bufs: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection made so many seconds ago.
    fn made_ago(seconds: u64) -> Watch {
        Watch { start: Instant::now().checked_sub(Duration::from_secs(seconds)).unwrap(), ..Watch::new() }
    }

    #[test]
    fn each_phase_has_its_own_patience() {
        let patience = Patience::default();
        assert!(!made_ago(9).is_over(patience));
        assert!(made_ago(11).is_over(patience), "a header that does not come");
        for (phase, allowed) in [(REQUEST, 90), (IDLE, 60), (HEADER, 10)] {
            let watch = made_ago(1_000);
            let began = |ago: u64| watch.state.store(((1_000 - ago) * 1_000) << 2 | phase, Ordering::Relaxed);
            began(allowed - 1);
            assert!(!watch.is_over(patience), "{phase}");
            began(allowed + 1);
            assert!(watch.is_over(patience), "{phase}");
        }
    }

    #[test]
    fn bytes_begin_a_header_only_between_requests() {
        let watch = Watch::new();
        watch.busy();
        watch.bytes_came();
        assert_eq!(watch.state.load(Ordering::Relaxed) & 3, REQUEST, "a body is no header");
        watch.idle();
        watch.bytes_came();
        assert_eq!(watch.state.load(Ordering::Relaxed) & 3, HEADER);
    }
}
