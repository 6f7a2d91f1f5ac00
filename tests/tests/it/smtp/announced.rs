//! The next mail is announced together with the end of the one before.

use super::*;

/// Sends the first mail and announces the second together with its end.
async fn announce(server: &SmtpServer) -> (Session, Result<String, Fail>) {
    let mut session = transport(server, patient()).open().await.unwrap();
    session.begin(&mail(1)).await.unwrap();
    let first = session.finish(Some(&mail(2).envelope())).await.map(|reply| reply.to_string());
    (session, first)
}

#[tokio::test]
async fn the_next_mail_is_announced_with_the_end_of_the_one_before() {
    for (offers, pipelined) in [(&["PIPELINING"][..], true), (WITHOUT_PIPELINING, false)] {
        let server = SmtpServer::start(Script::default().offers(offers)).await;
        let (mut session, first) = announce(&server).await;
        assert_eq!(first.unwrap(), "250 2.0.0 taken");
        assert_eq!(send(&mut session, &mail(2)).await.unwrap(), "250 2.0.0 taken");
        assert_eq!(send(&mut session, &mail(3)).await.unwrap(), "250 2.0.0 taken");
        let mails = server.mails();
        assert_eq!((mails.len(), server.connections(), server.was_pipelined()), (3, 1, pipelined));
        assert!((1..).zip(&mails).all(|(n, got)| got.data == mail(n).bytes));
        assert_eq!(server.lines().iter().filter(|line| line.starts_with("MAIL")).count(), 3, "no mail is begun twice");
    }
}

#[tokio::test]
async fn what_was_announced_and_does_not_come_is_no_mail() {
    let server = SmtpServer::start(Script::default()).await;
    let (mut session, first) = announce(&server).await;
    first.unwrap();
    session.reset().await;
    send(&mut session, &Message { recipient: email("ona@example.org"), ..mail(3) }).await.unwrap();
    let mails: Vec<_> = server.mails().into_iter().map(|got| (got.rcpt, got.data)).collect();
    let (anna, ona) = ("RCPT TO:<anna@example.org>".to_owned(), "RCPT TO:<ona@example.org>".to_owned());
    assert_eq!((mails, server.connections()), (vec![(anna, mail(1).bytes), (ona, mail(3).bytes)], 2));
}

#[tokio::test]
async fn a_refused_mail_does_not_cost_the_one_that_was_announced_with_its_end() {
    let server = SmtpServer::start(Script::default().once(At::Dot, 1, Fault::reply("554 5.6.0 no"))).await;
    let (mut session, first) = announce(&server).await;
    let fail = first.unwrap_err();
    assert_eq!((fail.stage, fail.class()), (Stage::Dot, FailClass::Reject));
    session.reset().await;
    send(&mut session, &mail(2)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (1, 1));
}

#[tokio::test]
async fn a_server_that_will_not_be_told_early_is_told_again() {
    for fault in [Fault::reply("503 5.5.1 not now"), Fault::reply("421 4.3.2 enough"), Fault::Close] {
        let server = SmtpServer::start(Script::default().once(At::Mail, 2, fault.clone())).await;
        let (mut session, first) = announce(&server).await;
        first.unwrap();
        send(&mut session, &mail(2)).await.unwrap();
        assert_eq!((server.mails().len(), server.connections()), (2, 2), "{fault:?}");
    }
    let server = SmtpServer::start(Script::default().once(At::Rcpt, 2, Fault::reply("550 5.1.1 no such user"))).await;
    let (mut session, first) = announce(&server).await;
    first.unwrap();
    let fail = send(&mut session, &mail(2)).await.unwrap_err();
    assert_eq!((fail.stage, fail.class()), (Stage::Rcpt, FailClass::Reject));
    send(&mut session, &mail(3)).await.unwrap();
    assert_eq!((server.mails().len(), server.connections()), (2, 1));
}

#[tokio::test]
async fn only_the_mail_whose_end_was_not_answered_is_in_doubt() {
    let server = SmtpServer::start(Script::default().once(At::Dot, 1, Fault::Close)).await;
    let (mut session, first) = announce(&server).await;
    assert!(first.unwrap_err().ambiguous());
    send(&mut session, &mail(2)).await.unwrap();
    let mails: Vec<_> = server.mails().into_iter().map(|got| got.data).collect();
    assert_eq!(mails, [mail(1).bytes, mail(2).bytes]);
}

#[tokio::test]
async fn a_server_that_did_not_want_to_know_is_not_told_early_again() {
    let begun = |server: &SmtpServer| server.lines().iter().filter(|line| line.starts_with("MAIL")).count();
    let server = SmtpServer::start(Script::default().once(At::Mail, 2, Fault::reply("503 5.5.1 not now"))).await;
    let (mut session, first) = announce(&server).await;
    first.unwrap();
    session.begin(&mail(2)).await.unwrap();
    session.finish(Some(&mail(3).envelope())).await.unwrap();
    assert_eq!(begun(&server), 3, "the first, the second early, the second again");
    send(&mut session, &mail(3)).await.unwrap();
    assert_eq!((begun(&server), server.mails().len(), server.connections()), (4, 3, 2));
}

#[tokio::test]
async fn a_large_mail_arrives_whole_and_the_next_one_behind_it() {
    let server = SmtpServer::start(Script::default()).await;
    let mut session = transport(&server, patient()).open().await.unwrap();
    let large = Message { bytes: b"a line of many\r\n.\r\n".repeat(20_000), ..mail(1) };
    session.begin(&large).await.unwrap();
    session.finish(Some(&mail(2).envelope())).await.unwrap();
    send(&mut session, &mail(2)).await.unwrap();
    let mails: Vec<_> = server.mails().into_iter().map(|got| got.data).collect();
    assert_eq!((mails, server.connections()), (vec![large.bytes, mail(2).bytes], 1));
}
