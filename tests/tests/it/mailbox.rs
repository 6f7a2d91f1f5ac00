//! Mail that is fetched from a real mailbox, and real bounces of a real mail server.

use std::time::Duration;

use hearback_core::{Email, state::MessageState, token::Purpose};
use hearback_engine::{
    inbound::{Polled, poll, watch},
    settings::Dispatch,
};
use hearback_mailer::{Limits, Mailbox, Message, RelayOptions, Transport};
use hearback_store::{EntityTrait as _, alerts, deliveries, mailboxes, messages, suppressions};
use hearback_tests::{
    app::{Options, TestApp, on_every_database, on_every_database_with},
    client::Client,
    letters::{mark, reply, shaped},
    mail_house::{MailHouse, is_root},
    process::until,
};

fn mailbox(house: &MailHouse) -> Mailbox {
    Mailbox::parse(&house.imap("secret"), None).unwrap()
}

async fn stored(app: &TestApp) -> Vec<messages::Model> {
    messages::Entity::find().all(app.cx.db.read()).await.unwrap()
}

#[tokio::test]
async fn what_is_in_the_mailbox_is_taken_once_and_never_deleted() {
    Box::pin(on_every_database(async |app| {
        let house = MailHouse::start().await;
        let mailbox = mailbox(&house);
        app.answer("anna@example.com", 2).await;
        app.run_until_idle().await;
        let mails = deliveries::Entity::find().all(app.cx.db.read()).await.unwrap();
        let mail = mails.iter().find(|mail| mail.to_address == "anna@example.com").unwrap();
        house.put("1", &shaped("reply-gmail", &mark(app, Purpose::Reply, mail.id)));
        house.put("2", &shaped("delayed-postfix", &mark(app, Purpose::Bounce, mail.id)));
        house.put("3", b"From: somebody@elsewhere.example\nSubject: hello\n\nhello\n");
        assert_eq!(poll(&app.cx, &mailbox).await.unwrap(), Polled { taken: 3, known: 0 });
        assert_eq!(poll(&app.cx, &mailbox).await.unwrap(), Polled::default());
        house.put("4", &reply(&mark(app, Purpose::Reply, mail.id), "anna@example.com", "One thing more."));
        assert_eq!(poll(&app.cx, &mailbox).await.unwrap(), Polled { taken: 1, known: 0 });
        let names = house.mails();
        assert!(names.len() == 4 && names.iter().all(|name| name.ends_with(":2,S")), "all there, all seen: {names:?}");
        let mut kinds: Vec<_> = stored(app).await.into_iter().map(|row| row.kind).collect();
        kinds.sort();
        assert_eq!(kinds, ["delayed", "reply", "reply", "reply"]);
        // A node that died before it noted how far it had read, and a mailbox that was made anew: nothing is taken twice.
        let tx = app.cx.db.write().await.unwrap();
        mailboxes::Entity::delete_many().exec(&*tx).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(poll(&app.cx, &mailbox).await.unwrap(), Polled { taken: 0, known: 4 });
        house.renumber();
        assert_eq!(poll(&app.cx, &mailbox).await.unwrap().taken, 0);
        // Two nodes at once.
        let other = app.second_node().await;
        for number in 0..60 {
            house.put(&format!("n{number}"), format!("From: a@elsewhere.example\nSubject: {number}\n\nhello\n").as_bytes());
        }
        let (one, two) = tokio::join!(poll(&app.cx, &mailbox), poll(&other.cx, &mailbox));
        assert_eq!(one.unwrap().taken + two.unwrap().taken, 60);
        assert_eq!(stored(app).await.len(), 64);
    }))
    .await;
}

#[tokio::test]
async fn a_mailbox_that_lets_nobody_in_is_told_and_nothing_hangs() {
    on_every_database(async |app| {
        let house = MailHouse::start().await;
        let wrong = Mailbox::parse(&house.imap("not-it"), None).unwrap();
        let error = poll(&app.cx, &wrong).await.unwrap_err().to_string();
        assert!(error.starts_with("logging in") && !error.contains("not-it"), "{error}");
        let tls = format!("imaps://care:secret@127.0.0.1:{}", house.imap("x").rsplit(':').next().unwrap().trim_end_matches("/INBOX"));
        if let Ok(tls) = Mailbox::parse(&tls, None) {
            assert!(poll(&app.cx, &tls).await.is_err(), "no encryption, no mail");
        }
        let looks = watch(&app.cx, &wrong, Duration::from_millis(1));
        let told = until(Duration::from_mins(1), "somebody is told", async || {
            alerts::Entity::find().all(app.cx.db.read()).await.unwrap().iter().any(|alert| alert.kind == "mailbox")
        });
        tokio::select! { () = looks => {}, () = told => {} }
        let alerts = alerts::Entity::find().all(app.cx.db.read()).await.unwrap();
        assert!(!alerts[0].message.contains("not-it") && !alerts[0].subject.contains("not-it"));
        let is_degraded = async || Client::stranger(app.address()).get("/readyz").await.json()["reasons"].to_string().contains("mailbox");
        assert!(is_degraded().await);
        // It lets us in again, here or in the process that comes after this one.
        let right = Mailbox::parse(&house.imap("secret"), None).unwrap();
        let looks = watch(&app.cx, &right, Duration::from_millis(1));
        let over = until(Duration::from_mins(1), "the alert ends", async || !is_degraded().await);
        tokio::select! { () = looks => {}, () = over => {} }
    })
    .await;
}

/// What our mail server takes is handed on to Postfix as it came.
async fn hand_on(app: &TestApp, house: &MailHouse) {
    let transport = Transport::parse(&house.smtp(), &RelayOptions::default(), Limits::default()).unwrap();
    let between = |line: &str| line.split_once('<').unwrap().1.split('>').next().unwrap().to_owned();
    for mail in app.smtp.mails() {
        let recipient = between(&mail.rcpt);
        if !recipient.ends_with(".example") || recipient.ends_with("@shop.example") {
            continue;
        }
        let message = Message {
            message_id: String::new(),
            sender: Email::parse(&between(&mail.mail)).unwrap(),
            recipient: Email::parse(&recipient).unwrap(),
            bytes: mail.data.clone(),
        };
        let mut session = transport.open().await.unwrap();
        session.begin(&message).await.unwrap();
        session.finish(None).await.unwrap();
        session.close().await;
    }
}

#[tokio::test]
async fn real_bounces_of_a_real_server_find_their_mails() {
    if !is_root() {
        eprintln!("skipped: a mail server of one's own takes root");
        return;
    }
    let dispatch = Dispatch {
        return_path: Some(Email::parse("bounces@shop.example").unwrap()),
        reply_to: Some(Email::parse("replies@shop.example").unwrap()),
        ..Dispatch::default()
    };
    on_every_database_with(&Options { dispatch, ..Options::default() }, async |app| {
        let mut house = MailHouse::start().await;
        house.start_postfix().await;
        let customers = ["anna@gone.example", "ben@full.example", "cleo@strict.example", "dina@slow.example"];
        for customer in customers {
            app.answer(customer, 10).await;
        }
        app.run_until_idle().await;
        hand_on(app, &house).await;
        let mailbox = mailbox(&house);
        until(Duration::from_mins(1), "all four come back", async || house.mails().len() >= 4).await;
        poll(&app.cx, &mailbox).await.unwrap();
        let mails = deliveries::Entity::find().all(app.cx.db.read()).await.unwrap();
        let stands = |address: &str| mails.iter().find(|mail| mail.to_address == address).unwrap().status.as_str();
        assert_eq!(customers.map(stands), ["bounced", "bounced", "bounced", "sent"]);
        let stored = stored(app).await;
        let told = |delivery: uuid::Uuid| {
            let row = stored.iter().find(|row| row.delivery_id == Some(delivery)).unwrap();
            (row.kind.clone(), *row.state, row.reason.clone().unwrap_or_default())
        };
        let of = |address: &str| told(mails.iter().find(|mail| mail.to_address == address).unwrap().id);
        let is = |kind: &str, reason: &str| (kind.to_owned(), MessageState::Done, reason.to_owned());
        assert_eq!(of(customers[0]), is("bounce", "address 5.1.1"));
        assert_eq!(of(customers[1]), is("bounce", "passing 5.2.2"));
        assert_eq!(of(customers[2]), is("bounce", "policy 5.7.1"));
        assert_eq!(of(customers[3]), is("delayed", "4.4.1"));
        let stopped = suppressions::Entity::find().all(app.cx.db.read()).await.unwrap();
        assert_eq!(stopped.iter().map(|row| row.address.as_str()).collect::<Vec<_>>(), ["anna@gone.example"]);
    })
    .await;
}
