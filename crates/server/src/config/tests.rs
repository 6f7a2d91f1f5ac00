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
        ("HEARBACK_SERVER__SURVEY_URL", "https://ask.example/path", "server.survey_url: expected"),
        ("HEARBACK_SERVER__SURVEY_URL", "https://ask.example", "server.survey_url: must be https:// where"),
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

/// Texts that anybody may see. Every other one must be a [`Secret`]: a new setting that is neither fails the test below.
const PUBLIC: [&str; 34] = [
    "access.idle",
    "access.idle_admin",
    "access.length",
    "access.second_factor",
    "data.dir",
    "data.templates",
    "database.url_file",
    "inbound.ca_file",
    "inbound.url_file",
    "log.filter",
    "log.format",
    "loop.close",
    "loop.first_contact",
    "loop.settle_delay",
    "loop.warn_before",
    "mail.ca_file",
    "mail.dkim.domain",
    "mail.dkim.ed25519_key_file",
    "mail.dkim.ed25519_selector",
    "mail.dkim.rsa_key_file",
    "mail.dkim.rsa_selector",
    "mail.from",
    "mail.from_name",
    "mail.reply_to",
    "mail.return_path",
    "mail.url_file",
    "secret_key_file",
    "secret_key_old_file",
    "sending.warm_up_from",
    "server.bind",
    "server.operations",
    "server.public_url",
    "server.survey_url",
    "server.trusted_proxies",
];

/// Each setting that is not public is set to something secret, which then stands nowhere: not in what is shown, not in what is
/// debugged, not in an error.
#[test]
fn no_setting_that_may_be_secret_is_ever_printed() {
    const CANARY: &str = "c4n4ry-c4n4ry-c4n4ry-c4n4ry-c4n4ry";
    let values = serde_json::to_value(load(None, &[]).unwrap()).unwrap();
    let mut texts = Vec::new();
    show::collect(String::new(), &values, &mut texts, &|value| value.is_string());
    let secrets: Vec<String> = texts.into_iter().map(|(key, _)| key).filter(|key| !PUBLIC.contains(&key.as_str())).collect();
    assert_eq!(secrets, ["database.url", "inbound.url", "mail.url", "secret_key", "secret_key_old"], "is it one? Then make it a `Secret`");
    let shapes = [
        CANARY.to_owned(),
        format!("smtps://user:{CANARY}@host.example"),
        format!("imaps://user:{CANARY}@host.example/INBOX"),
        format!("postgres://user:{CANARY}@host.example/x"),
        format!("postgres://host.example/x?password={CANARY}"),
        format!("postgres://{CANARY}@host.example/x"),
        format!("smtps://user:@{CANARY}/?#{CANARY}@host.example"),
    ];
    let dir = tempfile::tempdir().unwrap();
    let folder = ("HEARBACK_DATA__DIR", dir.path().to_str().unwrap());
    for key in &secrets {
        let variable = format!("HEARBACK_{}", key.replace('.', "__").to_uppercase());
        let mut taken = 0;
        for shape in &shapes {
            let said = match load(None, &[folder, (&variable, shape)]) {
                Ok(config) => {
                    taken += 1;
                    let opened = (crate::open::transport(&config), crate::open::mailbox(&config), config.secret_key());
                    let opened = (opened.0.map_err(|error| format!("{error:#}")), opened.1.map_err(|error| format!("{error:#}")), opened.2);
                    format!("{config:?} {:?} {} {opened:?}", config.settings(), serde_json::to_string(&config).unwrap())
                }
                Err(error) => format!("{error} {error:?}"),
            };
            assert!(!said.contains("c4n4ry"), "{key}={shape}: {said}");
        }
        assert!(taken > 0, "{key}: no shape was taken, so nothing was tried");
    }
    let error = load(None, &[("HEARBACK_SERVER__PUBLIC_URL", &format!("https://user:{CANARY}@x.example"))]).unwrap_err().to_string();
    assert!(!error.contains("c4n4ry") && error.contains("log-in"), "{error}");
}

#[test]
fn an_old_key_stands_beside_the_new_one() {
    let (old, new) = ("o".repeat(40), "n".repeat(40));
    let before = load(None, &[("HEARBACK_SECRET_KEY", &old)]).unwrap().secret_key().unwrap();
    let pairs = [("HEARBACK_SECRET_KEY", new.as_str()), ("HEARBACK_SECRET_KEY_OLD", &format!("{old}\n{}", "x".repeat(32)))];
    let after = load(None, &pairs).unwrap().secret_key().unwrap();
    assert!(after.knows(&before.id()) && after.id() != before.id());
    let error = load(None, &[("HEARBACK_SECRET_KEY", &new), ("HEARBACK_SECRET_KEY_OLD", "short")]).unwrap().secret_key().unwrap_err();
    assert!(error.to_string().starts_with("secret_key_old: the secret key must have at least 32 bytes, it has 5"), "{error}");
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
