//! A server that says byte for byte what a test wants, however wrong that is, and remembers what it was asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What is said in answer to a request. The connection is closed behind it.
#[derive(Clone)]
pub enum Reply {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These bytes, then those again and again, so many times.
    Repeated(Vec<u8>, Vec<u8>, u64),
    /// These bytes, then those so many times, then the last ones.
    Between(Vec<u8>, Vec<u8>, u64, Vec<u8>),
    /// These bytes, and then nothing, with the connection open until the other side closes it.
    Silence(Vec<u8>),
}

/// A whole answer.
pub fn ok(headers: &str, body: &[u8]) -> Reply {
    let head = format!(
        "HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    Reply::Bytes([head.as_bytes(), body].concat())
}

/// A whole answer whose body comes byte by byte, of so many thousands of them.
pub fn byte_by_byte(thousands: u64) -> Reply {
    let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n";
    let piece = b"1\r\nx\r\n".repeat(1000);
    Reply::Between(head.to_vec(), piece, thousands, b"0\r\n\r\n".to_vec())
}

/// The server. It stops when the test's runtime does.
pub struct RawServer {
    port: u16,
    opened: Arc<AtomicUsize>,
    open: Arc<AtomicUsize>,
    most_open: Arc<AtomicUsize>,
    heads: Arc<Mutex<Vec<String>>>,
}

impl RawServer {
    /// Starts a server on this machine.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start(reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        Self::on("127.0.0.1:0", reply).await
    }

    /// Starts a server at an address.
    ///
    /// # Panics
    /// Where it is taken.
    pub async fn on(address: &str, reply: impl Fn(&str) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let server = Self {
            port,
            opened: Arc::default(),
            open: Arc::default(),
            most_open: Arc::default(),
            heads: Arc::default(),
        };
        let (opened, heads) = (Arc::clone(&server.opened), Arc::clone(&server.heads));
        let (open, most_open) = (Arc::clone(&server.open), Arc::clone(&server.most_open));
        let reply = Arc::new(reply);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                opened.fetch_add(1, Ordering::SeqCst);
                let (heads, reply) = (Arc::clone(&heads), Arc::clone(&reply));
                let here = Here::come(&open, &most_open);
                tokio::spawn(async move {
                    let _here = here;
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        head.push(stream.read_u8().await?);
                    }
                    let head = String::from_utf8_lossy(&head).into_owned();
                    let said = reply(&head);
                    heads
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(head);
                    match said {
                        Reply::Bytes(bytes) => stream.write_all(&bytes).await?,
                        Reply::Repeated(first, piece, times) => {
                            stream.write_all(&first).await?;
                            for _ in 0..times {
                                stream.write_all(&piece).await?;
                            }
                        }
                        Reply::Between(first, piece, times, last) => {
                            stream.write_all(&first).await?;
                            for _ in 0..times {
                                stream.write_all(&piece).await?;
                            }
                            stream.write_all(&last).await?;
                        }
                        Reply::Silence(bytes) => {
                            stream.write_all(&bytes).await?;
                            while stream.read(&mut [0; 64]).await? > 0 {}
                        }
                    }
                    stream.shutdown().await
                });
            }
        });
        server
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How many connections were opened to it.
    pub fn opened(&self) -> usize {
        self.opened.load(Ordering::SeqCst)
    }

    /// The most connections that were open at once.
    pub fn most_open(&self) -> usize {
        self.most_open.load(Ordering::SeqCst)
    }

    /// The heads of the requests that came.
    pub fn heads(&self) -> Vec<String> {
        self.heads
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// One connection that is open.
struct Here(Arc<AtomicUsize>);

impl Here {
    fn come(open: &Arc<AtomicUsize>, most: &AtomicUsize) -> Self {
        let now = open.fetch_add(1, Ordering::SeqCst) + 1;
        most.fetch_max(now, Ordering::SeqCst);
        Self(Arc::clone(open))
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
