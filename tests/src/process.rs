//! The server as a process of its own: started, killed and asked from outside, as an operator does.
//!
//! Owns: the program, its settings, its log, the database that it is given. Refuses to know what is tested with it.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a process that does not do as it is told must fail its test loudly"
)]

use std::{
    fmt::Write as _,
    fs::File,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::{
    connection::Connection,
    engine::{PUBLIC_URL, SECRET_KEY, SENDER},
};

/// How long a process may take to start or to end before the test is given up.
const PATIENCE: Duration = Duration::from_secs(90);
/// The same for one with much to do.
const LONG: Duration = Duration::from_mins(10);
/// How often a condition outside of this process is looked at.
pub const LOOK: Duration = Duration::from_millis(20);

/// Waits until `is_so`; `what` is what is waited for.
pub async fn until(limit: Duration, what: &str, is_so: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !is_so().await {
        assert!(start.elapsed() < limit, "{what}: not so after {} s", limit.as_secs());
        sleep(LOOK).await;
    }
}

/// The program as it was built beside this test.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("a running program has a path");
    let folder = test.parent().and_then(Path::parent).expect("a test runs in target/PROFILE/deps");
    let program = folder.join("hearback");
    assert!(
        program.is_file(),
        "there is no `{}`; build it first: cargo build -p hearback --features failpoints (with the profile of the tests)",
        program.display()
    );
    program
}

/// How a server is started; the same settings again start it again.
#[derive(Debug, Clone)]
pub struct Setup {
    database: String,
    folder: PathBuf,
    mail: String,
    variables: Vec<(String, String)>,
    shell: Option<String>,
}

impl Setup {
    /// With this database, this folder for data and logs, and this way out for mail.
    pub fn new(database: &str, folder: &Path, mail: &str) -> Self {
        Self { database: database.to_owned(), folder: folder.to_owned(), mail: mail.to_owned(), variables: Vec::new(), shell: None }
    }

    /// The database's address.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// The mail server's address.
    pub fn mail(&self) -> &str {
        &self.mail
    }

    /// With one more environment variable.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// With these faults: `PLACE=ACTION;PLACE=ACTION`. Needs the program with the feature `failpoints`.
    #[must_use]
    pub fn faults(self, faults: &str) -> Self {
        self.with("FAILPOINTS", faults)
    }

    /// Started by a shell that runs this before: limits, ignored signals.
    #[must_use]
    pub fn after(mut self, shell: &str) -> Self {
        self.shell = Some(shell.to_owned());
        self
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let program = program();
        let mut command = match &self.shell {
            None => Command::new(program),
            Some(before) => {
                let mut shell = Command::new("sh");
                shell.args(["-c", &format!("{before}; exec \"$0\" \"$@\"")]).arg(program);
                shell
            }
        };
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HEARBACK_")) {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .env_remove("FAILPOINTS")
            .env("HEARBACK_DATABASE__URL", &self.database)
            .env("HEARBACK_DATA__DIR", &self.folder)
            .env("HEARBACK_MAIL__URL", &self.mail)
            .env("HEARBACK_MAIL__FROM", SENDER)
            .env("HEARBACK_SECRET_KEY", SECRET_KEY)
            .env("HEARBACK_SERVER__PUBLIC_URL", PUBLIC_URL)
            .env("HEARBACK_SERVER__BIND", "127.0.0.1:0")
            // A few customers answer all day long here.
            .env("HEARBACK_LIMITS__MAILS_PER_PERSON_DAY", "1000")
            .env("HEARBACK_LIMITS__MAILS_PER_RULE_HOUR", "10000000")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Runs a command to its end: exit status and standard output.
    pub async fn run(&self, arguments: &[&str]) -> (ExitStatus, String) {
        let output = timeout(PATIENCE, self.command(arguments).output()).await.expect("a command ends").expect("a command starts");
        let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
        if !output.status.success() {
            let _ = write!(text, "{}", String::from_utf8_lossy(&output.stderr));
        }
        (output.status, text)
    }

    /// Runs a command and ends it with SIGKILL after this time, unless it has ended before.
    pub async fn kill_after(&self, arguments: &[&str], time: Duration) {
        let mut child = self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        if timeout(time, child.wait()).await.is_err() {
            child.kill().await.expect("a child can be killed");
        }
    }

    /// Runs a command and ends it with SIGKILL as soon as this is so: it must not have ended by itself before.
    pub async fn kill_when(&self, arguments: &[&str], is_so: impl AsyncFn() -> bool) {
        let mut child = self.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the program starts");
        until(LONG, "the moment to end a command", is_so).await;
        let ended = child.try_wait().expect("a process can be asked");
        assert!(ended.is_none(), "the command ended before: {ended:?}");
        child.kill().await.expect("a child can be killed");
    }

    /// Runs a command that says little to its end: exit status, standard output, and the most memory that it had, in KiB.
    pub async fn run_measured(&self, arguments: &[&str]) -> (ExitStatus, String, u64) {
        let mut child = self.command(arguments).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("the program starts");
        let status = format!("/proc/{}/status", child.id().expect("a running process has an id"));
        let (start, mut peak) = (Instant::now(), 0);
        while child.try_wait().expect("a process can be asked").is_none() {
            assert!(start.elapsed() < LONG, "hearback {} does not end", arguments.join(" "));
            let told = std::fs::read_to_string(&status).unwrap_or_default();
            let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
            peak = line.trim().trim_end_matches(" kB").parse().unwrap_or(peak).max(peak);
            sleep(LOOK).await;
        }
        let output = child.wait_with_output().await.expect("a child can be waited for");
        (output.status, String::from_utf8_lossy(&output.stdout).into_owned(), peak)
    }

    /// Brings the database up to date and makes a key that may do everything.
    pub async fn api_key(&self) -> String {
        let (status, text) = self.run(&["apikey", "create", "--name", "test", "--scope", "admin"]).await;
        assert!(status.success(), "apikey create: {text}");
        text.trim().to_owned()
    }

    /// What `hearback fsck` finds; empty when nothing is wrong.
    pub async fn fsck(&self) -> String {
        let (status, text) = self.run(&["fsck"]).await;
        if status.success() { String::new() } else { text }
    }

    /// Starts the server and waits until it says on its log where it listens.
    pub async fn start(&self) -> Server {
        std::fs::create_dir_all(&self.folder).expect("a writable folder");
        let log = (1..10_000).map(|n| self.folder.join(format!("server-{n}.log"))).find(|path| !path.exists()).expect("a free name");
        let file = File::create(&log).expect("a writable folder");
        let both = file.try_clone().expect("one more handle");
        let child = self.command(&["serve"]).stdout(file).stderr(both).spawn().expect("the program starts");
        let mut server = Server { child, address: SocketAddr::from(([127, 0, 0, 1], 0)), log };
        let start = Instant::now();
        server.address = loop {
            if let Some(address) = server.said("listens on http://").and_then(|text| text.parse().ok()) {
                break address;
            }
            let ended = server.child.try_wait().expect("a process can be asked");
            assert!(ended.is_none() && start.elapsed() < PATIENCE, "the server did not start ({ended:?}):\n{}", server.log());
            sleep(LOOK).await;
        };
        server
    }
}

/// A running server. Killed when it is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    log: PathBuf,
}

impl Server {
    /// Waits for `/readyz`.
    pub async fn ready(&self) {
        let is_ready = async || matches!(Connection::to(self.address).get("/readyz", "").await, Ok(answer) if answer.status == 200);
        until(PATIENCE, "the server is ready", is_ready).await;
    }

    /// Process id.
    pub fn id(&self) -> u32 {
        self.child.id().expect("a running process has an id")
    }

    /// Ends it at once, as a power cut would for the process: SIGKILL.
    pub async fn kill(mut self) {
        self.child.kill().await.expect("a child can be killed");
    }

    /// Sends a signal by name: `TERM`, `STOP`, `CONT`.
    pub async fn signal(&self, name: &str) {
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", self.id())]).status().await;
        assert!(sent.is_ok_and(|status| status.success()), "SIG{name} could not be sent");
    }

    /// Asks it to stop and waits for its end.
    pub async fn terminate(self) -> ExitStatus {
        self.signal("TERM").await;
        self.ended().await
    }

    /// Waits until it has ended by itself.
    pub async fn ended(mut self) -> ExitStatus {
        let log = self.log();
        let ended = timeout(PATIENCE, self.child.wait()).await;
        ended.unwrap_or_else(|_| panic!("the server does not end; its log:\n{log}")).expect("a child can be waited for")
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a process can be asked").is_some()
    }

    /// What it has written so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The rest of the first line with these words.
    fn said(&self, words: &str) -> Option<String> {
        let log = self.log();
        let (line, is_whole) = log.split_once(words)?.1.split_once('\n').map(|(line, _)| (line, true))?;
        is_whole.then(|| line.trim().to_owned())
    }
}
