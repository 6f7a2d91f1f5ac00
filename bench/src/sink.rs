//! A mail server that accepts everything and remembers when each marked mail was taken over.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use anyhow::Context as _;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

/// What stands before the number of a marked mail.
pub const MARK: &str = "alert-";

/// A running mail server; ends with the process.
pub struct Sink {
    /// `smtp://HOST:PORT`.
    pub url: String,
    taken: Arc<Mutex<HashMap<u64, Instant>>>,
}

impl Sink {
    /// Starts on a free port.
    pub async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("no free port for the mail sink")?;
        let sink = Self { url: format!("smtp://{}", listener.local_addr()?), taken: Arc::default() };
        let taken = Arc::clone(&sink.taken);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let taken = Arc::clone(&taken);
                tokio::spawn(async move {
                    // A client that hangs up is no failure.
                    let _ = serve(stream, &taken).await;
                });
            }
        });
        Ok(sink)
    }

    /// When the mails were taken over, by their number.
    pub fn taken(&self) -> HashMap<u64, Instant> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn serve(mut stream: TcpStream, taken: &Mutex<HashMap<u64, Instant>>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read);
    write.write_all(b"220 sink\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let reply: &[u8] = match line.get(..4).unwrap_or_default().to_ascii_uppercase().as_str() {
            "EHLO" => b"250-sink\r\n250-8BITMIME\r\n250 PIPELINING\r\n",
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let number = read_mail(&mut lines).await?;
                if let Some(number) = number {
                    taken.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_insert_with(Instant::now);
                }
                b"250 taken\r\n"
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 ok\r\n",
        };
        write.write_all(reply).await?;
    }
}

/// Reads a mail to its end; the first number behind a [`MARK`].
async fn read_mail<R: tokio::io::AsyncBufRead + Unpin>(lines: &mut R) -> std::io::Result<Option<u64>> {
    let (mut found, mut line) = (None, String::new());
    loop {
        line.clear();
        if lines.read_line(&mut line).await? == 0 || line == ".\r\n" {
            return Ok(found);
        }
        let number = |(_, rest): (&str, &str)| rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok();
        found = found.or_else(|| line.split_once(MARK).and_then(number));
    }
}
