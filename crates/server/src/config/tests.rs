use super::{show::Setting, *};

fn load(file: Option<&Path>, pairs: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::from_sources(file, Environment::from_pairs(pairs))
}

fn shown<'a>(settings: &'a [Setting], key: &str) -> &'a Setting {
    settings.iter().find(|setting| setting.key == key).unwrap()
}

#[test]
fn an_empty_environment_gives_sqlite_and_captured_mail_in_the_data_folder() {
    let config = load(None, &[]).unwrap();
    assert!(config.database.url.expose().starts_with("sqlite:///") && config.database.url.expose().ends_with("/hearback-data/hearback.db"));
    assert!(config.mail.url.expose().starts_with("file:///") && config.mail.url.expose().ends_with("/hearback-data/mail"));
    assert_eq!(config.server.public_url, "http://127.0.0.1:8080");
    assert_eq!(config.settle_delay(), chrono::Duration::minutes(15));
}

#[test]
fn the_environment_wins_over_the_file_and_each_source_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("own.toml");
    std::fs::write(&file, "[server]\nbind = \"0.0.0.0:80\"\npublic_url = \"https://x.example/\"\n").unwrap();
    let config = load(Some(&file), &[("HEARBACK_SERVER__BIND", "127.0.0.1:81"), ("HEARBACK_MAIL__CONNECTIONS", "7")]).unwrap();
    assert_eq!((config.server.bind.as_str(), config.mail.connections), ("127.0.0.1:81", 7));
    let settings = config.settings();
    assert_eq!(shown(&settings, "server.bind").source, "HEARBACK_SERVER__BIND");
    assert_eq!(shown(&settings, "mail.connections").value, "7");
    assert!(shown(&settings, "server.public_url").source.ends_with("own.toml"));
    assert_eq!(shown(&settings, "server.public_url").value, "https://x.example");
    assert_eq!(shown(&settings, "worker.drain").source, "default");
}

#[test]
fn unknown_and_wrong_settings_are_named() {
    for (name, value, expected) in [
        ("HEARBACK_SERVER__BNID", "x", "server.bnid: there is no such setting"),
        ("HEARBACK_SERVICE__BIND", "x", "service: there is no such setting"),
        ("HEARBACK_MAIL__CONNECTIONS", "many", "mail.connections: expected"),
        ("HEARBACK_MAIL__CONNECTIONS", "65", "mail.connections: must be from 1 to 64, got 65"),
        ("HEARBACK_MAIL__FROM", "nobody", "mail.from: "),
        ("HEARBACK_MAIL__URL", "http://x", "mail.url: must start with one of smtp://"),
        ("HEARBACK_SERVER__BIND", "8080", "server.bind: expected ADDRESS:PORT"),
        ("HEARBACK_SERVER__PUBLIC_URL", "https://x.example/path", "server.public_url: expected"),
        ("HEARBACK_SERVER__TRUSTED_PROXIES", "10.0.0.1/8", "server.trusted_proxies: expected addresses or networks"),
        ("HEARBACK_INBOUND__KEEP_QUARANTINED", "0", "inbound.keep_quarantined: must be from 1 to 3650, got 0"),
        ("HEARBACK_LOOP__SETTLE_DELAY", "soon", "loop.settle_delay: expected 15m"),
        ("HEARBACK_LOG__FORMAT", "xml", "log.format: expected one of text, json"),
    ] {
        let error = load(None, &[(name, value)]).unwrap_err().to_string();
        assert!(error.starts_with(expected), "{name}={value}: {error}");
    }
    assert!(load(None, &[("HEARBACK_TEST_POSTGRES", "x")]).is_ok());
}

#[test]
fn a_name_with_the_senders_address_wins_over_the_setting_of_its_own() {
    let names = ("HEARBACK_MAIL__FROM_NAME", "Rida");
    let config = load(None, &[("HEARBACK_MAIL__FROM", "Rida Bikes <care@rida.example>"), names]).unwrap();
    let settings = config.settings();
    let [from, name] = ["mail.from", "mail.from_name"].map(|key| shown(&settings, key));
    assert_eq!((from.value.as_str(), from.source.as_str()), ("care@rida.example", "HEARBACK_MAIL__FROM"));
    assert_eq!((name.value.as_str(), name.source.as_str()), ("Rida Bikes", "mail.from"));
    assert_eq!(load(None, &[("HEARBACK_MAIL__FROM", "care@rida.example"), names]).unwrap().mail.sender_name(), "Rida");
    assert_eq!(load(None, &[]).unwrap().mail.sender_name(), "Hearback");
}

#[test]
fn secrets_come_from_their_twin_and_never_print() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("url");
    std::fs::write(&file, "postgres://me:hunter2@db.example/x?password=hunter2\n").unwrap();
    let config = load(
        None,
        &[
            ("HEARBACK_DATABASE__URL_FILE", file.to_str().unwrap()),
            ("HEARBACK_MAIL__URL", "smtps://me:hunter2@relay.example"),
            ("HEARBACK_SECRET_KEY", "12345678901234567890123456789012"),
        ],
    )
    .unwrap();
    assert!(config.database.url.expose().ends_with("password=hunter2"));
    assert!(config.secret_key().is_ok());
    let shown = format!("{:?} {config:?}", config.settings());
    assert!(!shown.contains("hunter2") && !shown.contains("1234567890"), "{shown}");
}

#[test]
fn a_short_key_is_refused_and_a_missing_one_is_made_once() {
    let error = load(None, &[("HEARBACK_SECRET_KEY", "short")]).unwrap().secret_key().unwrap_err().to_string();
    assert!(error.contains("at least 32 bytes, it has 5"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let config = load(None, &[("HEARBACK_DATA__DIR", data.to_str().unwrap())]).unwrap();
    config.secret_key().unwrap();
    let first = std::fs::read(data.join("secret_key")).unwrap();
    config.secret_key().unwrap();
    assert_eq!(first, std::fs::read(data.join("secret_key")).unwrap());
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1);
}
