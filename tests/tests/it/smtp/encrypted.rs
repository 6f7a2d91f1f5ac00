//! Encryption and log-in: what a server has to prove, and what it gets only then.

use super::*;

/// A transport to `localhost` that trusts this certificate's authority and logs in.
fn secure(scheme: &str, server: &SmtpServer, trusted: &Certificate, folder: &Path) -> Transport {
    let options = RelayOptions { ca_file: Some(trusted.write_ca(folder)), ..RelayOptions::default() };
    let url = format!("{scheme}://anna:s%C3%A4%3Ap@localhost:{}", server.port());
    Transport::parse(&url, &options, patient()).unwrap()
}

const WITH_LOGIN: &[&str] = &["PIPELINING", "STARTTLS", "AUTH LOGIN PLAIN"];
/// base64 of `\0anna\0sä:p`.
const PLAIN: &str = "AUTH PLAIN AGFubmEAc8OkOnA=";

#[tokio::test]
async fn mail_goes_out_encrypted_and_logged_in() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::issue("localhost", false);
    for scheme in ["smtps", "smtp+starttls"] {
        for (auth, lines) in [(&["AUTH PLAIN"][..], &[PLAIN][..]), (&["AUTH LOGIN"], &["AUTH LOGIN", "YW5uYQ==", "c8OkOnA="])] {
            let offers = [auth, &["STARTTLS"]].concat();
            let script = Script::default().offers(&offers);
            let script = if scheme == "smtps" { script.tls(&certificate) } else { script.starttls(&certificate) };
            let server = SmtpServer::start(script).await;
            let mut session = secure(scheme, &server, &certificate, folder.path()).open().await.unwrap();
            send(&mut session, &mail(1)).await.unwrap();
            send(&mut session, &mail(2)).await.unwrap();
            assert_eq!(server.mails().len(), 2);
            let seen = server.lines();
            assert!(seen.windows(lines.len()).any(|window| window == lines), "{seen:?}");
            assert_eq!(seen.iter().filter(|line| line.starts_with("EHLO")).count(), if scheme == "smtps" { 1 } else { 2 });
        }
    }
}

#[tokio::test]
async fn a_server_that_can_not_prove_who_it_is_gets_neither_password_nor_mail() {
    let folder = tempfile::tempdir().unwrap();
    let good = Certificate::issue("localhost", false);
    let of_another_authority = Certificate::issue("localhost", false);
    let of_another_host = Certificate::issue("mail.example.com", false);
    let expired = Certificate::issue("localhost", true);
    for (shown, trusted) in [(&good, &of_another_authority), (&of_another_host, &of_another_host), (&expired, &expired)] {
        for scheme in ["smtps", "smtp+starttls"] {
            let script = Script::default().offers(WITH_LOGIN);
            let script = if scheme == "smtps" { script.tls(shown) } else { script.starttls(shown) };
            let server = SmtpServer::start(script).await;
            let fail = secure(scheme, &server, trusted, folder.path()).open().await.unwrap_err();
            assert_eq!((fail.stage, fail.class()), (Stage::Tls, FailClass::Relay), "{fail}");
            assert!(matches!(fail.cause, Cause::Tls(_)), "{fail}");
            assert!(!server.lines().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")));
        }
    }
}

#[tokio::test]
async fn a_stripped_or_tampered_starttls_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::issue("localhost", false);
    let stripped = Script::default().offers(&["AUTH LOGIN PLAIN"]);
    let refused = Script::default().offers(WITH_LOGIN).always(At::StartTls, Fault::reply("454 4.7.0 not now"));
    let injected = b"220 go\r\n250-injected\r\n250 AUTH PLAIN LOGIN\r\n".to_vec();
    let injected = Script::default().offers(WITH_LOGIN).starttls(&certificate).always(At::StartTls, Fault::Reply(injected));
    for (script, part) in
        [(stripped, "does not offer STARTTLS"), (refused, "454 4.7.0 not now"), (injected, "plaintext behind the reply to STARTTLS")]
    {
        let server = SmtpServer::start(script).await;
        let fail = secure("smtp+starttls", &server, &certificate, folder.path()).open().await.unwrap_err();
        assert_eq!((fail.stage, fail.class()), (Stage::Tls, FailClass::Relay), "{fail}");
        assert!(fail.to_string().contains(part), "{fail}");
        assert!(!server.lines().iter().any(|line| line.starts_with("AUTH") || line.starts_with("MAIL")));
    }
}

#[tokio::test]
async fn a_refused_login_pauses_the_queue() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = Certificate::issue("localhost", false);
    for line in ["535 5.7.8 wrong", "454 4.7.0 too often", "250 no"] {
        let script = Script::default().offers(WITH_LOGIN).tls(&certificate).always(At::Auth, Fault::reply(line));
        let server = SmtpServer::start(script).await;
        let fail = secure("smtps", &server, &certificate, folder.path()).open().await.unwrap_err();
        assert_eq!((fail.stage, fail.class(), fail.reply().unwrap().to_string().as_str()), (Stage::Auth, FailClass::Relay, line));
    }
    let server = SmtpServer::start(Script::default().offers(&["AUTH CRAM-MD5"]).tls(&certificate)).await;
    let fail = secure("smtps", &server, &certificate, folder.path()).open().await.unwrap_err();
    assert_eq!((fail.stage, fail.class()), (Stage::Auth, FailClass::Relay));
}

#[tokio::test]
async fn a_password_is_never_sent_in_the_clear() {
    let server = SmtpServer::start(Script::default().offers(&["AUTH LOGIN PLAIN"])).await;
    let login = Some(Login { user: "anna".to_owned(), password: "secret".into() });
    let relay = Relay { host: "127.0.0.1".to_owned(), port: server.port(), security: Security::Plain, login, helo: "localhost".to_owned() };
    let fail = Transport::Smtp(relay.into(), patient()).open().await.unwrap_err();
    assert_eq!((fail.stage, fail.class()), (Stage::Auth, FailClass::Relay));
    assert_eq!(server.lines(), ["EHLO localhost"]);
}
