//! A client that posts many answers, whatever happens to the server, and remembers which of them were confirmed.
//!
//! Owns: what is sent, the confirmations, and the comparison of both with what is stored. A request whose answer did not
//! come is sent again under the same `external_id` once the server is back, as a careful client does.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a client that can't go on must fail its test loudly")]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::connection::{Answer, Connection};

/// How long the whole load may take.
const PATIENCE: Duration = Duration::from_hours(1);
/// Where answers go.
const PATH: &str = "/api/v1/responses";
/// Pause before a request that was not confirmed is sent again.
const AGAIN: Duration = Duration::from_millis(25);

/// A small generator of numbers that look random and depend on the seed alone.
#[derive(Debug, Clone)]
pub struct Numbers(u64);

impl Numbers {
    /// All numbers follow from `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `limit`.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}

/// One answer as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    /// The sender's id.
    pub external_id: String,
    /// 0-10.
    pub score: u8,
    /// Who answered.
    pub email: Option<String>,
    /// Given with one click in a mail: settles before rules act on it.
    pub one_click: bool,
    comment: bool,
}

impl Sent {
    /// The `n`th answer: all scores, some with a comment, most from somebody new, some from a few who answer often, some
    /// from nobody known, some from a one-click mail.
    pub fn nth(n: u32) -> Self {
        let mut numbers = Numbers::new(u64::from(n));
        let score = u8::try_from(numbers.below(11)).unwrap_or_default();
        let email = match numbers.below(10) {
            0 | 1 => None,
            2 | 3 => Some(format!("often-{}@customer.example", numbers.below(20))),
            _ => Some(format!("person-{n}@customer.example")),
        };
        Self { external_id: format!("answer-{n}"), score, email, one_click: numbers.below(8) == 0, comment: numbers.below(3) == 0 }
    }

    /// The body of the request.
    pub fn json(&self) -> Value {
        let person = self.email.as_ref().map_or_else(|| json!({}), |email| json!({ "email": email, "name": "Ona", "locale": "lt" }));
        json!({
            "survey": "nps",
            "score": self.score,
            "external_id": self.external_id,
            "person": person,
            "channel": if self.one_click { "email" } else { "api" },
            "comment": self.comment.then_some("it took too long"),
        })
    }

    /// Kinds of mail that the shipped rules send because of it, in the end, sorted.
    pub fn mails(&self) -> &'static [&'static str] {
        match (&self.email, self.score) {
            (None, _) => &[],
            (Some(_), 0..=6) => &["detractor_outreach"],
            (Some(_), 7..=8) => &["passive_thanks"],
            (Some(_), _) => &["promoter_thanks", "referral_invitation"],
        }
    }
}

/// A load under way.
#[derive(Debug)]
pub struct Load {
    shared: Arc<Shared>,
    server: watch::Sender<Option<SocketAddr>>,
    clients: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    key: String,
    next: AtomicU32,
    count: u32,
    log: Mutex<Log>,
}

/// What the client knows in the end.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// Id of the response by `external_id`, for each answer that was confirmed with 200 or 201.
    pub confirmed: BTreeMap<String, String>,
    /// Requests whose answer never came.
    pub unanswered: u32,
    /// Requests that were answered with 503.
    pub not_now: u32,
    /// Answers that must not be: any other status, another id at the second time.
    pub wrong: Vec<String>,
}

impl Load {
    /// Starts to send `count` answers over this many connections; nothing is sent before [`Load::server_at`].
    pub fn start(key: &str, count: u32, connections: u32) -> Self {
        let (server, address) = watch::channel(None);
        let shared = Arc::new(Shared { key: key.to_owned(), next: AtomicU32::new(0), count, log: Mutex::default() });
        let mut clients = JoinSet::new();
        for _ in 0..connections {
            clients.spawn(send_all(Arc::clone(&shared), address.clone()));
        }
        Self { shared, server, clients }
    }

    /// Where the server is now; `None` while there is none.
    pub fn server_at(&self, address: Option<SocketAddr>) {
        self.server.send_replace(address);
    }

    /// How many answers are confirmed.
    pub fn confirmed(&self) -> usize {
        self.shared.log().confirmed.len()
    }

    /// How many requests were answered with 503.
    pub fn not_now(&self) -> u32 {
        self.shared.log().not_now
    }

    /// Waits until each answer is confirmed.
    pub async fn finish(mut self) -> Log {
        timeout(PATIENCE, async { while self.clients.join_next().await.is_some() {} }).await.expect("a server that takes all answers");
        self.shared.log().clone()
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().expect("no client panics while it writes")
    }
}

async fn send_all(shared: Arc<Shared>, mut address: watch::Receiver<Option<SocketAddr>>) {
    let mut connection: Option<(SocketAddr, Connection)> = None;
    loop {
        let n = shared.next.fetch_add(1, Ordering::Relaxed);
        if n >= shared.count {
            return;
        }
        let sent = Sent::nth(n);
        let body = sent.json().to_string();
        loop {
            let Ok(server) = address.wait_for(Option::is_some).await.map(|address| *address) else { return };
            let Some(server) = server else { continue };
            let connection = match &mut connection {
                Some((to, kept)) if *to == server => kept,
                other => &mut other.insert((server, Connection::to(server))).1,
            };
            let answer = connection.post(PATH, &shared.key, body.clone()).await;
            if shared.log().note(&sent, answer) {
                break;
            }
            sleep(AGAIN).await;
        }
    }
}

impl Log {
    /// Sends the `n`th answer once; whether it needs no further request.
    pub async fn post(&mut self, connection: &mut Connection, key: &str, n: u32) -> bool {
        let sent = Sent::nth(n);
        let answer = connection.post(PATH, key, sent.json().to_string()).await;
        self.note(&sent, answer)
    }

    /// Whether this answer needs no further request.
    fn note(&mut self, sent: &Sent, answer: std::io::Result<Answer>) -> bool {
        match answer {
            Err(_) => self.unanswered += 1,
            Ok(answer) if matches!(answer.status, 200 | 201) => {
                let id = answer.text("id").to_owned();
                if let Some(before) = self.confirmed.insert(sent.external_id.clone(), id.clone())
                    && before != id
                {
                    self.wrong.push(format!("{} was {before}, then {id}", sent.external_id));
                }
                return true;
            }
            Ok(answer) if answer.status == 503 => {
                self.not_now += 1;
                if answer.retry_after.is_none() {
                    self.wrong.push("a 503 without Retry-After".to_owned());
                }
            }
            Ok(answer) => {
                self.wrong.push(format!("{}: {} {}", sent.external_id, answer.status, answer.body));
                return true;
            }
        }
        false
    }
}
