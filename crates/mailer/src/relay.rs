//! Where mail goes, as an operator writes it: one URL, parsed once at start.
//!
//! `smtp://host:25`, `smtp+starttls://user:password@host:587`, `smtps://user:password@host:465`,
//! `file:///var/lib/hearback/mail`. Refuses to know how the place is reached.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use secrecy::SecretString;
use thiserror::Error;
use tokio_rustls::rustls::ClientConfig;

use crate::smtp::{TlsError, tls_config};

/// How the connection is protected.
#[derive(Debug, Clone)]
pub enum Security {
    /// Not at all: for a relay on this machine or in this network. Never with a log-in.
    Plain,
    /// STARTTLS, and nothing is said before it succeeded.
    StartTls(Arc<ClientConfig>),
    /// TLS from the first byte.
    Tls(Arc<ClientConfig>),
}

/// Name and password.
#[derive(Debug, Clone)]
pub struct Login {
    /// The user's name.
    pub user: String,
    /// Never printed.
    pub password: SecretString,
}

/// An SMTP server that takes our mail.
#[derive(Debug, Clone)]
pub struct Relay {
    /// Name or address; the name that its certificate must have.
    pub host: String,
    /// 1-65535.
    pub port: u16,
    /// How the connection is protected.
    pub security: Security,
    /// Needs TLS.
    pub login: Option<Login>,
    /// What we call ourselves in EHLO.
    pub helo: String,
}

/// What the URL doesn't say.
#[derive(Debug, Clone, Default)]
pub struct RelayOptions {
    /// PEM file of certificate authorities trusted besides the machine's.
    pub ca_file: Option<PathBuf>,
    /// This machine's full name, for EHLO; `[127.0.0.1]` when left out.
    pub helo: Option<String>,
    /// A log-in that is kept elsewhere than in the URL; it wins.
    pub login: Option<Login>,
}

/// Where mail goes.
#[derive(Debug, Clone)]
pub enum Destination {
    /// To a relay.
    Smtp(Relay),
    /// Into a folder, one file per mail: captured, never sent.
    File(PathBuf),
}

/// Why a URL is refused. Never quotes the URL: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RelayError {
    /// Not a URL that we know.
    #[error("mail.url {0}; write smtp://host:25, smtp+starttls://user:password@host:587, smtps://user:password@host:465 or file:///folder")]
    Url(&'static str),
    /// A password that would go over the network in the clear.
    #[error("mail.url has a log-in but no TLS, and a password is never sent without it; write smtp+starttls:// or smtps://")]
    LoginWithoutTls,
    /// EHLO.
    #[error("the name given to EHLO must be this machine's full name, such as mail.example.com")]
    Helo,
    /// Certificates.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

impl Destination {
    /// Reads the URL. Reserved characters in name and password are written as `%40` and so on. Port and
    /// scheme's default: 25, 587, 465.
    pub fn parse(url: &str, options: &RelayOptions) -> Result<Self, RelayError> {
        let (scheme, rest) = url.split_once("://").ok_or(RelayError::Url("has no `://`"))?;
        let default_port = match scheme {
            "file" => return folder(rest),
            "smtp" => 25,
            "smtp+starttls" => 587,
            "smtps" => 465,
            _ => return Err(RelayError::Url("has an unknown scheme")),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (login, place) = match rest.rsplit_once('@') {
            Some((login, place)) => (Some(parse_login(login)?), place),
            None => (None, rest),
        };
        let (host, port) = parse_place(place, default_port)?;
        let login = options.login.clone().or(login);
        if scheme == "smtp" && login.is_some() {
            return Err(RelayError::LoginWithoutTls);
        }
        let security = match scheme {
            "smtp" => Security::Plain,
            "smtps" => Security::Tls(tls_config(options.ca_file.as_deref())?),
            _ => Security::StartTls(tls_config(options.ca_file.as_deref())?),
        };
        let helo = options.helo.clone().unwrap_or_else(|| "[127.0.0.1]".to_owned());
        if !is_host(helo.trim_matches(['[', ']'])) {
            return Err(RelayError::Helo);
        }
        Ok(Self::Smtp(Relay { host, port, security, login, helo }))
    }
}

fn folder(path: &str) -> Result<Destination, RelayError> {
    let path = Path::new(path);
    if path.is_absolute() { Ok(Destination::File(path.to_owned())) } else { Err(RelayError::Url("names a folder without a leading /")) }
}

pub(crate) fn parse_login(login: &str) -> Result<Login, RelayError> {
    let (user, password) = login.split_once(':').ok_or(RelayError::Url("has a user but no password"))?;
    let decode = |text: &str| percent_decode(text).ok_or(RelayError::Url("has a broken %-escape in the log-in"));
    let (user, password) = (decode(user)?, decode(password)?);
    if user.is_empty() || user.contains(char::is_control) || password.contains('\0') {
        return Err(RelayError::Url("has an unusable user name"));
    }
    Ok(Login { user, password: SecretString::from(password) })
}

pub(crate) fn parse_place(place: &str, default_port: u16) -> Result<(String, u16), RelayError> {
    let (host, port) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':')),
        None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        None => default_port,
        Some(port) => port.parse().ok().filter(|port| *port > 0).ok_or(RelayError::Url("has a port that is not 1-65535"))?,
    };
    if is_host(host) { Ok((host.to_owned(), port)) } else { Err(RelayError::Url("has no usable host name")) }
}

fn is_host(host: &str) -> bool {
    !host.is_empty() && host.len() <= 253 && host.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'_'))
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first == b'%' {
            let (digits, after) = after.split_at_checked(2)?;
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
            rest = after;
        } else {
            bytes.push(*first);
            rest = after;
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn relay(url: &str) -> Result<Relay, RelayError> {
        match Destination::parse(url, &RelayOptions::default())? {
            Destination::Smtp(relay) => Ok(relay),
            Destination::File(_) => panic!("a folder"),
        }
    }

    #[test]
    fn urls_are_read() {
        let plain = relay("smtp://mail.example.com").unwrap();
        assert_eq!((plain.host.as_str(), plain.port, plain.helo.as_str()), ("mail.example.com", 25, "[127.0.0.1]"));
        assert!(matches!(plain.security, Security::Plain));
        let v6 = relay("smtp://[::1]:2525/").unwrap();
        assert_eq!((v6.host.as_str(), v6.port), ("::1", 2525));
        let tls = relay("smtp+starttls://anna%40x.lt:p%3A%40ss:w@mail.example.com").unwrap();
        let login = tls.login.unwrap();
        assert_eq!((login.user.as_str(), login.password.expose_secret(), tls.port), ("anna@x.lt", "p:@ss:w", 587));
        assert!(!format!("{login:?}").contains("ss:w"));
        let folder = Destination::parse("file:///var/mail", &RelayOptions::default()).unwrap();
        assert!(matches!(folder, Destination::File(path) if path == Path::new("/var/mail")));
    }

    #[test]
    fn what_can_not_work_is_refused_without_quoting_it() {
        for bad in [
            "mail.example.com",
            "http://x",
            "smtp://",
            "smtp://x:0",
            "smtp://x:y",
            "smtps://user@x",
            "smtps://u:%zz@x",
            "smtp://a b",
            "file://mail",
            "smtp://user:secret@x",
        ] {
            let error = relay(bad).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
        let options = RelayOptions { helo: Some("a b\r\n".to_owned()), ..RelayOptions::default() };
        assert_eq!(Destination::parse("smtp://x", &options).unwrap_err(), RelayError::Helo);
    }
}
