//! Bytes to and from a server: plain or TLS, each step with its limit, nothing read without a bound.
//!
//! Refuses to know what the bytes mean, except where one reply ends.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream, rustls::ClientConfig, rustls::pki_types::ServerName};

use super::{
    fail::Cause,
    limits::Limits,
    reply::{Parsed, Reply, parse},
};

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// One connection's bytes.
#[derive(Debug)]
pub(super) struct Wire {
    stream: Stream,
    /// What has come and was not read yet.
    buffer: Vec<u8>,
}

impl Wire {
    /// Dials. Small writes go out at once: without that each mail would wait for a delayed acknowledgement.
    pub(super) async fn dial(host: &str, port: u16, limits: &Limits) -> Result<Self, Cause> {
        let dial = TcpStream::connect((host, port));
        let stream = within(limits.connect, async { dial.await.map_err(|error| Cause::Io(error.kind())) }).await?;
        stream.set_nodelay(true).map_err(|error| Cause::Io(error.kind()))?;
        Ok(Self { stream: Stream::Plain(stream), buffer: Vec::new() })
    }

    /// The TLS handshake. Whatever the server said in the clear before it must be read by now: a leftover was
    /// put there by someone between us and the server, to be taken for the server's words after the handshake.
    pub(super) async fn encrypt(self, host: &str, tls: &Arc<ClientConfig>, limits: &Limits) -> Result<Self, Cause> {
        if !self.buffer.is_empty() {
            return Err(Cause::Tls("there was plaintext behind the reply to STARTTLS; someone may be listening in".to_owned()));
        }
        let Stream::Plain(stream) = self.stream else { return Err(Cause::Tls("the connection is encrypted already".to_owned())) };
        let name = ServerName::try_from(host.to_owned()).map_err(|_| Cause::Tls(format!("`{host}` is not a server name")))?;
        let handshake = TlsConnector::from(Arc::clone(tls)).connect(name, stream);
        let stream = within(limits.connect, async { handshake.await.map_err(|error| Cause::Tls(error.to_string())) }).await?;
        Ok(Self { stream: Stream::Tls(Box::new(stream)), buffer: Vec::new() })
    }

    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self.stream, Stream::Tls(_))
    }

    /// True when something has come that nobody asked for: a server's good-bye, for example.
    pub(super) fn has_leftover(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// Writes and flushes, within `limit`.
    pub(super) async fn send(&mut self, bytes: &[u8], limit: Duration) -> Result<(), Cause> {
        self.send_counted(bytes, limit, &mut 0).await
    }

    /// The same; of what `sent` does not count, nothing can have arrived, however this ends.
    pub(super) async fn send_counted(&mut self, bytes: &[u8], limit: Duration, sent: &mut usize) -> Result<(), Cause> {
        let write = async {
            while let Some(rest) = bytes.get(*sent..).filter(|rest| !rest.is_empty()) {
                let taken = match &mut self.stream {
                    Stream::Plain(stream) => stream.write(rest).await?,
                    Stream::Tls(stream) => stream.write(rest).await?,
                };
                if taken == 0 {
                    return Err(std::io::ErrorKind::WriteZero.into());
                }
                *sent += taken;
            }
            match &mut self.stream {
                Stream::Plain(_) => Ok(()),
                Stream::Tls(stream) => stream.flush().await,
            }
        };
        within(limit, async { write.await.map_err(|error: std::io::Error| Cause::Io(error.kind())) }).await
    }

    /// Reads one reply, within `limit` as a whole: a server that dribbles gets no more time than a silent one.
    pub(super) async fn reply(&mut self, limits: &Limits, limit: Duration) -> Result<Reply, Cause> {
        within(limit, self.read_reply(limits)).await
    }

    async fn read_reply(&mut self, limits: &Limits) -> Result<Reply, Cause> {
        loop {
            match parse(&self.buffer, limits) {
                Parsed::Whole(reply, used) => {
                    self.buffer.drain(..used);
                    return Ok(reply);
                }
                Parsed::Broken(why) => return Err(Cause::Protocol(why.to_owned())),
                Parsed::Partial => {}
            }
            let mut chunk = [0; 1024];
            let read = match &mut self.stream {
                Stream::Plain(stream) => stream.read(&mut chunk).await,
                Stream::Tls(stream) => stream.read(&mut chunk).await,
            };
            match read {
                Ok(0) => return Err(Cause::Closed),
                Ok(count) => self.buffer.extend_from_slice(chunk.get(..count).unwrap_or_default()),
                // A peer that leaves without the TLS good-bye has left all the same.
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Err(Cause::Closed),
                Err(error) => return Err(Cause::Io(error.kind())),
            }
        }
    }
}

async fn within<T>(limit: Duration, work: impl Future<Output = Result<T, Cause>>) -> Result<T, Cause> {
    timeout(limit, work).await.unwrap_or(Err(Cause::Timeout(limit)))
}
