//! A client that sends exactly what it is told, byte for byte, and reads replies strictly.

use super::DEADLINE;
use super::headers::unexpected_replied;
use super::wire::{Message, Side, Wire};
use palisade::reason::Reason;
use serde_json::Value;
use socket2::{Domain, Socket, Type};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a client waits for a reply that need not come.
const MOMENT: Duration = Duration::from_millis(100);

/// One connection, as a rule to the gate.
pub(crate) struct Connection {
    wire: Wire,
    /// Whether every header of a reply must be on the list.
    checked: bool,
}

/// A request in the making.
#[derive(Clone)]
pub(crate) struct Request {
    address: SocketAddr,
    method: String,
    target: String,
    host: Option<String>,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// A reply, read whole.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    /// The status.
    pub(crate) status: u16,
    /// Head, body and trailers as they came.
    pub(crate) message: Message,
}

impl Connection {
    /// Connects.
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::on(TcpStream::connect(address).expect("the gate accepts connections"))
    }

    fn on(stream: TcpStream) -> Self {
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a deadline can be set");
        stream.set_nodelay(true).expect("a socket can be tuned");
        Self {
            wire: Wire::new(stream),
            checked: true,
        }
    }

    /// Connects from another address of loopback: whoever is told apart by it is known by it.
    pub(crate) fn open_from(own: [u8; 4], address: SocketAddr) -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket can be made");
        let own = SocketAddr::from((own, 0)).into();
        socket.bind(&own).expect("all of 127/8 is loopback");
        let connected = socket.connect(&address.into());
        connected.expect("the gate accepts connections");
        Self::on(socket.into())
    }

    /// Connects to someone else, whose headers are its own affair.
    pub(crate) fn elsewhere(address: SocketAddr) -> Self {
        Self {
            checked: false,
            ..Self::open(address)
        }
    }

    /// Sends bytes as they are. A gate that has closed already is no failure here: its reply tells.
    pub(crate) fn send(&mut self, bytes: &[u8]) {
        let _ = self.wire.stream().write_all(bytes);
    }

    /// The stream itself, for who sends without end.
    pub(crate) fn stream(&mut self) -> TcpStream {
        let stream = self.wire.stream().try_clone();
        stream.expect("a stream can be cloned")
    }

    /// Goes away without a word: what is not sent is lost, and the gate is told by a reset.
    pub(crate) fn reset(mut self) {
        let stream = socket2::SockRef::from(&*self.wire.stream());
        stream
            .set_linger(Some(Duration::ZERO))
            .expect("a socket can be tuned");
    }

    /// Sends nothing more; the other direction stays open.
    pub(crate) fn finish(&mut self) {
        let _ = self.wire.stream().shutdown(Shutdown::Write);
    }

    /// Reads one reply to a request of `method`, passing over 1xx.
    pub(crate) fn reply(&mut self, method: &str) -> Reply {
        loop {
            let reply = self
                .read(method)
                .expect("the gate replies in time")
                .expect("the gate replies before it closes");
            if reply.status >= 200 {
                return reply;
            }
        }
    }

    /// Reads the next head of any status: 1xx too.
    pub(crate) fn next(&mut self, method: &str) -> Option<Reply> {
        self.read(method).expect("the gate replies in time")
    }

    /// The same, if the gate does not close first.
    pub(crate) fn try_next(&mut self, method: &str) -> Option<Reply> {
        self.read(method).ok().flatten()
    }

    /// Every reply until the gate closes. Half-closes only when no further reply comes for a moment:
    /// an earlier end of the stream would cancel what is still being answered.
    pub(crate) fn replies(&mut self) -> Vec<Reply> {
        let mut replies = Vec::new();
        let mut ended = false;
        loop {
            match self.read("GET") {
                Ok(Some(reply)) => replies.push(reply),
                Err(error) if !ended && is_timeout(&error) => {
                    self.finish();
                    ended = true;
                }
                _ => return replies,
            }
            let wait = if ended { DEADLINE } else { MOMENT };
            let stream = self.wire.stream();
            stream
                .set_read_timeout(Some(wait))
                .expect("a deadline can be set");
        }
    }

    /// Every byte up to the first `text`, and it; fails if the gate closes or waits before.
    pub(crate) fn until(&mut self, text: &str) -> String {
        let mut bytes = Vec::new();
        while !bytes.ends_with(text.as_bytes()) {
            let mut byte = [0];
            let read = self.wire.reader.read_exact(&mut byte);
            let seen = || String::from_utf8_lossy(&bytes).into_owned();
            read.unwrap_or_else(|error| panic!("no `{text}` ({error}) in: {}", seen()));
            bytes.push(byte[0]);
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Every byte until the gate closes; fails if it does not.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.wire.reader.read_to_end(&mut rest) {
            Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => {
                panic!("the gate does not close: {error}")
            }
            _ => rest,
        }
    }

    /// Fails unless the gate closes without another byte.
    pub(crate) fn closed(&mut self) {
        let mut rest = Vec::new();
        match self.wire.reader.read_to_end(&mut rest) {
            Ok(_) => assert!(
                rest.is_empty(),
                "more: {:?}",
                String::from_utf8_lossy(&rest)
            ),
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        }
    }

    fn read(&mut self, method: &str) -> std::io::Result<Option<Reply>> {
        let Some(mut message) = self.wire.head()? else {
            return Ok(None);
        };
        let status = message.start.split(' ').nth(1).unwrap_or_default();
        let status: u16 = status.parse().map_err(std::io::Error::other)?;
        let bodiless = method == "HEAD" || status < 200 || matches!(status, 204 | 304);
        let side = if bodiless {
            Side::Bodiless
        } else {
            Side::Reply
        };
        self.wire.body(&mut message, side)?;
        let unexpected =
            unexpected_replied(&message.headers).or_else(|| unexpected_replied(&message.trailers));
        assert!(
            unexpected.is_none() || !self.checked,
            "replied, and not on the list of headers: {unexpected:?}"
        );
        Ok(Some(Reply { status, message }))
    }
}

impl Request {
    /// A request with a `Host`, and nothing else.
    pub(crate) fn new(address: SocketAddr, method: &str, target: &str) -> Self {
        Self {
            address,
            method: method.to_owned(),
            target: target.to_owned(),
            host: Some(super::gate::HOST.to_owned()),
            headers: Vec::new(),
            body: None,
        }
    }

    /// Another `Host`.
    pub(crate) fn host(mut self, host: &str) -> Self {
        self.host = Some(host.to_owned());
        self
    }

    /// No `Host`.
    pub(crate) fn without_host(mut self) -> Self {
        self.host = None;
        self
    }

    /// One more header, exactly so.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `Authorization: Bearer`.
    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// A body with its `Content-Length`.
    pub(crate) fn body(mut self, body: &[u8]) -> Self {
        self.body = Some(body.to_vec());
        self
    }

    /// As it goes over the wire.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if let Some(host) = &self.host {
            text += &format!("host: {host}\r\n");
        }
        for (name, value) in &self.headers {
            text += &format!("{name}: {value}\r\n");
        }
        if let Some(body) = &self.body {
            text += &format!("content-length: {}\r\n", body.len());
        }
        text += "\r\n";
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(self.body.as_deref().unwrap_or_default());
        bytes
    }

    /// Sends it on a connection of its own.
    pub(crate) fn send(&self) -> Reply {
        self.send_on(&mut self.connect())
    }

    /// A connection to where it goes.
    pub(crate) fn connect(&self) -> Connection {
        Connection::open(self.address)
    }

    /// Sends it to someone who is not the gate.
    pub(crate) fn send_elsewhere(&self) -> Reply {
        self.send_on(&mut Connection::elsewhere(self.address))
    }

    /// Sends it on `connection`.
    pub(crate) fn send_on(&self, connection: &mut Connection) -> Reply {
        connection.send(&self.bytes());
        connection.reply(&self.method)
    }
}

impl Reply {
    /// The value of a header that stands there at most once.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.message.header(name)
    }

    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.message.body).into_owned()
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.message.body)
            .unwrap_or_else(|error| panic!("not JSON: {error}: {}", self.text()))
    }

    /// Fails unless it came from the upstream with that status.
    #[track_caller]
    pub(crate) fn allowed(&self, status: u16) {
        assert_eq!(self.status, status, "{}", self.text());
        let kind = self.header("content-type").unwrap_or_default();
        assert!(
            !kind.starts_with("application/problem+json"),
            "{}",
            self.text()
        );
    }

    /// Fails unless it is the gate's refusal for exactly that reason, in its whole form.
    #[track_caller]
    pub(crate) fn refused(&self, reason: Reason) {
        let problem = self.json();
        assert_eq!(problem["code"], reason.code(), "{problem}");
        assert_eq!(self.status, reason.status());
        assert_eq!(
            self.header("content-type"),
            Some("application/problem+json")
        );
        assert_eq!(
            problem["type"],
            format!("urn:palisade:reason:{}", reason.code())
        );
        assert_eq!(problem["status"], reason.status());
        assert!(problem["title"].is_string(), "{problem}");
        assert!(problem["request_id"].is_string(), "{problem}");
        let cache = self.header("cache-control").unwrap_or_default();
        assert!(
            cache.contains("no-store"),
            "a refusal may be stored: {cache}"
        );
        let challenge = self.header("www-authenticate").unwrap_or_default();
        assert_eq!(
            challenge.starts_with("Bearer"),
            self.status == 401,
            "{challenge}"
        );
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}
