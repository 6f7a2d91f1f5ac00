//! The mailer against servers that refuse, hang, lie and hang up.

mod announced;
mod encrypted;

use std::{io::ErrorKind, net::TcpListener, path::Path, time::Duration};

use chrono::DateTime;
use hearback_core::Email;
use hearback_mailer::{
    Cause, Fail, FailClass, Limits, Login, Message, Origin, Outgoing, Relay, RelayOptions, Rendered, Security, Session, Stage, Transport,
};
use hearback_tests::{
    certificate::Certificate,
    smtp_server::{At, Fault, Script, SmtpServer},
};
use tokio::task::JoinSet;

/// Short enough for a test, long enough for a busy machine to answer when it wants to.
fn quick() -> Limits {
    let wait = Duration::from_secs(1);
    Limits { reply: wait, data: wait, block: wait, dot: wait, ..patient() }
}

/// For conversations that end by themselves.
fn patient() -> Limits {
    Limits { connect: Duration::from_secs(20), reply: Duration::from_secs(20), ..Limits::default() }
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn mail(n: u32) -> Message {
    Outgoing {
        message_id: format!("{n}@hearback.example"),
        date: DateTime::UNIX_EPOCH,
        from: email("us@example.com").into(),
        to: email("anna@example.org").into(),
        reply_to: None,
        content: Rendered {
            subject: format!("Mail {n}"),
            text: ".\n..\n.\r\n\r\n.\r\nMAIL FROM:<a@b.lt>\r\nend".to_owned(),
            html: "<p>.</p>\n.\n".to_owned(),
            quoted: None,
        },
        unsubscribe_url: None,
        unsubscribe_mail: None,
        return_path: None,
        origin: Origin::Automatic,
        in_reply_to: None,
    }
    .build()
    .unwrap()
}

fn transport(server: &SmtpServer, limits: Limits) -> Transport {
    Transport::parse(&format!("smtp://127.0.0.1:{}", server.port()), &RelayOptions::default(), limits).unwrap()
}

async fn send(session: &mut Session, message: &Message) -> Result<String, Fail> {
    session.begin(message).await?;
    session.finish(None).await.map(|reply| reply.to_string())
}

/// Connects and sends one mail.
async fn attempt(server: &SmtpServer, limits: Limits) -> Result<String, Fail> {
    send(&mut transport(server, limits).open().await?, &mail(1)).await
}

async fn failure(script: Script, limits: Limits) -> Fail {
    attempt(&SmtpServer::start(script).await, limits).await.unwrap_err()
}

const WITHOUT_PIPELINING: &[&str] = &["8BITMIME"];

#[tokio::test]
async fn a_mail_arrives_as_it_was_built_with_and_without_pipelining() {
    for (script, pipelined) in [(Script::default(), true), (Script::default().offers(WITHOUT_PIPELINING), false)] {
        let server = SmtpServer::start(script).await;
        let mut session = transport(&server, patient()).open().await.unwrap();
        for n in 1..=3 {
            assert_eq!(send(&mut session, &mail(n)).await.unwrap(), "250 2.0.0 taken");
        }
        session.close().await;
        let mails = server.mails();
        assert_eq!((mails.len(), server.connections(), server.was_pipelined()), (3, 1, pipelined));
        for (n, got) in (1..).zip(mails) {
            assert_eq!((got.mail.as_str(), got.rcpt.as_str()), ("MAIL FROM:<us@example.com>", "RCPT TO:<anna@example.org>"));
            assert_eq!(String::from_utf8(got.data).unwrap(), String::from_utf8(mail(n).bytes).unwrap());
        }
    }
}

#[tokio::test]
async fn a_refused_port_is_the_relays_fault() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let transport = Transport::parse(&format!("smtp://127.0.0.1:{unused}"), &RelayOptions::default(), patient()).unwrap();
    let fail = transport.open().await.unwrap_err();
    assert_eq!(fail.stage, Stage::Connect);
    assert_eq!((&fail.cause, fail.class(), fail.ambiguous()), (&Cause::Io(ErrorKind::ConnectionRefused), FailClass::Relay, false));
}

#[tokio::test]
async fn silence_ends_at_the_limit_of_its_stage() {
    let stages = [
        (At::Greeting, Stage::Greeting, FailClass::Relay),
        (At::Ehlo, Stage::Hello, FailClass::Relay),
        (At::Mail, Stage::Mail, FailClass::Retry),
        (At::Rcpt, Stage::Rcpt, FailClass::Retry),
        (At::Data, Stage::Data, FailClass::Retry),
        (At::Dot, Stage::Dot, FailClass::Retry),
    ];
    let mut waiting = JoinSet::new();
    for (at, stage, class) in stages {
        for fault in [Fault::Hang, Fault::Dribble(Duration::from_millis(300))] {
            for offers in [&["PIPELINING"][..], WITHOUT_PIPELINING] {
                let script = Script::default().offers(offers).always(at, fault.clone());
                waiting.spawn(async move { (stage, class, failure(script, quick()).await) });
            }
        }
    }
    for (stage, class, fail) in waiting.join_all().await {
        assert_eq!((fail.stage, fail.class(), fail.ambiguous()), (stage, class, stage == Stage::Dot), "{fail}");
        assert!(matches!(fail.cause, Cause::Timeout(_)), "{fail}");
    }
}

#[tokio::test]
async fn a_refusal_costs_its_mail_and_not_the_connection() {
    for (at, stage) in [(At::Mail, Stage::Mail), (At::Rcpt, Stage::Rcpt), (At::Data, Stage::Data), (At::Dot, Stage::Dot)] {
        for (line, class) in [("451 4.7.1 greylisted", FailClass::Retry), ("550 5.1.1 no such user", FailClass::Reject)] {
            for offers in [&["PIPELINING"][..], WITHOUT_PIPELINING] {
                let server = SmtpServer::start(Script::default().offers(offers).once(at, 1, Fault::reply(line))).await;
                let mut session = transport(&server, patient()).open().await.unwrap();
                let fail = send(&mut session, &mail(1)).await.unwrap_err();
                assert_eq!((fail.stage, fail.class(), fail.ambiguous()), (stage, class, false), "{fail}");
                assert_eq!(fail.reply().unwrap().to_string(), line);
                send(&mut session, &mail(2)).await.unwrap();
                assert_eq!((server.connections(), server.mails().len()), (1, 1), "{at:?} {line}");
                assert_eq!(server.mails()[0].data, mail(2).bytes);
            }
        }
    }
}

#[tokio::test]
async fn a_relay_that_wants_a_login_pauses_the_queue() {
    for line in ["530 5.7.0 authentication required", "535 5.7.8 no"] {
        assert_eq!(failure(Script::default().always(At::Mail, Fault::reply(line)), patient()).await.class(), FailClass::Relay);
    }
    for at in [At::Greeting, At::Ehlo] {
        let script = Script::default().always(at, Fault::reply("421 4.3.2 busy"));
        assert_eq!(failure(script, patient()).await.class(), FailClass::Relay);
    }
}

#[tokio::test]
async fn after_421_the_connection_is_gone() {
    for at in [At::Rcpt, At::Data, At::Dot] {
        let server = SmtpServer::start(Script::default().once(at, 1, Fault::reply("421 4.7.0 too many"))).await;
        let mut session = transport(&server, patient()).open().await.unwrap();
        let fail = send(&mut session, &mail(1)).await.unwrap_err();
        assert_eq!((fail.class(), fail.ambiguous()), (FailClass::Retry, false), "{fail}");
        send(&mut session, &mail(2)).await.unwrap();
        assert_eq!((server.connections(), server.mails().len()), (2, 1), "{at:?}");
    }
}

#[tokio::test]
async fn only_a_lost_reply_to_the_dot_is_ambiguous() {
    for (at, stage) in [(At::Mail, Stage::Mail), (At::Rcpt, Stage::Rcpt), (At::Data, Stage::Data)] {
        let fail = failure(Script::default().always(at, Fault::Close), patient()).await;
        assert_eq!((fail.stage, fail.class(), fail.ambiguous()), (stage, FailClass::Retry, false), "{fail}");
    }
    let server = SmtpServer::start(Script::default().always(At::Dot, Fault::Close)).await;
    let fail = attempt(&server, patient()).await.unwrap_err();
    assert!(fail.ambiguous(), "{fail}");
    assert_eq!(server.mails().len(), 1, "it was delivered, and we could not know");
}

#[tokio::test]
async fn a_server_that_leaves_or_sleeps_in_the_middle_of_the_body_has_no_mail() {
    for (fault, timed_out) in [(Fault::Close, false), (Fault::Hang, true)] {
        let server = SmtpServer::start(Script::default().always(At::Body, fault)).await;
        let mut session = transport(&server, Limits { block: Duration::from_secs(1), ..patient() }).open().await.unwrap();
        let mut large = mail(1);
        large.bytes = b"far more than fits into the buffers of the network\r\n".repeat(600_000);
        let fail = session.begin(&large).await.unwrap_err();
        assert_eq!((fail.stage, fail.class(), fail.ambiguous()), (Stage::Body, FailClass::Retry, false), "{fail}");
        assert_eq!(matches!(fail.cause, Cause::Timeout(_)), timed_out, "{fail}");
        assert_eq!(server.mails(), []);
    }
}

#[tokio::test]
async fn what_is_not_smtp_ends_the_connection() {
    let garbage = || {
        [
            Fault::reply("999 what"),
            Fault::reply("hello"),
            Fault::reply("250-a\r\n550 b"),
            Fault::reply("199 x"),
            Fault::Flood(vec![b'2'; 4096]),
            Fault::Flood(b"250-more\r\n".to_vec()),
            Fault::Reply(vec![0xFF, 0xFE, b'\r', b'\n']),
        ]
    };
    for (at, stage, class) in [
        (At::Greeting, Stage::Greeting, FailClass::Relay),
        (At::Ehlo, Stage::Hello, FailClass::Relay),
        (At::Mail, Stage::Mail, FailClass::Retry),
        (At::Rcpt, Stage::Rcpt, FailClass::Retry),
        (At::Data, Stage::Data, FailClass::Retry),
        (At::Dot, Stage::Dot, FailClass::Retry),
    ] {
        for fault in garbage() {
            let fail = failure(Script::default().always(at, fault.clone()), patient()).await;
            assert_eq!((fail.stage, fail.class(), fail.ambiguous()), (stage, class, stage == Stage::Dot), "{fault:?}: {fail}");
            assert!(matches!(fail.cause, Cause::Protocol(_)), "{fault:?}: {fail}");
        }
    }
    // A code that means something elsewhere, but not here.
    for (at, line) in [(At::Mail, "354 go on"), (At::Data, "250 ok"), (At::Dot, "354 more")] {
        let fail = failure(Script::default().always(at, Fault::reply(line)), patient()).await;
        assert!(matches!(fail.cause, Cause::Protocol(_)), "{fail}");
    }
}

#[tokio::test]
async fn sloppy_replies_are_understood() {
    let sloppy = Script::default()
        .always(At::Greeting, Fault::Reply(b"220-a\n220 b\n".to_vec()))
        .always(At::Ehlo, Fault::Reply(b"250-x\n250 PIPELINING\n".to_vec()))
        .always(At::Mail, Fault::Reply(b"250\r\n".to_vec()))
        .always(At::Rcpt, Fault::Reply(b"250 \xE4\xF6\r\n".to_vec()))
        .always(At::Data, Fault::Reply(b"354\n".to_vec()))
        .always(At::Dot, Fault::Reply(b"250 \xFF taken\n".to_vec()));
    let server = SmtpServer::start(sloppy).await;
    assert_eq!(attempt(&server, patient()).await.unwrap(), "250 \u{FFFD} taken");
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_server_that_knows_only_helo_gets_mail() {
    let server = SmtpServer::start(Script::default().always(At::Ehlo, Fault::reply("502 5.5.1 unknown"))).await;
    attempt(&server, patient()).await.unwrap();
    assert_eq!(server.lines()[..2], ["EHLO [127.0.0.1]", "HELO [127.0.0.1]"]);
    assert!(!server.was_pipelined());
}

#[tokio::test]
async fn a_late_reply_to_the_dot_counts() {
    let server = SmtpServer::start(Script::default().always(At::Dot, Fault::Late(Duration::from_millis(500)))).await;
    attempt(&server, Limits { reply: Duration::from_millis(400), ..patient() }).await.unwrap();
    assert_eq!(server.mails().len(), 1);
}

#[tokio::test]
async fn a_go_on_after_a_refused_recipient_delivers_nothing() {
    let script = Script::default().once(At::Rcpt, 1, Fault::reply("550 5.1.1 no")).once(At::Data, 1, Fault::reply("354 go on"));
    let server = SmtpServer::start(script).await;
    let mut session = transport(&server, patient()).open().await.unwrap();
    let fail = send(&mut session, &mail(1)).await.unwrap_err();
    assert_eq!((fail.stage, fail.class()), (Stage::Rcpt, FailClass::Reject));
    send(&mut session, &mail(2)).await.unwrap();
    assert_eq!((server.connections(), server.mails().len()), (2, 1));
    assert_eq!(server.mails()[0].data, mail(2).bytes);
}

#[tokio::test]
async fn a_connection_closed_between_two_mails_is_replaced_at_once() {
    for fault in [Fault::Close, Fault::reply("421 4.4.2 idle for too long")] {
        let server = SmtpServer::start(Script::default().once(At::Idle, 1, fault)).await;
        let mut session = transport(&server, patient()).open().await.unwrap();
        for n in 1..=3 {
            send(&mut session, &mail(n)).await.unwrap();
        }
        assert_eq!((server.connections(), server.mails().len()), (2, 3));
    }
    // Also when it was closed before its first mail, or can't even forget the last one.
    for script in [
        Script::default().once(At::Mail, 1, Fault::Close),
        Script::default().once(At::Mail, 1, Fault::reply("421 4.3.2 restarting")),
        Script::default().once(At::Rcpt, 1, Fault::reply("450 4.2.0 later")).once(At::Rset, 1, Fault::reply("500 what?")),
    ] {
        let server = SmtpServer::start(script).await;
        let mut session = transport(&server, patient()).open().await.unwrap();
        let first = send(&mut session, &mail(1)).await;
        send(&mut session, &mail(2)).await.unwrap();
        assert_eq!((server.connections(), server.mails().len()), (2, if first.is_ok() { 2 } else { 1 }));
    }
}

#[tokio::test]
async fn a_new_connection_is_made_after_so_many_mails_and_after_idling() {
    let limits = Limits { mails_per_connection: 2, ..patient() };
    let server = SmtpServer::start(Script::default()).await;
    let mut session = transport(&server, limits).open().await.unwrap();
    for n in 1..=5 {
        send(&mut session, &mail(n)).await.unwrap();
    }
    assert_eq!((server.connections(), server.mails().len()), (3, 5));

    let server = SmtpServer::start(Script::default()).await;
    let mut session = transport(&server, Limits { idle: Duration::ZERO, ..patient() }).open().await.unwrap();
    for n in 1..=3 {
        send(&mut session, &mail(n)).await.unwrap();
    }
    assert_eq!(server.mails().len(), 3);
    assert!(server.connections() >= 3);
}

#[tokio::test]
async fn a_mail_given_up_before_the_dot_is_not_delivered() {
    let server = SmtpServer::start(Script::default()).await;
    let mut session = transport(&server, patient()).open().await.unwrap();
    session.begin(&mail(1)).await.unwrap();
    session.reset().await;
    assert!(session.finish(None).await.is_err());
    // Also when the caller forgets to say so, or goes away.
    session.begin(&mail(2)).await.unwrap();
    session.begin(&mail(3)).await.unwrap();
    drop(session);
    let mut session = transport(&server, patient()).open().await.unwrap();
    send(&mut session, &mail(4)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (1, 4));
    assert_eq!(server.mails()[0].data, mail(4).bytes);
}

#[tokio::test]
async fn a_mail_dropped_half_way_does_not_disturb_the_next() {
    let server = SmtpServer::start(Script::default().once(At::Rcpt, 1, Fault::Hang)).await;
    let mut session = transport(&server, patient()).open().await.unwrap();
    let first = mail(1);
    tokio::select! {
        begun = session.begin(&first) => panic!("the server never answers, and yet: {begun:?}"),
        () = server.reached(At::Rcpt) => {}
    }
    send(&mut session, &mail(2)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (1, 2));
}

#[tokio::test]
async fn an_address_outside_ascii_needs_a_server_that_can() {
    let mut message = mail(1);
    message.recipient = email("õie@näide.ee");
    for (offers, line) in [
        (&["PIPELINING", "8BITMIME"][..], None),
        (&["PIPELINING", "SMTPUTF8", "8BITMIME"][..], Some("MAIL FROM:<us@example.com> SMTPUTF8 BODY=8BITMIME")),
    ] {
        let server = SmtpServer::start(Script::default().offers(offers)).await;
        let mut session = transport(&server, patient()).open().await.unwrap();
        let sent = send(&mut session, &message).await;
        if let Some(line) = line {
            sent.unwrap();
            assert_eq!(server.mails()[0].mail, line);
            assert_eq!(server.mails()[0].rcpt, "RCPT TO:<õie@xn--nide-loa.ee>");
        } else {
            let fail = sent.unwrap_err();
            assert_eq!(fail.class(), FailClass::Reject);
            assert_eq!(fail.to_string(), "RCPT: the address needs SMTPUTF8, which the server does not offer");
            // The connection is as good as before.
            send(&mut session, &mail(2)).await.unwrap();
            assert_eq!(server.connections(), 1);
        }
    }
}

#[tokio::test]
async fn a_mail_too_large_for_the_server_is_not_offered() {
    let server = SmtpServer::start(Script::default().offers(&["SIZE 100"])).await;
    assert_eq!(attempt(&server, patient()).await.unwrap_err().class(), FailClass::Reject);
    assert!(!server.lines().iter().any(|line| line.starts_with("MAIL")));
    let server = SmtpServer::start(Script::default().offers(&["SIZE 0"])).await;
    attempt(&server, patient()).await.unwrap();
    assert_eq!(server.mails()[0].mail, format!("MAIL FROM:<us@example.com> SIZE={}", mail(1).bytes.len()));
}

#[tokio::test]
async fn captured_mail_is_a_file_per_message_id() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("captured/mail");
    let transport = Transport::parse(&format!("file://{}", folder.display()), &RelayOptions::default(), patient()).unwrap();
    assert!(transport.captures());
    let mut session = transport.open().await.unwrap();
    let names = || {
        let mut names: Vec<_> =
            std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    session.begin(&mail(1)).await.unwrap();
    assert_eq!(names(), [""; 0], "nothing before the end");
    assert_eq!(session.finish(None).await.unwrap().to_string(), "250 captured as 1@hearback.example.eml");
    session.begin(&mail(2)).await.unwrap();
    session.reset().await;
    assert!(session.finish(None).await.is_err());
    send(&mut session, &mail(1)).await.unwrap();
    send(&mut session, &mail(3)).await.unwrap();
    assert_eq!(names(), ["1@hearback.example.eml", "3@hearback.example.eml"]);
    assert_eq!(std::fs::read(folder.join("1@hearback.example.eml")).unwrap(), mail(1).bytes);
    std::fs::remove_dir_all(&folder).unwrap();
    let fail = send(&mut session, &mail(4)).await.unwrap_err();
    assert_eq!((fail.class(), fail.ambiguous()), (FailClass::Relay, false), "{fail}");
}
