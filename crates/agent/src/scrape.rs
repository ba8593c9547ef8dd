//! Where Prometheus fetches the numbers: HTTP/1.1, one answer for each connection.
#![forbid(unsafe_code)]

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::metrics::text;
use crate::serve::Agent;

/// Where the numbers are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MetricsAt {
    /// A Unix socket, for its owner alone.
    Unix(PathBuf),
    /// A port of this machine's own address.
    Loopback(SocketAddr),
}

impl FromStr for MetricsAt {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return match path.is_absolute() {
                true => Ok(Self::Unix(path)),
                false => Err("the socket's path is not absolute"),
            };
        }
        let address: SocketAddr = text
            .parse()
            .map_err(|_| "it is neither unix:PATH nor ADDRESS:PORT")?;
        if !address.ip().is_loopback() {
            return Err("others could reach it; use 127.0.0.1, [::1] or unix:PATH");
        }
        Ok(Self::Loopback(address))
    }
}

/// An open door for scrapers.
#[derive(Debug)]
pub(crate) enum Door {
    Unix(UnixListener),
    Loopback(TcpListener),
}

/// Scrapers at once, the longest request in bytes, and how long one may take.
const SCRAPERS: usize = 16;
const LONGEST: usize = 8 << 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves the numbers for ever.
pub(crate) async fn serve(agent: Arc<Agent>, door: Door) {
    let places = Arc::new(Semaphore::new(SCRAPERS));
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        let agent = Arc::clone(&agent);
        let accepted = match &door {
            Door::Unix(door) => door.accept().await.map(|(stream, _)| {
                tokio::spawn(async move {
                    let _ = timeout(PATIENCE, answer(agent, stream)).await;
                    drop(place);
                })
            }),
            Door::Loopback(door) => door.accept().await.map(|(stream, _)| {
                tokio::spawn(async move {
                    let _ = timeout(PATIENCE, answer(agent, stream)).await;
                    drop(place);
                })
            }),
        };
        if accepted.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn answer(
    agent: Arc<Agent>,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut request = Vec::new();
    let mut piece = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let count = stream.read(&mut piece).await?;
        if count == 0 || request.len() > LONGEST {
            return Ok(());
        }
        request.extend_from_slice(piece.get(..count).unwrap_or_default());
    }
    let line = request.split(|byte| *byte == b'\r').next();
    let mut words = line.unwrap_or_default().split(|byte| *byte == b' ');
    let (status, kind, body) = match (words.next(), words.next()) {
        (Some(b"GET"), Some(b"/metrics")) => (
            "200 OK",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            text(&agent),
        ),
        (Some(b"GET"), _) => ("404 Not Found", "text/plain", "see /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "text/plain", String::new()),
    };
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(body.as_bytes()).await?;
    stream.shutdown().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_served_on_this_machine_alone() {
        for good in ["unix:/run/m.sock", "127.0.0.1:9000", "[::1]:9000"] {
            assert!(good.parse::<MetricsAt>().is_ok(), "{good}");
        }
        for bad in [
            "0.0.0.0:9000",
            "10.0.0.1:9000",
            "[::]:1",
            "unix:m",
            "9000",
            "",
        ] {
            assert!(bad.parse::<MetricsAt>().is_err(), "{bad}");
        }
    }
}
