//! Connections: accepting them, bounding how many there are and how long each may idle, ending them in order.
//!
//! Owns the accept loop, because a stock server has no timer that ends a connection which sends its header one byte a
//! minute. Says who calls: the limits count nobody else. Refuses to know what is served.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    extract::Request,
    http::{HeaderMap, HeaderName},
};
use hearback_core::{Proxies, one_caller};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, MissedTickBehavior},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::Service as _;

use crate::watch::{Patience, Watch, Watched};

/// How much of the machine strangers may hold on to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once; more wait in the kernel's queue.
    pub connections: usize,
    /// Connections open at once of one caller ([`one_caller`]); more are closed at once. A proxy has as many as there are.
    pub connections_per_caller: usize,
    /// The proxies that are believed about whom they speak for.
    pub proxies: Proxies,
    /// How long each phase of a connection may take.
    pub patience: Patience,
    /// How long requests in flight may take to finish after a stop.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 4_096,
            connections_per_caller: 128,
            proxies: Proxies::default(),
            patience: Patience::default(),
            drain: Duration::from_secs(30),
        }
    }
}

/// Who a request came from; an extension of each request. The address of the connection, or what a proxy that is believed says; of an
/// address of IPv6 its network, as all limits count it ([`one_caller`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// In which proxies say whom they speak for.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// How often a connection's phase is looked at: its timeouts are kept to this.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// After a failed accept (no file handles left), so that the loop does not spin.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);
/// Largest request line and header together, in bytes.
const MAX_HEAD: usize = 64 * 1024;

/// Serves `app` until `stop`; then takes no new connection, lets requests in flight finish, and returns how many
/// connections had to be cut because they did not.
pub async fn serve(listener: TcpListener, app: Router, limits: Limits, stop: CancellationToken) -> usize {
    let room = Arc::new(Semaphore::new(limits.connections));
    let callers = Arc::new(Callers::default());
    let tasks = TaskTracker::new();
    let cut = CancellationToken::new();
    let proxies = Arc::new(limits.proxies);
    while let Some((stream, peer, permit)) = accept(&listener, &room, &stop).await {
        let most = if proxies.trust(peer.ip()) { limits.connections } else { limits.connections_per_caller };
        let Some(place) = callers.admit(one_caller(peer.ip()), most) else { continue };
        let caller = Caller { peer: peer.ip(), proxies: Arc::clone(&proxies) };
        let connection = connection(stream, caller, app.clone(), limits.patience, stop.clone(), cut.clone());
        tasks.spawn(async move {
            connection.await;
            drop((permit, place));
        });
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(limits.drain, tasks.wait()).await.is_ok() {
        return 0;
    }
    let left = tasks.len();
    cut.cancel();
    tasks.wait().await;
    left
}

/// The next connection, once there is room for it; `None` after `stop`.
async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = tokio::select! {
        () = stop.cancelled() => return None,
        permit = Arc::clone(room).acquire_owned() => permit.ok()?,
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => return None,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => return Some((stream, peer, permit)),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_AGAIN).await;
            }
        }
    }
}

/// Whoever has a connection, and who is believed when they speak for others.
struct Caller {
    peer: IpAddr,
    proxies: Arc<Proxies>,
}

impl Caller {
    fn of(&self, headers: &HeaderMap) -> Peer {
        // A header that is no text says nothing, and hides nothing that stands before it.
        let forwarded = headers.get_all(FORWARDED_FOR).into_iter().map(|value| value.to_str().unwrap_or_default());
        Peer(one_caller(self.proxies.caller(self.peer, forwarded)))
    }
}

async fn connection(stream: TcpStream, caller: Caller, app: Router, patience: Patience, stop: CancellationToken, cut: CancellationToken) {
    // Answers are small and written at once: waiting for more to fill a packet only delays them.
    let _ = stream.set_nodelay(true);
    let watch = Arc::new(Watch::new());
    let handler = service_fn(|mut request: Request<Incoming>| {
        let peer = caller.of(request.headers());
        request.extensions_mut().insert(peer);
        let (mut app, watch) = (app.clone(), Arc::clone(&watch));
        async move {
            watch.busy();
            let response = app.call(request).await;
            watch.idle();
            Ok::<_, Infallible>(match response {
                Ok(response) => response,
                Err(never) => match never {},
            })
        }
    });
    let io = Watched::new(TokioIo::new(stream), Arc::clone(&watch));
    // The phases are watched here, so hyper needs no timer of its own (which would also end idle connections early).
    let connection = http1::Builder::new().header_read_timeout(None).max_buf_size(MAX_HEAD).serve_connection(io, handler);
    let mut connection = std::pin::pin!(connection);
    let mut look = tokio::time::interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = &mut connection => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a connection ended badly");
                }
                return;
            }
            _ = look.tick() => {
                if watch.is_over(patience) {
                    return;
                }
            }
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
            () = cut.cancelled() => return,
        }
    }
}

/// How many connections each caller holds.
#[derive(Debug, Default)]
struct Callers(Mutex<HashMap<IpAddr, usize>>);

/// One connection of a caller, counted until it is dropped.
struct Place(Arc<Callers>, IpAddr);

impl Callers {
    fn admit(self: &Arc<Self>, ip: IpAddr, most: usize) -> Option<Place> {
        let mut callers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let held = callers.entry(ip).or_insert(0);
        if *held >= most {
            return None;
        }
        *held += 1;
        Some(Place(Arc::clone(self), ip))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut callers = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = callers.get_mut(&self.1) {
            *held -= 1;
            if *held == 0 {
                callers.remove(&self.1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    async fn started(limits: Limits) -> (SocketAddr, CancellationToken, tokio::task::JoinHandle<usize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let slow = || async {
            tokio::time::sleep(Duration::from_millis(300)).await;
            "late"
        };
        let app = Router::new().route("/", get(|| async { "hello" })).route("/slow", get(slow));
        (address, stop.clone(), tokio::spawn(serve(listener, app, limits, stop)))
    }

    async fn all_of(mut stream: TcpStream) -> String {
        let mut text = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut text)).await.expect("the connection was not closed");
        String::from_utf8_lossy(&text).into_owned()
    }

    #[tokio::test]
    async fn a_header_that_never_ends_and_an_idle_connection_are_closed() {
        let brief = Duration::from_millis(100);
        let patience = Patience { header: brief, idle: brief, ..Patience::default() };
        let (address, stop, server) = started(Limits { patience, ..Limits::default() }).await;
        let mut loris = TcpStream::connect(address).await.unwrap();
        loris.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ").await.unwrap();
        let mut idle = TcpStream::connect(address).await.unwrap();
        idle.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let (loris, idle) = tokio::join!(all_of(loris), all_of(idle));
        assert_eq!(loris, "");
        assert!(idle.ends_with("hello"), "{idle}");
        stop.cancel();
        assert_eq!(server.await.unwrap(), 0);
    }

    #[tokio::test]
    async fn one_address_can_not_take_all_connections() {
        let (address, _stop, _server) = started(Limits { connections_per_caller: 1, ..Limits::default() }).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        first.readable().await.unwrap();
        assert_eq!(all_of(TcpStream::connect(address).await.unwrap()).await, "", "the second is closed at once");
        drop(first);
    }

    #[tokio::test]
    async fn a_stop_lets_requests_in_flight_finish() {
        let (address, stop, server) = started(Limits::default()).await;
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
        assert!(all_of(stream).await.ends_with("late"));
        assert_eq!(server.await.unwrap(), 0);
        assert!(TcpStream::connect(address).await.is_err(), "nothing listens any more");
    }
}
