//! Load that does not wait for answers to send more (open loop), from connections that are kept, and that
//! looks at every reply: a request that fails, or gets somebody else's answer, is a failure.

use crate::support::gate::HOST;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Connections that are kept.
const CONNECTIONS: u32 = 32;

/// How long one request may take. A client of flesh has gone by then.
const PATIENCE: Duration = Duration::from_secs(10);

/// How many failures are told.
const TOLD_MAX: usize = 10;

/// Load under way.
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Seen>>,
    begun: Instant,
}

/// What one or all clients saw.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) sent: usize,
    pub(crate) failures: Vec<String>,
    took: Vec<Duration>,
    /// How often a reply asked to come back on another connection.
    pub(crate) asked_to_leave: usize,
}

/// One client and its connection.
struct Client {
    address: SocketAddr,
    token: String,
    connection: Option<BufReader<TcpStream>>,
    seen: Seen,
}

impl Load {
    /// So many requests a second, to `address`.
    pub(crate) fn start(address: SocketAddr, token: &str, per_second: u32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let pause = Duration::from_secs(1) * CONNECTIONS / per_second;
        let begun = Instant::now();
        let client = |number: u32| {
            let mut client = Client {
                address,
                token: token.to_owned(),
                connection: None,
                seen: Seen::default(),
            };
            let stop = Arc::clone(&stop);
            let first = begun + pause * number / CONNECTIONS;
            thread::spawn(move || {
                for at in 0.. {
                    let due = first + pause * at;
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    client.ask(&format!("/app/v1/missions?n={number}-{at}"), due);
                }
                client.seen
            })
        };
        Self {
            clients: (0..CONNECTIONS).map(client).collect(),
            stop,
            begun,
        }
    }

    /// Ends it, and fails unless every request got its own answer.
    pub(crate) fn all_good(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Seen::default();
        for client in self.clients {
            let seen = client.join().expect("a client does not panic");
            all.sent += seen.sent;
            all.asked_to_leave += seen.asked_to_leave;
            all.failures.extend(seen.failures);
            all.took.extend(seen.took);
        }
        let lasted = self.begun.elapsed().as_secs_f64();
        let times = all.times();
        super::tell(&format!("{} requests in {lasted:.1} s: {times}", all.sent));
        let told = &all.failures[..all.failures.len().min(TOLD_MAX)];
        assert!(
            all.failures.is_empty(),
            "{} of {} failed: {told:#?}",
            all.failures.len(),
            all.sent
        );
        assert!(all.sent > 0, "nothing was asked");
        all
    }
}

impl Seen {
    fn times(&mut self) -> String {
        self.took.sort_unstable();
        let last = self.took.len().saturating_sub(1);
        let part = |of: usize| self.took.get(last * of / 1000).copied().unwrap_or_default();
        format!(
            "median {:?}, 99.9% {:?}, longest {:?}",
            part(500),
            part(999),
            part(1000)
        )
    }
}

impl Client {
    fn ask(&mut self, target: &str, due: Instant) {
        self.seen.sent += 1;
        if let Err(error) = self.answered(target) {
            self.connection = None;
            self.seen.failures.push(format!("{target}: {error}"));
        }
        self.seen.took.push(due.elapsed());
    }

    /// Sends one request, and fails unless its own answer comes.
    fn answered(&mut self, target: &str) -> Result<(), String> {
        let kept = self.connection.is_some();
        let told = |what: &str| {
            let kept = if kept { "kept" } else { "new" };
            format!("{what} ({kept} connection)")
        };
        let mut connection = match self.connection.take() {
            Some(kept) => kept,
            None => self
                .connect()
                .map_err(|error| told(&format!("connect: {error}")))?,
        };
        let request = format!(
            "GET {target} HTTP/1.1\r\nhost: {HOST}\r\nauthorization: Bearer {}\r\n\r\n",
            self.token
        );
        let sent = connection.get_mut().write_all(request.as_bytes());
        sent.map_err(|error| told(&format!("send: {error}")))?;
        let (status, close, body) =
            read(&mut connection).map_err(|error| told(&format!("reply: {error}")))?;
        if status != 200 || body != target.as_bytes() {
            let body = String::from_utf8_lossy(&body);
            return Err(told(&format!("{status}: {body}")));
        }
        if close {
            self.seen.asked_to_leave += 1;
        } else {
            self.connection = Some(connection);
        }
        Ok(())
    }

    fn connect(&self) -> std::io::Result<BufReader<TcpStream>> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Ok(BufReader::new(stream))
    }
}

/// Status, whether the connection ends, and the body.
fn read(connection: &mut BufReader<TcpStream>) -> std::io::Result<(u16, bool, Vec<u8>)> {
    let (mut status, mut length, mut close) = (0, 0, false);
    for at in 0.. {
        let mut line = String::new();
        if connection.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        let line = line.trim_end().to_ascii_lowercase();
        if at == 0 {
            let code = line.split(' ').nth(1).unwrap_or_default();
            status = code.parse().map_err(std::io::Error::other)?;
        } else if let Some(text) = line.strip_prefix("content-length:") {
            length = text.trim().parse().map_err(std::io::Error::other)?;
        } else if line.is_empty() {
            break;
        }
        close |= line == "connection: close";
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok((status, close, body))
}
