//! Somebody else's site: one page on an origin of its own, under a content security policy of its own.

#![expect(clippy::expect_used, clippy::missing_panics_doc, reason = "a test whose site does not answer must fail loudly")]

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use tokio_util::sync::{CancellationToken, DropGuard};

/// A place for a site, whose origin is known before its page.
#[derive(Debug)]
pub struct Plot {
    socket: TcpListener,
    origin: String,
}

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Site {
    origin: String,
    _stop: DropGuard,
}

impl Plot {
    /// Takes a port; nothing is answered before [`Plot::show`].
    pub async fn reserve() -> Self {
        let socket = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let origin = format!("http://127.0.0.1:{}", socket.local_addr().expect("a bound port has an address").port());
        Self { socket, origin }
    }

    /// Shows this page, whatever is asked for.
    pub fn show(self, policy: &str, html: &str) -> Site {
        let Self { socket, origin } = self;
        let head = format!(
            "HTTP/1.1 200 OK\r\ncontent-type: text/html; charset=utf-8\r\ncontent-security-policy: {policy}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            html.len()
        );
        let page = head + html;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        tokio::spawn(async move {
            while let Some(Ok((stream, _))) = stopped.run_until_cancelled(socket.accept()).await {
                // A browser that hangs up is no trouble of the site's.
                let _ = answer(stream, &page).await;
            }
        });
        Site { origin, _stop: stop.drop_guard() }
    }

    /// What browsers send as its origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

impl Site {
    /// What browsers send as its origin.
    pub fn origin(&self) -> &str {
        &self.origin
    }
}

async fn answer(mut stream: TcpStream, page: &str) -> std::io::Result<()> {
    let (mut head, mut buffer) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            read => head.extend(buffer.iter().take(read)),
        }
    }
    stream.write_all(page.as_bytes()).await?;
    stream.shutdown().await
}
