//! Real mail servers in a folder of their own, on ports of their own, on loopback: Dovecot, which keeps a mailbox, and
//! Postfix, which takes mail, sends it back where its address can't be reached, and puts what comes back into the mailbox.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a server that does not start must fail its test loudly")]

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::process::until;

/// Who the mailbox belongs to.
const USER: &str = "care";

/// The servers; they end with it.
#[derive(Debug)]
pub struct MailHouse {
    dir: TempDir,
    imap: u16,
    smtp: u16,
    dovecot: Child,
    with_postfix: bool,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

/// Whether this process may do what a mail server does.
pub fn is_root() -> bool {
    whoami() == "root"
}

fn whoami() -> String {
    let told = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8_lossy(&told.stdout).trim().to_owned()
}

impl MailHouse {
    /// Dovecot alone, with an empty mailbox.
    pub async fn start() -> Self {
        let dir = tempfile::Builder::new().prefix("mail-house").tempdir().expect("a folder");
        let owner = if is_root() { "mail".to_owned() } else { whoami() };
        for folder in ["mail/care/new", "mail/care/cur", "mail/care/tmp", "run", "postfix"] {
            fs::create_dir_all(dir.path().join(folder)).expect("a folder");
        }
        if is_root() {
            run(Command::new("chmod").arg("755").arg(dir.path()));
            run(Command::new("chown").args(["-R", "mail:mail"]).arg(dir.path().join("mail")));
        }
        let (imap, smtp) = (free_port(), free_port());
        let conf = dir.path().join("dovecot.conf");
        fs::write(&conf, dovecot_conf(dir.path(), imap, &owner)).expect("a file");
        let said = fs::File::create(dir.path().join("said")).expect("a file");
        let dovecot = Command::new("/usr/sbin/dovecot")
            .args(["-F", "-c"])
            .arg(&conf)
            .stdin(Stdio::null())
            .stdout(said.try_clone().expect("a file"))
            .stderr(said)
            .spawn()
            .expect("Dovecot is installed");
        let house = Self { dir, imap, smtp, dovecot, with_postfix: false };
        until(Duration::from_secs(20), "Dovecot answers", async || tokio::net::TcpStream::connect(("127.0.0.1", imap)).await.is_ok()).await;
        house
    }

    /// Postfix as well. What it can't deliver it sends back to its sender, whose mailbox is that of Dovecot.
    pub async fn start_postfix(&mut self) {
        let (dir, smtp) = (self.dir.path(), self.smtp);
        let conf = dir.join("postfix");
        fs::create_dir_all(dir.join("queue")).expect("a folder");
        fs::create_dir_all(dir.join("data")).expect("a folder");
        run(Command::new("chown").arg("postfix").arg(dir.join("data")));
        fs::write(conf.join("main.cf"), main_cf(dir)).expect("a file");
        fs::write(conf.join("master.cf"), master_cf(smtp)).expect("a file");
        run(Command::new("/usr/sbin/postfix").arg("-c").arg(&conf).arg("start"));
        self.with_postfix = true;
        until(Duration::from_secs(20), "Postfix answers", async || tokio::net::TcpStream::connect(("127.0.0.1", smtp)).await.is_ok()).await;
    }

    /// The address of the mailbox, with this password; the right one is `secret`.
    pub fn imap(&self, password: &str) -> String {
        format!("imap://{USER}:{password}@127.0.0.1:{}/INBOX", self.imap)
    }

    /// The address of Postfix.
    pub fn smtp(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.smtp)
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("mail").join(USER)
    }

    /// Puts a mail into the mailbox, as a server would.
    pub fn put(&self, name: &str, raw: &[u8]) {
        let (before, after) = (self.folder().join("tmp").join(name), self.folder().join("new").join(name));
        fs::write(&before, raw).expect("a file");
        if is_root() {
            run(Command::new("chown").arg("mail:mail").arg(&before));
        }
        fs::rename(before, after).expect("a move");
    }

    /// All mails in the mailbox: name, with its flags.
    pub fn mails(&self) -> Vec<String> {
        let of = |folder: &str| fs::read_dir(self.folder().join(folder)).expect("a folder").map(|entry| entry.expect("a file").file_name());
        let mut names: Vec<String> = of("new").chain(of("cur")).map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The mailbox is made anew: the same mails under other numbers.
    pub fn renumber(&self) {
        for entry in fs::read_dir(self.folder()).expect("a folder") {
            let path = entry.expect("a file").path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("dovecot")) {
                let _ = fs::remove_file(path);
            }
        }
    }
}

impl Drop for MailHouse {
    fn drop(&mut self) {
        if self.with_postfix {
            let conf = self.dir.path().join("postfix");
            let _ = Command::new("/usr/sbin/postfix").arg("-c").arg(conf).arg("stop").output();
        }
        // Asked, it takes its helpers with it.
        let _ = Command::new("kill").arg(self.dovecot.id().to_string()).output();
        let _ = self.dovecot.wait();
    }
}

fn run(command: &mut Command) {
    let done = command.output().expect("a program");
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn dovecot_conf(dir: &Path, port: u16, owner: &str) -> String {
    let dir = dir.display();
    let as_user = if is_root() { String::new() } else { format!("default_internal_user = {owner}\ndefault_login_user = {owner}\n") };
    format!(
        "protocols = imap\nbase_dir = {dir}/run\nstate_dir = {dir}/run\nlog_path = {dir}/log\nssl = no\n{as_user}\
         disable_plaintext_auth = no\nlisten = 127.0.0.1\nmail_location = maildir:{dir}/mail/%n\nfirst_valid_uid = 1\n\
         passdb {{\n driver = static\n args = password=secret\n}}\nuserdb {{\n driver = static\n args = uid={owner} gid={owner} home={dir}/mail/%n\n}}\n\
         service imap-login {{\n chroot =\n inet_listener imap {{\n  port = {port}\n }}\n inet_listener imaps {{\n  port = 0\n }}\n}}\n\
         service anvil {{\n chroot =\n}}\nservice stats {{\n chroot =\n}}\n"
    )
}

fn main_cf(dir: &Path) -> String {
    let dir = dir.display();
    format!(
        "compatibility_level = 3.6\nmyhostname = relay.shop.example\nmydestination =\nmynetworks = 127.0.0.0/8\ninet_interfaces = loopback-only\n\
         inet_protocols = ipv4\nqueue_directory = {dir}/queue\ndata_directory = {dir}/data\nmaillog_file = {dir}/postfix.log\n\
         maillog_file_prefixes = {dir}\nsmtpd_recipient_restrictions = permit_mynetworks, reject\nsmtpd_reject_unlisted_recipient = no\nalias_maps =\nlocal_recipient_maps =\n\
         virtual_mailbox_domains = shop.example\nvirtual_mailbox_base = {dir}/mail\nvirtual_mailbox_maps = static:{USER}/\n\
         virtual_uid_maps = static:8\nvirtual_gid_maps = static:8\nvirtual_minimum_uid = 1\n\
         transport_maps = inline:{{ {{gone.example=error:5.1.1 no such user}}, {{full.example=error:5.2.2 mailbox is full}}, \
         {{strict.example=error:5.7.1 refused by policy}}, {{slow.example=retry:4.4.1 nobody answers}} }}\n\
         delay_warning_time = 1s\nminimal_backoff_time = 2s\nmaximal_backoff_time = 2s\nqueue_run_delay = 2s\n"
    )
}

fn master_cf(port: u16) -> String {
    let services = [
        "pickup unix n - n 60 1 pickup",
        "cleanup unix n - n - 0 cleanup",
        "qmgr unix n - n 300 1 qmgr",
        "tlsmgr unix - - n 1000? 1 tlsmgr",
        "rewrite unix - - n - - trivial-rewrite",
        "bounce unix - - n - 0 bounce",
        "defer unix - - n - 0 bounce",
        "trace unix - - n - 0 bounce",
        "verify unix - - n - 1 verify",
        "flush unix n - n 1000? 0 flush",
        "error unix - - n - - error",
        "retry unix - - n - - error",
        "discard unix - - n - - discard",
        "virtual unix - n n - - virtual",
        "anvil unix - - n - 1 anvil",
        "scache unix - - n - 1 scache",
        "postlog unix-dgram n - n - 1 postlogd",
        "showq unix n - n - - showq",
        "proxymap unix - - n - - proxymap",
    ];
    format!("127.0.0.1:{port} inet n - n - - smtpd\n{}\n", services.join("\n"))
}
