//! The product under load is a process of its own, so that its memory and its start can be told from the load's; and what a process takes.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use tokio::{
    net::TcpStream,
    process::{Child, Command},
};

use crate::{Place, load};

/// A running `hearback serve`.
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: String,
    /// From the start of the process to its first answer.
    pub ready: Duration,
}

impl Server {
    /// Starts this program on the place's database; mail is captured in the place's folder.
    pub async fn start(place: &Place, role: &str, mail: Option<&str>) -> anyhow::Result<Self> {
        let address = free_address().await?;
        let folder = place.folder.path();
        let captured = format!("file://{}/mail", folder.display());
        let started = Instant::now();
        let child = Command::new(std::env::current_exe().context("can't find this program's own file")?)
            .args(["serve", "--role", role])
            .env("HEARBACK_DATABASE__URL", &place.url)
            .env("HEARBACK_DATA__DIR", folder.join("data"))
            .env("HEARBACK_SERVER__BIND", &address)
            .env("HEARBACK_MAIL__URL", mail.unwrap_or(&captured))
            // Guard rails are for the unexpected; who measures expects many.
            .env("HEARBACK_LIMITS__MAILS_PER_PERSON_DAY", "1000")
            .env("HEARBACK_LIMITS__MAILS_PER_RULE_HOUR", "10000000")
            // All customers of a load come from one address.
            .env("HEARBACK_CALLS__SURVEY", "0")
            .env("HEARBACK_LOG__FILTER", "error")
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .kill_on_drop(true)
            .spawn()
            .context("can't start the server to be measured")?;
        let mut server = Self { child, address, ready: Duration::ZERO };
        server.wait(started).await?;
        Ok(server)
    }

    async fn wait(&mut self, started: Instant) -> anyhow::Result<()> {
        while started.elapsed() < Duration::from_secs(30) {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server to be measured ended at once: {status}");
            }
            if load::get_ok(&self.address, "/readyz").await {
                self.ready = started.elapsed();
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        bail!("the server to be measured was not ready within 30 s")
    }

    /// Resident memory in MiB: now, and at its peak.
    pub fn memory(&self) -> Option<(f64, f64)> {
        memory(&self.child.id()?.to_string())
    }

    /// Ends it.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }
}

/// Resident memory of a process in MiB: now, and at its peak.
fn memory(process: &str) -> Option<(f64, f64)> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok().map(|kib| kib / 1024.0)
    };
    Some((field("VmRSS:")?, field("VmHWM:")?))
}

/// What this process took before, for filling above all, does not count.
pub fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// The most memory that this process took since then, for people.
pub fn peak() -> Option<String> {
    memory("self").map(|(_, peak)| format!("resident memory at its peak: {peak:.1} MiB"))
}

async fn free_address() -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    Ok(listener.local_addr()?.to_string())
}

/// A connection without Nagle's pause.
pub async fn connect(address: &str) -> anyhow::Result<TcpStream> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
