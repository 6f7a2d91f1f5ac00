//! Everything fails once at each place where it reads, writes or sends, and all is done in the end, once.
//!
//! A program of its own: where things fail is known to a whole process, and the other tests run side by side in theirs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that can't go on fails")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use chrono::DateTime;
use fail::FailScenario;
use hearback_core::id::{PersonId, WaveId};
use hearback_engine::{
    Actor, EngineError,
    campaigns::{campaign, fire, preview, waves},
    faults::{ASKING, PLACES},
    fsck,
    responses::submit::{FollowUp, NewResponse, submit_responses},
};
use hearback_mailer::Limits;
use hearback_store::{bulk, persons, suppressions};
use hearback_tests::{
    audit,
    database::{Fresh, Kind},
    engine::{Engine, MAIL_CONNECTIONS},
    load::{Log, Sent},
    smtp_server::{Script, SmtpServer},
};

/// How often each place is passed in one round without faults.
type Passes = Vec<(&'static str, usize)>;

/// A product that goes through round after round of answers.
struct Scene {
    database: Fresh,
    mail: SmtpServer,
    engine: Engine,
    next: u32,
    log: Log,
}

impl Scene {
    async fn make(kind: Kind) -> Self {
        let database = Fresh::make(kind).await;
        let mail = SmtpServer::start(Script::default()).await;
        let monday = DateTime::from_timestamp(1_773_651_600, 0).unwrap();
        let url = format!("smtp://127.0.0.1:{}", mail.port());
        let engine = Engine::open(&database.url, &url, Limits::default(), monday).await;
        Self { database, mail, engine, next: 0, log: Log::default() }
    }

    /// The next answer of this sort.
    fn answer(&mut self, fits: impl Fn(&Sent) -> bool) -> Sent {
        loop {
            let sent = Sent::nth(self.next);
            self.next += 1;
            if fits(&sent) {
                return sent;
            }
        }
    }

    /// One answer of each sort comes in, is sent again when it was not taken, and three hours pass. How often an answer
    /// was not taken.
    async fn round(&mut self) -> usize {
        let sorts: [fn(&Sent) -> bool; 5] = [
            |sent| sent.score <= 6 && sent.email.is_some() && !sent.one_click,
            |sent| matches!(sent.score, 7..=8) && sent.email.is_some(),
            |sent| sent.score >= 9 && sent.email.is_some() && !sent.one_click,
            |sent| sent.score >= 9 && sent.email.is_some() && sent.one_click,
            |sent| sent.email.is_none(),
        ];
        let mut refused = 0;
        for sort in sorts {
            let sent = self.answer(sort);
            refused += self.submit(&sent).await;
        }
        self.engine.work_for(chrono::Duration::hours(3)).await;
        refused
    }

    async fn submit(&mut self, sent: &Sent) -> usize {
        for refused in 0..3 {
            let new: NewResponse = serde_json::from_value(sent.json()).unwrap();
            match submit_responses(&self.engine.cx, self.engine.ws, vec![new], FollowUp::On).await.pop().unwrap() {
                Ok(receipt) => {
                    self.log.confirmed.insert(sent.external_id.clone(), receipt.id.to_string());
                    return refused;
                }
                Err(EngineError::Store(error)) => assert!(error.is_passing(), "the sender is not told to try again: {error}"),
                Err(error) => panic!("{error}"),
            }
        }
        panic!("{} is refused again and again", sent.external_id);
    }

    /// What is wrong, and how many mails were sent again so far.
    async fn look(&self) -> (Vec<String>, i64) {
        let db = &self.engine.cx.db;
        let again = self.engine.deliveries().await.iter().map(|row| row.duplicates).sum();
        let mut wrong = audit::answers(db, &self.log).await;
        wrong.extend(audit::effects(db).await);
        wrong.extend(audit::mail(db, &self.mail.mails(), usize::MAX).await);
        let violations = fsck::check(db, self.engine.cx.now()).await.unwrap();
        wrong.extend(violations.iter().map(|violation| format!("fsck: {}: {}", violation.check, violation.what)));
        (wrong, again)
    }

    async fn passes(&mut self) -> Passes {
        let counters: Vec<(&str, Arc<AtomicUsize>)> = PLACES.iter().map(|place| (*place, Arc::default())).collect();
        for (place, counter) in &counters {
            let counter = Arc::clone(counter);
            let count = move || {
                counter.fetch_add(1, Ordering::Relaxed);
            };
            fail::cfg_callback(*place, count).unwrap();
        }
        self.round().await;
        counters
            .into_iter()
            .map(|(place, counter)| {
                fail::remove(place);
                (place, counter.load(Ordering::Relaxed))
            })
            .collect()
    }

    async fn end(self) {
        self.engine.close().await;
        self.database.remove().await;
    }
}

/// Whether a failure here may leave it unknown whether a mail was delivered.
fn is_past_the_mark(place: &str) -> bool {
    place.starts_with("ledger.") || matches!(place, "sending.dot" | "sending.report")
}

async fn fails_once_at_each_place(kind: Kind) {
    // Taken by one test at a time.
    let scenario = FailScenario::setup();
    let mut scene = Scene::make(kind).await;
    let passes = scene.passes().await;
    assert_eq!(scene.look().await, (Vec::new(), 0), "{kind:?}, without faults");
    let mut again = 0;
    for (place, count) in passes {
        assert!(count > 0, "nothing passes {place}");
        // The first time, and once in the middle.
        for before in [0, count / 2] {
            fail::cfg(place, &format!("{before}*off->1*return(error)->off")).unwrap();
            let refused = scene.round().await;
            fail::remove(place);
            assert_eq!(refused, usize::from(place.starts_with("intake.")), "{kind:?}, {place} after {before}");
            let (wrong, now) = scene.look().await;
            assert!(wrong.is_empty(), "{kind:?}, {place} after {before}:\n{}", wrong.join("\n"));
            let most = if is_past_the_mark(place) { i64::try_from(MAIL_CONNECTIONS).unwrap() } else { 0 };
            assert!(now - again <= most, "{kind:?}, {place} after {before}: {} mails were sent again", now - again);
            again = now;
        }
    }
    assert!(again > 0, "a mail whose end was not recorded is sent again, and counted");
    eprintln!("{kind:?}: {} mails, {again} counted as sent again", scene.mail.mails().len());
    scene.end().await;
    scenario.teardown();
}

#[tokio::test]
async fn each_place_fails_once_on_sqlite() {
    fails_once_at_each_place(Kind::Sqlite).await;
}

#[cfg(feature = "servers")]
#[tokio::test]
async fn each_place_fails_once_on_postgres() {
    fails_once_at_each_place(Kind::Postgres).await;
}

/// People of several zones and accounts; one in a hundred wants no mail.
async fn people(engine: &Engine, count: usize) {
    let (cx, ws, now) = (&engine.cx, engine.ws, engine.cx.now());
    let zones = ["Europe/Vilnius", "America/New_York", "Asia/Tokyo", "Europe/Helsinki"];
    let (mut all, mut unwilling) = (Vec::new(), Vec::new());
    for n in 0..count {
        let email = format!("customer{n}@example.com");
        if n % 100 == 13 {
            let address = email.clone();
            unwilling.push(suppressions::Model {
                workspace_id: ws.uuid(),
                address,
                reason: "unsubscribed".into(),
                created_at: 0,
                note: None,
            });
        }
        all.push(persons::Model {
            timezone: zones.get(n % 5).map(|zone| (*zone).to_owned()),
            account_key: (n % 3 == 0).then(|| format!("account{}", n / 30)),
            properties: format!("{{\"orders\":{}}}", n % 40),
            email: Some(email.clone()),
            ..persons::Model::new(ws, PersonId::new(now), format!("email:{email}"), now)
        });
    }
    let tx = cx.db.write().await.unwrap();
    persons::insert(&tx, all).await.unwrap();
    bulk::insert::<suppressions::Entity>(&tx, &unwilling).await.unwrap();
    tx.commit().await.unwrap();
}

/// A wave is planned and fed in pages: wherever that breaks off, whoever goes on asks everybody once.
async fn a_wave_goes_on(kind: Kind) {
    const PEOPLE: usize = 5_200;
    let scenario = FailScenario::setup();
    let scene = Scene::make(kind).await;
    let (cx, ws) = (&scene.engine.cx, scene.engine.ws);
    people(&scene.engine, PEOPLE).await;
    let gold = serde_json::json!({ "survey": "nps", "audience": { "person": { "orders": { "gte": 1 } } }, "account_cap": 6 });
    let plan = serde_json::from_value(gold).unwrap();
    campaign::put(cx, ws, &Actor::Operator, "relations", plan).await.unwrap();
    let expected = preview::preview(cx, ws, "relations", Some(cx.now()), preview::Shown::default()).await.unwrap();
    for place in ASKING {
        fail::cfg(*place, "1*off->2*return(error)->off").unwrap();
    }
    let wave = fire::run_now(cx, ws, &Actor::Operator, "relations").await.unwrap();
    scene.engine.work_for(chrono::Duration::days(2)).await;
    for place in ASKING {
        fail::remove(place);
    }
    let wave = waves::one(cx, ws, WaveId::from_uuid(wave.id)).await.unwrap();
    assert_eq!(wave.people(), i64::try_from(expected.people).unwrap(), "{kind:?}: everybody has one place or one reason");
    assert_eq!((wave.asked(), wave.waiting()), (i64::try_from(expected.asked).unwrap(), 0), "{kind:?}: as the preview said");
    let sent = scene.mail.mails().len();
    assert_eq!(sent, usize::try_from(expected.asked).unwrap(), "{kind:?}: each is asked once");
    let violations = fsck::check(&cx.db, cx.now()).await.unwrap();
    assert!(violations.is_empty(), "{violations:#?}");
    scene.end().await;
    scenario.teardown();
}

#[tokio::test]
async fn a_wave_goes_on_where_it_broke_off_on_sqlite() {
    a_wave_goes_on(Kind::Sqlite).await;
}

#[cfg(feature = "servers")]
#[tokio::test]
async fn a_wave_goes_on_where_it_broke_off_on_postgres() {
    a_wave_goes_on(Kind::Postgres).await;
}

/// A mail that comes in is stored before its mailbox hears of it: wherever that breaks off, it is taken once.
#[cfg(feature = "servers")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_comes_in_is_taken_once_wherever_it_breaks_off() {
    use hearback_engine::{faults::INBOUND, inbound::poll};
    use hearback_mailer::Mailbox;
    use hearback_store::{EntityTrait as _, messages};
    use hearback_tests::mail_house::MailHouse;

    let scenario = FailScenario::setup();
    for kind in hearback_tests::database::EVERY {
        let scene = Scene::make(*kind).await;
        let house = MailHouse::start().await;
        let mailbox = Mailbox::parse(&house.imap("secret"), None).unwrap();
        let cx = &scene.engine.cx;
        for (n, place) in (1..).zip(INBOUND) {
            house.put(&n.to_string(), format!("From: a@elsewhere.example\nSubject: {place}\n\nhello\n").as_bytes());
            fail::cfg(*place, "1*return(error)").unwrap();
            assert!(poll(cx, &mailbox).await.is_err(), "{place} is passed");
            assert_eq!(
                house.mails().iter().filter(|name| name.ends_with(":2,S")).count(),
                n - 1,
                "{place}: not marked before it is stored"
            );
            poll(cx, &mailbox).await.unwrap();
            assert_eq!(house.mails().iter().filter(|name| name.ends_with(":2,S")).count(), n, "{place}");
            assert_eq!(messages::Entity::find().all(cx.db.read()).await.unwrap().len(), n, "{place}");
        }
    }
    scenario.teardown();
}
